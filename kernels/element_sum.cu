#include "../host/cuda_seam.hpp"
#include "block_sum.cuh"
#include "check.cuh"

#include <utility>

// What sums of elements need that does not know the element: partial sums folded always in the same tree, and what
// elements that share their variables add up to handed to the variables.

namespace nabla::detail::cuda {

namespace {

constexpr int fold_threads = 256;
constexpr std::int64_t fan_in = 4096;
constexpr std::int64_t folds(std::int64_t count) { return (count + fan_in - 1) / fan_in; }

__global__ void __launch_bounds__(fold_threads) fold_sums_kernel(const double* const partials, const std::int64_t count,
                                                                 const std::int64_t parts, double* const folded) {
  const std::int64_t row = blockIdx.x / parts, first = blockIdx.x % parts * fan_in;
  const std::int64_t last = first + fan_in < count ? first + fan_in : count;
  double mine = 0;
  for (std::int64_t i = first + threadIdx.x; i < last; i += fold_threads) mine += partials[row * count + i];
  const double sum = block_sum(mine);
  if (threadIdx.x == 0) folded[blockIdx.x] = sum;
}

/// A thread has the variable of a slot, unless a slot before it has the same.
template <class T>
__global__ void __launch_bounds__(most_slots)
    assemble_shared_kernel(const ElementPass pass, const ElementGrid grid, const std::int64_t slots,
                           const double* const sums, const ElementRequest<T> request) {
  const std::int64_t i = threadIdx.x, own = grid.offset[i];
  for (std::int64_t j = 0; j < i; ++j) {
    if (grid.offset[j] == own) return;
  }
  if (pass == ElementPass::diagonal) {  // of the variable, not of its slots
    request.out[own] += static_cast<T>(sums[i]);
    return;
  }
  for (std::int64_t j = i; j < slots; ++j) {
    if (grid.offset[j] != own) continue;
    if (pass != ElementPass::hessian) {
      request.out[own] += static_cast<T>(sums[j]);
      continue;
    }
    for (std::int64_t k = 0; k < slots; ++k) {
      std::int64_t at = request.starts[own];
      const std::int64_t end = request.starts[own + 1];
      while (at < end && request.columns[at] != grid.offset[k]) ++at;
      if (at < end) request.out[at] += static_cast<T>(sums[j * slots + k]);
    }
  }
}

}  // namespace

std::int64_t fold_numbers(std::int64_t count, std::int64_t rows) { return rows * (count + folds(count)); }

const double* fold_sums(const ExecutorState& state, double* partials, std::int64_t count, std::int64_t rows) {
  double *from = partials, *to = partials + rows * count;
  for (; count > 1; count = folds(count)) {
    launch_kernel("nabla sum kernel", &fold_sums_kernel, {rows * folds(count), fold_threads, 0, state.stream}, from,
                  count, folds(count), to);
    std::swap(from, to);
  }
  return from;
}

template <class T>
void assemble_shared(const ExecutorState& state, ElementPass pass, const ElementGrid& grid, std::int64_t slots,
                     const double* sums, const ElementRequest<T>& request) {
  launch_kernel("nabla element sum kernel", &assemble_shared_kernel<T>, {1, static_cast<int>(slots), 0, state.stream},
                pass, grid, slots, sums, request);
}
template void assemble_shared(const ExecutorState&, ElementPass, const ElementGrid&, std::int64_t, const double*,
                              const ElementRequest<float>&);
template void assemble_shared(const ExecutorState&, ElementPass, const ElementGrid&, std::int64_t, const double*,
                              const ElementRequest<double>&);

}  // namespace nabla::detail::cuda
