// The generator against the published test vectors of Philox4x32-10 (Random123, kat_vectors), and the promise that a
// seed names the same points everywhere.

#include "executors.hpp"

#include <nabla/batch.hpp>

#include <cmath>
#include <vector>

namespace {

using nabla::Executor;
using nabla::Layout;
using nabla::philox;
using nabla::PhiloxBlock;
using nabla::Points;

TEST(Philox, PublishedVectors) {
  EXPECT_EQ(philox({0, 0, 0, 0}, 0), (PhiloxBlock{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  const std::uint32_t ones = 0xffffffff;
  EXPECT_EQ(philox({ones, ones, ones, ones}, ~std::uint64_t{0}),
            (PhiloxBlock{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, 0x299f31d0'a4093822),
            (PhiloxBlock{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

class RandomPoints : public nabla::test::OnEveryExecutor {};
INSTANTIATE_TEST_SUITE_P(On, RandomPoints, nabla::test::every_executor(), nabla::test::executor_name);

TEST_P(RandomPoints, AreTheSameOnEveryExecutorAndInEitherLayout) {
  const Executor one_thread = Executor::cpu(1);
  constexpr std::int64_t count = 1'001, n = 3;
  const auto expected = Points<double>::uniform(one_thread, count, n, -2, 5, 99).to_host();
  EXPECT_EQ(Points<double>::uniform(executor(), count, n, -2, 5, 99).to_host(), expected);
  const auto items = Points<double>::uniform(executor(), count, n, -2, 5, 99, Layout::point_major).to_host();
  const auto floats = Points<float>::uniform(executor(), count, n, -2, 5, 99).to_host();
  for (std::int64_t p = 0; p < count; ++p) {
    for (std::int64_t i = 0; i < n; ++i) {
      const double x = expected[static_cast<std::size_t>(i * count + p)];
      ASSERT_EQ(items[static_cast<std::size_t>(p * n + i)], x);
      ASSERT_EQ(floats[static_cast<std::size_t>(i * count + p)], static_cast<float>(x));
    }
  }
  EXPECT_NE(Points<double>::uniform(executor(), count, n, -2, 5, 100).to_host(), expected);
}

// A prefix of a longer batch is the shorter batch.
TEST_P(RandomPoints, DependOnTheirPositionAlone) {
  const auto few = Points<double>::uniform(executor(), 10, 2, 0, 1, 7, Layout::point_major).to_host();
  const auto many = Points<double>::uniform(executor(), 500, 2, 0, 1, 7, Layout::point_major).to_host();
  EXPECT_EQ(few, std::vector<double>(many.begin(), many.begin() + 20));
}

TEST_P(RandomPoints, FillTheBoxEvenly) {
  constexpr std::int64_t count = 20'000;
  const auto x = Points<double>::uniform(executor(), count, 1, -3, 1, 1).to_host();
  double sum = 0, squares = 0;
  for (const double v : x) {
    ASSERT_GE(v, -3);
    ASSERT_LT(v, 1);
    sum += v;
    squares += (v + 1) * (v + 1);
  }
  // Mean -1 and variance 16/12, within five standard errors.
  EXPECT_NEAR(sum / count, -1, 5 * std::sqrt(16.0 / 12 / count));
  EXPECT_NEAR(squares / count, 16.0 / 12, 5 * std::sqrt((256.0 / 80 - 256.0 / 144) / count));
}

TEST_P(RandomPoints, RefuseABoxThatIsNone) {
  EXPECT_THROW(Points<double>::uniform(executor(), 5, 1, 1, -1, 1), nabla::ShapeError);
  EXPECT_THROW(Points<double>::uniform(executor(), 5, 1, 0, INFINITY, 1), nabla::ShapeError);
  EXPECT_THROW(Points<double>::uniform(executor(), 5, 1, NAN, 1, 1), nabla::ShapeError);
}

}  // namespace
