#pragma once

namespace nabla::detail {

/// The sum of a number of each of a block's threads, in thread 0, always in the same tree. All threads call it, as
/// often as they like. (cub::BlockReduce does the same, but its header would add seconds to every file with an
/// element.) Shapes: the block has whole warps, at most 8.
__device__ inline double block_sum(double mine) {
  __shared__ double of_warp[8];
  for (int offset = 16; offset > 0; offset /= 2) mine += __shfl_down_sync(0xffffffffu, mine, offset);
  __syncthreads();  // the last sum's numbers were read
  if (threadIdx.x % 32 == 0) of_warp[threadIdx.x / 32] = mine;
  __syncthreads();
  double sum = 0;
  if (threadIdx.x == 0) {
    for (unsigned warp = 0; warp < blockDim.x / 32; ++warp) sum += of_warp[warp];
  }
  return sum;
}

}  // namespace nabla::detail
