#include "element_table.hpp"

#include "../table_schedule.hpp"
#include "block_rows.hpp"

#include <omp.h>

#include <limits>

// Tables on CPU threads, by one of the schedules in table_schedule.hpp.

namespace nabla::detail::cpu {

namespace {

/// Some elements of a table, in the order of the table, and the variables that they are computed for.
struct Part {
  std::int64_t first, last;  // elements, or places in a list of them
  const RangeLists* lists;   // null: the elements themselves
  Interval range;

  /// Whether all that the elements contribute is wanted.
  bool is_whole() const { return lists == nullptr; }
  std::int64_t element(std::int64_t place) const { return lists == nullptr ? place : lists->element(place); }
};

/// Asks for the entries of the next tile, which would come too late from memory: a tile takes a microsecond.
template <class Index>
void prefetch(const Index* from, std::int64_t count) {
  constexpr std::int64_t line = 64 / static_cast<std::int64_t>(sizeof(Index));
  for (std::int64_t k = 0; k < count; k += line) __builtin_prefetch(from + k);
}

/// The first variables of the blocks that a tile's elements touch.
template <class Offset>
class Blocks {
 public:
  Blocks(const Table& table, std::int64_t variables) : table_(table), variables_(variables) {}

  void look_up(const Part& part, std::int64_t first, std::int64_t count) {
    count_ = count;
    first_ = first;
    is_listed_ = !part.is_whole();
    for (std::int64_t e = 0; e < count && is_listed_; ++e) elements_[e] = part.element(first + e);
    table_.wide ? look_up<std::int64_t>() : look_up<std::int32_t>();
    has_runs_ = runs_.find(at_, count);
  }
  std::int64_t element(std::int64_t e) const { return is_listed_ ? elements_[e] : first_ + e; }
  /// Of entry w of all elements.
  const Offset* of(std::int64_t w) const { return at_ + w * most_tile; }

  /// What run_blocks() needs to know of them. `to`: of the gradient, if it is wanted.
  template <class T>
  BlockTile<T> tile(const T* x, const RangeVector<T>& to) const {
    if constexpr (std::same_as<Offset, std::int32_t>) {
      return {{}, count_, x, at_, most_tile, has_runs_ ? runs_.bits() : nullptr, to ? to.at(0) : nullptr};
    } else {
      return {};
    }
  }
  bool has_runs() const { return has_runs_; }
  /// Whether a number can be read after each block.
  bool reads_past() const { return reads_past_; }

  /// Reads what entry w of all elements stands for into rows.
  template <class T>
  void read(std::int64_t w, const T* from, T* rows, std::int64_t stride) const {
    if (w == 0 && has_runs_) {
      read_runs(from, of(w), runs_, count_, table_.block, rows, stride);
    } else {
      read_blocks(from, of(w), count_, table_.block, reads_past_, rows, stride);
    }
  }
  /// Adds the elements' rows for entry w to the blocks that they stand for.
  template <class T>
  void add(std::int64_t w, const T* rows, std::int64_t stride, const Part& part, const RangeVector<T>& to) const {
    if (is_listed_) {
      for (std::int64_t e = 0; e < count_; ++e) {
        if (!part.range.has(of(w)[e])) continue;
        T* const sums = to.at(of(w)[e]);
        for (std::int64_t c = 0; c < table_.block; ++c) sums[c] += rows[c * stride + e];
      }
    } else if (w == 0 && has_runs_) {
      add_runs(rows, stride, of(w), runs_, count_, table_.block, to.at(0));
    } else {
      add_blocks(rows, stride, of(w), count_, table_.block, to.at(0));
    }
  }

