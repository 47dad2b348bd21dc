#include "summarize.hpp"

#include <nabla/detail/cpu_tile.hpp>

#include <algorithm>
#include <cstring>

namespace nabla::detail::cpu {

namespace {

using X = Lanes<double>;
using Mask = Math<X>::Mask;
constexpr std::int64_t width = X::size;

X lane_numbers() {
  alignas(X) double numbers[width];
  for (std::int64_t lane = 0; lane < width; ++lane) numbers[lane] = static_cast<double>(lane);
  return X::load_aligned(numbers);
}

/// A function that passes each component of the gradient at points p, p + 1, … to its argument. N is their number
/// where it is small, so that they stay in registers; -1 is any.
template <int N, class T>
auto components(const ResultRows<T>& tile, std::int64_t p) {
  return [n = N >= 0 ? N : tile.n, row = tile.gradient + p, stride = tile.stride](auto use) {
    for (std::int64_t i = 0; i < n; ++i) use(load_wide(row + i * stride));
  };
}

/// The largest lane, in all lanes.
X largest_lane(const X& x) {
  alignas(X) double numbers[width];
  x.store_aligned(numbers);
  return X(*std::max_element(numbers, numbers + width));
}

}  // namespace

template <class T>
bool ThreadSummary<T>::accept(const Extent<X>& run, std::int64_t points) {
  const Mask expected = run.probe() == X(0.0) && run.min == min_ && run.max == max_ && run.steepest == steepest_;
  if (points % width != 0 || !xsimd::all(expected)) return false;
  lanes_.finite += X(static_cast<double>(points / width));
  lanes_.totals.merge(run.totals);
  return true;
}

/// Adds a tile as a run of its own. Where accept() would do, sums have the same bits as there.
template <class T>
template <int N>
void ThreadSummary<T>::add_tile(const ResultRows<T>& tile, std::int64_t points, std::int64_t first) {
  if (points % width == 0) {
    Extent<X> run = begin_tile();
    for (std::int64_t p = 0; p < points; p += width) run.add(load_wide(tile.value + p), components<N>(tile, p));
    if (accept(run, points)) return;
  }
  const X zero(0.0);
  const X end(static_cast<double>(first + points));
  X position = X(static_cast<double>(first)) + lane_numbers();
  Statistics<X> run = Statistics<X>::none();
  for (std::int64_t p = 0; p < points; p += width) {
    const X value = load_wide(tile.value + p);
    const auto gradient = components<N>(tile, p);
    X finite = value * zero;  // 0, or NaN if anything added to it is not finite
    gradient([&](const X& component) { finite = finite + component * zero; });
    const Mask is_finite = finite == zero, counts = position < end;
    run.add(position, value, gradient, is_finite && counts);
    run.add_nonfinite(position, !is_finite && counts);
    position = position + X(static_cast<double>(width));
  }
  lanes_.merge(run);
  min_ = -largest_lane(-lanes_.min.value);
  max_ = largest_lane(lanes_.max.value);
  steepest_ = largest_lane(lanes_.steepest.value);
}

template <class T>
void ThreadSummary<T>::add(const ResultRows<T>& tile, std::int64_t points, std::int64_t first) {
  const auto add = [&](auto n) { add_tile<n>(tile, points, first); };
  switch (tile.n) {
    case 0:
      return add(std::integral_constant<int, 0>());
    case 1:
      return add(std::integral_constant<int, 1>());
    case 2:
      return add(std::integral_constant<int, 2>());
    case 3:
      return add(std::integral_constant<int, 3>());
    case 4:
      return add(std::integral_constant<int, 4>());
    default:
      return add(std::integral_constant<int, -1>());
  }
}

template <class T>
Statistics<double> ThreadSummary<T>::end_chunk() {
  constexpr std::size_t fields = sizeof(Statistics<double>) / sizeof(double);
  static_assert(sizeof(lanes_) == fields * sizeof(X));
  double by_lane[width][fields];
  const X* const packs = reinterpret_cast<const X*>(&lanes_);
  for (std::size_t field = 0; field < fields; ++field) {
    alignas(X) double numbers[width];
    packs[field].store_aligned(numbers);
    for (std::int64_t lane = 0; lane < width; ++lane) by_lane[lane][field] = numbers[lane];
  }
  Statistics<double> all = Statistics<double>::none();
  for (const auto& lane : by_lane) {
    Statistics<double> one;
    std::memcpy(&one, lane, sizeof one);
    all.merge(one);
  }
  lanes_.finite = lanes_.nonfinite = X(0.0);
  lanes_.totals = Totals<X>::none();
  return all;
}

template class ThreadSummary<float>;
template class ThreadSummary<double>;

}  // namespace nabla::detail::cpu
