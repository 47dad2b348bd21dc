#pragma once

#include <nabla/detail/checked_function.hpp>
#include <nabla/evaluate.hpp>
#include <nabla/formula.hpp>

#include <complex>

// Is this gradient right? Differences of values, which share nothing with it but the function, tell:
//
//   1. every point along a few random directions, at a ladder of steps in one pass (detail/ladder.hpp);
//   2. component by component where a direction objects, and at a sample of points anyway: Neville's extrapolation of
//      differences with an error bar (host/check/line.hpp), which also tells corners and jumps of the function.
//
// Each component comes out as agreeing, disagreeing, or unresolved: the error bar is wider than the tolerance. What can
// be found and what can't is in docs/checking.md.

namespace nabla {

namespace detail {

/// Functions that can't be evaluated in f64 say `static constexpr bool single_precision = true`. Differences of their
/// values are then taken in f32, and tell less.
template <class F>
constexpr bool single_precision() {
  if constexpr (requires { F::single_precision; }) {
    return F::single_precision;
  } else {
    return false;
  }
}

/// Functions that can be called with std::complex<double> say `static constexpr bool takes_complex = true`. Where
/// differences can't tell, complex steps then may. (Inside, functions are called by name alone, and factors are
/// doubles.)
template <class F>
constexpr bool takes_complex() {
  if constexpr (requires { F::takes_complex; }) {
    return F::takes_complex;
  } else {
    return false;
  }
}

struct ComplexPoint {
  using value_type = std::complex<double>;
  std::span<const value_type> components;
  value_type operator[](std::int64_t i) const { return components[static_cast<std::size_t>(i)]; }
  std::int64_t size() const { return static_cast<std::int64_t>(components.size()); }
};

/// The gradients at points of n components by complex steps.
template <class F>
void complex_steps(const F& f, std::size_t n, std::span<const double> points, std::span<double> gradients) {
  constexpr double step = 0x1p-300;
  std::vector<std::complex<double>> x(n);
  for (std::size_t first = 0; first < points.size(); first += n) {
    std::copy_n(points.begin() + static_cast<std::ptrdiff_t>(first), n, x.begin());
    for (std::size_t i = 0; i < n; ++i) {
      x[i].imag(step);
      gradients[first + i] = std::complex<double>(f(ComplexPoint{x})).imag() / step;
      x[i].imag(0);
    }
  }
}

/// A gradient from elsewhere as that of a function of N variables, or of any number: g(x, sink) assigns sink[i], or
/// g(x) returns an array.
template <class G, int N>
struct ClaimedGradient {
  G g;
  static constexpr int dimension = N;
  static constexpr bool vectorizable = detail::vectorizable<G>();
  static constexpr bool unrolled = detail::unrolled<G>();

