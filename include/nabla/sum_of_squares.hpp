#pragma once

#include <nabla/function.hpp>

#include <cstddef>

// Residuals: functors that return a std::array r of m scalars, of which 1/2 sum r_j^2 is to be least.

namespace nabla {

/// 1/2 sum r_j^2 of a functor's residuals, as a function of one output: for value_and_gradient() and all else that
/// takes functions of points.
template <class F>
struct SumOfSquares : F {
  template <class Point>
  constexpr auto operator()(const Point& x) const {
    const auto r = static_cast<const F&>(*this)(x);
    auto sum = r[0] * r[0];
    for (std::size_t j = 1; j < r.size(); ++j) sum = sum + r[j] * r[j];
    return 0.5 * sum;
  }
};
template <class F>
constexpr SumOfSquares<F> sum_of_squares(const F& f) {
  return {f};
}

namespace detail {

/// Whether a functor returns a std::array, though it be one of one scalar.
template <class F>
constexpr bool gives_residuals() {
  using Nothing = ProbeScalar (*)(std::int64_t);
  return requires(const F& f, const Point<ProbeScalar, dynamic, Nothing>& x) { f(x).size(); };
}

}  // namespace detail
}  // namespace nabla
