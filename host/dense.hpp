#pragma once

#include <nabla/batch.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>

// Products of a dense matrix and vectors, as host/cpu/dense.cpp and kernels/dense.cu see them.
//
// What adds up rows (a product with the transpose) does so in parts of neighbouring rows, each into a vector of its
// own, and adds those up in order. How many parts there are depends on the matrix's shape alone, and so results do.
// They have 64 rows or more, so that the vectors take at most a 64th of the matrix's memory, and of the time to read
// it.

namespace nabla::detail {

/// Entry (r, c) is values[r * columns + c].
template <class T>
struct DenseView {
  std::int64_t rows, columns;
  const T* values;

  constexpr const T* row(std::int64_t r) const { return values + r * columns; }
};

constexpr std::int64_t dense_parts(std::int64_t rows, std::int64_t columns) {
  constexpr std::int64_t least_rows = 64, least_entries = 32'768, most = 1'024;
  const std::int64_t worth_it = rows / least_rows;
  return std::clamp<std::int64_t>(
      columns < least_entries ? std::min(worth_it, rows * columns / least_entries) : worth_it, 1, most);
}
/// The first row of a part, or for all of them the number of rows. Parts begin at multiples of 8 rows.
constexpr std::int64_t dense_part_row(std::int64_t rows, std::int64_t parts, std::int64_t part) {
  return part == parts ? rows : rows / 8 * part / parts * 8;
}

/// The same for the triangle right of the main diagonal, whose rows grow shorter: parts have about as many entries.
constexpr std::int64_t triangle_parts(std::int64_t size) {
  constexpr std::int64_t least_entries = 32'768, most = 32;
  return std::clamp<std::int64_t>(size / 2 * size / least_entries, 1, std::min(most, size / 64 + 1));
}
inline std::int64_t triangle_part_row(std::int64_t size, std::int64_t parts, std::int64_t part) {
  if (part == parts) return size;
  const double left = std::sqrt(1 - static_cast<double>(part) / static_cast<double>(parts));
  return static_cast<std::int64_t>(static_cast<double>(size) * (1 - left)) / 8 * 8;
}

/// out[k] = X in[k], or is increased by it, for one vector or two; row r times factors[r] where those are there.
template <class T>
struct DenseProduct {
  DenseView<T> matrix;
  const T* in[2];
  T* out[2];
  int vectors;
  const T* factors;
  bool add;

  constexpr void put(int k, std::int64_t row, T sum) const {
    const T product = factors != nullptr ? factors[row] * sum : sum;
    out[k][row] = add ? out[k][row] + product : product;
  }
};

/// out = X^T in, or is increased by it.
template <class T>
struct DenseTransposed {
  DenseView<T> matrix;
  const T* in;
  T* out;
  bool squared;  // squares of X's entries in place of those
  bool add;
};

/// out = X^T (factors (X in)), or is increased by it. Null factors stand for ones.
template <class T>
struct DenseNormal {
  DenseView<T> matrix;
  const T* factors;
  const T* in;
  T* products;  // of rows, in between
  T* out;
  bool add;

  /// Whether CPUs read X once: what a few rows have is still in a core's cache when their products are there.
  constexpr bool is_one_pass() const {
    constexpr std::int64_t most_bytes = 1'048'576;
    return matrix.columns <= most_bytes / 8 / static_cast<std::int64_t>(sizeof(T));
  }
};

/// out = A in, or is increased by it, for a symmetric A. CPUs read the main diagonal and what is right of it.
template <class T>
struct DenseSymmetric {
  DenseView<T> matrix;
  const T* in;
  T* out;
  bool add;
};

// Enqueued, with the executor's workspace.
template <class T>
void multiply(const Executor& executor, const DenseProduct<T>& product);
template <class T>
void multiply(const Executor& executor, const DenseTransposed<T>& product);
template <class T>
void multiply(const Executor& executor, const DenseNormal<T>& product);
template <class T>
void multiply(const Executor& executor, const DenseSymmetric<T>& product);

}  // namespace nabla::detail
