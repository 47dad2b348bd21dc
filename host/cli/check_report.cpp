#include "check.hpp"

#include "numbers.hpp"
#include "table.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

// What nabla check says: one JSON object, or a table for people.

namespace nabla::cli {

using nlohmann::ordered_json;

namespace {

constexpr std::int64_t most_named_variables = 1000;

/// Null for a direction that is no variable.
ordered_json json_variable(const CheckResult& result, std::int64_t component) {
  if (component < 0) return nullptr;
  return result.variables[static_cast<std::size_t>(component)];
}

/// Null where there are too many variables.
ordered_json json_point(const std::vector<double>& x) {
  ordered_json list;
  for (const double number : x) list.push_back(json_number(number));
  return list;
}

ordered_json json_component(const CheckResult& result, const CheckedComponent& row) {
  ordered_json object{{"point", row.point}};
  if (result.outputs > 1) object["output"] = row.output;
  object["component"] = row.component;
  object["variable"] = json_variable(result, row.component);
  object["x"] = json_point(row.x);
  object["analytic"] = json_number(row.analytic);
  object["numeric"] = json_number(row.numeric);
  object["error_bar"] = json_number(row.error_bar);
  object["relative_error"] = json_number(row.relative_error);
  object["verdict"] = name_of(row.verdict);
  return object;
}

/// How many random directions there were at points where the function is finite.
std::int64_t directions_tried(const CheckResult& result) {
  return result.report.points_checked * result.options.directions * result.outputs;
}

}  // namespace

void print_json(const CheckResult& result, const Executor& executor) {
  const CheckReport& report = result.report;
  ordered_json object = json_object("check", executor, result.precision, result.seconds);
  if (executor.is_cuda()) object["transfer_seconds"] = result.transfer_seconds;
  object["function"] = result.function;
  object["gradient"] = result.gradient.empty() ? ordered_json(nullptr) : ordered_json(result.gradient);
  object["variables"] =
      result.dimension > most_named_variables ? ordered_json(nullptr) : ordered_json(result.variables);
  if (result.outputs > 1) object["outputs"] = result.outputs;
  object["dimension"] = result.dimension;
  object["count"] = result.count;
  object["verdict"] = name_of(report.verdict);
  object["diagnosis"] = report.diagnosis.empty() ? ordered_json(nullptr) : ordered_json(report.diagnosis);
  object["tolerance"] = report.tolerance;
  object["max_relative_error"] =
      report.points_checked == 0 ? ordered_json(nullptr) : json_number(report.max_relative_error);
  object["median_slope"] = std::isnan(report.median_slope) ? ordered_json(nullptr) : json_number(report.median_slope);
  object["points_checked"] = report.points_checked;
  object["points_not_finite"] = report.points_not_finite;
  object["points_examined"] = report.points_examined;
  object["components_examined"] = report.components_examined;
  object["disagreeing"] = report.disagreeing;
  object["unresolved"] = report.unresolved;
  object["not_examined"] = report.not_examined;
  object["nonsmooth_points"] = report.nonsmooth_points;
  object["directions_tried"] = directions_tried(result);
  object["linear"] = report.linear;
  object["quadratic"] = report.quadratic;
  object["evaluations"] = report.evaluations;
  object["spread"] = json_number(report.spread);
  object["worst"] = ordered_json::array();
  for (const CheckedComponent& row : report.worst) object["worst"].push_back(json_component(result, row));
  object["nonsmooth"] = ordered_json::array();
  for (std::size_t k = 0; k < report.nonsmooth.size(); ++k) {
    const NonsmoothPlace& place = report.nonsmooth[k];
    object["nonsmooth"].push_back({{"point", place.point},
                                   {"component", json_position(place.component)},
                                   {"variable", json_variable(result, place.component)},
                                   {"x", json_point(result.nonsmooth_points[k])},
                                   {"left", json_number(place.left)},
                                   {"right", json_number(place.right)}});
    if (result.outputs > 1) object["nonsmooth"].back()["output"] = place.output;
  }
  print(object);
}

namespace {

/// "nabla's gradient of x^2*y".
std::string what_is_checked(const CheckResult& result) {
  return fmt::format("{} {} of {}", result.gradient.empty() ? "nabla's" : "the given",
                     result.outputs > 1 ? "Jacobian" : "gradient", in_one_line(result.function));
}

std::string headline(const CheckResult& result) {
  const std::string precision = result.precision == Precision::f32 ? "f32 (differences in f64)" : "f64";
  return line(name_of(result.report.verdict),
              fmt::format("{} at {}, {}, {}", what_is_checked(result), counted(result.count, "point"),
                          counted(result.dimension, "variable"), precision));
}

/// What the verdict means, in a sentence.
std::string meaning(const CheckResult& result) {
  const CheckReport& report = result.report;
  const std::string tolerance = fmt::format("{:.3g} of a derivative's size", report.tolerance);
  if (report.verdict == Verdict::agree) {
    return line("", fmt::format("differences of values say the same, to {}", tolerance));
  }
  const std::string examined = counted(report.points_examined, "examined point");
  if (report.verdict == Verdict::disagree) {
    return line("", fmt::format("differences of values say otherwise at {} of {}, by more than {}", report.disagreeing,
                                examined, tolerance));
  }
  if (result.count == 0) return line("", "there are no points");
  if (report.points_checked == 0) return line("", "the function is not finite at any point");
  std::string why = fmt::format("error bars are wider than {}, or rounding explains more", tolerance);
  if (report.nonsmooth_points >= report.unresolved) {
    why = "the function is not smooth there";
  } else if (report.nonsmooth_points > 0) {
    why = fmt::format("the function is not smooth at {}, at the others {}", report.nonsmooth_points, why);
  }
  return line("", fmt::format("differences of values can't tell at {} of {}: {}", report.unresolved, examined, why));
}

std::string points_lines(const CheckResult& result) {
  const CheckReport& report = result.report;
  std::string text = line("points", fmt::format("{} tried along {} each", report.points_checked,
                                                counted(result.options.directions, "random direction")));
  if (report.points_examined > 0) {
    text += line("", fmt::format("{} of them examined, variable by variable: {}", report.points_examined,
                                 counted(report.components_examined, "derivative")));
  }
  if (report.not_examined > 0) {
    text += line("", fmt::format("{} more doubted, and not examined", report.not_examined));
  }
  if (report.points_not_finite > 0) {
    text += line("", fmt::format("{} left out, where the function is not finite", report.points_not_finite));
  }
  return text;
}

/// Of all components of a point together, so it is no tolerance's measure: the verdict goes by single ones.
std::string error_line(const CheckResult& result) {
  const CheckReport& report = result.report;
  const bool some_are_no_numbers =
      std::ranges::any_of(report.worst, [](const CheckedComponent& row) { return !std::isfinite(row.analytic); });
  const std::string where = some_are_no_numbers           ? ", where the gradient is finite"
                            : report.nonsmooth_points > 0 ? ", where the function is smooth"
                                                          : "";
  if (some_are_no_numbers && report.max_relative_error == 0) return line("error", "the gradient is not finite");
  return line("error",
              fmt::format("|gradient - differences| / (|gradient| + |differences|) of a point: {:.3g} at most{}",
                          report.max_relative_error, where));
}

/// What the slope of the error says about the gradient.
std::string slope_line(const CheckResult& result) {
  const CheckReport& report = result.report;
  const double slope = report.median_slope;
  const auto says = [](const std::string& text) { return line("slope", text); };
  if (std::isnan(slope)) {
    if (report.verdict != Verdict::agree || report.linear + report.quadratic == 0) {
      return says("none: the error follows no power of the step");
    }
    return says(fmt::format("none: differences are exact where a function is linear or quadratic, as along {} of {}",
                            report.linear + report.quadratic, counted(directions_tried(result), "direction")));
  }
  constexpr double near = 0.25;
  if (std::fabs(slope - 2) <= near) {
    return says(
        fmt::format("{:.2f}: a tenth of the step, a hundredth of the error; so it is for right gradients", slope));
  }
  if (slope > 2)
    return says(fmt::format("{:.2f}: the error falls faster than for most functions, which have 2", slope));
  if (slope < near && report.verdict == Verdict::agree) {
    return says(
        fmt::format("{:.2f}: what is left of the error is the same for all steps, and tolerated", std::fabs(slope)));
  }
  if (slope < near) {
    return says(fmt::format("{:.2f}: smaller steps don't bring differences nearer to the gradient; right ones have 2",
                            std::fabs(slope)));
  }
  return says(fmt::format("{:.2f}: right gradients of smooth functions have 2", slope));
}

std::string variable_of(const CheckResult& result, std::int64_t component) {
  return component < 0 ? "a random direction" : result.variables[static_cast<std::size_t>(component)];
}

std::string worst_table(const CheckResult& result) {
  if (result.rows == 0) return "";
  std::vector<Cells> rows{{"point", "variable", "gradient", "differences", "error bar", "off by", "verdict"}};
  std::vector<char> alignments{'>', '<', '>', '>', '>', '>', '<'};
  for (const CheckedComponent& row : std::span(result.report.worst).first(result.rows)) {
    rows.push_back({fmt::format("{}", row.point), variable_of(result, row.component),
                    fmt::format("{:.9g}", for_people(row.analytic)), fmt::format("{:.9g}", for_people(row.numeric)),
                    fmt::format("{:.1e}", for_people(row.error_bar)),
                    fmt::format("{:.1e}", std::fabs(row.analytic - row.numeric)), name_of(row.verdict)});
  }
  if (result.dimension <= most_listed_variables) {
    rows[0].emplace_back("at");
    alignments.push_back('<');
    for (std::size_t k = 0; k < result.rows; ++k) rows[k + 1].push_back(place_of(result.report.worst[k].x));
  }
  if (result.outputs > 1) {
    rows[0].insert(rows[0].begin() + 1, "output");
    alignments.insert(alignments.begin() + 1, '>');
    for (std::size_t k = 0; k < result.rows; ++k) {
      rows[k + 1].insert(rows[k + 1].begin() + 1, fmt::format("{}", result.report.worst[k].output + 1));
    }
  }
  const std::int64_t examined = result.report.components_examined;
  return (examined == 1 ? "\nthe only derivative that was examined:\n"
                        : fmt::format("\nthe most doubtful of {} derivatives:\n", examined)) +
         aligned(rows, alignments);
}

/// The slope on one side.
std::string side(double slope) {
  if (std::isnan(slope)) return "undefined";
  if (std::isinf(slope)) return "infinite";
  return fmt::format("{:.6g}", slope);
}

std::string nonsmooth_table(const CheckResult& result) {
  const CheckReport& report = result.report;
  if (report.nonsmooth.empty()) return "";
  const bool listed = result.dimension <= most_listed_variables;
  std::vector<Cells> rows{{"point", "along", "slope on the left", "on the right"}};
  if (listed) rows[0].emplace_back("at");
  for (std::size_t k = 0; k < report.nonsmooth.size(); ++k) {
    const NonsmoothPlace& found = report.nonsmooth[k];
    const std::string of = result.outputs > 1 ? fmt::format("output {}, ", found.output + 1) : "";
    rows.push_back({fmt::format("{}", found.point), of + variable_of(result, found.component), side(found.left),
                    side(found.right)});
    if (listed) rows.back().push_back(place_of(result.nonsmooth_points[k]));
  }
  return fmt::format("\nthe function is not smooth at {}:\n", counted(report.nonsmooth_points, "point")) +
         aligned(rows, {'>', '<', '>', '>', '<'});
}

}  // namespace

void print_table(const CheckResult& result, const Executor& executor) {
  const CheckReport& report = result.report;
  std::string text = headline(result) + meaning(result);
  if (!report.diagnosis.empty()) text += line("diagnosis", report.diagnosis);
  if (result.count > 0) text += points_lines(result);
  if (report.points_checked > 0) {
    text += error_line(result) + slope_line(result);
  }
  if (report.spread > 0) {
    text += line("spread", fmt::format("the same gradient, evaluated twice, differs by up to {:.3g}", report.spread));
  }
  text += line("ran on", describe(executor));
  text += line("computation",
               fmt::format("{:.4g} s, {} of the function", result.seconds, counted(report.evaluations, "evaluation")));
  if (executor.is_cuda()) text += line("transfers", fmt::format("{:.4g} s for the points", result.transfer_seconds));
  print(text + worst_table(result) + nonsmooth_table(result));
}

}  // namespace nabla::cli
