#include <nabla/detail/formula_residuals.hpp>

#include "../definition.hpp"
#include "kernels.hpp"

// Descents on sums of squares of formulas, on CUDA devices.

namespace nabla::detail {

template <class T>
void launch_formula_residuals(const void* erased_body, const EachLaunch<T>& launch) {
  const auto& body = *static_cast<const FormulaResiduals<T>*>(erased_body);
  const Formula& f = static_cast<const FormulaJacobianBody*>(body.jacobian.body)->f;
  const std::int64_t n = launch.request.starts.components, of_matrix = body.matrix ? n * n : 0;
  formula::cuda::launch_each(f.definition(),
                             {body.matrix ? formula::cuda::normal_body : formula::cuda::squares_body,
                              formula::Task::jacobian,
                              n,
                              1 + n + of_matrix + body.outputs * (1 + n),
                              f.parameter_values(),
                              {}},
                             launch);
}
template void launch_formula_residuals(const void*, const EachLaunch<float>&);
template void launch_formula_residuals(const void*, const EachLaunch<double>&);

}  // namespace nabla::detail
