#include "differentiate.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <numbers>
#include <span>
#include <unordered_set>
#include <utility>

namespace nabla::formula {

namespace {

/// The rules of differentiation: w times the partial derivative of a node by its k-th argument, no_node for 0.
///
/// To be made anew for each node. `guarded` rules multiply such that 0 wins over infinity and NaN: behind a choice,
/// where w is 0 in the branch that was not taken, and where a slope may be infinite though the function is finite.
/// Forward, w is 0 wherever the direction does not move the node; slopes with a pole are guarded there as well, as
/// detail::product does in the arithmetic of dual numbers.
class Rules {
 public:
  enum class Way { forward, reverse };
  Rules(Graph& graph, Way way, bool guarded) : g_(graph), forward_(way == Way::forward), guarded_(guarded) {}

  NodeId pull(NodeId id, int k, NodeId w) {
    const NodeId a = g_.argument(id, 0);
    const NodeId b = g_[id].arguments > 1 ? g_.argument(id, 1) : no_node;
    switch (g_[id].op) {
      case Op::negate:
        return g_.negate(w);
      case Op::add:
        return w;
      case Op::subtract:
        return k == 0 ? w : g_.negate(w);
      case Op::multiply:
      case Op::guarded_multiply:
        return times(k == 0 ? b : a, w, g_[id].op == Op::guarded_multiply);
      case Op::divide:
        // The slope 1/b by itself only where it must be told from a zero w.
        if (k == 0) {
          const bool pole = (guarded_ || forward_) && !is_nonzero(b) && !is_nonzero(w);
          return pole ? times(g_.divide(one(), b), w, true) : g_.divide(w, b);
        }
        return g_.negate(times(g_.divide(id, b), w, forward_));
      case Op::power:
        return power(id, a, b, k, w);
      case Op::where:
        if (k == 0) return no_node;
        return k == 1 ? g_.where(a, w, zero()) : g_.where(a, zero(), w);
      case Op::min:
      case Op::max:
        return share(id, k, w);
      case Op::atan2: {  // atan2(a, b); the division by r twice, so that r^2 can neither overflow nor vanish
        const NodeId r = g_.binary(Op::hypot, b, a);
        const NodeId slope = g_.divide(g_.divide(k == 0 ? b : a, r), r);
        return times(k == 0 ? slope : g_.negate(slope), w, true);
      }
      case Op::hypot: {
        const NodeId slope = g_.divide(k == 0 ? a : b, id);
        return times(g_.where(g_.binary(Op::equal, id, zero()), zero(), slope), w);
      }
      default:
        return unary(id, a, w);
    }
  }

  NodeId pull_one_minus_square(NodeId a, NodeId w) { return g_.negate(smooth_power(a, 2, w)); }

 private:
  NodeId number(double x) { return g_.number(x); }
  NodeId zero() { return number(0); }
  NodeId one() { return number(1); }
  bool is_nonzero(NodeId id) { return g_.is_number(id) && std::isfinite(g_[id].number) && g_[id].number != 0; }
  NodeId times(NodeId slope, NodeId w, bool guard = false) {
    if (g_.scaled(w).second != w && g_.scaled(slope).second == slope) std::swap(slope, w);  // constants in front
    return g_.binary(guard || guarded_ ? Op::guarded_multiply : Op::multiply, slope, w);
  }
  NodeId square(NodeId a) { return g_.binary(Op::power, a, number(2)); }
  NodeId one_minus_square(NodeId a) { return g_.multiply(g_.binary(Op::subtract, one(), a), g_.add(one(), a)); }

