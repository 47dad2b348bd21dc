#pragma once

#include <nabla/detail/lanes_sincos.hpp>
#include <nabla/scalar.hpp>
#include <xsimd/xsimd.hpp>

// SIMD lanes as a base scalar: one xsimd pack of the width this translation unit is compiled for.
//
// xsimd's own functions are within 2.5 ulp (docs/numerics.md has the measured bound of each) but for pow, erf and erfc,
// which lose up to thousands: those run lane by lane through the C library. Sines and cosines of moderate numbers are
// our own (detail/lanes_sincos.hpp). What is in one lane does not depend on what is in others, bit for bit.
//
// Lane by lane go logarithms, cbrt and asinh, too, where GCC compiles for AVX-512 without optimising: its intrinsics
// are macros then, with which xsimd's select() of integers, which those are made of, does not compile. Files of one
// program that are compiled with and without optimisation may differ in the last bits.

namespace nabla {

template <class T>
using Lanes = xsimd::batch<T>;

namespace detail {

#if defined(__AVX512BW__) && defined(__GNUC__) && !defined(__clang__) && !defined(__OPTIMIZE__)
inline constexpr bool packs_select_integers = false;
#else
inline constexpr bool packs_select_integers = true;
#endif

/// Applies a scalar function to each lane.
template <class T, class F, class... Packs>
Lanes<T> lane_by_lane(F f, const Packs&... packs) {
  constexpr std::size_t width = Lanes<T>::size;
  alignas(Lanes<T>) T in[sizeof...(Packs)][width];
  std::size_t argument = 0;
  ((packs.store_aligned(in[argument++])), ...);
  for (std::size_t lane = 0; lane < width; ++lane) {
    if constexpr (sizeof...(Packs) == 1) {
      in[0][lane] = f(in[0][lane]);
    } else {
      in[0][lane] = f(in[0][lane], in[1][lane]);
    }
  }
  return Lanes<T>::load_aligned(in[0]);
}

/// What xsimd makes of integers that it selects, or the C library's function where that does not compile.
template <class T, class Packed, class F, class Pack>
Pack packed_or_by_lane(Packed packed, F f, const Pack& x) {
  if constexpr (packs_select_integers) {
    return packed(x);
  } else {
    return lane_by_lane<T>(f, x);
  }
}

}  // namespace detail

template <class T, class A>
struct Math<xsimd::batch<T, A>> {
  using X = xsimd::batch<T, A>;
  using Real = T;
  using Mask = xsimd::batch_bool<T, A>;

