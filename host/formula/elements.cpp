#include "elements.hpp"

#include "print.hpp"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace nabla::formula {

namespace {

constexpr std::int64_t most_written = 32;    // terms of a repetition inside an element
constexpr std::int64_t most_nodes = 20'000;  // of an element

/// What a term is multiplied with, divided by, or negated for.
struct Step {
  Op op;
  NodeId factor = no_node;
};

/// Part of a sum: `root`, after the steps, last one first, in all iterations of the ranges.
struct Term {
  NodeId root;
  std::vector<Step> steps;
  std::vector<Range> ranges;
};

/// Copies terms' bodies to a graph of their own. Running indices of repetitions that are written out are made of those
/// outside.
class ElementCopy {
 public:
  ElementCopy(const Graph& from, std::span<const Range> ranges) : from_(from) {
    made_.ranges.assign(ranges.begin(), ranges.end());
    for (const Range& range : ranges) index_[static_cast<std::size_t>(range.level)] = Affine::index(range.level);
  }

  void add(const Term& term) {
    std::vector<NodeId> roots{term.root};
    for (const Step& step : term.steps) {
      if (step.factor != no_node) roots.push_back(step.factor);
    }
    copy_home(roots, -1);
    for (const Range& range : made_.ranges) copy_home(roots, range.level);
    if (failed()) return;
    Graph& to = made_.element.graph;
    NodeId node = copies_.at(term.root);
    for (auto step = term.steps.rbegin(); step != term.steps.rend(); ++step) {
      node = step->op == Op::negate ? to.negate(node) : to.binary(step->op, node, copies_.at(step->factor));
    }
    sum_ = sum_ == no_node ? node : to.binary(Op::add, sum_, node);
  }

  bool failed() const { return !why_.empty(); }
  const std::string& why() const { return why_; }

  ElementLoops take() {
    if (made_.variables.empty()) made_.variables.push_back(Affine::of(0));  // an element has at least one
    made_.element.outputs = {sum_};
    return std::move(made_);
  }
  const std::vector<Affine>& variables() const { return made_.variables; }

 private:
  void copy_home(std::span<const NodeId> roots, int level) {
    for (const NodeId id : nodes_at_home(from_, roots, level)) {
      if (failed()) return;
      const NodeId made = copy(id);
      if (failed()) return;
      copies_[id] = made;
    }
    if (made_.element.graph.size() > most_nodes) why_ = "an element of it would be too long";
  }

