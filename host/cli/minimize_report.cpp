#include "minimize.hpp"
#include "numbers.hpp"
#include "table.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>

// What nabla minimize says: one JSON object, or a table for people.

namespace nabla::cli {

using nlohmann::ordered_json;

namespace {

/// Of all descents together.
struct Work {
  std::vector<std::int64_t> iterations;  // in rising order
  std::int64_t all_iterations = 0;
  Evaluations evaluations;
  std::map<StopReason, std::int64_t> reasons;
  std::int64_t converged = 0;

  explicit Work(const std::vector<Descent>& all) {
    for (const Descent& one : all) {
      iterations.push_back(one.iterations);
      all_iterations += one.iterations;
      evaluations.values += one.evaluations.values;
      evaluations.gradients += one.evaluations.gradients;
      evaluations.hessian_products += one.evaluations.hessian_products;
      ++reasons[one.reason];
      converged += one.converged() ? 1 : 0;
    }
    std::sort(iterations.begin(), iterations.end());
  }
  /// The lower one of two in the middle, so that it is a start's.
  std::int64_t median() const { return iterations[(iterations.size() - 1) / 2]; }
};

const Descent& best_of(const MinimizeResult& result) {
  return result.descents.all[static_cast<std::size_t>(result.best)];
}

/// Null where there are very many.
ordered_json json_place(const MinimizeResult& result, const std::vector<double>& x) {
  return result.variables.empty() ? ordered_json(nullptr) : json_numbers(x);
}

ordered_json json_descent(const MinimizeResult& result, std::int64_t start, const Descent& one,
                          const std::vector<double>& x) {
  return {{"start", start},
          {"x", json_place(result, x)},
          {"value", json_number(one.value)},
          {"gradient_norm", json_number(one.gradient_norm)},
          {"iterations", one.iterations},
          {"evaluations", one.evaluations.total()},
          {"status", name_of(one.reason)}};
}

}  // namespace

void print_json(const MinimizeResult& result, const Executor& executor) {
  const Work work(result.descents.all);
  const auto starts = static_cast<std::int64_t>(result.descents.all.size());
  const double seconds = result.descents.seconds;
  ordered_json object = json_object("minimize", executor, result.precision, seconds);
  if (executor.is_cuda()) object["transfer_seconds"] = result.descents.transfer_seconds;
  object["function"] = result.function;
  object["variables"] = result.variables.empty() ? ordered_json(nullptr) : ordered_json(result.variables);
  object["dimension"] = result.dimension;
  if (result.rows >= 0) object["rows"] = result.rows;
  object["method"] = result.method;
  object["starts"] = starts;
  object["starts_per_second"] =
      seconds > 0 ? ordered_json(static_cast<double>(starts) / seconds) : ordered_json(nullptr);
  if (result.fits) object["fits_per_second"] = object["starts_per_second"];
  object["converged"] = work.converged;
  object["status_counts"] = ordered_json::object();
  for (const auto& [reason, count] : work.reasons) object["status_counts"][name_of(reason)] = count;
  object["best"] =
      result.best < 0 ? ordered_json(nullptr) : json_descent(result, result.best, best_of(result), result.best_x);
  const auto of_some = [&](std::int64_t number) { return starts == 0 ? ordered_json(nullptr) : ordered_json(number); };
  object["iterations"] = {{"min", starts == 0 ? of_some(0) : of_some(work.iterations.front())},
                          {"median", starts == 0 ? of_some(0) : of_some(work.median())},
                          {"max", starts == 0 ? of_some(0) : of_some(work.iterations.back())},
                          {"total", work.all_iterations}};
  object["evaluations"] = work.evaluations.total();
  object["evaluations_by_kind"] = {{"values", work.evaluations.values},
                                   {"gradients", work.evaluations.gradients},
                                   {"hessian_products", work.evaluations.hessian_products}};
  if (result.minima) {
    object["minima"] = ordered_json::array();
    for (const DistinctMinimum& one : *result.minima) {
      object["minima"].push_back({{"count", one.count},
                                  {"x", json_place(result, one.x)},
                                  {"value", json_number(one.value)},
                                  {"start", one.start}});
    }
  }
  for (std::size_t k = 0; k < result.ends.size(); ++k) {
    object["ends"].push_back(
        json_descent(result, static_cast<std::int64_t>(k), result.descents.all[k], result.ends[k]));
  }
  print(object);
}

namespace {

std::string headline(const MinimizeResult& result) {
  const auto starts = static_cast<std::int64_t>(result.descents.all.size());
  const char* const what = result.fits ? "its squares summed" : "summed";
  const std::string rows =
      result.rows < 0 ? "" : fmt::format(", {} over {} of data", what, counted(result.rows, "row"));
  return line("minimize", fmt::format("{} in {}{}, by {} from {}, {}", in_one_line(result.function),
                                      counted(result.dimension, "variable"), rows, result.method,
                                      counted(starts, "start"), to_string(result.precision)));
}

std::string evaluations_of(const Evaluations& evaluations) {
  std::string text = counted(evaluations.gradients, "gradient");
  if (evaluations.values > 0) text += fmt::format(", {}", counted(evaluations.values, "further value"));
  if (evaluations.hessian_products > 0) {
    text += fmt::format(", {}", counted(evaluations.hessian_products, "product")) + " with the Hessian";
  }
  return text;
}

/// "x = 1, y = 2"; long lists are cut, and numbers of indexed variables need no names.
std::string place(const MinimizeResult& result, const std::vector<double>& x) {
  constexpr std::size_t most_named = 8, most_listed = 16;
  const bool indexed = !result.variables.empty() && result.variables.front().ends_with("]");
  std::string text;
  for (std::size_t i = 0; i < std::min(x.size(), most_listed); ++i) {
    const std::string name = indexed || x.size() > most_named ? "" : result.variables[i] + " = ";
    text += fmt::format("{}{}{:.9g}", i == 0 ? "" : ", ", name, for_people(x[i]));
  }
  if (x.size() > most_listed) text += fmt::format(", ... {} in all", x.size());
  return indexed || x.size() > most_named ? "(" + text + ")" : text;
}

std::string about_the_only(const MinimizeResult& result, const MinimizeReport& report) {
  std::string text = line("ended", describe_end(report));
  text += line("value",
               fmt::format("{:.9g} ({:.9g} at the start)", for_people(report.value), for_people(report.first_value)));
  text += line("gradient", fmt::format("norm {:.3g} ({:.3g} at the start)", for_people(report.gradient_norm),
                                       for_people(report.first_gradient_norm)));
  if (!result.best_x.empty()) text += line("at", place(result, result.best_x));
  return text + line("work", fmt::format("{}, {}", counted(report.iterations, "iteration"),
                                         evaluations_of(report.evaluations)));
}

std::string about_many(const MinimizeResult& result, const Work& work) {
  std::string reasons;
  for (const auto& [reason, count] : work.reasons) {
    reasons += fmt::format("{}{} {}", reasons.empty() ? "" : ", ", count, name_of(reason));
  }
  std::string text =
      line("converged", fmt::format("{} of {}", work.converged, counted(std::ssize(work.iterations), "start")));
  if (!reasons.empty()) text += line("ended", reasons);
  if (result.best >= 0) {
    const Descent& best = best_of(result);
    text += line("best", fmt::format("value {:.9g}, from start {}, {} after {}", best.value, result.best,
                                     name_of(best.reason), counted(best.iterations, "iteration")));
    text += line("gradient", fmt::format("norm {:.3g}", best.gradient_norm));
    text += line("at", place(result, result.best_x));
  }
  if (work.iterations.empty()) return text;
  return text + line("work", fmt::format("{} to {} iterations, median {}, {} in all; {}", work.iterations.front(),
                                         work.iterations.back(), work.median(), work.all_iterations,
                                         evaluations_of(work.evaluations)));
}

std::string table_of_minima(const MinimizeResult& result) {
  if (!result.minima) return "";
  constexpr std::size_t most_shown = 20;
  const std::vector<DistinctMinimum>& all = *result.minima;
  std::vector<Cells> rows{{"starts", "value", "at"}};
  for (std::size_t k = 0; k < std::min(most_shown, all.size()); ++k) {
    rows.push_back(
        {fmt::format("{}", all[k].count), fmt::format("{:.9g}", for_people(all[k].value)), place_of(all[k].x)});
  }
  std::string text = fmt::format("\n{} where descents ended\n", counted(std::ssize(all), "place"));
  if (!all.empty()) text += aligned(rows, {'>', '>', '<'});
  if (all.size() > most_shown) text += fmt::format("... and {} more\n", all.size() - most_shown);
  return text;
}

std::string table_of_starts(const MinimizeResult& result) {
  if (result.ends.size() < 2) return "";
  std::vector<Cells> rows{{"start", "ended", "value", "gradient", "iterations", "at"}};
  for (std::size_t k = 0; k < result.ends.size(); ++k) {
    const Descent& one = result.descents.all[k];
    rows.push_back({fmt::format("{}", k), name_of(one.reason), fmt::format("{:.9g}", for_people(one.value)),
                    fmt::format("{:.1e}", for_people(one.gradient_norm)), fmt::format("{}", one.iterations),
                    place_of(result.ends[k])});
  }
  return "\n" + aligned(rows, {'>', '<', '>', '>', '>', '<'});
}

}  // namespace

void print_table(const MinimizeResult& result, const Executor& executor) {
  const Work work(result.descents.all);
  const double seconds = result.descents.seconds;
  std::string text = headline(result);
  text += result.descents.only ? about_the_only(result, *result.descents.only) : about_many(result, work);
  text += line("ran on", describe(executor));
  const auto starts = static_cast<double>(result.descents.all.size());
  const bool has_rate = starts > 1 && seconds > 0;
  const char* const rate = result.fits ? ", {:.4g} fits/s" : ", {:.4g} starts/s";
  text += line("computation",
               fmt::format("{:.4g} s{}", seconds, has_rate ? fmt::format(fmt::runtime(rate), starts / seconds) : ""));
  if (executor.is_cuda()) text += line("transfers", fmt::format("{:.4g} s", result.descents.transfer_seconds));
  print(text + table_of_minima(result) + table_of_starts(result));
}

}  // namespace nabla::cli
