#include "claimed_gradient.hpp"

#include "../formula/syntax.hpp"
#include "names_in.hpp"

#include <fmt/format.h>

#include <nabla/batch.hpp>

#include <string_view>

namespace nabla::cli {

namespace {

/// The function's parameters that a text names: it is an error to declare one that does not appear.
std::vector<std::pair<std::string, double>> parameters_in(std::string_view text, const ChosenFunction& function) {
  std::vector<std::pair<std::string, double>> found;
  const NamesIn names(text);
  for (const auto& parameter : function.parameters()) {
    if (names.find(parameter.first) != nullptr) found.push_back(parameter);
  }
  return found;
}

bool is_indexed(const ChosenFunction& function) { return !function.formula() || function.formula()->indexed(); }

std::vector<std::string> declared_variables(const ChosenFunction& function) {
  if (function.formula()) return function.formula()->variables();
  return {"x"};
}

/// Refuses a text that does not make a derivative of the function in n variables. Throws FormulaError.
void check_text(const std::string& text, const ChosenFunction& function, std::int64_t n) {
  const std::vector<std::string> variables = declared_variables(function);
  const Formula parsed = Formula::parse(text, {.variables = variables, .parameters = parameters_in(text, function)});
  if (parsed.outputs() != 1) {
    throw FormulaError(
        fmt::format("expected one formula, found {} with semicolons between them; give --gradient once "
                    "for each variable",
                    parsed.outputs()));
  }
  if (!is_indexed(function)) return;
  if (parsed.indexed()) {  // compiling finds an index that leaves 1 … n
    const Executor cpu = Executor::cpu(1);
    value(cpu, parsed, Batch<double>::from_host(cpu, std::vector<double>(static_cast<std::size_t>(n)), n));
  } else if (const NamesIn names(text); const formula::Token* const bare = names.find(variables.front())) {
    formula::fail(text, bare->begin, bare->end,
                  fmt::format("expected an index after {0}, as in {0}[1]", variables.front()));
  }
}

/// Which derivative: beside an index nobody has named the variables, so their names are told.
std::string place_of(std::size_t k, const ChosenFunction& function, const std::vector<std::string>& names) {
  const std::string all =
      is_indexed(function) && names.size() > 1 ? fmt::format(" of {} to {}", names.front(), names.back()) : "";
  return fmt::format("--gradient number {}, along {}{}: ", k + 1, names[k], all);
}

std::string joined(const std::vector<std::string>& texts) { return fmt::format("{}", fmt::join(texts, ";")); }

}  // namespace

Formula claimed_gradient(const std::vector<std::string>& texts, const ChosenFunction& function, std::int64_t n) {
  const std::vector<std::string> names = function.variables(n);
  if (static_cast<std::int64_t>(texts.size()) != n) {
    constexpr std::size_t most_named = 8;
    throw UsageError(
        fmt::format("--gradient: expected {} formula{}, one for each variable{}, found {}", n, n == 1 ? "" : "s",
                    names.size() > most_named ? "" : fmt::format(" ({})", fmt::join(names, ", ")), texts.size()));
  }
  for (std::size_t k = 0; k < texts.size(); ++k) {
    try {
      check_text(texts[k], function, n);
    } catch (const FormulaError& error) {
      throw FormulaError(place_of(k, function, names) + error.what());
    }
  }
  const std::string text = joined(texts);
  const auto parameters = parameters_in(text, function);
  Formula whole = Formula::parse(text, {.variables = declared_variables(function), .parameters = parameters});
  if (!is_indexed(function) || whole.indexed()) return whole;
  // Constants only: any n names will do, which do not appear.
  std::vector<std::string> unused;
  for (std::int64_t i = 1; i <= n; ++i) unused.push_back(fmt::format("unused_{}", i));
  return Formula::parse(text, {.variables = unused, .parameters = parameters});
}

}  // namespace nabla::cli
