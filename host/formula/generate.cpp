#include "generate.hpp"

#include "definition.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <vector>

namespace nabla::formula {

namespace {

using Code = Instruction::Code;
using Kind = Operand::Kind;

/// A number as a literal that is a double and keeps its sign, zeros included.
std::string literal(double x) {
  if (std::isnan(x)) return "std::numeric_limits<double>::quiet_NaN()";
  if (std::isinf(x)) return std::string(x < 0 ? "-" : "") + "std::numeric_limits<double>::infinity()";
  char digits[32];
  std::string text(digits, std::to_chars(digits, digits + sizeof digits, x).ptr);
  return text.find_first_of(".e") == std::string::npos ? text + ".0" : text;
}

/// One program as the statements of a function: a functor's value or gradient, in terms of scalars and of the names
/// that people use; an element's value, the same with data, where what does not move with the variables is of a type
/// without tangents, C; or what computes all rows of a body, in terms of plain numbers and Math, which compile an order
/// of magnitude faster than scalars that are classes.
class Statements {
 public:
  enum class Of { functor, element, body };
  /// `variables`: of an element, after which its data come.
  Statements(const Program& program, Of of, std::int64_t variables = 0)
      : program_(program),
        of_(of),
        variables_(variables),
        moves_(static_cast<std::size_t>(program.slots), !is_element()) {
    while (is_element() && find_what_moves()) {
    }
  }

  std::string run() {
    declare(true, "S");
    declare(false, "C");
    if (!is_body()) line("S value = 0;");
    for (auto next = program_.instructions.begin(); next != program_.instructions.end();) {
      const Instruction& i = *next++;
      if (is_element() && (i.op == Op::min || i.op == Op::max)) {
        next = extreme(next);
      } else if (i.code == Code::loop) {
        begin_loop(program_.loop(i));
      } else if (i.code == Code::end) {
        indent_.resize(indent_.size() - 2);
        line("}");
      } else {
        statement(i);
      }
    }
    if (!is_body()) line("return value;");
    return std::move(text_);
  }

 private:
  void line(const std::string& text) { text_ += indent_ + text + "\n"; }

  /// The slots that move, or those that don't.
  void declare(bool moving, const std::string& type) {
    std::string slots;
    for (std::size_t slot = 0; slot < moves_.size(); ++slot) {
      if (moves_[slot] == moving) slots += (slots.empty() ? " s" : ", s") + std::to_string(slot) + " = 0";
    }
    if (!slots.empty()) line(type + slots + ";");
  }

  bool moves(const Operand& o) const {
    if (o.kind == Kind::slot) return moves_[static_cast<std::size_t>(o.place)];
    return o.kind == Kind::row || (o.kind == Kind::variable && !is_data(o));
  }
  bool is_data(const Operand& o) const {
    const Whole& component = program_.whole(o);
    return is_element() && component.terms == 0 && component.constant >= variables_;
  }
  /// Marks slots that something is stored in that moves with the variables. Whether any was new.
  bool find_what_moves() {
    bool found = false;
    const auto mark = [&](const Operand& out) {
      if (out.kind != Kind::slot || moves(out)) return;
      moves_[static_cast<std::size_t>(out.place)] = found = true;
    };
    for (const Instruction& i : program_.instructions) {
      if (i.code == Code::loop || i.code == Code::end) continue;
      const bool two = i.code == Code::sine_and_cosine;  // whose b is a result too
      if (!moves(i.a) && (two || (!moves(i.b) && !moves(i.c)))) continue;
      mark(i.out);
      if (two) mark(i.b);
    }
    return found;
  }

  std::string whole(const Whole& whole, std::int64_t offset = 0) const {
    std::string text;
    for (const auto& [level, c] : program_.terms_of(whole)) {
      text += (text.empty() ? "" : " + ") + (c == 1 ? "" : std::to_string(c) + " * ") + "i" + std::to_string(level);
    }
    const std::int64_t constant = whole.constant + offset;
    if (text.empty()) return std::to_string(constant);
    if (constant != 0) text += (constant > 0 ? " + " : " - ") + std::to_string(constant > 0 ? constant : -constant);
    return text;
  }

  void begin_loop(const Loop& loop) {
    const std::string index = "i" + std::to_string(loop.level);
    line("for (long long " + index + " = " + whole(loop.lower) + "; " + index + " <= " + whole(loop.upper) + "; ++" +
         index + ") {");
    indent_ += "  ";
  }

