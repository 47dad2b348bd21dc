// Sums over index tables whose elements add to the variables in any order, against the same in a fixed order.

#include "element_cases.hpp"

#include <limits>

namespace {

using namespace nabla::test;
using nabla::Additions;
using nabla::Array;
using nabla::element_sum;
using nabla::Executor;
using nabla::IndexTable;
using nabla::Layout;

class UnorderedSums : public OnEveryExecutor {};
INSTANTIATE_TEST_SUITE_P(On, UnorderedSums, every_executor(), executor_name);

/// Fourteen variables, more than are differentiated by at once.
struct Wide {
  static constexpr int variables = 14, data = 1;
  template <class X, class D>
  constexpr auto operator()(const X& x, const D& d) const {
    using nabla::sin;
    typename X::value_type sum = x[0] * x[13];
    for (int i = 0; i < 13; ++i) sum += d[0] * sin(x[i] * x[i + 1]);
    return sum;
  }
};

/// Both orders agree on all that a sum says, up to `ulps` of a unit; on CPUs to the bit.
template <class T, class E, class Index>
void expect_same(const Executor& where, const E& element, std::int64_t variables, IndexTable<Index> table,
                 nabla::BatchView<const T> data, double ulps = 200) {
  const auto ordered = element_sum<T>(where, element, variables, table, data);
  table.additions = Additions::unordered;
  const auto unordered = element_sum<T>(where, element, variables, table, data);
  const auto wide_x = numbers(variables), wide_v = numbers(variables, 5);
  const auto x = on(where, std::vector<T>(wide_x.begin(), wide_x.end())),
             v = on(where, std::vector<T>(wide_v.begin(), wide_v.end()));
  const auto expect = [&](const char* what, auto pass) {
    for (const bool add : {false, true}) {
      const auto a = room<T>(where, static_cast<std::size_t>(variables), T(-2)),
                 b = room<T>(where, static_cast<std::size_t>(variables), T(-2));
      const double of_a = pass(ordered, all(a), add), of_b = pass(unordered, all(b), add);
      const std::vector<T> must = a.to_host(), found = b.to_host();
      if (!where.is_cuda()) {
        EXPECT_EQ(of_b, of_a) << what;
        EXPECT_EQ(found, must) << what;
      }
      const double tolerance = ulps * static_cast<double>(std::numeric_limits<T>::epsilon());
      EXPECT_NEAR(of_b, of_a, tolerance * (1 + std::fabs(of_a))) << what;
      EXPECT_LT(largest_difference(found, {must.begin(), must.end()}), tolerance) << what << " " << add;
    }
  };
  expect("gradient",
         [&](const auto& f, std::span<T> out, bool add) { return f.value_and_gradient(where, all(x), out, add); });
  expect("product", [&](const auto& f, std::span<T> out, bool add) {
    f.hessian_vector_product(where, all(x), all(v), out, add);
    return 0.0;
  });
  expect("diagonal", [&](const auto& f, std::span<T> out, bool add) {
    f.hessian_diagonal(where, all(x), out, add);
    return 0.0;
  });
  EXPECT_EQ(unordered.value(where, all(x)), ordered.value(where, all(x)));
  EXPECT_NEAR(unordered.value_and_gradient(where, all(x), {}), unordered.value(where, all(x)),
              1e-6 * std::fabs(unordered.value(where, all(x))));
  // Entries of Hessians are added up in order.
  ASSERT_EQ(unordered.hessian_pattern().columns, ordered.hessian_pattern().columns);
  const auto a = room<T>(where, ordered.hessian_pattern().columns.size()),
             b = room<T>(where, ordered.hessian_pattern().columns.size());
  ordered.hessian(where, all(x), all(a));
  unordered.hessian(where, all(x), all(b));
  EXPECT_EQ(b.to_host(), a.to_host());
}

/// Entries anywhere; every fifth element has one of them twice.
template <class Index>
std::vector<Index> entries_of(std::int64_t elements, std::int64_t width, std::int64_t blocks) {
  std::vector<Index> entries;
  for (std::int64_t e = 0; e < elements; ++e) {
    for (std::int64_t k = 0; k < width; ++k) {
      const bool again = k > 0 && e % 5 == 0;
      entries.push_back(static_cast<Index>(again ? e * 7 % blocks : (e * 7 + k * (e % 11 + 1)) % blocks));
    }
  }
  return entries;
}
/// The same, no element with one twice.
template <class Index>
std::vector<Index> distinct_entries(std::int64_t elements, std::int64_t blocks) {
  std::vector<Index> entries;
  for (std::int64_t e = 0; e < elements; ++e) {
    entries.push_back(static_cast<Index>(e * 7 % blocks));
    entries.push_back(static_cast<Index>((e * 7 + 1 + e % (blocks - 1)) % blocks));
  }
  return entries;
}

TEST_P(UnorderedSums, OfSingleVariables) {
  const Executor where = executor();
  for (const std::int64_t elements : {1, 255, 256, 257, 3'000}) {
    const auto entries = on(where, entries_of<std::int32_t>(elements, 2, 700));
    expect_same<double>(where, RosenbrockElement(), 705,
                        IndexTable<std::int32_t>{{entries.data(), elements, 2, Layout::point_major}}, {}, 1e4);
  }
  const auto wide = on(where, entries_of<std::int64_t>(2'000, 2, 300));
  expect_same<float>(where, RosenbrockElement(), 300,
                     IndexTable<std::int64_t>{{wide.data(), 2'000, 2, Layout::point_major}}, {}, 1e4);
}

TEST_P(UnorderedSums, OfBlocks) {
  const Executor where = executor();
  const std::int64_t elements = at_most(where, 1'500, 4'000);
  const auto data = numbers(2 * elements);
  const auto there = on(where, data);
  const std::vector<float> narrow(data.begin(), data.end());
  const auto narrow_there = on(where, narrow);
  const auto entries = on(where, distinct_entries<std::int32_t>(elements, 200));
  const IndexTable<std::int32_t> table{{entries.data(), elements, 2, Layout::point_major}, 3};
  expect_same<double>(where, SpaceSpring(), 601, table, {there.data(), elements, 2, Layout::point_major});
  expect_same<float>(where, SpaceSpring(), 601, table, {narrow_there.data(), elements, 2, Layout::point_major});
  // Other strides, and a block of all of an element's variables.
  const auto wide = on(where, entries_of<std::int64_t>(45, 2, 45));
  expect_same<double>(where, SpaceSpring(), 270, IndexTable<std::int64_t>{{wide.data(), 45, 1, 2, 1}, 6},
                      {there.data(), 1, 2});
}

TEST_P(UnorderedSums, OfManyVariables) {
  const Executor where = executor();
  const auto d = on(where, std::vector<double>{0.7});
  const auto each = on(where, entries_of<std::int32_t>(200, 14, 60));
  expect_same<double>(where, Wide(), 60, IndexTable<std::int32_t>{{each.data(), 200, 14, Layout::point_major}},
                      {d.data(), 1, 1}, 2'000);
  const auto sevens = on(where, distinct_entries<std::int32_t>(200, 20));
  expect_same<double>(where, Wide(), 143, IndexTable<std::int32_t>{{sevens.data(), 200, 2, Layout::point_major}, 7},
                      {d.data(), 1, 1}, 2'000);
}

TEST_P(UnorderedSums, OfNoElements) {
  const Executor where = executor();
  const auto entries = on(where, std::vector<std::int32_t>(2));
  const auto f = element_sum<double>(
      where, RosenbrockElement(), 5,
      IndexTable<std::int32_t>{{entries.data(), 0, 2, Layout::point_major}, 1, Additions::unordered});
  const auto x = on(where, numbers(5)), g = room(where, 5);
  EXPECT_EQ(f.value_and_gradient(where, all(x), all(g)), 0);
  EXPECT_EQ(g.to_host(), std::vector<double>(5, 0));
}

TEST_P(UnorderedSums, OfFormulas) {
  const Executor where = executor();
  const auto entries = on(where, entries_of<std::int32_t>(900, 2, 100));
  const auto f = nabla::Formula::parse("d*exp(-(u - v)^2) + u*v^3", {.variables = {"u", "v"}, .data = {"d"}});
  const auto data = on(where, numbers(900));
  expect_same<double>(where, f, 100, IndexTable<std::int32_t>{{entries.data(), 900, 2, Layout::point_major}},
                      {data.data(), 900, 1}, 2'000);
}

}  // namespace
