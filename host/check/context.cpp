#include "context.hpp"

#include <nabla/error.hpp>
#include <nabla/random.hpp>

#include <algorithm>
#include <cmath>

namespace nabla::check {

void SlopeHistogram::add(double slope) {
  if (std::isnan(slope)) return;
  const double place = (std::clamp(slope, low, high) - low) * (1 / width);
  ++counts_[static_cast<std::size_t>(place)];
  ++total_;
}

double SlopeHistogram::median() const {
  std::int64_t seen = 0;
  for (std::size_t k = 0; k < counts_.size(); ++k) {
    seen += counts_[k];
    if (2 * seen >= total_ && total_ > 0) return low + (static_cast<double>(k) + 0.5) * width;
  }
  return std::numeric_limits<double>::quiet_NaN();
}

namespace {

/// The power of two at or above a size; 1 for 0, NaN and infinity.
double power_of_two(double size) {
  if (!(size > 0) || !std::isfinite(size)) return 1;
  // Within what leaves room for the steps on both sides.
  return std::exp2(std::clamp(std::ceil(std::log2(size)), -900.0, 900.0));
}

/// The largest component of points here and there in the batch.
std::vector<double> scale_of_points(const CheckCalls& calls) {
  constexpr std::int64_t places = 16, most_numbers = 1 << 20;
  const std::int64_t points_at_each = std::clamp<std::int64_t>(most_numbers / calls.n, 1, 64);
  std::vector<double> largest(static_cast<std::size_t>(calls.n), 0);
  const std::int64_t at_once = std::min(points_at_each, calls.count);
  std::int64_t last_first = -1;
  for (std::int64_t k = 0; k < places && at_once > 0; ++k) {
    const std::int64_t first = (calls.count - at_once) / (places - 1) * k;
    if (first == last_first) continue;
    last_first = first;
    std::vector<double> points(static_cast<std::size_t>(at_once * calls.n));
    calls.points(first, points);
    for (std::size_t i = 0; i < points.size(); ++i) {
      double& most = largest[i % largest.size()];
      if (std::isfinite(points[i])) most = std::max(most, std::fabs(points[i]));
    }
  }
  return largest;
}

/// Random directions whose components are of the variables' sizes.
std::vector<double> random_directions(std::span<const double> scale, const CheckOptions& options) {
  std::vector<double> found;
  for (std::int64_t k = 0; k < options.directions; ++k) {
    for (std::size_t i = 0; i < scale.size(); ++i) {
      found.push_back(random_component(options.seed, k, static_cast<std::int64_t>(i), 64) * scale[i]);
    }
  }
  return found;
}

}  // namespace

double random_component(std::uint64_t seed, std::int64_t number, std::int64_t i, int parts) {
  const double random = uniform_pair(seed, number, i / 2, -parts, parts)[static_cast<std::size_t>(i % 2)];
  return std::copysign(parts + std::floor(std::fabs(random)), random) / parts;
}

Context::Context(const CheckCalls& check_calls, const CheckOptions& check_options)
    : calls(check_calls),
      options(check_options),
      tolerance(options.tolerance > 0                        ? options.tolerance
                : calls.derivative_precision.epsilon < 1e-10 ? 1e-8
                                                             : 1e-4),
      scale(options.scale.empty() ? scale_of_points(calls) : options.scale) {
  std::ranges::transform(scale, scale.begin(), power_of_two);
  directions = random_directions(scale, options);
  report.tolerance = tolerance;
}

std::vector<double> Context::points(std::int64_t first, std::int64_t count) const {
  std::vector<double> found(static_cast<std::size_t>(count * calls.n));
  calls.points(first, found);
  return found;
}

std::vector<double> Context::derivatives(std::span<const double> points) const {
  std::vector<double> found(points.size() * static_cast<std::size_t>(calls.outputs));
  calls.derivatives(points, found);
  return found;
}

std::vector<bool> Context::finite(std::span<const double> points) const {
  const std::size_t count = points.size() / static_cast<std::size_t>(calls.n);
  std::vector<bool> found(count, true);
  if (!calls.stored_values) return found;
  const auto outputs = static_cast<std::size_t>(calls.outputs);
  std::vector<double> values(count * outputs);
  calls.stored_values(points, values);
  for (std::size_t k = 0; k < values.size(); ++k) {
    if (!std::isfinite(values[k])) found[k / outputs] = false;
  }
  return found;
}

}  // namespace nabla::check
