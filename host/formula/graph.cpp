#include "graph.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <unordered_set>

namespace nabla::formula {

Affine Affine::index(int level) {
  Affine affine;
  affine.coefficient[static_cast<std::size_t>(level)] = 1;
  return affine;
}

bool Affine::is_constant() const { return levels() == 0; }

std::uint32_t Affine::levels() const {
  std::uint32_t bits = pinned;
  for (std::size_t level = 0; level < coefficient.size(); ++level) {
    if (coefficient[level] != 0) bits |= 1u << level;
  }
  return bits;
}

__extension__ using Wide = __int128;

std::int64_t Affine::at(std::span<const std::int64_t> indices) const {
  Wide sum = constant;
  for (std::size_t level = 0; level < indices.size(); ++level) sum += Wide{coefficient[level]} * indices[level];
  return static_cast<std::int64_t>(std::clamp<Wide>(sum, -most_whole, most_whole));
}

bool Affine::is_within_limits(std::span<const std::int64_t> indices) const {
  const auto size = [](Wide a) { return a < 0 ? -a : a; };
  Wide sum = size(constant);
  for (std::size_t level = 0; level < indices.size(); ++level) sum += size(Wide{coefficient[level]} * indices[level]);
  return sum <= most_whole;
}

int Node::home() const { return static_cast<int>(std::bit_width(levels)) - 1; }

std::vector<NodeId> nodes_at_home(const Graph& graph, std::span<const NodeId> roots, int level) {
  std::vector<NodeId> found, open(roots.begin(), roots.end());
  std::unordered_set<NodeId> seen(roots.begin(), roots.end());
  while (!open.empty()) {
    const NodeId id = open.back();
    open.pop_back();
    if (graph[id].home() < level) continue;  // and so are its arguments: at home further out
    if (graph[id].home() == level) found.push_back(id);
    for (const NodeId argument : graph.arguments(id)) {
      if (seen.insert(argument).second) open.push_back(argument);
    }
  }
  std::ranges::sort(found);
  return found;
}

double apply(Op op, double a, double b) {
  switch (op) {
    case Op::negate:
      return -a;
    case Op::sqrt:
      return std::sqrt(a);
    case Op::cbrt:
      return std::cbrt(a);
    case Op::exp:
      return std::exp(a);
    case Op::expm1:
      return std::expm1(a);
    case Op::log:
      return std::log(a);
    case Op::log1p:
      return std::log1p(a);
    case Op::log2:
      return std::log2(a);
    case Op::log10:
      return std::log10(a);
    case Op::sin:
      return std::sin(a);
    case Op::cos:
      return std::cos(a);
    case Op::tan:
      return std::tan(a);
    case Op::asin:
      return std::asin(a);
    case Op::acos:
      return std::acos(a);
    case Op::atan:
      return std::atan(a);
    case Op::sinh:
      return std::sinh(a);
    case Op::cosh:
      return std::cosh(a);
    case Op::tanh:
      return std::tanh(a);
    case Op::asinh:
      return std::asinh(a);
    case Op::acosh:
      return std::acosh(a);
    case Op::atanh:
      return std::atanh(a);
    case Op::erf:
      return std::erf(a);
    case Op::erfc:
      return std::erfc(a);
    case Op::abs:
      return std::fabs(a);
    case Op::sign:
      return a > 0 ? 1 : a < 0 ? -1 : a == 0 ? 0 : a;
    case Op::add:
      return a + b;
    case Op::subtract:
      return a - b;
    case Op::multiply:
      return a * b;
    case Op::guarded_multiply:
      return a == 0 || b == 0 ? 0 : a * b;
    case Op::divide:
      return a / b;
    case Op::power:
      return std::pow(a, b);
    case Op::less:
      return a < b;
    case Op::less_equal:
      return a <= b;
    case Op::greater:
      return a > b;
    case Op::greater_equal:
      return a >= b;
    case Op::equal:
      return a == b;
    case Op::not_equal:
      return a != b;
    case Op::atan2:
      return std::atan2(a, b);
    case Op::hypot:
      return std::hypot(a, b);
    case Op::max:
      return a > b || b != b ? (a != a ? a : a > b ? a : b) : (a != a ? a : b);
    case Op::min:
      return a < b || b != b ? (a != a ? a : a < b ? a : b) : (a != a ? a : b);
    default:
      return std::numeric_limits<double>::quiet_NaN();
  }
}

namespace {

std::uint64_t mix(std::uint64_t hash, std::uint64_t value) {  // splitmix64's finaliser
  hash += value + 0x9e3779b97f4a7c15u;
  hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9u;
  hash = (hash ^ (hash >> 27)) * 0x94d049bb133111ebu;
  return hash ^ (hash >> 31);
}

std::uint64_t hash_of(const Affine& affine) {
  std::uint64_t hash = static_cast<std::uint64_t>(affine.constant);
  for (const std::int64_t c : affine.coefficient) hash = mix(hash, static_cast<std::uint64_t>(c));
  return mix(hash, affine.pinned);
}

std::uint64_t hash_of(Op op, std::int32_t symbol, double number, std::span<const NodeId> arguments) {
  std::uint64_t hash = mix(static_cast<std::uint64_t>(op), static_cast<std::uint32_t>(symbol));
  hash = mix(hash, std::bit_cast<std::uint64_t>(number));
  for (const NodeId id : arguments) hash = mix(hash, static_cast<std::uint32_t>(id));
  return hash;
}

bool is_power_of_two(double c) {
  int exponent;
  return std::fabs(std::frexp(c, &exponent)) == 0.5;
}

/// Whether c (d x) is (c d) x to the bit, numbers below the smallest normal one aside: one of the two roundings is
/// none, and d x can neither overflow nor vanish before all does.
bool may_merge(double c, double d) {
  return std::fabs(c) >= 1 && std::fabs(d) >= 1 && std::isfinite(c * d) && std::fma(c, d, -(c * d)) == 0 &&
         (is_power_of_two(c) || is_power_of_two(d));
}

}  // namespace

NodeId Graph::find(Op op, std::int32_t symbol, double number, std::span<const NodeId> arguments) const {
  const auto [begin, end] = by_hash_.equal_range(hash_of(op, symbol, number, arguments));
  for (auto at = begin; at != end; ++at) {
    const Node& node = (*this)[at->second];
    if (node.op == op && node.symbol == symbol &&
        std::bit_cast<std::uint64_t>(node.number) == std::bit_cast<std::uint64_t>(number) &&
        std::ranges::equal(this->arguments(at->second), arguments)) {
      return at->second;
    }
  }
  return no_node;
}

NodeId Graph::make(Op op, std::int32_t symbol, double number, std::span<const NodeId> arguments) {
  const NodeId known = find(op, symbol, number, arguments);
  if (known != no_node) return known;
  Node node{op, symbol, number, static_cast<std::int32_t>(arguments_.size()),
            static_cast<std::int32_t>(arguments.size())};
  node.varies = op == Op::variable;
  for (const NodeId id : arguments) {
    node.levels |= (*this)[id].levels;
    node.varies = node.varies || (*this)[id].varies;
  }
  if (op == Op::index) node.levels = 1u << symbol;
  if (op == Op::variable || op == Op::direction) node.levels = affines_[static_cast<std::size_t>(symbol)].levels();
  if (is_repetition(op)) {
    const Range& range = ranges_[static_cast<std::size_t>(symbol)];
    node.levels &= ~(1u << range.level);
    node.levels |= range.lower.levels() | range.upper.levels();
  }
  if (is_comparison(op) || op == Op::sign) node.varies = false;  // their derivatives are 0
  const NodeId id = size();
  by_hash_.emplace(hash_of(op, symbol, number, arguments), id);
  nodes_.push_back(node);
  arguments_.insert(arguments_.end(), arguments.begin(), arguments.end());
  return id;
}

NodeId Graph::number(double value) { return make(Op::number, -1, value, {}); }
NodeId Graph::parameter(int place) { return make(Op::parameter, place, 0, {}); }
NodeId Graph::index(int level) { return make(Op::index, level, 0, {}); }
NodeId Graph::data(int place) { return make(Op::data, place, 0, {}); }

NodeId Graph::leaf(Op op, const Affine& component) {
  const std::uint64_t hash = hash_of(component);
  const auto [begin, end] = affine_by_hash_.equal_range(hash);
  for (auto at = begin; at != end; ++at) {
    if (affines_[static_cast<std::size_t>(at->second)] == component) return make(op, at->second, 0, {});
  }
  const auto place = static_cast<std::int32_t>(affines_.size());
  affines_.push_back(component);
  affine_by_hash_.emplace(hash, place);
  return make(op, place, 0, {});
}

NodeId Graph::unary(Op op, NodeId a) {
  const Node node = (*this)[a];
  if (node.op == Op::number) return number(apply(op, node.number));
  if (op == Op::negate) {
    if (node.op == Op::negate) return argument(a, 0);
    if (const auto [factor, rest] = scaled(a); rest != a) return multiply(number(-factor), rest);
  }
  if (op == Op::abs && (node.op == Op::abs || node.op == Op::negate)) return unary(Op::abs, argument(a, 0));
  return make(op, -1, 0, std::array{a});
}

NodeId Graph::binary(Op op, NodeId a, NodeId b) {
  if (is_number(a) && is_number(b)) return number(apply(op, (*this)[a].number, (*this)[b].number));
  switch (op) {
    case Op::add:
      return make_add(a, b);
    case Op::subtract:
      return make_subtract(a, b);
    case Op::multiply:
      return make_multiply(a, b);
    case Op::guarded_multiply:
      return make_guarded_multiply(a, b);
    case Op::power:
      return make_power(a, b);
    case Op::divide:
      if (is_number(b, 1)) return a;
      if (is_number(b, -1)) return negate(a);
      if ((*this)[a].op == Op::negate) return negate(divide(argument(a, 0), b));
      break;
    default:
      break;
  }
  return make(op, -1, 0, std::array{a, b});
}

std::pair<double, NodeId> Graph::scaled(NodeId id) const {
  if ((*this)[id].op != Op::multiply || !is_number(argument(id, 0))) return {1, id};
  return {(*this)[argument(id, 0)].number, argument(id, 1)};
}

bool Graph::has_minus(NodeId id) const { return scaled(id).first < 0; }
bool Graph::is_zero(NodeId id, bool negative) const {
  return is_number(id, 0) && std::signbit((*this)[id].number) == negative;
}

NodeId Graph::add(NodeId a, NodeId b) {
  if (is_number(a, 0)) return b;
  if (is_number(b, 0)) return a;
  const auto [c, x] = scaled(a);
  const auto [d, y] = scaled(b);
  if (x == y && a != b && (c < 0) == (d < 0)) {
    const double sum = c + d;
    if (std::isfinite(sum) && sum - c == d && sum - d == c) return multiply(number(sum), x);
  }
  if ((*this)[a].op == Op::where && (*this)[b].op == Op::where && argument(a, 0) == argument(b, 0)) {
    // One step: choices within are added as they are, since nests may be deep.
    const auto sum = [&](int k) {
      const NodeId p = argument(a, k), q = argument(b, k);
      return is_number(p, 0) ? q : is_number(q, 0) ? p : binary(Op::add, p, q);
    };
    const NodeId yes = sum(1);
    return where(argument(a, 0), yes, sum(2));
  }
  return binary(Op::add, a, b);
}

NodeId Graph::make_add(NodeId a, NodeId b) {
  if (is_zero(a, true)) return b;
  if (is_zero(b, true)) return a;
  if (a == b) return multiply(number(2), a);
  const Node& x = (*this)[a];
  const Node& y = (*this)[b];
  if (y.op == Op::negate) return binary(Op::subtract, a, argument(b, 0));
  if (x.op == Op::negate) return binary(Op::subtract, b, argument(a, 0));
  if (is_number(b) && y.number < 0) return binary(Op::subtract, a, number(-y.number));
  if (has_minus(b)) return binary(Op::subtract, a, negate(b));
  if (has_minus(a)) return binary(Op::subtract, b, negate(a));
  const NodeId swapped = find(Op::add, -1, 0, std::array{b, a});
  return swapped != no_node ? swapped : make(Op::add, -1, 0, std::array{a, b});
}

NodeId Graph::make_subtract(NodeId a, NodeId b) {
  if (is_zero(b, false)) return a;
  if (is_zero(a, true)) return negate(b);
  const Node& y = (*this)[b];
  if (y.op == Op::negate) return binary(Op::add, a, argument(b, 0));
  if (is_number(b) && y.number < 0) return binary(Op::add, a, number(-y.number));
  if (has_minus(b)) return binary(Op::add, a, negate(b));
  return make(Op::subtract, -1, 0, std::array{a, b});
}

NodeId Graph::make_multiply(NodeId a, NodeId b) {
  if (is_number(b)) std::swap(a, b);
  if (is_number(a, 1)) return b;
  if (is_number(a, -1)) return negate(b);
  const Node x = (*this)[a], y = (*this)[b];
  if (x.op == Op::negate) return negate(multiply(argument(a, 0), b));
  if (y.op == Op::negate) return negate(multiply(a, argument(b, 0)));
  if (x.op == Op::number) {
    const auto [d, rest] = scaled(b);
    if (rest != b && may_merge(x.number, d)) return make(Op::multiply, -1, 0, std::array{number(x.number * d), rest});
    return make(Op::multiply, -1, 0, std::array{a, b});
  }
  if (a == b) return binary(Op::power, a, number(2));
  const NodeId swapped = find(Op::multiply, -1, 0, std::array{b, a});
  return swapped != no_node ? swapped : make(Op::multiply, -1, 0, std::array{a, b});
}

NodeId Graph::make_guarded_multiply(NodeId a, NodeId b) {
  // Into choices with a 0, where the text that is printed shows what the guard does.
  struct Choice {
    NodeId condition, zero;
    bool otherwise;  // the 0 is
  };
  std::vector<Choice> choices;
  const auto open = [&](NodeId& factor) {
    if (is_deep(factor)) return;
    while ((*this)[factor].op == Op::where) {
      const NodeId yes = argument(factor, 1), no = argument(factor, 2);
      if (!is_number(yes, 0) && !is_number(no, 0)) return;
      const bool otherwise = is_number(no, 0);
      choices.push_back({argument(factor, 0), otherwise ? no : yes, otherwise});
      factor = otherwise ? yes : no;
    }
  };
  bool minus = false;
  const auto take_minus = [&](NodeId& factor) {
    if ((*this)[factor].op != Op::negate) return;
    minus = !minus;
    factor = argument(factor, 0);
  };
  for (NodeId* const factor : {&b, &a}) {
    take_minus(*factor);
    open(*factor);
    take_minus(*factor);
  }
  // A constant that is not 0 needs no guard: nothing it multiplies is 0 because of it.
  const auto is_finite = [&](NodeId id) { return is_number(id) && std::isfinite((*this)[id].number); };
  NodeId product = no_node;
  if (is_finite(a) || is_finite(b)) {
    product = is_number(a, 0) ? a : is_number(b, 0) ? b : multiply(a, b);
  } else {
    product = make(Op::guarded_multiply, -1, 0, std::array{a, b});
  }
  for (; !choices.empty(); choices.pop_back()) {
    const auto& [condition, zero, otherwise] = choices.back();
    product = otherwise ? where(condition, product, zero) : where(condition, zero, product);
  }
  return minus ? negate(product) : product;
}

bool Graph::is_deep(NodeId choice) const {
  for (int depth = 0; (*this)[choice].op == Op::where; ++depth) {
    if (depth == 3) return true;
    choice = argument(choice, is_number(argument(choice, 2)) ? 1 : 2);
  }
  return false;
}

NodeId Graph::make_power(NodeId a, NodeId b) {
  if (is_number(b, 0)) return number(1);
  if (is_number(b, 1)) return a;
  return make(Op::power, -1, 0, std::array{a, b});
}

NodeId Graph::extreme(Op op, std::span<const NodeId> arguments) {
  if (std::ranges::all_of(arguments, [&](NodeId id) { return is_number(id); })) {
    double best = (*this)[arguments[0]].number;
    for (const NodeId id : arguments.subspan(1)) best = apply(op, best, (*this)[id].number);
    return number(best);
  }
  return make(op, -1, 0, arguments);
}

NodeId Graph::where(NodeId condition, NodeId yes, NodeId no) {
  if (is_number(condition)) return is_number(condition, 0) ? no : yes;
  if (yes == no) return yes;
  return make(Op::where, -1, 0, std::array{condition, yes, no});
}

NodeId Graph::repeat(Op op, const Range& range, NodeId body) {
  const bool fixed = range.lower.is_constant() && range.upper.is_constant();
  const bool same_every_time = ((*this)[body].levels & (1u << range.level)) == 0;
  if (fixed && range.upper.constant < range.lower.constant) return number(op == Op::sum ? 0 : 1);
  if (fixed && (same_every_time || range.upper.constant == range.lower.constant)) {
    const auto count = static_cast<double>(range.upper.constant - range.lower.constant + 1);  // within most_whole
    if (same_every_time) return op == Op::sum ? multiply(number(count), body) : binary(Op::power, body, number(count));
  }
  const std::uint64_t hash =
      mix(mix(hash_of(range.lower), hash_of(range.upper)), static_cast<std::uint64_t>(range.level));
  const auto [begin, end] = range_by_hash_.equal_range(hash);
  for (auto at = begin; at != end; ++at) {
    if (ranges_[static_cast<std::size_t>(at->second)] == range) return make(op, at->second, 0, std::array{body});
  }
  const auto place = static_cast<std::int32_t>(ranges_.size());
  ranges_.push_back(range);
  range_by_hash_.emplace(hash, place);
  return make(op, place, 0, std::array{body});
}

}  // namespace nabla::formula
