#pragma once

#include "../element_ranges.hpp"
#include "../executor_state.hpp"
#include "element_sum.hpp"

#include <nabla/detail/cpu_blocks.hpp>

#include <algorithm>
#include <span>

// Elements run in tiles, like points of a batch. What their outputs then go through is in element_sum.cpp for affine
// sums and in element_table.cpp for tables.

namespace nabla::detail::cpu {

inline constexpr std::int64_t tile_bytes = 24 << 10, most_tile = 512, least_tile = 16;

/// How many elements run at once, and where a thread's numbers lie.
struct Plan {
  std::int64_t slots, data, tile, stride;
  std::int64_t numbers;  // of each thread
};
template <class T>
Plan make_plan(const ElementCall<T>& call) {
  const std::int64_t slots = call.operation.dimension, data = call.data ? call.data.components : 0;
  const std::int64_t rows = slots * (call.operation.needs_extra ? 2 : 1) + data + call.operation.rows.total();
  const std::int64_t fit = tile_bytes / (rows * static_cast<std::int64_t>(sizeof(T)));
  const std::int64_t tile = std::clamp(fit / least_tile * least_tile, least_tile, most_tile);
  const std::int64_t stride = tile + least_tile;
  return {slots, data, tile, stride, (rows * stride + 63) / 64 * 64};
}

/// A tile of elements: their inputs, what the operation makes of them, and the sum of their values.
template <class T>
class ElementTile {
 public:
  ElementTile(const ElementCall<T>& call, const Plan& plan, T* buffers)
      : call_(call),
        plan_(plan),
        in_(buffers),
        extra_(in_ + (plan.slots + plan.data) * plan.stride),
        out_(extra_ + (call.operation.needs_extra ? plan.slots * plan.stride : 0)) {}

  /// The row that a slot's variables belong into, or the direction's components there.
  T* variables(std::int64_t slot) const { return in_ + slot * plan_.stride; }
  T* direction(std::int64_t slot) const { return extra_ + slot * plan_.stride; }
  T* data(std::int64_t column) const { return in_ + (plan_.slots + column) * plan_.stride; }

  /// Runs the operation over elements whose inputs are there. The last is repeated up to a multiple of the lanes.
  void run(std::int64_t count) {
    const std::int64_t lanes = call_.operation.lanes, padded = (count + lanes - 1) / lanes * lanes;
    for (T* row = in_; row < out_; row += plan_.stride) std::fill(row + count, row + padded, row[count - 1]);
    run_in_place(padded, in_, extra_, plan_.stride);
  }
  /// Over elements whose variables are in blocks. Their data are there.
  void run_blocks(BlockTile<T> blocks) {
    const std::int64_t lanes = call_.operation.lanes, padded = (blocks.elements + lanes - 1) / lanes * lanes;
    for (std::int64_t k = 0; k < plan_.data; ++k) {
      std::fill(data(k) + blocks.elements, data(k) + padded, data(k)[blocks.elements - 1]);
    }
    blocks.tile = outputs(padded);
    blocks.tile.in = data(0);
    blocks.tile.in_stride = plan_.stride;
    call_.run_blocks(call_.operation.body, blocks);
  }
  /// Over a multiple of the lanes, whose inputs are in rows elsewhere.
  void run_in_place(std::int64_t count, const T* in, const T* extra, std::int64_t stride) {
    Tile<T> tile = outputs(count);
    tile.in = in;
    tile.extra = extra;
    tile.in_stride = tile.extra_stride = stride;
    call_.operation.run_tile(call_.operation.body, tile);
  }
  T* values() const { return rows_[0]; }
  const T* gradient(std::int64_t slot) const { return rows_[1] + slot * plan_.stride; }
  /// Of the last group: a product, or the Hessian.
  const T* last(std::int64_t row) const { return rows_[2] + row * plan_.stride; }

 private:
  /// A tile without inputs.
  Tile<T> outputs(std::int64_t count) {
    Tile<T> tile{};
    tile.count = count;
    tile.dimension = plan_.slots;
    T* own = out_;
    for (int g = 0; g < max_groups; ++g) {
      rows_[g] = tile.out[g] = own;
      tile.out_stride[g] = plan_.stride;
      own += call_.operation.rows.group[g] * plan_.stride;
    }
    return tile;
  }

  const ElementCall<T>& call_;
  const Plan& plan_;
  T *in_, *extra_, *out_;
  T* rows_[max_groups] = {};
};

/// The sum of a row. Eight packs at once, since an addition takes as long as four packs' loads.
template <class T>
double sum_of(const T* row, std::int64_t count) {
  using X = Lanes<double>;
  constexpr std::int64_t width = lanes_in<X, double>, parts = 8;
  X sums[parts];
  std::ranges::fill(sums, X(0.0));
  std::int64_t e = 0;
  for (; e + parts * width <= count; e += parts * width) {
    for (std::int64_t k = 0; k < parts; ++k) sums[k] = sums[k] + load_wide(row + e + k * width);
  }
  for (; e + width <= count; e += width) sums[0] = sums[0] + load_wide(row + e);
  for (std::int64_t k = parts / 2; k > 0; k /= 2) {
    for (std::int64_t j = 0; j < k; ++j) sums[j] = sums[j] + sums[j + k];
  }
  double lanes[width], sum = 0;
  sums[0].store_unaligned(lanes);
  for (const double lane : lanes) sum += lane;
  for (; e < count; ++e) sum += static_cast<double>(row[e]);
  return sum;
}

/// A range's part of a vector: the caller's memory, or a thread's own if it goes there past the caches in the end.
template <class T>
class RangeVector {
 public:
  RangeVector(std::span<T> vector, const Interval& range, T* own, bool add)
      : vector_(vector.data()), range_(range), part_(own != nullptr && !vector.empty() ? own : vector_) {
    if (vector.empty()) return;
    if (part_ == vector_) part_ += range.first;
    if (!add) {
      std::fill_n(part_, range.last - range.first, T(0));
    } else if (own != nullptr) {
      std::copy_n(vector_ + range.first, range.last - range.first, own);
    }
  }

