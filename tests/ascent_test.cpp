// Directions of steepest ascent and clipped gradients on every executor, against closed forms: code that loops and code
// for one dimension, sizes around every boundary, both layouts, both precisions, and lengths that are hard to compute.

#include "cases.hpp"
#include "executors.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace {

using namespace nabla::test;
using nabla::Executor;
using nabla::Layout;
using nabla::Points;

class Ascent : public OnEveryExecutor {};
INSTANTIATE_TEST_SUITE_P(On, Ascent, every_executor(), executor_name);

Numbers times(long double factor, Numbers a) {
  for (long double& x : a) x *= factor;
  return a;
}

template <class T, class F>
void expect_ascent(const Case& c, const F& f) {
  const auto points = c.points<T>();
  const auto oracles = at_each(points, ring);
  const auto length = [&](std::size_t p) { return norm(oracles[p].gradient); };
  const auto size = [&](std::size_t) { return ring_scale(c.n); };
  const auto result = nabla::steepest_ascent(c.where, f, points);
  expect_batch(
      "value", result.value, [&](std::size_t p) { return Numbers{oracles[p].value}; }, size);
  expect_batch(
      "rate", result.rate, [&](std::size_t p) { return Numbers{length(p)}; }, size);
  expect_batch(
      "direction", result.direction, [&](std::size_t p) { return times(1 / length(p), oracles[p].gradient); },
      [&](std::size_t p) { return 2 * ring_scale(c.n) / length(p); });
}

/// Clips where about half of the points are longer.
template <class T, class F>
void expect_clipping(const Case& c, const F& f) {
  const auto points = c.points<T>();
  const auto oracles = at_each(points, ring);
  Numbers lengths;
  for (const Oracle& o : oracles) lengths.push_back(norm(o.gradient));
  Numbers sorted = lengths;
  std::sort(sorted.begin(), sorted.end());
  const long double threshold = 0.999L * sorted[sorted.size() / 2];
  const auto size = [&](std::size_t) { return ring_scale(c.n); };
  const auto result = nabla::clipped_gradient(c.where, f, points, static_cast<double>(threshold));
  expect_batch(
      "value", result.value, [&](std::size_t p) { return Numbers{oracles[p].value}; }, size);
  expect_batch(
      "gradient", result.gradient,
      [&](std::size_t p) { return times(std::min(1.0L, threshold / lengths[p]), oracles[p].gradient); }, size);
  EXPECT_NEAR(result.summary.gradient_norm.max_point_l2, static_cast<double>(threshold), tolerance<T>(threshold));
}

TEST_P(Ascent, SteepestAscent) {
  const Executor where = executor();
  const auto check = [](const Case& c, const auto& f) {
    expect_ascent<double>(c, f);
    expect_ascent<float>(c, f);
  };
  looped_and_fixed<1, 3, 5, 8, 17>(where, Ring(), check);
  check({where, 40}, nabla::looped(Ring()));
  every_size(where, [&](const Case& c) { check(c, nabla::looped(Ring())); });
}

TEST_P(Ascent, Clipping) {
  const Executor where = executor();
  const auto check = [](const Case& c, const auto& f) {
    expect_clipping<double>(c, f);
    expect_clipping<float>(c, f);
  };
  looped_and_fixed<1, 3, 5, 8, 17>(where, Ring(), check);
  check({where, 40}, nabla::looped(Ring()));
  every_size(where, [&](const Case& c) { check(c, nabla::looped(Ring())); });
  EXPECT_THROW(nabla::clipped_gradient(where, Saddle(), Case{where, 2}.points<double>(), 0.0), nabla::ShapeError);
}

struct Bowl {
  template <class Point>
  constexpr auto operator()(const Point& x) const {
    typename Point::value_type sum = 0;
    for (int i = 0; i < x.size(); ++i) sum += x[i] * x[i] / 2;  // its gradient is x
    return sum;
  }
};

