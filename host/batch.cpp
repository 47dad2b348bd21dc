#include <nabla/batch.hpp>

#include "cuda_seam.hpp"

#include <algorithm>

namespace nabla::detail {

std::size_t checked_bytes(std::int64_t count, std::int64_t components, std::size_t size) {
  const auto shape = [&] { return "(" + std::to_string(count) + ", " + std::to_string(components) + ")"; };
  if (count < 0 || components < 0) throw ShapeError("a batch can't have the shape " + shape());
  std::int64_t numbers = 0;
  std::int64_t bytes = 0;
  if (__builtin_mul_overflow(count, components, &numbers) ||
      __builtin_mul_overflow(numbers, static_cast<std::int64_t>(size), &bytes)) {
    throw ShapeError("a batch of shape " + shape() + " is larger than any memory (2^63 bytes)");
  }
  return static_cast<std::size_t>(bytes);
}

template <class T>
void fill_uniform(const Executor& executor, BatchView<T> out, double low, double high, std::uint64_t seed) {
  if (!(low <= high) || !std::isfinite(high - low)) {
    throw ShapeError("a box needs finite low <= high, found " + std::to_string(low) + ":" + std::to_string(high));
  }
  if (executor.is_cuda()) {
    cuda::fill_uniform(executor.state(), out, low, high, seed);
    return;
  }
  const auto threads = static_cast<int>(std::clamp<std::int64_t>(out.count / 4096, 1, executor.threads()));
#pragma omp parallel for num_threads(threads) schedule(static)
  for (std::int64_t p = 0; p < out.count; ++p) {
    for (std::int64_t j = 0; j < out.components; j += 2) {
      const auto pair = uniform_pair(seed, p, j / 2, low, high);
      out(p, j) = static_cast<T>(pair[0]);
      if (j + 1 < out.components) out(p, j + 1) = static_cast<T>(pair[1]);
    }
  }
}
template void fill_uniform(const Executor&, BatchView<float>, double, double, std::uint64_t);
template void fill_uniform(const Executor&, BatchView<double>, double, double, std::uint64_t);

}  // namespace nabla::detail
