#pragma once

#include "../vectors.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

// Loops of passes that leave sums: on threads part by part, in a part side by side for vector registers, always in the
// same order.

namespace nabla::detail::cpu {

inline constexpr std::size_t lanes = 16;  // sums side by side, for vector registers
using SideBySide = std::array<double, lanes>;

inline double sum_of(const SideBySide& side_by_side) {
  double all = 0;
  for (const double sum : side_by_side) all += sum;
  return all;
}

/// The sums of body(i) for first <= i < last.
template <class Body>
Terms<Body::sums> run_part(const Body& body, std::int64_t first, std::int64_t last) {
  constexpr std::size_t count = Body::sums;
  std::array<SideBySide, count> sums{};
  const auto add = [&](std::int64_t i, std::size_t lane) {
    const Terms<Body::sums> terms = body(i);
    for (std::size_t k = 0; k < count; ++k) sums[k][lane] += terms[k];
  };
  std::int64_t i = first;
  for (; i + static_cast<std::int64_t>(lanes) <= last; i += static_cast<std::int64_t>(lanes)) {
#pragma omp simd
    for (std::size_t lane = 0; lane < lanes; ++lane) add(i + static_cast<std::int64_t>(lane), lane);
  }
  for (std::size_t lane = 0; i < last; ++i, ++lane) add(i, lane);
  Terms<Body::sums> all{};
  for (std::size_t k = 0; k < count; ++k) all[k] = sum_of(sums[k]);
  return all;
}

/// Calls use(part, first, last) for all parts of n components, on several threads.
template <class Use>
void in_parts(int threads, std::int64_t n, Use use) {
  const std::int64_t parts = parts_of(n);
  const auto team = static_cast<int>(std::clamp<std::int64_t>(parts / 2, 1, threads));
#pragma omp parallel for num_threads(team) schedule(static)
  for (std::int64_t part = 0; part < parts; ++part) {
    use(part, part * summed_at_once, std::min(n, (part + 1) * summed_at_once));
  }
}

/// The sum of the k-th of `count` sums over parts first to last, by halves.
inline double folded(const double* partials, std::int64_t count, std::int64_t k, std::int64_t first,
                     std::int64_t last) {
  if (last - first == 1) return partials[first * count + k];
  const std::int64_t middle = first + (last - first) / 2;
  return folded(partials, count, k, first, middle) + folded(partials, count, k, middle, last);
}
inline void fold(const Sums& sums, std::int64_t parts, std::int64_t count) {
  for (std::int64_t k = 0; k < count; ++k) sums.on_executor()[k] = folded(sums.partials(), count, k, 0, parts);
}

}  // namespace nabla::detail::cpu
