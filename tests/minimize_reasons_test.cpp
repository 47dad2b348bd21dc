// Why a descent ended: every reason is met, and none is given that is not true. Options that can't be right are
// refused.

#include "executors.hpp"
#include "minimize_problems.hpp"

#include <nabla/minimize.hpp>

#include <cmath>
#include <limits>
#include <string>
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
using nabla::Progress;
using nabla::StopReason;
using namespace minimize_problems;

const Method searching[] = {Method::gradient,     Method::heavy_ball, Method::nesterov,  Method::barzilai_borwein,
                            Method::nonlinear_cg, Method::lbfgs,      Method::newton_cg, Method::bfgs};

class MinimizeReasons : public nabla::test::OnEveryExecutor {
 protected:
  template <class T = double, class P>
  MinimizeReport run(P problem, const std::vector<T>& start, const MinimizeOptions& options, double factor = 1) const {
    const Executor where = executor();
    const auto n = static_cast<std::int64_t>(start.size());
    Array<T> x = array_of(where, start);
    const auto f = posed<T>(where, problem, n, factor);
    const MinimizeReport report = minimize(where, f, x, options);
    // What is reported is what is to be seen at x.
    Array<T> gradient(where, n);
    const double value = f.value_and_gradient(where, {x.data(), start.size()}, {gradient.data(), start.size()});
    double squares = 0;
    for (const T g : gradient.to_host()) squares += static_cast<double>(g) * static_cast<double>(g);
    EXPECT_TRUE(value == report.value || std::isnan(value)) << value << ", " << describe(report);
    EXPECT_TRUE(std::isnan(squares) || std::isinf(squares) ||
                std::fabs(std::sqrt(squares) - report.gradient_norm) <= 1e-6 * report.gradient_norm)
        << std::sqrt(squares) << ", " << describe(report);
    return report;
  }
  const std::vector<double> somewhere_{4, 2, 8, 5, 7};
};
INSTANTIATE_TEST_SUITE_P(On, MinimizeReasons, nabla::test::every_executor(), nabla::test::executor_name);

TEST_P(MinimizeReasons, Tolerances) {
  const MinimizeReport absolute =
      run(Diagonal{}, somewhere_, {.gradient_tolerance = 1e-3, .relative_gradient_tolerance = 0});
  EXPECT_EQ(absolute.reason, StopReason::gradient);
  EXPECT_LE(absolute.gradient_norm, 1e-3);
  const MinimizeReport relative = run(Diagonal{}, somewhere_, {.relative_gradient_tolerance = 1e-3});
  EXPECT_EQ(relative.reason, StopReason::relative_gradient);
  EXPECT_LE(relative.gradient_norm, 1e-3 * relative.first_gradient_norm);
  const MinimizeReport target = run(Diagonal{}, somewhere_, {.target = 10});
  EXPECT_EQ(target.reason, StopReason::target);
  EXPECT_LE(target.value, 10);
  EXPECT_GT(target.gradient_norm, 1e-2);
  const MinimizeReport value =
      run(Diagonal{1e4}, somewhere_,
          {.method = Method::gradient, .step = 1e-4, .relative_gradient_tolerance = 0, .relative_tolerance = 1e-3});
  EXPECT_EQ(value.reason, StopReason::value);
  for (const MinimizeReport& report : {absolute, relative, target, value}) EXPECT_TRUE(report.converged());
}

TEST_P(MinimizeReasons, Limits) {
  const auto limited = [&](MinimizeOptions options) {
    options.relative_gradient_tolerance = 0;
    const MinimizeReport report = run(Rosenbrock{}, somewhere_, options);
    EXPECT_FALSE(report.converged());
    return report;
  };
  for (const std::int64_t iterations : {0, 1, 7}) {
    const MinimizeReport report = limited({.max_iterations = iterations});
    EXPECT_EQ(report.reason, StopReason::iterations);
    EXPECT_EQ(report.iterations, iterations);
  }
  for (const Method method : searching) {
    const MinimizeReport report = limited({.method = method, .max_evaluations = 9});
    EXPECT_EQ(report.reason, StopReason::evaluations) << name_of(method);
    EXPECT_GE(report.evaluations.total(), 9);
    EXPECT_LE(report.evaluations.total(), 9 + 4) << name_of(method);  // the report's, and a step begun
  }
  EXPECT_EQ(limited({.max_seconds = 0}).reason, StopReason::time);
}

