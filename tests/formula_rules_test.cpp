// Rules of differentiation where they are easily wrong: slopes that are infinite, branches that are not taken, digits
// that cancel, factors that are 0. Each case is worked out by hand.

#include <gtest/gtest.h>
#include <nabla/formula.hpp>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace {

using nabla::Executor;
using nabla::Formula;
using nabla::Points;
using Numbers = std::vector<double>;

constexpr double infinity = std::numeric_limits<double>::infinity();

/// A formula in x, y, z, as many as there are numbers, or in x[1], x[2], …, at a point.
class At {
 public:
  At(const std::string& text, const Numbers& point)
      : n_(static_cast<std::int64_t>(point.size())),
        formula_(Formula::parse(text, {.variables = names(text, point.size())})),
        point_(Points<double>::from_host(where_, point, n_)) {}

  Numbers gradient() const { return nabla::value_and_gradient(where_, formula_, point_).gradient.to_host(); }
  double along(const Numbers& v) const {
    return nabla::directional_derivative(where_, formula_, point_, direction(v)).derivative.to_host()[0];
  }
  Numbers hessian() const { return nabla::hessian(where_, formula_, point_).hessian.to_host(); }
  Numbers hessian_times(const Numbers& v) const {
    return nabla::hessian_vector_product(where_, formula_, point_, direction(v)).product.to_host();
  }

 private:
  static std::vector<std::string> names(const std::string& text, std::size_t n) {
    if (text.find('[') != std::string::npos) return {};
    const std::vector<std::string> all{"x", "y", "z"};
    return {all.begin(), all.begin() + static_cast<std::ptrdiff_t>(n)};
  }
  Points<double> direction(const Numbers& v) const { return Points<double>::from_host(where_, v, n_); }

  Executor where_ = Executor::cpu(1);
  std::int64_t n_;
  Formula formula_;
  Points<double> point_;
};

struct Edge {
  std::string text;
  double x;
};

TEST(FormulaRules, ADirectionThatDoesNotMoveTheArgumentHasNoSlope) {
  for (const auto& [text, x] :
       {Edge{"sqrt(x)", 0}, Edge{"cbrt(x)", 0}, Edge{"log(x)", 0}, Edge{"log1p(x)", -1}, Edge{"log2(x)", 0},
        Edge{"log10(x)", 0}, Edge{"asin(x)", 1}, Edge{"asin(x)", -1}, Edge{"acos(x)", 1}, Edge{"acos(x)", -1},
        Edge{"acosh(x)", 1}, Edge{"atanh(x)", 1}, Edge{"atanh(x)", -1}, Edge{"x^0.5", 0}}) {
    EXPECT_EQ(At(text + " + y", {x, 2}).along({0, 1}), 1) << text;
    EXPECT_EQ(std::fabs(At(text + " + y", {x, 2}).along({1, 0})), infinity) << text;
  }
}

TEST(FormulaRules, AnInnerSlopeOfZeroWinsOverAnInfiniteOne) {
  for (const char* const text : {"sqrt(x^4)", "cbrt(x^3)", "asin(1 - x^2)", "acos(1 - x^2)", "acosh(1 + x^2)",
                                 "(x^2)^0.5", "sqrt(x^2 + y^2)", "(x^2 + y^2)^0.5"}) {
    const Numbers origin(std::string(text).find('y') == std::string::npos ? 1 : 2, 0);
    EXPECT_EQ(At(text, origin).gradient(), origin) << text;
  }
}

// The slope jumps there, so the curvature is infinite along the way and 0 across it, but never NaN.
TEST(FormulaRules, AtAKinkTheCurvatureIsInfinite) {
  EXPECT_EQ(At("asin(1 - x^2)", {0}).hessian(), Numbers{-infinity});
  EXPECT_EQ(At("acos(1 - x^2)", {0}).hessian(), Numbers{infinity});
  EXPECT_EQ(At("acosh(1 + x^2)", {0}).hessian(), Numbers{infinity});
  EXPECT_EQ(At("sqrt(x^2 + y^2)", {0, 0}).hessian_times({1, 0}), (Numbers{infinity, 0}));
  EXPECT_EQ(At("(x^2 + y^2)^0.5", {0, 0}).hessian_times({1, 0}), (Numbers{infinity, 0}));
}

TEST(FormulaRules, WhatABranchNotTakenDoesStaysThereTwiceDifferentiated) {
  for (const auto& [text, x] : {Edge{"where(x > 0, x*log(x), x^2)", -1}, Edge{"where(x > 0, sqrt(x), x^2)", 0},
                                Edge{"where(x > 0, asin(x + 2), x^2)", -0.5}, Edge{"where(x > 0, 1/x, x^2)", 0}}) {
    EXPECT_EQ(At(text, {x}).hessian(), Numbers{2}) << text;
    EXPECT_EQ(At(text, {x}).hessian_times({3}), Numbers{6}) << text;
  }
  EXPECT_EQ(At("sum(i, 1, n, where(x[i] > 0, x[i]*log(x[i]), x[i]^2))", {-1, 1}).hessian_times({1, 1}),
            (Numbers{2, 1}));
}

TEST(FormulaRules, ConditionsHaveNoSlope) {
  EXPECT_EQ(At("where(x - 1, y, y^2)", {2, 3}).gradient(), (Numbers{0, 1}));
  EXPECT_EQ(At("where(x - 1, y, y^2)", {1, 3}).gradient(), (Numbers{0, 6}));
}

TEST(FormulaRules, SlopesNearAPoleKeepTheirDigits) {
  for (const double x : {1 - 0x1.5p-40, -1 + 0x1.5p-40}) {
    const long double a = x, square = (1 - a) * (1 + a);
    const auto ratio = [&](const char* text, long double expected) {
      return At(text, {x}).gradient()[0] / static_cast<double>(expected);
    };
    EXPECT_NEAR(ratio("asin(x)", 1 / std::sqrt(square)), 1, 0x1p-50);
    EXPECT_NEAR(ratio("acos(x)", -1 / std::sqrt(square)), 1, 0x1p-50);
    EXPECT_NEAR(ratio("atanh(x)", 1 / square), 1, 0x1p-50);
  }
}

TEST(FormulaRules, PowersOfZero) {
  EXPECT_EQ(At("x^y", {0, 2}).gradient(), (Numbers{0, 0}));
  EXPECT_EQ(At("x^y", {0, 0}).gradient(), (Numbers{0, -infinity}));
  EXPECT_EQ(At("x^y", {0, -1}).gradient(), (Numbers{-infinity, -infinity}));
  for (const double y : {0.5, 0.0}) EXPECT_EQ(At("x^y + z", {0, y, 1}).along({0, 0, 1}), 1) << y;
}

// More factors than are written out one by one, so that the product stays a loop.
TEST(FormulaRules, ProductsWithVanishingFactors) {
  const std::string product = "prod(i, 1, n, x[i])";
  Numbers x(100, 1), v(100, 1), expected(100, 0);
  x[0] = x[2] = 0, x[1] = 3, x[3] = 2;
  v[1] = 2, v[2] = 5;
  expected[0] = 3 * 2 * v[2], expected[2] = 3 * 2 * v[0];  // f_13 = x2 x4
  EXPECT_EQ(At(product, x).gradient(), Numbers(100, 0));
  EXPECT_EQ(At(product, x).hessian_times(v), expected);
  x[7] = 0;  // a third one leaves nothing
  EXPECT_EQ(At(product, x).hessian_times(v), Numbers(100, 0));
}

}  // namespace
