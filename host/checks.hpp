#pragma once

#include <nabla/detail/operation.hpp>

#include <span>
#include <type_traits>

namespace nabla::detail {

/// Refuses what can't be right before anything runs: wrong shapes, strides that overflow, outputs that overlap each
/// other or an input, memory that the executor can't reach. Throws ShapeError or MemorySpaceError with expected and
/// actual.
template <class T>
void check(const Executor& executor, const Operation<T>& operation, const Request<T>& request);

/// An argument of other calls.
struct Argument {
  const char* name;
  const void* data;
  std::int64_t count, components, item_stride, component_stride;
  std::int64_t size;  // of a number in bytes
  bool is_output;
};
template <class T>
Argument vector_argument(const char* name, std::span<T> vector) {
  return {name, vector.data(), static_cast<std::int64_t>(vector.size()), 1, 1, 1, sizeof(T), !std::is_const_v<T>};
}

/// Refuses arguments without memory, or unaligned, or which the executor can't reach, and outputs that overlap others.
void check_memory(const Executor& executor, const char* call, std::span<const Argument> arguments);

}  // namespace nabla::detail
