#pragma once

#include <nabla/element_sum.hpp>

namespace nabla::detail::cpu {

/// A pass over the elements of a sum on the executor's threads; checked before.
template <class T>
double run_elements(const Executor& executor, const ElementCall<T>& call);
extern template double run_elements(const Executor&, const ElementCall<float>&);
extern template double run_elements(const Executor&, const ElementCall<double>&);

}  // namespace nabla::detail::cpu
