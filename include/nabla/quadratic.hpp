#pragma once

#include <nabla/minimize.hpp>
#include <nabla/symmetric_operator.hpp>

// The quadratic objective
//
//     f(x) = 1/2 x.Ax - b.x + c,  whose gradient is Ax - b
//
//     const nabla::Quadratic<double> f(where, nabla::laplacian<double>(where, {1200, 1200}), b);
//     const auto report = nabla::minimize(where, f, x, {.method = nabla::Method::conjugate_gradient});
//
// Where A is positive definite its minimum solves Ax = b. All methods of minimize() take it; conjugate_gradient,
// steepest and chebyshev take no other.

namespace nabla {

template <class T>
class Quadratic {
 public:
  using Scalar = T;

  /// b: size() numbers in the executor's memory, for as long as the objective is used. Keeps two vectors' memory where
  /// products go through one. Throws ShapeError or MemorySpaceError.
  Quadratic(const Executor& executor, SymmetricOperator<T> a, std::type_identity_t<std::span<const T>> b, double c = 0);

  std::int64_t variables() const { return a_.size(); }
  const SymmetricOperator<T>& a() const { return a_; }
  std::span<const T> b() const { return b_; }

  double value(const Executor& executor, std::span<const T> x) const;
  /// Complexity: A, x and b are read once, the gradient is written.
  double value_and_gradient(const Executor& executor, std::span<const T> x, std::span<T> gradient) const;
  void hessian_vector_product(const Executor& executor, std::span<const T> x, std::span<const T> v,
                              std::span<T> product) const;
  /// Throws Error where A does not tell it.
  void hessian_diagonal(const Executor& executor, std::span<const T> x, std::span<T> diagonal) const;

 private:
  struct Memory;
  double evaluate(const Executor& executor, const char* call, std::span<const T> x, std::span<T> gradient) const;

  SymmetricOperator<T> a_;
  std::span<const T> b_;
  double c_;
  std::shared_ptr<Memory> memory_;
};
extern template class Quadratic<float>;
extern template class Quadratic<double>;

}  // namespace nabla
