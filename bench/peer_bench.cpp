// The same gradients by a peer, Eigen's AutoDiffScalar, in the same run on the same data; the answers are checked to be
// the same before anything is timed.

#include "paired.hpp"

#include <omp.h>

#include <nabla/evaluate.hpp>

#include <Eigen/Core>
#include <cmath>
#include <iostream>
#include <unsupported/Eigen/AutoDiff>

namespace {

using Dual = Eigen::AutoDiffScalar<Eigen::Vector2d>;

/// Stated once more for the peer, whose scalars do not follow this library's conventions for points.
struct Rosenbrock {
  template <class Point>
  constexpr auto operator()(const Point& x) const {
    return of(x[0], x[1]);
  }
  template <class S>
  static constexpr S of(const S& x, const S& y) {
    const S a = 1.0 - x;
    const S b = y - x * x;
    return a * a + 100.0 * b * b;
  }
};
struct Saddle {
  template <class Point>
  constexpr auto operator()(const Point& x) const {
    return of(x[0], x[1]);
  }
  template <class S>
  static constexpr S of(const S& x, const S& y) {
    using std::sin;
    const S product = x * y;
    return x * product + sin(product);
  }
};

template <class F>
void peer_gradient(const nabla::Points<double>& points, const nabla::Batch<double>& value,
                   const nabla::Batch<double>& gradient, int threads) {
  const std::int64_t count = points.count();
  const double* const x = points.data();
#pragma omp parallel for schedule(static) num_threads(threads)
  for (std::int64_t p = 0; p < count; ++p) {
    const Dual y = F::of(Dual(x[p], 2, 0), Dual(x[count + p], 2, 1));
    value.data()[p] = y.value();
    gradient.data()[p] = y.derivatives()[0];
    gradient.data()[count + p] = y.derivatives()[1];
  }
}

template <class F>
void against_eigen(benchmark::State& state) {
  const nabla::Executor where = nabla::Executor::cpu();
  const std::int64_t count = std::int64_t{1} << state.range(0);
  const auto points = nabla::Points<double>::uniform(where, count, 2, -2, 2, 7);
  const nabla::Batch<double> value(where, count, 1), gradient(where, count, 2);
  const nabla::Batch<double> peer_value(where, count, 1), peer_result(where, count, 2);
  const auto ours = [&] {
    nabla::value_and_gradient(where, F(), points.view(), nabla::Outputs<double>{value, gradient});
  };
  const auto theirs = [&] { peer_gradient<F>(points, peer_value, peer_result, where.threads()); };
  ours();
  theirs();
  for (std::int64_t i = 0; i < 2 * count; ++i) {
    const double a = gradient.data()[i], b = peer_result.data()[i];
    if (!(std::fabs(a - b) <= 1e-12 * (1000 + std::fabs(a)))) return state.SkipWithError("the answers differ");
  }
  nabla::bench::paired(state, "times_faster_than_eigen", theirs, ours, count, 40 * count);
}

}  // namespace

BENCHMARK_TEMPLATE(against_eigen, Rosenbrock)->Arg(24)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK_TEMPLATE(against_eigen, Saddle)->Arg(24)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK_MAIN();
