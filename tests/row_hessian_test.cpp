// Sparse Hessians of sums over the rows of a sparse matrix: against loops in long double, along differences of the
// gradient, and beside others'.

#include "row_cases.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace {

using namespace nabla::test;
using nabla::Affine;
using nabla::element_sum;
using nabla::Executor;
using nabla::Layout;
using nabla::row_sum;
using nabla::SparsePattern;
using nabla::SparseRows;

class RowHessians : public OnEveryExecutor {};
INSTANTIATE_TEST_SUITE_P(On, RowHessians, every_executor(), executor_name);

/// A matrix of few variables, and which entries it has.
class Entries {
 public:
  explicit Entries(std::int64_t variables)
      : n_(static_cast<std::size_t>(variables)), numbers_(n_ * n_), has_(n_ * n_, 0) {}

  void add(std::int64_t row, std::int64_t column, long double number) {
    const std::size_t at = static_cast<std::size_t>(row) * n_ + static_cast<std::size_t>(column);
    numbers_[at] += number;
    has_[at] = 1;
  }
  void add(const Entries& others, long double factor = 1) {
    for (std::size_t at = 0; at < has_.size(); ++at) {
      numbers_[at] += factor * others.numbers_[at];
      has_[at] |= others.has_[at];
    }
  }
  SparsePattern pattern() const {
    SparsePattern pattern{{0}, {}};
    for (std::size_t at = 0; at < has_.size(); ++at) {
      if (has_[at] != 0) pattern.columns.push_back(static_cast<std::int64_t>(at % n_));
      if (at % n_ + 1 == n_) pattern.starts.push_back(static_cast<std::int64_t>(pattern.columns.size()));
    }
    return pattern;
  }
  std::vector<long double> values() const {
    std::vector<long double> values;
    for (std::size_t at = 0; at < has_.size(); ++at) {
      if (has_[at] != 0) values.push_back(numbers_[at]);
    }
    return values;
  }

 private:
  std::size_t n_;
  std::vector<long double> numbers_;
  std::vector<char> has_;
};

/// What must come out: for each two columns that share a row, the sum over such rows.
template <class Loss, class T, class Start, class Column>
Entries expected_hessian(const Problem<Loss, T, Start, Column>& problem, const std::vector<T>& x) {
  const auto& m = problem.matrix;
  Entries all(m.variables);
  for (std::size_t r = 0; r + 1 < m.starts.size(); ++r) {
    std::map<std::int64_t, long double> row;  // a column may come up twice
    long double t = 0;
    for (auto e = static_cast<std::size_t>(m.starts[r]); e < static_cast<std::size_t>(m.starts[r + 1]); ++e) {
      row[m.columns[e]] += m.values[e];
      t += static_cast<long double>(m.values[e]) * x[static_cast<std::size_t>(m.columns[e])];
    }
    const long double d[] = {problem.data[2 * r], problem.data[2 * r + 1]};
    const long double curvature = Loss::curvature(t, d);
    for (const auto& [j, a] : row) {
      for (const auto& [k, b] : row) all.add(j, k, curvature * a * b);
    }
  }
  return all;
}

/// The same number in both places of an entry.
template <class T>
bool is_symmetric(const SparsePattern& pattern, const std::vector<T>& values) {
  const auto at = [&](std::int64_t row) {
    return pattern.columns.begin() + pattern.starts[static_cast<std::size_t>(row)];
  };
  for (std::int64_t row = 0; row + 1 < static_cast<std::int64_t>(pattern.starts.size()); ++row) {
    for (auto entry = at(row); entry != at(row + 1); ++entry) {
      const auto mirrored = std::lower_bound(at(*entry), at(*entry + 1), row);
      if (mirrored == at(*entry + 1) || *mirrored != row) return false;
      if (values[static_cast<std::size_t>(mirrored - pattern.columns.begin())] !=
          values[static_cast<std::size_t>(entry - pattern.columns.begin())]) {
        return false;
      }
    }
  }
  return true;
}

template <class T>
std::vector<T> vector_of(std::int64_t n, std::uint64_t seed) {
  const std::vector<double> wide = numbers(n, seed);
  return {wide.begin(), wide.end()};
}

template <class T, class Sum>
std::vector<T> hessian_of(const Executor& where, const Sum& f, const std::vector<T>& x) {
  const auto there = on(where, x), values = room<T>(where, f.hessian_pattern().columns.size());
  f.hessian(where, all(there), all(values));
  return values.to_host();
}

