// Sums over index tables on CPUs: blocks of every size, precision and length of runs, against loops in long double.
// Vectors end where the last block does, so that the address sanitizer sees what is read after it.

#include "element_cases.hpp"

#include <limits>

namespace {

using namespace nabla::test;
using nabla::element_sum;
using nabla::Executor;
using nabla::IndexTable;
using nabla::Layout;

/// Of two blocks a and b: the sum over c of (c + 1) a_c b_c^2.
template <int block>
struct Couple {
  static constexpr int variables = 2 * block;
  template <class X>
  constexpr auto operator()(const X& x) const {
    typename X::value_type sum = 0;
    for (int c = 0; c < block; ++c) sum += (c + 1) * x[c] * x[block + c] * x[block + c];
    return sum;
  }
};

/// Sums, and of how much.
class Sums {
 public:
  explicit Sums(std::size_t count) : sums_(count, 0), sizes_(count, 0) {}
  void add(std::size_t at, long double number) {
    sums_[at] += number;
    sizes_[at] += std::abs(number);
  }
  template <class T>
  double largest_error(const std::vector<T>& found) const {
    long double most = 0;
    for (std::size_t i = 0; i < sums_.size(); ++i) {
      const long double apart = std::abs(static_cast<long double>(found[i]) - sums_[i]);
      if (!(apart <= most * sizes_[i])) most = sizes_[i] > 0 ? apart / sizes_[i] : INFINITY;
    }
    return static_cast<double>(most);
  }

 private:
  std::vector<long double> sums_, sizes_;
};

/// `count` couples; each `run` of them have the same first block. Some are a block with itself.
std::vector<std::int32_t> couples(std::int64_t points, std::int64_t count, std::int64_t run) {
  std::vector<std::int32_t> entries;
  std::uint64_t state = 9;
  for (std::int64_t e = 0; e < count; ++e) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    const std::int64_t a = (e / run + e / run / 7) % points,
                       b = (a + static_cast<std::int64_t>((state >> 33) % 9)) % points;
    entries.push_back(static_cast<std::int32_t>(a));
    entries.push_back(static_cast<std::int32_t>(b));
  }
  return entries;
}

template <class T, int block>
void expect_couples(std::int64_t points, std::int64_t count, std::int64_t run, std::int64_t more = 0) {
  const std::int64_t n = points * block + more;
  const std::vector<std::int32_t> entries = couples(points, count, run);
  const std::vector<double> wide = numbers(n), wide_v = numbers(n, 11);
  const std::vector<T> x(wide.begin(), wide.end()), v(wide_v.begin(), wide_v.end());
  const Executor where = Executor::cpu(3);
  const auto f = element_sum<T>(where, Couple<block>(), n,
                                IndexTable<std::int32_t>{{entries.data(), count, 2, Layout::point_major}, block});
  Sums gradient(x.size()), product(x.size()), value(1);
  for (std::size_t e = 0; e < entries.size(); e += 2) {
    for (std::size_t c = 0; c < block; ++c) {
      const std::size_t i = static_cast<std::size_t>(entries[e]) * block + c,
                        j = static_cast<std::size_t>(entries[e + 1]) * block + c;
      const long double factor = static_cast<long double>(c) + 1, a = x[i], b = x[j];
      value.add(0, factor * a * b * b);
      gradient.add(i, factor * b * b);
      gradient.add(j, 2 * factor * a * b);
      product.add(i, 2 * factor * b * v[j]);
      product.add(j, 2 * factor * b * v[i]);
      product.add(j, 2 * factor * a * v[j]);
    }
  }
  const double rounding = 300 * static_cast<double>(std::numeric_limits<T>::epsilon());
  std::vector<T> g(x.size(), T(-77)), h(x.size(), T(-77));
  const double of_gradient = f.value_and_gradient(where, x, g), alone = f.value(where, x);
  f.hessian_vector_product(where, x, v, h);
  EXPECT_LT(value.largest_error(std::vector<double>{of_gradient}), rounding);
  EXPECT_LT(value.largest_error(std::vector<double>{alone}), rounding);
  EXPECT_LT(gradient.largest_error(g), rounding) << block << ", " << points << ", " << count << ", " << run;
  EXPECT_LT(product.largest_error(h), rounding) << block << ", " << points << ", " << count << ", " << run;
  const std::vector<T> before = g;
  f.value_and_gradient(Executor::cpu(1), x, g);
  EXPECT_EQ(g, before);
}

template <class T, int block>
void expect_couples() {
  for (const std::int64_t run : {1, 3, 4, 5, 26, 700}) {
    expect_couples<T, block>(40, 1, run);
    expect_couples<T, block>(40, 37, run);
    expect_couples<T, block>(40, 100, run, 1);
    expect_couples<T, block>(9'000, 50'021, run);  // in colours
    expect_couples<T, block>(300, 20'000, run);    // in copies
  }
}

TEST(ElementTables, BlocksOfOne) { expect_couples<double, 1>(); }
TEST(ElementTables, BlocksOfTwo) { expect_couples<double, 2>(); }
TEST(ElementTables, BlocksOfThree) { expect_couples<double, 3>(); }
TEST(ElementTables, BlocksOfFour) { expect_couples<double, 4>(); }
TEST(ElementTables, BlocksOfSeven) { expect_couples<double, 7>(); }
TEST(ElementTables, SinglePrecision) {
  expect_couples<float, 1>();
  expect_couples<float, 3>();
  expect_couples<float, 4>();
}

/// What is infinite or NaN stays where it is: nothing of one element is in another's sums.
TEST(ElementTables, ElementsDoNotTouchOthers) {
  const std::int64_t points = 64, count = 600;
  const std::vector<std::int32_t> entries = couples(points, count, 13);
  std::vector<double> x = numbers(3 * points);
  x[3 * 20 + 1] = INFINITY;
  std::vector<double> g(x.size());
  const Executor where = Executor::cpu(1);
  element_sum<double>(where, Couple<3>(), 3 * points,
                      IndexTable<std::int32_t>{{entries.data(), count, 2, Layout::point_major}, 3})
      .value_and_gradient(where, x, g);
  std::vector<bool> near(static_cast<std::size_t>(points));
  for (std::size_t e = 0; e < entries.size(); e += 2) {
    if (entries[e] != 20 && entries[e + 1] != 20) continue;
    near[static_cast<std::size_t>(entries[e])] = near[static_cast<std::size_t>(entries[e + 1])] = true;
  }
  for (std::size_t i = 0; i < g.size(); ++i) EXPECT_TRUE(near[i / 3] || std::isfinite(g[i])) << i;
}

}  // namespace
