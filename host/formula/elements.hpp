#pragma once

#include "lower.hpp"

#include <nabla/connectivity.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

// Formulas as sums of elements. The terms of a formula are what its top is made of with + and -, factors that don't
// vary multiplied out; a term that is a repetition goes on inside. A term's body becomes an element, a graph by itself:
// each of the components that it reads becomes a variable of it, each running index that it computes with a number of
// its data. Repetitions inside a body are written out, where they have as few terms in all iterations.

namespace nabla::formula {

/// The sum of an element over all iterations of some repetitions, one inside the other; without any it is one element.
struct ElementLoops {
  Lowered element;
  std::vector<Range> ranges;       // the outermost first
  std::vector<Affine> variables;   // of an element, by the running indices
  std::vector<std::int32_t> data;  // levels whose running indices it computes with

  /// As an affine sum, if all variables are as far from one element to the next and no bounds move.
  std::optional<nabla::Affine> affine() const;
  /// Calls use(indices by level) for each element, in the order of the sums: that of affine(), where there is one.
  void for_each(const std::function<void(std::span<const std::int64_t>)>& use) const;
  std::int64_t count() const;
};

/// What a formula is the sum of.
struct Terms {
  std::vector<ElementLoops> sums;
  std::optional<Lowered> rest;  // what is no sum of elements, as a function of all variables
  std::string refused;          // what of it can't be an element, and why; empty: nothing
};

/// Variables that an element may have.
inline constexpr std::size_t most_of_element = 32;
/// Entries that a sum's index table may have: 1 GiB of them.
inline constexpr std::int64_t most_entries = std::int64_t{1} << 28;

/// Throws FormulaError, as lower() does.
Terms terms_of(const Syntax& syntax, std::int64_t n);

}  // namespace nabla::formula
