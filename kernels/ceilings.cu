#include "../host/bench/ceilings.hpp"
#include "../host/cuda_seam.hpp"
#include "check.cuh"

#include <nabla/scalar.hpp>

#include <algorithm>
#include <cmath>

// A device's ceilings (host/bench/ceilings.hpp): memory, fused multiplications and additions, elementary functions.

namespace nabla::bench::cuda {

namespace {

using detail::cuda_check;
using detail::cuda::CurrentDevice;

constexpr int threads_of_a_block = 256;

cudaStream_t stream_of(const Executor& executor) { return static_cast<cudaStream_t>(executor.stream()); }

int attribute(const Executor& executor, cudaDeviceAttr which) {
  int value = 0;
  cuda_check(cudaDeviceGetAttribute(&value, which, executor.device()), "cudaDeviceGetAttribute");
  return value;
}

/// As many threads as the device holds at a time.
std::int64_t blocks_of(const Executor& executor) {
  const std::int64_t held = attribute(executor, cudaDevAttrMaxThreadsPerMultiProcessor) / threads_of_a_block;
  return attribute(executor, cudaDevAttrMultiProcessorCount) * std::max<std::int64_t>(1, held);
}

/// On the current device; gone with whatever is thrown between two of them.
class Event {
 public:
  Event() { cuda_check(cudaEventCreate(&event_), "cudaEventCreate"); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event() { cudaEventDestroy(event_); }

  cudaEvent_t get() const { return event_; }
  void record(const Executor& executor) const {
    cuda_check(cudaEventRecord(event_, stream_of(executor)), "cudaEventRecord");
  }

 private:
  cudaEvent_t event_ = nullptr;
};

template <class... Parameters, class... Arguments>
void launch(const Executor& executor, std::int64_t blocks, void (*kernel)(Parameters...),
            const Arguments&... arguments) {
  const CurrentDevice current(executor.device());
  detail::launch_kernel("nabla ceiling kernel", kernel, {blocks, threads_of_a_block, 0, executor.stream()},
                        arguments...);
}

__device__ std::int64_t thread_of_all() { return std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x; }
__device__ std::int64_t threads_of_all() { return std::int64_t{gridDim.x} * blockDim.x; }

/// Streams of so many 16-byte words.
struct Streams {
  static constexpr int most = 48;
  uint4* at[most];  // those that are read first
  std::int64_t words;
  int reads, writes;
};

__global__ void move_kernel(Streams streams) {
  for (std::int64_t i = thread_of_all(); i < streams.words; i += threads_of_all()) {
    uint4 all = make_uint4(0, 0, 0, 0);
    for (int k = 0; k < streams.reads; ++k) {
      const uint4 word = streams.at[k][i];
      all = make_uint4(all.x ^ word.x, all.y ^ word.y, all.z ^ word.z, all.w ^ word.w);
    }
    for (int k = streams.reads; k < streams.reads + streams.writes; ++k) streams.at[k][i] = all;
    // Where nothing is written, a value that is next to never found keeps the reads.
    if (streams.writes == 0 && (all.x & all.y & all.z & all.w) == 0x5a5a5a5au) streams.at[0][i] = all;
  }
}

// Chains of operations that do not wait for each other: more than latency times width of one scheduler's share.
constexpr int side_by_side = 8;
constexpr int unrolled = 16;

template <class T>
__global__ void multiply_and_add_kernel(std::int64_t rounds, T shrink, T step, T* out) {
  T sums[side_by_side];
  for (int k = 0; k < side_by_side; ++k) sums[k] = static_cast<T>(threadIdx.x + k);
  for (std::int64_t round = 0; round < rounds; ++round) {
#pragma unroll
    for (int again = 0; again < unrolled; ++again) {
#pragma unroll
      for (int k = 0; k < side_by_side; ++k) sums[k] = Math<T>::fma(sums[k], shrink, step);
    }
  }
  T all = 0;
  for (int k = 0; k < side_by_side; ++k) all += sums[k];
  if (all == T(-1)) *out = all;  // which it never is
}

template <class T, Elementary F>
__device__ T value_of(T x) {
  using M = Math<T>;
  if constexpr (F == Elementary::division) return T(1) / x;
  if constexpr (F == Elementary::sqrt) return M::sqrt(x);
  if constexpr (F == Elementary::exp) return M::exp(x);
  if constexpr (F == Elementary::log) return M::log(x);
  if constexpr (F == Elementary::sin) return M::sin(x);
  if constexpr (F == Elementary::cos) return M::cos(x);
  if constexpr (F == Elementary::sincos) {
    const auto both = M::sincos(x);
    return both.first + both.second;
  }
}

template <class T, Elementary F>
__global__ void call_kernel(std::int64_t rounds, T* out) {
  T all = 0;
  T x = T(0.5) + static_cast<T>(threadIdx.x) / T(256);
  for (std::int64_t round = 0; round < rounds; ++round) {
#pragma unroll
    for (int k = 0; k < side_by_side; ++k) all += value_of<T, F>(x + static_cast<T>(k) / T(8));
    x = x > T(1) ? x - T(0.5) : x + T(1) / T(64);
  }
  if (all == T(-1000)) *out = all;  // next to never
}

/// Rounds of a kernel whose threads do `each` in one, for at least the amount.
std::int64_t rounds_for(double amount, double each) {
  return std::max<std::int64_t>(1, static_cast<std::int64_t>(std::ceil(amount / each)));
}

}  // namespace

void move(const Executor& executor, const Traffic& traffic) {
  Streams streams{{}, traffic.stream_bytes / static_cast<std::int64_t>(sizeof(uint4)), traffic.reads, traffic.writes};
  if (traffic.memory.size() > Streams::most) throw Error("a ceiling has at most 48 streams");
  for (std::size_t k = 0; k < traffic.memory.size(); ++k) streams.at[k] = static_cast<uint4*>(traffic.memory[k]);
  const std::int64_t wanted = (streams.words + threads_of_a_block - 1) / threads_of_a_block;
  launch(executor, std::clamp<std::int64_t>(wanted, 1, 4 * blocks_of(executor)), &move_kernel, streams);
}

double seconds_of(const Executor& executor, const std::function<void()>& work) {
  const CurrentDevice current(executor.device());
  const Event begin, end;
  begin.record(executor);
  work();
  end.record(executor);
  cuda_check(cudaEventSynchronize(end.get()), "cudaEventSynchronize");
  float milliseconds = 0;
  cuda_check(cudaEventElapsedTime(&milliseconds, begin.get(), end.get()), "cudaEventElapsedTime");
  constexpr double resolution = 5e-7;  // of events, as CUDA says
  return std::max(static_cast<double>(milliseconds) * 1e-3, resolution);
}

std::int64_t cache_bytes(const Executor& executor) { return attribute(executor, cudaDevAttrL2CacheSize); }

template <class T>
double multiply_and_add(const Executor& executor, double flops, void* pool) {
  const std::int64_t blocks = blocks_of(executor);
  const double each = 2.0 * side_by_side * unrolled * static_cast<double>(blocks * threads_of_a_block);
  const std::int64_t rounds = rounds_for(flops, each);
  launch(executor, blocks, &multiply_and_add_kernel<T>, rounds, T(0.999), T(1e-3), static_cast<T*>(pool));
  return static_cast<double>(rounds) * each;
}

template <class T>
double call(const Executor& executor, Elementary f, double calls, void* pool) {
  const std::int64_t blocks = blocks_of(executor);
  const double each = static_cast<double>(side_by_side * blocks * threads_of_a_block);
  const std::int64_t rounds = rounds_for(calls, each);
  const auto start = [&](auto kernel) { launch(executor, blocks, kernel, rounds, static_cast<T*>(pool)); };
  switch (f) {
    case Elementary::division:
      start(&call_kernel<T, Elementary::division>);
      break;
    case Elementary::sqrt:
      start(&call_kernel<T, Elementary::sqrt>);
      break;
    case Elementary::exp:
      start(&call_kernel<T, Elementary::exp>);
      break;
    case Elementary::log:
      start(&call_kernel<T, Elementary::log>);
      break;
    case Elementary::sin:
      start(&call_kernel<T, Elementary::sin>);
      break;
    case Elementary::cos:
      start(&call_kernel<T, Elementary::cos>);
      break;
    case Elementary::sincos:
      start(&call_kernel<T, Elementary::sincos>);
      break;
  }
  return static_cast<double>(rounds) * each;
}

std::string description(const Executor& executor) {
  int driver = 0;
  cuda_check(cudaDriverGetVersion(&driver), "cudaDriverGetVersion");
  const auto megahertz = [&](cudaDeviceAttr which) { return std::to_string(attribute(executor, which) / 1000); };
  return "driver for CUDA " + std::to_string(driver / 1000) + "." + std::to_string(driver % 1000 / 10) + ", at most " +
         megahertz(cudaDevAttrClockRate) + " MHz, memory " + megahertz(cudaDevAttrMemoryClockRate) + " MHz, " +
         std::to_string(attribute(executor, cudaDevAttrMultiProcessorCount)) + " multiprocessors, L2 of " +
         std::to_string(cache_bytes(executor) >> 20) + " MiB";
}

std::string bus_id(const Executor& executor) {
  char text[32] = "";
  cuda_check(cudaDeviceGetPCIBusId(text, sizeof(text), executor.device()), "cudaDeviceGetPCIBusId");
  return text;
}

template double multiply_and_add<float>(const Executor&, double, void*);
template double multiply_and_add<double>(const Executor&, double, void*);
template double call<float>(const Executor&, Elementary, double, void*);
template double call<double>(const Executor&, Elementary, double, void*);

}  // namespace nabla::bench::cuda
