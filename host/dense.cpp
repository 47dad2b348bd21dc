#include "dense.hpp"

#include "cpu/dense.hpp"
#include "cuda_seam.hpp"
#include "executor_state.hpp"

// From a product of a dense matrix to the executor that runs it.

namespace nabla::detail {

namespace {

template <class T>
T* room_for(const Executor& executor, std::int64_t parts, std::int64_t numbers) {
  return static_cast<T*>(workspace(executor, static_cast<std::size_t>(parts * numbers) * sizeof(T)));
}

}  // namespace

template <class T>
void multiply(const Executor& executor, const DenseProduct<T>& product) {
  if (product.matrix.rows == 0) return;
  if (executor.is_cuda()) {
    const cuda::CurrentDevice current(executor.device());
    cuda::multiply(executor.state(), product);
  } else {
    cpu::multiply(executor.threads(), product);
  }
}

template <class T>
void multiply(const Executor& executor, const DenseTransposed<T>& product) {
  const DenseView<T>& matrix = product.matrix;
  if (matrix.columns == 0) return;
  T* const partials = room_for<T>(executor, dense_parts(matrix.rows, matrix.columns), matrix.columns);
  if (executor.is_cuda()) {
    const cuda::CurrentDevice current(executor.device());
    cuda::multiply(executor.state(), product, partials);
  } else {
    cpu::multiply(executor.threads(), product, partials);
  }
}

template <class T>
void multiply(const Executor& executor, const DenseNormal<T>& product) {
  const DenseView<T>& matrix = product.matrix;
  if (!executor.is_cuda() && product.is_one_pass()) {
    if (matrix.columns == 0) return;
    cpu::multiply(executor.threads(), product,
                  room_for<T>(executor, dense_parts(matrix.rows, matrix.columns), matrix.columns));
    return;
  }
  multiply(executor,
           DenseProduct<T>{matrix, {product.in, nullptr}, {product.products, nullptr}, 1, product.factors, false});
  multiply(executor, DenseTransposed<T>{matrix, product.products, product.out, false, product.add});
}

template <class T>
void multiply(const Executor& executor, const DenseSymmetric<T>& product) {
  const DenseView<T>& matrix = product.matrix;
  if (executor.is_cuda()) {
    multiply(executor, DenseProduct<T>{matrix, {product.in, nullptr}, {product.out, nullptr}, 1, nullptr, product.add});
  } else {
    cpu::multiply(executor.threads(), product, room_for<T>(executor, triangle_parts(matrix.rows), matrix.rows));
  }
}

template void multiply(const Executor&, const DenseProduct<float>&);
template void multiply(const Executor&, const DenseProduct<double>&);
template void multiply(const Executor&, const DenseTransposed<float>&);
template void multiply(const Executor&, const DenseTransposed<double>&);
template void multiply(const Executor&, const DenseNormal<float>&);
template void multiply(const Executor&, const DenseNormal<double>&);
template void multiply(const Executor&, const DenseSymmetric<float>&);
template void multiply(const Executor&, const DenseSymmetric<double>&);

}  // namespace nabla::detail
