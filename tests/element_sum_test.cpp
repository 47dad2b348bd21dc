// Sums of elements against loops in long double, and checked along differences.

#include "executors.hpp"

#include <nabla/check_objective.hpp>
#include <nabla/element_sum.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

namespace {

using nabla::Affine;
using nabla::BatchView;
using nabla::element_sum;
using nabla::Executor;
using nabla::Verdict;

struct RosenbrockElement {
  template <class X>
  constexpr auto operator()(const X& x) const {
    const auto valley = x[1] - x[0] * x[0];
    return 100 * valley * valley + (1 - x[0]) * (1 - x[0]);
  }
};

struct Spring {
  static constexpr int variables = 2, data = 2;
  template <class X, class D>
  constexpr auto operator()(const X& x, const D& d) const {
    const auto stretch = x[1] - x[0] - d[1];
    return 0.5 * d[0] * stretch * stretch;
  }
};

/// Of a grid: a quarter of the squared slope along both axes, and a bend.
struct Patch {
  static constexpr int variables = 3;
  template <class X>
  constexpr auto operator()(const X& x) const {
    using nabla::sqrt;
    const auto along = x[1] - x[0], across = x[2] - x[0];
    return sqrt(1 + along * along + across * across);
  }
};

auto chained(const Executor& where, std::int64_t n) {
  return element_sum<double>(where, RosenbrockElement(), n, Affine::chain(n - 1, {0, 1}));
}
auto patches(const Executor& where, std::int64_t width, std::int64_t height) {
  return element_sum<double>(where, Patch(), width * height,
                             Affine{{width - 1, height - 1, 1}, {1, width, 0}, {0, 1, width}});
}

std::vector<double> numbers(std::int64_t n, std::uint64_t seed = 3) {
  return nabla::Points<double>::uniform(Executor::cpu(1), n, 1, -1.5, 1.5, seed).to_host();
}

double largest_difference(const std::vector<double>& a, const std::vector<long double>& b) {
  double most = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    most = std::fmax(most, std::fabs(static_cast<double>(a[i] - b[i])) / (1 + std::fabs(static_cast<double>(b[i]))));
  }
  return most;
}

class ElementSums : public nabla::test::OnEveryExecutor {};
INSTANTIATE_TEST_SUITE_P(On, ElementSums, testing::Values("cpu1", "cpu3"), nabla::test::executor_name);

