#include "../element_ranges.hpp"
#include "../executor_state.hpp"
#include "transfer.hpp"

#include <nabla/detail/cpu_tile.hpp>
#include <nabla/element_sum.hpp>

#include <omp.h>

#include <algorithm>
#include <vector>

// Sums of elements on CPU threads. The variables are cut into ranges, which threads take. A range's gradient is the sum
// of what all elements that touch it contribute; elements that touch two ranges are computed for both, so that nothing
// is scattered from one range into another. Elements run in tiles, like points of a batch.

namespace nabla::detail {

namespace {

constexpr std::int64_t tile_bytes = 24 << 10, most_tile = 512, least_tile = 16;

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
    Tile<T> tile{};
    tile.count = padded;
    tile.dimension = plan_.slots;
    tile.in = in_;
    tile.extra = extra_;
    tile.in_stride = tile.extra_stride = plan_.stride;
    T* own = out_;
    for (int g = 0; g < max_groups; ++g) {
      rows_[g] = tile.out[g] = own;
      tile.out_stride[g] = plan_.stride;
      own += call_.operation.rows.group[g] * plan_.stride;
    }
    call_.operation.run_tile(call_.operation.body, tile);
  }
  const T* values() const { return rows_[0]; }
  const T* gradient(std::int64_t slot) const { return rows_[1] + slot * plan_.stride; }
  /// Of the last group: a product, or the Hessian.
  const T* last(std::int64_t row) const { return rows_[2] + row * plan_.stride; }

 private:
  const ElementCall<T>& call_;
  const Plan& plan_;
  T *in_, *extra_, *out_;
  const T* rows_[max_groups] = {};
};

/// Sums in eight parts, for vector registers.
template <class ValueAt>
double sum_of(std::int64_t count, ValueAt value_at) {
  double sums[8] = {};
  std::int64_t e = 0;
  for (; e + 8 <= count; e += 8) {
    for (std::int64_t k = 0; k < 8; ++k) sums[k] += value_at(e + k);
  }
  for (; e < count; ++e) sums[e % 8] += value_at(e);
  return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

/// What to do with the outputs of a tile of elements. `variable(slot, e)`: of the tile's e-th element; it counts where
/// it is in the range.
template <class T>
class Assembly {
 public:
  Assembly(const ElementCall<T>& call, const Interval& range, std::int64_t slots)
      : call_(call), range_(range), slots_(slots) {
    const std::int64_t size = range.last - range.first;
    for (T* const to : {call.gradient, call.product, call.diagonal}) {
      if (to != nullptr) std::fill_n(to + range.first, size, T(0));
    }
    if (call.hessian != nullptr) {
      const auto& starts = call.pattern->starts;
      std::fill(call.hessian + starts[static_cast<std::size_t>(range.first)],
                call.hessian + starts[static_cast<std::size_t>(range.last)], T(0));
    }
  }

  /// A row of numbers for variables at `first`, `first` + step, …, all of them in the range.
  static void add(const T* row, std::int64_t count, T* first, std::int64_t step) {
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
          const auto place = std::lower_bound(begin, end, variable(j, e)) - pattern.columns.data();
          call_.hessian[place] += entry(i, j)[e];
        }
      }
    }
  }

 private:
  const ElementCall<T>& call_;
  const Interval& range_;
  std::int64_t slots_;
};

/// What an affine sum contributes to a range of variables.
template <class T>
double run_affine(const ElementCall<T>& call, const Affine& affine, const Plan& plan, const Interval& range,
                  T* buffers) {
  ElementTile<T> tile(call, plan, buffers);
  const Assembly<T> assembly(call, range, plan.slots);
  const std::int64_t step = affine.stride[0];
  double sum = 0;
  for_each_line(affine, range, [&](const Line& line) {
    for (std::int64_t first = line.all.first; first < line.all.last; first += plan.tile) {
      const Interval some{first, std::min(first + plan.tile, line.all.last)};
      const std::int64_t count = some.last - some.first;
      for (std::int64_t j = 0; j < plan.slots; ++j) {
        const std::int64_t at = line.variable[j] + first * step;
        const auto read = [&](const T* from, T* row) {
          for (std::int64_t e = 0; e < count; ++e) row[e] = from[at + e * step];
        };
        read(call.x, tile.variables(j));
        if (call.operation.needs_extra) read(call.v, tile.direction(j));
      }
      if (plan.data > 0) {
        cpu::gather(call.data, line.element + first, count, count, tile.data(0), plan.stride);
      }
      tile.run(count);
      // An element's value counts in the range that its first variable is in.
      const Interval counted{some.clamp(line.own[0].first), some.clamp(line.own[0].last)};
      sum += sum_of(counted.last - counted.first,
                    [&](std::int64_t e) { return static_cast<double>(tile.values()[counted.first - first + e]); });
      if (call.values != nullptr) {
        std::copy_n(tile.values() + (counted.first - first), counted.last - counted.first,
                    call.values + line.element + counted.first);
      }
      for (std::int64_t j = 0; j < plan.slots; ++j) {
        const Interval own{some.clamp(line.own[j].first), some.clamp(line.own[j].last)};
        const std::int64_t to = line.variable[j] + own.first * step, size = own.last - own.first,
                           skip = own.first - first;
        if (call.gradient != nullptr) assembly.add(tile.gradient(j) + skip, size, call.gradient + to, step);
        if (call.product != nullptr) assembly.add(tile.last(j) + skip, size, call.product + to, step);
        for (std::int64_t i = 0; i < plan.slots && call.diagonal != nullptr; ++i) {
          if (line.variable[i] != line.variable[j]) continue;  // j itself, and any slot of the same variable
          assembly.add(tile.last(i * plan.slots + j) + skip, size, call.diagonal + to, step);
        }
      }
      if (call.hessian == nullptr) continue;
      assembly.add_hessian(
          count, [&](std::int64_t j, std::int64_t e) { return line.variable[j] + (first + e) * step; },
          [&](std::int64_t i, std::int64_t j) { return tile.last(i * plan.slots + j); });
    }
  });
  return sum;
}

