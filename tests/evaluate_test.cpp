// Values and gradients on every executor, against closed forms that share no code with the library: layouts, strides,
// sizes around every boundary, both precisions, and the memory around the outputs. derivatives_test has the other
// operations.

#include "executors.hpp"
#include "oracles.hpp"

#include <nabla/evaluate.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <random>
#include <vector>

namespace {

using namespace nabla::test;
using nabla::BatchView;
using nabla::Executor;
using nabla::Layout;
using nabla::Points;

class Evaluate : public OnEveryExecutor {};
INSTANTIATE_TEST_SUITE_P(On, Evaluate, every_executor(), executor_name);

template <class T>
void expect_gradients(const Executor& where, std::int64_t count, std::int64_t n, Layout layout) {
  const auto points = Points<T>::uniform(where, count, n, -2, 2, 11, layout);
  const HostBatch<T> x(points);
  const auto result = nabla::value_and_gradient(where, Chain(), points);
  EXPECT_EQ(result.gradient.layout(), layout);
  const HostBatch<T> value(result.value), gradient(result.gradient);
  const HostBatch<T> alone(nabla::value(where, Chain(), points).value);
  for (std::int64_t p = 0; p < count; ++p) {
    const Oracle expected = chain(x.item(p));
    ASSERT_NEAR(static_cast<double>(expected.value), value(p), tolerance<T>(chain_scale))
        << "n " << n << " point " << p;
    ASSERT_EQ(value(p), alone(p)) << "values alone differ from values with a gradient at point " << p;
    for (std::int64_t i = 0; i < n; ++i) {
      ASSERT_NEAR(static_cast<double>(expected.gradient[static_cast<std::size_t>(i)]), gradient(p, i),
                  tolerance<T>(chain_scale))
          << "n " << n << " point " << p << " component " << i;
    }
  }
}

TEST_P(Evaluate, GradientsAtEverySizeAroundABoundary) {
  const Executor where = executor();
  for (const std::int64_t count : {1, 2, 7, 15, 16, 17, 31, 32, 33, 127, 128, 129, 255, 256, 257, 1023, 1025}) {
    expect_gradients<double>(where, count, 2, Layout::component_major);
    expect_gradients<double>(where, count, 3, Layout::point_major);
    expect_gradients<float>(where, count, 2, Layout::point_major);
    expect_gradients<float>(where, count, 3, Layout::component_major);
  }
  const std::int64_t large = where.is_cuda() ? 4'500 : 50'001;
  expect_gradients<double>(where, large, 2, Layout::component_major);
  expect_gradients<float>(where, large, 2, Layout::point_major);
}

// 2 … 4 have code of their own, 1 and 5 … share one that loops; from 40 on, tiles no longer fit a GPU's shared memory.
TEST_P(Evaluate, GradientsInEveryDimension) {
  for (const std::int64_t n : {1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 23, 24, 40, 61}) {
    expect_gradients<double>(executor(), 133, n, Layout::component_major);
    expect_gradients<double>(executor(), 133, n, Layout::point_major);
  }
  expect_gradients<float>(executor(), 133, 100, Layout::point_major);
}

TEST_P(Evaluate, FixedAndLoopedCodeAgree) {
  const Executor where = executor();
  const auto points = Points<double>::uniform(where, 300, 8, -2, 2, 5);
  const auto looped = nabla::value_and_gradient(where, nabla::looped(Chain()), points);
  const auto fixed = nabla::value_and_gradient(where, nabla::fixed<8>(Chain()), points);
  const auto a = looped.gradient.to_host(), b = fixed.gradient.to_host();
  for (std::size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], b[i], tolerance<double>(chain_scale));
}

TEST_P(Evaluate, ZeroPointsAreAnEmptyBatch) {
  const Executor where = executor();
  const Points<double> none(where, 0, 2);
  const auto result = nabla::value_and_gradient(where, Saddle(), none);
  EXPECT_EQ(result.value.to_host().size(), 0U);
  EXPECT_EQ(result.summary.count, 0);
  EXPECT_EQ(result.summary.value.argmin, -1);
  EXPECT_TRUE(std::isnan(result.summary.value.mean));
}

