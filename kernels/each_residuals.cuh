#pragma once

#include <nabla/detail/residual_bodies.hpp>
#include <nabla/kernels/each.cuh>

// Sums of squares of formulas, one start a thread: a formula's program computes residuals and their Jacobian at one row
// of data, which are summed up before the next. (On CPUs: host/formula/residuals.cpp.)

namespace nabla::detail {

/// One row of a start's data, as programs see it: after the variables.
template <int N, class In>
struct RowInput {
  using Scalar = typename In::Scalar;
  const In& in;
  std::int64_t row;
  constexpr Scalar operator()(std::int64_t i) const {
    const std::int64_t n = dimension<N>(in);
    return i < n ? in(i) : in.datum(row, i - n);
  }
};

/// Rows beyond those that a body gives.
template <class Out>
struct RowsBeyond {
  using Scalar = typename Out::Scalar;
  Out& out;
  std::int64_t first;
  constexpr Scalar load(std::int64_t row) const { return out.load(first + row); }
  constexpr void store(std::int64_t row, Scalar x) { out.store(first + row, x); }
};

/// Up to so many numbers a program leaves in registers for each row of data.
inline constexpr int most_results_in_registers = 40;

/// Rows: as FitBody, of the program's outputs. Threads that keep their state in memory need room for m (1 + n) more.
template <class Program, int N, bool Matrix>
struct ProgramFitBody {
  Program f;
  static constexpr int variables = N;
  static constexpr Rows rows(std::int64_t n) { return residual_rows<Matrix>(n); }

  template <class In, class Out>
  constexpr void operator()(const In& in, Out& out) const {
    using X = typename In::Scalar;
    constexpr int m = Program::outputs, results = N == dynamic ? 0 : m * (1 + N);
    const std::int64_t n = dimension<N>(in);
    sum_residuals<N, Matrix>(in, n, out, [&](auto& sums) {
      for (std::int64_t row = 0; row < in.data_rows; ++row) {
        if constexpr (N != dynamic && (N <= most_in_registers || results <= most_results_in_registers)) {
          RegisterFound<X, results> found;
          f(RowInput<N, In>{in, row}, found);
          Constants<m>::each(
              [&](auto j) { sums.add(N, found.load(j), [&](auto i) { return found.load(m + j * N + i); }); });
        } else {
          RowsBeyond<Out> found{out, rows(n).total()};
          f(RowInput<N, In>{in, row}, found);
          for (std::int64_t j = 0; j < m; ++j) {
            sums.add(n, found.load(j), [&](std::int64_t i) { return found.load(m + j * n + i); });
          }
        }
      }
    });
  }
};

}  // namespace nabla::detail
