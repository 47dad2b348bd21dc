#pragma once

#include <nabla/connectivity.hpp>
#include <nabla/detail/element_request.hpp>

#include <algorithm>
#include <cstdint>

// Which elements of a sum touch a range of variables.

namespace nabla::detail {

inline std::int64_t floor_division(std::int64_t a, std::int64_t b) {
  return a / b - (a % b != 0 && (a % b < 0) != (b < 0));
}
inline std::int64_t ceil_division(std::int64_t a, std::int64_t b) { return -floor_division(-a, b); }

struct Interval {
  std::int64_t first, last;
  bool empty() const { return first >= last; }
  bool has(std::int64_t at) const { return at >= first && at < last; }
  std::int64_t clamp(std::int64_t at) const { return std::clamp(at, first, last); }
};

/// Elements of a line, at start + e * stride, that lie in a range of variables.
inline Interval elements_in(const Interval& range, std::int64_t start, std::int64_t stride, std::int64_t count) {
  if (stride == 0) return {0, range.has(start) ? count : 0};
  const Interval all{0, count};
  return {all.clamp(ceil_division(range.first - start, stride)), all.clamp(ceil_division(range.last - start, stride))};
}

/// Neighbouring elements along the first extent of an affine sum.
struct Line {
  std::int64_t element;               // the number of the first
  std::int64_t variable[most_slots];  // that it touches
  Interval own[most_slots];           // elements whose variable is in the range
  Interval all;                       // elements with any of those
};

/// Calls use(line) for all lines of elements that touch a range of variables, in order.
template <class Use>
void for_each_line(const Affine& affine, const Interval& range, Use use) {
  // No structured bindings: clang does not let lambdas capture them.
  const std::int64_t least = std::ranges::min(affine.offsets), most = std::ranges::max(affine.offsets);
  const auto &extent = affine.extent, &stride = affine.stride;
  const auto& offsets = affine.offsets;
  // Indices along dimension d at which something of the dimensions below may be in the range.
  const auto some = [&](std::size_t d, std::int64_t base, std::int64_t reach) -> Interval {
    if (stride[d] == 0) return {0, extent[d]};
    const Interval all{0, extent[d]};
    return {all.clamp(ceil_division(range.first - (base + most + reach), stride[d])),
            all.clamp(ceil_division(range.last - (base + least), stride[d]))};
  };
  const std::int64_t reach0 = (extent[0] - 1) * stride[0], reach1 = reach0 + (extent[1] - 1) * stride[1];
  const Interval planes = some(2, 0, reach1);
  for (std::int64_t i2 = planes.first; i2 < planes.last; ++i2) {
    const Interval lines = some(1, i2 * stride[2], reach0);
    for (std::int64_t i1 = lines.first; i1 < lines.last; ++i1) {
      Line line{extent[0] * (i1 + extent[1] * i2), {}, {}, {extent[0], 0}};
      for (std::size_t j = 0; j < offsets.size(); ++j) {
        line.variable[j] = offsets[j] + i1 * stride[1] + i2 * stride[2];
        line.own[j] = elements_in(range, line.variable[j], stride[0], extent[0]);
        if (line.own[j].empty()) continue;
        line.all = {std::min(line.all.first, line.own[j].first), std::max(line.all.last, line.own[j].last)};
      }
      if (!line.all.empty()) use(line);
    }
  }
}

}  // namespace nabla::detail
