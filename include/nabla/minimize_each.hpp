#pragma once

#include <nabla/detail/formula_residuals.hpp>
#include <nabla/detail/residual_bodies.hpp>
#include <nabla/evaluate.hpp>
#include <nabla/minimize.hpp>
#include <nabla/sum_of_squares.hpp>
#ifdef __CUDACC__
#include <nabla/kernels/launch_each.cuh>
#endif

#include <cstdint>
#include <functional>
#include <limits>
#include <type_traits>
#include <utility>
#include <vector>

// Many descents of one small function, one from each start:
//
//     const auto starts = nabla::Points<double>::uniform(where, 1'000'000, 2, -2, 2, 7);
//     const auto found = nabla::minimize_each(where, Rosenbrock{}, starts, {.method = nabla::Method::bfgs});
//     std::cout << describe(found.report);
//
// Each has a state of its own and ends on its own; what held it takes the next start at once. So a start's result
// depends on nothing but the start: not on the others, their order, the number of threads or the width of vector
// registers' lanes, bit for bit.

namespace nabla {

/// How minimize_each() is getting on.
struct EachProgress {
  std::int64_t starts = 0, done = 0, converged = 0;
  double seconds = 0;
};

struct EachOptions {
  /// gradient, heavy_ball, nesterov, barzilai_borwein, bfgs, lbfgs or newton_cg, which solves with the whole Hessian
  /// here, made positive definite where it is not (Gill, Murray and Wright 1981). bfgs and newton_cg: up to 16
  /// variables. levenberg_marquardt, up to 16 variables as well: for functors that return a std::array of residuals r,
  /// and formulas with several outputs.
  Method method = Method::lbfgs;
  /// Of gradient, heavy_ball and nesterov. 0: a line search.
  double step = 0;
  /// Pairs of vectors that L-BFGS keeps: 1 to 64.
  int memory = 8;
  /// Of heavy_ball (0.9 by default); for nesterov a constant in place of his sequence. Negative: the default.
  double momentum = -1;
  /// Gradients that are longer are shortened to this norm before a fixed step.
  double clip = std::numeric_limits<double>::infinity();

  /// Bounds of each variable, -infinity and infinity where it has none; empty: none. Starts outside are moved to the
  /// nearest point within. Norms of gradients then leave out components that point out of a bound on which their
  /// variable lies.
  std::vector<double> lower = {}, upper = {};

  // Stopping, of each start; as MinimizeOptions has it, but for the relative tolerance by levenberg_marquardt
  // (stop_reason.hpp).
  double gradient_tolerance = 0;
  double relative_gradient_tolerance = 1e-6;
  double relative_tolerance = 0;
  double target = -std::numeric_limits<double>::infinity();
  std::int64_t max_iterations = 10'000;
  std::int64_t max_evaluations = std::numeric_limits<std::int64_t>::max();

  /// Called about ten times a second by the thread that called; false ends descents where they are. On CUDA not called.
  std::function<bool(const EachProgress&)> callback = {};
};

/// Where results go, in the executor's memory, one for each start; null and empty ones are not wanted. x may be the
/// starts themselves; nothing else may overlap.
template <class T>
struct EachOutputs {
  BatchView<T> x = {};              ///< (count, n)
  BatchView<T> value = {};          ///< (count, 1): f there
  BatchView<T> gradient_norm = {};  ///< (count, 1)
  std::int64_t* iterations = nullptr;
  std::int64_t* evaluations = nullptr;  ///< of the value and the gradient, and for newton_cg the Hessian
  StopReason* reason = nullptr;
};

struct EachReport {
  Method method = Method::lbfgs;
  std::int64_t starts = 0;
  std::int64_t variables = 0;
  std::int64_t reasons[stop_reasons] = {};  ///< how many ended for each StopReason
  std::int64_t best = -1;                   ///< the start that led to the least finite value; -1: none did
  double best_value = std::numeric_limits<double>::quiet_NaN();
  std::int64_t iterations = 0, evaluations = 0;  ///< of all starts
  /// Of the lanes of vector registers, or a GPU's threads, the part that held a descent, over all evaluations.
  double occupancy = 0;
  double seconds = 0;