// A record of a simulation: x, y, mass, f, df/dx, df/dy of one particle side by side, in and out of the same memory.
TEST_P(Evaluate, InterleavedRecordsWithGuards) {
  const Executor where = executor();
  constexpr std::int64_t count = 700, record = 7;
  constexpr double guard = 12345.678;
  std::vector<double> host(count * record + 5, guard);
  for (std::int64_t p = 0; p < count; ++p) {
    host[static_cast<std::size_t>(p * record)] = 0.003 * static_cast<double>(p) - 1;
    host[static_cast<std::size_t>(p * record + 1)] = 1 - 0.002 * static_cast<double>(p);
  }
  nabla::Array<double> memory(where, static_cast<std::int64_t>(host.size()));
  memory.upload(host);
  double* const base = memory.data();
  nabla::value_and_gradient(
      where, Saddle(), BatchView<const double>(base, count, 2, record, 1),
      nabla::Outputs<double>{.value = {base + 3, count, 1, record, 1}, .gradient = {base + 4, count, 2, record, 1}});
  where.synchronize();
  const std::vector<double> after = memory.to_host();
  for (std::int64_t p = 0; p < count; ++p) {
    const double* const r = after.data() + p * record;
    const Oracle expected = saddle({r[0], r[1]});
    ASSERT_NEAR(static_cast<double>(expected.value), r[3], tolerance<double>(4));
    ASSERT_NEAR(static_cast<double>(expected.gradient[0]), r[4], tolerance<double>(4));
    ASSERT_NEAR(static_cast<double>(expected.gradient[1]), r[5], tolerance<double>(4));
    ASSERT_EQ(r[2], guard);
    ASSERT_EQ(r[6], guard);
    ASSERT_EQ(r[0], host[static_cast<std::size_t>(p * record)]);
  }
  for (std::int64_t e = count * record; e < count * record + 5; ++e)
    ASSERT_EQ(after[static_cast<std::size_t>(e)], guard);
}

// Guard zones around outputs of every layout and alignment, with odd distances between rows, and reversed items.
TEST_P(Evaluate, WritesItsOutputsAndNothingElse) {
  const Executor where = executor();
  constexpr float guard = -77;
  for (const std::int64_t count : {1, 33, 260, 1031}) {
    for (const std::int64_t shift : {0, 1, 3}) {
      const auto points = Points<float>::uniform(where, count, 2, -2, 2, 3);
      const HostBatch<float> x(points);
      const std::int64_t gap = count + 5 + shift, size = 2 * gap + 16;
      const BatchView<float> shapes[] = {
          {nullptr, count, 2, 1, gap}, {nullptr, count, 2, 2, 1}, {nullptr, count, 2, -1, gap}};
      for (const BatchView<float>& shape : shapes) {
        nabla::Array<float> memory(where, size);
        memory.upload(std::vector<float>(static_cast<std::size_t>(size), guard));
        BatchView<float> gradient = shape;
        const std::int64_t offset = shift + (shape.item_stride < 0 ? count - 1 : 0);
        gradient.data = memory.data() + offset;
        nabla::value_and_gradient(where, Saddle(), points.view(), nabla::Outputs<float>{.gradient = gradient});
        std::vector<float> after = memory.to_host();
        for (std::int64_t p = 0; p < count; ++p) {
          const Oracle expected = saddle(x.item(p));
          for (std::int64_t i = 0; i < 2; ++i) {
            float& found = after[static_cast<std::size_t>(offset + p * shape.item_stride + i * shape.component_stride)];
            ASSERT_NEAR(static_cast<double>(expected.gradient[static_cast<std::size_t>(i)]), found,
                        tolerance<float>(8));
            found = guard;
          }
        }
        ASSERT_EQ(std::count(after.begin(), after.end(), guard), size) << "count " << count << " shift " << shift;
      }
    }
  }
}

/// A gradient of its own that is deliberately 1000 times too long, to see that it is the one used.
struct OwnGradient {
  static constexpr int dimension = 2;
  template <class Point>
  constexpr auto operator()(const Point& x) const {
    return x[0] * x[1];
  }
  template <class Point, class Gradient>
  constexpr void gradient(const Point& x, Gradient& g) const {
    g[0] = 1000 * x[1];
    g[1] += 1000 * x[0];
  }
};
/// The same, of any dimension, and returning the value along with it.
struct OwnFusedGradient {
  template <class Point>
  constexpr auto operator()(const Point& x) const {
    typename Point::value_type sum = 0;
    for (int i = 0; i < x.size(); ++i) sum += x[i];
    return sum;
  }
  template <class Point, class Gradient>
  constexpr auto gradient(const Point& x, Gradient& g) const {
    for (int i = 0; i < x.size(); ++i) g[i] += i;
    return x[0] * 0 + 42;
  }
};

