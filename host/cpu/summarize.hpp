#pragma once

#include <nabla/detail/statistics.hpp>
#include <nabla/lanes.hpp>

namespace nabla::detail::cpu {

/// Accumulates the statistics of one chunk, a running summary per SIMD lane.
template <class T>
class ChunkSummary {
 public:
  /// Adds the points of one tile. Row 0 of the tile is the value, rows 1 … n the gradient; `first` is the position of
  /// the tile's first point in the batch. Rows may be read up to the next multiple of 16 points.
  void add(const T* tile, std::int64_t n, std::int64_t stride, std::int64_t points, std::int64_t first);

  /// Folds the lanes, in their order.
  Statistics<double> total() const;

 private:
  Statistics<Lanes<double>> lanes_ = Statistics<Lanes<double>>::none();
};
extern template class ChunkSummary<float>;
extern template class ChunkSummary<double>;

}  // namespace nabla::detail::cpu