  NodeId copy(NodeId id) {
    Graph& to = made_.element.graph;
    const Node& node = from_[id];
    const auto argument = [&](int k) { return copies_.at(from_.argument(id, k)); };
    switch (node.op) {
      case Op::number:
        return to.number(node.number);
      case Op::parameter:
        return to.parameter(node.symbol);
      case Op::index:
        return number_of(index_[static_cast<std::size_t>(node.symbol)]);
      case Op::variable:
        return variable(at(from_.affine(id)));
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
    Graph& to = made_.element.graph;
    const bool sum = from_[id].op == Op::sum;
    const Range& range = from_.range(id);
    const Affine lower = at(range.lower), upper = at(range.upper);
    Affine apart = upper;
    apart.constant = lower.constant;
    const std::int64_t count = upper.constant - lower.constant + 1;
    if (!(apart == lower) || count > most_written) {
      if (!failed()) {
        why_ = std::string("a ") + (sum ? "sum" : "prod") + " inside it " +
               (apart == lower ? "has more than " + std::to_string(most_written) + " terms"
                               : "does not have as many terms in all iterations");
      }
      return no_node;
    }
    NodeId all = no_node;
    Affine& index = index_[static_cast<std::size_t>(range.level)];
    for (std::int64_t k = 0; k < count; ++k) {
      index = lower;
      index.constant += k;
      copy_home(from_.arguments(id), range.level);
      if (failed()) return no_node;
      const NodeId term = copies_.at(from_.argument(id, 0));
      all = all == no_node ? term : to.binary(sum ? Op::add : Op::multiply, all, term);
    }
    return all == no_node ? to.number(sum ? 0 : 1) : all;
  }

  /// An affine expression by the indices outside.
  Affine at(const Affine& a) {
    __extension__ using Wide = __int128;
    const auto within = [&](Wide value) {
      if (value < -most_whole || value > most_whole) {
        why_ = "an index in it is too large";
        return std::int64_t{0};
      }
      return static_cast<std::int64_t>(value);
    };
    Affine sum = Affine::of(a.constant);
    for (std::size_t level = 0; level < a.coefficient.size(); ++level) {
      const std::int64_t c = a.coefficient[level];
      if (c == 0) continue;
      sum.constant = within(sum.constant + Wide{c} * index_[level].constant);
      for (std::size_t l = 0; l < sum.coefficient.size(); ++l) {
        sum.coefficient[l] = within(sum.coefficient[l] + Wide{c} * index_[level].coefficient[l]);
      }
    }
    return sum;
  }

  NodeId variable(const Affine& component) {
    auto& known = made_.variables;
    auto found = std::ranges::find(known, component);
    if (found == known.end()) {
      if (known.size() == most_of_element) {
        why_ = "an element of it has more than " + std::to_string(most_of_element) + " variables";
        return no_node;
      }
      found = known.insert(known.end(), component);
    }
    return made_.element.graph.variable(Affine::of(found - known.begin()));
  }

  NodeId number_of(const Affine& a) {
    Graph& to = made_.element.graph;
    NodeId sum = no_node;
    for (int level = 0; level < most_levels; ++level) {
      const std::int64_t c = a.coefficient[static_cast<std::size_t>(level)];
      if (c == 0) continue;
      auto found = std::ranges::find(made_.data, level);
      if (found == made_.data.end()) found = made_.data.insert(found, level);
      const NodeId index = to.data(static_cast<int>(found - made_.data.begin()));
      const NodeId term = to.multiply(to.number(static_cast<double>(c)), index);
      sum = sum == no_node ? term : to.binary(Op::add, sum, term);
    }
    const NodeId constant = to.number(static_cast<double>(a.constant));
    if (sum == no_node) return constant;
    return a.constant == 0 ? sum : to.binary(Op::add, sum, constant);
  }

  const Graph& from_;
  ElementLoops made_;
  NodeId sum_ = no_node;
  std::unordered_map<NodeId, NodeId> copies_;
  std::array<Affine, most_levels> index_{};
  std::string why_;
};

/// How far variables are apart from one iteration to the next, if all are as far.
std::optional<std::array<std::int64_t, most_levels>> slopes(std::span<const Affine> variables) {
  for (const Affine& variable : variables) {
    if (variable.coefficient != variables.front().coefficient) return {};
  }
  return variables.front().coefficient;
}

/// Of loops that could be in any order, that over neighbouring variables becomes the innermost.
void put_neighbours_last(ElementLoops& loops) {
  if (!loops.affine()) return;
  const auto apart = *slopes(loops.variables);
  std::ranges::stable_sort(loops.ranges, std::ranges::greater(), [&](const Range& range) {
    const auto slope = static_cast<std::uint64_t>(apart[static_cast<std::size_t>(range.level)]);
    return slope - 1;  // 0: the outermost
  });
}

class Splitting {
 public:
  Splitting(const Syntax& syntax, std::int64_t n) : syntax_(syntax), n_(n), all_(lower(syntax, n, 0)), g_(all_.graph) {
    const auto size = static_cast<std::size_t>(g_.size());
    loops_.resize(size);
    sums_.resize(size);
    for (NodeId id = 0; id < g_.size(); ++id) {
      const auto place = static_cast<std::size_t>(id);
      for (const NodeId argument : g_.arguments(id)) {
        loops_[place] = loops_[place] || loops_[static_cast<std::size_t>(argument)];
        sums_[place] = sums_[place] || (sums_[static_cast<std::size_t>(argument)] && is_linear(id));
      }
      if (!is_repetition(g_[id].op)) continue;
      loops_[place] = true;
      sums_[place] = g_[id].op == Op::sum && g_[id].varies && !is_band(g_.range(id));
    }
  }

  Terms run() {
    for (const Term& top : split({all_.outputs.front(), {}, {}}, true)) {
      std::vector<Term> inside = split(top, false);
      std::string why = why_not(inside);
      if (why.empty()) {
        for (Term& term : inside) group(std::move(term));
      } else {
        rest_.push_back(top);
        if (terms_.refused.empty()) {
          terms_.refused =
              "'" + shortened(print(g_, top.root, syntax_, Notation::text)) + "' is no sum of elements: " + why;
        }
      }
    }
    for (const Group& group : groups_) {
      ElementCopy copy(g_, group.terms.front().ranges);
      for (const Term& term : group.terms) copy.add(term);
      terms_.sums.push_back(copy.take());
      put_neighbours_last(terms_.sums.back());
    }
    if (!rest_.empty()) make_rest();
    return std::move(terms_);
  }

