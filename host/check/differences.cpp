#include "differences.hpp"

#include <algorithm>

namespace nabla::check {

namespace {

/// Numbers that displaced points may take at once, and values of lines.
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

/// f at the points of some lines: at the centre, then step by step forward and backward.
std::vector<double> values_on(const CheckCalls& calls, std::span<const Line> lines,
                              std::span<const double> unit_steps) {
  const auto n = static_cast<std::size_t>(calls.n), m = static_cast<std::size_t>(calls.outputs);
  std::vector<double> points, values;
  const auto evaluate = [&] {
    const std::size_t done = values.size();
    values.resize(done + points.size() / n * m);
    calls.values(points, std::span(values).subspan(done));
    points.clear();
  };
  for (const Line& line : lines) {
    displace(line, 0, points);
    for (const double step : unit_steps) {
      displace(line, step * line.scale, points);
      displace(line, -step * line.scale, points);
      if (points.size() >= most_numbers) evaluate();
    }
  }
  evaluate();
  return values;
}

}  // namespace

std::vector<LineDerivative> differentiate_along(const CheckCalls& calls, const std::vector<Line>& lines,
                                                std::int64_t& evaluations) {
  const auto m = static_cast<std::size_t>(calls.outputs);
  const std::vector<double> unit_steps = line_steps(1, calls.value_precision);
  const std::size_t count = unit_steps.size(), points_per_line = 2 * count + 1;
  const std::size_t at_once = std::max<std::size_t>(1, most_numbers / (points_per_line * m));
  std::vector<LineDerivative> found;
  found.reserve(lines.size() * m);
  std::vector<double> steps(count), forward(count), backward(count);
  for (std::size_t first = 0; first < lines.size(); first += at_once) {
    const auto some = std::span(lines).subspan(first, std::min(at_once, lines.size() - first));
    const std::vector<double> values = values_on(calls, some, unit_steps);
    evaluations += static_cast<std::int64_t>(some.size() * points_per_line);
    for (std::size_t k = 0; k < some.size(); ++k) {
      const double* const own = values.data() + k * points_per_line * m;
      for (std::size_t s = 0; s < count; ++s) steps[s] = unit_steps[s] * some[k].scale;
      for (std::size_t output = 0; output < m; ++output) {
        for (std::size_t s = 0; s < count; ++s) {
          forward[s] = own[(1 + 2 * s) * m + output];
          backward[s] = own[(2 + 2 * s) * m + output];
        }
        const double claim = some[k].claims.empty() ? std::numeric_limits<double>::quiet_NaN() : some[k].claims[output];
        found.push_back(differentiate({own[output], steps, forward, backward, calls.value_precision, claim}));
      }
    }
  }
  return found;
}

}  // namespace nabla::check
