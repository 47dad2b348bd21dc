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

constexpr std::int64_t tile_bytes = 24 << 10, most_tile = 512, least_tile = 16, most_slots = 32;

std::int64_t floor_division(std::int64_t a, std::int64_t b) { return a / b - (a % b != 0 && (a % b < 0) != (b < 0)); }
std::int64_t ceil_division(std::int64_t a, std::int64_t b) { return -floor_division(-a, b); }

struct Interval {
  std::int64_t first, last;
  bool empty() const { return first >= last; }
  std::int64_t clamp(std::int64_t at) const { return std::clamp(at, first, last); }
};

/// Elements of a line, at `start + e * stride`, that lie in a range of variables.
Interval elements_in(const Interval& range, std::int64_t start, std::int64_t stride, std::int64_t count) {
  if (stride == 0) {
    return start >= range.first && start < range.last ? Interval{0, count} : Interval{0, 0};
  }
  const Interval all{0, count};
  return {all.clamp(ceil_division(range.first - start, stride)), all.clamp(ceil_division(range.last - start, stride))};
}

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
  const T* product(std::int64_t slot) const { return rows_[2] + slot * plan_.stride; }

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

/// What an affine sum contributes to a range of variables.
template <class T>
class AffineRange {
 public:
  AffineRange(const ElementCall<T>& call, const Affine& affine, const Plan& plan, const Interval& range, T* buffers)
      : call_(call), affine_(affine), plan_(plan), tile_(call, plan, buffers), range_(range) {}

  double run() {
    planes(0, 0, 2);
    return sum_;
  }

 private:
  /// All lines of elements with some variable in the range, in `dimension` and those below. `base`: what the outer
  /// strides add up to; `element`: the number of the first element.
  void planes(std::int64_t base, std::int64_t element, std::size_t dimension) {
    if (dimension == 0) return line(base, element);
    Interval some{0, affine_.extent[dimension]};
    std::int64_t reach = 0, elements = 1;
    for (std::size_t inner = 0; inner < dimension; ++inner) {
      reach += (affine_.extent[inner] - 1) * affine_.stride[inner];
      elements *= affine_.extent[inner];
    }
    if (const std::int64_t step = affine_.stride[dimension]; step > 0) {
      const auto [least, most] = std::ranges::minmax(affine_.offsets);
      some.first = std::max(some.first, ceil_division(range_.first - (base + most + reach), step));
      some.last = std::min(some.last, ceil_division(range_.last - (base + least), step));
    }
    for (std::int64_t i = some.first; i < some.last; ++i) {
      planes(base + i * affine_.stride[dimension], element + i * elements, dimension - 1);
    }
  }

  void line(std::int64_t base, std::int64_t element) {
    const std::int64_t step = affine_.stride[0];
    Interval all{affine_.extent[0], 0};
    for (std::int64_t j = 0; j < plan_.slots; ++j) {
      first_[j] = base + affine_.offsets[static_cast<std::size_t>(j)];
      own_[j] = elements_in(range_, first_[j], step, affine_.extent[0]);
      if (!own_[j].empty()) all = {std::min(all.first, own_[j].first), std::max(all.last, own_[j].last)};
    }
    for (std::int64_t first = all.first; first < all.last; first += plan_.tile) {
      tile(element, {first, std::min(first + plan_.tile, all.last)});
    }
  }

  void tile(std::int64_t element, const Interval& some) {
    const std::int64_t count = some.last - some.first;
    for (std::int64_t j = 0; j < plan_.slots; ++j) {
      read(call_.x, first_[j], some, tile_.variables(j));
      if (call_.operation.needs_extra) read(call_.v, first_[j], some, tile_.direction(j));
    }
    if (plan_.data > 0) {
      cpu::gather(call_.data, element + some.first, count, count, tile_.data(0), plan_.stride);
    }
    tile_.run(count);
    // An element's value counts in the range that its first variable is in.
    const Interval counted = part(0, some);
    const T* const values = tile_.values() - some.first;
    sum_ += sum_of(counted.last - counted.first,
                   [&](std::int64_t e) { return static_cast<double>(values[counted.first + e]); });
    for (std::int64_t j = 0; j < plan_.slots; ++j) {
      if (call_.gradient != nullptr) add(tile_.gradient(j), j, some, call_.gradient);
      if (call_.product != nullptr) add(tile_.product(j), j, some, call_.product);
    }
  }

