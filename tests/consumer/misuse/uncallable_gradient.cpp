#include <nabla/nabla.hpp>

// A gradient of a functor's own that can't be called, here because it is not const, must be refused, not passed over.

struct Square {
  template <class X>
  constexpr auto operator()(const X& x) const {
    return x[0] * x[0];
  }
  template <class X, class Gradient>
  constexpr void gradient(const X& x, Gradient& g) {
    g[0] = 2.0 * x[0];
  }
};

nabla::Gradients<double> misuse(const nabla::Executor& executor, const nabla::Points<double>& points) {
  return nabla::value_and_gradient(executor, Square{}, points);
}
