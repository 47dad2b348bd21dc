#pragma once

#include <nabla/detail/bodies.hpp>

#include <type_traits>
#include <utility>

// Bodies of sums of squares 1/2 sum r_j^2: the value, the gradient J^T r, and J^T J in place of a Hessian, J being the
// Jacobian of the residuals r.

namespace nabla::detail {

inline constexpr int most_fitted = 16;  // variables of which J^T J is kept

/// The sums over residuals that a body stores, of N variables or fewer. Only constants index the arrays, so that they
/// stay in registers.
template <class X, int N, bool Matrix>
class ResidualSums {
 public:
  /// Another residual, and how fast it grows along each of n variables.
  template <class Slope>
  constexpr void add(std::int64_t n, const X& r, Slope slope) {
    using M = Math<X>;
    squares_ = M::fma(r, r, squares_);
    each([&](auto i) {
      if (i >= n) return;
      const X along = slope(i);
      gradient_[i] = M::fma(r, along, gradient_[i]);
      if constexpr (Matrix) {
        each_to(i, [&](auto j, auto entry) { matrix_[entry] = M::fma(along, slope(j), matrix_[entry]); });
      }
    });
  }
  template <class Out>
  constexpr void store(std::int64_t n, Out& out) const {
    out.store(0, constant<X>(0.5) * squares_);
    each([&](auto i) {
      if (i >= n) return;
      out.store(1 + i, gradient_[i]);
      if constexpr (Matrix) {
        each_to(i, [&](auto j, auto entry) {
          out.store(1 + n + i * n + j, matrix_[entry]);
          if (j < i) out.store(1 + n + j * n + i, matrix_[entry]);
        });
      }
    });
  }

 private:
  /// Calls use(a constant) for 0 ... N - 1.
  template <class Use>
  static constexpr void each(Use use) {
    [&]<int... I>(std::integer_sequence<int, I...>) { (use(std::integral_constant<int, I>()), ...); }
    (std::make_integer_sequence<int, N>());
  }
  /// Calls use(j, the place of (i, j) in a lower triangle) for 0 ... i.
  template <int I, class Use>
  static constexpr void each_to(std::integral_constant<int, I>, Use use) {
    [&]<int... J>(std::integer_sequence<int, J...>) {
      (use(std::integral_constant<int, J>(), std::integral_constant<int, I*(I + 1) / 2 + J>()), ...);
    }
    (std::make_integer_sequence<int, I + 1>());
  }

  template <int Size>
  struct Zeros {
    X all[Size];
    constexpr Zeros() : all() {
      for (X& one : all) one = constant<X>(0);
    }
    constexpr X& operator[](int k) { return all[k]; }
    constexpr const X& operator[](int k) const { return all[k]; }
  };
  X squares_ = constant<X>(0);
  Zeros<N> gradient_;
  Zeros<Matrix ? N*(N + 1) / 2 : 1> matrix_;
};

/// Rows of sums of squares of n variables.
template <bool Matrix>
constexpr Rows residual_rows(std::int64_t n) {
  return {{1, n, Matrix ? n * n : 0}};
}

/// A point whose tangents are all of its variables.
template <int N, int Width, class In>
constexpr auto seeded_point(const In& in, std::int64_t n) {
  using X = typename In::Scalar;
  return make_point<N>(
      n, [&in](std::int64_t i) { return Dual<X, Width>(in(i), [i](int k) { return kronecker<X>(i == k); }); });
}

/// Rows: the value 1/2 sum r_j^2 of the m residuals that F returns, its gradient, then J^T J, n rows of n. n <= 16.
template <class F, int N>
struct GaussNewtonBody {
  F f;
  static constexpr int variables = N;
  static constexpr bool needs_extra = false;
  static constexpr bool has_gradient = true;
  static constexpr Rows rows(std::int64_t n) { return residual_rows<true>(n); }

  template <class In, class Out>
  constexpr void operator()(const In& in, Out& out) const {
    using X = typename In::Scalar;
    constexpr int width = N == dynamic || N > most_fitted ? most_fitted : N;
    using D = Dual<X, width>;
    const std::int64_t n = dimension<N>(in);
    ResidualSums<X, width, true> sums;
    for (const auto& r : f(seeded_point<N, width>(in, n))) {
      const D dual(r);
      sums.add(n, dual.value, [&](int i) { return dual.tangent[i]; });
    }
    sums.store(n, out);
  }
};

/// One row of a start's data, as a model sees it. Rows lie one after another in what is extra to the point.
template <class In>
struct DataRow {
  using value_type = Dual<typename In::Scalar, 0>;
  const In& in;
  std::int64_t first;
  constexpr value_type operator[](std::int64_t k) const {
    return value_type(ByRule(), in.extra(first + k), [](int) { return constant<typename In::Scalar>(0); });
  }
};

/// Rows: as GaussNewtonBody, or without J^T J, of the residuals that F returns for each row of the point's data.
template <class F, int N, bool Matrix>
struct FitBody {
  F f;
  std::int64_t data_rows, columns;
  static constexpr int variables = N;
  static constexpr bool needs_extra = true;
  static constexpr bool has_gradient = true;
  static constexpr Rows rows(std::int64_t n) { return residual_rows<Matrix>(n); }

  template <class In, class Out>
  constexpr void operator()(const In& in, Out& out) const {
    using X = typename In::Scalar;
    using D = Dual<X, N>;
    ResidualSums<X, N, Matrix> sums;
    const auto x = seeded_point<N, N>(in, N);
    const auto add = [&](const D& r) { sums.add(N, r.value, [&](int i) { return r.tangent[i]; }); };
    for (std::int64_t row = 0; row < data_rows; ++row) {
      const auto r = f(x, DataRow<In>{in, row * columns});
      if constexpr (requires { r.size(); }) {
        for (const auto& one : r) add(D(one));
      } else {
        add(D(r));
      }
    }
    sums.store(N, out);
  }
};

}  // namespace nabla::detail
