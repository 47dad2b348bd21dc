#pragma once

#include <nabla/detail/reverse.hpp>

// What is computed at one point, for each operation. This is the one body of mathematics that the CPU loop
// (cpu_tile.hpp) and the CUDA kernels (kernels/evaluate.cuh) share.
//
// A body is called as body(in, out) with
//     in.dimension     n
//     in(i)            component i of the point, a base scalar X
//     in.extra(i)      component i of the point's direction, for the bodies that need one
//     out.store(k, x)  output row k;  out.load(k) reads back what was stored
// and states
//     variables        N, or dynamic
//     needs_extra      whether it reads directions
//     has_gradient     whether its groups 0 and 1 are the value and the gradient
//     rows(n)          how many output rows each of its groups has; rows are numbered through the groups in order

namespace nabla::detail {

inline constexpr int max_groups = 3;

/// Rows of each output group.
struct Rows {
  std::int64_t group[max_groups];
  constexpr std::int64_t total() const { return group[0] + group[1] + group[2]; }
};

/// Variables differentiated in one sweep. More tangents share more work until they no longer fit the registers.
template <int N, int Limit = 8>
inline constexpr int chunk = N == dynamic ? (Limit < 4 ? Limit : 4) : (N < Limit ? N : Limit);

/// The dimension as a constant where it is one, so that loops over it unroll.
template <int N, class In>
constexpr std::int64_t dimension(const In& in) {
  if constexpr (N == dynamic) {
    return in.dimension;
  } else {
    return N;
  }
}

/// use(i) for all i below n; up to four variables written out, so that what i says is a constant: rows may be
/// registers.
template <int N, class Use>
constexpr void for_each_of(std::int64_t n, Use use) {
  if constexpr (N == dynamic || N > 4) {
    for (std::int64_t i = 0; i < n; ++i) use(i);
  } else {
    [&]<int... I>(std::integer_sequence<int, I...>) { (use(std::int64_t{I}), ...); }
    (std::make_integer_sequence<int, N>());
  }
}

/// Whether a gradient of N variables is accumulated in reverse: not below so many, nor where that is impossible, nor of
/// plain numbers. Those are what kernels compute with, whose registers and times in reverse have not been measured.
template <class F, int N, class X, int Least>
constexpr bool in_reverse() {
  if constexpr (N >= Least && N <= most_reversible && !Arithmetic<X>) {
    if constexpr (Traceable<F, N, RealOf<X>>) return LineOf<F, N, RealOf<X>>::line.reversible;
  }
  return false;
}

template <class X>
constexpr X kronecker(bool same) {
  return constant<X>(same ? 1 : 0);
}

template <class F, int N>
struct ValueBody {
  F f;
  static constexpr int variables = N;
  static constexpr bool needs_extra = false;
  static constexpr bool has_gradient = false;
  static constexpr Rows rows(std::int64_t) { return {{1, 0, 0}}; }

  template <class In, class Out>
  constexpr void operator()(const In& in, Out& out) const {
    using S = Dual<typename In::Scalar, 0>;
    out.store(0, S(call(f, in, make_point<N>(in.dimension, [&](std::int64_t i) { return S(in(i)); }))).value);
  }
};

/// What a caller's own gradient writes into: g[i] is assigned, or added to.
template <class Out>
struct GradientSink {
  using S = Dual<typename Out::Scalar, 0>;
  Out& out;

  struct Component {
    Out& out;
    std::int64_t row;
    constexpr operator S() const { return S(out.load(row)); }
    constexpr Component& operator=(const S& x) {
      out.store(row, x.value);
      return *this;
    }
    constexpr Component& operator+=(const S& x) { return *this = S(*this) + x; }
    constexpr Component& operator-=(const S& x) { return *this = S(*this) - x; }
  };
  constexpr Component operator[](std::int64_t i) { return {out, 1 + i}; }
};

/// Rows: the value, then the n components of the gradient.
template <class F, int N>
struct GradientBody {
  F f;
  static constexpr int variables = N;
  static constexpr bool needs_extra = false;
  static constexpr bool has_gradient = true;
  static constexpr Rows rows(std::int64_t n) { return {{1, n, 0}}; }

