#pragma once

#include <cmath>
#include <concepts>
#include <limits>
#include <type_traits>
#include <utility>

// The scalars that functions are made of.
//
// A function of the caller is a template over its scalar. The library instantiates it with Dual numbers (dual.hpp)
// whose parts are one of the base scalars: float, double, or a pack of SIMD lanes (lanes.hpp). Math<X> is the seam:
// it states, for each base scalar, the elementary functions that dual.hpp and elementary.hpp build derivatives from.
//
// Everything here is an unannotated constexpr template: host compilers see ordinary C++, and nvcc, given
// --expt-relaxed-constexpr, compiles the same text for the device.

namespace nabla {

template <class T>
concept Arithmetic = std::is_arithmetic_v<T>;

/// The elementary functions of a base scalar; specialised for float and double here, for lanes in lanes.hpp.
template <class X>
struct Math;

namespace detail {

template <std::floating_point T>
struct PlainMath {
  using Real = T;  // the floating-point type of one number
  using Mask = bool;

  static constexpr T select(bool condition, T yes, T no) { return condition ? yes : no; }
  static constexpr bool any(bool condition) { return condition; }  // of several lanes
  static constexpr bool all(bool condition) { return condition; }
  static constexpr T smaller(T a, T b) { return b < a ? b : a; }  // of two numbers that are not NaN
  static constexpr T larger(T a, T b) { return a < b ? b : a; }
  static constexpr T fma(T a, T b, T c) { return std::fma(a, b, c); }  // a b + c
  static constexpr T abs(T x) { return std::fabs(x); }
  static constexpr T sqrt(T x) { return std::sqrt(x); }
  static constexpr T cbrt(T x) { return std::cbrt(x); }
  static constexpr T exp(T x) { return std::exp(x); }
  static constexpr T expm1(T x) { return std::expm1(x); }
  static constexpr T log(T x) { return std::log(x); }
  static constexpr T log1p(T x) { return std::log1p(x); }
  static constexpr T log2(T x) { return std::log2(x); }
  static constexpr T log10(T x) { return std::log10(x); }
  static constexpr T sin(T x) { return std::sin(x); }
  static constexpr T cos(T x) { return std::cos(x); }
  static constexpr std::pair<T, T> sincos(T x) { return {std::sin(x), std::cos(x)}; }
  static constexpr T tan(T x) { return std::tan(x); }
  static constexpr T asin(T x) { return std::asin(x); }
  static constexpr T acos(T x) { return std::acos(x); }
  static constexpr T atan(T x) { return std::atan(x); }
  static constexpr T sinh(T x) { return std::sinh(x); }
  static constexpr T cosh(T x) { return std::cosh(x); }
  static constexpr T tanh(T x) { return std::tanh(x); }
  static constexpr T asinh(T x) { return std::asinh(x); }
  static constexpr T acosh(T x) { return std::acosh(x); }
  static constexpr T atanh(T x) { return std::atanh(x); }
  static constexpr T erf(T x) { return std::erf(x); }
  static constexpr T erfc(T x) { return std::erfc(x); }
  static constexpr T pow(T x, T y) { return std::pow(x, y); }
  static constexpr T atan2(T y, T x) { return std::atan2(y, x); }
  static constexpr T hypot(T x, T y) { return std::hypot(x, y); }
};

}  // namespace detail

template <std::floating_point T>
struct Math<T> : detail::PlainMath<T> {};

/// The floating-point type underneath a scalar: double for double, for lanes of double, for Dual<double, 2>.
template <class X>
using RealOf = typename Math<X>::Real;

/// A constant as a scalar of type X. It is rounded to X's precision first, so `2.0 * x` stays float for float x.
template <class X, Arithmetic S>
constexpr X constant(S value) {
  return X(static_cast<RealOf<X>>(value));
}

namespace detail {

/// slope * tangent, where a tangent that is exactly zero wins over an infinite or undefined slope: a direction in
/// which the argument does not move leaves the result alone. Without this rule sqrt(x) + y at x = 0 would have no
/// derivative along y. Used wherever a function is finite where its derivative is not.
template <class X>
constexpr X product(const X& slope, const X& tangent) {
  if constexpr (requires { Math<X>::product(slope, tangent); }) {
    return Math<X>::product(slope, tangent);
  } else {
    const X zero = constant<X>(0);
    return Math<X>::select(tangent == zero, zero, slope * tangent);
  }
}

}  // namespace detail
}  // namespace nabla
