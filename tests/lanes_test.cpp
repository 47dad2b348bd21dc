// SIMD lanes against long double, lane by lane: the documented bound of each elementary function (docs/numerics.md),
// and its values at the edges, which must be those of the C library.

#include <gtest/gtest.h>
#include <nabla/lanes.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <iostream>
#include <random>
#include <string>
#include <vector>

namespace {

template <class T>
struct Case {
  std::string name;
  std::function<nabla::Lanes<T>(const nabla::Lanes<T>&)> f;
  std::function<long double(long double)> exact;
  double low, high;
  double bound;  // in ulp
};

#define NABLA_CASE(name, low, high, bound)                                                                            \
  {                                                                                                                   \
#name, [](const nabla::Lanes <T>&                                                                                 \
                  x) { return nabla::Math<nabla::Lanes<T>>::name(x); },                                               \
                                                                     [](long double x)                                \
                                                                          -> long double { return std::name(x); },    \
                                                                                                                low,  \
                                                                                                                high, \
                                                                                                                bound \
  }

template <class T>
std::vector<Case<T>> cases() {
  const bool single = sizeof(T) == sizeof(float);
  const double large = single ? 80 : 600;
  return {
      NABLA_CASE(sqrt, 0, 1e3, 0.51),    NABLA_CASE(cbrt, -1e3, 1e3, 1),    NABLA_CASE(exp, -large, large, 2),
      NABLA_CASE(expm1, -30, 30, 2.5),   NABLA_CASE(expm1, -0.1, 0.1, 1),   NABLA_CASE(log, 0, 1e3, 1),
      NABLA_CASE(log, 0.9, 1.1, 1),      NABLA_CASE(log1p, -0.99, 10, 1),   NABLA_CASE(log1p, -0.1, 0.1, 1),
      NABLA_CASE(log2, 0, 100, 2),       NABLA_CASE(log2, 0.9, 1.1, 2),     NABLA_CASE(log10, 0, 100, 1.5),
      NABLA_CASE(log10, 0.9, 1.1, 1.5),  NABLA_CASE(sin, -100, 100, 2.5),   NABLA_CASE(sin, -1e6, 1e6, 2.5),
      NABLA_CASE(sin, -1e12, 1e12, 2.5), NABLA_CASE(cos, -100, 100, 2.5),   NABLA_CASE(cos, -1e12, 1e12, 2.5),
      NABLA_CASE(tan, -100, 100, 4),     NABLA_CASE(tan, -1e12, 1e12, 4),   NABLA_CASE(asin, -1, 1, 3),
      NABLA_CASE(acos, -1, 1, 2),        NABLA_CASE(atan, -100, 100, 2.5),  NABLA_CASE(sinh, -30, 30, 2.5),
      NABLA_CASE(sinh, -0.5, 0.5, 2.5),  NABLA_CASE(cosh, -30, 30, 2.5),    NABLA_CASE(tanh, -20, 20, 2),
      NABLA_CASE(tanh, -0.5, 0.5, 2),    NABLA_CASE(asinh, -1e3, 1e3, 2.5), NABLA_CASE(asinh, -0.1, 0.1, 2.5),
      NABLA_CASE(acosh, 1, 1e3, 2.5),    NABLA_CASE(acosh, 1, 1.1, 2.5),    NABLA_CASE(atanh, -1, 1, 2),
      NABLA_CASE(atanh, -0.1, 0.1, 2),   NABLA_CASE(erf, -4, 4, 1.5),       NABLA_CASE(erfc, -4, 4, 4),
  };
}

template <class T>
double ulps(T found, long double exact) {
  const T size = std::fabs(static_cast<T>(exact));
  const double ulp =
      static_cast<double>(std::nextafter(size, std::numeric_limits<T>::infinity())) - static_cast<double>(size);
  const auto error = static_cast<double>(std::fabs(static_cast<long double>(found) - exact));
  return std::isnan(error) ? std::numeric_limits<double>::infinity() : error / ulp;
}

