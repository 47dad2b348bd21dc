// Products of dense matrices against loops in long double, at sizes around those that they are cut into.

#include <nabla/quadratic.hpp>

#include "executors.hpp"
#include "symmetric_cases.hpp"

#include <cmath>
#include <limits>
#include <string>

namespace {

using nabla::Array;
using nabla::DenseRows;
using nabla::Executor;
using nabla::SymmetricOperator;
using symmetric_cases::array_of;
using symmetric_cases::long_number;
using symmetric_cases::span_of;

template <class T>
std::vector<T> random_numbers(std::int64_t n, std::uint64_t seed) {
  std::vector<T> made;
  for (std::int64_t i = 0; i < n; ++i) {
    made.push_back(static_cast<T>(long_number(seed * 1'000'003 + static_cast<std::uint64_t>(i))));
  }
  return made;
}

/// A matrix on the host, row after row.
template <class T>
struct Dense {
  std::int64_t rows, columns;
  std::vector<T> numbers;

  T& at(std::int64_t r, std::int64_t c) { return numbers[static_cast<std::size_t>(r * columns + c)]; }
  long double operator()(std::int64_t r, std::int64_t c) const {
    return static_cast<long double>(numbers[static_cast<std::size_t>(r * columns + c)]);
  }
};
template <class T>
Dense<T> random_matrix(std::int64_t rows, std::int64_t columns, std::uint64_t seed = 1) {
  return {rows, columns, random_numbers<T>(rows * columns, seed)};
}
template <class T>
Dense<T> symmetric_matrix(std::int64_t n) {
  Dense<T> a = random_matrix<T>(n, n);
  for (std::int64_t r = 0; r < n; ++r) {
    for (std::int64_t c = 0; c < r; ++c) a.at(r, c) = a.at(c, r);
  }
  return a;
}

/// What a matrix has to do with a vector, and how large the terms were: what their rounding is measured by.
struct Product {
  std::vector<long double> sums, sizes;

  explicit Product(std::int64_t n) : sums(static_cast<std::size_t>(n), 0), sizes(sums) {}
  void add(std::int64_t i, long double term, long double size) {
    sums[static_cast<std::size_t>(i)] += term;
    sizes[static_cast<std::size_t>(i)] += size;
  }
};
template <class T>
Product product_of(const Dense<T>& a, const std::vector<T>& x) {
  Product product(a.rows);
  for (std::int64_t r = 0; r < a.rows; ++r) {
    for (std::int64_t c = 0; c < a.columns; ++c) {
      const long double term = a(r, c) * static_cast<long double>(x[static_cast<std::size_t>(c)]);
      product.add(r, term, std::fabs(term));
    }
  }
  return product;
}
template <class T>
Product normal_product_of(const Dense<T>& a, const std::vector<T>& x) {
  const Product of_rows = product_of(a, x);
  Product product(a.columns);
  for (std::int64_t r = 0; r < a.rows; ++r) {
    const auto row = static_cast<std::size_t>(r);
    for (std::int64_t c = 0; c < a.columns; ++c) {
      product.add(c, a(r, c) * of_rows.sums[row], std::fabs(a(r, c)) * of_rows.sizes[row]);
    }
  }
  return product;
}

template <class T>
void expect_near(const std::vector<T>& found, const Product& expected, const std::string& what) {
  ASSERT_EQ(found.size(), expected.sums.size()) << what;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const long double allowed = 16 * std::numeric_limits<T>::epsilon() * (1 + expected.sizes[i]);
    ASSERT_LE(std::fabs(static_cast<long double>(found[i]) - expected.sums[i]), allowed) << what << ", number " << i;
  }
}

/// Products, products on top of others, and the diagonal.
template <class T>
void expect_is(const Executor& where, const SymmetricOperator<T>& a, const std::vector<T>& x, Product product,
               const Product& diagonal, const std::string& what) {
  const Array<T> in = array_of(where, x);
  const std::vector<T> before = random_numbers<T>(a.size(), 99);
  Array<T> out = array_of(where, before);
  a.multiply(where, {in.data(), x.size()}, span_of(out));
  expect_near(out.to_host(), product, what);
  out.upload(before);
  a.multiply(where, {in.data(), x.size()}, span_of(out), true);
  for (std::int64_t i = 0; i < a.size(); ++i) {
    const auto was = static_cast<long double>(before[static_cast<std::size_t>(i)]);
    product.add(i, was, std::fabs(was));
  }
  expect_near(out.to_host(), product, what + ", added");
  a.diagonal(where, span_of(out));
  expect_near(out.to_host(), diagonal, what + ", diagonal");
}

