#pragma once

#include "graph.hpp"
#include "syntax.hpp"

namespace nabla::formula {

/// A formula's outputs for a known number of variables.
struct Lowered {
  Graph graph;
  std::vector<NodeId> outputs;
};

/// Terms of all repetitions together that one evaluation may have, and terms that may be written out.
inline constexpr std::int64_t most_terms = std::int64_t{1} << 27;
inline constexpr std::int64_t most_written_terms = 100'000;
/// Formulas with so few terms are better without loops.
inline constexpr std::int64_t few_terms = 64;

/// Repetitions with more than `written_terms` terms altogether stay loops.
/// Throws FormulaError: indices and bounds that are not whole numbers or leave 1 … n, too many terms.
Lowered lower(const Syntax& syntax, std::int64_t n, std::int64_t written_terms = few_terms);

}  // namespace nabla::formula
