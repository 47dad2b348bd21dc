#include "../checks.hpp"
#include "matrix.hpp"

#include <nabla/error.hpp>

#include <string>
#include <utility>

// What a SymmetricOperator does, after its arguments were looked at.

namespace nabla {

namespace detail {

template <class T>
void require_executor(const Executor& executor, const char* call, const SymmetricMatrix<T>& a) {
  if (executor.is_cuda() != a.executor.is_cuda()) {
    throw MemorySpaceError(std::string(call) + ": the operator was made for " +
                           (executor.is_cuda() ? "a CPU executor" : "a CUDA executor"));
  }
  if (executor.device() != a.executor.device()) {
    throw MemorySpaceError(std::string(call) + ": the operator was made for CUDA device " +
                           std::to_string(a.executor.device()) + ", not " + std::to_string(executor.device()));
  }
}
template void require_executor(const Executor&, const char*, const SymmetricMatrix<float>&);
template void require_executor(const Executor&, const char*, const SymmetricMatrix<double>&);

void require_size(const char* call, const char* name, std::size_t found, std::int64_t expected) {
  if (static_cast<std::int64_t>(found) == expected) return;
  throw ShapeError(std::string(call) + ": " + name + " must have " + std::to_string(expected) + " numbers, found " +
                   std::to_string(found));
}

}  // namespace detail

template <class T>
std::int64_t SymmetricOperator<T>::size() const {
  return matrix_->size;
}
template <class T>
std::int64_t SymmetricOperator<T>::nonzeros() const {
  return matrix_->nonzeros;
}
template <class T>
const std::string& SymmetricOperator<T>::format() const {
  return matrix_->format;
}
template <class T>
double SymmetricOperator<T>::bytes() const {
  return matrix_->bytes;
}
template <class T>
bool SymmetricOperator<T>::has_diagonal() const {
  return matrix_->has_diagonal();
}

template <class T>
void SymmetricOperator<T>::multiply(const Executor& executor, std::span<const T> x, std::span<T> y, bool add) const {
  constexpr char call[] = "multiply";
  detail::require_executor(executor, call, *matrix_);
  detail::require_size(call, "x", x.size(), size());
  detail::require_size(call, "y", y.size(), size());
  const detail::Argument arguments[] = {detail::vector_argument("x", x), detail::vector_argument("y", y)};
  detail::check_memory(executor, call, arguments);
  matrix_->multiply(executor, x.data(), y.data(), add);
}

template <class T>
void SymmetricOperator<T>::diagonal(const Executor& executor, std::span<T> numbers, bool add) const {
  constexpr char call[] = "diagonal";
  if (!has_diagonal()) throw Error("diagonal: that of the caller's operator is not known; OwnOperator can tell it");
  detail::require_executor(executor, call, *matrix_);
  detail::require_size(call, "the diagonal", numbers.size(), size());
  const detail::Argument arguments[] = {detail::vector_argument("the diagonal", numbers)};
  detail::check_memory(executor, call, arguments);
  matrix_->diagonal(executor, numbers.data(), add);
}

template class SymmetricOperator<float>;
template class SymmetricOperator<double>;

}  // namespace nabla
