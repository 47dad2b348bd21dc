#include "../displace.hpp"

#include <nabla/detail/check_calls.hpp>

#include <algorithm>
#include <cmath>

namespace nabla::detail {

template <class T>
void read_points(const Executor& executor, const BatchView<const T>& from, std::span<double> to) {
  const auto put = [&](std::int64_t item, std::int64_t component, T number) {
    to[static_cast<std::size_t>(item * from.components + component)] = static_cast<double>(number);
  };
  if (!executor.is_cuda()) {
    for (std::int64_t p = 0; p < from.count; ++p) {
      for (std::int64_t i = 0; i < from.components; ++i) put(p, i, from(p, i));
    }
    return;
  }
  // Row by row, or point by point, whatever are fewer pieces of memory.
  const bool rows = from.components <= from.count;
  const std::int64_t pieces = rows ? from.components : from.count, length = rows ? from.count : from.components;
  const std::int64_t stride = rows ? from.item_stride : from.component_stride;
  const std::int64_t apart = rows ? from.component_stride : from.item_stride;
  std::vector<T> piece(static_cast<std::size_t>(length > 0 ? (length - 1) * std::abs(stride) + 1 : 0));
  for (std::int64_t k = 0; k < pieces && length > 0; ++k) {
    const T* const begin = from.data + k * apart + std::min<std::int64_t>(0, (length - 1) * stride);
    copy_bytes(executor, piece.data(), begin, piece.size() * sizeof(T));
    for (std::int64_t j = 0; j < length; ++j) {
      const T number = piece[static_cast<std::size_t>((stride < 0 ? length - 1 - j : j) * std::abs(stride))];
      rows ? put(j, k, number) : put(k, j, number);
    }
  }
}
template void read_points(const Executor&, const BatchView<const float>&, std::span<double>);
template void read_points(const Executor&, const BatchView<const double>&, std::span<double>);

template <class T>
double largest_difference(const Executor& executor, const T* a, const T* b, std::int64_t n) {
  return largest(executor, a, b, n);
}
template double largest_difference(const Executor&, const float*, const float*, std::int64_t);
template double largest_difference(const Executor&, const double*, const double*, std::int64_t);

template <class T>
LadderPlan<T> ladder_plan(const CheckOptions& options, double tolerance, const Precision& derivative) {
  // From steps as large as the coordinates to a few units in their last place: 2^-48 in f64.
  constexpr int span = std::numeric_limits<T>::digits - 5;
  LadderPlan<T> plan{};
  plan.step_count = options.steps;
  const int exponent = std::max(1, static_cast<int>(std::lround(static_cast<double>(span) / (options.steps - 1))));
  for (int k = 0; k < options.steps; ++k) plan.steps[k] = std::ldexp(T(1), exponent * (k + 1 - options.steps));
  plan.step_exponent = static_cast<T>(exponent);
  plan.corner_growth = std::exp2(T(1.5) * plan.step_exponent);
  plan.tolerance = static_cast<T>(tolerance);
  plan.floor = static_cast<T>(1024 * derivative.epsilon);
  plan.rounding = static_cast<T>(32 * derivative.epsilon);
  plan.epsilon = std::numeric_limits<T>::epsilon();
  plan.smallest = std::numeric_limits<T>::min();
  return plan;
}
template LadderPlan<float> ladder_plan(const CheckOptions&, double, const Precision&);
template LadderPlan<double> ladder_plan(const CheckOptions&, double, const Precision&);

}  // namespace nabla::detail
