#pragma once

#include <nabla/function.hpp>

#include <cstdint>

// How bodies call a function.

namespace nabla::detail {

template <int N, class ComponentOf>
constexpr auto make_point(std::int64_t dimension, ComponentOf component_of) {
  return Point<decltype(component_of(std::int64_t{0})), N, ComponentOf>{component_of, dimension};
}

/// The function at a point; of an element of a sum, also of the data that come after the variables.
template <class F, class In, class X>
constexpr auto call(const F& f, const In& in, const X& x) {
  if constexpr (requires { f.with_data(x, in); }) {
    return f.with_data(x, in);
  } else {
    return f(x);
  }
}

}  // namespace nabla::detail
