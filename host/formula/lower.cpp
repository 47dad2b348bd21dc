#include "lower.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <unordered_set>
#include <utility>

namespace nabla::formula {

namespace {

/// Whole-number arithmetic on indices; nothing where it leaves the limits.
std::optional<Affine> combine(const Affine& a, const Affine& b, std::int64_t sign) {
  Affine sum;
  bool bad = __builtin_mul_overflow(b.constant, sign, &sum.constant) ||
             __builtin_add_overflow(a.constant, sum.constant, &sum.constant);
  for (std::size_t l = 0; l < sum.coefficient.size(); ++l) {
    bad = bad || __builtin_mul_overflow(b.coefficient[l], sign, &sum.coefficient[l]) ||
          __builtin_add_overflow(a.coefficient[l], sum.coefficient[l], &sum.coefficient[l]);
  }
  const auto is_large = [](std::int64_t c) { return c < -most_whole || c > most_whole; };
  if (bad || is_large(sum.constant) || std::ranges::any_of(sum.coefficient, is_large)) return {};
  return sum;
}
std::optional<Affine> scaled(const Affine& a, std::int64_t factor) { return combine(Affine{}, a, factor); }
std::optional<Affine> divided(const Affine& a, std::int64_t by) {
  if (by == 0 || by == -1) return by == 0 ? std::nullopt : scaled(a, -1);
  Affine quotient;
  if (a.constant % by != 0) return {};
  quotient.constant = a.constant / by;
  for (std::size_t l = 0; l < quotient.coefficient.size(); ++l) {
    if (a.coefficient[l] % by != 0) return {};
    quotient.coefficient[l] = a.coefficient[l] / by;
  }
  return quotient;
}

/// Components that are to be read in the repetitions that the text reads them in, not further out.
using Pins = std::vector<Affine>;

class Lowering {
 public:
  Lowering(const Syntax& syntax, std::int64_t n, const Pins& pins) : syntax_(syntax), n_(n), pins_(pins) {}

  const Lowered& run() {
    find_readers();
    for (const SyntaxNode& node : syntax_.nodes) {
      affines_.push_back(affine_of(node));
      too_large_.push_back(is_too_large(node));
      const NodeId made = make(node);
      nodes_.push_back(made);
      if (made != no_node) origin_.try_emplace(made, static_cast<NodeId>(nodes_.size() - 1));
    }
    for (const NodeId output : syntax_.outputs) result_.outputs.push_back(nodes_[static_cast<std::size_t>(output)]);
    return result_;
  }

  /// Terms of all repetitions together.
  std::int64_t count_terms() {
    std::int64_t terms = 0;
    const Graph& graph = result_.graph;
    for (const NodeId id : nodes_at_home(graph, result_.outputs, -1)) {
      if (is_repetition(graph[id].op)) terms = sum_of_terms(terms, count(id), id);
      if (graph[id].op == Op::variable) note_unless_valid(id);
    }
    return terms;
  }

  /// The variables that count_terms() met in an iteration in which they do not exist, and check() did not: nothing
  /// reads them there, but what is made of them would be computed there, being the same in all iterations of loops
  /// further in.
  Pins read_too_early() {
    Pins found;
    for (const auto& [leaf, indices] : early_) {
      Affine component = result_.graph.affine(leaf);
      component.pinned = 0;
      if (std::ranges::find(pins_, component) != pins_.end()) {  // some part of the text does read it further out
        indices_ = indices;
        no_variable(leaf);
      }
      found.push_back(component);
    }
    return found;
  }

  /// Checks all bounds and indices that an evaluation gets to.
  void check() {
    const Body& all = read_directly(-1, result_.outputs);
    for (const NodeId leaf : all.leaves) check_index(leaf);
    for (const NodeId repetition : all.repetitions) check(repetition);
  }

  Lowered take() { return std::move(result_); }

 private:
  const std::optional<Affine>& affine(NodeId syntax_node) const {
    return affines_[static_cast<std::size_t>(syntax_node)];
  }
  NodeId made(const SyntaxNode& node, int k) const {
    return nodes_[static_cast<std::size_t>(syntax_.argument(node, k))];
  }

