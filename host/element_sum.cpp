#include <nabla/element_sum.hpp>

#include "checks.hpp"
#include "cpu/element_sum.hpp"
#include "cuda_element_sum.hpp"

#include <string>

// From a pass over the elements of a sum to the executor that runs it.

namespace nabla::detail {

namespace {

template <class T>
void require_size(const char* call, const char* name, std::span<T> vector, std::int64_t expected) {
  if (static_cast<std::int64_t>(vector.size()) == expected) return;
  throw ShapeError(std::string(call) + ": " + name + " must have " + std::to_string(expected) + " numbers, found " +
                   std::to_string(vector.size()));
}

template <class T>
Argument data_argument(const BatchView<const T>& data) {
  return {"data", data.data, data.count, data.components, data.item_stride, data.component_stride, sizeof(T), false};
}

Argument table_argument(const Connectivity& connectivity) {
  const auto* const table = std::get_if<Table>(&connectivity);
  if (table == nullptr) return {};
  return {"the table",
          table->entries,
          table->count,
          table->width,
          table->item_stride,
          table->component_stride,
          table->wide ? std::int64_t{8} : std::int64_t{4},
          false};
}

template <class T>
void require(const Executor& executor, const ElementCall<T>& call) {
  const char* const name = call.operation.name;
  const ElementOutputs<T>& out = call.outputs;
  if (const auto* const table = std::get_if<Table>(&call.connectivity)) {
    if (executor.is_cuda() ? table->owners == nullptr : table->schedule == nullptr) {
      throw MemorySpaceError(std::string(name) + ": the sum's table was prepared for " +
                             (executor.is_cuda() ? "a CPU executor" : "a CUDA executor"));
    }
  }
  require_size(name, "x", call.x, call.variables);
  if (call.operation.needs_extra) require_size(name, "v", call.v, call.variables);
  const auto require_output = [&](const char* what, std::span<T> vector, std::int64_t expected) {
    if (vector.data() != nullptr || !vector.empty()) require_size(name, what, vector, expected);
  };
  require_output("the gradient", out.gradient, call.variables);
  require_output("the product", out.product, call.variables);
  require_output("the diagonal", out.diagonal, call.variables);
  require_output("the values", out.values, elements_of(call.connectivity));
  if (call.pattern != nullptr) {
    require_pattern(name, *call.pattern, call.variables);
    require_output("the Hessian", out.hessian, static_cast<std::int64_t>(call.pattern->columns.size()));
  }
  const Argument arguments[] = {
      data_argument(call.data),
      table_argument(call.connectivity),
      vector_argument("x", call.x),
      vector_argument("v", call.operation.needs_extra ? call.v : std::span<const T>()),
      vector_argument("the gradient", out.gradient),
      vector_argument("the product", out.product),
      vector_argument("the diagonal", out.diagonal),
      vector_argument("the values", out.values),
      vector_argument("the Hessian", out.hessian),
  };
  check_memory(executor, name, arguments);
}

}  // namespace

template <class T>
void require_data(const Executor& executor, const Connectivity& connectivity, const BatchView<const T>& data,
                  std::int64_t numbers) {
  const std::int64_t elements = elements_of(connectivity);
  const bool one_for_all = data.count == 1 && numbers > 0;
  if (data.components != numbers || (numbers > 0 && data.count != elements && !one_for_all)) {
    throw ShapeError("element sum: data must have the shape (" + std::to_string(elements) + ", " +
                     std::to_string(numbers) + "), found (" + std::to_string(data.count) + ", " +
                     std::to_string(data.components) + ")");
  }
  const Argument argument = data_argument(data);
  check_memory(executor, "element sum", std::span(&argument, 1));
}
template void require_data(const Executor&, const Connectivity&, const BatchView<const float>&, std::int64_t);
template void require_data(const Executor&, const Connectivity&, const BatchView<const double>&, std::int64_t);

void require_pattern(const char* call, const SparsePattern& pattern, std::int64_t variables) {
  if (static_cast<std::int64_t>(pattern.starts.size()) == variables + 1) return;
  throw ShapeError(std::string(call) + ": the pattern must have " + std::to_string(variables) + " rows, found " +
                   std::to_string(pattern.starts.size()) + " starts");
}

template <class T>
double run_elements(const Executor& executor, const ElementCall<T>& call) {
  require(executor, call);
  return executor.is_cuda() ? cuda::run_elements(executor, call) : cpu::run_elements(executor, call);
}
template double run_elements(const Executor&, const ElementCall<float>&);
template double run_elements(const Executor&, const ElementCall<double>&);

}  // namespace nabla::detail