  Interval part(std::int64_t slot, const Interval& some) const {
    const std::int64_t first = std::max(some.first, own_[slot].first);
    return {first, std::max(first, std::min(some.last, own_[slot].last))};
  }

  void read(const T* from, std::int64_t base, const Interval& some, T* row) const {
    const std::int64_t step = affine_.stride[0];
    for (std::int64_t e = some.first; e < some.last; ++e) row[e - some.first] = from[base + e * step];
  }

  void add(const T* row, std::int64_t slot, const Interval& some, T* out) const {
    const std::int64_t step = affine_.stride[0];
    const Interval own = part(slot, some);
    T* const to = out + first_[slot];
    const T* const from = row - some.first;
    if (step == 1) {
      for (std::int64_t e = own.first; e < own.last; ++e) to[e] += from[e];
    } else {
      for (std::int64_t e = own.first; e < own.last; ++e) to[e * step] += from[e];
    }
  }

  const ElementCall<T>& call_;
  const Affine& affine_;
  const Plan& plan_;
  ElementTile<T> tile_;
  Interval range_;
  std::int64_t first_[most_slots];  // variable of each slot of a line's first element
  Interval own_[most_slots];        // elements of the line whose variable is in the range
  double sum_ = 0;
};

/// What a table's sum contributes to a range of variables.
template <class T, class Index>
double run_table_range(const ElementCall<T>& call, const Table& table, const Plan& plan, const Interval& range,
                       T* buffers) {
  ElementTile<T> tile(call, plan, buffers);
  const auto* const entries = static_cast<const Index*>(table.entries);
  const RangeLists& lists = *table.lists;
  const auto number = static_cast<std::size_t>(range.first / range_variables);
  std::int64_t elements[most_tile], variables[most_tile];
  double sum = 0;
  for (std::int64_t first = lists.starts[number]; first < lists.starts[number + 1]; first += plan.tile) {
    const std::int64_t count = std::min(plan.tile, lists.starts[number + 1] - first);
    for (std::int64_t e = 0; e < count; ++e) {
      const auto place = static_cast<std::size_t>(first + e);
      elements[e] = lists.many_elements.empty() ? lists.elements[place] : lists.many_elements[place];
    }
    const auto variables_of = [&](std::int64_t slot) {
      const Index* const column = entries + slot / table.block * table.component_stride;
      for (std::int64_t e = 0; e < count; ++e) {
        variables[e] =
            static_cast<std::int64_t>(column[elements[e] * table.item_stride]) * table.block + slot % table.block;
      }
    };
    for (std::int64_t j = 0; j < plan.slots; ++j) {
      variables_of(j);
      for (std::int64_t e = 0; e < count; ++e) tile.variables(j)[e] = call.x[variables[e]];
      if (!call.operation.needs_extra) continue;
      for (std::int64_t e = 0; e < count; ++e) tile.direction(j)[e] = call.v[variables[e]];
    }
    for (std::int64_t column = 0; column < plan.data; ++column) {
      for (std::int64_t e = 0; e < count; ++e) tile.data(column)[e] = call.data(elements[e], column);
    }
    tile.run(count);
    const auto in_range = [&](std::int64_t e) { return variables[e] >= range.first && variables[e] < range.last; };
    for (std::int64_t j = plan.slots - 1; j >= 0; --j) {
      variables_of(j);
      const auto add = [&](const T* row, T* out) {
        for (std::int64_t e = 0; e < count; ++e) {
          if (in_range(e)) out[variables[e]] += row[e];
        }
      };
      if (call.gradient != nullptr) add(tile.gradient(j), call.gradient);
      if (call.product != nullptr) add(tile.product(j), call.product);
    }
    sum += sum_of(count, [&](std::int64_t e) { return in_range(e) ? static_cast<double>(tile.values()[e]) : 0; });
  }
  return sum;
}

template <class T>
double run_range(const ElementCall<T>& call, const Plan& plan, const Interval& range, T* buffers) {
  for (T* const to : {call.gradient, call.product}) {
    if (to != nullptr) std::fill(to + range.first, to + range.last, T(0));
  }
  if (const auto* const affine = std::get_if<Affine>(&call.connectivity)) {
    return AffineRange<T>(call, *affine, plan, range, buffers).run();
  }
  const Table& table = std::get<Table>(call.connectivity);
  return table.wide ? run_table_range<T, std::int64_t>(call, table, plan, range, buffers)
                    : run_table_range<T, std::int32_t>(call, table, plan, range, buffers);
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
