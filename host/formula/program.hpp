#pragma once

#include "differentiate.hpp"
#include "graph.hpp"

#include <cstdint>
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
    variable,   // Program::affines says which row
    direction,  // the same
    row,        // of the output
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
    loop,                 // over Program::ranges[exponent]; ends at the instruction `target`
    end,                  // of the loop that begins at `target`
  };
  Code code;
  Op op = Op::number;
  std::int32_t exponent = 0;
  std::int32_t target = 0;
  Operand out = {}, a = {}, b = {}, c = {};
};

/// A number that is the same for all points.
struct Scalar {
  double number = 0;
  std::int32_t parameter = -1;  // its place, or -1
};

struct Program {
  std::vector<Instruction> instructions;
  std::vector<Scalar> scalars;
  std::vector<Affine> affines;
  std::vector<Range> ranges;
  std::int32_t slots = 0;
  std::int64_t rows = 0;
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
};

/// Adds nodes to the graph where several contributions go to one row.
Program make_program(Graph& graph, Wanted wanted);

}  // namespace nabla::formula
