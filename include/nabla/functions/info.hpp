#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

// What a named test function says about itself, for command lines, tests and readers.
//
// Next to operator() every functor of nabla::functions has
//     static constexpr FunctionInfo info;           // below
//     double minimum_value(n)                       // the global minimum in n variables; NaN where unknown or none
//     std::vector<double> minimizer(n)              // one point that attains it, rounded; empty where unknown or none
//     static constexpr int dimension                // only where there is one
// The two functions are static unless they depend on the functor's parameters.

namespace nabla::functions {

/// The numbers of variables that a function accepts: one of them, or every multiple from a least one on.
struct DimensionRule {
  std::int64_t least = 1;
  std::int64_t multiple = 1;
  bool only_least = false;

  constexpr bool accepts(std::int64_t n) const { return only_least ? n == least : n >= least && n % multiple == 0; }

  /// "n = 2", "n >= 2", "n = 4, 8, 12, ...".
  std::string text() const {
    const std::string first = std::to_string(least);
    if (only_least) return "n = " + first;
    if (multiple == 1) return "n >= " + first;
    return "n = " + first + ", " + std::to_string(least + multiple) + ", " + std::to_string(least + 2 * multiple) +
           ", ...";
  }
};

constexpr DimensionRule exactly(std::int64_t n) { return {.least = n, .only_least = true}; }
constexpr DimensionRule at_least(std::int64_t n) { return {.least = n}; }
constexpr DimensionRule multiples_of(std::int64_t k) { return {.least = k, .multiple = k}; }

struct FunctionInfo {
  std::string_view name;     ///< as on the command line
  std::string_view formula;  ///< as a formula that the library can parse, sums from 1 to n
  std::string_view source;   ///< author (year)
  DimensionRule dimension;
  double low, high;           ///< the usual box: low <= x_i <= high for every i
  bool minimum_known = true;  ///< for some n at least; minimum_value(n) says which
};

inline constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

/// The base of functions that have no minimum.
struct WithoutMinimum {
  static constexpr double minimum_value(std::int64_t) { return unknown; }
  static std::vector<double> minimizer(std::int64_t) { return {}; }
};

/// n equal components.
inline std::vector<double> repeated(std::int64_t n, double component) {
  return std::vector<double>(static_cast<std::size_t>(n), component);
}

}  // namespace nabla::functions
