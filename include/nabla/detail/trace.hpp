#pragma once

#include <nabla/detail/call.hpp>

#include <cstdint>

// A function's operations, written down while compiling.
//
// A function takes no branch that depends on numbers: packs of lanes could not follow. So its operations are a fixed
// list, a tape, which it leaves when it is called in a constant expression with a scalar that notes what is done with
// it. Whole elementary functions are noted (Math<Dual<Traced<R>, 0>>); their derivatives stay in elementary.hpp.

namespace nabla::detail {

// clang-format off
enum class Op : std::uint8_t {
  input,
  less, less_equal, equal, both, either, opposite,  // conditions, one for each lane
  add, subtract, multiply, divide, negate, select,
  abs, sign, sqrt, cbrt, exp, expm1, log, log1p, log2, log10, sin, cos, tan, asin, acos, atan, sinh, cosh, tanh, asinh,
  acosh, atanh, erf, erfc, logistic, whole_power, power,
  pow, atan2, hypot, largest, smallest,
};
// clang-format on

/// The result of a step, or a number.
struct Operand {
  int step = -1;
  double number = 0;
  constexpr bool is_number() const { return step < 0; }
};

inline constexpr int most_operands = 3;

struct Step {
  Op op = Op::input;
  int operands = 0;
  Operand operand[most_operands] = {};
  double number = 0;  // the position of an input, the exponent of a power
};

struct Tape {
  static constexpr int capacity = 512, most_inputs = 128;
  Step step[capacity] = {};
  int steps = 0;
  int input[most_inputs] = {};  // one more than the step of each input that was read
  Operand result = {};
  bool complete = true;  // else something happened that a tape can't hold

  /// The number of a new step, or -1.
  constexpr int add(const Step& made) {
    if (steps == capacity) {
      complete = false;
      return -1;
    }
    step[steps] = made;
    return steps++;
  }
};

/// A scalar of precision R that writes down what is done with it. Arithmetic with numbers alone gives numbers.
template <class R>
struct Traced {
  Tape* tape = nullptr;  // null: a number
  Operand operand = {};
  bool lost = false;  // it comes of what a tape can't hold

  constexpr Traced() = default;
  constexpr explicit Traced(R number) : operand{-1, number} {}
  constexpr Traced(Tape* on, int step) : tape(on), operand{step, 0}, lost(step < 0) {}
  static constexpr Traced unknown() { return {nullptr, -1}; }
  constexpr bool is_number() const { return tape == nullptr && !lost; }
  constexpr R number() const { return static_cast<R>(operand.number); }
};

/// A bool for each lane, or one bool that is known.
template <class R>
struct TracedCondition {
  Traced<R> value;
  constexpr TracedCondition(bool known) : value(known ? R(1) : R(0)) {}
  constexpr explicit TracedCondition(const Traced<R>& computed) : value(computed) {}
  constexpr bool is_known() const { return value.is_number(); }
  constexpr bool is(bool known) const { return is_known() && (value.number() != 0) == known; }
};

/// Whatever tangents the caller makes of it, the tape does not have them.
template <class R>
struct TakenOut<Traced<R>> {
  static constexpr Traced<R> of(const Traced<R>& value) { return value.is_number() ? value : Traced<R>::unknown(); }
};
template <class R>
constexpr Dual<Traced<R>, 0> made_by_rule(const Traced<R>& value) {
  return {ByRule(), value, [](int) { return Traced<R>(); }};
}

template <class R, class... Rest>
constexpr Traced<R> note(double number, Op op, const Traced<R>& first, const Rest&... rest) {
  static_assert(sizeof...(Rest) < most_operands);
  Tape* tape = first.tape;
  ((tape = rest.tape != nullptr ? rest.tape : tape), ...);
  if (tape == nullptr || first.lost || (rest.lost || ...)) return Traced<R>::unknown();
  return {tape, tape->add({op, 1 + sizeof...(Rest), {first.operand, rest.operand...}, number})};
}

template <class R>
constexpr bool are_numbers(const Traced<R>& a, const Traced<R>& b) {
  return a.is_number() && b.is_number();
}

template <class R>
constexpr Traced<R> operator-(const Traced<R>& a) {
  return a.is_number() ? Traced<R>(-a.number()) : note(0, Op::negate, a);
}
template <class R>
constexpr Traced<R> operator+(const Traced<R>& a, const Traced<R>& b) {
  return are_numbers(a, b) ? Traced<R>(a.number() + b.number()) : note(0, Op::add, a, b);
}
template <class R>
constexpr Traced<R> operator-(const Traced<R>& a, const Traced<R>& b) {
  return are_numbers(a, b) ? Traced<R>(a.number() - b.number()) : note(0, Op::subtract, a, b);
}
template <class R>
constexpr Traced<R> operator*(const Traced<R>& a, const Traced<R>& b) {
  return are_numbers(a, b) ? Traced<R>(a.number() * b.number()) : note(0, Op::multiply, a, b);
}
template <class R>
constexpr Traced<R> operator/(const Traced<R>& a, const Traced<R>& b) {
  const bool is_number = are_numbers(a, b) && b.number() != 0;
  return is_number ? Traced<R>(a.number() / b.number()) : note(0, Op::divide, a, b);
}

template <class R>
constexpr TracedCondition<R> operator<(const Traced<R>& a, const Traced<R>& b) {
  if (are_numbers(a, b)) return a.number() < b.number();
  return TracedCondition<R>(note(0, Op::less, a, b));
}
template <class R>
constexpr TracedCondition<R> operator<=(const Traced<R>& a, const Traced<R>& b) {
  if (are_numbers(a, b)) return a.number() <= b.number();
  return TracedCondition<R>(note(0, Op::less_equal, a, b));
}
template <class R>
constexpr TracedCondition<R> operator==(const Traced<R>& a, const Traced<R>& b) {
  if (are_numbers(a, b)) return a.number() == b.number();
  return TracedCondition<R>(note(0, Op::equal, a, b));
}
template <class R>
constexpr TracedCondition<R> operator>(const Traced<R>& a, const Traced<R>& b) {
  return b < a;
}
template <class R>
constexpr TracedCondition<R> operator>=(const Traced<R>& a, const Traced<R>& b) {
  return b <= a;
}

template <class R>
constexpr TracedCondition<R> operator!(const TracedCondition<R>& a) {
  if (a.is_known()) return a.is(false);
  return TracedCondition<R>(note(0, Op::opposite, a.value));
}
template <class R>
constexpr TracedCondition<R> operator&&(const TracedCondition<R>& a, const TracedCondition<R>& b) {
  if (a.is_known()) return a.is(true) ? b : a;
  if (b.is_known()) return b.is(true) ? a : b;
  return TracedCondition<R>(note(0, Op::both, a.value, b.value));
}
template <class R>
constexpr TracedCondition<R> operator||(const TracedCondition<R>& a, const TracedCondition<R>& b) {
  if (a.is_known()) return a.is(true) ? a : b;
  if (b.is_known()) return b.is(true) ? b : a;
  return TracedCondition<R>(note(0, Op::either, a.value, b.value));
}

}  // namespace nabla::detail