template <class T>
void expect_within_bounds() {
  constexpr std::size_t width = nabla::Lanes<T>::size;
  for (const Case<T>& c : cases<T>()) {
    std::mt19937_64 generator(3);
    std::uniform_real_distribution<double> uniform(c.low, c.high);
    double worst = 0;
    T worst_at = 0;
    for (int repetition = 0; repetition < 20'000; ++repetition) {
      alignas(64) T x[width], y[width];
      for (T& lane : x) lane = static_cast<T>(uniform(generator));
      c.f(nabla::Lanes<T>::load_aligned(x)).store_aligned(y);
      for (std::size_t lane = 0; lane < width; ++lane) {
        const double error = ulps(y[lane], c.exact(x[lane]));
        if (error > worst) {
          worst = error;
          worst_at = x[lane];
        }
      }
    }
    std::cout << c.name << " [" << c.low << ", " << c.high << "]: " << worst << " ulp\n";
    EXPECT_LE(worst, c.bound) << c.name << " at " << worst_at;
  }
}

TEST(Lanes, DoubleFunctionsKeepTheirBounds) { expect_within_bounds<double>(); }
TEST(Lanes, FloatFunctionsKeepTheirBounds) { expect_within_bounds<float>(); }

template <class T>
void expect_edges() {
  constexpr T infinity = std::numeric_limits<T>::infinity();
  const std::vector<T> edges{T(0),
                             -T(0),
                             T(1),
                             T(-1),
                             infinity,
                             -infinity,
                             std::numeric_limits<T>::quiet_NaN(),
                             std::numeric_limits<T>::min(),
                             std::numeric_limits<T>::max(),
                             T(1e22),
                             T(800),
                             T(-800)};
  for (const Case<T>& c : cases<T>()) {
    for (const T x : edges) {
      const T found = c.f(nabla::Lanes<T>(x)).get(0);
      const long double exact = c.exact(x);
      const auto nearest = static_cast<T>(exact);
      if (std::isnan(nearest) || std::isinf(nearest) || nearest == 0) {
        EXPECT_TRUE(found == nearest || (std::isnan(found) && std::isnan(nearest)))
            << c.name << "(" << x << ") = " << found << ", expected " << nearest;
        if (nearest == 0) {
          EXPECT_EQ(std::signbit(found), std::signbit(nearest)) << c.name << "(" << x << ")";
        }
      } else {
        EXPECT_LE(ulps(found, exact), c.bound) << c.name << "(" << x << ")";
      }
    }
  }
}

TEST(Lanes, EdgesAreThoseOfTheCLibrary) {
  expect_edges<double>();
  expect_edges<float>();
}

// Including the extremes where squares overflow and vanish, the axes, and both arguments 0 or infinite.
template <class T>
void expect_edges_of_two_arguments() {
  using M = nabla::Math<nabla::Lanes<T>>;
  constexpr T infinity = std::numeric_limits<T>::infinity();
  const T large = std::sqrt(std::numeric_limits<T>::max()) * 3, small = std::sqrt(std::numeric_limits<T>::min()) / 3;
  const std::vector<T> edges{T(0), -T(0), T(1), T(-2), infinity, -infinity, large, -2 * large, small, 2 * small};
  for (const T x : edges) {
    for (const T y : edges) {
      const nabla::Lanes<T> a(x), b(y);
      const T length = M::hypot(a, b).get(0), angle = M::atan2(b, a).get(0);
      const T exact_length = std::hypot(x, y), exact_angle = std::atan2(y, x);
      EXPECT_TRUE(length == exact_length || ulps(length, std::hypot(static_cast<long double>(x), y)) <= 2.5)
          << "hypot(" << x << ", " << y << ") = " << length;
      EXPECT_TRUE(angle == exact_angle || ulps(angle, std::atan2(static_cast<long double>(y), x)) <= 3)
          << "atan2(" << y << ", " << x << ") = " << angle;
      EXPECT_EQ(std::signbit(angle), std::signbit(exact_angle));
    }
  }
  EXPECT_EQ(M::hypot(nabla::Lanes<T>(infinity), nabla::Lanes<T>(T(NAN))).get(0), infinity);
}

