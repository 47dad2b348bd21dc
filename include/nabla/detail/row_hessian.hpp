#pragma once

#include <cstdint>

// The Hessian of a sum over rows, A^T D A, as host/cpu/row_hessian.cpp and kernels/row_hessian.cu see it: entry (j, k)
// is the sum of D_r a_rj a_rk over the rows r that have both columns.
//
// Columns that any row has are ranked by how many have them. Of two columns the one ranked first, the shorter, owns
// their entry: it is computed once and put into both places, so that the result is symmetric to the bit, and a column
// that all rows have, a bias, owns nothing but its place on the diagonal. Rows are kept in the order of ranks: with
// what follows an owner's entry in a row, and with itself, an owner computes what is its own. Owners that very many
// rows have are cut into parts of equally many rows, whose sums are added up in order. All this depends on the matrix
// alone, and so do results.

namespace nabla::detail {

template <class T, class Index>
struct RowHessianView {
  std::int64_t owners, entries;
  std::int64_t whole_owners, cut_entries;  // owners from `whole_owners` on are cut, and have so many of the entries
  std::int64_t part_rows, parts;           // rows of a part
  std::int64_t part_sums;                  // numbers of all parts
  const std::int64_t* column;              // of each owner

  // By columns, the matrix's transpose: the rows of column c, and its numbers there, are from starts[c] up to
  // starts[c + 1]. Those of at[t] are the places of the same numbers among those of rows.
  const Index *starts, *rows, *at;
  const T* factors;
  // By rows, in the order of ranks. Row r ends before ends[r].
  const Index *ends, *ranks;
  const T* values;

  // The entries that owners own: of owner p those from entry_starts[p] up to entry_starts[p + 1], by the other column's
  // rank, in order.
  const std::int64_t* entry_starts;
  const Index* others;
  // Of the owners that are cut, from 0: how many parts the ones before have, and where the sums of its parts begin.
  const std::int64_t *parts_before, *sums_begin;

  constexpr std::int64_t first(std::int64_t owner) const { return starts[column[owner]]; }
  constexpr std::int64_t last(std::int64_t owner) const { return starts[column[owner] + 1]; }
  constexpr std::int64_t entries_of(std::int64_t owner) const { return entry_starts[owner + 1] - entry_starts[owner]; }
  constexpr std::int64_t cut_owners() const { return owners - whole_owners; }
};

/// A part of an owner that is cut.
struct RowHessianPart {
  std::int64_t owner, first, last;  // its rows, as RowHessianView::first()
  std::int64_t sums;                // where they begin

  template <class View>
  constexpr RowHessianPart(const View& view, std::int64_t part) {
    std::int64_t low = 0, high = view.cut_owners();  // the last with at most `part` before it
    while (high - low > 1) {
      const std::int64_t middle = low + (high - low) / 2;
      (view.parts_before[middle] <= part ? low : high) = middle;
    }
    owner = view.whole_owners + low;
    const std::int64_t number = part - view.parts_before[low], end = view.last(owner);
    first = view.first(owner) + number * view.part_rows;
    last = first + view.part_rows < end ? first + view.part_rows : end;
    sums = view.sums_begin[low] + number * view.entries_of(owner);
  }
};

/// Where entries go.
template <class T>
struct RowHessianOutput {
  const T* curvatures;                    // D
  const std::int64_t *places, *mirrored;  // of each entry, in the Hessian's pattern; the same on its diagonal
  T* out;
  bool add;

  constexpr void put(std::int64_t entry, T sum) const {
    const std::int64_t place = places[entry], other = mirrored[entry];
    out[place] = add ? out[place] + sum : sum;
    if (other != place) out[other] = add ? out[other] + sum : sum;
  }
};

}  // namespace nabla::detail
