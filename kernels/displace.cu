#include "../host/cuda_seam.hpp"
#include "block_fold.cuh"
#include "check.cuh"

// Steps along random directions, and sums over a gradient's terms along them. A block of threads takes the elements
// that one partial result is about, and folds its threads' results in a tree that is always the same.

namespace nabla::detail::cuda {

namespace {

constexpr int block_threads = 256;
constexpr int warps = block_threads / 32;

template <class T>
__global__ void __launch_bounds__(block_threads)
    displace_kernel(const T* const x, const double t, const Direction u, const Subset subset, T* const out) {
  const std::int64_t j = subset.first + static_cast<std::int64_t>(blockIdx.x) * block_threads + threadIdx.x;
  if (j >= subset.last) return;
  const std::int64_t i = subset.component(j);
  out[i] = displaced(x != nullptr ? x[i] : T(0), t, u(i));
}

template <class T>
__global__ void __launch_bounds__(block_threads)
    weigh_kernel(const T* const gradient, const Direction u, const Subset subset, Weighed* const partials) {
  const std::int64_t first = subset.first + static_cast<std::int64_t>(blockIdx.x) * weighed_at_once;
  Weighed mine;
  for (int k = threadIdx.x; k < weighed_at_once && first + k < subset.last; k += block_threads) {
    const std::int64_t i = subset.component(first + k);
    mine.add(static_cast<double>(gradient[i]) * u(i));
  }
  double sums[] = {mine.sum, mine.size, mine.squares};
  block_fold<warps>(sums, [](double a, double b) { return a + b; });
  if (threadIdx.x == 0) partials[blockIdx.x] = {sums[0], sums[1], sums[2]};
}

template <class T>
__global__ void __launch_bounds__(block_threads)
    largest_kernel(const T* const a, const T* const b, const std::int64_t n, double* const partials) {
  const std::int64_t first = static_cast<std::int64_t>(blockIdx.x) * weighed_at_once;
  const auto larger = [](double one, double other) { return one < other ? other : one; };
  double most[] = {0};
  for (int k = threadIdx.x; k < weighed_at_once && first + k < n; k += block_threads) {
    const std::int64_t i = first + k;
    most[0] = larger(most[0], b != nullptr ? difference(a[i], b[i]) : finite_size(a[i]));
  }
  block_fold<warps>(most, larger);
  if (threadIdx.x == 0) partials[blockIdx.x] = most[0];
}

LaunchShape shape_of(const ExecutorState& state, std::int64_t elements, std::int64_t of_a_block) {
  return {(elements + of_a_block - 1) / of_a_block, block_threads, 0, state.stream};
}

}  // namespace

template <class T>
void displace(const ExecutorState& state, const T* x, double t, const Direction& u, const Subset& subset, T* out) {
  if (subset.size() == 0) return;
  const CurrentDevice current(state.device);
  launch_kernel("nabla displace kernel", &displace_kernel<T>, shape_of(state, subset.size(), block_threads), x, t, u,
                subset, out);
}

template <class T>
void weigh(const ExecutorState& state, const T* gradient, const Direction& u, const Subset& subset, Weighed* partials) {
  const CurrentDevice current(state.device);
  launch_kernel("nabla weigh kernel", &weigh_kernel<T>, shape_of(state, subset.size(), weighed_at_once), gradient, u,
                subset, partials);
}

template <class T>
void largest(const ExecutorState& state, const T* a, const T* b, std::int64_t n, double* partials) {
  const CurrentDevice current(state.device);
  launch_kernel("nabla largest kernel", &largest_kernel<T>, shape_of(state, n, weighed_at_once), a, b, n, partials);
}

template void displace(const ExecutorState&, const float*, double, const Direction&, const Subset&, float*);
template void displace(const ExecutorState&, const double*, double, const Direction&, const Subset&, double*);
template void weigh(const ExecutorState&, const float*, const Direction&, const Subset&, Weighed*);
template void weigh(const ExecutorState&, const double*, const Direction&, const Subset&, Weighed*);
template void largest(const ExecutorState&, const float*, const float*, std::int64_t, double*);
template void largest(const ExecutorState&, const double*, const double*, std::int64_t, double*);

}  // namespace nabla::detail::cuda
