#include "program.hpp"

#include "program_passes.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>
#include <unordered_map>
#include <unordered_set>

namespace nabla::formula {

namespace {

using Code = Instruction::Code;
using Kind = Operand::Kind;

class Builder {
 public:
  Builder(Graph& graph, Wanted wanted) : g_(graph), wanted_(std::move(wanted)) {}

  Program run() {
    collect_direct_rows();
    count_uses();
    fill_untouched_rows();
    // Loops that add to rows come first: what they need is computed before them, and a repetition over the same range
    // is computed along with them.
    std::vector<NodeId> roots;
    for (const auto& [row, id] : direct_) roots.push_back(id);
    for (const NodeId id : nodes_at_home(g_, roots, -1)) {
      if (is_repetition(g_[id].op)) pending_[g_[id].symbol].push_back(id);
    }
    for (const auto& [sweep, first_row] : wanted_.sweeps) {
      for (const Sweep& inner : sweep.inner) emit_sweep(inner, first_row, -1);
    }
    need(roots, -1);
    for (const auto& [row, id] : added_) {
      need(std::array{id}, -1);
      push({.code = Code::accumulate, .out = {Kind::row, whole_place(Affine::of(row))}, .a = operand(id)});
    }
    for (const auto& [row, id] : direct_) {
      push({.code = Code::copy, .out = {Kind::row, whole_place(Affine::of(row))}, .a = operand(id)});
    }
    store_rows_at_once(program_);
    assign_slots(program_);
    program_.rows = wanted_.row_count;
    return std::move(program_);
  }

 private:
  /// Contributions outside all loops, added up row by row.
  void collect_direct_rows() {
    for (const auto& [row, id] : wanted_.rows) direct_[row] = id;
    for (const auto& [sweep, first_row] : wanted_.sweeps) {
      std::map<std::int64_t, NodeId> sums;
      for (const auto& [target, value] : sweep.contributions) {
        const auto [found, added] = sums.try_emplace(first_row + target.constant, value);
        if (!added) found->second = g_.add(found->second, value);
      }
      for (const auto& [row, value] : sums) {
        const auto [found, added] = direct_.try_emplace(row, value);
        if (!added) found->second = g_.add(found->second, value);
      }
    }
  }

  void count_uses() {
    std::unordered_set<NodeId> seen;
    std::vector<NodeId> open;
    const auto use = [&](NodeId id) {
      ++uses_[id];
      if (seen.insert(id).second) open.push_back(id);
    };
    for (const auto& [row, id] : direct_) use(id);
    const auto use_sweep = [&](const auto& self, const Sweep& sweep) -> void {
      for (const auto& [target, value] : sweep.contributions) use(value);
      for (const Sweep& inner : sweep.inner) self(self, inner);
    };
    for (const auto& row_sweep : wanted_.sweeps) {
      for (const Sweep& inner : row_sweep.sweep.inner) use_sweep(use_sweep, inner);
    }
    while (!open.empty()) {
      const NodeId id = open.back();
      open.pop_back();
      for (const NodeId argument : g_.arguments(id)) use(argument);
    }
  }

  void fill_untouched_rows() {
    const bool loops = std::ranges::any_of(wanted_.sweeps, [](const auto& s) { return !s.sweep.inner.empty(); });
    std::int64_t begin = 0;  // of the rows to fill, up to `row`
    for (std::int64_t row = 0; row <= wanted_.row_count; ++row) {
      // A row that is both stored and added to would be stored last: its node is one more contribution instead.
      const auto found = direct_.find(row);
      const bool stored = found != direct_.end() && !(loops && in_swept_rows(row));
      if (row == wanted_.row_count || stored) {
        fill(begin, row - 1);
        begin = row + 1;
      } else if (found != direct_.end()) {
        added_.emplace_back(row, found->second);
        direct_.erase(found);
      }
    }
  }
  void fill(std::int64_t first, std::int64_t last) {
    if (last < first) return;
    const Range rows{0, Affine::of(first), Affine::of(last)};
    const std::size_t begin = begin_loop(rows);
    push({.code = Code::copy, .out = {Kind::row, whole_place(Affine::index(0))}, .a = scalar({0})});
    end_loop(rows, begin);
  }
  bool in_swept_rows(std::int64_t row) const {
    return std::ranges::any_of(wanted_.sweeps, [&](const auto& s) {
      return !s.sweep.inner.empty() && row >= s.first_row && reaches(s.sweep, row - s.first_row);
    });
  }
  static bool reaches(const Sweep& sweep, std::int64_t component) {
    const auto hits = [&](const Contribution& c) { return !c.target.is_constant() || c.target.constant == component; };
    return std::ranges::any_of(sweep.inner, [&](const Sweep& inner) {
      return std::ranges::any_of(inner.contributions, hits) || reaches(inner, component);
    });
  }