TEST_P(Evaluate, TheCallersOwnGradientIsUsed) {
  const Executor where = executor();
  const auto points = Points<double>::uniform(where, 300, 2, -2, 2, 4);
  const HostBatch<double> x(points);
  const auto own = nabla::value_and_gradient(where, OwnGradient(), points);
  const HostBatch<double> value(own.value), g(own.gradient);
  for (std::int64_t p = 0; p < 300; ++p) {
    ASSERT_EQ(g(p, 0), 1000 * x(p, 1));
    ASSERT_EQ(g(p, 1), 1000 * x(p, 0));
    ASSERT_EQ(value(p), x(p, 0) * x(p, 1));
  }
  for (const std::int64_t n : {3, 50}) {
    const auto fused =
        nabla::value_and_gradient(where, OwnFusedGradient(), Points<double>::uniform(where, 70, n, 0, 1, 1));
    const HostBatch<double> fused_value(fused.value), fused_gradient(fused.gradient);
    EXPECT_EQ(fused_value(69), 42);
    EXPECT_EQ(fused_gradient(69, n - 1), n - 1);
    EXPECT_EQ(fused_gradient(0, 0), 0);
  }
}

/// Every way to depend on the data that lanes have: conditions, combined, and sign.
struct Piecewise {
  static constexpr int dimension = 2;
  template <class Point>
  constexpr auto operator()(const Point& x) const {
    using nabla::max, nabla::select, nabla::sign;
    const auto inside = x[0] > 0 && !(x[1] > 1 || x[1] < -1);
    return select(inside, x[0] * x[1], sign(x[0]) + max(x[1], 0.5) * 3);
  }
};

TEST_P(Evaluate, ConditionsAreTakenLaneByLane) {
  const Executor where = executor();
  const auto points = Points<double>::uniform(where, 500, 2, -2, 2, 4);
  const HostBatch<double> x(points);
  const auto result = nabla::value_and_gradient(where, Piecewise(), points);
  const HostBatch<double> value(result.value), g(result.gradient);
  for (std::int64_t p = 0; p < 500; ++p) {
    const double a = x(p, 0), b = x(p, 1);
    const bool inside = a > 0 && b >= -1 && b <= 1;
    ASSERT_DOUBLE_EQ(value(p), inside ? a * b : (a > 0 ? 1 : -1) + std::fmax(b, 0.5) * 3);
    ASSERT_EQ(g(p, 0), inside ? b : 0);
    ASSERT_EQ(g(p, 1), inside ? a : (b > 0.5 ? 3 : 0));
  }
}

/// 1 where x differs from itself, 2 where it equals itself, plus its sign.
struct Unordered {
  static constexpr int dimension = 1;
  template <class Point>
  constexpr auto operator()(const Point& x) const {
    using nabla::select, nabla::sign;
    typename Point::value_type one = 1, two = 2;
    return select(x[0] != x[0], one, select(x[0] == x[0], two, one)) + select(x[0] == x[0], sign(x[0]), one);
  }
};

TEST_P(Evaluate, NanDiffersFromItself) {
  const Executor where = executor();
  std::vector<double> numbers(40, -2.0);
  for (std::size_t k = 0; k < numbers.size(); k += 3) numbers[k] = std::nan("");
  const auto value = nabla::value(where, Unordered(), Points<double>::from_host(where, numbers, 1)).value.to_host();
  for (std::size_t k = 0; k < numbers.size(); ++k) EXPECT_EQ(value[k], k % 3 == 0 ? 2 : 1) << k;
}

/// Iterates until the data says stop: impossible for lanes that move together.
struct NewtonRoot {
  static constexpr bool vectorizable = false;
  template <class Point>
  constexpr auto operator()(const Point& x) const {
    typename Point::value_type root = 1;
    for (int i = 0; i < 60; ++i) {
      const auto next = (root + x[0] / root) / 2;
      const bool done = next == root;
      root = next;
      if (done) break;
    }
    return root;
  }
};

