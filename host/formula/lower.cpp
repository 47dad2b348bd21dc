#include "lower.hpp"

#include <cmath>
#include <optional>

namespace nabla::formula {

namespace {

/// Whole-number arithmetic on indices; nothing where it leaves 64 bits or the affine expressions.
std::optional<Affine> combine(const Affine& a, const Affine& b, std::int64_t sign) {
  Affine sum;
  bool bad = __builtin_mul_overflow(b.constant, sign, &sum.constant) ||
             __builtin_add_overflow(a.constant, sum.constant, &sum.constant);
  for (std::size_t l = 0; l < sum.coefficient.size(); ++l) {
    bad = bad || __builtin_mul_overflow(b.coefficient[l], sign, &sum.coefficient[l]) ||
          __builtin_add_overflow(a.coefficient[l], sum.coefficient[l], &sum.coefficient[l]);
  }
  if (bad) return {};
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

class Lowering {
 public:
  Lowering(const Syntax& syntax, std::int64_t n) : syntax_(syntax), n_(n) {}

  Lowered run() {
    for (const SyntaxNode& node : syntax_.nodes) {
      affines_.push_back(affine_of(node));
      const NodeId made = make(node);
      nodes_.push_back(made);
      if (made != no_node) origin_.try_emplace(made, static_cast<NodeId>(nodes_.size() - 1));
    }
    for (const NodeId output : syntax_.outputs) result_.outputs.push_back(nodes_[static_cast<std::size_t>(output)]);
    return std::move(result_);
  }

  /// Terms of all repetitions together. On request checks the indices on the way.
  std::int64_t count_terms(const Lowered& lowered, bool checks) {
    lowered_ = &lowered;
    checks_ = checks;
    std::int64_t terms = 0;
    for (const NodeId id : nodes_at_home(lowered.graph, lowered.outputs, -1)) {
      if (is_repetition(lowered.graph[id].op)) terms += walk(id);
    }
    return terms;
  }

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
        if (std::fabs(node.number) > largest || node.number != std::floor(node.number)) return {};
        return Affine::of(static_cast<std::int64_t>(node.number));
      }
      case Op::index:
        return node.symbol < 0 ? Affine::of(n_) : Affine::index(node.symbol);
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

  const Affine& whole(NodeId syntax_node, const char* what) const {
    if (const auto& found = affine(syntax_node)) return *found;
    const SyntaxNode& node = syntax_.nodes[static_cast<std::size_t>(syntax_node)];
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
      case Op::variable:
        if (node.symbol >= 0) return graph.variable(Affine::of(node.symbol));
        {
          Affine component = whole(syntax_.argument(node, 0), "an index");
          if (component.is_constant()) check_index(component.constant, node, {});
          component.constant -= 1;
          return graph.variable(component);
        }
      case Op::index:
        return node.symbol < 0 ? graph.number(static_cast<double>(n_)) : graph.index(node.symbol);
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
        const Range range{node.symbol, whole(syntax_.argument(node, 0), "a bound"),
                          whole(syntax_.argument(node, 1), "a bound")};
        return graph.repeat(node.op, range, made(node, 2));
      }
      default:
        return is_unary(node.op) ? graph.unary(node.op, made(node, 0))
                                 : graph.binary(node.op, made(node, 0), made(node, 1));
    }
  }

  void check_index(std::int64_t index, const SyntaxNode& node, std::span<const std::int64_t> indices) const {
    if (!checks_ || (index >= 1 && index <= n_)) return;
    std::string where;
    for (std::size_t level = 0; level < indices.size(); ++level) {
      if (indices[level] == unset) continue;
      where += (where.empty() ? " in the iteration with index " : ", ") + std::to_string(indices[level]);
    }
    fail(syntax_.text, node.begin, node.end,
         syntax_.variables.front() + "[" + std::to_string(index) + "]" + where + " is none of the variables 1 to " +
             std::to_string(n_));
  }

  const SyntaxNode& origin(NodeId id) const { return syntax_.nodes[static_cast<std::size_t>(origin_.at(id))]; }

