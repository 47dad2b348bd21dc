#include "refusals.hpp"

#include "../nearest.hpp"
#include "text.hpp"

#include <algorithm>
#include <utility>

namespace nabla::formula {

namespace {

using Kind = Meaning::Kind;

/// What people write for something that formulas write otherwise.
constexpr std::pair<std::string_view, std::string_view> spellings[] = {
    {"×", "*"},  {"·", "*"},  {"⋅", "*"},  {"÷", "/"},   {"−", "-"},   {"–", "-"}, {"²", "^2"}, {"³", "^3"},
    {"≤", "<="}, {"≥", ">="}, {"≠", "!="}, {"=<", "<="}, {"=>", ">="}, {"{", "("}, {"}", ")"},  {"√", "sqrt(…)"},
};

constexpr const char* an_operand = "expected a number, a name or '('";
constexpr const char* n_elsewhere = "n is the number of variables only beside an indexed name, as in x[1]";

/// How sum or prod is written; for any other operation, let.
std::string example(Op op) {
  if (!is_repetition(op)) return "as in let r = x^2 in r + 1/r";
  return "as in " + std::string(text_of(op)) + "(i, 1, n, x[i])";
}

std::string description(Kind kind) {
  switch (kind) {
    case Kind::variable:
      return "a variable";
    case Kind::parameter:
      return "a parameter";
    case Kind::data:
      return "a number of each element";
    case Kind::definition:
      return "defined by let";
    case Kind::running_index:
      return "a running index";
    case Kind::dimension:
      return "the number of variables";
    case Kind::constant:
      return "a constant";
    case Kind::unknown:
      break;
  }
  return "unknown";
}

/// The code point's number as Unicode writes it.
std::string code(char32_t c) {
  constexpr char digits[] = "0123456789ABCDEF";
  std::string number = "U+";
  for (int shift = c < 0x10000 ? 12 : 20; shift >= 0; shift -= 4) number += digits[c >> shift & 15U];
  return number;
}

/// A token for a message; with their number those that may be hard to tell from others.
std::string found(const Progress& progress, const Token& token) {
  if (token.kind == TokenKind::end) return "the end of the formula";
  const std::string_view text = progress.text_of(token);
  const char32_t c = code_point_at(text, 0).value;
  const bool is_plain = token.kind != TokenKind::unknown || (c >= 0x20 && c < 0x7f);
  return quoted(text) + (is_plain ? "" : " (" + code(c) + ")");
}

/// What somebody who wrote this token may write instead; empty or begins with "; ".
std::string hint(const Progress& progress, const Token& token) {
  const std::string_view rest = progress.text.substr(static_cast<std::size_t>(token.begin));
  for (const auto& [foreign, ours] : spellings) {
    if (rest.starts_with(foreign)) return "; write '" + std::string(ours) + "'";
  }
  if (rest.starts_with('#')) return "; comments are for formula files";
  if (token.kind == TokenKind::assign) return "; '=' follows the name after let, and to compare write '=='";
  return "";
}

/// What may come here, after an operand: by the innermost bracket or let around it.
std::string end_of_operand(const Progress& progress) {
  for (auto frame = progress.frames.rbegin(); frame != progress.frames.rend(); ++frame) {
    switch (frame->waiting) {
      case Waiting::parenthesis:
      case Waiting::body:
        return "an operator or ')'";
      case Waiting::call:
        return "an operator, ',' or ')'";
      case Waiting::index:
        return "an operator or ']'";
      case Waiting::lower:
      case Waiting::upper:
        return "an operator or ','";
      case Waiting::definition:
        return "an operator or 'in'";
      case Waiting::prefix:
      case Waiting::infix:
      case Waiting::let_body:
        break;  // these end with what is around them
    }
  }
  return "an operator, ';' or the end";
}

std::string expected_and_found(const Progress& progress) {
  return "expected " + end_of_operand(progress) + ", found " + found(progress, progress.here());
}

/// Of two operands side by side, as far as a message needs them.
std::string product(const Progress& progress, const Token& left, const Token& right) {
  std::string text = shortened(progress.text_of(left));
  if (left.kind == TokenKind::close) text = "(…)";
  if (left.kind == TokenKind::close_index) text = "x[…]";
  text += '*';
  if (right.kind == TokenKind::open) return text + "(…)";
  return text + shortened(progress.text_of(right)) + (progress.next_kind() == TokenKind::open ? "(…)" : "");
}

[[noreturn]] void refuse_empty_brackets(const Progress& progress) {
  const Frame& frame = progress.frames.back();
  if (frame.waiting == Waiting::call) refuse_count(progress, frame.token, 0);
  fail(progress.text, progress.tokens[progress.at - 1].begin, progress.here().end,
       "nothing in brackets; " + std::string(an_operand));
}

/// An end, but nothing was begun.
[[noreturn]] void refuse_stray_end(const Progress& progress) {
  const Token& token = progress.here();
  const std::string expected = "; expected " + end_of_operand(progress);
  switch (token.kind) {
    case TokenKind::comma:
      refuse(progress, token, "found ',' outside the parentheses of a function" + expected);
    case TokenKind::in:
      refuse(progress, token, "found 'in' without 'let' before it" + expected);
    case TokenKind::close_index:
      refuse(progress, token, "found ']' without '[' before it" + expected);
    default:
      refuse(progress, token, "found ')' without '(' before it" + expected);
  }
}

}  // namespace

void refuse(const Progress& progress, const Token& token, const std::string& what) {
  fail(progress.text, token.begin, token.end, what);
}

void refuse_operand(const Progress& progress) {
  const Token& token = progress.here();
  const bool at_end = token.kind == TokenKind::end;
  const bool first = progress.at == 0;
  if (first && at_end) refuse(progress, token, "the formula is empty; " + std::string(an_operand));
  const Token& before = progress.tokens[first ? 0 : progress.at - 1];
  const bool begins_output = first || before.kind == TokenKind::semicolon;
  if (begins_output && (at_end || token.kind == TokenKind::semicolon)) {
    refuse(progress, at_end ? before : token,
           "an output is empty; " + std::string(an_operand) + " on both sides of ';'");
  }
  const bool opened = before.kind == TokenKind::open || before.kind == TokenKind::open_index;
  if (opened && at_end) refuse_end(progress);
  const bool closed = token.kind == TokenKind::close || token.kind == TokenKind::close_index;
  if (opened && closed && (before.kind == TokenKind::open) == (token.kind == TokenKind::close)) {
    refuse_empty_brackets(progress);
  }
  refuse(progress, token,
         an_operand + (first ? "" : " after " + found(progress, before)) + ", found " + found(progress, token) +
             hint(progress, token));
}

void refuse_operator(const Progress& progress) {
  const Token& token = progress.here();
  const Token& before = progress.tokens[progress.at - 1];
  const std::string what = expected_and_found(progress);
  const bool after_number = before.kind == TokenKind::number && before.end == token.begin;
  if (after_number && token.kind == TokenKind::number) {
    fail(
        progress.text, before.begin, token.end,
        quoted(progress.part(before.begin, token.end)) + " is not a number; expected one such as 1, 1.5, .5 or 2.5e-3");
  }
  if (token.kind == TokenKind::open_index) {
    refuse(progress, token, what + "; only the name of the variables may have an index, as in x[1]");
  }
  const bool is_operand =
      token.kind == TokenKind::number || token.kind == TokenKind::name || token.kind == TokenKind::open;
  if (!is_operand) refuse(progress, token, what + hint(progress, token));
  fail(progress.text, after_number ? before.begin : token.begin, token.end,
       what + "; for a product write '" + product(progress, before, token) + "'");
}

void refuse_chain(const Progress& progress) {
  const CompleteOperand& left = progress.operands[progress.operands.size() - 2];
  const CompleteOperand& right = progress.operands.back();
  refuse(progress, progress.here(),
         "comparisons do not chain; expected parentheses, as in '(" + shortened(progress.part(left.begin, right.end)) +
             ") " + std::string(progress.text_of(progress.here())) + " …'");
}

void refuse_end(const Progress& progress) {
  const Token& token = progress.here();
  const auto lets = [](const Frame& frame) { return frame.waiting == Waiting::definition; };
  const bool stray_in = token.kind == TokenKind::in && std::ranges::none_of(progress.frames, lets);
  if (progress.frames.empty() || stray_in) refuse_stray_end(progress);

  const Frame& frame = progress.frames.back();
  const bool repetition = is_repetition(frame.op);
  std::string what = expected_and_found(progress);
  if (frame.waiting == Waiting::definition) {
    refuse(progress, token, what + " after the definition of " + quoted(progress.text_of(frame.name)));
  }
  if (token.kind == TokenKind::comma) {
    what += repetition ? "; " + std::string(text_of(frame.op)) + " takes 4 arguments, " + example(frame.op)
            : frame.waiting == Waiting::index ? "; variables have one index"
                                              : "; only functions have several arguments";
    refuse(progress, token, what);
  }
  if (repetition && frame.waiting != Waiting::body && token.kind == TokenKind::close) {
    refuse_count(progress, frame.token, progress.operands.size() - frame.operands + 1);
  }
  const Token& bracket = progress.tokens[frame.waiting == Waiting::parenthesis ? frame.token : frame.token + 1];
  refuse(progress, bracket, "this " + found(progress, bracket) + " is not closed: " + what);
}

void refuse_count(const Progress& progress, std::size_t first, std::size_t count) {
  const std::string_view name = progress.text_of(first);
  std::string takes = "4 arguments, " + example(name == "sum" ? Op::sum : Op::product);
  if (const auto function = find_function(name)) {
    takes = std::to_string(function->least_arguments) + (function->most_arguments < 0 ? " or more" : "") +
            (function->most_arguments == 1 ? " argument" : " arguments");
  }
  fail(progress.text, progress.tokens[first].begin, progress.here().end,
       std::string(name) + " takes " + takes + "; found " + (count == 0 ? "none" : std::to_string(count)));
}

void refuse_beginning(const Progress& progress, const Token& token, const std::string& what, Op op) {
  const bool reserved = token.kind == TokenKind::name && is_reserved(progress.text_of(token));
  refuse(progress, token,
         "expected " + what + ", " + example(op) + "; found " + found(progress, token) +
             (reserved ? ", which is a function" : ""));
}

void refuse_bare_function(const Progress& progress) {
  const std::string name(progress.text_of(progress.at));
  const bool repetition = name == "sum" || name == "prod";
  refuse(progress, progress.here(),
         quoted(name) + " is a function; expected its arguments in parentheses, as in " + name +
             (repetition ? "(i, 1, n, x[i])" : "(…)"));
}

void refuse_unknown_function(const Progress& progress) {
  std::vector<std::string> known;
  for (const FunctionName& function : function_names()) known.emplace_back(function.name);
  known.insert(known.end(), {"sum", "prod"});
  const std::string_view name = progress.text_of(progress.at);
  const std::string near = detail::nearest(name, known);
  const bool has_little_in_common = detail::edit_distance(name.substr(0, 64), near) >= static_cast<int>(name.size());
  refuse(progress, progress.here(),
         "unknown function " + quoted(name) + "; did you mean " + near +
             (has_little_in_common ? ", or the product '" + shortened(name) + "*(…)'?" : "?"));
}

void refuse_unknown_variable(const Progress& progress, const Names& names) {
  const std::string_view name = progress.text_of(progress.at);
  const std::string near = names.nearest_to(name);
  refuse(progress, progress.here(),
         "unknown variable " + quoted(name) + (near.empty() ? "" : "; did you mean " + near + "?") +
             (name == "n" ? std::string(" ") + n_elsewhere : ""));
}

void refuse_call(const Progress& progress, const Meaning& meaning) {
  const std::string_view name = progress.text_of(progress.at);
  refuse(progress, progress.here(),
         quoted(name) + " is " + description(meaning.kind) + ", not a function; for a product write '" +
             shortened(name) + "*(…)'");
}

void refuse_index(const Progress& progress, const Names& names, const Meaning& meaning) {
  const std::string name = quoted(progress.text_of(progress.at));
  if (meaning.kind == Kind::unknown) {
    refuse(progress, progress.here(),
           name + " has an index, and so has " + quoted(names.indexed()) + "; expected a single name with indices");
  }
  if (meaning.kind == Kind::variable) {
    refuse(progress, progress.here(),
           name + " is one of several variables; expected no index, or a single variable x for x[1], x[2], …");
  }
  refuse(progress, progress.here(),
         name + " is " + description(meaning.kind) +
             "; expected no index, which only the name of the variables may have, as in x[1]");
}

void refuse_beside_indexed(const Progress& progress, const Names& names) {
  const std::string indexed = shortened(names.indexed());
  refuse(progress, progress.here(),
         "unknown name " + quoted(progress.text_of(progress.at)) + ": the variables are " + indexed + "[1] … " +
             indexed + "[n], and no others can stand beside them; expected one of these, or a declared parameter");
}

void refuse_in_integer(const Progress& progress, const Meaning& meaning) {
  const std::string_view name = progress.text_of(progress.at);
  const std::string expected = "; expected integers, n and the running indices around an index or a bound";
  if (meaning.kind != Kind::unknown) {
    refuse(progress, progress.here(), quoted(name) + " is " + description(meaning.kind) + expected);
  }
  refuse(progress, progress.here(), name == "n" ? n_elsewhere : "unknown index " + quoted(name) + expected);
}

}  // namespace nabla::formula
