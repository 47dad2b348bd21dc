// Sums over the rows of a sparse matrix against loops in long double, along differences, and minimised.

#include "row_cases.hpp"

#include <nabla/check_objective.hpp>
#include <nabla/detail/sparse_product.hpp>
#include <nabla/minimize.hpp>

#include <string>

namespace {

using namespace nabla::test;
using nabla::Affine;
using nabla::Array;
using nabla::element_sum;
using nabla::Executor;
using nabla::Layout;
using nabla::row_sum;
using nabla::SparseRows;
using nabla::Verdict;

class RowSums : public OnEveryExecutor {};
INSTANTIATE_TEST_SUITE_P(On, RowSums, every_executor(), executor_name);

template <class T>
std::vector<T> vector_of(std::int64_t n, std::uint64_t seed) {
  const std::vector<double> wide = numbers(n, seed);
  return {wide.begin(), wide.end()};
}

/// All that a sum over rows says of a point, against loops; `tolerance`: relative to 1 and a number's size.
template <class Loss, class T, class Start, class Column>
void expect_loops(const Executor& where, Sparse<T, Start, Column> matrix, double tolerance) {
  const Problem<Loss, T, Start, Column> problem(where, std::move(matrix));
  const auto& f = problem.f;
  const std::vector<T> x = vector_of<T>(f.variables(), 3), v = vector_of<T>(f.variables(), 4);
  const Expected must = expected(problem, x, v);
  const auto sum = static_cast<double>(must.value), sum_tolerance = tolerance * (1 + std::fabs(sum));
  const auto x_there = on(where, x), v_there = on(where, v), out = room<T>(where, x.size());
  const auto values = room<T>(where, must.values.size());
  EXPECT_NEAR(f.value(where, all(x_there)), sum, sum_tolerance);
  EXPECT_NEAR(f.value_and_gradient(where, all(x_there), {}), sum, sum_tolerance);
  EXPECT_NEAR(f.value_and_gradient(where, all(x_there), all(out)), sum, sum_tolerance);
  EXPECT_LT(largest_difference(out.to_host(), must.gradient), tolerance);
  EXPECT_NEAR(f.element_values(where, all(x_there), all(values)), sum, sum_tolerance);
  EXPECT_LT(largest_difference(values.to_host(), must.values), tolerance);
  f.hessian_vector_product(where, all(x_there), all(v_there), all(out));
  EXPECT_LT(largest_difference(out.to_host(), must.product), tolerance);
  f.hessian_diagonal(where, all(x_there), all(out));
  EXPECT_LT(largest_difference(out.to_host(), must.diagonal), tolerance);
  // And added to what is there, which is the diagonal.
  f.value_and_gradient(where, all(x_there), all(out), true);
  f.hessian_vector_product(where, all(x_there), all(v_there), all(out), true);
  f.hessian_diagonal(where, all(x_there), all(out), true);
  std::vector<long double> added = must.gradient;
  for (std::size_t i = 0; i < added.size(); ++i) added[i] += 2 * must.diagonal[i] + must.product[i];
  EXPECT_LT(largest_difference(out.to_host(), added), 4 * tolerance);
}

TEST_P(RowSums, LeastSquares) {
  const Executor where = executor();
  for (const std::int64_t rows : {1, 2, 31, 33, 255, 256, 257, 682, 683, 1'024, 5'000}) {
    expect_loops<Squares>(where, scattered(rows, 100, 2, static_cast<std::uint64_t>(rows)), 1e-12);
  }
  expect_loops<Squares>(where, scattered(300, 2'000, 100), 1e-12);
  expect_loops<Squares>(where, scattered(4, 70, 3'000), 1e-12);  // rows of several parts each
  expect_loops<Squares>(where, scattered(at_most(where, 3'000, 60'000), 1'000, 10), 1e-12);
}

TEST_P(RowSums, LogisticRegression) {
  const Executor where = executor();
  expect_loops<Logistic>(where, scattered(2'000, 500, 8), 1e-12);
  expect_loops<Logistic>(where, scattered<Sparse<float>>(2'000, 500, 8), 2e-5);  // sums of terms of size 10
}

TEST_P(RowSums, IndicesOfEveryWidth) {
  const Executor where = executor();
  expect_loops<Squares>(where, scattered<Sparse<double, std::int64_t, std::int32_t>>(900, 300, 5), 1e-12);
  expect_loops<Squares>(where, scattered<Sparse<double, std::int32_t, std::int64_t>>(900, 300, 5), 1e-12);
  expect_loops<Squares>(where, scattered<Sparse<float, std::int64_t, std::int64_t>>(900, 300, 5), 2e-5);
}

TEST_P(RowSums, LongRowsAndColumnsAndEmptyOnes) {
  const Executor where = executor();
  for (const std::int64_t rows : {5, 700, 9'000}) expect_loops<Squares>(where, with_hubs(rows, rows), 1e-11);
  expect_loops<Logistic>(where, with_hubs(2'500, 6'000), 1e-11);
  Sparse<> empty;
  empty.variables = 5'000;
  expect_loops<Squares>(where, empty, 1e-15);
  for (int r = 0; r < 5'000; ++r) empty.end_row();
  expect_loops<Squares>(where, empty, 1e-13);
  empty.add(4'999, 2.5);
  empty.end_row();
  expect_loops<Squares>(where, empty, 1e-13);
}

TEST_P(RowSums, RowsThatEndAtTheBordersOfParts) {
  const Executor where = executor();
  for (const std::int64_t items : {nabla::detail::part_items, 2 * nabla::detail::part_items}) {
    for (std::int64_t entries = items - 3; entries <= items + 1; ++entries) {
      Sparse<> matrix;
      matrix.variables = 50;
      for (const std::int64_t size : {entries, std::int64_t{0}, std::int64_t{3}, entries - 4, std::int64_t{0}}) {
        for (std::int64_t e = 0; e < size; ++e) matrix.add(e % 50, 0.25 * static_cast<double>(e % 7));
        matrix.end_row();
      }
      expect_loops<Squares>(where, matrix, 1e-12);
    }
  }
}

TEST_P(RowSums, OneLongColumn) {
  const Executor where = executor();
  Sparse<> bias;
  bias.variables = 1;
  for (std::int64_t r = 0; r < at_most(where, 70'000, 1'000'000); ++r) {
    bias.add(0, 1);
    bias.end_row();
  }
  expect_loops<Logistic>(where, bias, 1e-12);
}

TEST_P(RowSums, AgreeWithDifferences) {
  const Executor where = executor();
  const Problem<Logistic> problem(where, with_hubs(400, 60));
  const auto x = on(where, numbers(problem.f.variables()));
  EXPECT_EQ(nabla::check_gradient(where, problem.f, x).verdict, Verdict::agree);
  EXPECT_EQ(nabla::check_hessian_vector_product(where, problem.f, x, {.directions = 2}).verdict, Verdict::agree);
}

TEST_P(RowSums, ThreadsAndRepetitionChangeNoBit) {
  const Executor where = executor();
  const Problem<Logistic> problem(where, with_hubs(at_most(where, 9'000, 100'000), 5'000));
  const auto& f = problem.f;
  const auto n = static_cast<std::size_t>(f.variables());
  const auto x = on(where, numbers(f.variables())), v = on(where, numbers(f.variables(), 8)), g = room(where, n),
             product = room(where, n);
  const double value = f.value_and_gradient(where, all(x), all(g));
  f.hessian_vector_product(where, all(x), all(v), all(product));
  for (const int threads : {1, 2, 3, 8}) {
    const Executor again = where.is_cuda() ? Executor::cuda() : Executor::cpu(threads);
    const auto h = room(where, n);
    EXPECT_EQ(f.value_and_gradient(again, all(x), all(h)), value);
    again.synchronize();
    EXPECT_EQ(h.to_host(), g.to_host());
    f.hessian_vector_product(again, all(x), all(v), all(h));
    again.synchronize();
    EXPECT_EQ(h.to_host(), product.to_host());
  }
}

TEST_P(RowSums, NaNIsData) {
  const Executor where = executor();
  Sparse<> matrix;
  matrix.variables = 4;
  for (const std::int64_t column : {0, 1, 2}) {
    matrix.add(column, column == 1 ? NAN : 2);
    matrix.add(3 * column % 4, 1);
    matrix.end_row();
  }
  const Problem<Squares> problem(where, matrix);
  const auto x = on(where, numbers(4)), g = room(where, 4);
  EXPECT_TRUE(std::isnan(problem.f.value_and_gradient(where, all(x), all(g))));
  const std::vector<double> gradient = g.to_host();
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(std::isnan(gradient[i]), i == 1 || i == 3) << i;
}

/// Ridge, each variable pulled to where the gradient of all vanishes at x_best.
template <class Loss>
std::vector<double> anchors(const Problem<Loss>& problem, const std::vector<double>& x_best, double weight) {
  const Expected at_best = expected(problem, x_best, x_best);
  std::vector<double> made;
  for (std::size_t i = 0; i < x_best.size(); ++i) {
    made.push_back(static_cast<double>(x_best[i] + at_best.gradient[i] / weight));
  }
  return made;
}

TEST_P(RowSums, MinimizedToAKnownOptimum) {
  const Executor where = executor();
  const Problem<Logistic> problem(where, with_hubs(at_most(where, 400, 4'000), at_most(where, 60, 500)));
  const std::int64_t n = problem.f.variables();
  const std::vector<double> x_best = numbers(n, 21);
  const double weight = 0.5;
  const auto centres = on(where, anchors(problem, x_best, weight));
  const auto ridge = element_sum<double>(where, Ridge{weight}, n, Affine::chain(n, {0}), {centres.data(), n, 1});
  const auto minimize = [&](const auto& objective, nabla::Method method) {
    Array<double> x = on(where, std::vector<double>(static_cast<std::size_t>(n), 0));
    const auto report = nabla::minimize(
        where, objective, x,
        {.method = method, .gradient_tolerance = 1e-10, .relative_gradient_tolerance = 0, .max_iterations = 2'000});
    EXPECT_EQ(report.reason, nabla::StopReason::gradient) << describe(report);
    EXPECT_LE(report.gradient_norm, 1e-10);
    // The Hessian's least eigenvalue is at least the weight.
    EXPECT_LT(largest_difference(x.to_host(), {x_best.begin(), x_best.end()}), 1e-10 / weight) << describe(report);
  };
  minimize(problem.f + ridge, nabla::Method::lbfgs);
  minimize(problem.f + ridge, nabla::Method::newton_cg);
  minimize(ridge + problem.f, nabla::Method::nonlinear_cg);
}

TEST_P(RowSums, AddUpWithOthers) {
  const Executor where = executor();
  const Problem<Logistic> one(where, scattered(300, 40, 4));
  const Problem<Squares> two(where, scattered(200, 40, 4, 9));
  const auto both = one.f + two.f + chained(where, 40);
  const auto x = on(where, numbers(40)), g = room(where, 40), h = room(where, 40);
  double value = one.f.value_and_gradient(where, all(x), all(h));
  value += two.f.value_and_gradient(where, all(x), all(h), true);
  value += chained(where, 40).value_and_gradient(where, all(x), all(h), true);
  EXPECT_EQ(both.value_and_gradient(where, all(x), all(g)), value);
  EXPECT_EQ(g.to_host(), h.to_host());
  EXPECT_EQ(nabla::check_hessian_vector_product(where, both, x, {.directions = 1}).verdict, Verdict::agree);
}

TEST_P(RowSums, FormulasAreLosses) {
  const Executor where = executor();
  const Problem<Logistic> problem(where, scattered(700, 90, 5));
  const auto text = nabla::Formula::parse("w*log1p(exp(-y*t))", {.variables = {"t"}, .data = {"y", "w"}});
  const auto f = row_sum<double>(where, text, 90, SparseRows(problem.starts, problem.columns, problem.values),
                                 {problem.data_there.data(), 700, 2, Layout::point_major});
  const auto x = on(where, numbers(90)), g = room(where, 90);
  const Expected must = expected(problem, x.to_host(), x.to_host());
  EXPECT_NEAR(f.value_and_gradient(where, all(x), all(g)), static_cast<double>(must.value), 1e-10);
  EXPECT_LT(largest_difference(g.to_host(), must.gradient), 1e-12);
}

/// What a call throws.
template <class Error, class Call>
std::string message(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

/// What is said of such rows over ten variables.
std::string refusal(const Executor& where, const std::vector<std::int32_t>& starts,
                    const std::vector<std::int64_t>& columns, std::int64_t values, std::int64_t variables = 10) {
  const auto starts_there = on(where, starts);
  const auto columns_there = on(where, columns);
  const auto values_there = room(where, static_cast<std::size_t>(values));
  return message<nabla::ShapeError>([&] {
    row_sum<double>(where, Squares(), variables, SparseRows(starts_there, columns_there, values_there),
                    {values_there.data(), 1, 2});
  });
}

TEST_P(RowSums, BadRowsAreNamed) {
  const Executor where = executor();
  const auto say = [&](const auto&... given) { return refusal(where, given...); };
  using Starts = std::vector<std::int32_t>;
  using Columns = std::vector<std::int64_t>;
  const Columns some(6, 1);
  EXPECT_EQ(say(Starts{0, 2, 2, 6}, some, 6), "");
  EXPECT_EQ(say(Starts{0, 4, 3, 6}, some, 6), "row sum: row 1 ends at 3 before it begins at 4");
  EXPECT_EQ(say(Starts{0, 4, 4, 2, 1}, some, 6), "row sum: row 2 ends at 2 before it begins at 4");
  EXPECT_EQ(say(Starts{0, -1, 6}, some, 6), "row sum: row 0 ends at -1 before it begins at 0");
  EXPECT_EQ(say(Starts{1, 2, 6}, some, 6), "row sum: row 0 begins at 1, expected 0");
  EXPECT_EQ(say(Starts{0, 2, 5}, some, 6), "row sum: the last row ends at 5, but there are 6 entries");
  EXPECT_EQ(say(Starts{0, 2, 1'000'000}, some, 6), "row sum: the last row ends at 1000000, but there are 6 entries");
  EXPECT_EQ(say(Starts{}, some, 6), "row sum: starts must have one number more than there are rows, found 0");
  EXPECT_EQ(say(Starts{0, 6}, some, 5), "row sum: there are 6 columns and 5 values");
  EXPECT_EQ(say(Starts{0, 1, 1, 2, 6}, Columns{9, 0, 3, 3, 12, -1}, 6),
            "row sum: row 3, entry 2: column 12 of 10 variables");
  EXPECT_EQ(say(Starts{0, 1, 6}, Columns{0, 0, -4, 3, 2, 10}, 6), "row sum: row 1, entry 1: column -4 of 10 variables");
  EXPECT_EQ(say(Starts{0, 1, 6}, some, 6, 1), "row sum: row 0, entry 0: column 1 of 1 variable");
  EXPECT_EQ(say(Starts{0, 6}, some, 6, -2), "row sum: the number of variables must be 0 or more, found -2");
}

TEST_P(RowSums, WrongSizesAreNamed) {
  const Executor where = executor();
  const Problem<Squares> problem(where, scattered(20, 10, 2));
  const auto& f = problem.f;
  const auto x = room(where, 10), other = room(where, 9), values = room(where, 19);
  using nabla::ShapeError;
  const auto say = [](auto call) { return message<ShapeError>(call); };
  EXPECT_EQ(say([&] { f.value(where, all(other)); }), "value: x must have 10 numbers, found 9");
  EXPECT_EQ(say([&] { f.value_and_gradient(where, all(x), all(other)); }),
            "value_and_gradient: the gradient must have 10 numbers, found 9");
  EXPECT_EQ(say([&] { f.value_and_gradient(where, all(x), all(x)); }),
            "value_and_gradient: the gradient overlaps x in memory");
  EXPECT_EQ(say([&] { f.hessian_vector_product(where, all(x), all(other), all(x)); }),
            "hessian_vector_product: v must have 10 numbers, found 9");
  EXPECT_EQ(say([&] { f.hessian_vector_product(where, all(x), all(x), all(values)); }),
            "hessian_vector_product: the product must have 10 numbers, found 19");
  EXPECT_EQ(say([&] { f.hessian_diagonal(where, all(x), all(other)); }),
            "hessian_diagonal: the diagonal must have 10 numbers, found 9");
  EXPECT_EQ(say([&] { f.element_values(where, all(x), all(values)); }),
            "element_values: the values must have 20 numbers, found 19");
  EXPECT_EQ(say([&] { f.value_and_gradient(where, all(x), all(problem.values).first(10)); }),
            "value_and_gradient: the gradient overlaps the rows' values in memory");
  EXPECT_EQ(say([&] {
              row_sum<double>(where, Squares(), 10, SparseRows(problem.starts, problem.columns, problem.values),
                              {x.data(), 5, 2});
            }),
            "element sum: data must have the shape (20, 2), found (5, 2)");
  EXPECT_EQ(say([&] { f + chained(where, 9); }), "element sum: sums over 10 and 9 variables can't be added");
}

class RowSumsOnDevices : public OnCuda {};
INSTANTIATE_TEST_SUITE_P(On, RowSumsOnDevices, only_cuda(), executor_name);

TEST_P(RowSumsOnDevices, MemoryMustBeTheirs) {
  const Executor where = executor(), host = Executor::cpu(1);
  const Problem<Squares> problem(where, scattered(20, 10, 2)), of_host(host, scattered(20, 10, 2));
  const std::vector<double> x(10);
  const auto x_there = room(where, 10);
  const auto say = [](auto call) { return message<nabla::MemorySpaceError>(call); };
  EXPECT_NE(say([&] { problem.f.value(where, x); }).find("value: x is in host memory"), std::string::npos);
  EXPECT_EQ(say([&] { problem.f.value(host, x); }), "value: the sum's rows were prepared for a CUDA executor");
  EXPECT_EQ(say([&] { of_host.f.value(where, all(x_there)); }),
            "value: the sum's rows were prepared for a CPU executor");
  EXPECT_NE(say([&] {
              row_sum<double>(where, Squares(), 10, SparseRows(problem.starts, of_host.columns, problem.values),
                              {x_there.data(), 1, 2});
            }).find("row sum: columns is in host memory"),
            std::string::npos);
}

}  // namespace