  explicit operator bool() const { return vector_ != nullptr; }
  /// The number of a variable of the range.
  T* at(std::int64_t variable) const { return part_ + (variable - range_.first); }

  void finish() const {
    if (vector_ == nullptr || part_ == vector_ + range_.first) return;
    using X = Lanes<T>;
    constexpr std::int64_t width = lanes_in<X, T>, line = 64 / static_cast<std::int64_t>(sizeof(T));
    T* const to = vector_ + range_.first;
    const std::int64_t size = range_.last - range_.first;
    const auto apart = static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(to) / sizeof(T) % line);
    std::int64_t k = 0;
    for (; k < size && (apart + k) % line != 0; ++k) to[k] = part_[k];
    for (; k + width <= size; k += width) store_past_caches(to + k, load<X>(part_ + k));
    for (; k < size; ++k) to[k] = part_[k];
  }

 private:
  T* vector_;
  const Interval& range_;
  T* part_;
};

/// Where what the elements of a range contribute goes.
template <class T>
class Assembly {
 public:
  Assembly(const ElementCall<T>& call, const Interval& range, std::int64_t slots, T* own)
      : gradient(call.outputs.gradient, range, own, call.outputs.add),
        product(call.outputs.product, range, own, call.outputs.add),
        diagonal(call.outputs.diagonal, range, own, call.outputs.add),
        call_(call),
        range_(range),
        slots_(slots) {
    if (call.outputs.hessian.empty() || call.outputs.add) return;
    T* const hessian = call.outputs.hessian.data();
    const auto& starts = call.pattern->starts;
    std::fill(hessian + starts[static_cast<std::size_t>(range.first)],
              hessian + starts[static_cast<std::size_t>(range.last)], T(0));
  }
  void finish() const {
    gradient.finish();
    product.finish();
    diagonal.finish();
  }

  const RangeVector<T> gradient, product, diagonal;  // at most one of them is wanted

  /// A row of numbers for variables at `first`, `first` + step, …, all of them in the range.
  static void add(const T* __restrict row, std::int64_t count, T* __restrict first, std::int64_t step) {
    if (step == 1) {
      for (std::int64_t e = 0; e < count; ++e) first[e] += row[e];
    } else {
      for (std::int64_t e = 0; e < count; ++e) first[e * step] += row[e];
    }
  }

  /// Entries of the Hessian: `entry(i, j)` is the row of numbers of slots i and j.
  template <class Variable, class Entry>
  void add_hessian(std::int64_t count, Variable variable, Entry entry) const {
    const SparsePattern& pattern = *call_.pattern;
    for (std::int64_t i = 0; i < slots_; ++i) {
      for (std::int64_t e = 0; e < count; ++e) {
        const std::int64_t v = variable(i, e);
        if (!range_.has(v)) continue;
        const auto* const begin = pattern.columns.data() + pattern.starts[static_cast<std::size_t>(v)];
        const auto* const end = pattern.columns.data() + pattern.starts[static_cast<std::size_t>(v) + 1];
        for (std::int64_t j = 0; j < slots_; ++j) {
          const std::int64_t column = variable(j, e);
          const auto* const place = std::lower_bound(begin, end, column);
          if (place == end || *place != column) continue;  // a caller's pattern may lack it
          call_.outputs.hessian[static_cast<std::size_t>(place - pattern.columns.data())] += entry(i, j)[e];
        }
      }
    }
  }

 private:
  const ElementCall<T>& call_;
  const Interval& range_;
  std::int64_t slots_;
};
/// Calls use with the number as a constant, if it is a small one, or with -1.
template <class Use>
void with_few(std::int64_t number, Use use) {
  switch (number) {
    case 1:
      return use(std::integral_constant<int, 1>());
    case 2:
      return use(std::integral_constant<int, 2>());
    case 3:
      return use(std::integral_constant<int, 3>());
    case 4:
      return use(std::integral_constant<int, 4>());
    default:
      return use(std::integral_constant<int, -1>());
  }
}
/// Fills the outputs that elements add to with 0.
template <class T>
void clear(const ElementOutputs<T>& out, int threads) {
  if (out.add) return;
  for (const std::span<T> vector : {out.gradient, out.product, out.diagonal, out.hessian}) {
    const auto size = static_cast<std::int64_t>(vector.size());
#pragma omp parallel for simd num_threads(threads) schedule(static)
    for (std::int64_t k = 0; k < size; ++k) vector.data()[k] = T(0);
  }
}

/// Memory of a pass: sums of its parts, of which there are `parts` with so many each, and `numbers` for each thread.
template <class T>
struct Memory {
  double* sums;
  T* buffers;

  Memory(const Executor& executor, std::int64_t sums_count, int team, std::int64_t numbers) {
    const std::size_t sums_bytes = (static_cast<std::size_t>(sums_count) * sizeof(double) + 255) / 256 * 256;
    auto* const memory = static_cast<std::byte*>(workspace(
        executor, sums_bytes + static_cast<std::size_t>(team) * static_cast<std::size_t>(numbers) * sizeof(T)));
    sums = reinterpret_cast<double*>(memory);
    buffers = reinterpret_cast<T*>(memory + sums_bytes);
  }
  double sum(std::int64_t count) const {
    double all = 0;
    for (std::int64_t k = 0; k < count; ++k) all += sums[k];
    return all;
  }
};
}  // namespace nabla::detail::cpu