/// Pattern and entries against loops, the same again, and added to themselves. `tolerance` as in row_sum_test.
template <class Loss, class T, class Start, class Column>
void expect_loops(const Executor& where, Sparse<T, Start, Column> matrix, double tolerance) {
  const Problem<Loss, T, Start, Column> problem(where, std::move(matrix));
  const auto& f = problem.f;
  const std::vector<T> x = vector_of<T>(f.variables(), 3);
  const Entries must = expected_hessian(problem, x);
  const SparsePattern pattern = must.pattern();
  ASSERT_EQ(f.hessian_pattern().starts, pattern.starts);
  ASSERT_EQ(f.hessian_pattern().columns, pattern.columns);
  const std::vector<T> values = hessian_of(where, f, x);
  EXPECT_LT(largest_difference(values, must.values()), tolerance);
  EXPECT_TRUE(is_symmetric(pattern, values));
  const auto there = on(where, x), out = on(where, values);
  f.hessian(where, all(there), all(out), pattern, true);
  std::vector<T> twice = values;
  for (T& value : twice) value += value;
  EXPECT_EQ(out.to_host(), twice);
}

TEST_P(RowHessians, OfLeastSquares) {
  const Executor where = executor();
  for (const std::int64_t rows : {1, 2, 31, 33, 255, 257, 1'024, 5'000}) {
    expect_loops<Squares>(where, scattered(rows, 100, 2, static_cast<std::uint64_t>(rows)), 1e-12);
  }
  expect_loops<Squares>(where, scattered(at_most(where, 60, 300), at_most(where, 300, 900), 30), 1e-12);
  expect_loops<Squares>(where, scattered(4, 70, 3'000), 1e-11);  // each column some fifty times in a row
  expect_loops<Squares>(where, scattered(at_most(where, 3'000, 40'000), 400, 6), 1e-12);
}

TEST_P(RowHessians, OfLogisticRegression) {
  const Executor where = executor();
  expect_loops<Logistic>(where, scattered(2'000, 500, 8), 1e-12);
  expect_loops<Logistic>(where, scattered<Sparse<float>>(2'000, 500, 8), 2e-5);
}

TEST_P(RowHessians, IndicesOfEveryWidth) {
  const Executor where = executor();
  expect_loops<Squares>(where, scattered<Sparse<double, std::int64_t, std::int32_t>>(900, 300, 5), 1e-12);
  expect_loops<Squares>(where, scattered<Sparse<double, std::int32_t, std::int64_t>>(900, 300, 5), 1e-12);
  expect_loops<Squares>(where, scattered<Sparse<float, std::int64_t, std::int64_t>>(900, 300, 5), 2e-5);
}

TEST_P(RowHessians, LongRowsAndColumnsAndEmptyOnes) {
  const Executor where = executor();
  expect_loops<Squares>(where, with_hubs(5, 5), 1e-12);
  expect_loops<Squares>(where, with_hubs(700, 90), 1e-12);
  expect_loops<Logistic>(where, with_hubs(at_most(where, 3'000, 9'000), at_most(where, 150, 700)), 1e-11);
  Sparse<> empty;
  empty.variables = 1'500;
  expect_loops<Squares>(where, empty, 1e-15);
  for (int r = 0; r < 5'000; ++r) empty.end_row();
  expect_loops<Squares>(where, empty, 1e-15);
  empty.add(1'499, 2.5);
  empty.end_row();
  expect_loops<Squares>(where, empty, 1e-13);
  expect_loops<Squares>(where, Sparse<>(), 1e-15);  // no variables
}

/// Some columns that all rows have, one that every second has, and few others.
template <class T>
Sparse<T> with_long_columns(std::int64_t rows, std::int64_t longs) {
  Sparse<T> made;
  made.variables = longs + 41;
  Random random(17);
  for (std::int64_t r = 0; r < rows; ++r) {
    made.add(random.below(40), random.number());
    for (std::int64_t c = 0; c < longs; ++c) made.add(40 + c, c == 0 ? 1 : random.number());
    if (r % 2 == 0) made.add(40 + longs, random.number());
    made.end_row();
  }
  return made;
}

TEST_P(RowHessians, ColumnsOfManyParts) {
  const Executor where = executor();
  for (const std::int64_t rows : {1'023, 1'024, 1'025, 2'048, 2'049}) {
    expect_loops<Squares>(where, with_long_columns<double>(rows, 2), 1e-11);
  }
  expect_loops<Logistic>(where, with_long_columns<double>(at_most(where, 9'000, 100'000), 3), 1e-11);
  expect_loops<Logistic>(where, with_long_columns<float>(at_most(where, 9'000, 70'000), 2), 1e-4);
  expect_loops<Squares>(where, with_long_columns<double>(1'100, 20), 1e-10);
}

TEST_P(RowHessians, AreWhatGradientsDifferBy) {
  const Executor where = executor();
  const Problem<Logistic> problem(where, with_hubs(200, 20));
  const auto& f = problem.f;
  const std::vector<double> x = numbers(f.variables());
  const SparsePattern& pattern = f.hessian_pattern();
  const std::vector<double> values = hessian_of(where, f, x);
  const auto gradient_at = [&](std::size_t along, double step) {
    std::vector<double> moved = x;
    moved[along] += step;
    const auto there = on(where, moved), g = room(where, x.size());
    f.value_and_gradient(where, all(there), all(g));
    return g.to_host();
  };
  const double step = 1e-5;  // (eps)^(1/3) of numbers of size 1
  for (std::size_t row = 0; row < x.size(); ++row) {
    const std::vector<double> ahead = gradient_at(row, step), behind = gradient_at(row, -step);
    auto entry = static_cast<std::size_t>(pattern.starts[row]);
    for (std::size_t column = 0; column < x.size(); ++column) {
      const bool has = entry < static_cast<std::size_t>(pattern.starts[row + 1]) &&
                       pattern.columns[entry] == static_cast<std::int64_t>(column);
      const double found = has ? values[entry] : 0;
      EXPECT_NEAR(found, (ahead[column] - behind[column]) / (2 * step), 1e-8 * (1 + std::fabs(found)));
      entry += has;
    }
  }
}

TEST_P(RowHessians, ThreadsAndRepetitionChangeNoBit) {
  const Executor where = executor();
  Sparse<> matrix = with_long_columns<double>(at_most(where, 3'000, 40'000), 3);
  const Problem<Logistic> problem(where, std::move(matrix));
  const std::vector<double> x = numbers(problem.f.variables());
  const std::vector<double> values = hessian_of(where, problem.f, x);
  for (const int threads : {1, 2, 3, 8}) {
    const Executor again = where.is_cuda() ? Executor::cuda() : Executor::cpu(threads);
    const auto there = on(where, x), out = room(where, values.size());
    problem.f.hessian(again, all(there), all(out));
    again.synchronize();
    EXPECT_EQ(out.to_host(), values);
  }
}

TEST_P(RowHessians, NaNIsData) {
  const Executor where = executor();
  Sparse<> matrix;
  matrix.variables = 4;
  for (const std::int64_t column : {0, 1}) {
    matrix.add(column, column == 1 ? NAN : 2);
    matrix.add(column + 2, 1);
    matrix.end_row();
  }
  const Problem<Squares> problem(where, matrix);
  const std::vector<double> values = hessian_of(where, problem.f, numbers(4));
  ASSERT_EQ(problem.f.hessian_pattern().columns, (std::vector<std::int64_t>{0, 2, 1, 3, 0, 2, 1, 3}));
  for (std::size_t k = 0; k < 7; ++k) EXPECT_EQ(std::isnan(values[k]), k / 2 % 2 == 1) << k;
}

TEST_P(RowHessians, AddUpWithOthers) {
  const Executor where = executor();
  const std::int64_t n = 60;
  const Problem<Logistic> one(where, scattered(300, n, 1));
  const Problem<Squares> two(where, scattered(20, n, 2, 9));
  const std::vector<double> x = numbers(n);
  Entries must = expected_hessian(one, x);
  must.add(expected_hessian(two, x));
  for (std::int64_t i = 0; i < n; ++i) {  // 100 (b - a^2)^2 + (1 - a)^2
    const auto a = static_cast<std::size_t>(i), b = a + 1;
    if (i + 1 == n) break;
    must.add(i, i, 1200 * static_cast<long double>(x[a]) * x[a] - 400 * x[b] + 2);
    must.add(i, i + 1, -400 * static_cast<long double>(x[a]));
    must.add(i + 1, i, -400 * static_cast<long double>(x[a]));
    must.add(i + 1, i + 1, 200);
  }
  const auto expect = [&](const auto& f) {
    for (int again = 0; again < 2; ++again) {
      EXPECT_EQ(f.hessian_pattern().columns, must.pattern().columns);
      EXPECT_LT(largest_difference(hessian_of(where, f, x), must.values()), 1e-12);
    }
  };
  expect(one.f + two.f + chained(where, n));
  expect(chained(where, n) + two.f + one.f);
  expect(one.f + chained(where, n) + two.f);
  EXPECT_LT(largest_difference(hessian_of(where, one.f, x), expected_hessian(one, x).values()), 1e-12);
}

TEST_P(RowHessians, InPatternsOfOthers) {
  const Executor where = executor();
  const std::int64_t n = 40;
  const Problem<Logistic> problem(where, scattered(60, n, 2));
  const std::vector<double> x = numbers(n);
  const Entries own = expected_hessian(problem, x);
  const auto there = on(where, x);
  SparsePattern pattern;  // written anew into the same memory
  for (const std::int64_t also : {3, 7, 3}) {
    Entries must = own;
    for (std::int64_t i = 0; i < n; ++i) must.add(i, i * also % n, 0);
    pattern = must.pattern();
    const auto out = room(where, pattern.columns.size());
    for (int again = 0; again < 2; ++again) {
      problem.f.hessian(where, all(there), all(out), pattern);
      EXPECT_LT(largest_difference(out.to_host(), must.values()), 1e-12);
    }
    must.add(Entries(must));
    problem.f.hessian(where, all(there), all(out), pattern, true);
    EXPECT_LT(largest_difference(out.to_host(), must.values()), 1e-12);
  }
}

TEST_P(RowHessians, FormulasAreLosses) {
  const Executor where = executor();
  const Problem<Logistic> problem(where, scattered(700, 90, 5));
  const auto text = nabla::Formula::parse("w*log1p(exp(-y*t))", {.variables = {"t"}, .data = {"y", "w"}});
  const auto f = row_sum<double>(where, text, 90, SparseRows(problem.starts, problem.columns, problem.values),
                                 {problem.data_there.data(), 700, 2, Layout::point_major});
  const std::vector<double> x = numbers(90);
  EXPECT_LT(largest_difference(hessian_of(where, f, x), expected_hessian(problem, x).values()), 1e-12);
}

/// What a call throws.
template <class Call>
std::string message(Call call) {
  try {
    call();
  } catch (const nabla::ShapeError& error) {
    return error.what();
  }
  return "";
}

TEST_P(RowHessians, LargeOnesAreRefused) {
  const Executor where = executor();
  Sparse<> dense;
  dense.variables = 100'000;
  for (std::int64_t c = 0; c < dense.variables; ++c) dense.add(c, 1);
  dense.end_row();
  const Problem<Squares> one_row(where, dense);
  EXPECT_EQ(
      message([&] { one_row.f.hessian_pattern(); }),
      "hessian: the pattern has at least 10000000000 entries, allowed are 268435456; hessian_pattern() can be given "
      "another limit");
  Sparse<> tridiagonal;
  tridiagonal.variables = 1'000;
  for (std::int64_t c = 0; c + 1 < 1'000; ++c) {
    tridiagonal.add(c, 1);
    tridiagonal.add(c + 1, -1);
    tridiagonal.end_row();
  }
  const Problem<Squares> chain(where, tridiagonal);
  EXPECT_EQ(message([&] { chain.f.hessian_pattern(2'997); }),
            "hessian: the pattern has more than 2997 entries, allowed are 2997; hessian_pattern() can be given another "
            "limit");
  EXPECT_EQ(chain.f.hessian_pattern(2'998).columns.size(), 2'998U);
  EXPECT_EQ(chain.f.hessian_pattern(1).columns.size(), 2'998U);  // it is there
}

TEST_P(RowHessians, WrongArgumentsAreNamed) {
  const Executor where = executor();
  Sparse<> matrix;
  matrix.variables = 3;
  matrix.add(0, 1);
  matrix.add(2, 1);
  matrix.end_row();
  const Problem<Squares> problem(where, matrix);
  const auto& f = problem.f;
  const auto x = room(where, 3), values = room(where, 4), other = room(where, 5);
  EXPECT_EQ(message([&] { f.hessian(where, all(x), all(other)); }),
            "hessian: the Hessian must have 4 numbers, found 5");
  EXPECT_EQ(message([&] { f.hessian(where, all(other), all(values)); }), "hessian: x must have 3 numbers, found 5");
  EXPECT_EQ(message([&] { f.hessian(where, all(values).first(3), all(values)); }),
            "hessian: the Hessian overlaps x in memory");
  EXPECT_EQ(message([&] {
              f.hessian(where, all(x), all(values), {{0, 1, 4}, {0, 0, 1, 2}});
            }),
            "hessian: the pattern must have 3 rows, found 3 starts");
  EXPECT_EQ(message([&] {
              f.hessian(where, all(x), all(values), {{0, 1, 1, 4}, {0, 0, 1, 2}});
            }),
            "hessian: the pattern has no entry in row 0, column 2");
  EXPECT_EQ(message([&] { f.hessian(where, all(x), all(values)); }), "");
}

}  // namespace
