#include "line.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace nabla::check {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

struct Estimate {
  double value = nan;
  double error = infinity;
  std::size_t step = 0;
};

/// How the error of an estimate expands: estimates at half the step lose the factor `first` of their leading error,
/// then `first * next` of the one after, and so on.
struct Expansion {
  double first, next;
};
constexpr Expansion even_powers{4, 4};  // h^2, h^4, …: centred differences
constexpr Expansion odd_powers{2, 4};   // h, h^3, …: second differences over h
constexpr Expansion all_powers{2, 2};   // h, h^2, …: one-sided differences

/// For each step the best extrapolation from it and larger ones. `rounding`: the error of each raw estimate.
std::vector<Estimate> extrapolate(std::span<const double> raw, std::span<const double> rounding, Expansion expansion) {
  constexpr std::size_t most_columns = 8;
  std::vector<Estimate> best(raw.size());
  std::array<double, most_columns> above{}, row{};
  std::size_t usable = 0;  // estimates in a row that are numbers
  for (std::size_t k = 0; k < raw.size(); ++k) {
    best[k].step = k;
    usable = std::isfinite(raw[k]) ? usable + 1 : 0;
    row[0] = raw[k];
    double factor = expansion.first;
    for (std::size_t column = 1; column < std::min(usable, most_columns); ++column) {
      const double correction = (row[column - 1] - above[column - 1]) / (factor - 1);
      row[column] = row[column - 1] + correction;
      const double error =
          std::max(std::fabs(correction), std::fabs(row[column] - above[column - 1])) + 2 * rounding[k];
      if (error < best[k].error) best[k] = {row[column], error, k};
      factor *= expansion.next;
    }
    above = row;
  }
  return best;
}

/// The estimate with the smallest error that those from smaller steps do not contradict. `dropped`: those before it.
Estimate choose(std::span<const Estimate> estimates, std::vector<Estimate>* dropped = nullptr) {
  constexpr std::ptrdiff_t enough = 4;
  std::size_t from = 0;
  while (true) {
    const auto rest = estimates.subspan(from);
    if (rest.empty()) return {};
    const Estimate best = *std::ranges::min_element(rest, {}, &Estimate::error);
    if (!std::isfinite(best.error)) return {};
    const auto contradicts = [&](const Estimate& other) {
      return std::fabs(other.value - best.value) > 3 * (other.error + best.error);
    };
    if (std::ranges::count_if(estimates.subspan(best.step + 1), contradicts) < enough) return best;
    if (dropped != nullptr) dropped->push_back(best);
    from = best.step + 1;
  }
}

/// The least that f's values are rounded by.
double rounding_of(const LineSamples& samples, double value) {
  return std::isfinite(value) ? std::max(samples.precision.epsilon * std::fabs(value), samples.precision.smallest) : 0;
}

/// The size of f's rounding errors at each step, from that step and the six below it. The differences over 4t, 2t and
/// t, d(t) = f(x+t) - f(x-t), satisfy d(4t) - 10 d(2t) + 16 d(t) = O(t^5), whatever the derivatives are; what is left
/// over of small steps is rounding. The second smallest of several, so that what is not rounding spoils it less.
std::vector<double> noise_of(const LineSamples& samples) {
  constexpr std::size_t window = 6;
  // Of errors of size e in each of six values, 16 sqrt(2) e and more is left over; a small one of six is taken.
  constexpr double weight = 9;
  const std::size_t count = samples.steps.size();
  const auto difference = [&](std::size_t k) { return samples.forward[k] - samples.backward[k]; };
  std::vector<double> left_over;
  for (std::size_t k = 0; k + 2 < count; ++k) {
    left_over.push_back(std::fabs(difference(k) - 10 * difference(k + 1) + 16 * difference(k + 2)) / weight);
  }
  std::vector<double> noise(count);
  for (std::size_t k = 0; k < count; ++k) {
    noise[k] = std::max({rounding_of(samples, samples.centre), rounding_of(samples, samples.forward[k]),
                         rounding_of(samples, samples.backward[k])});
    const std::size_t first = std::min(k, left_over.size() - std::min(left_over.size(), window));
    std::vector<double> near(left_over.begin() + static_cast<std::ptrdiff_t>(first), left_over.end());
    near.resize(std::min(near.size(), window));
    std::erase_if(near, [](double rest) { return !std::isfinite(rest); });
    if (near.size() < 2) continue;
    std::ranges::nth_element(near, near.begin() + 1);
    noise[k] = std::max(noise[k], near[1]);
  }
  return noise;
}

