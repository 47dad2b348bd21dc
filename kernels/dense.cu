#include "../host/cuda_seam.hpp"
#include "block_sum.cuh"
#include "check.cuh"

// Products of dense matrices. A row's product is taken by a warp, or by a block where it is long; threads read
// neighbouring columns. Products with the transpose go by parts of rows and 32 columns, a block for each; a second
// kernel adds up the parts in order.

namespace nabla::detail::cuda {

namespace {

constexpr int threads = 256, warps = threads / 32;
constexpr std::int64_t long_row = 4'096;

__device__ inline double warp_sum(double mine) {
  for (int offset = 16; offset > 0; offset /= 2) mine += __shfl_down_sync(0xffffffffu, mine, offset);
  return mine;
}

template <int OfRow, int Vectors, class T>
__global__ void __launch_bounds__(threads) dense_rows_kernel(const __grid_constant__ DenseProduct<T> product) {
  const DenseView<T>& matrix = product.matrix;
  const int thread = static_cast<int>(threadIdx.x) % OfRow;
  const std::int64_t row =
      static_cast<std::int64_t>(blockIdx.x) * (threads / OfRow) + static_cast<int>(threadIdx.x) / OfRow;
  T sums[Vectors] = {};
  if (row < matrix.rows) {
    const T* const entries = matrix.row(row);
    for (std::int64_t c = thread; c < matrix.columns; c += OfRow) {
      const T a = entries[c];
#pragma unroll
      for (int k = 0; k < Vectors; ++k) sums[k] += a * product.in[k][c];
    }
  }
#pragma unroll
  for (int k = 0; k < Vectors; ++k) {
    const auto mine = static_cast<double>(sums[k]);
    const double sum = OfRow == 32 ? warp_sum(mine) : block_sum(mine);
    if (thread == 0 && row < matrix.rows) product.put(k, row, static_cast<T>(sum));
  }
}

template <bool Squared, class T>
__global__ void __launch_bounds__(threads) dense_columns_kernel(const __grid_constant__ DenseTransposed<T> product,
                                                                const std::int64_t parts, T* const partials) {
  __shared__ T of_warp[warps][32];
  const DenseView<T>& matrix = product.matrix;
  const int lane = static_cast<int>(threadIdx.x % 32), warp = static_cast<int>(threadIdx.x / 32);
  const std::int64_t part = blockIdx.x % parts, column = blockIdx.x / parts * 32 + lane;
  const std::int64_t last = dense_part_row(matrix.rows, parts, part + 1);
  T sum = 0;
  if (column < matrix.columns) {
    for (std::int64_t r = dense_part_row(matrix.rows, parts, part) + warp; r < last; r += warps) {
      const T a = matrix.row(r)[column];
      sum += (Squared ? a * a : a) * product.in[r];
    }
  }
  of_warp[warp][lane] = sum;
  __syncthreads();
  if (warp != 0 || column >= matrix.columns) return;
  for (int w = 1; w < warps; ++w) sum += of_warp[w][lane];
  partials[part * matrix.columns + column] = sum;
}

template <class T>
__global__ void __launch_bounds__(threads) dense_parts_kernel(const std::int64_t columns, const std::int64_t parts,
                                                              const T* const partials, T* const out, const bool add) {
  const std::int64_t column = static_cast<std::int64_t>(blockIdx.x) * threads + threadIdx.x;
  if (column >= columns) return;
  T sum = add ? out[column] : T(0);
  for (std::int64_t part = 0; part < parts; ++part) sum += partials[part * columns + column];
  out[column] = sum;
}

constexpr std::int64_t blocks_for(std::int64_t count, std::int64_t of_block) {
  return (count + of_block - 1) / of_block;
}

}  // namespace

template <class T>
void multiply(const ExecutorState& state, const DenseProduct<T>& product) {
  const DenseView<T>& matrix = product.matrix;
  const bool is_long = matrix.columns >= long_row;
  const auto kernel =
      is_long ? (product.vectors == 2 ? &dense_rows_kernel<threads, 2, T> : &dense_rows_kernel<threads, 1, T>)
              : (product.vectors == 2 ? &dense_rows_kernel<32, 2, T> : &dense_rows_kernel<32, 1, T>);
  const std::int64_t blocks = is_long ? matrix.rows : blocks_for(matrix.rows, warps);
  launch_kernel("nabla dense rows kernel", kernel, {blocks, threads, 0, state.stream}, product);
}

template <class T>
void multiply(const ExecutorState& state, const DenseTransposed<T>& product, T* partials) {
  const std::int64_t columns = product.matrix.columns, parts = dense_parts(product.matrix.rows, columns);
  const auto kernel = product.squared ? &dense_columns_kernel<true, T> : &dense_columns_kernel<false, T>;
  launch_kernel("nabla dense columns kernel", kernel, {blocks_for(columns, 32) * parts, threads, 0, state.stream},
                product, parts, partials);
  launch_kernel("nabla dense parts kernel", &dense_parts_kernel<T>,
                {blocks_for(columns, threads), threads, 0, state.stream}, columns, parts, partials, product.out,
                product.add);
}

template void multiply(const ExecutorState&, const DenseProduct<float>&);
template void multiply(const ExecutorState&, const DenseProduct<double>&);
template void multiply(const ExecutorState&, const DenseTransposed<float>&, float*);
template void multiply(const ExecutorState&, const DenseTransposed<double>&, double*);

}  // namespace nabla::detail::cuda