  NodeId unary(NodeId id, NodeId a, NodeId w) {
    const auto edge = [&](NodeId slope) { return times(slope, w, true); };  // infinite where the function is finite
    switch (g_[id].op) {
      case Op::sqrt:
        return edge(g_.divide(number(0.5), id));
      case Op::cbrt:
        return edge(g_.divide(one(), g_.multiply(number(3), square(id))));
      case Op::exp:
        return times(id, w);
      case Op::expm1:
        return times(g_.unary(Op::exp, a), w);
      case Op::log:
        return edge(g_.divide(one(), a));
      case Op::log1p:
        return edge(g_.divide(one(), g_.add(one(), a)));
      case Op::log2:
        return edge(g_.divide(one(), g_.multiply(number(std::numbers::ln2), a)));
      case Op::log10:
        return edge(g_.divide(one(), g_.multiply(number(std::numbers::ln10), a)));
      case Op::sin:
        return times(g_.unary(Op::cos, a), w);
      case Op::cos:
        return g_.negate(times(g_.unary(Op::sin, a), w));
      case Op::tan:
        return times(g_.add(one(), square(id)), w);
      case Op::asin:
        return edge(g_.divide(one(), g_.unary(Op::sqrt, one_minus_square(a))));
      case Op::acos:
        return g_.negate(edge(g_.divide(one(), g_.unary(Op::sqrt, one_minus_square(a)))));
      case Op::atan:
        return times(g_.divide(one(), g_.add(one(), square(a))), w);
      case Op::sinh:
        return times(g_.unary(Op::cosh, a), w);
      case Op::cosh:
        return times(g_.unary(Op::sinh, a), w);
      case Op::tanh:
        // 1 - tanh^2 would lose its digits far from 0, a form in exp(-2|a|) those of the next derivative near 0. Where
        // cosh overflows this is 0, and so is the next one: there the 0 wins over the infinite sinh.
        return times(square(g_.divide(one(), g_.unary(Op::cosh, a))), w);
      case Op::asinh:
        return times(g_.divide(one(), g_.binary(Op::hypot, one(), a)), w);
      case Op::acosh:
        return edge(g_.divide(one(), g_.multiply(g_.unary(Op::sqrt, g_.binary(Op::subtract, a, one())),
                                                 g_.unary(Op::sqrt, g_.add(a, one())))));
      case Op::atanh:
        return edge(g_.divide(one(), one_minus_square(a)));
      case Op::erf:
        return times(gauss(a), w);
      case Op::erfc:
        return g_.negate(times(gauss(a), w));
      case Op::abs:
        return times(g_.unary(Op::sign, a), w);
      default:
        return no_node;  // sign and comparisons: flat
    }
  }

  NodeId gauss(NodeId a) {
    return g_.multiply(number(2 * std::numbers::inv_sqrtpi), g_.unary(Op::exp, g_.negate(square(a))));
  }

  /// w n a^(n-1) for a whole n >= 1, with what is constant in front and powers of a together: what the slope of a power
  /// is multiplied by is often another power, or divided by its exponent.
  NodeId smooth_power(NodeId a, double n, NodeId w) {
    double factor = n, exponent = n - 1;
    bool minus = g_[w].op == Op::negate;
    if (minus) w = g_.argument(w, 0);
    const auto take = [&](double c, NodeId rest) {
      // Below 1 it might vanish before the rest of w makes up for it.
      const bool safe = g_.is_number(rest) ? std::isnormal(c) : std::fabs(c) >= 1 && std::fabs(c) <= 0x1p10;
      if (safe) factor = c, w = rest;
    };
    if (is_nonzero(w)) {
      const double c = n * g_[w].number;
      if (c == std::floor(c) || std::fma(n, g_[w].number, -c) == 0) take(c, one());
    } else if (const auto [c, rest] = g_.scaled(w); rest != w && std::fma(n, c, -(n * c)) == 0) {
      take(n * c, rest);
    } else if (g_[w].op == Op::divide && is_nonzero(g_.argument(w, 1))) {
      const double d = g_[g_.argument(w, 1)].number;
      if (std::fma(n / d, d, -n) == 0) take(n / d, g_.argument(w, 0));
    }
    if (factor < 0) factor = -factor, minus = !minus;
    if (w == a && !guarded_) ++exponent, w = one();
    if (!guarded_ && g_[w].op == Op::power && g_.argument(w, 0) == a && is_nonzero(g_.argument(w, 1))) {
      const double other = g_[g_.argument(w, 1)].number;
      if (other >= 1 && other == std::floor(other) && other + exponent <= 64) exponent += other, w = one();
    }
    const NodeId slope = g_.multiply(number(factor), g_.binary(Op::power, a, number(exponent)));
    const NodeId pulled = times(slope, w);
    return minus ? g_.negate(pulled) : pulled;
  }

