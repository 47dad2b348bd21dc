#include "../host/cuda_seam.hpp"
#include "check.cuh"

#include <nabla/random.hpp>

namespace nabla::detail::cuda {

namespace {

constexpr int block_threads = 256;

/// A thread draws the components of one point, two from each block of the generator.
template <class T>
__global__ void __launch_bounds__(block_threads)
    uniform_kernel(const BatchView<T> out, const double low, const double high, const std::uint64_t seed) {
  const std::int64_t p = static_cast<std::int64_t>(blockIdx.x) * block_threads + threadIdx.x;
  if (p >= out.count) return;
  for (std::int64_t j = 0; j < out.components; j += 2) {
    const auto pair = uniform_pair(seed, p, j / 2, low, high);
    out(p, j) = static_cast<T>(pair[0]);
    if (j + 1 < out.components) out(p, j + 1) = static_cast<T>(pair[1]);
  }
}

}  // namespace

template <class T>
void fill_uniform(const ExecutorState& state, BatchView<T> out, double low, double high, std::uint64_t seed) {
  if (out.count == 0) return;
  const CurrentDevice current(state.device);
  const std::int64_t blocks = (out.count + block_threads - 1) / block_threads;
  launch_kernel("nabla uniform points kernel", &uniform_kernel<T>, {blocks, block_threads, 0, state.stream}, out, low,
                high, seed);
}
template void fill_uniform(const ExecutorState&, BatchView<float>, double, double, std::uint64_t);
template void fill_uniform(const ExecutorState&, BatchView<double>, double, double, std::uint64_t);

}  // namespace nabla::detail::cuda
