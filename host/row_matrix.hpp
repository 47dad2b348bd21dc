#pragma once

#include <nabla/batch.hpp>
#include <nabla/detail/sparse_product.hpp>
#include <nabla/row_sum.hpp>

#include <memory>
#include <vector>

namespace nabla::detail {

template <class T>
struct RowMatrix {
  Executor executor;
  std::int64_t variables;
  std::int64_t index_bytes[2];                      // of the caller's starts and columns
  SparseView<T> rows;                               // the caller's
  SparseView<T> columns;                            // transposed
  std::vector<std::shared_ptr<const void>> memory;  // of what is not the caller's
};

/// Calls use(starts, columns) with the indices of a matrix in the host's memory.
template <class T, class Use>
void with_indices(const SparseView<T>& matrix, Use use) {
  const auto with_columns = [&](const auto* starts) {
    if (matrix.wide_columns) {
      use(starts, static_cast<const std::int64_t*>(matrix.columns));
    } else {
      use(starts, static_cast<const std::int32_t*>(matrix.columns));
    }
  };
  if (matrix.wide_starts) {
    with_columns(static_cast<const std::int64_t*>(matrix.starts));
  } else {
    with_columns(static_cast<const std::int32_t*>(matrix.starts));
  }
}

}  // namespace nabla::detail
