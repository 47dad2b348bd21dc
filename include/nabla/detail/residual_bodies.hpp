#pragma once

#include <nabla/detail/bodies.hpp>

// Bodies of sums of squares 1/2 sum r_j^2: the value, the gradient J^T r, and J^T J in place of a Hessian, J being the
// Jacobian of the residuals r.

namespace nabla::detail {

inline constexpr int most_fitted = 16;  // variables of which J^T J is kept

/// The sums over residuals that a body stores, of N variables or fewer.
template <class X, int N, bool Matrix>
class ResidualSums {
 public:
  /// Another residual, and how fast it grows along each of n variables.
  template <class Slope>
  constexpr void add(std::int64_t n, const X& r, Slope slope) {
    using M = Math<X>;
    squares_ = M::fma(r, r, squares_);
    int entry = 0;
    for (int i = 0; i < N; ++i) {
      if (i >= n) break;
      gradient_[i] = M::fma(r, slope(i), gradient_[i]);
      if constexpr (Matrix) {
        for (int j = 0; j <= i; ++j) {
          matrix_[entry] = M::fma(slope(i), slope(j), matrix_[entry]);
          ++entry;
        }
      }
    }
  }
  template <class Out>
  constexpr void store(std::int64_t n, Out& out) const {
    out.store(0, constant<X>(0.5) * squares_);
    int entry = 0;
    for (int i = 0; i < N; ++i) {
      if (i >= n) break;
      out.store(1 + i, gradient_[i]);
      if constexpr (Matrix) {
        for (int j = 0; j <= i; ++j) {
          out.store(1 + n + i * n + j, matrix_[entry]);
          if (j < i) out.store(1 + n + j * n + i, matrix_[entry]);
          ++entry;
        }
      }
    }
  }

 private:
  struct Zero {
    X x = constant<X>(0);
  };
  template <int Size>
  struct Zeros {
    Zero all[Size];
    constexpr X& operator[](int k) { return all[k].x; }
    constexpr const X& operator[](int k) const { return all[k].x; }
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
