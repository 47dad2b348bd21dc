#pragma once

#include <nabla/detail/row_hessian.hpp>
#include <nabla/executor.hpp>

namespace nabla::detail::cpu {

/// Computes all entries on an executor's threads.
template <class T, class Index>
void assemble(const Executor& executor, const RowHessianView<T, Index>& view, const RowHessianOutput<T>& output);
extern template void assemble(const Executor&, const RowHessianView<float, std::int32_t>&,
                              const RowHessianOutput<float>&);
extern template void assemble(const Executor&, const RowHessianView<float, std::int64_t>&,
                              const RowHessianOutput<float>&);
extern template void assemble(const Executor&, const RowHessianView<double, std::int32_t>&,
                              const RowHessianOutput<double>&);
extern template void assemble(const Executor&, const RowHessianView<double, std::int64_t>&,
                              const RowHessianOutput<double>&);

}  // namespace nabla::detail::cpu
