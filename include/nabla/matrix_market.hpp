#pragma once

#include <nabla/error.hpp>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

// Matrix Market files: sparse matrices and vectors as text.
//
//     %%MatrixMarket matrix coordinate real symmetric
//     % rows, columns, entries; then row, column and value of each, counted from 1
//     2 2 2
//     1 1 4.5
//     2 1 -1
//
// Read are `coordinate` and `array`, `real`, `integer` and `pattern` (whose entries are 1), `general` and `symmetric`.
// Comments and blank lines may be anywhere, lines may end in CR LF, a byte-order mark may come first, words may be in
// capitals, and exponents may be Fortran's D. Numbers are rounded correctly to T. Non-finite entries are refused.
//
// Files must be regular: their length tells how much of a declared size to believe, and they are read in pieces by
// several threads. The result is the same for any number of threads; 0 takes what OpenMP takes. Whatever is wrong with
// a file is thrown as FileError, "x.mtx: line 7: expected …, found …", and of several mistakes the first in the file.
//
// Source: Boisvert, Pozo, Remington, The Matrix Market Exchange Formats (NISTIR 5935, 1996).

namespace nabla {

/// What the first lines of a Matrix Market file say.
struct MatrixMarketHeader {
  enum class Field { real, integer, pattern };

  bool coordinate = true;  ///< otherwise array: all entries, column by column
  Field field = Field::real;
  bool symmetric = false;  ///< one triangle stands for both; otherwise general
  std::int64_t rows = 0, columns = 0;
  std::int64_t entries = 0;      ///< lines with entries, as declared; for arrays what the size needs
  std::int64_t size_line = 0;    ///< the line that declares them, from 1
  std::int64_t data_offset = 0;  ///< bytes before the first line after it
};

/// Reads the header of a file. Throws FileError, also where a matrix has no rows or columns, or more of them than a
/// million and the file's bytes.
MatrixMarketHeader read_matrix_market_header(const std::filesystem::path& path);

/// A sparse matrix in host memory, row by row (compressed sparse rows): the entries of row r are values[e] in
/// column_indices[e], from e = starts[r] up to starts[r + 1], in increasing columns, counted from 0.
/// SparseRows(m.starts, m.column_indices, m.values) is a view of it for row_sum.hpp.
template <class T, class Index = std::int32_t>
struct SparseMatrix {
  std::int64_t rows = 0, columns = 0;
  std::vector<std::int64_t> starts;  ///< rows + 1 of them
  std::vector<Index> column_indices;
  std::vector<T> values;
  bool symmetric = false;  ///< the file said so; both triangles are here nonetheless
  /// A symmetric file had entries on both sides of the diagonal: where it meant to repeat them, they are doubled.
  bool both_triangles = false;
};

/// Reads a matrix. Entries at the same place add up, in the file's order; both triangles of a symmetric file are made
/// from whichever it has. Index is std::int32_t or std::int64_t; read_matrix_market_header tells which one is needed.
/// Throws FileError.
///
/// Complexity: beside the result, sizeof(T) + 4 + sizeof(Index) bytes (rounded up to the alignment of those) for each
///     entry of both triangles, until it returns.
template <class T, class Index = std::int32_t>
SparseMatrix<T, Index> read_matrix_market(const std::filesystem::path& path, int threads = 0);
extern template SparseMatrix<float, std::int32_t> read_matrix_market(const std::filesystem::path&, int);
extern template SparseMatrix<float, std::int64_t> read_matrix_market(const std::filesystem::path&, int);
extern template SparseMatrix<double, std::int32_t> read_matrix_market(const std::filesystem::path&, int);
extern template SparseMatrix<double, std::int64_t> read_matrix_market(const std::filesystem::path&, int);

/// Reads a vector: a matrix of one column or one row. Where a coordinate file says nothing it is 0. Throws FileError.
template <class T>
std::vector<T> read_matrix_market_vector(const std::filesystem::path& path, int threads = 0);
extern template std::vector<float> read_matrix_market_vector(const std::filesystem::path&, int);
extern template std::vector<double> read_matrix_market_vector(const std::filesystem::path&, int);

/// Two entries that a symmetric matrix would not have, row < column; absent ones are 0.
template <class T>
struct Asymmetry {
  std::int64_t row, column;
  T value;     ///< at (row, column)
  T mirrored;  ///< at (column, row)
};

/// The first pair of entries, row by row, that differ by more than 8 units in the last place, which is to say that more
/// than 7 numbers lie between them. Throws ShapeError if the matrix is not square.
template <class T, class Index>
std::optional<Asymmetry<T>> find_asymmetry(const SparseMatrix<T, Index>& matrix, int threads = 0);
extern template std::optional<Asymmetry<float>> find_asymmetry(const SparseMatrix<float, std::int32_t>&, int);
extern template std::optional<Asymmetry<float>> find_asymmetry(const SparseMatrix<float, std::int64_t>&, int);
extern template std::optional<Asymmetry<double>> find_asymmetry(const SparseMatrix<double, std::int32_t>&, int);
extern template std::optional<Asymmetry<double>> find_asymmetry(const SparseMatrix<double, std::int64_t>&, int);

/// Throws FileError unless the matrix that was read from the file is square and symmetric to 8 units in the last place;
/// the message has the file's line of one of the two entries.
template <class T, class Index>
void require_symmetric(const SparseMatrix<T, Index>& matrix, const std::filesystem::path& path, int threads = 0);
extern template void require_symmetric(const SparseMatrix<float, std::int32_t>&, const std::filesystem::path&, int);
extern template void require_symmetric(const SparseMatrix<float, std::int64_t>&, const std::filesystem::path&, int);
extern template void require_symmetric(const SparseMatrix<double, std::int32_t>&, const std::filesystem::path&, int);
extern template void require_symmetric(const SparseMatrix<double, std::int64_t>&, const std::filesystem::path&, int);

namespace detail {
class NewFile;
}

/// Which entries of a matrix are written.
enum class Triangle {
  both,   ///< general
  lower,  ///< symmetric; what lies above the diagonal is not looked at
};

/// A Matrix Market file in the making, under a temporary name beside its target; removed if it is never published.
/// Numbers are written with as many digits as it takes to read the same ones again.
class MatrixMarketWriter {
 public:
  /// Creates the temporary file, so that a target that can't be written is known before anything is computed.
  /// Throws FileError, here and below.
  explicit MatrixMarketWriter(const std::filesystem::path& target);
  MatrixMarketWriter(MatrixMarketWriter&&) noexcept;
  ~MatrixMarketWriter();

