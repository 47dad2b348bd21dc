#pragma once

#include <nabla/formula.hpp>

// Sums of squares of formulas.

namespace nabla::detail {

/// 1/2 sum r^2 of a formula's outputs, for each row of the point's data where there are some: FitBody's work, or
/// GaussNewtonBody's (detail/residual_bodies.hpp), or without J^T J.
template <class T>
struct FormulaResiduals {
  Operation<T> jacobian;  // of the formula at one row
  std::int64_t outputs, data_rows, columns;
  bool matrix;
};
/// On CUDA the operation is for descents alone.
template <class T>
Operation<T> formula_residuals(const char* name, const FormulaResiduals<T>& body);
extern template Operation<float> formula_residuals(const char*, const FormulaResiduals<float>&);
extern template Operation<double> formula_residuals(const char*, const FormulaResiduals<double>&);

/// Enqueues descents; the body is FormulaResiduals, of a FormulaJacobianBody.
template <class T>
void launch_formula_residuals(const void* body, const EachLaunch<T>& launch);
extern template void launch_formula_residuals(const void*, const EachLaunch<float>&);
extern template void launch_formula_residuals(const void*, const EachLaunch<double>&);

}  // namespace nabla::detail
