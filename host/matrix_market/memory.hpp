#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <utility>
#include <vector>

// Memory for results of many megabytes. Asking for large pages halves the time it takes to read a file: the first touch
// of a small page costs as much as parsing its contents.

namespace nabla::matrix_market {

constexpr std::size_t large_page = std::size_t{1} << 21;

/// Advice: nothing is lost where it is refused.
inline void advise_large_pages(const void* memory, std::size_t bytes) {
  void* begin = const_cast<void*>(memory);
  if (std::align(large_page, large_page, begin, bytes) == nullptr) return;
  madvise(begin, bytes / large_page * large_page, MADV_HUGEPAGE);
}

/// Resizes an empty vector; its numbers are 0.
template <class T>
void allocate(std::vector<T>& numbers, std::size_t count) {
  numbers.reserve(count);
  advise_large_pages(numbers.data(), count * sizeof(T));
  numbers.resize(count);
}

/// Memory for arrays that are all given back together.
class Arena {
 public:
  /// Not initialised.
  template <class T>
  T* allocate(std::size_t count) {
    static_assert(alignof(T) <= alignment);
    if (count > max_bytes / sizeof(T)) throw std::bad_alloc();
    const std::size_t bytes = (count * sizeof(T) + alignment - 1) / alignment * alignment;
    if (bytes > left_) grow(bytes);
    left_ -= bytes;
    return reinterpret_cast<T*>(std::exchange(next_, next_ + bytes));
  }

 private:
  static constexpr std::size_t alignment = 64, max_bytes = std::size_t{1} << 60;
  struct Free {
    void operator()(std::byte* memory) const { std::free(memory); }
  };

  /// As much again as there is, so that small files need little, up to what is small beside a large file's.
  void grow(std::size_t bytes) {
    constexpr std::size_t most_at_once = std::size_t{1} << 25;
    const std::size_t wanted = std::max(bytes, std::min(total_, most_at_once));
    const std::size_t unit = wanted < large_page ? alignment : large_page;
    const std::size_t size = (wanted + unit - 1) / unit * unit;
    chunks_.emplace_back(static_cast<std::byte*>(std::aligned_alloc(unit, size)));
    if (chunks_.back() == nullptr) throw std::bad_alloc();
    advise_large_pages(chunks_.back().get(), size);
    next_ = chunks_.back().get();
    left_ = size;
    total_ += size;
  }

  std::vector<std::unique_ptr<std::byte, Free>> chunks_;
  std::byte* next_ = nullptr;
  std::size_t left_ = 0, total_ = 0;
};

}  // namespace nabla::matrix_market