 private:
  template <class Index>
  void look_up() {
    const auto block = static_cast<Offset>(table_.block);
    Offset last = 0;
    for (std::int64_t w = 0; w < table_.width; ++w) {
      const Index* const from = static_cast<const Index*>(table_.entries) + w * table_.component_stride;
      Offset* const at = at_ + w * most_tile;
      if (is_listed_) {
        for (std::int64_t e = 0; e < count_; ++e) {
          at[e] = static_cast<Offset>(from[elements_[e] * table_.item_stride]) * block;
          last = std::max(last, at[e]);
        }
        continue;
      }
      with_few(table_.item_stride, [&](auto few) {
        const std::int64_t stride = few > 0 ? few : table_.item_stride, count = count_;
        const Index* const consecutive = from + first_ * stride;
        if (w == 0 || table_.component_stride > table_.item_stride)
          prefetch(consecutive + count * stride, count * stride);
        Offset largest = 0;
        for (std::int64_t e = 0; e < count; ++e) {
          at[e] = static_cast<Offset>(consecutive[e * stride]) * block;
          largest = std::max(largest, at[e]);
        }
        last = std::max(last, largest);
      });
    }
    reads_past_ = last + table_.block < variables_;
    constexpr std::int64_t most_lanes = 16;
    for (std::int64_t w = 0; w < table_.width; ++w) {
      Offset* const at = at_ + w * most_tile;
      std::fill(at + count_, at + (count_ + most_lanes - 1) / most_lanes * most_lanes, at[count_ - 1]);
    }
  }