  /// The node as a whole number, where it is one.
  std::optional<Affine> affine_of(const SyntaxNode& node) const {
    const auto argument = [&](int k) -> const std::optional<Affine>& { return affine(syntax_.argument(node, k)); };
    switch (node.op) {
      case Op::number: {
        constexpr double largest = 9e15;
        if (!(std::fabs(node.number) <= largest) || node.number != std::floor(node.number)) return {};
        return Affine::of(static_cast<std::int64_t>(node.number));
      }
      case Op::index: {
        if (node.symbol < 0) return Affine::of(n_);
        Affine index = Affine::index(node.symbol);
        index.constant = offset_of(node);
        return index;
      }
      case Op::negate:
        return argument(0) ? scaled(*argument(0), -1) : std::nullopt;
      case Op::add:
      case Op::subtract:
        if (!argument(0) || !argument(1)) return {};
        return combine(*argument(0), *argument(1), node.op == Op::add ? 1 : -1);
      case Op::multiply:
        if (!argument(0) || !argument(1)) return {};
        if (argument(0)->is_constant()) return scaled(*argument(1), argument(0)->constant);
        if (argument(1)->is_constant()) return scaled(*argument(0), argument(1)->constant);
        return {};
      case Op::divide:
        if (!argument(0) || !argument(1) || !argument(1)->is_constant()) return {};
        return divided(*argument(0), argument(1)->constant);
      default:
        return {};
    }
  }

  /// Of the node whose affine expression was made last: whether it would be one if there were no limits.
  bool is_too_large(const SyntaxNode& node) const {
    if (affines_.back()) return false;
    if (node.op == Op::number) return node.number == std::floor(node.number);
    if (node.op != Op::negate && (node.op < Op::add || node.op > Op::divide)) return false;
    bool whole = true, large = false, varies = true;
    for (int k = 0; k < node.arguments; ++k) {
      const NodeId argument = syntax_.argument(node, k);
      const bool too_large = too_large_[static_cast<std::size_t>(argument)];
      whole = whole && (affine(argument) || too_large);
      large = large || too_large;
      varies = varies && affine(argument) && !affine(argument)->is_constant();
    }
    return whole && (large || (node.op != Op::divide && !(node.op == Op::multiply && varies)));
  }

  const Affine& whole(NodeId syntax_node, const char* what) const {
    if (const auto& found = affine(syntax_node)) return *found;
    const SyntaxNode& node = syntax_.nodes[static_cast<std::size_t>(syntax_node)];
    if (too_large_[static_cast<std::size_t>(syntax_node)])
      fail(syntax_.text, node.begin, node.end, std::string(what) + too_far);
    fail(syntax_.text, node.begin, node.end,
         std::string(what) + " must be a whole number made of whole numbers, n and running indices with + - *" +
             (node.op == Op::divide ? ", and a division must come out even" : ""));
  }

  NodeId make(const SyntaxNode& node) {
    Graph& graph = result_.graph;
    switch (node.op) {
      case Op::number:
        return graph.number(node.number);
      case Op::parameter:
        return graph.parameter(node.symbol);
      case Op::data:
        return graph.data(node.symbol);
      case Op::variable:
        if (node.symbol >= 0) return graph.variable(Affine::of(node.symbol));
        {
          Affine component = whole(syntax_.argument(node, 0), "an index");
          component.constant -= 1;
          const int reader = readers_[place_of(node)];
          if (reader >= 0 && reader < most_levels && std::ranges::find(pins_, component) != pins_.end()) {
            component.pinned = (2u << reader) - 1;
          }
          return graph.variable(component);
        }
      case Op::index:
        if (node.symbol < 0) return graph.number(static_cast<double>(n_));
        if (const auto offset = static_cast<double>(offset_of(node)); offset != 0) {
          return graph.binary(Op::add, graph.index(node.symbol), graph.number(offset));
        }
        return graph.index(node.symbol);
      case Op::min:
      case Op::max: {
        std::vector<NodeId> arguments(static_cast<std::size_t>(node.arguments));
        for (int k = 0; k < node.arguments; ++k) arguments[static_cast<std::size_t>(k)] = made(node, k);
        return graph.extreme(node.op, arguments);
      }
      case Op::where:
        return graph.where(made(node, 0), made(node, 1), made(node, 2));
      case Op::sum:
      case Op::product: {
        Range range{node.symbol, whole(syntax_.argument(node, 0), "a bound"),
                    whole(syntax_.argument(node, 1), "a bound")};
        const std::int64_t offset = offset_in(node);
        range.lower.constant -= offset;
        range.upper.constant -= offset;
        return graph.repeat(node.op, range, made(node, 2));
      }
      default:
        return is_unary(node.op) ? graph.unary(node.op, made(node, 0))
                                 : graph.binary(node.op, made(node, 0), made(node, 1));
    }
  }

