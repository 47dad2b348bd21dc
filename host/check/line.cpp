#include "line.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
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

/// The powers of the step that the error of an estimate expands in.
struct Expansion {
  int first, next;
};
constexpr Expansion even_powers{2, 2};  // h^2, h^4, …: centred differences
constexpr Expansion odd_powers{1, 2};   // h, h^3, …: second differences over h
constexpr Expansion all_powers{1, 1};   // h, h^2, …: one-sided differences

/// For each step the best extrapolation from it and larger ones. `rounding`: the error of each raw estimate.
std::vector<Estimate> extrapolate(std::span<const double> steps, std::span<const double> raw,
                                  std::span<const double> rounding, Expansion expansion) {
  constexpr std::size_t most_columns = 8;
  std::vector<Estimate> best(raw.size());
  std::array<double, most_columns> above{}, row{};
  std::size_t usable = 0;  // estimates in a row that are numbers
  for (std::size_t k = 0; k < raw.size(); ++k) {
    best[k].step = k;
    usable = std::isfinite(raw[k]) ? usable + 1 : 0;
    row[0] = raw[k];
    const double ratio = k == 0 ? 1 : steps[k - 1] / steps[k];
    double power = expansion.first;
    for (std::size_t column = 1; column < std::min(usable, most_columns); ++column) {
      const double correction = (row[column - 1] - above[column - 1]) / (std::pow(ratio, power) - 1);
      row[column] = row[column - 1] + correction;
      const double error =
          std::max(std::fabs(correction), std::fabs(row[column] - above[column - 1])) + 2 * rounding[k];
      if (error < best[k].error) best[k] = {row[column], error, k};
      power += expansion.next;
    }
    above = row;
  }
  return best;
}

/// The estimate with the smallest error that those from smaller steps do not contradict. `dropped`: those before it.
Estimate choose(std::span<const Estimate> estimates, std::vector<Estimate>* dropped = nullptr) {
  constexpr std::ptrdiff_t enough = 4;
  constexpr double apart = 3, far_apart = 12;
  std::size_t from = 0;
  while (true) {
    const auto rest = estimates.subspan(from);
    if (rest.empty()) return {};
    const Estimate best = *std::ranges::min_element(rest, {}, &Estimate::error);
    if (!std::isfinite(best.error)) return {};
    const auto smaller = estimates.subspan(best.step + 1);
    const auto contradictions = [&](double by) {
      return std::ranges::count_if(smaller, [&](const Estimate& other) {
        return std::fabs(other.value - best.value) > by * (other.error + best.error);
      });
    };
    if (contradictions(apart) < enough && contradictions(far_apart) == 0) return best;
    if (dropped != nullptr) dropped->push_back(best);
    from = best.step + 1;
  }
}

/// The least that f's values are rounded by.
double rounding_of(const LineSamples& samples, double value) {
  return std::isfinite(value) ? std::max(samples.precision.epsilon * std::fabs(value), samples.precision.smallest) : 0;
}

/// What f is rounded to multiples of, if that shows: log(exp(x)) near 0 comes in steps of one unit in the last place of
/// 1. Smaller t do not change f at all, and the smallest changes are small multiples of one number. Else 0.
double quantum_of(const LineSamples& samples) {
  constexpr double most_multiple = 64, nearly = 1e-6;
  double quantum = 0;
  for (const auto& side : {samples.forward, samples.backward}) {
    double smallest = 0;
    for (std::size_t k = side.size(); k-- > 0;) {
      const double change = std::fabs(side[k] - samples.centre);
      if (k + 1 == side.size() && change != 0) break;
      if (!(change > smallest) || !std::isfinite(change)) continue;
      const double multiple = change / smallest;
      if (smallest > 0 && multiple <= most_multiple && std::fabs(multiple - std::round(multiple)) < nearly) {
        quantum = std::max(quantum, smallest);
      }
      if (smallest > 0) break;
      smallest = change;
    }
  }
  return quantum;
}

