// Descents within bounds: that what bounds hold neither delays nor misleads the rest, and why they end there.

#include "executors.hpp"

#include <nabla/minimize_each.hpp>

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

namespace {

using nabla::EachFound;
using nabla::EachOptions;
using nabla::Method;
using nabla::minimize_each;
using nabla::Points;
using nabla::StopReason;

constexpr double infinity = std::numeric_limits<double>::infinity();

const Method methods[] = {Method::gradient, Method::nesterov, Method::barzilai_borwein,
                          Method::bfgs,     Method::lbfgs,    Method::newton_cg};

/// Its variables are coupled. With a, b, c counted from (1, 1, 1), where it is least:
struct Coupled {
  static constexpr int dimension = 3;
  constexpr auto operator()(const auto& x) const {
    const auto a = x[0] - 1.0, b = x[1] - 1.0, c = x[2] - 1.0;
    return 50.0 * a * a + b * b + 2.0 * c * c + 9.0 * a * b + 1.5 * b * c;
  }
};
struct Line {
  static constexpr int dimension = 1;
  constexpr auto operator()(const auto& x) const { return -1.0 * x[0]; }
};

class Bounds : public nabla::test::OnEveryExecutor {
 protected:
  bool is_cuda() const { return GetParam() == "cuda"; }
  EachFound<double> from(const std::vector<double>& start, const EachOptions& options) {
    return minimize_each(executor(), Coupled{}, Points<double>::from_host(executor(), start, 3), options);
  }
};
INSTANTIATE_TEST_SUITE_P(On, Bounds, nabla::test::every_executor(), nabla::test::executor_name);

// What is left is a quadratic, and Newton's first step solves it, whichever variable is held. Minima by hand.
TEST_P(Bounds, LeaveNewtonItsFirstStep) {
  struct Case {
    int held;
    double lower, upper;
    std::vector<double> start, least;
  };
  const Case cases[] = {{0, -infinity, 0.5, {0.5, 3, 0}, {0.5, 1 + 18 / 5.75, 1 - 6.75 / 5.75}},
                        {1, -infinity, 0, {1, 0, 1}, {1.09, 0, 1.375}},
                        {2, 1.5, infinity, {0, 1, 1.5}, {1 + 6.75 / 119, 1 - 75 / 119.0, 1.5}}};
  for (const Case& one : cases) {
    SCOPED_TRACE(one.held);
    EachOptions options{.method = Method::newton_cg, .gradient_tolerance = 1e-9, .relative_gradient_tolerance = 0};
    options.lower.assign(3, -infinity);
    options.upper.assign(3, infinity);
    options.lower[static_cast<std::size_t>(one.held)] = one.lower;
    options.upper[static_cast<std::size_t>(one.held)] = one.upper;
    const auto found = from(one.start, options);
    EXPECT_EQ(found.reason.front(), StopReason::gradient);
    EXPECT_EQ(found.iterations.front(), 1);
    const std::vector<double> x = found.x.to_host();
    for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(x[i], one.least[i], 1e-10) << i;
  }
}

// The slope of what is held is large, and none of the others' business: with it in their products, these took thousands
// of evaluations each.
TEST_P(Bounds, DoNotDelayTheRest) {
  const auto starts = Points<double>::uniform(executor(), is_cuda() ? 20 : 200, 3, -3, 3, 3);
  const auto worst = [&](const EachOptions& options) {
    const auto found = minimize_each(executor(), Coupled{}, starts, options);
    EXPECT_EQ(found.report.count(StopReason::gradient), starts.count()) << describe(found.report);
    return *std::max_element(found.evaluations.begin(), found.evaluations.end());
  };
  for (const Method method : {Method::bfgs, Method::lbfgs}) {
    SCOPED_TRACE(nabla::name_of(method));
    EachOptions options{.method = method, .gradient_tolerance = 1e-9, .relative_gradient_tolerance = 0};
    options.lower = {-infinity, -infinity, 1.5};
    options.upper = {infinity, infinity, infinity};
    EXPECT_LT(worst(options), 1000);
  }
  EachOptions options{.method = Method::nesterov, .gradient_tolerance = 1e-9, .relative_gradient_tolerance = 0};
  options.lower = {-infinity, -infinity, -infinity};
  options.upper = {0.5, infinity, infinity};
  EXPECT_LT(worst(options), 500);
}

// A minimum in a corner, at which all steps end however long they are.
TEST_P(Bounds, HaveCorners) {
  for (const Method method : methods) {
    SCOPED_TRACE(nabla::name_of(method));
    EachOptions options{.method = method, .gradient_tolerance = 1e-9, .relative_gradient_tolerance = 0};
    options.lower = {-1, -1, 1.5};
    options.upper = {0.5, 2, infinity};
    const auto starts = Points<double>::uniform(executor(), is_cuda() ? 20 : 200, 3, -3, 3, 3);
    const auto found = minimize_each(executor(), Coupled{}, starts, options);
    EXPECT_EQ(found.report.count(StopReason::gradient), starts.count()) << describe(found.report);
    for (const double value : found.value.to_host()) EXPECT_EQ(value, 10.25);
    // From there, with no tolerance that a gradient but 0 would meet.
    options.gradient_tolerance = 0;
    const auto there = from({0.5, 2, 1.5}, options);
    EXPECT_EQ(there.reason.front(), StopReason::gradient);
    EXPECT_EQ(there.evaluations.front(), 1);

    const auto at_one = Points<double>::from_host(executor(), std::vector<double>{1}, 1);
    EachOptions on_a_line{.method = method};
    on_a_line.lower = {0};
    on_a_line.upper = {3};
    const auto ended = minimize_each(executor(), Line{}, at_one, on_a_line);
    EXPECT_EQ(ended.reason.front(), StopReason::gradient);
    EXPECT_EQ(ended.x.to_host().front(), 3);
    on_a_line.upper = {infinity};
    if (method == Method::nesterov) {
      EXPECT_EQ(minimize_each(executor(), Line{}, at_one, on_a_line).reason.front(), StopReason::unbounded);
    }
  }
}

}  // namespace
