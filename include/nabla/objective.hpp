#pragma once

#include <nabla/batch.hpp>
#include <nabla/executor.hpp>

#include <concepts>
#include <functional>
#include <ranges>
#include <span>
#include <type_traits>
#include <utility>

// What the library asks of an objective: one scalar function of very many variables.

namespace nabla {

template <class T>
class SymmetricOperator;

/// One scalar function of very many variables, with its gradient. Both functions get memory of the executor, which is
/// complete when they are called, whatever stream they use. value_and_gradient() fills all of `gradient`, or enqueues
/// what does on executor.stream().
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

/// What also has its second derivatives along each variable.
template <class O, class T>
concept DiagonalObjective = Objective<O, T> &&
    requires(const O& objective, const Executor& executor, std::span<const T> x, std::span<T> diagonal) {
  objective.hessian_diagonal(executor, x, diagonal);
};

namespace detail {

/// What is known to be quadratic, and tells its matrix (quadratic.hpp).
template <class O, class T>
concept QuadraticObjective = Objective<O, T> && requires(const O& objective) {
  { objective.a() } -> std::same_as<const SymmetricOperator<T>&>;
};

/// An objective's functions, without its type; those that it does not have are empty.
template <class T>
struct ObjectiveCalls {
  std::function<double(std::span<const T> x)> value;
  std::function<double(std::span<const T> x, std::span<T> gradient)> value_and_gradient;
  std::function<void(std::span<const T> x, std::span<const T> v, std::span<T> product)> hessian_vector_product;
  std::function<void(std::span<const T> x, std::span<T> diagonal)> hessian_diagonal;
  const SymmetricOperator<T>* quadratic = nullptr;  // whose gradient is A x less something that does not move
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
  if constexpr (QuadraticObjective<O, T>) calls.quadratic = &objective.a();
  if constexpr (DiagonalObjective<O, T>) {
    calls.hessian_diagonal = [&](std::span<const T> x, std::span<T> diagonal) {
      executor.synchronize();
      objective.hessian_diagonal(executor, x, diagonal);
    };
  }
  return calls;
}

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
}  // namespace nabla