TEST_P(MinimizeReasons, Interrupted) {
  std::vector<Progress> told;
  const MinimizeReport report =
      run(Rosenbrock{}, somewhere_, {.history = true, .callback = [&](const Progress& progress) {
                                       told.push_back(progress);
                                       return progress.iteration < 3;
                                     }});
  EXPECT_EQ(report.reason, StopReason::interrupted);
  EXPECT_EQ(report.iterations, 3);
  ASSERT_EQ(told.size(), 4U);
  ASSERT_EQ(report.history.size(), 4U);
  for (std::size_t k = 0; k < 4; ++k) {
    EXPECT_EQ(told[k].iteration, static_cast<std::int64_t>(k));
    EXPECT_EQ(told[k].value, report.history[k].value);
    EXPECT_EQ(told[k].step > 0, k > 0);
    if (k > 0) {
      EXPECT_LT(told[k].value, told[k - 1].value);
      EXPECT_GE(told[k].seconds, told[k - 1].seconds);
    }
  }
  EXPECT_EQ(told[0].value, report.first_value);
  EXPECT_EQ(told[3].value, report.value);
}

TEST_P(MinimizeReasons, Unbounded) {
  for (const LineSearch search : {LineSearch::strong_wolfe, LineSearch::backtracking}) {
    for (const Method method : searching) {
      if (search == LineSearch::backtracking && method != Method::lbfgs) continue;  // longer steps one by one
      const MinimizeReport report = run(Separate<Cap>{}, {1.0, -2.0, 0.0}, {.method = method, .line_search = search});
      if (search == LineSearch::strong_wolfe) {
        EXPECT_EQ(report.reason, StopReason::unbounded) << describe(report);
      }
      EXPECT_FALSE(report.converged()) << describe(report);
    }
  }
  const MinimizeReport newton = run(Separate<Cap>{}, {1.0, -2.0, 0.0}, {.method = Method::newton_cg});
  EXPECT_EQ(newton.curvature, -1);
  EXPECT_NE(describe(newton).find("curvature -1"), std::string::npos) << describe(newton);
  EXPECT_EQ(run<float>(Separate<Cap>{}, {1.0f, -2.0f}, {}).reason, StopReason::unbounded);
}

// The planted fault: a gradient of the wrong sign promises a decrease everywhere.
TEST_P(MinimizeReasons, WrongGradientsAreNotConvergence) {
  for (const LineSearch search : {LineSearch::strong_wolfe, LineSearch::backtracking}) {
    for (const Method method : searching) {
      const MinimizeReport report = run(Diagonal{}, somewhere_, {.method = method, .line_search = search}, -1);
      EXPECT_EQ(report.reason, StopReason::line_search_failed) << describe(report);
      EXPECT_EQ(report.iterations, 0);
      EXPECT_EQ(report.value, report.first_value);
      EXPECT_NE(describe(report).find("the gradient is wrong, or f is not smooth"), std::string::npos);
    }
  }
  EXPECT_EQ(run(Diagonal{}, somewhere_, {.method = Method::gradient, .step = 0.01}, -1).reason, StopReason::diverged);
}

TEST_P(MinimizeReasons, OneWrongComponentIsNotConvergence) {
  using check_objectives::Chain;
  using check_objectives::Fault;
  const Executor where = executor();
  for (const Method method : {Method::lbfgs, Method::nonlinear_cg, Method::gradient}) {
    Array<double> x = check_objectives::somewhere<double>(where, 100);
    const MinimizeReport report = minimize(where, Chain<double>(where, 100, {Fault::one, 50}), x,
                                           {.method = method, .gradient_tolerance = 1e-6, .max_iterations = 3000});
    EXPECT_EQ(report.reason, StopReason::line_search_failed) << describe(report);
    const MinimizeReport right =
        minimize(where, Chain<double>(where, 100), x, {.method = method, .gradient_tolerance = 1e-6});
    EXPECT_TRUE(right.converged()) << describe(right);
  }
}

TEST_P(MinimizeReasons, KinksAreNotConvergence) {
  for (const Method method : {Method::lbfgs, Method::nonlinear_cg, Method::gradient}) {
    const MinimizeReport report = run(Separate<Kink>{}, {0.3, -0.7, 1.9}, {.method = method, .max_iterations = 500});
    EXPECT_FALSE(report.converged()) << describe(report);
    EXPECT_LT(report.value, report.first_value);
  }
}

