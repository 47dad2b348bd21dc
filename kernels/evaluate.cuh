#pragma once

#include <nabla/detail/operation.hpp>
#include <nabla/kernels/block_merge.cuh>
#include <nabla/kernels/check.cuh>

// The GPU's loop over points. Two kernels share the bodies with the CPU:
//
//   tile_kernel     few components, known while compiling: a point's inputs and outputs live in registers. A thread owns
//                   16 bytes' worth of neighbouring points. Component-major rows move as 16-byte accesses; every other
//                   layout goes through shared memory, so that a warp's accesses to global memory are contiguous too.
//   strided_kernel  any number of components: a thread owns a point and addresses its numbers where they are.
//
// Which points a block owns depends on the batch alone (points_per_block), never on the device, so sums don't either.

namespace nabla::detail {

inline constexpr int block_threads = 256;
inline constexpr int most_register_rows = 8;

template <class T, class Body>
inline constexpr bool fits_registers = [] {
  if constexpr (Body::variables == dynamic) {
    return false;
  } else {
    constexpr Rows rows = Body::rows(Body::variables);
    return Body::variables <= most_register_rows && rows.group[1] <= most_register_rows &&
           rows.group[2] <= (Body::has_gradient ? 0 : most_register_rows);
  }
}();

// ---------------------------------------------------------------------------------------------------- tile_kernel

template <class T>
inline constexpr int points_per_thread = 16 / static_cast<int>(sizeof(T));
template <class T>
inline constexpr int tile_points = block_threads * points_per_thread<T>;

/// 16 bytes that move at once.
template <class T>
struct alignas(16) Pack {
  T number[points_per_thread<T>];
};

/// Neighbouring points in registers: component i of point p is number[i][p].
template <class T, int Components>
struct Registers {
  T number[Components][points_per_thread<T>];
};

/// A place in shared memory for element e of a tile; 16 bytes of every 144 stay empty against bank conflicts.
template <class T>
__device__ int padded(int e) {
  constexpr int line = 128 / static_cast<int>(sizeof(T));
  return e + e / line * points_per_thread<T>;
}

template <class T, int Components>
inline constexpr int staging_numbers = tile_points<T> * Components / 8 * 9;

template <class T>
__device__ bool rows_are_aligned(const BatchView<T>& view) {
  return view.item_stride == 1 && reinterpret_cast<std::uintptr_t>(view.data) % 16 == 0 &&
         view.component_stride * static_cast<std::int64_t>(sizeof(T)) % 16 == 0;
}
template <class T>
__device__ bool items_are_contiguous(const BatchView<T>& view) {
  return view.component_stride == 1 && view.item_stride == view.components &&
         reinterpret_cast<std::uintptr_t>(view.data) % 16 == 0;
}

/// Calls move(e, p, i) for the elements of a tile, p < points, i < Components, such that neighbouring threads get
/// neighbours in the view's memory; e = p * Components + i.
template <int Components, class T, class Move>
__device__ void for_each_element(const BatchView<T>& view, int points, Move move) {
  if (view.item_stride <= view.component_stride && view.item_stride >= -view.component_stride) {
    for (int i = 0; i < Components; ++i) {
      for (int p = threadIdx.x; p < points; p += block_threads) move(p * Components + i, p, i);
    }
  } else {
    for (int e = threadIdx.x; e < points * Components; e += block_threads) move(e, e / Components, e % Components);
  }
}

/// Reads this thread's points of the tile that begins at item `first` and has `points` of them.
template <int Components, class T>
__device__ void load_tile(const BatchView<const T>& view, std::int64_t first, int points, T* staging,
                          Registers<T, Components>& mine) {
  constexpr int width = points_per_thread<T>;
  const int own = static_cast<int>(threadIdx.x) * width;
  if (view.count == 1 || view.item_stride == 0) {  // one item for the whole batch
#pragma unroll
    for (int i = 0; i < Components; ++i) {
#pragma unroll
      for (int p = 0; p < width; ++p) mine.number[i][p] = view.data[i * view.component_stride];
    }
    return;
  }
  const T* const from = view.data + first * view.item_stride;
  if (points == tile_points<T> && rows_are_aligned(view)) {
#pragma unroll
    for (int i = 0; i < Components; ++i) {
      const auto pack = *reinterpret_cast<const Pack<T>*>(from + i * view.component_stride + own);
#pragma unroll
      for (int p = 0; p < width; ++p) mine.number[i][p] = pack.number[p];
    }
    return;
  }
  __syncthreads();  // what was staged before has been read
  if (points == tile_points<T> && items_are_contiguous(view)) {
#pragma unroll
    for (int k = 0; k < Components; ++k) {
      const int e = (k * block_threads + static_cast<int>(threadIdx.x)) * width;
      *reinterpret_cast<Pack<T>*>(staging + padded<T>(e)) = *reinterpret_cast<const Pack<T>*>(from + e);
    }
  } else {
    for_each_element<Components>(view, points, [&](int e, int p, int i) {
      staging[padded<T>(e)] = from[p * view.item_stride + i * view.component_stride];
    });
  }
  __syncthreads();
#pragma unroll
  for (int p = 0; p < width; ++p) {
    const int point = own + p < points ? own + p : points - 1;  // beyond the batch: the last point again
#pragma unroll
    for (int i = 0; i < Components; ++i) mine.number[i][p] = staging[padded<T>(point * Components + i)];
  }
}

/// Writes this thread's points of the tile.
template <int Components, class T>
__device__ void store_tile(const BatchView<T>& view, std::int64_t first, int points, T* staging,
                           const T (*mine)[points_per_thread<T>]) {
  constexpr int width = points_per_thread<T>;
  const int own = static_cast<int>(threadIdx.x) * width;
  T* const to = view.data + first * view.item_stride;
  if (points == tile_points<T> && rows_are_aligned(view)) {
#pragma unroll
    for (int i = 0; i < Components; ++i) {
      Pack<T> pack;
#pragma unroll
      for (int p = 0; p < width; ++p) pack.number[p] = mine[i][p];
      *reinterpret_cast<Pack<T>*>(to + i * view.component_stride + own) = pack;
    }
    return;
  }
  __syncthreads();
#pragma unroll
  for (int p = 0; p < width; ++p) {
#pragma unroll
    for (int i = 0; i < Components; ++i) staging[padded<T>((own + p) * Components + i)] = mine[i][p];
  }
  __syncthreads();
  if (points == tile_points<T> && items_are_contiguous(view)) {
#pragma unroll
    for (int k = 0; k < Components; ++k) {
      const int e = (k * block_threads + static_cast<int>(threadIdx.x)) * width;
      *reinterpret_cast<Pack<T>*>(to + e) = *reinterpret_cast<const Pack<T>*>(staging + padded<T>(e));
    }
  } else {
    for_each_element<Components>(view, points, [&](int e, int p, int i) {
      to[p * view.item_stride + i * view.component_stride] = staging[padded<T>(e)];
    });
  }
}

/// A body's view of one point in registers.
template <class T, int N>
struct RegisterInput {
  using Scalar = T;
  static constexpr std::int64_t dimension = N;
  const T (&point)[N][points_per_thread<T>];
  const T (&direction)[N][points_per_thread<T>];
  int p;
  constexpr T operator()(std::int64_t i) const { return point[i][p]; }
  constexpr T extra(std::int64_t i) const { return direction[i][p]; }
};

template <class T, int RowCount>
struct RegisterOutput {
  using Scalar = T;
  T (&row)[RowCount][points_per_thread<T>];
  int p;
  constexpr void store(std::int64_t k, T x) { row[k][p] = x; }
  constexpr T load(std::int64_t k) const { return row[k][p]; }
};

/// Adds one point to a thread's statistics. component(i) is the gradient's.
template <class T, class ComponentOf>
__device__ void add_point(Statistics<double>& statistics, std::int64_t position, T value, std::int64_t n,
                          ComponentOf component) {
  double finite = static_cast<double>(value) * 0;  // 0, or NaN if anything added to it is not finite
  for (std::int64_t i = 0; i < n; ++i) finite += static_cast<double>(component(i)) * 0;
  const auto gradient = [&](auto use) {
    for (std::int64_t i = 0; i < n; ++i) use(static_cast<double>(component(i)));
  };
  if (finite == 0) {
    statistics.add(static_cast<double>(position), static_cast<double>(value), gradient, Everywhere());
  } else {
    statistics.add_nonfinite(static_cast<double>(position), true);
  }
}

template <class T, class Body, bool Summarize>
__global__ void __launch_bounds__(block_threads)
    tile_kernel(const Body body, const Request<T> request, const int block_points, Statistics<double>* const partials) {
  constexpr int n = Body::variables;
  constexpr Rows rows = Body::rows(n);
  constexpr int first_rows = static_cast<int>(rows.group[0]);
  constexpr int second_rows = static_cast<int>(rows.group[1]);
  constexpr int third_rows = static_cast<int>(rows.group[2]);
  constexpr int widest = n > second_rows ? (n > first_rows ? n : first_rows)
                                         : (second_rows > first_rows ? second_rows : first_rows);
  __shared__ alignas(16) T staging[staging_numbers<T, (widest > third_rows ? widest : third_rows)>];

  Statistics<double> statistics = Statistics<double>::none();
  const std::int64_t count = request.points.count;
  const std::int64_t begin = static_cast<std::int64_t>(blockIdx.x) * block_points;
  const std::int64_t end = begin + block_points < count ? begin + block_points : count;
  for (std::int64_t first = begin; first < end; first += tile_points<T>) {
    const int points = static_cast<int>(end - first < tile_points<T> ? end - first : tile_points<T>);
    Registers<T, n> point;
    Registers<T, n> direction;
    Registers<T, first_rows + second_rows + third_rows> out;
    load_tile<n>(request.points, first, points, staging, point);
    if constexpr (Body::needs_extra) load_tile<n>(request.extra, first, points, staging, direction);
#pragma unroll
    for (int p = 0; p < points_per_thread<T>; ++p) {
      RegisterOutput<T, first_rows + second_rows + third_rows> row{out.number, p};
      body(RegisterInput<T, n>{point.number, direction.number, p}, row);
      if constexpr (Summarize) {
        const int offset = static_cast<int>(threadIdx.x) * points_per_thread<T> + p;
        if (offset < points) {
          add_point(statistics, first + offset, out.number[0][p], Body::has_gradient ? n : 0,
                    [&](std::int64_t i) { return out.number[1 + i][p]; });
        }
      }
    }
    if (request.out[0]) store_tile<first_rows>(request.out[0], first, points, staging, out.number);
    if constexpr (second_rows > 0) {
      if (request.out[1]) store_tile<second_rows>(request.out[1], first, points, staging, out.number + first_rows);
    }
    if constexpr (third_rows > 0) {
      if (request.out[2]) {
        store_tile<third_rows>(request.out[2], first, points, staging, out.number + first_rows + second_rows);
      }
    }
  }
  if constexpr (Summarize) {
    block_merge<block_threads>(statistics);
    if (threadIdx.x == 0) partials[blockIdx.x] = statistics;
  }
}

// ------------------------------------------------------------------------------------------------- strided_kernel

template <class T>
struct StridedInput {
  using Scalar = T;
  std::int64_t dimension;
  const T* point;
  std::int64_t point_stride;
  const T* direction;
  std::int64_t direction_stride;
  constexpr T operator()(std::int64_t i) const { return point[i * point_stride]; }
  constexpr T extra(std::int64_t i) const { return direction[i * direction_stride]; }
};

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
__global__ void __launch_bounds__(block_threads)
    strided_kernel(const Body body, const Request<T> request, const int block_points,
                   Statistics<double>* const partials) {
  const BatchView<const T>& points = request.points;
  const BatchView<const T>& extra = request.extra;
  const std::int64_t n = points.components;
  const std::int64_t extra_item = extra.count == 1 ? 0 : extra.item_stride;
  const std::int64_t begin = static_cast<std::int64_t>(blockIdx.x) * block_points;
  const std::int64_t end = begin + block_points < points.count ? begin + block_points : points.count;
  Statistics<double> statistics = Statistics<double>::none();
  for (std::int64_t item = begin + threadIdx.x; item < end; item += block_threads) {
    StridedOutput<T> out{request, Body::rows(n), item};
    body(StridedInput<T>{n, points.data + item * points.item_stride, points.component_stride,
                         extra.data + item * extra_item, extra.component_stride},
         out);
    if constexpr (Summarize) {
      add_point(statistics, item, out.load(0), Body::has_gradient ? n : 0,
                [&](std::int64_t i) { return out.load(1 + i); });
    }
  }
  if constexpr (Summarize) {
    block_merge<block_threads>(statistics);
    if (threadIdx.x == 0) partials[blockIdx.x] = statistics;
  }
}

// --------------------------------------------------------------------------------------------------------- launch

/// Enqueues a call's kernel. Stream: the launch's; the body is copied into the launch.
template <class T, class Body>
void launch_evaluate(const void* erased_body, const CudaLaunch<T>& launch) {
  const Body& body = *static_cast<const Body*>(erased_body);
  auto* const partials = static_cast<Statistics<double>*>(launch.partials);
  const auto block_points = static_cast<int>(points_per_block(launch.request.points.count));
  const auto start = [&](auto kernel) {
    launch_kernel("nabla evaluate kernel", kernel, launch.blocks, block_threads, launch.stream, body, launch.request,
                  block_points, partials);
  };
  if constexpr (fits_registers<T, Body>) {
    partials != nullptr ? start(&tile_kernel<T, Body, true>) : start(&tile_kernel<T, Body, false>);
  } else {
    partials != nullptr ? start(&strided_kernel<T, Body, true>) : start(&strided_kernel<T, Body, false>);
  }
}

}  // namespace nabla::detail
