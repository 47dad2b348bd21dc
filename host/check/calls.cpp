#include "../checks.hpp"
#include "../displace.hpp"

#include <nabla/detail/check_calls.hpp>

#include <algorithm>
#include <cmath>

namespace nabla::detail {

template <class T>
void require_points(const Executor& executor, const char* call, const BatchView<const T>& points) {
  Operation<T> operation{};
  operation.name = call;
  operation.dimension = points.components;
  Request<T> request{};
  request.points = points;
  check(executor, operation, request);
}
template void require_points(const Executor&, const char*, const BatchView<const float>&);
template void require_points(const Executor&, const char*, const BatchView<const double>&);

namespace {

/// Calls put(j, number) with numbers j * stride away from `first`, all of them copied at once.
template <class T, class Put>
void read_line(const Executor& executor, const T* first, std::int64_t count, std::int64_t stride, Put put) {
  if (count == 0) return;
  const std::int64_t before = std::min<std::int64_t>(0, (count - 1) * stride);
  std::vector<T> line(static_cast<std::size_t>((count - 1) * std::abs(stride) + 1));
  copy_bytes(executor, line.data(), first + before, line.size() * sizeof(T));
  for (std::int64_t j = 0; j < count; ++j) put(j, line[static_cast<std::size_t>(j * stride - before)]);
}

}  // namespace

template <class T>
void read_points(const Executor& executor, const BatchView<const T>& from, std::span<double> to) {
  const std::int64_t count = from.count, n = from.components;
  const auto put = [&](std::int64_t item, std::int64_t component, T number) {
    to[static_cast<std::size_t>(item * n + component)] = static_cast<double>(number);
  };
  if (!executor.is_cuda()) {
    for (std::int64_t p = 0; p < count; ++p) {
      for (std::int64_t i = 0; i < n; ++i) put(p, i, from(p, i));
    }
    return;
  }
  const std::int64_t item = from.item_stride, component = from.component_stride;
  if (component == 1 && item == n) {
    read_line(executor, from.data, count * n, 1, [&](std::int64_t k, T number) { put(k / n, k % n, number); });
  } else if (std::abs(item) <= std::abs(component)) {
    for (std::int64_t i = 0; i < n; ++i) {
      read_line(executor, from.data + i * component, count, item, [&](std::int64_t p, T number) { put(p, i, number); });
    }
  } else {
    for (std::int64_t p = 0; p < count; ++p) {
      read_line(executor, from.data + p * item, n, component, [&](std::int64_t i, T number) { put(p, i, number); });
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
  plan.floor = static_cast<T>(512 * derivative.epsilon);
  plan.rounding = static_cast<T>(32 * derivative.epsilon);
  plan.epsilon = std::numeric_limits<T>::epsilon();
  plan.smallest = std::numeric_limits<T>::min();
  return plan;
}
template LadderPlan<float> ladder_plan(const CheckOptions&, double, const Precision&);
template LadderPlan<double> ladder_plan(const CheckOptions&, double, const Precision&);

}  // namespace nabla::detail
