// Compiled with -O0, as programs are that people debug: all elementary functions in lanes.

#include <gtest/gtest.h>
#include <nabla/check.hpp>
#include <nabla/nabla.hpp>

namespace nabla::test {
namespace {

#ifdef __OPTIMIZE__
#error "this test is of code that is not optimised"
#endif

struct All {
  static constexpr int dimension = 3;  // so many that derivatives are accumulated in reverse
  template <class Point>
  constexpr auto operator()(const Point& p) const {
    using namespace nabla;  // NOLINT: all of them
    const auto& x = p[0];
    const auto& y = p[1];
    const auto& z = p[2];
    const auto roots = sqrt(x) + cbrt(x) + abs(x) + exp(x) + expm1(x);
    const auto logarithms = log(x) + log1p(x) + log2(x) + log10(x) + log(y * y);
    const auto circular = sin(x) + cos(x) + tan(x) + asin(x) + acos(x) + atan(x) + atan2(y, x);
    const auto hyperbolic = sinh(x) + cosh(x) + tanh(x) + asinh(x) + acosh(1.0 + x) + atanh(x);
    return roots + logarithms + circular + hyperbolic + erf(x) + erfc(y) + pow(x, y) + hypot(x, y) + max(x, y) +
           min(x, 2.0 * y) + z * x;
  }
};

template <class T>
class Unoptimized : public ::testing::Test {};
using Precisions = ::testing::Types<float, double>;
TYPED_TEST_SUITE(Unoptimized, Precisions);

TYPED_TEST(Unoptimized, GivesTheValues) {
  using T = TypeParam;
  const auto where = Executor::cpu(1);
  const auto points = Points<T>::uniform(where, 100, 3, 0.2, 0.8, 1);  // packs and a rest
  const auto got = value_and_gradient(where, All{}, points).value.to_host();
  const std::vector<T> x = points.to_host();
  for (std::size_t p = 0; p < 100; ++p) {
    const std::array at{static_cast<double>(x[p]), static_cast<double>(x[100 + p]), static_cast<double>(x[200 + p])};
    const double expected = All{}(at);
    EXPECT_NEAR(static_cast<double>(got[p]), expected, 200 * std::numeric_limits<T>::epsilon());
  }
}

TYPED_TEST(Unoptimized, GivesTheGradients) {
  const auto where = Executor::cpu(1);
  const auto points = Points<TypeParam>::uniform(where, 100, 3, 0.2, 0.8, 1);
  const CheckReport report = check_gradient(where, All{}, points);
  EXPECT_EQ(report.verdict, Verdict::agree) << describe(report);
}

}  // namespace
}  // namespace nabla::test
