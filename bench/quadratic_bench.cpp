// Conjugate gradients on quadratics: an iteration against the bare loops that move the same bytes, and against Eigen's
// conjugate gradients on the same system. Ratios are measured pair by pair in the same run (paired.hpp); the iterates
// are checked to be the same.
//     quadratic_bench --benchmark_repetitions=5 --benchmark_report_aggregates_only=true
// Rows (an iteration is a hundredth of a hundred):
//     of_bare/grid/n        a Laplacian on n x n points, matrix-free: the part of the time that bare loops over the
//                           same streams (2 read, 1 written; 3 read, 2 written) take
//     of_bare/diagonal/n    a diagonal of n numbers
//     eigen/grid/n          how many times as long Eigen takes, whose matrix is stored by rows (CSR), in all its
//     threads eigen/file/n          the same against the matrix as entries, whose form nabla has to find itself
//     eigen/variable/n      coefficients that vary from point to point
//     eigen/graph/n         the Laplacian of a random graph of n nodes, 8 neighbours each on average
//     eigen/weighted/n      the same with weights that float does not hold

#include "../host/bench/bare.hpp"
#include "../host/bench/sparse_cases.hpp"
#include "paired.hpp"

#include <nabla/quadratic.hpp>

#include <Eigen/IterativeLinearSolvers>
#include <Eigen/SparseCore>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

namespace {

using nabla::Executor;
using Matrix = Eigen::SparseMatrix<double, Eigen::RowMajor, std::int32_t>;
using Vector = Eigen::VectorXd;

constexpr int iterations = 100;

/// In Eigen's memory.
Matrix matrix_of(const nabla::bench::SparseCase& a) {
  return Eigen::Map<const Matrix>(a.size(), a.size(), static_cast<Eigen::Index>(a.values.size()), a.starts.data(),
                                  a.columns.data(), a.values.data());
}
Matrix grid(std::int64_t n, bool vary) { return matrix_of(nabla::bench::grid(n, vary)); }
Matrix graph(std::int64_t n, bool weighted) { return matrix_of(nabla::bench::graph(n, weighted)); }

nabla::SymmetricOperator<double> operator_of(const Executor& where, const Matrix& a) {
  const auto size = static_cast<std::size_t>(a.rows()), entries = static_cast<std::size_t>(a.nonZeros());
  const std::span<const std::int32_t> starts(a.outerIndexPtr(), size + 1), columns(a.innerIndexPtr(), entries);
  return nabla::sparse_operator<double>(
      where, nabla::SparseRows(starts, columns, std::span<const double>(a.valuePtr(), entries)));
}

std::vector<double> solve(const Executor& where, const nabla::Quadratic<double>& f, std::int64_t n) {
  std::vector<double> x(static_cast<std::size_t>(n), 0);
  const auto report = nabla::minimize(
      where, f, x,
      {.method = nabla::Method::conjugate_gradient, .relative_gradient_tolerance = 0, .max_iterations = iterations});
  if (report.iterations != iterations) x.clear();
  return x;
}

void against_eigen(benchmark::State& state, const Matrix& a, const nabla::SymmetricOperator<double>& by_nabla) {
  const Executor where = Executor::cpu();
  const std::int64_t n = a.rows();
  Vector b(n);
  for (std::int64_t i = 0; i < n; ++i) b[i] = static_cast<double>(1 + i % 7);
  Eigen::setNbThreads(where.threads());
  Eigen::ConjugateGradient<Matrix, Eigen::Lower | Eigen::Upper, Eigen::IdentityPreconditioner> solver;
  solver.compute(a);
  solver.setMaxIterations(iterations);
  solver.setTolerance(0);
  const nabla::Quadratic<double> f(where, by_nabla, {b.data(), static_cast<std::size_t>(n)});
  Vector theirs;
  std::vector<double> ours;
  nabla::bench::paired(
      state, "times_faster", [&] { theirs = solver.solve(b); }, [&] { ours = solve(where, f, n); }, n * iterations,
      static_cast<std::int64_t>(iterations * (64 * static_cast<double>(n) + 2 * by_nabla.bytes())));
  state.SetLabel(by_nabla.format());
  if (ours.empty()) return state.SkipWithError("it did not take the iterations");
  double difference = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    difference = std::fmax(difference, std::fabs(theirs[i] - ours[static_cast<std::size_t>(i)]));
  }
  if (!(difference <= 1e-9 * theirs.lpNorm<Eigen::Infinity>())) state.SkipWithError("the iterates differ");
}

