// Formulas do what functors do: every operation, precision, layout and executor, checked against the same function in
// C++; the printed derivatives parse to what they were printed from.

#include "executors.hpp"

#include <gtest/gtest.h>
#include <nabla/formula.hpp>

#include <array>
#include <cmath>
#include <string>
#include <vector>

namespace {

using nabla::Batch;
using nabla::Executor;
using nabla::Formula;
using nabla::Layout;
using nabla::Notation;
using nabla::Points;

/// f(x, y, z) = x^2 y + sin(x z) + max(y, z), in both forms.
struct Twin {
  static constexpr int dimension = 3;
  template <class Point>
  constexpr auto operator()(const Point& x) const {
    using nabla::max, nabla::sin;
    return x[0] * x[0] * x[1] + sin(x[0] * x[2]) + max(x[1], x[2]);
  }
};
constexpr char twin_text[] = "x^2*y + sin(x*z) + max(y, z)";

template <class T>
void expect_near(const std::vector<T>& expected, const std::vector<T>& found, const char* what, double ulp = 64) {
  ASSERT_EQ(expected.size(), found.size()) << what;
  const double tolerance = (sizeof(T) == 4 ? 0x1p-24 : 0x1p-53) * ulp;
  for (std::size_t k = 0; k < expected.size(); ++k) {
    const double scale = 1 + std::fabs(static_cast<double>(expected[k]));
    ASSERT_NEAR(static_cast<double>(expected[k]), static_cast<double>(found[k]), tolerance * scale) << what << " " << k;
  }
}

template <class T>
void expect_same_operations(const Executor& where, Layout layout, std::int64_t count) {
  const Formula f = Formula::parse(twin_text);
  const auto x = Points<T>::uniform(where, count, 3, -2, 2, 5, layout);
  const auto v = Batch<T>::uniform(where, count, 3, -1, 1, 6, layout);
  const auto host = [](const auto& batch) { return batch.to_host(); };
  expect_near(host(nabla::value(where, Twin(), x).value), host(nabla::value(where, f, x).value), "value");
  const auto a = nabla::value_and_gradient(where, Twin(), x), b = nabla::value_and_gradient(where, f, x);
  expect_near(host(a.value), host(b.value), "value with gradient");
  expect_near(host(a.gradient), host(b.gradient), "gradient");
  EXPECT_NEAR(a.summary.gradient_norm.l2, b.summary.gradient_norm.l2, 1e-4 * a.summary.gradient_norm.l2);
  EXPECT_EQ(a.summary.count, b.summary.count);
  expect_near(host(nabla::directional_derivative(where, Twin(), x, v).derivative),
              host(nabla::directional_derivative(where, f, x, v).derivative), "directional derivative");
  expect_near(host(nabla::hessian_vector_product(where, Twin(), x, v).product),
              host(nabla::hessian_vector_product(where, f, x, v).product), "Hessian times vector");
  expect_near(host(nabla::hessian(where, Twin(), x).hessian), host(nabla::hessian(where, f, x).hessian), "Hessian");
  expect_near(host(nabla::jacobian(where, Twin(), x).jacobian), host(nabla::jacobian(where, f, x).jacobian),
              "Jacobian");
  expect_near(host(nabla::steepest_ascent(where, Twin(), x).direction),
              host(nabla::steepest_ascent(where, f, x).direction), "ascent");
  expect_near(host(nabla::steepest_ascent(where, Twin(), x).rate), host(nabla::steepest_ascent(where, f, x).rate),
              "rate");
  expect_near(host(nabla::clipped_gradient(where, Twin(), x, 1.5).gradient),
              host(nabla::clipped_gradient(where, f, x, 1.5).gradient), "clipped gradient");
}

class FormulaOperations : public nabla::test::OnEveryExecutor {};
INSTANTIATE_TEST_SUITE_P(On, FormulaOperations, nabla::test::every_executor(), nabla::test::executor_name);

TEST_P(FormulaOperations, AreThoseOfFunctors) {
  for (const std::int64_t count : {1, 7, 64, 1'100}) {
    for (const Layout layout : {Layout::component_major, Layout::point_major}) {
      expect_same_operations<double>(executor(), layout, count);
      expect_same_operations<float>(executor(), layout, count);
    }
  }
}

/// F(x, y) = (x y, x + y, sin x), which as a formula has outputs that are known only when it runs.
struct Triple {
  static constexpr int dimension = 2;
  template <class Point>
  constexpr auto operator()(const Point& x) const {
    using nabla::sin;
    return std::array{x[0] * x[1], x[0] + x[1], sin(x[0])};
  }
};

TEST_P(FormulaOperations, HaveJacobiansOfSeveralOutputs) {
  const Executor where = executor();
  const Formula f = Formula::parse("x*y; x + y; sin(x)");
  for (const Layout layout : {Layout::component_major, Layout::point_major}) {
    const auto x = Points<double>::uniform(where, 100, 2, -2, 2, 5, layout);
    const auto expected = nabla::jacobian(where, Triple(), x), found = nabla::jacobian(where, f, x);
    expect_near(expected.value.to_host(), found.value.to_host(), "values");
    expect_near(expected.jacobian.to_host(), found.jacobian.to_host(), "Jacobian");
  }
}

TEST(FormulaOnCpu, WorksPastTheCachesToo) {
  expect_same_operations<double>(Executor::cpu(2), Layout::component_major, 1 << 20);
}

TEST(FormulaOnCpu, SummariesAreTheSameBitsForAnyThreads) {
  const Formula f = Formula::parse(twin_text);
  const auto run = [&](int threads) {
    const Executor where = Executor::cpu(threads);
    return nabla::value_and_gradient(where, f, Points<double>::uniform(where, 50'001, 3, -2, 2, 5)).summary;
  };
  const nabla::Summary one = run(1), three = run(3);
  EXPECT_EQ(one.value.mean, three.value.mean);
  EXPECT_EQ(one.gradient_norm.l1, three.gradient_norm.l1);
  EXPECT_EQ(one.gradient_norm.argmax, three.gradient_norm.argmax);
}

TEST_P(FormulaOperations, ParametersAreNumbersNotCode) {
  const Executor where = executor();
  Formula f = Formula::parse("a*x^2 + b", {.parameters = {{"a", 2}, {"b", 1}}});
  const auto x = Points<double>::from_host(where, std::vector<double>{3}, 1);
  EXPECT_EQ(nabla::value(where, f, x).value.to_host()[0], 19);
  const Formula before = f;
  f.set_parameter("a", -1);
  EXPECT_EQ(f.parameter("a"), -1);
  EXPECT_EQ(nabla::value_and_gradient(where, f, x).gradient.to_host()[0], -6);
  EXPECT_EQ(nabla::value(where, before, x).value.to_host()[0], 19);  // a copy keeps its own
  EXPECT_THROW(f.set_parameter("c", 1), nabla::FormulaError);
}

TEST_P(FormulaOperations, RefuseWhatMakesNoSense) {
  const Executor where = executor();
  const auto two = Points<double>::uniform(where, 3, 2, -1, 1, 1);
  EXPECT_THROW(nabla::value(where, Formula::parse("x*y*z"), two), nabla::ShapeError);
  EXPECT_THROW(nabla::value_and_gradient(where, Formula::parse("x; y"), two), nabla::ShapeError);
  EXPECT_THROW(nabla::value(where, Formula::parse("x[1] + x[3]"), two), nabla::FormulaError);
  EXPECT_NO_THROW(nabla::value(where, Formula::parse("x[1] + x[2]"), two));
}

TEST_P(FormulaOperations, AHundredThousandVariablesStayALoop) {
  const Executor where = executor();
  const std::int64_t n = 100'000;
  const Formula f = Formula::parse("sum(i, 1, n, i*x[i]^2)/n");
  const auto x = Points<double>::uniform(where, 2, n, -1, 1, 3);
  const auto numbers = x.to_host(), gradient = nabla::value_and_gradient(where, f, x).gradient.to_host();
  for (const std::int64_t i : {0, 1, 4711, 99'999}) {
    const auto k = static_cast<std::size_t>(2 * i);  // component-major, two points
    EXPECT_NEAR(gradient[k], 2.0 * static_cast<double>(i + 1) * numbers[k] / static_cast<double>(n), 1e-14);
  }
}

TEST(FormulaText, IsSimplifiedAndParsesAgain) {
  const Formula f = Formula::parse("x^2*y + sin(x*y)");
  EXPECT_EQ(f.gradient_text(), (std::vector<std::string>{"2*x*y + y*cos(x*y)", "x^2 + x*cos(x*y)"}));
  EXPECT_EQ(Formula::parse("sum(i, 1, n-1, 100*(x[i+1]-x[i]^2)^2 + (1-x[i])^2)").gradient_text(0, 3)[2],
            "200*(x[3] - x[2]^2)");
  EXPECT_EQ(f.gradient_text(0, 0, Notation::latex)[1], "x^{2} + x \\operatorname{cos}\\left(x y\\right)");
  EXPECT_EQ(Formula::parse("x[1]/x[2]").value_text(0, 2, Notation::latex), "\\frac{x_{1}}{x_{2}}");
  EXPECT_THROW(Formula::parse("sum(i, 1, n, x[i]^2)").gradient_text(0, 1'000'000), nabla::FormulaError);
}

/// The printed value and derivatives, parsed and evaluated, against those of the formula itself.
void expect_round_trip(const std::string& text, std::int64_t n) {
  SCOPED_TRACE(text);
  const Executor where = Executor::cpu(1);
  const Formula f = Formula::parse(text);
  if (!f.indexed()) n = f.dimension();
  const auto x = Points<double>::uniform(where, 40, n, 0.1, 1.9, 5);
  const auto found = nabla::hessian(where, f, x);
  const nabla::FormulaOptions options{.variables = f.indexed() ? std::vector<std::string>() : f.variables()};
  const auto values_of = [&](std::string part) {
    if (f.indexed()) part += " + 0*" + f.variables().front() + "[1]";  // so that there is a variable
    return nabla::value(where, Formula::parse(part, options), x).value.to_host();
  };
  expect_near(found.value.to_host(), values_of(f.value_text(0, n)), "value");
  const auto gradient = found.gradient.to_host(), hessian = found.hessian.to_host();
  const auto gradient_text = f.gradient_text(0, n), hessian_text = f.hessian_text(0, n);
  for (std::int64_t i = 0; i < n; ++i) {
    const auto row = gradient.begin() + 40 * i;
    expect_near({row, row + 40}, values_of(gradient_text[static_cast<std::size_t>(i)]), "gradient", 1024);
  }
  for (std::int64_t k = 0; k < n * n; ++k) {
    const auto row = hessian.begin() + 40 * k;
    expect_near({row, row + 40}, values_of(hessian_text[static_cast<std::size_t>(k)]), "Hessian", 1024);
  }
}

TEST(FormulaText, RoundTrips) {
  for (const char* const text : {"x^2*y + sin(x*y)", "a - (b - c) - a/(b/c)", "(-x)^2 + 2^-x - -x^2", "x^y^0.5",
                                 "(x^y)^2", "where(x < y, x*y, x/y) + max(x, y) + min(x, y, 1)",
                                 "hypot(x, y) + atan2(y, x) + cbrt(x)", "tanh(x)*erf(y) + log1p(x) + expm1(y)",
                                 "let r = x^2 + y^2 in r*exp(-r)", "abs(x - y)*sign(y)", "1e-300*x + 1e300*x",
                                 "let a = x*y + 1 in let b = a*a + a in let c = b*b + b in let d = c*c + c in let e2 = "
                                 "d*d + d in e2/(1 + e2)"}) {
    expect_round_trip(text, 0);
  }
  expect_round_trip("sum(i, 1, n, x[i]^i) + prod(i, 1, n, 1 + x[i])", 3);
  expect_round_trip("sum(i, 1, n, sum(j, 1, i, x[i]*x[j]))", 4);
}

}  // namespace