  std::int64_t count(StopReason reason) const { return reasons[static_cast<int>(reason)]; }
  std::int64_t converged() const;
};
/// What a report says, in a paragraph.
std::string describe(const EachReport& report);

template <class T>
struct EachFound {
  Batch<T> x, value, gradient_norm;
  std::vector<std::int64_t> iterations, evaluations;
  std::vector<StopReason> reason;
  EachReport report;
};

namespace detail {

/// Numbers that each start has its own of (fit_each.hpp). Column k of row r of start s is columns[k](s, r).
template <class T>
struct EachData {
  std::int64_t rows = 0;
  std::vector<BatchView<const T>> columns = {};
};

template <class T>
EachReport minimize_each(const Executor& executor, const Operation<T>& operation, BatchView<const T> starts,
                         const EachOutputs<T>& out, const EachOptions& options, const EachData<T>& data = {});
extern template EachReport minimize_each(const Executor&, const Operation<float>&, BatchView<const float>,
                                         const EachOutputs<float>&, const EachOptions&, const EachData<float>&);
extern template EachReport minimize_each(const Executor&, const Operation<double>&, BatchView<const double>,
                                         const EachOutputs<double>&, const EachOptions&, const EachData<double>&);

// These throw Error: f is a single number, and no sum of squares; newton_cg has no second derivatives of residuals.
[[noreturn]] void refuse_without_residuals();
[[noreturn]] void refuse_newton(const char* call, const char* way_out);

/// Allocates what a call run(outputs) writes to.
template <class T, class Run>
EachFound<T> found_each(const Executor& executor, const Points<T>& starts, Run run) {
  const std::int64_t count = starts.count();
  EachFound<T> found{Batch<T>(executor, count, starts.components(), starts.layout()),
                     Batch<T>(executor, count, 1),
                     Batch<T>(executor, count, 1),
                     {},
                     {},
                     {},
                     {}};
  Array<std::int64_t> iterations(executor, count), evaluations(executor, count);
  Array<StopReason> reason(executor, count);
  found.report = run(
      EachOutputs<T>{found.x, found.value, found.gradient_norm, iterations.data(), evaluations.data(), reason.data()});
  found.iterations = iterations.to_host();
  found.evaluations = evaluations.to_host();
  found.reason = reason.to_host();
  return found;
}

/// Calls use(operation) with what a method asks of 1/2 sum r_j^2, the r_j being outputs of the formula.
template <class T, class Use>
void with_residuals(const Formula& f, std::int64_t n, Method method, const EachData<T>& data, const char* name,
                    Use use) {
  const FormulaJacobianBody body{f};
  const FormulaResiduals<T> residuals{data.columns.empty() ? formula_operation<T>(name, body, n, "jacobian", "")
                                                           : formula_element_operation<T>(name, body, n),
                                      f.outputs(), data.columns.empty() ? 1 : data.rows,
                                      static_cast<std::int64_t>(data.columns.size()),
                                      method == Method::levenberg_marquardt};
  use(formula_residuals<T>(name, residuals));
}

}  // namespace detail

namespace detail {

#ifdef __CUDACC__
inline namespace with_kernels {
#else
inline namespace without_kernels {
#endif

/// An operation that descents go by. On CUDA they have kernels of their own, one for each method, and none to evaluate.
template <bool Kernels, class T, class F, class Body>
Operation<T> each_operation(const Body& body, std::int64_t n, const char* third, const char* name = "minimize_each") {
  Operation<T> made = cpu_operation<T, F>(name, body, n, "gradient", third);
#ifdef __CUDACC__
  if constexpr (Kernels && !brings_operation<T, Body>) made.launch_each = &launch_each<F, T, Body>;
#endif
  return made;
}

/// minimize_each(), with kernels or, whoever compiles this, without.
template <bool Kernels, class F, class T>
EachReport minimize_each_with(const Executor& executor, const F& f, BatchView<const T> starts,
                              const EachOutputs<T>& out, const EachOptions& options) {
  EachReport report;
  detail::with_dimension("minimize_each", f, starts.components, [&](auto n) {
    const auto run_operation = [&](const detail::Operation<T>& operation) {
      report = detail::minimize_each<T>(executor, operation, starts, out, options);
    };
    const auto run = [&](const auto& body, const char* third) {
      run_operation(detail::each_operation<Kernels, T, F>(body, starts.components, third));
    };
    if constexpr (std::same_as<F, Formula>) {
      if (f.outputs() > 1 && options.method != Method::newton_cg) {
        return detail::with_residuals<T>(f, starts.components, options.method, {}, "minimize_each", run_operation);
      }
    }
    if constexpr (detail::gives_residuals<F>()) {
      if (options.method == Method::levenberg_marquardt) {
        run(detail::GaussNewtonBody<F, n>{f}, "hessian");
      } else if (options.method == Method::newton_cg) {
        detail::refuse_newton("minimize_each", "there is sum_of_squares(f), and levenberg_marquardt");
      } else {
        run(detail::GradientBody<SumOfSquares<F>, n>{{f}}, "");
      }
    } else if (options.method == Method::levenberg_marquardt) {
      detail::refuse_without_residuals();
    } else if (options.method == Method::newton_cg) {
      run(detail::HessianBody<F, n>{f}, "hessian");
    } else {
      run(detail::GradientBody<F, n>{f}, "");
    }
  });
  return report;
}

}  // inline namespace
}  // namespace detail

#ifdef __CUDACC__
inline namespace with_kernels {
#else
inline namespace without_kernels {
#endif

/// A descent from each start. Waits for them. What is to be least is f; or 1/2 sum r_j^2 where f returns several
/// numbers r_j, with all methods but newton_cg. (For residuals that each start has data of its own for, see
/// fit_each.hpp.) Shapes: starts (count, n). Throws: as value_and_gradient(); Error for options that can't be right.
/// On CUDA: results differ from a CPU's by rounding. Each method is a kernel to compile; a function may
/// name those that it needs (descends_by in function.hpp).
template <class F, class T>
EachReport minimize_each(const Executor& executor, const F& f, std::type_identity_t<BatchView<const T>> starts,
                         const EachOutputs<T>& out, const EachOptions& options = {}) {
  return detail::minimize_each_with<true, F, T>(executor, f, starts, out, options);
}

template <class F, class T>
EachFound<T> minimize_each(const Executor& executor, const F& f, const Points<T>& starts,
                           const EachOptions& options = {}) {
  return detail::found_each<T>(executor, starts, [&](const EachOutputs<T>& out) {
    return minimize_each<F, T>(executor, f, starts, out, options);
  });
}

}  // inline namespace
}  // namespace nabla