  // --- emission, repetition by repetition

  void push(const Instruction& instruction) { program_.instructions.push_back(instruction); }

  Whole whole(const Affine& a) {
    Whole made{a.constant, static_cast<std::int32_t>(program_.terms.size()), 0};
    for (std::int32_t level = 0; level < most_levels; ++level) {
      const std::int64_t coefficient = a.coefficient[static_cast<std::size_t>(level)];
      if (coefficient == 0) continue;
      program_.terms.push_back({level, coefficient});
      ++made.terms;
    }
    return made;
  }
  std::int32_t whole_place(const Affine& a) {
    program_.wholes.push_back(whole(a));
    return static_cast<std::int32_t>(program_.wholes.size() - 1);
  }
  Operand scalar(const Scalar& s) {
    const std::uint64_t key =
        s.parameter >= 0 ? static_cast<std::uint64_t>(s.parameter) : std::bit_cast<std::uint64_t>(s.number);
    const auto next = static_cast<std::int32_t>(program_.scalars.size());
    const auto [found, added] = (s.parameter >= 0 ? parameters_ : numbers_).try_emplace(key, next);
    if (added) program_.scalars.push_back(s);
    return {Kind::scalar, found->second};
  }
  Operand new_slot() { return {Kind::slot, program_.slots++}; }

  /// Where a node's value is; it has been emitted, or is a leaf.
  Operand operand(NodeId id) {
    const Node& node = g_[id];
    switch (node.op) {
      case Op::number:
        return scalar({node.number});
      case Op::parameter:
        return scalar({0, node.symbol});
      case Op::index:
        return {Kind::index, node.symbol};
      case Op::data:
      case Op::variable:
      case Op::direction: {
        const auto [found, added] = leaves_.try_emplace(id, Operand{});
        if (added) {
          const Affine component = node.op == Op::data ? Affine::of(wanted_.variables + node.symbol) : g_.affine(id);
          found->second = {node.op == Op::direction ? Kind::direction : Kind::variable, whole_place(component)};
        }
        return found->second;
      }
      default:
        return places_.at(id);
    }
  }

  /// Emits what a node needs that is at home at `level` or further out, into the loops that are open.
  void need(std::span<const NodeId> roots, int level) {
    for (int at = -1; at <= level; ++at) {
      if (at >= 0 && !open_[static_cast<std::size_t>(at)]) continue;
      for (const NodeId id : nodes_at_home(g_, roots, at)) emit(id);
    }
  }

  void emit(NodeId id) {
    const Node node = g_[id];
    if (node.arguments == 0 || places_.contains(id)) return;
    if (is_repetition(node.op)) {
      emit_repetition(id);
      return;
    }
    const std::vector<NodeId> arguments(g_.arguments(id).begin(), g_.arguments(id).end());
    if (node.op == Op::sin || node.op == Op::cos) {
      // Both, where both will be used.
      const NodeId other = g_.unary(node.op == Op::sin ? Op::cos : Op::sin, arguments[0]);
      if (uses_.contains(other) && !places_.contains(other)) {
        const Operand sine = new_slot(), cosine = new_slot();
        place(id, node.op == Op::sin ? sine : cosine);
        place(other, node.op == Op::sin ? cosine : sine);
        push({.code = Code::sine_and_cosine, .out = sine, .a = operand(g_.argument(id, 0)), .b = cosine});
        return;
      }
    }
    Instruction made{.code = Code::operation, .op = node.op};
    made.a = operand(arguments[0]);
    if (arguments.size() > 1) made.b = operand(arguments[1]);
    if (node.op == Op::where) {
      made.code = Code::choice;
      made.c = operand(arguments[2]);
    }
    if (node.op == Op::power && g_.is_number(arguments[1])) {
      const double exponent = g_[arguments[1]].number;
      if (exponent == std::floor(exponent) && std::fabs(exponent) <= 64) {
        made.code = Code::whole_power;
        made.exponent = static_cast<std::int32_t>(exponent);
        made.b = {};
      }
    }
    made.out = new_slot();
    push(made);
    for (std::size_t k = 2; k < arguments.size() && node.op != Op::where; ++k) {  // min and max of more
      const Operand next = new_slot();
      push({.code = Code::operation,
            .op = node.op,
            .exponent = static_cast<std::int32_t>(k),
            .out = next,
            .a = made.out,
            .b = operand(arguments[k])});
      made.out = next;
    }
    place(id, made.out);
  }

