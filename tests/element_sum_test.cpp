// Sums of elements against loops in long double, and checked along differences.

#include "element_cases.hpp"

#include <nabla/check_objective.hpp>

#include <algorithm>
#include <string>

namespace {

using namespace nabla::test;
using nabla::Affine;
using nabla::Array;
using nabla::element_sum;
using nabla::Executor;
using nabla::IndexTable;
using nabla::Layout;
using nabla::Verdict;

class ElementSums : public OnEveryExecutor {};
INSTANTIATE_TEST_SUITE_P(On, ElementSums, every_executor(), executor_name);

/// Value and gradient of the chained Rosenbrock function.
template <class T>
long double rosenbrock(const std::vector<T>& x, std::vector<long double>& gradient) {
  long double value = 0;
  gradient.assign(x.size(), 0);
  for (std::size_t i = 0; i + 1 < x.size(); ++i) {
    const long double a = x[i], valley = x[i + 1] - a * a;
    value += 100 * valley * valley + (1 - a) * (1 - a);
    gradient[i] += -400 * a * valley - 2 * (1 - a);
    gradient[i + 1] += 200 * valley;
  }
  return value;
}

TEST_P(ElementSums, ChainedRosenbrock) {
  const Executor where = executor();
  for (const std::int64_t n : {2, 3, 17, 255, 256, 257, 1000, 32'768, 32'769, 100'003}) {
    const auto f = chained(where, n);
    const std::vector<double> x = numbers(n);
    const auto x_there = on(where, x), g = room(where, x.size());
    std::vector<long double> expected;
    const auto value = static_cast<double>(rosenbrock(x, expected));
    EXPECT_NEAR(f.value_and_gradient(where, all(x_there), all(g)), value, 1e-13 * value);
    EXPECT_NEAR(f.value(where, all(x_there)), value, 1e-13 * value);
    EXPECT_NEAR(f.value_and_gradient(where, all(x_there), {}), value, 1e-13 * value);
    EXPECT_LT(largest_difference(g.to_host(), expected), 1e-13) << n;
  }
}

TEST_P(ElementSums, SinglePrecision) {
  const Executor where = executor();
  const std::int64_t n = 5'003;
  const std::vector<double> wide = numbers(n);
  const std::vector<float> x(wide.begin(), wide.end());
  const auto f = element_sum<float>(where, RosenbrockElement(), n, Affine::chain(n - 1, {0, 1}));
  const auto x_there = on(where, x), g = room<float>(where, x.size());
  std::vector<long double> expected;
  const auto value = static_cast<double>(rosenbrock(x, expected));
  EXPECT_NEAR(f.value_and_gradient(where, all(x_there), all(g)), value, 1e-6 * value);
  EXPECT_LT(largest_difference(g.to_host(), expected), 1e-4);  // 400 a (b - a^2) with a rounding of each
}

TEST_P(ElementSums, AddsToWhatIsThere) {
  const Executor where = executor();
  const std::int64_t n = 4'001;
  const auto f = chained(where, n);
  const std::vector<double> x = numbers(n), before = numbers(n, 8);
  const auto x_there = on(where, x), g = on(where, before);
  f.value_and_gradient(where, all(x_there), all(g), true);
  std::vector<long double> expected;
  rosenbrock(x, expected);
  for (std::size_t i = 0; i < x.size(); ++i) expected[i] += before[i];
  EXPECT_LT(largest_difference(g.to_host(), expected), 1e-13);
}

/// Springs along a chain, with the data that an element finds: record e, or always the first.
void expect_springs(const Executor& where, std::int64_t n, nabla::BatchView<const double> view,
                    const std::vector<double>& data) {
  const std::vector<double> x = numbers(n);
  const auto there = on(where, data), x_there = on(where, x), g = room(where, x.size());
  nabla::BatchView<const double> view_there = view;
  view_there.data = there.data();
  view.data = data.data();
  const auto f = element_sum<double>(where, Spring(), n, Affine::chain(n - 1, {0, 1}), view_there);
  std::vector<long double> expected(x.size(), 0);
  for (std::int64_t e = 0; e + 1 < n; ++e) {
    const std::int64_t record = view.count == 1 ? 0 : e;
    const auto i = static_cast<std::size_t>(e);
    const long double pull = view(record, 0) * (static_cast<long double>(x[i + 1]) - x[i] - view(record, 1));
    expected[i] -= pull;
    expected[i + 1] += pull;
  }
  f.value_and_gradient(where, all(x_there), all(g));
  EXPECT_LT(largest_difference(g.to_host(), expected), 1e-14);
}

TEST_P(ElementSums, SpringsWithData) {
  const std::int64_t n = 70'001;
  expect_springs(executor(), n, {nullptr, n - 1, 2, Layout::point_major}, numbers(2 * (n - 1), 9));
  expect_springs(executor(), n, {nullptr, n - 1, 2, Layout::component_major}, numbers(2 * (n - 1), 9));
  expect_springs(executor(), n, {nullptr, n - 1, 2, 3, 1}, numbers(3 * (n - 1), 9));
  expect_springs(executor(), n, {nullptr, 1, 2, Layout::point_major}, {1.5, 0.25});
}

TEST_P(ElementSums, Grids) {
  const Executor where = executor();
  const std::int64_t width = 301, height = 407;
  const auto f = patches(where, width, height);
  const std::vector<double> x = numbers(width * height);
  const auto x_there = on(where, x), g = room(where, x.size());
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
  EXPECT_NEAR(f.value_and_gradient(where, all(x_there), all(g)), static_cast<double>(value), 1e-9);
  EXPECT_LT(largest_difference(g.to_host(), expected), 1e-14);
}

TEST_P(ElementSums, AgreeWithDifferences) {
  const Executor where = executor();
  const std::int64_t width = at_most(where, 21, 301), height = at_most(where, 17, 407);
  const auto f = patches(where, width, height);
  const auto x = on(where, numbers(width * height));
  EXPECT_EQ(nabla::check_gradient(where, f, x).verdict, Verdict::agree);
  EXPECT_EQ(nabla::check_hessian_vector_product(where, f, x, {.directions = 1}).verdict, Verdict::agree);
}

/// Any grid of cells: the slots' variables are computed as Affine says.
void expect_cells(const Executor& where, std::int64_t variables, const Affine& affine) {
  const auto f = element_sum<double>(where, Cell(), variables, affine);
  const std::vector<double> x = numbers(variables);
  const auto x_there = on(where, x), g = room(where, x.size());
  const auto values = room(where, static_cast<std::size_t>(f.elements()));
  std::vector<long double> expected(x.size(), 0), of_elements;
  long double value = 0;
  for (std::int64_t e2 = 0; e2 < affine.extent[2]; ++e2) {
    for (std::int64_t e1 = 0; e1 < affine.extent[1]; ++e1) {
      for (std::int64_t e0 = 0; e0 < affine.extent[0]; ++e0) {
        const auto at = [&](std::size_t j) {
          return static_cast<std::size_t>(affine.offsets[j] + e0 * affine.stride[0] + e1 * affine.stride[1] +
                                          e2 * affine.stride[2]);
        };
        long double squares = 1;
        for (std::size_t j = 1; j < 4; ++j) {
          squares += (static_cast<long double>(x[at(j)]) - x[at(0)]) * (static_cast<long double>(x[at(j)]) - x[at(0)]);
        }
        const long double size = std::sqrt(squares);
        value += size;
        of_elements.push_back(size);
        for (std::size_t j = 1; j < 4; ++j) {
          expected[at(j)] += (static_cast<long double>(x[at(j)]) - x[at(0)]) / size;
          expected[at(0)] -= (static_cast<long double>(x[at(j)]) - x[at(0)]) / size;
        }
      }
    }
  }
  const auto sum = static_cast<double>(value);
  EXPECT_NEAR(f.value_and_gradient(where, all(x_there), all(g)), sum, 1e-12 * (1 + sum));
  EXPECT_NEAR(f.element_values(where, all(x_there), all(values)), sum, 1e-12 * (1 + sum));
  EXPECT_LT(largest_difference(g.to_host(), expected), 1e-13);
  EXPECT_LT(largest_difference(values.to_host(), of_elements), 1e-14);
}

TEST_P(ElementSums, GridsOfEveryShape) {
  const Executor where = executor();
  const std::int64_t w = 13, h = 11, d = 7;
  expect_cells(where, w * h * d, {{w - 1, h - 1, d - 1}, {1, w, w * h}, {0, 1, w, w * h}});
  expect_cells(where, w * h * d, {{w - 1, h - 1, d - 1}, {1, w, w * h}, {w * h, 1, w + 1, 0}});
  expect_cells(where, w * h * d, {{w - 3, h - 2, 2}, {1, w, 3 * w * h}, {5, 6, 5, 5 + w}});  // the same slot twice
  expect_cells(where, 100, Affine::chain(30, {0, 5, 7, 2}, 3));
  expect_cells(where, 100, Affine::chain(97, {3, 1, 3, 0}));
  expect_cells(where, 50, {{7, 20, 1}, {0, 2, 0}, {0, 1, 5, 9}});  // each seven times
  expect_cells(where, 40, {{5, 6, 4}, {2, 3, 1}, {0, 1, 2, 3}});   // variables reached in several ways
  expect_cells(where, 40, {{1, 20, 1}, {9, 1, 9}, {0, 1, 2, 3}});
  expect_cells(where, 1'000, Affine::chain(1, {999, 0, 500, 1}));
  expect_cells(where, 10, Affine::chain(0, {0, 1, 2, 3}));
}

enum class Order { none, by_points };  // neighbouring elements touch neighbouring variables

template <class Index>
void check_net(const Executor& where, std::int64_t points, std::int64_t springs, Layout layout,
               Order order = Order::none) {
  std::vector<Index> entries(static_cast<std::size_t>(2 * springs));
  const nabla::BatchView<Index> table(entries.data(), springs, 2, layout);
  std::uint64_t state = 7;
  const auto random = [&](std::int64_t most) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<std::int64_t>((state >> 33) % static_cast<std::uint64_t>(most));
  };
  for (std::int64_t e = 0; e < springs; ++e) {
    const bool anywhere = order == Order::none;
    const std::int64_t near = std::min<std::int64_t>(20, points - 1),
                       a = anywhere ? random(points) : e * points / springs,
                       apart = 1 + (anywhere && e % 3 == 0 ? random(points - 1) : random(near));
    table(e, 0) = static_cast<Index>(a);
    table(e, 1) = static_cast<Index>((a + apart) % points);
  }
  const std::int64_t more = 2;  // variables that no block has
  const std::vector<double> x = numbers(3 * points + more), data = numbers(2 * springs, 5);
  const auto entries_there = on(where, entries);
  const std::vector<double> v = numbers(3 * points + more, 11);
  const auto x_there = on(where, x), v_there = on(where, v), data_there = on(where, data), g = room(where, x.size());
  const auto f = element_sum<double>(where, SpaceSpring(), 3 * points + more,
                                     IndexTable<Index>{{entries_there.data(), springs, 2, layout}, 3},
                                     {data_there.data(), springs, 2});
  std::vector<long double> expected(x.size(), 0), product(x.size(), 0), diagonal(x.size(), 0);
  long double value = 0;
  for (std::int64_t e = 0; e < springs; ++e) {
    const auto a = static_cast<std::size_t>(3 * table(e, 0)), b = static_cast<std::size_t>(3 * table(e, 1));
    const long double stiffness = data[static_cast<std::size_t>(e)],
                      length = data[static_cast<std::size_t>(springs + e)];
    long double apart[3], moving[3], squares = 0, along = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      apart[i] = static_cast<long double>(x[a + i]) - x[b + i];
      moving[i] = static_cast<long double>(v[a + i]) - v[b + i];
      squares += apart[i] * apart[i];
      along += apart[i] * moving[i];
    }
    const long double size = std::sqrt(squares), stretch = size - length;
    value += stiffness * stretch * stretch / 2;
    for (std::size_t i = 0; i < 3; ++i) {
      const long double pull = stiffness * stretch * apart[i] / size, bend = length / (size * size * size);
      const long double turn = stiffness * (stretch / size * moving[i] + bend * along * apart[i]);
      const long double curvature = stiffness * (stretch / size + bend * apart[i] * apart[i]);
      expected[a + i] += pull;
      expected[b + i] -= pull;
      product[a + i] += turn;
      product[b + i] -= turn;
      diagonal[a + i] += curvature;
      diagonal[b + i] += curvature;
    }
  }
  EXPECT_NEAR(f.value_and_gradient(where, all(x_there), all(g)), static_cast<double>(value), 1e-10);
  EXPECT_NEAR(f.value(where, all(x_there)), static_cast<double>(value), 1e-10);
  EXPECT_LT(largest_difference(g.to_host(), expected), 1e-13);
  const auto sums = on(where, v);  // added to
  f.value_and_gradient(where, all(x_there), all(sums), true);
  for (std::size_t i = 0; i < v.size(); ++i) expected[i] += v[i];
  EXPECT_LT(largest_difference(sums.to_host(), expected), 1e-13);
  f.hessian_vector_product(where, all(x_there), all(v_there), all(g));
  EXPECT_LT(largest_difference(g.to_host(), product), 1e-11);
  f.hessian_diagonal(where, all(x_there), all(g));
  EXPECT_LT(largest_difference(g.to_host(), diagonal), 1e-11);
  if (where.is_cuda()) return;
  for (const int threads : {1, 2, 7}) {
    const auto again = on(where, v);
    f.value_and_gradient(Executor::cpu(threads), all(x_there), all(again), true);
    EXPECT_EQ(again.to_host(), sums.to_host());
  }
}

TEST_P(ElementSums, SpringsBetweenPointsOfATable) {
  check_net<std::int32_t>(executor(), 10, 100, Layout::point_major);
  check_net<std::int32_t>(executor(), 200, 20'000, Layout::point_major);  // many times as many springs
  check_net<std::int64_t>(executor(), 1'000, 9'000, Layout::component_major, Order::by_points);
  check_net<std::int32_t>(executor(), 30'000, 100'000, Layout::component_major);
  check_net<std::int64_t>(executor(), 12'345, 50'000, Layout::point_major);
  check_net<std::int32_t>(executor(), 30'000, 200'000, Layout::point_major, Order::by_points);
  check_net<std::int64_t>(executor(), 60'000, 70'000, Layout::component_major, Order::by_points);
}

TEST_P(ElementSums, TablesWithTheSameVariableTwice) {
  const Executor where = executor();
  const std::vector<double> x{0.5, -1.25, 2};
  const auto entries = on(where, std::vector<std::int64_t>{1, 1, 0, 2, 2, 2});
  const auto f = element_sum<double>(where, RosenbrockElement(), 3,
                                     IndexTable<std::int64_t>{{entries.data(), 3, 2, Layout::point_major}});
  const auto x_there = on(where, x), g = room(where, 3);
  // phi(a, a) = 100 (a - a^2)^2 + (1 - a)^2
  const auto twice = [](long double a) { return 100 * (a - a * a) * (a - a * a) + (1 - a) * (1 - a); };
  const auto slope = [](long double a) { return 200 * (a - a * a) * (1 - 2 * a) - 2 * (1 - a); };
  const long double valley = 2 - 0.25L, value = twice(-1.25L) + twice(2) + 100 * valley * valley + 0.25L;
  EXPECT_NEAR(f.value_and_gradient(where, all(x_there), all(g)), static_cast<double>(value), 1e-11);
  EXPECT_LT(largest_difference(g.to_host(), {-400 * 0.5L * valley - 1, slope(-1.25L), slope(2) + 200 * valley}), 1e-14);
}

TEST_P(ElementSums, ValuesOfElements) {
  const Executor where = executor();
  const std::int64_t n = 70'000;
  const auto f = chained(where, n);
  const std::vector<double> x = numbers(n);
  const auto x_there = on(where, x), there = room(where, x.size() - 1);
  f.element_values(where, all(x_there), all(there));
  const std::vector<double> values = there.to_host();
  for (std::size_t e = 0; e < values.size(); ++e) {
    const double valley = x[e + 1] - x[e] * x[e];
    ASSERT_NEAR(values[e], 100 * valley * valley + (1 - x[e]) * (1 - x[e]), 1e-12 * (1 + values[e]));
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

TEST_P(ElementSums, ErrorsAreNamedPrecisely) {
  const Executor where = executor();
  const auto make = [&](const auto& connectivity) {
    element_sum<double>(where, RosenbrockElement(), 10, connectivity);
  };
  using nabla::ShapeError;
  EXPECT_EQ(message<ShapeError>([&] {
              make(Affine::chain(10, {0, 1}));
            }),
            "element sum: slot 1 of the last element is variable 10, of 10");
  EXPECT_EQ(message<ShapeError>([&] {
              make(Affine::chain(3, {-1, 1}));
            }),
            "element sum: slot 0 of the first element is variable -1, of 10");
  EXPECT_EQ(message<ShapeError>([&] {
              make(Affine::chain(3, {0, 1, 2}));
            }),
            "element sum: the element has 2 variables, its connectivity 3");
  const auto entries = on(where, std::vector<std::int32_t>{0, 1, 1, 2, 2, 10, 3, -4});
  EXPECT_EQ(message<ShapeError>([&] {
              make(IndexTable<std::int32_t>{{entries.data(), 4, 2, Layout::point_major}});
            }),
            "element sum: entry 1 of element 2 is 10, expected 0 to 9");
  const auto f = chained(where, 10);
  const auto x = room(where, 10), g = room(where, 9);
  EXPECT_EQ(message<ShapeError>([&] { f.value_and_gradient(where, all(x), all(g)); }),
            "value_and_gradient: the gradient must have 10 numbers, found 9");
  EXPECT_EQ(message<ShapeError>([&] { f.value_and_gradient(where, all(x), all(x)); }),
            "value_and_gradient: the gradient overlaps x in memory");
}

class ElementSumsOnDevices : public OnCuda {};
INSTANTIATE_TEST_SUITE_P(On, ElementSumsOnDevices, only_cuda(), executor_name);

TEST_P(ElementSumsOnDevices, MemoryMustBeTheirs) {
  const Executor where = executor(), other = Executor::cpu(1);
  using nabla::MemorySpaceError;
  const auto f = chained(where, 10);
  const std::vector<double> host(10);
  const std::vector<std::int32_t> entries{0, 1, 1, 2};
  const IndexTable<std::int32_t> table{{entries.data(), 2, 2, Layout::point_major}};
  EXPECT_NE(message<MemorySpaceError>([&] { f.value(where, host); }).find("value: x is in host memory"),
            std::string::npos);
  EXPECT_NE(message<MemorySpaceError>([&] {
              element_sum<double>(where, RosenbrockElement(), 10, table);
            }).find("element sum: the table is in host memory"),
            std::string::npos);
  EXPECT_NE(message<MemorySpaceError>([&] {
              element_sum<double>(where, Spring(), 10, Affine::chain(9, {0, 1}), {host.data(), 1, 2});
            }).find("element sum: data is in host memory"),
            std::string::npos);
  const auto of_cpu = element_sum<double>(other, RosenbrockElement(), 10, table);
  const auto x = room(where, 10);
  EXPECT_EQ(message<MemorySpaceError>([&] { of_cpu.value(where, all(x)); }),
            "value: the sum's table was prepared for a CPU executor");
}

TEST_P(ElementSums, ThreadsAndRepetitionChangeNoBit) {
  const Executor where = executor();
  const std::int64_t n = at_most(where, 20'000, 200'000);
  const auto f = chained(where, n);
  const auto x = on(where, numbers(n)), g = room(where, static_cast<std::size_t>(n));
  const double value = f.value_and_gradient(where, all(x), all(g));
  const std::vector<double> gradient = g.to_host();
  for (const int threads : {1, 2, 7}) {
    const Executor again = where.is_cuda() ? Executor::cuda() : Executor::cpu(threads);
    const auto h = room(where, static_cast<std::size_t>(n));
    EXPECT_EQ(f.value_and_gradient(again, all(x), all(h)), value);
    EXPECT_EQ(h.to_host(), gradient);
  }
}

}  // namespace
