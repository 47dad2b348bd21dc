#pragma once

#include "operations.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

// Expressions for a known number of variables. Equal expressions are one node, constants are folded, and what can be
// simplified without changing where a value is finite, or the sign of a 0, is simplified, all when a node is made, by a
// look at its arguments and theirs: nothing here recurs down an expression. Arguments have lower ids than what uses
// them.
//
// Repetitions stay loops. A repetition at level l has a body in which the running index of level l is a leaf; the
// levels that a node depends on are a set of bits. Levels count from the outside, so equal loops are equal nodes.

namespace nabla::formula {

using NodeId = std::int32_t;
inline constexpr NodeId no_node = -1;

/// Beyond this no index and no bound may reach, nor any part of one: sums and differences fit their type.
inline constexpr std::int64_t most_whole = std::int64_t{1} << 61;

/// constant + sum of coefficient[l] * running index of level l.
struct Affine {
  std::int64_t constant = 0;
  std::array<std::int64_t, most_levels> coefficient{};
  std::uint32_t pinned = 0;  // levels it counts as depending on too: what it stands for exists only inside them

  static Affine of(std::int64_t constant) { return {constant, {}}; }
  static Affine index(int level);
  bool is_constant() const;
  std::uint32_t levels() const;
  /// For indices where it and all parts of the sum stay within 2^61: any other value is as good as any.
  std::int64_t at(std::span<const std::int64_t> indices) const;
  bool is_within_limits(std::span<const std::int64_t> indices) const;
  bool operator==(const Affine&) const = default;
};

/// The running index of `level` goes from lower to upper, both included.
struct Range {
  int level = 0;
  Affine lower, upper;
  bool operator==(const Range&) const = default;
};

struct Node {
  Op op;
  std::int32_t symbol = -1;  // parameter, data: its place; index: its level; variable, direction: its Affine, from 0;
                             // sum, product: its Range
  double number = 0;
  std::int32_t first_argument = 0;
  std::int32_t arguments = 0;
  std::uint32_t levels = 0;  // depended on
  bool varies = false;       // depends on a variable

  /// The repetition it must be computed in: the innermost whose index it depends on; -1: outside all.
  int home() const;
};

class Graph {
 public:
  NodeId number(double value);
  NodeId parameter(int place);
  NodeId variable(const Affine& component) { return leaf(Op::variable, component); }
  NodeId direction(const Affine& component) { return leaf(Op::direction, component); }
  NodeId index(int level);
  NodeId data(int place);
  NodeId unary(Op op, NodeId a);
  NodeId binary(Op op, NodeId a, NodeId b);
  /// min and max.
  NodeId extreme(Op op, std::span<const NodeId> arguments);
  NodeId where(NodeId condition, NodeId yes, NodeId no);
  NodeId repeat(Op op, const Range& range, NodeId body);

  /// A sum of slopes: a literal 0 adds nothing, not even its sign to -0; multiples of one node, and choices by one
  /// condition, are put together. binary(Op::add) is the sum that a formula asks for, to the sign of a 0.
  NodeId add(NodeId a, NodeId b);
  NodeId multiply(NodeId a, NodeId b) { return binary(Op::multiply, a, b); }
  NodeId divide(NodeId a, NodeId b) { return binary(Op::divide, a, b); }
  NodeId negate(NodeId a) { return unary(Op::negate, a); }

  const Node& operator[](NodeId id) const { return nodes_[static_cast<std::size_t>(id)]; }
  NodeId argument(NodeId id, int k) const {
    return arguments_[static_cast<std::size_t>((*this)[id].first_argument) + static_cast<std::size_t>(k)];
  }
  std::span<const NodeId> arguments(NodeId id) const {
    const Node& node = (*this)[id];
    return std::span(arguments_)
        .subspan(static_cast<std::size_t>(node.first_argument), static_cast<std::size_t>(node.arguments));
  }
  const Affine& affine(NodeId id) const { return affines_[static_cast<std::size_t>((*this)[id].symbol)]; }
  const Range& range(NodeId id) const { return ranges_[static_cast<std::size_t>((*this)[id].symbol)]; }
  NodeId size() const { return static_cast<NodeId>(nodes_.size()); }
  bool is_number(NodeId id) const { return (*this)[id].op == Op::number; }
  bool is_number(NodeId id, double value) const { return is_number(id) && (*this)[id].number == value; }
  /// The constant in front of a product, and the rest of it; 1 and the node itself where there is none.
  std::pair<double, NodeId> scaled(NodeId id) const;

 private:
  NodeId leaf(Op op, const Affine& component);
  NodeId make(Op op, std::int32_t symbol, double number, std::span<const NodeId> arguments);
  NodeId find(Op op, std::int32_t symbol, double number, std::span<const NodeId> arguments) const;
  bool has_minus(NodeId id) const;  // is a product with a negative constant in front
  bool is_zero(NodeId id, bool negative) const;
  NodeId make_add(NodeId a, NodeId b);
  NodeId make_subtract(NodeId a, NodeId b);
  NodeId make_multiply(NodeId a, NodeId b);
  NodeId make_guarded_multiply(NodeId a, NodeId b);
  NodeId make_power(NodeId a, NodeId b);
  /// Whether choices are nested so deep that moving factors into them would cost more than it saves.
  bool is_deep(NodeId choice) const;

  std::vector<Node> nodes_;
  std::vector<NodeId> arguments_;
  std::vector<Affine> affines_;
  std::vector<Range> ranges_;
  std::unordered_multimap<std::uint64_t, NodeId> by_hash_;
  std::unordered_multimap<std::uint64_t, std::int32_t> affine_by_hash_, range_by_hash_;
};

/// The nodes at home in the repetition of that level that the roots are made of, arguments first.
std::vector<NodeId> nodes_at_home(const Graph& graph, std::span<const NodeId> roots, int level);

/// One operation on numbers, as C computes it and as the grammar defines it beyond C.
double apply(Op op, double a, double b = 0);

}  // namespace nabla::formula