/// What a table's sum contributes to a range of variables.
template <class T, class Index>
double run_table(const ElementCall<T>& call, const Table& table, const Plan& plan, const Interval& range, T* buffers) {
  ElementTile<T> tile(call, plan, buffers);
  const Assembly<T> assembly(call, range, plan.slots);
  const TableRange list(table, range);
  std::int64_t elements[most_tile], variables[most_tile];
  double sum = 0;
  for (std::int64_t first = list.first; first < list.last; first += plan.tile) {
    const std::int64_t count = std::min(plan.tile, list.last - first);
    for (std::int64_t e = 0; e < count; ++e) elements[e] = list.element(first + e);
    const auto look_up = [&](std::int64_t slot) {
      for (std::int64_t e = 0; e < count; ++e) variables[e] = variable_of<Index>(table, elements[e], slot);
    };
    for (std::int64_t j = 0; j < plan.slots; ++j) {
      look_up(j);
      for (std::int64_t e = 0; e < count; ++e) tile.variables(j)[e] = call.x[variables[e]];
      if (!call.operation.needs_extra) continue;
      for (std::int64_t e = 0; e < count; ++e) tile.direction(j)[e] = call.v[variables[e]];
    }
    for (std::int64_t column = 0; column < plan.data; ++column) {
      for (std::int64_t e = 0; e < count; ++e) tile.data(column)[e] = call.data(elements[e], column);
    }
    tile.run(count);
    for (std::int64_t j = plan.slots - 1; j >= 0; --j) {  // the first slot last: its variables say whose value it is
      look_up(j);
      const auto add = [&](const T* row, T* out) {
        for (std::int64_t e = 0; e < count; ++e) {
          if (range.has(variables[e])) out[variables[e]] += row[e];
        }
      };
      if (call.gradient != nullptr) add(tile.gradient(j), call.gradient);
      if (call.product != nullptr) add(tile.last(j), call.product);
      if (call.diagonal == nullptr) continue;
      // A variable that comes up twice in an element has mixed derivatives on the diagonal too.
      for (std::int64_t i = 0; i < plan.slots; ++i) {
        for (std::int64_t e = 0; e < count; ++e) {
          if (range.has(variables[e]) && variable_of<Index>(table, elements[e], i) == variables[e]) {
            call.diagonal[variables[e]] += tile.last(i * plan.slots + j)[e];
          }
        }
      }
    }
    sum += sum_of(count,
                  [&](std::int64_t e) { return range.has(variables[e]) ? static_cast<double>(tile.values()[e]) : 0; });
    for (std::int64_t e = 0; e < count && call.values != nullptr; ++e) {
      if (range.has(variables[e])) call.values[elements[e]] = tile.values()[e];
    }
    if (call.hessian == nullptr) continue;
    assembly.add_hessian(
        count, [&](std::int64_t j, std::int64_t e) { return variable_of<Index>(table, elements[e], j); },
        [&](std::int64_t i, std::int64_t j) { return tile.last(i * plan.slots + j); });
  }
  return sum;
}

template <class T>
double run_range(const ElementCall<T>& call, const Plan& plan, const Interval& range, T* buffers) {
  if (const auto* const affine = std::get_if<Affine>(&call.connectivity)) {
    return run_affine(call, *affine, plan, range, buffers);
  }
  const Table& table = std::get<Table>(call.connectivity);
  return table.wide ? run_table<T, std::int64_t>(call, table, plan, range, buffers)
                    : run_table<T, std::int32_t>(call, table, plan, range, buffers);
}

}  // namespace

template <class T>
double run_elements(const Executor& executor, const ElementCall<T>& call) {
  const Plan plan = make_plan(call);
  const std::int64_t ranges = (call.variables + range_variables - 1) / range_variables;
  const auto team = static_cast<int>(std::clamp<std::int64_t>(ranges, 1, executor.threads()));
  const std::size_t sums_bytes = (static_cast<std::size_t>(ranges) * sizeof(double) + 255) / 256 * 256;
  auto* const memory = static_cast<std::byte*>(workspace(
      executor, sums_bytes + static_cast<std::size_t>(team) * static_cast<std::size_t>(plan.numbers) * sizeof(T)));
  auto* const sums = reinterpret_cast<double*>(memory);
  auto* const buffers = reinterpret_cast<T*>(memory + sums_bytes);
#pragma omp parallel for num_threads(team) schedule(static)
  for (std::int64_t k = 0; k < ranges; ++k) {
    const Interval range{k * range_variables, std::min(call.variables, (k + 1) * range_variables)};
    sums[k] = run_range(call, plan, range, buffers + omp_get_thread_num() * plan.numbers);
  }
  double all = 0;
  for (std::int64_t k = 0; k < ranges; ++k) all += sums[k];
  return all;
}
template double run_elements(const Executor&, const ElementCall<float>&);
template double run_elements(const Executor&, const ElementCall<double>&);

}  // namespace nabla::detail
