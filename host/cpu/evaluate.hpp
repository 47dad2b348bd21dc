#pragma once

#include <nabla/detail/operation.hpp>

namespace nabla::detail::cpu {

/// Runs a checked request on the executor's threads.
template <class T>
void run(const Executor& executor, const Operation<T>& operation, const Request<T>& request);

}  // namespace nabla::detail::cpu
