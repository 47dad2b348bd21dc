#pragma once

#include <nabla/scalar.hpp>

// With this header, which comes before others, elementary functions are called and not compiled in where they stand:
// for formulas with so many of them that compiling would take minutes. For NVRTC alone.

namespace nabla {

namespace detail {

template <class T>
struct CalledMath : PlainMath<T> {
  using M = PlainMath<T>;
  __device__ __noinline__ static T cbrt(T x) { return M::cbrt(x); }
  __device__ __noinline__ static T exp(T x) { return M::exp(x); }
  __device__ __noinline__ static T expm1(T x) { return M::expm1(x); }
  __device__ __noinline__ static T log(T x) { return M::log(x); }
  __device__ __noinline__ static T log1p(T x) { return M::log1p(x); }
  __device__ __noinline__ static T log2(T x) { return M::log2(x); }
  __device__ __noinline__ static T log10(T x) { return M::log10(x); }
  __device__ __noinline__ static T sin(T x) { return M::sin(x); }
  __device__ __noinline__ static T cos(T x) { return M::cos(x); }
  __device__ __noinline__ static std::pair<T, T> sincos(T x) { return M::sincos(x); }
  __device__ __noinline__ static T tan(T x) { return M::tan(x); }
  __device__ __noinline__ static T asin(T x) { return M::asin(x); }
  __device__ __noinline__ static T acos(T x) { return M::acos(x); }
  __device__ __noinline__ static T atan(T x) { return M::atan(x); }
  __device__ __noinline__ static T sinh(T x) { return M::sinh(x); }
  __device__ __noinline__ static T cosh(T x) { return M::cosh(x); }
  __device__ __noinline__ static T tanh(T x) { return M::tanh(x); }
  __device__ __noinline__ static T asinh(T x) { return M::asinh(x); }
  __device__ __noinline__ static T acosh(T x) { return M::acosh(x); }
  __device__ __noinline__ static T atanh(T x) { return M::atanh(x); }
  __device__ __noinline__ static T erf(T x) { return M::erf(x); }
  __device__ __noinline__ static T erfc(T x) { return M::erfc(x); }
  __device__ __noinline__ static T pow(T x, T y) { return M::pow(x, y); }
  __device__ __noinline__ static T atan2(T y, T x) { return M::atan2(y, x); }
  __device__ __noinline__ static T hypot(T x, T y) { return M::hypot(x, y); }
};

}  // namespace detail

template <>
struct Math<float> : detail::CalledMath<float> {};
template <>
struct Math<double> : detail::CalledMath<double> {};

}  // namespace nabla
