#pragma once

#include "../vectors.hpp"
#include "passes.hpp"

#include <cstdint>
#include <variant>

// What preconditioners that are stored do to a vector, stated once for a row; host/cpu/sweeps.cpp and kernels/sweeps.cu
// run them over rows of which none waits for another.

namespace nabla::detail {

/// z = M^-1 g for an M of diagonal blocks, of `size` rows each but for the last, whose inverses are known: entry (i, j)
/// of the inverse that row r belongs to is inverse[j * rows + r], i being r's place in its block.
template <class T>
struct BlockSweep {
  std::int64_t first, count;  // rows of the sweep
  std::int64_t rows, size;
  const T *inverse, *g;
  T* z;

  constexpr void row(std::int64_t r, std::int64_t begin) const {
    const std::int64_t here = begin + size <= rows ? size : rows - begin;
    double sum = 0;
    for (std::int64_t j = 0; j < here; ++j) {
      sum += static_cast<double>(inverse[j * rows + r]) * static_cast<double>(g[begin + j]);
    }
    z[r] = static_cast<T>(sum);
  }
  constexpr void operator()(std::int64_t r) const { row(r, r / size * size); }
};

/// Entries of a triangular matrix beside its diagonal. Of each 32 rows the first entries lie one after another, then
/// the second ones, and so on, as many as the longest row has; what a shorter one has not got is in column -1.
template <class T>
struct SlicedRows {
  static constexpr std::int64_t slice = 32;
  const std::int64_t* starts;  // of each 32 rows
  const std::int32_t* columns;
  const T* numbers;

  /// Row r times y.
  constexpr double times(const T* y, std::int64_t r) const {
    const std::int64_t s = r / slice, end = starts[s + 1];
    double sum = 0;
    for (std::int64_t e = starts[s] + r % slice; e < end && columns[e] >= 0; e += slice) {
      sum += static_cast<double>(numbers[e]) * static_cast<double>(y[columns[e]]);
    }
    return sum;
  }
};

/// y = L^-1 g, for rows that depend on none of each other. `order` says which component a row of L is of.
template <class T>
struct ForwardSweep {
  std::int64_t first, count;
  SlicedRows<T> lower;
  const std::int32_t* order;
  const T* g;
  T* y;

  constexpr void operator()(std::int64_t r) const {
    y[r] = static_cast<T>(static_cast<double>(g[order[r]]) - lower.times(y, r));
  }
};

/// z = L^-T D^-1 y, for such rows, and y becomes the same in L's order.
template <class T>
struct BackwardSweep {
  std::int64_t first, count;
  SlicedRows<T> upper;
  const std::int32_t* order;
  const T* inverse_pivots;
  T *y, *z;

  constexpr void operator()(std::int64_t r) const {
    const double scaled = static_cast<double>(inverse_pivots[r]) * static_cast<double>(y[r]);
    const T solved = static_cast<T>(scaled - upper.times(y, r));
    y[r] = solved;
    z[order[r]] = solved;
  }
};

template <class T>
using RowSweep = std::variant<BlockSweep<T>, ForwardSweep<T>, BackwardSweep<T>>;

/// Enqueues a sweep; one that is for a descent which does not run any more may change nothing. `scalars`: that
/// descent's, or null.
template <class T>
void sweep(const Executor& executor, const RowSweep<T>& sweep, const KrylovScalars* scalars);

}  // namespace nabla::detail
