#pragma once

#include <nabla/batch.hpp>
#include <nabla/check_report.hpp>
#include <nabla/executor.hpp>

#include <concepts>
#include <cstdint>
#include <functional>
#include <ranges>
#include <span>
#include <type_traits>
#include <utility>

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

/// What can be checked. Both functions get memory of the executor, which is complete when they are called, whatever
/// stream they use. value_and_gradient() fills all of `gradient`, or enqueues what does on executor.stream().
template <class O, class T>
concept Objective = requires(const O& objective, const Executor& executor, std::span<const T> x,
                             std::span<T> gradient) {
  { objective.value(executor, x) } -> std::convertible_to<double>;
  { objective.value_and_gradient(executor, x, gradient) } -> std::convertible_to<double>;
};

/// What can also multiply its second derivatives at x with a vector v.
template <class O, class T>
concept TwiceObjective = Objective<O, T> && requires(const O& objective, const Executor& executor, std::span<const T> x,
                                                     std::span<const T> v, std::span<T> product) {
  objective.hessian_vector_product(executor, x, v, product);
};

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
struct ObjectiveCalls {
  std::function<double(std::span<const T> x)> value;
  std::function<double(std::span<const T> x, std::span<T> gradient)> value_and_gradient;
  std::function<void(std::span<const T> x, std::span<const T> v, std::span<T> product)> hessian_vector_product;
};

template <class T, Objective<T> O>
ObjectiveCalls<T> objective_calls(const Executor& executor, const O& objective) {
  ObjectiveCalls<T> calls;
  calls.value = [&](std::span<const T> x) {
    executor.synchronize();
    return static_cast<double>(objective.value(executor, x));
  };
  calls.value_and_gradient = [&](std::span<const T> x, std::span<T> gradient) {
    executor.synchronize();
    return static_cast<double>(objective.value_and_gradient(executor, x, gradient));
  };
  if constexpr (TwiceObjective<O, T>) {
    calls.hessian_vector_product = [&](std::span<const T> x, std::span<const T> v, std::span<T> product) {
      executor.synchronize();
      objective.hessian_vector_product(executor, x, v, product);
    };
  }
  return calls;
}

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

// An array, or anything contiguous in the executor's memory.
template <class T>
std::span<const T> numbers_of(const Array<T>& x) {
  return {x.data(), static_cast<std::size_t>(x.size())};
}
template <std::ranges::contiguous_range X>
std::span<const std::ranges::range_value_t<X>> numbers_of(const X& x) {
  return {std::ranges::data(x), static_cast<std::size_t>(std::ranges::size(x))};
}
template <class X>
concept Numbers = requires(const X& x) {
  numbers_of(x);
};
template <Numbers X>
using NumberOf = std::remove_const_t<typename decltype(numbers_of(std::declval<const X&>()))::element_type>;

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
