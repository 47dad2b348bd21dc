#include "element_sum.hpp"

#include "../element_ranges.hpp"
#include "../executor_state.hpp"
#include "transfer.hpp"

#include <nabla/detail/cpu_tile.hpp>

#include <omp.h>

#include <algorithm>
#include <vector>

// Sums of elements on CPU threads. The variables are cut into ranges, which threads take. A range's gradient is the sum
// of what all elements that touch it contribute; elements that touch two ranges are computed for both, so that nothing
// is scattered from one range into another. Elements run in tiles, like points of a batch.

namespace nabla::detail::cpu {

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
    run_in_place(padded, in_, extra_, plan_.stride);
  }
  /// Over a multiple of the lanes, whose inputs are in rows elsewhere.
  void run_in_place(std::int64_t count, const T* in, const T* extra, std::int64_t stride) {
    Tile<T> tile{};
    tile.count = count;
    tile.dimension = plan_.slots;
    tile.in = in;
    tile.extra = extra;
    tile.in_stride = tile.extra_stride = stride;
    T* own = out_;
    for (int g = 0; g < max_groups; ++g) {
      rows_[g] = tile.out[g] = own;
      tile.out_stride[g] = plan_.stride;
      own += call_.operation.rows.group[g] * plan_.stride;
    }
    call_.operation.run_tile(call_.operation.body, tile);
  }
  T* values() const { return rows_[0]; }
  const T* gradient(std::int64_t slot) const { return rows_[1] + slot * plan_.stride; }
  /// Of the last group: a product, or the Hessian.
  const T* last(std::int64_t row) const { return rows_[2] + row * plan_.stride; }

 private:
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
    } else if (part_ == own) {
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
          const auto place = std::lower_bound(begin, end, variable(j, e)) - pattern.columns.data();
          call_.outputs.hessian[static_cast<std::size_t>(place)] += entry(i, j)[e];
        }
      }
    }
  }

 private:
  const ElementCall<T>& call_;
  const Interval& range_;
  std::int64_t slots_;
};

/// Where the direction at a variable is; null where there is none.
template <class T>
const T* direction_at(const ElementCall<T>& call, std::int64_t variable) {
  return call.operation.needs_extra ? call.v.data() + variable : nullptr;
}

/// How far apart the variables of neighbouring slots are, if all of them are as far; else -1.
std::int64_t distance(const Affine& affine) {
  const auto& offsets = affine.offsets;
  const std::int64_t apart = offsets.size() > 1 ? offsets[1] - offsets[0] : 0;
  for (std::size_t j = 1; j < offsets.size(); ++j) {
    if (offsets[j] - offsets[j - 1] != apart) return -1;
  }
  return apart;
}

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

/// How the variables of a window get what a chain's elements contribute.
enum class Put { assign, assign_past_caches, add };

/// Puts sum_j rows_j[v - offset_j] for the variables v of a window to `out`. The rows are of elements from `first` to
/// `last`; others contribute nothing.
template <class T, class RowOf>
void gather_rows(const std::vector<std::int64_t>& offsets, const Interval& window, const Interval& elements,
                 RowOf row_of, T* out, Put put) {
  using X = Lanes<T>;
  constexpr std::int64_t width = lanes_in<X, T>, line = 64 / static_cast<std::int64_t>(sizeof(T));
  const auto slots = static_cast<std::int64_t>(offsets.size());
  const auto [least, most] = std::ranges::minmax(offsets);
  const T* from[most_slots];  // so that from[j][v] is what slot j contributes to variable v
  for (std::int64_t j = 0; j < slots; ++j) {
    from[j] = row_of(j) - elements.first - offsets[static_cast<std::size_t>(j)];
  }
  const auto single = [&](std::int64_t v) {
    T sum = put == Put::add ? out[v] : T(0);
    for (std::int64_t j = 0; j < slots; ++j) {
      if (elements.has(v - offsets[static_cast<std::size_t>(j)])) sum += from[j][v];
    }
    out[v] = sum;
  };
  // All slots' elements are there for the variables between.
  const std::int64_t begin = window.clamp(elements.first + most),
                     end = std::max(begin, window.clamp(elements.last + least));
  const auto past_line = static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(out + begin) / sizeof(T)) % line;
  const std::int64_t aligned = std::min(end, begin + (past_line == 0 ? 0 : line - past_line));
  std::int64_t v = window.first;
  for (; v < aligned; ++v) single(v);
  with_few(slots, [&](auto few) {
    const std::int64_t rows = few > 0 ? few : slots;
    const auto packs = [&](auto store_at) {
      for (; v + width <= end; v += width) {
        X sum = load<X>(from[0] + v);
        for (std::int64_t j = 1; j < rows; ++j) sum = sum + load<X>(from[j] + v);
        store_at(out + v, sum);
      }
    };
    switch (put) {
      case Put::assign:
        return packs([](T* to, const X& sum) { store<X>(to, sum); });
      case Put::assign_past_caches:
        return packs([](T* to, const X& sum) { store_past_caches(to, sum); });
      case Put::add:
        return packs([](T* to, const X& sum) { store<X>(to, load<X>(to) + sum); });
    }
  });
  for (; v < window.last; ++v) single(v);
}

