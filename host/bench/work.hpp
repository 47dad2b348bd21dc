#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

// How much an operation has to do, before anything is timed: the floor that its time is held against.

namespace nabla::bench {

/// What is not an addition or a multiplication. Each has a ceiling of its own.
enum class Elementary { division, sqrt, exp, log, sin, cos, sincos };
inline constexpr std::size_t elementaries = 7;
inline constexpr std::array<const char*, elementaries> elementary_names{"division", "sqrt", "exp",   "log",
                                                                        "sin",      "cos",  "sincos"};

/// Arithmetic on numbers of one precision.
struct Work {
  double flops = 0;                             ///< additions, subtractions, multiplications
  std::array<double, elementaries> calls = {};  ///< of each Elementary

  double& of(Elementary f) { return calls[static_cast<std::size_t>(f)]; }
  Work& operator+=(const Work& other) {
    flops += other.flops;
    for (std::size_t k = 0; k < elementaries; ++k) calls[k] += other.calls[k];
    return *this;
  }
  friend Work operator*(double times, Work work) {
    work.flops *= times;
    for (double& count : work.calls) count *= times;
    return work;
  }
};

/// Compulsory traffic: each input read once, each output written once, as streams of the same length, and after them
/// others of another length.
struct Traffic {
  int reads = 0, writes = 0;
  std::int64_t stream_bytes = 0;
  int passes = 1;  ///< over all of it, one after the other
  /// Where they begin, those that are read first, aligned to 64 bytes; empty: somewhere of their own. How fast memory
  /// is depends on where it lies: ratios between the same arrays hold, between others they swing by half.
  std::vector<void*> memory = {};
  std::vector<Traffic> then = {};

  double bytes() const {
    double of_a_pass = static_cast<double>(reads + writes) * static_cast<double>(stream_bytes);
    for (const Traffic& more : then) of_a_pass += more.bytes();
    return passes * of_a_pass;
  }
};

}  // namespace nabla::bench