/// The exponent p of |f(x + t) - f(x)| ~ t^p over the smallest steps at which it is no rounding, if it is the same over
/// several; else NaN.
double growth(const LineSamples& samples, std::span<const double> side) {
  constexpr std::size_t run = 5;
  const double noise = rounding_of(samples, samples.centre);
  const auto change = [&](std::size_t k) { return std::fabs(side[k] - samples.centre); };
  std::size_t last = samples.steps.size();
  while (last > 0 && !(change(last - 1) > 256 * noise)) --last;
  if (last < run) return nan;
  double least = infinity, most = -infinity;
  for (std::size_t k = last - run; k + 1 < last; ++k) {
    const double p = std::log2(change(k) / change(k + 1));
    least = std::fmin(least, p);
    most = std::fmax(most, p);
  }
  return most - least < 0.1 ? (least + most) / 2 : nan;
}

/// The slope of log error against log step over the longest run of steps in which it hardly changes.
double straight_slope(std::span<const double> steps, std::span<const double> errors, std::span<const double> floors) {
  constexpr double bend = 0.35;
  constexpr std::size_t least_steps = 4;
  double slope = nan, before = nan;
  std::size_t start = 0, longest = least_steps - 1;
  for (std::size_t k = 1; k < steps.size(); ++k) {
    const bool clear = errors[k] > 16 * floors[k] && std::isfinite(errors[k - 1]) && errors[k - 1] > 0;
    const double local = clear ? std::log(errors[k - 1] / errors[k]) / std::log(steps[k - 1] / steps[k]) : nan;
    if (!(std::fabs(local - before) < bend)) start = clear ? k - 1 : k;
    before = local;
    if (k - start + 1 <= longest) continue;
    longest = k - start + 1;
    slope = std::log(errors[start] / errors[k]) / std::log(steps[start] / steps[k]);
  }
  return slope;
}

}  // namespace

LineDerivative differentiate(const LineSamples& samples) {
  const std::size_t count = samples.steps.size();
  const std::vector<double> noise = noise_of(samples);
  std::vector<double> centred(count), bent(count), right(count), left(count), rounding(count);
  for (std::size_t k = 0; k < count; ++k) {
    const double t = samples.steps[k];
    centred[k] = (samples.forward[k] - samples.backward[k]) / (2 * t);
    right[k] = (samples.forward[k] - samples.centre) / t;
    left[k] = (samples.centre - samples.backward[k]) / t;
    bent[k] = right[k] - left[k];
    rounding[k] = noise[k] / t;
  }
  LineDerivative found{nan, infinity, nan, nan, true, nan, nan, {}, samples.centre, false, false};
  std::vector<Estimate> dropped;
  const Estimate best = choose(extrapolate(centred, rounding, even_powers), &dropped);
  for (const Estimate& other : dropped) found.from_afar.push_back({other.value, 2 * other.error});
  if (std::isfinite(best.error)) {
    found.value = best.value;
    found.error_bar = 2 * best.error;
    found.variation = (std::fabs(right[best.step]) + std::fabs(left[best.step])) / 2;
    std::vector<double> errors(count);
    for (std::size_t k = 0; k < count; ++k)
      errors[k] = std::fabs(centred[k] - (std::isnan(samples.claim) ? best.value : samples.claim));
    std::vector<double> floors(rounding);
    for (double& floor : floors) floor += best.error;
    found.slope = straight_slope(samples.steps, errors, floors);
    const auto is_rounding = [&](double error, double rounded) { return error <= 4 * rounded; };
    found.linear = std::ranges::equal(bent, floors, is_rounding, [](double bend) { return std::fabs(bend); });
    found.quadratic = !found.linear && std::ranges::equal(errors, floors, is_rounding);
  }

  // Corners: right and left differ in the limit. Jumps and cusps: differences shrink more slowly than steps.
  for (double& error : rounding) error *= 4;
  const Estimate corner = choose(extrapolate(bent, rounding, odd_powers));
  const Estimate from_right = choose(extrapolate(right, rounding, all_powers));
  const Estimate from_left = choose(extrapolate(left, rounding, all_powers));
  const double size = std::max({std::fabs(found.value), found.variation, 0.0});
  constexpr double least_corner = 1e-7, least_growth = 0.85;
  const bool steep_right = growth(samples, samples.forward) < least_growth;
  const bool steep_left = growth(samples, samples.backward) < least_growth;
  const bool one_sided = std::isfinite(from_right.error) != std::isfinite(from_left.error);
  found.smooth =
      !(std::fabs(corner.value) > 4 * corner.error + least_corner * size) && !steep_right && !steep_left && !one_sided;
  if (found.smooth) return found;
  found.right = steep_right ? std::copysign(infinity, right.back()) : from_right.value;
  found.left = steep_left ? std::copysign(infinity, left.back()) : from_left.value;
  return found;
}

std::vector<double> line_steps(double scale, const Precision& precision) {
  // Smaller ones see little but rounding, and how a function rounds its arguments inside.
  const double least = std::pow(precision.epsilon, 0.75);
  std::vector<double> steps;
  for (double step = 0.5; step > least; step /= 2) steps.push_back(step * scale);
  return steps;
}

}  // namespace nabla::check
