#pragma once

#include <nabla/detail/bodies.hpp>
#include <nabla/executor.hpp>
#include <nabla/summary.hpp>
#include <nabla/view.hpp>

#include <cstdint>

// The seam between templates and compiled code. A template knows the caller's function; it makes an Operation: a body
// and two functions that run it, over one tile on a CPU core and over a batch on a CUDA device. Everything else
// (checks, layouts, threads, summaries) is compiled once, in host/evaluate.cpp and what it calls.

namespace nabla::detail {

template <class T>
struct Tile;  // cpu_tile.hpp

/// What a call asks for: where inputs lie, and where each group of output rows goes (a null view: nowhere).
template <class T>
struct Request {
  BatchView<const T> points;
  BatchView<const T> extra;  // directions; null where the body needs none
  BatchView<T> out[max_groups];
  Summary* summary = nullptr;  // in the executor's memory; null: not wanted
};

/// A launch on a CUDA device: with a summary, each block leaves its statistics in `partials`, `blocks` of them.
template <class T>
struct CudaLaunch {
  Request<T> request;
  void* stream;
  void* partials;       // Statistics<double>[blocks]; null: no summary
  std::int64_t blocks;  // as block_count() says
};

template <class T>
struct Operation {
  const char* name;  // of the public function, for messages
  const void* body;
  std::int64_t dimension;
  Rows rows;
  const char* group_names[max_groups];
  bool has_gradient;  // groups 0 and 1 are the value and the gradient
  bool needs_extra;
  int lanes;
  void (*run_tile)(const void* body, const Tile<T>& tile);
  void (*launch)(const void* body, const CudaLaunch<T>& launch);  // null where there is no kernel, because
  const char* no_launch =
      "this call was not compiled by nvcc, so it has no kernel; compile the file that makes it as CUDA, or use a CPU "
      "executor";
};

/// Checks the request against the operation and runs it. Throws ShapeError, MemorySpaceError, ExecutorUnavailable,
/// CudaError, and what the caller's function throws.
template <class T>
void run(const Executor& executor, const Operation<T>& operation, const Request<T>& request);
extern template void run(const Executor&, const Operation<float>&, const Request<float>&);
extern template void run(const Executor&, const Operation<double>&, const Request<double>&);

/// The summary that run() left in the executor's memory, on the host.
Summary fetch_summary(const Executor& executor, const Summary* summary);

/// Points that one block of a CUDA launch covers; depends on the batch alone, so that sums are the same on any device.
constexpr std::int64_t points_per_block(std::int64_t count) { return count < (std::int64_t{1} << 20) ? 1024 : 4096; }
constexpr std::int64_t block_count(std::int64_t count) {
  return (count + points_per_block(count) - 1) / points_per_block(count);
}

/// Points of a tile in a GPU's shared memory, one for each thread of the block, for so many rows (inputs and outputs)
/// of T; 0 where too few would fit. Then a kernel without shared memory runs, which needs memory for all outputs.
template <class T>
constexpr int shared_tile_points(std::int64_t rows) {
  constexpr std::int64_t shared_bytes = 46 << 10;  // of 48 KiB; a summary needs some too
  for (const int points : {256, 128, 64}) {
    if (rows * (points + 16 / static_cast<int>(sizeof(T))) * static_cast<std::int64_t>(sizeof(T)) <= shared_bytes) {
      return points;
    }
  }
  return 0;
}
template <class T>
constexpr std::int64_t tile_rows(const Operation<T>& operation) {
  return operation.dimension * (operation.needs_extra ? 2 : 1) + operation.rows.total();
}

}  // namespace nabla::detail
