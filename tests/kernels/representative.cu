// The kernels that spills.cmake compiles for each architecture to read their registers and spills off the assembler:
// every operation whose points stay in registers, at the ends of what it covers, the first stage of checks, and sums of
// elements of up to six variables.

#include "../../host/bench/functions.hpp"

#include <nabla/check.hpp>
#include <nabla/element_sum.hpp>

namespace {

using nabla::functions::Rosenbrock;

/// Transcendental functions in a loop: the most registers that a function of few variables is likely to need. In the
/// textbook's form, which needs a few more of them than functions::Ackley.
using Ackley = nabla::bench::TextbookAckley;

template <class T, class F>
void every_operation(const nabla::Executor& executor, const F& f, const nabla::Points<T>& points) {
  nabla::value(executor, f, points);
  nabla::value_and_gradient(executor, f, points);
  nabla::directional_derivative(executor, f, points, points);
  nabla::steepest_ascent(executor, f, points);
  nabla::clipped_gradient(executor, f, points, 1.0);
}

template <class T>
void every_function(const nabla::Executor& executor, const nabla::Points<T>& points) {
  every_operation<T>(executor, nabla::functions::WaveSaddle(), points);
  nabla::check_gradient(executor, nabla::functions::WaveSaddle(), points);
  nabla::check_gradient(executor, nabla::fixed<8>(Ackley()), points);
  every_operation<T>(executor, nabla::fixed<4>(Rosenbrock()), points);
  every_operation<T>(executor, nabla::fixed<8>(Rosenbrock()), points);
  every_operation<T>(executor, nabla::fixed<8>(Ackley()), points);
}

/// A spring of length d[1] between points in space.
struct SpaceSpring {
  static constexpr int variables = 6, data = 2;
  template <class X, class D>
  constexpr auto operator()(const X& x, const D& d) const {
    using nabla::sqrt;
    typename X::value_type squares = 0;
    for (int i = 0; i < 3; ++i) squares += (x[i] - x[i + 3]) * (x[i] - x[i + 3]);
    const auto stretch = sqrt(squares) - d[1];
    return 0.5 * d[0] * stretch * stretch;
  }
};

/// All passes over all kinds of connectivity: they are chosen while the program runs.
template <class T, class E>
void every_pass(const nabla::Executor& executor, const E& element, const nabla::Affine& affine) {
  const auto sum = nabla::element_sum<T>(executor, element, 10, affine);
  sum.value(executor, {});
  sum.value_and_gradient(executor, {}, {});
  sum.hessian_vector_product(executor, {}, {}, {});
  sum.hessian_diagonal(executor, {}, {});
  sum.hessian(executor, {}, {});
}

}  // namespace

void instantiate_sums(const nabla::Executor& executor, const nabla::Affine& affine) {
  every_pass<double>(executor, nabla::fixed<2>(Rosenbrock()), affine);
  every_pass<float>(executor, nabla::fixed<4>(Rosenbrock()), affine);
  every_pass<double>(executor, SpaceSpring(), affine);
}

void instantiate(const nabla::Executor& executor, const nabla::Points<double>& doubles,
                 const nabla::Points<float>& floats) {
  every_function<double>(executor, doubles);
  every_function<float>(executor, floats);
}