TEST_P(ElementSums, ChainedRosenbrock) {
  for (const std::int64_t n : {2, 3, 17, 1000, 32'768, 32'769, 100'003}) {
    const auto f = chained(executor(), n);
    const std::vector<double> x = numbers(n);
    std::vector<double> g(x.size(), -1);
    long double value = 0;
    std::vector<long double> expected(x.size(), 0);
    for (std::size_t i = 0; i + 1 < x.size(); ++i) {
      const long double a = x[i], valley = x[i + 1] - a * a;
      value += 100 * valley * valley + (1 - a) * (1 - a);
      expected[i] += -400 * a * valley - 2 * (1 - a);
      expected[i + 1] += 200 * valley;
    }
    EXPECT_NEAR(f.value_and_gradient(executor(), x, g), static_cast<double>(value), 1e-13 * static_cast<double>(value));
    EXPECT_NEAR(f.value(executor(), x), static_cast<double>(value), 1e-13 * static_cast<double>(value));
    EXPECT_LT(largest_difference(g, expected), 1e-13) << n;
  }
}

TEST_P(ElementSums, SpringsWithData) {
  const std::int64_t n = 70'001;
  const std::vector<double> x = numbers(n), data = numbers(2 * (n - 1), 9);
  const auto f = element_sum<double>(executor(), Spring(), n, Affine::chain(n - 1, {0, 1}),
                                     {data.data(), n - 1, 2, nabla::Layout::point_major});
  std::vector<double> g(x.size());
  std::vector<long double> expected(x.size(), 0);
  for (std::size_t e = 0; e + 1 < x.size(); ++e) {
    const long double pull = data[2 * e] * (static_cast<long double>(x[e + 1]) - x[e] - data[2 * e + 1]);
    expected[e] -= pull;
    expected[e + 1] += pull;
  }
  f.value_and_gradient(executor(), x, g);
  EXPECT_LT(largest_difference(g, expected), 1e-14);
}

TEST_P(ElementSums, Grids) {
  const std::int64_t width = 301, height = 407;
  const auto f = patches(executor(), width, height);
  const std::vector<double> x = numbers(width * height);
  std::vector<double> g(x.size());
  std::vector<long double> expected(x.size(), 0);
  long double value = 0;
  for (std::int64_t j = 0; j + 1 < height; ++j) {
    for (std::int64_t i = 0; i + 1 < width; ++i) {
      const auto at = static_cast<std::size_t>(j * width + i), right = at + 1,
                 below = at + static_cast<std::size_t>(width);
      const long double along = static_cast<long double>(x[right]) - x[at],
                        across = static_cast<long double>(x[below]) - x[at];
      const long double size = std::sqrt(1 + along * along + across * across);
      value += size;
      expected[at] -= (along + across) / size;
      expected[right] += along / size;
      expected[below] += across / size;
    }
  }
  EXPECT_NEAR(f.value_and_gradient(executor(), x, g), static_cast<double>(value), 1e-9);
  EXPECT_LT(largest_difference(g, expected), 1e-14);
  EXPECT_EQ(nabla::check_gradient(executor(), f, x).verdict, Verdict::agree);
  EXPECT_EQ(nabla::check_hessian_vector_product(executor(), f, x, {.directions = 1}).verdict, Verdict::agree);
}

/// Springs between points in space, each of length d[1].
struct SpaceSpring {
  static constexpr int variables = 6, data = 2;
  template <class X, class D>
  constexpr auto operator()(const X& x, const D& d) const {
    using nabla::sqrt;
    typename X::value_type squares = 0;
    for (int i = 0; i < 3; ++i) squares += (x[i] - x[i + 3]) * (x[i] - x[i + 3]);
    const auto stretch = sqrt(squares) - d[1];
    return 0.5 * d[0] * stretch * stretch;
  }
};

template <class Index>
void check_net(const Executor& where, std::int64_t points, std::int64_t springs) {
  std::vector<Index> entries;
  std::uint64_t state = 7;
  const auto random = [&](std::int64_t most) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<std::int64_t>((state >> 33) % static_cast<std::uint64_t>(most));
  };
  for (std::int64_t e = 0; e < springs; ++e) {
    const std::int64_t a = random(points),
                       apart = 1 + (e % 3 == 0 ? random(points - 1) : random(std::min<std::int64_t>(20, points - 1)));
    entries.push_back(static_cast<Index>(a));
    entries.push_back(static_cast<Index>((a + apart) % points));
  }
  const std::vector<double> x = numbers(3 * points), data = numbers(2 * springs, 5);
  const auto f = element_sum<double>(
      where, SpaceSpring(), 3 * points,
      nabla::IndexTable<Index>{{entries.data(), springs, 2, nabla::Layout::point_major}, 3}, {data.data(), springs, 2});
  std::vector<double> g(x.size());
  std::vector<long double> expected(x.size(), 0);
  long double value = 0;
  for (std::size_t e = 0; e < static_cast<std::size_t>(springs); ++e) {
    const auto a = static_cast<std::size_t>(3 * entries[2 * e]), b = static_cast<std::size_t>(3 * entries[2 * e + 1]);
    const long double stiffness = data[e], length = data[static_cast<std::size_t>(springs) + e];
    long double squares = 0;
    for (std::size_t i = 0; i < 3; ++i)
      squares += (static_cast<long double>(x[a + i]) - x[b + i]) * (static_cast<long double>(x[a + i]) - x[b + i]);
    const long double size = std::sqrt(squares), stretch = size - length;
    value += stiffness * stretch * stretch / 2;
    for (std::size_t i = 0; i < 3; ++i) {
      const long double pull = stiffness * stretch * (static_cast<long double>(x[a + i]) - x[b + i]) / size;
      expected[a + i] += pull;
      expected[b + i] -= pull;
    }
  }
  EXPECT_NEAR(f.value_and_gradient(where, x, g), static_cast<double>(value), 1e-10);
  EXPECT_LT(largest_difference(g, expected), 1e-13);
}

TEST_P(ElementSums, SpringsBetweenPointsOfATable) {
  check_net<std::int32_t>(executor(), 10, 100);
  check_net<std::int32_t>(executor(), 30'000, 100'000);
  check_net<std::int64_t>(executor(), 12'345, 50'000);
}

