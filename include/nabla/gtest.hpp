#pragma once

#include <nabla/check.hpp>

#include <gtest/gtest.h>

#include <ostream>
#include <sstream>

// Gradient checks for tests with GoogleTest:
//     EXPECT_GRADIENT(MyFunction{}, points);                        // points: nabla::Points<double> or <float>
//     EXPECT_GRADIENT(MyFunction{}, points) << "after " << steps << " steps";
//     EXPECT_TRUE(nabla::gradient_agrees(f, points, {.tolerance = 1e-6}));
//
// A test passes where differences of values agree with the gradient that value_and_gradient() computes; what disagrees,
// or can't be told, is in the failure's message. The check runs on the executor of the points.

namespace nabla {

/// What a report says, in lines.
inline std::string describe(const CheckReport& report) {
  std::ostringstream text;
  text.precision(10);
  text << name_of(report.verdict) << ": of " << report.points_checked << " points " << report.disagreeing
       << " disagree, " << report.unresolved << " can't be resolved; tolerance " << report.tolerance << "\n";
  if (!report.diagnosis.empty()) text << "  " << report.diagnosis << "\n";
  for (const CheckedComponent& row : report.worst) {
    if (row.verdict == Verdict::agree) continue;
    text << "  point " << row.point;
    if (row.output > 0) text << ", output " << row.output;
    text << ", component " << row.component << ": " << row.analytic << ", differences say " << row.numeric << " +- "
         << row.error_bar << " (" << name_of(row.verdict) << ")\n";
  }
  for (const NonsmoothPlace& place : report.nonsmooth) {
    text << "  not smooth at point " << place.point;
    if (place.component >= 0) {
      text << " along component " << place.component;
    } else {
      text << " along a random direction";
    }
    text << ": " << place.left << " on one side, " << place.right << " on the other\n";
  }
  return text.str();
}

#ifdef __CUDACC__
inline namespace with_kernels {
#else
inline namespace without_kernels {
#endif

template <class F, class T>
::testing::AssertionResult gradient_agrees(const F& f, const Points<T>& points, const CheckOptions& options = {}) {
  const CheckReport report = check_gradient(points.executor(), f, points, options);
  if (report.verdict == Verdict::agree) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << describe(report);
}

}  // inline namespace
}  // namespace nabla

/// The gradient of a function agrees with differences of its values at each of the points.
#define EXPECT_GRADIENT(function, points) EXPECT_TRUE(::nabla::gradient_agrees(function, points))
#define ASSERT_GRADIENT(function, points) ASSERT_TRUE(::nabla::gradient_agrees(function, points))
