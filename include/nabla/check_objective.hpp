#pragma once

#include <nabla/check_report.hpp>
#include <nabla/objective.hpp>

#include <cstdint>
#include <span>

// Is the gradient of an objective right, of one scalar function of very many variables? Values along random directions
// tell:
//
//   1. along a few in which every variable takes part: a wrong component shows in nearly all of them;
//   2. along a few in which only a sample of the variables takes part, beside which small mistakes are larger;
//   3. where a direction objects, by halving, down to the wrong components; and along a few single variables anyway.
//
// Along each of them the derivative comes from Neville's extrapolation of differences, with an error bar, as in
// check.hpp. Directions are functions of a seed and stored nowhere: of 10^8 variables, vectors are what memory goes to.

namespace nabla {

struct ObjectiveCheckOptions {
  /// Random directions along which all variables are tried.
  int directions = 4;
  /// Variables, here and there at random, that are also tried by themselves.
  std::int64_t coordinates = 1000;
  /// Relative to a component's size; along a direction u, to the Euclidean norm of the terms g_i u_i, which is what
  /// errors of that relative size in each of them add up to. 0: 1e-8 for f64, 1e-4 for f32.
  double tolerance = 0;
  /// Rows of CheckReport::worst, and wrong components that are looked for.
  std::int64_t worst = 10;
  std::uint64_t seed = 1;
  /// A typical size of the variables, which steps are measured by. 0: the largest |x_i|, or 1 if all are 0.
  double scale = 0;
};

namespace detail {

template <class T>
CheckReport check_objective(const Executor& executor, const ObjectiveCalls<T>& calls, std::span<const T> x,
                            const ObjectiveCheckOptions& options);
extern template CheckReport check_objective(const Executor&, const ObjectiveCalls<float>&, std::span<const float>,
                                            const ObjectiveCheckOptions&);
extern template CheckReport check_objective(const Executor&, const ObjectiveCalls<double>&, std::span<const double>,
                                            const ObjectiveCheckOptions&);
template <class T>
CheckReport check_objective_products(const Executor& executor, const ObjectiveCalls<T>& calls, std::span<const T> x,
                                     const ObjectiveCheckOptions& options);
extern template CheckReport check_objective_products(const Executor&, const ObjectiveCalls<float>&,
                                                     std::span<const float>, const ObjectiveCheckOptions&);
extern template CheckReport check_objective_products(const Executor&, const ObjectiveCalls<double>&,
                                                     std::span<const double>, const ObjectiveCheckOptions&);

}  // namespace detail

/// Checks an objective's gradient at x: an Array, or a span or vector in the executor's memory. The report speaks of
/// one point; its rows are components with x_i as their only coordinate, the most doubtful first. Component -1 stands
/// for a random direction, with components of about 1.
///
/// Complexity: some 100 values in f64, 50 in f32, along each direction: `directions` of all variables, 2 of the sample,
/// and `worst` single ones, but 3 where there are more than a million variables. Where those find something wrong,
/// about as much again. Memory: two vectors like x; a third where something is wrong. Throws: as the objective;
/// ShapeError or MemorySpaceError for an x or options that can't be right.
template <detail::Numbers X, Objective<detail::NumberOf<X>> O>
CheckReport check_gradient(const Executor& executor, const O& objective, const X& x,
                           const ObjectiveCheckOptions& options = {}) {
  using T = detail::NumberOf<X>;
  return detail::check_objective<T>(executor, detail::objective_calls<T>(executor, objective), detail::numbers_of(x),
                                    options);
}

/// Checks that hessian_vector_product() with random vectors v is the derivative of the gradient along them: as a whole,
/// by products with random vectors, and in some components. The report is as above, its rows are components of H v.
///
/// Complexity: some 100 gradients in f64, 50 in f32, for each of `directions` vectors; where something is wrong, as
/// many again for each factor of 64 in the number of variables. Memory: three vectors like x. Throws: as
/// check_gradient().
template <detail::Numbers X, TwiceObjective<detail::NumberOf<X>> O>
CheckReport check_hessian_vector_product(const Executor& executor, const O& objective, const X& x,
                                         const ObjectiveCheckOptions& options = {}) {
  using T = detail::NumberOf<X>;
  return detail::check_objective_products<T>(executor, detail::objective_calls<T>(executor, objective),
                                             detail::numbers_of(x), options);
}

}  // namespace nabla
