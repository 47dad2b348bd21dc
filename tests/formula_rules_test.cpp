// Rules of differentiation where they are easily wrong: slopes that are infinite, branches that are not taken, digits
// that cancel, factors that are 0. Each case is worked out by hand.

#include <gtest/gtest.h>
#include <nabla/formula.hpp>

#include <algorithm>
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

  double value() const { return nabla::value(where_, formula_, point_).value.to_host()[0]; }
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

Numbers ones(std::size_t n, const Numbers& first = {}) {
  Numbers x(n, 1);
  std::ranges::copy(first, x.begin());
  return x;
}
Numbers first(const Numbers& all, std::size_t count) { return {all.begin(), all.begin() + static_cast<long>(count)}; }

TEST(FormulaRules, WhatMinAndMaxDoNotTakeStaysThere) {
  for (const auto& [text, x] : {Edge{"min(5, 1/x^2)", 0}, Edge{"max(1, -1/x^2)", 0}, Edge{"min(1, 2, 1/x^2)", 0},
                                Edge{"min(5, exp(x)*exp(x))", 800}, Edge{"min(1e6, x^-12)", 0}}) {
    EXPECT_EQ(At(text, {x}).gradient(), Numbers{0}) << text;
    EXPECT_EQ(At(text, {x}).hessian(), Numbers{0}) << text;
  }
  for (const std::size_t n : {std::size_t{64}, std::size_t{65}}) {
    EXPECT_EQ(At("max(-5, sum(i, 1, n, -1/x[i]^2))", ones(n, {0})).gradient(), Numbers(n, 0)) << n;
  }
}

// As loops (65 terms) and written out (64).
TEST(FormulaRules, ProductsBehindChoicesAndInfiniteSlopes) {
  for (const std::size_t n : {std::size_t{64}, std::size_t{65}}) {
    SCOPED_TRACE(n);
    EXPECT_EQ(At("where(x[1] > 0, prod(i, 1, n, sqrt(x[i])), 7)", ones(n, {-1})).gradient(), Numbers(n, 0));
    EXPECT_EQ(At("where(x[1] > 0, prod(i, 1, n, 1/x[i]), 7)", ones(n, {0})).gradient(), Numbers(n, 0));
    EXPECT_EQ(first(At("sqrt(prod(i, 1, n, x[i]))", ones(n, {0})).gradient(), 3), (Numbers{infinity, 0, 0}));
    EXPECT_EQ(At("where(x[1] > 0, prod(i, 1, n, sqrt(x[i])), 7)", ones(n, {-1})).hessian_times(Numbers(n, 1)),
              Numbers(n, 0));
  }
}

TEST(FormulaRules, SecondDerivativesAcrossAnEdgeAreZero) {
  for (const auto& [text, x] : {Edge{"sqrt(x)", 0}, Edge{"cbrt(x)", 0}, Edge{"log(x)", 0}, Edge{"log1p(x)", -1},
                                Edge{"log2(x)", 0}, Edge{"log10(x)", 0}, Edge{"asin(x)", 1}, Edge{"asin(x)", -1},
                                Edge{"acos(x)", 1}, Edge{"acos(x)", -1}, Edge{"acosh(x)", 1}, Edge{"atanh(x)", 1},
                                Edge{"atanh(x)", -1}, Edge{"x^0.5", 0}, Edge{"1/x", 0}, Edge{"x^-1", 0}}) {
    EXPECT_EQ(At(text + " + y", {x, 2}).hessian_times({0, 1}), (Numbers{0, 0})) << text;
  }
  EXPECT_EQ(At("1/x + y", {0, 2}).along({0, 1}), 1);
  for (const std::size_t n : {std::size_t{2}, std::size_t{70}}) {
    const Numbers found = At("sum(i, 1, n, sqrt(x[i]))", ones(n, {0, 4})).hessian_times(ones(n, {0, 1}));
    EXPECT_EQ(first(found, 2), (Numbers{0, -0.03125})) << n;
  }
}

