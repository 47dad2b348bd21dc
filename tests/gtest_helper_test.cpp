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
  EXPECT_NONFATAL_FAILURE(EXPECT_GRADIENT(Bowl{3}, some_points()), "component 1: ");
}

TEST(GoogleTestHelper, TellsCorners) {
  const auto corner = nabla::Formula::parse("abs(x)");
  const auto zero = Points<double>::from_host(Executor::cpu(1), std::vector<double>{0}, 1);
  EXPECT_NONFATAL_FAILURE(EXPECT_GRADIENT(corner, zero), "not smooth at point 0 along component 0: -1 on one side");
}

TEST(GoogleTestHelper, TakesOptions) {
  EXPECT_TRUE(nabla::gradient_agrees(Bowl{2.0001}, some_points(), {.tolerance = 1e-3}));
  EXPECT_FALSE(nabla::gradient_agrees(Bowl{2.0001}, some_points()));
}

}  // namespace
