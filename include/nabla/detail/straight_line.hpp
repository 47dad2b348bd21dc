#pragma once

#include <nabla/detail/trace.hpp>

#include <cstdint>

// A tape made ready to be run backwards: steps that the result needs, and what is known of each while compiling.

namespace nabla::detail {

constexpr bool is_condition(Op op) { return op >= Op::less && op <= Op::opposite; }

/// Whether an argument's slope is infinite somewhere, so that there a tangent of exactly 0 must win over it.
constexpr bool has_edges(Op op) {
  return op == Op::divide || op == Op::sqrt || op == Op::cbrt || (op >= Op::log && op <= Op::log10) || op == Op::asin ||
         op == Op::acos || op == Op::acosh || op == Op::atanh || op == Op::power || op == Op::pow || op == Op::atan2;
}
/// Whether it gives some of its arguments an adjoint of exactly 0, over which nothing may win.
constexpr bool picks(Op op) { return op == Op::select || op == Op::largest || op == Op::smallest; }

struct LineStep : Step {
  bool active = false;  // moves with the variables
  int place = 0;        // among results of its kind: active, or not, or conditions
  int slope = 0;        // place of the first slope of elementary functions
  // Of an active step's adjoint:
  bool may_be_infinite = false;
  bool may_be_masked = false;       // exactly 0 since another argument was picked
  bool begins[most_operands] = {};  // this step is the first to add to an operand's adjoint
};

template <int Count>
struct StraightLine {
  static constexpr int count = Count;
  LineStep step[Count];
  int active = 0, still = 0, conditions = 0, slopes = 0;  // numbers of each
  bool reversible = true;

  constexpr bool is_active(const Operand& operand) const { return !operand.is_number() && step[operand.step].active; }
  /// The step that reads an input; -1: none.
  constexpr int find(int input) const {
    for (int s = 0; s < Count; ++s) {
      if (step[s].op == Op::input && step[s].number == input) return s;
    }
    return -1;
  }
};

struct Needed {
  bool step[Tape::capacity] = {};
  int count = 0;
};
constexpr Needed needed_steps(const Tape& tape) {
  Needed needed;
  needed.step[tape.result.step] = true;
  for (int s = tape.result.step; s >= 0; --s) {
    if (!needed.step[s]) continue;
    ++needed.count;
    for (const Operand& operand : tape.step[s].operand) {
      if (!operand.is_number()) needed.step[operand.step] = true;
    }
  }
  return needed;
}

/// The steps that are needed, in order, renumbered; the result is the last. `moves_with`: bit i is set for steps that
/// depend on variable i.
template <int Count>
constexpr StraightLine<Count> renumbered(const Tape& tape, const Needed& needed, int variables,
                                         std::uint64_t (&moves_with)[Count]) {
  StraightLine<Count> line{};
  int number[Tape::capacity] = {};
  int n = 0;
  for (int s = 0; s <= tape.result.step; ++s) {
    if (!needed.step[s]) continue;
    number[s] = n;
    LineStep& step = line.step[n];
    static_cast<Step&>(step) = tape.step[s];
    std::uint64_t& moves = moves_with[n];
    if (step.op == Op::input && step.number < variables) moves = std::uint64_t{1} << static_cast<int>(step.number);
    for (int k = 0; k < step.operands; ++k) {
      Operand& operand = step.operand[k];
      if (operand.is_number()) continue;
      operand.step = number[operand.step];
      if (!is_condition(step.op) && step.op != Op::sign) moves |= moves_with[operand.step];
    }
    step.active = moves != 0;
    step.place = is_condition(step.op) ? line.conditions++ : step.active ? line.active++ : line.still++;
    step.slope = line.slopes;
    if (step.active && (step.op > Op::select || step.op == Op::divide)) line.slopes += step.operands;
    ++n;
  }
  return line;
}

/// Where a slope is infinite and a tangent that two terms make cancels to exactly 0, the derivative is 0, forwards.
/// Backwards it is the difference of two infinities. So a line is not reversible if a variable meets itself in what
/// sqrt and its like are applied to. (Of quotients nothing is promised where they are infinite.)
template <int Count>
constexpr StraightLine<Count> straight_line(const Tape& tape, const Needed& needed, int variables) {
  std::uint64_t moves_with[Count] = {};
  StraightLine<Count> line = renumbered<Count>(tape, needed, variables, moves_with);
  line.reversible = line.step[Count - 1].active;
  bool begun[Count] = {}, delicate[Count] = {};
  for (int s = Count - 1; s >= 0; --s) {
    LineStep& step = line.step[s];
    if (!step.active) continue;
    const bool edges = has_edges(step.op) && (step.op != Op::divide || line.is_active(step.operand[1]));
    for (int k = 0; k < step.operands; ++k) {
      if (!line.is_active(step.operand[k])) continue;
      const int of = step.operand[k].step;
      step.begins[k] = !begun[of];
      begun[of] = true;
      LineStep& operand = line.step[of];
      operand.may_be_infinite = operand.may_be_infinite || step.may_be_infinite || edges;
      operand.may_be_masked = operand.may_be_masked || step.may_be_masked || picks(step.op);
      delicate[of] = delicate[of] || delicate[s] || (edges && step.op != Op::divide);
      if (!delicate[s] || picks(step.op)) continue;
      for (int j = 0; j < k; ++j) {
        const bool square = step.op == Op::multiply && step.operand[j].step == of;
        const bool meets = line.is_active(step.operand[j]) && (moves_with[of] & moves_with[step.operand[j].step]) != 0;
        if (meets && !square) line.reversible = false;
      }
    }
  }
  return line;
}

inline constexpr int most_reversible = 64;  // variables, as moves_with has bits

/// The steps of a traceable functor of N variables.
template <class F, int N, class R>
struct LineOf {
  static constexpr Tape tape = trace<F, N, R>();
  static constexpr Needed needed = needed_steps(tape);
  static constexpr auto line = straight_line<needed.count>(tape, needed, N);
};

}  // namespace nabla::detail
