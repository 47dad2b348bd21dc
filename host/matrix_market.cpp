#include <nabla/executor.hpp>
#include <nabla/matrix_market.hpp>

#include "matrix_market/header.hpp"
#include "matrix_market/reader.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <limits>
#include <type_traits>
#include <utility>

namespace nabla {

namespace {

matrix_market::Cut cut_for(int threads) { return {.threads = Executor::cpu(threads).threads()}; }

template <class T>
std::string digits_of(T number) {
  char text[64];
  return {text, std::to_chars(text, text + sizeof(text), number).ptr};
}

std::string shape_of(std::int64_t rows, std::int64_t columns) {
  return std::to_string(rows) + " x " + std::to_string(columns);
}

/// Numbers in their order, as integers: neighbours differ by one, and both zeros are 0.
template <class T>
auto rank(T number) {
  using Integer = std::conditional_t<sizeof(T) == 8, std::int64_t, std::int32_t>;
  constexpr Integer lowest = std::numeric_limits<Integer>::min();
  const auto bits = std::bit_cast<Integer>(number);
  return bits < 0 ? lowest - bits : bits;
}

template <class T>
bool nearly_equal(T a, T b) {
  constexpr int most_ulps = 8;
  if (a == b) return true;
  if (!(std::abs(a) <= std::numeric_limits<T>::max() && std::abs(b) <= std::numeric_limits<T>::max())) return false;
  using Unsigned = std::conditional_t<sizeof(T) == 8, std::uint64_t, std::uint32_t>;
  const auto x = rank(a), y = rank(b);
  const auto apart =
      x < y ? static_cast<Unsigned>(y) - static_cast<Unsigned>(x) : static_cast<Unsigned>(x) - static_cast<Unsigned>(y);
  return apart <= most_ulps;
}

/// The entry at (row, column), or 0.
template <class T, class Index>
T entry_at(const SparseMatrix<T, Index>& matrix, std::int64_t row, std::int64_t column) {
  const auto begin = matrix.column_indices.begin() + matrix.starts[static_cast<std::size_t>(row)];
  const auto end = matrix.column_indices.begin() + matrix.starts[static_cast<std::size_t>(row) + 1];
  const auto at = std::lower_bound(begin, end, static_cast<Index>(column));
  if (at == end || *at != column) return 0;
  return matrix.values[static_cast<std::size_t>(at - matrix.column_indices.begin())];
}

}  // namespace

template <class T, class Index>
SparseMatrix<T, Index> read_matrix_market(const std::filesystem::path& path, int threads) {
  return matrix_market::read_matrix<T, Index>(matrix_market::Bytes(path), cut_for(threads));
}

template <class T>
std::vector<T> read_matrix_market_vector(const std::filesystem::path& path, int threads) {
  return matrix_market::read_vector<T>(matrix_market::Bytes(path), cut_for(threads));
}

template <class T, class Index>
std::optional<Asymmetry<T>> find_asymmetry(const SparseMatrix<T, Index>& matrix, int threads) {
  if (matrix.rows != matrix.columns) {
    throw ShapeError("find_asymmetry: expected a square matrix, found " + shape_of(matrix.rows, matrix.columns));
  }
  constexpr std::int64_t rows_at_once = 1024;
  const int thread_count =
      static_cast<int>(std::min<std::int64_t>(Executor::cpu(threads).threads(), matrix.rows / rows_at_once + 1));
  std::optional<Asymmetry<T>> first;
#pragma omp parallel num_threads(thread_count)
  {
    std::optional<Asymmetry<T>> mine;
#pragma omp for schedule(dynamic, rows_at_once)
    for (std::int64_t r = 0; r < matrix.rows; ++r) {
      for (std::int64_t e = matrix.starts[static_cast<std::size_t>(r)];
           e < matrix.starts[static_cast<std::size_t>(r) + 1]; ++e) {
        // Both entries of a pair look at each other, for the case that there is only one.
        const std::int64_t c = matrix.column_indices[static_cast<std::size_t>(e)];
        const T here = matrix.values[static_cast<std::size_t>(e)], there = entry_at(matrix, c, r);
        if (c == r || nearly_equal(here, there)) continue;
        const Asymmetry<T> pair = r < c ? Asymmetry<T>{r, c, here, there} : Asymmetry<T>{c, r, there, here};
        if (!mine || std::pair(pair.row, pair.column) < std::pair(mine->row, mine->column)) mine = pair;
      }
    }
#pragma omp critical(nabla_find_asymmetry)
    if (mine && (!first || std::pair(mine->row, mine->column) < std::pair(first->row, first->column))) first = mine;
  }
  return first;
}

template <class T, class Index>
void require_symmetric(const SparseMatrix<T, Index>& matrix, const std::filesystem::path& path, int threads) {
  if (matrix.rows != matrix.columns) {
    const matrix_market::Bytes bytes(path);
    bytes.refuse(matrix_market::read_header(bytes).size_line,
                 "expected a square matrix, found " + shape_of(matrix.rows, matrix.columns));
  }
  const auto pair = find_asymmetry(matrix, threads);
  if (!pair) return;
  // The file is read once more, for nothing but the line.
  const matrix_market::Bytes bytes(path);
  const matrix_market::Cut cut = cut_for(threads);
  std::int64_t line = matrix_market::find_line(bytes, pair->row, pair->column, cut);
  if (line == 0) line = matrix_market::find_line(bytes, pair->column, pair->row, cut);
  const auto says = [](std::int64_t row, std::int64_t column, T value) {
    return "row " + std::to_string(row + 1) + ", column " + std::to_string(column + 1) + " has " + digits_of(value);
  };
  bytes.refuse(line, "expected a symmetric matrix, up to 8 units in the last place, but " +
                         says(pair->row, pair->column, pair->value) + " and " +
                         says(pair->column, pair->row, pair->mirrored));
}

template SparseMatrix<float, std::int32_t> read_matrix_market(const std::filesystem::path&, int);
template SparseMatrix<float, std::int64_t> read_matrix_market(const std::filesystem::path&, int);
template SparseMatrix<double, std::int32_t> read_matrix_market(const std::filesystem::path&, int);
template SparseMatrix<double, std::int64_t> read_matrix_market(const std::filesystem::path&, int);
template std::vector<float> read_matrix_market_vector(const std::filesystem::path&, int);
template std::vector<double> read_matrix_market_vector(const std::filesystem::path&, int);
template std::optional<Asymmetry<float>> find_asymmetry(const SparseMatrix<float, std::int32_t>&, int);
template std::optional<Asymmetry<float>> find_asymmetry(const SparseMatrix<float, std::int64_t>&, int);
template std::optional<Asymmetry<double>> find_asymmetry(const SparseMatrix<double, std::int32_t>&, int);
template std::optional<Asymmetry<double>> find_asymmetry(const SparseMatrix<double, std::int64_t>&, int);
template void require_symmetric(const SparseMatrix<float, std::int32_t>&, const std::filesystem::path&, int);
template void require_symmetric(const SparseMatrix<float, std::int64_t>&, const std::filesystem::path&, int);
template void require_symmetric(const SparseMatrix<double, std::int32_t>&, const std::filesystem::path&, int);
template void require_symmetric(const SparseMatrix<double, std::int64_t>&, const std::filesystem::path&, int);

}  // namespace nabla
