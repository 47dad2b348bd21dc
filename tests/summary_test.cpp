// Summaries against naive long-double sums, ties, non-finite points, and the promise that the same batch gives the same
// bits for any number of threads and any repetition.

#include "executors.hpp"

#include <sys/mman.h>
#include <unistd.h>
#include <nabla/detail/statistics.hpp>
#include <nabla/evaluate.hpp>

#include <cmath>
#include <cstring>
#include <vector>

namespace {

using nabla::Executor;
using nabla::Layout;
using nabla::Points;
using nabla::Summary;

class Summaries : public nabla::test::OnEveryExecutor {};
INSTANTIATE_TEST_SUITE_P(On, Summaries, nabla::test::every_executor(), nabla::test::executor_name);

struct Bowl {
  template <class Point>
  constexpr auto operator()(const Point& x) const {
    return x[0] * x[0] + 3 * x[1] * x[1] - x[0];
  }
};
/// Undefined on half of the plane.
struct Root {
  template <class Point>
  constexpr auto operator()(const Point& x) const {
    using nabla::log, nabla::sqrt;
    return sqrt(x[0]) + log(x[1]);
  }
};

/// What a summary should be, from the results themselves.
template <class T>
Summary naive(const std::vector<T>& value, const std::vector<T>& gradient, std::int64_t n) {
  Summary s{};
  s.count = static_cast<std::int64_t>(value.size());
  s.value.argmin = s.value.argmax = s.gradient_norm.argmax = s.nonfinite.first = -1;
  long double sum = 0, l1 = 0, l2 = 0, norms = 0, linf = 0, steepest = -1;
  std::int64_t finite = 0;
  for (std::int64_t p = 0; p < s.count; ++p) {
    const T y = value[static_cast<std::size_t>(p)];
    long double square = 0, absolute = 0, largest = 0;
    bool good = std::isfinite(y);
    for (std::int64_t i = 0; i < n; ++i) {
      const T g = gradient[static_cast<std::size_t>(i * s.count + p)];
      good = good && std::isfinite(g);
      square += static_cast<long double>(g) * g;
      absolute += std::fabs(static_cast<long double>(g));
      largest = std::fmax(largest, std::fabs(static_cast<long double>(g)));
    }
    if (!good) {
      if (s.nonfinite.count++ == 0) s.nonfinite.first = p;
      continue;
    }
    if (finite == 0 || y < s.value.min) s.value.min = y, s.value.argmin = p;
    if (finite == 0 || y > s.value.max) s.value.max = y, s.value.argmax = p;
    if (square > steepest) steepest = square, s.gradient_norm.argmax = p;
    ++finite;
    sum += y;
    l1 += absolute;
    l2 += square;
    norms += std::sqrt(square);
    linf = std::fmax(linf, largest);
  }
  if (finite == 0) return s;
  s.value.mean = static_cast<double>(sum / finite);
  s.gradient_norm.l1 = static_cast<double>(l1);
  s.gradient_norm.l2 = static_cast<double>(std::sqrt(l2));
  s.gradient_norm.linf = static_cast<double>(linf);
  s.gradient_norm.max_point_l2 = static_cast<double>(std::sqrt(steepest));
  s.gradient_norm.mean_point_l2 = static_cast<double>(norms / finite);
  return s;
}

void expect_equal(const Summary& expected, const Summary& found) {
  if (expected.nonfinite.count == expected.count) {
    EXPECT_EQ(found.nonfinite.count, expected.count);
    EXPECT_TRUE(std::isnan(found.value.mean));
    EXPECT_TRUE(std::isnan(found.gradient_norm.l2));
    return;
  }
  const double relative = 2e-15;
  EXPECT_EQ(found.count, expected.count);
  EXPECT_EQ(found.nonfinite.count, expected.nonfinite.count);
  EXPECT_EQ(found.nonfinite.first, expected.nonfinite.first);
  EXPECT_EQ(found.value.min, expected.value.min);
  EXPECT_EQ(found.value.max, expected.value.max);
  EXPECT_EQ(found.value.argmin, expected.value.argmin);
  EXPECT_EQ(found.value.argmax, expected.value.argmax);
  EXPECT_NEAR(found.value.mean, expected.value.mean, relative * (1 + std::fabs(expected.value.mean)));
  EXPECT_NEAR(found.gradient_norm.l1, expected.gradient_norm.l1, relative * expected.gradient_norm.l1);
  EXPECT_NEAR(found.gradient_norm.l2, expected.gradient_norm.l2, relative * expected.gradient_norm.l2);
  EXPECT_EQ(found.gradient_norm.linf, expected.gradient_norm.linf);
  EXPECT_NEAR(found.gradient_norm.max_point_l2, expected.gradient_norm.max_point_l2,
              relative * expected.gradient_norm.max_point_l2);
  EXPECT_NEAR(found.gradient_norm.mean_point_l2, expected.gradient_norm.mean_point_l2,
              relative * expected.gradient_norm.mean_point_l2);
  EXPECT_EQ(found.gradient_norm.argmax, expected.gradient_norm.argmax);
}

template <class T, class F>
void expect_summary_of(const Executor& where, const F& f, const Points<T>& points) {
  const auto result = nabla::value_and_gradient(where, f, points);
  std::vector<T> gradient = result.gradient.to_host();
  if (points.layout() == Layout::point_major) {
    std::vector<T> rows(gradient.size());
    for (std::size_t p = 0; p < gradient.size() / 2; ++p) {
      rows[p] = gradient[2 * p];
      rows[gradient.size() / 2 + p] = gradient[2 * p + 1];
    }
    gradient = rows;
  }
  SCOPED_TRACE(points.count());
  expect_equal(naive(result.value.to_host(), gradient, 2), result.summary);
}

template <class T, class F>
void expect_summary_of(const Executor& where, const F& f, std::int64_t count, Layout layout) {
  expect_summary_of(where, f, Points<T>::uniform(where, count, 2, -1, 3, 17, layout));
}

TEST_P(Summaries, AreTheNaiveSums) {
  const Executor where = executor();
  for (const std::int64_t count : {1, 2, 15, 16, 17, 127, 129, 1'000, 1'024, 1'025, 4'097}) {
    expect_summary_of<double>(where, Bowl(), count, Layout::component_major);
    expect_summary_of<float>(where, Bowl(), count, Layout::point_major);
    expect_summary_of<double>(where, Root(), count, Layout::point_major);  // NaN nearly everywhere
  }
  if (!where.is_cuda()) expect_summary_of<double>(where, Bowl(), 300'001, Layout::component_major);
}

/// Steepest halfway between its highest and its lowest points.
struct Waves {
  double raised_by;
  template <class Point>
  constexpr auto operator()(const Point& x) const {
    using nabla::sin;
    return sin(3 * x[0]) + sin(2 * x[1]) + raised_by;
  }
};

// The extremes so far decide which tiles are looked at again: with values that are all of one sign, and far from the
// slopes, no extreme can stand in for another.
TEST_P(Summaries, WhereverTheExtremesLie) {
  const Executor where = executor();
  const std::int64_t count = where.is_cuda() ? 4'097 : 40'001;
  for (const double by : {-1e3, 1e3}) {
    expect_summary_of<double>(where, Waves{by}, count, Layout::component_major);
    expect_summary_of<float>(where, Waves{by}, count, Layout::component_major);
  }
}

struct Angle {
  template <class Point>
  constexpr auto operator()(const Point& x) const {
    using nabla::atan2;
    return atan2(x[1], x[0]);
  }
};

struct Place {
  double x, y;
};

/// Where all points but a few are the same, no extreme betrays a tile with one that is not finite.
template <class F>
void expect_summary_with_holes(const Executor& where, const F& f, Place usual, Place hole) {
  std::vector<double> numbers;
  for (int p = 0; p < 3'000; ++p) {
    const bool is_hole = p == 700 || p == 701 || p == 2'222;
    numbers.push_back(is_hole ? hole.x : usual.x);
    numbers.push_back(is_hole ? hole.y : usual.y);
  }
  const auto points = Points<double>::from_host(where, numbers, 2);
  EXPECT_EQ(nabla::value_and_gradient(where, f, points).summary.nonfinite.count, 3);
  expect_summary_of(where, f, points);
}

TEST_P(Summaries, OfFlatBatchesWithHoles) {
  const Executor where = executor();
  expect_summary_with_holes(where, Root(), {4, 1}, {4, -1});  // the value is NaN, the slope 1/y is not
  expect_summary_with_holes(where, Root(), {4, 1}, {0, 1});   // the slope is infinite, the value would be the least
  expect_summary_with_holes(where, Angle(), {1, 0}, {0, 0});  // the slope is NaN, the value the usual one
}

/// Finite but for a few points, far apart: on the CPU, most tiles take the short way and these do not.
struct Holes {
  template <class Point>
  constexpr auto operator()(const Point& x) const {
    using nabla::log;
    return log(x[0] + 0.9999) * x[1];
  }
};

// Large enough for results to be written past the caches, with rows that begin at cache lines and rows that do not.
TEST_P(Summaries, OfBatchesLargerThanTheCaches) {
  const Executor where = executor();
  if (where.is_cuda()) return;
  for (const std::int64_t count : {1 << 20, (1 << 20) + 3}) {
    expect_summary_of<double>(where, Bowl(), count, Layout::component_major);
    expect_summary_of<double>(where, Holes(), count, Layout::component_major);
    expect_summary_of<double>(where, Holes(), count, Layout::point_major);
    expect_summary_of<float>(where, Bowl(), 3 * count, Layout::component_major);
  }
}

TEST_P(Summaries, OfValuesAlone) {
  const Executor where = executor();
  const auto points = Points<double>::uniform(where, 2'000, 2, -1, 3, 17);
  const Summary with_gradient = nabla::value_and_gradient(where, Bowl(), points).summary;
  const Summary alone = nabla::value(where, Bowl(), points).summary;
  EXPECT_EQ(alone.value.mean, with_gradient.value.mean);
  EXPECT_EQ(alone.value.argmin, with_gradient.value.argmin);
  EXPECT_TRUE(std::isnan(alone.gradient_norm.l2));
  EXPECT_EQ(alone.gradient_norm.argmax, -1);
}

// Whichever lane it is in: the last one's turn comes late when lanes are folded.
TEST_P(Summaries, OfEqualExtremesTheFirstIsNamed) {
  const Executor where = executor();
  for (const std::int64_t first : {1'232, 1'234, 16 * 77 - 1}) {
    std::vector<double> low(2 * 3'000, 1.0), high = low;
    for (const auto p : {first, first + 1, std::int64_t{2'990}}) {
      const auto x = static_cast<std::size_t>(2 * p);
      low[x] = 0.5, low[x + 1] = 0;  // the minimum of Bowl
      high[x] = 3;                   // higher and steeper than the others
    }
    const auto summary_at = [&](const std::vector<double>& numbers) {
      return nabla::value_and_gradient(where, Bowl(), Points<double>::from_host(where, numbers, 2)).summary;
    };
    const Summary lowest = summary_at(low), highest = summary_at(high);
    EXPECT_EQ(lowest.value.argmin, first);
    EXPECT_EQ(lowest.value.argmax, 0);
    EXPECT_EQ(lowest.gradient_norm.argmax, 0);
    EXPECT_EQ(highest.value.argmin, 0);
    EXPECT_EQ(highest.value.argmax, first);
    EXPECT_EQ(highest.gradient_norm.argmax, first);
  }
}

TEST_P(Summaries, WithNoFinitePointAreEmpty) {
  const Executor where = executor();
  const std::vector<double> numbers(10, NAN);
  const auto s = nabla::value_and_gradient(where, Bowl(), Points<double>::from_host(where, numbers, 2)).summary;
  EXPECT_EQ(s.nonfinite.count, 5);
  EXPECT_EQ(s.nonfinite.first, 0);
  EXPECT_EQ(s.value.argmin, -1);
  EXPECT_TRUE(std::isnan(s.value.min));
  EXPECT_TRUE(std::isnan(s.gradient_norm.linf));
}

/// A function that is called point by point.
struct Branching {
  static constexpr bool vectorizable = false;
  template <class Point>
  constexpr auto operator()(const Point& x) const {
    return x[0] * x[0];
  }
};

// Behind the caller's last value lies memory that nobody may touch.
TEST(SummariesOfFewPoints, ReadNothingBehindTheResults) {
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  void* const pages = mmap(nullptr, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(pages, MAP_FAILED);
  ASSERT_EQ(mprotect(static_cast<char*>(pages) + page, page, PROT_NONE), 0);
  const std::vector<double> points{1, 2, 3};
  double gradient[3];
  double* const value = reinterpret_cast<double*>(static_cast<char*>(pages) + page) - 3;
  Summary summary;
  nabla::value_and_gradient(Executor::cpu(1), Branching(), nabla::BatchView<const double>{points.data(), 3, 1},
                            nabla::Outputs<double>{{value, 3, 1}, {gradient, 3, 1}, &summary});
  EXPECT_EQ(summary.value.max, 9);
  EXPECT_EQ(summary.gradient_norm.linf, 6);
  munmap(pages, 2 * page);
}

// The rounding error of a merge is carried along: a plain sum would still be 1e16.
TEST(Compensation, KeepsWhatASumLoses) {
  nabla::detail::Sum<double> sum{1e16, 0};
  for (int k = 0; k < 1'000; ++k) sum.merge({1, 0});
  EXPECT_EQ(1e16 + 1'000, sum.high + sum.low);
  sum.merge({0, 24});  // what the other one carries
  EXPECT_EQ(1e16 + 1'024, sum.high + sum.low);
  double plain = 1e16;
  for (int k = 0; k < 1'000; ++k) plain += 1;
  EXPECT_EQ(plain, 1e16);
}

struct Scaled {
  template <class Point>
  constexpr auto operator()(const Point& x) const {
    return 1e160 * x[0];
  }
};

// A sum that overflows is infinite, as documented, and not NaN.
TEST_P(Summaries, OverflowIsInfinite) {
  const Executor where = executor();
  const std::vector<double> numbers{1.5e148, 1.5e148, 1.5e148};  // values near the largest double
  const auto s = nabla::value_and_gradient(where, Scaled(), Points<double>::from_host(where, numbers, 1)).summary;
  EXPECT_EQ(s.nonfinite.count, 0);
  EXPECT_EQ(s.value.mean, INFINITY);
  EXPECT_EQ(s.gradient_norm.l2, INFINITY);
  EXPECT_EQ(s.gradient_norm.linf, 1e160);
}

TEST_P(Summaries, TheSameBitsEveryTime) {
  const Executor where = executor();
  const std::int64_t count = where.is_cuda() ? 5'000 : 100'003;
  const auto points = Points<double>::uniform(where, count, 2, -1, 3, 29);
  const Summary first = nabla::value_and_gradient(where, Bowl(), points).summary;
  for (int repetition = 0; repetition < 3; ++repetition) {
    const Summary again = nabla::value_and_gradient(where, Bowl(), points).summary;
    EXPECT_EQ(std::memcmp(&first, &again, sizeof first), 0);
  }
  if (where.is_cuda()) return;
  for (const int threads : {1, 2, 3, 5, 16}) {
    const Executor other = Executor::cpu(threads);
    const auto same = nabla::value_and_gradient(other, Bowl(), Points<double>::uniform(other, count, 2, -1, 3, 29));
    EXPECT_EQ(std::memcmp(&first, &same.summary, sizeof first), 0) << threads << " threads";
  }
}

// The checker objects: a summary of other points is another summary.
TEST_P(Summaries, OtherPointsGiveOtherBits) {
  const Executor where = executor();
  const auto a = nabla::value_and_gradient(where, Bowl(), Points<double>::uniform(where, 999, 2, -1, 3, 29)).summary;
  const auto b = nabla::value_and_gradient(where, Bowl(), Points<double>::uniform(where, 999, 2, -1, 3, 30)).summary;
  EXPECT_NE(std::memcmp(&a, &b, sizeof a), 0);
}

}  // namespace
