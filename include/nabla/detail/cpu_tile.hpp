#pragma once

#include <nabla/detail/operation.hpp>
#include <nabla/lanes.hpp>

// The CPU's loop over the points of one tile: the only part of the CPU path that knows the caller's function.

namespace nabla::detail {

/// Loads and stores of X = T, one point, or X = lanes of T, as many points as there are lanes.
template <class X, class T>
X load(const T* from) {
  if constexpr (std::same_as<X, T>) {
    return *from;
  } else {
    return X::load_unaligned(from);
  }
}
template <class X, class T>
void store(T* to, const X& x) {
  if constexpr (std::same_as<X, T>) {
    *to = x;
  } else {
    x.store_aligned(to);
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
  X operator()(std::int64_t i) const { return load<X>(in + i * in_stride); }
  X extra(std::int64_t i) const { return load<X>(from_extra + i * extra_stride); }
};

template <class X, class T>
struct TileOutput {
  using Scalar = X;
  T* out;
  std::int64_t stride;
  void store(std::int64_t row, const X& x) { detail::store<X>(out + row * stride, x); }
  X load(std::int64_t row) const { return detail::load<X>(static_cast<const T*>(out + row * stride)); }
};

template <class X, class T>
inline constexpr int lanes_in = sizeof(X) / sizeof(T);

template <class X, class T, class Body>
void run_tile(const void* body, const Tile<T>& tile) {
  const Body& f = *static_cast<const Body*>(body);
  for (std::int64_t p = 0; p < tile.count; p += lanes_in<X, T>) {
    const TileInput<X, T> in{tile.dimension, tile.in + p, tile.in_stride, tile.extra + p, tile.extra_stride};
    TileOutput<X, T> out{tile.out + p, tile.out_stride};
    f(in, out);
  }
}

/// The scalar that a function is run with on the CPU.
template <class F, class T>
using CpuScalar = std::conditional_t<vectorizable<F>(), Lanes<T>, T>;

}  // namespace nabla::detail
