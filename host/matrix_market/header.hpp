#pragma once

#include "bytes.hpp"
#include "cut.hpp"

#include <nabla/matrix_market.hpp>

namespace nabla::matrix_market {

inline std::string too_long() { return "is longer than " + std::to_string(longest_line) + " bytes"; }

/// Throws FileError.
MatrixMarketHeader read_header(const Bytes& bytes);

}  // namespace nabla::matrix_market
