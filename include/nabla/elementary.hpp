#pragma once

#include <nabla/dual.hpp>

// Elementary functions of dual numbers, each with its derivative from shared work.
//
// The chain rule f(v + t e) = f(v) + f'(v) t e is all there is to it. The parts of a Dual are reached through Math, so
// one text serves a number, a pack of lanes, and a Dual of either (for second derivatives).
//
// At the edges (each is a test):
//   - where f is finite and f' is not (sqrt, cbrt at 0; asin, acos at +-1; acosh at 1), f' is the one-sided limit, and
//     a tangent of exactly 0 stays 0 (detail::product);
//   - |x| has slope 0 at 0; a tie of max or min shares the slope equally; hypot has slope 0 at (0, 0);
//   - x^n with a constant integer n is repeated multiplication, exact at 0 and for negative x; d(0^y)/dy is 0, y > 0.
//
// Source of the derivatives: NIST Digital Library of Mathematical Functions, chapter 4 and 7.2.

namespace nabla {

namespace detail {

inline constexpr double ln2 = 0.693147180559945309417232121458176568;
inline constexpr double ln10 = 2.30258509299404568401799145468436421;
inline constexpr double two_over_sqrt_pi = 1.12837916709551257389615890312154517;

/// f(v) and tangents f'(v) t, for a bounded slope f'(v).
template <class T, int N>
constexpr Dual<T, N> chain(const Dual<T, N>& x, const T& value, const T& slope) {
  return {value, [&](int k) { return slope * x.tangent[k]; }};
}

/// The same for a slope that may be infinite where the function is finite.
template <class T, int N>
constexpr Dual<T, N> chain_at_edge(const Dual<T, N>& x, const T& value, const T& slope) {
  return {value, [&](int k) { return product(slope, x.tangent[k]); }};
}

/// v^n by repeated squaring. Shapes: n >= 0.
template <class T>
constexpr T whole_power(const T& v, long long n) {
  if (n == 0) return constant<T>(1);
  T square = v;
  for (; !(n & 1); n >>= 1) square = square * square;
  T result = square;
  while ((n >>= 1) != 0) {
    square = square * square;
    if (n & 1) result = result * square;
  }
  return result;
}

// Below: the extreme of several scalars.
template <bool Largest, class T, int N, class... Rest>
constexpr Dual<T, N> extreme(const Dual<T, N>& first, const Rest&... rest);

}  // namespace detail

/// f(u) for a function f of one number. f is differentiated by that number alone, and the chain rule does the rest:
/// with as many tangents as u has, f would do its work for each. What depends on the distance of two points alone, as
/// most pair potentials do, has six. The result is that of f(u), up to rounding.
///
/// Source: preaccumulation; Griewank and Walther, Evaluating Derivatives (2008), chapter 10.
template <class T, int N, class F>
constexpr Dual<T, N> preaccumulate(const Dual<T, N>& u, const F& f) {
  if constexpr (N < 2) {
    return f(u);
  } else {
    const Dual<T, 1> y = f(Dual<T, 1>(u.value, [](int) { return constant<T>(1); }));
    return detail::chain_at_edge(u, y.value, y.tangent[0]);
  }
}
template <class S, class F>
constexpr S preaccumulate(const S& u, const F& f) {
  return f(u);
}

/// The logistic function of a base scalar.
template <class T>
constexpr T logistic(const T& x) {
  const T e = Math<T>::exp(-Math<T>::abs(x));
  return Math<T>::select(x >= constant<T>(0), constant<T>(1), e) / (constant<T>(1) + e);
}
template <class T, int N>
constexpr Dual<T, N> logistic(const Dual<T, N>& x);

template <class T, int N>
struct Math<Dual<T, N>> {
  using D = Dual<T, N>;
  using M = Math<T>;
  using Real = typename M::Real;
  using Mask = typename M::Mask;

  static constexpr D select(const Mask& condition, const D& yes, const D& no) {
    return {M::select(condition, yes.value, no.value),
            [&](int k) { return M::select(condition, yes.tangent[k], no.tangent[k]); }};
  }

  /// -1, 0 or 1; its derivative is 0.
  static constexpr T sign_of(const T& v) {
    const T zero = constant<T>(0);
    return M::select(v > zero, constant<T>(1), M::select(v < zero, constant<T>(-1), zero));
  }
  static constexpr D sign(const D& x) { return D(M::select(x.value == x.value, sign_of(x.value), x.value)); }

