#pragma once

namespace nabla::detail {

/// Folds numbers of all threads into thread 0's, each by itself, always in the same tree. Shared memory is in use until
/// the block's next barrier. Shapes: whole warps, at most `Warps`.
template <int Warps, int Numbers, class Fold>
__device__ void block_fold(double (&numbers)[Numbers], Fold fold) {
  __shared__ double of_warp[Warps][Numbers];
  for (int offset = 16; offset > 0; offset /= 2) {
#pragma unroll
    for (int k = 0; k < Numbers; ++k) {
      numbers[k] = fold(numbers[k], __shfl_down_sync(0xffffffffu, numbers[k], offset));
    }
  }
  if (threadIdx.x % 32 == 0) {
#pragma unroll
    for (int k = 0; k < Numbers; ++k) of_warp[threadIdx.x / 32][k] = numbers[k];
  }
  __syncthreads();
  if (threadIdx.x != 0) return;
  for (int warp = 1; warp < Warps; ++warp) {
#pragma unroll
    for (int k = 0; k < Numbers; ++k) numbers[k] = fold(numbers[k], of_warp[warp][k]);
  }
}

}  // namespace nabla::detail
