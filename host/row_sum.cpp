#include <nabla/row_sum.hpp>

#include "checks.hpp"
#include "cpu/row_sum.hpp"
#include "cuda_seam.hpp"
#include "row_matrix.hpp"

#include <string>

// From a pass over rows to the executor that runs its products.

namespace nabla::detail {

namespace {

[[noreturn]] void refuse_executor(const char* call, const std::string& made_for) {
  throw MemorySpaceError(std::string(call) + ": the sum's rows were prepared for " + made_for);
}

void require_size(const char* call, const char* name, std::size_t found, std::int64_t expected) {
  if (static_cast<std::int64_t>(found) == expected) return;
  throw ShapeError(std::string(call) + ": " + name + " must have " + std::to_string(expected) + " numbers, found " +
                   std::to_string(found));
}

template <class T>
void require(const Executor& executor, const RowCall<T>& call) {
  const RowMatrix<T>& matrix = call.matrix;
  const Executor& made_for = matrix.executor;
  if (executor.is_cuda() != made_for.is_cuda()) {
    refuse_executor(call.name, executor.is_cuda() ? "a CPU executor" : "a CUDA executor");
  }
  if (executor.device() != made_for.device()) {
    refuse_executor(call.name,
                    "CUDA device " + std::to_string(made_for.device()) + ", not " + std::to_string(executor.device()));
  }
  require_size(call.name, "x", call.x.size(), matrix.variables);
  if (call.v != nullptr) require_size(call.name, "v", call.v->size(), matrix.variables);
  if (call.out.data() != nullptr || !call.out.empty()) {
    require_size(call.name, call.output, call.out.size(), call.size);
  }
  const SparseView<T>& rows = matrix.rows;
  const std::int64_t indices = matrix.is_dense ? 0 : 1;
  const Argument arguments[] = {
      {"the rows' starts", rows.starts, indices * (rows.rows + 1), 1, 1, 1, matrix.index_bytes[0], false},
      {"the rows' columns", rows.columns, indices * rows.entries, 1, 1, 1, matrix.index_bytes[1], false},
      vector_argument("the rows' values", std::span(rows.values, static_cast<std::size_t>(rows.entries))),
      vector_argument("x", call.x),
      vector_argument("v", call.v != nullptr ? *call.v : std::span<const T>()),
      vector_argument(call.output, call.out),
  };
  check_memory(executor, call.name, arguments);
}

template <class T>
RowVectors<T> vectors_of(const Executor& executor, const RowMatrix<T>& matrix) {
  const auto size = static_cast<std::size_t>(matrix.rows.rows);
  const std::size_t bytes = (size * sizeof(T) + 255) / 256 * 256;
  auto* const memory = static_cast<std::byte*>(workspace(executor, 3 * bytes, &ExecutorState::vectors));
  const auto vector = [&](std::size_t k) { return std::span(reinterpret_cast<T*>(memory + k * bytes), size); };
  return {vector(0), vector(1), vector(2)};
}

}  // namespace

template <class T>
void multiply(const Executor& executor, const SparseProduct<T>& product) {
  const std::int64_t parts = sparse_parts(product.matrix.rows, product.matrix.entries);
  if (parts == 0) return;
  auto* const partials =
      static_cast<double*>(workspace(executor, static_cast<std::size_t>(2 * product.vectors * parts) * sizeof(double)));
  if (executor.is_cuda()) {
    const cuda::CurrentDevice current(executor.device());
    cuda::multiply(executor.state(), product, partials);
  } else {
    cpu::multiply(executor.threads(), product, partials);
  }
}
template void multiply(const Executor&, const SparseProduct<float>&);
template void multiply(const Executor&, const SparseProduct<double>&);

template <class T>
RowVectors<T> multiply_rows(const Executor& executor, const RowCall<T>& call) {
  require(executor, call);
  const RowVectors<T> at = vectors_of(executor, call.matrix);
  const bool both = call.v != nullptr;
  if (call.matrix.is_dense) {
    multiply(executor, DenseProduct<T>{call.matrix.dense(),
                                       {call.x.data(), both ? call.v->data() : nullptr},
                                       {at.products.data(), at.along.data()},
                                       both ? 2 : 1,
                                       nullptr,
                                       false});
    return at;
  }
  multiply<T>(executor, {call.matrix.rows,
                         {call.x.data(), both ? call.v->data() : nullptr},
                         {at.products.data(), at.along.data()},
                         both ? 2 : 1,
                         false,
                         false});
  return at;
}
template RowVectors<float> multiply_rows(const Executor&, const RowCall<float>&);
template RowVectors<double> multiply_rows(const Executor&, const RowCall<double>&);

template <class T>
void multiply_columns(const Executor& executor, const RowCall<T>& call, std::span<const T> slopes, bool squared,
                      bool add) {
  if (call.out.empty()) return;
  if (call.matrix.is_dense) {
    return multiply(executor, DenseTransposed<T>{call.matrix.dense(), slopes.data(), call.out.data(), squared, add});
  }
  multiply<T>(executor, {call.matrix.columns, {slopes.data(), nullptr}, {call.out.data(), nullptr}, 1, squared, add});
}
template void multiply_columns(const Executor&, const RowCall<float>&, std::span<const float>, bool, bool);
template void multiply_columns(const Executor&, const RowCall<double>&, std::span<const double>, bool, bool);

}  // namespace nabla::detail