  std::string operand(const Operand& o) const {
    switch (o.kind) {
      case Kind::slot:
        return "s" + std::to_string(o.place);
      case Kind::scalar: {
        const Scalar& s = program_.scalars[static_cast<std::size_t>(o.place)];
        return still(number(s));
      }
      case Kind::index:
        return still("static_cast<double>(i" + std::to_string(o.place) + ")");
      case Kind::variable:
        if (is_data(o)) return still("in(" + whole(program_.whole(o)) + ")");
        return is_body() ? "x(" + whole(program_.whole(o)) + ")" : "x[" + whole(program_.whole(o)) + "]";
      case Kind::direction:
        return "x.extra(" + whole(program_.whole(o)) + ")";
      case Kind::row: {
        const Whole& row = program_.whole(o);
        if (is_body()) return "y.load(" + whole(row) + ")";
        return row.terms == 0 && row.constant == 0 ? "value" : "g[" + whole(row, -1) + "]";
      }
      default:
        return "";
    }
  }

  bool is_body() const { return of_ == Of::body; }
  bool is_element() const { return of_ == Of::element; }

  /// A number that does not move, as a scalar.
  std::string still(const std::string& number) const { return (is_element() ? "C(" : "S(") + number + ")"; }
  static std::string number(const Scalar& s) {
    return s.parameter < 0 ? literal(s.number) : "p" + std::to_string(s.parameter);
  }

  void assign(const Operand& out, const std::string& expression) {
    if (is_body() && out.kind == Kind::row) {
      line("y.store(" + whole(program_.whole(out)) + ", " + expression + ");");
    } else {
      line(operand(out) + " = " + expression + ";");
    }
  }

  void statement(const Instruction& i) {
    const std::string a = operand(i.a), b = operand(i.b), c = operand(i.c);
    switch (i.code) {
      case Code::operation:
        if (is_element() && i.op == Op::power) return assign(i.out, power_of_element(i));
        return assign(i.out, operation(i.op, a, b));
      case Code::choice:
        return assign(i.out, function("select", a + " != " + still("0") + ", " + b + ", " + c));
      case Code::whole_power:
        return assign(i.out, whole_power(a, i.exponent));
      case Code::sine_and_cosine:
        line("{");
        line("  const " + std::string(is_element() ? "auto" : "S") + " angle = " + a + ";");
        line("  " + operand(i.out) + " = " + function("sin", "angle") + ";");
        line("  " + operand(i.b) + " = " + function("cos", "angle") + ";");
        return line("}");
      // In one rounding where the instruction says so; a functor leaves that to its compiler, as people do.
      case Code::multiply_add:
        return assign(i.out, is_body() ? "M::fma(" + a + ", " + b + ", " + c + ")" : a + " * " + b + " + " + c);
      case Code::multiply_subtract:
        return assign(i.out, is_body() ? "M::fma(" + a + ", " + b + ", -" + c + ")" : a + " * " + b + " - " + c);
      case Code::negate_multiply_add:
        return assign(i.out, is_body() ? "M::fma(-" + a + ", " + b + ", " + c + ")" : c + " - " + a + " * " + b);
      case Code::copy:
        return assign(i.out, a);
      case Code::accumulate:
        return of_ == Of::functor ? line(operand(i.out) + " += " + a + ";") : assign(i.out, operand(i.out) + " + " + a);
      case Code::multiply_up:
        return assign(i.out, operand(i.out) + " * " + a);
      case Code::loop:
      case Code::end:
        return;
    }
  }

  std::string function(const std::string& name, const std::string& arguments) const {
    return (is_body() ? "M::" : "") + name + "(" + arguments + ")";
  }

  /// min or max of all its arguments in one call, since those that tie share the slope. `next`: after the first two.
  std::vector<Instruction>::const_iterator extreme(std::vector<Instruction>::const_iterator next) {
    const Instruction* last = &next[-1];
    bool any_moves = moves(last->a) || moves(last->b);
    std::vector<Operand> all{last->a, last->b};
    for (; next != program_.instructions.end() && next->exponent == static_cast<std::int32_t>(all.size()) &&
           next->op == last->op;
         ++next) {
      last = &*next;
      all.push_back(last->b);
      any_moves = any_moves || moves(last->b);
    }
    std::string arguments;
    for (const Operand& o : all) {
      arguments += (arguments.empty() ? "" : ", ") + std::string(any_moves ? "S(" : "C(") + operand(o) + ")";
    }
    assign(last->out, function(std::string(text_of(last->op)), arguments));
    return next;
  }

  /// Of an exponent that is a plain number the slope is not asked for.
  std::string power_of_element(const Instruction& i) const {
    const std::string exponent = i.b.kind == Kind::scalar
                                     ? number(program_.scalars[static_cast<std::size_t>(i.b.place)])
                                 : moves(i.a) && !moves(i.b) ? "S(" + operand(i.b) + ")"
                                                             : operand(i.b);
    return function("pow", operand(i.a) + ", " + exponent);
  }

