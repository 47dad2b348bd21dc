#pragma once

#include "line.hpp"

#include <cstdint>
#include <vector>

namespace nabla::check {

using detail::CheckCalls;

/// A line x + t u through a point, tried at steps t of at most scale / 2.
struct Line {
  std::vector<double> x;
  std::vector<double> u;  // n numbers; empty: the unit vector of `component`
  std::int64_t component;
  double scale;
  std::vector<double> claims = {};  // one for each output, or none
};

/// The derivatives along lines, in order, those of the function's outputs one after another; evaluated in as few calls
/// as memory allows. Adds to `evaluations`.
std::vector<LineDerivative> differentiate_along(const CheckCalls& calls, const std::vector<Line>& lines,
                                                std::int64_t& evaluations);

}  // namespace nabla::check