 private:
  /// Terms over the same iterations that become one element.
  struct Group {
    std::vector<Term> terms;
    std::vector<Affine> variables;
  };

  bool has_loops(NodeId id) const { return loops_[static_cast<std::size_t>(id)]; }
  bool has_sums(NodeId id) const { return sums_[static_cast<std::size_t>(id)]; }
  /// Few terms, in another place for each iteration outside: those are written out rather than summed by themselves.
  static bool is_band(const Range& range) {
    Affine apart = range.upper;
    apart.constant = range.lower.constant;
    return !range.lower.is_constant() && apart == range.lower &&
           range.upper.constant - range.lower.constant < most_written;
  }
  bool is_factor(NodeId id) const { return !g_[id].varies && !has_loops(id); }
  /// Whether a sum that is an argument can be pulled to the top of it.
  bool is_linear(NodeId id) const {
    switch (g_[id].op) {
      case Op::add:
      case Op::subtract:
      case Op::negate:
        return true;
      case Op::multiply:
        return is_factor(g_.argument(id, 0)) || is_factor(g_.argument(id, 1));
      case Op::divide:
        return is_factor(g_.argument(id, 1));
      default:
        return false;
    }
  }

  /// Whether a node without repetitions reads few variables.
  bool is_small(NodeId root) const {
    std::vector<NodeId> open{root};
    std::unordered_set<NodeId> seen{root};
    std::size_t variables = 0;
    while (!open.empty()) {
      const NodeId id = open.back();
      open.pop_back();
      if (g_[id].op == Op::variable && ++variables > most_of_element) return false;
      for (const NodeId argument : g_.arguments(id)) {
        if (seen.insert(argument).second) open.push_back(argument);
      }
    }
    return true;
  }

  /// The terms of a term, in order; `top`: not those inside sums.
  std::vector<Term> split(Term whole, bool top) const {
    std::vector<Term> found, open{std::move(whole)};
    while (!open.empty()) {
      Term term = std::move(open.back());
      open.pop_back();
      const NodeId id = term.root;
      const auto go_on = [&](NodeId argument, std::optional<Step> step) {
        Term next = term;
        next.root = argument;
        if (step) next.steps.push_back(*step);
        open.push_back(std::move(next));
      };
      const bool whole_element = !has_sums(id) && (has_loops(id) || is_small(id));
      const Op op = g_[id].op;
      if (op == Op::sum && has_sums(id) && !top) {
        term.ranges.push_back(g_.range(id));
        go_on(g_.argument(id, 0), {});
      } else if (whole_element || !is_linear(id)) {
        found.push_back(std::move(term));
      } else if (op == Op::add || op == Op::subtract) {
        go_on(g_.argument(id, 1), op == Op::add ? std::nullopt : std::optional(Step{Op::negate}));
        go_on(g_.argument(id, 0), {});
      } else if (op == Op::negate) {
        go_on(g_.argument(id, 0), Step{Op::negate});
      } else {
        const int factor = op == Op::divide || is_factor(g_.argument(id, 1)) ? 1 : 0;
        go_on(g_.argument(id, 1 - factor), Step{op, g_.argument(id, factor)});
      }
    }
    return found;
  }

  /// Why one of the terms can't be an element; empty: all can.
  std::string why_not(std::span<const Term> terms) {
    copied_.clear();
    for (const Term& term : terms) {
      ElementCopy copy(g_, term.ranges);
      copy.add(term);
      if (copy.failed()) return copy.why();
      const std::vector<Affine> variables = copy.variables();
      copied_.push_back(variables);
      ElementLoops loops = copy.take();
      if (loops.ranges.empty() || loops.affine()) continue;
      const auto slots = static_cast<std::int64_t>(loops.variables.size());
      if (loops.count() > most_entries / slots) return "a table of its indices would be too large";
    }
    next_copied_ = 0;
    return "";
  }

