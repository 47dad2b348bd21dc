#pragma once

#include "bytes.hpp"

#include <nabla/matrix_market.hpp>

namespace nabla::matrix_market {

/// Longer lines are refused: a file without line ends must not be read whole to find one. The format has 1024.
constexpr std::int64_t longest_line = std::int64_t{1} << 20;

inline std::string too_long() { return "is longer than " + std::to_string(longest_line) + " bytes"; }

/// Throws FileError.
MatrixMarketHeader read_header(const Bytes& bytes);

}  // namespace nabla::matrix_market
