#include "../host/cuda_seam.hpp"
#include "check.cuh"

// Hessians of sums over rows: a few lanes for each owner, or for each part of one that is cut. They go through its rows
// together, an entry of the row for each lane, whose place among the owner's is found by bisection.

namespace nabla::detail::cuda {

namespace {

constexpr int threads = 256, lanes = 8;
constexpr std::int64_t blocks_for(std::int64_t count, std::int64_t of_block) {
  return (count + of_block - 1) / of_block;
}

/// The most rows that a job of the warp has. All jobs of a warp go from row to row together.
__device__ inline std::int64_t most_of_warp(std::int64_t count) {
  for (int offset = 16; offset >= lanes; offset /= 2) {
    const std::int64_t other = __shfl_xor_sync(0xffffffffu, count, offset);
    count = other > count ? other : count;
  }
  return count;
}

template <class T, class Index>
__global__ void __launch_bounds__(threads)
    row_hessian_kernel(const RowHessianView<T, Index> view, const std::int64_t jobs, const RowHessianOutput<T> output,
                       T* const sums) {
  const std::int64_t job = (static_cast<std::int64_t>(blockIdx.x) * threads + threadIdx.x) / lanes;
  const std::int64_t lane = threadIdx.x % lanes;
  const bool is_whole = job < view.whole_owners;
  std::int64_t owner = job, first = 0, last = 0, begin = 0, own = 0, size = 0;
  if (is_whole) {
    first = view.first(owner);
    last = view.last(owner);
    begin = view.entry_starts[owner];
  } else if (job < jobs) {
    const RowHessianPart part(view, job - view.whole_owners);
    owner = part.owner;
    first = part.first;
    last = part.last;
    begin = view.entries + part.sums;
  }
  if (job < jobs) {
    own = view.entry_starts[owner];
    size = view.entries_of(owner);
  }
  T* const mine = sums + begin;
  for (std::int64_t k = lane; k < size; k += lanes) mine[k] = 0;
  const Index* const others = view.others + own;
  const std::int64_t steps = most_of_warp(last - first);
  for (std::int64_t t = first; t < first + steps; ++t) {
    __syncwarp();  // lanes have other columns in the next row, but a job's sums are the same
    if (t >= last) continue;
    const Index row = view.rows[t], end = view.ends[row];
    const T factor = view.factors[t] * output.curvatures[row];
    std::int64_t low = 0;  // a row's entries and an owner's are in the same order
    for (std::int64_t e = view.at[t] + lane; e < end; e += lanes) {
      const Index rank = view.ranks[e];
      std::int64_t high = size;
      while (high - low > 1) {
        const std::int64_t middle = low + (high - low) / 2;
        (others[middle] <= rank ? low : high) = middle;
      }
      mine[low] += factor * view.values[e];
    }
  }
  __syncwarp();
  for (std::int64_t k = lane; k < size && is_whole; k += lanes) output.put(own + k, mine[k]);
}

/// A thread for each entry of owners that are cut: what their parts have, in order.
template <class T, class Index>
__global__ void __launch_bounds__(threads)
    row_hessian_parts_kernel(const RowHessianView<T, Index> view, const RowHessianOutput<T> output,
                             const T* const sums_of_parts) {
  const std::int64_t number = static_cast<std::int64_t>(blockIdx.x) * threads + threadIdx.x;
  const std::int64_t entry = view.entry_starts[view.whole_owners] + number;
  if (entry >= view.entries) return;
  std::int64_t low = view.whole_owners, high = view.owners;
  while (high - low > 1) {
    const std::int64_t middle = low + (high - low) / 2;
    (view.entry_starts[middle] <= entry ? low : high) = middle;
  }
  const std::int64_t cut = low - view.whole_owners, size = view.entries_of(low);
  double sum = 0;
  for (std::int64_t at = view.sums_begin[cut] + entry - view.entry_starts[low]; at < view.sums_begin[cut + 1];
       at += size) {
    sum += static_cast<double>(sums_of_parts[at]);
  }
  output.put(entry, static_cast<T>(sum));
}

}  // namespace

template <class T, class Index>
void assemble(const ExecutorState& state, const RowHessianView<T, Index>& view, const RowHessianOutput<T>& output,
              T* sums) {
  const char* const name = "nabla row Hessian kernel";
  const std::int64_t jobs = view.whole_owners + view.parts;
  if (jobs == 0) return;
  launch_kernel(name, &row_hessian_kernel<T, Index>, {blocks_for(jobs, threads / lanes), threads, 0, state.stream},
                view, jobs, output, sums);
  if (view.cut_entries == 0) return;
  launch_kernel(name, &row_hessian_parts_kernel<T, Index>,
                {blocks_for(view.cut_entries, threads), threads, 0, state.stream}, view, output, sums + view.entries);
}
template void assemble(const ExecutorState&, const RowHessianView<float, std::int32_t>&, const RowHessianOutput<float>&,
                       float*);
template void assemble(const ExecutorState&, const RowHessianView<float, std::int64_t>&, const RowHessianOutput<float>&,
                       float*);
template void assemble(const ExecutorState&, const RowHessianView<double, std::int32_t>&,
                       const RowHessianOutput<double>&, double*);
template void assemble(const ExecutorState&, const RowHessianView<double, std::int64_t>&,
                       const RowHessianOutput<double>&, double*);

}  // namespace nabla::detail::cuda
