// Products of dense matrices in f64 against Eigen's, of the same matrix in the same run (paired.hpp), answers checked
// to be the same; and against a bare loop that reads as many bytes as nabla does. Eigen's products of a matrix and a
// vector take one thread, whatever it may have.
//     dense_bench --benchmark_repetitions=5 --benchmark_report_aggregates_only=true
// Rows, with nabla's threads as the last number:
//     eigen/symmetric/n/t          how many times as long Eigen takes for A * x, of which it reads all
//     eigen/triangle/n/t           the same for A.selfadjointView<Upper>() * x, which reads one triangle, as nabla does
//     eigen/normal/m/n/t           X.transpose() * (X * x), X of m x n
//     eigen/logistic/m/n/t         value and gradient of a logistic regression over X
//     of_bare/symmetric/n/t        the part of the time that a loop over the bytes of one triangle takes
//     of_bare/normal/m/n/t         the same over those of X

#include "../host/bench/bare.hpp"
#include "paired.hpp"

#include <nabla/regression.hpp>

#include <Eigen/Dense>

#include <algorithm>
#include <cmath>
#include <vector>

namespace {

using nabla::DenseRows;
using nabla::Executor;
using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Vector = Eigen::VectorXd;

Matrix random_matrix(std::int64_t rows, std::int64_t columns) {
  std::srand(1);
  return Matrix::Random(rows, columns);
}
Matrix symmetric_matrix(std::int64_t n) {
  const Matrix a = random_matrix(n, n);
  return a.selfadjointView<Eigen::Upper>();
}
DenseRows<double> rows_of(const Matrix& a) {
  return {std::span(a.data(), static_cast<std::size_t>(a.size())), a.rows(), a.cols()};
}
std::span<const double> all(const Vector& x) { return {x.data(), static_cast<std::size_t>(x.size())}; }
std::span<double> all(Vector& x) { return {x.data(), static_cast<std::size_t>(x.size())}; }

/// Runs both, and fails where their answers differ.
template <class Theirs, class Ours>
void against_eigen(benchmark::State& state, const Vector& by_eigen, const Theirs& theirs, const Vector& by_nabla,
                   const Ours& ours, std::int64_t numbers, double bytes) {
  nabla::bench::paired(state, "times_faster", theirs, ours, numbers, static_cast<std::int64_t>(bytes));
  const double apart = (by_eigen - by_nabla).lpNorm<Eigen::Infinity>();
  if (!(apart <= 1e-11 * by_eigen.lpNorm<Eigen::Infinity>())) state.SkipWithError("the answers differ");
}

template <bool OneTriangle>
void eigen_symmetric(benchmark::State& state) {
  const Matrix a = symmetric_matrix(state.range(0));
  const Executor where = Executor::cpu(static_cast<int>(state.range(1)));
  const auto by_nabla = nabla::dense_operator<double>(where, rows_of(a));
  const Vector x = Vector::Random(a.cols());
  Vector theirs(a.rows()), ours(a.rows());
  const auto eigen = [&] {
    if constexpr (OneTriangle) {
      theirs.noalias() = a.selfadjointView<Eigen::Upper>() * x;
    } else {
      theirs.noalias() = a * x;
    }
  };
  against_eigen(
      state, theirs, eigen, ours, [&] { by_nabla.multiply(where, all(x), all(ours)); }, a.size(), by_nabla.bytes());
}

void eigen_normal(benchmark::State& state) {
  const Matrix a = random_matrix(state.range(0), state.range(1));
  const Executor where = Executor::cpu(static_cast<int>(state.range(2)));
  const auto by_nabla = nabla::normal_operator<double>(where, rows_of(a));
  const Vector x = Vector::Random(a.cols());
  Vector between(a.rows()), theirs(a.cols()), ours(a.cols());
  const auto eigen = [&] {
    between.noalias() = a * x;
    theirs.noalias() = a.transpose() * between;
  };
  against_eigen(
      state, theirs, eigen, ours, [&] { by_nabla.multiply(where, all(x), all(ours)); }, a.size(), by_nabla.bytes());
}

void eigen_logistic(benchmark::State& state) {
  const Matrix a = random_matrix(state.range(0), state.range(1));
  const Executor where = Executor::cpu(static_cast<int>(state.range(2)));
  Vector labels = Vector::Random(a.rows());
  for (double& label : labels) label = label < 0 ? -1 : 1;
  const nabla::LogisticRegression<double> f(where, rows_of(a), all(labels));
  const Vector x = Vector::Random(a.cols()) / static_cast<double>(a.cols());
  Vector odds(a.rows()), slopes(a.rows()), theirs(a.cols() + 1), ours(a.cols() + 1);  // gradient and value
  const auto eigen = [&] {
    odds.noalias() = a * x;
    odds = (-labels.array() * odds.array()).exp();
    theirs[a.cols()] = odds.array().log1p().sum();
    slopes = -labels.array() * odds.array() / (1 + odds.array());
    theirs.head(a.cols()).noalias() = a.transpose() * slopes;
  };
  const auto nabla_ = [&] {
    ours[a.cols()] = f.value_and_gradient(where, all(x), all(ours).first(static_cast<std::size_t>(a.cols())));
  };
  against_eigen(state, theirs, eigen, ours, nabla_, a.size(), 16 * static_cast<double>(a.size()));
}

void of_bare(benchmark::State& state, const Executor& where, const Matrix& a,
             const nabla::SymmetricOperator<double>& product) {
  const Vector x = Vector::Random(a.cols());
  Vector y(a.cols());
  const auto bytes = static_cast<std::int64_t>(product.bytes()) / 64 * 64;
  nabla::bench::paired(
      state, "of_bare", [&] { benchmark::DoNotOptimize(nabla::bench::bare_reads({a.data()}, bytes, where.threads())); },
      [&] { product.multiply(where, all(x), all(y)); }, a.size(), bytes);
}
void bare_symmetric(benchmark::State& state) {
  const Matrix a = symmetric_matrix(state.range(0));
  const Executor where = Executor::cpu(static_cast<int>(state.range(1)));
  of_bare(state, where, a, nabla::dense_operator<double>(where, rows_of(a)));
}
void bare_normal(benchmark::State& state) {
  const Matrix a = random_matrix(state.range(0), state.range(1));
  const Executor where = Executor::cpu(static_cast<int>(state.range(2)));
  of_bare(state, where, a, nabla::normal_operator<double>(where, rows_of(a)));
}

using Sizes = std::vector<std::vector<std::int64_t>>;
void add(const char* name, void (*function)(benchmark::State&), const Sizes& sizes) {
  for (const auto& some : sizes) {
    benchmark::RegisterBenchmark(name, function)->Args(some)->UseManualTime()->Unit(benchmark::kMillisecond);
  }
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  const Sizes squares = {{300, 1}, {1'000, 1}, {1'000, 2}, {5'000, 1}, {5'000, 2}};
  const Sizes shapes = {{300, 100, 1}, {20'000, 500, 1}, {20'000, 500, 2}, {1'000'000, 10, 2}, {1'000, 10'000, 2}};
  add("eigen/symmetric", eigen_symmetric<false>, squares);
  add("eigen/triangle", eigen_symmetric<true>, squares);
  add("eigen/normal", eigen_normal, shapes);
  add("eigen/logistic", eigen_logistic, {{20'000, 500, 1}, {20'000, 500, 2}, {1'000'000, 10, 2}});
  add("of_bare/symmetric", bare_symmetric, squares);
  add("of_bare/normal", bare_normal, shapes);
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