  NodeId power(NodeId id, NodeId a, NodeId b, int k, NodeId w) {
    if (k == 0 && g_.is_number(b)) {
      const double exponent = g_[b].number;
      if (exponent == std::floor(exponent) && exponent >= 1) return smooth_power(a, exponent, w);
      return times(g_.multiply(b, g_.binary(Op::power, a, number(exponent - 1))), w, true);
    }
    if (k == 0) {
      // y x^(y-1), and 0 where y is 0 whatever x is.
      const NodeId below = g_.binary(Op::power, a, g_.binary(Op::subtract, b, one()));
      return times(g_.binary(Op::guarded_multiply, below, b), w, true);
    }
    const NodeId slope = g_.multiply(id, g_.unary(Op::log, a));
    const NodeId at_zero = g_.where(g_.binary(Op::greater, b, zero()), zero(), slope);
    return times(g_.where(g_.binary(Op::equal, a, zero()), at_zero, slope), w, true);
  }

  /// Of the arguments that attain the extreme, each has an equal share of the slope.
  NodeId share(NodeId id, int k, NodeId w) {
    const NodeId mine = g_.argument(id, k);
    if (g_[id].arguments == 2) {
      const NodeId other = g_.argument(id, 1 - k);
      const NodeId same = g_.binary(Op::equal, g_.argument(id, 0), g_.argument(id, 1));
      const NodeId tie = g_.where(same, g_.multiply(number(0.5), w), zero());
      return g_.where(g_.binary(g_[id].op == Op::max ? Op::greater : Op::less, mine, other), w, tie);
    }
    if (ties_ == no_node) {
      ties_ = zero();
      for (int other = 0; other < g_[id].arguments; ++other) {
        ties_ = g_.add(ties_, g_.binary(Op::equal, g_.argument(id, other), id));
      }
    }
    return g_.where(g_.binary(Op::equal, mine, id), g_.divide(w, ties_), zero());
  }

  Graph& g_;
  bool forward_, guarded_;
  NodeId ties_ = no_node;  // how many arguments of the node attain its extreme
};

/// Whether a slope of the node can be infinite where its value is finite, or its arguments invalid where it is not.
bool exposes_arguments(const Graph& graph, NodeId id) {
  switch (graph[id].op) {
    case Op::where:
    case Op::min:
    case Op::max:
    case Op::sqrt:
    case Op::cbrt:
    case Op::asin:
    case Op::acos:
    case Op::acosh:
    case Op::guarded_multiply:
      return true;
    case Op::power: {
      const NodeId exponent = graph.argument(id, 1);
      return !(graph.is_number(exponent) && graph[exponent].number == std::floor(graph[exponent].number));
    }
    default:
      return false;
  }
}

/// The nodes that only guarded rules may be used for: what choices and infinite slopes lead to.
std::unordered_set<NodeId> exposed_nodes(const Graph& graph, std::span<const NodeId> roots) {
  std::vector<NodeId> open(roots.begin(), roots.end());
  std::unordered_set<NodeId> seen(roots.begin(), roots.end()), exposed;
  const auto expose = [&](NodeId from) {
    std::vector<NodeId> below{from};
    while (!below.empty()) {
      const NodeId id = below.back();
      below.pop_back();
      if (!exposed.insert(id).second) continue;
      for (const NodeId argument : graph.arguments(id)) below.push_back(argument);
    }
  };
  while (!open.empty()) {
    const NodeId id = open.back();
    open.pop_back();
    const auto arguments = graph.arguments(id);
    if (exposes_arguments(graph, id)) {
      for (const NodeId argument : arguments) expose(argument);
    }
    for (const NodeId argument : arguments) {
      if (seen.insert(argument).second) open.push_back(argument);
    }
  }
  return exposed;
}

/// The a of (1 - a)(1 + a), or no_node. The slope is made of it in one piece, -2 a: the digits that this has near 0 the
/// two factors' slopes would lose to each other.
NodeId root_of_one_minus_square(const Graph& g, NodeId id) {
  if (g[id].op != Op::multiply) return no_node;
  for (const int k : {0, 1}) {
    const NodeId difference = g.argument(id, k), sum = g.argument(id, 1 - k);
    if (g[difference].op != Op::subtract || g[sum].op != Op::add || !g.is_number(g.argument(difference, 0), 1))
      continue;
    const NodeId a = g.argument(difference, 1), b = g.argument(sum, 0), c = g.argument(sum, 1);
    if ((b == a && g.is_number(c, 1)) || (c == a && g.is_number(b, 1))) return a;
  }
  return no_node;
}

/// w times the derivative of a product by its factor in one iteration: the product of the others, without dividing by
/// a factor that is 0. Where one other factor is 0 too the result is 0, but stated such that its derivative by that
/// factor is right: q (s - factor), with q the product of all that are not 0 and s the sum of those that are. (Right to
/// the second derivative of the product, which is as far as anything here goes.)
NodeId pull_factor(Graph& g, NodeId product, NodeId w, bool guarded) {
  const Range range = g.range(product);
  const NodeId factor = g.argument(product, 0), zero = g.number(0);
  const NodeId vanishes = g.binary(Op::equal, factor, zero);
  const NodeId zeros = g.repeat(Op::sum, range, vanishes);
  const NodeId q = g.repeat(Op::product, range, g.where(vanishes, g.number(1), factor));
  const NodeId s = g.repeat(Op::sum, range, g.where(vanishes, factor, zero));
  const NodeId one_other = g.multiply(q, g.binary(Op::subtract, s, factor));
  const NodeId with_others = g.where(g.binary(Op::equal, zeros, g.number(2)), one_other, zero);
  const NodeId at_zero = g.where(g.binary(Op::equal, zeros, g.number(1)), q, with_others);
  const NodeId slope = g.where(vanishes, at_zero, g.divide(product, factor));
  return g.binary(guarded ? Op::guarded_multiply : Op::multiply, slope, w);
}

class Reverse {
 public:
  Reverse(Graph& graph, NodeId root) : g_(graph), exposed_(exposed_nodes(graph, std::array{root})) {}