/// Points of an ordinary size times 2^exponent, where squares overflow or vanish. Powers of two change no digits.
template <class T>
void expect_lengths(const Executor& where, std::int64_t n, int exponent) {
  const HostBatch<T> plain(Case{where, n, Layout::point_major}.points<T>());
  const T size = std::ldexp(T(1), exponent);
  std::vector<T> numbers = plain.numbers;
  for (T& x : numbers) x *= size;
  std::fill_n(numbers.begin(), n, T(0));  // the first is critical
  const auto points = Points<T>::from_host(where, numbers, n);
  const auto ascent = nabla::steepest_ascent(where, nabla::looped(Bowl()), points);
  const auto clipped = nabla::clipped_gradient(where, nabla::looped(Bowl()), points, static_cast<double>(size));
  const HostBatch<T> direction(ascent.direction), rate(ascent.rate), g(clipped.gradient);
  EXPECT_EQ(rate(0), 0);
  for (std::int64_t i = 0; i < n; ++i) {
    EXPECT_EQ(direction(0, i), 0);
    EXPECT_EQ(g(0, i), 0);
  }
  for (std::int64_t p = 1; p < points.count(); ++p) {
    const Numbers x = plain.item(p);
    const long double length = norm(x);
    ASSERT_NEAR(static_cast<double>(length), rate(p) / size, tolerance<T>(length));
    for (std::int64_t i = 0; i < n; ++i) {
      const auto along = static_cast<double>(x[static_cast<std::size_t>(i)] / length);
      ASSERT_NEAR(along, direction(p, i), tolerance<T>(1)) << "n " << n << " point " << p;
      if (length < 0.999L) {
        ASSERT_EQ(g(p, i), numbers[static_cast<std::size_t>(p * n + i)]) << "short enough, and yet changed";
      } else if (length > 1.001L) {
        ASSERT_NEAR(along, g(p, i) / size, tolerance<T>(1)) << "n " << n << " point " << p;
      }
    }
  }
}

TEST_P(Ascent, LengthsBeyondTheRangeOfSquares) {
  for (const std::int64_t n : {1, 2, 5, 17, 40}) {
    for (const int sign : {1, -1}) {
      expect_lengths<double>(executor(), n, sign * 600);
      expect_lengths<float>(executor(), n, sign * 100);
    }
  }
}

// The length must be scaled by the largest component, wherever it is.
TEST_P(Ascent, OneComponentOutweighsAll) {
  const Executor where = executor();
  constexpr std::int64_t n = 40;
  for (const int exponent : {600, -600}) {
    const double large = std::ldexp(1.0, exponent), small = std::ldexp(large, -1000);  // or 0
    std::vector<double> numbers(n * n, small);
    for (std::size_t p = 0; p < n; ++p) numbers[p * n + p] = large;  // component p of point p
    const auto points = Points<double>::from_host(where, numbers, n);
    const auto ascent = nabla::steepest_ascent(where, nabla::looped(Bowl()), points);
    const auto clipped = nabla::clipped_gradient(where, nabla::looped(Bowl()), points, large / 4);
    const HostBatch<double> direction(ascent.direction), rate(ascent.rate), g(clipped.gradient);
    for (std::int64_t p = 0; p < n; ++p) {
      EXPECT_EQ(rate(p), large) << "component " << p;
      for (std::int64_t i = 0; i < n; ++i) {
        const double along = (i == p ? large : small) / large;
        ASSERT_EQ(direction(p, i), along) << "component " << i << " of point " << p;
        ASSERT_EQ(g(p, i), along * (large / 4)) << "component " << i << " of point " << p;
      }
    }
  }
}

/// The same with a gradient of its own, where a NaN stays in its component.
struct BowlByHand : Bowl {
  template <class Point, class Gradient>
  constexpr void gradient(const Point& x, Gradient& g) const {
    for (int i = 0; i < x.size(); ++i) g[i] = x[i];
  }
};

// Wherever the NaN is, the length is unknown.
TEST_P(Ascent, NoDirectionWhereAComponentIsNaN) {
  const Executor where = executor();
  constexpr std::int64_t n = 6;
  std::vector<double> numbers(n * n, 1);
  for (std::size_t p = 0; p < n; ++p) numbers[p * n + p] = NAN;  // in component p of point p
  const auto points = Points<double>::from_host(where, numbers, n);
  const auto ascent = nabla::steepest_ascent(where, nabla::looped(BowlByHand()), points);
  const auto clipped = nabla::clipped_gradient(where, nabla::looped(BowlByHand()), points, 0.5);
  for (const auto& batch : {ascent.rate.to_host(), ascent.direction.to_host(), clipped.gradient.to_host()}) {
    for (const double x : batch) EXPECT_TRUE(std::isnan(x));
  }
  EXPECT_EQ(clipped.summary.nonfinite.count, n);
}

}  // namespace
