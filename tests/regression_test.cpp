// Least squares and logistic regression over sparse and dense rows, against loops in long double, along differences,
// and minimised.

#include <nabla/check_objective.hpp>
#include <nabla/minimize.hpp>
#include <nabla/regression.hpp>

#include "executors.hpp"
#include "row_cases.hpp"

#include <cmath>
#include <limits>
#include <string>

namespace {

using namespace nabla::test;
using nabla::Array;
using nabla::DenseRows;
using nabla::Executor;
using nabla::LeastSquares;
using nabla::LogisticRegression;
using nabla::SparseRows;
using nabla::Verdict;
using Numbers = std::vector<long double>;

template <class T>
std::vector<T> vector_of(std::int64_t n, std::uint64_t seed) {
  const std::vector<double> wide = numbers(n, seed);
  return {wide.begin(), wide.end()};
}

/// Rows on the host, with what was seen with each: a number, a label of 1 or -1, a weight.
template <class T>
struct Data {
  std::int64_t rows, columns;
  std::vector<T> x, y, labels, weights;
  // The same without its zeros:
  std::vector<std::int32_t> starts{0};
  std::vector<std::int64_t> places;
  std::vector<T> entries;

  /// `one_of`: entries that are not 0 are one of so many.
  Data(std::int64_t row_count, std::int64_t column_count, std::int64_t one_of = 1, std::uint64_t seed = 3)
      : rows(row_count), columns(column_count) {
    Random random(seed);
    for (std::int64_t r = 0; r < rows; ++r) {
      for (std::int64_t c = 0; c < columns; ++c) {
        x.push_back(random.below(one_of) == 0 ? static_cast<T>(random.number()) : T(0));
        if (x.back() == 0) continue;
        places.push_back(c);
        entries.push_back(x.back());
      }
      starts.push_back(static_cast<std::int32_t>(places.size()));
      y.push_back(static_cast<T>(3 * random.number()));
      labels.push_back(random.below(2) == 0 ? T(-1) : T(1));
      weights.push_back(r % 5 == 4 ? T(0) : static_cast<T>(1.5 + random.number()));
    }
  }
  long double at(std::int64_t r, std::int64_t c) const { return x[static_cast<std::size_t>(r * columns + c)]; }
};

/// A loss, its slope and its curvature, of a product and what was seen with it.
struct Loss {
  long double value, slope, curvature;
};
Loss squared(long double t, long double y) { return {(t - y) * (t - y) / 2, t - y, 1}; }
Loss logistic(long double t, long double y) {
  const long double margin = y * t, small = std::exp(-std::fabs(margin)), p = (margin > 0 ? small : 1) / (1 + small);
  return {std::fmax(-margin, 0.0L) + std::log1p(small), -y * p, p * (1 - p)};
}

/// What must come out, by loops over all entries.
struct Expected {
  long double value = 0;
  Numbers gradient, product, diagonal;
};
template <class T>
Expected expected(Loss (*loss)(long double, long double), const Data<T>& data, const std::vector<T>& seen,
                  bool is_weighted, long double ridge, const std::vector<T>& w, const std::vector<T>& v) {
  Expected all;
  for (auto* const vector : {&all.gradient, &all.product, &all.diagonal}) vector->assign(w.size(), 0);
  for (std::int64_t r = 0; r < data.rows; ++r) {
    const auto row = static_cast<std::size_t>(r);
    long double t = 0, along = 0;
    for (std::int64_t c = 0; c < data.columns; ++c) {
      t += data.at(r, c) * w[static_cast<std::size_t>(c)];
      along += data.at(r, c) * v[static_cast<std::size_t>(c)];
    }
    const Loss here = loss(t, seen[row]);
    const long double weight = is_weighted ? data.weights[row] : 1;
    all.value += weight * here.value;
    for (std::int64_t c = 0; c < data.columns; ++c) {
      const auto column = static_cast<std::size_t>(c);
      all.gradient[column] += weight * here.slope * data.at(r, c);
      all.product[column] += weight * here.curvature * along * data.at(r, c);
      all.diagonal[column] += weight * here.curvature * data.at(r, c) * data.at(r, c);
    }
  }
  for (std::size_t c = 0; c < w.size(); ++c) {
    all.value += ridge / 2 * w[c] * w[c];
    all.gradient[c] += ridge * w[c];
    all.product[c] += ridge * v[c];
    all.diagonal[c] += ridge;
  }
  return all;
}

template <class T, class F>
void expect_is(const Executor& where, const F& f, const Expected& must, const std::vector<T>& w,
               const std::vector<T>& v, const std::string& what) {
  const double tolerance = (sizeof(T) == 8 ? 1e-13 : 1e-4) * 10;
  const auto w_there = on(where, w), v_there = on(where, v), out = room<T>(where, w.size());
  const auto value = static_cast<double>(must.value);
  ASSERT_EQ(f.variables(), static_cast<std::int64_t>(w.size()));
  EXPECT_NEAR(f.value(where, all(w_there)), value, tolerance * (1 + value)) << what;
  EXPECT_NEAR(f.value_and_gradient(where, all(w_there), all(out)), value, tolerance * (1 + value)) << what;
  EXPECT_LT(largest_difference(out.to_host(), must.gradient), tolerance) << what;
  f.hessian_vector_product(where, all(w_there), all(v_there), all(out));
  EXPECT_LT(largest_difference(out.to_host(), must.product), tolerance) << what;
  f.hessian_diagonal(where, all(w_there), all(out));
  EXPECT_LT(largest_difference(out.to_host(), must.diagonal), tolerance) << what;
}

class Regressions : public OnEveryExecutor {
 protected:
  /// Both models over the same rows, dense and sparse, plain and with weights and a ridge.
  template <class T>
  void expect_loops(std::int64_t rows, std::int64_t columns, std::int64_t one_of = 1) {
    const Executor where = executor();
    const Data<T> data(rows, columns, one_of);
    const auto x = on(where, data.x), y = on(where, data.y), labels = on(where, data.labels),
               weights = on(where, data.weights), entries = on(where, data.entries);
    const auto starts = on(where, data.starts);
    const auto places = on(where, data.places);
    const DenseRows dense(x, rows, columns);
    const SparseRows sparse(starts, places, entries);
    const std::vector<T> w = vector_of<T>(columns, 5), v = vector_of<T>(columns, 6);
    for (const bool is_weighted : {false, true}) {
      const double ridge = is_weighted ? 0.75 : 0;
      const nabla::Regression<T> options{is_weighted ? all(weights) : std::span<const T>(), ridge};
      const std::string what = std::to_string(rows) + " x " + std::to_string(columns) + ", weights " +
                               std::to_string(is_weighted) + ", dense or sparse ";
      const Expected squares = expected(squared, data, data.y, is_weighted, ridge, w, v);
      expect_is(where, LeastSquares<T>(where, dense, all(y), options), squares, w, v, what + "squares");
      expect_is(where, LeastSquares<T>(where, columns, sparse, all(y), options), squares, w, v,
                what + "squares, sparse");
      const Expected odds = expected(logistic, data, data.labels, is_weighted, ridge, w, v);
      expect_is(where, LogisticRegression<T>(where, dense, all(labels), options), odds, w, v, what + "odds");
      expect_is(where, LogisticRegression<T>(where, columns, sparse, all(labels), options), odds, w, v,
                what + "odds, sparse");
    }
  }
};
INSTANTIATE_TEST_SUITE_P(On, Regressions, every_executor(), executor_name);

TEST_P(Regressions, AreWhatLoopsSay) {
  for (const auto& [rows, columns] : std::vector<std::pair<std::int64_t, std::int64_t>>{
           {0, 3}, {1, 1}, {1, 50}, {50, 1}, {3, 2}, {4, 8}, {33, 31}, {700, 9}, {6, 900}, {300, 70}}) {
    expect_loops<double>(rows, columns);
    expect_loops<float>(rows, columns);
  }
  expect_loops<double>(400, 60, 7);
}

TEST_P(Regressions, AgreeWithDifferences) {
  const Executor where = executor();
  const Data<double> data(120, 30);
  const auto x = on(where, data.x), y = on(where, data.y), labels = on(where, data.labels),
             weights = on(where, data.weights);
  const auto w = on(where, numbers(30));
  const auto expect_agreement = [&](const auto& f) {
    EXPECT_EQ(nabla::check_gradient(where, f, w).verdict, Verdict::agree);
    EXPECT_EQ(nabla::check_hessian_vector_product(where, f, w, {.directions = 2}).verdict, Verdict::agree);
  };
  const nabla::Regression<double> options{all(weights), 0.3};
  expect_agreement(LeastSquares<double>(where, DenseRows(x, 120, 30), all(y), options));
  expect_agreement(LogisticRegression<double>(where, DenseRows(x, 120, 30), all(labels), options));
}

/// Of one row it is that of the other label.
TEST_P(Regressions, AWrongGradientIsFound) {
  const Executor where = executor();
  const Data<double> data(120, 30);
  std::vector<double> other = data.labels;
  other[77] = -other[77];
  const auto x = on(where, data.x), labels = on(where, data.labels), other_labels = on(where, other);
  const LogisticRegression<double> f(where, DenseRows(x, 120, 30), all(labels)),
      g(where, DenseRows(x, 120, 30), all(other_labels));
  struct Mixed {
    const LogisticRegression<double>&values, &gradients;
    double value(const Executor& e, std::span<const double> w) const { return values.value(e, w); }
    double value_and_gradient(const Executor& e, std::span<const double> w, std::span<double> gradient) const {
      gradients.value_and_gradient(e, w, gradient);
      return values.value(e, w);
    }
  };
  EXPECT_EQ(nabla::check_gradient(where, Mixed{f, g}, on(where, numbers(30))).verdict, Verdict::disagree);
}

TEST_P(Regressions, NoMarginOverflows) {
  const Executor where = executor();
  const double largest = std::numeric_limits<double>::max(), infinity = std::numeric_limits<double>::infinity();
  for (const double size : {1e4, 1e300, largest, infinity}) {
    // A row for each sign of margin and label; each has a variable of its own.
    const auto x = on(where, std::vector<double>{1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1});
    const auto labels = on(where, std::vector<double>{1, -1, 1, -1});
    const auto w = on(where, std::vector<double>{1e4, -1e4, size == infinity ? -1e4 : -size, 0}), g = room(where, 4),
               v = on(where, std::vector<double>{1, 1, 1, 1});
    const LogisticRegression<double> f(where, DenseRows(x, 4, 4), all(labels));
    const double value = f.value_and_gradient(where, all(w), all(g));
    EXPECT_DOUBLE_EQ(value, (size == infinity ? 1e4 : size) + std::log(2.0));
    EXPECT_EQ(g.to_host(), (std::vector<double>{0, 0, -1, 0.5}));
    f.hessian_vector_product(where, all(w), all(v), all(g));
    EXPECT_EQ(g.to_host(), (std::vector<double>{0, 0, 0, 0.25}));
    if (size != infinity) continue;
    const auto one = on(where, std::vector<double>{1}), label = on(where, std::vector<double>{-1});
    const LogisticRegression<double> single(where, DenseRows(one, 1, 1), all(label));
    const auto slope = room(where, 1);
    EXPECT_EQ(single.value_and_gradient(where, all(on(where, std::vector<double>{-infinity})), all(slope)), 0);
    EXPECT_EQ(single.value_and_gradient(where, all(on(where, std::vector<double>{infinity})), all(slope)), infinity);
    EXPECT_EQ(slope.to_host(), std::vector<double>{1});
  }
  // At 0, where a descent begins, slopes are halves and curvatures quarters: the pieces' corners do not show.
  const Data<float> data(40, 6);
  const auto x = on(where, data.x), labels = on(where, data.labels);
  const std::vector<float> zero(6, 0);
  const LogisticRegression<float> f(where, DenseRows(x, 40, 6), all(labels));
  const std::vector<float> v = vector_of<float>(6, 3);
  expect_is(where, f, expected(logistic, data, data.labels, false, 0, zero, v), zero, v, "at 0");
}

TEST_P(Regressions, LabelsMayBeZeroAndOne) {
  const Executor where = executor();
  const Data<double> data(90, 8);
  std::vector<double> zeros = data.labels;
  for (double& label : zeros) label = label == -1 ? 0 : 1;
  const auto x = on(where, data.x), labels = on(where, data.labels), zero_labels = on(where, zeros);
  const auto w = on(where, numbers(8));
  EXPECT_EQ(LogisticRegression<double>(where, DenseRows(x, 90, 8), all(labels)).value(where, all(w)),
            LogisticRegression<double>(where, DenseRows(x, 90, 8), all(zero_labels)).value(where, all(w)));
}

TEST_P(Regressions, LeastSquaresFindTheModelThatMadeTheData) {
  const Executor where = executor();
  Data<double> data(200, 25, 2);
  const std::vector<double> model = numbers(25, 14);
  for (std::int64_t r = 0; r < data.rows; ++r) {
    long double y = 0;
    for (std::int64_t c = 0; c < 25; ++c) y += data.at(r, c) * model[static_cast<std::size_t>(c)];
    data.y[static_cast<std::size_t>(r)] = static_cast<double>(y);
  }
  const auto x = on(where, data.x), y = on(where, data.y), weights = on(where, data.weights),
             entries = on(where, data.entries);
  const auto starts = on(where, data.starts);
  const auto places = on(where, data.places);
  const auto expect_model = [&](const LeastSquares<double>& f, nabla::Method method) {
    Array<double> w = on(where, std::vector<double>(25, 0));
    const auto report = nabla::minimize(
        where, f, w,
        {.method = method, .gradient_tolerance = 1e-10, .relative_gradient_tolerance = 0, .max_iterations = 3'000});
    EXPECT_TRUE(report.converged()) << describe(report);
    EXPECT_LT(largest_difference(w.to_host(), {model.begin(), model.end()}), 1e-9) << describe(report);
  };
  using enum nabla::Method;
  for (const auto method : {conjugate_gradient, chebyshev, steepest, gradient, nesterov, barzilai_borwein, nonlinear_cg,
                            bfgs, lbfgs, newton_cg}) {
    expect_model(LeastSquares<double>(where, DenseRows(x, 200, 25), all(y)), method);
  }
  expect_model(LeastSquares<double>(where, 25, SparseRows(starts, places, entries), all(y), {.weights = all(weights)}),
               conjugate_gradient);
}

TEST_P(Regressions, LogisticRegressionFindsItsOptimum) {
  const Executor where = executor();
  const Data<double> data(150, 12);
  const auto x = on(where, data.x), labels = on(where, data.labels);
  const LogisticRegression<double> losses(where, DenseRows(x, 150, 12), all(labels));
  // Pulled to where the gradient of all vanishes at `best`.
  const std::vector<double> best = numbers(12, 4);
  const double weight = 0.5;
  const Expected there = expected(logistic, data, data.labels, false, 0, best, best);
  std::vector<double> centres;
  for (std::size_t c = 0; c < 12; ++c) centres.push_back(static_cast<double>(best[c] + there.gradient[c] / weight));
  const auto centres_there = on(where, centres);
  const auto f = losses + nabla::element_sum<double>(where, Ridge{weight}, 12, nabla::Affine::chain(12, {0}),
                                                     {centres_there.data(), 12, 1});
  for (const auto method : {nabla::Method::lbfgs, nabla::Method::newton_cg}) {
    Array<double> w = on(where, std::vector<double>(12, 0));
    const auto report =
        nabla::minimize(where, f, w, {.method = method, .gradient_tolerance = 1e-10, .relative_gradient_tolerance = 0});
    EXPECT_TRUE(report.converged()) << describe(report);
    EXPECT_LT(largest_difference(w.to_host(), {best.begin(), best.end()}), 1e-10 / weight) << describe(report);
  }
}

/// A plane separates them: f falls to 0 without end, and no method may say that it met a minimum.
TEST_P(Regressions, SeparableDataHaveNoMinimum) {
  const Executor where = executor();
  const auto x = on(where, std::vector<double>{1, 2, 3, -1, -2, -3}),
             labels = on(where, std::vector<double>{1, 1, 1, 0, 0, 0});
  const LogisticRegression<double> f(where, DenseRows(x, 6, 1), all(labels));
  for (const auto method : {nabla::Method::lbfgs, nabla::Method::newton_cg, nabla::Method::nonlinear_cg}) {
    Array<double> w = on(where, std::vector<double>(1, 0));
    const auto report = nabla::minimize(
        where, f, w,
        {.method = method, .gradient_tolerance = 0, .relative_gradient_tolerance = 0, .max_iterations = 200});
    EXPECT_FALSE(report.converged()) << describe(report);
    EXPECT_GT(w.to_host()[0], 30);
  }
  const LogisticRegression<double> held(where, DenseRows(x, 6, 1), all(labels), {.ridge = 1});
  Array<double> w = on(where, std::vector<double>(1, 0));
  EXPECT_TRUE(nabla::minimize(where, held, w).converged());
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

TEST_P(Regressions, BadDataAreNamed) {
  const Executor where = executor();
  const auto x = on(where, std::vector<double>(8, 1.0));
  const auto say = [&](std::vector<double> labels, const std::vector<double>& weights = {}, double ridge = 0) {
    const auto there = on(where, labels), weights_there = on(where, weights);
    return message<nabla::Error>([&] {
      LogisticRegression<double>(
          where, DenseRows(x, 4, 2), all(there),
          {.weights = weights.empty() ? std::span<const double>() : all(weights_there), .ridge = ridge});
    });
  };
  const std::string expected_labels = ", expected 1 and -1, or 1 and 0, in all rows";
  EXPECT_EQ(say({1, 1, 1, 1}), "");
  EXPECT_EQ(say({0, 1, 0, 0}), "");
  EXPECT_EQ(say({1, 2, 3, 1}), "logistic regression: the label of row 1 is 2" + expected_labels);
  EXPECT_EQ(say({1, -1, 1, 0}), "logistic regression: the label of row 3 is 0" + expected_labels);
  EXPECT_EQ(say({0, 1, -1, 0}), "logistic regression: the label of row 2 is -1" + expected_labels);
  EXPECT_EQ(say({1, -1, NAN, 1}), "logistic regression: the label of row 2 is nan" + expected_labels);
  EXPECT_EQ(say({1, -1, 1}), "logistic regression: labels must have 4 numbers, found 3");
  EXPECT_EQ(say({1, -1, 1, 1}, {1, 1, 1}), "logistic regression: weights must have 4 numbers, found 3");
  EXPECT_EQ(say({1, -1, 1, 1}, {1, 1, -2, NAN}),
            "logistic regression: the weight of row 2 is -2, expected it finite and 0 or more");
  EXPECT_EQ(say({1, -1, 1, 1}, {1, INFINITY, 1, 1}),
            "logistic regression: the weight of row 1 is inf, expected it finite and 0 or more");
  EXPECT_EQ(say({1, -1, 1, 1}, {}, -1), "logistic regression: ridge must be finite and 0 or more, found -1");
  EXPECT_EQ(say({1, -1, 1, 1}, {}, NAN), "logistic regression: ridge must be finite and 0 or more, found nan");
  EXPECT_EQ(message<nabla::ShapeError>([&] { LeastSquares<double>(where, DenseRows(x, 4, 2), all(x)); }),
            "least squares: y must have 4 numbers, found 8");
  EXPECT_EQ(message<nabla::ShapeError>([&] { LeastSquares<double>(where, DenseRows(x, 4, 3), all(x).first(4)); }),
            "row sum: a dense matrix of 4 x 3 can't have 8 numbers");
}

TEST_P(Regressions, WrongVectorsAreNamed) {
  const Executor where = executor();
  const auto x = on(where, std::vector<double>(12, 1.0));
  const LeastSquares<double> f(where, DenseRows(x, 4, 3), all(x).first(4));
  const auto w = room(where, 4);
  const auto say = [&](auto call) { return message<nabla::ShapeError>(call); };
  const auto three = all(w).first(3);
  EXPECT_EQ(say([&] { f.value(where, all(w)); }), "value: x must have 3 numbers, found 4");
  EXPECT_EQ(say([&] { f.value_and_gradient(where, three, all(w)); }),
            "value_and_gradient: the gradient must have 3 numbers, found 4");
  EXPECT_EQ(say([&] { f.value_and_gradient(where, three, three); }),
            "value_and_gradient: the gradient overlaps x in memory");
  EXPECT_EQ(say([&] { f.value_and_gradient(where, three, all(x).first(3)); }),
            "value_and_gradient: the gradient overlaps the rows' values in memory");
  EXPECT_EQ(say([&] { f.hessian_vector_product(where, three, all(w), three); }),
            "hessian_vector_product: v must have 3 numbers, found 4");
  EXPECT_EQ(say([&] { f.hessian_diagonal(where, three, all(w)); }),
            "hessian_diagonal: the result must have 3 numbers, found 4");
  EXPECT_EQ(message<nabla::Error>([&] { f.hessian_pattern(); }),
            "hessian: dense rows have no sparse one; there are hessian_vector_product and others");
}

TEST_P(Regressions, ThreadsChangeNoBitAndNaNIsData) {
  const Executor where = executor();
  Data<double> data(2'000, 37);
  const auto labels = on(where, data.labels), y = on(where, data.y);
  const auto w = on(where, numbers(37)), g = room(where, 37);
  {
    const auto x = on(where, data.x);
    const LogisticRegression<double> f(where, DenseRows(x, 2'000, 37), all(labels), {.ridge = 0.1});
    const double value = f.value_and_gradient(where, all(w), all(g));
    const auto product = room(where, 37);
    f.hessian_vector_product(where, all(w), all(w), all(product));
    for (const int threads : {1, 2, 5}) {
      const Executor again = where.is_cuda() ? Executor::cuda() : Executor::cpu(threads);
      const auto h = room(where, 37);
      EXPECT_EQ(f.value_and_gradient(again, all(w), all(h)), value);
      again.synchronize();
      EXPECT_EQ(h.to_host(), g.to_host());
      f.hessian_vector_product(again, all(w), all(w), all(h));
      again.synchronize();
      EXPECT_EQ(h.to_host(), product.to_host());
    }
  }
  data.x[37 * 1'111 + 5] = NAN;
  const auto x = on(where, data.x);
  EXPECT_TRUE(std::isnan(LeastSquares<double>(where, DenseRows(x, 2'000, 37), all(y)).value(where, all(w))));
  Array<double> start = on(where, numbers(37));
  const auto report =
      nabla::minimize(where, LogisticRegression<double>(where, DenseRows(x, 2'000, 37), all(labels)), start);
  EXPECT_EQ(report.reason, nabla::StopReason::not_finite) << describe(report);
}

/// Sums keep what they need of a model that is gone.
TEST_P(Regressions, AddUpWithOthers) {
  const Executor where = executor();
  const Data<double> data(70, 10);
  const auto x = on(where, data.x), labels = on(where, data.labels), w = on(where, numbers(10)), g = room(where, 10),
             h = room(where, 10);
  const auto f =
      LogisticRegression<double>(where, DenseRows(x, 70, 10), all(labels), {.ridge = 2}) + chained(where, 10);
  const LogisticRegression<double> one(where, DenseRows(x, 70, 10), all(labels), {.ridge = 2});
  double value = one.value_and_gradient(where, all(w), all(h));
  value += chained(where, 10).value_and_gradient(where, all(w), all(h), true);
  EXPECT_EQ(f.value_and_gradient(where, all(w), all(g)), value);
  EXPECT_EQ(g.to_host(), h.to_host());
}

/// With a ridge, sparse rows have a sparse Hessian too.
TEST_P(Regressions, SparseRowsHaveAHessian) {
  const Executor where = executor();
  const Data<double> data(60, 20, 6);
  const auto entries = on(where, data.entries), labels = on(where, data.labels), w = on(where, numbers(20)),
             diagonal = room(where, 20);
  const auto starts = on(where, data.starts);
  const auto places = on(where, data.places);
  const LogisticRegression<double> f(where, 20, SparseRows(starts, places, entries), all(labels), {.ridge = 0.5});
  const nabla::SparsePattern& pattern = f.hessian_pattern();
  const auto values = room(where, pattern.columns.size());
  f.hessian(where, all(w), all(values));
  f.hessian_diagonal(where, all(w), all(diagonal));
  const std::vector<double> found = values.to_host(), must = diagonal.to_host();
  for (std::size_t r = 0; r < 20; ++r) {
    for (auto e = static_cast<std::size_t>(pattern.starts[r]); e < static_cast<std::size_t>(pattern.starts[r + 1]);
         ++e) {
      if (pattern.columns[e] != static_cast<std::int64_t>(r)) continue;
      EXPECT_NEAR(found[e], must[r], 1e-12);
    }
  }
}

}  // namespace
