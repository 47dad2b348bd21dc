#pragma once

#include "../function_registry.hpp"

#include <nabla/check.hpp>
#include <nabla/functions.hpp>

#include <tuple>
#include <utility>

namespace nabla::cli::registry {

/// A function's operations. To keep the code small only the gradient in two variables is unrolled; in other dimensions,
/// and for everything else, functions of any dimension share one code that loops. Descents on CUDA are a formula's.
template <class T, class F>
Operations<T> operations_of() {
  using Points = BatchView<const T>;
  constexpr bool any_dimension = dimension_of<F>() == dynamic;
  const auto one_code = [] {
    if constexpr (any_dimension) {
      return looped(F{});
    } else {
      return F{};
    }
  };
  using OneCode = decltype(one_code());
  Operations<T> operations = {
      [](const Executor& where, Points x, ValueOutputs<T> out) { value<OneCode, T>(where, {}, x, out); },
      [](const Executor& where, Points x, Outputs<T> out) {
        if constexpr (any_dimension) {
          if (x.components == 2) return value_and_gradient<Fixed<2, F>, T>(where, {}, x, out);
        }
        value_and_gradient<OneCode, T>(where, {}, x, out);
      },
      [](const Executor& where, Points x, Points direction, DirectionalOutputs<T> out) {
        directional_derivative<OneCode, T>(where, {}, x, direction, out);
      },
      [](const Executor& where, Points x, Points direction, HessianProductOutputs<T> out) {
        hessian_vector_product<OneCode, T>(where, {}, x, direction, out);
      },
      [](const Executor& where, Points x, HessianOutputs<T> out) { hessian<OneCode, T>(where, {}, x, out); },
      [](const Executor& where, Points x, const EachOutputs<T>& out, const EachOptions& options) {
        return detail::minimize_each_with<false, OneCode, T>(where, {}, x, out, options);
      },
      nullptr};
  if constexpr (sizeof(T) == 8) {
    operations.screen = [](const Executor& where, const detail::LadderPlan<T>& plan,
                           const detail::Request<T>& request) { detail::screen<T>(where, OneCode{}, plan, request); };
  }
  return operations;
}

template <class T, int Part>
void fill(std::span<Operations<T>> operations) {
  [&]<std::size_t... K>(std::index_sequence<K...>) {
    const auto place = [&]<std::size_t k>(std::integral_constant<std::size_t, k>) {
      if constexpr (k % parts == Part) operations[k] = operations_of<T, std::tuple_element_t<k, functions::All>>();
    };
    (place(std::integral_constant<std::size_t, K>()), ...);
  }
  (std::make_index_sequence<std::tuple_size_v<functions::All>>());
}

}  // namespace nabla::cli::registry