  static X select(const Mask& condition, const X& yes, const X& no) { return xsimd::select(condition, yes, no); }
  /// detail::product(). Compilers see through comparisons of registers, where xsimd's are opaque to them: tangents that
  /// are constants cost nothing, others a mask of the product.
  static X product(const X& slope, const X& tangent) {
    using Register = typename X::register_type;
    const Register s = slope, t = tangent, zero = {};
    return X(t == zero ? zero : s * t);
  }
  static bool any(const Mask& condition) { return xsimd::any(condition); }
  static bool all(const Mask& condition) { return xsimd::all(condition); }
  static X smaller(const X& a, const X& b) { return xsimd::min(a, b); }
  static X larger(const X& a, const X& b) { return xsimd::max(a, b); }
  static X fma(const X& a, const X& b, const X& c) { return xsimd::fma(a, b, c); }
  static X abs(const X& x) { return xsimd::abs(x); }
  static X sqrt(const X& x) { return xsimd::sqrt(x); }
  static X cbrt(const X& x) {
    return detail::packed_or_by_lane<T>([](const auto& v) { return xsimd::cbrt(v); }, [](T v) { return std::cbrt(v); },
                                        x);
  }
  static X exp(const X& x) { return xsimd::exp(x); }
  static X expm1(const X& x) { return xsimd::select(x == X(T(0)), x, xsimd::expm1(x)); }  // keeps -0
  static X log(const X& x) {
    return detail::packed_or_by_lane<T>([](const auto& v) { return xsimd::log(v); }, [](T v) { return std::log(v); },
                                        x);
  }
  static X log1p(const X& x) { return xsimd::select(x == X(T(0)), x, xsimd::log1p(x)); }
  static X log2(const X& x) {
    return detail::packed_or_by_lane<T>([](const auto& v) { return xsimd::log2(v); }, [](T v) { return std::log2(v); },
                                        x);
  }
  static X log10(const X& x) {
    return detail::packed_or_by_lane<T>([](const auto& v) { return xsimd::log10(v); },
                                        [](T v) { return std::log10(v); }, x);
  }
  static X sin(const X& x) { return are_moderate(x) ? detail::moderate_sincos(x).first : sincos_of_any(x).first; }
  static X cos(const X& x) { return are_moderate(x) ? detail::moderate_sincos(x).second : sincos_of_any(x).second; }
  static std::pair<X, X> sincos(const X& x) { return are_moderate(x) ? detail::moderate_sincos(x) : sincos_of_any(x); }
  static X tan(const X& x) {
    return by_size([](const X& v) { return xsimd::tan(v); }, x);
  }
  static X asin(const X& x) { return xsimd::asin(x); }
  static X acos(const X& x) { return xsimd::acos(x); }
  static X atan(const X& x) { return xsimd::atan(x); }
  static X sinh(const X& x) { return xsimd::sinh(x); }
  static X cosh(const X& x) { return xsimd::cosh(x); }
  static X tanh(const X& x) { return xsimd::tanh(x); }
  static X asinh(const X& x) {
    return detail::packed_or_by_lane<T>([](const auto& v) { return xsimd::asinh(v); },
                                        [](T v) { return std::asinh(v); }, x);
  }
  static X acosh(const X& x) { return xsimd::acosh(x); }
  static X atanh(const X& x) { return xsimd::atanh(x); }
  static X erf(const X& x) {
    return detail::lane_by_lane<T>([](T v) { return std::erf(v); }, x);
  }
  static X erfc(const X& x) {
    return detail::lane_by_lane<T>([](T v) { return std::erfc(v); }, x);
  }
  static X pow(const X& x, const X& y) {
    return detail::lane_by_lane<T>([](T v, T p) { return std::pow(v, p); }, x, y);
  }
  /// xsimd's has NaN where both arguments are 0 or infinite; lanes on the axes go through the C library.
  static X atan2(const X& y, const X& x) {
    const X zero(T(0)), infinity(std::numeric_limits<T>::infinity());
    const Mask special = x == zero || y == zero || abs(x) == infinity || abs(y) == infinity;
    const X packed = xsimd::atan2(y, x);
    if (!xsimd::any(special)) return packed;
    return select(special, detail::lane_by_lane<T>([](T a, T b) { return std::atan2(a, b); }, y, x), packed);
  }
  /// The larger side is divided out first: xsimd's own squares overflow and vanish.
  static X hypot(const X& x, const X& y) {
    const X zero(T(0)), infinity(std::numeric_limits<T>::infinity());
    const X a = abs(x), b = abs(y);
    const X larger_side = xsimd::max(a, b);
    const X scale = xsimd::select(larger_side == zero, X(T(1)), larger_side);
    const X p = a / scale, q = b / scale;
    return xsimd::select(a == infinity || b == infinity, infinity, scale * xsimd::sqrt(xsimd::fma(p, p, q * q)));
  }

 private:
  static bool are_moderate(const X& x) { return xsimd::all(abs(x) <= X(T(detail::most_moderate))); }

  [[gnu::noinline]] static std::pair<X, X> sincos_of_any(const X& x) {
    const Mask moderate = abs(x) <= X(T(detail::most_moderate));
    const Mask large = !(abs(x) <= xsimd::constants::mediumpi<X>());
    auto [sine, cosine] = detail::moderate_sincos(select(moderate, x, X(T(0))));
    const auto put = [&, &s = sine, &c = cosine](const Mask& where, const X& as_if) {
      if (!xsimd::any(where)) return;
      const auto [their_sine, their_cosine] = xsimd::sincos(select(where, x, as_if));
      s = select(where, their_sine, s);
      c = select(where, their_cosine, c);
    };
    put(!(moderate || large), X(T(100)));
    put(large, X(T(1e30)));
    return {sine, cosine};
  }

  /// xsimd reduces all angles of a pack as the largest of them needs it, which changes others' last bits. Here each
  /// lane is reduced as if all were like it.
  template <class F>
  static X by_size(F f, const X& x) {
    const X size = abs(x);
    const Mask small = size <= xsimd::constants::twentypi<X>();
    if (xsimd::all(small)) return f(x);
    const Mask large = !(size <= xsimd::constants::mediumpi<X>());
    X y = f(select(small, x, X(T(0))));
    if (!xsimd::all(small || large)) y = select(small, y, f(select(small || large, X(T(100)), x)));
    if (xsimd::any(large)) y = select(large, f(select(large, x, X(T(1e30)))), y);
    return y;
  }
};

}  // namespace nabla
