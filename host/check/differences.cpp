#include "differences.hpp"

#include <algorithm>

namespace nabla::check {

namespace {

/// Numbers that displaced points may take at once, unless a single line needs more.
constexpr std::size_t most_numbers = std::size_t{1} << 22;

/// The point displaced along a line by t.
void displace(const Line& line, double t, std::vector<double>& points) {
  const std::size_t begin = points.size();
  points.insert(points.end(), line.x.begin(), line.x.end());
  if (line.u.empty()) {
    points[begin + static_cast<std::size_t>(line.component)] += t;
    return;
  }
  for (std::size_t i = 0; i < line.u.size(); ++i) points[begin + i] += t * line.u[i];
}

}  // namespace

std::vector<LineDerivative> differentiate_along(const CheckCalls& calls, const std::vector<Line>& lines,
                                                std::int64_t& evaluations) {
  const auto n = static_cast<std::size_t>(calls.n), m = static_cast<std::size_t>(calls.outputs);
  const std::vector<double> unit_steps = line_steps(1, calls.value_precision);
  const std::size_t count = unit_steps.size(), points_per_line = 2 * count + 1;
  const std::size_t at_once = std::max<std::size_t>(1, most_numbers / (points_per_line * (n + m)));
  std::vector<LineDerivative> found;
  found.reserve(lines.size() * m);
  std::vector<double> points, values, steps(count), forward(count), backward(count);
  for (std::size_t first = 0; first < lines.size(); first += at_once) {
    const std::size_t last = std::min(lines.size(), first + at_once);
    points.clear();
    for (std::size_t k = first; k < last; ++k) {
      displace(lines[k], 0, points);
      for (const double step : unit_steps) {
        displace(lines[k], step * lines[k].scale, points);
        displace(lines[k], -step * lines[k].scale, points);
      }
    }
    values.resize(points.size() / n * m);
    calls.values(points, values);
    evaluations += static_cast<std::int64_t>(points.size() / n);
    for (std::size_t k = first; k < last; ++k) {
      const double* const own = values.data() + (k - first) * points_per_line * m;
      for (std::size_t s = 0; s < count; ++s) steps[s] = unit_steps[s] * lines[k].scale;
      for (std::size_t output = 0; output < m; ++output) {
        for (std::size_t s = 0; s < count; ++s) {
          forward[s] = own[(1 + 2 * s) * m + output];
          backward[s] = own[(2 + 2 * s) * m + output];
        }
        const double claim =
            lines[k].claims.empty() ? std::numeric_limits<double>::quiet_NaN() : lines[k].claims[output];
        found.push_back(differentiate({own[output], steps, forward, backward, calls.value_precision, claim}));
      }
    }
  }
  return found;
}

}  // namespace nabla::check
