#include "element_sum.hpp"

#include "element_table.hpp"
#include "element_tile.hpp"
#include "transfer.hpp"

#include <omp.h>

#include <algorithm>
#include <vector>

// Sums of elements on CPU threads. The variables of an affine sum are cut into ranges, which threads take. A range's
// gradient is the sum of what all elements that touch it contribute; elements that touch two ranges are computed for
// both, so that nothing is scattered from one range into another.

namespace nabla::detail::cpu {

namespace {

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
  const T* from[most_slots] = {};  // so that from[j][v] is what slot j contributes to variable v
  for (std::int64_t j = 0; j < slots && !elements.empty(); ++j) {
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
template <class T>
double run_range(const ElementCall<T>& call, const Affine& affine, const Plan& plan, const Interval& range, T* own,
                 T* buffers) {
  if (is_chain(call, affine, plan)) return run_chain(call, affine, plan, range, own != nullptr, buffers);
  const Assembly<T> assembly(call, range, plan.slots, own);
  const double sum = run_affine(call, affine, plan, range, assembly, buffers);
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
  if (elements.first == elements.last) return;  // there may be no variable either
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
  clear(out, 1);
  for (std::int64_t i = 0; i < plan.slots; ++i) {
    if (!out.gradient.empty()) out.gradient[variable(i)] += static_cast<T>(gradient[i]);
    if (!out.product.empty()) out.product[variable(i)] += static_cast<T>(last[i]);
    for (std::int64_t j = 0; j < plan.slots; ++j) {
      const auto entry = static_cast<T>(last[i * plan.slots + j]);
      if (!out.diagonal.empty() && variable(i) == variable(j)) out.diagonal[variable(i)] += entry;
      if (out.hessian.empty()) continue;
      const auto row = call.pattern->columns.begin() + call.pattern->starts[variable(i)];
      const auto end = call.pattern->columns.begin() + call.pattern->starts[variable(i) + 1];
      const auto column = static_cast<std::int64_t>(variable(j));
      const auto place = std::lower_bound(row, end, column);
      if (place == end || *place != column) continue;  // a caller's pattern may lack it
      out.hessian[static_cast<std::size_t>(place - call.pattern->columns.begin())] += entry;
    }
  }
}
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

/// Ranges are small, if elements that touch two are few even so.
std::int64_t variables_of_range(const Affine& affine) {
  const auto [least, most] = std::ranges::minmax(affine.offsets);
  constexpr std::int64_t small = 2048, large = 32768, times = 32;
  std::int64_t size = small;
  while (size < large && size < times * (most - least)) size *= 2;
  return size;
}

template <class T>
double run_ranges(const Executor& executor, const ElementCall<T>& call, const Affine& affine, const Plan& plan) {
  const std::int64_t range_size = variables_of_range(affine);
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
      memory.sums[k] = run_range(call, affine, plan, range, streams ? buffers + plan.numbers : nullptr, buffers);
    }
    if (streams) finish_streaming();
  }
  return memory.sum(ranges);
}

}  // namespace

template <class T>
double run_elements(const Executor& executor, const ElementCall<T>& call) {
  const Plan plan = make_plan(call);
  if (const auto* const table = std::get_if<Table>(&call.connectivity)) {
    return run_table(executor, call, *table, plan);
  }
  const Affine& affine = std::get<Affine>(call.connectivity);
  return is_shared(affine) ? run_all_shared(executor, call, affine, plan) : run_ranges(executor, call, affine, plan);
}
template double run_elements(const Executor&, const ElementCall<float>&);
template double run_elements(const Executor&, const ElementCall<double>&);

}  // namespace nabla::detail::cpu
