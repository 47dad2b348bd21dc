// Where checks of gradients are easily fooled: infinities, wide ranges, claims with noise, what only large steps or
// only small steps see, points that are wrong, and functions that don't change at all.

#include <gtest/gtest.h>
#include <nabla/check.hpp>
#include <nabla/detail/cpu_tile.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

namespace {

using nabla::BatchView;
using nabla::check_gradient;
using nabla::CheckOptions;
using nabla::CheckReport;
using nabla::Executor;
using nabla::Formula;
using nabla::Points;
using nabla::Verdict;

constexpr double infinity = std::numeric_limits<double>::infinity();
const Executor where = Executor::cpu(2);

Points<double> box(std::int64_t count, std::int64_t n, double low, double high) {
  return Points<double>::uniform(where, count, n, low, high, 3);
}

/// -log(1 - x), and infinite from 1 on.
struct Barrier {
  static constexpr bool vectorizable = false;
  template <class Point>
  constexpr auto operator()(const Point& x) const {
    using S = typename Point::value_type;
    return x[0] < 1 ? -log(1 - x[0]) : S(infinity);
  }
};

/// Its gradient, -7 times as large beyond a place.
struct BarrierGradient {
  static constexpr bool vectorizable = false;
  double wrong_beyond;
  template <class Point>
  auto operator()(const Point& x) const {
    return std::array{x[0] > wrong_beyond ? -7 / (1 - x[0]) : 1 / (1 - x[0])};
  }
};

TEST(CheckDoubts, InfiniteValuesNearbyAgreeWithNothing) {
  const auto points = box(20'000, 1, 0, 0.999);
  EXPECT_EQ(check_gradient(where, Barrier{}, BarrierGradient{2}, points).verdict, Verdict::agree);
  EXPECT_EQ(check_gradient(where, Barrier{}, BarrierGradient{0.98}, points).verdict, Verdict::disagree);
}

TEST(CheckDoubts, InfiniteClaims) {
  const Formula f = Formula::parse("x^2 + y"), infinite = Formula::parse("where(abs(x) < 0.01, 1/0, 2*x); 1 + 0*y");
  const CheckReport report = check_gradient(where, f, infinite, box(20'000, 2, -1, 1));
  EXPECT_EQ(report.verdict, Verdict::disagree);
  EXPECT_GT(report.disagreeing, 100);
}

TEST(CheckDoubts, WideRanges) {
  for (const double size : {30.0, 100.0, 300.0, 500.0}) {
    const auto points = box(1'000, 1, -size, size);
    EXPECT_EQ(check_gradient(where, Formula::parse("exp(x)"), points).verdict, Verdict::agree) << size;
    EXPECT_EQ(check_gradient(where, Formula::parse("exp(x)"), Formula::parse("2*exp(x)"), points).verdict,
              Verdict::disagree)
        << size;
  }
}

/// exp with a gradient that is off by up to `size` of itself, at random.
struct Jittery {
  static constexpr bool vectorizable = false;
  double size;
  template <class Point>
  auto operator()(const Point& x) const {
    return exp(x[0]);
  }
  template <class Point, class Gradient>
  void gradient(const Point& x, Gradient& g) const {
    const auto bits = std::bit_cast<std::uint64_t>(x[0].value) * 0x9e3779b97f4a7c15u;
    const double random = static_cast<double>((bits ^ (bits >> 31)) >> 11) * 0x1p-52 - 1;
    g[0] = exp(x[0]) * (1 + size * random);
  }
};

TEST(CheckDoubts, NoiseOfTheClaimIsNoAgreement) {
  const auto points = box(500, 1, -2, 2);
  EXPECT_EQ(check_gradient(where, Jittery{0}, points).verdict, Verdict::agree);
  for (const double size : {1e-6, 1e-2, 1.0}) {
    const CheckReport report = check_gradient(where, Jittery{size}, points);
    EXPECT_NE(report.verdict, Verdict::agree) << size;
    EXPECT_GT(report.max_relative_error, size / 100) << size;
  }
}

TEST(CheckDoubts, FineStructure) {
  for (const double size : {1e5, 1e6, 1e7}) {
    EXPECT_EQ(check_gradient(where, Formula::parse("x^2 + cos(10*x)"), box(1'000, 1, -size, size)).disagreeing, 0);
  }
  EXPECT_EQ(check_gradient(where, Formula::parse("(cosh(x) - 1)/x"), Formula::parse("0.5 + x^2/8"),
                           box(1'000, 1, -1e-2, 1e-2))
                .disagreeing,
            0);
}

TEST(CheckDoubts, LargeStepsDoNotOutvoteSmallOnes) {
  std::vector<double> numbers;
  for (int k = 0; k < 20'000; ++k) {
    const bool near = k % 100 == 37;
    numbers.push_back(near ? 1e-9 * (k % 7 + 1) : 0.5 + (k % 13) / 10.0);
    numbers.push_back(1 + (k % 11) / 10.0);
  }
  const auto points = Points<double>::from_host(where, numbers, 2);
  const Formula f = Formula::parse("sqrt(x^2 + 1e-18) + y");
  EXPECT_NE(check_gradient(where, f, points).verdict, Verdict::disagree);
  const CheckReport zero =
      check_gradient(where, f, Formula::parse("where(abs(x) < 1e-8, 0, x/sqrt(x^2 + 1e-18)); 1 + 0*y"), points);
  EXPECT_EQ(zero.verdict, Verdict::disagree);
  for (double& x : numbers) x = x < 1e-7 ? 0 : x;
  const CheckReport cusp =
      check_gradient(where, Formula::parse("1e-4*sqrt(abs(x)) + y"), Points<double>::from_host(where, numbers, 2));
  EXPECT_EQ(cusp.verdict, Verdict::unresolved);
  EXPECT_EQ(cusp.nonsmooth_points, 200);
  // Odd around 0, so that no bend shows it.
  const CheckReport step = check_gradient(where, Formula::parse("1e-10*tanh(1e6*x) + y"),
                                          Formula::parse("0*x; 1 + 0*y"), Points<double>::from_host(where, numbers, 2));
  EXPECT_NE(step.verdict, Verdict::agree);
  EXPECT_EQ(step.points_examined, 200 + 16) << describe(step);
}

// Where the slope is 2, and 1 from afar, neither is called wrong: of the one the larger steps are sure, of the other
// the smaller ones.
TEST(CheckDoubts, SmallStepsAndLargeOnesAreBothHeard) {
  const auto origin = Points<double>::from_host(where, std::vector<double>{0}, 1);
  for (double width = 4e-12; width < 1e-5; width *= 1.3) {
    const Formula f = Formula::parse("x + x*exp(-(x/b)^2)", {.parameters = {{"b", width}}});
    EXPECT_NE(check_gradient(where, f, origin).verdict, Verdict::disagree) << width;
    if (width < 2e-11) continue;
    EXPECT_EQ(check_gradient(where, f, Formula::parse("1 + 0*x"), origin).verdict, Verdict::unresolved) << width;
    EXPECT_EQ(check_gradient(where, f, Formula::parse("3 + 0*x"), origin).verdict, Verdict::disagree) << width;
    EXPECT_EQ(check_gradient(where, f, Formula::parse("0/(0*x)"), origin).verdict, Verdict::unresolved) << width;
  }
}

// The same for steps of the size of a variable that is small beside the others: it is 0.5 there, and 1 from afar.
TEST(CheckDoubts, StepsOfAVariablesOwnSizeDoNotSilenceOthers) {
  for (const double x : {1e-16, 1e-20, 1e-32}) {
    const auto point = Points<double>::from_host(where, std::vector<double>{x}, 1);
    const Formula f = Formula::parse("atan(3*x)/3 - 0.5*b*tanh(x/b)", {.parameters = {{"b", 10 * x}}});
    const CheckOptions options{.every_component = true, .scale = {1}};
    EXPECT_NE(check_gradient(where, f, point, options).verdict, Verdict::disagree) << x;
    const auto verdict = [&](const char* claim) {
      return check_gradient(where, f, Formula::parse(claim, {.variables = {"x"}}), point, options).verdict;
    };
    EXPECT_EQ(verdict("0.75"), Verdict::unresolved) << x;
    EXPECT_EQ(verdict("0.3"), Verdict::disagree) << x;
    EXPECT_EQ(verdict("1.5"), Verdict::disagree) << x;
  }
}

TEST(CheckDoubts, SlopesBesideACornerHaveBars) {
  const auto origin = Points<double>::from_host(where, std::vector<double>{0}, 1);
  const auto verdict = [&](const char* f, const char* claim) {
    const CheckReport report =
        check_gradient(where, Formula::parse(f), Formula::parse(claim, {.variables = {"x"}}), origin);
    EXPECT_EQ(report.worst.front().verdict, report.verdict) << f << ", " << claim;
    return report.verdict;
  };
  for (const char* const claim : {"-1", "-0.5", "0", "0.5", "1"}) {
    EXPECT_EQ(verdict("abs(x)", claim), Verdict::unresolved) << claim;
  }
  for (const char* const claim : {"1.0001", "-1.0001"}) {
    EXPECT_EQ(verdict("abs(x)", claim), Verdict::disagree) << claim;
    EXPECT_EQ(verdict("1e6 + abs(x)", claim), Verdict::disagree) << claim;
  }
  for (const char* const claim : {"1.00001", "-1.00001"}) {
    EXPECT_EQ(verdict("1e10 + abs(x)", claim), Verdict::unresolved) << claim;
  }
}

TEST(CheckDoubts, ClaimsThatAreNotFinite) {
  const auto point = Points<double>::from_host(where, std::vector<double>{0.3}, 1);
  for (const char* const claim : {"0/(0*x)", "1/(0*x)", "-1/(0*x)"}) {
    const auto verdict = [&](const char* f) {
      return check_gradient(where, Formula::parse(f), Formula::parse(claim, {.variables = {"x"}}), point).verdict;
    };
    for (const char* const f : {"x", "1e6 + x", "1e290*x^3", "1e-290*x^3"}) {
      EXPECT_EQ(verdict(f), Verdict::disagree) << f << ", " << claim;
    }
    // Differences know too little; a derivative's intermediate results may overflow or underflow where f's don't.
    for (const char* const f : {"1e12 + x", "1e303*x^3", "1e-304*x^3"}) {
      EXPECT_EQ(verdict(f), Verdict::unresolved) << f << ", " << claim;
    }
  }
}

TEST(CheckDoubts, SlowLimits) {
  for (const char* const power : {"0.05", "0.25", "0.5", "0.75"}) {
    const auto origin = Points<double>::from_host(where, std::vector<double>{0, 0.5}, 2);
    const Formula f = Formula::parse("x*abs(x)^" + std::string(power) + " + y");
    const CheckReport report = check_gradient(where, f, Formula::parse("0*x; 1 + 0*y"), origin);
    EXPECT_NE(report.verdict, Verdict::disagree) << power;
    for (const auto& row : report.worst) {
      if (row.component == 0) {
        EXPECT_LE(std::fabs(row.numeric), row.error_bar) << power;
      }
    }
  }
}

TEST(CheckDoubts, ConstantsAndDeadZones) {
  EXPECT_EQ(check_gradient(where, Formula::parse("2.5", {.variables = {"x"}}), box(100, 1, -1, 1)).verdict,
            Verdict::agree);
  const CheckReport dead = check_gradient(where, Formula::parse("3 + max(x - 1, 0)*y"), box(10'000, 2, -2, 3));
  EXPECT_EQ(dead.disagreeing, 0);
  EXPECT_LT(dead.points_examined, 100);
  EXPECT_LT(dead.max_relative_error, 1e-8);
  EXPECT_EQ(check_gradient(where, Formula::parse("3 + max(x - 1, 0)"), box(10'000, 1, 0, 3)).verdict, Verdict::agree);
  EXPECT_EQ(check_gradient(where, Formula::parse("1 + min(max(x, 0), 1)"), box(100, 1, 1.5, 2)).verdict,
            Verdict::agree);
  EXPECT_EQ(check_gradient(where, Formula::parse("x - x"), Formula::parse("1e-3 + 0*x"), box(100, 1, 1, 2)).verdict,
            Verdict::unresolved);
}

/// The sum of i x_i, with components `first` and `first` + 1 of the gradient swapped.
struct Swapped {
  static constexpr bool unrolled = false;
  std::int64_t first;
  template <class Point>
  constexpr auto operator()(const Point& x) const {
    typename Point::value_type sum = 0;
    for (std::int64_t i = 0; i < x.size(); ++i) sum += static_cast<double>(i) * x[i];
    return sum;
  }
  template <class Point, class Gradient>
  constexpr void gradient(const Point& x, Gradient& g) const {
    for (std::int64_t i = 0; i < x.size(); ++i) {
      g[i] = static_cast<double>(i == first ? i + 1 : i == first + 1 ? i - 1 : i);
    }
  }
};

TEST(CheckDoubts, SwappedNeighboursOfMany) {
  for (std::int64_t first = 3; first < 299; first += 37) {
    const CheckReport report = check_gradient(where, Swapped{first}, box(5, 300, -1, 1));
    EXPECT_EQ(report.verdict, Verdict::disagree) << first;
    ASSERT_FALSE(report.worst.empty());
    EXPECT_EQ(report.worst.front().component, std::clamp(report.worst.front().component, first, first + 1));
  }
}

/// x + y^2 where the derivatives are swapped beyond a place, so that one direction in many does not see it.
struct SwappedBeyond {
  double place;
  static constexpr bool vectorizable = false;
  static constexpr int dimension = 2;
  template <class Point>
  auto operator()(const Point& x) const {
    return x[0] + 3 * x[1];
  }
  template <class Point, class Gradient>
  void gradient(const Point& x, Gradient& g) const {
    g[0] = x[0] > place ? 3 : 1;
    g[1] = x[0] > place ? 1 : 3;
  }
};

TEST(CheckDoubts, AFewDirectionsSeeSwappedComponents) {
  const auto points = box(400, 2, 0.5, 1);
  std::vector<double> numbers = points.to_host();
  std::partial_sort(numbers.begin(), numbers.begin() + 2, numbers.begin() + 400, std::greater<>());
  const double place = (numbers[0] + numbers[1]) / 2;  // one point of 400, and none of the sample
  int missed = 0;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    missed += check_gradient(where, SwappedBeyond{place}, points, {.directions = 1, .seed = seed}).disagreeing == 0;
  }
  EXPECT_GT(missed, 0);  // 1 of 128 random directions has two equal components
  EXPECT_LT(missed, 10);
  EXPECT_EQ(check_gradient(where, SwappedBeyond{place}, points).disagreeing, 1);
}

/// x + a sin x - a sin x. Imaginary parts of complex numbers cancel as numbers do.
struct Cancelling {
  double a;
  static constexpr int dimension = 1;
  static constexpr bool takes_complex = true;
  template <class Point>
  auto operator()(const Point& x) const {
    using std::sin;
    return (x[0] + a * sin(x[0])) - a * sin(x[0]);
  }
};

TEST(CheckDoubts, ComplexStepsThatCancel) {
  for (const double a : {1e7, 1e8, 3e8, 1e9, 1e10, 1e12}) {
    const CheckReport report =
        check_gradient(where, Cancelling{a}, Formula::parse("1 + 0*x"), box(300, 1, 0.5, 3), {.every_component = true});
    EXPECT_EQ(report.disagreeing, 0) << a;
  }
}

/// x^2, whose gradient is `odd` instead at every odd evaluation.
struct Flaky {
  double even, odd;
  std::atomic<int>* calls;
  static constexpr int dimension = 1;
  static constexpr bool vectorizable = false;
  template <class Point>
  auto operator()(const Point& x) const {
    return 0 * x[0];
  }
  template <class Point, class Gradient>
  void gradient(const Point&, Gradient& g) const {
    g[0] = calls->fetch_add(1) % 2 == 0 ? even : odd;
  }
};

TEST(CheckDoubts, GradientsThatChangeInNaNOrSign) {
  const auto point = Points<double>::from_host(Executor::cpu(1), std::vector<double>{0.5}, 1);
  const auto spread = [&](double even, double odd) {
    std::atomic<int> calls = 0;
    return check_gradient(Executor::cpu(1), Flaky{even, odd, &calls}, point).spread;
  };
  EXPECT_EQ(spread(0, 0), 0);
  EXPECT_EQ(spread(0, std::numeric_limits<double>::quiet_NaN()), infinity);
  EXPECT_GT(spread(0, -0.0), 0);
}

TEST(CheckDoubts, WrongPointsAfterVeryManyCorners) {
  std::vector<double> numbers(30'000, 0.0);
  for (int k = 0; k < 500; ++k) numbers.push_back(1 + k / 500.0);
  const CheckReport report =
      check_gradient(where, Formula::parse("abs(x)"), Formula::parse("sign(x)*where(x > 0.5, 7, 1)"),
                     Points<double>::from_host(where, numbers, 1));
  EXPECT_EQ(report.verdict, Verdict::disagree);
  EXPECT_GT(report.not_examined, 5'000);
}

TEST(CheckDoubts, TheSampleIsOfPointsWhereTheFunctionIsFinite) {
  const CheckReport report = check_gradient(where, Formula::parse("sqrt(x)*y"), box(20'000, 2, -100, 1));
  EXPECT_GT(report.points_not_finite, 19'000);
  EXPECT_EQ(report.points_examined, 16);
}

struct Gradient3 {
  template <class Point>
  constexpr auto operator()(const Point& x) const {
    return std::array{x[0], x[0], x[0]};
  }
};
struct ScaledProduct {
  double scale;
  template <class Point>
  constexpr auto operator()(const Point& x) const {
    return scale * x[0] * x[1] * x[2];
  }
};

TEST(CheckDoubts, WhatCannotBeRightIsRefused) {
  const auto message = [](auto call) -> std::string {
    try {
      call();
    } catch (const nabla::ShapeError& error) {
      return error.what();
    }
    return "";
  };
  const Formula f = Formula::parse("x*y");
  const auto points = box(4, 2, 0, 1);
  const auto with = [&](const CheckOptions& options) {
    return message([&] { check_gradient(where, f, points, options); });
  };
  EXPECT_EQ(with({.tolerance = 1e-16}),
            "check_gradient: the tolerance must be at least 1.137e-13, which rounding does, found 1e-16");
  EXPECT_EQ(with({.worst = -3}), "check_gradient: 0 or more rows of the worst, found -3");
  EXPECT_EQ(with({.scale = {1, 0}}), "check_gradient: the scale must be positive and finite");
  EXPECT_EQ(with({.variables = {"x"}}), "check_gradient: a name for each of 2 variables, found 1");
  EXPECT_EQ(message([&] { check_gradient(where, f, BatchView<const double>(nullptr, 4, 2)); }),
            "check_gradient: points has the shape (4, 2) but no memory");
  EXPECT_EQ(message([&] { check_gradient(where, f, Gradient3{}, points); }),
            "check_gradient: 2 variables, the gradient has 3 components");
  EXPECT_EQ(message([&] { check_gradient(where, ScaledProduct{2}, Gradient3{}, box(4, 2, 0, 1)); }),
            "check_gradient: 2 variables, the gradient has 3 components");
  EXPECT_NE(message([&] {
              check_gradient(
                  where, ScaledProduct{2}, [](const auto&, auto& g) { g[0] = 1; }, points);
            }).find("takes 3 variables, the points have 2"),
            std::string::npos);
  EXPECT_NE(message([&] {
              check_gradient(where, ScaledProduct{2}, box(0, 2, 0, 1));
            }).find("takes 3 variables, the points have 2"),
            std::string::npos);
}

// With caches smaller than its results, an operation's tiles have a second destination.
TEST(CheckDoubts, AFormulasFirstStageWritesPastTheCachesToo) {
  constexpr std::int64_t count = 256, n = 2, rows = 2 + nabla::detail::most_ladder_directions;
  const Formula f = Formula::parse("x^2*y + sin(x*y)");
  auto plan = nabla::detail::ladder_plan<double>({}, 1e-8, nabla::detail::precision_of<double>);
  const std::array<double, n> direction{1.25, -1.5};
  plan.directions = direction.data();
  plan.direction_count = 1;
  const nabla::detail::ValueBody<Formula, nabla::dynamic> value{f};
  const nabla::detail::FormulaLadder<double> body{f, plan, nabla::detail::operation<double, Formula>("f", value, n)};
  const auto operation = nabla::detail::formula_ladder<double>(body);
  struct alignas(64) Numbers {
    std::array<double, count * rows> x{};
  };
  static Numbers in, gradient, out, copy;
  for (std::size_t p = 0; p < count; ++p) {
    const double x = in.x[p] = 0.25 + static_cast<double>(p) / 100, y = in.x[count + p] = 1.5;
    gradient.x[p] = 2 * x * y + y * std::cos(x * y);
    gradient.x[count + p] = x * x + x * std::cos(x * y);
  }
  nabla::detail::Tile<double> tile{};
  tile.count = count;
  tile.dimension = n;
  tile.in = in.x.data();
  tile.extra = gradient.x.data();
  tile.in_stride = tile.extra_stride = count;
  for (int g = 0; g < 2; ++g) {
    tile.out[g] = out.x.data() + 2 * g * count;
    tile.copy[g] = copy.x.data() + 2 * g * count;
    tile.out_stride[g] = tile.copy_stride[g] = count;
  }
  copy.x.fill(-1);
  operation.run_tile(operation.body, tile);
  for (std::size_t k = 0; k < 3 * count; ++k) EXPECT_EQ(copy.x[k], out.x[k]) << k;
  EXPECT_TRUE(std::all_of(copy.x.begin(), copy.x.begin() + count, [](double outcome) { return outcome == 0; }));
}

}  // namespace
