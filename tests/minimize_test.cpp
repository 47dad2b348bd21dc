// Minimising objectives of many variables: known minima are reached by every method, rounding and walls are survived,
// and threads change nothing.

#include "executors.hpp"
#include "minimize_problems.hpp"

#include <nabla/minimize.hpp>

#include <cmath>
#include <cstring>
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

class Minimize : public nabla::test::OnEveryExecutor {
 protected:
  std::int64_t many() const { return executor().is_cuda() ? 300 : 10'000; }
};
INSTANTIATE_TEST_SUITE_P(On, Minimize, nabla::test::every_executor(), nabla::test::executor_name);

const std::vector<Method> line_methods{Method::gradient,         Method::heavy_ball,   Method::nesterov,
                                       Method::barzilai_borwein, Method::nonlinear_cg, Method::lbfgs,
                                       Method::newton_cg};

TEST_P(Minimize, QuadraticsOfKnownSolution) {
  const Executor where = executor();
  for (const Method method : line_methods) {
    for (const std::int64_t n : {std::int64_t{1}, std::int64_t{2}, std::int64_t{33}, many()}) {
      SCOPED_TRACE(std::string(name_of(method)) + ", n = " + std::to_string(n));
      Array<double> x = constant<double>(where, n, 10);
      const auto f = posed<double>(where, Diagonal{100}, n);
      const MinimizeReport report = minimize(where, f, x, {.method = method, .relative_gradient_tolerance = 1e-10});
      EXPECT_LE(report.reason, StopReason::relative_gradient) << describe(report);
      EXPECT_TRUE(report.converged());
      printf("%s\n", describe(report).c_str());
      EXPECT_LE(report.gradient_norm, 1e-10 * report.first_gradient_norm);
      // Every a_i >= 1, so that errors are no larger than the gradient.
      EXPECT_LE(distance(x, [](std::int64_t i) { return Diagonal{}.solution(i); }), report.gradient_norm);
      EXPECT_LT(report.value, report.first_value * 1e-18);
    }
  }
}

TEST_P(Minimize, Rosenbrock) {
  const Executor where = executor();
  const std::int64_t n = where.is_cuda() ? 100 : 1000;
  for (const Method method : line_methods) {
    for (const std::int64_t apart : {1, 2}) {
      SCOPED_TRACE(std::string(name_of(method)) + ", apart " + std::to_string(apart));
      Array<double> x = rosenbrock_start<double>(where, n);
      const auto f = posed<double>(where, Rosenbrock{apart}, n);
      const MinimizeReport report =
          minimize(where, f, x, {.method = method, .gradient_tolerance = 1e-8, .relative_gradient_tolerance = 0});
      EXPECT_EQ(report.reason, StopReason::gradient) << describe(report);
      EXPECT_LE(report.gradient_norm, 1e-8);
      std::printf("%s\n", describe(report).c_str());
    }
  }
}

}  // namespace
