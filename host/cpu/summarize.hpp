#pragma once

#include <nabla/detail/statistics.hpp>
#include <nabla/lanes.hpp>

namespace nabla::detail::cpu {

/// Values of neighbouring points, and the n rows of their gradients.
template <class T>
struct ResultRows {
  const T* value;
  const T* gradient;
  std::int64_t n;
  std::int64_t stride;
};

/// Accumulates the statistics of the chunks that one thread runs, a running summary per SIMD lane.
template <class T>
class ThreadSummary {
 public:
  /// What a tile's run begins with ...
  Extent<Lanes<double>> begin_tile() const { return {Totals<X>::none(), min_, max_, steepest_}; }

  /// ... and whether that run is all there is to know about its points, which is then added: it is unless one of them
  /// is not finite, or is lower, higher or steeper than all before, so that its position counts.
  bool accept(const Extent<Lanes<double>>& run, std::int64_t points);

  /// Adds the points of one tile; `first` is the position of its first point in the batch. Rows are read up to the next
  /// whole SIMD pack.
  void add(const ResultRows<T>& tile, std::int64_t points, std::int64_t first);

  /// Ends a chunk: folds the lanes, in their order, and begins the next chunk's sums. Extremes stay: a chunk may report
  /// one that an earlier chunk of the thread has, which changes no summary.
  Statistics<double> end_chunk();

 private:
  using X = Lanes<double>;
  template <int N>
  void add_tile(const ResultRows<T>& tile, std::int64_t points, std::int64_t first);

  Statistics<X> lanes_ = Statistics<X>::none();
  // The extremes over all lanes.
  X min_ = lanes_.min.value, max_ = lanes_.max.value, steepest_ = lanes_.steepest.value;
};
extern template class ThreadSummary<float>;
extern template class ThreadSummary<double>;

}  // namespace nabla::detail::cpu