/// What is left over of rounding errors and nothing else, step by step: of the differences d(t) = f(x + t) - f(x - t)
/// = a t + b t^3 + O(t^5) at three steps in a row, the combination that lets a and b vanish, whatever they are.
std::vector<double> left_over_of(const LineSamples& samples) {
  // Of errors of size e in each of six values, 1.4 times the largest weight, and more, is left over; of several such a
  // small one is taken.
  constexpr double part = 0.6;
  const auto& t = samples.steps;
  const auto difference = [&](std::size_t k) { return samples.forward[k] - samples.backward[k]; };
  std::vector<double> left_over;
  for (std::size_t k = 0; k + 2 < t.size(); ++k) {
    const double square0 = t[k] * t[k], square1 = t[k + 1] * t[k + 1], square2 = t[k + 2] * t[k + 2];
    const double weight2 = t[k] / t[k + 2] * ((square1 - square0) / (square2 - square1));
    const double weight1 = -(t[k] + weight2 * t[k + 2]) / t[k + 1];
    const double rest = difference(k) + weight1 * difference(k + 1) + weight2 * difference(k + 2);
    left_over.push_back(std::fabs(rest / (part * weight2)));
  }
  return left_over;
}

/// The size of f's rounding errors at each step, from that step and those below it: the second smallest that is left
/// over, so that what is not rounding spoils it less.
std::vector<double> noise_of(const LineSamples& samples, std::span<const double> left_over) {
  constexpr std::size_t window = 6;
  const double quantum = quantum_of(samples);
  std::vector<double> noise(samples.steps.size());
  for (std::size_t k = 0; k < noise.size(); ++k) {
    noise[k] = std::max({quantum, rounding_of(samples, samples.centre), rounding_of(samples, samples.forward[k]),
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

/// The largest noise that several steps in a row show, the largest steps aside. Rounding has the same size at all
/// steps, but a part of f that is rounded on its own may not show it at the smallest, which don't change it. (A corner
/// nearby looks the same.)
double most_noise_of(std::span<const double> left_over) {
  constexpr std::size_t largest_steps = 7, row = 5;
  double most = 0;
  for (std::size_t k = largest_steps; k + row <= left_over.size(); ++k) {
    const double all = std::ranges::min(left_over.subspan(k, row));
    if (std::isfinite(all)) most = std::max(most, all);
  }
  return most;
}

/// The largest step, counted from 0, below which f's noise is nowhere a part of all that f changes. Where it is, f has
/// waves that are shorter than such steps, and differences say nothing of them.
std::size_t first_clear_step(const LineSamples& samples, std::span<const double> noise) {
  constexpr double part = 0.02, units = 1024;
  constexpr std::size_t largest_steps = 10;
  std::vector<double> changes;
  double size = std::fabs(samples.centre);
  for (std::size_t k = 0; k < noise.size(); ++k) {
    const double change = std::fabs(samples.forward[k] - samples.backward[k]);
    if (!std::isfinite(change)) continue;
    size = std::max(size, std::fabs(samples.forward[k]));
    if (changes.size() < largest_steps) changes.push_back(change);
  }
  std::ranges::sort(changes);
  const double usual = changes.empty() ? 0 : changes[changes.size() / 2];
  const double unavoidable = units * (samples.precision.epsilon * size + samples.precision.smallest);
  std::size_t k = noise.size();
  while (k > 0 && !(noise[k - 1] > part * usual && noise[k - 1] > unavoidable)) --k;
  return k;
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
    const double p = std::log(change(k) / change(k + 1)) / std::log(samples.steps[k] / samples.steps[k + 1]);
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

/// Difference quotients at each step.
struct Quotients {
  explicit Quotients(const LineSamples& samples) {
    const std::vector<double> left_over = left_over_of(samples);
    most_noise = most_noise_of(left_over);
    rounding = noise_of(samples, left_over);
    first_clear = first_clear_step(samples, rounding);
    for (std::size_t k = 0; k < samples.steps.size(); ++k) {
      const double t = samples.steps[k];
      rounding[k] /= t;
      centred.push_back((samples.forward[k] - samples.backward[k]) / (2 * t));
      right.push_back((samples.forward[k] - samples.centre) / t);
      left.push_back((samples.centre - samples.backward[k]) / t);
      bent.push_back(right[k] - left[k]);
    }
  }
  std::vector<double> centred, right, left, bent, rounding;
  double most_noise;
  std::size_t first_clear;
};

/// Where difference quotients approach their limit more slowly than with h^2, as those of x sqrt|x| at 0 do, what they
/// may still be off by at the smallest steps that are not drowned in noise; 0 where they don't. Extrapolation expects
/// even powers of h, and its error bars too.
double slow_error(const LineSamples& samples, const Quotients& quotients, double value) {
  constexpr std::size_t run = 5;
  constexpr double fast = 1.6, alike = 0.25, seen = 16;
  const auto change = [&](std::size_t k) { return std::fabs(quotients.centred[k] - quotients.centred[k - 1]); };
  std::size_t last = samples.steps.size();
  while (last > 1 && !(change(last - 1) > seen * quotients.rounding[last - 1])) --last;
  if (last <= run + 1) return 0;
  double least = infinity, most = -infinity;
  for (std::size_t k = last - run; k < last; ++k) {
    const double power = std::log(change(k - 1) / change(k)) / std::log(samples.steps[k - 1] / samples.steps[k]);
    least = std::fmin(least, power);
    most = std::fmax(most, power);
  }
  const double power = (least + most) / 2;
  if (!(most - least < alike && power < fast && power > 0)) return 0;
  const double ratio = samples.steps[last - 2] / samples.steps[last - 1];
  const double ahead = change(last - 1) / (std::pow(ratio, power) - 1);
  return std::fabs(quotients.centred[last - 1] - value) + 2 * ahead;
}

/// How large f and its slopes are around, from step number `first` down, away from the largest steps; whether it is
/// flat there.
void describe_surroundings(const LineSamples& samples, const Quotients& quotients, std::size_t first,
                           LineDerivative& found) {
  constexpr double nearby = 0.13;
  const double largest_step = samples.steps.empty() ? 1 : samples.steps[0];
  // Most of the smallest: one may happen to reach over the edge of a stair.
  const std::size_t count = samples.steps.size(), smallest = count / 3;
  std::size_t unchanged = 0;
  for (std::size_t k = count - smallest; k < count; ++k) {
    if (quotients.right[k] == 0 && quotients.left[k] == 0) ++unchanged;
  }
  const bool flat = 2 * unchanged > smallest;
  constexpr double small_part = 1.0 / 65536;
  found.still = std::isfinite(samples.centre);
  for (std::size_t k = 0; k < count; ++k) {
    if (samples.steps[k] > small_part * largest_step) continue;
    found.still = found.still && samples.forward[k] == samples.centre && samples.backward[k] == samples.centre;
  }
  double size = std::fabs(samples.centre);
  const auto look_at = [&](double f, double slope, std::size_t k) {
    if (!std::isfinite(f)) return;
    if (flat) {
      found.least_beyond = std::min(found.least_beyond, slope);
      found.most_beyond = std::max(found.most_beyond, slope);
    }
    if (k < first) return;
    size = std::max(size, std::fabs(f));
    if (samples.steps[k] <= nearby * largest_step) found.steepness = std::max(found.steepness, std::fabs(slope));
  };
  for (std::size_t k = 0; k < count; ++k) {
    look_at(samples.forward[k], quotients.right[k], k);
    look_at(samples.backward[k], quotients.left[k], k);
  }
  found.level = size / largest_step;
}

/// How the error shrinks with the step; whether there is any.
void describe_error(const LineSamples& samples, const Quotients& quotients, const Estimate& best,
                    LineDerivative& found) {
  const double exact = std::isnan(samples.claim) ? best.value : samples.claim;
  std::vector<double> errors, floors;
  for (std::size_t k = 0; k < samples.steps.size(); ++k) {
    errors.push_back(std::fabs(quotients.centred[k] - exact));
    floors.push_back(quotients.rounding[k] + best.error);
  }
  found.slope = straight_slope(samples.steps, errors, floors);
  const auto is_rounding = [&](double error, double rounded) { return std::fabs(error) <= 4 * rounded; };
  found.linear = std::ranges::equal(quotients.bent, floors, is_rounding);
  found.quadratic = !found.linear && std::ranges::equal(errors, floors, is_rounding);
}

/// Corners: right and left differ in the limit. Jumps and cusps: differences shrink more slowly than steps.
void look_for_corner(const LineSamples& samples, const Quotients& quotients, LineDerivative& found) {
  constexpr double least_corner = 1e-7, least_growth = 0.85;
  std::vector<double> rounding(quotients.rounding), least(rounding.size());
  for (std::size_t k = 0; k < rounding.size(); ++k) {
    rounding[k] *= 4;
    least[k] = 4 / samples.steps[k] *
               std::max({rounding_of(samples, samples.centre), rounding_of(samples, samples.forward[k]),
                         rounding_of(samples, samples.backward[k])});
  }
  const Estimate corner = choose(extrapolate(samples.steps, quotients.bent, rounding, odd_powers));
  const Estimate right = choose(extrapolate(samples.steps, quotients.right, least, all_powers));
  const Estimate left = choose(extrapolate(samples.steps, quotients.left, least, all_powers));
  const double size = std::fmax(std::fabs(found.value), found.variation);
  const bool differs = std::fabs(corner.value) > 4 * corner.error + (size > 0 ? least_corner * size : 0);
  const bool steep_right = growth(samples, samples.forward) < least_growth;
  const bool steep_left = growth(samples, samples.backward) < least_growth;
  const bool one_sided = std::isfinite(right.error) != std::isfinite(left.error);
  found.smooth = !differs && !steep_right && !steep_left && !one_sided;
  if (found.smooth) return;
  found.right = steep_right ? std::copysign(infinity, quotients.right.back()) : right.value;
  found.left = steep_left ? std::copysign(infinity, quotients.left.back()) : left.value;
  found.side_bar = 4 * std::max(right.error, left.error);
}

}  // namespace

LineDerivative differentiate(const LineSamples& samples) {
  const Quotients quotients(samples);
  LineDerivative found;
  found.centre = samples.centre;
  std::vector<Estimate> dropped;
  std::vector<Estimate> estimates = extrapolate(samples.steps, quotients.centred, quotients.rounding, even_powers);
  if (quotients.first_clear > 0) {
    dropped.push_back(choose(estimates));
    for (std::size_t k = 0; k < std::min(quotients.first_clear, estimates.size()); ++k) estimates[k] = {};
  }
  Estimate best = choose(estimates, &dropped);
  best.error = std::fmax(best.error, slow_error(samples, quotients, best.value));
  describe_surroundings(samples, quotients, best.step, found);
  const auto with_bar = [](const Estimate& estimate) { return WithError{estimate.value, 2 * estimate.error}; };
  std::ranges::transform(dropped, std::back_inserter(found.from_afar), with_bar);
  for (const Estimate& estimate : estimates) {
    if (!std::isfinite(estimate.error)) continue;
    const double noise = 4 * quotients.most_noise / samples.steps[estimate.step];
    if (estimate.step <= best.step) found.smaller_steps = found.at_each_step.size() + 1;
    found.at_each_step.push_back({estimate.value, 2 * estimate.error + noise});
  }
  if (std::isfinite(best.error)) {
    found.value = best.value;
    found.error_bar = 2 * best.error;
    found.variation = (std::fabs(quotients.right[best.step]) + std::fabs(quotients.left[best.step])) / 2;
    describe_error(samples, quotients, best, found);
  }
  look_for_corner(samples, quotients, found);
  if (!found.smooth) found.linear = found.quadratic = false;
  return found;
}

std::vector<double> line_steps(double scale, const Precision& precision) {
  constexpr double first = 0.93, ratio = 1.87;
  const double unit = 2 * precision.epsilon;
  // Smaller ones see little but rounding, and how a function rounds its arguments inside.
  const double least = std::pow(precision.epsilon, 0.75);
  std::vector<double> steps(static_cast<std::size_t>(std::log(first / least) / std::log(ratio)) + 1);
  double step = first;
  for (double& rounded : steps) {
    rounded = std::round(step / unit) * unit * scale;
    step /= ratio;
  }
  return steps;
}

}  // namespace nabla::check
