#pragma once

#include <nabla/elementary.hpp>

#include <array>
#include <cstdint>

// What the library needs to know about a caller's function.
//
// A function is any object with
//     template <class Point> constexpr auto operator()(const Point& x) const;
// where x[i] is component i (a Dual), x.size() the dimension and `typename Point::value_type` the scalar. It returns
// one scalar, or a std::array of m scalars for F: R^n -> R^m. Optional members:
//     static constexpr int dimension = 2;       // the only n it accepts; else n is read off the code, see below
//     template <class Point, class Gradient>
//     constexpr auto gradient(const Point& x, Gradient& g) const;   // fills g[i], all zero at first; used instead of
//                                               // differentiation; may return the value, else operator() is called.
//                                               // A member function of that name that can't be called so is refused
//     static constexpr bool vectorizable = false;   // branches on data: the CPU then runs it without SIMD lanes
//     static constexpr bool unrolled = false;       // of any dimension, and one code that loops is enough for all
//     static constexpr nabla::Method descends_by[] = {nabla::Method::bfgs};
//                                               // methods that minimize_each() is compiled for on CUDA; else all

namespace nabla {

inline constexpr int dynamic = -1;

/// The point a function is called with: component i is made on demand.
template <class S, int N, class ComponentOf>
struct Point {
  using value_type = S;
  ComponentOf component_of;
  std::int64_t dimension;

