#pragma once

#include "checks.hpp"
#include "dense.hpp"

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
  SparseView<T> rows;                               // the caller's; of a dense matrix the sizes and values
  SparseView<T> columns;                            // transposed
  std::vector<std::shared_ptr<const void>> memory;  // of what is not the caller's
  bool is_dense = false;

  DenseView<T> dense() const { return {rows.rows, variables, rows.values}; }
};

inline Argument index_argument(const char* name, const Indices& indices) {
  return {name, indices.data, indices.count, 1, 1, 1, indices.wide ? 8 : 4, false};
}

/// Throws ShapeError or MemorySpaceError.
template <class T>
void require_dense(const Executor& executor, const char* call, const DenseRows<T>& rows);

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

/// The first row that each part has something of, and then all rows; of a matrix in the host's memory.
template <class T>
std::vector<std::int64_t> rows_of_parts(const SparseView<T>& matrix) {
  const std::int64_t parts = sparse_parts(matrix.rows, matrix.entries);
  std::vector<std::int64_t> first;
  first.reserve(static_cast<std::size_t>(parts) + 1);
  std::int64_t row = 0;
  for (std::int64_t part = 0; part < parts; ++part) {
    while (row < matrix.rows && matrix.start(row + 1) + row < part * part_items) ++row;  // whose ends come before
    first.push_back(row);
  }
  first.push_back(matrix.rows);
  return first;
}

/// Enqueues a product, with the executor's workspace.
template <class T>
void multiply(const Executor& executor, const SparseProduct<T>& product);

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
