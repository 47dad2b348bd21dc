#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

// What formulas are made of. Syntax trees (syntax.hpp) and graphs (graph.hpp) share these names.

namespace nabla::formula {

enum class Op : std::uint8_t {
  // leaves
  number,     // a double
  parameter,  // by its place in the list of parameters
  variable,   // of a syntax tree: by its place in the list of variables, or x[e]; of a graph: by an affine index
  index,      // a running index as a number, by the level of its repetition; in a syntax tree also `n`
  data,       // a number of an element of a sum, by its place in the list of data
  // one argument
  negate,
  sqrt,
  cbrt,
  exp,
  expm1,
  log,
  log1p,
  log2,
  log10,
  sin,
  cos,
  tan,
  asin,
  acos,
  atan,
  sinh,
  cosh,
  tanh,
  asinh,
  acosh,
  atanh,
  erf,
  erfc,
  abs,
  sign,
  // two arguments
  add,
  subtract,
  multiply,
  divide,
  power,
  less,
  less_equal,
  greater,
  greater_equal,
  equal,
  not_equal,
  atan2,
  hypot,
  // two or more
  min,
  max,
  // three: condition, value if it is not 0, value if it is
  where,
  // repetitions: bounds and a body
  sum,
  product,
  // only in graphs:
  guarded_multiply,  // a product that is 0 if either factor is, whatever the other one is
  direction,         // a component of the direction that a derivative is taken along, by an affine index
};

/// More repetitions inside one another than this are refused.
inline constexpr int most_levels = 16;

/// How a function is called in a formula.
struct FunctionName {
  std::string_view name;
  Op op;
  int least_arguments;
  int most_arguments;  // -1: any number
};

/// All functions with arguments in parentheses, `where` included, `sum` and `prod` not.
std::span<const FunctionName> function_names();
std::optional<FunctionName> find_function(std::string_view name);

/// The function's or operator's name in a formula: "sqrt", "+", "<=".
std::string_view text_of(Op op);

constexpr bool is_comparison(Op op) { return op >= Op::less && op <= Op::not_equal; }
constexpr bool is_unary(Op op) { return op >= Op::negate && op <= Op::sign; }
constexpr bool is_repetition(Op op) { return op == Op::sum || op == Op::product; }

}  // namespace nabla::formula
