#pragma once

#include <nabla/detail/operation.hpp>
#include <nabla/detail/tile.hpp>
#include <nabla/lanes.hpp>

// The CPU's loop over the points of one tile: the only part of the CPU path that knows the caller's function.

namespace nabla::detail {

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
