// Gradient checks: right gradients are agreed upon, corners never are, and what else a report says. Gradients that are
// wrong on purpose are in check_faults_test.cpp.

#include "executors.hpp"

#include <nabla/check.hpp>
#include <nabla/functions.hpp>

#include <atomic>
#include <cmath>

namespace {

using nabla::check_gradient;
using nabla::CheckOptions;
using nabla::CheckReport;
using nabla::Executor;
using nabla::Formula;
using nabla::Layout;
using nabla::Points;
using nabla::Verdict;

class Check : public nabla::test::OnEveryExecutor {};
INSTANTIATE_TEST_SUITE_P(On, Check, nabla::test::every_executor(), nabla::test::executor_name);

template <class T, class F>
void expect_agreement(const Executor& where, const F& f) {
  const std::int64_t n = std::max<std::int64_t>(F::info.dimension.least, 2);
  SCOPED_TRACE(std::string(F::info.name) + (sizeof(T) == 4 ? " f32" : " f64"));
  const std::int64_t count = where.is_cuda() ? 100 : 1000;
  const auto points = Points<T>::uniform(where, count, n, F::info.low, F::info.high, 7);
  const CheckReport report = check_gradient(where, nabla::looped(f), points);
  EXPECT_EQ(report.verdict, Verdict::agree) << describe(report);
  EXPECT_EQ(report.disagreeing, 0);
  EXPECT_EQ(report.points_checked + report.points_not_finite, count);
  EXPECT_EQ(report.spread, 0);
  EXPECT_EQ(report.diagnosis, "");
  EXPECT_LT(report.max_relative_error, sizeof(T) == 4 ? 1e-3 : 1e-8);
  if (sizeof(T) == 8 && !std::isnan(report.median_slope)) {
    EXPECT_NEAR(report.median_slope, 2, 0.05);
  }
}

TEST_P(Check, NamedFunctionsAgree) {
  nabla::functions::for_each([&](const auto& f) {
    expect_agreement<double>(executor(), f);
    expect_agreement<float>(executor(), f);
  });
}

struct Corner {
  template <class Point>
  constexpr auto operator()(const Point& x) const {
    using nabla::abs;
    return abs(x[0]) + x[1] * x[1];
  }
};

TEST_P(Check, CornersAreReportedAndNotAgreedUpon) {
  const auto points = Points<double>::from_host(executor(), std::vector<double>{0, 1, 0.5, 1, -3, 2}, 2);
  const CheckReport report = check_gradient(executor(), Corner{}, points);
  EXPECT_EQ(report.verdict, Verdict::unresolved);
  ASSERT_EQ(report.nonsmooth_points, 1);
  EXPECT_EQ(report.nonsmooth[0].point, 0);
  EXPECT_EQ(report.nonsmooth[0].component, 0);
  EXPECT_NEAR(report.nonsmooth[0].left, -1, 1e-9);
  EXPECT_NEAR(report.nonsmooth[0].right, 1, 1e-9);
  EXPECT_EQ(report.linear, 0);  // nor is a corner a parabola
}

/// A gradient at a corner that is not even between the derivatives of the two sides is wrong.
struct Steep {
  template <class Point>
  constexpr auto operator()(const Point& x) const {
    using S = typename Point::value_type;
    return std::array<S, 2>{S(5), 2 * x[1]};
  }
};
TEST_P(Check, AtACornerOnlySubgradientsAreDoubtful) {
  const auto points = Points<double>::from_host(executor(), std::vector<double>{0, 1}, 2);
  EXPECT_EQ(check_gradient(executor(), Corner{}, Steep{}, points).verdict, Verdict::disagree);
}

TEST_P(Check, FormulasThatAreNotSmoothAreNeverAgreedUpon) {
  struct Case {
    const char* text;
    std::vector<double> at;
  };
  const Case cases[] = {{"where(x^2 + y^2 > 0, x*y/(x^2 + y^2), 0)", {0, 0}},
                        {"abs(x) + y", {0, 2}},
                        {"max(0, x) + y^2", {0, 1}},
                        {"max(x, y)", {1, 1}},
                        {"min(x^2, y)", {2, 4}},
                        {"sign(x)*y", {0, 1}},
                        {"where(x < 1, x, 2*x) + 0*y", {1, 1}},
                        {"sqrt(abs(x)) + y", {0, 1}},
                        {"cbrt(x) + y", {0, 1}},
                        {"hypot(x, y)", {0, 0}},
                        {"sqrt(x) + y", {0, 1}},
                        {"x/y", {1, 0}}};
  for (const auto& [text, at] : cases) {
    const Formula f = Formula::parse(text, {.variables = {"x", "y"}});
    for (const bool single : {false, true}) {
      SCOPED_TRACE(std::string(text) + (single ? " f32" : " f64"));
      const std::vector<float> rounded(at.begin(), at.end());
      const CheckReport report = single
                                     ? check_gradient(executor(), f, Points<float>::from_host(executor(), rounded, 2))
                                     : check_gradient(executor(), f, Points<double>::from_host(executor(), at, 2));
      EXPECT_EQ(report.verdict, Verdict::unresolved) << describe(report);
    }
  }
}

TEST_P(Check, CornersNearbyDoNotMatter) {
  const auto points = Points<double>::from_host(executor(), std::vector<double>{1e-4, 1, -3e-7, 2}, 2);
  const CheckReport report = check_gradient(executor(), Corner{}, points);
  EXPECT_EQ(report.verdict, Verdict::agree) << describe(report);
}

TEST_P(Check, LinearAndQuadraticFunctionsAreRecognised) {
  const auto points = Points<double>::uniform(executor(), 64, 2, 1, 3, 5);
  const CheckReport linear = check_gradient(executor(), Formula::parse("2*x - y + 1"), points);
  EXPECT_GT(linear.linear, 200);
  EXPECT_EQ(linear.quadratic, 0);
  EXPECT_TRUE(std::isnan(linear.median_slope));
  const CheckReport quadratic = check_gradient(executor(), Formula::parse("x^2 - 3*x*y + y^2"), points);
  EXPECT_EQ(quadratic.linear, 0);
  EXPECT_GT(quadratic.quadratic, 150);
  const CheckReport neither = check_gradient(executor(), Formula::parse("x^3 + sin(y)"), points);
  EXPECT_EQ(neither.linear + neither.quadratic, 0);
  EXPECT_NEAR(neither.median_slope, 2, 0.05);
}

TEST_P(Check, AWrongGradientHasErrorsThatDoNotShrink) {
  const auto points = Points<double>::uniform(executor(), 64, 2, 1, 3, 5);
  const Formula f = Formula::parse("x^3*y"), wrong = Formula::parse("3*x^2*y; x^3 + 1", {.variables = {"x", "y"}});
  const CheckReport report = check_gradient(executor(), f, wrong, points);
  EXPECT_EQ(report.verdict, Verdict::disagree);
  EXPECT_NEAR(report.median_slope, 0, 0.05);
  EXPECT_EQ(report.worst.front().component, 1);
  EXPECT_NEAR(report.worst.front().analytic - report.worst.front().numeric, 1, 1e-6);
}

TEST_P(Check, TheLayoutOfThePointsDoesNotMatter) {
  const auto one = Points<double>::uniform(executor(), 100, 3, -1, 2, 9, Layout::component_major);
  const auto other = Points<double>::uniform(executor(), 100, 3, -1, 2, 9, Layout::point_major);
  const Formula f = Formula::parse("exp(x*y)*z + y^2");
  const CheckReport a = check_gradient(executor(), f, one), b = check_gradient(executor(), f, other);
  EXPECT_EQ(a.verdict, Verdict::agree);
  EXPECT_EQ(a.max_relative_error, b.max_relative_error);
  EXPECT_EQ(a.median_slope, b.median_slope);
  EXPECT_EQ(a.evaluations, b.evaluations);
}

// Points backwards, or their components, with numbers between them that are none of theirs.
TEST_P(Check, StridesOfAnySign) {
  constexpr std::int64_t count = 60, n = 2;
  const auto points = Points<double>::uniform(executor(), count, n, 1, 2, 9, Layout::point_major);
  const std::vector<double> numbers = points.to_host();  // point by point
  const Formula f = Formula::parse("x^3*y"), wrong = Formula::parse("3*x^2*y; where(x > 1.9, 2, 1)*x^3");
  struct Strides {
    std::int64_t item, component;
  };
  for (const auto [item, component] :
       {Strides{3, 1}, {-3, 1}, {3, -1}, {-3, -1}, {1, 64}, {-1, 64}, {1, -64}, {-1, -64}}) {
    SCOPED_TRACE(std::to_string(item) + ", " + std::to_string(component));
    const std::int64_t start = (item < 0 ? -item * (count - 1) : 0) + (component < 0 ? -component * (n - 1) : 0);
    std::vector<double> spread(256, std::nan(""));
    for (std::int64_t p = 0; p < count; ++p) {
      for (std::int64_t i = 0; i < n; ++i) {
        spread[static_cast<std::size_t>(start + p * item + i * component)] =
            numbers[static_cast<std::size_t>(p * n + i)];
      }
    }
    nabla::Array<double> memory(executor(), 256);
    memory.upload(spread);
    const nabla::BatchView<const double> view(memory.data() + start, count, n, item, component);
    const CheckReport right = check_gradient(executor(), f, view), report = check_gradient(executor(), f, wrong, view);
    EXPECT_EQ(right.verdict, Verdict::agree) << describe(right);
    EXPECT_EQ(right.max_relative_error, check_gradient(executor(), f, points).max_relative_error);
    EXPECT_EQ(report.disagreeing, check_gradient(executor(), f, wrong, points).disagreeing);
    EXPECT_GT(report.disagreeing, 0);
    const auto& worst = report.worst.front();
    EXPECT_EQ(worst.x, std::vector<double>(numbers.begin() + worst.point * n, numbers.begin() + worst.point * n + n));
    EXPECT_GT(worst.x[0], 1.9);
  }
}

TEST_P(Check, EmptyBatchesAndPointsWithoutValuesAreUnresolved) {
  const Formula f = Formula::parse("log(x)");
  EXPECT_EQ(check_gradient(executor(), f, Points<double>(executor(), 0, 1)).verdict, Verdict::unresolved);
  const auto points = Points<double>::from_host(executor(), std::vector<double>{-1, -2}, 1);
  const CheckReport report = check_gradient(executor(), f, points);
  EXPECT_EQ(report.verdict, Verdict::unresolved);
  EXPECT_EQ(report.points_not_finite, 2);
  const auto mixed = Points<double>::from_host(executor(), std::vector<double>{-1, 2}, 1);
  EXPECT_EQ(check_gradient(executor(), f, mixed).verdict, Verdict::agree);
}

struct Spiral {
  template <class Point>
  constexpr auto operator()(const Point& x) const {
    using nabla::cos, nabla::sin;
    using S = typename Point::value_type;
    return std::array<S, 2>{x[0] * cos(x[1]), x[0] * sin(x[1]) + x[1]};
  }
};
/// Row by row, or column by column.
struct SpiralJacobian {
  bool transposed;
  template <class Point>
  constexpr auto operator()(const Point& x) const {
    using nabla::cos, nabla::sin;
    using S = typename Point::value_type;
    const S c = cos(x[1]), s = sin(x[1]);
    const S upper = -x[0] * s, lower = s;
    return std::array<S, 4>{c, transposed ? lower : upper, transposed ? upper : lower, x[0] * c + 1};
  }
};

TEST_P(Check, Jacobians) {
  const auto points = Points<double>::uniform(executor(), 50, 2, -2, 2, 3);
  EXPECT_EQ(nabla::check_jacobian(executor(), Spiral{}, points).verdict, Verdict::agree);
  EXPECT_EQ(nabla::check_jacobian(executor(), Formula::parse("x*cos(y); x*sin(y) + y"), points).verdict,
            Verdict::agree);
  EXPECT_EQ(nabla::check_jacobian(executor(), Spiral{}, SpiralJacobian{false}, points).verdict, Verdict::agree);
  const CheckReport wrong = nabla::check_jacobian(executor(), Spiral{}, SpiralJacobian{true}, points);
  EXPECT_EQ(wrong.verdict, Verdict::disagree);
  EXPECT_EQ(wrong.diagnosis, "the Jacobian is transposed");
}

TEST_P(Check, HessianVectorProducts) {
  const auto points = Points<double>::uniform(executor(), 50, 2, -2, 2, 3);
  EXPECT_EQ(nabla::check_hessian_vector_product(executor(), nabla::functions::WaveSaddle{}, points).verdict,
            Verdict::agree);
  const Formula f = Formula::parse("x^2*y + sin(x*y)");
  EXPECT_EQ(nabla::check_hessian_vector_product(executor(), f, points).verdict, Verdict::agree);
}

/// A formula's first stage does what a functor's does, wherever it runs; on CUDA devices up to a length.
TEST_P(Check, FormulasAreTriedInOnePass) {
  const auto points = Points<double>::uniform(executor(), 300, 2, -2, 2, 5);
  const CheckReport functor = check_gradient(executor(), nabla::functions::WaveSaddle{}, points);
  const CheckReport formula =
      check_gradient(executor(), Formula::parse("a*x^2*y + sin(x*y)", {.parameters = {{"a", 1}}}), points);
  EXPECT_EQ(formula.verdict, Verdict::agree);
  EXPECT_EQ(formula.evaluations, functor.evaluations);
  EXPECT_NEAR(formula.median_slope, functor.median_slope, 0.01);
  const CheckReport wrong = check_gradient(executor(), Formula::parse("x^2*y"), Formula::parse("2*x*y; 2*x^2"), points);
  EXPECT_EQ(wrong.disagreeing, 300);
  std::string text = "x*y";
  for (int k = 1; k <= 250; ++k) text += " + sin(" + std::to_string(k) + "*x + y)";
  const auto few = Points<double>::uniform(executor(), 20, 2, -1, 1, 5);
  const CheckReport long_one = check_gradient(executor(), Formula::parse(text), few);
  EXPECT_EQ(long_one.verdict, Verdict::agree) << describe(long_one);
}

/// So many that CUDA's blocks don't hold their points.
TEST_P(Check, ManyVariables) {
  const auto points = Points<double>::uniform(executor(), 20, 200, -2, 2, 5);
  const Formula formula = Formula::parse("sum(i, 1, n - 1, 100*(x[i+1] - x[i]^2)^2 + (1 - x[i])^2)");
  const CheckReport report = check_gradient(executor(), formula, points);
  EXPECT_EQ(report.verdict, Verdict::agree) << describe(report);
  EXPECT_EQ(check_gradient(executor(), nabla::looped(nabla::functions::Rosenbrock{}), points).verdict, Verdict::agree);
}

/// What f loses to cancellation can't be told from what is wrong with the gradient: the error bar says so.
TEST_P(Check, WhereDifferencesSeeTooLittleTheBarIsWide) {
  const auto points = Points<double>::from_host(executor(), std::vector<double>{1.7}, 1);
  const CheckReport report = check_gradient(executor(), Formula::parse("1e10 + x^2"), points);
  EXPECT_EQ(report.verdict, Verdict::unresolved);
  EXPECT_NEAR(report.worst.front().numeric, 3.4, report.worst.front().error_bar);
  const CheckOptions coarse{.tolerance = 1e-4};
  EXPECT_EQ(check_gradient(executor(), Formula::parse("1e10 + x^2"), points, coarse).verdict, Verdict::agree);
}

/// 1e10 + x^2, whose gradient is `factor` x.
struct FarOff {
  double factor;
  static constexpr int dimension = 1;
  static constexpr bool takes_complex = true;
  template <class Point>
  constexpr auto operator()(const Point& x) const {
    return 1e10 + x[0] * x[0];
  }
  template <class Point, class Gradient>
  constexpr void gradient(const Point& x, Gradient& g) const {
    g[0] = factor * x[0];
  }
};
TEST_P(Check, ComplexStepsTellWhereDifferencesCanNot) {
  const auto points = Points<double>::uniform(executor(), 30, 1, 1, 2, 3);
  const CheckReport right = check_gradient(executor(), FarOff{2}, points);
  EXPECT_EQ(right.verdict, Verdict::agree) << describe(right);
  EXPECT_LT(right.worst.front().error_bar, 1e-12);
  EXPECT_EQ(check_gradient(executor(), FarOff{2.0000002}, points).verdict, Verdict::disagree);
}

TEST_P(Check, CornersOfOneOutputOfSeveral) {
  const auto points = Points<double>::from_host(executor(), std::vector<double>{0, 1}, 2);
  const CheckReport report = nabla::check_jacobian(executor(), Formula::parse("x*y; abs(x) + y"), points);
  EXPECT_EQ(report.verdict, Verdict::unresolved);
  ASSERT_EQ(report.nonsmooth.size(), 1u);
  EXPECT_EQ(report.nonsmooth[0].output, 1);
  EXPECT_EQ(report.nonsmooth[0].component, 0);
}

TEST_P(Check, RefusesOptionsOutOfRange) {
  const auto points = Points<double>::uniform(executor(), 4, 2, -2, 2, 3);
  const auto message = [&](const CheckOptions& options) -> std::string {
    try {
      check_gradient(executor(), nabla::functions::WaveSaddle{}, points, options);
    } catch (const nabla::ShapeError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(message({.directions = 0}), "check_gradient: between 1 and 64 directions, found 0");
  EXPECT_EQ(message({.steps = 51}), "check_gradient: between 8 and 50 steps, found 51");
  EXPECT_EQ(message({.tolerance = -1}),
            "check_gradient: the tolerance must be positive, or 0 for the precision's own, found -1.000000");
  EXPECT_EQ(message({.scale = {1}}), "check_gradient: a scale for each of 2 variables, found 1");
}

TEST_P(Check, AnyNumberOfDirectionsAndSteps) {
  const auto points = Points<double>::uniform(executor(), 40, 2, -2, 2, 3);
  for (const int directions : {1, 8, 9, 20}) {
    for (const int steps : {8, 13, 25, 50}) {
      const CheckOptions options{.directions = directions, .steps = steps};
      const CheckReport report = check_gradient(executor(), nabla::functions::WaveSaddle{}, points, options);
      EXPECT_EQ(report.verdict, Verdict::agree) << directions << " directions, " << steps << " steps";
      EXPECT_GE(report.evaluations, 40 * (1 + 2 * directions * steps));
    }
  }
}

/// A gradient that is not the same when it is asked for again, as those of racing threads are not.
struct Unsteady {
  std::atomic<int>* calls;
  static constexpr int dimension = 1;
  static constexpr bool vectorizable = false;
  template <class Point>
  auto operator()(const Point& x) const {
    return x[0] * x[0];
  }
  template <class Point, class Gradient>
  void gradient(const Point& x, Gradient& g) const {
    g[0] = 2 * x[0] * (1 + 1e-13 * static_cast<double>(calls->fetch_add(1) % 7));
  }
};

TEST(CheckOnTheCpu, GradientsThatChangeAreTold) {
  std::atomic<int> calls = 0;
  const Executor where = Executor::cpu(1);
  const auto points = Points<double>::uniform(where, 100, 1, 1, 2, 3);
  const CheckReport report = check_gradient(where, Unsteady{&calls}, points);
  EXPECT_EQ(report.verdict, Verdict::agree);
  EXPECT_GT(report.spread, 1e-14);
  EXPECT_LT(report.spread, 1e-11);
}

/// Of a chain of many variables; one derivative is off by a hundredth.
struct LongChain {
  std::int64_t wrong;
  static constexpr int dimension = nabla::dynamic;
  template <class Point>
  constexpr auto operator()(const Point& x) const {
    typename Point::value_type sum(0);
    for (std::int64_t i = 0; i + 1 < x.size(); ++i) sum = sum + x[i] * x[i] * x[i + 1];
    return sum;
  }
  template <class Point, class Gradient>
  constexpr void gradient(const Point& x, Gradient& g) const {
    for (std::int64_t i = 0; i < x.size(); ++i) {
      if (i + 1 < x.size()) g[i] += 2 * x[i] * x[i + 1];
      if (i > 0) g[i] += x[i - 1] * x[i - 1];
      if (i == wrong) g[i] += 0.01 * x[i];
    }
  }
};

TEST(CheckOnTheCpu, OneWrongComponentOfThousandsIsFound) {
  const Executor where = Executor::cpu(2);
  const auto points = Points<double>::uniform(where, 3, 5000, 1, 2, 3);
  const CheckReport report = check_gradient(where, LongChain{3217}, points);
  EXPECT_EQ(report.verdict, Verdict::disagree);
  EXPECT_EQ(report.worst.front().component, 3217);
  EXPECT_EQ(report.diagnosis.find("wrong in component 3217 alone"), 0u) << report.diagnosis;
  EXPECT_EQ(check_gradient(where, LongChain{-1}, points).verdict, Verdict::agree);
}

}  // namespace
