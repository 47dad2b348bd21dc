// Dual numbers and elementary functions against closed forms: value, first and second derivative, on plain numbers.

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>
#include <nabla/elementary.hpp>

#include <cmath>
#include <functional>
#include <string>
#include <vector>

namespace {

using First = nabla::Dual<double, 1>;
using Second = nabla::Dual<First, 1>;

/// x with the tangents that make f(x) carry f, f' and f''.
Second seed(double x) {
  return {First(x, [](int) { return 1.0; }), [](int) { return First(1); }};
}

struct Case {
  std::string name;
  std::function<Second(Second)> f;
  std::function<long double(long double)> value, slope, curvature;
  std::vector<double> at;
};

#define NABLA_F(expression) [](const Second& x) -> Second { return expression; }
#define NABLA_R(expression) [](long double x) -> long double { return expression; }

std::vector<Case> cases() {
  const long double ln2 = std::log(2.0L), ln10 = std::log(10.0L), root_pi = std::sqrt(std::acos(-1.0L));
  const std::vector<double> any{-2.5, -1, -0.3, 0.125, 0.9, 3}, positive{0.01, 0.5, 1, 2, 77.5},
      unit{-0.9, -0.5, 0.25, 0.8};
  return {
      {"sqrt", NABLA_F(sqrt(x)), NABLA_R(std::sqrt(x)), NABLA_R(0.5L / std::sqrt(x)),
       NABLA_R(-0.25L / (x * std::sqrt(x))), positive},
      {"cbrt", NABLA_F(cbrt(x)), NABLA_R(std::cbrt(x)), NABLA_R(1 / (3 * std::cbrt(x) * std::cbrt(x))),
       NABLA_R(-2.0L / (9 * x * std::cbrt(x) * std::cbrt(x))), any},
      {"exp", NABLA_F(exp(x)), NABLA_R(std::exp(x)), NABLA_R(std::exp(x)), NABLA_R(std::exp(x)), any},
      {"expm1", NABLA_F(expm1(x)), NABLA_R(std::expm1(x)), NABLA_R(std::exp(x)), NABLA_R(std::exp(x)), any},
      {"log", NABLA_F(log(x)), NABLA_R(std::log(x)), NABLA_R(1 / x), NABLA_R(-1 / (x * x)), positive},
      {"log1p", NABLA_F(log1p(x)), NABLA_R(std::log1p(x)), NABLA_R(1 / (1 + x)), NABLA_R(-1 / ((1 + x) * (1 + x))),
       positive},
      {"log2", NABLA_F(log2(x)), NABLA_R(std::log2(x)), [=](long double x) { return 1 / (x * ln2); },
       [=](long double x) { return -1 / (x * x * ln2); }, positive},
      {"log10", NABLA_F(log10(x)), NABLA_R(std::log10(x)), [=](long double x) { return 1 / (x * ln10); },
       [=](long double x) { return -1 / (x * x * ln10); }, positive},
      {"sin", NABLA_F(sin(x)), NABLA_R(std::sin(x)), NABLA_R(std::cos(x)), NABLA_R(-std::sin(x)), any},
      {"cos", NABLA_F(cos(x)), NABLA_R(std::cos(x)), NABLA_R(-std::sin(x)), NABLA_R(-std::cos(x)), any},
      {"tan", NABLA_F(tan(x)), NABLA_R(std::tan(x)), NABLA_R(1 / (std::cos(x) * std::cos(x))),
       NABLA_R(2 * std::tan(x) / (std::cos(x) * std::cos(x))), any},
      {"asin", NABLA_F(asin(x)), NABLA_R(std::asin(x)), NABLA_R(1 / std::sqrt(1 - x * x)),
       NABLA_R(x / std::pow(1 - x * x, 1.5L)), unit},
      {"acos", NABLA_F(acos(x)), NABLA_R(std::acos(x)), NABLA_R(-1 / std::sqrt(1 - x * x)),
       NABLA_R(-x / std::pow(1 - x * x, 1.5L)), unit},
      {"atan", NABLA_F(atan(x)), NABLA_R(std::atan(x)), NABLA_R(1 / (1 + x * x)),
       NABLA_R(-2 * x / ((1 + x * x) * (1 + x * x))), any},
      {"sinh", NABLA_F(sinh(x)), NABLA_R(std::sinh(x)), NABLA_R(std::cosh(x)), NABLA_R(std::sinh(x)), any},
      {"cosh", NABLA_F(cosh(x)), NABLA_R(std::cosh(x)), NABLA_R(std::sinh(x)), NABLA_R(std::cosh(x)), any},
      {"tanh",
       NABLA_F(tanh(x)),
       NABLA_R(std::tanh(x)),
       NABLA_R(1 / (std::cosh(x) * std::cosh(x))),
       NABLA_R(-2 * std::tanh(x) / (std::cosh(x) * std::cosh(x))),
       {-30, -2.5, -0.3, 0.125, 0.9, 3, 20}},
      {"asinh", NABLA_F(asinh(x)), NABLA_R(std::asinh(x)), NABLA_R(1 / std::sqrt(1 + x * x)),
       NABLA_R(-x / std::pow(1 + x * x, 1.5L)), any},
      {"acosh",
       NABLA_F(acosh(x)),
       NABLA_R(std::acosh(x)),
       NABLA_R(1 / std::sqrt(x * x - 1)),
       NABLA_R(-x / std::pow(x * x - 1, 1.5L)),
       {1.25, 2, 50}},
      {"atanh", NABLA_F(atanh(x)), NABLA_R(std::atanh(x)), NABLA_R(1 / (1 - x * x)),
       NABLA_R(2 * x / ((1 - x * x) * (1 - x * x))), unit},
      {"erf", NABLA_F(erf(x)), NABLA_R(std::erf(x)), [=](long double x) { return 2 / root_pi * std::exp(-x * x); },
       [=](long double x) { return -4 * x / root_pi * std::exp(-x * x); }, any},
      {"erfc", NABLA_F(erfc(x)), NABLA_R(std::erfc(x)), [=](long double x) { return -2 / root_pi * std::exp(-x * x); },
       [=](long double x) { return 4 * x / root_pi * std::exp(-x * x); }, any},
      {"logistic",
       NABLA_F(logistic(x)),
       NABLA_R(1 / (1 + std::exp(-x))),
       NABLA_R(std::exp(-x) / ((1 + std::exp(-x)) * (1 + std::exp(-x)))),
       NABLA_R(std::exp(-x) * (std::exp(-x) - 1) / std::pow(1 + std::exp(-x), 3.0L)),
       {-40, -2, -0.5, 0, 0.5, 3, 25}},
      {"abs", NABLA_F(abs(x)), NABLA_R(std::fabs(x)), NABLA_R(x > 0 ? 1 : -1), NABLA_R(0 * x), any},
      {"sign", NABLA_F(sign(x)), NABLA_R(x > 0 ? 1 : -1), NABLA_R(0 * x), NABLA_R(0 * x), any},
      {"x^3", NABLA_F(pow(x, 3)), NABLA_R(x * x * x), NABLA_R(3 * x * x), NABLA_R(6 * x), any},
      {"x^-2", NABLA_F(pow(x, -2)), NABLA_R(1 / (x * x)), NABLA_R(-2 / (x * x * x)), NABLA_R(6 / (x * x * x * x)), any},
      {"x^2.0", NABLA_F(pow(x, 2.0)), NABLA_R(x * x), NABLA_R(2 * x), NABLA_R(0 * x + 2), any},
      {"x^2.5", NABLA_F(pow(x, 2.5)), NABLA_R(std::pow(x, 2.5L)), NABLA_R(2.5L * std::pow(x, 1.5L)),
       NABLA_R(3.75L * std::sqrt(x)), positive},
      {"x^x",
       NABLA_F(pow(x, x)),
       NABLA_R(std::pow(x, x)),
       NABLA_R(std::pow(x, x) * (1 + std::log(x))),
       NABLA_R(std::pow(x, x) * ((1 + std::log(x)) * (1 + std::log(x)) + 1 / x)),
       {0.5, 1, 2, 3}},
      {"2^x", NABLA_F(pow(2.0, x)), NABLA_R(std::exp2(x)), [=](long double x) { return ln2 * std::exp2(x); },
       [=](long double x) { return ln2 * ln2 * std::exp2(x); }, any},
      {"atan2(x, 2)", NABLA_F(atan2(x, 2)), NABLA_R(std::atan2(x, 2)), NABLA_R(2 / (x * x + 4)),
       NABLA_R(-4 * x / ((x * x + 4) * (x * x + 4))), any},
      {"atan2(2, x)", NABLA_F(atan2(2, x)), NABLA_R(std::atan2(2.0L, x)), NABLA_R(-2 / (x * x + 4)),
       NABLA_R(4 * x / ((x * x + 4) * (x * x + 4))), any},
      {"hypot(x, 3)", NABLA_F(hypot(x, 3)), NABLA_R(std::hypot(x, 3.0L)), NABLA_R(x / std::hypot(x, 3.0L)),
       NABLA_R(9 / std::pow(x * x + 9, 1.5L)), any},
      {"(x+1)/(x^2+2)", NABLA_F((x + 1) / (x * x + 2)), NABLA_R((x + 1) / (x * x + 2)),
       NABLA_R((2 - x * x - 2 * x) / ((x * x + 2) * (x * x + 2))),
       NABLA_R((2 * x * x * x + 6 * x * x - 12 * x - 4) / std::pow(x * x + 2, 3.0L)), any},
      {"3/x - x/7", NABLA_F(3 / x - x / 7), NABLA_R(3 / x - x / 7), NABLA_R(-3 / (x * x) - 1.0L / 7),
       NABLA_R(6 / (x * x * x)), any},
      {"select", NABLA_F(select(x > 0, x * x, -x)), NABLA_R(x > 0 ? x * x : -x), NABLA_R(x > 0 ? 2 * x : -1),
       NABLA_R(x > 0 ? 2 : 0), any},
      {"max(x, x^2)",
       NABLA_F(max(x, x * x)),
       NABLA_R(std::fmax(x, x * x)),
       NABLA_R(x * x > x ? 2 * x : 1),
       NABLA_R(x * x > x ? 2 : 0),
       {-2.5, -0.3, 0.125, 0.9, 3}},
      {"min(x, x^2, 1/2)",
       NABLA_F(min(x, x * x, Second(0.5))),
       NABLA_R(std::fmin(std::fmin(x, x * x), 0.5L)),
       NABLA_R(x > 0.5L && x * x > 0.5L ? 0 : (x * x < x ? 2 * x : 1)),
       NABLA_R(x > 0.5L && x * x > 0.5L ? 0 : (x * x < x ? 2 : 0)),
       {-2.5, -0.3, 0.125, 0.9, 3}},
  };
}

/// Relative to the larger of the expected number and the scale of what it is computed from.
void expect_close(long double expected, double found, double scale, const std::string& what) {
  const double bound = 8 * 2.220446049250313e-16 * std::fmax(std::fabs(static_cast<double>(expected)), scale);
  EXPECT_NEAR(static_cast<double>(expected), found, bound) << what;
}

TEST(Elementary, ValueSlopeAndCurvatureAreTheClosedForms) {
  for (const Case& c : cases()) {
    for (const double x : c.at) {
      const Second y = c.f(seed(x));
      const std::string what = c.name + " at " + std::to_string(x);
      const auto slope = c.slope(x);
      expect_close(c.value(x), y.value.value, 0, what);
      expect_close(slope, y.value.tangent[0], 0, what + ", slope");
      expect_close(slope, y.tangent[0].value, 0, what + ", slope by the outer tangent");
      expect_close(c.curvature(x), y.tangent[0].tangent[0], std::fabs(static_cast<double>(slope)),
                   what + ", curvature");
    }
  }
}

// A checker that can't object proves nothing: the same comparison must see a missing factor.
TEST(Elementary, TheComparisonObjectsToAWrongDerivative) {
  const First x(0.9, [](int) { return 1.0; });
  const First wrong = nabla::detail::chain(x, std::sin(0.9), 0.5 * std::cos(0.9));
  EXPECT_NONFATAL_FAILURE(expect_close(std::cos(0.9L), wrong.tangent[0], 0, "slope of sin"), "slope of sin");
}

TEST(Elementary, IdentitiesHoldForDerivativesToo) {
  for (const double at : {-3.0, -0.5, 0.25, 1.75}) {
    const Second x = seed(at);
    const auto [s, c] = sincos(x);
    const Second one = s * s + c * c;
    EXPECT_NEAR(one.value.value, 1, 1e-15);
    EXPECT_NEAR(one.value.tangent[0], 0, 1e-15);
    EXPECT_NEAR(one.tangent[0].tangent[0], 0, 2e-15);
    const Second same = log(exp(x));
    EXPECT_NEAR(same.value.tangent[0], 1, 1e-15);
    EXPECT_NEAR(same.tangent[0].tangent[0], 0, 2e-15);
  }
}

First seed_first(double x) {
  return {x, [](int) { return 1.0; }};
}
constexpr double infinity = std::numeric_limits<double>::infinity();

/// Whether preaccumulate() says of u what f itself does.
template <class D, class F>
void expect_the_same(const D& u, const F& f) {
  const auto expect_near = [](double found, double expected) {
    EXPECT_NEAR(found, expected, 1e-14 * (1 + std::fabs(expected)));
  };
  const D plain = f(u), found = nabla::preaccumulate(u, f);
  expect_near(found.value.value, plain.value.value);
  expect_near(found.value.tangent[0], plain.value.tangent[0]);
  for (int k = 0; k < 3; ++k) {
    expect_near(found.tangent[k].value, plain.tangent[k].value);
    expect_near(found.tangent[k].tangent[0], plain.tangent[k].tangent[0]);
  }
}

TEST(Preaccumulation, GivesTheDerivativesOfTheFunction) {
  using Along = nabla::Dual<double, 1>;
  using D = nabla::Dual<Along, 3>;
  const D u(Along(1.25, [](int) { return 0.75; }),
            [](int k) { return Along(k == 2 ? 0.0 : k - 2.5, [&](int) { return 0.5 * k; }); });
  int calls = 0;
  expect_the_same(u, [&](const auto& x) {
    ++calls;
    using nabla::exp, nabla::max, nabla::sqrt;
    return exp(-x * x) / sqrt(x) + max(x, 1.0) * (3.0 - x);
  });
  EXPECT_EQ(calls, 2);
  const nabla::Dual<double, 0> data(2.5);
  expect_the_same(u, [&](const auto& x) { return data * x * x; });
  EXPECT_EQ(nabla::preaccumulate(3.0, [](const auto& x) { return x * x; }), 9.0);
  // A direction that does not move the argument keeps its derivative.
  const nabla::Dual<double, 2> edge(0.0, [](int k) { return static_cast<double>(k); });
  const auto root = nabla::preaccumulate(edge, [](const auto& x) {
    using nabla::sqrt;
    return sqrt(x);
  });
  EXPECT_EQ(root.tangent[0], 0);
  EXPECT_EQ(root.tangent[1], INFINITY);
}

TEST(Edges, InfiniteSlopesOfFiniteFunctions) {
  EXPECT_EQ(sqrt(seed_first(0)).tangent[0], infinity);
  EXPECT_EQ(cbrt(seed_first(0)).tangent[0], infinity);
  EXPECT_EQ(asin(seed_first(1)).tangent[0], infinity);
  EXPECT_EQ(acos(seed_first(-1)).tangent[0], -infinity);
  EXPECT_EQ(acosh(seed_first(1)).tangent[0], infinity);
}

// sqrt(x) + y^2 at x = 0: along y everything is smooth, and the Hessian's mixed entry is 0.
TEST(Edges, ADirectionThatDoesNotMoveTheArgumentKeepsItsDerivative) {
  const auto f = [](const auto& x, const auto& y) { return sqrt(x) + y * y; };
  using D = nabla::Dual<double, 2>;
  const D first = f(D(0.0, [](int k) { return k == 0 ? 1.0 : 0.0; }), D(3.0, [](int k) { return k == 1 ? 1.0 : 0.0; }));
  EXPECT_EQ(first.tangent[0], infinity);
  EXPECT_EQ(first.tangent[1], 6);
  const Second mixed = f(Second(First(0.0, [](int) { return 1.0; }), [](int) { return First(0); }),
                         Second(First(3.0, [](int) { return 0.0; }), [](int) { return First(1); }));
  EXPECT_EQ(mixed.tangent[0].tangent[0], 0);
  EXPECT_EQ(mixed.tangent[0].value, 6);
}

TEST(Edges, Kinks) {
  EXPECT_EQ(abs(seed_first(0)).tangent[0], 0);
  EXPECT_EQ(sign(seed_first(0)).value, 0);
  EXPECT_TRUE(std::isnan(sign(seed_first(NAN)).value));
  using D = nabla::Dual<double, 3>;
  const auto axis = [](double v, int i) { return D(v, [i](int k) { return k == i ? 1.0 : 0.0; }); };
  const D two = max(axis(1, 0), axis(1, 1));
  EXPECT_EQ(two.tangent[0], 0.5);
  EXPECT_EQ(two.tangent[1], 0.5);
  const D three = min(axis(1, 0), axis(1, 1), axis(1, 2));
  for (int k = 0; k < 3; ++k) EXPECT_DOUBLE_EQ(three.tangent[k], 1.0 / 3) << k;
  EXPECT_EQ(max(seed_first(0), 0).tangent[0], 0.5);
  EXPECT_TRUE(std::isnan(max(axis(NAN, 0), axis(1, 1)).value));
  EXPECT_TRUE(std::isnan(max(axis(1, 0), axis(NAN, 1)).value));
  const D corner = hypot(axis(0, 0), axis(0, 1));
  EXPECT_EQ(corner.value, 0);
  EXPECT_EQ(corner.tangent[0], 0);
}

TEST(Edges, Powers) {
  for (const int n : {1, 2, 3, 4, 7}) {
    const First y = pow(seed_first(0), n);
    EXPECT_EQ(y.value, 0);
    EXPECT_EQ(y.tangent[0], n == 1 ? 1 : 0);
  }
  EXPECT_EQ(pow(seed_first(0), 0).value, 1);
  EXPECT_EQ(pow(seed_first(0), 0).tangent[0], 0);
  EXPECT_EQ(pow(seed_first(-2), 3).value, -8);
  EXPECT_EQ(pow(seed_first(-2), 3).tangent[0], 12);
  EXPECT_EQ(pow(seed_first(-2), 3.0).tangent[0], 12);
  EXPECT_EQ(pow(seed_first(-2), -1).tangent[0], -0.25);
  EXPECT_TRUE(std::isnan(pow(seed_first(-2), 0.5).value));
  const First along_exponent = pow(First(0.0), seed_first(2));
  EXPECT_EQ(along_exponent.value, 0);
  EXPECT_EQ(along_exponent.tangent[0], 0);
  const First negative_base = pow(seed_first(-2), First(2.0));  // y is constant: log(-2) must not leak
  EXPECT_EQ(negative_base.tangent[0], -4);
}

TEST(Edges, ExtremesDoNotOverflowOnTheWay) {
  EXPECT_EQ(tanh(seed_first(800)).tangent[0], 0);
  EXPECT_EQ(tanh(seed_first(-800)).value, -1);
  EXPECT_EQ(logistic(seed_first(-800)).value, 0);
  EXPECT_EQ(logistic(seed_first(800)).value, 1);
  EXPECT_EQ(logistic(seed_first(800)).tangent[0], 0);
  const First far = atan2(First(3e200), seed_first(4e200));
  EXPECT_DOUBLE_EQ(far.tangent[0], -3e200 / 25e200 / 1e200);
  const First near = hypot(seed_first(3e-200), First(4e-200));
  EXPECT_DOUBLE_EQ(near.tangent[0], 0.6);
  EXPECT_TRUE(std::isnan(log(seed_first(-1)).value));
}

// 1/r^12 and its like: the derivative is there as long as it can be represented, however small 1/r^24 may be.
TEST(Edges, NegativePowersKeepTheirDerivative) {
  using F = nabla::Dual<float, 1>;
  const auto at = [](float r) { return F(r, [](int) { return 1.0F; }); };
  EXPECT_FLOAT_EQ(pow(at(100), -12).tangent[0], -1.2e-25F);
  EXPECT_FLOAT_EQ(pow(at(0.01F), -12).tangent[0], -1.2e27F);
  EXPECT_DOUBLE_EQ(pow(seed_first(1e-60), -3).tangent[0], -3e240);
  EXPECT_DOUBLE_EQ(pow(seed_first(1e60), -3).tangent[0], -3e-240);
}

/// Two variables, x along the inner and the outer axis i, for Hessians of functions of two arguments.
Second axis(double v, bool inner, bool outer) {
  return {First(v, [inner](int) { return inner ? 1.0 : 0.0; }), [outer](int) { return First(outer ? 1 : 0); }};
}

TEST(Edges, TiesShareInNestedDualsToo) {
  const Second y = max(axis(1, true, true), axis(1, false, false));
  EXPECT_EQ(y.value.tangent[0], 0.5);
  EXPECT_EQ(y.tangent[0].value, 0.5);
}

// d2 x^y / dx dy = x^(y-1) (1 + y log x), which is 1/x at y = 0, whichever variable comes first.
TEST(Edges, MixedDerivativeOfAPowerAtExponentZero) {
  EXPECT_DOUBLE_EQ(pow(axis(2, true, false), axis(0, false, true)).tangent[0].tangent[0], 0.5);
  EXPECT_DOUBLE_EQ(pow(axis(2, false, true), axis(0, true, false)).tangent[0].tangent[0], 0.5);
}

// The branch not taken is computed, and must not show.
TEST(Edges, SelectHidesTheOtherBranch) {
  const First x = seed_first(-1);
  const First y = select(x > 0, log(x), x * x);
  EXPECT_EQ(y.value, 1);
  EXPECT_EQ(y.tangent[0], -2);
}

TEST(Constants, AreRoundedToThePrecisionOfTheScalar) {
  const nabla::Dual<float, 1> x(0.1F, [](int) { return 1.0F; });
  static_assert(std::is_same_v<decltype((0.1 * x).value), float>);
  EXPECT_EQ((0.1 * x).value, 0.1F * 0.1F);
}

}  // namespace
