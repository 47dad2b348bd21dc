#pragma once

#include <nabla/detail/ladder.hpp>
#include <nabla/detail/program_body.hpp>

// The first stage of a gradient check for a formula's program: it computes values, at points that are displaced as they
// are read. For the kernels that NVRTC compiles; on CPUs, host/formula/ladder.cpp.

namespace nabla::detail {

/// x + h v, or x for a null v.
template <class In>
struct DisplacedInput {
  using Scalar = typename In::Scalar;
  const In& in;
  double h;
  const double* v;

  constexpr std::int64_t dimension() const { return in.dimension(); }
  constexpr Scalar operator()(std::int64_t i) const { return v == nullptr ? in(i) : in(i) + Scalar(h * v[i]); }
};

/// The only row of a value.
template <class X>
struct ValueOutput {
  X value;
  constexpr void store(std::int64_t, const X& x) { value = x; }
  constexpr X load(std::int64_t) const { return value; }
};

template <class Program, int N>
struct ProgramBody<LadderBody<Program, N>> : LadderBody<Program, N> {
  template <class In, class Out>
  constexpr void operator()(const In& in, Out& out) const {
    using X = typename In::Scalar;
    const auto value_at = [&](double h, const double* v) {
      ValueOutput<X> found{};
      this->f(DisplacedInput<In>{in, h, v}, found);
      return found.value;
    };
    climb(this->plan, nabla::detail::dimension<N>(in), in, value_at(0, nullptr), value_at, out);
  }
};

}  // namespace nabla::detail