  std::string whole_power(const std::string& a, std::int32_t exponent) const {
    if (!is_body()) return "pow(" + a + ", " + std::to_string(exponent) + ")";
    const std::string size = std::to_string(exponent < 0 ? -exponent : exponent);
    return (exponent < 0 ? "S(1) / " : "") + ("whole_power(" + a + ", " + size + ")");
  }

  std::string operation(Op op, const std::string& a, const std::string& b) const {
    const std::string name(text_of(op));
    switch (op) {
      case Op::negate:
        return "-" + a;
      case Op::add:
      case Op::subtract:
      case Op::multiply:
      case Op::divide:
        return a + " " + name + " " + b;
      case Op::guarded_multiply:
        return function("select", a + " == S(0) || " + b + " == S(0), S(0), " + a + " * " + b);
      case Op::power:
        return function("pow", a + ", " + b);
      case Op::min:
      case Op::max:
        if (is_body()) return std::string("extreme<") + (op == Op::max ? "true" : "false") + ">(" + a + ", " + b + ")";
        break;
      case Op::sign:
        if (is_body()) return "sign_of(" + a + ")";
        break;
      default:
        break;
    }
    if (is_comparison(op)) return function("select", a + " " + name + " " + b + ", " + still("1") + ", " + still("0"));
    return function(name, a + (is_unary(op) ? "" : ", " + b));
  }

  const Program& program_;
  Of of_;
  std::int64_t variables_;
  std::vector<bool> moves_;  // slots
  std::string indent_ = "    ";
  std::string text_;
};

constexpr char names_used[] =
    "    using nabla::abs, nabla::sign, nabla::sqrt, nabla::cbrt, nabla::exp, nabla::expm1, nabla::log, nabla::log1p,\n"
    "        nabla::log2, nabla::log10, nabla::sin, nabla::cos, nabla::tan, nabla::asin, nabla::acos, nabla::atan,\n"
    "        nabla::sinh, nabla::cosh, nabla::tanh, nabla::asinh, nabla::acosh, nabla::atanh, nabla::erf, "
    "nabla::erfc,\n"
    "        nabla::atan2, nabla::hypot, nabla::pow, nabla::min, nabla::max, nabla::select;\n"
    "    using S = typename Point::value_type;\n";

/// Text that can stand in a comment.
std::string one_line(const std::string& text) {
  std::string line;
  for (const char c : text) line += c == '\n' || c == '\r' || c == '\\' ? ' ' : c;
  return line;
}

}  // namespace

std::string generate(const Syntax& syntax, std::int64_t n, std::span<const double> parameters,
                     const std::string& name) {
  const Program value = compile(syntax, Task::value, n), gradient = compile(syntax, Task::gradient, n);
  std::string text = "/// " + one_line(syntax.text) + "\nstruct " + name + " {\n";
  text += "  static constexpr int dimension = " + std::to_string(n) + ";\n";
  for (std::size_t k = 0; k < parameters.size(); ++k) {
    text += "  double p" + std::to_string(k) + " = " + literal(parameters[k]) + ";  // " + syntax.parameters[k] + "\n";
  }
  text += "\n  template <class Point>\n  constexpr auto operator()(const Point& x) const {\n";
  text += names_used + Statements(value, Statements::Of::functor).run() + "  }\n";
  text += "\n  template <class Point, class Gradient>\n";
  text += "  constexpr auto gradient(const Point& x, Gradient& g) const {\n";
  text += names_used + Statements(gradient, Statements::Of::functor).run() + "  }\n};\n";
  return text;
}

std::string generate_element(const Program& value, std::int64_t n, std::size_t parameters, const std::string& name) {
  std::string text = "struct " + name + " {\n  static constexpr int dimension = " + std::to_string(n) + ";\n";
  for (std::size_t k = 0; k < parameters; ++k) text += "  double p" + std::to_string(k) + ";\n";
  text += "\n  template <class Point, class In>\n  constexpr auto with_data(const Point& x, const In& in) const {\n";
  text += std::string(names_used) + "    using C = Dual<typename In::Scalar, 0>;\n";
  return text + Statements(value, Statements::Of::element, n).run() + "  }\n};\n";
}

std::string generate_program(const Program& program, std::int64_t outputs, std::size_t parameters,
                             const std::string& name) {
  std::string text = "struct " + name + " {\n  static constexpr int outputs = " + std::to_string(outputs) + ";\n";
  text += parameters == 0 ? "  double none;\n" : "";  // so that the parameters' place is the same
  for (std::size_t k = 0; k < parameters; ++k) text += "  double p" + std::to_string(k) + ";\n";
  text += "\n  template <class In, class Out>\n";
  text += "  constexpr void operator()(const In& x, Out& y) const {\n";
  text += "    using S = typename In::Scalar;\n    using M = Math<S>;\n";
  return text + Statements(program, Statements::Of::body).run() + "  }\n};\n";
}

}  // namespace nabla::formula
