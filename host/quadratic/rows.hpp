#pragma once

#include <cstdint>
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

/// An entry's column and, in the bits above it, which of the few different numbers of the matrix it is.
template <class T>
struct NumberedEntries {
  const std::uint32_t* words;
  const T* numbers;
  int column_bits;

  constexpr std::int64_t column(std::int64_t at) const { return words[at] & ((std::uint32_t{1} << column_bits) - 1); }
  constexpr T number(std::int64_t at) const { return numbers[words[at] >> column_bits]; }
};

/// Numbers may be kept narrower than vectors' ones.
template <class T, class Kept>
struct ListedEntries {
  const std::uint32_t* columns;
  const Kept* kept;

  constexpr std::int64_t column(std::int64_t at) const { return columns[at]; }
  constexpr T number(std::int64_t at) const { return static_cast<T>(kept[at]); }
};

/// Rows with entries anywhere, sorted by their length within windows and stored slice by slice of a few neighbours in
/// that order: of a slice the first entry of each row, then the second of each. On CPUs short rows are padded to their
/// slice's longest, with zeros in columns that they have already, and products go in place window by window. On GPUs a
/// warp's 32 rows are a window and a slice; nothing is padded, so that what a warp reads together lies together, and
/// each thread has the row that its vectors' components belong to.
/// Source: Kreutzer et al., A unified sparse matrix data format (SIAM J. Sci. Comput. 36, 2014)
template <class T, class Entries>
struct SliceRows {
  static constexpr std::int64_t slice = 8, window = 256, warp = 32;
  static constexpr std::int64_t longest = 65535 / warp;

  std::int64_t rows;
  Entries entries;
  const std::int64_t* starts;   // of each slice, its first entry; then all
  const std::uint16_t* places;  // of each row, its place in its window; on GPUs also 32 times its length
  // On GPUs, of each slice and k how many of its rows have a k-th entry; null on CPUs.
  const std::uint8_t* counts;
  const std::int64_t* first_counts;  // of each slice

  /// Calls use(at) with the entries of row r, in order, and on CPUs with what pads it.
  template <class Use>
  constexpr void each(std::int64_t r, Use use) const {
    if (counts != nullptr) {
      const std::uint8_t* const others = counts + first_counts[r / warp];
      const int length = places[r] / warp;
      std::int64_t at = starts[r / warp] + places[r] % warp;
      for (int k = 0; k < length; ++k) {
        use(at);
        at += others[k];
      }
    } else {
      const std::int64_t place = r / window * window + places[r], its_slice = place / slice;
      for (std::int64_t at = starts[its_slice] + place % slice; at < starts[its_slice + 1]; at += slice) use(at);
    }
  }
  template <class In>
  constexpr T row(std::int64_t r, In in) const {
    T sum = 0;
    each(r, [&](std::int64_t at) { sum += entries.number(at) * in(entries.column(at)); });
    return sum;
  }
  constexpr T on_diagonal(std::int64_t r) const {
    T sum = 0;
    each(r, [&](std::int64_t at) {
      if (entries.column(at) == r) sum += entries.number(at);
    });
    return sum;
  }
};

/// Whether rows reach anywhere: directions are turned before a product, as turned where they are gathered they would be
/// two vectors to gather in place of one.
template <class Stored>
inline constexpr bool is_scattered = false;
template <class T, class Entries>
inline constexpr bool is_scattered<SliceRows<T, Entries>> = true;

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

template <class T>
struct KindsOfRows {
  using Type = std::variant<PatternRows<T>, DiagonalRows<T, T>, SliceRows<T, NumberedEntries<T>>,
                            SliceRows<T, ListedEntries<T, T>>, GivenRows<T>>;
};
/// As float where vectors are double and no number is lost.
template <>
struct KindsOfRows<double> {
  using Type =
      std::variant<PatternRows<double>, DiagonalRows<double, double>, DiagonalRows<double, float>,
                   SliceRows<double, NumberedEntries<double>>, SliceRows<double, ListedEntries<double, double>>,
                   SliceRows<double, ListedEntries<double, float>>, GivenRows<double>>;
};
template <class T>
using MatrixRows = typename KindsOfRows<T>::Type;

}  // namespace nabla::detail
