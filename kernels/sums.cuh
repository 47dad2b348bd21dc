#pragma once

#include "../host/vectors.hpp"
#include "block_fold.cuh"

namespace nabla::detail::cuda {

inline constexpr int pass_threads = 256;

__device__ inline double added(double a, double b) { return a + b; }

/// Calls use(i) for this thread's components of the block's part of n.
template <class Use>
__device__ void in_part(const std::int64_t n, Use use) {
  const std::int64_t first = static_cast<std::int64_t>(blockIdx.x) * summed_at_once;
  for (int k = threadIdx.x; k < summed_at_once && first + k < n; k += pass_threads) use(first + k);
}

/// Leaves the sums of a block's threads among the parts', sum by sum.
template <int Count>
__device__ void leave_partials(double (&sums)[Count], double* const partials) {
  block_fold<pass_threads / 32>(sums, added);
  if (threadIdx.x != 0) return;
#pragma unroll
  for (int k = 0; k < Count; ++k) partials[k * static_cast<std::int64_t>(gridDim.x) + blockIdx.x] = sums[k];
}

/// Enqueues what folds the parts' sums, always in the same order.
void fold(const ExecutorState& state, std::int64_t n, std::int64_t count, const Sums& sums);

}  // namespace nabla::detail::cuda