  /// Running indices that begin far from 0 are counted from there, so that they are small numbers, which f32 can tell
  /// apart: what the text calls i is this much more.
  std::int64_t offset_in(const SyntaxNode& repetition) const {
    constexpr std::int64_t far = std::int64_t{1} << 20;
    const auto& lower = affine(syntax_.argument(repetition, 0));
    return lower && (lower->constant < -far || lower->constant > far) ? lower->constant : 0;
  }
  std::int64_t offset_of(const SyntaxNode& index) const {
    NodeId scope = scopes_[place_of(index)];
    while (scope != no_node && syntax_.nodes[static_cast<std::size_t>(scope)].symbol != index.symbol) {
      scope = scopes_[static_cast<std::size_t>(scope)];
    }
    return scope == no_node ? 0 : offset_in(syntax_.nodes[static_cast<std::size_t>(scope)]);
  }
  std::size_t place_of(const SyntaxNode& node) const { return static_cast<std::size_t>(&node - syntax_.nodes.data()); }

  const SyntaxNode& origin(NodeId id) const { return syntax_.nodes[static_cast<std::size_t>(origin_.at(id))]; }

  std::string iteration() const {
    std::string where;
    for (std::size_t level = 0; level < indices_.size(); ++level) {
      if (indices_[level] == unset) continue;
      where +=
          (where.empty() ? " in the iteration with index " : ", ") + std::to_string(indices_[level] + offsets_[level]);
    }
    return where;
  }

  bool is_valid(NodeId leaf) const {
    const Affine& component = result_.graph.affine(leaf);
    if (!syntax_.indexed) return true;
    const std::int64_t at = component.at(indices_);
    return component.is_within_limits(indices_) && at >= 0 && at < n_;
  }
  [[noreturn]] void no_variable(NodeId leaf) const {
    const SyntaxNode& node = origin(leaf);
    const Affine& component = result_.graph.affine(leaf);
    if (!component.is_within_limits(indices_)) {
      fail(syntax_.text, node.begin, node.end, "an index" + iteration() + too_far);
    }
    fail(syntax_.text, node.begin, node.end,
         syntax_.variables.front() + "[" + std::to_string(component.at(indices_) + 1) + "]" + iteration() +
             " is none of the variables 1 to " + std::to_string(n_));
  }
  void check_index(NodeId leaf) const {
    if (!is_valid(leaf)) no_variable(leaf);
  }
  std::int64_t bound(const Affine& affine, NodeId repetition) const {
    if (!affine.is_within_limits(indices_)) {
      const SyntaxNode& node = origin(repetition);
      fail(syntax_.text, node.begin, node.end, "a bound" + iteration() + too_far);
    }
    return affine.at(indices_);
  }

  struct Body {
    std::vector<NodeId> leaves, repetitions;
  };

  /// What a repetition's body is made of, not through repetitions in it. -1: what the outputs are made of.
  const Body& read_directly(NodeId id, std::span<const NodeId> roots) {
    const auto [found, added] = read_.try_emplace(id);
    if (!added) return found->second;
    const Graph& graph = result_.graph;
    std::vector<NodeId> open(roots.begin(), roots.end());
    std::unordered_set<NodeId> seen(roots.begin(), roots.end());
    while (!open.empty()) {
      const NodeId node = open.back();
      open.pop_back();
      if (graph[node].op == Op::variable) found->second.leaves.push_back(node);
      if (is_repetition(graph[node].op)) {
        found->second.repetitions.push_back(node);
        continue;
      }
      for (const NodeId argument : graph.arguments(node)) {
        if (seen.insert(argument).second) open.push_back(argument);
      }
    }
    std::ranges::sort(found->second.leaves);
    std::ranges::sort(found->second.repetitions);
    return found->second;
  }
  const Body& read_directly(NodeId id) { return read_directly(id, result_.graph.arguments(id)); }

  /// The levels outside a repetition that its bounds, the indices in it or the bounds in it depend on.
  std::uint32_t moving_levels(NodeId id) {
    if (const auto known = moving_.find(id); known != moving_.end()) return known->second;
    const Graph& graph = result_.graph;
    const Range& range = graph.range(id);
    std::uint32_t levels = 0;
    for (const NodeId leaf : read_directly(id).leaves) levels |= graph[leaf].levels;
    for (const NodeId inner : read_directly(id).repetitions) levels |= moving_levels(inner);
    levels &= ~(1u << range.level);
    levels |= range.lower.levels() | range.upper.levels();
    moving_.emplace(id, levels);
    return levels;
  }

