#pragma once

#include <nabla/detail/launch_shape.hpp>
#include <nabla/detail/request.hpp>
#include <nabla/error.hpp>
#include <nabla/executor.hpp>

#include <cstdint>

// The seam between templates and compiled code. A template knows the caller's function; it makes an Operation: a body
// and two functions that run it, over one tile on a CPU core and over a batch on a CUDA device. Everything else
// (checks, layouts, threads, summaries) is compiled once, in host/evaluate.cpp and what it calls.

namespace nabla::detail {

template <class T>
struct Tile;  // cpu_tile.hpp

/// A launch on a CUDA device: with a summary, each block leaves its statistics in `partials`, `blocks` of them.
template <class T>
struct CudaLaunch {
  Request<T> request;
  int device;
  void* stream;
  void* partials;       // Statistics<double>[blocks]; null: no summary
  std::int64_t blocks;  // as block_count() says
};

template <class T>
struct EachLaunch;  // each_launch.hpp

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
  void (*launch_each)(const void* body, const EachLaunch<T>& launch) = nullptr;  // descents; null as above
};

/// Checks the request against the operation and runs it. Throws ShapeError, MemorySpaceError, ExecutorUnavailable,
/// CudaError, and what the caller's function throws.
template <class T>
void run(const Executor& executor, const Operation<T>& operation, const Request<T>& request);
extern template void run(const Executor&, const Operation<float>&, const Request<float>&);
extern template void run(const Executor&, const Operation<double>&, const Request<double>&);

/// The summary that run() left in the executor's memory, on the host.
Summary fetch_summary(const Executor& executor, const Summary* summary);

template <class T>
constexpr std::int64_t tile_rows(const Operation<T>& operation) {
  return operation.dimension * (operation.needs_extra ? 2 : 1) + operation.rows.total();
}

}  // namespace nabla::detail
