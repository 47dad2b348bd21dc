#pragma once

#include <nabla/scalar.hpp>

// Dual numbers: forward-mode differentiation.
//
// A Dual<T, N> is a value v and N tangents t_k, standing for v + sum_k t_k e_k with e_j e_k = 0. Then, for any
// differentiable f,
//     f(v + sum t_k e_k) = f(v) + sum f'(v) t_k e_k,
// so if the tangents of x are the unit vectors, those of f(x) are the gradient, exact but for rounding.
// T may itself be a Dual: Dual<Dual<T, 1>, N> carries the second derivatives along one direction.
// N = 0 is a bare value whose constants are rounded to its own precision. Values alone are computed with it: by the
// same operations as the values that come with a gradient, of which a compiler may fuse others (docs/numerics.md).
//
// Source: Griewank and Walther, Evaluating Derivatives (2008), chapter 3.

namespace nabla {

namespace detail {

template <class T, int N>
struct Tangents {
  T part[N];
  constexpr T& operator[](int k) { return part[k]; }
  constexpr const T& operator[](int k) const { return part[k]; }
};

template <class T>
struct Tangents<T, 0> {
  constexpr T operator[](int) const { return constant<T>(0); }
};

}  // namespace detail

template <class T, int N>
struct Dual;

namespace detail {

/// Marks what the rules of differentiation make, as against what a caller puts together from a value and tangents.
struct ByRule {};
/// A value that a caller took out of a Dual, to make another of. Functions that do so can't be accumulated in reverse
/// (detail/trace.hpp), where there are no tangents to tell.
template <class T>
struct TakenOut {
  static constexpr const T& of(const T& value) { return value; }
};

/// The numbers that duals of duals are made of.
template <class T>
struct BaseOf {
  using type = T;
};
template <class T, int N>
struct BaseOf<Dual<T, N>> : BaseOf<T> {};

}  // namespace detail

template <class X, class B>
constexpr X constant(const Dual<B, 0>& value);

template <class T, int N>
struct Dual {
  T value;
  detail::Tangents<T, N> tangent;

  constexpr Dual() : Dual(0) {}

  /// A constant: all tangents are zero.
  template <Arithmetic S>
  constexpr Dual(S constant_value) : Dual(constant<T>(constant_value), [](int) { return constant<T>(0); }) {}

  /// Data.
  template <class X>
  requires(N > 0 && std::same_as<X, typename detail::BaseOf<T>::type>) constexpr Dual(const Dual<X, 0>& data)
      : Dual(constant<T>(data), [](int) { return constant<T>(0); }) {}

  /// A value that does not move with the variables.
  constexpr explicit Dual(const T& v) requires(!Arithmetic<T>) : Dual(v, [](int) { return constant<T>(0); }) {}

  /// The k-th tangent is tangent_of(k).
  template <std::invocable<int> TangentOf>
  constexpr Dual(const T& v, TangentOf tangent_of) : Dual(detail::ByRule(), detail::TakenOut<T>::of(v), tangent_of) {}

  template <class TangentOf>
  constexpr Dual(detail::ByRule, const T& v, TangentOf tangent_of) : value(v), tangent() {
    if constexpr (N > 0) {
      for (int k = 0; k < N; ++k) tangent[k] = tangent_of(k);
    }
  }