  /// Writes a vector as an array of one column, or a matrix by its coordinates, and flushes it to disk; one of them is
  /// to be called once. Throws ShapeError where a triangle is asked for of a matrix that is not square.
  template <class T>
  void write(std::span<const T> vector);
  template <class T, class Index>
  void write(const SparseMatrix<T, Index>& matrix, Triangle triangle);

  /// Gives the file its name, in place of whatever had it.
  void publish();

 private:
  std::unique_ptr<detail::NewFile> file_;
};
extern template void MatrixMarketWriter::write(std::span<const float>);
extern template void MatrixMarketWriter::write(std::span<const double>);
extern template void MatrixMarketWriter::write(const SparseMatrix<float, std::int32_t>&, Triangle);
extern template void MatrixMarketWriter::write(const SparseMatrix<float, std::int64_t>&, Triangle);
extern template void MatrixMarketWriter::write(const SparseMatrix<double, std::int32_t>&, Triangle);
extern template void MatrixMarketWriter::write(const SparseMatrix<double, std::int64_t>&, Triangle);

/// Writes a vector, or a matrix. The file appears complete or not at all: it is written under a temporary name beside
/// the target, flushed to disk and renamed. Throws FileError.
template <class T>
void write_matrix_market(const std::filesystem::path& path, const std::vector<T>& vector) {
  MatrixMarketWriter writer(path);
  writer.write(std::span<const T>(vector));
  writer.publish();
}
template <class T, class Index>
void write_matrix_market(const std::filesystem::path& path, const SparseMatrix<T, Index>& matrix,
                         Triangle triangle = Triangle::both) {
  MatrixMarketWriter writer(path);
  writer.write(matrix, triangle);
  writer.publish();
}

}  // namespace nabla
