#pragma once

#include <nabla/detail/operation.hpp>
#include <nabla/detail/statistics.hpp>
#include <nabla/detail/tile.hpp>
#include <nabla/lanes.hpp>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

// The CPU's loop over the points of one tile: the only part of the CPU path that knows the caller's function.

namespace nabla::detail {

/// A column of data that points have rows of: row r of point p is data[r * stride + p], or data[r * stride] where all
/// points share it.
template <class T>
struct TileColumn {
  const T* data;
  std::int64_t stride;
  bool is_shared;

  template <class X>
  X row(std::int64_t r, std::int64_t p) const {
    const T* const from = data + r * stride;
    return is_shared ? X(*from) : load<X>(from + p);
  }
};

/// Points in a core's cache: component i of point p is in[i * in_stride + p], row k of output group g goes to
/// out[g][k * out_stride[g] + p]. count is a multiple of Operation::lanes.
template <class T>
struct Tile {
  std::int64_t count;
  std::int64_t dimension;
  const T* in;
  std::int64_t in_stride;
  const T* extra;
  std::int64_t extra_stride;
  T* out[max_groups];
  std::int64_t out_stride[max_groups];
  // For operations with several lanes:
  T* copy[max_groups];  // a second destination, past the caches: rows aligned to 64 bytes; null: none
  std::int64_t copy_stride[max_groups];
  Extent<Lanes<double>>* extent;  // the results are added to it; null: not wanted
  const TileColumn<T>* columns;   // for bodies that read data
};

/// A point, with its rows of data: of bodies with `static constexpr bool reads_data = true`.
template <class X, class T>
struct DataInput : TileInput<X, T> {
  const TileColumn<T>* columns;
  std::int64_t p;
  constexpr X datum(std::int64_t row, std::int64_t column) const { return columns[column].template row<X>(row, p); }
};

template <class X, class T>
inline constexpr int lanes_in = sizeof(X) / sizeof(T);

/// Writes a whole pack to aligned memory without reading the cache line first. A core overlaps such stores with what it
/// computes if they come a few at a time; in bursts they hold it up (docs/performance.md).
template <class X>
void store_past_caches(typename X::value_type* to, const X& x) {
  using T = typename X::value_type;
  [[maybe_unused]] const typename X::register_type pack = x;
#if defined(__AVX512F__)
  if constexpr (sizeof(X) == 64 && std::same_as<T, double>) return _mm512_stream_pd(to, pack);
  if constexpr (sizeof(X) == 64 && std::same_as<T, float>) return _mm512_stream_ps(to, pack);
#endif
#if defined(__AVX__)
  if constexpr (sizeof(X) == 32 && std::same_as<T, double>) return _mm256_stream_pd(to, pack);
  if constexpr (sizeof(X) == 32 && std::same_as<T, float>) return _mm256_stream_ps(to, pack);
#endif
#if defined(__SSE2__)
  if constexpr (sizeof(X) == 16 && std::same_as<T, double>) return _mm_stream_pd(to, pack);
  if constexpr (sizeof(X) == 16 && std::same_as<T, float>) return _mm_stream_ps(to, pack);
#endif
  x.store_unaligned(to);
}

/// Where the outputs of one pack of points go. The tile's own members, copied: the compiler must assume that a store
/// changes what pointers lead to.
template <class X, class T>
struct PackOutput {
  using Scalar = X;
  Rows rows;
  T* out[max_groups];
  std::int64_t out_stride[max_groups];
  T* copy[max_groups];
  std::int64_t copy_stride[max_groups];
  std::int64_t p;  // the pack's first point

  constexpr PackOutput(const Rows& row_counts, const Tile<T>& tile) : rows(row_counts), p(0) {
    for (int g = 0; g < max_groups; ++g) {
      out[g] = tile.out[g];
      out_stride[g] = tile.out_stride[g];
      copy[g] = tile.copy[g];
      copy_stride[g] = tile.copy_stride[g];
    }
  }

  constexpr void store(std::int64_t row, const X& x) {
    const int g = group_of(row);
    detail::store<X>(out[g] + row * out_stride[g] + p, x);
    if constexpr (!std::same_as<X, T>) copy_to(g, row, x);
  }
  constexpr void store_copy(std::int64_t row, const X& x) {
    const int g = group_of(row);
    copy_to(g, row, x);
  }
  constexpr X load(std::int64_t row) const { return detail::load<X>(at(row, p)); }

  constexpr const T* at(std::int64_t row, std::int64_t point) const {
    const int g = group_of(row);
    return out[g] + row * out_stride[g] + point;
  }