  /// Checks the indices in a repetition's body and counts its terms, for the indices outside as they stand.
  std::int64_t walk(NodeId id) {
    const Graph& graph = lowered_->graph;
    const Range range = graph.range(id);
    const std::int64_t lower = range.lower.at(indices_), upper = range.upper.at(indices_);
    if (upper < lower) return 0;
    const auto level = static_cast<std::size_t>(range.level);
    std::vector<NodeId> inner, moving;  // repetitions in the body; those that depend on this index
    const auto body = nodes_at_home_or_inside(id);
    const std::int64_t count = upper - lower + 1;
    if (count <= 0 || count > most_terms) too_many(id);
    for (const NodeId leaf : body.leaves) {
      for (const std::int64_t at : {lower, upper}) {
        indices_[level] = at;
        check_index(graph.affine(leaf).at(indices_) + 1, origin(leaf), indices_);
      }
    }
    std::int64_t terms = count;
    for (const NodeId repetition : body.repetitions) {
      const bool moves = moves_with(repetition, range.level);
      for (std::int64_t at = lower; at <= upper; ++at) {
        indices_[level] = at;
        const std::int64_t inside = walk(repetition);
        terms += moves ? inside : inside * count;
        if (terms > most_terms || inside > most_terms / count) too_many(id);
        if (!moves) break;
      }
    }
    indices_[level] = unset;
    if (terms > most_terms) too_many(id);
    return terms;
  }

  struct Body {
    std::vector<NodeId> leaves, repetitions;  // at home in it
  };
  const Body& nodes_at_home_or_inside(NodeId id) {
    const auto [found, added] = bodies_.try_emplace(id);
    if (added) {
      const Graph& graph = lowered_->graph;
      for (const NodeId node : nodes_at_home(graph, graph.arguments(id), graph.range(id).level)) {
        if (graph[node].op == Op::variable) found->second.leaves.push_back(node);
        if (is_repetition(graph[node].op)) found->second.repetitions.push_back(node);
      }
    }
    return found->second;
  }

  /// Whether anything about the repetition's indices depends on that level.
  bool moves_with(NodeId repetition, int level) {
    const Graph& graph = lowered_->graph;
    const std::uint32_t bit = 1u << level;
    const Range& range = graph.range(repetition);
    if (((range.lower.levels() | range.upper.levels()) & bit) != 0) return true;
    const Body& body = nodes_at_home_or_inside(repetition);
    for (const NodeId leaf : body.leaves) {
      if ((graph[leaf].levels & bit) != 0) return true;
    }
    for (const NodeId inner : body.repetitions) {
      if (moves_with(inner, level)) return true;
    }
    return false;
  }

  [[noreturn]] void too_many(NodeId repetition) const {
    const SyntaxNode& node = origin(repetition);
    fail(syntax_.text, node.begin, node.end,
         "too many terms: an evaluation may have " + std::to_string(most_terms) + " altogether");
  }

  static constexpr std::int64_t unset = INT64_MIN;
  const Syntax& syntax_;
  std::int64_t n_;
  Lowered result_;
  const Lowered* lowered_ = nullptr;
  bool checks_ = true;
  std::vector<NodeId> nodes_;                   // of the graph, for each of the syntax tree's
  std::vector<std::optional<Affine>> affines_;  // the same nodes as whole numbers
  std::unordered_map<NodeId, NodeId> origin_;   // back from the graph
  std::unordered_map<NodeId, Body> bodies_;
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
  Lowering lowering(syntax, n);
  Lowered loops = lowering.run();
  const std::int64_t terms = lowering.count_terms(loops, false);
  if (terms == 0 || terms > written_terms) {
    lowering.count_terms(loops, true);
    return loops;
  }
  Lowered written = WritingOut(loops.graph).run(loops.outputs);
  for (const NodeId id : nodes_at_home(written.graph, written.outputs, -1)) {
    if (written.graph[id].op != Op::variable) continue;
    const std::int64_t component = written.graph.affine(id).constant;
    if (component < 0 || component >= n) lowering.count_terms(loops, true);  // which knows the iteration, and throws
  }
  return written;
}

}  // namespace nabla::formula