/// Whether a tile of elements has all that contributes to nearly as many variables.
template <class T>
bool is_chain(const ElementCall<T>& call, const Affine& affine, const Plan& plan) {
  const auto [least, most] = std::ranges::minmax(affine.offsets);
  constexpr std::int64_t part = 8;
  return affine.extent[1] == 1 && affine.extent[2] == 1 && affine.stride[0] == 1 &&
         part * (most - least) <= plan.tile && call.outputs.diagonal.empty() && call.outputs.hessian.empty();
}

/// A chain's contribution to a range of variables: tile by tile, each to the variables that no other tile's elements
/// touch but those that are computed again.
template <class T>
double run_chain(const ElementCall<T>& call, const Affine& affine, const Plan& plan, const Interval& range,
                 bool streams, T* buffers) {
  ElementTile<T> tile(call, plan, buffers);
  const auto [least, most] = std::ranges::minmax(affine.offsets);
  const std::int64_t apart = plan.data == 0 ? distance(affine) : -1, size = plan.tile - (most - least);
  const Interval all{0, affine.extent[0]};
  const ElementOutputs<T>& out = call.outputs;
  const Put put = out.add ? Put::add : streams ? Put::assign_past_caches : Put::assign;
  double sum = 0;
  for (std::int64_t at = range.first; at < range.last; at += size) {
    const Interval window{at, std::min(at + size, range.last)};
    const Interval elements{all.clamp(window.first - most), all.clamp(window.last - least)};
    const std::int64_t count = elements.last - elements.first;
    if (count > 0) {
      const std::int64_t lanes = call.operation.lanes, padded = (count + lanes - 1) / lanes * lanes;
      const bool in_place = apart >= 0 && elements.first + padded + most < call.variables;
      if (in_place) {
        const std::int64_t first = affine.offsets[0] + elements.first;
        tile.run_in_place(padded, call.x.data() + first, direction_at(call, first), apart);
      } else {
        for (std::int64_t j = 0; j < plan.slots; ++j) {
          const std::int64_t first = affine.offsets[static_cast<std::size_t>(j)] + elements.first;
          std::copy_n(call.x.data() + first, count, tile.variables(j));
          if (call.operation.needs_extra) std::copy_n(call.v.data() + first, count, tile.direction(j));
        }
        if (plan.data > 0) gather(call.data, elements.first, count, count, tile.data(0), plan.stride);
        tile.run(count);
      }
      // An element's value counts where its first variable is.
      const Interval counted{elements.clamp(window.first - affine.offsets[0]),
                             elements.clamp(window.last - affine.offsets[0])};
      const T* const values = tile.values() + (counted.first - elements.first);
      sum += sum_of(values, counted.last - counted.first);
      if (!out.values.empty()) std::copy_n(values, counted.last - counted.first, out.values.data() + counted.first);
    }
    if (!out.gradient.empty()) {
      const auto row = [&](std::int64_t j) { return tile.gradient(j); };
      gather_rows(affine.offsets, window, elements, row, out.gradient.data(), put);
    }
    if (!out.product.empty()) {
      const auto row = [&](std::int64_t j) { return tile.last(j); };
      gather_rows(affine.offsets, window, elements, row, out.product.data(), put);
    }
  }
  return sum;
}

