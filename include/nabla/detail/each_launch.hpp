#pragma once

#include <nabla/detail/each_request.hpp>

#include <algorithm>
#include <cstdint>
#include <functional>

namespace nabla::detail {

/// Descents on a CUDA device. Who enqueues them fills in the request's rows.
template <class T>
struct EachLaunch {
  const char* name;  // of the public function, for messages
  EachRequest<T> request;
  EachMethod method;
  int device;
  void* stream;
  std::int64_t most_blocks;
  /// The device's memory for `blocks` blocks that need so many numbers each, until the descents are done. Where there
  /// is too little of it they become fewer, but for the last. Called once.
  std::function<T*(std::int64_t& blocks, std::int64_t numbers)> memory;

  /// As many as the device holds at a time, but none without a start.
  std::int64_t blocks(std::int64_t resident) const {
    const std::int64_t wanted = (request.starts.count + each_threads - 1) / each_threads;
    return std::max<std::int64_t>(1, std::min({wanted, resident, most_blocks}));
  }
};

}  // namespace nabla::detail
