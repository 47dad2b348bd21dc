#pragma once

#include <nabla/executor.hpp>

#include <atomic>
#include <cstddef>
#include <mutex>
#include <string>
#include <vector>

namespace nabla::detail {

/// Memory that is kept between calls and only ever grows.
struct Workspace {
  void* memory = nullptr;
  std::size_t bytes = 0;
};

struct ExecutorState {
  Executor::Kind kind = Executor::Kind::cpu;
  int threads = 0;
  int device = -1;
  void* stream = nullptr;
  bool owns_stream = false;
  Workspace workspace;
  Workspace vectors;  // what passes over rows of a matrix hand to each other, which use the workspace themselves
  std::atomic<std::size_t> held = 0, most_held = 0;  // bytes that allocate() gave out; now, and at the most
  std::vector<Workspace> retired;                    // outgrown, but a captured graph may still use it; CUDA only

  ~ExecutorState();
};

/// At least so many bytes of one of the executor's workspaces, aligned to 256; contents unspecified. A larger request
/// than ever before reallocates. On CUDA it at least doubles, and what it outgrew lives as long as the executor.
void* workspace(const Executor& executor, std::size_t bytes,
                Workspace ExecutorState::*which = &ExecutorState::workspace);

/// Whether this build and machine have CUDA devices that the library can use; decided once.
bool cuda_is_usable();

}  // namespace nabla::detail
