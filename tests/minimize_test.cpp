// Minimising objectives of many variables: known minima are reached by every method, in both precisions, and threads
// change nothing.

#include "executors.hpp"
#include "minimize_problems.hpp"

#include <nabla/element_sum.hpp>
#include <nabla/minimize.hpp>

#include <cmath>
#include <limits>
#include <vector>

namespace {

using nabla::Array;
using nabla::describe;
using nabla::Executor;
using nabla::LineSearch;
using nabla::Method;
using nabla::minimize;
using nabla::MinimizeOptions;
using nabla::MinimizeReport;
using nabla::StopReason;
using namespace minimize_problems;

const Method searching[] = {Method::gradient,     Method::heavy_ball, Method::nesterov,  Method::barzilai_borwein,
                            Method::nonlinear_cg, Method::lbfgs,      Method::newton_cg, Method::bfgs};
// bfgs is for few variables.
bool is_for(Method method, std::int64_t n) { return method != Method::bfgs || n <= nabla::most_bfgs_variables; }
const Method superlinear[] = {Method::nonlinear_cg, Method::lbfgs, Method::newton_cg};

class Minimize : public nabla::test::OnEveryExecutor {
 protected:
  std::int64_t many() const { return executor().is_cuda() ? 300 : 10'000; }
};
INSTANTIATE_TEST_SUITE_P(On, Minimize, nabla::test::every_executor(), nabla::test::executor_name);

TEST_P(Minimize, QuadraticsOfKnownSolution) {
  const Executor where = executor();
  for (const LineSearch search : {LineSearch::strong_wolfe, LineSearch::backtracking}) {
    for (const Method method : searching) {
      for (const std::int64_t n : {std::int64_t{1}, std::int64_t{2}, std::int64_t{33}, many()}) {
        if (!is_for(method, n)) continue;
        SCOPED_TRACE(std::string(name_of(method)) + ", n = " + std::to_string(n));
        Array<double> x = constant<double>(where, n, 10);
        const double condition = where.is_cuda() ? 10 : 100;
        const auto f = posed<double>(where, Diagonal{condition}, n);
        const MinimizeReport report =
            minimize(where, f, x, {.method = method, .line_search = search, .relative_gradient_tolerance = 1e-10});
        EXPECT_TRUE(report.converged()) << describe(report);
        EXPECT_LE(report.gradient_norm, 1e-10 * report.first_gradient_norm);
        // Every a_i >= 1, so that errors are no larger than the gradient.
        EXPECT_LE(distance(x, [](std::int64_t i) { return Diagonal{}.solution(i); }), report.gradient_norm);
        EXPECT_LT(report.value, report.first_value * 1e-17);
        EXPECT_EQ(report.variables, n);
      }
    }
  }
}

TEST_P(Minimize, LaplaceOfOneDimension) {
  const Executor where = executor();
  const std::int64_t n = 100;
  for (const Method method : superlinear) {
    Array<double> x = constant<double>(where, n, 0);
    const auto f = posed<double>(where, Tridiagonal{}, n);
    const MinimizeReport report = minimize(where, f, x, {.method = method, .relative_gradient_tolerance = 1e-9});
    EXPECT_TRUE(report.converged()) << describe(report);
    // The smallest eigenvalue is 4 sin^2(pi / (2 (n + 1))) > 9.6e-4.
    EXPECT_LE(distance(x, [&](std::int64_t i) { return Tridiagonal::solution(i, n); }), report.gradient_norm / 9.6e-4);
    // Conjugate gradients would take 50; L-BFGS forgets.
    EXPECT_LE(report.iterations, method == Method::lbfgs ? 500 : 55) << describe(report);
  }
}

TEST_P(Minimize, RosenbrockInAChain) {
  const Executor where = executor();
  const std::int64_t n = where.is_cuda() ? 20 : 1000;
  for (const Method method : superlinear) {
    Array<double> x = rosenbrock_start<double>(where, n);
    const auto f = posed<double>(where, Rosenbrock{1}, n);
    const MinimizeReport report = minimize(
        where, f, x,
        {.method = method, .gradient_tolerance = 1e-8, .relative_gradient_tolerance = 0, .max_iterations = 100'000});
    EXPECT_EQ(report.reason, StopReason::gradient) << describe(report);
    EXPECT_LE(report.gradient_norm, 1e-8);

    // There is a local minimum besides that of 0, with x_0 near -1.
    EXPECT_TRUE(report.value < 1e-15 || std::fabs(report.value - 3.986623854) < 1e-6) << describe(report);
  }
}

TEST_P(Minimize, RosenbrockInPairs) {
  const Executor where = executor();
  const std::int64_t n = where.is_cuda() ? 100 : 1000;
  for (const Method method : superlinear) {
    for (const LineSearch search : {LineSearch::strong_wolfe, LineSearch::backtracking}) {
      Array<double> x = rosenbrock_start<double>(where, n);
      const auto f = posed<double>(where, Rosenbrock{2}, n);
      const MinimizeReport report = minimize(
          where, f, x,
          {.method = method, .line_search = search, .gradient_tolerance = 1e-8, .relative_gradient_tolerance = 0});
      EXPECT_EQ(report.reason, StopReason::gradient) << describe(report);
      EXPECT_LT(distance(x, [](std::int64_t) { return 1.0; }), 1e-7);
    }
  }
}

TEST_P(Minimize, SinglePrecision) {
  const Executor where = executor();
  for (const Method method : searching) {
    SCOPED_TRACE(name_of(method));
    Array<float> x = constant<float>(where, 500, 10);
    const auto f = posed<float>(where, Diagonal{10}, 500);
    const MinimizeReport report = minimize(where, f, x, {.method = method, .relative_gradient_tolerance = 1e-6});
    EXPECT_TRUE(report.converged()) << describe(report);
    EXPECT_LT(distance(x, [](std::int64_t i) { return Diagonal{}.solution(i); }), 1e-2);
  }
}

TEST_P(Minimize, LeavesASaddle) {
  const Executor where = executor();
  for (const Method method : searching) {
    SCOPED_TRACE(name_of(method));
    Array<double> x = array_of<double>(where, {1e-3, -1e-3, 1e-5, 2});
    const auto f = posed<double>(where, Separate<DoubleWell>{}, 4);
    const MinimizeReport report = minimize(where, f, x, {.method = method, .relative_gradient_tolerance = 1e-9});
    EXPECT_TRUE(report.converged()) << describe(report);
    EXPECT_NEAR(report.value, -1, 1e-9);  // each of four is at +-sqrt(1/2), with -1/4
  }
}

TEST_P(Minimize, StaysInsideAWall) {
  const Executor where = executor();
  for (const LineSearch search : {LineSearch::strong_wolfe, LineSearch::backtracking}) {
    for (const Method method : searching) {
      SCOPED_TRACE(name_of(method));
      Array<double> x = array_of<double>(where, {0.9, 0.999, 0, -0.99});
      const auto f = posed<double>(where, Separate<Barrier>{}, 4);
      const MinimizeReport report =
          minimize(where, f, x, {.method = method, .line_search = search, .relative_gradient_tolerance = 1e-9});
      EXPECT_TRUE(report.converged()) << describe(report);
      EXPECT_LT(distance(x, [](std::int64_t) { return (1 - std::sqrt(5.0)) / 2; }), 1e-5);
    }
  }
}

TEST_P(Minimize, Adam) {
  const Executor where = executor();
  Array<double> x = constant<double>(where, 50, 1);
  const auto f = posed<double>(where, Diagonal{10}, 50);
  const MinimizeReport report =
      minimize(where, f, x, {.method = Method::adam, .step = 0.05, .relative_gradient_tolerance = 1e-4});
  EXPECT_EQ(report.reason, StopReason::relative_gradient) << describe(report);
  EXPECT_LT(report.value, 1e-5);
}

// The iterate of one variable after a few of Adam's steps, by the paper's formulas.
TEST_P(Minimize, AdamsStepsAreThoseOfThePaper) {
  const Executor where = executor();
  Array<double> x = constant<double>(where, 1, 10);
  const auto f = posed<double>(where, Diagonal{4}, 1);
  minimize(where, f, x, {.method = Method::adam, .step = 0.125, .relative_gradient_tolerance = 0, .max_iterations = 7});
  long double theta = 10, m = 0, v = 0;
  for (int t = 1; t <= 7; ++t) {
    const long double g = 4 * (theta + 3);
    m = 0.9L * m + 0.1L * g;
    v = 0.999L * v + 0.001L * g * g;
    theta -= 0.125L * (m / (1 - std::pow(0.9L, t))) / (std::sqrt(v / (1 - std::pow(0.999L, t))) + 1e-8L);
  }
  EXPECT_NEAR(x.to_host()[0], static_cast<double>(theta), 1e-12);
}

// What is not in an Array, or only has what is needed.
struct Bowl {
  double value(const Executor&, std::span<const double> x) const { return x[0] * x[0] + x[1] * x[1]; }
  double value_and_gradient(const Executor& where, std::span<const double> x, std::span<double> gradient) const {
    for (std::size_t i = 0; i < 2; ++i) gradient[i] = 2 * x[i];
    return value(where, x);
  }
};

TEST(MinimizeOnTheCpu, TakesVectorsAndSpans) {
  const Executor where = Executor::cpu(1);
  std::vector<double> x{3, 4};
  EXPECT_TRUE(minimize(where, Bowl(), x).converged());
  EXPECT_NEAR(x[0], 0, 1e-5);
  x = {3, 4};
  EXPECT_TRUE(minimize(where, Bowl(), std::span(x)).converged());
  EXPECT_NEAR(x[1], 0, 1e-5);
}

struct RosenbrockElement {
  static constexpr int variables = 2;
  template <class X>
  constexpr auto operator()(const X& x) const {
    const auto u = x[1] - x[0] * x[0], v = 1 - x[0];
    return 100 * u * u + v * v;
  }
};

TEST_P(Minimize, TakesSumsOfElements) {
  const Executor where = executor();
  const std::int64_t n = where.is_cuda() ? 400 : 40'000;
  const auto f = nabla::element_sum<double>(where, RosenbrockElement(), n, nabla::Affine::chain(n / 2, {0, 1}, 2));
  for (const Method method : superlinear) {
    Array<double> x = rosenbrock_start<double>(where, n);
    const MinimizeReport report =
        minimize(where, f, x, {.method = method, .gradient_tolerance = 1e-8, .relative_gradient_tolerance = 0});
    EXPECT_EQ(report.reason, StopReason::gradient) << describe(report);
    EXPECT_LT(distance(x, [](std::int64_t) { return 1.0; }), 1e-7);
  }
}

TEST(MinimizeOnTheCpu, ThreadsChangeNoBit) {
  const auto result = [](int threads, Method method, double step) {
    const Executor where = Executor::cpu(threads);
    const std::int64_t n = is_for(method, 50'000) ? 50'000 : 1'000;
    Array<double> x = rosenbrock_start<double>(where, n);
    const auto f = posed<double>(where, Rosenbrock{1}, n);
    minimize(where, f, x, {.method = method, .step = step, .relative_gradient_tolerance = 0, .max_iterations = 12});
    return x.to_host();
  };
  for (const Method method : searching) EXPECT_EQ(result(1, method, 0), result(3, method, 0)) << name_of(method);
  for (const Method method : {Method::gradient, Method::heavy_ball, Method::nesterov, Method::adam}) {
    EXPECT_EQ(result(1, method, 1e-4), result(3, method, 1e-4)) << name_of(method);
  }
}

}  // namespace
