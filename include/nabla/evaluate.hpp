#pragma once

#include <nabla/batch.hpp>
#include <nabla/detail/cpu_tile.hpp>
#ifdef __CUDACC__
#include <nabla/kernels/launch_evaluate.cuh>
#endif

#include <optional>
#include <utility>

// Functions and their exact derivatives over batches of points.
//
// Each operation comes in two forms:
//   - operation(executor, f, points, …, outputs) writes into the caller's views. It enqueues on the executor's stream
//     and allocates nothing after the first call of its size. Null views are not computed into.
//   - operation(executor, f, points, …) allocates the outputs on the executor, in the layout of the points, and returns
//     them with a summary; it waits until they are there.
//
// Shapes: points are (count, n). A function that has a dimension (function.hpp) demands that n.
// Layout: any strides, each view its own; component-major and point-major run at memory speed.
// Complexity: one read of the points and one write of each wanted output; see each operation.
// Throws: ShapeError (sizes, strides, outputs that overlap), MemorySpaceError (memory the executor can't reach),
//     ExecutorUnavailable (a CUDA executor in a file that nvcc did not compile), CudaError. NaN and infinity are data.

namespace nabla {

/// Where value() writes. Null views and a null summary are not wanted, here and below.
template <class T>
struct ValueOutputs {
  BatchView<T> value = {};     ///< (count, 1)
  Summary* summary = nullptr;  ///< one, in the executor's memory
};

/// Where value_and_gradient() and clipped_gradient() write.
template <class T>
struct Outputs {
  BatchView<T> value = {};     ///< (count, 1)
  BatchView<T> gradient = {};  ///< (count, n)
  Summary* summary = nullptr;  ///< one, in the executor's memory
};

template <class T>
struct DirectionalOutputs {
  BatchView<T> value = {};       ///< (count, 1)
  BatchView<T> derivative = {};  ///< (count, 1)
};

template <class T>
struct HessianProductOutputs {
  BatchView<T> value = {};     ///< (count, 1)
  BatchView<T> gradient = {};  ///< (count, n)
  BatchView<T> product = {};   ///< (count, n)
  Summary* summary = nullptr;
};

template <class T>
struct HessianOutputs {
  BatchView<T> value = {};     ///< (count, 1)
  BatchView<T> gradient = {};  ///< (count, n)
  BatchView<T> hessian = {};   ///< (count, n*n), row by row
  Summary* summary = nullptr;
};

template <class T>
struct JacobianOutputs {
  BatchView<T> value = {};     ///< (count, m)
  BatchView<T> jacobian = {};  ///< (count, m*n), row by row: row j is the gradient of output j
};

template <class T>
struct AscentOutputs {
  BatchView<T> value = {};      ///< (count, 1)
  BatchView<T> direction = {};  ///< (count, n), of length 1, or 0 at a critical point
  BatchView<T> rate = {};       ///< (count, 1), |grad f|
};

// What the allocating forms return.

template <class T>
struct Values {
  Batch<T> value;
  Summary summary;
};
template <class T>
struct Gradients {
  Batch<T> value;
  Batch<T> gradient;
  Summary summary;
};
template <class T>
struct Directionals {
  Batch<T> value;
  Batch<T> derivative;
};
template <class T>
struct HessianProducts {
  Batch<T> value;
  Batch<T> gradient;
  Batch<T> product;
  Summary summary;
};
template <class T>
struct Hessians {
  Batch<T> value;
  Batch<T> gradient;
  Batch<T> hessian;
  Summary summary;
};
template <class T>
struct Jacobians {
  Batch<T> value;
  Batch<T> jacobian;
};
template <class T>
struct Ascents {
  Batch<T> value;
  Batch<T> direction;
  Batch<T> rate;
};

/// Dimensions for which a function of any dimension gets code of its own; others share one that loops.
inline constexpr int unrolled_dimensions[] = {2, 3, 4};

// A call compiled by nvcc can launch kernels, the same call compiled by another compiler can't. Inline namespaces keep
// the two apart where one program has both.

namespace detail {

/// Functions that are not templates, such as formulas, bring their own operations.
template <class T, class Body>
concept brings_operation = requires(const char* text, const Body& body) {
  operation_of<T>(text, body, std::int64_t{0}, text, text);
};

/// An operation without a kernel, but for functions that bring theirs.
template <class T, class F, class Body>
Operation<T> cpu_operation(const char* name, const Body& body, std::int64_t n, const char* second = "",
                           const char* third = "") {
  if constexpr (brings_operation<T, Body>) {
    return operation_of<T>(name, body, n, second, third);
  } else {
    using X = CpuScalar<F, T>;
    return {name,
            &body,
            n,
            Body::rows(n),
            {"value", second, third},
            Body::has_gradient,
            Body::needs_extra,
            lanes_in<X, T>,
            &run_tile<X, T, Body>,
            nullptr};
  }
}

#ifdef __CUDACC__
inline namespace with_kernels {
#else
inline namespace without_kernels {
#endif

template <class T, class F, class Body>
Operation<T> operation(const char* name, const Body& body, std::int64_t n, const char* second = "",
                       const char* third = "") {
  Operation<T> made = cpu_operation<T, F>(name, body, n, second, third);
#ifdef __CUDACC__
  if constexpr (!brings_operation<T, Body>) made.launch = &launch_evaluate<T, Body>;
#endif
  return made;
}

[[noreturn]] inline void throw_dimension(const char* name, int wanted, std::int64_t found) {
  throw ShapeError(std::string(name) + ": the function takes " + std::to_string(wanted) +
                   (wanted == 1 ? " variable" : " variables") + ", the points have " + std::to_string(found));
}

/// Calls use(constant N) with the N to compile for: the function's own dimension, or the points' if unrolled, or
/// dynamic.
template <class F, class Use>
void with_dimension(const char* name, const F& f, std::int64_t n, Use use) {
  const int wanted = dimension_at_run_time(f);
  if (wanted != dynamic && n != wanted) throw_dimension(name, wanted, n);
  constexpr int own = dimension_of<F>();
  if constexpr (own != dynamic) {
    if constexpr (asked_at_run_time<F>) {
      if (n != own) return use(std::integral_constant<int, dynamic>());
    }
    use(std::integral_constant<int, own>());
  } else if constexpr (!unrolled<F>()) {
    use(std::integral_constant<int, dynamic>());
  } else {
    const bool done = [&]<std::size_t... I>(std::index_sequence<I...>) {
      return ((n == unrolled_dimensions[I] && (use(std::integral_constant<int, unrolled_dimensions[I]>()), true)) ||
              ...);
    }
    (std::make_index_sequence<std::size(unrolled_dimensions)>());
    if (!done) use(std::integral_constant<int, dynamic>());
  }
}

}  // inline namespace

/// A summary's place on the executor for the allocating forms.
class SummarySlot {
 public:
  explicit SummarySlot(const Executor& executor) : slot_(executor, 1) {}
  Summary* place() const { return slot_.data(); }
  Summary fetch() const { return fetch_summary(slot_.executor(), slot_.data()); }

 private:
  Array<Summary> slot_;
};

}  // namespace detail

#ifdef __CUDACC__
inline namespace with_kernels {
#else
inline namespace without_kernels {
#endif

/// f at each point. Complexity: reads n numbers a point, writes 1.
template <class F, class T>
void value(const Executor& executor, const F& f, std::type_identity_t<BatchView<const T>> points, ValueOutputs<T> out) {
  detail::with_dimension("value", f, points.components, [&](auto n) {
    const detail::ValueBody<F, n> body{f};
    detail::run<T>(executor, detail::operation<T, F>("value", body, points.components, ""),
                   {points, {}, {out.value, {}, {}}, out.summary});
  });
}

/// f and its gradient at each point: in reverse on CPUs, from n = 3 on, if f has no state and one number of variables;
/// else forward, in one sweep (n <= 8) or several.
/// Accuracy: that of f itself; see docs/numerics.md. Complexity: reads n numbers a point, writes n + 1.
template <class F, class T>
void value_and_gradient(const Executor& executor, const F& f, std::type_identity_t<BatchView<const T>> points,
                        Outputs<T> out) {
  detail::with_dimension("value_and_gradient", f, points.components, [&](auto n) {
    const detail::GradientBody<F, n> body{f};
    detail::run<T>(executor, detail::operation<T, F>("value_and_gradient", body, points.components, "gradient"),
                   {points, {}, {out.value, out.gradient, {}}, out.summary});
  });
}

/// The derivative grad f . v along a direction v, one for all points (direction.count == 1) or one per point.
/// v is used as it is, not normalised. Complexity: reads n (or 2n) numbers a point, writes 2; independent of n in flops
/// beyond twice those of f.
template <class F, class T>
void directional_derivative(const Executor& executor, const F& f, std::type_identity_t<BatchView<const T>> points,
                            std::type_identity_t<BatchView<const T>> direction, DirectionalOutputs<T> out) {
  detail::with_dimension("directional_derivative", f, points.components, [&](auto n) {
    const detail::DirectionalBody<F, n> body{f};
    detail::run<T>(executor, detail::operation<T, F>("directional_derivative", body, points.components, "derivative"),
                   {points, direction, {out.value, out.derivative, {}}, nullptr});
  });
}

/// H v for the Hessian H at each point, with f and the gradient from the same sweep; H itself is never formed.
template <class F, class T>
void hessian_vector_product(const Executor& executor, const F& f, std::type_identity_t<BatchView<const T>> points,
                            std::type_identity_t<BatchView<const T>> direction, HessianProductOutputs<T> out) {
  detail::with_dimension("hessian_vector_product", f, points.components, [&](auto n) {
    const detail::HessianProductBody<F, n> body{f};
    detail::run<T>(executor,
                   detail::operation<T, F>("hessian_vector_product", body, points.components, "gradient", "product"),
                   {points, direction, {out.value, out.gradient, out.product}, out.summary});
  });
}

/// The dense Hessian at each point, symmetric to the bit, with f and the gradient. Shapes: n <= 16.
template <class F, class T>
void hessian(const Executor& executor, const F& f, std::type_identity_t<BatchView<const T>> points,
             HessianOutputs<T> out) {
  if (points.components > 16) {
    throw ShapeError("hessian: dense Hessians go up to 16 variables, the points have " +
                     std::to_string(points.components) + "; use hessian_vector_product");
  }
  detail::with_dimension("hessian", f, points.components, [&](auto n) {
    const detail::HessianBody<F, n> body{f};
    detail::run<T>(executor, detail::operation<T, F>("hessian", body, points.components, "gradient", "hessian"),
                   {points, {}, {out.value, out.gradient, out.hessian}, out.summary});
  });
}

/// F and its Jacobian at each point, for F that returns a std::array of m scalars.
template <class F, class T>
void jacobian(const Executor& executor, const F& f, std::type_identity_t<BatchView<const T>> points,
              JacobianOutputs<T> out) {
  detail::with_dimension("jacobian", f, points.components, [&](auto n) {
    const detail::JacobianBody<F, n> body{f};
    detail::run<T>(executor, detail::operation<T, F>("jacobian", body, points.components, "jacobian"),
                   {points, {}, {out.value, out.jacobian, {}}, nullptr});
  });
}

/// The unit direction in which f grows fastest and the slope in it. At a critical point both are 0.
template <class F, class T>
void steepest_ascent(const Executor& executor, const F& f, std::type_identity_t<BatchView<const T>> points,
                     AscentOutputs<T> out) {
  detail::with_dimension("steepest_ascent", f, points.components, [&](auto n) {
    const detail::SteepestAscentBody<F, n> body{f};
    detail::run<T>(executor, detail::operation<T, F>("steepest_ascent", body, points.components, "direction", "rate"),
                   {points, {}, {out.value, out.direction, out.rate}, nullptr});
  });
}

/// The gradient, shortened to length `threshold` where it is longer. Throws ShapeError unless threshold > 0.
template <class F, class T>
void clipped_gradient(const Executor& executor, const F& f, std::type_identity_t<BatchView<const T>> points,
                      double threshold, Outputs<T> out) {
  if (!(threshold > 0)) {
    throw ShapeError("clipped_gradient: the threshold must be positive, found " + std::to_string(threshold));
  }
  detail::with_dimension("clipped_gradient", f, points.components, [&](auto n) {
    const detail::ClippedGradientBody<F, n> body{f, threshold};
    detail::run<T>(executor, detail::operation<T, F>("clipped_gradient", body, points.components, "gradient"),
                   {points, {}, {out.value, out.gradient, {}}, out.summary});
  });
}

// The allocating forms.

template <class F, class T>
Values<T> value(const Executor& executor, const F& f, const Points<T>& points) {
  const detail::SummarySlot summary(executor);
  Batch<T> values(executor, points.count(), 1);
  value<F, T>(executor, f, points, ValueOutputs<T>{values, summary.place()});
  return {std::move(values), summary.fetch()};
}

template <class F, class T>
Gradients<T> value_and_gradient(const Executor& executor, const F& f, const Points<T>& points) {
  const detail::SummarySlot summary(executor);
  Batch<T> values(executor, points.count(), 1);
  Batch<T> gradients(executor, points.count(), points.components(), points.layout());
  value_and_gradient<F, T>(executor, f, points, Outputs<T>{values, gradients, summary.place()});
  return {std::move(values), std::move(gradients), summary.fetch()};
}

template <class F, class T>
Directionals<T> directional_derivative(const Executor& executor, const F& f, const Points<T>& points,
                                       const Batch<T>& direction) {
  Batch<T> values(executor, points.count(), 1);
  Batch<T> derivatives(executor, points.count(), 1);
  directional_derivative<F, T>(executor, f, points, direction, DirectionalOutputs<T>{values, derivatives});
  executor.synchronize();
  return {std::move(values), std::move(derivatives)};
}

template <class F, class T>
HessianProducts<T> hessian_vector_product(const Executor& executor, const F& f, const Points<T>& points,
                                          const Batch<T>& direction) {
  const detail::SummarySlot summary(executor);
  Batch<T> values(executor, points.count(), 1);
  Batch<T> gradients(executor, points.count(), points.components(), points.layout());
  Batch<T> products(executor, points.count(), points.components(), points.layout());
  hessian_vector_product<F, T>(executor, f, points, direction,
                               HessianProductOutputs<T>{values, gradients, products, summary.place()});
  return {std::move(values), std::move(gradients), std::move(products), summary.fetch()};
}

template <class F, class T>
Hessians<T> hessian(const Executor& executor, const F& f, const Points<T>& points) {
  const detail::SummarySlot summary(executor);
  const std::int64_t n = points.components();
  Batch<T> values(executor, points.count(), 1);
  Batch<T> gradients(executor, points.count(), n, points.layout());
  Batch<T> hessians(executor, points.count(), n * n, points.layout());
  hessian<F, T>(executor, f, points, HessianOutputs<T>{values, gradients, hessians, summary.place()});
  return {std::move(values), std::move(gradients), std::move(hessians), summary.fetch()};
}

template <class F, class T>
Jacobians<T> jacobian(const Executor& executor, const F& f, const Points<T>& points) {
  constexpr std::int64_t m = detail::JacobianBody<F, dynamic>::outputs;
  Batch<T> values(executor, points.count(), m, points.layout());
  Batch<T> jacobians(executor, points.count(), m * points.components(), points.layout());
  jacobian<F, T>(executor, f, points, JacobianOutputs<T>{values, jacobians});
  executor.synchronize();
  return {std::move(values), std::move(jacobians)};
}

template <class F, class T>
Ascents<T> steepest_ascent(const Executor& executor, const F& f, const Points<T>& points) {
  Batch<T> values(executor, points.count(), 1);
  Batch<T> directions(executor, points.count(), points.components(), points.layout());
  Batch<T> rates(executor, points.count(), 1);
  steepest_ascent<F, T>(executor, f, points, AscentOutputs<T>{values, directions, rates});
  executor.synchronize();
  return {std::move(values), std::move(directions), std::move(rates)};
}

template <class F, class T>
Gradients<T> clipped_gradient(const Executor& executor, const F& f, const Points<T>& points, double threshold) {
  const detail::SummarySlot summary(executor);
  Batch<T> values(executor, points.count(), 1);
  Batch<T> gradients(executor, points.count(), points.components(), points.layout());
  clipped_gradient<F, T>(executor, f, points, threshold, Outputs<T>{values, gradients, summary.place()});
  return {std::move(values), std::move(gradients), summary.fetch()};
}

}  // inline namespace

}  // namespace nabla
