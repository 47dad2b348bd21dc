#pragma once

#include <nabla/executor.hpp>
#include <nabla/random.hpp>
#include <nabla/view.hpp>

#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

namespace nabla {

namespace detail {

/// count * components * size in bytes. Throws ShapeError if negative or beyond 2^63 - 1.
std::size_t checked_bytes(std::int64_t count, std::int64_t components, std::size_t size);

template <class T>
void fill_uniform(const Executor& executor, BatchView<T> out, double low, double high, std::uint64_t seed);
extern template void fill_uniform(const Executor&, BatchView<float>, double, double, std::uint64_t);
extern template void fill_uniform(const Executor&, BatchView<double>, double, double, std::uint64_t);

}  // namespace detail

/// Owning memory on an executor: the host's for the CPU, the device's for CUDA. Contents are unspecified at first.
/// Stream: ready for any stream once constructed. Released in the order of its own executor's stream: destroy it only
/// when work on other streams no longer uses it.
template <class T>
class Array {
 public:
  Array(Executor executor, std::int64_t size)
      : executor_(std::move(executor)),
        bytes_(detail::checked_bytes(size, 1, sizeof(T))),
        size_(size),
        data_(static_cast<T*>(detail::allocate(executor_, bytes_))) {
    executor_.synchronize();
  }
  Array(Array&& other) noexcept
      : executor_(other.executor_),
        bytes_(std::exchange(other.bytes_, 0)),
        size_(std::exchange(other.size_, 0)),
        data_(std::exchange(other.data_, nullptr)) {}
  Array& operator=(Array&& other) noexcept {
    std::swap(executor_, other.executor_);
    std::swap(bytes_, other.bytes_);
    std::swap(size_, other.size_);
    std::swap(data_, other.data_);
    return *this;
  }
  ~Array() { detail::deallocate(executor_, data_, bytes_); }

  T* data() const { return data_; }
  std::int64_t size() const { return size_; }
  const Executor& executor() const { return executor_; }

  /// Copies to or from the host and waits. Throws ShapeError unless the sizes are equal.
  void upload(std::span<const T> from) {
    require_size(static_cast<std::int64_t>(from.size()));
    detail::copy_bytes(executor_, data_, from.data(), bytes_);
  }
  std::vector<T> to_host() const {
    std::vector<T> host(static_cast<std::size_t>(size_));
    detail::copy_bytes(executor_, host.data(), data_, bytes_);
    return host;
  }

 private:
  void require_size(std::int64_t size) const {
    if (size == size_) return;
    throw ShapeError("an array of " + std::to_string(size_) + " numbers was given " + std::to_string(size));
  }

  Executor executor_;
  std::size_t bytes_;
  std::int64_t size_;
  T* data_;
};

/// An owning batch: `count` items (points, gradients, …) of `components` numbers each, contiguous, in a layout.
template <class T>
class Batch {
 public:
  Batch(Executor executor, std::int64_t count, std::int64_t components, Layout layout = Layout::component_major)
      : count_(count),
        components_(components),
        layout_(layout),
        numbers_(std::move(executor),
                 static_cast<std::int64_t>(detail::checked_bytes(count, components, sizeof(T)) / sizeof(T))) {}

  /// Points distributed uniformly in the box [low, high]^dimension. The same seed gives the same points on every
  /// executor, in either layout, for any number of threads; float points are the double ones, rounded.
  static Batch uniform(const Executor& executor, std::int64_t count, std::int64_t dimension, double low, double high,
                       std::uint64_t seed, Layout layout = Layout::component_major) {
    Batch points(executor, count, dimension, layout);
    detail::fill_uniform<T>(executor, points.view(), low, high, seed);
    executor.synchronize();
    return points;
  }

  /// A copy of numbers that already have the layout. Throws ShapeError unless numbers.size() == count * components.
  static Batch from_host(const Executor& executor, std::span<const T> numbers, std::int64_t components,
                         Layout layout = Layout::point_major) {
    const auto size = static_cast<std::int64_t>(numbers.size());
    if (components < 1 || size % components != 0) {
      throw ShapeError(std::to_string(size) + " numbers can't be split into items of " + std::to_string(components));
    }
    Batch batch(executor, size / components, components, layout);
    batch.numbers_.upload(numbers);
    return batch;
  }

  std::int64_t count() const { return count_; }
  std::int64_t components() const { return components_; }
  Layout layout() const { return layout_; }
  const Executor& executor() const { return numbers_.executor(); }
  T* data() const { return numbers_.data(); }

  /// Throws ShapeError if the batch was moved away.
  BatchView<T> view() const {
    if (data() == nullptr) throw ShapeError("a batch was used after it was moved away");
    return {data(), count_, components_, layout_};
  }
  operator BatchView<T>() const { return view(); }
  operator BatchView<const T>() const { return view(); }

  /// All numbers, in this layout, on the host.
  std::vector<T> to_host() const { return numbers_.to_host(); }

 private:
  std::int64_t count_;
  std::int64_t components_;
  Layout layout_;
  Array<T> numbers_;
};

/// A batch whose items are points.
template <class T>
using Points = Batch<T>;

}  // namespace nabla