  /// For the indices outside as they stand.
  void check(NodeId id) {
    const Range range = result_.graph.range(id);
    std::array<std::int64_t, most_levels> outside{};
    for (std::size_t level = 0; level < outside.size(); ++level) {
      if ((moving_levels(id) >> level & 1) != 0) outside[level] = indices_[level];
    }
    const auto [last, first_time] = checked_.try_emplace(id, outside);
    if (!first_time && last->second == outside) return;
    last->second = outside;
    offsets_[static_cast<std::size_t>(range.level)] = offset_in(origin(id));
    const std::int64_t lower = bound(range.lower, id), upper = bound(range.upper, id);
    if (upper < lower) return;
    const auto level = static_cast<std::size_t>(range.level);
    const Body& body = read_directly(id);
    for (const std::int64_t at : {lower, upper}) {
      indices_[level] = at;
      for (const NodeId leaf : body.leaves) check_index(leaf);
    }
    for (const NodeId repetition : body.repetitions) {
      const bool moves = (moving_levels(repetition) >> level & 1) != 0;
      for (std::int64_t at = lower; at <= (moves ? upper : lower); ++at) {
        indices_[level] = at;
        check(repetition);
      }
    }
    indices_[level] = unset;
  }

  /// The terms of a repetition and of those at home in it, for the indices outside as they stand.
  std::int64_t count(NodeId id) {
    const Graph& graph = result_.graph;
    const Range range = graph.range(id);
    const std::int64_t lower = range.lower.at(indices_), upper = range.upper.at(indices_);
    if (upper < lower) return 0;
    const auto level = static_cast<std::size_t>(range.level);
    const std::int64_t count_here = upper - lower + 1;
    if (count_here > most_terms) too_many(id);
    const Body& body = at_home_in(id);
    for (const std::int64_t at : {lower, upper}) {
      indices_[level] = at;
      for (const NodeId leaf : body.leaves) {
        note_unless_valid(leaf);
      }
    }
    std::int64_t terms = count_here;
    for (const NodeId repetition : body.repetitions) {
      const bool moves = (moving_levels(repetition) >> level & 1) != 0;
      for (std::int64_t at = lower; at <= (moves ? upper : lower); ++at) {
        indices_[level] = at;
        const std::int64_t inside = count(repetition);
        if (!moves && inside > most_terms / count_here) too_many(id);
        terms = sum_of_terms(terms, moves ? inside : inside * count_here, id);
      }
    }
    indices_[level] = unset;
    return terms;
  }
  std::int64_t sum_of_terms(std::int64_t a, std::int64_t b, NodeId repetition) const {
    if (a + b > most_terms) too_many(repetition);
    return a + b;
  }

  const Body& at_home_in(NodeId id) {
    const auto [found, added] = bodies_.try_emplace(id);
    if (added) {
      const Graph& graph = result_.graph;
      for (const NodeId node : nodes_at_home(graph, graph.arguments(id), graph.range(id).level)) {
        if (graph[node].op == Op::variable) found->second.leaves.push_back(node);
        if (is_repetition(graph[node].op)) found->second.repetitions.push_back(node);
      }
    }
    return found->second;
  }

  void note_unless_valid(NodeId leaf) {
    if (!is_valid(leaf)) early_.try_emplace(leaf, indices_);
  }

  /// For each node of the text the level of the outermost repetition that uses it by itself; -1: outside all; and one
  /// of the innermost repetitions around it.
  void find_readers() {
    readers_.assign(syntax_.nodes.size(), most_levels);
    scopes_.assign(syntax_.nodes.size(), no_node);
    const auto enter = [&](NodeId id, NodeId scope) {
      NodeId& known = scopes_[static_cast<std::size_t>(id)];
      const auto level = [&](NodeId repetition) {
        return repetition == no_node ? -1 : syntax_.nodes[static_cast<std::size_t>(repetition)].symbol;
      };
      if (level(scope) > level(known)) known = scope;
    };
    const auto read = [&](NodeId id, int level) {
      int& reader = readers_[static_cast<std::size_t>(id)];
      reader = std::min(reader, level);
    };
    for (const NodeId output : syntax_.outputs) read(output, -1);
    for (std::size_t id = syntax_.nodes.size(); id-- > 0;) {
      const SyntaxNode& node = syntax_.nodes[id];
      for (int k = 0; k < node.arguments; ++k) {
        const bool inside = is_repetition(node.op) && k == 2;
        enter(syntax_.argument(node, k), inside ? static_cast<NodeId>(id) : scopes_[id]);
      }
      if (is_repetition(node.op)) {
        read(syntax_.argument(node, 2), node.symbol);
      } else {
        for (int k = 0; k < node.arguments; ++k) read(syntax_.argument(node, k), readers_[id]);
      }
    }
  }

  [[noreturn]] void too_many(NodeId repetition) const {
    const SyntaxNode& node = origin(repetition);
    fail(syntax_.text, node.begin, node.end,
         "too many terms: an evaluation may have " + std::to_string(most_terms) + " altogether");
  }

