#pragma once

#include <nabla/view.hpp>

#include <cstdint>
#include <type_traits>

// Moving points between a caller's layout and a tile in shared memory: the GPU's side of host/cpu/transfer.hpp.
// Neighbouring threads always touch neighbouring addresses of global memory, 16 bytes at a time where the view's
// alignment allows.

namespace nabla::detail {

/// 16 bytes that move at once. (A plain assignment may be compiled to scalar stores; __stwb may not.)
template <class T>
using Pack = std::conditional_t<std::is_same_v<T, float>, float4, double2>;
template <class T>
inline constexpr int pack_width = 16 / static_cast<int>(sizeof(T));

/// A pack of at(0), at(1), …
template <class T, class At>
__device__ Pack<T> make_pack(At at) {
  if constexpr (std::is_same_v<T, float>) {
    return make_float4(at(0), at(1), at(2), at(3));
  } else {
    return make_double2(at(0), at(1));
  }
}

/// Calls take(k, number) for the numbers of a pack.
template <class Take>
__device__ void unpack(const float4& pack, Take take) {
  take(0, pack.x);
  take(1, pack.y);
  take(2, pack.z);
  take(3, pack.w);
}
template <class Take>
__device__ void unpack(const double2& pack, Take take) {
  take(0, pack.x);
  take(1, pack.y);
}

template <class T>
__device__ bool aligned(const T* address) {
  return reinterpret_cast<std::uintptr_t>(address) % 16 == 0;
}

/// Calls move(pack index) for the whole packs among `numbers` and then move_one(index) for the rest; neighbouring
/// threads get neighbours.
template <class T, class Move, class MoveOne>
__device__ void for_each_pack(int numbers, bool packed, Move move, MoveOne move_one) {
  const int whole = packed ? numbers / pack_width<T> : 0;
  for (int k = static_cast<int>(threadIdx.x); k < whole; k += static_cast<int>(blockDim.x)) move(k * pack_width<T>);
  for (int e = whole * pack_width<T> + static_cast<int>(threadIdx.x); e < numbers; e += static_cast<int>(blockDim.x)) {
    move_one(e);
  }
}

/// Reads items [first, first + points) into the tile's rows. Components: their number where the compiler knows it, so
/// that it can divide by it, or -1.
template <int Components, class T>
__device__ void gather_tile(const BatchView<const T>& view, std::int64_t first, int points, T* tile, int stride) {
  const int n = Components > 0 ? Components : static_cast<int>(view.components);
  const bool one_for_all = view.count == 1 || view.item_stride == 0;
  const T* const from = view.data + (one_for_all ? 0 : first * view.item_stride);
  if (view.item_stride == 1 && !one_for_all) {
    for (int i = 0; i < n; ++i) {
      const T* const row = from + i * view.component_stride;
      T* const to = tile + i * stride;
      for_each_pack<T>(
          points, aligned(row),
          [&](int p) { *reinterpret_cast<Pack<T>*>(to + p) = *reinterpret_cast<const Pack<T>*>(row + p); },
          [&](int p) { to[p] = row[p]; });
    }
  } else if (view.component_stride == 1 && view.item_stride == n && !one_for_all) {
    const auto place = [&](int e) -> T& { return tile[e % n * stride + e / n]; };
    for_each_pack<T>(
        points * n, aligned(from),
        [&](int e) {
          unpack(*reinterpret_cast<const Pack<T>*>(from + e), [&](int k, T number) { place(e + k) = number; });
        },
        [&](int e) { place(e) = from[e]; });
  } else {
    const std::int64_t item_stride = one_for_all ? 0 : view.item_stride;
    for (int e = static_cast<int>(threadIdx.x); e < points * n; e += static_cast<int>(blockDim.x)) {
      const int p = e / n, i = e % n;
      tile[i * stride + p] = from[p * item_stride + i * view.component_stride];
    }
  }
}

/// Writes the tile's rows to items [first, first + points).
template <class T>
__device__ void scatter_tile(const T* tile, int stride, const BatchView<T>& view, std::int64_t first, int points) {
  const int n = static_cast<int>(view.components);
  T* const to = view.data + first * view.item_stride;
  if (view.item_stride == 1) {
    for (int i = 0; i < n; ++i) {
      T* const row = to + i * view.component_stride;
      const T* const from = tile + i * stride;
      for_each_pack<T>(
          points, aligned(row),
          [&](int p) { *reinterpret_cast<Pack<T>*>(row + p) = *reinterpret_cast<const Pack<T>*>(from + p); },
          [&](int p) { row[p] = from[p]; });
    }
  } else if (view.component_stride == 1 && view.item_stride == n) {
    const auto place = [&](int e) { return tile[e % n * stride + e / n]; };
    for_each_pack<T>(
        points * n, aligned(to),
        [&](int e) { __stwb(reinterpret_cast<Pack<T>*>(to + e), make_pack<T>([&](int k) { return place(e + k); })); },
        [&](int e) { to[e] = place(e); });
  } else {
    for (int e = static_cast<int>(threadIdx.x); e < points * n; e += static_cast<int>(blockDim.x)) {
      const int p = e / n, i = e % n;
      to[p * view.item_stride + i * view.component_stride] = tile[i * stride + p];
    }
  }
}

}  // namespace nabla::detail