TEST(FormulaRules, SecondDerivativesNearZeroKeepTheirDigits) {
  for (const double x : {1e-12, 1e-8, -1e-8, 1e-3}) {
    const long double a = x;
    const auto expect = [&](const char* text, long double expected) {
      EXPECT_NEAR(At(text, {x}).hessian()[0] / static_cast<double>(expected), 1, 1e-13) << text << " at " << x;
    };
    const long double t = std::tanh(a), square = (1 - a) * (1 + a);
    expect("tanh(x)", -2 * t * (1 - t * t));
    expect("atanh(x)", 2 * a / (square * square));
    expect("asin(x)", a / (square * std::sqrt(square)));
    expect("acos(x)", -a / (square * std::sqrt(square)));
    expect("atan(x)", -2 * a / ((1 + a * a) * (1 + a * a)));
    expect("asinh(x)", -a / ((1 + a * a) * std::sqrt(1 + a * a)));
    expect("erf(x)", -4 * a * std::exp(-a * a) / std::sqrt(3.14159265358979323846264338327950288L));
    expect("log1p(x)", -1 / ((1 + a) * (1 + a)));
    expect("sinh(x)", std::sinh(a));
    expect("expm1(x)", std::exp(a));
    expect("tan(x)", 2 * std::tan(a) * (1 + std::tan(a) * std::tan(a)));
    expect("sin(x)", -std::sin(a));
    expect("(1 - x)*(1 + x)*x", -6 * a);
  }
  for (const double x : {1000.0, -1000.0}) EXPECT_EQ(At("tanh(x)", {x}).hessian(), Numbers{0}) << x;
}

// The sign of a 0 decides about these values.
TEST(FormulaRules, ZerosKeepTheirSigns) {
  const auto value = [](const char* text, const Numbers& at) { return At(text, at).value(); };
  const double pi = std::acos(-1.0);
  EXPECT_EQ(value("atan2(0 - x, -1)", {0}), pi);
  EXPECT_EQ(value("atan2(x + 0, -1)", {-0.0}), pi);
  EXPECT_EQ(value("atan2(x - 0, -1)", {-0.0}), -pi);
  EXPECT_EQ(value("atan2(-(x - y), -1)", {1, 1}), -pi);
  EXPECT_EQ(value("atan(1/(0 - x))", {0}), pi / 2);
  EXPECT_EQ(value("atan2(where(x > 0, y, 0) + where(x > 0, 0, y), -1)", {1, -0.0}), pi);
}

// C's result, of the factors in the order in which they stand.
TEST(FormulaRules, FactorsStayWhereTheyStand) {
  EXPECT_NEAR(At("log(1000*x*y)", {1e-200, 1e-124}).value(), std::log(1000.0) - 324 * std::log(10.0), 1e-2);
  EXPECT_EQ(At("1000*x*y", {1e306, 1e-10}).value(), infinity);
  EXPECT_EQ(At("2*x/2", {1e308}).value(), infinity);
}

// An index that f32 has no number for.
TEST(FormulaRules, FarIndicesAreToldApartInF32) {
  const Executor where = Executor::cpu(1);
  const Formula f = Formula::parse("sum(k, 1, 100, sum(i, 100000001, 100000003, k*x[i - 100000000]^3))");
  const auto x = Points<float>::from_host(where, std::vector<float>{1, 2, 3}, 3);
  EXPECT_EQ(nabla::hessian(where, f, x).hessian.to_host(), (std::vector<float>{30300, 0, 0, 0, 60600, 0, 0, 0, 90900}));
  const auto y = Points<double>::from_host(where, Numbers{1, 2}, 2);
  const Formula g = Formula::parse("sum(i, 5000001, 5000002, sum(j, i, i + 50, i + j)*x[i - 5000000])");
  EXPECT_EQ(nabla::value(where, g, y).value.to_host(), (Numbers{51.0 * (10000002 + 25) + 2 * 51.0 * (10000004 + 25)}));
}

TEST(FormulaRules, GradientsAreReadable) {
  const auto gradient = [](const char* text) { return Formula::parse(text).gradient_text(); };
  using Texts = std::vector<std::string>;
  EXPECT_EQ(gradient("x^2/2"), Texts{"x"});
  EXPECT_EQ(gradient("x^3/3"), Texts{"x^2"});
  EXPECT_EQ(gradient("5*x^3"), Texts{"15*x^2"});
  EXPECT_EQ(gradient("5*x^2*y"), (Texts{"10*x*y", "5*x^2"}));
  EXPECT_EQ(gradient("x*x*x"), Texts{"3*x^2"});
  EXPECT_EQ(gradient("2*x"), Texts{"2"});
  EXPECT_EQ(gradient("exp(-x^2/2)"), Texts{"-x*exp(-x^2/2)"});
  EXPECT_EQ(gradient("(1 - x)^2"), Texts{"-2*(1 - x)"});
  EXPECT_EQ(gradient("exp(2*x)"), Texts{"2*exp(2*x)"});
  EXPECT_EQ(gradient("sum(i, 1, 3, x^i)"), Texts{"2*x + 1 + 3*x^2"});
  EXPECT_EQ(gradient("sin(x)^2"), Texts{"2*sin(x)*cos(x)"});
  EXPECT_EQ(gradient("x^3 - 3*x*y^2"), (Texts{"3*x^2 - 3*y^2", "-6*y*x"}));
  EXPECT_EQ(gradient("tanh(x)"), Texts{"(1/cosh(x))^2"});
}

}  // namespace
