#include "../host/cuda_seam.hpp"
#include "check.cuh"
#include "sums.cuh"

#include <type_traits>

// Passes over vectors. A block takes the components that one part of the sums is about; a second kernel folds the
// parts, one block for each sum. Parts lie sum by sum.

namespace nabla::detail::cuda {

namespace {

template <class Body>
__global__ void __launch_bounds__(pass_threads)
    pass_kernel(const __grid_constant__ Body body, const std::int64_t n, double* const partials) {
  constexpr int count = Body::sums;
  if constexpr (count == 0) {
    in_part(n, [&](std::int64_t i) { body(i); });
  } else {
    double sums[count] = {};
    in_part(n, [&](std::int64_t i) {
      const Terms<count> terms = body(i);
#pragma unroll
      for (int k = 0; k < count; ++k) sums[k] += terms[k];
    });
    leave_partials(sums, partials);
  }
}

constexpr int lefts_at_once = 8;

/// Some of the vectors at the left at a time, as many as registers hold sums of; what is at the right stays in caches.
template <class T>
__global__ void __launch_bounds__(pass_threads)
    products_kernel(const __grid_constant__ Products<T> products, const std::int64_t n, double* const partials) {
  for (int group = 0; group < products.count; group += lefts_at_once) {
    double sums[2 * lefts_at_once] = {};
    in_part(n, [&](std::int64_t i) {
      const auto r0 = static_cast<double>(products.rights[0][i]), r1 = static_cast<double>(products.rights[1][i]);
#pragma unroll
      for (int k = 0; k < lefts_at_once; ++k) {
        if (group + k >= products.count) continue;
        const auto left = static_cast<double>(products.lefts[group + k][i]);
        sums[2 * k] += left * r0;
        sums[2 * k + 1] += left * r1;
      }
    });
    block_fold<pass_threads / 32>(sums, added);
    if (threadIdx.x == 0) {
#pragma unroll
      for (int k = 0; k < 2 * lefts_at_once; ++k) {
        const std::int64_t sum = 2 * group + k;
        if (sum < 2 * products.count) partials[sum * gridDim.x + blockIdx.x] = sums[k];
      }
    }
    __syncthreads();
  }
}

__global__ void __launch_bounds__(pass_threads)
    fold_kernel(const double* const partials, const std::int64_t parts, double* const out) {
  const double* const mine = partials + blockIdx.x * parts;
  double sums[1] = {};
  for (std::int64_t part = threadIdx.x; part < parts; part += pass_threads) sums[0] += mine[part];
  block_fold<pass_threads / 32>(sums, added);
  if (threadIdx.x == 0) out[blockIdx.x] = sums[0];
}

LaunchShape blocks_of(const ExecutorState& state, std::int64_t blocks) {
  return {blocks, pass_threads, 0, state.stream};
}

}  // namespace

void fold(const ExecutorState& state, std::int64_t n, std::int64_t count, const Sums& sums) {
  if (count == 0) return;
  launch_kernel("nabla fold kernel", &fold_kernel, blocks_of(state, count), sums.partials(), parts_of(n),
                sums.on_executor());
}

template <class T>
void run(const ExecutorState& state, std::int64_t n, const Pass<T>& pass, const Sums& sums) {
  const CurrentDevice current(state.device);
  std::visit(
      [&](const auto& body) {
        using Body = std::remove_cvref_t<decltype(body)>;
        launch_kernel("nabla pass kernel", &pass_kernel<Body>, blocks_of(state, parts_of(n)), body, n, sums.partials());
        fold(state, n, Body::sums, sums);
      },
      pass);
}

template <class T>
void run(const ExecutorState& state, std::int64_t n, const Products<T>& products, const Sums& sums) {
  const CurrentDevice current(state.device);
  launch_kernel("nabla products kernel", &products_kernel<T>, blocks_of(state, parts_of(n)), products, n,
                sums.partials());
  fold(state, n, 2 * products.count, sums);
}

template void run(const ExecutorState&, std::int64_t, const Pass<float>&, const Sums&);
template void run(const ExecutorState&, std::int64_t, const Pass<double>&, const Sums&);
template void run(const ExecutorState&, std::int64_t, const Products<float>&, const Sums&);
template void run(const ExecutorState&, std::int64_t, const Products<double>&, const Sums&);

}  // namespace nabla::detail::cuda
