#include "operations.hpp"

#include <algorithm>
#include <array>

namespace nabla::formula {

namespace {

constexpr std::array names{
    FunctionName{"sqrt", Op::sqrt, 1, 1},   FunctionName{"cbrt", Op::cbrt, 1, 1},
    FunctionName{"exp", Op::exp, 1, 1},     FunctionName{"expm1", Op::expm1, 1, 1},
    FunctionName{"log", Op::log, 1, 1},     FunctionName{"log1p", Op::log1p, 1, 1},
    FunctionName{"log2", Op::log2, 1, 1},   FunctionName{"log10", Op::log10, 1, 1},
    FunctionName{"sin", Op::sin, 1, 1},     FunctionName{"cos", Op::cos, 1, 1},
    FunctionName{"tan", Op::tan, 1, 1},     FunctionName{"asin", Op::asin, 1, 1},
    FunctionName{"acos", Op::acos, 1, 1},   FunctionName{"atan", Op::atan, 1, 1},
    FunctionName{"sinh", Op::sinh, 1, 1},   FunctionName{"cosh", Op::cosh, 1, 1},
    FunctionName{"tanh", Op::tanh, 1, 1},   FunctionName{"asinh", Op::asinh, 1, 1},
    FunctionName{"acosh", Op::acosh, 1, 1}, FunctionName{"atanh", Op::atanh, 1, 1},
    FunctionName{"erf", Op::erf, 1, 1},     FunctionName{"erfc", Op::erfc, 1, 1},
    FunctionName{"abs", Op::abs, 1, 1},     FunctionName{"sign", Op::sign, 1, 1},
    FunctionName{"atan2", Op::atan2, 2, 2}, FunctionName{"pow", Op::power, 2, 2},
    FunctionName{"hypot", Op::hypot, 2, 2}, FunctionName{"min", Op::min, 2, -1},
    FunctionName{"max", Op::max, 2, -1},    FunctionName{"where", Op::where, 3, 3},
};

}  // namespace

std::span<const FunctionName> function_names() { return names; }

std::optional<FunctionName> find_function(std::string_view name) {
  const auto* const found = std::ranges::find(names, name, &FunctionName::name);
  if (found == names.end()) return {};
  return *found;
}

std::string_view text_of(Op op) {
  switch (op) {
    case Op::negate:
    case Op::subtract:
      return "-";
    case Op::add:
      return "+";
    case Op::multiply:
    case Op::guarded_multiply:
      return "*";
    case Op::divide:
      return "/";
    case Op::power:
      return "^";
    case Op::less:
      return "<";
    case Op::less_equal:
      return "<=";
    case Op::greater:
      return ">";
    case Op::greater_equal:
      return ">=";
    case Op::equal:
      return "==";
    case Op::not_equal:
      return "!=";
    case Op::sum:
      return "sum";
    case Op::product:
      return "prod";
    default:
      break;
  }
  const auto* const found = std::ranges::find(names, op, &FunctionName::op);
  return found == names.end() ? "?" : found->name;
}

}  // namespace nabla::formula
