#pragma once

#include <nabla/row_sum.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

// Symmetric matrices as what they do to a vector: the A of a quadratic (quadratic.hpp).
//
//     const auto a = nabla::laplacian<double>(where, {1200, 1200}) + 0.1 * nabla::diagonal<double>(where, weights);
//     a.multiply(where, x, y);                                                                      // y = A x
//
// How a sparse matrix is stored follows from its numbers, and loses none: rows that are alike but for their place, as
// those of a grid with constant coefficients, are stored once; matrices of few diagonals as those, the lower ones not
// at all; other rows a few of similar length at a time, each entry in four bytes where there are few different numbers;
// numbers that float holds exactly as float. Rows are left as they came where some are much longer than others.
// format() says what was chosen, bytes() what a product reads of it.
//
// Shapes: vectors have size() numbers, in the executor's memory. An operator is for executors of the kind that it was
//     made with, on the same device; copies share what is stored. Products are enqueued on the executor's stream.
// Throws: ShapeError, MemorySpaceError, CudaError. NaN and infinity among a matrix's entries are data for products.

namespace nabla {

namespace detail {
template <class T>
struct SymmetricMatrix;
}

/// How sparse_operator() stores a matrix.
enum class Storage {
  automatic,  ///< what a product reads the least of
  rows,       ///< as it came, by rows (CSR): the caller's memory
  patterns,   ///< rows that are alike once
  diagonals,  ///< the main one and those above
  slices,     ///< a few rows of similar length at a time; of up to 2047 entries each, and 2^32 rows
};

/// A symmetric matrix over float or double; made by the functions below.
template <class T>
class SymmetricOperator {
 public:
  using Scalar = T;

  explicit SymmetricOperator(std::shared_ptr<const detail::SymmetricMatrix<T>> matrix) : matrix_(std::move(matrix)) {}

  std::int64_t size() const;          ///< rows, and columns
  std::int64_t nonzeros() const;      ///< of the whole matrix; -1: not known
  const std::string& format() const;  ///< how it is stored, for people
  double bytes() const;               ///< that a product reads beside vectors; NaN: not known

  /// y = A x, or is increased by it. Throws ShapeError also where y overlaps x.
  void multiply(const Executor& executor, std::span<const T> x, std::span<T> y, bool add = false) const;
  /// Whether diagonal() is known: of all but operators of the caller's that do not tell it.
  bool has_diagonal() const;
  /// The numbers on the main diagonal. Throws Error where they are not known.
  void diagonal(const Executor& executor, std::span<T> numbers, bool add = false) const;

  const detail::SymmetricMatrix<T>& matrix() const { return *matrix_; }

