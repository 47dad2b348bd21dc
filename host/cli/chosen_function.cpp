#include "chosen_function.hpp"

#include "../formula/cuda/nvrtc.hpp"
#include "names_in.hpp"
#include "numbers.hpp"

#include <fmt/format.h>

#include <nabla/check.hpp>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>

namespace nabla::cli {

void FunctionOptions::declare(Arguments& arguments) {
  arguments.section("which function (one of)");
  arguments.value("--function", "NAME", "a built-in function; 'nabla functions' lists them", function);
  arguments.value("--formula", "TEXT", "a function as text, as in \"x^2*y + sin(x*y)\"", formula);
  arguments.value("--formula-file", "FILE", "a function as text in a file, - for standard input", formula_file);
  arguments.section("about the function");
  arguments.value("--dimension", "N", "number of variables (default: the function's, or that of the points)",
                  dimension);
  arguments.value("--variables", "X,Y,...", "names and order of a formula's variables (default: as they appear)",
                  variables);
  arguments.values("--param", "NAME=VALUE", "a number that a formula's text refers to by name; may be repeated",
                   parameters);
}

namespace {

std::string name_of_file(const std::string& path) { return path == "-" ? "standard input" : path; }

std::string read_all(const std::string& path) {
  // One byte more than a formula may have is enough to refuse it.
  constexpr std::size_t most_bytes = (1 << 20) + 1;
  const bool standard_input = path == "-";
  std::ifstream file;
  if (!standard_input) {
    file.open(path, std::ios::binary);
    if (!file) throw FileError(name_of_file(path) + ": can't be read");
  }
  std::istream& from = standard_input ? std::cin : file;
  std::string text(most_bytes, '\0');
  from.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(from.gcount()));
  if (from.bad() || (text.empty() && !from.eof())) throw FileError(name_of_file(path) + ": can't be read");
  return text;
}

std::vector<std::string> split(std::string_view argument, const std::string& text) {
  std::vector<std::string> names;
  std::istringstream stream(text);
  for (std::string name; std::getline(stream, name, ',');) names.push_back(name);
  if (names.empty() || text.back() == ',')
    throw UsageError(fmt::format("{}: expected names, found '{}'", argument, text));
  return names;
}

std::pair<std::string, double> parse_parameter(const std::string& text) {
  const auto sign = text.find('=');
  if (sign == std::string::npos || sign == 0) {
    throw UsageError(fmt::format("--param: expected NAME=VALUE, found '{}'", text));
  }
  const std::vector<double> values = parse_numbers("--param", text.substr(sign + 1));
  if (values.size() != 1) throw UsageError(fmt::format("--param: expected one number, found '{}'", text));
  return {text.substr(0, sign), values.front()};
}

using Parameters = std::vector<std::pair<std::string, double>>;

/// All but those that appear in another text only: a formula refuses what does not appear in it.
Parameters parameters_of_formula(const std::string& text, bool comments, std::span<const std::string> more_texts,
                                 const Parameters& all) {
  if (all.empty() || more_texts.empty()) return all;
  const NamesIn in_formula(text, comments);
  const auto is_elsewhere = [&](const std::string& name) {
    return in_formula.find(name) == nullptr && std::ranges::any_of(more_texts, [&](const std::string& other) {
             return NamesIn::quietly(other).find(name) != nullptr;
           });
  };
  Parameters found;
  std::ranges::remove_copy_if(all, std::back_inserter(found), is_elsewhere, &Parameters::value_type::first);
  return found;
}

}  // namespace

ChosenFunction::ChosenFunction(const FunctionOptions& options, std::span<const std::string> more_texts) {
  const int given = options.function.has_value() + options.formula.has_value() + options.formula_file.has_value();
  if (given != 1) {
    throw UsageError(given == 0
                         ? "a function is needed: --function NAME or --formula TEXT; 'nabla functions' lists names"
                         : "expected one of --function, --formula and --formula-file, found several");
  }
  if (options.function) {
    if (options.variables) throw UsageError("--variables: is for formulas only");
    if (!options.parameters.empty()) throw UsageError("--param: is for formulas only");
    built_in_ = &find_function("--function", *options.function);
    name_ = built_in_->info.name;
    dimensions_ = built_in_->info.dimension;
    return;
  }
  FormulaOptions formula_options;
  formula_options.data = options.data;
  formula_options.comments = options.formula_file.has_value();
  if (options.variables) formula_options.variables = split("--variables", *options.variables);
  for (const std::string& text : options.parameters) parameters_.push_back(parse_parameter(text));
  const std::string text = options.formula ? *options.formula : read_all(*options.formula_file);
  try {
    formula_options.parameters = parameters_of_formula(text, formula_options.comments, more_texts, parameters_);
    formula_ = Formula::parse(text, formula_options);
  } catch (const FormulaError& error) {
    if (options.formula) throw;
    throw FormulaError(name_of_file(*options.formula_file) + ": " + error.what());
  }
  name_ = formula_->text();
  dimensions_ = formula_->indexed() ? functions::at_least(1) : functions::exactly(formula_->dimension());
}

void ChosenFunction::require_dimension(std::int64_t n, std::string_view argument) const {
  if (dimensions_.accepts(n)) return;
  const std::string who = built_in_ != nullptr ? name_ : "the formula";
  throw UsageError(fmt::format("{}: {} takes {} variables, found {}", argument, who, dimensions_.text(), n));
}

std::vector<std::string> ChosenFunction::variables(std::int64_t n) const {
  if (formula_ && !formula_->indexed()) return formula_->variables();
  const std::string name = formula_ ? formula_->variables().front() : "x";
  std::vector<std::string> names;
  for (std::int64_t i = 1; i <= n; ++i) names.push_back(fmt::format("{}[{}]", name, i));
  return names;
}

void ChosenFunction::screen(const Executor& where, const detail::LadderPlan<double>& plan,
                            const detail::Request<double>& request) const {
  if (formula_) return detail::screen<double>(where, *formula_, plan, request);
  built_in_->f64.screen(where, plan, request);
}

std::string automatic_executor(bool formulas) {
  const bool needs_nvrtc = formulas && Executor::why_no_cuda().empty();
  return needs_nvrtc && !formula::cuda::why_no_nvrtc().empty() ? "cpu" : "auto";
}

}  // namespace nabla::cli