  static constexpr D abs(const D& x) { return detail::chain(x, M::abs(x.value), sign_of(x.value)); }

  static constexpr D sqrt(const D& x) {
    const T root = M::sqrt(x.value);
    return detail::chain_at_edge(x, root, constant<T>(0.5) / root);
  }
  static constexpr D cbrt(const D& x) {
    const T root = M::cbrt(x.value);
    return detail::chain_at_edge(x, root, constant<T>(1) / (constant<T>(3) * root * root));
  }

  static constexpr D exp(const D& x) {
    const T value = M::exp(x.value);
    return detail::chain(x, value, value);
  }
  static constexpr D expm1(const D& x) { return detail::chain(x, M::expm1(x.value), M::exp(x.value)); }
  static constexpr D log(const D& x) { return detail::chain_at_edge(x, M::log(x.value), constant<T>(1) / x.value); }
  static constexpr D log1p(const D& x) {
    return detail::chain_at_edge(x, M::log1p(x.value), constant<T>(1) / (constant<T>(1) + x.value));
  }
  static constexpr D log2(const D& x) {
    return detail::chain_at_edge(x, M::log2(x.value), constant<T>(1) / (constant<T>(detail::ln2) * x.value));
  }
  static constexpr D log10(const D& x) {
    return detail::chain_at_edge(x, M::log10(x.value), constant<T>(1) / (constant<T>(detail::ln10) * x.value));
  }

  static constexpr std::pair<D, D> sincos(const D& x) {
    const auto [s, c] = M::sincos(x.value);
    return {detail::chain(x, s, c), detail::chain(x, c, -s)};
  }
  static constexpr D sin(const D& x) {
    if constexpr (N == 0) {
      return D(M::sin(x.value));
    } else {
      const auto [s, c] = M::sincos(x.value);
      return detail::chain(x, s, c);
    }
  }
  static constexpr D cos(const D& x) {
    if constexpr (N == 0) {
      return D(M::cos(x.value));
    } else {
      const auto [s, c] = M::sincos(x.value);
      return detail::chain(x, c, -s);
    }
  }
  static constexpr D tan(const D& x) {
    const T value = M::tan(x.value);
    return detail::chain(x, value, constant<T>(1) + value * value);
  }
  static constexpr D asin(const D& x) {
    return detail::chain_at_edge(x, M::asin(x.value), constant<T>(1) / M::sqrt(one_minus_square(x.value)));
  }
  static constexpr D acos(const D& x) {
    return detail::chain_at_edge(x, M::acos(x.value), constant<T>(-1) / M::sqrt(one_minus_square(x.value)));
  }
  static constexpr D atan(const D& x) {
    return detail::chain(x, M::atan(x.value), constant<T>(1) / (constant<T>(1) + x.value * x.value));
  }

  static constexpr D sinh(const D& x) { return detail::chain(x, M::sinh(x.value), M::cosh(x.value)); }
  static constexpr D cosh(const D& x) { return detail::chain(x, M::cosh(x.value), M::sinh(x.value)); }
  /// 1/cosh^2 rather than 1 - tanh^2, which has no correct digit left for large |x|. From `far` on its square
  /// rounds to 0, and cosh, which would overflow, is not asked.
  static constexpr D tanh(const D& x) {
    const T far = constant<T>(sizeof(Real) == sizeof(float) ? 54 : 375);
    const T reciprocal = constant<T>(1) / M::cosh(M::select(M::abs(x.value) < far, x.value, far));
    return detail::chain(x, M::tanh(x.value), reciprocal * reciprocal);
  }
  static constexpr D asinh(const D& x) {
    return detail::chain(x, M::asinh(x.value), constant<T>(1) / M::hypot(constant<T>(1), x.value));
  }
  static constexpr D acosh(const D& x) {
    const T root = M::sqrt(x.value - constant<T>(1)) * M::sqrt(x.value + constant<T>(1));
    return detail::chain_at_edge(x, M::acosh(x.value), constant<T>(1) / root);
  }
  static constexpr D atanh(const D& x) {
    return detail::chain_at_edge(x, M::atanh(x.value), constant<T>(1) / one_minus_square(x.value));
  }

  static constexpr D erf(const D& x) { return detail::chain(x, M::erf(x.value), gauss(x.value)); }
  static constexpr D erfc(const D& x) { return detail::chain(x, M::erfc(x.value), -gauss(x.value)); }

