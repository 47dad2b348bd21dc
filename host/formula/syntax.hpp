#pragma once

#include "operations.hpp"

#include <nabla/formula.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// What a formula says, before the dimension is known. Nodes stand in the order in which they were completed: arguments
// before what uses them, so that every later pass is one loop over the nodes and no depth of nesting can overflow a
// stack. A node may be used many times (`let`).

namespace nabla::formula {

/// Of a syntax tree's nodes, by their place.
using NodeId = std::int32_t;

/// A place in the text: counted from 1, in code points.
struct Place {
  std::int32_t line;
  std::int32_t column;
};

struct SyntaxNode {
  Op op;
  // variable: the variable's place in Syntax::variables, or -1 for the indexed name; then the argument is the index.
  // parameter, data: its place in Syntax::parameters or Syntax::data.
  // index: the level of its repetition (0: the outermost), or -1 for `n`.
  // sum, product: the level; the arguments are the lower bound, the upper bound and the body.
  std::int32_t symbol = -1;
  double number = 0;
  std::int32_t first_argument = 0;  // in Syntax::arguments
  std::int32_t arguments = 0;       // how many
  std::int32_t begin = 0, end = 0;  // the part of the text it was made from, in bytes; for messages
};

struct Syntax {
  std::string text;
  std::vector<std::string> variables;  // in order; a single name if indexed
  bool indexed = false;                // the variable is one name with indices: x[1] … x[n]
  std::vector<std::string> parameters;
  std::vector<std::string> data;
  std::vector<SyntaxNode> nodes;
  std::vector<NodeId> arguments;
  std::vector<NodeId> outputs;

  NodeId argument(const SyntaxNode& node, int k) const {
    return arguments[static_cast<std::size_t>(node.first_argument) + static_cast<std::size_t>(k)];
  }
};

/// More parentheses, calls and operators inside one another than this are refused,
inline constexpr std::size_t most_nested = 10'000;
/// and longer texts, in bytes.
inline constexpr std::size_t longest_text = std::size_t{1} << 20;

/// Throws FormulaError, ready to be printed. With `comments`, as in a formula file, `#` begins a comment.
Syntax parse(std::string_view text, const std::vector<std::string>& variables,
             const std::vector<std::string>& parameters, bool comments = false,
             const std::vector<std::string>& data = {});

/// An error at bytes [begin, end) of the text: "line 1, column 5: unknown function 'sine'; did you mean sin?", the line
/// of the text, and carets under the part.
[[noreturn]] void fail(std::string_view text, std::int32_t begin, std::int32_t end, const std::string& what);

}  // namespace nabla::formula
