#pragma once

#include "../quadratic/rows.hpp"

#include <algorithm>
#include <cstdint>

namespace nabla::detail::cpu {

/// The products of the window's rows that begin at `begin`. In the order of their lengths they are as many sums side by
/// side as a slice has rows, and hardly a branch that can't be foreseen, where rows one by one have one each: the time
/// is that of gathering alone (docs/performance.md).
template <class T, class Entries>
void multiply_window(const SliceRows<T, Entries>& a, std::int64_t begin, const T* in, double* products) {
  constexpr std::int64_t length = SliceRows<T, Entries>::slice, window = SliceRows<T, Entries>::window;
  const Entries entries = a.entries;
  const std::int64_t end = std::min(a.rows, begin + window);
  double sums[window];
  for (std::int64_t first = begin; first < end; first += length) {
    const std::int64_t slice = first / length, last = a.starts[slice + 1];
    double some[length] = {};
    for (std::int64_t at = a.starts[slice]; at < last; at += length) {
      for (std::int64_t k = 0; k < length; ++k) {
        some[k] += static_cast<double>(entries.number(at + k)) * static_cast<double>(in[entries.column(at + k)]);
      }
    }
    std::ranges::copy(some, sums + (first - begin));
  }
  for (std::int64_t r = begin; r < end; ++r) products[r - begin] = sums[a.places[r]];
}

}  // namespace nabla::detail::cpu
