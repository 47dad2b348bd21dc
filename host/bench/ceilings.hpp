#pragma once

#include "work.hpp"

#include <nabla/batch.hpp>

#include <functional>
#include <string>

// What the machine can do at most, measured: memory by a bare loop that reads and writes the same streams, arithmetic
// by fused multiplications and additions that do not wait for each other, elementary functions by calls that do not
// wait for memory. Each is run beside what is held against it, again and again: machines change their speed.

namespace nabla::bench {

/// What everything is timed by.
struct Clock {
  std::function<double()> now;  ///< in seconds, since whenever
  /// How long work takes that is done at once, or enqueued.
  std::function<double(const std::function<void()>& work)> seconds_of;
};
/// On the CPU the system's, on CUDA events around the work.
Clock clock_of(const Executor& executor);

/// Of a run(amount) that tells how much it did: the most in a second, of three runs. The amount is doubled until it
/// takes half a millisecond, and kept for the next time.
double rate_of(const Clock& clock, double& amount, const std::function<double(double)>& run);

class Ceilings {
 public:
  explicit Ceilings(const Executor& executor) : executor_(executor), clock_(clock_of(executor)), pool_(executor, 0) {}

  const Executor& executor() const { return executor_; }
  const Clock& clock() const { return clock_; }

  /// Reads and writes streams as an operation does, and computes nothing. Enqueued on CUDA.
  void move(const Traffic& traffic);
  /// Reads and writes more than caches hold, so that nothing of an operation's data is left in them.
  void flush();
  /// The largest cache between the processor and the executor's memory.
  std::int64_t cache_bytes() const;

  /// What can be done in a second, as the machine is now; takes about a millisecond. A fused multiplication and
  /// addition is two flops.
  template <class T>
  double flops_per_second();
  template <class T>
  double calls_per_second(Elementary f);
  /// The least time for this much arithmetic, as the machine is now.
  template <class T>
  double seconds_for(const Work& work);
  /// Of CUDA, for reports: what the device can do by its maker, its driver, and, where NVML tells, its clocks while it
  /// multiplies. Otherwise empty.
  std::string device();

 private:
  std::byte* pool(std::int64_t bytes);
  void move_once(const Traffic& traffic);

  Executor executor_;
  Clock clock_;
  Array<std::byte> pool_;
  std::array<std::array<double, elementaries + 1>, 2> amounts_ = {};  // that take a millisecond, in f32 and f64
};

/// The loops on CPUs (ceilings_cpu.cpp). Each does at least the amount, on so many threads, and returns what it did.
namespace cpu {
template <class T>
double multiply_and_add(int threads, double flops);
template <class T>
double call(int threads, Elementary f, double calls);
}  // namespace cpu

/// The same on CUDA (kernels/ceilings.cu, or without_cuda.cpp), enqueued; results nobody wants go to `pool`.
namespace cuda {
void move(const Executor& executor, const Traffic& traffic);  // its streams, once
double seconds_of(const Executor& executor, const std::function<void()>& work);
std::int64_t cache_bytes(const Executor& executor);
template <class T>
double multiply_and_add(const Executor& executor, double flops, void* pool);
template <class T>
double call(const Executor& executor, Elementary f, double calls, void* pool);
/// What CUDA tells of the device: no clock at the moment.
std::string description(const Executor& executor);
std::string bus_id(const Executor& executor);
}  // namespace cuda

}  // namespace nabla::bench
