#include "executors.hpp"
#include "function_oracles.hpp"

#include <nabla/evaluate.hpp>

#include <iomanip>
#include <iostream>
#include <set>

// Every named function against its gradient differentiated by hand (function_oracles.hpp).

namespace nabla::test {
namespace {

template <class F>
constexpr bool any_dimension = !F::info.dimension.only_least;

/// n = 3 where the function accepts it; its own dimension, or 4, where not.
template <class F>
constexpr int small_dimension() {
  if (!any_dimension<F>) return static_cast<int>(F::info.dimension.least);
  return F::info.dimension.accepts(3) ? 3 : 4;
}

/// One code for all dimensions of functions that have several, to keep this file quick to compile.
template <class F>
auto for_any_dimension(const F& f) {
  if constexpr (any_dimension<F>) {
    return looped(f);
  } else {
    return f;
  }
}

/// Values and gradients on the host, component-major.
template <class T>
struct Evaluated {
  std::int64_t count;
  std::int64_t n;
  std::vector<T> points, value, gradient;
  Summary summary;

  T at(const std::vector<T>& numbers, std::int64_t point, std::int64_t component) const {
    return numbers[static_cast<std::size_t>(component * count + point)];
  }
};

template <class T, class F>
Evaluated<T> evaluate(const Executor& where, const F& f, const Points<T>& points) {
  const auto result = value_and_gradient(where, f, points);
  return {points.count(),         points.components(),       points.to_host(),
          result.value.to_host(), result.gradient.to_host(), result.summary};
}

template <class T, class F>
Evaluated<T> evaluate_in_box(const Executor& where, const F& f, std::int64_t count, std::int64_t n) {
  return evaluate<T>(where, f, Points<T>::uniform(where, count, n, F::info.low, F::info.high, 2024));
}

/// The largest errors, in ulp of the scales.
struct Worst {
  long double value = 0;
  long double gradient = 0;
};

template <class T, class Oracle>
Worst compare(const Evaluated<T>& got, const Oracle& oracle) {
  Worst worst;
  std::vector<Measured> x(static_cast<std::size_t>(got.n));
  Expected expected;
  for (std::int64_t p = 0; p < got.count; ++p) {
    for (std::int64_t i = 0; i < got.n; ++i) x[static_cast<std::size_t>(i)] = got.at(got.points, p, i);
    oracle(Variables(x), expected);
    worst.value = std::max(worst.value, error_in_ulp(got.at(got.value, p, 0), expected.value));
    for (std::int64_t i = 0; i < got.n; ++i) {
      const Measured& component = expected.gradient[static_cast<std::size_t>(i)];
      worst.gradient = std::max(worst.gradient, error_in_ulp(got.at(got.gradient, p, i), component));
    }
  }
  return worst;
}

template <class F>
auto oracle_of(const F& f) {
  return [f](Variables x, Expected& expected) { expect(f, x, expected); };
}

void report(const char* precision, std::string_view name, std::int64_t n, std::int64_t count, const Worst& worst) {
  std::cout << precision << std::setw(18) << name << "  n = " << n << std::setw(9) << count << " points" << std::fixed
            << std::setprecision(2) << "  value " << std::setw(5) << worst.value << "  gradient " << std::setw(5)
            << worst.gradient << " ulp of scale\n";
  std::ostringstream number;
  number << worst.gradient;
  ::testing::Test::RecordProperty(std::string(precision) + "_" + std::string(name) + "_" + std::to_string(n),
                                  number.str());
}

/// Ulp of the scale, for values and gradients, in both precisions.
constexpr long double bound = 4;

class Functions : public OnEveryExecutor {
 protected:
  /// A million points on one executor; fewer on one thread, which computes the same, and on a CUDA device, which may
  /// be emulated.
  std::int64_t many() const { return GetParam() == "cpu3" ? 1'000'000 : 2'000; }

  template <class T, class F>
  void check(const char* precision, const F& f, std::int64_t n, std::int64_t count) {
    const auto got = evaluate_in_box<T>(executor(), f, count, n);
    const Worst worst = compare(got, oracle_of(f));
    report(precision, F::info.name, n, count, worst);
    EXPECT_LE(worst.gradient, bound) << F::info.name << " in " << n << " variables, " << precision;
    EXPECT_LE(worst.value, bound) << F::info.name << " in " << n << " variables, " << precision;
    EXPECT_EQ(got.summary.nonfinite.count, 0) << F::info.name;
    if (const double least = f.minimum_value(n); F::info.minimum_known && least == least) {
      EXPECT_GE(got.summary.value.min, least) << F::info.name << " in " << n << " variables";
    }
  }

  template <class F>
  Evaluated<double> at(const F& f, const std::vector<double>& x) const {
    const auto n = static_cast<std::int64_t>(x.size());
    return evaluate<double>(executor(), for_any_dimension(f), Points<double>::from_host(executor(), x, n));
  }
};

TEST_P(Functions, AgreeWithTheClosedFormsInDoublePrecision) {
  functions::for_each([&]<class F>(const F& f) {
    constexpr int n = small_dimension<F>();
    check<double>("f64", fixed<n>(f), n, many());
    if constexpr (any_dimension<F>) check<double>("f64", looped(f), 8, many() / 10);
  });
}

TEST_P(Functions, AgreeWithTheClosedFormsInSinglePrecision) {
  functions::for_each([&]<class F>(const F& f) {
    constexpr int n = small_dimension<F>();
    check<float>("f32", fixed<n>(f), n, many() / 5);
  });
}

TEST_P(Functions, HaveTheirMinimumWhereTheySay) {
  int known = 0;
  functions::for_each([&]<class F>(const F& f) {
    for (const std::int64_t n : {1, 2, 3, 4, 5, 8}) {
      if (!F::info.dimension.accepts(n)) continue;
      SCOPED_TRACE(std::string(F::info.name) + " in " + std::to_string(n));
      const std::vector<double> x = f.minimizer(n);
      EXPECT_EQ(x.empty(), !F::info.minimum_known);
      if (x.empty()) continue;
      ++known;
      ASSERT_EQ(static_cast<std::int64_t>(x.size()), n);
      const auto got = at(f, x);

      // The closed forms at the very same rounded minimiser say what value and gradient are to be.
      Expected expected;
      expect(f, std::vector<Measured>(x.begin(), x.end()), expected);
      const Worst worst = compare(got, oracle_of(f));
      EXPECT_LE(worst.value, bound);
      EXPECT_LE(worst.gradient, bound);
      EXPECT_LE(error_in_ulp(f.minimum_value(n), expected.value), 1);
      EXPECT_LE(std::fabs(got.value[0] - f.minimum_value(n)), bound * ulp<double>(expected.value.scale));
      for (std::size_t i = 0; i < x.size(); ++i) {
        EXPECT_LE(std::fabs(got.gradient[i]), bound * ulp<double>(expected.gradient[i].scale));
      }
    }
  });
  EXPECT_GE(known, 60);
}

TEST_P(Functions, AreExactAtMinimaThatTextbookFormulasMiss) {
  const std::vector<double> zeros(5, 0.0), ones(5, 1.0);
  for (const auto& got : {at(functions::Ackley{}, zeros), at(functions::Levy{}, ones),
                          at(functions::Rastrigin{}, zeros), at(functions::Griewank{}, zeros)}) {
    EXPECT_EQ(got.value[0], 0.0);
    for (const double component : got.gradient) EXPECT_EQ(component, 0.0);
  }
}

TEST_P(Functions, KeepTheirDigitsNearTheMinimum) {
  // Ackley's cone: f = 4 r + (2 pi^2 e - 0.4) r^2 + O(r^3) in one variable; at r = 2^-40 the rest is below an ulp.
  const double r = 0x1p-40;
  const auto cone = at(functions::Ackley{}, {r});
  const double curvature = 2 * std::numbers::pi * std::numbers::pi * std::numbers::e - 0.4;
  EXPECT_DOUBLE_EQ(cone.value[0], 4 * r + curvature * r * r);
  EXPECT_DOUBLE_EQ(cone.gradient[0], 4 + 2 * curvature * r);
  // Rastrigin's bowl: (1 + 20 pi^2) r^2.
  const auto bowl = at(functions::Rastrigin{}, {r});
  EXPECT_DOUBLE_EQ(bowl.value[0], (1 + 20 * std::numbers::pi * std::numbers::pi) * r * r);
}

TEST_P(Functions, HaveTheDerivativesThatInnerKinksHide) {
  // x sin sqrt|x| is differentiable at 0 although sqrt|x| is not.
  const auto schwefel = at(functions::Schwefel{}, {0.0, 100.0});
  EXPECT_EQ(schwefel.gradient[0], 0.0);
  EXPECT_TRUE(std::isfinite(schwefel.gradient[1]));
  // At the tip of Ackley's cone in one variable only, the others still have their derivatives.
  const auto ackley = at(functions::Ackley{}, {0.0, 0.25});
  EXPECT_EQ(ackley.gradient[0], 0.0);
  EXPECT_GT(ackley.gradient[1], 0.0);
}

TEST_P(Functions, ReportTheSingularityOfTheLennardJonesPair) {
  const auto got = at(functions::LennardJones{}, {0.0, 0.0, 0.0});
  EXPECT_EQ(got.summary.nonfinite.count, 1);
  EXPECT_EQ(got.summary.nonfinite.first, 0);
}

TEST_P(Functions, TakeParameters) {
  const functions::LennardJones pair{.epsilon = 2.5, .sigma = 3};
  const auto far = at(pair, {3.0, 1.0, 2.0});
  EXPECT_LE(compare(far, oracle_of(pair)).gradient, bound);
  EXPECT_DOUBLE_EQ(at(pair, pair.minimizer(3)).value[0], -2.5);
  const functions::Neuron neuron{.input = {-0.5, 3}, .target = 0.75};
  EXPECT_LE(compare(at(neuron, {0.3, -1.0, 2.0}), oracle_of(neuron)).gradient, bound);
}

INSTANTIATE_TEST_SUITE_P(On, Functions, every_executor(), executor_name);

// The comparison itself: it has to see every fault, of any size that matters, in any function.

template <class Fault>
void expect_caught(const char* what, Fault fault) {
  functions::for_each([&]<class F>(const F& f) {
    constexpr int n = small_dimension<F>();
    const auto got = evaluate_in_box<double>(Executor::cpu(1), for_any_dimension(f), 1'000, n);
    const auto right = oracle_of(f);
    EXPECT_LE(compare(got, right).gradient, bound) << F::info.name;
    const auto wrong = [&](Variables x, Expected& expected) {
      right(x, expected);
      fault(expected);
    };
    EXPECT_GT(compare(got, wrong).gradient, 10 * bound) << what << " in " << F::info.name;
  });
}

TEST(ComparingWithClosedForms, CatchesAFlippedSign) {
  expect_caught("a flipped sign", [](Expected& e) { e.gradient[1] = -e.gradient[1]; });
}

TEST(ComparingWithClosedForms, CatchesAMissingFactor) {
  expect_caught("a missing factor", [](Expected& e) { e.gradient[0].value /= 2; });
}

TEST(ComparingWithClosedForms, CatchesAFewLostDigits) {
  expect_caught("a relative error of 1e-12", [](Expected& e) { e.gradient[0].value *= 1 + 1e-12L; });
}

TEST(ComparingWithClosedForms, CatchesNaN) {
  EXPECT_EQ(error_in_ulp(std::nan(""), Measured(1)), std::numeric_limits<long double>::infinity());
}

TEST(ComparingWithClosedForms, MeasuresInUlpOfTheTerms) {
  const Measured x = 1, y = 1 - 0x1p-30L;
  const Measured difference = x - y;
  EXPECT_EQ(difference.scale, 2 - 0x1p-30L);
  EXPECT_EQ(error_in_ulp(0x1p-30 + 0x1p-52, x - (1 - 0x1p-30L)), 1 / (2 - 0x1p-30L));
  EXPECT_EQ(square(difference).scale, 0x1p-60L + 2 * 0x1p-30L * difference.excess());
  EXPECT_EQ(error_in_ulp(1.0f + 0x1p-23f, Measured(1)), 1);
}

// What the functions say about themselves.

TEST(FunctionInfo, NamesAreDistinctAndFitACommandLine) {
  std::set<std::string_view> names;
  functions::for_each([&]<class F>(const F&) {
    names.insert(F::info.name);
    EXPECT_EQ(F::info.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"), std::string_view::npos) << F::info.name;
    EXPECT_FALSE(F::info.formula.empty() || F::info.source.empty()) << F::info.name;
    EXPECT_LT(F::info.low, F::info.high) << F::info.name;
  });
  EXPECT_EQ(names.size(), std::tuple_size_v<functions::All>);
  EXPECT_GE(names.size(), 26u);
}

TEST(FunctionInfo, DimensionsAreThoseThatTheCodeHas) {
  functions::for_each([]<class F>(const F&) {
    constexpr int own = dimension_of<F>();
    EXPECT_EQ(own == dynamic, any_dimension<F>) << F::info.name;
    if (own != dynamic) {
      EXPECT_EQ(own, F::info.dimension.least) << F::info.name;
    }
  });
}

TEST(FunctionInfo, DimensionRulesReadAsTheyCount) {
  using namespace functions;
  EXPECT_EQ(Himmelblau::info.dimension.text(), "n = 2");
  EXPECT_EQ(Rosenbrock::info.dimension.text(), "n >= 2");
  EXPECT_EQ(Powell::info.dimension.text(), "n = 4, 8, 12, ...");
  EXPECT_TRUE(Himmelblau::info.dimension.accepts(2));
  EXPECT_FALSE(Himmelblau::info.dimension.accepts(3));
  EXPECT_FALSE(Rosenbrock::info.dimension.accepts(1));
  EXPECT_TRUE(Rosenbrock::info.dimension.accepts(1'000'000));
  EXPECT_FALSE(Powell::info.dimension.accepts(6));
  EXPECT_FALSE(Powell::info.dimension.accepts(0));
  EXPECT_TRUE(Powell::info.dimension.accepts(8));
}

TEST(FunctionInfo, UnknownMinimaAreNotANumber) {
  EXPECT_TRUE(std::isnan(functions::Saddle::minimum_value(2)));
  EXPECT_TRUE(std::isnan(functions::Michalewicz::minimum_value(11)));
  EXPECT_TRUE(functions::Michalewicz::minimizer(11).empty());
  const functions::Neuron unreachable{.target = 1.5};
  EXPECT_TRUE(std::isnan(unreachable.minimum_value(3)));
  EXPECT_TRUE(unreachable.minimizer(3).empty());
}

}  // namespace
}  // namespace nabla::test
