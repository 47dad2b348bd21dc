#include "transfer.hpp"

#include <xsimd/xsimd.hpp>

#include <algorithm>
#include <cstring>
#include <fstream>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace nabla::detail::cpu {

namespace {

constexpr std::int64_t line_bytes = 64;

#if defined(__AVX512F__)
void stream_line(void* to, const void* from) {
  _mm512_stream_si512(static_cast<__m512i*>(to), _mm512_loadu_si512(from));
}
#elif defined(__AVX__)
void stream_line(void* to, const void* from) {
  for (int i = 0; i < 2; ++i) {
    _mm256_stream_si256(static_cast<__m256i*>(to) + i, _mm256_loadu_si256(static_cast<const __m256i*>(from) + i));
  }
}
#elif defined(__SSE2__)
void stream_line(void* to, const void* from) {
  for (int i = 0; i < 4; ++i) {
    _mm_stream_si128(static_cast<__m128i*>(to) + i, _mm_loadu_si128(static_cast<const __m128i*>(from) + i));
  }
}
#else
void stream_line(void* to, const void* from) { std::memcpy(to, from, line_bytes); }
#endif

/// Copies a contiguous run; whole cache lines go past the caches if asked to.
template <class T>
void copy_run(T* to, const T* from, std::int64_t numbers, bool streaming) {
  constexpr auto per_line = static_cast<std::int64_t>(line_bytes / sizeof(T));
  std::int64_t done = 0;
  if (streaming) {
    const auto offset = static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(to) % line_bytes / sizeof(T));
    done = std::min(numbers, (per_line - offset) % per_line);
    if (done > 0) std::copy_n(from, done, to);
    for (; done + per_line <= numbers; done += per_line) stream_line(to + done, from + done);
  }
  if (done < numbers) std::copy_n(from + done, numbers - done, to + done);
}

/// Rows to interleaved items and back. N is the number of rows where it is small, so that the compiler can shuffle
/// whole vectors; 0 is any.
template <int N, class T>
void interleave(const T* __restrict rows, std::int64_t stride, std::int64_t n, std::int64_t points,
                T* __restrict items) {
  const std::int64_t width = N > 0 ? N : n;
  for (std::int64_t p = 0; p < points; ++p) {
    for (std::int64_t i = 0; i < width; ++i) items[p * width + i] = rows[i * stride + p];
  }
}
template <int N, class T>
void deinterleave(const T* __restrict items, std::int64_t n, std::int64_t points, T* __restrict rows,
                  std::int64_t stride) {
  const std::int64_t width = N > 0 ? N : n;
  for (std::int64_t p = 0; p < points; ++p) {
    for (std::int64_t i = 0; i < width; ++i) rows[i * stride + p] = items[p * width + i];
  }
}

/// Calls use(constant n) for n <= 8 and use(constant 0) beyond.
template <class Use>
void with_width(std::int64_t n, Use use) {
  switch (n) {
    case 1:
      return use(std::integral_constant<int, 1>());
    case 2:
      return use(std::integral_constant<int, 2>());
    case 3:
      return use(std::integral_constant<int, 3>());
    case 4:
      return use(std::integral_constant<int, 4>());
    case 5:
      return use(std::integral_constant<int, 5>());
    case 6:
      return use(std::integral_constant<int, 6>());
    case 7:
      return use(std::integral_constant<int, 7>());
    case 8:
      return use(std::integral_constant<int, 8>());
    default:
      return use(std::integral_constant<int, 0>());
  }
}

template <class T>
bool is_point_major(const BatchView<T>& view) {
  return view.component_stride == 1 && view.item_stride == view.components;
}

}  // namespace

template <class T>
void gather(const BatchView<const T>& view, std::int64_t first, std::int64_t points, std::int64_t padded, T* tile,
            std::int64_t stride) {
  const std::int64_t n = view.components;
  // One item for the whole batch repeats by stride 0 or by having a count of 1.
  const bool one_for_all = view.item_stride == 0 || view.count == 1;
  const T* const from = view.data + (one_for_all ? 0 : first * view.item_stride);
  if (one_for_all) {
    for (std::int64_t i = 0; i < n; ++i) std::fill_n(tile + i * stride, padded, from[i * view.component_stride]);
    return;
  }
  if (is_point_major(view)) {
    with_width(n, [&](auto width) { deinterleave<width>(from, n, points, tile, stride); });
  } else {
    for (std::int64_t i = 0; i < n; ++i) {
      const T* const row = from + i * view.component_stride;
      if (view.item_stride == 1) {
        std::copy_n(row, points, tile + i * stride);
      } else {
        for (std::int64_t p = 0; p < points; ++p) tile[i * stride + p] = row[p * view.item_stride];
      }
    }
  }
  if (padded == points) return;
  for (std::int64_t i = 0; i < n; ++i) {
    T* const row = tile + i * stride;
    std::fill(row + points, row + padded, row[points - 1]);
  }
}

template <class T>
void scatter(const T* tile, std::int64_t stride, std::int64_t points, const BatchView<T>& view, std::int64_t first,
             T* scratch, bool streaming) {
  const std::int64_t n = view.components;
  T* const to = view.data + first * view.item_stride;
  if (view.item_stride == 1) {
    for (std::int64_t i = 0; i < n; ++i) copy_run(to + i * view.component_stride, tile + i * stride, points, streaming);
  } else if (is_point_major(view)) {
    T* const items = streaming ? scratch : to;
    with_width(n, [&](auto width) { interleave<width>(tile, stride, n, points, items); });
    if (streaming) copy_run(to, scratch, points * n, true);
  } else {
    for (std::int64_t p = 0; p < points; ++p) {
      for (std::int64_t i = 0; i < n; ++i) to[p * view.item_stride + i * view.component_stride] = tile[i * stride + p];
    }
  }
}

template void gather(const BatchView<const float>&, std::int64_t, std::int64_t, std::int64_t, float*, std::int64_t);
template void gather(const BatchView<const double>&, std::int64_t, std::int64_t, std::int64_t, double*, std::int64_t);
template void scatter(const float*, std::int64_t, std::int64_t, const BatchView<float>&, std::int64_t, float*, bool);
template void scatter(const double*, std::int64_t, std::int64_t, const BatchView<double>&, std::int64_t, double*, bool);

void finish_streaming() {
#if defined(__SSE2__)
  _mm_sfence();
#endif
}

std::int64_t last_level_cache_bytes() {
  static const std::int64_t bytes = [] {
    // The kernel tells the size of the cache that this core can use; sysconf, all of the package's together.
    std::ifstream file("/sys/devices/system/cpu/cpu0/cache/index3/size");
    std::int64_t kibibytes = 0;
    return file >> kibibytes && kibibytes > 0 ? kibibytes << 10 : std::int64_t{32} << 20;
  }();
  return bytes;
}

}  // namespace nabla::detail::cpu