/// H v from the sparse Hessian, its diagonal, and from hessian_vector_product.
template <class Sum>
void expect_one_hessian(const Executor& where, const Sum& f, const std::vector<double>& x) {
  const auto& pattern = f.hessian_pattern();
  ASSERT_EQ(pattern.starts.size(), x.size() + 1);
  std::vector<double> values(pattern.columns.size()), diagonal(x.size()), product(x.size());
  f.hessian(where, x, values);
  f.hessian_diagonal(where, x, diagonal);
  const std::vector<double> v = numbers(static_cast<std::int64_t>(x.size()), 77);
  f.hessian_vector_product(where, x, v, product);
  for (std::size_t row = 0; row < x.size(); ++row) {
    double sum = 0, size = 0;
    for (auto k = static_cast<std::size_t>(pattern.starts[row]); k < static_cast<std::size_t>(pattern.starts[row + 1]);
         ++k) {
      const auto column = static_cast<std::size_t>(pattern.columns[k]);
      sum += values[k] * v[column];
      size += std::fabs(values[k] * v[column]);
      if (column == row) {
        EXPECT_NEAR(values[k], diagonal[row], 1e-13 * std::fabs(values[k]));
      }
      const auto begin = pattern.columns.begin() + pattern.starts[column],
                 end = pattern.columns.begin() + pattern.starts[column + 1];
      const auto mirrored = std::lower_bound(begin, end, static_cast<std::int64_t>(row));
      ASSERT_TRUE(mirrored != end && *mirrored == static_cast<std::int64_t>(row));
      EXPECT_NEAR(values[static_cast<std::size_t>(mirrored - pattern.columns.begin())], values[k],
                  1e-14 * std::fabs(values[k]));
    }
    ASSERT_NEAR(product[row], sum, 1e-12 * (1 + size)) << row;
  }
}

