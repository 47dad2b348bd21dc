#pragma once

#include "../cpu/transfer.hpp"

#include <omp.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

// The bare loop: reads so many streams, writes so many, and computes next to nothing. Written the way the machine likes
// best (whole cache lines, stores past the caches once the streams outgrow them), it is the ceiling that an evaluation
// with the same streams is held against.

namespace nabla::bench {

#if defined(__AVX512F__)
struct Line {
  __m512i bits;
};
inline Line load(const void* from) { return {_mm512_loadu_si512(from)}; }
inline Line combine(Line a, Line b) { return {_mm512_xor_si512(a.bits, b.bits)}; }
inline void store(void* to, Line line, bool streaming) {
  streaming ? _mm512_stream_si512(static_cast<__m512i*>(to), line.bits) : _mm512_storeu_si512(to, line.bits);
}
#elif defined(__AVX2__)
struct Line {
  __m256i low, high;
};
inline Line load(const void* from) {
  const auto* const p = static_cast<const __m256i*>(from);
  return {_mm256_loadu_si256(p), _mm256_loadu_si256(p + 1)};
}
inline Line combine(Line a, Line b) { return {_mm256_xor_si256(a.low, b.low), _mm256_xor_si256(a.high, b.high)}; }
inline void store(void* to, Line line, bool streaming) {
  auto* const p = static_cast<__m256i*>(to);
  streaming ? _mm256_stream_si256(p, line.low) : _mm256_storeu_si256(p, line.low);
  streaming ? _mm256_stream_si256(p + 1, line.high) : _mm256_storeu_si256(p + 1, line.high);
}
#else
struct Line {
  std::uint64_t word[8];
};
inline Line load(const void* from) { return *static_cast<const Line*>(from); }
inline Line combine(Line a, const Line& b) {
  for (int i = 0; i < 8; ++i) a.word[i] ^= b.word[i];
  return a;
}
inline void store(void* to, const Line& line, bool) { *static_cast<Line*>(to) = line; }
#endif

/// Lines of so many streams as are known while compiling: there is no look at lists between them.
template <std::size_t Reads, std::size_t Writes>
void bare_lines(const std::vector<const void*>& reads, const std::vector<void*>& writes, std::int64_t bytes,
                int threads, bool streaming) {
  std::array<const char*, Reads> from;
  std::array<char*, Writes> to;
  for (std::size_t k = 0; k < Reads; ++k) from[k] = static_cast<const char*>(reads[k]);
  for (std::size_t k = 0; k < Writes; ++k) to[k] = static_cast<char*>(writes[k]);
#pragma omp parallel for schedule(static) num_threads(threads) firstprivate(from, to)
  for (std::int64_t offset = 0; offset < bytes; offset += 64) {
    Line line = load(from[0] + offset);
    for (std::size_t k = 1; k < Reads; ++k) line = combine(line, load(from[k] + offset));
    for (std::size_t k = 0; k < Writes; ++k) store(to[k] + offset, line, streaming);
  }
}

/// Streams of `bytes` each, a multiple of 64 and 64-byte aligned.
inline void bare_loop(const std::vector<const void*>& reads, const std::vector<void*>& writes, std::int64_t bytes,
                      int threads) {
  // What was just read is in the caches, and goes back from there.
  const auto was_read = [&](const void* to) { return std::ranges::find(reads, to) != reads.end(); };
  const bool streaming = bytes * static_cast<std::int64_t>(writes.size()) > detail::cpu::last_level_cache_bytes() / 2 &&
                         std::ranges::none_of(writes, was_read);
  constexpr std::size_t most = 4;
  bool done = false;
  const auto try_one = [&](auto both) {
    constexpr std::size_t of_reads = both / most + 1, of_writes = both % most + 1;
    if (reads.size() != of_reads || writes.size() != of_writes) return;
    bare_lines<of_reads, of_writes>(reads, writes, bytes, threads, streaming);
    done = true;
  };
  [&]<std::size_t... Both>(std::index_sequence<Both...>) {
    (try_one(std::integral_constant<std::size_t, Both>()), ...);
  }
  (std::make_index_sequence<most * most>());
  if (done) return;
#pragma omp parallel for schedule(static) num_threads(threads)
  for (std::int64_t offset = 0; offset < bytes; offset += 64) {
    Line line = reads.empty() ? Line{} : load(static_cast<const char*>(reads[0]) + offset);
    for (std::size_t r = 1; r < reads.size(); ++r) {
      line = combine(line, load(static_cast<const char*>(reads[r]) + offset));
    }
    for (void* const to : writes) store(static_cast<char*>(to) + offset, line, streaming);
  }
}

/// Reads streams, and computes next to nothing of them: returned, so that they are read.
inline std::uint64_t bare_reads(const std::vector<const void*>& reads, std::int64_t bytes, int threads) {
  std::uint64_t all = 0;
#pragma omp parallel num_threads(threads) reduction(^ : all)
  {
    Line line{};
#pragma omp for schedule(static)
    for (std::int64_t offset = 0; offset < bytes; offset += 64) {
      for (const void* const from : reads) line = combine(line, load(static_cast<const char*>(from) + offset));
    }
    std::uint64_t words[8];
    store(words, line, false);
    for (const std::uint64_t word : words) all ^= word;
  }
  return all;
}

}  // namespace nabla::bench
