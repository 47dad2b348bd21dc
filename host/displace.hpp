#pragma once

#include <nabla/executor.hpp>

#include <bit>
#include <cstdint>
#include <limits>
#include <type_traits>

// What a check of an objective does to vectors on an executor: steps along random directions that are never stored, and
// sums of a gradient's terms along them. host/cpu/displace.cpp and kernels/displace.cu do the work.

namespace nabla::detail {

/// Some of a vector's components: a range of them, or of a list of them in the executor's memory.
struct Subset {
  std::int64_t first, last;
  const std::int64_t* indices = nullptr;

  constexpr std::int64_t size() const { return last - first; }
  /// The component of element j, first <= j < last.
  constexpr std::int64_t component(std::int64_t j) const { return indices != nullptr ? indices[j] : j; }
};

/// u_i = scale * w_i, with w_i = +-1, +-9/8, …, +-15/8 by a hash of the key and i, or w_i = 1.
struct Direction {
  std::uint64_t key;
  double scale;
  bool random = true;

  static constexpr std::int64_t group = 16;  // components that share a hash, 4 bits each

  /// Source: Steele, Lea and Flood, Fast Splittable Pseudorandom Number Generators (OOPSLA 2014), SplitMix64.
  static constexpr std::uint64_t mixed(std::uint64_t bits) {
    bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9u;
    bits = (bits ^ (bits >> 27)) * 0x94d049bb133111ebu;
    return bits ^ (bits >> 31);
  }
  /// Of the group that component i is in.
  constexpr std::uint64_t hash(std::int64_t i) const {
    return mixed(key + 0x9e3779b97f4a7c15u * (static_cast<std::uint64_t>(i / group) + 1));
  }
  constexpr double term(std::uint64_t group_hash, std::int64_t i) const {
    const auto bits = static_cast<int>(group_hash >> (4 * (i % group)));
    const double size = scale * (0.125 * (8 + (bits & 7)));
    return (bits & 8) != 0 ? -size : size;
  }
  constexpr double operator()(std::int64_t i) const { return random ? term(hash(i), i) : scale; }
};

/// x + t u; exactly x for t = 0.
template <class T>
constexpr T displaced(T x, double t, double u) {
  return t == 0 ? x : static_cast<T>(static_cast<double>(x) + t * u);
}

/// |a - b|: 0 only if all bits are the same, infinite if one of them is infinite or NaN and the other is not the same.
template <class T>
constexpr double difference(T a, T b) {
  using Bits = std::conditional_t<sizeof(T) == 8, std::uint64_t, std::uint32_t>;
  if (std::bit_cast<Bits>(a) == std::bit_cast<Bits>(b)) return 0;
  const double apart = static_cast<double>(a) - static_cast<double>(b);
  if (apart == 0) return std::numeric_limits<double>::denorm_min();  // 0 and -0
  const double size = apart < 0 ? -apart : apart;
  return size <= std::numeric_limits<double>::max() ? size : std::numeric_limits<double>::infinity();
}
/// |x|, or 0 where that is not finite.
template <class T>
constexpr double finite_size(T x) {
  const T size = x < 0 ? -x : x;
  return size <= std::numeric_limits<T>::max() ? static_cast<double>(size) : 0;
}

/// Sums over the terms g_i u_i of a directional derivative.
struct Weighed {
  double sum = 0;      // of the terms
  double size = 0;     // of the absolute values of those that are finite
  double squares = 0;  // of their squares

  constexpr void add(double term) {
    const double finite = finite_size(term);
    sum += term;
    size += finite;
    squares += finite * finite;
  }
  constexpr void merge(const Weighed& other) {
    sum += other.sum;
    size += other.size;
    squares += other.squares;
  }
};

/// Sums are taken over so many elements at a time, and then over those, so that they do not depend on who takes them.
constexpr std::int64_t weighed_at_once = 4096;

/// Writes x + t u into the subset's components of `out`, and leaves the others alone. A null x stands for zeros.
template <class T>
void displace(const Executor& executor, const T* x, double t, const Direction& u, const Subset& subset, T* out);
template <class T>
Weighed weigh(const Executor& executor, const T* gradient, const Direction& u, const Subset& subset);
/// The largest difference(a_i, b_i); without b, the largest finite_size(a_i).
template <class T>
double largest(const Executor& executor, const T* a, const T* b, std::int64_t n);

}  // namespace nabla::detail
