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

/// What may be off though nothing is wrong: a part of the change of f nearby, so that a derivative of 0 need not come
/// out as 0 to the last bit, and where terms of the size of f's slopes around cancel.
double floor_of(const LineDerivative& line, const Precision& precision) {
  constexpr double units_around = 64;
  const double change = std::isfinite(line.variation) ? line.variation : 0;
  return precision.epsilon * std::fmax(units_of_change * change, units_around * line.steepness);
}
/// What is taken for 0.
double least_numbers(const Precision& precision) {
  constexpr double some = 64;
  return some * precision.smallest;
}
/// What factors of a claim may lose to underflow.
double lost_by_underflow(const Precision& precision) {
  constexpr double factors = 1e6;
  return factors * precision.smallest;
}

/// Whether differences at many steps, each by itself, exclude a derivative. One or two large steps may all see f beyond
/// a bend that none of them sees; so no smaller one may confirm it and contradict them.
bool excluded_by_many(double derivative, const LineDerivative& line, double slack) {
  constexpr std::ptrdiff_t many = 6;
  const auto excludes = [&](const WithError& step) { return std::fabs(derivative - step.value) > slack + step.error; };
  const auto takes_its_side = [&](const WithError& step) {
    return !excludes(step) && std::fabs(line.value - step.value) > step.error + line.error_bar;
  };
  const auto smaller = std::span(line.at_each_step).subspan(std::min(line.smaller_steps, line.at_each_step.size()));
  return std::ranges::count_if(line.at_each_step, excludes) >= many && std::ranges::none_of(smaller, takes_its_side);
}

/// Whether a derivative is beyond all that large and small steps said, where they contradict each other.
bool is_outside(double derivative, const LineDerivative& line, double slack) {
  double low = line.value - line.error_bar, high = line.value + line.error_bar;
  for (const WithError& other : line.from_afar) {
    if (!std::isfinite(other.value) || !std::isfinite(other.error)) continue;
    low = std::fmin(low, other.value - other.error);
    high = std::fmax(high, other.value + other.error);
  }
  return derivative < low - slack || derivative > high + slack;
}

/// Smaller derivatives may be lost where f is rounded, or where terms of it are that other variables change more.
double invisible(const Claim& claim, const LineDerivative& line, const Precision& precision) {
  constexpr double units = 4;
  return units * precision.epsilon * (line.level + claim.background);
}

/// Where small steps do not change f at all, it may be flat, or rounded in stairs, as log(1 + erf(x)) is below -3. What
/// lies between the slopes that larger steps show might be the slope of the stairs.
bool may_be_slope_of_stairs(double derivative, const LineDerivative& line) {
  return derivative > line.least_beyond && derivative < line.most_beyond;
}

Verdict judge_at_corner(const Claim& claim, const LineDerivative& line, double slack) {
  const double low = std::min(line.left, line.right), high = std::max(line.left, line.right);
  const bool known = std::isfinite(low) && std::isfinite(high) && std::isfinite(claim.derivative);
  if (!known || !std::isfinite(slack)) return Verdict::unresolved;
  return claim.derivative < low - slack || claim.derivative > high + slack ? Verdict::disagree : Verdict::unresolved;
}

/// A NaN or an infinity, which is no answer where differences are, and nothing overflows in the claim's precision.
Verdict judge_not_finite(const LineDerivative& line, const Precision& precision) {
  constexpr double well_known = 1e-3;
  const double least = lost_by_underflow(precision), most = 1 / least;
  const bool known =
      line.from_afar.empty() && line.error_bar <= well_known * std::fabs(line.value) + floor_of(line, precision);
  const bool tame =
      std::fabs(line.value) < most && std::fabs(line.centre) < most && line.steepness < most && line.steepness > least;
  return known && tame ? Verdict::disagree : Verdict::unresolved;
}

}  // namespace

double allowed(const Claim& claim, const LineDerivative& line, double tolerance, const Precision& precision) {
  const double lost = line.by_complex_step ? 0 : invisible(claim, line, precision);
  return tolerance * size_of(claim, line) + floor_of(line, precision) + lost_by_underflow(precision) + claim.allowance +
         lost;
}

Verdict judge(const Claim& claim, const LineDerivative& line, double tolerance, const Precision& precision) {
  const double slack = allowed(claim, line, tolerance, precision);
  const auto differs = [&](double value, double bar) { return !(std::fabs(claim.derivative - value) <= slack + bar); };
  if (line.still && line.smooth && claim.derivative == 0) return Verdict::agree;
  if (!std::isfinite(line.error_bar)) return Verdict::unresolved;
  if (!line.smooth) {
    return differs(line.value, line.error_bar) ? judge_at_corner(claim, line, slack + line.side_bar)
                                               : Verdict::unresolved;
  }
  if (!std::isfinite(claim.derivative)) return judge_not_finite(line, precision);
  if (line.level == 0 && claim.derivative != 0) return Verdict::unresolved;  // f is 0 all around: what is little?
  if (differs(line.value, line.error_bar)) {
    const bool excluded = line.by_complex_step || (is_outside(claim.derivative, line, slack) &&
                                                   excluded_by_many(claim.derivative, line, slack) &&
                                                   !may_be_slope_of_stairs(claim.derivative, line));
    return excluded ? Verdict::disagree : Verdict::unresolved;
  }
  const double resolution = tolerance * std::fmax(size_of(claim, line), claim.background) + floor_of(line, precision) +
                            least_numbers(precision);
  const double off = std::fabs(claim.derivative - line.value);
  return line.error_bar <= resolution && off <= resolution + line.error_bar ? Verdict::agree : Verdict::unresolved;
}

}  // namespace check
}  // namespace nabla
