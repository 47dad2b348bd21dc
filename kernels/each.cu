#include "../host/cuda_seam.hpp"
#include "check.cuh"

// Which of many descents led to the least value. Which is compared with which does not matter: of equal values the
// first start is the better one.

namespace nabla::detail::cuda {

namespace {

constexpr int threads = 256;

__device__ bool is_better(const BestStart& a, const BestStart& b) {
  if (a.start < 0 || b.start < 0) return b.start < 0 && a.start >= 0;
  return a.value < b.value || (a.value == b.value && a.start < b.start);
}

/// The best of a block's threads.
__device__ BestStart best_of_block(BestStart mine) {
  __shared__ BestStart of_thread[threads];
  of_thread[threadIdx.x] = mine;
  for (unsigned half = threads / 2; half > 0; half /= 2) {
    __syncthreads();
    if (threadIdx.x < half && is_better(of_thread[threadIdx.x + half], of_thread[threadIdx.x])) {
      of_thread[threadIdx.x] = of_thread[threadIdx.x + half];
    }
  }
  __syncthreads();
  return of_thread[0];
}

template <class T>
__global__ void __launch_bounds__(threads) best_kernel(const BatchView<const T> values, BestStart* const partials) {
  BestStart mine{-1, 0};
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * threads;
  for (std::int64_t k = static_cast<std::int64_t>(blockIdx.x) * threads + threadIdx.x; k < values.count; k += step) {
    const BestStart other{k, static_cast<double>(values(k))};
    if (other.value - other.value == 0 && is_better(other, mine)) mine = other;
  }
  mine = best_of_block(mine);
  if (threadIdx.x == 0) partials[blockIdx.x] = mine;
}

__global__ void __launch_bounds__(threads) best_of_kernel(BestStart* const partials, const int count) {
  BestStart mine{-1, 0};
  for (int k = threadIdx.x; k < count; k += threads) {
    if (is_better(partials[k], mine)) mine = partials[k];
  }
  mine = best_of_block(mine);
  if (threadIdx.x == 0) partials[0] = mine;
}

}  // namespace

template <class T>
const BestStart* find_best(const ExecutorState& state, BatchView<const T> values, BestStart* partials) {
  constexpr std::int64_t values_of_block = 16 * threads;
  const std::int64_t wanted = (values.count + values_of_block - 1) / values_of_block;
  const std::int64_t blocks = wanted < 1 ? 1 : wanted < most_best_partials ? wanted : most_best_partials;
  launch_kernel("nabla best start kernel", &best_kernel<T>, {blocks, threads, 0, state.stream}, values, partials);
  launch_kernel("nabla best start kernel", &best_of_kernel, {1, threads, 0, state.stream}, partials,
                static_cast<int>(blocks));
  return partials;
}
template const BestStart* find_best(const ExecutorState&, BatchView<const float>, BestStart*);
template const BestStart* find_best(const ExecutorState&, BatchView<const double>, BestStart*);

}  // namespace nabla::detail::cuda
