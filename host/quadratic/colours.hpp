#pragma once

#include "entries.hpp"

#include <cstdint>
#include <vector>

namespace nabla::detail {

/// A symmetric matrix in the host's memory without the zeros of its diagonal: what is beside it row by row, columns
/// increasing.
struct HostMatrix {
  std::vector<std::int64_t> starts{0};
  std::vector<std::int32_t> columns;
  std::vector<double> numbers;
  std::vector<double> diagonal;

  std::int64_t size() const { return static_cast<std::int64_t>(diagonal.size()); }
};

/// Rows in an order by colours: those of one colour, which have no entries with each other, one after another as they
/// came. Each colour begins at a multiple of 32 places, some of which stay empty.
struct ColourOrder {
  std::vector<std::int64_t> firsts, counts;  // of each colour: its first place, and how many rows it has
  std::vector<std::int32_t> order;           // the row at each place, or -1
  std::vector<std::int32_t> places;          // of each row

  std::int64_t size() const { return static_cast<std::int64_t>(order.size()); }
};
/// Each row, in order, gets the first colour that none of its neighbours has (greedy). Throws Error where places are
/// more than 2^31.
ColourOrder ordered_by_colours(const HostMatrix& a);

/// Rows of a strictly triangular matrix, in the host's memory.
struct TriangularRows {
  std::vector<std::int64_t> starts{0};
  std::vector<std::int32_t> columns;
  std::vector<double> numbers;

  std::int64_t size() const { return static_cast<std::int64_t>(starts.size()) - 1; }
  TriangularRows transposed() const;
};

/// L D L^T with the entries of A and no others.
struct IncompleteFactor {
  TriangularRows lower;
  std::vector<double> pivots;
  double shift = 0;  // it is of A and so many times its diagonal
};
/// Of A in that order. A diagonal counts by its absolute value, and 0 as 1; so there is a factor of any A. Pivots are
/// at least `least` of their diagonal.
IncompleteFactor incomplete_factor(const HostMatrix& a, const ColourOrder& order, double least);

}  // namespace nabla::detail
