#include "evaluate.hpp"

#include "../executor_state.hpp"
#include "summarize.hpp"
#include "transfer.hpp"

#include <nabla/detail/cpu_tile.hpp>

#include <omp.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <new>

// A batch is cut into chunks, which threads take, and chunks into tiles, which fit the first-level cache:
//     gather inputs -> body -> scatter outputs, and then the statistics of the tile.
// Inputs that lie as a tile wants them are not gathered, and such outputs not scattered.
// The cut depends on the shape of the call alone, so neither results nor sums depend on the number of threads.

namespace nabla::detail::cpu {

namespace {

constexpr std::int64_t tile_bytes = 24 << 10;
constexpr std::int64_t most_tile_points = 512;
constexpr std::int64_t strip_points = 64;
constexpr std::int64_t least_tile_points = 16;
constexpr std::int64_t chunk_points = 4096;

constexpr std::int64_t round_up(std::int64_t value, std::int64_t unit) { return (value + unit - 1) / unit * unit; }

/// How a call is cut, and where a thread's tile lies in the workspace.
struct Plan {
  std::int64_t tile;    // points, a multiple of least_tile_points
  std::int64_t stride;  // numbers from one row of a tile to the next
  std::int64_t chunk;   // points, a multiple of tile
  std::int64_t chunks;
  std::int64_t extra, out, scratch;  // offsets of a thread's buffers, in numbers; inputs are at 0
  std::int64_t thread_numbers;       // all of them
};

template <class T>
Plan make_plan(const Operation<T>& operation, std::int64_t count) {
  const std::int64_t n = operation.dimension;
  const std::int64_t rows = n * (operation.needs_extra ? 2 : 1) + operation.rows.total();
  const std::int64_t fit = tile_bytes / (rows * static_cast<std::int64_t>(sizeof(T)));
  Plan plan{};
  plan.tile = std::clamp(fit / least_tile_points * least_tile_points, least_tile_points, most_tile_points);
  plan.tile = std::min(plan.tile, round_up(std::max<std::int64_t>(count, 1), least_tile_points));
  // Rows a power of two apart would compete for the same lines of the cache, and loads would wait for stores that only
  // share their low address bits.
  plan.stride = plan.tile + least_tile_points;
  plan.chunk = round_up(chunk_points, plan.tile);
  plan.chunks = (count + plan.chunk - 1) / plan.chunk;
  const std::int64_t widest = std::max({operation.rows.group[0], operation.rows.group[1], operation.rows.group[2]});
  plan.extra = n * plan.stride;
  plan.out = plan.extra + (operation.needs_extra ? n * plan.stride : 0);
  plan.scratch = plan.out + operation.rows.total() * plan.stride;
  plan.thread_numbers = round_up(plan.scratch + widest * plan.stride, 64);
  return plan;
}

/// Everything a thread needs to run one tile after another.
template <class T>
class TileRunner {
 public:
  TileRunner(const Operation<T>& operation, const Request<T>& request, const Plan& plan, T* buffers, bool streaming)
      : operation_(operation), request_(request), plan_(plan), buffers_(buffers), streaming_(streaming) {
    for (int g = 0; g < max_groups; ++g) direct_[g] = can_write_directly(request.out[g]);
  }