  template <class Point>
  constexpr typename Point::value_type operator()(const Point&) const {
    return 0;
  }
  template <class Point, class Gradient>
  constexpr typename Point::value_type gradient(const Point& x, Gradient& sink) const {
    if constexpr (requires { g(x, sink); }) {
      g(x, sink);
    } else {
      const auto all = g(x);
      const auto size = static_cast<std::int64_t>(std::size(all));  // of x too, but compilers can't know
      for (std::int64_t i = 0; i < x.size() && i < size; ++i) sink[i] = all[static_cast<std::size_t>(i)];
    }
    return 0;
  }
};

inline void require_components(std::int64_t variables, std::int64_t components) {
  if (components == variables) return;
  throw ShapeError("check_gradient: " + std::to_string(variables) + " variables, the gradient has " +
                   std::to_string(components) + " components");
}

#ifdef __CUDACC__
inline namespace with_kernels {
#else
inline namespace without_kernels {
#endif

/// The first stage: LadderBody's rows for some points, with gradients in place of directions.
template <class D, class F>
void screen(const Executor& executor, const F& f, const LadderPlan<D>& plan, const Request<D>& request) {
  const std::int64_t n = request.points.components;
  if constexpr (std::same_as<F, Formula>) {
    const ValueBody<Formula, dynamic> value{f};
    const FormulaLadder<D> body{f, plan, operation<D, Formula>("check_gradient", value, n)};
    run<D>(executor, formula_ladder<D>(body), request);
  } else {
    with_dimension("check_gradient", f, n, [&](auto fixed) {
      const LadderBody<F, fixed, D> body{f, plan};
      run<D>(executor, operation<D, F>("check_gradient", body, n, "slopes"), request);
    });
  }
}

template <class F>
constexpr bool is_formula = std::same_as<F, Formula>;

/// The precision that differences of a function's values are taken in.
template <class F, class T>
using ValuePrecision = std::conditional_t<single_precision<F>(), T, double>;

/// Values and derivatives as CheckedFunction calls them; with a first stage in passes over f, or without one.
template <class D, class T, class Values, class Derivatives>
CheckReport check_lines(const Executor& executor, BatchView<const T> points, std::int64_t outputs, const Values& values,
                        const Derivatives& derivatives, const CheckOptions& options) {
  CheckedFunction<T, D, Values, Derivatives> checked(executor, points, outputs, values, derivatives);
  return check(checked.calls(), options);
}
template <class F, class T, class Derivatives>
CheckReport check_screened(const Executor& executor, const F& f, BatchView<const T> points,
                           const Derivatives& derivatives, const CheckOptions& options) {
  using D = ValuePrecision<F, T>;
  const auto values = [&f]<class R>(const Executor& where, BatchView<const R> x, BatchView<R> out) {
    value<F, R>(where, f, x, ValueOutputs<R>{out});
  };
  if constexpr (is_formula<F>) {
    if (!has_ladder(executor, f, points.components)) {
      return check_lines<D>(executor, points, 1, values, derivatives, options);
    }
  }
  CheckedFunction<T, D, decltype(values), Derivatives> checked(executor, points, 1, values, derivatives);
  const auto run_screen = [&](BatchView<const D> x, BatchView<const D> gradients, const LadderPlan<D>& plan,
                              BatchView<D> outcome, BatchView<D> slopes) {
    screen<D>(executor, f, plan, {x, gradients, {outcome, slopes, {}}, nullptr});
  };
  CheckCalls calls = checked.calls(run_screen);
  if constexpr (takes_complex<F>()) {
    const auto n = static_cast<std::size_t>(points.components);
    calls.complex_steps = [&f, n](std::span<const double> x, std::span<double> to) { complex_steps(f, n, x, to); };
  }
  return check(calls, options);
}

}  // inline namespace
}  // namespace detail

#ifdef __CUDACC__
inline namespace with_kernels {
#else
inline namespace without_kernels {
#endif

// Each check takes points as a batch, or as a BatchView<const T> in the executor's memory, at any strides.
//
// Complexity: 1 + 2 directions * steps evaluations of f a point; 89 for each component that is examined. What has
// several outputs is tried along the same lines as it is examined: 89 evaluations a point and direction.
// Memory: some 20 million numbers at most, whatever the number of points.
// Throws: as the operation that is checked, and ShapeError for options out of range. Not while a stream is captured in
// a graph: results are waited for.

/// Checks the gradient that value_and_gradient() computes of f at each point: f's own `gradient` where it has one, else
/// the library's differentiation.
template <class F, class T>
CheckReport check_gradient(const Executor& executor, const F& f, BatchView<const T> points,
                           const CheckOptions& options = {}) {
  const auto gradient = [&f]<class R>(const Executor& where, BatchView<const R> x, BatchView<R> out) {
    value_and_gradient<F, R>(where, f, x, Outputs<R>{{}, out});
  };
  return detail::check_screened(executor, f, points, gradient, options);
}

/// Checks a gradient from elsewhere: gradient(x, g) assigns g[i], or gradient(x) returns a std::array of n scalars. In
/// files that nvcc compiles it is a named functor, as f is: kernels can't be made for plain lambdas.
template <class F, class G, class T>
requires(!std::same_as<G, Formula>) CheckReport
    check_gradient(const Executor& executor, const F& f, const G& gradient, BatchView<const T> points,
                   const CheckOptions& options = {}) {
  if constexpr (detail::vectorizable<G>() &&
                requires(const detail::Recorder& x) { std::tuple_size<decltype(gradient(x))>::value; }) {
    using Components = decltype(gradient(std::declval<const detail::Recorder&>()));
    detail::require_components(points.components, static_cast<std::int64_t>(std::tuple_size_v<Components>));
  }
  const int wanted = dimension_at_run_time(f);
  if (wanted != dynamic && wanted != points.components) {
    detail::throw_dimension("check_gradient", wanted, points.components);
  }
  using Claimed = detail::ClaimedGradient<G, asked_at_run_time<F> ? dynamic : dimension_of<F>()>;
  const Claimed claimed{gradient};
  const auto derivatives = [&claimed]<class R>(const Executor& at, BatchView<const R> x, BatchView<R> out) {
    value_and_gradient<Claimed, R>(at, claimed, x, Outputs<R>{{}, out});
  };
  return detail::check_screened(executor, f, points, derivatives, options);
}

/// Checks a gradient given as a formula with n outputs. Throws ShapeError if it has another number of them.
template <class F, class T>
CheckReport check_gradient(const Executor& executor, const F& f, const Formula& gradient, BatchView<const T> points,
                           const CheckOptions& options = {}) {
  detail::require_components(points.components, gradient.outputs());
  const auto values = [&gradient]<class R>(const Executor& where, BatchView<const R> x, BatchView<R> out) {
    jacobian<R>(where, gradient, x, JacobianOutputs<R>{out, {}});
  };
  return detail::check_screened(executor, f, points, values, options);
}

/// Checks the Jacobian that jacobian() computes of F: R^n -> R^m, a formula or a functor that returns a std::array.
template <class F, class T>
CheckReport check_jacobian(const Executor& executor, const F& f, BatchView<const T> points,
                           const CheckOptions& options = {}) {
  std::int64_t outputs = 0;
  if constexpr (detail::is_formula<F>) {
    outputs = f.outputs();
  } else {
    outputs = detail::JacobianBody<F, dynamic>::outputs;
  }
  const auto evaluate = [&f]<class R>(const Executor& where, BatchView<const R> x, JacobianOutputs<R> out) {
    if constexpr (detail::is_formula<F>) {
      jacobian<R>(where, f, x, out);
    } else {
      jacobian<F, R>(where, f, x, out);
    }
  };
  const auto values = [&evaluate]<class R>(const Executor& where, BatchView<const R> x, BatchView<R> out) {
    evaluate(where, x, JacobianOutputs<R>{out, {}});
  };
  const auto derivatives = [&evaluate]<class R>(const Executor& where, BatchView<const R> x, BatchView<R> out) {
    evaluate(where, x, JacobianOutputs<R>{{}, out});
  };
  return detail::check_lines<detail::ValuePrecision<F, T>>(executor, points, outputs, values, derivatives, options);
}

/// Checks a Jacobian from elsewhere: a functor that returns a std::array of its m n numbers, row by row.
template <class F, class J, class T>
CheckReport check_jacobian(const Executor& executor, const F& f, const J& claimed, BatchView<const T> points,
                           const CheckOptions& options = {}) {
  constexpr std::int64_t outputs = detail::JacobianBody<F, dynamic>::outputs;
  const auto values_of = [](const auto& function) {
    return [&function]<class R>(const Executor& where, BatchView<const R> x, BatchView<R> out) {
      jacobian<std::remove_cvref_t<decltype(function)>, R>(where, function, x, JacobianOutputs<R>{out, {}});
    };
  };
  return detail::check_lines<detail::ValuePrecision<F, T>>(executor, points, outputs, values_of(f), values_of(claimed),
                                                           options);
}

/// Checks that hessian_vector_product() is the derivative of the gradient that value_and_gradient() computes, with each
/// unit vector as the direction: outputs of the report are components of the gradient. Memory: n^2 numbers a point.
template <class F, class T>
CheckReport check_hessian_vector_product(const Executor& executor, const F& f, BatchView<const T> points,
                                         const CheckOptions& options = {}) {
  const std::int64_t n = points.components;
  const auto gradient = [&f]<class R>(const Executor& where, BatchView<const R> x, BatchView<R> out) {
    value_and_gradient<F, R>(where, f, x, Outputs<R>{{}, out});
  };
  const auto products = [&f, n]<class R>(const Executor& where, BatchView<const R> x, BatchView<R> out) {
    for (std::int64_t j = 0; j < n; ++j) {
      std::vector<R> unit(static_cast<std::size_t>(n), R(0));
      unit[static_cast<std::size_t>(j)] = R(1);
      const auto direction = Batch<R>::from_host(where, unit, n);
      const BatchView<R> column(out.data + j * out.component_stride, out.count, n, out.item_stride,
                                n * out.component_stride);
      hessian_vector_product<F, R>(where, f, x, direction, HessianProductOutputs<R>{{}, {}, column, nullptr});
      where.synchronize();
    }
  };
  return detail::check_lines<detail::ValuePrecision<F, T>>(executor, points, n, gradient, products, options);
}

// The same for batches.

template <class F, class T>
CheckReport check_gradient(const Executor& executor, const F& f, const Points<T>& points,
                           const CheckOptions& options = {}) {
  return check_gradient(executor, f, BatchView<const T>(points), options);
}
template <class F, class G, class T>
CheckReport check_gradient(const Executor& executor, const F& f, const G& gradient, const Points<T>& points,
                           const CheckOptions& options = {}) {
  return check_gradient(executor, f, gradient, BatchView<const T>(points), options);
}
template <class F, class T>
CheckReport check_jacobian(const Executor& executor, const F& f, const Points<T>& points,
                           const CheckOptions& options = {}) {
  return check_jacobian(executor, f, BatchView<const T>(points), options);
}
template <class F, class J, class T>
CheckReport check_jacobian(const Executor& executor, const F& f, const J& claimed, const Points<T>& points,
                           const CheckOptions& options = {}) {
  return check_jacobian(executor, f, claimed, BatchView<const T>(points), options);
}
template <class F, class T>
CheckReport check_hessian_vector_product(const Executor& executor, const F& f, const Points<T>& points,
                                         const CheckOptions& options = {}) {
  return check_hessian_vector_product(executor, f, BatchView<const T>(points), options);
}

}  // inline namespace
}  // namespace nabla
