// Fixed steps on quadratics, whose iterates are known in closed form, and bounds that theory gives.

#include "executors.hpp"
#include "minimize_problems.hpp"

#include <nabla/minimize.hpp>

#include <cmath>
#include <functional>
#include <vector>

namespace {

using nabla::Array;
using nabla::describe;
using nabla::Executor;
using nabla::Method;
using nabla::minimize;
using nabla::MinimizeOptions;
using nabla::MinimizeReport;
using nabla::StopReason;
using namespace minimize_problems;

constexpr std::int64_t n = 40;

class MinimizeRates : public nabla::test::OnEveryExecutor {
 protected:
  MinimizeReport run(double condition, MinimizeOptions options) const {
    const Executor where = executor();
    Array<double> x = constant<double>(where, n, 10);
    options.relative_gradient_tolerance = 1e-12;
    options.history = true;
    return minimize(where, posed<double>(where, Diagonal{condition}, n), x, options);
  }
  /// Compares values with those of errors e that next(a, e, kept) moves one step, component by component; `kept` is
  /// what else the method remembers, at first e.
  static void expect_errors(const MinimizeReport& report, double condition,
                            const std::function<void(long double a, long double& e, long double& kept)>& next) {
    const Diagonal problem{condition};
    std::vector<long double> errors, kept;
    for (std::int64_t i = 0; i < n; ++i) errors.push_back(10 - problem.solution(i));
    kept = errors;
    for (const auto& row : report.history) {
      long double value = 0;
      for (std::size_t i = 0; i < errors.size(); ++i) {
        const long double a = problem.a(static_cast<std::int64_t>(i), n);
        value += a * errors[i] * errors[i] / 2;
        next(a, errors[i], kept[i]);
      }
      ASSERT_NEAR(row.value, static_cast<double>(value), 1e-9 * static_cast<double>(value) + 1e-12)
          << "iteration " << row.iteration;
    }
  }
};
INSTANTIATE_TEST_SUITE_P(On, MinimizeRates, nabla::test::every_executor(), nabla::test::executor_name);

// f_k - f* <= (1 - mu/L)^(2k) (f_0 - f*)
TEST_P(MinimizeRates, GradientWithStepOneOverL) {
  const MinimizeReport report = run(20, {.method = Method::gradient, .step = 1.0 / 20, .max_iterations = 100});
  EXPECT_EQ(report.reason, StopReason::iterations);
  EXPECT_EQ(report.history.size(), 101U);
  expect_errors(report, 20, [](long double a, long double& e, long double&) { e *= 1 - a / 20; });
  const double bound = std::pow(1 - 1.0 / 20, 2 * 100) * report.first_value;
  EXPECT_LE(report.value, bound);
  EXPECT_EQ(report.evaluations.gradients, 102);
  EXPECT_EQ(report.evaluations.values, 0);
}

TEST_P(MinimizeRates, StepsDivergeJustAboveTwoOverL) {
  const MinimizeReport below = run(20, {.method = Method::gradient, .step = 1.99 / 20});
  EXPECT_EQ(below.reason, StopReason::relative_gradient) << describe(below);
  const MinimizeReport above = run(20, {.method = Method::gradient, .step = 2.02 / 20});
  EXPECT_EQ(above.reason, StopReason::diverged) << describe(above);
  EXPECT_GT(above.value, above.first_value);
  EXPECT_FALSE(above.converged());
}

// With Polyak's parameters the errors' roots have absolute value sqrt(beta).
TEST_P(MinimizeRates, HeavyBall) {
  const double condition = 25, root = std::sqrt(condition), step = 4 / ((root + 1) * (root + 1));
  const double momentum = (root - 1) / (root + 1) * ((root - 1) / (root + 1));
  const MinimizeReport report =
      run(condition, {.method = Method::heavy_ball, .step = step, .momentum = momentum, .max_iterations = 80});
  expect_errors(report, condition, [&](long double a, long double& e, long double& before) {
    const long double now = e;
    e = (1 + momentum - step * a) * now - momentum * before;
    before = now;
  });
  EXPECT_LT(report.value, report.first_value * std::pow(momentum, 0.8 * 80));
}

// f(x_k) - f* <= (1 - 1/sqrt(kappa))^k (f_0 - f* + mu/2 |x_0 - x*|^2), x_k being the points that are not extrapolated;
// y_k - x* <= 3 max(x_k - x*, x_{k-1} - x*). Source: Nesterov, Lectures on Convex Optimization (2018), theorem 2.2.3.
TEST_P(MinimizeRates, NesterovWithConstantMomentum) {
  const double condition = 100, step = 1 / condition, momentum = 9.0 / 11;
  const MinimizeReport report =
      run(condition, {.method = Method::nesterov, .step = step, .momentum = momentum, .max_iterations = 150});
  expect_errors(report, condition, [&](long double a, long double& y, long double& x) {
    const long double next = (1 - step * a) * y;
    y = next + momentum * (next - x);
    x = next;
  });
  double distance_squares = 0;
  for (std::int64_t i = 0; i < n; ++i) distance_squares += std::pow(10 - Diagonal{}.solution(i), 2);
  const double of_x = std::pow(1 - 1 / std::sqrt(condition), 149) * (report.first_value + distance_squares / 2);
  // f(y) <= L/2 |y|^2 <= L/2 9 (2/mu) f(x)
  EXPECT_LE(report.value, condition * 9 * of_x);
}

TEST_P(MinimizeRates, MomentumBeatsPlainGradients) {
  const double condition = 1000;
  const MinimizeReport plain = run(condition, {.method = Method::gradient, .step = 1 / condition});
  const MinimizeReport fast = run(condition, {.method = Method::nesterov, .step = 1 / condition});
  EXPECT_EQ(fast.reason, StopReason::relative_gradient) << describe(fast);
  EXPECT_LT(5 * fast.iterations, plain.iterations);
}

// Gradients of norm 1 at most: each step is no longer than `step`, and as long where gradients are long.
TEST_P(MinimizeRates, ClippedGradientsGoASteadyPace) {
  const Executor where = executor();
  Array<double> x = constant<double>(where, 1, 997);
  const auto f = posed<double>(where, Diagonal{1}, 1);
  for (const Method method : {Method::gradient, Method::nesterov, Method::heavy_ball}) {
    x = constant<double>(where, 1, 997);
    minimize(where, f, x, {.method = method, .step = 0.5, .momentum = 0, .max_iterations = 40, .clip = 2});
    EXPECT_EQ(x.to_host()[0], 997 - 40) << name_of(method);
  }
}

// The error after k products is at most 2 ((sqrt(kappa) - 1) / (sqrt(kappa) + 1))^k, in the norm of A. Source: Saad,
// Iterative Methods for Sparse Linear Systems (2003), equation 6.128.
struct WithoutDiagonal : Posed<double, Diagonal> {
  using Posed::Posed;
  void hessian_diagonal() const = delete;
};
static_assert(!nabla::DiagonalObjective<WithoutDiagonal, double> && nabla::TwiceObjective<WithoutDiagonal, double>);

TEST_P(MinimizeRates, NewtonTakesTheProductsOfConjugateGradients) {
  const Executor where = executor();
  Array<double> x = constant<double>(where, n, 10);
  const MinimizeReport report = minimize(where, WithoutDiagonal(where, Diagonal{100}, n), x,
                                         {.method = Method::newton_cg, .relative_gradient_tolerance = 1e-6});
  EXPECT_EQ(report.reason, StopReason::relative_gradient) << describe(report);
  // Gradients are at most sqrt(kappa) times as much reduced as errors; each solve begins anew.
  const double factor = std::log(2 * 10 / 1e-6) / -std::log(9.0 / 11);
  EXPECT_LT(static_cast<double>(report.evaluations.hessian_products), 1.5 * factor);
  x = constant<double>(where, n, 10);
  const MinimizeReport preconditioned =
      minimize(where, posed<double>(where, Diagonal{100}, n), x, {.method = Method::newton_cg});
  EXPECT_EQ(preconditioned.evaluations.hessian_products, 2) << describe(preconditioned);  // with the diagonal
}

}  // namespace
