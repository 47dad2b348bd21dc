#pragma once

#include "operations.hpp"
#include "syntax.hpp"
#include "tokens.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

// How far a parser has come. Two stacks take the place of functions that call themselves, so that nesting is limited by
// a number and not by the machine's stack: operands that are complete, and frames for what was begun around them.

namespace nabla::formula {

/// What a frame waits for.
enum class Waiting : std::uint8_t {
  prefix,       // an operator for its operand
  infix,        // an operator for its right operand
  parenthesis,  // for ')'
  call,         // for ',' or ')'
  index,        // for ']'
  lower,        // sum or prod for the end of that argument, and likewise:
  upper,
  body,
  definition,  // let for 'in'
  let_body,    // let for the end of what is around it
};

struct Frame {
  Waiting waiting;
  Op op = Op::number;        // of operators, calls and repetitions; a prefix '+' has none
  int precedence = 0;        // of operators
  std::size_t token = 0;     // the first one; of infix operators the operator
  std::size_t name = 0;      // the token that sum, prod or let gives a meaning to
  std::size_t operands = 0;  // how many were complete before this one's first
};

/// A node where it stands in the text, with the parentheses around it.
struct CompleteOperand {
  NodeId node;
  std::int32_t begin, end;
};

struct Progress {
  std::string_view text;
  std::vector<Token> tokens;
  std::vector<Frame> frames = {};
  std::vector<CompleteOperand> operands = {};
  std::size_t at = 0;  // of the tokens

  const Token& here() const { return tokens[at]; }
  TokenKind next_kind() const { return tokens[std::min(at + 1, tokens.size() - 1)].kind; }

  std::string_view part(std::int32_t begin, std::int32_t end) const {
    return text.substr(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin));
  }
  std::string_view text_of(const Token& token) const { return part(token.begin, token.end); }
  std::string_view text_of(std::size_t token) const { return text_of(tokens[token]); }
};

}  // namespace nabla::formula
