#pragma once

#include "element_cases.hpp"

#include <nabla/row_sum.hpp>

#include <cmath>
#include <cstdint>
#include <map>
#include <vector>

// Sparse matrices and losses for the tests of sums over rows, with the same in long double.

namespace nabla::test {

/// d[1] (t - d[0])^2 / 2
struct Squares {
  static constexpr int variables = 1, data = 2;
  template <class X, class D>
  constexpr auto operator()(const X& t, const D& d) const {
    const auto miss = t[0] - d[0];
    return 0.5 * d[1] * miss * miss;
  }
  static long double value(long double t, const long double* d) { return d[1] * (t - d[0]) * (t - d[0]) / 2; }
  static long double slope(long double t, const long double* d) { return d[1] * (t - d[0]); }
  static long double curvature(long double, const long double* d) { return d[1]; }
};

/// log(1 + exp(-d[0] t)), times d[1]
struct Logistic {
  static constexpr int variables = 1, data = 2;
  template <class X, class D>
  constexpr auto operator()(const X& t, const D& d) const {
    using nabla::exp, nabla::log1p;
    return d[1] * log1p(exp(-d[0] * t[0]));
  }
  static long double value(long double t, const long double* d) { return d[1] * std::log1p(std::exp(-d[0] * t)); }
  static long double slope(long double t, const long double* d) { return -d[0] * d[1] / (1 + std::exp(d[0] * t)); }
  static long double curvature(long double t, const long double* d) {
    const long double p = 1 / (1 + std::exp(d[0] * t));
    return d[0] * d[0] * d[1] * p * (1 - p);
  }
};

/// weight (x - d[0])^2 / 2
struct Ridge {
  double weight;
  static constexpr int variables = 1, data = 1;
  template <class X, class D>
  constexpr auto operator()(const X& x, const D& d) const {
    return 0.5 * weight * (x[0] - d[0]) * (x[0] - d[0]);
  }
};

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::int64_t below(std::int64_t most) {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<std::int64_t>((state_ >> 33) % static_cast<std::uint64_t>(most));
  }
  double number() { return static_cast<double>(below(1 << 20)) / (1 << 19) - 1; }  // from -1 to 1

 private:
  std::uint64_t state_;
};

/// A sparse matrix on the host.
template <class T = double, class Start = std::int32_t, class Column = std::int32_t>
struct Sparse {
  std::int64_t variables = 0;
  std::vector<Start> starts{0};
  std::vector<Column> columns;
  std::vector<T> values;

  std::int64_t rows() const { return static_cast<std::int64_t>(starts.size()) - 1; }
  void add(std::int64_t column, double value) {
    columns.push_back(static_cast<Column>(column));
    values.push_back(static_cast<T>(value));
  }
  void end_row() { starts.push_back(static_cast<Start>(columns.size())); }
};

/// Rows of 0 to 2 * usual entries anywhere, some of them twice in the same column.
template <class S = Sparse<>>
S scattered(std::int64_t rows, std::int64_t variables, std::int64_t usual, std::uint64_t seed = 3) {
  S made;
  made.variables = variables;
  Random random(seed);
  for (std::int64_t r = 0; r < rows; ++r) {
    const std::int64_t entries = random.below(2 * usual + 1);
    for (std::int64_t e = 0; e < entries; ++e) made.add(random.below(variables), random.number());
    made.end_row();
  }
  return made;
}

/// The same with a column that nearly all rows have, a row that has nearly all columns, many empty rows in a row and
/// many variables that no row has.
template <class S = Sparse<>>
S with_hubs(std::int64_t rows, std::int64_t variables, std::uint64_t seed = 5) {
  S made;
  made.variables = 2 * variables;
  Random random(seed);
  for (std::int64_t r = 0; r < rows; ++r) {
    const bool is_empty = r > rows / 2 && r < 3 * rows / 4, is_hub = r == rows / 4;
    for (std::int64_t c = 0; c < variables && is_hub; ++c) made.add(c, random.number());
    for (std::int64_t e = 0; e < 3 && !is_empty; ++e)
      made.add(e == 1 ? variables / 3 : random.below(variables), random.number());
    made.end_row();
  }
  return made;
}

/// The sum of a loss over rows on an executor, with what it needs there. `data`: of each row d[0], and d[1] > 0.
template <class Loss, class T = double, class Start = std::int32_t, class Column = std::int32_t>
struct Problem {
  Sparse<T, Start, Column> matrix;
  std::vector<T> data;
  Array<Start> starts;
  Array<Column> columns;
  Array<T> values, data_there;
  RowSum<T, Loss> f;

  Problem(const Executor& where, Sparse<T, Start, Column> given, std::vector<T> data_of_rows)
      : matrix(std::move(given)),
        data(std::move(data_of_rows)),
        starts(on(where, matrix.starts)),
        columns(on(where, matrix.columns)),
        values(on(where, matrix.values)),
        data_there(on(where, data)),
        f(row_sum<T>(where, Loss(), matrix.variables, SparseRows(starts, columns, values),
                     {data_there.data(), matrix.rows(), 2, Layout::point_major})) {}
  Problem(const Executor& where, Sparse<T, Start, Column> given) : Problem(where, given, labels(given.rows())) {}

  static std::vector<T> labels(std::int64_t rows) {
    std::vector<T> made;
    Random random(11);
    for (std::int64_t r = 0; r < rows; ++r) {
      made.push_back(random.below(2) == 0 ? T(-1) : T(1));
      made.push_back(static_cast<T>(1.5 + random.number()));
    }
    return made;
  }
};

/// What must come out, by loops over entries.
struct Expected {
  long double value = 0;
  std::vector<long double> values, gradient, diagonal, product;
};
template <class Loss, class T, class Start, class Column>
Expected expected(const Problem<Loss, T, Start, Column>& problem, const std::vector<T>& x, const std::vector<T>& v) {
  const auto& m = problem.matrix;
  Expected all;
  for (auto* const vector : {&all.gradient, &all.diagonal, &all.product}) vector->assign(x.size(), 0);
  for (std::size_t r = 0; r + 1 < m.starts.size(); ++r) {
    const auto first = static_cast<std::size_t>(m.starts[r]), last = static_cast<std::size_t>(m.starts[r + 1]);
    std::map<std::size_t, long double> row;  // a column may come up twice
    for (std::size_t e = first; e < last; ++e) row[static_cast<std::size_t>(m.columns[e])] += m.values[e];
    long double t = 0, along = 0;
    for (const auto& [column, a] : row) {
      t += a * x[column];
      along += a * v[column];
    }
    const long double d[] = {problem.data[2 * r], problem.data[2 * r + 1]};
    all.values.push_back(Loss::value(t, d));
    all.value += all.values.back();
    for (const auto& [column, a] : row) {
      all.gradient[column] += a * Loss::slope(t, d);
      all.product[column] += a * Loss::curvature(t, d) * along;
      all.diagonal[column] += a * Loss::curvature(t, d) * a;
    }
  }
  return all;
}

}  // namespace nabla::test