  void run(std::int64_t first, std::int64_t points, ThreadSummary<T>* summary) const {
    // A summary reads whole packs too, also behind a function that is called point by point.
    constexpr auto width = static_cast<std::int64_t>(Lanes<double>::size);
    const bool whole_packs = points % operation_.lanes == 0 && (summary == nullptr || points % width == 0);
    Tile<T> tile{};
    tile.dimension = operation_.dimension;
    place_outputs(tile, first, whole_packs);
    Extent<Lanes<double>> extent;
    if (summary != nullptr && operation_.lanes > 1 && whole_packs) {
      extent = summary->begin_tile();
      tile.extent = &extent;
    }
    bool scatters = false;
    for (int g = 0; g < max_groups; ++g) scatters = scatters || needs_scatter(g, whole_packs);
    const std::int64_t most = streaming_ && scatters ? strip_points : points;
    for (std::int64_t at = 0; at < points; at += most) {
      const std::int64_t strip = std::min(most, points - at);
      compute(tile, first, at, strip);
      if (!scatters) continue;
      prefetch(first + at + strip);
      for (int g = 0; g < max_groups; ++g) {
        if (!needs_scatter(g, whole_packs)) continue;
        scatter(tile.out[g] + at, plan_.stride, strip, request_.out[g], first + at, buffers_ + plan_.scratch,
                streaming_);
      }
    }
    if (summary == nullptr || (tile.extent != nullptr && summary->accept(extent, points))) return;
    const std::int64_t n = operation_.has_gradient ? operation_.rows.group[1] : 0;
    summary->add({tile.out[0], tile.out[1], n, tile.out_stride[1]}, points, first);
  }

 private:
  /// Whether whole packs of a group's rows can be stored where the caller wants them.
  bool can_write_directly(const BatchView<T>& out) const {
    if (!out || out.item_stride != 1) return false;
    if (!streaming_) return true;
    constexpr std::int64_t line = 64;
    return operation_.lanes > 1 && reinterpret_cast<std::uintptr_t>(out.data) % line == 0 &&
           (out.components == 1 || out.component_stride * static_cast<std::int64_t>(sizeof(T)) % line == 0);
  }
  bool needs_scatter(int g, bool whole_packs) const { return request_.out[g] && !(direct_[g] && whole_packs); }

  /// Where the tile's outputs go: directly to the caller's memory if they may go through the caches; to this thread's,
  /// with a copy to the caller's, if not; and to this thread's alone otherwise.
  void place_outputs(Tile<T>& tile, std::int64_t first, bool whole_packs) const {
    T* own = buffers_ + plan_.out;
    for (int g = 0; g < max_groups; ++g) {
      const BatchView<T>& out = request_.out[g];
      tile.out[g] = own;
      tile.out_stride[g] = plan_.stride;
      own += operation_.rows.group[g] * plan_.stride;
      if (!direct_[g] || !whole_packs) continue;
      (streaming_ ? tile.copy[g] : tile.out[g]) = out.data + first;
      (streaming_ ? tile.copy_stride[g] : tile.out_stride[g]) = out.component_stride;
    }
  }

  /// Runs the body on points [at, at + points) of the tile that begins at `first`.
  void compute(Tile<T> tile, std::int64_t first, std::int64_t at, std::int64_t points) const {
    tile.count = round_up(points, operation_.lanes);
    for (int g = 0; g < max_groups; ++g) {
      tile.out[g] += at;
      if (tile.copy[g] != nullptr) tile.copy[g] += at;
    }
    place(request_.points, first + at, points, tile.count, buffers_, tile.in, tile.in_stride);
    if (operation_.needs_extra) {
      place(request_.extra, first + at, points, tile.count, buffers_ + plan_.extra, tile.extra, tile.extra_stride);
    }
    operation_.run_tile(operation_.body, tile);
  }

  /// Asks for the next strip's points while this one's outputs are written.
  void prefetch(std::int64_t first) const {
    const BatchView<const T>& view = request_.points;
    if (view.item_stride != 1 || first + strip_points > view.count) return;
    for (std::int64_t i = 0; i < view.components; ++i) {
      const T* const row = view.data + first + i * view.component_stride;
      for (std::int64_t p = 0; p < strip_points; p += 64 / static_cast<std::int64_t>(sizeof(T)))
        __builtin_prefetch(row + p);
    }
  }

