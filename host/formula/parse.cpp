#include "names.hpp"
#include "progress.hpp"
#include "refusals.hpp"
#include "syntax.hpp"
#include "text.hpp"
#include "tokens.hpp"

#include <algorithm>
#include <utility>

// Operator precedence: where an operator or an end comes, the operators before it that bind more tightly become nodes.

namespace nabla::formula {

namespace {

using Kind = Meaning::Kind;

struct Infix {
  TokenKind token;
  Op op;
  int precedence;
};

// Frames of anything but operators have precedence 0: no operator ends them.
constexpr int comparison_precedence = 1;
constexpr int prefix_precedence = 4;
constexpr Infix infixes[] = {
    {TokenKind::less, Op::less, comparison_precedence},
    {TokenKind::less_equal, Op::less_equal, comparison_precedence},
    {TokenKind::greater, Op::greater, comparison_precedence},
    {TokenKind::greater_equal, Op::greater_equal, comparison_precedence},
    {TokenKind::equal, Op::equal, comparison_precedence},
    {TokenKind::not_equal, Op::not_equal, comparison_precedence},
    {TokenKind::plus, Op::add, 2},
    {TokenKind::minus, Op::subtract, 2},
    {TokenKind::times, Op::multiply, 3},
    {TokenKind::divide, Op::divide, 3},
    {TokenKind::power, Op::power, 5},
};

class Parser {
 public:
  Parser(std::string_view text, const std::vector<std::string>& variables, const std::vector<std::string>& parameters,
         bool comments, const std::vector<std::string>& data)
      : progress_{.text = text, .tokens = tokens_of(text, comments)}, names_(variables, parameters, data) {
    syntax_.text = text;
    syntax_.parameters = parameters;
    syntax_.data = data;
  }

  Syntax parse() {
    find_indexed_name();
    while (!done_) {
      if (wants_operand_) {
        read_operand();
      } else {
        read_operator();
      }
    }
    names_.require_parameters_used();
    if (names_.variables().empty()) {
      fail(progress_.text, progress_.tokens.front().begin, progress_.tokens.back().end,
           "the formula has no variable; expected one, or declared ones, as with --variables x");
    }
    syntax_.variables = names_.variables();
    syntax_.indexed = !names_.indexed().empty();
    return std::move(syntax_);
  }

 private:
  const Token& here() const { return progress_.here(); }

  /// The first name with an index after it says for the whole text whether `n` is the number of variables.
  void find_indexed_name() {
    const auto& tokens = progress_.tokens;
    for (std::size_t k = 0; k + 1 < tokens.size(); ++k) {
      if (tokens[k].kind != TokenKind::name || tokens[k + 1].kind != TokenKind::open_index) continue;
      const std::string_view name = progress_.text_of(k);
      if (names_.may_be_indexed(name)) return names_.set_indexed(name);
    }
  }

  // ------------------------------------------------------------------------------------------- nodes and frames

  /// Makes a node of the operands from `first` on.
  void complete(SyntaxNode node, std::size_t first) {
    auto& operands = progress_.operands;
    node.first_argument = static_cast<std::int32_t>(syntax_.arguments.size());
    node.arguments = static_cast<std::int32_t>(operands.size() - first);
    for (std::size_t k = first; k < operands.size(); ++k) syntax_.arguments.push_back(operands[k].node);
    operands.resize(first);
    syntax_.nodes.push_back(node);
    add_operand({static_cast<NodeId>(syntax_.nodes.size() - 1), node.begin, node.end});
  }

  void add_operand(CompleteOperand operand) {
    progress_.operands.push_back(operand);
    wants_operand_ = false;
  }

  /// The token here is an operand by itself.
  void complete_leaf(SyntaxNode node) {
    node.begin = here().begin;
    node.end = here().end;
    ++progress_.at;
    complete(node, progress_.operands.size());
  }

