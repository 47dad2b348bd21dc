// Second derivatives of sums of elements: sparse Hessians, diagonals and products against each other and against
// closed forms; sums whose elements share their variables; sums of several kinds.

#include "element_cases.hpp"

#include <nabla/check_objective.hpp>

#include <algorithm>

namespace {

using namespace nabla::test;
using nabla::Affine;
using nabla::Array;
using nabla::element_sum;
using nabla::Executor;
using nabla::IndexTable;
using nabla::Layout;

class ElementHessians : public OnEveryExecutor {};
INSTANTIATE_TEST_SUITE_P(On, ElementHessians, every_executor(), executor_name);

/// What a sum says of its Hessian at x: entries, diagonal, and the product with v.
struct Seconds {
  std::vector<double> values, diagonal, product;
};
template <class Sum>
Seconds seconds_of(const Executor& where, const Sum& f, const std::vector<double>& x, const std::vector<double>& v) {
  const auto x_there = on(where, x), v_there = on(where, v);
  const auto values = room(where, f.hessian_pattern().columns.size()), diagonal = room(where, x.size()),
             product = room(where, x.size());
  f.hessian(where, all(x_there), all(values));
  f.hessian_diagonal(where, all(x_there), all(diagonal));
  f.hessian_vector_product(where, all(x_there), all(v_there), all(product));
  return {values.to_host(), diagonal.to_host(), product.to_host()};
}

/// The three agree. `twice`: elements have variables twice, and rounding then depends on the order of slots.
template <class Sum>
void expect_one_hessian(const Executor& where, const Sum& f, const std::vector<double>& x, bool twice = false) {
  const auto& pattern = f.hessian_pattern();
  ASSERT_EQ(pattern.starts.size(), x.size() + 1);
  const std::vector<double> v = numbers(static_cast<std::int64_t>(x.size()), 77);
  const auto [values, diagonal, product] = seconds_of(where, f, x, v);
  for (std::size_t row = 0; row < x.size(); ++row) {
    double sum = 0, size = 0, on_diagonal = 0, largest = 0;
    for (auto k = static_cast<std::size_t>(pattern.starts[row]); k < static_cast<std::size_t>(pattern.starts[row + 1]);
         ++k) {
      const auto column = static_cast<std::size_t>(pattern.columns[k]);
      sum += values[k] * v[column];
      size += std::fabs(values[k] * v[column]);
      largest = std::fmax(largest, std::fabs(values[k]));
      if (column == row) on_diagonal = values[k];
      const auto begin = pattern.columns.begin() + pattern.starts[column],
                 end = pattern.columns.begin() + pattern.starts[column + 1];
      const auto mirrored = std::lower_bound(begin, end, static_cast<std::int64_t>(row));
      ASSERT_TRUE(mirrored != end && *mirrored == static_cast<std::int64_t>(row));
      const double other = values[static_cast<std::size_t>(mirrored - pattern.columns.begin())];
      if (twice) {
        ASSERT_NEAR(other, values[k], 1e-13 * std::fabs(values[k]));
      } else {
        ASSERT_EQ(other, values[k]) << row << " " << column;
      }
    }
    ASSERT_NEAR(on_diagonal, diagonal[row], 1e-13 * (1 + largest)) << row;
    ASSERT_NEAR(product[row], sum, 1e-12 * (1 + size)) << row;
  }
}

TEST_P(ElementHessians, OfChains) {
  const Executor where = executor();
  for (const std::int64_t n : {std::int64_t{3}, std::int64_t{1'000}, at_most(where, 10'000, 40'000)}) {
    expect_one_hessian(where, chained(where, n), numbers(n));
  }
}

TEST_P(ElementHessians, OfChainsInClosedForm) {
  const Executor where = executor();
  const std::int64_t n = 1'001;
  const std::vector<double> x = numbers(n);
  const auto f = chained(where, n);
  const auto [values, diagonal, product] = seconds_of(where, f, x, x);
  const auto& pattern = f.hessian_pattern();
  std::vector<long double> expected_values, expected_diagonal, expected_product(x.size(), 0);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const bool first = i + 1 < x.size(), second = i > 0;  // whether x_i is the first or second of an element
    const long double a = x[i];
    const long double own = (first ? 1200 * a * a - 400 * x[i + 1] + 2 : 0) + (second ? 200 : 0);
    const long double before = second ? -400 * static_cast<long double>(x[i - 1]) : 0, after = first ? -400 * a : 0;
    if (second) expected_values.push_back(before);
    expected_values.push_back(own);
    if (first) expected_values.push_back(after);
    expected_diagonal.push_back(own);
    expected_product[i] = own * a + (second ? before * x[i - 1] : 0) + (first ? after * x[i + 1] : 0);
  }
  ASSERT_EQ(pattern.columns.size(), expected_values.size());
  EXPECT_LT(largest_difference(values, expected_values), 1e-12);
  EXPECT_LT(largest_difference(diagonal, expected_diagonal), 1e-12);
  EXPECT_LT(largest_difference(product, expected_product), 1e-12);
}

TEST_P(ElementHessians, OfGrids) {
  const Executor where = executor();
  const std::int64_t width = at_most(where, 61, 201), height = at_most(where, 47, 207);
  expect_one_hessian(where, patches(where, width, height), numbers(width * height));
  const auto cells = [&](std::int64_t variables, const Affine& affine, bool twice = false) {
    expect_one_hessian(where, element_sum<double>(where, Cell(), variables, affine), numbers(variables), twice);
  };
  const std::int64_t w = 7, h = 6, d = 5;
  cells(w * h * d, {{w - 1, h - 1, d - 1}, {1, w, w * h}, {0, 1, w, w * h}});
  cells(100, Affine::chain(97, {3, 1, 2, 0}), true);  // three of one pair's terms, in other orders of slots
  cells(60, {{7, 20, 1}, {0, 2, 0}, {0, 1, 5, 9}});
  cells(60, Affine::chain(50, {0, 7, 0, 7}), true);
}

TEST_P(ElementHessians, OfTables) {
  const Executor where = executor();
  std::vector<std::int32_t> entries;
  for (std::int32_t e = 0; e < 3'000; ++e) {
    entries.push_back(e * 7 % 1'000);
    entries.push_back(e % 5 == 0 ? e * 7 % 1'000 : e * 13 % 1'000);  // some with the same variable twice
  }
  const auto there = on(where, entries);
  expect_one_hessian(where,
                     element_sum<double>(where, RosenbrockElement(), 1'000,
                                         IndexTable<std::int32_t>{{there.data(), 3'000, 2, Layout::point_major}}),
                     numbers(1'000));
  std::vector<std::int64_t> wide;
  for (std::int64_t e = 0; e < 500; ++e) {
    wide.push_back(e % 200);
    wide.push_back((e * 11 + 1) % 200);
  }
  const auto data = on(where, std::vector<double>{1.5, 0.25}), record = on(where, std::vector<double>{2, 0.5});
  const auto wide_there = on(where, wide);
  expect_one_hessian(where,
                     element_sum<double>(where, SpaceSpring(), 601,
                                         IndexTable<std::int64_t>{{wide_there.data(), 500, 2, Layout::point_major}, 3},
                                         {data.data(), 1, 2}),
                     numbers(601), true);
  // A block of all of an element's variables.
  expect_one_hessian(where,
                     element_sum<double>(where, SpaceSpring(), 1'206,
                                         IndexTable<std::int64_t>{{wide_there.data(), 50, 1, Layout::point_major}, 6},
                                         {data.data(), 1, 2}),
                     numbers(1'206), true);
}

/// An exponential fitted to data: all elements touch the same two variables.
struct Decay {
  static constexpr int variables = 2, data = 2;
  template <class X, class D>
  constexpr auto operator()(const X& p, const D& d) const {
    using nabla::exp;
    const auto miss = p[0] * exp(-p[1] * d[0]) - d[1];
    return miss * miss;
  }
};

TEST_P(ElementHessians, OfSharedVariables) {
  const Executor where = executor();
  for (const std::int64_t count : {1, 2'047, 2'049, 50'000}) {
    std::vector<double> data;
    for (std::int64_t e = 0; e < count; ++e) {
      data.push_back(static_cast<double>(e % 1'000) / 500);
      data.push_back(1.2 * std::exp(-0.8 * data.back()) + 1e-3 * static_cast<double>(e % 7));
    }
    const auto data_there = on(where, data);
    const std::vector<double> x{9, 0.7, 9, 1.3};  // p[0] is x[3], p[1] is x[1]
    const auto f = element_sum<double>(where, Decay(), 4, Affine{{count, 1, 1}, {0, 0, 0}, {3, 1}},
                                       {data_there.data(), count, 2, Layout::point_major});
    long double value = 0;
    std::vector<long double> g(4, 0), h(4, 0);  // h: of (1, 1), (1, 3), (3, 1), (3, 3)
    for (std::size_t e = 0; e < static_cast<std::size_t>(count); ++e) {
      const long double t = data[2 * e], fall = std::exp(-0.7L * t), miss = 1.3L * fall - data[2 * e + 1];
      const long double by1 = -t * 1.3L * fall, by3 = fall;
      value += miss * miss;
      g[1] += 2 * miss * by1;
      g[3] += 2 * miss * by3;
      h[0] += 2 * by1 * by1 + 2 * miss * t * t * 1.3L * fall;
      h[1] += 2 * by1 * by3 - 2 * miss * t * fall;
      h[3] += 2 * by3 * by3;
    }
    h[2] = h[1];
    const auto x_there = on(where, x), gradient = room(where, 4);
    const auto sum = static_cast<double>(value);
    EXPECT_NEAR(f.value_and_gradient(where, all(x_there), all(gradient)), sum, 1e-12 * (1 + sum));
    EXPECT_NEAR(f.value(where, all(x_there)), sum, 1e-12 * (1 + sum));
    const auto of_elements = room(where, static_cast<std::size_t>(count));
    EXPECT_NEAR(f.element_values(where, all(x_there), all(of_elements)), sum, 1e-12 * (1 + sum));
    EXPECT_LT(largest_difference(gradient.to_host(), g), 1e-12);
    const auto [values, diagonal, product] = seconds_of(where, f, x, {0, 2, 0, -1});
    EXPECT_LT(largest_difference(values, h), 1e-12);
    EXPECT_LT(largest_difference(diagonal, {0, h[0], 0, h[3]}), 1e-12);
    EXPECT_LT(largest_difference(product, {0, 2 * h[0] - h[1], 0, 2 * h[1] - h[3]}), 1e-12);
    f.value_and_gradient(where, all(x_there), all(gradient), true);
    EXPECT_LT(largest_difference(gradient.to_host(), {0, 2 * g[1], 0, 2 * g[3]}), 1e-12);
  }
}

TEST_P(ElementHessians, OfSharedVariablesTwice) {
  const Executor where = executor();
  const auto data = on(where, std::vector<double>{2, 0.5});
  // 3000 / 2 * 2 (x0 - x0 - d)^2: flat; and with 5 slots more than one chunk of second derivatives.
  const auto f = element_sum<double>(where, Spring(), 2, Affine{{3'000, 1, 1}, {0, 0, 0}, {1, 1}}, {data.data(), 1, 2});
  const auto [values, diagonal, product] = seconds_of(where, f, {4, 7}, {1, 1});
  EXPECT_EQ(values, std::vector<double>(1, 0.0));
  EXPECT_EQ(diagonal, std::vector<double>(2, 0.0));
  EXPECT_EQ(product, std::vector<double>(2, 0.0));
}

/// Five variables with all mixed derivatives.
struct Fivefold {
  static constexpr int variables = 5;
  template <class X>
  constexpr auto operator()(const X& x) const {
    return x[0] * x[1] * x[2] * x[3] * x[4];
  }
};

TEST_P(ElementHessians, OfManySharedVariables) {
  const Executor where = executor();
  const std::vector<double> x{1.5, -2, 3, 0.5, -0.25};
  const auto f = element_sum<double>(where, Fivefold(), 5, Affine{{2'500, 1, 1}, {0, 0, 0}, {4, 3, 2, 1, 0}});
  const auto [values, diagonal, product] = seconds_of(where, f, x, {1, 0, 0, 0, 0});
  std::vector<long double> expected;
  const long double all_of_them = 1.5L * -2 * 3 * 0.5L * -0.25L;
  for (std::size_t i = 0; i < 5; ++i) {
    for (std::size_t j = 0; j < 5; ++j) expected.push_back(i == j ? 0 : 2'500 * all_of_them / x[i] / x[j]);
  }
  EXPECT_LT(largest_difference(values, expected), 1e-13);
  EXPECT_EQ(diagonal, std::vector<double>(5, 0.0));
  EXPECT_LT(largest_difference(product, {expected[0], expected[5], expected[10], expected[15], expected[20]}), 1e-13);
}

TEST_P(ElementHessians, OfSeveralKinds) {
  const Executor where = executor();
  const std::int64_t n = 2'000;
  const auto data = on(where, std::vector<double>{2, 0.5});
  const auto both =
      chained(where, n) + element_sum<double>(where, Spring(), n, Affine::chain(n - 5, {0, 5}), {data.data(), 1, 2});
  const std::vector<double> x = numbers(n);
  expect_one_hessian(where, both, x);
  const auto x_there = on(where, x), g = room(where, x.size()), h = room(where, x.size());
  const auto& [first, second] = both.terms();
  const double value = both.value_and_gradient(where, all(x_there), all(g));
  EXPECT_EQ(first.value_and_gradient(where, all(x_there), all(h)) +
                second.value_and_gradient(where, all(x_there), all(h), true),
            value);
  EXPECT_EQ(g.to_host(), h.to_host());
  EXPECT_NEAR(both.value(where, all(x_there)), value, 1e-13 * value);
}

TEST_P(ElementHessians, InPatternsOfOthers) {
  const Executor where = executor();
  const std::int64_t n = 300;
  const auto f = chained(where, n);
  const auto x = on(where, numbers(n));
  const auto own = room(where, f.hessian_pattern().columns.size());
  f.hessian(where, all(x), all(own));
  // A tridiagonal pattern that is written anew into the same memory, with more entries each time.
  for (const std::int64_t reach : {1, 2, 3}) {
    nabla::SparsePattern pattern;
    pattern.starts.push_back(0);
    for (std::int64_t row = 0; row < n; ++row) {
      for (std::int64_t column = std::max<std::int64_t>(0, row - reach); column <= std::min(n - 1, row + reach);
           ++column) {
        pattern.columns.push_back(column);
      }
      pattern.starts.push_back(static_cast<std::int64_t>(pattern.columns.size()));
    }
    const auto there = room(where, pattern.columns.size());
    for (int again = 0; again < 2; ++again) f.hessian(where, all(x), all(there), pattern, again == 1);
    const std::vector<double> values = there.to_host(), expected = own.to_host();
    std::size_t next = 0;
    for (std::int64_t row = 0; row < n; ++row) {
      for (auto k = static_cast<std::size_t>(pattern.starts[static_cast<std::size_t>(row)]);
           k < static_cast<std::size_t>(pattern.starts[static_cast<std::size_t>(row) + 1]); ++k) {
        const bool has = std::abs(pattern.columns[k] - row) <= 1;
        ASSERT_EQ(values[k], has ? 2 * expected[next] : 0.0) << row;
        next += has;
      }
    }
  }
}

/// Rows that have nothing are before ones that have something: what is left out must not go anywhere else.
TEST_P(ElementHessians, InPatternsThatLackEntries) {
  const Executor where = executor();
  const std::int64_t n = 300;
  const auto f = chained(where, n);
  const auto x = on(where, numbers(n));
  const auto diagonal = room(where, static_cast<std::size_t>(n));
  f.hessian_diagonal(where, all(x), all(diagonal));
  nabla::SparsePattern pattern;
  pattern.starts.push_back(0);
  for (std::int64_t row = 0; row < n; ++row) {
    if (row % 3 == 1) pattern.columns.push_back(row);
    pattern.starts.push_back(static_cast<std::int64_t>(pattern.columns.size()));
  }
  const auto there = room(where, pattern.columns.size());
  f.hessian(where, all(x), all(there), pattern);
  const std::vector<double> values = there.to_host(), expected = diagonal.to_host();
  for (std::size_t k = 0; k < values.size(); ++k) {
    const double exact = expected[static_cast<std::size_t>(pattern.columns[k])];
    EXPECT_NEAR(values[k], exact, 1e-13 * (1 + std::fabs(exact)));
  }
}

}  // namespace