  void place(NodeId id, const Operand& where) {
    places_[id] = where;
    const int home = g_[id].home();
    if (home >= 0) placed_[static_cast<std::size_t>(home)].push_back(id);
  }

  std::size_t begin_loop(const Range& range) {
    open_[static_cast<std::size_t>(range.level)] = true;
    program_.loops.push_back({range.level, whole(range.lower), whole(range.upper)});
    push({.code = Code::loop, .loop = static_cast<std::int32_t>(program_.loops.size() - 1)});
    return program_.instructions.size() - 1;
  }
  void end_loop(const Range& range, std::size_t begin) {
    const auto level = static_cast<std::size_t>(range.level);
    program_.instructions[begin].target = static_cast<std::int32_t>(program_.instructions.size());
    push({.code = Code::end, .target = static_cast<std::int32_t>(begin)});
    open_[level] = false;
    for (const NodeId id : placed_[level]) places_.erase(id);  // the next loop at this level computes its own
    placed_[level].clear();
  }

  /// Begins a repetition's accumulator.
  Operand begin_repetition(NodeId id) {
    const Operand sum = new_slot();
    push({.code = Code::copy, .out = sum, .a = scalar({g_[id].op == Op::sum ? 0.0 : 1.0})});
    return sum;
  }
  void add_term(NodeId id, const Operand& sum) {
    const NodeId body = g_.argument(id, 0);
    need(std::array{body}, g_.range(id).level);
    push({.code = g_[id].op == Op::sum ? Code::accumulate : Code::multiply_up, .out = sum, .a = operand(body)});
  }
  void emit_repetition(NodeId id) {
    const Range range = g_.range(id);
    need(g_.arguments(id), range.level - 1);
    const Operand sum = begin_repetition(id);
    const std::size_t begin = begin_loop(range);
    add_term(id, sum);
    end_loop(range, begin);
    place(id, sum);
  }
  void emit_sweep(const Sweep& sweep, std::int64_t first_row, int outer) {
    const int level = sweep.range.level;
    std::vector<NodeId> all, own;
    const auto collect = [&](const auto& self, const Sweep& part) -> void {
      for (const auto& [target, value] : part.contributions) all.push_back(value);
      for (const Sweep& inner : part.inner) self(self, inner);
    };
    collect(collect, sweep);
    need(all, level - 1);
    // Repetitions over the same range that are wanted anyway and not yet computed.
    std::vector<std::pair<NodeId, Operand>> along;
    if (outer < 0) {
      for (const NodeId id : pending_[sweep.range_id]) {
        if (places_.contains(id)) continue;
        need(g_.arguments(id), level - 1);
        along.emplace_back(id, begin_repetition(id));
      }
    }
    const std::size_t begin = begin_loop(sweep.range);
    for (const auto& [id, sum] : along) add_term(id, sum);
    for (const Sweep& inner : sweep.inner) emit_sweep(inner, first_row, level);
    for (const auto& [target, value] : sweep.contributions) own.push_back(value);
    need(own, level);
    for (const auto& [target, value] : sweep.contributions) {
      Affine row = target;
      row.constant += first_row;
      push({.code = Code::accumulate, .out = {Kind::row, whole_place(row)}, .a = operand(value)});
    }
    end_loop(sweep.range, begin);
    for (const auto& [id, sum] : along) place(id, sum);
  }

  Graph& g_;
  Wanted wanted_;
  Program program_;
  std::map<std::int64_t, NodeId> direct_;
  std::vector<std::pair<std::int64_t, NodeId>> added_;
  std::unordered_map<NodeId, int> uses_;
  std::unordered_map<std::uint64_t, std::int32_t> numbers_, parameters_;  // places among the scalars
  std::unordered_map<std::int32_t, std::vector<NodeId>> pending_;         // repetitions outside all loops, by range
  std::unordered_map<NodeId, Operand> places_, leaves_;
  std::array<bool, most_levels> open_{};
  std::array<std::vector<NodeId>, most_levels> placed_;
};

}  // namespace

Program make_program(Graph& graph, Wanted wanted) { return Builder(graph, std::move(wanted)).run(); }

}  // namespace nabla::formula
