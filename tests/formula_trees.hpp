#pragma once

#include "../host/formula/syntax.hpp"

#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

// Trees as s-expressions, written by code that knows nothing of the grammar: (+ x (^ y 2)). Parameters are $a, running
// indices #0, #1, … by level, the number of variables #n.

namespace nabla::formula::test {

using List = std::vector<std::string>;

inline std::string name_of(const SyntaxNode& node) {
  if (node.op == Op::negate) return "neg";
  std::string name(text_of(node.op));
  if (is_repetition(node.op)) name += std::to_string(node.symbol);
  return name;
}

inline std::string leaf_text(const Syntax& syntax, const SyntaxNode& node) {
  std::ostringstream text;
  if (node.op == Op::number) text << node.number;
  if (node.op == Op::variable) text << syntax.variables.at(static_cast<std::size_t>(node.symbol));
  if (node.op == Op::parameter) text << '$' << syntax.parameters.at(static_cast<std::size_t>(node.symbol));
  if (node.op == Op::index) text << '#' << (node.symbol < 0 ? "n" : std::to_string(node.symbol));
  return text.str();
}

inline std::string tree(const Syntax& syntax, NodeId id) {
  const SyntaxNode& node = syntax.nodes.at(static_cast<std::size_t>(id));
  if (node.arguments == 0) return leaf_text(syntax, node);
  std::string text = "(" + (node.op == Op::variable ? syntax.variables.at(0) : name_of(node));
  for (int k = 0; k < node.arguments; ++k) text += " " + tree(syntax, syntax.argument(node, k));
  return text + ")";
}

/// All outputs, with " ; " between them.
inline std::string trees(const Syntax& syntax) {
  std::string text;
  for (const NodeId output : syntax.outputs) text += (text.empty() ? "" : " ; ") + tree(syntax, output);
  return text;
}

inline std::string trees(std::string_view text, const List& variables = {}, const List& parameters = {}) {
  return trees(parse(text, variables, parameters));
}

/// The whole message with which a formula is refused, or "accepted".
inline std::string message(std::string_view text, const List& variables = {}, const List& parameters = {},
                           bool comments = false) {
  try {
    parse(text, variables, parameters, comments);
    return "accepted";
  } catch (const FormulaError& error) {
    return error.what();
  }
}

/// Its first line.
inline std::string refusal(std::string_view text, const List& variables = {}, const List& parameters = {}) {
  const std::string all = message(text, variables, parameters);
  return all.substr(0, all.find('\n'));
}

inline std::string repeated(std::string_view part, std::size_t times) {
  std::string text;
  for (std::size_t k = 0; k < times; ++k) text += part;
  return text;
}

/// The value of a number that stands alone.
inline double number(const std::string& text) {
  const Syntax syntax = parse(text, {"x"}, {});
  const SyntaxNode& node = syntax.nodes.at(static_cast<std::size_t>(syntax.outputs.at(0)));
  EXPECT_EQ(node.op, Op::number) << text;
  return node.number;
}

inline std::string part_of(const Syntax& syntax, NodeId id) {
  const SyntaxNode& node = syntax.nodes.at(static_cast<std::size_t>(id));
  return syntax.text.substr(static_cast<std::size_t>(node.begin), static_cast<std::size_t>(node.end - node.begin));
}

}  // namespace nabla::formula::test
