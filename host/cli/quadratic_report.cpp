#include "numbers.hpp"
#include "quadratic.hpp"
#include "table.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include <limits>

// What nabla quadratic says: one JSON object, or a table for people.

namespace nabla::cli {

using nlohmann::ordered_json;

double QuadraticResult::relative_residual() const {
  if (report.gradient_norm == 0) return 0;
  return report.gradient_norm / (pull_norm > 0 ? pull_norm : report.first_gradient_norm);
}

const char* QuadraticResult::status() const {
  if (report.converged()) return "converged";
  switch (report.reason) {
    case StopReason::iterations:
      return "max_iterations";
    case StopReason::not_reproducible:
    case StopReason::line_search_failed:
      return "stagnated";
    default:
      return name_of(report.reason);  // negative_curvature, not_finite, stagnated, interrupted, diverged, unbounded
  }
}

double QuadraticResult::seconds_per_iteration() const {
  return report.iterations > 0 ? report.seconds / static_cast<double>(report.iterations)
                               : std::numeric_limits<double>::quiet_NaN();
}

double QuadraticResult::bytes_per_second() const {
  return report.seconds > 0 && report.bytes > 0 ? report.bytes / report.seconds
                                                : std::numeric_limits<double>::quiet_NaN();
}

void print_json(const QuadraticResult& result, const Executor& executor) {
  const MinimizeReport& report = result.report;
  const auto number_or_null = [](double number) {
    return std::isnan(number) ? ordered_json(nullptr) : json_number(number);
  };
  ordered_json object = json_object("quadratic", executor, result.precision, report.seconds);
  if (executor.is_cuda()) object["transfer_seconds"] = result.transfer_seconds;
  object["load_seconds"] = result.load_seconds;
  object["matrix"] = result.matrix;
  object["unknowns"] = result.unknowns;
  object["nonzeros"] = result.nonzeros;
  object["format"] = result.format;
  object["memory_per_unknown"] = result.memory_per_unknown;
  object["method"] = result.method;
  object["mixed_precision"] = result.mixed_precision;
  object["preconditioner"] = result.preconditioner;
  object["status"] = result.status();
  object["iterations"] = report.iterations;
  object["evaluations"] = report.evaluations.total();
  object["value"] = json_number(report.value);
  object["gradient_norm"] = json_number(report.gradient_norm);
  object["relative_residual"] = json_number(result.relative_residual());
  object["seconds_per_iteration"] = number_or_null(result.seconds_per_iteration());
  object["bytes_per_second"] = number_or_null(result.bytes_per_second());
  if (report.reason == StopReason::negative_curvature || report.reason == StopReason::unbounded) {
    object["iteration"] = report.iterations;
    object["curvature"] = json_number(report.curvature);
  }
  if (report.reason == StopReason::not_finite) object["component"] = json_position(report.not_finite_component);
  print(object);
}

void print_table(const QuadraticResult& result, const Executor& executor) {
  const MinimizeReport& report = result.report;
  std::string text =
      line("quadratic", fmt::format("{}: {}, {}, by {}, {}{}", result.matrix, counted(result.unknowns, "unknown"),
                                    counted(result.nonzeros, "nonzero"), result.method, to_string(result.precision),
                                    result.mixed_precision ? " by iterations in f32" : ""));
  text += line("stored as", result.format);
  if (!report.preconditioner.empty()) text += line("divided by", report.preconditioner);
  text += line("memory", fmt::format("{:.4g} bytes an unknown, of matrix and vectors", result.memory_per_unknown));
  text += line("ended", describe_end(report));
  if (report.reason == StopReason::negative_curvature) {
    text += line("curvature", fmt::format("{:.3g}, in iteration {}", report.curvature, report.iterations));
  }
  text += line("value",
               fmt::format("{:.9g} ({:.9g} at the start)", for_people(report.value), for_people(report.first_value)));
  text += line("residual",
               fmt::format("{:.3g} of {}, recomputed; gradient norm {:.3g}", for_people(result.relative_residual()),
                           result.pull_norm > 0 ? "the right-hand side" : "the start's gradient",
                           for_people(report.gradient_norm)));
  text += line("work", fmt::format("{}, {}", counted(report.iterations, "iteration"),
                                   counted(report.evaluations.total(), "product")));
  text += line("ran on", describe(executor));
  std::string speed = fmt::format("{:.4g} s", report.seconds);
  if (report.iterations > 0) speed += fmt::format(", {:.3g} ms an iteration", 1e3 * result.seconds_per_iteration());
  if (report.bytes > 0) speed += fmt::format(", {:.3g} GB/s", 1e-9 * result.bytes_per_second());
  text += line("computation", speed);
  text += line("loading", fmt::format("{:.4g} s", result.load_seconds));
  if (executor.is_cuda()) text += line("transfers", fmt::format("{:.4g} s", result.transfer_seconds));
  print(text);
}

}  // namespace nabla::cli