  /// Adds a term to a group, if that makes no element larger than the others in its group are.
  void group(Term term) {
    const std::vector<Affine>& variables = copied_[next_copied_++];
    for (auto at = groups_.rbegin(); at != groups_.rend(); ++at) {
      if (at->terms.front().ranges != term.ranges) continue;
      std::vector<Affine> both = at->variables;
      for (const Affine& variable : variables) {
        if (std::ranges::find(both, variable) == both.end()) both.push_back(variable);
      }
      const bool same = both.size() == std::max(variables.size(), at->variables.size());
      const bool alike = both.empty() || slopes(both) || !slopes(at->variables);
      if (term.ranges.empty() ? both.size() > most_of_element : !(same && alike)) {
        if (term.ranges.empty()) break;  // the latest of those, so that many stay few comparisons
        continue;
      }
      at->terms.push_back(std::move(term));
      at->variables = std::move(both);
      return;
    }
    groups_.push_back({{std::move(term)}, variables});
  }

  void make_rest() {
    Graph& graph = all_.graph;
    NodeId sum = no_node;
    for (const Term& term : rest_) {
      NodeId node = term.root;
      for (auto step = term.steps.rbegin(); step != term.steps.rend(); ++step) {
        node = step->op == Op::negate ? graph.negate(node) : graph.binary(step->op, node, step->factor);
      }
      sum = sum == no_node ? node : graph.binary(Op::add, sum, node);
    }
    // One that is all there is may as well be written out, as formulas are by themselves.
    if (terms_.sums.empty()) {
      terms_.rest = lower(syntax_, n_);
    } else {
      all_.outputs = {sum};
      terms_.rest = std::move(all_);
    }
  }

  static std::string shortened(const std::string& text) {
    constexpr std::size_t most = 120;
    return text.size() <= most ? text : text.substr(0, most) + "…";
  }

  const Syntax& syntax_;
  std::int64_t n_;
  Lowered all_;
  const Graph& g_;
  std::vector<bool> loops_;  // whether a node has a repetition in it
  std::vector<bool> sums_;   // and whether one is a term of it
  std::vector<Term> rest_;
  std::vector<Group> groups_;
  std::vector<std::vector<Affine>> copied_;  // the variables of the terms looked at last
  std::size_t next_copied_ = 0;
  Terms terms_;
};

}  // namespace

std::optional<nabla::Affine> ElementLoops::affine() const {
  const auto apart = slopes(variables);
  if (!apart || ranges.size() > 3) return {};
  nabla::Affine made{{1, 1, 1}, {0, 0, 0}, {}};
  std::array<std::int64_t, most_levels> first{};
  for (std::size_t d = 0; d < ranges.size(); ++d) {  // the innermost loop is the fastest
    const Range& range = ranges[ranges.size() - 1 - d];
    const auto level = static_cast<std::size_t>(range.level);
    if (!range.lower.is_constant() || !range.upper.is_constant() || (*apart)[level] < 0) return {};
    made.extent[d] = std::max<std::int64_t>(0, range.upper.constant - range.lower.constant + 1);
    made.stride[d] = (*apart)[level];
    first[level] = range.lower.constant;
  }
  for (const Affine& variable : variables) made.offsets.push_back(variable.at(first));
  return made;
}

void ElementLoops::for_each(const std::function<void(std::span<const std::int64_t>)>& use) const {
  std::array<std::int64_t, most_levels> indices{};
  const auto run = [&](const auto& self, std::size_t depth) -> void {
    if (depth == ranges.size()) return use(indices);
    const Range& range = ranges[depth];
    const auto level = static_cast<std::size_t>(range.level);
    const std::int64_t upper = range.upper.at(indices);
    for (std::int64_t at = range.lower.at(indices); at <= upper; ++at) {
      indices[level] = at;
      self(self, depth + 1);
    }
    indices[level] = 0;
  };
  run(run, 0);
}

std::int64_t ElementLoops::count() const {
  std::array<std::int64_t, most_levels> indices{};
  const auto run = [&](const auto& self, std::size_t depth) -> std::int64_t {
    if (depth == ranges.size()) return 1;
    const Range& range = ranges[depth];
    const auto level = static_cast<std::size_t>(range.level);
    const std::int64_t lower = range.lower.at(indices), upper = range.upper.at(indices);
    if (depth + 1 == ranges.size()) return std::max<std::int64_t>(0, upper - lower + 1);
    std::int64_t all = 0;
    for (std::int64_t at = lower; at <= upper; ++at) {
      indices[level] = at;
      all += self(self, depth + 1);
    }
    indices[level] = 0;
    return all;
  };
  return run(run, 0);
}

Terms terms_of(const Syntax& syntax, std::int64_t n) { return Splitting(syntax, n).run(); }

}  // namespace nabla::formula
