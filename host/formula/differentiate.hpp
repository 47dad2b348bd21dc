#pragma once

#include "graph.hpp"

#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace nabla::formula {

/// To component `target` of a gradient, `value` is added.
struct Contribution {
  Affine target;
  NodeId value;
};

/// What a gradient is the sum of: contributions once for each iteration of `range`, and sweeps within.
/// The outermost sweep has no range and is run once.
struct Sweep {
  Range range;
  std::int32_t range_id = -1;  // its place in the graph: equal for equal ranges
  std::vector<Contribution> contributions;
  std::vector<Sweep> inner;
};

/// The gradient of a node by reverse accumulation: one sweep over the nodes, from the result to the variables, whatever
/// the number of variables; a repetition's gradient is a repetition. The derivatives are nodes of the same graph.
/// Source: Griewank and Walther, Evaluating Derivatives (2008), chapter 3.
Sweep gradient(Graph& graph, NodeId root);

/// Derivatives along the direction whose components are Op::direction leaves, or along a coordinate axis, by forward
/// accumulation. no_node is an exact 0. To be asked once: which products are guarded depends on all that is asked for.
class Tangents {
 public:
  /// axis: the coordinate, or -1 for the direction.
  explicit Tangents(Graph& graph, std::int64_t axis = -1) : graph_(graph), axis_(axis) {}
  NodeId of(NodeId root);

  /// The tangents of a sweep's contributions.
  Sweep of(const Sweep& sweep);

 private:
  NodeId seed(NodeId variable);
  NodeId tangent(NodeId root);
  Sweep tangents(const Sweep& sweep);

  Graph& graph_;
  std::int64_t axis_;
  std::unordered_set<NodeId> exposed_;  // what guarded rules are for
  std::unordered_map<NodeId, NodeId> known_;
};

}  // namespace nabla::formula
