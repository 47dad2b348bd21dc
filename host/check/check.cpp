#include "components.hpp"

#include <nabla/error.hpp>

#include <algorithm>
#include <cmath>
#include <sstream>
#include <string>

namespace nabla::detail {

namespace {

void require(const CheckCalls& calls, const CheckOptions& options) {
  const auto refuse = [](const std::string& what) { throw ShapeError("check_gradient: " + what); };
  if (options.directions < 1 || options.directions > 64) {
    refuse("between 1 and 64 directions, found " + std::to_string(options.directions));
  }
  if (options.steps < 8 || options.steps > 50) {
    refuse("between 8 and 50 steps, found " + std::to_string(options.steps));
  }
  if (!(options.tolerance >= 0) || std::isinf(options.tolerance)) {
    refuse("the tolerance must be positive, or 0 for the precision's own, found " + std::to_string(options.tolerance));
  }
  const double least = check::least_tolerance(calls.derivative_precision);
  if (options.tolerance > 0 && options.tolerance < least) {
    std::ostringstream text;
    text.precision(4);
    text << "the tolerance must be at least " << least << ", which rounding does, found " << options.tolerance;
    refuse(text.str());
  }
  const auto is_size = [](double size) { return size > 0 && std::isfinite(size); };
  if (!std::ranges::all_of(options.scale, is_size)) refuse("the scale must be positive and finite");
  if (options.worst < 0) refuse("0 or more rows of the worst, found " + std::to_string(options.worst));
  if (!options.variables.empty() && static_cast<std::int64_t>(options.variables.size()) != calls.n) {
    refuse("a name for each of " + std::to_string(calls.n) + " variables, found " +
           std::to_string(options.variables.size()));
  }
  if (!options.scale.empty() && static_cast<std::int64_t>(options.scale.size()) != calls.n) {
    refuse("a scale for each of " + std::to_string(calls.n) + " variables, found " +
           std::to_string(options.scale.size()));
  }
}

/// Points that are examined whether or not a direction objects: what is small beside the other components would hide.
/// So many up to now, of those that passed.
std::vector<std::int64_t> sample_of(std::span<const std::int64_t> passed, std::size_t some) {
  some = std::min(some, passed.size());
  std::vector<std::int64_t> found;
  for (std::size_t k = 0; k < some; ++k) found.push_back(passed[some == 1 ? 0 : (passed.size() - 1) * k / (some - 1)]);
  return found;
}

}  // namespace

CheckReport check(const CheckCalls& calls, const CheckOptions& options) {
  require(calls, options);
  check::Context context(calls, options);
  check::Examination examination(context);
  if (calls.count == 0) calls.spread(0, 0);  // which throws where shapes are wrong
  const std::int64_t chunk = check::points_at_once(calls);
  constexpr std::int64_t samples = 16;
  std::int64_t sampled = 0;
  for (std::int64_t first = 0; first < calls.count; first += chunk) {
    const std::int64_t count = std::min(chunk, calls.count - first);
    const check::TriedPoints found = check::try_directions(context, first, count);
    examination.add(found.objections, true);
    const std::int64_t due = (samples * (first + count) + calls.count - 1) / calls.count - sampled;
    const auto others = options.every_component ? found.passed : sample_of(found.passed, static_cast<std::size_t>(due));
    sampled += std::ssize(others);
    examination.add(others, false);
  }
  examination.finish();
  CheckReport& report = context.report;
  report.median_slope = context.slopes.median();
  if (report.disagreeing > 0) {
    report.verdict = Verdict::disagree;
  } else if (report.unresolved > 0 || report.points_checked == 0) {
    report.verdict = Verdict::unresolved;
  } else {
    report.verdict = Verdict::agree;
  }
  return std::move(report);
}

}  // namespace nabla::detail
