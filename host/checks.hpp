#pragma once

#include <nabla/detail/operation.hpp>

namespace nabla::detail {

/// Refuses what can't be right before anything runs: wrong shapes, strides that overflow, outputs that overlap each
/// other or an input, memory that the executor can't reach. Throws ShapeError or MemorySpaceError with expected and
/// actual.
template <class T>
void check(const Executor& executor, const Operation<T>& operation, const Request<T>& request);

}  // namespace nabla::detail
