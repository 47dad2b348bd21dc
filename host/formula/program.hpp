#pragma once

#include "differentiate.hpp"
#include "graph.hpp"

#include <cstdint>
#include <span>
#include <vector>

// A graph in the order of its evaluation: what the interpreter runs and what the compiler translates.

namespace nabla::formula {

/// Where an instruction finds or leaves a number of each point.
struct Operand {
  enum class Kind : std::uint8_t {
    none,
    slot,       // an intermediate result
    scalar,     // the same for all points: Program::scalars
    index,      // the running index of a level
    variable,   // Program::wholes says which component; data come after the variables
    direction,  // the same
    row,        // of the output; Program::wholes says which
  };
  Kind kind = Kind::none;
  std::int32_t place = 0;
  bool operator==(const Operand&) const = default;
};

struct Instruction {
  enum class Code : std::uint8_t {
    operation,            // out = op(a, b)
    choice,               // out = a != 0 ? b : c
    whole_power,          // out = a^exponent
    sine_and_cosine,      // out = sin(a), b = cos(a)
    multiply_add,         // out = a * b + c
    multiply_subtract,    // out = a * b - c
    negate_multiply_add,  // out = c - a * b
    copy,                 // out = a
    accumulate,           // out += a
    multiply_up,          // out *= a
    loop,                 // over Program::loops[loop]; ends at the instruction `target`
    end,                  // of the loop that begins at `target`
  };
  Code code;
  Op op = Op::number;
  std::int32_t exponent = 0;  // of min and max of more than two: which argument b is, from 2 on; a is what was before
  std::int32_t loop = 0;
  std::int32_t target = 0;
  Operand out = {}, a = {}, b = {}, c = {};
};

/// constant + sum of coefficient * running index over Program::terms [first_term, first_term + terms).
struct Whole {
  std::int64_t constant = 0;
  std::int32_t first_term = 0;
  std::int32_t terms = 0;
};
struct Term {
  std::int32_t level;
  std::int64_t coefficient;
};
/// The running index of `level` goes from lower to upper, both included.
struct Loop {
  std::int32_t level;
  Whole lower, upper;
};

/// A number that is the same for all points.
struct Scalar {
  double number = 0;
  std::int32_t parameter = -1;  // its place, or -1
};

struct Program {
  std::vector<Instruction> instructions;
  std::vector<Scalar> scalars;
  std::vector<Whole> wholes;
  std::vector<Term> terms;
  std::vector<Loop> loops;
  std::int32_t slots = 0;
  std::int64_t rows = 0;

  const Whole& whole(const Operand& o) const { return wholes[static_cast<std::size_t>(o.place)]; }
  const Loop& loop(const Instruction& i) const { return loops[static_cast<std::size_t>(i.loop)]; }
  std::span<const Term> terms_of(const Whole& whole) const {
    return std::span(terms).subspan(static_cast<std::size_t>(whole.first_term), static_cast<std::size_t>(whole.terms));
  }
};

/// What a program is to compute: rows that are nodes, and rows that sweeps add to. Rows that nothing is said about are
/// 0.
struct Wanted {
  struct RowSweep {
    Sweep sweep;
    std::int64_t first_row;  // that of component 0
  };
  std::vector<std::pair<std::int64_t, NodeId>> rows;
  std::vector<RowSweep> sweeps;
  std::int64_t row_count = 0;
  std::int64_t variables = 0;  // data are further components after them
};

/// Adds nodes to the graph where several contributions go to one row.
Program make_program(Graph& graph, Wanted wanted);

}  // namespace nabla::formula