  /// Points the tile at the caller's memory if it lies right and has no padding to do, and at a copy otherwise.
  void place(const BatchView<const T>& view, std::int64_t first, std::int64_t points, std::int64_t padded, T* buffer,
             const T*& data, std::int64_t& stride) const {
    if (view.item_stride == 1 && view.count > 1 && points == padded) {
      data = view.data + first;
      stride = view.component_stride;
      return;
    }
    gather(view, first, points, padded, buffer, plan_.stride);
    data = buffer;
    stride = plan_.stride;
  }

  const Operation<T>& operation_;
  const Request<T>& request_;
  const Plan& plan_;
  T* buffers_;
  bool streaming_;
  bool direct_[max_groups];
};

/// Outputs larger than the last-level cache are better written past it.
template <class T>
bool wants_streaming(const Request<T>& request) {
  std::int64_t bytes = 0;
  for (const auto& view : request.out) {
    if (view) bytes += view.count * view.components * static_cast<std::int64_t>(sizeof(T));
  }
  return bytes > last_level_cache_bytes() / 2;
}

}  // namespace

template <class T>
void run(const Executor& executor, const Operation<T>& operation, const Request<T>& request) {
  const std::int64_t count = request.points.count;
  const Plan plan = make_plan(operation, count);
  const bool summary = request.summary != nullptr;
  const auto threads = static_cast<int>(std::min<std::int64_t>(executor.threads(), plan.chunks));
  const auto statistics_bytes =
      round_up(static_cast<std::int64_t>(sizeof(Statistics<double>)) * (summary ? plan.chunks : 0), 256);
  const auto thread_bytes = round_up(plan.thread_numbers * static_cast<std::int64_t>(sizeof(T)), 256);
  auto* const memory = static_cast<std::byte*>(
      workspace(executor, static_cast<std::size_t>(statistics_bytes + thread_bytes * std::max(threads, 1))));
  auto* const statistics = new (memory) Statistics<double>[static_cast<std::size_t>(summary ? plan.chunks : 0)];
  const bool streaming = wants_streaming(request);

  const auto run_chunk = [&](std::int64_t chunk, int thread, ThreadSummary<T>& thread_summary) {
    auto* const buffers = reinterpret_cast<T*>(memory + statistics_bytes + thread_bytes * thread);
    const TileRunner<T> tiles(operation, request, plan, buffers, streaming);
    const std::int64_t end = std::min(count, (chunk + 1) * plan.chunk);
    for (std::int64_t first = chunk * plan.chunk; first < end; first += plan.tile) {
      tiles.run(first, std::min(plan.tile, end - first), summary ? &thread_summary : nullptr);
    }
    if (summary) statistics[chunk] = thread_summary.end_chunk();
  };

  if (threads <= 1) {
    ThreadSummary<T> thread_summary;
    for (std::int64_t chunk = 0; chunk < plan.chunks; ++chunk) run_chunk(chunk, 0, thread_summary);
    if (streaming) finish_streaming();
  } else {
    std::exception_ptr failure;  // of the caller's function; an exception must not leave a parallel region
#pragma omp parallel num_threads(threads)
    {
      ThreadSummary<T> thread_summary;
#pragma omp for schedule(static) nowait
      for (std::int64_t chunk = 0; chunk < plan.chunks; ++chunk) {
        try {
          run_chunk(chunk, omp_get_thread_num(), thread_summary);
        } catch (...) {
#pragma omp critical(nabla_failure)
          failure = std::current_exception();
        }
      }
      if (streaming) finish_streaming();
    }
    if (failure) std::rethrow_exception(failure);
  }

  if (summary) {
    Statistics<double> all = Statistics<double>::none();
    for (std::int64_t chunk = 0; chunk < plan.chunks; ++chunk) all.merge(statistics[chunk]);
    *request.summary = finish(all, operation.has_gradient);
  }
}
template void run(const Executor&, const Operation<float>&, const Request<float>&);
template void run(const Executor&, const Operation<double>&, const Request<double>&);

}  // namespace nabla::detail::cpu