  /// Begins, with so many tokens, something that waits for an operand.
  void begin(Frame frame, std::size_t tokens) {
    if (progress_.frames.size() == most_nested) {
      refuse(progress_, here(),
             "too deep: expected at most " + std::to_string(most_nested) +
                 " parentheses, calls and operators inside one another");
    }
    frame.token = progress_.at;
    frame.operands = progress_.operands.size() - (frame.waiting == Waiting::infix ? 1 : 0);
    progress_.frames.push_back(frame);
    want_operand_after(tokens);
  }
  void want_operand_after(std::size_t tokens) {
    progress_.at += tokens;
    wants_operand_ = true;
  }

  // ---------------------------------------------------------------------------------------------------- operands

  void read_operand() {
    switch (here().kind) {
      case TokenKind::number:
        return complete_leaf({.op = Op::number, .number = here().number});
      case TokenKind::name:
        return read_name();
      case TokenKind::plus:
        return begin({.waiting = Waiting::prefix, .precedence = prefix_precedence}, 1);
      case TokenKind::minus:
        return begin({.waiting = Waiting::prefix, .op = Op::negate, .precedence = prefix_precedence}, 1);
      case TokenKind::open:
        return begin({.waiting = Waiting::parenthesis}, 1);
      case TokenKind::let:
        return begin_let();
      default:
        refuse_operand(progress_);
    }
  }

  void read_name() {
    const std::string_view name = progress_.text_of(here());
    const Meaning meaning = names_.find(name);
    if (progress_.next_kind() == TokenKind::open) return begin_call(name, meaning);
    if (meaning.kind == Kind::unknown && is_reserved(name)) refuse_bare_function(progress_);
    if (integers_ > 0) require_integer(meaning);
    if (progress_.next_kind() == TokenKind::open_index) return begin_index(name, meaning);
    read_plain_name(name, meaning);
  }

  /// Indices and bounds hold nothing that points or parameters change.
  void require_integer(const Meaning& meaning) const {
    if (meaning.kind == Kind::variable || meaning.kind == Kind::parameter || meaning.kind == Kind::data) {
      refuse_in_integer(progress_, meaning);
    }
    if (meaning.kind != Kind::unknown) return;
    const bool indexed = progress_.text_of(here()) == names_.indexed();
    refuse_in_integer(progress_, {indexed ? Kind::variable : Kind::unknown});
  }

  void read_plain_name(std::string_view name, const Meaning& meaning) {
    const bool is_variable = meaning.kind == Kind::unknown || meaning.kind == Kind::variable;
    if (is_variable && name == names_.indexed()) {
      refuse(progress_, here(), quoted(name) + " has indices elsewhere; expected one here too, as in x[1]");
    }
    switch (meaning.kind) {
      case Kind::unknown:
        return complete_leaf({.op = Op::variable, .symbol = new_variable(name)});
      case Kind::variable:
        return complete_leaf({.op = Op::variable, .symbol = meaning.value});
      case Kind::parameter:
        return complete_leaf({.op = Op::parameter, .symbol = meaning.value});
      case Kind::data:
        return complete_leaf({.op = Op::data, .symbol = meaning.value});
      case Kind::running_index:
        return complete_leaf({.op = Op::index, .symbol = meaning.value});
      case Kind::dimension:
        return complete_leaf({.op = Op::index});
      case Kind::constant:
        return complete_leaf({.op = Op::number, .number = meaning.number});
      case Kind::definition:
        add_operand({meaning.value, here().begin, here().end});
        ++progress_.at;
    }
  }

  std::int32_t new_variable(std::string_view name) {
    if (!names_.indexed().empty()) refuse_beside_indexed(progress_, names_);
    if (names_.variables_are_declared()) refuse_unknown_variable(progress_, names_);
    return names_.add_variable(name);
  }

  // ------------------------------------------------------------------------------------- what begins with a name

  void begin_call(std::string_view name, const Meaning& meaning) {
    if (meaning.kind != Kind::unknown) refuse_call(progress_, meaning);
    if (name == "sum") return begin_repetition(Op::sum);
    if (name == "prod") return begin_repetition(Op::product);
    const auto function = find_function(name);
    if (!function) refuse_unknown_function(progress_);
    begin({.waiting = Waiting::call, .op = function->op}, 2);
  }

