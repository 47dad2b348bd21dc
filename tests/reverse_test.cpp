// Derivatives that are accumulated in reverse, against differences of the functor itself called with plain long
// doubles, which share no code with the library; at edges against what docs/numerics.md promises.

#include <gtest/gtest.h>
#include <nabla/element_sum.hpp>
#include <nabla/evaluate.hpp>

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace nabla::test {
namespace {

template <class F, int N>
constexpr bool reversed = detail::in_reverse<F, N, Lanes<double>, 2>();

// ------------------------------------------------------------------------------------------------------------ functors

struct Arithmetic {
  static constexpr int dimension = 4;
  template <class X>
  constexpr auto operator()(const X& x) const {
    typename X::value_type sum = 0;  // shared subexpressions, each used several times
    const auto a = x[0] * x[1] - 2, b = 3 - x[2] / x[3], c = -(a * b);
    sum += a * a * b + c / a - x[3] / 7 + 5 / b;
    sum -= c * c * 0.25;
    return sum / (2 + a * a);
  }
};

struct Unused {
  static constexpr int dimension = 5;
  template <class X>
  constexpr auto operator()(const X& x) const {
    [[maybe_unused]] const auto dead = exp(x[0]) * x[3];
    return sin(x[1] * x[4]) + x[1];
  }
};

struct OneVariable {
  static constexpr int dimension = 3;
  template <class X>
  constexpr auto operator()(const X& x) const {
    return x[1];
  }
};

struct EveryFunction {
  static constexpr int dimension = 3;
  template <class X>
  constexpr auto operator()(const X& x) const {
    using namespace nabla;  // NOLINT: all of them
    const auto u = 0.3 + 0.1 * x[0] * x[1], v = 0.5 + 0.05 * x[1] * x[2], w = x[2];
    const auto roots = sqrt(u) + cbrt(v) * abs(w) + exp(u * v) - expm1(w) / 4;
    const auto logarithms = log(u) * log1p(v) + log2(v) - log10(u);
    const auto circular = sin(w) * cos(u) + tan(v) - asin(u) + acos(v) * atan(w) + atan2(u, w);
    const auto hyperbolic = sinh(u) * cosh(v) - tanh(w) + asinh(w) * acosh(1 + u) + atanh(v);
    const auto others = erf(u) * erfc(v) + logistic(w) + hypot(u, w);
    const auto powers = pow(u, v) + pow(u, 3) - pow(v, -2) + pow(u, 1.5) + pow(v, 2) * pow(2.5, u) + pow(w, 1);
    return roots + logarithms * circular + hyperbolic * others + powers;
  }
};

struct Branches {
  static constexpr int dimension = 4;
  static bool is_smooth_around(const std::array<long double, 4>& x) {
    for (const long double distance :
         {x[0] * x[1] - x[2], x[1] - 0.25L, x[0] - x[1], x[2] - 0.1L, x[3], x[0] - x[2], x[1]}) {
      if (std::fabs(distance) < 0.1L) return false;
    }
    return true;
  }
  template <class X>
  constexpr auto operator()(const X& x) const {
    using nabla::max, nabla::min, nabla::select, nabla::sqrt;
    const auto low = min(x[0] * x[1], x[2]), high = max(x[1], typename X::value_type(0.25));
    const auto picked = select(x[0] < x[1] && !(x[2] >= 0.1), low * x[3], high - x[0]);
    const auto other = select(x[3] > 0 || x[0] <= x[2], picked * picked, x[1]);
    // One of the branches is NaN everywhere.
    return other + select(x[3] > 0, sqrt(x[3]) * x[2], sqrt(-x[3]) / x[1]) + select(x[1] == 5, x[0], x[1] * 2.0);
  }
};

struct Preaccumulated {
  static constexpr int dimension = 6;
  template <class X>
  constexpr auto operator()(const X& x) const {
    const auto dx = x[0] - x[3], dy = x[1] - x[4], dz = x[2] - x[5];
    return nabla::preaccumulate(dx * dx + dy * dy + dz * dz + 1, [](const auto& square) {
      const auto inverse = 1 / square, attraction = inverse * inverse * inverse;
      return 4 * attraction * (attraction - 1);
    });
  }
};

/// Component i, of what counts in signed numbers or not.
template <class X>
constexpr auto component(const X& x, int i) {
  if constexpr (requires { x.dimension; }) {
    return x[i];
  } else {
    return x[static_cast<std::size_t>(i)];
  }
}

template <int K>
struct Ring {
  static constexpr int dimension = K;
  template <class X>
  constexpr auto operator()(const X& x) const {
    typename X::value_type sum = 0;
    for (int i = 0; i < K; ++i) {
      const auto here = component(x, i);
      sum += here * component(x, (i + 1) % K) * (1 + here * here);
    }
    return sum * sum / K;
  }
};

// ------------------------------------------------------------------------------------------------------ differences

using Real = long double;

/// The limit of even functions of h at 0, from h, h/2, h/4 (Richardson).
template <class Difference>
Real extrapolated(const Difference& difference, Real h) {
  const Real a = difference(h), b = difference(h / 2), c = difference(h / 4);
  const Real ab = (4 * b - a) / 3, bc = (4 * c - b) / 3;
  return (16 * bc - ab) / 15;
}

template <class F, std::size_t N>
struct Differences {
  F f;
  std::array<Real, N> x;
  Real at(const std::array<Real, N>& direction, Real h, std::size_t i, Real k) const {
    std::array<Real, N> moved = x;
    for (std::size_t j = 0; j < N; ++j) moved[j] += h * direction[j];
    moved[i] += k;
    return f(moved);
  }
  Real derivative(std::size_t i) const {
    return extrapolated([&](Real h) { return (at({}, 0, i, h) - at({}, 0, i, -h)) / (2 * h); }, 1e-3L);
  }
  Real product(const std::array<Real, N>& v, std::size_t i) const {
    return extrapolated(
        [&](Real h) { return (at(v, h, i, h) - at(v, h, i, -h) - at(v, -h, i, h) + at(v, -h, i, -h)) / (4 * h * h); },
        2e-3L);
  }
};

template <class T, class F>
void expect_derivatives(const F& f, double low, double high) {
  constexpr auto n = static_cast<std::size_t>(F::dimension);
  static_assert(reversed<F, F::dimension>);
  const auto where = Executor::cpu(1);
  constexpr std::int64_t count = 77;  // packs and a rest
  int compared = 0;
  const auto points = Points<T>::uniform(where, count, F::dimension, low, high, 4);
  const auto directions = Batch<T>::uniform(where, count, F::dimension, -1, 1, 5);
  const auto gradients = value_and_gradient(where, f, points);
  const auto products = hessian_vector_product(where, f, points, directions);
  const auto hessians = hessian(where, f, points);
  const auto numbers = [](const auto& batch) { return batch.to_host(); };
  const auto x = numbers(points), v = numbers(directions), value = numbers(gradients.value),
             gradient = numbers(gradients.gradient), second = numbers(products.product),
             matrix = numbers(hessians.hessian);
  EXPECT_EQ(numbers(products.gradient).size(), gradient.size());
  const double epsilon = std::numeric_limits<T>::epsilon();
  const auto index = [](std::size_t row, std::size_t p) { return row * static_cast<std::size_t>(count) + p; };
  for (std::size_t p = 0; p < static_cast<std::size_t>(count); ++p) {
    Differences<F, n> exact{f, {}};
    std::array<Real, n> direction{};
    for (std::size_t i = 0; i < n; ++i) {
      exact.x[i] = x[index(i, p)];
      direction[i] = v[index(i, p)];
    }
    if constexpr (requires { F::is_smooth_around(exact.x); }) {
      if (!F::is_smooth_around(exact.x)) continue;
    }
    ++compared;
    const auto near = [&](T found, Real expected, double rounding) {
      EXPECT_NEAR(static_cast<double>(found), static_cast<double>(expected),
                  (rounding + 400 * epsilon) * static_cast<double>(1 + std::fabs(expected)) * 10);
    };
    near(value[p], f(exact.x), 0);
    for (std::size_t i = 0; i < n; ++i) {
      near(gradient[index(i, p)], exact.derivative(i), 1e-13);
      near(numbers(products.gradient)[index(i, p)], exact.derivative(i), 1e-13);
      near(numbers(hessians.gradient)[index(i, p)], exact.derivative(i), 1e-13);
      near(second[index(i, p)], exact.product(direction, i), 1e-10);
      for (std::size_t j = 0; j < n; ++j) {
        std::array<Real, n> unit{};
        unit[j] = 1;
        near(matrix[index(i * n + j, p)], exact.product(unit, i), 1e-10);
        EXPECT_EQ(matrix[index(i * n + j, p)], matrix[index(j * n + i, p)]) << "not symmetric";
      }
    }
    if (::testing::Test::HasFailure()) FAIL() << "at point " << p;
  }
  EXPECT_GE(compared, 8);
}

template <class T>
class Reverse : public ::testing::Test {};
using Precisions = ::testing::Types<double, float>;
TYPED_TEST_SUITE(Reverse, Precisions);

TYPED_TEST(Reverse, Arithmetic) { expect_derivatives<TypeParam>(Arithmetic(), 0.6, 1.2); }
TYPED_TEST(Reverse, UnusedVariablesHaveNoDerivative) { expect_derivatives<TypeParam>(Unused(), -1, 1); }
TYPED_TEST(Reverse, OneVariableAlone) { expect_derivatives<TypeParam>(OneVariable(), -1, 1); }
TYPED_TEST(Reverse, EveryElementaryFunction) { expect_derivatives<TypeParam>(EveryFunction(), 0.2, 1.1); }
TYPED_TEST(Reverse, Branches) { expect_derivatives<TypeParam>(Branches(), -0.9, 0.8); }
TYPED_TEST(Reverse, Preaccumulated) { expect_derivatives<TypeParam>(Preaccumulated(), -1, 1); }
TYPED_TEST(Reverse, EightVariables) { expect_derivatives<TypeParam>(Ring<8>(), -1, 1); }

// --------------------------------------------------------------------------------------------------- data of elements

/// Asks for its precision.
struct Precise {
  static constexpr int dimension = 3;
  template <class X>
  constexpr auto operator()(const X& x) const {
    return x[0] / std::numeric_limits<RealOf<typename X::value_type>>::epsilon() + x[1] * x[2];
  }
};

TYPED_TEST(Reverse, TapesAreOfThePrecision) {
  using T = TypeParam;
  static_assert(reversed<Precise, 3>);
  const auto where = Executor::cpu(1);
  const auto points = Points<T>::from_host(where, std::vector<T>{1, 2, 3}, 3);
  const std::vector<T> expected{1 / std::numeric_limits<T>::epsilon(), 3, 2};
  EXPECT_EQ(value_and_gradient(where, Precise(), points).gradient.to_host(), expected);
}

/// What moves with data alone has no adjoint.
struct Bond {
  static constexpr int variables = 3, data = 2;
  template <class X, class D>
  constexpr auto operator()(const X& x, const D& d) const {
    using nabla::exp, nabla::sqrt;
    const auto scale = sqrt(d[0]) * exp(-d[1]) + 1;  // still
    const auto stretch = x[0] * d[1] - x[1] / d[0] + d[0] / x[2];
    return scale * stretch * stretch + sin(x[2]) / scale;
  }
};

TEST(ReverseElements, WithData) {
  using Element = detail::ElementFunction<Bond>;
  static_assert(reversed<Element, 3>);
  const auto where = Executor::cpu(2);
  constexpr std::int64_t n = 60, elements = n - 2;
  std::vector<double> x, v, data, gradient(n), product(n);
  for (int i = 0; i < n; ++i) {
    x.push_back(1 + 0.3 * std::sin(i));
    v.push_back(std::cos(3 * i));
  }
  for (int i = 0; i < 2 * elements; ++i) data.push_back(1.5 + std::sin(5 * i));
  const BatchView<const double> view(data.data(), elements, 2, Layout::point_major);
  const auto f = element_sum<double>(where, Bond(), n, Affine::chain(elements, {0, 1, 2}), view);
  const double value = f.value_and_gradient(where, x, gradient);
  f.hessian_vector_product(where, x, v, product);

  const auto total = [&](const std::array<Real, static_cast<std::size_t>(n)>& at) {
    Real sum = 0;
    for (std::size_t e = 0; e < static_cast<std::size_t>(elements); ++e) {
      sum += Bond()(std::array{at[e], at[e + 1], at[e + 2]}, std::array<Real, 2>{data[2 * e], data[2 * e + 1]});
    }
    return sum;
  };
  Differences<decltype(total), static_cast<std::size_t>(n)> exact{total, {}};
  std::array<Real, static_cast<std::size_t>(n)> direction{};
  for (std::size_t i = 0; i < static_cast<std::size_t>(n); ++i) {
    exact.x[i] = x[i];
    direction[i] = v[i];
  }
  EXPECT_NEAR(value, static_cast<double>(total(exact.x)), 1e-11);
  for (std::size_t i = 0; i < static_cast<std::size_t>(n); ++i) {
    EXPECT_NEAR(gradient[i], static_cast<double>(exact.derivative(i)), 1e-10);
    EXPECT_NEAR(product[i], static_cast<double>(exact.product(direction, i)), 1e-7);
  }
}

// --------------------------------------------------------------------------------------------------------------- edges

template <class F>
std::vector<double> gradient_at(const F& f, const std::vector<double>& x) {
  const auto where = Executor::cpu(1);
  const auto n = static_cast<std::int64_t>(x.size());
  return value_and_gradient(where, f, Points<double>::from_host(where, x, n)).gradient.to_host();
}

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();
using Numbers = std::vector<double>;

/// A functor of three variables from a lambda without captures.
template <class L>
struct OfThree {
  static constexpr int dimension = 3;
  template <class X>
  constexpr auto operator()(const X& x) const {
    return L()(x[0], x[1], x[2]);
  }
};
template <class L>
auto reversed_of_three(L) {
  static_assert(reversed<OfThree<L>, 3>);
  return OfThree<L>();
}

TEST(ReverseEdges, KinksHaveTheSubgradientsOfForwardMode) {
  const auto size = reversed_of_three([](auto x, auto y, auto z) { return abs(x) + 2 * abs(y) + z; });
  EXPECT_EQ(gradient_at(size, {0, -1, 4}), (Numbers{0, -2, 1}));
  const auto largest = reversed_of_three([](auto x, auto y, auto z) { return max(x, y, z) * 6; });
  EXPECT_EQ(gradient_at(largest, {1, 1, 1}), (Numbers{2, 2, 2}));
  EXPECT_EQ(gradient_at(largest, {1, 2, 2}), (Numbers{0, 3, 3}));
  const auto least = reversed_of_three([](auto x, auto y, auto z) { return min(x * y, z) + min(z, 2); });
  EXPECT_EQ(gradient_at(least, {2, 1, 2}), (Numbers{0.5, 1, 1}));
  const auto length = reversed_of_three([](auto x, auto y, auto z) { return hypot(x, y) + sign(x) + z; });
  EXPECT_EQ(gradient_at(length, {0, 0, 0}), (Numbers{0, 0, 1}));
  EXPECT_EQ(gradient_at(length, {3, 4, 0}), (Numbers{0.6, 0.8, 1}));
  const auto half = reversed_of_three([](auto x, auto y, auto z) { return logistic(x) + y + z; });
  EXPECT_EQ(gradient_at(half, {0, 0, 0}), (Numbers{0.25, 1, 1}));
}

TEST(ReverseEdges, InfiniteSlopesStayWithTheirArguments) {
  const auto root = reversed_of_three([](auto x, auto y, auto z) { return sqrt(x) + y * z; });
  EXPECT_EQ(gradient_at(root, {0, 2, 3}), (Numbers{infinity, 3, 2}));
  const auto arc = reversed_of_three([](auto x, auto y, auto z) { return asin(x) - acos(y) + z; });
  EXPECT_EQ(gradient_at(arc, {1, -1, 0}), (Numbers{infinity, infinity, 1}));
}

TEST(ReverseEdges, AnExactZeroWinsOverAnInfiniteSlope) {
  const auto of_product = reversed_of_three([](auto x, auto y, auto z) { return sqrt(x * y) + z; });
  EXPECT_EQ(gradient_at(of_product, {0, 0, 1}), (Numbers{0, 0, 1}));
  EXPECT_EQ(gradient_at(of_product, {0, 4, 1}), (Numbers{infinity, 0, 1}));
  const auto norm = reversed_of_three([](auto x, auto y, auto z) { return sqrt(x * x + y * y + z * z); });
  EXPECT_EQ(gradient_at(norm, {0, 0, 0}), (Numbers{0, 0, 0}));
  const auto cube = reversed_of_three([](auto x, auto y, auto z) { return cbrt(pow(x, 3)) + y + z; });
  EXPECT_EQ(gradient_at(cube, {0, 1, 1}), (Numbers{0, 1, 1}));
}

TEST(ReverseEdges, WhatTheOtherBranchComputedDoesNotLeak) {
  const auto f = reversed_of_three([](auto x, auto y, auto z) {
    return select(x > 0, log(x) * y, (x * z + sqrt(x)) / 0.0) + select(z > 0, y, y / z);
  });
  EXPECT_EQ(gradient_at(f, {2, 3, 1}), (Numbers{1.5, std::log(2.0) + 1, 0}));
  const auto g = reversed_of_three([](auto x, auto y, auto z) { return max(sqrt(x), y) + min(z, 1 / x); });
  EXPECT_EQ(gradient_at(g, {0, 2, 3}), (Numbers{0, 1, 1}));
}

/// Whether numbers are the same, NaN being itself.
void expect_same(const Numbers& found, const Numbers& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_TRUE(found[i] == expected[i] || (found[i] != found[i] && expected[i] != expected[i]))
        << found[i] << " in place of " << expected[i] << " at " << i;
  }
}

TEST(ReverseEdges, NotANumberIsData) {
  const auto f = reversed_of_three([](auto x, auto y, auto z) { return x * y + z; });
  expect_same(gradient_at(f, {nan, 2, 3}), {2, nan, 1});
  const auto angle = reversed_of_three([](auto x, auto y, auto z) { return atan2(y, x) + z; });
  expect_same(gradient_at(angle, {0, 0, 3}), {nan, nan, 1});
  const auto power = reversed_of_three([](auto x, auto y, auto z) { return pow(x, y) + z; });
  expect_same(gradient_at(power, {0, 2, 3}), {0, 0, 1});
}

// ------------------------------------------------------------------------------------------------- what stays forward

template <class L>
auto forward_of_three(L) {
  static_assert(!reversed<OfThree<L>, 3>);
  return OfThree<L>();
}

TEST(ForwardMode, IsKeptWhereTangentsMayCancelUnderARoot) {
  const auto f = forward_of_three([](auto x, auto y, auto z) { return sqrt(x * x - 2 * x * y + y * y) + z; });
  EXPECT_EQ(gradient_at(f, {1, 1, 0}), (Numbers{0, 0, 1}));
  const auto g = forward_of_three([](auto x, auto y, auto z) { return asin(x * (2 - x)) + y + z; });
  EXPECT_EQ(gradient_at(g, {1, 0, 0}), (Numbers{0, 1, 1}));
}

struct WithState {
  static constexpr int dimension = 3;
  double weight = 2;
  template <class X>
  constexpr auto operator()(const X& x) const {
    return weight * x[0] * x[1] + x[2];
  }
};
struct TooLong {
  static constexpr int dimension = 3;
  template <class X>
  constexpr auto operator()(const X& x) const {
    auto y = x[0];
    for (int i = 0; i < 600; ++i) y = 0.5 * (y + x[1]);
    return y + x[2];
  }
};
double seen_while_running = 3;
struct NotConstant {
  static constexpr int dimension = 3;
  template <class X>
  constexpr auto operator()(const X& x) const {
    return x[0] * seen_while_running + x[1] * x[2];
  }
};
struct Constant {
  static constexpr int dimension = 3;
  template <class X>
  constexpr auto operator()(const X&) const {
    return typename X::value_type(4);
  }
};

TEST(ForwardMode, IsKeptForWhatLeavesNoTape) {
  static_assert(!reversed<WithState, 3> && !reversed<TooLong, 3> && !reversed<NotConstant, 3> &&
                !reversed<Constant, 3>);
  EXPECT_EQ(gradient_at(WithState(), {1, 3, 5}), (Numbers{6, 2, 1}));
  EXPECT_EQ(gradient_at(TooLong(), {1, 3, 5}), (Numbers{std::ldexp(1.0, -600), 1, 1}));
  EXPECT_EQ(gradient_at(NotConstant(), {1, 3, 5}), (Numbers{3, 5, 3}));
  EXPECT_EQ(gradient_at(Constant(), {1, 3, 5}), (Numbers{0, 0, 0}));
}

/// A value without its tangents, or with others, as a caller may make them, and an elementary function of the caller's.
template <class T, int N>
constexpr Dual<T, N> stopped(const Dual<T, N>& x) {
  return Dual<T, N>(x.value);
}
template <class T, int N>
constexpr Dual<T, N> straight_through(const Dual<T, N>& x) {
  return {Math<T>::select(x.value > constant<T>(1), constant<T>(1), x.value), [&](int k) { return x.tangent[k]; }};
}
template <class T, int N>
constexpr Dual<T, N> callers_exp(const Dual<T, N>& x) {
  const T e = Math<T>::exp(x.value);
  return {e, [&](int k) { return e * x.tangent[k]; }};
}
struct Stopped {
  static constexpr int dimension = 3;
  template <class X>
  constexpr auto operator()(const X& x) const {
    return x[0] * stopped(x[0]) + x[1] * x[2];
  }
};
struct StraightThrough {
  static constexpr int dimension = 3;
  template <class X>
  constexpr auto operator()(const X& x) const {
    return straight_through(x[0]) * x[1] + x[2];
  }
};
struct OwnFunction {
  static constexpr int dimension = 3;
  template <class X>
  constexpr auto operator()(const X& x) const {
    return callers_exp(x[0] - 3) * x[1] + x[2];
  }
};
struct NeedsANumber {
  static constexpr int dimension = 3;
  explicit constexpr NeedsANumber(int) {}
  template <class X>
  constexpr auto operator()(const X& x) const {
    return x[0] * x[1] * x[2];
  }
};

TEST(ForwardMode, IsKeptWhereCallersSetTangents) {
  static_assert(!reversed<Stopped, 3> && !reversed<StraightThrough, 3> && !reversed<OwnFunction, 3> &&
                !reversed<NeedsANumber, 3>);
  EXPECT_EQ(gradient_at(Stopped(), {3, 5, 7}), (Numbers{3, 7, 5}));
  EXPECT_EQ(gradient_at(StraightThrough(), {3, 5, 7}), (Numbers{5, 1, 1}));
  EXPECT_EQ(gradient_at(OwnFunction(), {3, 5, 7}), (Numbers{5, 1, 1}));
  EXPECT_EQ(gradient_at(NeedsANumber(1), {3, 5, 7}), (Numbers{35, 21, 15}));
}

TEST(ForwardMode, IsKeptForPlainNumbersAndFewVariables) {
  static_assert(!detail::in_reverse<Arithmetic, 4, double, 2>());
  static_assert(!detail::in_reverse<Arithmetic, 4, Lanes<double>, 5>());
}

/// At an edge the slope is infinite; what does not move its argument does not meet it.
struct RootAndSquare {
  static constexpr int dimension = 2;
  template <class X>
  constexpr auto operator()(const X& x) const {
    using nabla::sqrt;
    return sqrt(x[0]) + x[1] * x[1];
  }
};
struct RootOfProduct {
  static constexpr int dimension = 2;
  template <class X>
  constexpr auto operator()(const X& x) const {
    using nabla::sqrt;
    return sqrt(x[0] * x[1]);
  }
};

template <class F>
Numbers product_at(const F& f, const Numbers& x, const Numbers& v) {
  const Executor where = Executor::cpu(1);
  const auto n = static_cast<std::int64_t>(x.size());
  return hessian_vector_product(where, f, Points<double>::from_host(where, x, n),
                                Points<double>::from_host(where, v, n))
      .product.to_host();
}

TEST(ReverseEdges, SecondDerivativesStayWithTheirArgumentsToo) {
  EXPECT_EQ(product_at(RootAndSquare(), {0, 2}, {0, 1}), (Numbers{0, 2}));
  EXPECT_EQ(product_at(RootAndSquare(), {0, 2}, {1, 0}), (Numbers{-infinity, 0}));
  EXPECT_EQ(product_at(RootOfProduct(), {0, 4}, {0, 1}), (Numbers{infinity, 0}));
}

// --------------------------------------------------------------------------------------------------------------- tapes

TEST(Tapes, HoldWhatTheResultNeeds) {
  static_assert(detail::LineOf<OneVariable, 3, double>::line.count == 1);
  static_assert(detail::LineOf<Unused, 5, double>::line.count == 5);  // two inputs, a product, its sine, a sum
  static_assert(detail::LineOf<Unused, 5, double>::line.find(0) == -1);
}

}  // namespace
}  // namespace nabla::test
