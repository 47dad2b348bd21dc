#pragma once

#include <xsimd/xsimd.hpp>

#include <type_traits>
#include <utility>

// Sine and cosine of packs of moderate numbers, without branches, so that several of them in a function are computed
// side by side. (xsimd's look first how large the largest lane is, in code too long to be inlined: eight cosines and
// their derivatives took 2.2 times as long.)
//
// x = n pi/2 + r with |r| <= pi/4 by Cody and Waite's reduction: pi/2 is a sum of numbers so short that their products
// with n are exact, but for the last's, so that r loses nothing where x is next to a multiple of pi/2.
// Sources: Cody and Waite, Software Manual for the Elementary Functions (1980); the polynomials for |r| <= pi/4 are
// those of fdlibm (k_sin.c, k_cos.c) for double, and of Moshier's Cephes library (sinf.c) for float.

namespace nabla::detail {

/// Up to this size, 20 pi, n has 6 bits.
inline constexpr double most_moderate = 62.8318530717958647;

template <class X>
struct QuarterTurns {
  X rest;
  X turn;  // n/4 less its whole part: 0, 1/4, 1/2 or 3/4
};

template <class X>
[[gnu::always_inline]] inline QuarterTurns<X> quarter_turns(const X& x) {
  using T = typename X::value_type;
  const X n = xsimd::nearbyint(x * X(T(0.636619772367581343)));
  X rest;
  if constexpr (std::is_same_v<T, double>) {
    rest = xsimd::fnma(n, X(0x1.921fb544p+0), x);
    rest = xsimd::fnma(n, X(0x1.0b4611a6p-34), rest);
    rest = xsimd::fnma(n, X(0x1.3198a2e037073p-69), rest);
  } else {
    rest = xsimd::fnma(n, X(0x1.921ep+0F), x);
    rest = xsimd::fnma(n, X(0x1.b544p-16F), rest);
    rest = xsimd::fnma(n, X(0x1.0b46p-34F), rest);
    rest = xsimd::fnma(n, X(0x1.1a6264p-54F), rest);
  }
  const X quarters = n * X(T(0.25));
  return {rest, quarters - xsimd::floor(quarters)};
}

/// of |r| <= pi/4
template <class X>
[[gnu::always_inline]] inline X sine_kernel(const X& r) {
  using T = typename X::value_type;
  const X z = r * r;
  if constexpr (std::is_same_v<T, double>) {
    X p = xsimd::fma(z, X(1.58969099521155010221e-10), X(-2.50507602534068634195e-08));
    p = xsimd::fma(z, p, X(2.75573137070700676789e-06));
    p = xsimd::fma(z, p, X(-1.98412698298579493134e-04));
    p = xsimd::fma(z, p, X(8.33333333332248946124e-03));
    p = xsimd::fma(z, p, X(-1.66666666666666324348e-01));
    return xsimd::fma(z * r, p, r);
  } else {
    X p = xsimd::fma(z, X(-1.9515295891e-4F), X(8.3321608736e-3F));
    p = xsimd::fma(z, p, X(-1.6666654611e-1F));
    return xsimd::fma(z * r, p, r);
  }
}
template <class X>
[[gnu::always_inline]] inline X cosine_kernel(const X& r) {
  using T = typename X::value_type;
  const X z = r * r;
  X p;
  if constexpr (std::is_same_v<T, double>) {
    p = xsimd::fma(z, X(-1.13596475577881948265e-11), X(2.08757232129817482790e-09));
    p = xsimd::fma(z, p, X(-2.75573143513906633035e-07));
    p = xsimd::fma(z, p, X(2.48015872894767294178e-05));
    p = xsimd::fma(z, p, X(-1.38888888888741095749e-03));
    p = xsimd::fma(z, p, X(4.16666666666666019037e-02));
  } else {
    p = xsimd::fma(z, X(2.443315711809948e-5F), X(-1.388731625493765e-3F));
    p = xsimd::fma(z, p, X(4.166664568298827e-2F));
  }
  return xsimd::fma(z * z, p, xsimd::fma(z, X(T(-0.5)), X(T(1))));
}

/// Both, of lanes that are moderate; others get some number or other.
template <class X>
[[gnu::always_inline]] inline std::pair<X, X> moderate_sincos(const X& x) {
  using T = typename X::value_type;
  const auto [rest, turn] = quarter_turns(xsimd::abs(x));  // and sin(-x) is -sin(x), also of 0
  const X s = sine_kernel(rest), c = cosine_kernel(rest);
  const auto crossed = xsimd::abs(turn - X(T(0.5))) == X(T(0.25));
  const auto lower = turn >= X(T(0.5));                            // where sines are negative
  const auto left = (turn > X(T(0.125))) && (turn < X(T(0.625)));  // and cosines
  const X sine = xsimd::select(crossed, c, s), cosine = xsimd::select(crossed, s, c);
  return {xsimd::select(lower, -sine, sine) ^ xsimd::bitofsign(x), xsimd::select(left, -cosine, cosine)};
}

}  // namespace nabla::detail