 private:
  std::shared_ptr<const detail::SymmetricMatrix<T>> matrix_;
};
extern template class SymmetricOperator<float>;
extern template class SymmetricOperator<double>;

/// A diagonal matrix; its numbers are copied.
template <class T>
SymmetricOperator<T> diagonal(const Executor& executor, std::type_identity_t<std::span<const T>> numbers);

/// The negative Laplacian on a grid of one, two or three extents, zero around it (Dirichlet): 2 for each dimension on
/// the diagonal, -1 for each neighbour. Variable i + nx (j + ny k) is point (i, j, k). Memory: a few numbers for each
/// line of the grid; on CUDA 4 bytes for each 32 points too. Throws ShapeError unless extents are positive and their
/// product is less than 2^62.
template <class T>
SymmetricOperator<T> laplacian(const Executor& executor, const std::vector<std::int64_t>& extents);

/// What a stencil has at a place, relative to the point.
struct StencilEntry {
  std::int64_t offset[3] = {0, 0, 0};
  double coefficient = 0;
};
/// A stencil of constant coefficients on such a grid; what lies outside is 0. Throws ShapeError unless the stencil is
/// symmetric: each entry has its opposite.
template <class T>
SymmetricOperator<T> stencil(const Executor& executor, const std::vector<std::int64_t>& extents,
                             const std::vector<StencilEntry>& entries);

/// A symmetric sparse matrix, both triangles. Looked through on the host, and stored as `storage` says; where that is
/// rows, the caller's memory is used for as long as the operator is. Throws ShapeError that names the first entry which
/// can't be, or which differs from its mirror image by more than 8 units in the last place; Error where a storage was
/// asked for that the matrix has not got the form of.
template <class T, class Start, class Column>
SymmetricOperator<T> sparse_operator(const Executor& executor, const SparseRows<Start, Column, T>& rows,
                                     Storage storage = Storage::automatic);

/// A symmetric dense matrix, which stays the caller's memory for as long as the operator is used. Looked through on the
/// host, to which it is copied from a GPU. Complexity: on CPUs a product reads the main diagonal and what is right of
/// it, on CUDA all of it. Throws ShapeError that names the first entry which differs from its mirror image by more than
/// 8 units in the last place; NaN and its mirror image may be any NaN.
template <class T>
SymmetricOperator<T> dense_operator(const Executor& executor, const DenseRows<T>& rows);

/// X^T X of a matrix X in the executor's memory, which is not formed: that of least squares. Vectors have `columns`
/// numbers. Complexity: a sparse X is read twice, once transposed, as which it is kept; a dense one is read once where
/// its rows have up to 16,384 numbers in f64 (32,768 in f32), on CUDA and otherwise twice.
template <class T, class Start, class Column>
SymmetricOperator<T> normal_operator(const Executor& executor, std::int64_t columns,
                                     const SparseRows<Start, Column, T>& rows);
template <class T>
SymmetricOperator<T> normal_operator(const Executor& executor, const DenseRows<T>& rows);

/// The caller's own: multiply(executor, x, y) fills all of y, or enqueues what does on executor.stream(). It must be
/// symmetric, which nobody can check. `diagonal`, where it is there, fills in the diagonal.
template <class T>
struct OwnOperator {
  std::int64_t size = 0;
  std::function<void(const Executor&, std::span<const T> x, std::span<T> y)> multiply;
  std::function<void(const Executor&, std::span<T> numbers)> diagonal = {};
};
template <class T>
SymmetricOperator<T> own_operator(const Executor& executor, OwnOperator<T> own);

/// Sums and multiples. Throws ShapeError for different sizes.
template <class T>
SymmetricOperator<T> operator+(const SymmetricOperator<T>& a, const SymmetricOperator<T>& b);
template <class T>
SymmetricOperator<T> operator*(std::type_identity_t<double> factor, const SymmetricOperator<T>& a);

namespace detail {

/// `is_symmetric`: somebody has seen that already.
template <class T>
SymmetricOperator<T> make_sparse_operator(const Executor& executor, const Indices& starts, const Indices& columns,
                                          std::span<const T> values, Storage storage, bool is_symmetric = false);
/// X^T diag(weights) X of a matrix that was looked through. Null weights stand for ones.
template <class T>
SymmetricOperator<T> make_normal_operator(const Executor& executor, std::shared_ptr<const RowMatrix<T>> rows,
                                          const T* weights);

}  // namespace detail

template <class T, class Start, class Column>
SymmetricOperator<T> sparse_operator(const Executor& executor, const SparseRows<Start, Column, T>& rows,
                                     Storage storage) {
  return detail::make_sparse_operator<T>(executor, rows.starts, rows.columns, rows.values, storage);
}
template <class T, class Start, class Column>
SymmetricOperator<T> normal_operator(const Executor& executor, std::int64_t columns,
                                     const SparseRows<Start, Column, T>& rows) {
  return detail::make_normal_operator<T>(
      executor, detail::make_row_matrix<T>(executor, rows.starts, rows.columns, rows.values, columns), nullptr);
}
template <class T>
SymmetricOperator<T> normal_operator(const Executor& executor, const DenseRows<T>& rows) {
  return detail::make_normal_operator<T>(executor, detail::make_row_matrix<T>(executor, rows), nullptr);
}

}  // namespace nabla
