#pragma once

#include "oracles.hpp"

#include <gtest/gtest.h>
#include <nabla/evaluate.hpp>

#include <cmath>
#include <functional>
#include <numeric>
#include <vector>

// The batches that operations are tested on, in every form a function has, and whole batches against oracles.

namespace nabla::test {

/// A batch to make: by default of a size that is no multiple of the width of a SIMD unit or a warp.
struct Case {
  Executor where;
  std::int64_t n;
  Layout layout = Layout::component_major;
  std::int64_t count = 133;

  template <class T>
  Points<T> points() const {
    return Points<T>::uniform(where, count, n, -2, 2, 21, layout);
  }
  /// One or one per point, in the other layout: each view has its own.
  template <class T>
  Batch<T> directions(std::int64_t how_many) const {
    const bool by_point = layout == Layout::point_major;
    return Batch<T>::uniform(where, how_many, n, -1, 1, 22, by_point ? Layout::component_major : Layout::point_major);
  }
};

/// check(case, f) with code that loops and with code for each of these N, in both layouts.
template <int... N, class F, class Check>
void looped_and_fixed(const Executor& where, const F& f, const Check& check) {
  for (const Layout layout : {Layout::component_major, Layout::point_major}) {
    (check(Case{where, N, layout}, nabla::looped(f)), ...);
    (check(Case{where, N, layout}, nabla::fixed<N>(f)), ...);
  }
}

/// check(case) for sizes on both sides of the boundaries of packs, warps, tiles and blocks.
template <class Check>
void every_size(const Executor& where, const Check& check) {
  for (const std::int64_t count : {1, 7, 8, 9, 31, 33, 129, 257, 1025}) {
    for (const Layout layout : {Layout::component_major, Layout::point_major}) check(Case{where, 5, layout, count});
  }
}

using Numbers = std::vector<long double>;
using Exact = Oracle (*)(const Numbers& x);

template <class T>
std::vector<Oracle> at_each(const Points<T>& points, Exact exact) {
  const HostBatch<T> x(points);
  std::vector<Oracle> all;
  for (std::int64_t p = 0; p < points.count(); ++p) all.push_back(exact(x.item(p)));
  return all;
}

/// Holds a batch against expected(p), the numbers of point p, within the rounding of numbers of size scale(p). Not a
/// template in these two: compiled again for every function and operation it took a quarter of a test's compile time.
template <class T>
void expect_batch(const char* what, const Batch<T>& found, const std::function<Numbers(std::size_t)>& expected,
                  const std::function<long double(std::size_t)>& scale) {
  const HostBatch<T> host(found);
  for (std::int64_t item = 0; item < found.count(); ++item) {
    const auto p = static_cast<std::size_t>(item);
    const Numbers numbers = expected(p);
    ASSERT_EQ(static_cast<std::int64_t>(numbers.size()), found.components()) << what;
    for (std::size_t k = 0; k < numbers.size(); ++k) {
      ASSERT_NEAR(static_cast<double>(numbers[k]), host(item, static_cast<std::int64_t>(k)), tolerance<T>(scale(p)))
          << what << ": number " << k << " of " << numbers.size() << " of point " << p << " of " << found.count();
    }
  }
}

inline long double dot(const Numbers& a, const Numbers& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0L);
}
inline long double norm(const Numbers& a) { return std::sqrt(dot(a, a)); }

}  // namespace nabla::test
