#include "names.hpp"

#include "../nearest.hpp"
#include "operations.hpp"
#include "text.hpp"

#include <nabla/error.hpp>

#include <algorithm>
#include <numbers>

namespace nabla::formula {

namespace {

using Kind = Meaning::Kind;

bool is_constant(std::string_view name) { return name == "pi" || name == "e"; }

/// What is wrong with a declared name; empty if nothing is.
std::string objection(std::string_view name) {
  const bool begins_with_digit = !name.empty() && name[0] >= '0' && name[0] <= '9';
  if (name.empty() || begins_with_digit || name_length(name, 0) != name.size()) {
    return "is not a name; expected letters, digits and underscores, a digit not first";
  }
  if (is_reserved(name)) return "has a meaning of its own in formulas; expected another name";
  return "";
}

}  // namespace

bool is_reserved(std::string_view name) {
  return find_function(name) || name == "sum" || name == "prod" || name == "let" || name == "in";
}

Names::Names(const std::vector<std::string>& variables, const std::vector<std::string>& parameters,
             const std::vector<std::string>& data)
    : declared_(variables), parameters_(parameters), variables_(variables), used_(parameters.size()) {
  const auto declare = [&](const std::vector<std::string>& names, Kind kind, const std::string& kind_name) {
    for (std::size_t k = 0; k < names.size(); ++k) {
      const std::string& name = names[k];
      const std::string what = kind_name + " " + quoted(name) + " ";
      if (const std::string wrong = objection(name); !wrong.empty()) throw FormulaError(what + wrong);
      auto& meanings = meanings_[name];
      if (!meanings.empty()) {
        const Kind other = meanings[0].kind;
        throw FormulaError(what + (other == kind             ? "is given twice"
                                   : other == Kind::variable ? "is also a variable"
                                                             : "is also a parameter"));
      }
      meanings.push_back({kind, static_cast<std::int32_t>(k)});
    }
  };
  declare(variables, Kind::variable, "variable");
  declare(parameters, Kind::parameter, "parameter");
  declare(data, Kind::data, "data");
}

bool Names::may_be_indexed(std::string_view name) const {
  const auto found = meanings_.find(name);
  if (found != meanings_.end() && !found->second.empty()) return found->second.back().kind == Kind::variable;
  return !is_constant(name) && !is_reserved(name);
}

Meaning Names::find(std::string_view name) {
  const auto found = meanings_.find(name);
  if (found != meanings_.end() && !found->second.empty()) {
    const Meaning meaning = found->second.back();
    if (meaning.kind == Kind::parameter) used_[static_cast<std::size_t>(meaning.value)] = true;
    return meaning;
  }
  if (name == "n" && !indexed_.empty() && indexed_ != "n") return {Kind::dimension};
  if (is_constant(name)) return {Kind::constant, 0, name == "pi" ? std::numbers::pi : std::numbers::e};
  return {};
}

std::int32_t Names::add_variable(std::string_view name) {
  const auto place = static_cast<std::int32_t>(variables_.size());
  variables_.emplace_back(name);
  meanings_[name].push_back({Kind::variable, place});
  return place;
}

std::string Names::nearest_to(std::string_view name) const {
  std::vector<std::string> known;
  for (const auto& [candidate, meanings] : meanings_) {
    // Longer names are not mistyped, but take long to compare.
    if (!meanings.empty() && candidate.size() <= 64) known.emplace_back(candidate);
  }
  std::ranges::sort(known);  // of those at the same distance always the same one
  return detail::nearest(name, known);
}

void Names::require_parameters_used() const {
  const auto unused = std::ranges::find(used_, false);
  if (unused == used_.end()) return;
  const std::string& name = parameters_[static_cast<std::size_t>(unused - used_.begin())];
  throw FormulaError("parameter " + quoted(name) + " does not appear in the formula; expected one that does");
}

}  // namespace nabla::formula
