#include "tokens.hpp"

#include "syntax.hpp"
#include "text.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace nabla::formula {

namespace {

using enum TokenKind;

/// Longer ones before those that they begin with.
constexpr std::pair<std::string_view, TokenKind> symbols[] = {
    {"**", power},     {"<=", less_equal}, {">=", greater_equal}, {"==", equal},    {"!=", not_equal},
    {"+", plus},       {"-", minus},       {"*", times},          {"/", divide},    {"^", power},
    {"<", less},       {">", greater},     {"=", assign},         {"(", open},      {")", close},
    {"[", open_index}, {"]", close_index}, {",", comma},          {";", semicolon},
};

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Of a decimal literal that is not 0: whether it is 1 or more. Only for those that are far from 1.
bool is_large(std::string_view literal) {
  const std::size_t exponent_at = std::min(literal.find_first_of("eE"), literal.size());
  const std::string_view digits = literal.substr(0, exponent_at);
  const auto point = static_cast<std::int64_t>(std::min(digits.find('.'), digits.size()));
  const auto first = static_cast<std::int64_t>(std::min(digits.find_first_of("123456789"), digits.size()));
  std::string_view written = literal.substr(std::min(exponent_at + 1, literal.size()));
  if (written.starts_with('+')) written.remove_prefix(1);
  std::int64_t exponent = 0;
  const auto read = std::from_chars(written.data(), written.data() + written.size(), exponent);
  if (read.ec == std::errc::result_out_of_range) return !written.starts_with('-');
  return point - first + exponent > 0;
}

class Lexer {
 public:
  Lexer(std::string_view text, bool comments) : text_(text), comments_(comments) {}

  std::vector<Token> tokens() {
    std::vector<Token> found;
    if (text_.starts_with(byte_order_mark)) at_ = byte_order_mark.size();
    auto last_end = static_cast<std::int32_t>(at_);
    for (skip_blanks(); at_ < text_.size(); skip_blanks()) {
      found.push_back(next());
      last_end = found.back().end;
    }
    found.push_back({end, last_end, last_end});
    return found;
  }

 private:
  void skip_blanks() {
    while (at_ < text_.size()) {
      if (comments_ && text_[at_] == '#') {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (is_blank(text_[at_])) {
        ++at_;
      } else {
        return;
      }
    }
  }

  Token take(TokenKind kind, std::size_t length) {
    const std::size_t begin = at_;
    at_ += length;
    return {kind, static_cast<std::int32_t>(begin), static_cast<std::int32_t>(at_)};
  }

  Token next() {
    const std::string_view rest = text_.substr(at_);
    if (is_digit(rest[0]) || (rest[0] == '.' && rest.size() > 1 && is_digit(rest[1]))) return take_number();
    if (const std::size_t length = name_length(text_, at_)) return take(kind_of_word(rest.substr(0, length)), length);
    for (const auto& [symbol, kind] : symbols) {
      if (rest.starts_with(symbol)) return take(kind, symbol.size());
    }
    return take(unknown, static_cast<std::size_t>(code_point_at(text_, at_).bytes));
  }

  static TokenKind kind_of_word(std::string_view word) {
    if (word == "let") return let;
    return word == "in" ? in : name;
  }

  Token take_number() {
    const char* const first = text_.data() + at_;
    double value = 0;
    const auto [last, error] = std::from_chars(first, text_.data() + text_.size(), value);
    Token token = take(number, static_cast<std::size_t>(last - first));
    // The error does not say whether the number is too large or too small, which leaves it 0.
    const std::string_view literal(first, static_cast<std::size_t>(last - first));
    if (error == std::errc::result_out_of_range && is_large(literal)) {
      fail(text_, token.begin, token.end,
           "the number " + shortened(literal) + " is too large; doubles reach 1.7976931348623157e308");
    }
    token.number = value;
    return token;
  }

  std::string_view text_;
  bool comments_;
  std::size_t at_ = 0;
};

}  // namespace

std::vector<Token> tokens_of(std::string_view text, bool comments) { return Lexer(text, comments).tokens(); }

}  // namespace nabla::formula
