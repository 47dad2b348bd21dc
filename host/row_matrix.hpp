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

/// What is in an executor's memory, in the host's: where it is, or as a copy.
class OnHost {
 public:
  OnHost(const Executor& executor, const void* from, std::int64_t bytes) : data_(from) {
    if (!executor.is_cuda()) return;
    copy_.resize(static_cast<std::size_t>(bytes + 7) / 8);  // 8 bytes each: aligned for all that is read
    copy_bytes(executor, copy_.data(), from, static_cast<std::size_t>(bytes));
    data_ = copy_.data();
  }
  const void* data() const { return data_; }

 private:
  std::vector<std::int64_t> copy_;
  const void* data_;
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