namespace nabla {

template <class R>
struct Math<detail::Traced<R>> {
  using X = detail::Traced<R>;
  using Real = R;
  using Mask = detail::TracedCondition<R>;
  static constexpr X select(const Mask& condition, const X& yes, const X& no) {
    if (condition.is_known()) return condition.is(true) ? yes : no;
    return detail::note(0, detail::Op::select, condition.value, yes, no);
  }

  // What a caller's own elementary function may do with values that it takes out of a Dual; a tape does not have it.
  // clang-format off
  static constexpr X abs(const X&) { return X::unknown(); }
  static constexpr X sqrt(const X&) { return X::unknown(); }
  static constexpr X cbrt(const X&) { return X::unknown(); }
  static constexpr X exp(const X&) { return X::unknown(); }
  static constexpr X expm1(const X&) { return X::unknown(); }
  static constexpr X log(const X&) { return X::unknown(); }
  static constexpr X log1p(const X&) { return X::unknown(); }
  static constexpr X log2(const X&) { return X::unknown(); }
  static constexpr X log10(const X&) { return X::unknown(); }
  static constexpr X sin(const X&) { return X::unknown(); }
  static constexpr X cos(const X&) { return X::unknown(); }
  static constexpr std::pair<X, X> sincos(const X&) { return {X::unknown(), X::unknown()}; }
  static constexpr X tan(const X&) { return X::unknown(); }
  static constexpr X asin(const X&) { return X::unknown(); }
  static constexpr X acos(const X&) { return X::unknown(); }
  static constexpr X atan(const X&) { return X::unknown(); }
  static constexpr X sinh(const X&) { return X::unknown(); }
  static constexpr X cosh(const X&) { return X::unknown(); }
  static constexpr X tanh(const X&) { return X::unknown(); }
  static constexpr X asinh(const X&) { return X::unknown(); }
  static constexpr X acosh(const X&) { return X::unknown(); }
  static constexpr X atanh(const X&) { return X::unknown(); }
  static constexpr X erf(const X&) { return X::unknown(); }
  static constexpr X erfc(const X&) { return X::unknown(); }
  static constexpr X pow(const X&, const X&) { return X::unknown(); }
  static constexpr X atan2(const X&, const X&) { return X::unknown(); }
  static constexpr X hypot(const X&, const X&) { return X::unknown(); }
  static constexpr X smaller(const X&, const X&) { return X::unknown(); }
  static constexpr X larger(const X&, const X&) { return X::unknown(); }
  static constexpr X fma(const X&, const X&, const X&) { return X::unknown(); }
  // clang-format on
};

template <class R>
struct Math<Dual<detail::Traced<R>, 0>> {
  using X = detail::Traced<R>;
  using D = Dual<X, 0>;
  using Op = detail::Op;
  using Real = R;
  using Mask = detail::TracedCondition<R>;