/// What an affine sum contributes to a range of variables.
template <class T>
double run_affine(const ElementCall<T>& call, const Affine& affine, const Plan& plan, const Interval& range,
                  const Assembly<T>& assembly, T* buffers) {
  ElementTile<T> tile(call, plan, buffers);
  const std::int64_t step = affine.stride[0], rows_apart = plan.data == 0 && step == 1 ? distance(affine) : -1;
  double sum = 0;
  for_each_line(affine, range, [&](const Line& line) {
    for (std::int64_t first = line.all.first; first < line.all.last; first += plan.tile) {
      const Interval some{first, std::min(first + plan.tile, line.all.last)};
      const std::int64_t count = some.last - some.first;
      const bool in_place = rows_apart >= 0 && count % call.operation.lanes == 0;
      for (std::int64_t j = 0; j < plan.slots && !in_place; ++j) {
        const std::int64_t at = line.variable[j] + first * step;
        const auto read = [&](const T* from, T* row) {
          for (std::int64_t e = 0; e < count; ++e) row[e] = from[at + e * step];
        };
        read(call.x.data(), tile.variables(j));
        if (call.operation.needs_extra) read(call.v.data(), tile.direction(j));
      }
      if (plan.data > 0) {
        gather(call.data, line.element + first, count, count, tile.data(0), plan.stride);
      }
      if (in_place) {
        const std::int64_t at = line.variable[0] + first;
        tile.run_in_place(count, call.x.data() + at, direction_at(call, at), rows_apart);
      } else {
        tile.run(count);
      }
      // An element's value counts in the range that its first variable is in.
      const Interval counted{some.clamp(line.own[0].first), some.clamp(line.own[0].last)};
      const T* const values = tile.values() + (counted.first - first);
      sum += sum_of(values, counted.last - counted.first);
      if (!call.outputs.values.empty()) {
        std::copy_n(values, counted.last - counted.first, call.outputs.values.data() + line.element + counted.first);
      }
      for (std::int64_t j = 0; j < plan.slots; ++j) {
        const Interval own{some.clamp(line.own[j].first), some.clamp(line.own[j].last)};
        const std::int64_t to = line.variable[j] + own.first * step, size = own.last - own.first,
                           skip = own.first - first;
        if (own.empty()) continue;
        if (assembly.gradient) assembly.add(tile.gradient(j) + skip, size, assembly.gradient.at(to), step);
        if (assembly.product) assembly.add(tile.last(j) + skip, size, assembly.product.at(to), step);
        for (std::int64_t i = 0; i < plan.slots && assembly.diagonal; ++i) {
          if (line.variable[i] != line.variable[j]) continue;  // j itself, and any slot of the same variable
          assembly.add(tile.last(i * plan.slots + j) + skip, size, assembly.diagonal.at(to), step);
        }
      }
      if (call.outputs.hessian.empty()) continue;
      assembly.add_hessian(
          count, [&](std::int64_t j, std::int64_t e) { return line.variable[j] + (first + e) * step; },
          [&](std::int64_t i, std::int64_t j) { return tile.last(i * plan.slots + j); });
    }
  });
  return sum;
}

/// What a table's sum contributes to a range of variables.
template <class T, class Index>
double run_table(const ElementCall<T>& call, const Table& table, const Plan& plan, const Interval& range,
                 const Assembly<T>& assembly, T* buffers) {
  ElementTile<T> tile(call, plan, buffers);
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
      for (std::int64_t e = 0; e < count; ++e) tile.variables(j)[e] = call.x.data()[variables[e]];
      if (!call.operation.needs_extra) continue;
      for (std::int64_t e = 0; e < count; ++e) tile.direction(j)[e] = call.v.data()[variables[e]];
    }
    for (std::int64_t column = 0; column < plan.data; ++column) {
      for (std::int64_t e = 0; e < count; ++e) tile.data(column)[e] = call.data(elements[e], column);
    }
    tile.run(count);
    for (std::int64_t j = plan.slots - 1; j >= 0; --j) {  // the first slot last: its variables say whose value it is
      look_up(j);
      const auto add = [&](const T* row, const RangeVector<T>& out) {
        for (std::int64_t e = 0; e < count; ++e) {
          if (range.has(variables[e])) *out.at(variables[e]) += row[e];
        }
      };
      if (assembly.gradient) add(tile.gradient(j), assembly.gradient);
      if (assembly.product) add(tile.last(j), assembly.product);
      if (!assembly.diagonal) continue;
      // A variable that comes up twice in an element has mixed derivatives on the diagonal too.
      for (std::int64_t i = 0; i < plan.slots; ++i) {
        for (std::int64_t e = 0; e < count; ++e) {
          if (range.has(variables[e]) && variable_of<Index>(table, elements[e], i) == variables[e]) {
            *assembly.diagonal.at(variables[e]) += tile.last(i * plan.slots + j)[e];
          }
        }
      }
    }
    T* const values = tile.values();
    for (std::int64_t e = 0; e < count && !call.outputs.values.empty(); ++e) {
      if (range.has(variables[e])) call.outputs.values[static_cast<std::size_t>(elements[e])] = values[e];
    }
    for (std::int64_t e = 0; e < count; ++e) values[e] = range.has(variables[e]) ? values[e] : 0;
    sum += sum_of(values, count);
    if (call.outputs.hessian.empty()) continue;
    assembly.add_hessian(
        count, [&](std::int64_t j, std::int64_t e) { return variable_of<Index>(table, elements[e], j); },
        [&](std::int64_t i, std::int64_t j) { return tile.last(i * plan.slots + j); });
  }
  return sum;
}

