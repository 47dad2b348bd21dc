// The helper for other people's tests: what passes, what fails, and what a failure says.

#include <gtest/gtest-spi.h>
#include <nabla/gtest.hpp>

namespace {

using nabla::Executor;
using nabla::Points;

struct Bowl {
  double factor;  // of the gradient's second component, which should be 2
  static constexpr int dimension = 2;
  template <class Point>
  constexpr auto operator()(const Point& x) const {
    return x[0] * x[0] + x[1] * x[1];
  }
  template <class Point, class Gradient>
  constexpr void gradient(const Point& x, Gradient& g) const {
    g[0] = 2 * x[0];
    g[1] = factor * x[1];
  }
};

Points<double> some_points() { return Points<double>::uniform(Executor::cpu(1), 20, 2, 1, 2, 5); }

TEST(GoogleTestHelper, PassesRightGradients) {
  EXPECT_GRADIENT(Bowl{2}, some_points());
  ASSERT_GRADIENT(Bowl{2}, some_points()) << "and takes a message";
}

TEST(GoogleTestHelper, SaysWhatIsWrong) {
  EXPECT_NONFATAL_FAILURE(EXPECT_GRADIENT(Bowl{-2}, some_points()),
                          "disagree: of 20 points 20 disagree, 0 can't be resolved; tolerance 1e-08\n"
                          "  component 1 has the wrong sign\n");
  const auto at = Points<double>::from_host(Executor::cpu(1), std::vector<double>{1, 0.5}, 2);
  EXPECT_NONFATAL_FAILURE(EXPECT_GRADIENT(Bowl{3}, at), "point 0, component 1 at (1, 0.5): 1.5, differences say 1 +- ");
}

TEST(GoogleTestHelper, NamesVariables) {
  const nabla::CheckOptions options{.variables = {"width", "height"}};
  EXPECT_NONFATAL_FAILURE(EXPECT_GRADIENT(Bowl{-2}, some_points(), options), "  component height has the wrong sign\n");
  EXPECT_NONFATAL_FAILURE(EXPECT_GRADIENT(Bowl{-2}, some_points(), options), ", component height at (");
}

TEST(GoogleTestHelper, TellsPointsThatAreLeftOut) {
  const auto root = nabla::Formula::parse("sqrt(x)");
  const auto at = [](const std::vector<double>& x) { return Points<double>::from_host(Executor::cpu(1), x, 1); };
  EXPECT_NONFATAL_FAILURE(EXPECT_GRADIENT(root, at({-1})), "  f is not finite at any point\n");
  EXPECT_NONFATAL_FAILURE(EXPECT_GRADIENT(root, at({-1, 0, -2})),
                          "  f is not finite at 2 points, which are left out\n");
  EXPECT_NONFATAL_FAILURE(EXPECT_GRADIENT(root, at({})), "  there are no points\n");
}

TEST(GoogleTestHelper, TellsCorners) {
  const auto corner = nabla::Formula::parse("abs(x)");
  const auto zero = Points<double>::from_host(Executor::cpu(1), std::vector<double>{0}, 1);
  EXPECT_NONFATAL_FAILURE(EXPECT_GRADIENT(corner, zero), "not smooth at point 0 along component 0: -1 on one side");
}

TEST(GoogleTestHelper, TakesOptions) {
  EXPECT_TRUE(nabla::gradient_agrees(Bowl{2.0001}, some_points(), {.tolerance = 1e-3}));
  EXPECT_FALSE(nabla::gradient_agrees(Bowl{2.0001}, some_points()));
  EXPECT_GRADIENT(Bowl{2.0001}, some_points(), {.tolerance = 1e-3});
  const nabla::CheckOptions coarse{.tolerance = 1e-3};
  ASSERT_GRADIENT(Bowl{2.0001}, some_points(), coarse) << "and takes a message";
}

template <int A, int B>
struct Slopes {
  template <class Point>
  constexpr auto operator()(const Point& x) const {
    return double(A) * x[0] + double(B) * x[1];
  }
};

TEST(GoogleTestHelper, TakesCommas) {
  EXPECT_GRADIENT(Slopes<1, 2>{}, some_points());
  EXPECT_GRADIENT(Slopes<1, 2>{}, (some_points()), {.directions = 2, .steps = 20});
}

struct OnesAnd {
  double second;
  template <class Point, class Gradient>
  constexpr void operator()(const Point&, Gradient& g) const {
    g[0] = 1.0;
    g[1] = second;
  }
};

TEST(GoogleTestHelper, TakesGradientsFromElsewhere) {
  const nabla::CheckOptions coarse{.tolerance = 1e-2};
  const Slopes<1, 2> f;
  EXPECT_GRADIENT(f, OnesAnd{2}, some_points());
  EXPECT_GRADIENT(f, OnesAnd{2.001}, some_points(), coarse);
  EXPECT_GRADIENT(f, nabla::Formula::parse("1; 2 + 0*x*y"), some_points());
  EXPECT_NONFATAL_FAILURE(EXPECT_GRADIENT(Bowl{2}, OnesAnd{2}, some_points()), "disagree: ");
}

TEST(GoogleTestHelper, TakesViewsWithAnExecutor) {
  const auto where = Executor::cpu(1);
  const auto points = some_points();
  const nabla::BatchView<const double> constant = points;
  EXPECT_GRADIENT(where, Bowl{2}, points);
  EXPECT_GRADIENT(where, Bowl{2}, points.view());
  EXPECT_GRADIENT(where, Bowl{2}, constant, {.steps = 20});
  EXPECT_GRADIENT(where, Slopes<1, 2>{}, OnesAnd{2}, points);
  EXPECT_GRADIENT(where, Slopes<1, 2>{}, OnesAnd{2}, constant);
  EXPECT_NONFATAL_FAILURE(EXPECT_GRADIENT(Executor::cpu(1), Bowl{3}, some_points().view()), "disagree: ");
}

struct SumOfSquares {
  double factor = 2;  // of the last component
  double value(const Executor&, std::span<const double> x) const {
    double sum = 0;
    for (const double number : x) sum += number * number;
    return sum;
  }
  double value_and_gradient(const Executor& executor, std::span<const double> x, std::span<double> gradient) const {
    for (std::size_t i = 0; i < x.size(); ++i) gradient[i] = 2 * x[i];
    gradient.back() = factor * x.back();
    return value(executor, x);
  }
};

TEST(GoogleTestHelper, TakesObjectives) {
  const std::vector<double> x(100, 0.75);
  nabla::Array<double> on_executor(Executor::cpu(1), 100);
  on_executor.upload(x);
  EXPECT_GRADIENT(SumOfSquares{}, x);
  EXPECT_GRADIENT(SumOfSquares{}, on_executor, {.directions = 2});
  EXPECT_GRADIENT(Executor::cpu(1), SumOfSquares{}, std::span<const double>(x));
  EXPECT_NONFATAL_FAILURE(EXPECT_GRADIENT(SumOfSquares{-2}, std::vector<double>(100, 0.75)),
                          "component 99 at 0.75: -1.5, differences say 1.5 +- ");
}

TEST(GoogleTestHelper, DescribesWhatNoCheckFinds) {
  nabla::CheckReport report;
  report.points_checked = 1;
  report.points_not_finite = 1;
  report.unresolved = 1;
  report.tolerance = 1e-8;
  report.spread = 0.5;
  report.worst = {{0, 0, 0, {}, 1, 1, 0, 0, nabla::Verdict::agree},
                  {0, 1, 3, {}, -std::numeric_limits<double>::quiet_NaN(), 1, 0, 0, nabla::Verdict::unresolved}};
  report.nonsmooth = {{0, -1, -1, 1, 0}};
  EXPECT_EQ(nabla::describe(report, {"x"}),
            "unresolved: of 1 point 0 disagree, 1 can't be resolved; tolerance 1e-08\n"
            "  f is not finite at 1 point, which is left out\n"
            "  point 0, output 1, component 3: nan, differences say 1 +- 0 (unresolved)\n"
            "  not smooth at point 0, output 0 along a random direction: -1 on one side, 1 on the other\n"
            "  the same gradient, evaluated twice, differs by up to 0.5\n");
}

}  // namespace
