#include "summarize.hpp"

#include <cstring>

namespace nabla::detail::cpu {

namespace {

using X = Lanes<double>;
using Mask = Math<X>::Mask;
constexpr std::int64_t width = X::size;

/// Lanes of doubles from numbers of either precision.
X load_wide(const double* from) { return X::load_unaligned(from); }
X load_wide(const float* from) {
  alignas(X) double wide[width];
  for (std::int64_t lane = 0; lane < width; ++lane) wide[lane] = static_cast<double>(from[lane]);
  return X::load_aligned(wide);
}

X lane_numbers() {
  alignas(X) double numbers[width];
  for (std::int64_t lane = 0; lane < width; ++lane) numbers[lane] = static_cast<double>(lane);
  return X::load_aligned(numbers);
}

/// The points of one tile as a run of their own, merged into the lanes' statistics. N is the number of gradient rows
/// where it is small, so that they stay in registers; -1 is any.
template <int N, class T>
void merge_run(Statistics<X>& lanes, const T* tile, std::int64_t rows, std::int64_t stride, std::int64_t points,
               std::int64_t first) {
  const std::int64_t n = N >= 0 ? N : rows;
  const X zero(0.0);
  const X end(static_cast<double>(first + points));
  X position = X(static_cast<double>(first)) + lane_numbers();
  Statistics<X> run = Statistics<X>::none();
  for (std::int64_t p = 0; p < points; p += width) {
    const X value = load_wide(tile + p);
    const T* const gradient_rows = tile + stride + p;
    const auto gradient = [&](auto use) {
      for (std::int64_t i = 0; i < n; ++i) use(load_wide(gradient_rows + i * stride));
    };
    X finite = value * zero;  // 0, or NaN if anything added to it is not finite
    gradient([&](const X& component) { finite = finite + component * zero; });
    const Mask is_finite = finite == zero;
    if (p + width <= points && xsimd::all(is_finite)) {
      run.add(position, value, gradient, Everywhere());
    } else {
      const Mask counts = position < end;
      run.add(position, value, gradient, is_finite && counts);
      run.add_nonfinite(position, !is_finite && counts);
    }
    position = position + X(static_cast<double>(width));
  }
  lanes.merge(run);
}

}  // namespace

template <class T>
void ChunkSummary<T>::add(const T* tile, std::int64_t n, std::int64_t stride, std::int64_t points, std::int64_t first) {
  const auto merge = [&](auto rows) { merge_run<rows>(lanes_, tile, n, stride, points, first); };
  switch (n) {
    case 0:
      return merge(std::integral_constant<int, 0>());
    case 1:
      return merge(std::integral_constant<int, 1>());
    case 2:
      return merge(std::integral_constant<int, 2>());
    case 3:
      return merge(std::integral_constant<int, 3>());
    case 4:
      return merge(std::integral_constant<int, 4>());
    default:
      return merge(std::integral_constant<int, -1>());
  }
}

template <class T>
Statistics<double> ChunkSummary<T>::total() const {
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
  return all;
}

template class ChunkSummary<float>;
template class ChunkSummary<double>;

}  // namespace nabla::detail::cpu