TEST_P(ElementSums, Hessians) {
  for (const std::int64_t n : {3, 1'000, 40'000}) {
    expect_one_hessian(executor(), chained(executor(), n), numbers(n));
  }
  const std::int64_t width = 201, height = 207;
  expect_one_hessian(executor(), patches(executor(), width, height), numbers(width * height));
  std::vector<std::int32_t> entries;
  for (std::int32_t e = 0; e < 3'000; ++e) {
    entries.push_back(e * 7 % 1'000);
    entries.push_back(e % 5 == 0 ? e * 7 % 1'000 : e * 13 % 1'000);  // some with the same variable twice
  }
  expect_one_hessian(
      executor(),
      element_sum<double>(executor(), RosenbrockElement(), 1'000,
                          nabla::IndexTable<std::int32_t>{{entries.data(), 3'000, 2, nabla::Layout::point_major}}),
      numbers(1'000));
}

TEST_P(ElementSums, ValuesOfElements) {
  const std::int64_t n = 70'000;
  const auto f = chained(executor(), n);
  const std::vector<double> x = numbers(n);
  std::vector<double> values(x.size() - 1, -1);
  f.element_values(executor(), x, values);
  for (std::size_t e = 0; e < values.size(); ++e) {
    const double valley = x[e + 1] - x[e] * x[e];
    ASSERT_NEAR(values[e], 100 * valley * valley + (1 - x[e]) * (1 - x[e]), 1e-12 * (1 + values[e]));
  }
}

/// Of a curve a exp(b t), at one sample (t, y).
struct Residual {
  static constexpr int variables = 2, data = 2;
  template <class X, class D>
  constexpr auto operator()(const X& x, const D& d) const {
    using nabla::exp;
    const auto residual = x[0] * exp(x[1] * d[0]) - d[1];
    return 0.5 * residual * residual;
  }
};

/// Value, gradient, Hessian of the sum of squares over all samples.
struct Fit {
  long double value = 0, gradient[2] = {}, hessian[2][2] = {};
};
Fit fit(const std::vector<double>& samples, long double a, long double b) {
  Fit all;
  for (std::size_t e = 0; 2 * e < samples.size(); ++e) {
    const long double t = samples[2 * e], y = samples[2 * e + 1], growth = std::exp(b * t);
    const long double residual = a * growth - y, slope[2] = {growth, a * t * growth};
    const long double bend[2][2] = {{0, t * growth}, {t * growth, a * t * t * growth}};
    all.value += residual * residual / 2;
    for (int i = 0; i < 2; ++i) {
      all.gradient[i] += residual * slope[i];
      for (int j = 0; j < 2; ++j) all.hessian[i][j] += slope[i] * slope[j] + residual * bend[i][j];
    }
  }
  return all;
}

TEST_P(ElementSums, ParametersSharedByAllElements) {
  for (const std::int64_t samples : {1, 100, 5'000, 300'000}) {
    const std::vector<double> data = numbers(2 * samples), x{0.7, -0.4}, v{0.3, 0.9};
    const auto f = element_sum<double>(executor(), Residual(), 2, Affine{{samples, 1, 1}, {0, 0, 0}, {0, 1}},
                                       {data.data(), samples, 2, nabla::Layout::point_major});
    const Fit expected = fit(data, x[0], x[1]);
    const auto near = [&](double found, long double wanted) {
      EXPECT_NEAR(found, static_cast<double>(wanted), 1e-13 * static_cast<double>(samples)) << samples;
    };
    std::vector<double> g(2), product(2), diagonal(2), hessian(4), values(static_cast<std::size_t>(samples));
    near(f.value(executor(), x), expected.value);
    near(f.value_and_gradient(executor(), x, g), expected.value);
    near(f.element_values(executor(), x, values), expected.value);
    near(values[0], fit({data[0], data[1]}, x[0], x[1]).value);
    f.hessian_vector_product(executor(), x, v, product);
    f.hessian_diagonal(executor(), x, diagonal);
    EXPECT_EQ(f.hessian_pattern().columns, (std::vector<std::int64_t>{0, 1, 0, 1}));
    f.hessian(executor(), x, hessian);
    for (std::size_t i = 0; i < 2; ++i) {
      near(g[i], expected.gradient[i]);
      near(product[i], expected.hessian[i][0] * v[0] + expected.hessian[i][1] * v[1]);
      near(diagonal[i], expected.hessian[i][i]);
      for (std::size_t j = 0; j < 2; ++j) near(hessian[2 * i + j], expected.hessian[i][j]);
    }
  }
}

TEST_P(ElementSums, OneRecordForAllElements) {
  const std::int64_t n = 50'000;
  const std::vector<double> x = numbers(n), one{2.5, 0.125};
  std::vector<double> all;
  for (std::int64_t e = 0; e < n - 1; ++e) all.insert(all.end(), one.begin(), one.end());
  std::vector<double> g(x.size()), h(x.size());
  const auto sum_over = [&](const std::vector<double>& data, std::vector<double>& gradient) {
    return element_sum<double>(executor(), Spring(), n, Affine::chain(n - 1, {0, 1}),
                               {data.data(), static_cast<std::int64_t>(data.size()) / 2, 2, nabla::Layout::point_major})
        .value_and_gradient(executor(), x, gradient);
  };
  EXPECT_EQ(sum_over(one, g), sum_over(all, h));
  EXPECT_EQ(g, h);
}

/// Pulls a variable to where it rests.
struct Weight {
  template <class X>
  constexpr auto operator()(const X& x) const {
    return 0.5 * (x[0] - 0.25) * (x[0] - 0.25) * x[0];
  }
};

TEST_P(ElementSums, SeveralKinds) {
  const std::int64_t n = 60'001;
  std::vector<std::int32_t> entries;  // far apart: other entries of the Hessian than the chain's
  for (std::int32_t e = 0; e < 20'000; ++e) entries.insert(entries.end(), {e, 60'000 - e});
  const auto chain = chained(executor(), n);
  const auto weights = element_sum<double>(executor(), Weight(), n, Affine::chain(n / 2, {1}, 2));
  const auto pairs =
      element_sum<double>(executor(), RosenbrockElement(), n,
                          nabla::IndexTable<std::int32_t>{{entries.data(), 20'000, 2, nabla::Layout::point_major}});
  const auto all = chain + weights + pairs;
  const std::vector<double> x = numbers(n);
  std::vector<double> g(x.size()), part(x.size()), expected(x.size(), 0);
  double value = 0;
  const auto add = [&](const auto& sum) {
    value += sum.value_and_gradient(executor(), x, part);
    for (std::size_t i = 0; i < part.size(); ++i) expected[i] += part[i];
  };
  add(chain);
  add(weights);
  add(pairs);
  EXPECT_EQ(all.value_and_gradient(executor(), x, g), value);
  EXPECT_EQ(all.value(executor(), x),
            chain.value(executor(), x) + weights.value(executor(), x) + pairs.value(executor(), x));
  for (std::size_t i = 0; i < g.size(); ++i) ASSERT_NEAR(g[i], expected[i], 1e-12 * (1 + std::fabs(expected[i]))) << i;
  expect_one_hessian(executor(), all, x);
  EXPECT_EQ(nabla::check_gradient(executor(), all, x).verdict, Verdict::agree);
  EXPECT_EQ(nabla::check_hessian_vector_product(executor(), all, x, {.directions = 1}).verdict, Verdict::agree);
}

TEST(ElementSumErrors, NamedPrecisely) {
  const auto message = [](auto call) -> std::string {
    try {
      call();
    } catch (const nabla::ShapeError& error) {
      return error.what();
    }
    return "";
  };
  const auto make = [](const auto& connectivity) {
    element_sum<double>(Executor::cpu(1), RosenbrockElement(), 10, connectivity);
  };
  EXPECT_EQ(message([&] {
              make(Affine::chain(10, {0, 1}));
            }),
            "element sum: slot 1 of the last element is variable 10, of 10");
  EXPECT_EQ(message([&] {
              make(Affine::chain(3, {-1, 1}));
            }),
            "element sum: slot 0 of the first element is variable -1, of 10");
  EXPECT_EQ(message([&] {
              make(Affine::chain(3, {0, 1, 2}));
            }),
            "element sum: the element has 2 variables, its connectivity 3");
  const std::vector<std::int32_t> entries{0, 1, 1, 2, 2, 10, 3, -4};
  EXPECT_EQ(message([&] {
              make(nabla::IndexTable<std::int32_t>{{entries.data(), 4, 2, nabla::Layout::point_major}});
            }),
            "element sum: entry 1 of element 2 is 10, expected 0 to 9");
  EXPECT_EQ(message([&] {
              make(Affine{{5, -1, 1}, {1, 1, 0}, {0, 1}});
            }),
            "element sum: extents and strides must be 0 or more, found -1 and 1");
  constexpr std::int64_t huge = std::int64_t{1} << 40;
  EXPECT_EQ(message([&] {
              make(Affine{{huge, huge, 1}, {0, 0, 0}, {0, 1}});
            }),
            "element sum: more than 2^63 elements or variables");
}

TEST(ElementSumErrors, WrongShapes) {
  const auto message = [](auto call) -> std::string {
    try {
      call();
    } catch (const nabla::ShapeError& error) {
      return error.what();
    }
    return "";
  };
  const Executor where = Executor::cpu(1);
  const auto f = chained(where, 10);
  std::vector<double> x(10, 1.0), short_one(9), g(10);
  EXPECT_EQ(message([&] { f.value(where, short_one); }), "value: x must have 10 numbers, found 9");
  EXPECT_EQ(message([&] { f.value_and_gradient(where, x, short_one); }),
            "value_and_gradient: the gradient must have 10 numbers, found 9");
  EXPECT_EQ(message([&] { f.value_and_gradient(where, x, x); }),
            "value_and_gradient: the gradient overlaps x in memory");
  EXPECT_EQ(message([&] { f.hessian_vector_product(where, x, short_one, g); }),
            "hessian_vector_product: v must have 10 numbers, found 9");
  EXPECT_EQ(message([&] { f.element_values(where, x, g); }),
            "element_values: the values must have 9 numbers, found 10");
  EXPECT_EQ(message([&] { f.hessian(where, x, g); }), "hessian: the Hessian must have 28 numbers, found 10");
  const auto springs = [&](std::int64_t count, std::int64_t columns) {
    element_sum<double>(where, Spring(), 10, Affine::chain(9, {0, 1}), {g.data(), count, columns});
  };
  EXPECT_EQ(message([&] { springs(5, 2); }), "element sum: data must have the shape (9, 2), found (5, 2)");
  EXPECT_EQ(message([&] { springs(9, 3); }), "element sum: data must have the shape (9, 2), found (9, 3)");
  EXPECT_EQ(message([&] { (void)(f + chained(where, 11)); }),
            "element sum: sums over 10 and 11 variables can't be added");
}

TEST_P(ElementSums, ThreadsChangeNoBit) {
  const std::int64_t n = 200'000;
  const auto f = chained(executor(), n);
  const std::vector<double> x = numbers(n);
  std::vector<double> g(x.size()), h(x.size());
  const double value = f.value_and_gradient(executor(), x, g);
  for (const int threads : {1, 2, 7}) {
    EXPECT_EQ(f.value_and_gradient(Executor::cpu(threads), x, h), value);
    EXPECT_EQ(g, h);
  }
}

}  // namespace
