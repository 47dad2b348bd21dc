#include "../row_matrix.hpp"
#include "matrix.hpp"
#include "passes.hpp"

#include <string>
#include <utility>
#include <vector>

// X^T W X of a matrix X and diagonal weights W, by products with X and with its transpose.

namespace nabla::detail {

namespace {

template <class T>
struct Normal final : SymmetricMatrix<T> {
  Normal(const Executor& where, std::shared_ptr<const RowMatrix<T>> rows, const T* given_weights)
      : SymmetricMatrix<T>(where, rows->variables),
        x_(std::move(rows)),
        products_(where, x_->rows.rows),
        ones_(where, given_weights != nullptr ? 0 : x_->rows.rows),
        weights_(given_weights != nullptr ? given_weights : ones_.data()),
        is_weighted_(given_weights != nullptr) {
    ones_.upload(std::vector<T>(static_cast<std::size_t>(ones_.size()), T(1)));
    const auto entries = static_cast<double>(x_->rows.entries);
    const std::string of = std::string(is_weighted_ ? "X^T W X" : "X^T X") + " of ";
    if (x_->is_dense) {
      this->format =
          of + std::to_string(x_->rows.rows) + " dense rows of " + std::to_string(8 * sizeof(T)) + "-bit numbers";
      this->bytes =
          (!where.is_cuda() && product_of(nullptr, nullptr, false).is_one_pass() ? 1 : 2) * entries * sizeof(T);
    } else {
      this->format = of + "rows (CSR)";
      this->bytes = 2 * entries * (sizeof(T) + 4);
    }
  }
  void multiply(const Executor& where, const T* in, T* out, bool add) const override {
    if (x_->is_dense) return detail::multiply(where, product_of(in, out, add));
    T* const products = products_.data();
    detail::multiply(where, SparseProduct<T>{x_->rows, {in, nullptr}, {products, nullptr}, 1, false, false});
    if (is_weighted_ && products_.size() > 0) {  // in place: each number is read before it is written
      detail::multiply(where, MatrixRows<T>(DiagonalRows<T, T>{products_.size(), 0, 1, {0}, weights_}),
                       Multiply<T>{products, products, false});
    }
    detail::multiply(where, SparseProduct<T>{x_->columns, {products, nullptr}, {out, nullptr}, 1, false, add});
  }
  void diagonal(const Executor& where, T* numbers, bool add) const override {
    if (x_->is_dense) return detail::multiply(where, DenseTransposed<T>{x_->dense(), weights_, numbers, true, add});
    detail::multiply(where, SparseProduct<T>{x_->columns, {weights_, nullptr}, {numbers, nullptr}, 1, true, add});
  }

 private:
  DenseNormal<T> product_of(const T* in, T* out, bool add) const {
    return {x_->dense(), is_weighted_ ? weights_ : nullptr, in, products_.data(), out, add};
  }

  std::shared_ptr<const RowMatrix<T>> x_;
  Array<T> products_, ones_;
  const T* weights_;
  bool is_weighted_;
};

}  // namespace

template <class T>
SymmetricOperator<T> make_normal_operator(const Executor& executor, std::shared_ptr<const RowMatrix<T>> rows,
                                          const T* weights) {
  return SymmetricOperator<T>(std::make_shared<Normal<T>>(executor, std::move(rows), weights));
}
template SymmetricOperator<float> make_normal_operator(const Executor&, std::shared_ptr<const RowMatrix<float>>,
                                                       const float*);
template SymmetricOperator<double> make_normal_operator(const Executor&, std::shared_ptr<const RowMatrix<double>>,
                                                        const double*);

}  // namespace nabla::detail
