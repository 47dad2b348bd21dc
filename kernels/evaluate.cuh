#pragma once

#include <nabla/detail/launch_shape.hpp>
#include <nabla/detail/request.hpp>
#include <nabla/detail/tile.hpp>
#include <nabla/kernels/block_merge.cuh>
#include <nabla/kernels/transfer.cuh>

// The GPU's loop over points; the bodies are the CPU's. Two kernels:
//
//   tile_kernel     gathers a tile of points into shared memory, runs the body with a thread per point, and scatters
//                   the outputs. Both standard layouts move as contiguous 16-byte accesses (transfer.cuh).
//   strided_kernel  for so many components that few points would fit: a thread addresses its point's numbers where they
//                   are.
//
// Compiled by nvcc with a caller's function (launch_evaluate.cuh), and by NVRTC with a formula's program, when the
// program runs (host/formula/cuda/): this file and what it includes name nothing of a host.
//
// Which points a block owns depends on the batch alone (points_per_block), never on the device, so sums don't either.

namespace nabla::detail {

/// Adds one point to a thread's statistics. Its value is row 0, its gradient the n rows after.
template <class Out>
__device__ void add_point(Statistics<double>& statistics, std::int64_t position, const Out& out, std::int64_t n) {
  const auto row = [&](std::int64_t k) { return static_cast<double>(out.load(k)); };
  const auto gradient = [&](auto use) {
    for (std::int64_t i = 0; i < n; ++i) use(row(1 + i));
  };
  double finite = row(0) * 0;  // 0, or NaN if anything added to it is not finite
  gradient([&](double component) { finite += component * 0; });
  if (finite == 0) {
    statistics.add(static_cast<double>(position), row(0), gradient, Everywhere());
  } else {
    statistics.add_nonfinite(static_cast<double>(position), true);
  }
}

/// The points of a batch that a block owns.
struct BlockRange {
  std::int64_t begin, end;
};
__device__ inline BlockRange block_range(std::int64_t count, int block_points) {
  const std::int64_t begin = static_cast<std::int64_t>(blockIdx.x) * block_points;
  return {begin, begin + block_points < count ? begin + block_points : count};
}

template <class T, class Body, bool Summarize>
__global__ void __launch_bounds__(most_block_threads, 1)
    tile_kernel(const Body body, const Request<T> request, const int block_points, Statistics<double>* const partials) {
  constexpr int fixed = Body::variables;  // or dynamic
  extern __shared__ __align__(16) unsigned char shared[];
  const int n = fixed == dynamic ? static_cast<int>(request.points.components) : fixed;
  const Rows rows = Body::rows(n);
  const int tile = static_cast<int>(blockDim.x);
  const int stride = tile + pack_width<T>;
  T* const in = reinterpret_cast<T*>(shared);
  T* const extra = in + n * stride;
  T* const out = Body::needs_extra ? extra + n * stride : extra;

  Statistics<double> statistics = Statistics<double>::none();
  const auto [begin, end] = block_range(request.points.count, block_points);
  for (std::int64_t first = begin; first < end; first += tile) {
    const int points = static_cast<int>(end - first < tile ? end - first : tile);
    gather_tile<fixed>(request.points, first, points, in, stride);
    if constexpr (Body::needs_extra) gather_tile<fixed>(request.extra, first, points, extra, stride);
    __syncthreads();
    const int p = static_cast<int>(threadIdx.x);
    if (p < points) {
      TileOutput<T, T> results{out + p, stride};
      body(TileInput<T, T>{n, in + p, stride, extra + p, stride}, results);
      if constexpr (Summarize) add_point(statistics, first + p, results, Body::has_gradient ? n : 0);
    }
    __syncthreads();
    const T* from = out;
#pragma unroll
    for (int g = 0; g < max_groups; ++g) {
      if (request.out[g]) scatter_tile(from, stride, request.out[g], first, points);
      from += rows.group[g] * stride;
    }
  }
  if constexpr (Summarize) {
    block_merge(statistics);
    if (threadIdx.x == 0) partials[blockIdx.x] = statistics;
  }
}

/// Output rows where they lie in the caller's memory.
template <class T>
struct StridedOutput {
  using Scalar = T;
  const Request<T>& request;
  Rows rows;
  std::int64_t item;
  constexpr T& at(std::int64_t row) const {
    int g = 0;
    for (; g + 1 < max_groups && row >= rows.group[g]; ++g) row -= rows.group[g];
    return request.out[g](item, row);
  }
  constexpr void store(std::int64_t row, T x) { at(row) = x; }
  constexpr T load(std::int64_t row) const { return at(row); }
};

template <class T, class Body, bool Summarize>
__global__ void __launch_bounds__(most_block_threads, 1)
    strided_kernel(const Body body, const Request<T> request, const int block_points,
                   Statistics<double>* const partials) {
  const BatchView<const T>& points = request.points;
  const BatchView<const T>& extra = request.extra;
  const std::int64_t n = points.components;
  const std::int64_t extra_stride = extra.count == 1 ? 0 : extra.item_stride;
  const auto [begin, end] = block_range(points.count, block_points);
  Statistics<double> statistics = Statistics<double>::none();
  for (std::int64_t item = begin + threadIdx.x; item < end; item += blockDim.x) {
    StridedOutput<T> out{request, Body::rows(n), item};
    body(TileInput<T, T>{n, points.data + item * points.item_stride, points.component_stride,
                         extra.data + item * extra_stride, extra.component_stride},
         out);
    if constexpr (Summarize) add_point(statistics, item, out, Body::has_gradient ? n : 0);
  }
  if constexpr (Summarize) {
    block_merge(statistics);
    if (threadIdx.x == 0) partials[blockIdx.x] = statistics;
  }
}

}  // namespace nabla::detail
