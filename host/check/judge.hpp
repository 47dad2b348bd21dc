#pragma once

#include "line.hpp"

#include <nabla/check_report.hpp>

namespace nabla::check {

/// What is said to be the derivative along a line.
struct Claim {
  double derivative;
  double size;        // that the tolerance is relative to, if the differences show none that is larger
  double background;  // what other components, of the same units, amount to: finer than that need nobody know it
  double allowance;   // rounding that has nothing to do with the derivative's size
};

/// What is off by less than so many units in the last place of f's change nearby is not counted.
inline constexpr double units_of_change = 512;
/// Smaller tolerances would be held against rounding.
inline constexpr double least_tolerance(const Precision& precision) { return units_of_change * precision.epsilon; }

/// How far a claim may be off before the error bar counts: the tolerance times the size, the allowance, and what
/// rounding does to a derivative whose terms cancel.
double allowed(const Claim& claim, const LineDerivative& line, double tolerance, const Precision& precision);

/// `precision`: of the claim. Functions that are not smooth are never agreed upon; a claim that is no derivative
/// between those of the two sides disagrees even so. What rounding explains is unresolved, and not agreed upon.
Verdict judge(const Claim& claim, const LineDerivative& line, double tolerance, const Precision& precision);

}  // namespace nabla::check