  template <class In, class Out>
  constexpr void operator()(const In& in, Out& out) const {
    using X = typename In::Scalar;
    using S = Dual<X, 0>;
    const std::int64_t n = dimension<N>(in);
    const auto x = make_point<N>(n, [&](std::int64_t i) { return S(in(i)); });
    GradientSink<Out> sink{out};
    if constexpr (has_own_gradient<F, decltype(x), decltype(sink)>()) {
      for (std::int64_t i = 0; i < n; ++i) out.store(1 + i, constant<X>(0));
      if constexpr (std::is_void_v<decltype(f.gradient(x, sink))>) {
        f.gradient(x, sink);
        out.store(0, S(f(x)).value);
      } else {
        out.store(0, S(f.gradient(x, sink)).value);
      }
    } else if constexpr (in_reverse<F, N, X, 3>()) {
      const Sweep<LineOf<F, N, RealOf<X>>, X, X> sweep(in, in);
      out.store(0, sweep.value());
      sweep.template for_each_derivative<N>([&](int i, const X& g) { out.store(1 + i, g); });
    } else {
      constexpr int width = chunk<N>;
      using D = Dual<X, width>;
      for (std::int64_t start = 0; start < n; start += width) {
        const D y = call(f, in, make_point<N>(n, [&](std::int64_t i) {
                           return D(in(i), [&](int k) { return kronecker<X>(i == start + k); });
                         }));
        if (start == 0) out.store(0, y.value);
        for (int k = 0; k < width; ++k) {
          if (start + k < n) out.store(1 + start + k, y.tangent[k]);
        }
      }
    }
  }
};

/// Rows: the value, then the derivative along the point's direction v: grad f . v.
template <class F, int N>
struct DirectionalBody {
  F f;
  static constexpr int variables = N;
  static constexpr bool needs_extra = true;
  static constexpr bool has_gradient = false;
  static constexpr Rows rows(std::int64_t) { return {{1, 1, 0}}; }

  template <class In, class Out>
  constexpr void operator()(const In& in, Out& out) const {
    using D = Dual<typename In::Scalar, 1>;
    const D y =
        f(make_point<N>(in.dimension, [&](std::int64_t i) { return D(in(i), [&](int) { return in.extra(i); }); }));
    out.store(0, y.value);
    out.store(1, y.tangent[0]);
  }
};

/// Rows: the value, the gradient, then H v, as the gradient of the derivative along v.
template <class F, int N>
struct HessianProductBody {
  F f;
  static constexpr int variables = N;
  static constexpr bool needs_extra = true;
  static constexpr bool has_gradient = true;
  static constexpr Rows rows(std::int64_t n) { return {{1, n, n}}; }

  template <class In, class Out>
  constexpr void operator()(const In& in, Out& out) const {
    using X = typename In::Scalar;
    using Along = Dual<X, 1>;
    const std::int64_t n = dimension<N>(in);
    const auto along = [&](std::int64_t i) { return Along(in(i), [&](int) { return in.extra(i); }); };
    if constexpr (in_reverse<F, N, X, 2>()) {
      const Sweep<LineOf<F, N, RealOf<X>>, X, Along> sweep(along, in);
      out.store(0, sweep.value().value);
      sweep.template for_each_derivative<N>([&](int i, const Along& derivative) {
        out.store(1 + i, derivative.value);
        out.store(1 + n + i, derivative.tangent[0]);
      });
    } else {
      constexpr int width = chunk<N, 4>;
      using D = Dual<Along, width>;
      for (std::int64_t start = 0; start < n; start += width) {
        const D y = call(f, in, make_point<N>(n, [&](std::int64_t i) {
                           return D(along(i), [&](int k) { return constant<Along>(i == start + k ? 1 : 0); });
                         }));
        if (start == 0) out.store(0, y.value.value);
        for (int k = 0; k < width; ++k) {
          if (start + k >= n) continue;
          out.store(1 + start + k, y.tangent[k].value);
          out.store(1 + n + start + k, y.tangent[k].tangent[0]);
        }
      }
    }
  }
};

/// Rows: the value, the gradient, then the Hessian, n rows of n. The lower triangle is computed, the upper copied, so
/// the result is symmetric to the bit.
template <class F, int N>
struct HessianBody {
  F f;
  static constexpr int variables = N;
  static constexpr bool needs_extra = false;
  static constexpr bool has_gradient = true;
  static constexpr Rows rows(std::int64_t n) { return {{1, n, n * n}}; }

  template <class In, class Out>
  constexpr void operator()(const In& in, Out& out) const {
    using X = typename In::Scalar;
    using Along = Dual<X, 1>;
    const std::int64_t n = dimension<N>(in);
    const auto entry = [n](std::int64_t i, std::int64_t j) { return 1 + n + i * n + j; };
    for_each_of<N>(n, [&](std::int64_t i) {
      const auto along = [&](std::int64_t c) { return Along(in(c), [&](int) { return kronecker<X>(c == i); }); };
      const auto store = [&](std::int64_t j, const X& second) {
        if (j > i) return;
        out.store(entry(i, j), second);
        if (j < i) out.store(entry(j, i), second);
      };
      if constexpr (in_reverse<F, N, X, 2>()) {
        const Sweep<LineOf<F, N, RealOf<X>>, X, Along> sweep(along, in);
        if (i == 0) out.store(0, sweep.value().value);
        sweep.template for_each_derivative<N>([&](int j, const Along& derivative) {
          if (i == 0) out.store(1 + j, derivative.value);
          store(j, derivative.tangent[0]);
        });
      } else {
        constexpr int width = chunk<N, 4>;
        using D = Dual<Along, width>;
        for (std::int64_t start = 0; start <= i; start += width) {
          const D y = call(f, in, make_point<N>(n, [&](std::int64_t c) {
                             return D(along(c), [&](int k) { return constant<Along>(c == start + k ? 1 : 0); });
                           }));
          if (start == 0) {
            out.store(0, y.value.value);
            out.store(1 + i, y.value.tangent[0]);
          }
          for (int k = 0; k < width; ++k) store(start + k, y.tangent[k].tangent[0]);
        }
      }
    });
  }
};

/// Rows: the m values of F, then its Jacobian, m rows of n.
template <class F, int N>
struct JacobianBody {
  F f;
  static constexpr int variables = N;
  static constexpr bool needs_extra = false;
  static constexpr bool has_gradient = false;
  static constexpr int outputs = outputs_of<decltype(std::declval<const F&>()(
      make_point<N>(std::int64_t{1}, [](std::int64_t) { return ProbeScalar(); })))>;
  static constexpr Rows rows(std::int64_t n) { return {{outputs, outputs * n, 0}}; }

