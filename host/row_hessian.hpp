#pragma once

#include <nabla/detail/row_hessian.hpp>
#include <nabla/row_sum.hpp>

#include <memory>
#include <variant>
#include <vector>

namespace nabla::detail {

/// What RowHessianView shows. Vectors are in the host's memory, `view` in the executor's.
template <class T, class Index>
struct RankedRows {
  std::vector<std::int64_t> column, entry_starts;
  std::vector<Index> others;
  RowHessianView<T, Index> view{};
  std::vector<std::shared_ptr<const void>> memory;  // of the view
};

template <class T>
struct RowHessian {
  std::shared_ptr<const SparsePattern> pattern;
  std::variant<RankedRows<T, std::int32_t>, RankedRows<T, std::int64_t>> ranked;
};

/// Where a Hessian's entries are in a pattern, in the executor's memory.
struct HessianPlaces {
  std::shared_ptr<const SparsePattern> pattern;
  Array<std::int64_t> places, mirrored;
};

}  // namespace nabla::detail