  Sweep run(NodeId root) {
    Sweep sweep;
    Adjoints adjoints;
    if (g_[root].varies) adjoints[root].push_back(g_.number(1));
    sweep_scope(-1, adjoints, nullptr, sweep);
    return sweep;
  }

 private:
  /// What is to be added up to each node's adjoint, the latest consumer's first; the latest node first.
  using Adjoints = std::map<NodeId, std::vector<NodeId>, std::greater<>>;

  /// Runs through the nodes at home at that level; what lies further out goes to `outer`, summed over the range.
  void sweep_scope(int level, Adjoints& adjoints, Adjoints* outer, Sweep& sweep) {
    while (!adjoints.empty()) {
      const auto first = adjoints.begin();
      const NodeId id = first->first;
      NodeId adjoint = first->second.back();
      for (auto at = first->second.rbegin() + 1; at != first->second.rend(); ++at) adjoint = g_.add(adjoint, *at);
      adjoints.erase(first);
      if (outer != nullptr && g_[id].home() < level) {
        (*outer)[id].push_back(g_.repeat(Op::sum, sweep.range, adjoint));
      } else if (g_[id].op == Op::variable) {
        sweep.contributions.push_back({g_.affine(id), adjoint});
      } else if (is_repetition(g_[id].op)) {
        Sweep inner;
        inner.range = g_.range(id);
        inner.range_id = g_[id].symbol;
        const NodeId body = g_.argument(id, 0);
        if (!g_[body].varies) continue;
        Adjoints inside;
        inside[body].push_back(g_[id].op == Op::sum ? adjoint : pull_factor(g_, id, adjoint, exposed_.contains(id)));
        sweep_scope(inner.range.level, inside, &adjoints, inner);
        if (!inner.contributions.empty() || !inner.inner.empty()) sweep.inner.push_back(std::move(inner));
      } else {
        Rules rules(g_, Rules::Way::reverse, exposed_.contains(id));
        const auto pull = [&](NodeId argument, NodeId pulled) {
          if (pulled != no_node && !g_.is_number(pulled, 0)) adjoints[argument].push_back(pulled);
        };
        if (const NodeId a = root_of_one_minus_square(g_, id); a != no_node) {
          if (g_[a].varies) pull(a, rules.pull_one_minus_square(a, adjoint));
          continue;
        }
        for (int k = 0; k < g_[id].arguments; ++k) {
          const NodeId argument = g_.argument(id, k);
          if (g_[argument].varies) pull(argument, rules.pull(id, k, adjoint));
        }
      }
    }
  }