TEST(Lanes, EdgesOfTwoArgumentsAreThoseOfTheCLibrary) {
  expect_edges_of_two_arguments<double>();
  expect_edges_of_two_arguments<float>();
}

// The ends of exp's range are a little inside the C library's (docs/numerics.md).
/// Where sin or cos is next to 0, what is left of the reduction is all that there is.
template <class T>
void expect_digits_beside_quarter_turns() {
  using M = nabla::Math<nabla::Lanes<T>>;
  for (int quarter = -40; quarter <= 40; ++quarter) {
    const auto x = static_cast<T>(quarter * 1.5707963267948966192313216916397514L);
    const auto [sine, cosine] = M::sincos(nabla::Lanes<T>(x));
    const long double exact = x;
    EXPECT_LE(ulps(sine.get(0), std::sin(exact)), 2.5) << "sin(" << x << ")";
    EXPECT_LE(ulps(cosine.get(0), std::cos(exact)), 2.5) << "cos(" << x << ")";
    EXPECT_EQ(M::sin(nabla::Lanes<T>(x)).get(0), sine.get(0));
    EXPECT_EQ(M::cos(nabla::Lanes<T>(x)).get(0), cosine.get(0));
  }
}
TEST(Lanes, DigitsBesideQuarterTurns) {
  expect_digits_beside_quarter_turns<double>();
  expect_digits_beside_quarter_turns<float>();
}

TEST(Lanes, ExpReachesNearlyToTheEndsOfItsRange) {
  using M = nabla::Math<nabla::Lanes<double>>;
  EXPECT_LE(ulps(M::exp(nabla::Lanes<double>(709.4)).get(0), std::exp(static_cast<long double>(709.4))), 2);
  EXPECT_LE(ulps(M::exp(nabla::Lanes<double>(-708.3)).get(0), std::exp(static_cast<long double>(-708.3))), 2);
  using S = nabla::Math<nabla::Lanes<float>>;
  EXPECT_LE(ulps(S::exp(nabla::Lanes<float>(88.3F)).get(0), std::exp(static_cast<long double>(88.3F))), 2);
}

// Every lane, not only the first, goes through the lane-by-lane functions.
TEST(Lanes, FunctionsOfTwoArgumentsAreTheCLibrarysInEveryLane) {
  using X = nabla::Lanes<double>;
  constexpr std::size_t width = X::size;
  std::mt19937_64 generator(5);
  std::uniform_real_distribution<double> uniform(0.01, 30);
  for (int repetition = 0; repetition < 2'000; ++repetition) {
    alignas(64) double a[width], b[width], power[width], angle[width], length[width];
    for (double& lane : a) lane = uniform(generator);
    for (double& lane : b) lane = uniform(generator) - 15;
    const X x = X::load_aligned(a), y = X::load_aligned(b);
    nabla::Math<X>::pow(x, y).store_aligned(power);
    nabla::Math<X>::atan2(y, x).store_aligned(angle);
    nabla::Math<X>::hypot(x, y).store_aligned(length);
    for (std::size_t lane = 0; lane < width; ++lane) {
      EXPECT_EQ(power[lane], std::pow(a[lane], b[lane]));
      EXPECT_LE(ulps(angle[lane], std::atan2(static_cast<long double>(b[lane]), static_cast<long double>(a[lane]))), 3);
      EXPECT_LE(ulps(length[lane], std::hypot(static_cast<long double>(b[lane]), static_cast<long double>(a[lane]))),
                2);
    }
  }
}

