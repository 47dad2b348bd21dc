#pragma once

#include <cstdint>

namespace nabla::detail {

/// The start that led to the least finite value.
struct BestStart {
  std::int64_t start;  // -1: none did
  double value;
};
inline constexpr int most_best_partials = 512;

}  // namespace nabla::detail
