#pragma once

#include <nabla/element_sum.hpp>
#include <nabla/objective.hpp>

#include <concepts>

// Sums over the rows of a matrix, sparse or dense, as where a model is fitted to data (regression.hpp has two):
//
//     f(x) = sum over rows r of phi(a_r . x; r's data)
//
// The loss phi is an element of one variable (element_sum.hpp), which is the row's product with x:
//
//     struct Logistic {
//       static constexpr int variables = 1, data = 1;  // the label, 1 or -1
//       template <class X, class D>
//       constexpr auto operator()(const X& product, const D& d) const {
//         using nabla::exp, nabla::log1p;
//         return log1p(exp(-d[0] * product[0]));
//       }
//     };
//     const nabla::SparseRows rows(starts, columns, values);
//     const auto loss = nabla::row_sum<double>(where, Logistic(), n, rows, labels);
//     const auto ridge = nabla::element_sum<double>(where, Square{0.5e-3}, n, nabla::Affine::chain(n, {0}));
//     nabla::minimize(where, loss + ridge, x);
//
// Sparse rows may be of any length, and so may columns: what one of them has is cut into parts where it is long.
//
// The Hessian has an entry for each two columns that share a row: rows of k entries make up to k^2 each, and one that
// has all columns would fill it. A column that all rows have, a bias, adds one row and column to it, and no more.
//
// Shapes, Throws: as for sums of elements. Complexity: bytes, for entries with indices of i bytes and rows with d
//     numbers of data: a value reads the matrix once, sizeof(T) + i an entry; a gradient once more, transposed;
//     products as much as a gradient. On top come about 4 + d numbers a row. A Hessian computes half of those k^2 a row
//     and reads them, sizeof(T) + i bytes each, from the caches as far as these hold; and writes each entry, to a place
//     that it reads (8 bytes). For it rows are kept once more, in another order: sizeof(T) + 2 i bytes an entry, and
//     8 + i / 2 bytes for each entry of the Hessian, besides its pattern. Of a dense matrix a value reads its numbers
//     once, all others twice; it has no sparse Hessian.

namespace nabla {

/// Entries that a sum's Hessian has at most, unless hessian_pattern() is told otherwise: 2^28, which with their columns
/// take 4 GiB in f64.
inline constexpr std::int64_t most_hessian_entries = std::int64_t{1} << 28;

/// A sparse matrix in the executor's memory, row by row (compressed sparse rows), where it stays, and stays as it is,
/// for as long as the sum is used: the entries of row r are the numbers values[e] in columns[e], from e = starts[r] up
/// to starts[r + 1]. They are in any order, a column may come up twice, and rows may have none. Made of Arrays, or of
/// spans or vectors in the executor's memory. Indices are signed, with 32 or 64 bits.
template <class Start, class Column, class T>
struct SparseRows {
  std::span<const Start> starts;  ///< one more than there are rows
  std::span<const Column> columns;
  std::span<const T> values;

  template <detail::Numbers Starts, detail::Numbers Columns, detail::Numbers Values>
  SparseRows(const Starts& row_starts, const Columns& entry_columns, const Values& entry_values)
      : starts(detail::numbers_of(row_starts)),
        columns(detail::numbers_of(entry_columns)),
        values(detail::numbers_of(entry_values)) {}
};
template <detail::Numbers Starts, detail::Numbers Columns, detail::Numbers Values>
SparseRows(const Starts&, const Columns&, const Values&)
    -> SparseRows<detail::NumberOf<Starts>, detail::NumberOf<Columns>, detail::NumberOf<Values>>;

/// A dense matrix in the executor's memory, row after row, where it stays, and stays as it is, for as long as it is
/// used: entry (r, c) is values[r * columns + c]. Made of an Array, or of a span or vector in the executor's memory.
template <class T>
struct DenseRows {
  std::span<const T> values;
  std::int64_t rows, columns;

