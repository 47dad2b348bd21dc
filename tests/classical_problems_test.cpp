#include "classical_problems.hpp"

#include <nabla/minimize_each.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

// The classical sums of squares, from their standard starts to the published minima.

namespace nabla {
namespace {

using classical::Numbers;

template <class F>
EachFound<double> descend(const F& f, Method method) {
  const Executor where = Executor::cpu(1);
  const std::vector<double> start(F::start.begin(), F::start.end());
  EachOptions options{.method = method, .relative_gradient_tolerance = 1e-14, .max_iterations = 20'000};
  return minimize_each(where, f, Points<double>::from_host(where, start, F::dimension), options);
}

/// How far sum r^2 is above a minimum: relative to it, or the sum itself where that is 0.
template <class F>
double excess(double squares) {
  const auto above = [&](double minimum) { return std::fabs(minimum > 0 ? squares / minimum - 1 : squares); };
  if constexpr (requires { F::other_minimum; }) return std::min(above(F::minimum), above(F::other_minimum));
  return above(F::minimum);
}

TEST(ClassicalProblems, MinimaAreThePublishedOnes) {
  classical::for_each_problem([](auto f) {
    using F = decltype(f);
    EXPECT_NEAR(F::minimum, F::published, 1e-5 * F::published) << F::name;
  });
}

/// All do, to within 1e-8, or 1e-16 where the minimum is 0. What they took is in the test's XML.
TEST(ClassicalProblems, ReachThePublishedMinima) {
  for (const Method method : {Method::levenberg_marquardt, Method::bfgs, Method::lbfgs}) {
    classical::for_each_problem([&](auto f) {
      using F = decltype(f);
      const auto found = descend(f, method);
      const double over = excess<F>(2 * found.value.to_host().front());
      EXPECT_LE(over, F::minimum > 0 ? 1e-8 : 1e-16) << F::name << ": " << describe(found.report);
      RecordProperty(std::string(F::name) + " " + name_of(method), std::to_string(found.report.evaluations));
    });
  }
}

}  // namespace
}  // namespace nabla