  Graph& g_;
  std::unordered_set<NodeId> exposed_;
};

}  // namespace

Sweep gradient(Graph& graph, NodeId root) { return Reverse(graph, root).run(root); }

NodeId Tangents::seed(NodeId variable) {
  const Affine component = graph_.affine(variable);
  if (axis_ < 0) return graph_.direction(component);
  if (component.is_constant()) return component.constant == axis_ ? graph_.number(1) : no_node;
  // The constant goes to the other side as a whole number: in f32 far indices can't be told apart, few are far without
  // a constant (lower() sees to that).
  NodeId index = graph_.number(0);
  for (int level = 0; level < most_levels; ++level) {
    const std::int64_t c = component.coefficient[static_cast<std::size_t>(level)];
    if (c != 0) index = graph_.add(index, graph_.multiply(graph_.number(static_cast<double>(c)), graph_.index(level)));
  }
  return graph_.binary(Op::equal, index, graph_.number(static_cast<double>(axis_ - component.constant)));
}

NodeId Tangents::of(NodeId root) {
  exposed_ = exposed_nodes(graph_, std::array{root});
  return tangent(root);
}

Sweep Tangents::of(const Sweep& sweep) {
  // Once for all of it: a node that two contributions share has one tangent.
  std::vector<NodeId> roots;
  std::vector<const Sweep*> open{&sweep};
  while (!open.empty()) {
    const Sweep& part = *open.back();
    open.pop_back();
    for (const Contribution& contribution : part.contributions) roots.push_back(contribution.value);
    for (const Sweep& inner : part.inner) open.push_back(&inner);
  }
  exposed_ = exposed_nodes(graph_, roots);
  return tangents(sweep);
}

NodeId Tangents::tangent(NodeId root) {
  // All that the root is made of, inside repetitions too, arguments first.
  std::vector<NodeId> order, open{root};
  std::unordered_set<NodeId> seen{root};
  while (!open.empty()) {
    const NodeId id = open.back();
    open.pop_back();
    if (known_.contains(id)) continue;
    order.push_back(id);
    for (const NodeId argument : graph_.arguments(id)) {
      if (seen.insert(argument).second) open.push_back(argument);
    }
  }
  std::ranges::sort(order);
  for (const NodeId id : order) {
    NodeId tangent = no_node;
    const Op op = graph_[id].op;
    if (!graph_[id].varies) {
    } else if (op == Op::variable) {
      tangent = seed(id);
    } else if (is_repetition(op)) {
      const NodeId inside = known_.at(graph_.argument(id, 0));
      if (inside != no_node) {
        const Range range = graph_.range(id);
        const NodeId term = op == Op::sum ? inside : pull_factor(graph_, id, inside, exposed_.contains(id));
        tangent = graph_.repeat(Op::sum, range, term);
      }
    } else if (const NodeId a = root_of_one_minus_square(graph_, id); a != no_node) {
      Rules rules(graph_, Rules::Way::forward, exposed_.contains(id));
      if (known_.at(a) != no_node) tangent = rules.pull_one_minus_square(a, known_.at(a));
    } else {
      Rules rules(graph_, Rules::Way::forward, exposed_.contains(id));
      for (int k = 0; k < graph_[id].arguments; ++k) {
        const NodeId inside = known_.at(graph_.argument(id, k));
        const NodeId pulled = inside == no_node ? no_node : rules.pull(id, k, inside);
        if (pulled != no_node) tangent = tangent == no_node ? pulled : graph_.add(tangent, pulled);
      }
    }
    if (tangent != no_node && graph_.is_number(tangent, 0)) tangent = no_node;
    known_[id] = tangent;
  }
  return known_.at(root);
}

Sweep Tangents::tangents(const Sweep& sweep) {
  Sweep result;
  result.range = sweep.range;
  result.range_id = sweep.range_id;
  for (const auto& [target, value] : sweep.contributions) {
    const NodeId moved = tangent(value);
    if (moved != no_node) result.contributions.push_back({target, moved});
  }
  for (const Sweep& inner : sweep.inner) {
    Sweep moved = tangents(inner);
    if (!moved.contributions.empty() || !moved.inner.empty()) result.inner.push_back(std::move(moved));
  }
  return result;
}

}  // namespace nabla::formula
