#pragma once

#include "../vectors.hpp"
#include "passes.hpp"

#include <cstdint>
#include <variant>

// What preconditioners that are stored do to a vector, stated once for a row; host/cpu/sweeps.cpp and kernels/sweeps.cu
// run them over rows of which none waits for another.

namespace nabla::detail {

/// z = M^-1 g for an M of diagonal blocks, of `size` rows each but for the last, whose inverses are known: block by
/// block, size x size numbers each.
template <class T>
struct BlockSweep {
  static constexpr int most = 32;
  std::int64_t first, count;  // rows of the sweep
  std::int64_t rows, size;
  const T *inverse, *g;
  T* z;

  /// Some rows, from r up to `end`, of the block that begins at `begin`.
  template <int Most>
  constexpr void some(std::int64_t begin, std::int64_t r, std::int64_t end) const {
    const std::int64_t here = begin + size <= rows ? size : rows - begin;
    double sums[Most] = {};
    for (std::int64_t j = 0; j < here; ++j) {
      const T* const column = inverse + begin * size + j * size + (r - begin);
      const auto pull = static_cast<double>(g[begin + j]);
      for (std::int64_t k = 0; k < end - r; ++k) sums[k] += static_cast<double>(column[k]) * pull;
    }
    for (std::int64_t k = 0; k < end - r; ++k) z[r + k] = static_cast<T>(sums[k]);
  }
  constexpr void operator()(std::int64_t r) const { some<1>(r / size * size, r, r + 1); }
};

/// Entries of a triangular matrix beside its diagonal. Of each 32 rows the first entries lie one after another, then
/// the second ones, and so on, as many as the longest row has; what a shorter one has not got is 0, in its own column.
template <class T>
struct SlicedRows {
  static constexpr std::int64_t slice = 32;
  const std::int64_t* starts;  // of each 32 rows
  const std::int32_t* columns;
  const T* numbers;

  /// Adds rows from r on times y to sums. Either one row, or the 32 of a slice.
  template <int Rows>
  constexpr void add_times(const T* y, std::int64_t r, double (&sums)[Rows]) const {
    const std::int64_t s = r / slice, end = starts[s + 1];
    for (std::int64_t e = starts[s] + r % slice; e < end; e += slice) {
      for (int k = 0; k < Rows; ++k) {
        sums[k] += static_cast<double>(numbers[e + k]) * static_cast<double>(y[columns[e + k]]);
      }
    }
  }
};

/// y = L^-1 g, for rows that depend on none of each other. `order` says which component a row of L is of. What y was
/// must be finite.
template <class T>
struct ForwardSweep {
  std::int64_t first, count;
  SlicedRows<T> lower;
  const std::int32_t* order;
  const T* g;
  T* y;

  template <int Rows>
  constexpr void some(std::int64_t r) const {
    double sums[Rows] = {};
    lower.add_times(y, r, sums);
    for (int k = 0; k < Rows; ++k) y[r + k] = static_cast<T>(static_cast<double>(g[order[r + k]]) - sums[k]);
  }
  constexpr void operator()(std::int64_t r) const { some<1>(r); }
};

/// z = L^-T D^-1 y, for such rows, and y becomes the same in L's order.
template <class T>
struct BackwardSweep {
  std::int64_t first, count;
  SlicedRows<T> upper;
  const std::int32_t* order;
  const T* inverse_pivots;
  T *y, *z;

  template <int Rows>
  constexpr void some(std::int64_t r) const {
    double sums[Rows] = {};
    upper.add_times(y, r, sums);
    for (int k = 0; k < Rows; ++k) {
      sums[k] = static_cast<double>(inverse_pivots[r + k]) * static_cast<double>(y[r + k]) - sums[k];
    }
    for (int k = 0; k < Rows; ++k) y[r + k] = static_cast<T>(sums[k]);
    for (int k = 0; k < Rows; ++k) z[order[r + k]] = static_cast<T>(sums[k]);
  }
  constexpr void operator()(std::int64_t r) const { some<1>(r); }
};

template <class T>
using RowSweep = std::variant<BlockSweep<T>, ForwardSweep<T>, BackwardSweep<T>>;

/// Enqueues a sweep; one that is for a descent which does not run any more may change nothing. `scalars`: that
/// descent's, or null.
template <class T>
void sweep(const Executor& executor, const RowSweep<T>& sweep, const KrylovScalars* scalars);

}  // namespace nabla::detail
