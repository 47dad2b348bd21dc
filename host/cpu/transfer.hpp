#pragma once

#include <nabla/view.hpp>

#include <cstdint>

// Moving points between a caller's layout and a tile: rows of `stride` numbers, one row per component.

namespace nabla::detail::cpu {

/// Reads items [first, first + points) into the tile; the last item is repeated up to `padded`.
template <class T>
void gather(const BatchView<const T>& view, std::int64_t first, std::int64_t points, std::int64_t padded, T* tile,
            std::int64_t stride);

/// Writes a tile's rows to items [first, first + points). `scratch` holds as many numbers as the tile. Streaming stores
/// bypass the caches; finish_streaming() makes them visible to other threads.
template <class T>
void scatter(const T* tile, std::int64_t stride, std::int64_t points, const BatchView<T>& view, std::int64_t first,
             T* scratch, bool streaming);

void finish_streaming();

/// As the operating system tells; 32 MiB where it does not.
std::int64_t last_level_cache_bytes();

}  // namespace nabla::detail::cpu
