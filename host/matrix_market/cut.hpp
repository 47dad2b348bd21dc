#pragma once

#include <cstdint>

namespace nabla::matrix_market {

/// Longer lines are refused: a file without line ends must not be read whole to find one. The format has 1024.
constexpr std::int64_t longest_line = std::int64_t{1} << 20;

/// How the work is cut. Results do not depend on it.
struct Cut {
  int threads = 1;
  std::int64_t piece_bytes = longest_line;  // at most that
};

}  // namespace nabla::matrix_market
