#pragma once

#include <cstdint>

// How the kernels of kernels/evaluate.cuh are launched. It depends on the batch alone, never on the device.

namespace nabla::detail {

inline constexpr int most_block_threads = 256;

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
  constexpr int sizes[] = {256, 128, 64};
  for (const int points : sizes) {
    if (rows * (points + 16 / static_cast<int>(sizeof(T))) * static_cast<std::int64_t>(sizeof(T)) <= shared_bytes) {
      return points;
    }
  }
  return 0;
}

/// Which kernel runs: tile_kernel with a thread for each point of a tile, or strided_kernel.
struct EvaluateShape {
  bool tiled;
  int threads;
  std::int64_t shared_bytes;
};
template <class T>
constexpr EvaluateShape evaluate_shape(std::int64_t rows) {
  const int points = shared_tile_points<T>(rows);
  if (points == 0) return {false, most_block_threads, 0};
  return {true, points, rows * (points * static_cast<std::int64_t>(sizeof(T)) + 16)};
}

}  // namespace nabla::detail