TEST_P(Evaluate, FunctionsThatBranchOnData) {
  const Executor where = executor();
  const auto points = Points<double>::uniform(where, 300, 1, 0.5, 50, 4);
  const HostBatch<double> x(points);
  const auto result = nabla::value_and_gradient(where, NewtonRoot(), points);
  const HostBatch<double> value(result.value), g(result.gradient);
  for (std::int64_t p = 0; p < 300; ++p) {
    ASSERT_NEAR(value(p), std::sqrt(x(p)), 1e-14);
    ASSERT_NEAR(g(p), 0.5 / std::sqrt(x(p)), 1e-13);
  }
}

// A point's result depends on nothing but the point.
TEST_P(Evaluate, ABatchOfOneEqualsItsPlaceInABatchOfMany) {
  const Executor where = executor();
  const std::int64_t count = 1'027;
  const auto points = Points<double>::uniform(where, count, 2, -2, 2, 9);
  const HostBatch<double> x(points);
  const auto all = nabla::value_and_gradient(where, Saddle(), points);
  const HostBatch<double> value(all.value), gradient(all.gradient);
  for (const std::int64_t p : {std::int64_t{0}, std::int64_t{17}, count - 1}) {
    const std::vector<double> alone{x(p, 0), x(p, 1)};
    const auto one = nabla::value_and_gradient(where, Saddle(), Points<double>::from_host(where, alone, 2));
    EXPECT_EQ(one.value.to_host()[0], value(p));
    EXPECT_EQ(one.gradient.to_host(), (std::vector<double>{gradient(p, 0), gradient(p, 1)}));
  }
  // Permuting points permutes results, and the layout changes no bit.
  std::vector<std::int64_t> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), 0);
  std::shuffle(order.begin(), order.end(), std::mt19937(4));
  std::vector<double> shuffled;
  for (const std::int64_t p : order) shuffled.insert(shuffled.end(), {x(p, 0), x(p, 1)});
  const auto permuted = nabla::value_and_gradient(where, Saddle(), Points<double>::from_host(where, shuffled, 2));
  const HostBatch<double> permuted_gradient(permuted.gradient);
  for (std::int64_t k = 0; k < count; ++k) {
    ASSERT_EQ(permuted_gradient(k, 1), gradient(order[static_cast<std::size_t>(k)], 1));
  }
}

struct Both {
  template <class Point>
  constexpr auto operator()(const Point& x) const {
    return 2 * Saddle()(x) - 3 * Chain()(x);
  }
};

// The gradient is linear in the function.
TEST_P(Evaluate, TheGradientOfASumIsTheSumOfGradients) {
  const Executor where = executor();
  const auto points = Points<double>::uniform(where, 500, 2, -2, 2, 13);
  const auto both = nabla::value_and_gradient(where, nabla::fixed<2>(Both()), points).gradient.to_host();
  const auto a = nabla::value_and_gradient(where, Saddle(), points).gradient.to_host();
  const auto b = nabla::value_and_gradient(where, Chain(), points).gradient.to_host();
  for (std::size_t i = 0; i < a.size(); ++i)
    ASSERT_NEAR(both[i], 2 * a[i] - 3 * b[i], tolerance<double>(3 * chain_scale));
}

TEST_P(Evaluate, NonFinitePointsAreDataAndTheBatchGoesOn) {
  const Executor where = executor();
  const double infinity = std::numeric_limits<double>::infinity();
  const std::vector<double> numbers{1, 2, NAN, 1, -infinity, 0.5, 0.0, -0.0, 5e-324, 1, 3, 4};
  const auto result = nabla::value_and_gradient(where, Saddle(), Points<double>::from_host(where, numbers, 2));
  const HostBatch<double> value(result.value), g(result.gradient);
  EXPECT_NEAR(value(0), 2 + std::sin(2.0), 1e-15);
  EXPECT_TRUE(std::isnan(value(1)));
  EXPECT_TRUE(std::isnan(value(2)));
  EXPECT_EQ(value(3), 0);
  EXPECT_EQ(value(4), 5e-324);  // denormals are not flushed
  EXPECT_NEAR(value(5), 36 + std::sin(12.0), 1e-14);
  EXPECT_EQ(result.summary.nonfinite.count, 2);
  EXPECT_EQ(result.summary.nonfinite.first, 1);
}

}  // namespace