  template <class In, class Out>
  constexpr void operator()(const In& in, Out& out) const {
    using X = typename In::Scalar;
    constexpr int width = chunk<N, 4>;
    using D = Dual<X, width>;
    const std::int64_t n = dimension<N>(in);
    for (std::int64_t start = 0; start < n; start += width) {
      const auto result = f(make_point<N>(
          n, [&](std::int64_t i) { return D(in(i), [&](int k) { return kronecker<X>(i == start + k); }); }));
      for (int j = 0; j < outputs; ++j) {
        D y;
        if constexpr (requires { result[0]; }) {
          y = result[static_cast<std::size_t>(j)];
        } else {
          y = result;
        }
        if (start == 0) out.store(j, y.value);
        for (int k = 0; k < width; ++k) {
          if (start + k < n) out.store(outputs + j * n + start + k, y.tangent[k]);
        }
      }
    }
  }
};

/// The Euclidean norm of rows 1 … n as scale * root, with the scale divided out first so that squares neither
/// overflow nor vanish. A zero gradient has scale 1 and root 0.
template <class X>
struct ScaledNorm {
  X scale, root;
};
template <class X, class Out>
constexpr ScaledNorm<X> gradient_norm(const Out& out, std::int64_t n) {
  using M = Math<X>;
  const X zero = constant<X>(0), one = constant<X>(1);
  X largest = zero;
  for (std::int64_t i = 0; i < n; ++i) {
    const X size = M::abs(out.load(1 + i));
    largest = M::select(size <= largest, largest, size);  // a NaN may be passed over: the sum has it
  }
  const X scale = M::select(largest == zero, one, largest);
  X sum = zero;
  for (std::int64_t i = 0; i < n; ++i) {
    const X part = out.load(1 + i) / scale;
    sum = sum + part * part;
  }
  return {scale, M::sqrt(sum)};
}

/// Turns rows 1 … n from a gradient into its direction, and row n + 1 into its length.
template <class X, class Out>
constexpr void gradient_to_ascent(Out& out, std::int64_t n) {
  const auto norm = gradient_norm<X>(out, n);
  const X root = Math<X>::select(norm.root == constant<X>(0), constant<X>(1), norm.root);
  for (std::int64_t i = 0; i < n; ++i) out.store(1 + i, out.load(1 + i) / norm.scale / root);
  out.store(1 + n, norm.scale * norm.root);
}

/// Shortens rows 1 … n to the threshold where they are longer.
template <class X, class Out>
constexpr void clip_gradient(Out& out, std::int64_t n, double threshold) {
  const auto norm = gradient_norm<X>(out, n);
  const X limit = constant<X>(threshold);
  const auto fits = norm.scale * norm.root <= limit;
  for (std::int64_t i = 0; i < n; ++i) {
    const X g = out.load(1 + i);
    out.store(1 + i, Math<X>::select(fits, g, g / norm.scale / norm.root * limit));
  }
}

/// Rows: the value, the unit direction of steepest ascent, and the rate: the slope in that direction, |grad f|.
/// At a critical point no direction is steepest: the direction is 0 and the rate 0.
template <class F, int N>
struct SteepestAscentBody {
  F f;
  static constexpr int variables = N;
  static constexpr bool needs_extra = false;
  static constexpr bool has_gradient = false;
  static constexpr Rows rows(std::int64_t n) { return {{1, n, 1}}; }

  template <class In, class Out>
  constexpr void operator()(const In& in, Out& out) const {
    GradientBody<F, N>{f}(in, out);
    gradient_to_ascent<typename In::Scalar>(out, dimension<N>(in));
  }
};

/// Rows: the value, then the gradient, shortened to the threshold where it is longer, its direction kept.
template <class F, int N>
struct ClippedGradientBody {
  F f;
  double threshold;
  static constexpr int variables = N;
  static constexpr bool needs_extra = false;
  static constexpr bool has_gradient = true;
  static constexpr Rows rows(std::int64_t n) { return {{1, n, 0}}; }

  template <class In, class Out>
  constexpr void operator()(const In& in, Out& out) const {
    GradientBody<F, N>{f}(in, out);
    clip_gradient<typename In::Scalar>(out, dimension<N>(in), threshold);
  }
};

}  // namespace nabla::detail
