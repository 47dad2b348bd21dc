#pragma once

#include "element_tile.hpp"

namespace nabla::detail::cpu {

/// A pass over the elements of a table.
template <class T>
double run_table(const Executor& executor, const ElementCall<T>& call, const Table& table, const Plan& plan);
extern template double run_table(const Executor&, const ElementCall<float>&, const Table&, const Plan&);
extern template double run_table(const Executor&, const ElementCall<double>&, const Table&, const Plan&);

}  // namespace nabla::detail::cpu
