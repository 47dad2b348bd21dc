// One derivative from differences: the exact value lies within the error bar, and corners are told from curves.

#include "../host/check/line.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

namespace {

using nabla::check::differentiate;
using nabla::check::LineDerivative;
using nabla::detail::precision_of;

constexpr double infinity = std::numeric_limits<double>::infinity();

template <class T, class F>
LineDerivative at(const F& f, double x, double scale = 1) {
  const std::vector<double> steps = nabla::check::line_steps(scale, precision_of<T>);
  std::vector<double> forward, backward;
  for (const double step : steps) {
    forward.push_back(static_cast<double>(f(static_cast<T>(x + step))));
    backward.push_back(static_cast<double>(f(static_cast<T>(x - step))));
  }
  return differentiate({static_cast<double>(f(static_cast<T>(x))), steps, forward, backward, precision_of<T>});
}

/// The bar holds the exact value, and is as narrow as `relative` of it, or `absolute`.
void expect_within(const LineDerivative& found, double exact, double relative, double absolute = 0) {
  EXPECT_LE(std::fabs(found.value - exact), found.error_bar);
  EXPECT_LE(found.error_bar, relative * std::fabs(exact) + absolute);
  EXPECT_TRUE(found.smooth);
}

TEST(Line, SmoothFunctionsToManyDigits) {
  using std::exp, std::sin, std::cos, std::tan, std::log;
  expect_within(at<double>([](double x) { return sin(x); }, 0.3), cos(0.3), 1e-12);
  expect_within(at<double>([](double x) { return exp(x); }, 3), exp(3.0), 1e-12);
  expect_within(at<double>([](double x) { return exp(x); }, 700), exp(700.0), 1e-10);
  expect_within(at<double>([](double x) { return x * x * x; }, 1.7), 8.67, 1e-13);
  expect_within(at<double>([](double x) { return log(x); }, 1e-6), 1e6, 1e-10);
  expect_within(at<double>([](double x) { return tan(x); }, 1.57), 1 / std::pow(cos(1.57), 2), 1e-11);
  expect_within(at<double>([](double x) { return x * x; }, 0), 0, 0, 1e-20);
  expect_within(at<double>([](double) { return 5.0; }, 1), 0, 0, 1e-12);
}

TEST(Line, FunctionsThatWaveFarFasterThanTheFirstSteps) {
  constexpr double pi = std::numbers::pi;
  expect_within(at<double>([](double x) { return std::sin(1000 * x); }, 0.3), 1000 * std::cos(300.0), 1e-11);
  expect_within(at<double>([](double x) { return std::sin(1e6 * x); }, 0.3), 1e6 * std::cos(1e6 * 0.3), 1e-8);
  expect_within(at<double>([](double x) { return std::sin(16 * pi * x); }, 0), 16 * pi, 1e-12);
}

TEST(Line, InSinglePrecisionTheBarIsWiderAndTrue) {
  expect_within(at<float>([](float x) { return std::sin(x); }, 0.3f), std::cos(0.3f), 1e-5);
  expect_within(at<float>([](float x) { return std::exp(x); }, 3), std::exp(3.0), 1e-5);
  expect_within(at<float>([](float x) { return x * x * x; }, 1.5f), 6.75, 1e-5);
}

TEST(Line, CancellationWidensTheBar) {
  const LineDerivative offset = at<double>([](double x) { return 1e10 + x * x; }, 1.7);
  EXPECT_LE(std::fabs(offset.value - 3.4), offset.error_bar);
  EXPECT_GT(offset.error_bar, 1e-7);
  const auto noisy = [](double x) { return std::sin(x) + 1e-9 * std::sin(1e13 * x); };
  const LineDerivative noise = at<double>(noisy, 0.7);
  EXPECT_LE(std::fabs(noise.value - std::cos(0.7)), noise.error_bar);
  EXPECT_GT(noise.error_bar, 1e-9);
  const LineDerivative vanishes = at<double>([](double x) { return x * x; }, 1e-200, 1e-200);
  EXPECT_LE(std::fabs(vanishes.value - 2e-200), vanishes.error_bar);
}

TEST(Line, ErrorsOfCentredDifferencesHaveSlopeTwo) {
  EXPECT_NEAR(at<double>([](double x) { return std::exp(x); }, 0.5).slope, 2, 0.05);
  EXPECT_NEAR(at<double>([](double x) { return x * x * x; }, 1).slope, 2, 0.05);
  EXPECT_NEAR(at<float>([](float x) { return std::exp(x); }, 0.5f).slope, 2, 0.1);
  EXPECT_TRUE(std::isnan(at<double>([](double x) { return x * x; }, 1.3).slope));
}

TEST(Line, LinearAndQuadratic) {
  const LineDerivative linear = at<double>([](double x) { return 3 * x + 1; }, 1.7);
  EXPECT_TRUE(linear.linear && !linear.quadratic);
  const LineDerivative quadratic = at<double>([](double x) { return x * x - x; }, 1.7);
  EXPECT_TRUE(!quadratic.linear && quadratic.quadratic);
  const LineDerivative cubic = at<double>([](double x) { return x * x * x; }, 1.7);
  EXPECT_TRUE(!cubic.linear && !cubic.quadratic);
}

void expect_corner(const LineDerivative& found, double left, double right) {
  EXPECT_FALSE(found.smooth);
  if (std::isfinite(left)) {
    EXPECT_NEAR(found.left, left, 1e-6);
  } else {
    EXPECT_EQ(found.left, left);
  }
  if (std::isfinite(right)) {
    EXPECT_NEAR(found.right, right, 1e-6);
  } else {
    EXPECT_EQ(found.right, right);
  }
}

TEST(Line, CornersJumpsAndCusps) {
  expect_corner(at<double>([](double x) { return std::fabs(x); }, 0), -1, 1);
  expect_corner(at<double>([](double x) { return std::fabs(x) + x * x + std::sin(x); }, 0), 0, 2);
  expect_corner(at<double>([](double x) { return std::max(x, x * x); }, 1), 1, 2);
  expect_corner(at<double>([](double x) { return x > 0 ? 1.0 : 0.0; }, 0), 0, infinity);
  expect_corner(at<double>([](double x) { return x > 0 ? 1.0 : x < 0 ? -1.0 : 0.0; }, 0), infinity, infinity);
  expect_corner(at<double>([](double x) { return std::sqrt(std::fabs(x)); }, 0), -infinity, infinity);
  expect_corner(at<double>([](double x) { return std::cbrt(x); }, 0), infinity, infinity);
  expect_corner(at<float>([](float x) { return std::fabs(x); }, 0), -1, 1);
  const LineDerivative edge = at<double>([](double x) { return std::sqrt(x); }, 0);
  EXPECT_FALSE(edge.smooth);
  EXPECT_TRUE(std::isnan(edge.left));
  EXPECT_EQ(edge.right, infinity);
  const LineDerivative flat_edge = at<double>([](double x) { return x * std::sqrt(x); }, 0);
  EXPECT_FALSE(flat_edge.smooth);
  EXPECT_TRUE(std::isnan(flat_edge.left));
  EXPECT_NEAR(flat_edge.right, 0, 1e-4);
}

TEST(Line, CurvesThatLookLikeCornersFromAfar) {
  const auto rounded = [](double x) { return std::sqrt(x * x + 1e-12); };
  expect_within(at<double>(rounded, 0), 0, 0, 1e-12);
  expect_within(at<double>(rounded, 1e-7), 1e-7 / std::sqrt(1e-14 + 1e-12), 1e-8);
  expect_within(at<double>([](double x) { return std::fabs(x); }, 1e-4), 1, 1e-12);
  expect_within(at<double>([](double x) { return std::fabs(x); }, 1e-9), 1, 1e-12);
  expect_within(at<double>([](double x) { return x * std::fabs(x); }, 0), 0, 0, 1e-9);
}

TEST(Line, WhereNothingIsFiniteNothingIsKnown) {
  const LineDerivative found = at<double>([](double) { return std::nan(""); }, 1);
  EXPECT_TRUE(std::isnan(found.value));
  EXPECT_EQ(found.error_bar, infinity);
}

}  // namespace
