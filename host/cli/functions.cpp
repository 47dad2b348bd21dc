#include "commands.hpp"
#include "common.hpp"
#include "function_registry.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include <cmath>
#include <span>

// nabla functions: the built-in functions, or one of them.

namespace nabla::cli {

namespace {

using nlohmann::ordered_json;

constexpr char example[] =
    "  nabla functions rosenbrock\n"
    "      its formula, source, dimensions, usual box and minimum\n";

/// The known minimum in the least dimension that has one, as far as it has to be searched.
std::optional<std::int64_t> dimension_with_minimum(const BuiltInFunction& function) {
  constexpr std::int64_t far_enough = 16;
  for (std::int64_t n = function.info.dimension.least; n <= far_enough; ++n) {
    if (function.info.dimension.accepts(n) && !std::isnan(function.minimum_value(n))) return n;
  }
  return {};
}

ordered_json describe_json(const BuiltInFunction& function) {
  const auto& info = function.info;
  ordered_json object{{"name", info.name},
                      {"formula", info.formula},
                      {"source", info.source},
                      {"dimension",
                       {{"rule", info.dimension.text()},
                        {"least", info.dimension.least},
                        {"multiple", info.dimension.multiple},
                        {"only_least", info.dimension.only_least}}},
                      {"box", {{"low", info.low}, {"high", info.high}}},
                      {"minimum", nullptr}};
  if (const auto n = dimension_with_minimum(function)) {
    object["minimum"] = {
        {"dimension", *n}, {"value", json_number(function.minimum_value(*n))}, {"x", function.minimizer(*n)}};
  }
  return object;
}

std::string describe_text(const BuiltInFunction& function) {
  const auto& info = function.info;
  std::string text = fmt::format("{}\n  formula     {}\n  source      {}\n  dimensions  {}\n  usual box   {}:{}\n",
                                 info.name, info.formula, info.source, info.dimension.text(), info.low, info.high);
  if (const auto n = dimension_with_minimum(function)) {
    return text + fmt::format("  minimum     {} at ({}) for n = {}\n", function.minimum_value(*n),
                              fmt::join(function.minimizer(*n), ", "), *n);
  }
  return text + "  minimum     none is known\n";
}

std::string table(std::span<const BuiltInFunction> functions) {
  std::string text = fmt::format("{:<18} {:<20} {:<14} {}\n", "name", "dimensions", "usual box", "source");
  for (const BuiltInFunction& function : functions) {
    const auto& info = function.info;
    text += fmt::format("{:<18} {:<20} {:<14} {}\n", info.name, info.dimension.text(),
                        fmt::format("{:.6g}:{:.6g}", info.low, info.high), info.source);
  }
  return text;
}

}  // namespace

int functions_command(std::span<const char* const> arguments) {
  const Stopwatch watch;
  CommonOptions common;
  std::optional<std::string> name;
  Arguments parser("functions", "Lists the built-in functions, or tells all about one.", example);
  parser.word("NAME", "of one function", name);
  common.declare(parser);
  if (parser.wants_help(arguments)) return print(parser.help()), good;
  parser.parse(arguments);

  std::span<const BuiltInFunction> chosen = built_in_functions();
  if (name) chosen = std::span(&find_function("NAME", *name), 1);
  const Executor executor = common.executor();
  const Precision precision = common.precision().value_or(Precision::f64);
  if (common.json) {
    ordered_json list = ordered_json::array();
    for (const BuiltInFunction& function : chosen) list.push_back(describe_json(function));
    ordered_json object = json_object("functions", executor, precision, watch.seconds());
    object["functions"] = list;
    print(object);
  } else if (!common.quiet) {
    print(name ? describe_text(chosen[0]) : table(chosen));
  }
  return good;
}

}  // namespace nabla::cli
