#include "../host/cuda_seam.hpp"
#include "check.cuh"

#include <cub/block/block_reduce.cuh>
#include <nabla/detail/statistics.hpp>

// The last step of a summary: the blocks' statistics, folded 256 at a time, always in the same tree.

namespace nabla::detail::cuda {

namespace {

constexpr int fan_in = 256;

struct Merge {
  __device__ Statistics<double> operator()(Statistics<double> a, const Statistics<double>& b) const {
    a.merge(b);
    return a;
  }
};

__global__ void __launch_bounds__(fan_in)
    fold_kernel(const Statistics<double>* const partials, const std::int64_t count, Statistics<double>* const folded) {
  using Reduce = cub::BlockReduce<Statistics<double>, fan_in, cub::BLOCK_REDUCE_WARP_REDUCTIONS>;
  __shared__ typename Reduce::TempStorage storage;
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * fan_in + threadIdx.x;
  const Statistics<double> mine = i < count ? partials[i] : Statistics<double>::none();
  const Statistics<double> all = Reduce(storage).Reduce(mine, Merge());
  if (threadIdx.x == 0) folded[blockIdx.x] = all;
}

__global__ void finish_kernel(const Statistics<double>* const folded, const bool any, const bool with_gradient,
                              Summary* const summary) {
  *summary = finish(any ? *folded : Statistics<double>::none(), with_gradient);
}

constexpr std::int64_t folds(std::int64_t count) { return (count + fan_in - 1) / fan_in; }

}  // namespace

std::size_t partials_bytes(std::int64_t blocks) {
  // Two buffers to fold from one into the other: the second is at most as large as the first fold.
  return static_cast<std::size_t>(blocks + folds(blocks)) * sizeof(Statistics<double>);
}

void finish_summary(const ExecutorState& state, void* partials, std::int64_t blocks, bool with_gradient,
                    Summary* summary) {
  auto* from = static_cast<Statistics<double>*>(partials);
  auto* to = from + blocks;
  const bool any = blocks > 0;
  for (; blocks > 1; blocks = folds(blocks)) {
    launch_kernel("nabla summary kernel", &fold_kernel, {folds(blocks), fan_in, 0, state.stream}, from, blocks, to);
    std::swap(from, to);
  }
  launch_kernel("nabla summary kernel", &finish_kernel, {1, 1, 0, state.stream}, from, any, with_gradient, summary);
}

}  // namespace nabla::detail::cuda
