#pragma once

#include <nabla/row_sum.hpp>
#include <nabla/symmetric_operator.hpp>

#include <memory>
#include <span>
#include <utility>

// Models that are fitted to data: objectives over the rows x_r of a matrix X, sparse (SparseRows) or dense (DenseRows),
// with what was seen with each row. Of coefficients w:
//
//     LeastSquares          sum over r of 1/2 weight_r (x_r.w - y_r)^2                      + 1/2 ridge |w|^2
//     LogisticRegression    sum over r of weight_r log(1 + exp(-y_r x_r.w)), y_r = 1 or -1   + 1/2 ridge |w|^2
//
//     const nabla::LogisticRegression<double> f(where, nabla::DenseRows(x, rows, columns), labels, {.ridge = 0.1});
//     const auto report = nabla::minimize(where, f, w, {.method = nabla::Method::newton_cg});
//     const nabla::LeastSquares<double> g(where, nabla::DenseRows(x, rows, columns), y);
//     nabla::minimize(where, g, w, {.method = nabla::Method::conjugate_gradient});
//
// They are sums over rows (row_sum.hpp, for shapes, errors and bytes) and a ridge, add up with other sums, and have
// their value, gradient, Hessian-vector product and diagonal; over sparse rows the Hessian too. Least squares are a
// quadratic of A = X^T W X + ridge I, which a() is, so that the methods of quadratics take them.
//
// No margin x_r.w overflows: the loss of a large one is 0 or weight_r |x_r.w|. Without a ridge a logistic regression of
// data that a plane separates has no minimum: its value falls towards 0 along a direction without end, and the gradient
// with it. Where a descent ends there as converged, |w| is large and grows with each digit that is asked for.
//
// Shapes: y and weights have a number for each row, in the executor's memory; they are copied, 2 numbers a row (1 for
//     logistic regression). X stays the caller's memory.
// Throws: ShapeError, MemorySpaceError; Error that names the first row whose label or weight can't be, or for a ridge
//     that is not 0 or more. NaN and infinity in X and in the y of least squares are data.

