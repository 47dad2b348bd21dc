#pragma once

#include <concepts>
#include <cstdint>

// A point of a tile, as bodies see it. A tile is component-major: row i holds component i of neighbouring points. On
// the CPU it lies in a core's cache, on the GPU in shared memory.

namespace nabla::detail {

/// Loads and stores of X = T, one point, or X = lanes of T, as many points as there are lanes.
template <class X, class T>
constexpr X load(const T* from) {
  if constexpr (std::same_as<X, T>) {
    return *from;
  } else {
    return X::load_unaligned(from);
  }
}
template <class X, class T>
constexpr void store(T* to, const X& x) {
  if constexpr (std::same_as<X, T>) {
    *to = x;
  } else {
    x.store_unaligned(to);
  }
}

template <class X, class T>
struct TileInput {
  using Scalar = X;
  std::int64_t dimension;
  const T* in;
  std::int64_t in_stride;
  const T* from_extra;
  std::int64_t extra_stride;
  constexpr X operator()(std::int64_t i) const { return load<X>(in + i * in_stride); }
  constexpr X extra(std::int64_t i) const { return load<X>(from_extra + i * extra_stride); }
};

/// Output rows of all groups one after another, as in shared memory.
template <class X, class T>
struct TileOutput {
  using Scalar = X;
  T* out;
  std::int64_t stride;
  constexpr void store(std::int64_t row, const X& x) { detail::store<X>(out + row * stride, x); }
  constexpr X load(std::int64_t row) const { return detail::load<X>(static_cast<const T*>(out + row * stride)); }
};

}  // namespace nabla::detail
