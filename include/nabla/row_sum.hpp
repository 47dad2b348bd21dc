#pragma once

#include <nabla/element_sum.hpp>
#include <nabla/objective.hpp>

#include <concepts>

// Sums over the rows of a sparse matrix, as where a model is fitted to data:
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
// Rows may be of any length, and so may columns: what one of them has is cut into parts where it is long.
//
// There is no sparse Hessian: a column that all rows have would fill it. Newton's method needs products alone.
//
// Shapes, Throws: as for sums of elements. Complexity: bytes, for entries with indices of i bytes and rows with d
//     numbers of data: a value reads the matrix once, sizeof(T) + i an entry; a gradient once more, transposed;
//     products as much as a gradient. On top come about 4 + d numbers a row.

namespace nabla {

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

/// A sparse matrix that was looked through, with its transpose, for CPUs or for the CUDA device of an executor.
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

}  // namespace detail

#ifdef __CUDACC__
inline namespace with_kernels {
#else
inline namespace without_kernels {
#endif

/// See above; made by row_sum(). With A the matrix and t = A x, the gradient is A^T phi'(t), and the Hessian, of which
/// there are products and the diagonal, A^T diag(phi''(t)) A.
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

 private:
  std::shared_ptr<const detail::RowMatrix<T>> matrix_;
  std::int64_t variables_;
  ElementSum<T, E> losses_;  // over the rows' products
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

}  // inline namespace

}  // namespace nabla
