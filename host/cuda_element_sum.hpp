#pragma once

#include <nabla/element_sum.hpp>

namespace nabla::detail::cuda {

/// A pass over the elements of a sum on the executor's device; checked before.
template <class T>
double run_elements(const Executor& executor, const ElementCall<T>& call);
extern template double run_elements(const Executor&, const ElementCall<float>&);
extern template double run_elements(const Executor&, const ElementCall<double>&);

}  // namespace nabla::detail::cuda
