#include "../host/cuda_seam.hpp"
#include "check.cuh"

// Products of sparse matrices, by the parts of detail/sparse_product.hpp: a block of threads for each. Its entries'
// terms go to shared memory, read in order; then each thread has equally many items, whatever rows they are of, and
// what threads have of the same row is added up across them, always in the same tree. The owner of what crosses parts
// is a warp of a second kernel.

namespace nabla::detail::cuda {

namespace {

constexpr int threads = 256, warps = threads / 32;
constexpr int items_of_thread = part_items / threads;
static_assert(items_of_thread * threads == part_items);

/// A row that a thread does not end, counted from the part's first, and what the thread has of it.
template <int Vectors>
struct Unfinished {
  int row;
  double sums[Vectors];
};

/// Adds what earlier threads of the warp have of the same row. Rows do not decrease from thread to thread.
template <int Vectors>
__device__ void scan_warp(Unfinished<Vectors>& mine) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  for (int offset = 1; offset < 32; offset *= 2) {
    const int row = __shfl_up_sync(0xffffffffu, mine.row, offset);
#pragma unroll
    for (int k = 0; k < Vectors; ++k) {
      const double before = __shfl_up_sync(0xffffffffu, mine.sums[k], offset);
      if (lane >= offset && row == mine.row) mine.sums[k] += before;
    }
  }
}

/// How many of a part's rows end before an item.
__device__ inline int rows_before(const std::uint16_t* ends, int rows, int item) {
  int first = 0;
  for (int last = rows; first < last;) {
    const int middle = (first + last) / 2;
    if (ends[middle] + middle < item) {
      first = middle + 1;
    } else {
      last = middle;
    }
  }
  return first;
}

template <int Vectors, bool Squared, class T>
__global__ void __launch_bounds__(threads)
    sparse_product_kernel(const SparseProduct<T> product, double* const partials) {
  __shared__ T terms[Vectors][part_items];    // of entries, then of rows: their sums
  __shared__ std::uint16_t ends[part_items];  // of rows: how many of the part's entries come before
  __shared__ Unfinished<Vectors> of_warp[warps];
  const SparseView<T>& matrix = product.matrix;
  const std::int64_t number = blockIdx.x;
  const SparsePart part(matrix, number);
  const int rows = static_cast<int>(part.last_row - part.row), entries = static_cast<int>(part.last_entry - part.entry);
  const int thread = static_cast<int>(threadIdx.x);
  for (int e = thread; e < entries; e += threads) {
    const T value = matrix.values[part.entry + e];
    const std::int64_t column = matrix.column(part.entry + e);
#pragma unroll
    for (int k = 0; k < Vectors; ++k) terms[k][e] = (Squared ? value * value : value) * product.in[k][column];
  }
  for (int r = thread; r < rows; r += threads) {
    ends[r] = static_cast<std::uint16_t>(matrix.start(part.row + r + 1) - part.entry);
  }
  __syncthreads();

  const int items = rows + entries;
  const int first = thread * items_of_thread < items ? thread * items_of_thread : items;
  const int first_row = rows_before(ends, rows, first);
  int row = first_row, entry = first - row;
  T sums[Vectors] = {}, of_first[Vectors] = {};  // of the row at hand; of the first, which others may have begun
  for (int item = first; item < first + items_of_thread && item < items; ++item) {
    const bool ends_row = row < rows && entry == ends[row];
#pragma unroll
    for (int k = 0; k < Vectors; ++k) {
      if (!ends_row) {
        sums[k] += terms[k][entry];
        continue;
      }
      if (row == first_row) {
        of_first[k] = sums[k];
      } else {
        terms[k][entries + row] = sums[k];
      }
      sums[k] = 0;
    }
    ends_row ? ++row : ++entry;
  }

  Unfinished<Vectors> mine{row, {}};
#pragma unroll
  for (int k = 0; k < Vectors; ++k) mine.sums[k] = static_cast<double>(sums[k]);
  scan_warp(mine);
  const int lane = thread % 32, warp = thread / 32;
  if (lane == 31) of_warp[warp] = mine;
  __syncthreads();
#pragma unroll
  for (int k = 0; k < Vectors; ++k) {
    const double before_mine = __shfl_up_sync(0xffffffffu, mine.sums[k], 1);
    double before = lane == 0 ? 0 : before_mine, last = mine.sums[k];
    for (int w = 0; w < warp; ++w) {
      if (of_warp[w].row == first_row) before += of_warp[w].sums[k];
      if (of_warp[w].row == row) last += of_warp[w].sums[k];
    }
    if (row > first_row) terms[k][entries + first_row] = static_cast<T>(before + static_cast<double>(of_first[k]));
    if (thread == threads - 1) partials[carried_at(number, k, Vectors)] = last;
  }
  __syncthreads();
  for (int r = thread; r < rows; r += threads) {
#pragma unroll
    for (int k = 0; k < Vectors; ++k) {
      const T sum = terms[k][entries + r];
      if (r == 0 && part.carried) {
        partials[ended_at(number, k, Vectors)] = static_cast<double>(sum);
      } else {
        product.put(k, part.row + r, sum);
      }
    }
  }
}

/// A warp for each part that ends a row which earlier ones began.
template <class T>
__global__ void __launch_bounds__(threads)
    sparse_borders_kernel(const SparseProduct<T> product, const std::int64_t parts, const double* const partials) {
  const std::int64_t number = static_cast<std::int64_t>(blockIdx.x) * warps + threadIdx.x / 32;
  if (number >= parts) return;
  const SparsePart part(product.matrix, number);
  if (!part.ends_carried()) return;
  const int lane = static_cast<int>(threadIdx.x % 32);
#pragma unroll  // so that the vectors' addresses are parameters, not an array in local memory
  for (int k = 0; k < 2; ++k) {
    if (k == product.vectors) break;
    double sum = 0;
    for (std::int64_t p = part.first_part(product.matrix) + lane; p < number; p += 32) {
      sum += partials[carried_at(p, k, product.vectors)];
    }
    for (int offset = 16; offset > 0; offset /= 2) sum += __shfl_down_sync(0xffffffffu, sum, offset);
    if (lane == 0) {
      product.put(k, part.row, static_cast<T>(sum + partials[ended_at(number, k, product.vectors)]));
    }
  }
}

}  // namespace

template <class T>
void multiply(const ExecutorState& state, const SparseProduct<T>& product, double* partials) {
  const char* const name = "nabla row sum kernel";
  const std::int64_t parts = sparse_parts(product.matrix.rows, product.matrix.entries);
  const auto kernel = product.vectors == 2 ? &sparse_product_kernel<2, false, T>
                      : product.squared    ? &sparse_product_kernel<1, true, T>
                                           : &sparse_product_kernel<1, false, T>;
  launch_kernel(name, kernel, {parts, threads, 0, state.stream}, product, partials);
  if (parts == 1) return;
  launch_kernel(name, &sparse_borders_kernel<T>, {(parts + warps - 1) / warps, threads, 0, state.stream}, product,
                parts, partials);
}
template void multiply(const ExecutorState&, const SparseProduct<float>&, double*);
template void multiply(const ExecutorState&, const SparseProduct<double>&, double*);

}  // namespace nabla::detail::cuda