// A result must not change with what other points of the batch happen to be.
template <class T, class F>
void expect_lanes_to_be_alone(const char* name, F f) {
  using X = nabla::Lanes<T>;
  constexpr std::size_t width = X::size;
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const std::vector<double> others = {0,    -0.0, 1e-310, 1e-30, 0.5,  -2.5,  100,      700,
                                      -700, 1e5,  3.2e6,  1e17,  1e30, -1e30, infinity, std::nan("")};
  std::mt19937_64 random(3);
  std::uniform_real_distribution<double> logarithm(-12, 12);
  for (int k = 0; k < 400; ++k) {
    const T x = static_cast<T>(k < 16 ? others[static_cast<std::size_t>(k)]
                                      : std::copysign(std::exp(logarithm(random)), k % 2 == 0 ? 1 : -1));
    alignas(X) T in[width], alone[width], among[width];
    std::fill(in, in + width, x);
    f(X::load_aligned(in)).store_aligned(alone);
    for (const double other : others) {
      std::fill(in, in + width, static_cast<T>(other));
      in[1] = x;
      f(X::load_aligned(in)).store_aligned(among);
      EXPECT_TRUE(std::memcmp(&alone[1], &among[1], sizeof(T)) == 0 || std::isnan(alone[1]))
          << name << "(" << x << ") beside " << other << ": " << among[1] << ", not " << alone[1];
    }
  }
}

template <class T>
void expect_all_lanes_to_be_alone() {
  using X = nabla::Lanes<T>;
  using M = nabla::Math<X>;
  const X other(static_cast<T>(0.7));
  expect_lanes_to_be_alone<T>("sin", [](const X& x) { return M::sin(x); });
  expect_lanes_to_be_alone<T>("cos", [](const X& x) { return M::cos(x); });
  expect_lanes_to_be_alone<T>("sincos", [](const X& x) { return M::sincos(x).first; });
  expect_lanes_to_be_alone<T>("sincos", [](const X& x) { return M::sincos(x).second; });
  expect_lanes_to_be_alone<T>("tan", [](const X& x) { return M::tan(x); });
  expect_lanes_to_be_alone<T>("exp", [](const X& x) { return M::exp(x); });
  expect_lanes_to_be_alone<T>("expm1", [](const X& x) { return M::expm1(x); });
  expect_lanes_to_be_alone<T>("log", [](const X& x) { return M::log(x); });
  expect_lanes_to_be_alone<T>("log1p", [](const X& x) { return M::log1p(x); });
  expect_lanes_to_be_alone<T>("cbrt", [](const X& x) { return M::cbrt(x); });
  expect_lanes_to_be_alone<T>("asin", [](const X& x) { return M::asin(x); });
  expect_lanes_to_be_alone<T>("acos", [](const X& x) { return M::acos(x); });
  expect_lanes_to_be_alone<T>("atan", [](const X& x) { return M::atan(x); });
  expect_lanes_to_be_alone<T>("sinh", [](const X& x) { return M::sinh(x); });
  expect_lanes_to_be_alone<T>("cosh", [](const X& x) { return M::cosh(x); });
  expect_lanes_to_be_alone<T>("tanh", [](const X& x) { return M::tanh(x); });
  expect_lanes_to_be_alone<T>("asinh", [](const X& x) { return M::asinh(x); });
  expect_lanes_to_be_alone<T>("acosh", [](const X& x) { return M::acosh(x); });
  expect_lanes_to_be_alone<T>("atanh", [](const X& x) { return M::atanh(x); });
  expect_lanes_to_be_alone<T>("atan2", [&](const X& x) { return M::atan2(x, other); });
  expect_lanes_to_be_alone<T>("atan2", [&](const X& x) { return M::atan2(other, x); });
  expect_lanes_to_be_alone<T>("hypot", [&](const X& x) { return M::hypot(x, other); });
  expect_lanes_to_be_alone<T>("pow", [&](const X& x) { return M::pow(x, other); });
}

TEST(Lanes, DoNotKnowOfEachOther) {
  expect_all_lanes_to_be_alone<double>();
  expect_all_lanes_to_be_alone<float>();
}

}  // namespace