  void begin_index(std::string_view name, const Meaning& meaning) {
    if (meaning.kind == Kind::unknown) {
      if (names_.variables_are_declared()) refuse_unknown_variable(progress_, names_);
      if (name != names_.indexed()) refuse_index(progress_, names_, meaning);
      names_.add_variable(name);
    } else if (meaning.kind != Kind::variable || names_.variables().size() > 1) {
      refuse_index(progress_, names_, meaning);
    }
    ++integers_;
    begin({.waiting = Waiting::index, .op = Op::variable}, 2);
  }

  void begin_repetition(Op op) {
    const std::size_t first = progress_.at;
    require_or_count(first, first + 2, TokenKind::name, "the name of the running index", op);
    require_or_count(first, first + 3, TokenKind::comma, "',' after the running index", op);
    ++integers_;
    begin({.waiting = Waiting::lower, .op = op, .name = first + 2}, 4);
  }

  /// A certain token in a repetition's head; if the repetition ends instead, it has too few arguments.
  void require_or_count(std::size_t first, std::size_t token, TokenKind kind, const std::string& what, Op op) {
    if (progress_.tokens[token].kind == TokenKind::close) {
      progress_.at = token;
      refuse_count(progress_, first, token - first - 2);
    }
    require(token, kind, what, op);
  }

  void require(std::size_t token, TokenKind kind, const std::string& what, Op op) const {
    const Token& found = progress_.tokens[token];
    const bool reserved = kind == TokenKind::name && is_reserved(progress_.text_of(found));
    if (found.kind != kind || reserved) refuse_beginning(progress_, found, what, op);
  }

  void begin_let() {
    const std::size_t name = progress_.at + 1;
    require(name, TokenKind::name, "a name after let", Op::number);
    require(name + 1, TokenKind::assign, "'=' after the name", Op::number);
    begin({.waiting = Waiting::definition, .name = name}, 3);
  }

  // --------------------------------------------------------------------------------------------------- operators

  void read_operator() {
    const auto* const infix = std::ranges::find(infixes, here().kind, &Infix::token);
    if (infix != std::end(infixes)) return begin_infix(*infix);
    switch (here().kind) {
      case TokenKind::close:
      case TokenKind::close_index:
      case TokenKind::comma:
      case TokenKind::semicolon:
      case TokenKind::in:
      case TokenKind::end:
        return read_end();
      default:
        refuse_operator(progress_);
    }
  }

  void begin_infix(const Infix& infix) {
    const bool associates_to_left = infix.op != Op::power && !is_comparison(infix.op);
    finish_operators(associates_to_left ? infix.precedence : infix.precedence + 1);
    const auto& frames = progress_.frames;
    if (is_comparison(infix.op) && !frames.empty() && is_comparison(frames.back().op)) refuse_chain(progress_);
    begin({.waiting = Waiting::infix, .op = infix.op, .precedence = infix.precedence}, 1);
  }

  /// Makes nodes of the last operators that bind at least so tightly.
  void finish_operators(int precedence) {
    auto& frames = progress_.frames;
    while (!frames.empty() && frames.back().precedence >= precedence) {
      const Frame frame = frames.back();
      frames.pop_back();
      CompleteOperand& first = progress_.operands[frame.operands];
      const std::int32_t end = progress_.operands.back().end;
      if (frame.waiting == Waiting::prefix) first.begin = progress_.tokens[frame.token].begin;
      if (frame.op != Op::number) complete({.op = frame.op, .begin = first.begin, .end = end}, frame.operands);
    }
  }

  /// Ends whatever may end at any end: operators, and bodies of let.
  void finish_expression() {
    finish_operators(1);
    auto& frames = progress_.frames;
    while (!frames.empty() && frames.back().waiting == Waiting::let_body) {
      names_.uncover(progress_.text_of(frames.back().name));
      frames.pop_back();
      finish_operators(1);
    }
  }

  // -------------------------------------------------------------------------------------------------------- ends

