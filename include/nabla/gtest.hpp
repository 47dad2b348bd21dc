#pragma once

#include <nabla/check.hpp>
#include <nabla/check_objective.hpp>

#include <gtest/gtest.h>

// Gradient checks for tests with GoogleTest:
//     EXPECT_GRADIENT(MyFunction{}, points);                        // points: nabla::Points<double> or <float>
//     EXPECT_GRADIENT(MyFunction{}, points, {.tolerance = 1e-6}) << "after " << steps << " steps";
//     EXPECT_GRADIENT(MyFunction{}, MyGradient{}, points);          // a gradient from elsewhere
//     EXPECT_GRADIENT(executor, MyFunction{}, view);                // a BatchView does not know where it is
//     EXPECT_GRADIENT(objective, x);                                // of very many variables (check_objective.hpp)
//     EXPECT_TRUE(nabla::gradient_agrees(f, points));
//
// A test passes where differences of values agree with the gradient that value_and_gradient() computes; what disagrees,
// or can't be told, is in the failure's message. The check runs on the executor of the points; of vectors and spans, on
// the CPU. An executor in front is taken instead, and views need one. Options come last: CheckOptions, for objectives
// ObjectiveCheckOptions.

namespace nabla {

namespace detail {

inline ::testing::AssertionResult agreement(const CheckReport& report, const std::vector<std::string>& variables = {}) {
  if (report.verdict == Verdict::agree) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << describe(report, variables);
}

template <class T>
Executor executor_of(const Array<T>& x) {
  return x.executor();
}
template <std::ranges::contiguous_range X>
Executor executor_of(const X&) {
  return Executor::cpu();
}

}  // namespace detail

#ifdef __CUDACC__
inline namespace with_kernels {
#else
inline namespace without_kernels {
#endif

// Functions, at points of an executor.

template <class F, class T>
::testing::AssertionResult gradient_agrees(const Executor& executor, const F& f, BatchView<T> points,
                                           const CheckOptions& options = {}) {
  const BatchView<const std::remove_const_t<T>> view = points;
  return detail::agreement(check_gradient(executor, f, view, options), options.variables);
}
template <class F, class G, class T>
::testing::AssertionResult gradient_agrees(const Executor& executor, const F& f, const G& gradient, BatchView<T> points,
                                           const CheckOptions& options = {}) {
  const BatchView<const std::remove_const_t<T>> view = points;
  return detail::agreement(check_gradient(executor, f, gradient, view, options), options.variables);
}
template <class F, class T>
::testing::AssertionResult gradient_agrees(const Executor& executor, const F& f, const Points<T>& points,
                                           const CheckOptions& options = {}) {
  return gradient_agrees(executor, f, points.view(), options);
}
template <class F, class G, class T>
::testing::AssertionResult gradient_agrees(const Executor& executor, const F& f, const G& gradient,
                                           const Points<T>& points, const CheckOptions& options = {}) {
  return gradient_agrees(executor, f, gradient, points.view(), options);
}

// On the executor of the points.

template <class F, class T>
::testing::AssertionResult gradient_agrees(const F& f, const Points<T>& points, const CheckOptions& options = {}) {
  return gradient_agrees(points.executor(), f, points.view(), options);
}
template <class F, class G, class T>
::testing::AssertionResult gradient_agrees(const F& f, const G& gradient, const Points<T>& points,
                                           const CheckOptions& options = {}) {
  return gradient_agrees(points.executor(), f, gradient, points.view(), options);
}

// Objectives.

template <detail::Numbers X, Objective<detail::NumberOf<X>> O>
::testing::AssertionResult gradient_agrees(const Executor& executor, const O& objective, const X& x,
                                           const ObjectiveCheckOptions& options = {}) {
  return detail::agreement(check_gradient(executor, objective, x, options));
}
template <detail::Numbers X, Objective<detail::NumberOf<X>> O>
::testing::AssertionResult gradient_agrees(const O& objective, const X& x, const ObjectiveCheckOptions& options = {}) {
  return detail::agreement(check_gradient(detail::executor_of(x), objective, x, options));
}

}  // inline namespace
}  // namespace nabla

/// The gradient of a function agrees with differences of its values at each of the points.
#define EXPECT_GRADIENT(...) EXPECT_TRUE(::nabla::gradient_agrees(__VA_ARGS__))
#define ASSERT_GRADIENT(...) ASSERT_TRUE(::nabla::gradient_agrees(__VA_ARGS__))
