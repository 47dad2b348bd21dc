#pragma once

#include "best.hpp"
#include "task.hpp"

#include <cstdint>
#include <limits>

namespace nabla::detail::cuda {

/// Descends from all starts on the executor's device, and waits. Bounds are in the host's memory. At most so many
/// blocks of threads hold descents, if not even fewer fit the device.
template <class T>
EachCounts descend_from_each(const Executor& executor, const EachTask<T>& task, BestStart& best,
                             std::int64_t most_blocks = std::numeric_limits<std::int64_t>::max());

}  // namespace nabla::detail::cuda
