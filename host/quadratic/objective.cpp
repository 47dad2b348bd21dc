#include <nabla/quadratic.hpp>

#include "../checks.hpp"
#include "matrix.hpp"
#include "passes.hpp"

// A quadratic as an objective.

namespace nabla {

template <class T>
struct Quadratic<T>::Memory {
  Memory(const Executor& executor, std::int64_t n, bool has_product)
      : sums(executor, n, detail::Evaluate<T>::sums), product(executor, has_product ? n : 0) {}

  detail::Sums sums;
  Array<T> product;
};

template <class T>
Quadratic<T>::Quadratic(const Executor& executor, SymmetricOperator<T> a, std::type_identity_t<std::span<const T>> b,
                        double c)
    : a_(std::move(a)), b_(b), c_(c) {
  constexpr char call[] = "quadratic";
  detail::require_executor(executor, call, a_.matrix());
  detail::require_size(call, "b", b.size(), a_.size());
  const detail::Argument arguments[] = {detail::vector_argument("b", b)};
  detail::check_memory(executor, call, arguments);
  memory_ = std::make_shared<Memory>(executor, a_.size(), a_.matrix().rows() == nullptr);
}

template <class T>
double Quadratic<T>::evaluate(const Executor& executor, const char* call, std::span<const T> x,
                              std::span<T> gradient) const {
  detail::require_executor(executor, call, a_.matrix());
  detail::require_size(call, "x", x.size(), variables());
  if (!gradient.empty()) detail::require_size(call, "gradient", gradient.size(), variables());
  const detail::Argument arguments[] = {detail::vector_argument("b", b_), detail::vector_argument("x", x),
                                        detail::vector_argument("gradient", gradient)};
  detail::check_memory(executor, call, arguments);
  detail::run(executor, a_.matrix(),
              detail::Evaluate<T>{x.data(), b_.data(), gradient.empty() ? nullptr : gradient.data()},
              memory_->product.data(), memory_->sums);
  const auto sums = memory_->sums.fetch(2);
  return 0.5 * sums[0] - sums[1] + c_;
}

template <class T>
double Quadratic<T>::value(const Executor& executor, std::span<const T> x) const {
  return evaluate(executor, "value", x, {});
}

template <class T>
double Quadratic<T>::value_and_gradient(const Executor& executor, std::span<const T> x, std::span<T> gradient) const {
  return evaluate(executor, "value_and_gradient", x, gradient);
}

template <class T>
void Quadratic<T>::hessian_vector_product(const Executor& executor, std::span<const T> x, std::span<const T> v,
                                          std::span<T> product) const {
  detail::require_size("hessian_vector_product", "x", x.size(), variables());
  a_.multiply(executor, v, product);
}

template <class T>
void Quadratic<T>::hessian_diagonal(const Executor& executor, std::span<const T> x, std::span<T> diagonal) const {
  detail::require_size("hessian_diagonal", "x", x.size(), variables());
  a_.diagonal(executor, diagonal);
}

template class Quadratic<float>;
template class Quadratic<double>;

}  // namespace nabla
