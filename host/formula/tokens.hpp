#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace nabla::formula {

enum class TokenKind : std::uint8_t {
  end,  // of the text: empty, right after the last token
  number,
  name,
  let,
  in,
  plus,
  minus,
  times,
  divide,
  power,
  less,
  less_equal,
  greater,
  greater_equal,
  equal,
  not_equal,
  assign,
  open,
  close,
  open_index,
  close_index,
  comma,
  semicolon,
  unknown,  // one code point that no formula has outside comments
};

struct Token {
  TokenKind kind;
  std::int32_t begin, end;  // in bytes
  double number = 0;
};

/// The tokens of a text in UTF-8, with one of kind `end` after them. `#` begins a comment if there may be comments.
/// Throws FormulaError for a number that is too large.
std::vector<Token> tokens_of(std::string_view text, bool comments);

}  // namespace nabla::formula
