#pragma once

#include "executors.hpp"

#include <nabla/batch.hpp>
#include <nabla/element_sum.hpp>

#include <cmath>
#include <cstdint>
#include <vector>

// Elements, and numbers in an executor's memory, for the tests of sums of elements.

namespace nabla::test {

struct RosenbrockElement {
  template <class X>
  constexpr auto operator()(const X& x) const {
    const auto valley = x[1] - x[0] * x[0];
    return 100 * valley * valley + (1 - x[0]) * (1 - x[0]);
  }
};

struct Spring {
  static constexpr int variables = 2, data = 2;
  template <class X, class D>
  constexpr auto operator()(const X& x, const D& d) const {
    const auto stretch = x[1] - x[0] - d[1];
    return 0.5 * d[0] * stretch * stretch;
  }
};

/// Of a grid: the area of a surface above it.
struct Patch {
  static constexpr int variables = 3;
  template <class X>
  constexpr auto operator()(const X& x) const {
    using nabla::sqrt;
    const auto along = x[1] - x[0], across = x[2] - x[0];
    return sqrt(1 + along * along + across * across);
  }
};

/// Of a block: the same in space, with variables that are not in the order of their slots.
struct Cell {
  static constexpr int variables = 4;
  template <class X>
  constexpr auto operator()(const X& x) const {
    using nabla::sqrt;
    typename X::value_type squares = 1;
    for (int i = 1; i < 4; ++i) squares += (x[i] - x[0]) * (x[i] - x[0]);
    return sqrt(squares);
  }
};

/// A spring of length d[1] between points in space.
struct SpaceSpring {
  static constexpr int variables = 6, data = 2;
  template <class X, class D>
  constexpr auto operator()(const X& x, const D& d) const {
    using nabla::sqrt;
    typename X::value_type squares = 0;
    for (int i = 0; i < 3; ++i) squares += (x[i] - x[i + 3]) * (x[i] - x[i + 3]);
    const auto stretch = sqrt(squares) - d[1];
    return 0.5 * d[0] * stretch * stretch;
  }
};

inline auto chained(const Executor& where, std::int64_t n) {
  return element_sum<double>(where, RosenbrockElement(), n, Affine::chain(n - 1, {0, 1}));
}
inline auto patches(const Executor& where, std::int64_t width, std::int64_t height) {
  return element_sum<double>(where, Patch(), width * height,
                             Affine{{width - 1, height - 1, 1}, {1, width, 0}, {0, 1, width}});
}

inline std::vector<double> numbers(std::int64_t n, std::uint64_t seed = 3) {
  return Points<double>::uniform(Executor::cpu(1), n, 1, -1.5, 1.5, seed).to_host();
}

template <class T>
Array<T> on(const Executor& where, const std::vector<T>& numbers) {
  Array<T> array(where, static_cast<std::int64_t>(numbers.size()));
  array.upload(numbers);
  return array;
}
template <class T>
std::span<T> all(const Array<T>& array) {
  return {array.data(), static_cast<std::size_t>(array.size())};
}

/// An output of so many numbers: filled by calls, then looked at on the host.
template <class T = double>
Array<T> room(const Executor& where, std::size_t count, T before = T(-77)) {
  return on(where, std::vector<T>(count, before));
}

/// The largest |a - b| / (1 + |b|).
template <class T>
double largest_difference(const std::vector<T>& a, const std::vector<long double>& b) {
  double most = a.size() == b.size() ? 0 : INFINITY;
  for (std::size_t i = 0; i < a.size() && i < b.size(); ++i) {
    const auto apart = static_cast<double>(std::abs(a[i] - b[i])), size = static_cast<double>(std::abs(b[i]));
    if (!(apart / (1 + size) <= most)) most = apart / (1 + size);
  }
  return most;
}

/// Sizes that tests go up to: emulated devices are slow.
inline std::int64_t at_most(const Executor& where, std::int64_t on_cuda, std::int64_t on_cpu) {
  return where.is_cuda() ? on_cuda : on_cpu;
}

}  // namespace nabla::test
