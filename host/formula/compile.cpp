#include "compile.hpp"

#include "differentiate.hpp"

namespace nabla::formula {

namespace {

/// A Hessian's row without what symmetry gives.
void drop_right_of(std::int64_t diagonal, Sweep& sweep) {
  std::erase_if(sweep.contributions,
                [=](const Contribution& c) { return c.target.is_constant() && c.target.constant > diagonal; });
}

}  // namespace

Program compile(const Syntax& syntax, Task task, std::int64_t n, std::int64_t written_terms) {
  return compile(lower(syntax, n, written_terms), task, n);
}

Program compile(Lowered lowered, Task task, std::int64_t n) {
  Graph& graph = lowered.graph;
  Wanted wanted;
  wanted.variables = n;
  const NodeId f = lowered.outputs.front();
  const auto m = static_cast<std::int64_t>(lowered.outputs.size());
  if (task != Task::jacobian) wanted.rows.emplace_back(0, f);
  switch (task) {
    case Task::value:
      wanted.row_count = 1;
      break;
    case Task::gradient:
      wanted.sweeps.push_back({gradient(graph, f), 1});
      wanted.row_count = 1 + n;
      break;
    case Task::directional: {
      const NodeId tangent = Tangents(graph).of(f);
      if (tangent != no_node) wanted.rows.emplace_back(1, tangent);
      wanted.row_count = 2;
      break;
    }
    case Task::hessian_product: {
      Sweep sweep = gradient(graph, f);
      wanted.sweeps.push_back({Tangents(graph).of(sweep), 1 + n});
      wanted.sweeps.push_back({std::move(sweep), 1});
      wanted.row_count = 1 + 2 * n;
      break;
    }
    case Task::hessian: {
      Sweep sweep = gradient(graph, f);
      for (std::int64_t axis = 0; axis < n; ++axis) {
        Sweep row = Tangents(graph, axis).of(sweep);
        drop_right_of(axis, row);
        wanted.sweeps.push_back({std::move(row), 1 + n + axis * n});
      }
      wanted.sweeps.push_back({std::move(sweep), 1});
      wanted.row_count = 1 + n + n * n;
      break;
    }
    case Task::jacobian:
      for (std::int64_t j = 0; j < m; ++j) {
        const NodeId output = lowered.outputs[static_cast<std::size_t>(j)];
        wanted.rows.emplace_back(j, output);
        wanted.sweeps.push_back({gradient(graph, output), m + j * n});
      }
      wanted.row_count = m + m * n;
      break;
  }
  return make_program(graph, std::move(wanted));
}

}  // namespace nabla::formula
