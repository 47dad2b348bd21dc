#pragma once

#include <nabla/batch.hpp>
#include <nabla/elementary.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

// Functions to evaluate, and what must come out: values and derivatives by hand, in plain long double, that share no
// code with the library.

namespace nabla::test {

/// x^2 y + sin(x y); fixed dimension, found by probing.
struct Saddle {
  template <class Point>
  constexpr auto operator()(const Point& x) const {
    using nabla::sin;
    return x[0] * x[0] * x[1] + sin(x[0] * x[1]);
  }
};

/// sum_i a_i(x), any dimension; with state.
struct Chain {
  double weight = 100;
  template <class Point>
  constexpr auto operator()(const Point& x) const {
    typename Point::value_type sum = 0;
    for (int i = 0; i + 1 < x.size(); ++i) {
      const auto a = 1 - x[i];
      const auto b = x[i + 1] - x[i] * x[i];
      sum += a * a + weight * b * b;
    }
    return sum;
  }
};

/// sum_i w_i x_i^2 / 2 + sin(x_i x_next), in a ring, with w = 1, 2, 3, 1, …: any dimension, 1 included, where Chain is
/// 0, and no cancellation that would hide an error.
struct Ring {
  template <class Point>
  constexpr auto operator()(const Point& x) const {
    using nabla::sin;
    typename Point::value_type sum = 0;
    for (int i = 0; i < x.size(); ++i) sum += (1 + i % 3) * x[i] * x[i] / 2 + sin(x[i] * x[(i + 1) % x.size()]);
    return sum;
  }
};

/// The closed forms, in plain long double.
struct Oracle {
  long double value = 0;
  std::vector<long double> gradient;
  std::vector<long double> hessian;
  explicit Oracle(std::size_t n) : gradient(n), hessian(n * n) {}
  Oracle(long double f, std::vector<long double> g, std::vector<long double> h)
      : value(f), gradient(std::move(g)), hessian(std::move(h)) {}
};
inline Oracle saddle(const std::vector<long double>& x) {
  const long double s = std::sin(x[0] * x[1]), c = std::cos(x[0] * x[1]);
  const long double mixed = 2 * x[0] + c - x[0] * x[1] * s;
  return {x[0] * x[0] * x[1] + s,
          {2 * x[0] * x[1] + x[1] * c, x[0] * x[0] + x[0] * c},
          {2 * x[1] - x[1] * x[1] * s, mixed, mixed, -x[0] * x[0] * s}};
}
inline Oracle chain(const std::vector<long double>& x) {
  const std::size_t n = x.size();
  const long double weight = 100;
  Oracle o(n);
  for (std::size_t i = 0; i + 1 < n; ++i) {
    const long double a = 1 - x[i], b = x[i + 1] - x[i] * x[i];
    o.value += a * a + weight * b * b;
    o.gradient[i] += -2 * a - 4 * weight * x[i] * b;
    o.gradient[i + 1] += 2 * weight * b;
    o.hessian[i * n + i] += 2 - 4 * weight * (b - 2 * x[i] * x[i]);
    o.hessian[i * n + i + 1] -= 4 * weight * x[i];
    o.hessian[(i + 1) * n + i] -= 4 * weight * x[i];
    o.hessian[(i + 1) * n + i + 1] += 2 * weight;
  }
  return o;
}
inline Oracle ring(const std::vector<long double>& x) {
  const std::size_t n = x.size();
  Oracle o(n);
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t j = i + 1 < n ? i + 1 : 0;  // the same as i for n = 1: all contributions add up
    const long double s = std::sin(x[i] * x[j]), c = std::cos(x[i] * x[j]);
    const auto w = static_cast<long double>(1 + i % 3);
    o.value += w * x[i] * x[i] / 2 + s;
    o.gradient[i] += w * x[i] + x[j] * c;
    o.gradient[j] += x[i] * c;
    o.hessian[i * n + i] += w - x[j] * x[j] * s;
    o.hessian[j * n + j] -= x[i] * x[i] * s;
    o.hessian[i * n + j] += c - x[i] * x[j] * s;
    o.hessian[j * n + i] += c - x[i] * x[j] * s;
  }
  return o;
}

/// A view of host numbers as they lie in an owning batch.
template <class T>
struct HostBatch {
  std::vector<T> numbers;
  BatchView<const T> view;
  explicit HostBatch(const Batch<T>& batch)
      : numbers(batch.to_host()), view(numbers.data(), batch.count(), batch.components(), batch.layout()) {}
  T operator()(std::int64_t item, std::int64_t component = 0) const { return view(item, component); }
  std::vector<long double> item(std::int64_t p) const {
    std::vector<long double> x;
    for (std::int64_t i = 0; i < view.components; ++i) x.push_back(view(p, i));
    return x;
  }
};

/// Rounding of T on numbers of this size, with room for the handful of operations in the functions above.
template <class T>
double tolerance(long double scale) {
  return 64 * static_cast<double>(std::numeric_limits<T>::epsilon()) * static_cast<double>(1 + std::fabs(scale));
}
// Sizes of values and derivatives, and of the terms that cancel in them, for |x_i| <= 2.
inline constexpr long double chain_scale = 4000;
constexpr long double ring_scale(std::int64_t n) { return 20 + 8 * static_cast<long double>(n); }

}  // namespace nabla::test