  /// The slope of the logistic function s is s(x) s(-x).
  static constexpr D logistic(const D& x) {
    const T value = nabla::logistic(x.value);
    return detail::chain(x, value, value * nabla::logistic(-x.value));
  }

  /// x^n for a constant n > 0
  static constexpr D whole_power(const D& x, long long n) {
    const T below = detail::whole_power(x.value, n - 1);
    return detail::chain(x, below * x.value, constant<T>(n) * below);
  }
  /// x^y for a constant y
  template <std::floating_point S>
  static constexpr D power(const D& x, S y) {
    const T exponent = constant<T>(y);
    const T slope = exponent * M::pow(x.value, exponent - constant<T>(1));
    return detail::chain_at_edge(x, M::pow(x.value, exponent), slope);
  }
  /// d x^y = y x^(y-1) dx + x^y log(x) dy
  static constexpr D pow(const D& x, const D& y) {
    const T zero = constant<T>(0);
    const T value = M::pow(x.value, y.value);
    const T along_x = detail::product(M::pow(x.value, y.value - constant<T>(1)), y.value);
    const T log_part = value * M::log(x.value);
    const T along_y = M::select(x.value == zero, M::select(y.value > zero, zero, log_part), log_part);
    return {value,
            [&](int k) { return detail::product(along_x, x.tangent[k]) + detail::product(along_y, y.tangent[k]); }};
  }

  /// d atan2(y, x) = (x dy - y dx) / r^2, with the division by r twice so that r^2 can't overflow or vanish.
  static constexpr D atan2(const D& y, const D& x) {
    const T r = M::hypot(x.value, y.value);
    const T along_y = x.value / r / r;
    const T along_x = -(y.value / r / r);
    return {M::atan2(y.value, x.value),
            [&](int k) { return detail::product(along_y, y.tangent[k]) + detail::product(along_x, x.tangent[k]); }};
  }

  static constexpr D hypot(const D& x, const D& y) {
    const T zero = constant<T>(0);
    const T r = M::hypot(x.value, y.value);
    const T along_x = M::select(r == zero, zero, x.value / r);
    const T along_y = M::select(r == zero, zero, y.value / r);
    return {r, [&](int k) { return along_x * x.tangent[k] + along_y * y.tangent[k]; }};
  }

  template <bool Largest, class... Rest>
  static constexpr D extreme(const D& first, const Rest&... rest) {
    return detail::extreme<Largest>(first, rest...);
  }

