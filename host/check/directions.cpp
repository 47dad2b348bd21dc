#include "context.hpp"

#include <algorithm>
#include <cmath>

// Stage 1: every point along a few random directions. A wrong component shows in nearly all of them.

namespace nabla::check {

namespace {

void count_slope(Context& context, double slope, bool linear, bool quadratic) {
  if (linear) ++context.report.linear;
  if (quadratic) ++context.report.quadratic;
  if (!linear && !quadratic) context.slopes.add(slope);
}

/// In passes over the points that do not leave the executor.
void screen(Context& context, std::int64_t first, std::int64_t count, TriedPoints& found) {
  CheckReport& report = context.report;
  const auto points = static_cast<std::size_t>(count);
  std::vector<double> outcome(points, detail::ladder_passed);
  if (context.calls.stored_values) {
    const std::vector<bool> finite = context.finite(context.points(first, count));
    for (std::size_t p = 0; p < points; ++p) {
      if (!finite[p]) outcome[p] = detail::ladder_not_finite;
    }
  }
  double error = 0;
  const auto add = [&](const detail::Screening& screened) {
    for (std::size_t p = 0; p < points; ++p) {
      outcome[p] = std::max(outcome[p], screened.outcome[p]);
      if (outcome[p] == detail::ladder_passed) error = std::max(error, screened.relative_error[p]);
    }
    for (std::int64_t d = 0; d < screened.directions; ++d) {
      for (std::size_t p = 0; p < points; ++p) {
        if (outcome[p] == detail::ladder_not_finite) continue;
        const double slope = screened.slopes[static_cast<std::size_t>(d) * points + p];
        count_slope(context, slope, slope == detail::exactly_linear, slope == detail::exactly_quadratic);
      }
    }
  };
  const CheckOptions& options = context.options;
  for (std::int64_t done = 0; done < options.directions; done += detail::most_ladder_directions) {
    const std::int64_t some = std::min<std::int64_t>(detail::most_ladder_directions, options.directions - done);
    const auto numbers = std::span(context.directions)
                             .subspan(static_cast<std::size_t>(done * context.calls.n),
                                      static_cast<std::size_t>(some * context.calls.n));
    context.calls.screen(first, count, numbers, options, context.tolerance, add);
  }
  for (std::size_t p = 0; p < points; ++p) {
    if (outcome[p] == detail::ladder_not_finite) {
      ++report.points_not_finite;
      continue;
    }
    ++report.points_checked;
    (outcome[p] == detail::ladder_objects ? found.objections : found.passed)
        .push_back(first + static_cast<std::int64_t>(p));
  }
  report.max_relative_error = std::fmax(report.max_relative_error, error);
  report.evaluations += count * (1 + 2 * options.steps * options.directions);
}

/// The claim about a line, of the derivatives of one output.
Claim claim_along(std::span<const double> derivatives, std::span<const double> u) {
  Claim claim{0, 0, 0, 0};
  for (std::size_t i = 0; i < u.size(); ++i) {
    claim.derivative += derivatives[i] * u[i];
    claim.size += std::fabs(derivatives[i] * u[i]);
  }
  return claim;
}

/// With points displaced in memory, for functions that can't be screened.
void try_lines(Context& context, std::int64_t first, std::int64_t count, TriedPoints& found) {
  const auto n = static_cast<std::size_t>(context.calls.n), m = static_cast<std::size_t>(context.calls.outputs);
  const std::vector<double> points = context.points(first, count), derivatives = context.derivatives(points);
  std::vector<Line> lines;
  for (std::int64_t p = 0; p < count; ++p) {
    const auto x = std::span(points).subspan(static_cast<std::size_t>(p) * n, n);
    for (int k = 0; k < context.options.directions; ++k) {
      const auto u = context.direction(k);
      Line line{{x.begin(), x.end()}, {u.begin(), u.end()}, -1, 1};
      for (std::size_t output = 0; output < m; ++output) {
        const auto row = std::span(derivatives).subspan((static_cast<std::size_t>(p) * m + output) * n, n);
        line.claims.push_back(claim_along(row, u).derivative);
      }
      lines.push_back(std::move(line));
    }
  }
  CheckReport& report = context.report;
  const auto differentiated = differentiate_along(context.calls, lines, report.evaluations);
  const std::vector<bool> finite = context.finite(points);
  const std::size_t lines_per_point = static_cast<std::size_t>(context.options.directions) * m;
  for (std::size_t p = 0; p < static_cast<std::size_t>(count); ++p) {
    const auto own = std::span(differentiated).subspan(p * lines_per_point, lines_per_point);
    if (!finite[p] || std::ranges::any_of(own, [](const auto& line) { return !std::isfinite(line.centre); })) {
      ++report.points_not_finite;
      continue;
    }
    ++report.points_checked;
    bool agreed = true;
    for (std::size_t line = 0; line < own.size(); ++line) {
      const auto row = std::span(derivatives).subspan((p * m + line % m) * n, n);
      const Claim claim = claim_along(row, context.direction(static_cast<std::int64_t>(line / m)));
      const bool agrees =
          judge(claim, own[line], context.tolerance, context.calls.derivative_precision) == Verdict::agree;
      agreed = agreed && agrees;
      count_slope(context, own[line].slope, own[line].linear, own[line].quadratic);
      if (!agrees) continue;
      const double size = std::fmax(2 * claim.size, own[line].variation / 1024);
      if (size > 0) {
        report.max_relative_error =
            std::fmax(report.max_relative_error, std::fabs(claim.derivative - own[line].value) / size);
      }
    }
    (agreed ? found.passed : found.objections).push_back(first + static_cast<std::int64_t>(p));
  }
}

}  // namespace

std::int64_t points_at_once(const CheckCalls& calls) {
  if (calls.screen == nullptr) return std::clamp<std::int64_t>((1 << 14) / calls.n, 1, 1 << 10);
  constexpr std::int64_t few_numbers = 1 << 20, most_numbers = 1 << 23;
  const std::int64_t points = std::max(std::min<std::int64_t>(few_numbers / calls.n, 1 << 16), calls.busy);
  return std::max<std::int64_t>(std::min(points, most_numbers / calls.n), 1);
}

TriedPoints try_directions(Context& context, std::int64_t first, std::int64_t count) {
  TriedPoints found;
  context.report.spread = std::fmax(context.report.spread, context.calls.spread(first, count));
  (context.calls.screen != nullptr ? screen : try_lines)(context, first, count, found);
  return found;
}

}  // namespace nabla::check