  template <detail::Numbers Values>
  DenseRows(const Values& numbers, std::int64_t row_count, std::int64_t column_count)
      : values(detail::numbers_of(numbers)), rows(row_count), columns(column_count) {}
};
template <detail::Numbers Values>
DenseRows(const Values&, std::int64_t, std::int64_t) -> DenseRows<detail::NumberOf<Values>>;

namespace detail {

/// Indices of 32 or 64 bits.
struct Indices {
  const void* data;
  std::int64_t count;
  bool wide;

  template <std::signed_integral Index>
  requires(sizeof(Index) == 4 || sizeof(Index) == 8) Indices(std::span<const Index> indices)
      : data(indices.data()), count(static_cast<std::int64_t>(indices.size())), wide(sizeof(Index) == 8) {}
};

/// A sparse matrix that was looked through, with its transpose, or a dense one, for CPUs or for the CUDA device of an
/// executor.
template <class T>
struct RowMatrix;  // host/row_matrix.hpp
template <class T>
std::shared_ptr<const RowMatrix<T>> make_row_matrix(const Executor& executor, const Indices& starts,
                                                    const Indices& columns, std::span<const T> values,
                                                    std::int64_t variables);
extern template std::shared_ptr<const RowMatrix<float>> make_row_matrix(const Executor&, const Indices&, const Indices&,
                                                                        std::span<const float>, std::int64_t);
extern template std::shared_ptr<const RowMatrix<double>> make_row_matrix(const Executor&, const Indices&,
                                                                         const Indices&, std::span<const double>,
                                                                         std::int64_t);
template <class T>
std::shared_ptr<const RowMatrix<T>> make_row_matrix(const Executor& executor, const DenseRows<T>& rows);
extern template std::shared_ptr<const RowMatrix<float>> make_row_matrix(const Executor&, const DenseRows<float>&);
extern template std::shared_ptr<const RowMatrix<double>> make_row_matrix(const Executor&, const DenseRows<double>&);

/// What a caller gave to a pass over rows.
template <class T>
struct RowCall {
  const char* name;
  const RowMatrix<T>& matrix;
  std::span<const T> x;
  const std::span<const T>* v = nullptr;  // null: no direction
  const char* output = "";                // its name
  std::span<T> out = {};                  // empty: not wanted
  std::int64_t size = 0;                  // that it must have
};

/// A number for each row, in the executor's memory until its next pass over rows.
template <class T>
struct RowVectors {
  std::span<T> products, along, slopes;
};

/// products = A x and, where there is a direction, along = A v, after the call's arguments were checked.
template <class T>
RowVectors<T> multiply_rows(const Executor& executor, const RowCall<T>& call);
extern template RowVectors<float> multiply_rows(const Executor&, const RowCall<float>&);
extern template RowVectors<double> multiply_rows(const Executor&, const RowCall<double>&);

/// out = A^T slopes, or with squares of A's entries; or is increased by it.
template <class T>
void multiply_columns(const Executor& executor, const RowCall<T>& call, std::span<const T> slopes, bool squared,
                      bool add);
extern template void multiply_columns(const Executor&, const RowCall<float>&, std::span<const float>, bool, bool);
extern template void multiply_columns(const Executor&, const RowCall<double>&, std::span<const double>, bool, bool);

/// A matrix's rows in the order in which they make a Hessian, and the Hessian's pattern.
template <class T>
struct RowHessian;  // host/row_hessian.hpp
/// Throws ShapeError for more entries than allowed, before there is memory for them, and Error for a dense matrix.
template <class T>
std::shared_ptr<const RowHessian<T>> make_row_hessian(const RowMatrix<T>& matrix, std::int64_t most_entries);
extern template std::shared_ptr<const RowHessian<float>> make_row_hessian(const RowMatrix<float>&, std::int64_t);
extern template std::shared_ptr<const RowHessian<double>> make_row_hessian(const RowMatrix<double>&, std::int64_t);

template <class T>
const std::shared_ptr<const SparsePattern>& pattern_of(const RowHessian<T>& hessian);
extern template const std::shared_ptr<const SparsePattern>& pattern_of(const RowHessian<float>&);
extern template const std::shared_ptr<const SparsePattern>& pattern_of(const RowHessian<double>&);

/// The pattern that a Hessian's entries go into. Where nobody says that it is kept and never changes, it is compared
/// with the one of last time.
struct HessianPlaces;  // host/row_hessian.hpp
struct HessianTarget {
  const SparsePattern& pattern;
  std::shared_ptr<const SparsePattern> kept;
  std::shared_ptr<const HessianPlaces>* places;  // in the pattern, kept for the next call
  bool add;
};

/// call.out = A^T diag(curvatures) A, or is increased by it.
template <class T>
void assemble_hessian(const Executor& executor, const RowCall<T>& call, const RowHessian<T>& hessian,
                      const HessianTarget& target, std::span<const T> curvatures);
extern template void assemble_hessian(const Executor&, const RowCall<float>&, const RowHessian<float>&,
                                      const HessianTarget&, std::span<const float>);
extern template void assemble_hessian(const Executor&, const RowCall<double>&, const RowHessian<double>&,
                                      const HessianTarget&, std::span<const double>);

}  // namespace detail

#ifdef __CUDACC__
inline namespace with_kernels {
#else
inline namespace without_kernels {
#endif

/// See above; made by row_sum(). With A the matrix and t = A x, the gradient is A^T phi'(t), and the Hessian
/// A^T diag(phi''(t)) A.
template <class T, class E>
class RowSum {
 public:
  using Scalar = T;

  RowSum(std::shared_ptr<const detail::RowMatrix<T>> matrix, std::int64_t variables, ElementSum<T, E> losses)
      : matrix_(std::move(matrix)), variables_(variables), losses_(std::move(losses)) {}

  std::int64_t variables() const { return variables_; }
  std::int64_t elements() const { return losses_.elements(); }  ///< rows
  /// Of a sum of formulas, so that their parameters can be set.
  Formula& formula() requires std::same_as<E, Formula> { return losses_.formula(); }

  double value(const Executor& executor, std::span<const T> x) const {
    const auto rows = detail::multiply_rows<T>(executor, {"value", *matrix_, x});
    return losses_.value(executor, rows.products);
  }
  /// Fills all of `gradient`, or adds to it.
  double value_and_gradient(const Executor& executor, std::span<const T> x, std::span<T> gradient,
                            bool add = false) const {
    const detail::RowCall<T> call{"value_and_gradient", *matrix_, x, nullptr, "the gradient", gradient, variables_};
    const auto rows = detail::multiply_rows(executor, call);
    if (gradient.empty()) return losses_.value(executor, rows.products);
    const double all = losses_.value_and_gradient(executor, rows.products, rows.slopes);
    detail::multiply_columns<T>(executor, call, rows.slopes, false, add);
    return all;
  }
  /// The value of each row, of all of which the sum is returned.
  double element_values(const Executor& executor, std::span<const T> x, std::span<T> values) const {
    const auto rows =
        detail::multiply_rows<T>(executor, {"element_values", *matrix_, x, nullptr, "the values", values, elements()});
    return losses_.element_values(executor, rows.products, values);
  }
  /// product = H(x) v, or is increased by it.
  void hessian_vector_product(const Executor& executor, std::span<const T> x, std::span<const T> v,
                              std::span<T> product, bool add = false) const {
    const detail::RowCall<T> call{"hessian_vector_product", *matrix_, x, &v, "the product", product, variables_};
    const auto rows = detail::multiply_rows(executor, call);
    losses_.hessian_vector_product(executor, rows.products, rows.along, rows.slopes);
    detail::multiply_columns<T>(executor, call, rows.slopes, false, add);
  }
  /// The second derivative along each variable.
  void hessian_diagonal(const Executor& executor, std::span<const T> x, std::span<T> diagonal, bool add = false) const {
    const detail::RowCall<T> call{"hessian_diagonal", *matrix_, x, nullptr, "the diagonal", diagonal, variables_};
    const auto rows = detail::multiply_rows(executor, call);
    losses_.hessian_diagonal(executor, rows.products, rows.slopes);
    detail::multiply_columns<T>(executor, call, rows.slopes, true, add);
  }
  /// Where the Hessian has entries; looked for at the first call. Throws Error for dense rows. Throws ShapeError for
  /// more than `most_entries`, and then says how many the longest row makes, or that there are more. The first call
  /// decides, for copies made after it too: so a sum of sums can have a larger one.
  const SparsePattern& hessian_pattern(std::int64_t most_entries = most_hessian_entries) const {
    if (!hessian_) hessian_ = detail::make_row_hessian(*matrix_, most_entries);
    return *detail::pattern_of(*hessian_);
  }
  /// The Hessian's entries in the order of hessian_pattern(), symmetric to the bit.
  void hessian(const Executor& executor, std::span<const T> x, std::span<T> values) const {
    const SparsePattern& pattern = hessian_pattern();
    hessian(executor, x, values, pattern, detail::pattern_of(*hessian_), false);
  }
  /// The same in the order of a pattern that has others too. It is compared with the one of the last call.
  void hessian(const Executor& executor, std::span<const T> x, std::span<T> values, const SparsePattern& pattern,
               bool add = false) const {
    hessian_pattern();
    hessian(executor, x, values, pattern, nullptr, add);
  }

 private:
  template <class, class...>
  friend class AddedSums;

  void hessian(const Executor& executor, std::span<const T> x, std::span<T> values, const SparsePattern& pattern,
               std::shared_ptr<const SparsePattern> kept, bool add) const {
    hessian_pattern();
    detail::require_pattern("hessian", pattern, variables_);
    const detail::RowCall<T> call{
        "hessian", *matrix_, x, nullptr, "the Hessian", values, static_cast<std::int64_t>(pattern.columns.size())};
    const auto rows = detail::multiply_rows(executor, call);
    losses_.hessian_diagonal(executor, rows.products, rows.slopes);
    detail::assemble_hessian<T>(executor, call, *hessian_, {pattern, std::move(kept), &places_, add}, rows.slopes);
  }

  std::shared_ptr<const detail::RowMatrix<T>> matrix_;
  std::int64_t variables_;
  ElementSum<T, E> losses_;  // over the rows' products
  mutable std::shared_ptr<const detail::RowHessian<T>> hessian_;
  mutable std::shared_ptr<const detail::HessianPlaces> places_;
};

/// The sum of a loss over rows, of T = float or double. `data`: (rows, E::data) at any strides, or one record for all
/// of them, in the executor's memory for as long as the sum is used. Rows are looked through, and transposed into
/// memory of the sum's own: an index (8 bytes, or 4 if there are fewer than 2^31 rows and entries) and a T for each
/// entry; on CUDA by the host. Throws ShapeError that names the first row or entry which can't be.
template <class T, class E, class Start, class Column>
RowSum<T, E> row_sum(const Executor& executor, E loss, std::int64_t variables, const SparseRows<Start, Column, T>& rows,
                     std::type_identity_t<BatchView<const T>> data = {}) {
  if constexpr (!std::same_as<E, Formula>) {
    static_assert(detail::variables_of<E>() == 1, "nabla: the loss of a row has one variable, the row's product");
  }
  auto matrix = detail::make_row_matrix<T>(executor, rows.starts, rows.columns, rows.values, variables);
  const auto count = static_cast<std::int64_t>(rows.starts.size()) - 1;
  return {std::move(matrix), variables,
          element_sum<T>(executor, std::move(loss), count, Affine::chain(count, {0}), data)};
}

/// The same over the rows of a dense matrix, of which nothing is kept but where it is.
template <class T, class E>
RowSum<T, E> row_sum(const Executor& executor, E loss, const DenseRows<T>& rows,
                     std::type_identity_t<BatchView<const T>> data = {}) {
  if constexpr (!std::same_as<E, Formula>) {
    static_assert(detail::variables_of<E>() == 1, "nabla: the loss of a row has one variable, the row's product");
  }
  auto matrix = detail::make_row_matrix<T>(executor, rows);
  return {std::move(matrix), rows.columns,
          element_sum<T>(executor, std::move(loss), rows.rows, Affine::chain(rows.rows, {0}), data)};
}

}  // inline namespace

}  // namespace nabla
