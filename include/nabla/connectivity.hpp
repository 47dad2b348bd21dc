#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace nabla {

/// Elements in a line, a plane or a block, which all touch variables in the same pattern: slot j of element
/// (e0, e1, e2) is variable offsets[j] + e0 stride[0] + e1 stride[1] + e2 stride[2]. Elements are numbered with e0
/// fastest. Boundaries are further sums, over other blocks.
struct Affine {
  std::array<std::int64_t, 3> extent{1, 1, 1};
  std::array<std::int64_t, 3> stride{1, 0, 0};
  std::vector<std::int64_t> offsets;

  std::int64_t elements() const { return extent[0] * extent[1] * extent[2]; }

  /// Element e touches x[e * stride + offsets[0]], x[e * stride + offsets[1]], …
  static Affine chain(std::int64_t elements, std::vector<std::int64_t> offsets, std::int64_t stride = 1) {
    return {{elements, 1, 1}, {stride, 0, 0}, std::move(offsets)};
  }
};

}  // namespace nabla