  constexpr S operator[](std::int64_t i) const { return component_of(i); }
  constexpr std::int64_t size() const {
    if constexpr (N == dynamic) {
      return dimension;
    } else {
      return N;
    }
  }
};

namespace detail {

/// A scalar that is computed with and thrown away, to see which components a function reads while compiling.
struct Probe {
  constexpr Probe() = default;
  constexpr explicit Probe(double) {}
  constexpr Probe operator-() const { return {}; }
};
constexpr Probe operator+(Probe, Probe) { return {}; }
constexpr Probe operator-(Probe, Probe) { return {}; }
constexpr Probe operator*(Probe, Probe) { return {}; }
constexpr Probe operator/(Probe, Probe) { return {}; }
constexpr bool operator<(Probe, Probe) { return false; }
constexpr bool operator>(Probe, Probe) { return false; }
constexpr bool operator<=(Probe, Probe) { return true; }
constexpr bool operator>=(Probe, Probe) { return true; }
constexpr bool operator==(Probe, Probe) { return true; }
constexpr bool operator!=(Probe, Probe) { return false; }

}  // namespace detail

template <>
struct Math<detail::Probe> {
  using X = detail::Probe;
  using Real = double;
  using Mask = bool;
  static constexpr X select(bool, X, X) { return {}; }
  static constexpr X abs(X) { return {}; }
  static constexpr X sqrt(X) { return {}; }
  static constexpr X cbrt(X) { return {}; }
  static constexpr X exp(X) { return {}; }
  static constexpr X expm1(X) { return {}; }
  static constexpr X log(X) { return {}; }
  static constexpr X log1p(X) { return {}; }
  static constexpr X log2(X) { return {}; }
  static constexpr X log10(X) { return {}; }
  static constexpr X sin(X) { return {}; }
  static constexpr X cos(X) { return {}; }
  static constexpr std::pair<X, X> sincos(X) { return {}; }
  static constexpr X tan(X) { return {}; }
  static constexpr X asin(X) { return {}; }
  static constexpr X acos(X) { return {}; }
  static constexpr X atan(X) { return {}; }
  static constexpr X sinh(X) { return {}; }
  static constexpr X cosh(X) { return {}; }
  static constexpr X tanh(X) { return {}; }
  static constexpr X asinh(X) { return {}; }
  static constexpr X acosh(X) { return {}; }
  static constexpr X atanh(X) { return {}; }
  static constexpr X erf(X) { return {}; }
  static constexpr X erfc(X) { return {}; }
  static constexpr X pow(X, X) { return {}; }
  static constexpr X atan2(X, X) { return {}; }
  static constexpr X hypot(X, X) { return {}; }
};

namespace detail {

using ProbeScalar = Dual<Probe, 0>;

/// A point that remembers what was asked of it.
struct Recorder {
  using value_type = ProbeScalar;
  int* read;
  bool* asked_size;
  constexpr ProbeScalar operator[](std::int64_t i) const {
    if (i >= *read) *read = static_cast<int>(i) + 1;
    return {};
  }
  constexpr std::int64_t size() const {
    *asked_size = true;
    return 1;
  }
};

/// One more than the highest index that f reads, or `dynamic` if it asks for the size.
template <class F>
constexpr int components_read_by(const F& f) {
  int read = 0;
  bool asked_size = false;
  static_cast<void>(f(Recorder{&read, &asked_size}));
  return asked_size ? dynamic : read;
}

template <class F>
constexpr bool unrolled() {
  if constexpr (requires { F::unrolled; }) {
    return F::unrolled;
  } else {
    return true;
  }
}

template <class F>
constexpr bool vectorizable() {
  if constexpr (requires { F::vectorizable; }) {
    return F::vectorizable;
  } else {
    return true;
  }
}

template <class F>
concept DeclaresDimension = requires {
  std::integral_constant<int, F::dimension>{};
};

template <class F>
concept Probeable = requires {
  typename std::integral_constant<int, components_read_by(F{})>;
};

}  // namespace detail

/// The dimension of a function: what it declares; else, for functors that can be evaluated while compiling and do not
/// branch on data, what it reads; else `dynamic`, which is any.
template <class F>
constexpr int dimension_of() {
  if constexpr (detail::DeclaresDimension<F>) {
    return F::dimension;
  } else if constexpr (detail::Probeable<F>) {
    return detail::components_read_by(F{});
  } else {
    return dynamic;
  }
}

/// Whether the dimension is a matter of the object: of functors with state that declare none. (A default-constructed
/// twin may read fewer components than the object that is called.)
template <class F>
inline constexpr bool asked_at_run_time =
    !detail::DeclaresDimension<F> && !std::is_empty_v<F> && detail::vectorizable<F>();

/// The dimension of this object.
template <class F>
int dimension_at_run_time(const F& f) {
  if constexpr (asked_at_run_time<F>) {
    return detail::components_read_by(f);
  } else {
    return dimension_of<F>();
  }
}

/// A function of any dimension, used for N variables only: its loops unroll, and its components live in registers.
template <int N, class F>
struct Fixed : F {
  static constexpr int dimension = N;
};
template <int N, class F>
constexpr Fixed<N, F> fixed(const F& f) {
  return {f};
}

/// A function of any dimension with one code for all of them: the quickest to compile.
template <class F>
struct Looped : F {
  static constexpr bool unrolled = false;
};
template <class F>
constexpr Looped<F> looped(const F& f) {
  return {f};
}

namespace detail {

struct NamesGradient {
  void gradient();
};
template <class F>
struct MayNameGradient : F, NamesGradient {};

/// Whether a class has member functions named gradient, of any signature. A name that two bases have is ambiguous.
/// Types and data of that name don't count, unless the data is private: then it can't be told from a template. Nothing
/// is known of final classes, and nvcc takes static functions for data.
template <class F>
constexpr bool names_a_gradient() {
  if constexpr (__is_class(F) && !__is_final(F)) {
    constexpr bool named = !requires { &MayNameGradient<F>::gradient; };
    constexpr bool is_data = requires(const F& f) { sizeof(f.gradient); };
    constexpr bool is_type = requires { typename F::gradient; };
    return named && !is_data && !is_type;
  } else {
    return false;
  }
}

/// Whether f.gradient(x, g) is what value_and_gradient() calls. One that can't be called must not be passed over in
/// silence.
template <class F, class X, class Gradient>
constexpr bool has_own_gradient() {
  constexpr bool callable = requires(const F& f, const X& x, Gradient& g) { f.gradient(x, g); };
  static_assert(
      callable || !names_a_gradient<F>(),
      "nabla: this functor has a member function named gradient that can't be called as f.gradient(x, g); declare it "
      "as template <class Point, class Gradient> constexpr auto gradient(const Point& x, Gradient& g) const, which "
      "assigns g[i], or give it another name");
  return callable;
}

/// The number of outputs of F: R^n -> R^m, from the type it returns.
template <class R>
inline constexpr int outputs_of = 1;
template <class S, std::size_t M>
inline constexpr int outputs_of<std::array<S, M>> = static_cast<int>(M);

}  // namespace detail
}  // namespace nabla