class DenseOperators : public nabla::test::OnEveryExecutor {
 protected:
  template <class T>
  void expect_symmetric(std::int64_t n) {
    const Executor where = executor();
    const Dense<T> a = symmetric_matrix<T>(n);
    Product diagonal(n);
    for (std::int64_t i = 0; i < n; ++i) diagonal.add(i, a(i, i), 1);
    const Array<T> there = array_of(where, a.numbers);
    const std::vector<T> x = random_numbers<T>(n, 5);
    expect_is(where, nabla::dense_operator<T>(where, DenseRows(there, n, n)), x, product_of(a, x), diagonal,
              "n = " + std::to_string(n));
  }
  template <class T>
  void expect_normal(std::int64_t rows, std::int64_t columns) {
    const Executor where = executor();
    const Dense<T> a = random_matrix<T>(rows, columns);
    Product diagonal(columns);
    for (std::int64_t r = 0; r < rows; ++r) {
      for (std::int64_t c = 0; c < columns; ++c) diagonal.add(c, a(r, c) * a(r, c), a(r, c) * a(r, c));
    }
    const Array<T> there = array_of(where, a.numbers);
    const std::vector<T> x = random_numbers<T>(columns, 5);
    expect_is(where, nabla::normal_operator<T>(where, DenseRows(there, rows, columns)), x, normal_product_of(a, x),
              diagonal, std::to_string(rows) + " x " + std::to_string(columns));
  }
};

