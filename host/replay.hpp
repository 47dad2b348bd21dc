#pragma once

#include <nabla/executor.hpp>

#include <atomic>
#include <cstdint>
#include <functional>

namespace nabla::detail {

/// For tests: whether anything is replayed, and how often something was.
inline std::atomic<bool> may_replay = true;
inline std::atomic<std::int64_t> replays = 0;

/// Work that is enqueued on a CUDA executor again and again, always the same: launches of the library's own kernels. It
/// is recorded into a graph the second time, when all code is loaded, and from then on enqueued by one call.
class Replay {
 public:
  explicit Replay(const Executor& executor) : executor_(executor) {}
  Replay(const Replay&) = delete;
  Replay& operator=(const Replay&) = delete;
  ~Replay();

  /// Enqueues it. Where the stream can't be recorded, as the legacy default stream, launch by launch.
  void run(const std::function<void()>& enqueue);

 private:
  const Executor executor_;
  std::int64_t runs_ = 0;
  void* graph_ = nullptr;
};

}  // namespace nabla::detail