  template <class... Operands>
  static constexpr D note(Op op, const Operands&... operands) {
    return detail::made_by_rule(detail::note(0, op, operands.value...));
  }
  // clang-format off
  static constexpr D abs(const D& x) { return note(Op::abs, x); }
  static constexpr D sign(const D& x) { return note(Op::sign, x); }
  static constexpr D sqrt(const D& x) { return note(Op::sqrt, x); }
  static constexpr D cbrt(const D& x) { return note(Op::cbrt, x); }
  static constexpr D exp(const D& x) { return note(Op::exp, x); }
  static constexpr D expm1(const D& x) { return note(Op::expm1, x); }
  static constexpr D log(const D& x) { return note(Op::log, x); }
  static constexpr D log1p(const D& x) { return note(Op::log1p, x); }
  static constexpr D log2(const D& x) { return note(Op::log2, x); }
  static constexpr D log10(const D& x) { return note(Op::log10, x); }
  static constexpr D sin(const D& x) { return note(Op::sin, x); }
  static constexpr D cos(const D& x) { return note(Op::cos, x); }
  static constexpr std::pair<D, D> sincos(const D& x) { return {sin(x), cos(x)}; }
  static constexpr D tan(const D& x) { return note(Op::tan, x); }
  static constexpr D asin(const D& x) { return note(Op::asin, x); }
  static constexpr D acos(const D& x) { return note(Op::acos, x); }
  static constexpr D atan(const D& x) { return note(Op::atan, x); }
  static constexpr D sinh(const D& x) { return note(Op::sinh, x); }
  static constexpr D cosh(const D& x) { return note(Op::cosh, x); }
  static constexpr D tanh(const D& x) { return note(Op::tanh, x); }
  static constexpr D asinh(const D& x) { return note(Op::asinh, x); }
  static constexpr D acosh(const D& x) { return note(Op::acosh, x); }
  static constexpr D atanh(const D& x) { return note(Op::atanh, x); }
  static constexpr D erf(const D& x) { return note(Op::erf, x); }
  static constexpr D erfc(const D& x) { return note(Op::erfc, x); }
  static constexpr D logistic(const D& x) { return note(Op::logistic, x); }
  static constexpr D pow(const D& x, const D& y) { return note(Op::pow, x, y); }
  static constexpr D atan2(const D& y, const D& x) { return note(Op::atan2, y, x); }
  static constexpr D hypot(const D& x, const D& y) { return note(Op::hypot, x, y); }
  // clang-format on
  template <std::integral I>
  static constexpr D whole_power(const D& x, I n) {
    if (n == 2) return detail::made_by_rule(x.value * x.value);
    return detail::made_by_rule(detail::note(static_cast<double>(n), Op::whole_power, x.value));
  }
  template <std::floating_point S>
  static constexpr D power(const D& x, S y) {
    return detail::made_by_rule(detail::note(static_cast<double>(y), Op::power, x.value));
  }
  template <bool Largest, class... Rest>
  static constexpr D extreme(const D& first, const Rest&... rest) {
    if constexpr (sizeof...(Rest) < detail::most_operands) {
      return note(Largest ? Op::largest : Op::smallest, first, rest...);
    } else {
      return detail::made_by_rule(X::unknown());
    }
  }
  static constexpr D select(const Mask& condition, const D& yes, const D& no) {
    return detail::made_by_rule(Math<X>::select(condition, yes.value, no.value));
  }
};

}  // namespace nabla

namespace nabla::detail {

/// What a function reads: inputs of the tape, those after its variables being data.
template <class R>
struct TraceInput {
  using Scalar = Traced<R>;
  Tape* tape;
  constexpr Scalar operator()(std::int64_t i) const {
    if (i < 0 || i >= Tape::most_inputs) return Scalar::unknown();
    int& known = tape->input[i];
    if (known == 0) known = 1 + tape->add({Op::input, 0, {}, static_cast<double>(i)});
    return {tape, known - 1};
  }
};

/// The tape that a functor without state leaves. In each precision, since it may ask for that.
template <class F, int N, class R>
constexpr Tape trace() {
  using S = Dual<Traced<R>, 0>;
  Tape tape;
  const TraceInput<R> in{&tape};
  const Traced<R> y = S(call(F{}, in, make_point<N>(N, [&](std::int64_t i) { return made_by_rule(in(i)); }))).value;
  tape.result = y.operand;
  tape.complete = tape.complete && y.tape != nullptr && !y.lost;
  return tape;
}

/// Whether a function is the same whichever object it is. One that wraps another says so itself: it is not empty, since
/// nvcc passes no empty parameters to kernels.
template <class F>
inline constexpr bool has_no_state = [] {
  if constexpr (requires { std::integral_constant<bool, F::has_no_state>{}; }) {
    return F::has_no_state;
  } else {
    return std::is_empty_v<F>;
  }
}();

/// Whether it does, in a constant expression. Otherwise it has state, asks for what can't be evaluated while compiling
/// (std::sqrt, where the compiler does not know it), is too long, or does not depend on its point.
template <class F, int N, class R>
concept Traceable = has_no_state<F> && requires {
  F{};
} && requires {
  typename std::integral_constant<bool, trace<F, N, R>().complete>;
} && trace<F, N, R>()
.complete;

}  // namespace nabla::detail
