#include "components.hpp"

#include "diagnosis.hpp"

#include <nabla/random.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace nabla::check {

namespace {

/// Points with more variables have a sample of so many examined, and those that bisection finds.
constexpr std::int64_t most_components = 64;
/// Points that are kept for the diagnosis.
constexpr std::size_t most_disagreeing = 200;

/// A direction of some variables, each by about its size: of different numbers, so that mistakes that are swapped show.
std::vector<double> unit_sized(std::span<const double> scale, std::int64_t first, std::int64_t last,
                               std::uint64_t seed) {
  constexpr int parts = 1 << 16;
  std::vector<double> u(scale.size(), 0.0);
  for (std::int64_t i = first; i < last; ++i) {
    const auto place = static_cast<std::size_t>(i);
    u[place] = random_component(seed, 1'000'000, i, parts) * scale[place];
  }
  return u;
}

/// What a gradient amounts to when each variable moves by its size.
double weighted_size(std::span<const double> gradient, std::span<const double> scale) {
  double sum = 0;
  for (std::size_t i = 0; i < gradient.size(); ++i) {
    if (std::isfinite(gradient[i])) sum += std::fabs(gradient[i] * scale[i]);
  }
  return sum;
}

}  // namespace

/// Of many variables: a sample, and whatever wrong ones halving finds along directions that only some take part in.
std::vector<std::int64_t> Examination::components_of(std::span<const double> x, std::span<const double> derivatives) {
  const CheckCalls& calls = context_.calls;
  const std::int64_t n = calls.n;
  std::vector<std::int64_t> found(static_cast<std::size_t>(std::min(n, most_components)));
  std::iota(found.begin(), found.end(), 0);
  if (n <= most_components) return found;
  for (std::size_t k = 0; k < found.size(); ++k) {
    const double random = uniform_pair(context_.options.seed, 2'000'000, static_cast<std::int64_t>(k), 0, 1)[0];
    found[k] = static_cast<std::int64_t>(random * static_cast<double>(n));
  }
  struct Range {
    std::int64_t first, last;
  };
  std::vector<Range> suspects{{0, n}};
  const std::size_t most_ranges = static_cast<std::size_t>(std::max<std::int64_t>(context_.options.worst, 1)) + 4;
  while (!suspects.empty() && std::ranges::any_of(suspects, [](Range r) { return r.last - r.first > 1; })) {
    std::vector<Range> halves;
    std::vector<Line> lines;
    for (const auto& [first, last] : suspects) {
      const std::int64_t middle = first + (last - first) / 2;
      for (const Range half : {Range{first, middle}, Range{middle, last}}) {
        if (half.first == half.last) continue;
        halves.push_back(half);
        lines.push_back(
            {{x.begin(), x.end()}, unit_sized(context_.scale, half.first, half.last, context_.options.seed), -1, 1});
      }
    }
    const auto slopes = differentiate_along(calls, lines, context_.report.evaluations);
    suspects.clear();
    for (std::size_t k = 0; k < halves.size(); ++k) {
      for (std::int64_t output = 0; output < calls.outputs; ++output) {
        Claim claim{0, 0, 0, 0};
        for (std::int64_t i = halves[k].first; i < halves[k].last; ++i) {
          const double term =
              derivatives[static_cast<std::size_t>(output * n + i)] * lines[k].u[static_cast<std::size_t>(i)];
          claim.derivative += term;
          claim.size += std::fabs(term);
        }
        const auto& line = slopes[k * static_cast<std::size_t>(calls.outputs) + static_cast<std::size_t>(output)];
        if (judge(claim, line, context_.tolerance, calls.derivative_precision) == Verdict::agree) continue;
        suspects.push_back(halves[k]);
        break;
      }
    }
    if (suspects.size() > most_ranges) suspects.resize(most_ranges);
  }
  for (const Range& single : suspects) found.push_back(single.first);
  std::ranges::sort(found);
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

void Examination::judge_entry(Examined& point, std::size_t entry) const {
  point.verdicts[entry] =
      judge(point.claims[entry], point.lines[entry], context_.tolerance, context_.calls.derivative_precision);
}

std::vector<Examined> Examination::examine(std::span<const std::int64_t> points) {
  const CheckCalls& calls = context_.calls;
  const auto n = static_cast<std::size_t>(calls.n), m = static_cast<std::size_t>(calls.outputs);
  std::vector<Examined> found;
  std::vector<Line> lines;
  for (const std::int64_t point : points) {
    Examined made;
    made.point = point;
    made.x = context_.points(point, 1);
    const std::vector<double> derivatives = context_.derivatives(made.x);
    made.components = components_of(made.x, derivatives);
    for (std::size_t output = 0; output < m; ++output) {
      const auto row = std::span(derivatives).subspan(output * n, n);
      const double whole = weighted_size(row, context_.scale);
      for (const std::int64_t i : made.components) {
        const auto place = static_cast<std::size_t>(i);
        made.claims.push_back({row[place], std::fabs(row[place]), whole / context_.scale[place], 0});
      }
    }
    for (const std::int64_t i : made.components) {
      lines.push_back({made.x, {}, i, context_.scale[static_cast<std::size_t>(i)]});
    }
    found.push_back(std::move(made));
  }
  const auto slopes = differentiate_along(calls, lines, context_.report.evaluations);
  std::size_t line = 0;
  for (Examined& point : found) {
    const std::size_t components = point.components.size();
    for (std::size_t output = 0; output < m; ++output) {
      for (std::size_t k = 0; k < components; ++k) point.lines.push_back(slopes[(line + k) * m + output]);
    }
    line += components;
    point.verdicts.resize(point.lines.size());
    for (std::size_t entry = 0; entry < point.lines.size(); ++entry) judge_entry(point, entry);
    retry_closer(point);
    ask_complex_step(point);
    allow_for_rounding(point);
  }
  return found;
}

/// Components that are much smaller than the others' may need steps of their own size. Of both lines the one with the
/// narrower bar counts; the other is heard where it contradicts.
void Examination::retry_closer(Examined& point) {
  const auto m = static_cast<std::size_t>(context_.calls.outputs);
  std::vector<Line> lines;
  for (std::size_t k = 0; k < point.components.size(); ++k) {
    const std::int64_t i = point.components[k];
    const double x = std::fabs(point.x[static_cast<std::size_t>(i)]),
                 scale = context_.scale[static_cast<std::size_t>(i)];
    bool settled = true;
    for (std::size_t output = 0; output < m; ++output) {
      settled = settled && point.verdicts[output * point.components.size() + k] == Verdict::agree;
    }
    const bool other_size = x > 0 && (x < scale / 1024 || x > scale * 1024);
    if (!settled && other_size) lines.push_back({point.x, {}, i, std::exp2(std::ceil(std::log2(x)))});
  }
  const auto slopes = differentiate_along(context_.calls, lines, context_.report.evaluations);
  for (std::size_t line = 0; line < lines.size(); ++line) {
    const auto k =
        static_cast<std::size_t>(std::ranges::find(point.components, lines[line].component) - point.components.begin());
    for (std::size_t output = 0; output < m; ++output) {
      const std::size_t entry = output * point.components.size() + k;
      LineDerivative closer = slopes[line * m + output], &wider = point.lines[entry];
      const bool narrower = closer.error_bar < wider.error_bar;
      LineDerivative &kept = narrower ? closer : wider, &other = narrower ? wider : closer;
      if (std::fabs(closer.value - wider.value) > closer.error_bar + wider.error_bar) {
        kept.from_afar.push_back({other.value, other.error_bar});
      }
      if (narrower) {
        std::ranges::copy(wider.from_afar, std::back_inserter(closer.from_afar));
        wider = std::move(closer);
      }
      judge_entry(point, entry);
    }
  }
}

/// Im f(x + i h e_k) / h has no difference in it, so that h may be tiny and nothing cancels (Squire and Trapp, 1998).
/// It takes the place of differences that it is within the bar of.
void Examination::ask_complex_step(Examined& point) {
  constexpr double units = 256, enough = 16, step = 0x1p-26, far_step = 0x1p-14;
  const CheckCalls& calls = context_.calls;
  if (!calls.complex_steps || std::ranges::max(point.verdicts) == Verdict::agree) return;
  const std::vector<double> near = derivatives_nearby(point, step, calls.complex_steps),
                            around = derivatives_nearby(point, far_step, calls.complex_steps);
  for (std::size_t entry = 0; entry < point.lines.size(); ++entry) {
    LineDerivative& line = point.lines[entry];
    const double value = near[place_of(point, entry)];
    const double bar =
        units * detail::precision_of<double>.epsilon * std::fmax(std::fabs(value), point.claims[entry].background) +
        enough * std::fmax(rounding_of(point, entry, near), rounding_of(point, entry, around));
    if (!line.smooth || !(std::fabs(value - line.value) <= line.error_bar + bar) || !(bar < line.error_bar)) continue;
    line.value = value;
    line.error_bar = bar;
    line.by_complex_step = true;
    line.from_afar.clear();
    judge_entry(point, entry);
  }
}

/// The most that third differences of one derivative show, at points in a row.
double Examination::rounding_of(const Examined& point, std::size_t entry, std::span<const double> near) const {
  const std::size_t size = near.size() / nearby;
  double rounding = 0;
  const auto at = [&](std::size_t k) { return near[k * size + place_of(point, entry)]; };
  for (std::size_t k = 0; k + 3 < nearby; ++k) {
    rounding = std::fmax(rounding, std::fabs(at(k) - 3 * at(k + 1) + 3 * at(k + 2) - at(k + 3)));
  }
  return rounding;
}

/// A derivative that seems wrong may be but badly rounded. How much rounding does to it shows in its third differences
/// over tiny steps (Moré and Wild, 2011, "Estimating computational noise").
void Examination::allow_for_rounding(Examined& point) {
  if (std::ranges::max(point.verdicts) == Verdict::agree) return;
  const bool single = context_.calls.derivative_precision.epsilon > 1e-10;
  // Small steps, and such as reach from stair to stair where a part of the derivative is rounded by itself.
  for (const double step : {single ? 0x1p-12 : 0x1p-40, single ? 0x1p-10 : 0x1p-26}) {
    constexpr double enough = 4;
    const std::vector<double> near = derivatives_nearby(point, step, context_.calls.derivatives);
    for (std::size_t entry = 0; entry < point.lines.size(); ++entry) {
      const double rounding = enough * rounding_of(point, entry, near);
      if (std::isfinite(rounding)) point.claims[entry].allowance = std::fmax(point.claims[entry].allowance, rounding);
    }
  }
  for (std::size_t entry = 0; entry < point.lines.size(); ++entry) {
    if (point.verdicts[entry] != Verdict::agree) judge_entry(point, entry);
  }
  if (context_.calls.precise_derivatives) allow_for_lost_digits(point);
}

/// In the precision that values have, the same derivative may be right. Then what is off is what the claim's precision
/// loses, by rounding, underflow or overflow: as much as f itself does, and as the derivative changes when the point
/// does by some units in the last place. Of a few tolerances that is agreed upon; beyond, it is unresolved.
void Examination::allow_for_lost_digits(Examined& point) {
  constexpr double enough = 4, tolerances = 16;
  const CheckCalls& calls = context_.calls;
  const auto n = static_cast<std::size_t>(calls.n);
  const std::vector<double> precise = derivatives_nearby(point, 0x1p-20, calls.precise_derivatives);
  std::vector<double> stored_value(static_cast<std::size_t>(calls.outputs));
  calls.stored_values(point.x, stored_value);
  for (std::size_t entry = 0; entry < point.lines.size(); ++entry) {
    if (point.verdicts[entry] == Verdict::agree) continue;
    const LineDerivative& line = point.lines[entry];
    const Claim& claim = point.claims[entry];
    const std::size_t output = point.output_of(entry), component = static_cast<std::size_t>(point.component_of(entry));
    const auto at = [&](std::size_t k) { return precise[k * (precise.size() / nearby) + output * n + component]; };
    const double whole = weighted_size(std::span(precise).subspan(output * n, n), context_.scale);
    const Claim precise_claim{at(0), std::fabs(at(0)), whole / context_.scale[component], 0};
    const bool right = judge(precise_claim, line, context_.tolerance, calls.value_precision) != Verdict::disagree;
    if (!std::isfinite(at(0)) || !right) continue;
    double moves = 0;
    for (std::size_t k = 1; k < nearby; ++k) moves = std::fmax(moves, std::fabs(at(k) - at(0)));
    const double lost = std::fabs(stored_value[output] - line.centre);
    const double of_level = line.centre == 0 ? 0 : std::fabs(at(0) / line.centre);
    const double size = std::fmax(std::fabs(line.value), claim.background);
    const double explained =
        std::fmin(claim.allowance + enough * (moves + lost * of_level), tolerances * context_.tolerance * size);
    const bool agreed = line.smooth && line.error_bar <= context_.tolerance * size &&
                        std::fabs(claim.derivative - line.value) <= explained + line.error_bar;
    point.verdicts[entry] = agreed ? Verdict::agree : Verdict::unresolved;
  }
}

/// Derivatives at points in a row, each component's steps of its own size, up to `step` of it; the first is the point.
std::vector<double> Examination::derivatives_nearby(
    const Examined& point, double step,
    const std::function<void(std::span<const double>, std::span<double>)>& derivatives) const {
  const bool single = context_.calls.derivative_precision.epsilon > 1e-10;
  std::vector<double> points;
  for (std::size_t k = 0; k < nearby; ++k) {
    for (std::size_t i = 0; i < point.x.size(); ++i) {
      const double draw = uniform_pair(context_.options.seed, static_cast<std::int64_t>(i), 7, -1, 1)[0];
      const double change = step * static_cast<double>(k) * std::copysign(0.5 + std::fabs(draw) / 2, draw);
      const double moved = point.x[i] * (1 + change);
      points.push_back(single ? static_cast<double>(static_cast<float>(moved)) : moved);
    }
  }
  std::vector<double> found(points.size() * static_cast<std::size_t>(context_.calls.outputs));
  derivatives(points, found);
  return found;
}

std::size_t Examination::place_of(const Examined& point, std::size_t entry) const {
  return point.output_of(entry) * static_cast<std::size_t>(context_.calls.n) +
         static_cast<std::size_t>(point.component_of(entry));
}

/// Whether f has a corner or a jump at a point that no axis shows, as x y / (x^2 + y^2) has at 0.
bool Examination::find_corners_between_axes(const Examined& point) {
  std::vector<Line> lines;
  for (int k = 0; k < context_.options.directions; ++k) {
    const auto u = context_.direction(k);
    lines.push_back({point.x, {u.begin(), u.end()}, -1, 1});
  }
  CheckReport& report = context_.report;
  const auto found = differentiate_along(context_.calls, lines, report.evaluations);
  const auto corner = std::ranges::find(found, false, &LineDerivative::smooth);
  if (corner == found.end()) return false;
  if (static_cast<std::int64_t>(report.nonsmooth.size()) < context_.options.worst) {
    const std::int64_t output = (corner - found.begin()) % context_.calls.outputs;
    report.nonsmooth.push_back({point.point, -1, corner->left, corner->right, output});
  }
  return true;
}

namespace {

double relative_error(const Examined& point, const Precision& precision) {
  double off = 0, analytic = 0, numeric = 0, variation = 0;
  for (std::size_t entry = 0; entry < point.lines.size(); ++entry) {
    const LineDerivative& line = point.lines[entry];
    if (!line.smooth || !std::isfinite(line.error_bar)) continue;
    off = std::hypot(off, point.claims[entry].derivative - line.value);
    analytic = std::hypot(analytic, point.claims[entry].derivative);
    numeric = std::hypot(numeric, line.value);
    variation = std::hypot(variation, line.variation);
  }
  // At critical points against a part of f's change nearby.
  const double size = std::fmax(analytic + numeric, variation / 1024);
  constexpr double factors = 1e6;  // of numbers that underflow
  return size <= factors * precision.smallest ? 0 : off / size;
}

}  // namespace

void Examination::keep_worst(const Examined& point) {
  const auto most = static_cast<std::size_t>(std::max<std::int64_t>(context_.options.worst, 0));
  for (std::size_t entry = 0; entry < point.lines.size(); ++entry) {
    const LineDerivative& line = point.lines[entry];
    const double slack =
        allowed(point.claims[entry], line, context_.tolerance, context_.calls.derivative_precision) + line.error_bar;
    const double off = std::fabs(point.claims[entry].derivative - line.value);
    double excess = off == 0 ? 0 : off / slack;
    if (!(excess < 1e9)) excess = 1e9;
    const double doubt = 1e10 * static_cast<double>(point.verdicts[entry]) + excess;
    if (worst_.size() >= most && (most == 0 || doubt <= worst_.back().first)) continue;
    const CheckedComponent row{point.point,
                               static_cast<std::int64_t>(point.output_of(entry)),
                               point.component_of(entry),
                               point.x.size() <= 16 ? point.x : std::vector<double>(),
                               point.claims[entry].derivative,
                               line.value,
                               line.error_bar,
                               point.relative_error,
                               point.verdicts[entry]};
    const auto later = std::ranges::find_if(worst_, [&](const auto& other) { return other.first < doubt; });
    worst_.insert(later, {doubt, row});
    if (worst_.size() > most) worst_.pop_back();
  }
}

void Examination::count(const Examined& point, bool objected) {
  CheckReport& report = context_.report;
  ++report.points_examined;
  report.components_examined += static_cast<std::int64_t>(point.lines.size());
  bool nonsmooth = false;
  for (std::size_t entry = 0; entry < point.lines.size(); ++entry) {
    const LineDerivative& line = point.lines[entry];
    if (line.smooth) continue;
    nonsmooth = true;
    if (static_cast<std::int64_t>(report.nonsmooth.size()) < context_.options.worst) {
      report.nonsmooth.push_back({point.point, point.component_of(entry), line.left, line.right,
                                  static_cast<std::int64_t>(point.output_of(entry))});
    }
  }
  Verdict verdict = *std::ranges::max_element(point.verdicts);
  if (!nonsmooth && objected && find_corners_between_axes(point)) nonsmooth = true;
  // Of very many variables the wrong one may not be among those examined.
  if (objected && context_.calls.n > most_components) verdict = std::max(verdict, Verdict::unresolved);
  if (nonsmooth) {
    ++report.nonsmooth_points;
    verdict = std::max(verdict, Verdict::unresolved);
  } else if (std::isfinite(point.relative_error)) {
    report.max_relative_error = std::fmax(report.max_relative_error, point.relative_error);
  }
  if (verdict == Verdict::disagree) {
    ++report.disagreeing;
    if (disagreeing_.size() < most_disagreeing) disagreeing_.push_back(point);
  }
  if (verdict == Verdict::unresolved) ++report.unresolved;
}

/// A wrong gradient needs not be examined at a million points. While nothing disagrees, all objections are examined up
/// to a number, and after that some of them, here and there: what is wrong may come after very many corners.
std::size_t Examination::most_at_once(std::size_t objections) const {
  constexpr std::int64_t with_disagreement = 1'000, with_doubts = 20'000;
  constexpr std::size_t few = 256;
  const CheckReport& report = context_.report;
  if (context_.options.every_component) return objections;
  if (report.disagreeing > 0 && report.points_examined >= with_disagreement) return 0;
  return report.unresolved > 0 && report.points_examined >= with_doubts ? std::min(objections, few) : objections;
}

void Examination::add(std::span<const std::int64_t> points, bool objected) {
  const std::int64_t components = std::min(context_.calls.n, most_components);
  const auto at_once = static_cast<std::size_t>(std::max<std::int64_t>(1, 1024 / components));
  std::size_t first = 0;
  while (first < points.size()) {
    const std::size_t rest = points.size() - first, most = most_at_once(rest);
    if (most < rest) break;
    const std::size_t some = std::min(at_once, rest);
    examine_and_count(points.subspan(first, some), objected);
    first += some;
  }
  const std::size_t rest = points.size() - first, most = most_at_once(rest);
  std::vector<std::int64_t> sample;
  for (std::size_t k = 0; k < most; ++k) sample.push_back(points[first + k * rest / most]);
  for (std::size_t k = 0; k < sample.size(); k += at_once) {
    examine_and_count(std::span(sample).subspan(k, std::min(at_once, sample.size() - k)), objected);
  }
  if (objected) context_.report.not_examined += static_cast<std::int64_t>(rest - most);
}

void Examination::examine_and_count(std::span<const std::int64_t> points, bool objected) {
  for (Examined& point : examine(points)) {
    const bool finite = context_.finite(point.x)[0];
    if (!finite || std::ranges::any_of(point.lines, [](const auto& line) { return !std::isfinite(line.centre); })) {
      continue;
    }
    point.relative_error = relative_error(point, context_.calls.derivative_precision);
    keep_worst(point);
    count(point, objected);
  }
}

void Examination::finish() {
  for (auto& [doubt, row] : worst_) context_.report.worst.push_back(std::move(row));
  if (!disagreeing_.empty()) {
    context_.report.diagnosis = diagnose(disagreeing_, context_.calls.n, context_.calls.outputs,
                                         context_.options.variables, context_.tolerance);
  }
}

}  // namespace nabla::check
