#pragma once

#include <nabla/detail/bodies.hpp>

#include <array>
#include <type_traits>
#include <utility>

// Bodies of sums of squares 1/2 sum r_j^2: the value, the gradient J^T r, and J^T J in place of a Hessian, J being the
// Jacobian of the residuals r.

namespace nabla::detail {

inline constexpr int most_fitted = 16;  // variables of which J^T J is kept

/// Rows of sums of squares of n variables.
template <bool Matrix>
constexpr Rows residual_rows(std::int64_t n) {
  return {{1, n, Matrix ? n * n : 0}};
}

/// Whether a body gives J^T J.
template <class Body>
constexpr bool has_normal_matrix() {
  if constexpr (requires { Body::normal_matrix; }) {
    return Body::normal_matrix;
  } else {
    return false;
  }
}
template <class Body>
inline constexpr bool gives_normal_matrix = has_normal_matrix<Body>();

/// use(i, …) for constants i.
template <int N>
struct Constants {
  /// Calls use(i) for 0 ... N - 1.
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
};

/// The sums over residuals that a body stores, of N variables or fewer. Only constants index the arrays, so that they
/// stay in registers.
template <class X, int N, bool Matrix>
class ResidualSums {
  using Indices = Constants<N>;

 public:
  /// Another residual, and how fast it grows along each of n variables.
  template <class Slope>
  constexpr void add(std::int64_t n, const X& r, Slope slope) {
    using M = Math<X>;
    squares_ = M::fma(r, r, squares_);
    Indices::each([&](auto i) {
      if (i >= n) return;
      const X along = slope(i);
      gradient_[i] = M::fma(r, along, gradient_[i]);
      if constexpr (Matrix) {
        Indices::each_to(i, [&](auto j, auto entry) { matrix_[entry] = M::fma(along, slope(j), matrix_[entry]); });
      }
    });
  }
  template <class Out>
  constexpr void store(std::int64_t n, Out& out) const {
    out.store(0, constant<X>(0.5) * squares_);
    Indices::each([&](auto i) {
      if (i >= n) return;
      out.store(1 + i, gradient_[i]);
      if constexpr (Matrix) {
        Indices::each_to(i, [&](auto j, auto entry) {
          out.store(1 + n + i * n + j, matrix_[entry]);
          if (j < i) out.store(1 + n + j * n + i, matrix_[entry]);
        });
      }
    });
  }

 private:
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

/// The same where they don't fit: in the rows of the output, of n variables, or any number of them if N is dynamic.
template <class X, int N, bool Matrix, class Out>
class StoredSums {
 public:
  constexpr StoredSums(std::int64_t n, Out& out) : out_(out) {
    for (std::int64_t row = 0; row < residual_rows<Matrix>(n).total(); ++row) out.store(row, constant<X>(0));
  }
  template <class Slope>
  constexpr void add(std::int64_t n, const X& r, Slope slope) {
    add_to(0, r, r);
    each(n, [&](auto i) {
      const X along = slope(i);
      add_to(1 + i, r, along);
      if constexpr (Matrix) {
        each(i + 1, [&](auto j) { add_to(1 + n + i * n + j, along, slope(j)); });
      }
    });
  }
  constexpr void finish(std::int64_t n) {
    out_.store(0, constant<X>(0.5) * out_.load(0));
    for (std::int64_t i = 0; i < n && Matrix; ++i) {
      for (std::int64_t j = 0; j < i; ++j) out_.store(1 + n + j * n + i, out_.load(1 + n + i * n + j));
    }
  }

 private:
  constexpr void add_to(std::int64_t row, const X& a, const X& b) {
    out_.store(row, Math<X>::fma(a, b, out_.load(row)));
  }
  /// Slopes that lie in registers are asked for by constants.
  template <class Use>
  static constexpr void each(std::int64_t n, Use use) {
    if constexpr (N == dynamic) {
      for (std::int64_t i = 0; i < n; ++i) use(i);
    } else {
      Constants<N>::each([&](auto i) {
        if (i < n) use(i);
      });
    }
  }
  Out& out_;
};

/// Up to so many variables sums fit a GPU's registers.
inline constexpr int most_summed_in_registers = 8;

/// Calls add(sums) and stores what was added up, for n variables, N or fewer of them.
template <int N, bool Matrix, class In, class Out, class Add>
constexpr void sum_residuals(const In&, std::int64_t n, Out& out, Add add) {
  using X = typename In::Scalar;
  constexpr bool few_registers = requires { In::few_registers; };
  if constexpr (few_registers && (N == dynamic || N > most_summed_in_registers)) {
    StoredSums<X, N, Matrix, Out> sums(n, out);
    add(sums);
    sums.finish(n);
  } else {
    ResidualSums<X, N, Matrix> sums;
    add(sums);
    sums.store(n, out);
  }
}

/// Calls use(r) with each of the residuals that a function returned; those of short arrays may be registers.
template <class R, class Use>
constexpr void for_each_residual(const R& residuals, Use use) {
  use(residuals);
}
template <class R, std::size_t Size, class Use>
constexpr void for_each_residual(const std::array<R, Size>& residuals, Use use) {
  constexpr std::size_t most_unrolled = 8;
  if constexpr (Size <= most_unrolled) {
    Constants<static_cast<int>(Size)>::each([&](auto j) { use(residuals[j]); });
  } else {
    for (const auto& r : residuals) use(r);
  }
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
  static constexpr bool normal_matrix = true;
  static constexpr Rows rows(std::int64_t n) { return residual_rows<true>(n); }

  template <class In, class Out>
  constexpr void operator()(const In& in, Out& out) const {
    using X = typename In::Scalar;
    constexpr int width = N == dynamic || N > most_fitted ? most_fitted : N;
    using D = Dual<X, width>;
    const std::int64_t n = dimension<N>(in);
    sum_residuals<width, true>(in, n, out, [&](auto& sums) {
      for_each_residual(f(seeded_point<N, width>(in, n)), [&](const auto& r) {
        const D dual(r);
        sums.add(n, dual.value, [&](int i) { return dual.tangent[i]; });
      });
    });
  }
};

/// One row of a start's data, as a model sees it.
template <class In>
struct DataRow {
  using value_type = Dual<typename In::Scalar, 0>;
  const In& in;
  std::int64_t row;
  constexpr value_type operator[](std::int64_t k) const {
    return value_type(ByRule(), in.datum(row, k), [](int) { return constant<typename In::Scalar>(0); });
  }
};

/// Rows: as GaussNewtonBody, or without J^T J, of the residuals that F returns for each row of the point's data.
template <class F, int N, bool Matrix>
struct FitBody {
  F f;
  std::int64_t data_rows;
  static constexpr int variables = N;
  static constexpr bool needs_extra = false, reads_data = true;
  static constexpr bool has_gradient = true;
  static constexpr bool normal_matrix = Matrix;
  static constexpr Rows rows(std::int64_t n) { return residual_rows<Matrix>(n); }

  template <class In, class Out>
  constexpr void operator()(const In& in, Out& out) const {
    using X = typename In::Scalar;
    using D = Dual<X, N>;
    const auto x = seeded_point<N, N>(in, N);
    sum_residuals<N, Matrix>(in, N, out, [&](auto& sums) {
      for (std::int64_t row = 0; row < data_rows; ++row) {
        for_each_residual(f(x, DataRow<In>{in, row}), [&](const auto& r) {
          const D dual(r);
          sums.add(N, dual.value, [&](int i) { return dual.tangent[i]; });
        });
      }
    });
  }
};

}  // namespace nabla::detail