// As near as rounding lets it come, and no claim of more.
TEST_P(MinimizeReasons, Stagnated) {
  for (const Method method : searching) {
    const MinimizeReport report = run<float>(
        Rosenbrock{}, {-1.2f, 1.0f, 0.9f, 1.1f, 1.2f},
        {.method = method, .gradient_tolerance = 1e-30, .relative_gradient_tolerance = 0, .max_iterations = 100'000});
    EXPECT_TRUE(report.reason == StopReason::stagnated || report.gradient_norm == 0) << describe(report);
    EXPECT_NEAR(report.value, 3.930839434, 1e-7) << describe(report);  // the local minimum of five variables
  }
  const MinimizeReport fixed = run(Separate<Barrier>{}, {0.5},
                                   {.method = Method::gradient,
                                    .step = 0.1,
                                    .gradient_tolerance = 1e-30,
                                    .relative_gradient_tolerance = 0,
                                    .max_iterations = 100'000});
  EXPECT_TRUE(fixed.reason == StopReason::stagnated || fixed.gradient_norm == 0) << describe(fixed);
}

TEST_P(MinimizeReasons, NotFinite) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  std::vector<double> start(200'000, 0.5);
  const MinimizeReport value = run(Separate<Barrier>{}, {0.5, 2.0}, {});
  EXPECT_EQ(value.reason, StopReason::not_finite);
  EXPECT_EQ(value.not_finite_component, -1);
  EXPECT_EQ(value.iterations, 0);
  EXPECT_NE(describe(value).find("f is not finite"), std::string::npos);
  const MinimizeReport nowhere = run(Diagonal{}, {0.5, nan, 2.0}, {});
  EXPECT_EQ(nowhere.reason, StopReason::not_finite);
  EXPECT_EQ(nowhere.not_finite_component, -1);

  using check_objectives::Chain;
  using check_objectives::Fault;
  const Executor where = executor();
  for (const std::int64_t at : {0, 70'000}) {
    if (where.is_cuda() && at > 0) continue;
    const std::int64_t n = at + 1000;
    Array<double> x = check_objectives::somewhere<double>(where, n);
    const MinimizeReport report = minimize(where, Chain<double>(where, n, {Fault::not_a_number, at}), x);
    EXPECT_EQ(report.reason, StopReason::not_finite);
    EXPECT_EQ(report.not_finite_component, at);
    EXPECT_NE(describe(report).find("component " + std::to_string(at) + " of"), std::string::npos) << describe(report);
  }
  const MinimizeReport overflow = run(Diagonal{1, 1e170}, {10.0, 20.0}, {});
  EXPECT_EQ(overflow.reason, StopReason::not_finite);
  EXPECT_EQ(overflow.not_finite_component, -2) << describe(overflow);
}

TEST_P(MinimizeReasons, AFixedStepBeyondAWall) {
  const MinimizeReport report = run(Separate<Barrier>{}, {0.5}, {.method = Method::gradient, .step = 10});
  EXPECT_EQ(report.reason, StopReason::not_finite) << describe(report);
  EXPECT_EQ(report.iterations, 1);
}

TEST_P(MinimizeReasons, TheMinimumAsAStart) {
  for (const Method method : searching) {
    for (const MinimizeReport& report : {run(Diagonal{}, {-3.0, -2.0, -1.0}, {.method = method}),
                                         run(Separate<Flat>{}, {1.0, 2.0}, {.method = method})}) {
      EXPECT_EQ(report.reason, StopReason::gradient);
      EXPECT_EQ(report.iterations, 0);
      EXPECT_EQ(report.evaluations.gradients, 2);
    }
  }
}

/// Whose gradient is another one from some call on.
struct Fickle : Posed<double, Diagonal> {
  Fickle(const Executor& where, double factor) : Posed(where, Diagonal{1}, 5), other(where, Diagonal{1}, 5, factor) {}
  double value_and_gradient(const Executor& where, std::span<const double> x, std::span<double> gradient) const {
    return ++calls < 4 ? Posed::value_and_gradient(where, x, gradient) : other.value_and_gradient(where, x, gradient);
  }
  Posed<double, Diagonal> other;
  mutable int calls = 0;
};

TEST_P(MinimizeReasons, NotReproducible) {
  const Executor where = executor();
  Array<double> x = array_of(where, somewhere_);
  const MinimizeOptions options{.relative_gradient_tolerance = 1e-15};
  const MinimizeReport settled = minimize(where, Fickle(where, 1), x, options);
  EXPECT_TRUE(settled.converged()) << describe(settled);
  x = array_of<double>(where, {-3.0, -2.0, -1.0, 0.0, 1.5});
  const MinimizeReport report =
      minimize(where, Fickle(where, 100), x, {.method = Method::gradient, .step = 0.5, .gradient_tolerance = 0.125});
  EXPECT_EQ(report.iterations, 2);
  EXPECT_EQ(report.reason, StopReason::not_reproducible) << describe(report);
  EXPECT_GT(report.gradient_norm, 0.125);
}

std::string message_of(const MinimizeOptions& options, std::size_t n = 2) {
  struct Plain {
    double value(const Executor&, std::span<const double>) const { return 0; }
    double value_and_gradient(const Executor&, std::span<const double>, std::span<double>) const { return 0; }
  };
  std::vector<double> x(n, 1);
  try {
    minimize(Executor::cpu(1), Plain(), x, options);
  } catch (const nabla::Error& error) {
    return error.what();
  }
  return "";
}

TEST(MinimizeRefuses, WhatCannotBeRight) {
  EXPECT_EQ(message_of({}, 0), "minimize: x must have one variable or more, found 0");
  EXPECT_EQ(message_of({.method = static_cast<Method>(77)}), "minimize: no such method: 77");
  EXPECT_EQ(message_of({.method = Method::newton_cg}),
            "minimize: newton_cg needs an objective with hessian_vector_product(executor, x, v, product)");
  EXPECT_EQ(message_of({.method = Method::adam}), "minimize: adam has no line search; expected a step, as 1e-3");
  EXPECT_EQ(message_of({.method = Method::bfgs}, 1025),
            "minimize: bfgs keeps a matrix of n x n numbers, for up to 1024 variables; found 1025, for which there is "
            "lbfgs");
  EXPECT_EQ(message_of({.step = 1}), "minimize: lbfgs finds its steps itself; expected step 0");
  EXPECT_EQ(message_of({.step = -1}), "minimize: step must be positive, or 0 for a line search, found -1");
  EXPECT_EQ(message_of({.line_search = static_cast<LineSearch>(9)}),
            "minimize: line_search must be strong_wolfe or backtracking, found 9");
  EXPECT_EQ(message_of({.memory = 0}), "minimize: memory must be 1 to 64 pairs, found 0");
  EXPECT_EQ(message_of({.memory = 65}), "minimize: memory must be 1 to 64 pairs, found 65");
  EXPECT_EQ(message_of({.momentum = 1}), "minimize: momentum must be less than 1, found 1");
  EXPECT_EQ(message_of({.inner_iterations = 0}), "minimize: inner_iterations must be 1 or more, found 0");
  EXPECT_EQ(message_of({.gradient_tolerance = -1}),
            "minimize: gradient_tolerance must be 0 or more, and finite, found -1");
  EXPECT_EQ(message_of({.relative_gradient_tolerance = 1}),
            "minimize: relative_gradient_tolerance must be 0 or more, and less than 1, found 1");
  EXPECT_EQ(message_of({.relative_tolerance = NAN}),
            "minimize: relative_tolerance must be 0 or more, and finite, found nan");
  EXPECT_EQ(message_of({.target = NAN}), "minimize: target must be a number, found nan");
  EXPECT_EQ(message_of({.max_iterations = -1}), "minimize: max_iterations must be 0 or more, found -1");
  EXPECT_EQ(message_of({.max_evaluations = 0}), "minimize: max_evaluations must be 1 or more, found 0");
  EXPECT_EQ(message_of({.max_seconds = -1}), "minimize: max_seconds must be 0 or more, found -1");
  EXPECT_EQ(message_of({.clip = 0}), "minimize: clip must be positive, found 0");
  EXPECT_EQ(message_of({.clip = 1}), "minimize: clip is for fixed steps, and lbfgs with a line search has none");
  EXPECT_EQ(message_of({.callback_every = 0}), "minimize: callback_every must be 1 or more, found 0");
  EXPECT_EQ(message_of({.checkpoint_every = 0}), "minimize: checkpoint_every must be 1 or more, found 0");
}

class MinimizeOnCuda : public nabla::test::OnCuda {};
INSTANTIATE_TEST_SUITE_P(On, MinimizeOnCuda, nabla::test::only_cuda(), nabla::test::executor_name);

TEST_P(MinimizeOnCuda, RefusesHostMemory) {
  const Executor where = executor();
  std::vector<double> x(5, 1.0);
  EXPECT_THROW(minimize(where, posed<double>(where, Diagonal{}, 5), x), nabla::MemorySpaceError);
}

}  // namespace
