// Which descents ended at the same place, against a comparison of all pairs.

#include <gtest/gtest.h>
#include <nabla/distinct_minima.hpp>
#include <nabla/error.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace {

using nabla::BatchView;
using nabla::DistinctMinimum;
using nabla::StopReason;

template <class T = double>
std::vector<DistinctMinimum> minima_of(const std::vector<T>& x, std::int64_t n, const std::vector<T>& value,
                                       const std::vector<StopReason>& reasons, double tolerance) {
  const auto count = static_cast<std::int64_t>(value.size());
  return nabla::distinct_minima<T>({x.data(), count, n, nabla::Layout::point_major}, {value.data(), count}, reasons,
                                   tolerance);
}

/// The oracle: which chain each end belongs to, by its first member, if links are no longer than `longest` (1 + |x_i|).
std::vector<std::size_t> chains(const std::vector<double>& x, std::size_t n, double longest) {
  std::vector<std::size_t> first(x.size() / n);
  for (std::size_t k = 0; k < first.size(); ++k) first[k] = k;
  const auto are_near = [&](std::size_t a, std::size_t b) {
    for (std::size_t i = 0; i < n; ++i) {
      const double p = x[a * n + i], q = x[b * n + i];
      if (std::fabs(p - q) > longest * (1 + std::fmin(std::fabs(p), std::fabs(q)))) return false;
    }
    return true;
  };
  for (bool changed = true; changed;) {
    changed = false;
    for (std::size_t a = 0; a < first.size(); ++a) {
      for (std::size_t b = 0; b < first.size(); ++b) {
        if (first[b] <= first[a] || !are_near(a, b)) continue;
        first[b] = first[a];
        changed = true;
      }
    }
  }
  return first;
}

TEST(DistinctMinima, AreThoseThatAllPairsTell) {
  std::mt19937_64 random(5);
  int clear = 0;
  for (int trial = 0; trial < 200; ++trial) {
    const std::size_t n = 1 + static_cast<std::size_t>(trial % 4), count = 150;
    const double tolerance = trial % 2 == 0 ? 0.02 : 0.3;
    std::uniform_real_distribution<double> place(-3, 3), near(-tolerance, tolerance);
    std::vector<std::vector<double>> centres(8);
    for (auto& centre : centres) {
      for (std::size_t i = 0; i < n; ++i) centre.push_back(std::sinh(place(random)));
    }
    std::vector<double> x, value;
    for (std::size_t k = 0; k < count; ++k) {
      for (const double c : centres[random() % centres.size()]) x.push_back(c + near(random));
      value.push_back(std::round(place(random)));
    }
    const auto first = chains(x, n, 0.49 * tolerance);
    if (first != chains(x, n, 1.51 * tolerance)) continue;
    ++clear;
    std::map<std::size_t, std::vector<std::size_t>> members;
    for (std::size_t k = 0; k < count; ++k) members[first[k]].push_back(k);
    std::vector<std::vector<double>> expected, found;  // value, start, count
    for (const auto& [_, ends] : members) {
      const std::size_t best = *std::ranges::min_element(ends, {}, [&](std::size_t k) { return value[k]; });
      expected.push_back({value[best], static_cast<double>(best), static_cast<double>(ends.size())});
    }
    std::ranges::sort(expected);
    for (const DistinctMinimum& one : minima_of(x, static_cast<std::int64_t>(n), value,
                                                std::vector<StopReason>(count, StopReason::gradient), tolerance)) {
      found.push_back({one.value, static_cast<double>(one.start), static_cast<double>(one.count)});
      const std::size_t begin = static_cast<std::size_t>(one.start) * n;
      for (std::size_t i = 0; i < n; ++i) EXPECT_EQ(one.x[i], x[begin + i]);
    }
    EXPECT_EQ(found, expected) << n << ", " << tolerance;
  }
  EXPECT_GT(clear, 40);
}

TEST(DistinctMinima, AreWhereDescentsEndedAndNowhereElse) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const std::vector<double> x{1, 1, 1, 1, 2, infinity, std::nan(""), 3};
  const std::vector<double> value{5, 5, 4, 3, 2, 1, 0, infinity};
  const std::vector<StopReason> reasons{StopReason::gradient,   StopReason::stagnated, StopReason::line_search_failed,
                                        StopReason::iterations, StopReason::unbounded, StopReason::gradient,
                                        StopReason::gradient,   StopReason::target};
  const auto minima = minima_of(x, 1, value, reasons, 1e-4);
  ASSERT_EQ(minima.size(), 1u);
  EXPECT_EQ(minima[0].x, std::vector<double>{1});
  EXPECT_EQ(minima[0].value, 4);
  EXPECT_EQ(minima[0].start, 2);
  EXPECT_EQ(minima[0].count, 3);
  EXPECT_TRUE(minima_of({}, 2, {}, {}, 1e-4).empty());
}

TEST(DistinctMinima, InSinglePrecisionAndAcrossZero) {
  const auto minima = minima_of<float>({1e-9f, -1e-9f, 0.0f, -0.0f, 1.0f}, 1, {0, 0, 0, 0, 0},
                                       std::vector<StopReason>(5, StopReason::gradient), 1e-4);
  ASSERT_EQ(minima.size(), 2u);
  EXPECT_EQ(minima[0].count, 4);
  EXPECT_EQ(minima[1].count, 1);
}

// A million ends at a thousand places are no matter of pairs.
TEST(DistinctMinima, OfVeryMany) {
  constexpr std::size_t count = 300'000, places = 1000;
  std::vector<double> x(count), value(count);
  for (std::size_t k = 0; k < count; ++k) {
    value[k] = static_cast<double>(k % places);
    x[k] = value[k] + 1e-9 * static_cast<double>(k) / count;
  }
  const auto minima = minima_of(x, 1, value, std::vector<StopReason>(count, StopReason::gradient), 1e-6);
  ASSERT_EQ(minima.size(), places);
  for (const DistinctMinimum& one : minima) EXPECT_EQ(one.count, static_cast<std::int64_t>(count / places));
}

TEST(DistinctMinima, RefusesOtherShapes) {
  const std::vector<StopReason> one{StopReason::gradient};
  EXPECT_THROW(minima_of({1, 2}, 1, {1, 2}, one, 1e-4), nabla::ShapeError);
  EXPECT_THROW(minima_of({1}, 1, {1}, one, 0), nabla::ShapeError);
  EXPECT_THROW(minima_of({1}, 1, {1}, one, std::nan("")), nabla::ShapeError);
}

}  // namespace