namespace nabla {

/// What a regression may have.
template <class T>
struct Regression {
  std::span<const T> weights = {};  ///< of rows, finite and 0 or more; empty: ones
  double ridge = 0;                 ///< finite and 0 or more
};

namespace detail {

/// d[1] (t - d[0])^2 / 2
struct SquaredMiss {
  static constexpr int variables = 1, data = 2;
  template <class X, class D>
  constexpr auto operator()(const X& product, const D& d) const {
    const auto miss = product[0] - d[0];
    return 0.5 * d[1] * (miss * miss);
  }
};

/// |d[0]| log(1 + exp(z)), z being the margin with the sign of -d[0]: max(z, 0) + log(1 + exp(-|z|)), where no
/// exponential overflows. Both have corners at z = 0 of which their sum has none, as long as both take the same side.
struct LogisticLoss {
  static constexpr int variables = 1, data = 1;
  template <class X, class D>
  constexpr auto operator()(const X& product, const D& d) const {
    using nabla::abs, nabla::exp, nabla::log1p, nabla::select;
    const auto z = select(d[0] > 0, -product[0], product[0]);
    const auto is_positive = z > 0;
    return abs(d[0]) * (select(is_positive, z, 0) + log1p(exp(select(is_positive, -z, z))));
  }
};

struct RidgeTerm {
  double ridge;
  static constexpr int variables = 1;
  template <class X>
  constexpr auto operator()(const X& w) const {
    return 0.5 * ridge * (w[0] * w[0]);
  }
};

/// A matrix with data for its rows, which it keeps.
template <class T>
struct ObservedRows {
  std::shared_ptr<const RowMatrix<T>> matrix;
  std::int64_t variables, rows;
  BatchView<const T> data;
  const T* weights;  // null: ones
  double ridge;
};

/// Of least squares: y and weights. Throws ShapeError, MemorySpaceError or Error.
template <class T>
ObservedRows<T> observe_numbers(const Executor& executor, std::shared_ptr<const RowMatrix<T>> matrix,
                                std::span<const T> y, const Regression<T>& options);
/// Of logistic regression: weights with the labels' signs.
template <class T>
ObservedRows<T> observe_labels(const Executor& executor, std::shared_ptr<const RowMatrix<T>> matrix,
                               std::span<const T> labels, const Regression<T>& options);

/// X^T W X + ridge I
template <class T>
SymmetricOperator<T> normal_of(const Executor& executor, const ObservedRows<T>& observed);
/// Throws ShapeError where vectors do not have so many numbers.
void require_vectors(const char* call, std::int64_t size, std::size_t x, std::size_t v, std::size_t out);

#ifdef __CUDACC__
inline namespace with_kernels {
#else
inline namespace without_kernels {
#endif

/// The losses of rows and a ridge. Without a ridge there are no elements of it, which would only cost time.
template <class T, class Loss>
class RidgedSum : public AddedSums<T, RowSum<T, Loss>, ElementSum<T, RidgeTerm>> {
 protected:
  RidgedSum(const Executor& executor, const ObservedRows<T>& observed)
      : AddedSums<T, RowSum<T, Loss>, ElementSum<T, RidgeTerm>>(
            {{observed.matrix, observed.variables,
              element_sum<T>(executor, Loss(), observed.rows, Affine::chain(observed.rows, {0}), observed.data)},
             element_sum<T>(executor, RidgeTerm{observed.ridge}, observed.variables,
                            Affine::chain(observed.ridge > 0 ? observed.variables : 0, {0}))}) {}
};

}  // inline namespace

}  // namespace detail

#ifdef __CUDACC__
inline namespace with_kernels {
#else
inline namespace without_kernels {
#endif

/// See above.
template <class T>
class LeastSquares : public detail::RidgedSum<T, detail::SquaredMiss> {
 public:
  LeastSquares(const Executor& executor, const DenseRows<T>& rows, std::type_identity_t<std::span<const T>> y,
               const Regression<T>& options = {})
      : LeastSquares(executor, detail::make_row_matrix<T>(executor, rows), y, options) {}
  template <class Start, class Column>
  LeastSquares(const Executor& executor, std::int64_t variables, const SparseRows<Start, Column, T>& rows,
               std::type_identity_t<std::span<const T>> y, const Regression<T>& options = {})
      : LeastSquares(executor, detail::make_row_matrix<T>(executor, rows.starts, rows.columns, rows.values, variables),
                     y, options) {}

  /// X^T W X + ridge I, the Hessian anywhere. Products with it read a dense X once on CPUs (symmetric_operator.hpp).
  const SymmetricOperator<T>& a() const { return a_; }

  void hessian_vector_product(const Executor& executor, std::span<const T> x, std::span<const T> v,
                              std::span<T> product) const {
    detail::require_vectors("hessian_vector_product", this->variables(), x.size(), v.size(), product.size());
    a_.multiply(executor, v, product);
  }
  void hessian_diagonal(const Executor& executor, std::span<const T> x, std::span<T> diagonal) const {
    detail::require_vectors("hessian_diagonal", this->variables(), x.size(), x.size(), diagonal.size());
    a_.diagonal(executor, diagonal);
  }

 private:
  LeastSquares(const Executor& executor, std::shared_ptr<const detail::RowMatrix<T>> matrix, std::span<const T> y,
               const Regression<T>& options)
      : LeastSquares(executor, detail::observe_numbers<T>(executor, std::move(matrix), y, options)) {}
  LeastSquares(const Executor& executor, const detail::ObservedRows<T>& observed)
      : detail::RidgedSum<T, detail::SquaredMiss>(executor, observed), a_(detail::normal_of(executor, observed)) {}

  SymmetricOperator<T> a_;
};

/// See above. Labels are 1 and -1, or 1 and 0 where 0 stands for -1, the same way in all rows.
template <class T>
class LogisticRegression : public detail::RidgedSum<T, detail::LogisticLoss> {
 public:
  LogisticRegression(const Executor& executor, const DenseRows<T>& rows,
                     std::type_identity_t<std::span<const T>> labels, const Regression<T>& options = {})
      : LogisticRegression(executor, detail::make_row_matrix<T>(executor, rows), labels, options) {}
  template <class Start, class Column>
  LogisticRegression(const Executor& executor, std::int64_t variables, const SparseRows<Start, Column, T>& rows,
                     std::type_identity_t<std::span<const T>> labels, const Regression<T>& options = {})
      : LogisticRegression(executor,
                           detail::make_row_matrix<T>(executor, rows.starts, rows.columns, rows.values, variables),
                           labels, options) {}

 private:
  LogisticRegression(const Executor& executor, std::shared_ptr<const detail::RowMatrix<T>> matrix,
                     std::span<const T> labels, const Regression<T>& options)
      : detail::RidgedSum<T, detail::LogisticLoss>(
            executor, detail::observe_labels<T>(executor, std::move(matrix), labels, options)) {}
};

}  // inline namespace

}  // namespace nabla