template <class T>
double run_range(const ElementCall<T>& call, const Plan& plan, const Interval& range, T* own, T* buffers) {
  if (const auto* const affine = std::get_if<Affine>(&call.connectivity);
      affine != nullptr && is_chain(call, *affine, plan)) {
    return run_chain(call, *affine, plan, range, own != nullptr, buffers);
  }
  const Assembly<T> assembly(call, range, plan.slots, own);
  double sum = 0;
  if (const auto* const affine = std::get_if<Affine>(&call.connectivity)) {
    sum = run_affine(call, *affine, plan, range, assembly, buffers);
  } else {
    const Table& table = std::get<Table>(call.connectivity);
    sum = table.wide ? run_table<T, std::int64_t>(call, table, plan, range, assembly, buffers)
                     : run_table<T, std::int32_t>(call, table, plan, range, assembly, buffers);
  }
  assembly.finish();
  return sum;
}

/// What some of a sum's elements contribute that all touch the same variables: the sum of each output row of the
/// operation goes to `sums`, in order.
template <class T>
void run_shared(const ElementCall<T>& call, const Affine& affine, const Plan& plan, const Interval& elements,
                T* buffers, double* sums) {
  ElementTile<T> tile(call, plan, buffers);
  std::fill_n(sums, call.operation.rows.total(), 0.0);
  for (std::int64_t j = 0; j < plan.slots; ++j) {
    const auto variable = static_cast<std::size_t>(affine.offsets[static_cast<std::size_t>(j)]);
    std::fill_n(tile.variables(j), plan.stride, call.x[variable]);
    if (call.operation.needs_extra) std::fill_n(tile.direction(j), plan.stride, call.v[variable]);
  }
  for (std::int64_t first = elements.first; first < elements.last; first += plan.tile) {
    const std::int64_t count = std::min(plan.tile, elements.last - first);
    if (plan.data > 0) gather(call.data, first, count, count, tile.data(0), plan.stride);
    tile.run(count);
    if (!call.outputs.values.empty()) std::copy_n(tile.values(), count, call.outputs.values.data() + first);
    for (std::int64_t row = 0; row < call.operation.rows.total(); ++row) {
      sums[row] += sum_of(tile.values() + row * plan.stride, count);
    }
  }
}