 private:
  static constexpr T one_minus_square(const T& v) { return (constant<T>(1) - v) * (constant<T>(1) + v); }
  static constexpr T gauss(const T& v) { return constant<T>(detail::two_over_sqrt_pi) * M::exp(-(v * v)); }
};

// The names that functions use. `using nabla::sin;` in a functor makes it work on plain numbers too.

// clang-format off
template <class T, int N> constexpr Dual<T, N> abs(const Dual<T, N>& x) { return Math<Dual<T, N>>::abs(x); }
template <class T, int N> constexpr Dual<T, N> sign(const Dual<T, N>& x) { return Math<Dual<T, N>>::sign(x); }
template <class T, int N> constexpr Dual<T, N> sqrt(const Dual<T, N>& x) { return Math<Dual<T, N>>::sqrt(x); }
template <class T, int N> constexpr Dual<T, N> cbrt(const Dual<T, N>& x) { return Math<Dual<T, N>>::cbrt(x); }
template <class T, int N> constexpr Dual<T, N> exp(const Dual<T, N>& x) { return Math<Dual<T, N>>::exp(x); }
template <class T, int N> constexpr Dual<T, N> expm1(const Dual<T, N>& x) { return Math<Dual<T, N>>::expm1(x); }
template <class T, int N> constexpr Dual<T, N> log(const Dual<T, N>& x) { return Math<Dual<T, N>>::log(x); }
template <class T, int N> constexpr Dual<T, N> log1p(const Dual<T, N>& x) { return Math<Dual<T, N>>::log1p(x); }
template <class T, int N> constexpr Dual<T, N> log2(const Dual<T, N>& x) { return Math<Dual<T, N>>::log2(x); }
template <class T, int N> constexpr Dual<T, N> log10(const Dual<T, N>& x) { return Math<Dual<T, N>>::log10(x); }
template <class T, int N> constexpr Dual<T, N> sin(const Dual<T, N>& x) { return Math<Dual<T, N>>::sin(x); }
template <class T, int N> constexpr Dual<T, N> cos(const Dual<T, N>& x) { return Math<Dual<T, N>>::cos(x); }
template <class T, int N> constexpr std::pair<Dual<T, N>, Dual<T, N>> sincos(const Dual<T, N>& x) { return Math<Dual<T, N>>::sincos(x); }
template <class T, int N> constexpr Dual<T, N> tan(const Dual<T, N>& x) { return Math<Dual<T, N>>::tan(x); }
template <class T, int N> constexpr Dual<T, N> asin(const Dual<T, N>& x) { return Math<Dual<T, N>>::asin(x); }
template <class T, int N> constexpr Dual<T, N> acos(const Dual<T, N>& x) { return Math<Dual<T, N>>::acos(x); }
template <class T, int N> constexpr Dual<T, N> atan(const Dual<T, N>& x) { return Math<Dual<T, N>>::atan(x); }
template <class T, int N> constexpr Dual<T, N> sinh(const Dual<T, N>& x) { return Math<Dual<T, N>>::sinh(x); }
template <class T, int N> constexpr Dual<T, N> cosh(const Dual<T, N>& x) { return Math<Dual<T, N>>::cosh(x); }
template <class T, int N> constexpr Dual<T, N> tanh(const Dual<T, N>& x) { return Math<Dual<T, N>>::tanh(x); }
template <class T, int N> constexpr Dual<T, N> asinh(const Dual<T, N>& x) { return Math<Dual<T, N>>::asinh(x); }
template <class T, int N> constexpr Dual<T, N> acosh(const Dual<T, N>& x) { return Math<Dual<T, N>>::acosh(x); }
template <class T, int N> constexpr Dual<T, N> atanh(const Dual<T, N>& x) { return Math<Dual<T, N>>::atanh(x); }
template <class T, int N> constexpr Dual<T, N> erf(const Dual<T, N>& x) { return Math<Dual<T, N>>::erf(x); }
template <class T, int N> constexpr Dual<T, N> erfc(const Dual<T, N>& x) { return Math<Dual<T, N>>::erfc(x); }
template <class T, int N> constexpr Dual<T, N> atan2(const Dual<T, N>& y, const Dual<T, N>& x) { return Math<Dual<T, N>>::atan2(y, x); }
template <class T, int N> constexpr Dual<T, N> hypot(const Dual<T, N>& x, const Dual<T, N>& y) { return Math<Dual<T, N>>::hypot(x, y); }
template <class T, int N> constexpr Dual<T, N> pow(const Dual<T, N>& x, const Dual<T, N>& y) { return Math<Dual<T, N>>::pow(x, y); }
template <class T, int N, Still<T, N> S> constexpr Dual<T, N> pow(S x, const Dual<T, N>& y) { return pow(Dual<T, N>(x), y); }
template <class T, int N, Still<T, N> S> constexpr Dual<T, N> atan2(S y, const Dual<T, N>& x) { return atan2(Dual<T, N>(y), x); }
template <class T, int N, Still<T, N> S> constexpr Dual<T, N> atan2(const Dual<T, N>& y, S x) { return atan2(y, Dual<T, N>(x)); }
template <class T, int N, Still<T, N> S> constexpr Dual<T, N> hypot(S x, const Dual<T, N>& y) { return hypot(Dual<T, N>(x), y); }
template <class T, int N, Still<T, N> S> constexpr Dual<T, N> hypot(const Dual<T, N>& x, S y) { return hypot(x, Dual<T, N>(y)); }
// clang-format on

/// x^n for a constant integer n, by repeated multiplication: exact at 0 and for negative x, 0^0 = 1.
/// Accuracy: the value is within |n| ulp, like any product of |n| factors.
template <class T, int N, std::integral I>
constexpr Dual<T, N> pow(const Dual<T, N>& x, I n) {
  if (n == 0) return Dual<T, N>(1);
  if (n < 0) return 1 / pow(x, -static_cast<long long>(n));
  return Math<Dual<T, N>>::whole_power(x, n);
}

/// x^y for a constant y. Where y is a small whole number this is repeated multiplication.
template <class T, int N, std::floating_point S>
constexpr Dual<T, N> pow(const Dual<T, N>& x, S y) {
  if (y >= S(-64) && y <= S(64) && y == static_cast<S>(static_cast<int>(y))) return pow(x, static_cast<int>(y));
  return Math<Dual<T, N>>::power(x, y);
}

/// The logistic function 1/(1 + exp(-x)), without overflow.
template <class T, int N>
constexpr Dual<T, N> logistic(const Dual<T, N>& x) {
  return Math<Dual<T, N>>::logistic(x);
}

/// yes where the condition holds and no elsewhere; what the other branch computed (NaN included) does not leak.
/// The condition is what comparing two scalars gives: a bool, or one bool per lane.
template <class T, int N>
constexpr Dual<T, N> select(const typename Math<T>::Mask& condition, const Dual<T, N>& yes, const Dual<T, N>& no) {
  return Math<Dual<T, N>>::select(condition, yes, no);
}
template <class T, int N, Still<T, N> S>
constexpr Dual<T, N> select(const typename Math<T>::Mask& condition, const Dual<T, N>& yes, S no) {
  return select(condition, yes, Dual<T, N>(no));
}
template <class T, int N, Still<T, N> S>
constexpr Dual<T, N> select(const typename Math<T>::Mask& condition, S yes, const Dual<T, N>& no) {
  return select(condition, Dual<T, N>(yes), no);
}

namespace detail {

/// The extreme of several base scalars. NaN in any argument is NaN.
template <bool Largest, class T, class... Rest>
constexpr T extreme(const T& first, const Rest&... rest) {
  using M = Math<T>;
  T best = first;
  const auto take = [&](const T& x) {
    const auto better = Largest ? x > best : x < best;
    const T unordered = best + x;  // NaN if either is
    best = M::select(better, x, M::select(x == x, best, unordered));
  };
  (take(rest), ...);
  return best;
}

/// The extreme of several duals; all arguments that attain it share the slope, at every level of nesting.
template <bool Largest, class T, int N, class... Rest>
constexpr Dual<T, N> extreme(const Dual<T, N>& first, const Rest&... rest) {
  using M = Math<T>;
  const T zero = constant<T>(0), one = constant<T>(1);
  const T best = extreme<Largest>(first.value, rest.value...);
  T ties = M::select(first.value == best, one, zero);
  ((ties = ties + M::select(rest.value == best, one, zero)), ...);
  const auto share = [&](const Dual<T, N>& x, int k) { return M::select(x.value == best, x.tangent[k] / ties, zero); };
  return {best, [&](int k) {
            T sum = share(first, k);
            ((sum = sum + share(rest, k)), ...);
            return sum;
          }};
}

}  // namespace detail

/// The largest argument. Where several tie, each gets an equal share of the slope (a subgradient).
template <class T, int N, std::same_as<Dual<T, N>>... Rest>
constexpr Dual<T, N> max(const Dual<T, N>& first, const Dual<T, N>& second, const Rest&... rest) {
  return Math<Dual<T, N>>::template extreme<true>(first, second, rest...);
}
template <class T, int N, Still<T, N> S>
constexpr Dual<T, N> max(const Dual<T, N>& a, S b) {
  return max(a, Dual<T, N>(b));
}
template <class T, int N, Still<T, N> S>
constexpr Dual<T, N> max(S a, const Dual<T, N>& b) {
  return max(Dual<T, N>(a), b);
}

/// The smallest argument; ties as for max.
template <class T, int N, std::same_as<Dual<T, N>>... Rest>
constexpr Dual<T, N> min(const Dual<T, N>& first, const Dual<T, N>& second, const Rest&... rest) {
  return Math<Dual<T, N>>::template extreme<false>(first, second, rest...);
}
template <class T, int N, Still<T, N> S>
constexpr Dual<T, N> min(const Dual<T, N>& a, S b) {
  return min(a, Dual<T, N>(b));
}
template <class T, int N, Still<T, N> S>
constexpr Dual<T, N> min(S a, const Dual<T, N>& b) {
  return min(Dual<T, N>(a), b);
}

// The same names on plain numbers, so that a functor can be called with double too.
using std::abs, std::sqrt, std::cbrt, std::exp, std::expm1, std::log, std::log1p, std::log2, std::log10, std::sin,
    std::cos, std::tan, std::asin, std::acos, std::atan, std::sinh, std::cosh, std::tanh, std::asinh, std::acosh,
    std::atanh, std::erf, std::erfc, std::pow, std::atan2, std::hypot;

template <std::floating_point T>
constexpr T select(bool condition, T yes, T no) {
  return condition ? yes : no;
}
template <std::floating_point T>
constexpr T max(T a, T b) {
  return a < b ? b : a;
}
template <std::floating_point T>
constexpr T min(T a, T b) {
  return b < a ? b : a;
}

}  // namespace nabla
