#pragma once

#include <nabla/detail/statistics.hpp>

namespace nabla::detail {

/// Merges the statistics of a block's threads into thread 0's, always in the same tree.
/// (cub::BlockReduce does the same, but its header would add seconds to every file that evaluates a function.)
/// Shapes: the block has whole warps, at most 8.
__device__ inline void block_merge(Statistics<double>& statistics) {
  constexpr int fields = sizeof(Statistics<double>) / sizeof(double);
  constexpr int most_warps = 8;
  __shared__ Statistics<double> of_warp[most_warps];
  const int warps = static_cast<int>(blockDim.x) / 32;
  for (int offset = 16; offset > 0; offset /= 2) {
    Statistics<double> other;
    const auto* const ours = reinterpret_cast<const double*>(&statistics);
    auto* const theirs = reinterpret_cast<double*>(&other);
#pragma unroll
    for (int field = 0; field < fields; ++field) theirs[field] = __shfl_down_sync(0xffffffffu, ours[field], offset);
    statistics.merge(other);
  }
  if (threadIdx.x % 32 == 0) of_warp[threadIdx.x / 32] = statistics;
  __syncthreads();
  if (threadIdx.x == 0) {
    for (int warp = 1; warp < warps; ++warp) statistics.merge(of_warp[warp]);
  }
}

}  // namespace nabla::detail
