#pragma once

#include <nabla/detail/bodies.hpp>

// Bodies whose rows a formula's program computes, all in one go. What a body of bodies.hpp states about itself holds;
// only its mathematics is the program's. What is left to do after the program, complete(), is shared by the interpreter
// (host/formula/formula.cpp) and by the kernels that NVRTC compiles.

namespace nabla::detail {

/// The Hessian's entries right of the diagonal, which programs leave out.
template <class X, class F, int N, class Out>
constexpr void complete(const HessianBody<F, N>&, Out& out, std::int64_t n) {
  const auto entry = [n](std::int64_t i, std::int64_t j) { return 1 + n + i * n + j; };
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j < i; ++j) out.store(entry(j, i), out.load(entry(i, j)));
  }
}
template <class X, class F, int N, class Out>
constexpr void complete(const SteepestAscentBody<F, N>&, Out& out, std::int64_t n) {
  gradient_to_ascent<X>(out, n);
}
template <class X, class F, int N, class Out>
constexpr void complete(const ClippedGradientBody<F, N>& body, Out& out, std::int64_t n) {
  clip_gradient<X>(out, n, body.threshold);
}
template <class X, class Body, class Out>
constexpr void complete(const Body&, Out&, std::int64_t) {}

/// -1, 0 or 1, or NaN. What programs use besides Math, whole_power() and extreme().
template <class X>
constexpr X sign_of(const X& x) {
  using M = Math<X>;
  const X zero = constant<X>(0);
  return M::select(x > zero, constant<X>(1), M::select(x < zero, constant<X>(-1), M::select(x == zero, zero, x)));
}

/// Rows: the m values of a program, then its Jacobian, m rows of n. As JacobianBody, with the m that the program
/// states.
template <class Program, int N>
struct ProgramJacobianBody {
  Program f;
  static constexpr int variables = N;
  static constexpr bool needs_extra = false;
  static constexpr bool has_gradient = false;
  static constexpr Rows rows(std::int64_t n) { return {{Program::outputs, Program::outputs * n, 0}}; }
};

/// A body of a program in place of a function: Body is GradientBody<Program, N> or another.
template <class Body>
struct ProgramBody : Body {
  template <class In, class Out>
  constexpr void operator()(const In& in, Out& out) const {
    this->f(in, out);
    complete<typename In::Scalar>(static_cast<const Body&>(*this), out, dimension<Body::variables>(in));
  }
};

}  // namespace nabla::detail
