#include "judge.hpp"

#include <algorithm>
#include <cmath>

namespace nabla {

const char* name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::agree:
      return "agree";
    case Verdict::unresolved:
      return "unresolved";
    case Verdict::disagree:
      return "disagree";
  }
  return "";
}

namespace check {

namespace {

double size_of(const Claim& claim, const LineDerivative& line) {
  return std::fmax(std::fmax(claim.size, std::fabs(claim.derivative)), std::fabs(line.value));
}

/// A part of the change of f nearby, so that a derivative of 0 need not come out as 0 to the last bit; and what factors
/// may be lost to underflow.
double floor_of(const LineDerivative& line, const Precision& precision) {
  constexpr double units = 1024, factors = 1e6;
  const double change = std::isfinite(line.variation) ? units * precision.epsilon * line.variation : 0;
  return change + factors * precision.smallest;
}

Verdict judge_at_corner(const Claim& claim, const LineDerivative& line, double slack) {
  const double low = std::min(line.left, line.right), high = std::max(line.left, line.right);
  const bool known = std::isfinite(low) && std::isfinite(high) && std::isfinite(claim.derivative);
  if (!known || !std::isfinite(slack)) return Verdict::unresolved;
  return claim.derivative < low - slack || claim.derivative > high + slack ? Verdict::disagree : Verdict::unresolved;
}

}  // namespace

double allowed(const Claim& claim, const LineDerivative& line, double tolerance, const Precision& precision) {
  return tolerance * size_of(claim, line) + floor_of(line, precision) + claim.allowance;
}

Verdict judge(const Claim& claim, const LineDerivative& line, double tolerance, const Precision& precision) {
  const double slack = allowed(claim, line, tolerance, precision);
  if (!line.smooth) return judge_at_corner(claim, line, slack + line.error_bar);
  if (!std::isfinite(line.error_bar)) return Verdict::unresolved;
  if (!std::isfinite(claim.derivative)) {
    constexpr double well_known = 1e-3;
    const bool known =
        line.from_afar.empty() && line.error_bar <= well_known * std::fabs(line.value) + floor_of(line, precision);
    return known ? Verdict::disagree : Verdict::unresolved;
  }
  const auto differs = [&](double value, double bar) { return std::fabs(claim.derivative - value) > slack + bar; };
  if (differs(line.value, line.error_bar)) {
    const bool differs_from_all =
        std::ranges::all_of(line.from_afar, [&](const WithError& other) { return differs(other.value, other.error); });
    return differs_from_all ? Verdict::disagree : Verdict::unresolved;
  }
  const double resolution = tolerance * std::fmax(size_of(claim, line), claim.background) + floor_of(line, precision);
  return line.error_bar <= resolution ? Verdict::agree : Verdict::unresolved;
}

}  // namespace check
}  // namespace nabla