/// Hands the sums over all elements to the variables.
template <class T>
void assemble_shared(const ElementCall<T>& call, const Affine& affine, const Plan& plan, const double* sums) {
  const ElementOutputs<T>& out = call.outputs;
  const auto variable = [&](std::int64_t j) {
    return static_cast<std::size_t>(affine.offsets[static_cast<std::size_t>(j)]);
  };
  const double *const gradient = sums + 1, *const last = gradient + plan.slots;
  for (const std::span<T> vector : {out.gradient, out.product, out.diagonal, out.hessian}) {
    if (!out.add) std::ranges::fill(vector, T(0));
  }
  for (std::int64_t i = 0; i < plan.slots; ++i) {
    if (!out.gradient.empty()) out.gradient[variable(i)] += static_cast<T>(gradient[i]);
    if (!out.product.empty()) out.product[variable(i)] += static_cast<T>(last[i]);
    for (std::int64_t j = 0; j < plan.slots; ++j) {
      const auto entry = static_cast<T>(last[i * plan.slots + j]);
      if (!out.diagonal.empty() && variable(i) == variable(j)) out.diagonal[variable(i)] += entry;
      if (out.hessian.empty()) continue;
      const auto row = call.pattern->columns.begin() + call.pattern->starts[variable(i)];
      const auto place = std::lower_bound(row, call.pattern->columns.begin() + call.pattern->starts[variable(i) + 1],
                                          static_cast<std::int64_t>(variable(j)));
      out.hessian[static_cast<std::size_t>(place - call.pattern->columns.begin())] += entry;
    }
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
};

/// Elements that all touch the same variables are cut into parts, whose sums are added up in order.
template <class T>
double run_all_shared(const Executor& executor, const ElementCall<T>& call, const Affine& affine, const Plan& plan) {
  constexpr std::int64_t least = 2048, most_parts = 1024;
  const std::int64_t elements = elements_of(call.connectivity), rows = call.operation.rows.total();
  const std::int64_t size = std::max(least, (elements + most_parts - 1) / most_parts);
  const std::int64_t parts = std::max<std::int64_t>(1, (elements + size - 1) / size);
  const auto team = static_cast<int>(std::clamp<std::int64_t>(parts, 1, executor.threads()));
  const Memory<T> memory(executor, parts * rows, team, plan.numbers);
#pragma omp parallel for num_threads(team) schedule(static)
  for (std::int64_t k = 0; k < parts; ++k) {
    const Interval some{k * size, std::min(elements, (k + 1) * size)};
    run_shared(call, affine, plan, some, memory.buffers + omp_get_thread_num() * plan.numbers, memory.sums + k * rows);
  }
  double* const sums = memory.sums;
  for (std::int64_t k = 1; k < parts; ++k) {
    for (std::int64_t row = 0; row < rows; ++row) sums[row] += sums[k * rows + row];
  }
  assemble_shared(call, affine, plan, sums);
  return sums[0];
}

/// Affine sums have smaller ranges, if elements that touch two are few even so.
std::int64_t variables_of_range(const Connectivity& connectivity) {
  const auto* const affine = std::get_if<Affine>(&connectivity);
  if (affine == nullptr) return range_variables;
  const auto [least, most] = std::ranges::minmax(affine->offsets);
  constexpr std::int64_t small = 2048, times = 32;
  std::int64_t size = small;
  while (size < range_variables && size < times * (most - least)) size *= 2;
  return size;
}

}  // namespace

template <class T>
double run_elements(const Executor& executor, const ElementCall<T>& call) {
  const Plan plan = make_plan(call);
  if (const auto* const affine = std::get_if<Affine>(&call.connectivity); affine != nullptr && is_shared(*affine)) {
    return run_all_shared(executor, call, *affine, plan);
  }
  const std::int64_t range_size = variables_of_range(call.connectivity);
  const std::int64_t ranges = (call.variables + range_size - 1) / range_size;
  const auto team = static_cast<int>(std::clamp<std::int64_t>(ranges, 1, executor.threads()));
  const std::int64_t vector_bytes = call.variables * static_cast<std::int64_t>(sizeof(T));
  const bool streams = vector_bytes > last_level_cache_bytes() / 2;
  const std::int64_t numbers = plan.numbers + (streams ? range_size : 0);
  const Memory<T> memory(executor, ranges, team, numbers);
#pragma omp parallel num_threads(team)
  {
    T* const buffers = memory.buffers + omp_get_thread_num() * numbers;
#pragma omp for schedule(static)
    for (std::int64_t k = 0; k < ranges; ++k) {
      const Interval range{k * range_size, std::min(call.variables, (k + 1) * range_size)};
      memory.sums[k] = run_range(call, plan, range, streams ? buffers + plan.numbers : nullptr, buffers);
    }
    if (streams) finish_streaming();
  }
  double all = 0;
  for (std::int64_t k = 0; k < ranges; ++k) all += memory.sums[k];
  return all;
}
template double run_elements(const Executor&, const ElementCall<float>&);
template double run_elements(const Executor&, const ElementCall<double>&);

}  // namespace nabla::detail::cpu