TEST_P(DenseOperators, AreWhatTheirNumbersSay) {
  for (const std::int64_t n : {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 65, 100, 255, 257, 530}) {
    expect_symmetric<double>(n);
    expect_symmetric<float>(n);
  }
  if (!executor().is_cuda()) expect_symmetric<double>(2'051);  // of all its parts
}

TEST_P(DenseOperators, AreSquaresOfMatricesOfEveryShape) {
  const std::pair<std::int64_t, std::int64_t> shapes[] = {{0, 3},   {1, 1},     {1, 40},     {40, 1},     {2, 2},
                                                          {3, 5},   {5, 3},     {31, 33},    {33, 31},    {700, 9},
                                                          {9, 700}, {257, 129}, {1'300, 65}, {65, 2'050}, {5, 5'000}};
  for (const auto& [rows, columns] : shapes) {
    expect_normal<double>(rows, columns);
    expect_normal<float>(rows, columns);
  }
  expect_normal<double>(3, 17'000);  // read twice
  expect_normal<float>(3, 33'000);
}

TEST_P(DenseOperators, NaNIsData) {
  const Executor where = executor();
  Dense<double> a = symmetric_matrix<double>(40);
  a.at(7, 30) = NAN;
  a.at(30, 7) = -NAN;
  const Array<double> there = array_of(where, a.numbers), x = array_of(where, random_numbers<double>(40, 5));
  Array<double> y = array_of(where, random_numbers<double>(40, 6));
  nabla::dense_operator<double>(where, DenseRows(there, 40, 40)).multiply(where, {x.data(), 40}, span_of(y));
  const std::vector<double> found = y.to_host();
  for (std::size_t i = 0; i < 40; ++i) EXPECT_EQ(std::isnan(found[i]), i == 7 || i == 30) << i;
}

TEST_P(DenseOperators, SayHowTheyAreStored) {
  const Executor where = executor();
  const Dense<float> a = symmetric_matrix<float>(6);
  const Array<float> there = array_of(where, a.numbers);
  const auto dense = nabla::dense_operator<float>(where, DenseRows(there, 6, 6));
  EXPECT_EQ(dense.format(), where.is_cuda() ? "dense, 32-bit numbers" : "dense, 32-bit numbers, of one triangle");
  EXPECT_EQ(dense.bytes(), where.is_cuda() ? 4 * 36 : 4 * 21);
  EXPECT_EQ(dense.nonzeros(), 36);
  const auto normal = nabla::normal_operator<float>(where, DenseRows(there, 9, 4));
  EXPECT_EQ(normal.format(), "X^T X of 9 dense rows of 32-bit numbers");
  EXPECT_EQ(normal.bytes(), where.is_cuda() ? 2 * 4 * 36 : 4 * 36);
}

TEST_P(DenseOperators, AreThoseOfQuadratics) {
  const Executor where = executor();
  const std::int64_t n = 90;
  Dense<double> a = symmetric_matrix<double>(n);
  for (std::int64_t i = 0; i < n; ++i) a.at(i, i) += 80;
  const std::vector<double> best = random_numbers<double>(n, 8);
  std::vector<double> b;
  for (const long double sum : product_of(a, best).sums) b.push_back(static_cast<double>(sum));
  const Array<double> there = array_of(where, a.numbers), b_there = array_of(where, b);
  const nabla::Quadratic<double> f(where, nabla::dense_operator<double>(where, DenseRows(there, n, n)),
                                   {b_there.data(), b.size()});
  for (const auto preconditioner : {nabla::Preconditioner::none, nabla::Preconditioner::jacobi}) {
    Array<double> x = array_of(where, std::vector<double>(b.size(), 0));
    const auto report = nabla::minimize(where, f, x,
                                        {.method = nabla::Method::conjugate_gradient,
                                         .preconditioner = preconditioner,
                                         .gradient_tolerance = 1e-11,
                                         .relative_gradient_tolerance = 0});
    EXPECT_TRUE(report.converged()) << describe(report);
    const std::vector<double> found = x.to_host();
    for (std::size_t i = 0; i < best.size(); ++i) EXPECT_NEAR(found[i], best[i], 1e-11);
  }
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

TEST_P(DenseOperators, RefuseWhatTheyCannotBe) {
  using nabla::ShapeError;
  const Executor where = executor();
  const auto refusal = [&](const Dense<double>& a) {
    const Array<double> there = array_of(where, a.numbers);
    return message<ShapeError>([&] { nabla::dense_operator<double>(where, DenseRows(there, a.rows, a.columns)); });
  };
  Dense<double> a = symmetric_matrix<double>(200);
  EXPECT_EQ(refusal(a), "");
  a.at(150, 149) = a.at(149, 150) * (1 + 4e-16);
  EXPECT_EQ(refusal(a), "");
  a.at(149, 150) = 0.5;
  a.at(150, 149) = 0.25;
  EXPECT_EQ(refusal(a), "dense operator: it is not symmetric: entry (149, 150) is 0.5, and (150, 149) 0.25");
  a.at(199, 70) = 3;
  a.at(70, 199) = 2;
  a.at(190, 69) = 8;
  a.at(69, 190) = NAN;
  a.at(100, 80) = 1;
  EXPECT_EQ(refusal(a), "dense operator: it is not symmetric: entry (69, 190) is nan, and (190, 69) 8");
  EXPECT_EQ(refusal(random_matrix<double>(2, 3)),
            "dense operator: it must have as many rows as columns, and one or more; found 2 x 3");
  EXPECT_EQ(refusal({0, 0, {}}), "dense operator: it must have as many rows as columns, and one or more; found 0 x 0");
  EXPECT_EQ(refusal({3, 3, std::vector<double>(8)}), "dense operator: a dense matrix of 3 x 3 can't have 8 numbers");
  const Array<double> six = array_of(where, std::vector<double>(6));
  EXPECT_EQ(message<ShapeError>([&] { nabla::normal_operator<double>(where, DenseRows(six, -2, -3)); }),
            "row sum: a dense matrix can't be -2 x -3");
  const auto fine = nabla::normal_operator<double>(where, DenseRows(six, 2, 3));
  Array<double> x = array_of(where, std::vector<double>(5));
  EXPECT_EQ(message<ShapeError>([&] { fine.multiply(where, span_of(x).first(2), span_of(x).first(3)); }),
            "multiply: x must have 3 numbers, found 2");
  EXPECT_EQ(message<ShapeError>([&] { fine.multiply(where, span_of(x).first(3), span_of(x).last(3)); }),
            "multiply: y overlaps x in memory");
}

TEST_P(DenseOperators, GiveTheSameBitsForAnyNumberOfThreads) {
  if (executor().is_cuda()) return;
  const Dense<double> a = symmetric_matrix<double>(1'003);
  const std::vector<double> x = random_numbers<double>(1'003, 5);
  std::vector<std::vector<double>> found;
  for (const int threads : {1, 2, 5}) {
    const Executor where = Executor::cpu(threads);
    std::vector<double> y(x.size()), z(x.size()), narrow(59);
    nabla::dense_operator<double>(where, DenseRows(a.numbers, 1'003, 1'003)).multiply(where, x, y);
    nabla::normal_operator<double>(where, DenseRows(a.numbers, 1'003, 1'003)).multiply(where, x, z);
    nabla::normal_operator<double>(where, DenseRows(a.numbers, 17'051, 59))
        .multiply(where, std::span(x).first(59), narrow);
    y.insert(y.end(), z.begin(), z.end());
    y.insert(y.end(), narrow.begin(), narrow.end());
    found.push_back(y);
  }
  EXPECT_EQ(found[0], found[1]);
  EXPECT_EQ(found[0], found[2]);
}

INSTANTIATE_TEST_SUITE_P(On, DenseOperators, nabla::test::every_executor(), nabla::test::executor_name);

}  // namespace