  const Table& table_;
  std::int64_t variables_, count_ = 0, first_ = 0;
  bool is_listed_ = false, has_runs_ = false, reads_past_ = false;
  Runs runs_;  // of entry 0
  std::int64_t elements_[most_tile];
  Offset at_[most_slots * most_tile];
};

/// Reads a column of the elements' data into a row.
template <class T, class Offset>
void read_data(const BatchView<const T>& data, std::int64_t column, const Part& part, const Blocks<Offset>& blocks,
               std::int64_t first, std::int64_t count, T* row) {
  if (!part.is_whole()) {
    for (std::int64_t e = 0; e < count; ++e) row[e] = data(blocks.element(e), column);
    return;
  }
  with_few(data.item_stride, [&](auto few) {
    const std::int64_t stride = few > 0 ? few : data.item_stride;
    const T* const consecutive = &data(first, column);
    for (std::int64_t e = 0; e < count; ++e) row[e] = consecutive[e * stride];
  });
}

/// What a part of a table's elements contributes.
template <class Offset, class T>
double run_part(const ElementCall<T>& call, const Table& table, const Plan& plan, const Part& part,
                const Assembly<T>& assembly, T* buffers) {
  ElementTile<T> tile(call, plan, buffers);
  Blocks<Offset> blocks(table, call.variables);
  const std::int64_t block = table.block;
  const bool can_run_blocks = call.run_blocks != nullptr && std::same_as<Offset, std::int32_t> &&
                              block == fused_block && part.is_whole() &&
                              (assembly.gradient || !call.operation.has_gradient);
  double sum = 0;
  for (std::int64_t first = part.first; first < part.last; first += plan.tile) {
    const std::int64_t count = std::min(plan.tile, part.last - first);
    blocks.look_up(part, first, count);
    // Straight from the blocks, whose first gradients are then added up already if they come in runs.
    const bool in_registers = can_run_blocks && blocks.reads_past();
    for (std::int64_t w = 0; w < table.width && !in_registers; ++w) {
      blocks.read(w, call.x.data(), tile.variables(w * block), plan.stride);
      if (call.operation.needs_extra) blocks.read(w, call.v.data(), tile.direction(w * block), plan.stride);
    }
    for (std::int64_t column = 0; column < plan.data; ++column) {
      read_data(call.data, column, part, blocks, first, count, tile.data(column));
    }
    if (in_registers) {
      tile.run_blocks(blocks.tile(call.x.data(), assembly.gradient));
    } else {
      tile.run(count);
    }
    for (std::int64_t w = in_registers && blocks.has_runs() ? 1 : 0; w < table.width; ++w) {
      if (assembly.gradient) blocks.add(w, tile.gradient(w * block), plan.stride, part, assembly.gradient);
      if (assembly.product) blocks.add(w, tile.last(w * block), plan.stride, part, assembly.product);
    }
    // A variable that comes up twice in an element has mixed derivatives on the diagonal too.
    for (std::int64_t i = 0; i < plan.slots && assembly.diagonal; ++i) {
      for (std::int64_t j = i % block; j < plan.slots; j += block) {
        const T* const row = tile.last(i * plan.slots + j);
        const Offset *const a = blocks.of(i / block), *const b = blocks.of(j / block);
        for (std::int64_t e = 0; e < count; ++e) {
          if (a[e] == b[e] && part.range.has(a[e])) assembly.diagonal.at(a[e])[i % block] += row[e];
        }
      }
    }
    T* const values = tile.values();
    const auto counts = [&](std::int64_t e) { return part.is_whole() || part.range.has(blocks.of(0)[e]); };
    for (std::int64_t e = 0; e < count && !call.outputs.values.empty(); ++e) {
      if (counts(e)) call.outputs.values[static_cast<std::size_t>(blocks.element(e))] = values[e];
    }
    for (std::int64_t e = 0; e < count && !part.is_whole(); ++e) values[e] = counts(e) ? values[e] : 0;
    sum += sum_of(values, count);
    if (call.outputs.hessian.empty()) continue;
    assembly.add_hessian(
        count, [&](std::int64_t j, std::int64_t e) { return std::int64_t{blocks.of(j / block)[e]} + j % block; },
        [&](std::int64_t i, std::int64_t j) { return tile.last(i * plan.slots + j); });
  }
  return sum;
}

template <class T>
double run_part(const ElementCall<T>& call, const Table& table, const Plan& plan, const Part& part,
                const Assembly<T>& assembly, T* buffers) {
  return call.variables > std::numeric_limits<std::int32_t>::max()
             ? run_part<std::int64_t>(call, table, plan, part, assembly, buffers)
             : run_part<std::int32_t>(call, table, plan, part, assembly, buffers);
}

/// Chunk by chunk, colour after colour, straight into the outputs.
template <class T>
double run_coloured(const Executor& executor, const ElementCall<T>& call, const Table& table, const Plan& plan,
                    const Colouring& colouring) {
  const std::int64_t chunks = (table.count + colouring.chunk - 1) / colouring.chunk;
  const auto team = static_cast<int>(std::clamp<std::int64_t>(chunks, 1, executor.threads()));
  const Memory<T> memory(executor, chunks, team, plan.numbers);
  const Interval all{0, call.variables};
  clear(call.outputs, team);
  ElementCall<T> adding = call;
  adding.outputs.add = true;
  const Assembly<T> assembly(adding, all, plan.slots, nullptr);
#pragma omp parallel num_threads(team)
  for (const std::vector<std::int64_t>& colour : colouring.colours) {
    T* const buffers = memory.buffers + omp_get_thread_num() * plan.numbers;
#pragma omp for schedule(dynamic)
    for (std::size_t k = 0; k < colour.size(); ++k) {
      const std::int64_t first = colour[k] * colouring.chunk;
      const Part part{first, std::min(first + colouring.chunk, table.count), nullptr, all};
      memory.sums[colour[k]] = run_part(call, table, plan, part, assembly, buffers);
    }
  }
  return memory.sum(chunks);
}

/// Range by range.
template <class T>
double run_listed(const Executor& executor, const ElementCall<T>& call, const Table& table, const Plan& plan,
                  const RangeLists& lists) {
  const std::int64_t ranges = lists.ranges();
  const auto team = static_cast<int>(std::clamp<std::int64_t>(ranges, 1, executor.threads()));
  const Memory<T> memory(executor, ranges, team, plan.numbers);
#pragma omp parallel for num_threads(team) schedule(dynamic)
  for (std::int64_t k = 0; k < ranges; ++k) {
    const auto at = static_cast<std::size_t>(k);
    const Part part{lists.starts[at],
                    lists.starts[at + 1],
                    &lists,
                    {k * lists.range, std::min(call.variables, (k + 1) * lists.range)}};
    const Assembly<T> assembly(call, part.range, plan.slots, nullptr);
    memory.sums[k] = run_part(call, table, plan, part, assembly, memory.buffers + omp_get_thread_num() * plan.numbers);
  }
  return memory.sum(ranges);
}

/// The outputs are the parts' copies, added up in order.
template <class T>
void add_copies(const Copies& copies, const T* numbers, std::span<T> out, bool add, int team) {
  constexpr std::int64_t at_once = 1024;
  const auto variables = static_cast<std::int64_t>(out.size());
#pragma omp parallel for num_threads(team) schedule(static)
  for (std::int64_t first = 0; first < variables; first += at_once) {
    const std::int64_t last = std::min(variables, first + at_once);
    if (!add) std::fill(out.data() + first, out.data() + last, T(0));
    for (const Copies::Part& part : copies.parts) {
      const std::int64_t begin = std::max(first, part.variables), end = std::min(last, part.end_of_variables);
      if (begin >= end) continue;
      Assembly<T>::add(numbers + part.copy + begin - part.variables, end - begin, out.data() + begin, 1);
    }
  }
}

/// Part by part.
template <class T>
double run_copied(const Executor& executor, const ElementCall<T>& call, const Table& table, const Plan& plan,
                  const Copies& copies) {
  const auto parts = static_cast<std::int64_t>(copies.parts.size());
  const auto team = static_cast<int>(std::clamp<std::int64_t>(parts, 1, executor.threads()));
  const std::span<T> out = !call.outputs.gradient.empty()  ? call.outputs.gradient
                           : !call.outputs.product.empty() ? call.outputs.product
                                                           : call.outputs.diagonal;
  const std::int64_t copied = out.empty() ? 0 : (copies.numbers + 63) / 64 * 64;
  const Memory<T> memory(executor, parts, 1, copied + team * plan.numbers);
  ElementCall<T> copying = call;
  copying.outputs.add = false;
#pragma omp parallel for num_threads(team) schedule(dynamic)
  for (std::int64_t k = 0; k < parts; ++k) {
    const Copies::Part& at = copies.parts[static_cast<std::size_t>(k)];
    const Interval touched{at.variables, at.end_of_variables};
    const Assembly<T> assembly(copying, touched, plan.slots, memory.buffers + at.copy);
    memory.sums[k] = run_part(call, table, plan, Part{at.elements, at.end_of_elements, nullptr, touched}, assembly,
                              memory.buffers + copied + omp_get_thread_num() * plan.numbers);
  }
  if (!out.empty()) add_copies(copies, memory.buffers, out, call.outputs.add, team);
  return memory.sum(parts);
}

}  // namespace

template <class T>
double run_table(const Executor& executor, const ElementCall<T>& call, const Table& table, const Plan& plan) {
  const TableSchedule& schedule = *table.schedule;
  if (const auto* const colouring = std::get_if<Colouring>(&schedule)) {
    return run_coloured(executor, call, table, plan, *colouring);
  }
  if (const auto* const copies = std::get_if<Copies>(&schedule)) {
    if (call.outputs.hessian.empty()) return run_copied(executor, call, table, plan, *copies);
    return run_listed(executor, call, table, plan, copies->lists);
  }
  return run_listed(executor, call, table, plan, std::get<RangeLists>(schedule));
}
template double run_table(const Executor&, const ElementCall<float>&, const Table&, const Plan&);
template double run_table(const Executor&, const ElementCall<double>&, const Table&, const Plan&);

}  // namespace nabla::detail::cpu
