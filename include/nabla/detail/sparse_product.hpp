#pragma once

#include <cstdint>

// Products of a sparse matrix and a vector, as host/cpu/row_sum.cpp and kernels/row_sum.cu see them.
//
// Rows may have any number of entries, none or nearly all. So work is not cut where rows end but into parts of equal
// size: the matrix is taken for one list, row by row, of a row's entries and then its end. Part k has the items from
// k * part_items on. Most rows lie within one part, which sums them up; of a row that was begun in an earlier part a
// part has a number for what it carries on, or for what it ends. Parts depend on the matrix alone, and so do results.
//
// Source: Merrill and Garland, Merge-based parallel sparse matrix-vector multiplication (SC 2016)

namespace nabla::detail {

/// Seven for each of 256 threads: an odd number, with which they read from different banks of shared memory.
inline constexpr std::int64_t part_items = 1792;

/// Entries of row r: columns and values from start(r) to start(r + 1).
template <class T>
struct SparseView {
  std::int64_t rows, entries;
  const void *starts, *columns;
  bool wide_starts, wide_columns;  // 64 bits
  const T* values;
  const std::int64_t* part_rows;  // the first row that a part has something of, for each part; then `rows`

  constexpr std::int64_t start(std::int64_t row) const { return read(starts, wide_starts, row); }
  constexpr std::int64_t column(std::int64_t entry) const { return read(columns, wide_columns, entry); }

  static constexpr std::int64_t read(const void* from, bool wide, std::int64_t at) {
    return wide ? static_cast<const std::int64_t*>(from)[at] : static_cast<const std::int32_t*>(from)[at];
  }
};

constexpr std::int64_t sparse_parts(std::int64_t rows, std::int64_t entries) {
  return (rows + entries + part_items - 1) / part_items;
}

/// out[k] = A in[k], or is increased by it, for one vector or two.
template <class T>
struct SparseProduct {
  SparseView<T> matrix;
  const T* in[2];
  T* out[2];
  int vectors;
  bool squared;  // squares of A's entries in place of those
  bool add;

  constexpr void put(int k, std::int64_t row, T sum) const { out[k][row] = add ? out[k][row] + sum : sum; }
};

/// What one part has.
struct SparsePart {
  std::int64_t row, last_row;      // rows that end in it; it may have entries of `last_row` too
  std::int64_t entry, last_entry;  // its entries
  bool carried;                    // `row` was begun in an earlier part

  template <class T>
  constexpr SparsePart(const SparseView<T>& matrix, std::int64_t part)
      : row(matrix.part_rows[part]),
        last_row(matrix.part_rows[part + 1]),
        entry(part * part_items - row),
        last_entry(end_of(matrix, part) - last_row),
        carried(row < matrix.rows && matrix.start(row) < entry) {}

  /// Whether it ends a row that an earlier part began.
  constexpr bool ends_carried() const { return carried && last_row > row; }
  /// The part in which `row` was begun.
  template <class T>
  constexpr std::int64_t first_part(const SparseView<T>& matrix) const {
    return (matrix.start(row) + row) / part_items;
  }

 private:
  template <class T>
  static constexpr std::int64_t end_of(const SparseView<T>& matrix, std::int64_t part) {
    const std::int64_t all = matrix.rows + matrix.entries, end = (part + 1) * part_items;
    return end < all ? end : all;
  }
};

// Of each part and vector two numbers are kept until all parts are done: what it ends of a row that was begun earlier,
// and what it has of a row that it does not end.
constexpr std::int64_t ended_at(std::int64_t part, int k, int vectors) { return 2 * (part * vectors + k); }
constexpr std::int64_t carried_at(std::int64_t part, int k, int vectors) { return ended_at(part, k, vectors) + 1; }

}  // namespace nabla::detail
