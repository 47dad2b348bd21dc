#include "eval.hpp"
#include "numbers.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

// What nabla eval says about its results: one JSON object, or a table for people.

namespace nabla::cli {

using nlohmann::ordered_json;

namespace {

/// The largest component's size, and the length of the vector divided by it: their product is the vector's length, and
/// neither overflows. {0, 0} for a zero vector; the first is NaN or infinite where a component is.
std::pair<double, double> scaled_length(std::span<const double> vector) {
  double largest = 0;
  for (const double x : vector) {
    if (std::isnan(x)) return {x, 1};
    largest = std::max(largest, std::abs(x));
  }
  if (largest == 0 || std::isinf(largest)) return {largest, largest == 0 ? 0 : 1};
  double sum = 0;
  for (const double x : vector) sum += (x / largest) * (x / largest);
  return {largest, std::sqrt(sum)};
}

}  // namespace

double EvaluatedPoint::slope() const {
  const auto [largest, length] = scaled_length(gradient);
  return largest * length;
}

std::vector<double> EvaluatedPoint::steepest_ascent() const {
  const auto [largest, length] = scaled_length(gradient);
  if (length == 0 || !std::isfinite(largest)) return {};
  std::vector<double> direction;
  for (const double g : gradient) direction.push_back(g / largest / length);
  return direction;
}

namespace {

std::string to_string(Layout layout) { return layout == Layout::component_major ? "component-major" : "point-major"; }

ordered_json json_matrix(std::span<const double> matrix, std::size_t m, std::size_t n) {
  ordered_json rows = ordered_json::array();
  for (std::size_t i = 0; i < m; ++i) rows.push_back(json_numbers(matrix.subspan(i * n, n)));
  return rows;
}

/// A rate; null where no time could be measured.
ordered_json json_rate(double amount, double seconds) {
  return seconds > 0 ? ordered_json(amount / seconds) : ordered_json(nullptr);
}

ordered_json json_point(const EvaluatedPoint& point) {
  ordered_json object{{"x", json_numbers(point.x)}};
  if (!point.jacobian.empty()) {
    object["value"] = json_numbers(point.values);
    object["jacobian"] = json_matrix(point.jacobian, point.values.size(), point.x.size());
    return object;
  }
  object["value"] = json_number(point.values.front());
  if (!point.gradient.empty()) {
    const std::vector<double> ascent = point.steepest_ascent();
    object["gradient"] = json_numbers(point.gradient);
    object["steepest_ascent"] = ascent.empty() ? ordered_json(nullptr) : json_numbers(ascent);
  }
  if (point.directional) object["directional_derivative"] = json_number(*point.directional);
  if (!point.hessian.empty()) {
    object["hessian"] = json_matrix(point.hessian, point.x.size(), point.x.size());
    object["eigenvalues"] = json_numbers(point.eigenvalues);
  }
  if (!point.classification.empty()) object["classification"] = point.classification;
  return object;
}

/// "1, 2, 3"; long lists are cut.
std::string list(std::span<const double> numbers) {
  constexpr std::size_t longest = 16;
  std::string text;
  for (const double number : numbers.first(std::min(numbers.size(), longest))) {
    text += fmt::format("{}{}", text.empty() ? "" : ", ", for_people(number));
  }
  return numbers.size() > longest ? fmt::format("{}, ... {} in all", text, numbers.size()) : text;
}

std::string table_of_point(const EvaluatedPoint& point) {
  std::string text = fmt::format("\nat ({})\n", list(point.x));
  const std::size_t m = point.values.size();
  for (std::size_t j = 0; !point.jacobian.empty() && j < m; ++j) {
    const auto row = std::span(point.jacobian).subspan(j * point.x.size(), point.x.size());
    text += fmt::format("  output {:<11} {}, gradient ({})\n", j + 1, for_people(point.values[j]), list(row));
  }
  if (!point.jacobian.empty()) return text;
  text += fmt::format("  value              {}\n", for_people(point.values.front()));
  if (!point.gradient.empty()) {
    const std::vector<double> ascent = point.steepest_ascent();
    text += fmt::format("  gradient           ({})\n", list(point.gradient));
    text += fmt::format("  steepest ascent    {}\n", ascent.empty()
                                                         ? "none: the gradient is zero or not finite"
                                                         : fmt::format("({}), rate {}", list(ascent), point.slope()));
  }
  if (point.directional) text += fmt::format("  along direction    {}\n", for_people(*point.directional));
  const std::size_t n = point.x.size();
  for (std::size_t i = 0; i < n && !point.hessian.empty(); ++i) {
    text += fmt::format("  {:<18} ({})\n", i == 0 ? "Hessian" : "", list(std::span(point.hessian).subspan(i * n, n)));
  }
  if (!point.eigenvalues.empty()) text += fmt::format("  eigenvalues        {}\n", list(point.eigenvalues));
  if (!point.classification.empty()) text += fmt::format("  critical point     {}\n", point.classification);
  return text;
}

/// The gradient and the Hessian as formulas.
std::string table_of_texts(const EvalReport& report) {
  std::string text;
  const std::size_t n = report.variables.size();
  for (std::size_t i = 0; i < report.gradient_text.size(); ++i) {
    text += fmt::format("{:<12}d/d{} = {}\n", i == 0 ? "gradient" : "", report.variables[i], report.gradient_text[i]);
  }
  for (std::size_t k = 0; k < report.hessian_text.size(); ++k) {
    text += fmt::format("{:<12}d2/d{} d{} = {}\n", k == 0 ? "Hessian" : "", report.variables[k / n],
                        report.variables[k % n], report.hessian_text[k]);
  }
  return text;
}

std::string rates(double count, double bytes, double seconds) {
  if (!(seconds > 0) || count == 0) return "";
  return fmt::format(", {:.4g} million points/s, {:.4g} GB/s", count / seconds / 1e6, bytes / seconds / 1e9);
}

}  // namespace

void print_json(const EvalReport& report, const Executor& executor) {
  const Summary& summary = report.summary;
  ordered_json object = json_object("eval", executor, report.precision, report.seconds);
  if (executor.is_cuda()) object["transfer_seconds"] = report.transfer_seconds;
  object["function"] = report.function;
  object["variables"] = report.variables;
  if (report.outputs > 1) object["outputs"] = report.outputs;
  if (!report.gradient_text.empty()) object["gradient_text"] = report.gradient_text;
  if (!report.hessian_text.empty()) object["hessian_text"] = report.hessian_text;
  object["dimension"] = report.dimension;
  if (report.rows >= 0) object["rows"] = report.rows;
  object["count"] = report.count;
  object["layout"] = to_string(report.layout);
  object["points_per_second"] = json_rate(static_cast<double>(report.count), report.seconds);
  object["bytes_per_second"] = json_rate(report.bytes, report.seconds);
  if (report.outputs > 1 || report.rows >= 0) {
    object["value"] = object["gradient_norm"] = object["nonfinite"] = nullptr;  // statistics are of one output's batch
    for (const EvaluatedPoint& point : report.points) object["points"].push_back(json_point(point));
    return print(object);
  }
  // Without points there is nothing to have statistics of.
  const auto statistic = [&](double number) { return report.count == 0 ? ordered_json(nullptr) : json_number(number); };
  object["value"] = {{"min", statistic(summary.value.min)},
                     {"max", statistic(summary.value.max)},
                     {"mean", statistic(summary.value.mean)},
                     {"argmin", json_position(summary.value.argmin)},
                     {"argmax", json_position(summary.value.argmax)}};
  const auto& norm = summary.gradient_norm;
  if (report.value_only) {
    object["gradient_norm"] = nullptr;
  } else {
    object["gradient_norm"] = {{"l1", statistic(norm.l1)},
                               {"l2", statistic(norm.l2)},
                               {"linf", statistic(norm.linf)},
                               {"max_point_l2", statistic(norm.max_point_l2)},
                               {"mean_point_l2", statistic(norm.mean_point_l2)},
                               {"argmax", json_position(norm.argmax)}};
  }
  object["nonfinite"] = {{"count", summary.nonfinite.count}, {"first", json_position(summary.nonfinite.first)}};
  if (!report.direction.empty()) object["direction"] = json_numbers(report.direction);
  if (!report.points.empty()) {
    ordered_json points = ordered_json::array();
    for (const EvaluatedPoint& point : report.points) points.push_back(json_point(point));
    object["points"] = points;
  }
  print(object);
}

void print_table(const EvalReport& report, const Executor& executor) {
  const Summary& summary = report.summary;
  const auto count = static_cast<double>(report.count);
  std::string text = fmt::format("{} of {} variable{} at {} point{}, {}, {}\n", report.function, report.dimension,
                                 report.dimension == 1 ? "" : "s", report.count, report.count == 1 ? "" : "s",
                                 to_string(report.precision), to_string(report.layout));
  if (report.rows >= 0) text += fmt::format("sum over    {} row{} of data\n", report.rows, report.rows == 1 ? "" : "s");
  text += fmt::format("ran on      {}\n", describe(executor));
  text += fmt::format("computation {:.4g} s{}\n", report.seconds,
                      rates(report.rows < 0 ? count : 0, report.bytes, report.seconds));
  if (executor.is_cuda()) text += fmt::format("transfers   {:.4g} s\n", report.transfer_seconds);
  text += table_of_texts(report);
  if (report.outputs > 1 || report.rows >= 0) {
    for (const EvaluatedPoint& point : report.points) text += table_of_point(point);
    return print(text);
  }
  if (report.count > summary.nonfinite.count) {
    text += fmt::format("value       min {:.9g} at point {}, mean {:.9g}, max {:.9g} at point {}\n", summary.value.min,
                        summary.value.argmin, summary.value.mean, summary.value.max, summary.value.argmax);
    const auto& norm = summary.gradient_norm;
    if (!report.value_only) {
      text +=
          fmt::format("gradient    l1 {:.9g}, l2 {:.9g}, linf {:.9g} over all points\n", norm.l1, norm.l2, norm.linf);
      text += fmt::format("            of one point: mean length {:.9g}, largest {:.9g} at point {}\n",
                          norm.mean_point_l2, norm.max_point_l2, norm.argmax);
    }
  }
  text += fmt::format("not finite  {} point{}{}\n", summary.nonfinite.count, summary.nonfinite.count == 1 ? "" : "s",
                      summary.nonfinite.count > 0 ? fmt::format(", the first is {}", summary.nonfinite.first) : "");
  for (const EvaluatedPoint& point : report.points) text += table_of_point(point);
  print(text);
}

}  // namespace nabla::cli