  void read_end() {
    finish_expression();
    const TokenKind kind = here().kind;
    if (progress_.frames.empty()) {
      if (kind == TokenKind::semicolon || kind == TokenKind::end) return end_output();
      refuse_end(progress_);
    }
    Frame& frame = progress_.frames.back();
    const auto is = [&](Waiting waiting, TokenKind end) { return frame.waiting == waiting && kind == end; };
    if (is(Waiting::parenthesis, TokenKind::close)) return end_parenthesis();
    if (is(Waiting::call, TokenKind::comma)) return want_operand_after(1);
    if (is(Waiting::call, TokenKind::close)) return end_call();
    if (is(Waiting::index, TokenKind::close_index)) return end_index();
    if (is(Waiting::lower, TokenKind::comma)) return end_lower(frame);
    if (is(Waiting::upper, TokenKind::comma)) return end_upper(frame);
    if (is(Waiting::body, TokenKind::close)) return end_body();
    if (is(Waiting::definition, TokenKind::in)) return end_definition(frame);
    refuse_end(progress_);
  }

  void end_output() {
    syntax_.outputs.push_back(progress_.operands.back().node);
    progress_.operands.pop_back();
    done_ = here().kind == TokenKind::end;
    if (!done_) want_operand_after(1);
  }

  void end_parenthesis() {
    progress_.operands.back().begin = progress_.tokens[progress_.frames.back().token].begin;
    progress_.operands.back().end = here().end;
    progress_.frames.pop_back();
    ++progress_.at;
  }

  /// Makes a node of the last frame's operands and of the text from its first token to this one.
  void end_frame(SyntaxNode node) {
    const Frame frame = progress_.frames.back();
    progress_.frames.pop_back();
    node.begin = progress_.tokens[frame.token].begin;
    node.end = here().end;
    ++progress_.at;
    complete(node, frame.operands);
  }

  void end_call() {
    const Frame& frame = progress_.frames.back();
    const auto function = find_function(progress_.text_of(frame.token));
    const std::size_t count = progress_.operands.size() - frame.operands;
    const bool too_few = count < static_cast<std::size_t>(function->least_arguments);
    const bool too_many = function->most_arguments >= 0 && count > static_cast<std::size_t>(function->most_arguments);
    if (too_few || too_many) refuse_count(progress_, frame.token, count);
    end_frame({.op = frame.op});
  }

  void end_index() {
    --integers_;
    end_frame({.op = Op::variable});
  }

  void end_lower(Frame& frame) {
    frame.waiting = Waiting::upper;
    want_operand_after(1);
  }

  void end_upper(Frame& frame) {
    if (levels_ == most_levels) {
      refuse(progress_, progress_.tokens[frame.token],
             "too many repetitions inside one another: expected at most " + std::to_string(most_levels));
    }
    names_.define(progress_.text_of(frame.name), {Kind::running_index, levels_});
    ++levels_;
    --integers_;
    frame.waiting = Waiting::body;
    want_operand_after(1);
  }

  void end_body() {
    --levels_;
    names_.uncover(progress_.text_of(progress_.frames.back().name));
    end_frame({.op = progress_.frames.back().op, .symbol = levels_});
  }

  void end_definition(Frame& frame) {
    names_.define(progress_.text_of(frame.name), {Kind::definition, progress_.operands.back().node});
    progress_.operands.pop_back();
    frame.waiting = Waiting::let_body;
    want_operand_after(1);
  }

  Progress progress_;
  Names names_;
  Syntax syntax_;
  std::int32_t levels_ = 0;    // repetitions in whose body this is
  std::int32_t integers_ = 0;  // bounds and indices in which this is
  bool wants_operand_ = true;
  bool done_ = false;
};

}  // namespace

Syntax parse(std::string_view text, const std::vector<std::string>& variables,
             const std::vector<std::string>& parameters, bool comments, const std::vector<std::string>& data) {
  if (text.size() > longest_text) {
    const auto end = static_cast<std::int32_t>(longest_text);
    fail(text.substr(0, longest_text + 1), end, end + 1,
         "too long: expected at most " + std::to_string(longest_text) + " bytes (1 MiB), found " +
             std::to_string(text.size()));
  }
  require_text(text);
  return Parser(text, variables, parameters, comments, data).parse();
}

}  // namespace nabla::formula
