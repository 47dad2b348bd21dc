#include "generate.hpp"

#include "definition.hpp"

#include <charconv>
#include <cmath>

namespace nabla::formula {

namespace {

using Code = Instruction::Code;
using Kind = Operand::Kind;

/// One program as the statements of a function.
class Statements {
 public:
  explicit Statements(const Program& program) : program_(program) {}

  std::string run() {
    std::string slots;
    for (std::int32_t slot = 0; slot < program_.slots; ++slot) {
      slots += (slot == 0 ? "S s" : ", s") + std::to_string(slot) + " = 0";
    }
    if (!slots.empty()) line(slots + ";");
    line("S value = 0;");
    for (const Instruction& i : program_.instructions) {
      if (i.code == Code::loop) {
        begin_loop(program_.loop(i));
      } else if (i.code == Code::end) {
        indent_.resize(indent_.size() - 2);
        line("}");
      } else {
        statement(i);
      }
    }
    line("return value;");
    return std::move(text_);
  }

 private:
  void line(const std::string& text) { text_ += indent_ + text + "\n"; }

  static std::string number(double x) {
    if (std::isnan(x)) return "std::numeric_limits<double>::quiet_NaN()";
    if (std::isinf(x)) return std::string(x < 0 ? "-" : "") + "std::numeric_limits<double>::infinity()";
    char digits[32];
    return {digits, std::to_chars(digits, digits + sizeof digits, x).ptr};
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
        return s.parameter < 0 ? "S(" + number(s.number) + ")" : "S(p" + std::to_string(s.parameter) + ")";
      }
      case Kind::index:
        return "S(static_cast<double>(i" + std::to_string(o.place) + "))";
      case Kind::variable:
        return "x[" + whole(program_.whole(o)) + "]";
      case Kind::row: {
        const Whole& row = program_.whole(o);
        return row.terms == 0 && row.constant == 0 ? "value" : "g[" + whole(row, -1) + "]";
      }
      default:
        return "";
    }
  }

  void statement(const Instruction& i) {
    const std::string out = operand(i.out), a = operand(i.a), b = operand(i.b), c = operand(i.c);
    switch (i.code) {
      case Code::operation:
        return line(out + " = " + operation(i.op, a, b) + ";");
      case Code::choice:
        return line(out + " = select(" + a + " != S(0), " + b + ", " + c + ");");
      case Code::whole_power:
        return line(out + " = pow(" + a + ", " + std::to_string(i.exponent) + ");");
      case Code::sine_and_cosine:
        line("{");
        line("  const S angle = " + a + ";");
        line("  " + out + " = sin(angle);");
        line("  " + b + " = cos(angle);");
        return line("}");
      case Code::multiply_add:
        return line(out + " = " + a + " * " + b + " + " + c + ";");
      case Code::multiply_subtract:
        return line(out + " = " + a + " * " + b + " - " + c + ";");
      case Code::negate_multiply_add:
        return line(out + " = " + c + " - " + a + " * " + b + ";");
      case Code::copy:
        return line(out + " = " + a + ";");
      case Code::accumulate:
        return line(out + " += " + a + ";");
      case Code::multiply_up:
        return line(out + " = " + out + " * " + a + ";");
      case Code::loop:
      case Code::end:
        return;
    }
  }

  static std::string operation(Op op, const std::string& a, const std::string& b) {
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
        return "select(" + a + " == S(0) || " + b + " == S(0), S(0), " + a + " * " + b + ")";
      case Op::power:
        return "pow(" + a + ", " + b + ")";
      default:
        break;
    }
    if (is_comparison(op)) return "select(" + a + " " + name + " " + b + ", S(1), S(0))";
    return name + "(" + a + (is_unary(op) ? "" : ", " + b) + ")";
  }

  const Program& program_;
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
    char digits[32];
    text += "  double p" + std::to_string(k) + " = " +
            std::string(digits, std::to_chars(digits, digits + sizeof digits, parameters[k]).ptr) + ";  // " +
            syntax.parameters[k] + "\n";
  }
  text += "\n  template <class Point>\n  constexpr auto operator()(const Point& x) const {\n";
  text += names_used + Statements(value).run() + "  }\n";
  text += "\n  template <class Point, class Gradient>\n";
  text += "  constexpr auto gradient(const Point& x, Gradient& g) const {\n";
  text += names_used + Statements(gradient).run() + "  }\n};\n";
  return text;
}

}  // namespace nabla::formula
