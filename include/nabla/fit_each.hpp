#pragma once

#include <nabla/element_sum.hpp>
#include <nabla/minimize_each.hpp>

#include <cstdint>
#include <string>
#include <vector>

// Many small fits of one model, each to data of its own: sums of squares
//
//     f(x) = 1/2 sum over rows of r(x; the row's data)^2
//
// from each start. A model is a functor like an element of a sum (element_sum.hpp), which returns the residual, or a
// std::array of several:
//
//     struct Decay {
//       static constexpr int variables = 3, data = 2;
//       template <class X, class D>
//       constexpr auto operator()(const X& x, const D& d) const {
//         using nabla::exp;
//         return x[0] * exp(-x[1] * d[0]) + x[2] - d[1];   // d[0]: when, d[1]: what was measured
//       }
//     };
//     const auto found = nabla::fit_each(where, Decay(), starts, {times, samples});
//
// or a formula, whose data have names:
//
//     const auto decay = nabla::Formula::parse("a*exp(-b*t) + c - y", {.variables = {"a", "b", "c"}, .data = {"t",
//     "y"}});
//
// Each column of the data has the shape (starts, rows), rows being the same number for all starts; (1, rows) where all
// starts have the same, as the times above; (starts, 1) for what is one number of each start, or (1, 1). Weights are
// columns that the residual is multiplied by. Starts with fewer rows have rows of weight 0 and finite numbers: NaN is
// no sign for what is missing, but spoils its start's fit, which then ends as not_finite.

namespace nabla {

namespace detail {

/// The data of fits of a model with so many columns: all of the same shape, by strides of 0. Throws ShapeError with
/// expected and actual. (Their memory is checked with that of the results.)
template <class T>
EachData<T> each_data(std::int64_t starts, std::int64_t columns, const std::vector<BatchView<const T>>& given);
extern template EachData<float> each_data(std::int64_t, std::int64_t, const std::vector<BatchView<const float>>&);
extern template EachData<double> each_data(std::int64_t, std::int64_t, const std::vector<BatchView<const double>>&);

}  // namespace detail

#ifdef __CUDACC__
inline namespace with_kernels {
#else
inline namespace without_kernels {
#endif

/// The columns of the data, in the order in which the model has them, in the executor's memory.
template <class T>
using FitColumns = std::vector<BatchView<const T>>;

/// A fit from each start, by Levenberg and Marquardt's method unless options say otherwise, which then name the method
/// too: any of minimize_each() but newton_cg. Waits for them. On CUDA each method is a kernel to compile; a model names
/// those that it needs (descends_by in function.hpp), and results differ from a CPU's by rounding.
/// Shapes: starts (count, n), n <= 16 for levenberg_marquardt; columns as above. Complexity: J^T J takes about n^2 / 2
///     multiplications for each row, beside the model and its n derivatives; an evaluation reads a number of each
///     column for each row.
/// Layout: on CUDA a thread holds a fit, and those of a warp read the same row of theirs at a time: they read
///     neighbours where a column is component_major, (starts, rows) with an item stride of 1. By point_major each reads
///     memory of its own, from the cache where the row before was in the same 32 bytes. Up to 4 variables the state is
///     in registers, up to 8 the sums of J^T J are as far as those reach: from 6 on some are spilled.
/// Accuracy: steps solve normal equations, so digits of x are lost as with the square of J's condition number (its
///     columns scaled to 1), but for those that later steps bring back.
/// Throws: as minimize_each(); ShapeError for columns of other shapes, and results that overlap them; Error where
///     copies of the fits that are in progress would take more memory than the machine has (docs/fitting.md).
template <class Model, class T>
EachReport fit_each(const Executor& executor, const Model& model, std::type_identity_t<BatchView<const T>> starts,
                    const std::type_identity_t<FitColumns<T>>& columns, const EachOutputs<T>& out,
                    const EachOptions& options = {.method = Method::levenberg_marquardt}) {
  const bool matrix = options.method == Method::levenberg_marquardt;
  if (options.method == Method::newton_cg) detail::refuse_newton("fit_each", "there is levenberg_marquardt");
  EachReport report;
  const auto run = [&](const detail::Operation<T>& operation, const detail::EachData<T>& data) {
    report = detail::minimize_each<T>(executor, operation, starts, out, options, data);
  };
  if constexpr (std::same_as<Model, Formula>) {
    const auto data = detail::each_data<T>(starts.count, detail::data_of_element(model), columns);
    detail::with_residuals<T>(model, starts.components, options.method, data, "fit_each",
                              [&](const auto& operation) { run(operation, data); });
  } else {
    constexpr int n = detail::variables_of<Model>(), k = detail::data_of<Model>();
    static_assert(n >= 1 && n <= detail::most_fitted, "nabla: a model has between 1 and 16 variables");
    static_assert(k >= 1, "nabla: a model states its number of columns of data, `data`");
    if (starts.components != n) detail::throw_dimension("fit_each", n, starts.components);
    const auto data = detail::each_data<T>(starts.count, k, columns);
    const auto run_body = [&](const auto& body, const char* third) {
      run(detail::each_operation<true, T, Model>(body, n, third, "fit_each"), data);
    };
    if (matrix) {
      run_body(detail::FitBody<Model, n, true>{model, data.rows}, "hessian");
    } else {
      run_body(detail::FitBody<Model, n, false>{model, data.rows}, "");
    }
  }
  return report;
}

template <class Model, class T>
EachFound<T> fit_each(const Executor& executor, const Model& model, const Points<T>& starts,
                      const std::type_identity_t<FitColumns<T>>& columns,
                      const EachOptions& options = {.method = Method::levenberg_marquardt}) {
  return detail::found_each<T>(executor, starts, [&](const EachOutputs<T>& out) {
    return fit_each<Model, T>(executor, model, starts, columns, out, options);
  });
}

}  // inline namespace
}  // namespace nabla
