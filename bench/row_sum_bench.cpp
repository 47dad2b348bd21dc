// Sums over the rows of a sparse matrix, against a peer: Eigen's sparse products of the same matrix. Value and gradient
// of a logistic regression in f64, with 20 entries a row, one of them in a column that all rows have. The answers are
// checked to be the same. And the Hessian, A^T D A, against Eigen's product of three.
//     row_sum_bench --benchmark_repetitions=5 --benchmark_report_aggregates_only=true
// Rows:
//     times_faster_than_eigen/rows        Eigen multiplies with A.transpose(), on one thread: it scatters
//     times_faster_than_transposed/rows   Eigen has a transpose of its own, as nabla does, and all threads
//     times_faster_than_product/rows      the Hessian; Eigen looks for its pattern each time, on one thread

#include "paired.hpp"

#include <nabla/row_sum.hpp>

#include <Eigen/SparseCore>
#include <cmath>
#include <vector>

namespace {

using Matrix = Eigen::SparseMatrix<double, Eigen::RowMajor, std::int32_t>;
using Vector = Eigen::VectorXd;

struct Logistic {
  static constexpr int variables = 1, data = 1;
  template <class X, class D>
  constexpr auto operator()(const X& product, const D& label) const {
    using nabla::exp, nabla::log1p;
    return log1p(exp(-label[0] * product[0]));
  }
};

struct Data {
  std::int64_t rows, variables;
  std::vector<std::int32_t> starts{0}, columns;
  std::vector<double> values;
  Vector labels, x;

  explicit Data(std::int64_t row_count)
      : rows(row_count), variables(std::max<std::int64_t>(row_count / 4, 40)), labels(rows), x(variables) {
    std::uint64_t state = 1;
    const auto random = [&](std::int64_t most) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      return static_cast<std::int64_t>((state >> 33) % static_cast<std::uint64_t>(most));
    };
    constexpr std::int64_t entries = 20;
    for (std::int64_t r = 0; r < rows; ++r) {
      // In increasing order, as Eigen wants them: one in each of as many equal parts of the columns.
      const std::int64_t part = (variables - 1) / (entries - 1);
      columns.push_back(0);
      for (std::int64_t e = 0; e + 1 < entries; ++e)
        columns.push_back(static_cast<std::int32_t>(1 + e * part + random(part)));
      for (std::int64_t e = 0; e < entries; ++e) values.push_back(static_cast<double>(random(2001) - 1000) / 1000);
      starts.push_back(static_cast<std::int32_t>(columns.size()));
      labels[r] = random(2) == 0 ? -1 : 1;
    }
    for (std::int64_t i = 0; i < variables; ++i) x[i] = static_cast<double>(random(2001) - 1000) / 1000;
  }
};

void against_eigen(benchmark::State& state, bool stored_transpose) {
  const nabla::Executor where = nabla::Executor::cpu();
  const Data data(state.range(0));
  const auto entries = static_cast<std::int64_t>(data.values.size());
  const auto f = nabla::row_sum<double>(where, Logistic(), data.variables,
                                        nabla::SparseRows(data.starts, data.columns, data.values),
                                        {data.labels.data(), data.rows, 1});
  const Eigen::Map<const Matrix> a(data.rows, data.variables, entries, data.starts.data(), data.columns.data(),
                                   data.values.data());
  const Matrix transposed = stored_transpose ? Matrix(a.transpose()) : Matrix();
  Vector product(data.rows), odds(data.rows), slope(data.rows), peer_gradient(data.variables), gradient(data.variables);
  double value = 0, peer_value = 0;
  const auto theirs = [&] {
    product.noalias() = a * data.x;
    odds = (-data.labels.array() * product.array()).exp();
    peer_value = odds.array().log1p().sum();
    slope = -data.labels.array() * odds.array() / (1 + odds.array());
    if (stored_transpose) {
      peer_gradient.noalias() = transposed * slope;
    } else {
      peer_gradient.noalias() = a.transpose() * slope;
    }
  };
  const auto all = [](auto& vector) { return std::span(vector.data(), static_cast<std::size_t>(vector.size())); };
  const auto ours = [&] { value = f.value_and_gradient(where, all(data.x), all(gradient)); };
  ours();
  theirs();
  const double apart = (gradient - peer_gradient).cwiseAbs().maxCoeff() / (1 + gradient.cwiseAbs().maxCoeff());
  if (!(apart <= 1e-12) || !(std::fabs(value - peer_value) <= 1e-12 * value)) {
    return state.SkipWithError("the answers differ");
  }
  const std::int64_t bytes = 2 * entries * 12 + data.rows * 12 + data.variables * 20;
  nabla::bench::paired(state, stored_transpose ? "times_faster_than_transposed" : "times_faster_than_eigen", theirs,
                       ours, entries, bytes);
}

void hessian_against_eigen(benchmark::State& state) {
  const nabla::Executor where = nabla::Executor::cpu();
  const Data data(state.range(0));
  const auto f = nabla::row_sum<double>(where, Logistic(), data.variables,
                                        nabla::SparseRows(data.starts, data.columns, data.values),
                                        {data.labels.data(), data.rows, 1});
  const Eigen::Map<const Matrix> a(data.rows, data.variables, static_cast<std::int64_t>(data.values.size()),
                                   data.starts.data(), data.columns.data(), data.values.data());
  const Matrix transposed = Matrix(a.transpose());
  const auto all = [](auto& vector) { return std::span(vector.data(), static_cast<std::size_t>(vector.size())); };
  Vector odds(data.rows), curvature(data.rows);
  Matrix product;
  std::vector<double> values(f.hessian_pattern().columns.size());
  const auto theirs = [&] {
    odds = (-data.labels.array() * (a * data.x).array()).exp();
    curvature = odds.array() / ((1 + odds.array()) * (1 + odds.array()));
    product = transposed * (curvature.asDiagonal() * a);
  };
  const auto ours = [&] { f.hessian(where, all(data.x), values); };
  theirs();
  ours();
  double apart = product.nonZeros() == static_cast<std::int64_t>(values.size()) ? 0 : 1;
  for (std::size_t k = 0; k < values.size() && apart < 1; ++k) {
    const double theirs_there = product.valuePtr()[k];
    apart = std::max(apart, std::fabs(values[k] - theirs_there) / (1 + std::fabs(theirs_there)));
  }
  if (!(apart <= 1e-12)) return state.SkipWithError("the answers differ");
  const auto entries = static_cast<std::int64_t>(values.size());
  nabla::bench::paired(state, "times_faster_than_product", theirs, ours, entries, entries * 8);
}

}  // namespace

BENCHMARK(hessian_against_eigen)->Arg(2'000)->Arg(40'000)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(against_eigen, as_it_is, false)
    ->Arg(10'000)
    ->Arg(500'000)
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(against_eigen, stored_transpose, true)
    ->Arg(10'000)
    ->Arg(500'000)
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_MAIN();
