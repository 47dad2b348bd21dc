#pragma once

#include "../each/task.hpp"

namespace nabla::detail::cpu {

/// Descends from all starts, on the executor's threads.
template <class T>
EachCounts descend_from_each(const Executor& executor, const EachTask<T>& task);

}  // namespace nabla::detail::cpu
