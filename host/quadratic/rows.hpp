#pragma once

#include <cstdint>
#include <type_traits>
#include <variant>

// How the rows of a symmetric matrix A are stored, as the loops of host/cpu/quadratic.cpp and kernels/quadratic.cu see
// them: views of the executor's memory. Each says what row r of A has to do with a vector, in(i) being its component i.

namespace nabla::detail {

/// Rows that are alike but for their place, one after another: row r has coefficients[k] in column r + offsets[k], for
/// the k from starts[p] up to starts[p + 1] of its pattern p. A grid with constant coefficients has a pattern for its
/// middle, and for each kind of border.
template <class T>
struct PatternRows {
  std::int64_t rows;
  std::int64_t reach;  // the largest offset
  const std::int32_t* starts;
  const std::int64_t* offsets;
  const T* coefficients;
  const T* main;  // of each pattern, the coefficient on the main diagonal
  // Runs of rows of the same pattern, each from run_rows[k] up to run_rows[k + 1]: what CPUs go by.
  std::int64_t runs;
  const std::int64_t* run_rows;
  const std::uint16_t* run_patterns;
  // What a GPU's warps go by: of each 32 rows the number of their sequence of patterns, and the sequences.
  static constexpr std::int64_t rows_of_sequence = 32;
  const std::int32_t* sequences;
  const std::uint16_t* patterns;

  constexpr std::int32_t pattern_of(std::int64_t r) const {
    return patterns[sequences[r / rows_of_sequence] * rows_of_sequence + r % rows_of_sequence];
  }
  template <class In>
  constexpr T row(std::int64_t r, In in) const {
    T sum = 0;
    const std::int32_t pattern = pattern_of(r);
    for (std::int32_t k = starts[pattern]; k < starts[pattern + 1]; ++k) sum += coefficients[k] * in(r + offsets[k]);
    return sum;
  }
  constexpr T on_diagonal(std::int64_t r) const { return main[pattern_of(r)]; }
};

/// The main diagonal and those above it that are not all 0: A(r, r + offsets[k]) is diagonals[k * rows + r], and so is
/// its mirror image. Numbers may be kept narrower than vectors' ones.
template <class T, class Kept>
struct DiagonalRows {
  static constexpr int most = 32;
  std::int64_t rows;
  std::int64_t reach;
  int count;
  std::int64_t offsets[most];  // increasing; at least one, and 0 may be missing
  const Kept* diagonals;

  template <class In>
  constexpr T row(std::int64_t r, In in) const {
    T sum = 0;
    for (int k = 0; k < count; ++k) {
      const std::int64_t offset = offsets[k];
      const Kept* const diagonal = diagonals + k * rows;
      if (r + offset < rows) sum += static_cast<T>(diagonal[r]) * in(r + offset);
      if (offset > 0 && r >= offset) sum += static_cast<T>(diagonal[r - offset]) * in(r - offset);
    }
    return sum;
  }
  constexpr T on_diagonal(std::int64_t r) const { return offsets[0] == 0 ? static_cast<T>(diagonals[r]) : T(0); }
};

/// A product with the vector that was computed already.
template <class T>
struct GivenRows {
  std::int64_t rows;
  static constexpr std::int64_t reach = 0;
  const T* products;

  template <class In>
  constexpr T row(std::int64_t r, In) const {
    return products[r];
  }
  constexpr T on_diagonal(std::int64_t) const { return T(0); }  // is not asked for
};

/// Diagonals as float where vectors are double and no number is lost.
template <class T>
using MatrixRows =
    std::conditional_t<std::is_same_v<T, float>, std::variant<PatternRows<T>, DiagonalRows<T, T>, GivenRows<T>>,
                       std::variant<PatternRows<T>, DiagonalRows<T, T>, DiagonalRows<T, float>, GivenRows<T>>>;

}  // namespace nabla::detail