  static constexpr std::int64_t unset = INT64_MIN;
  static constexpr char too_far[] = " must stay within 2^61 = 2305843009213693952 of 0, and so must all it is made of";
  const Syntax& syntax_;
  std::int64_t n_;
  const Pins& pins_;
  Lowered result_;
  std::vector<NodeId> nodes_;                   // of the graph, for each of the syntax tree's
  std::vector<std::optional<Affine>> affines_;  // the same nodes as whole numbers
  std::vector<bool> too_large_;                 // and whether they are none because of their size
  std::unordered_map<NodeId, NodeId> origin_;   // back from the graph
  std::unordered_map<NodeId, Body> bodies_, read_;
  std::unordered_map<NodeId, std::uint32_t> moving_;
  std::unordered_map<NodeId, std::array<std::int64_t, most_levels>> checked_;  // the indices outside, last time
  std::vector<int> readers_;
  std::vector<NodeId> scopes_;
  std::array<std::int64_t, most_levels> offsets_{};                // of the repetitions that are being checked
  std::map<NodeId, std::array<std::int64_t, most_levels>> early_;  // variables met where they do not exist
  std::array<std::int64_t, most_levels> indices_ = [] {
    std::array<std::int64_t, most_levels> none;
    none.fill(unset);
    return none;
  }();
};

/// Copies a graph, repetition by repetition and term by term.
class WritingOut {
 public:
  explicit WritingOut(const Graph& from) : from_(from) {}

  Lowered run(std::span<const NodeId> outputs) {
    copy_home(outputs, -1);
    for (const NodeId output : outputs) result_.outputs.push_back(copies_.at(output));
    return std::move(result_);
  }

 private:
  void copy_home(std::span<const NodeId> roots, int level) {
    for (const NodeId id : nodes_at_home(from_, roots, level)) copies_[id] = copy(id);
  }

  NodeId copy(NodeId id) {
    Graph& to = result_.graph;
    const Node& node = from_[id];
    const auto argument = [&](int k) { return copies_.at(from_.argument(id, k)); };
    switch (node.op) {
      case Op::number:
        return to.number(node.number);
      case Op::parameter:
        return to.parameter(node.symbol);
      case Op::data:
        return to.data(node.symbol);
      case Op::index:
        return to.number(static_cast<double>(indices_[static_cast<std::size_t>(node.symbol)]));
      case Op::variable:
        return to.variable(Affine::of(from_.affine(id).at(indices_)));
      case Op::direction:
        return to.direction(Affine::of(from_.affine(id).at(indices_)));
      case Op::min:
      case Op::max: {
        std::vector<NodeId> arguments;
        for (const NodeId old : from_.arguments(id)) arguments.push_back(copies_.at(old));
        return to.extreme(node.op, arguments);
      }
      case Op::where:
        return to.where(argument(0), argument(1), argument(2));
      case Op::sum:
      case Op::product:
        return copy_terms(id);
      default:
        return is_unary(node.op) ? to.unary(node.op, argument(0)) : to.binary(node.op, argument(0), argument(1));
    }
  }

  NodeId copy_terms(NodeId id) {
    Graph& to = result_.graph;
    const Op op = from_[id].op;
    const Range& range = from_.range(id);
    const std::int64_t lower = range.lower.at(indices_), upper = range.upper.at(indices_);
    NodeId all = no_node;
    for (std::int64_t at = lower; at <= upper; ++at) {
      indices_[static_cast<std::size_t>(range.level)] = at;
      copy_home(from_.arguments(id), range.level);
      const NodeId term = copies_.at(from_.argument(id, 0));
      all = all == no_node ? term : to.binary(op == Op::sum ? Op::add : Op::multiply, all, term);
    }
    return all == no_node ? to.number(op == Op::sum ? 0 : 1) : all;
  }

  const Graph& from_;
  Lowered result_;
  std::unordered_map<NodeId, NodeId> copies_;
  std::array<std::int64_t, most_levels> indices_{};
};

}  // namespace

Lowered lower(const Syntax& syntax, std::int64_t n, std::int64_t written_terms) {
  Pins pins;
  for (;;) {
    Lowering lowering(syntax, n, pins);
    const Lowered& loops = lowering.run();
    const std::int64_t terms = lowering.count_terms();
    lowering.check();
    const Pins more = lowering.read_too_early();
    if (terms != 0 && terms <= written_terms) return WritingOut(loops.graph).run(loops.outputs);
    if (more.empty()) return lowering.take();
    pins.insert(pins.end(), more.begin(), more.end());
  }
}

}  // namespace nabla::formula
