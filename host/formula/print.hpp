#pragma once

#include "graph.hpp"
#include "syntax.hpp"

#include <nabla/formula.hpp>

#include <string>

namespace nabla::formula {

/// A node as people write it. As text it parses to the same function again, except that a product in which 0 wins over
/// infinity and NaN is printed as any other. Where the text would be long because parts recur, they are named by `let`.
std::string print(const Graph& graph, NodeId root, const Syntax& names, Notation notation);

}  // namespace nabla::formula