  constexpr Dual& operator+=(const Dual& b) { return *this = *this + b; }
  constexpr Dual& operator-=(const Dual& b) { return *this = *this - b; }
  constexpr Dual& operator*=(const Dual& b) { return *this = *this * b; }
  constexpr Dual& operator/=(const Dual& b) { return *this = *this / b; }
};

namespace detail {

template <class S, class X>
inline constexpr bool is_value_of = false;
template <class X>
inline constexpr bool is_value_of<Dual<X, 0>, X> = true;

}  // namespace detail

/// What does not move with the variables of a Dual<T, N>: a plain number, or a bare value that was given as data.
template <class S, class T, int N>
concept Still = Arithmetic<S> ||(N > 0 && detail::is_value_of<S, typename detail::BaseOf<T>::type>);

template <class X, class B>
constexpr X constant(const Dual<B, 0>& value) {
  if constexpr (std::same_as<X, B>) {
    return value.value;
  } else {
    return X(constant<decltype(X::value)>(value));
  }
}

namespace detail {

/// The product rule of the rule: each part that does not move is dropped by itself.
template <class T, int N>
constexpr Dual<T, N> product(const Dual<T, N>& slope, const Dual<T, N>& tangent) {
  return {product(slope.value, tangent.value),
          [&](int k) { return product(slope.value, tangent.tangent[k]) + product(slope.tangent[k], tangent.value); }};
}

}  // namespace detail

template <class T, int N>
constexpr Dual<T, N> operator+(const Dual<T, N>& a) {
  return a;
}

template <class T, int N>
constexpr Dual<T, N> operator-(const Dual<T, N>& a) {
  return {detail::ByRule(), -a.value, [&](int k) { return -a.tangent[k]; }};
}

template <class T, int N>
constexpr Dual<T, N> operator+(const Dual<T, N>& a, const Dual<T, N>& b) {
  return {detail::ByRule(), a.value + b.value, [&](int k) { return a.tangent[k] + b.tangent[k]; }};
}

template <class T, int N>
constexpr Dual<T, N> operator-(const Dual<T, N>& a, const Dual<T, N>& b) {
  return {detail::ByRule(), a.value - b.value, [&](int k) { return a.tangent[k] - b.tangent[k]; }};
}

template <class T, int N>
constexpr Dual<T, N> operator*(const Dual<T, N>& a, const Dual<T, N>& b) {
  return {detail::ByRule(), a.value * b.value, [&](int k) { return a.value * b.tangent[k] + a.tangent[k] * b.value; }};
}

/// (a/b)' = (a' - (a/b) b') / b
template <class T, int N>
constexpr Dual<T, N> operator/(const Dual<T, N>& a, const Dual<T, N>& b) {
  const T quotient = a.value / b.value;
  const T slope = constant<T>(1) / b.value;
  return {detail::ByRule(), quotient,
          [&](int k) { return detail::product(slope, a.tangent[k] - detail::product(quotient, b.tangent[k])); }};
}

// With a constant on one side the tangents need half the work.

template <class T, int N, Still<T, N> S>
constexpr Dual<T, N> operator+(const Dual<T, N>& a, S b) {
  return {detail::ByRule(), a.value + constant<T>(b), [&](int k) { return a.tangent[k]; }};
}

template <class T, int N, Still<T, N> S>
constexpr Dual<T, N> operator+(S a, const Dual<T, N>& b) {
  return b + a;
}

template <class T, int N, Still<T, N> S>
constexpr Dual<T, N> operator-(const Dual<T, N>& a, S b) {
  return {detail::ByRule(), a.value - constant<T>(b), [&](int k) { return a.tangent[k]; }};
}

template <class T, int N, Still<T, N> S>
constexpr Dual<T, N> operator-(S a, const Dual<T, N>& b) {
  return {detail::ByRule(), constant<T>(a) - b.value, [&](int k) { return -b.tangent[k]; }};
}

template <class T, int N, Still<T, N> S>
constexpr Dual<T, N> operator*(const Dual<T, N>& a, S b) {
  const T factor = constant<T>(b);
  return {detail::ByRule(), a.value * factor, [&](int k) { return a.tangent[k] * factor; }};
}

template <class T, int N, Still<T, N> S>
constexpr Dual<T, N> operator*(S a, const Dual<T, N>& b) {
  return b * a;
}

template <class T, int N, Still<T, N> S>
constexpr Dual<T, N> operator/(const Dual<T, N>& a, S b) {
  const T divisor = constant<T>(b);
  return {detail::ByRule(), a.value / divisor, [&](int k) { return a.tangent[k] / divisor; }};
}

/// (a/b)' = -(1/b) ((a/b) b'), in this order: a/b^2 overflows and vanishes long before the derivative does
template <class T, int N, Still<T, N> S>
constexpr Dual<T, N> operator/(S a, const Dual<T, N>& b) {
  const T quotient = constant<T>(a) / b.value;
  const T slope = constant<T>(-1) / b.value;
  return {detail::ByRule(), quotient,
          [&](int k) { return detail::product(slope, detail::product(quotient, b.tangent[k])); }};
}

/// What comparing lanes gives: a bool for each. It goes to select(), and combines with && || !. It is no bool: an `if`
/// would have to take one branch for all lanes. (Without this wrapper it would even compile where the machine's masks
/// are integers, and take the branch if any lane wants it.)
template <class Mask>
struct Condition {
  Mask mask;
  constexpr operator const Mask&() const { return mask; }
};
template <class Mask>
constexpr Condition<Mask> operator&&(const Condition<Mask>& a, const Condition<Mask>& b) {
  return {a.mask && b.mask};
}
template <class Mask>
constexpr Condition<Mask> operator||(const Condition<Mask>& a, const Condition<Mask>& b) {
  return {a.mask || b.mask};
}
template <class Mask>
constexpr Condition<Mask> operator!(const Condition<Mask>& a) {
  return {!a.mask};
}

namespace detail {

constexpr bool guard(bool condition) { return condition; }
template <class Mask>
constexpr Condition<Mask> guard(const Mask& mask) {
  return {mask};
}
template <class Mask>
constexpr Condition<Mask> guard(const Condition<Mask>& condition) {
  return condition;
}

}  // namespace detail

// Comparisons look at values alone. The result is bool, or a Condition: one bool per lane. (!= is not taken from the
// lanes: xsimd's is false for NaN with AVX.)

// clang-format off
template <class T, int N> constexpr auto operator<(const Dual<T, N>& a, const Dual<T, N>& b) { return detail::guard(a.value < b.value); }
template <class T, int N> constexpr auto operator>(const Dual<T, N>& a, const Dual<T, N>& b) { return detail::guard(a.value > b.value); }
template <class T, int N> constexpr auto operator<=(const Dual<T, N>& a, const Dual<T, N>& b) { return detail::guard(a.value <= b.value); }
template <class T, int N> constexpr auto operator>=(const Dual<T, N>& a, const Dual<T, N>& b) { return detail::guard(a.value >= b.value); }
template <class T, int N> constexpr auto operator==(const Dual<T, N>& a, const Dual<T, N>& b) { return detail::guard(a.value == b.value); }
template <class T, int N> constexpr auto operator!=(const Dual<T, N>& a, const Dual<T, N>& b) { return !(a == b); }
template <class T, int N, Still<T, N> S> constexpr auto operator<(const Dual<T, N>& a, S b) { return detail::guard(a.value < constant<T>(b)); }
template <class T, int N, Still<T, N> S> constexpr auto operator>(const Dual<T, N>& a, S b) { return detail::guard(a.value > constant<T>(b)); }
template <class T, int N, Still<T, N> S> constexpr auto operator<=(const Dual<T, N>& a, S b) { return detail::guard(a.value <= constant<T>(b)); }
template <class T, int N, Still<T, N> S> constexpr auto operator>=(const Dual<T, N>& a, S b) { return detail::guard(a.value >= constant<T>(b)); }
template <class T, int N, Still<T, N> S> constexpr auto operator==(const Dual<T, N>& a, S b) { return detail::guard(a.value == constant<T>(b)); }
template <class T, int N, Still<T, N> S> constexpr auto operator!=(const Dual<T, N>& a, S b) { return !(a == b); }
template <class T, int N, Still<T, N> S> constexpr auto operator<(S a, const Dual<T, N>& b) { return detail::guard(constant<T>(a) < b.value); }
template <class T, int N, Still<T, N> S> constexpr auto operator>(S a, const Dual<T, N>& b) { return detail::guard(constant<T>(a) > b.value); }
template <class T, int N, Still<T, N> S> constexpr auto operator<=(S a, const Dual<T, N>& b) { return detail::guard(constant<T>(a) <= b.value); }
template <class T, int N, Still<T, N> S> constexpr auto operator>=(S a, const Dual<T, N>& b) { return detail::guard(constant<T>(a) >= b.value); }
// clang-format on

}  // namespace nabla
