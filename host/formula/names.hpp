#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

// What the names in a formula mean. From the strongest to the weakest:
//   - what the nearest `let`, `sum` or `prod` around them says;
//   - declared parameters, variables and data;
//   - `n`, the number of variables, in a formula with an indexed name, x[1] … x[n]. In one without, or with n[1] …, n
//   is
//     a name like any other: a variable by appearing, or an unknown one where variables are declared;
//   - the constants pi and e;
//   - variables by appearing, unless they are declared.
// Names of functions, sum, prod, let and in mean nothing else, ever.

namespace nabla::formula {

struct Meaning {
  enum class Kind : std::uint8_t { unknown, variable, parameter, data, definition, running_index, dimension, constant };
  Kind kind = Kind::unknown;
  // variable, parameter, data: its place in the list. definition: the node. running_index: the level.
  std::int32_t value = 0;
  double number = 0;  // constant
};

/// Whether it is a function's name or a word of the grammar.
bool is_reserved(std::string_view name);

class Names {
 public:
  /// Throws FormulaError unless these are different names. The lists have to live as long as this does.
  Names(const std::vector<std::string>& variables, const std::vector<std::string>& parameters,
        const std::vector<std::string>& data);

  /// Whether a name that has an index after it is, for all that is declared, a variable.
  bool may_be_indexed(std::string_view name) const;
  void set_indexed(std::string_view name) { indexed_ = name; }
  std::string_view indexed() const { return indexed_; }

  /// A parameter that was found counts as used.
  Meaning find(std::string_view name);

  /// A variable by appearing; returns its place.
  std::int32_t add_variable(std::string_view name);
  /// Hides what the name meant so far. The name has to live until it is uncovered.
  void define(std::string_view name, Meaning meaning) { meanings_[name].push_back(meaning); }
  /// Undoes the last definition.
  void uncover(std::string_view name) { meanings_[name].pop_back(); }

  bool variables_are_declared() const { return !declared_.empty(); }
  const std::vector<std::string>& variables() const { return variables_; }
  /// Of what has a meaning here, the name most like this one; empty if nothing has.
  std::string nearest_to(std::string_view name) const;
  /// Throws FormulaError if a parameter was never found.
  void require_parameters_used() const;

 private:
  const std::vector<std::string>& declared_;  // variables
  const std::vector<std::string>& parameters_;
  std::vector<std::string> variables_;
  std::vector<bool> used_;  // for each parameter
  std::string_view indexed_;
  std::unordered_map<std::string_view, std::vector<Meaning>> meanings_;  // the strongest last
};

}  // namespace nabla::formula