void eigen_grid(benchmark::State& state) {
  const std::int64_t n = state.range(0);
  against_eigen(state, grid(n, false), nabla::laplacian<double>(Executor::cpu(), {n, n}));
}
void eigen_file(benchmark::State& state) {
  const Matrix a = grid(state.range(0), false);
  against_eigen(state, a, operator_of(Executor::cpu(), a));
}
void eigen_variable(benchmark::State& state) {
  const Matrix a = grid(state.range(0), true);
  against_eigen(state, a, operator_of(Executor::cpu(), a));
}
void eigen_graph(benchmark::State& state) {
  const Matrix a = graph(state.range(0), false);
  against_eigen(state, a, operator_of(Executor::cpu(), a));
}
void eigen_weighted(benchmark::State& state) {
  const Matrix a = graph(state.range(0), true);
  against_eigen(state, a, operator_of(Executor::cpu(), a));
}

void of_bare(benchmark::State& state, const nabla::SymmetricOperator<double>& a) {
  const Executor where = Executor::cpu();
  const std::int64_t n = a.size();
  const std::vector<double> b(static_cast<std::size_t>(n), 1);
  const nabla::Quadratic<double> f(where, a, b);
  nabla::Array<double> x(where, n), g(where, n), p(where, n);
  for (auto* const vector : {&x, &g, &p}) std::fill_n(vector->data(), n, 1.0);
  const auto bare = [&] {
    const std::int64_t bytes = n * 8 / 64 * 64;
    for (int k = 0; k < iterations; ++k) {
      nabla::bench::bare_loop({p.data(), g.data()}, {p.data()}, bytes, where.threads());
      nabla::bench::bare_loop({x.data(), g.data(), p.data()}, {x.data(), g.data()}, bytes, where.threads());
    }
    nabla::detail::cpu::finish_streaming();
  };
  nabla::bench::paired(
      state, "of_bare", bare, [&] { benchmark::DoNotOptimize(solve(where, f, n).data()); }, n * iterations,
      static_cast<std::int64_t>(iterations * (64 * static_cast<double>(n) + 2 * a.bytes())));
  state.SetLabel(a.format());
}
void bare_grid(benchmark::State& state) {
  of_bare(state, nabla::laplacian<double>(Executor::cpu(), {state.range(0), state.range(0)}));
}
void bare_diagonal(benchmark::State& state) {
  std::vector<double> numbers(static_cast<std::size_t>(state.range(0)));
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = 1 + static_cast<double>(i % 1000);
  of_bare(state, nabla::diagonal<double>(Executor::cpu(), numbers));
}

void add(const char* name, void (*function)(benchmark::State&), std::vector<std::int64_t> sizes) {
  for (const std::int64_t n : sizes) {
    benchmark::RegisterBenchmark(name, function)->Arg(n)->UseManualTime()->Unit(benchmark::kMillisecond);
  }
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  add("of_bare/grid", bare_grid, {300, 1200, 2000});
  add("of_bare/diagonal", bare_diagonal, {100'000, 4'000'000});
  add("eigen/grid", eigen_grid, {300, 1200, 2000});
  add("eigen/file", eigen_file, {1200, 2000});
  add("eigen/variable", eigen_variable, {1200, 2000});
  add("eigen/graph", eigen_graph, {1'000'000});
  add("eigen/weighted", eigen_weighted, {1'000'000});
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