 private:
  constexpr void copy_to(int g, std::int64_t row, const X& x) {
    if (copy[g] != nullptr) store_past_caches(copy[g] + row * copy_stride[g] + p, x);
  }
  /// The group of a row, which then counts from the group's first.
  constexpr int group_of(std::int64_t& row) const {
    int g = 0;
    for (; g + 1 < max_groups && row >= rows.group[g]; ++g) row -= rows.group[g];
    return g;
  }
};

inline Lanes<double> load_wide(const double* from) { return Lanes<double>::load_unaligned(from); }
inline Lanes<double> load_wide(const float* from) {
  alignas(Lanes<double>) double wide[Lanes<double>::size];
  for (std::size_t lane = 0; lane < Lanes<double>::size; ++lane) wide[lane] = static_cast<double>(from[lane]);
  return Lanes<double>::load_aligned(wide);
}

/// Adds one pack of results to what is known of the tile: the value is row 0, the gradient the n rows after.
template <class X, class T>
void add_pack(Extent<Lanes<double>>& extent, const PackOutput<X, T>& out, std::int64_t first, std::int64_t n) {
  constexpr auto wide_width = static_cast<int>(Lanes<double>::size);
  for (int part = 0; part < lanes_in<X, T>; part += wide_width) {
    const auto row = [&](std::int64_t k) { return load_wide(out.at(k, first + part)); };
    extent.add(row(0), [&](auto use) {
      for (std::int64_t i = 0; i < n; ++i) use(row(1 + i));
    });
  }
}

template <class X, class T, class Body>
void run_packs(const void* body, const Tile<T>& tile) {
  const Body& f = *static_cast<const Body*>(body);
  const std::int64_t n = Body::variables == dynamic ? tile.dimension : Body::variables;
  const std::int64_t count = tile.count;
  const TileInput<X, T> in{n, tile.in, tile.in_stride, tile.extra, tile.extra_stride};
  PackOutput<X, T> out(Body::rows(n), tile);
  constexpr int width = lanes_in<X, T>;
  Extent<Lanes<double>> extent;
  const bool wants_extent = tile.extent != nullptr;
  if (wants_extent) extent = *tile.extent;
  // The statistics follow a few packs behind, so that they need not wait for the pack just computed. One loop for all
  // wishes: with the body in two of them, compilers no longer inline it.
  const std::int64_t lag = wants_extent ? 4 * width : 0;
  const auto in_from = [&](std::int64_t p) {
    const T* const extra = Body::needs_extra ? in.from_extra + p : nullptr;
    const TileInput<X, T> point{n, in.in + p, in.in_stride, extra, in.extra_stride};
    if constexpr (requires { Body::reads_data; }) {
      return DataInput<X, T>{point, tile.columns, p};
    } else {
      return point;
    }
  };
  for (; out.p < count + lag; out.p += width) {
    if (out.p < count) f(in_from(out.p), out);
    if (!wants_extent || out.p < lag) continue;
    add_pack(extent, out, out.p - lag, Body::has_gradient ? n : 0);
  }
  if (wants_extent) *tile.extent = extent;
}

/// Whether all that a body calls is compiled in where it stands, whatever compilers think of the size. They stop after
/// so much has been inlined in a file, so that a function in a large file took up to 2.6 times as long as in a small
/// one (docs/performance.md). Not of any dimension or of very many variables, where loops cost as much as calls, nor
/// second derivatives of more than two, which would take minutes to compile. J^T J of residuals is none.
template <class Body>
constexpr bool is_inlined() {
  if constexpr (Body::variables == dynamic) {
    return false;
  } else {
    constexpr bool is_matrix = Body::rows(Body::variables).group[2] > 0;
    constexpr int most = !is_matrix ? 16 : requires { Body::normal_matrix; }
    ? 8 : 2;
    return Body::variables <= most;
  }
}

template <class X, class T, class Body>
[[gnu::flatten]] void run_packs_inlined(const void* body, const Tile<T>& tile) {
  run_packs<X, T, Body>(body, tile);
}

template <class X, class T, class Body>
void run_tile(const void* body, const Tile<T>& tile) {
  if constexpr (is_inlined<Body>()) {
    run_packs_inlined<X, T, Body>(body, tile);
  } else {
    run_packs<X, T, Body>(body, tile);
  }
}

/// The scalar that a function is run with on the CPU.
template <class F, class T>
using CpuScalar = std::conditional_t<vectorizable<F>(), Lanes<T>, T>;

}  // namespace nabla::detail
