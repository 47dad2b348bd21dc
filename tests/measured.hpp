#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

// How far off may a computed number be? An arithmetic for closed forms that answers it, next to the value itself.
//
// A Measured is a value in long double and the scale of the rounding error that computing it in a working precision
// brings: a result within a few ulp of the scale is as good as the formula allows. The rules, to first order:
//   - an input or a constant has its own size for a scale, and is not rounded;
//   - a sum has the sum of its terms' scales: where terms cancel, the scale remembers how large they were;
//   - a product, quotient or square has its size, and more by what its factors' scales exceed their sizes;
//   - f(a) has |f(a)|, and |f'(a)| times the scale of a if a was rounded: that is how an error of the argument is
//     amplified. sin(2 pi x) for large x is the standard case, and x^20 another.
// So for a sum of products of inputs the scale is the sum of the absolute values of its terms.

namespace nabla::test {

struct Measured {
  long double value = 0;
  long double scale = 0;
  bool rounded = false;

  Measured() = default;
  Measured(long double constant) : value(constant), scale(std::fabs(constant)) {}
  Measured(long double v, long double s) : value(v), scale(s), rounded(true) {}

  long double excess() const { return scale - std::fabs(value); }

  friend Measured operator-(Measured a) {
    a.value = -a.value;
    return a;
  }
  friend Measured operator+(const Measured& a, const Measured& b) { return {a.value + b.value, a.scale + b.scale}; }
  friend Measured operator-(const Measured& a, const Measured& b) { return {a.value - b.value, a.scale + b.scale}; }
  friend Measured operator*(const Measured& a, const Measured& b) {
    const long double product = a.value * b.value;
    return {product, std::fabs(product) + std::fabs(a.value) * b.excess() + std::fabs(b.value) * a.excess()};
  }
  friend Measured operator/(const Measured& a, const Measured& b) {
    const long double quotient = a.value / b.value;
    return {quotient, std::fabs(quotient) + (a.excess() + std::fabs(quotient) * b.excess()) / std::fabs(b.value)};
  }
};

/// f(a) from its value and slope.
inline Measured applied(const Measured& a, long double value, long double slope) {
  return {value, std::fabs(value) + (a.rounded ? std::fabs(slope) * a.scale : 0)};
}

inline Measured square(const Measured& a) { return a * a; }
inline Measured power(const Measured& a, int n) {
  const long double below = std::pow(a.value, n - 1);
  return applied(a, below * a.value, n * below);
}
inline Measured sqrt(const Measured& a) { return applied(a, std::sqrt(a.value), 0.5L / std::sqrt(a.value)); }
inline Measured exp(const Measured& a) { return applied(a, std::exp(a.value), std::exp(a.value)); }
inline Measured sin(const Measured& a) { return applied(a, std::sin(a.value), std::cos(a.value)); }
inline Measured cos(const Measured& a) { return applied(a, std::cos(a.value), std::sin(a.value)); }

/// One ulp of a scale: 2^-52 of it in double precision, 2^-23 in single precision (the spacing of numbers of that size
/// is between half of this and this). Near the smallest normal number intermediate results underflow, and lose digits
/// that the final result has; below 1024 times that number the ulp stays what it is there.
template <class T>
long double ulp(long double scale) {
  using Limits = std::numeric_limits<T>;
  return std::max(scale, 1024.0L * Limits::min()) * Limits::epsilon();
}

/// The error of a computed number in ulp of the scale of what was expected; infinite for NaN.
template <class T>
long double error_in_ulp(T computed, const Measured& expected) {
  const long double error = std::fabs(static_cast<long double>(computed) - expected.value);
  if (!(error < std::numeric_limits<long double>::infinity())) return std::numeric_limits<long double>::infinity();
  return error / ulp<T>(expected.scale);
}

}  // namespace nabla::test
