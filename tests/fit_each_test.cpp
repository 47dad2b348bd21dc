#include "decays.hpp"

#include <nabla/fit_each.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <string>
#include <vector>

// Many fits at once: parameters that are known, an oracle in long double, and that fits do not know of each other.

namespace nabla {
namespace {

using namespace test;

bool same_bits(double a, double b) { return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b); }

void expect_parameters(const EachFound<double>& found, const Decays& decays, double tolerance) {
  const std::vector<double> x = found.x.to_host();
  for (std::size_t i = 0; i < x.size(); ++i) ASSERT_NEAR(x[i], decays.parameters[i], tolerance) << i;
}

TEST(FitEach, FindsParametersOfExactSamples) {
  const Executor where = Executor::cpu(2);
  const Decays decays(500);
  const auto found = fit_each(where, Decay(), decays.at(where), decays.columns(), tight);
  EXPECT_EQ(found.report.converged(), 500) << describe(found.report);
  EXPECT_EQ(found.report.method, Method::levenberg_marquardt);
  expect_parameters(found, decays, 1e-8);
  for (const FormulaEngine engine : {FormulaEngine::interpreter, FormulaEngine::automatic}) {
    expect_parameters(fit_each(where, decay_formula(engine), decays.at(where), decays.columns(), tight), decays, 1e-8);
  }
}

TEST(FitEach, ValuesAndGradientsAreThoseOfTheSum) {
  const Executor where = Executor::cpu(2);
  const Decays decays(100, 0.1);
  EachOptions options = tight;
  options.max_iterations = 0;
  for (const auto& found : {fit_each(where, Decay(), decays.at(where), decays.columns(), options),
                            fit_each(where, decay_formula(), decays.at(where), decays.columns(), options)}) {
    for (std::int64_t k = 0; k < decays.count; ++k) {
      long double squares = 0, g[3] = {};  // at (1, 1, 0)
      for (std::size_t r = 0; r < static_cast<std::size_t>(rows); ++r) {
        const long double t = decays.times[r], e = std::exp(-t);
        const long double residual =
            e - static_cast<long double>(decays.samples[static_cast<std::size_t>(k * rows) + r]);
        squares += residual * residual;
        g[0] += residual * e;
        g[1] -= residual * e * t;
        g[2] += residual;
      }
      ASSERT_NEAR(found.value.view()(k), static_cast<double>(squares / 2), 1e-12);
      ASSERT_NEAR(found.gradient_norm.view()(k),
                  static_cast<double>(std::sqrt(g[0] * g[0] + g[1] * g[1] + g[2] * g[2])), 1e-11);
    }
  }
}

TEST(FitEach, OtherMethodsFindThemToo) {
  const Executor where = Executor::cpu(2);
  const Decays decays(100);
  for (const Method method : {Method::bfgs, Method::lbfgs, Method::barzilai_borwein}) {
    const EachOptions options{.method = method, .relative_gradient_tolerance = 1e-10};
    const auto found = fit_each(where, Decay(), decays.at(where), decays.columns(), options);
    EXPECT_EQ(found.report.converged(), 100) << describe(found.report);
    expect_parameters(found, decays, 1e-6);
    expect_parameters(fit_each(where, decay_formula(), decays.at(where), decays.columns(), options), decays, 1e-6);
  }
}

TEST(FitEach, EqualsGaussNewtonInLongDouble) {
  const Executor where = Executor::cpu(2);
  const Decays decays(200, 0.05);
  const auto found = fit_each(where, Decay(), decays.at(where), decays.columns(), tight);
  const auto of_formula = fit_each(where, decay_formula(), decays.at(where), decays.columns(), tight);
  EXPECT_EQ(found.report.converged(), 200) << describe(found.report);
  const std::vector<double> x = found.x.to_host(), y = of_formula.x.to_host(), value = found.value.to_host();
  for (std::int64_t k = 0; k < decays.count; ++k) {
    const auto right = oracle(decays, k);
    const auto at = static_cast<std::size_t>(k);
    for (std::size_t i = 0; i < 3; ++i) {
      const auto size = static_cast<double>(std::abs(right[i])) + 1;
      ASSERT_NEAR(x[3 * at + i], static_cast<double>(right[i]), 1e-9 * size) << k << " " << i;
      ASSERT_NEAR(y[3 * at + i], static_cast<double>(right[i]), 1e-9 * size) << k << " " << i;
    }
    long double squares = 0;
    for (std::size_t r = 0; r < static_cast<std::size_t>(rows); ++r) {
      const long double residual = right[0] * std::exp(-right[1] * static_cast<long double>(decays.times[r])) +
                                   right[2] - static_cast<long double>(decays.samples[at * rows + r]);
      squares += residual * residual;
    }
    ASSERT_NEAR(value[at], static_cast<double>(squares / 2), 1e-12) << k;
  }
}

/// All that is known of each fit, to be compared bit by bit.
void expect_same(const EachFound<double>& a, std::int64_t of_a, const EachFound<double>& b, std::int64_t of_b) {
  const auto i = static_cast<std::size_t>(of_a), j = static_cast<std::size_t>(of_b);
  for (std::int64_t c = 0; c < a.x.components(); ++c) {
    ASSERT_TRUE(same_bits(a.x.view()(of_a, c), b.x.view()(of_b, c))) << of_a << " " << of_b;
  }
  ASSERT_TRUE(same_bits(a.value.view()(of_a), b.value.view()(of_b))) << of_a << " " << of_b;
  ASSERT_TRUE(same_bits(a.gradient_norm.view()(of_a), b.gradient_norm.view()(of_b))) << of_a << " " << of_b;
  ASSERT_EQ(a.iterations[i], b.iterations[j]);
  ASSERT_EQ(a.evaluations[i], b.evaluations[j]);
  ASSERT_EQ(a.reason[i], b.reason[j]);
}

template <class Model>
void expect_independence(const Model& model) {
  const Decays decays(333, 0.1);
  const auto all = fit_each(Executor::cpu(1), model, decays.at(Executor::cpu(1)), decays.columns(), tight);
  for (const int threads : {2, 5}) {
    const Executor where = Executor::cpu(threads);
    const auto again = fit_each(where, model, decays.at(where), decays.columns(), tight);
    for (std::int64_t k = 0; k < decays.count; ++k) expect_same(all, k, again, k);
  }
  // Backwards, by strides; then some of them alone.
  const Executor where = Executor::cpu(2);
  const std::int64_t last = decays.count - 1;
  // Samples row by row, as NumPy's Fortran order has them.
  std::vector<double> turned;
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t k = 0; k <= last; ++k) turned.push_back(decays.y()(k, r));
  }
  const BatchView<const double> by_rows(turned.data(), decays.count, rows, 1, decays.count);
  const auto of_turned = fit_each(where, model, decays.at(where), {decays.t(), by_rows}, tight);
  for (std::int64_t k = 0; k <= last; ++k) expect_same(all, k, of_turned, k);
  const BatchView<const double> backwards(decays.samples.data() + last * rows, decays.count, rows, -rows, 1);
  const auto reversed = fit_each(where, model, decays.at(where), {decays.t(), backwards}, tight);
  for (std::int64_t k = 0; k < decays.count; ++k) expect_same(all, k, reversed, last - k);
  for (std::int64_t k = 0; k <= last; k += 4) {  // in a state that nobody used before
    const auto start = Points<double>::from_host(where, std::vector<double>{1, 1, 0}, n);
    const BatchView<const double> own(decays.samples.data() + k * rows, 1, rows, rows, 1);
    expect_same(all, k, fit_each(where, model, start, {decays.t(), own}, tight), 0);
  }
}
TEST(FitEach, DoesNotDependOnOtherFitsOrderOrThreads) {
  expect_independence(Decay());
  expect_independence(decay_formula(FormulaEngine::interpreter));
}

TEST(FitEach, BadDataSpoilTheirOwnFitOnly) {
  const Executor where = Executor::cpu(2);
  const Decays good(100, 0.1);
  Decays bad = good;
  bad.samples[17 * rows + 5] = std::numeric_limits<double>::quiet_NaN();
  bad.samples[40 * rows] = std::numeric_limits<double>::infinity();
  bad.starts[3 * 60 + 1] = std::numeric_limits<double>::quiet_NaN();
  bad.starts[3 * 61 + 1] = -1e6;  // where the model overflows
  const auto expect = [&](const auto& model) {
    const auto right = fit_each(where, model, good.at(where), good.columns(), tight);
    const auto found = fit_each(where, model, bad.at(where), bad.columns(), tight);
    for (std::int64_t k = 0; k < good.count; ++k) {
      if (k == 17 || k == 40 || k == 60 || k == 61) {
        EXPECT_EQ(found.reason[static_cast<std::size_t>(k)], StopReason::not_finite) << k;
      } else {
        expect_same(right, k, found, k);
      }
    }
    EXPECT_EQ(found.report.count(StopReason::not_finite), 4);
  };
  expect(Decay());
  expect(decay_formula());
}

/// (a + b) t + 0 c: only a sum of two parameters is determined, and a third not at all.
struct Undetermined {
  static constexpr int variables = 3, data = 2;
  template <class X, class D>
  constexpr auto operator()(const X& x, const D& d) const {
    return (x[0] + x[1]) * d[0] + 0 * x[2] - d[1];
  }
};
TEST(FitEach, JacobiansMayLackRank) {
  const Executor where = Executor::cpu(1);
  const std::vector<double> t{1, 2, 3, 4}, y{3, 6, 9, 12};
  const auto start = Points<double>::from_host(where, std::vector<double>{5, -1, 7}, 3);
  const auto found = fit_each(where, Undetermined(), start, {{t.data(), 1, 4, 4, 1}, {y.data(), 1, 4, 4, 1}}, tight);
  const std::vector<double> x = found.x.to_host();
  EXPECT_EQ(found.report.converged(), 1) << describe(found.report);
  EXPECT_NEAR(x[0] + x[1], 3, 1e-10);
  EXPECT_NEAR(x[0] - x[1], 6, 1e-8);  // the step is the shortest
  EXPECT_EQ(x[2], 7);
}

/// The line through (0, 0), with a weight for each row and a scale for each fit.
struct WeightedLine {
  static constexpr int variables = 1, data = 4;
  template <class X, class D>
  constexpr auto operator()(const X& x, const D& d) const {
    return d[2] * (d[3] * x[0] * d[0] - d[1]);
  }
};
TEST(FitEach, TakesWeightsAndNumbersOfEachFit) {
  const Executor where = Executor::cpu(1);
  constexpr std::int64_t fits = 20;
  const std::vector<double> t{1, 2, 3, 4, 5}, w{1, 0.5, 2, 1, 0};
  std::vector<double> y, scale;
  for (std::int64_t k = 0; k < fits; ++k) {
    scale.push_back(1 + static_cast<double>(k));
    for (std::size_t r = 0; r < 5; ++r) y.push_back(r == 4 ? 1e6 : std::sin(static_cast<double>(5 * k) + t[r]));
  }
  const auto starts = Points<double>::from_host(where, std::vector<double>(fits, 0), 1);
  const FitColumns<double> columns{
      {t.data(), 1, 5, 5, 1}, {y.data(), fits, 5, 5, 1}, {w.data(), 1, 5, 5, 1}, {scale.data(), fits, 1, 1, 1}};
  const auto formula = Formula::parse("w*(s*k*t - y)", {.variables = {"k"}, .data = {"t", "y", "w", "s"}});
  const auto found = fit_each(where, WeightedLine(), starts, columns, tight);
  const auto of_formula = fit_each(where, formula, starts, columns, tight);
  for (std::size_t k = 0; k < fits; ++k) {
    double ty = 0, tt = 0;
    for (std::size_t r = 0; r < 5; ++r) {
      ty += w[r] * w[r] * t[r] * y[5 * k + r];
      tt += w[r] * w[r] * t[r] * t[r];
    }
    EXPECT_NEAR(found.x.to_host()[k], ty / tt / scale[k], 1e-12);
    EXPECT_NEAR(of_formula.x.to_host()[k], ty / tt / scale[k], 1e-12);
  }
}

TEST(FitEach, StaysWithinBounds) {
  const Executor where = Executor::cpu(1);
  const Decays decays(100, 0.05);
  EachOptions options = tight;
  options.lower = {0, 0, 0.25};
  options.upper = {10, 10, 10};
  const auto found = fit_each(where, Decay(), decays.at(where), decays.columns(), options);
  const auto free = fit_each(where, Decay(), decays.at(where), decays.columns(), tight);
  EXPECT_EQ(found.report.converged(), 100) << describe(found.report);
  for (std::int64_t k = 0; k < decays.count; ++k) {
    const double c = free.x.view()(k, 2), bounded = found.x.view()(k, 2);
    if (c > 0.26) {
      EXPECT_NEAR(bounded, c, 1e-8) << k;
    } else if (c < 0.24) {
      EXPECT_EQ(bounded, 0.25) << k;
    }
    EXPECT_GE(found.value.view()(k), free.value.view()(k) * (1 - 1e-12)) << k;
  }
}

TEST(FitEach, SinglePrecision) {
  const Executor where = Executor::cpu(2);
  const Decays decays(100);
  const std::vector<float> starts(decays.starts.begin(), decays.starts.end()),
      t(decays.times.begin(), decays.times.end()), y(decays.samples.begin(), decays.samples.end());
  const auto at = Points<float>::from_host(where, starts, n);
  const FitColumns<float> columns{{t.data(), 1, rows, rows, 1}, {y.data(), decays.count, rows, rows, 1}};
  const EachOptions options{.method = Method::levenberg_marquardt, .relative_gradient_tolerance = 1e-4};
  for (const auto& x : {fit_each(where, Decay(), at, columns, options).x.to_host(),
                        fit_each(where, decay_formula(), at, columns, options).x.to_host()}) {
    for (std::size_t i = 0; i < x.size(); ++i) ASSERT_NEAR(x[i], decays.parameters[i], 2e-3) << i;
  }
}

/// Residuals of Rosenbrock's function.
struct Valley {
  template <class X>
  constexpr auto operator()(const X& x) const {
    return std::array<typename X::value_type, 2>{10 * (x[1] - x[0] * x[0]), 1 - x[0]};
  }
};
TEST(FitEach, ResidualsWithoutDataAreMinimisedByMinimizeEach) {
  const Executor where = Executor::cpu(2);
  const auto starts = Points<double>::uniform(where, 200, 2, -2, 2, 7);
  const auto formula = Formula::parse("10*(y - x^2); 1 - x");
  for (const Method method : {Method::levenberg_marquardt, Method::bfgs}) {
    const EachOptions options{.method = method, .gradient_tolerance = 1e-10, .relative_gradient_tolerance = 0};
    for (const auto& found :
         {minimize_each(where, Valley(), starts, options), minimize_each(where, formula, starts, options)}) {
      EXPECT_EQ(found.report.converged(), 200) << describe(found.report);
      for (const double x : found.x.to_host()) ASSERT_NEAR(x, 1, 1e-7);
    }
  }
  EXPECT_NEAR(value(where, sum_of_squares(Valley()), Points<double>::from_host(where, std::vector<double>{0, 1}, 2))
                  .value.to_host()
                  .front(),
              0.5 * (100 + 1), 1e-12);
}

TEST(FitEach, EndsAtLimitsAndWhereItsCallerSays) {
  const Executor where = Executor::cpu(2);
  const Decays decays(5000, 0.1);
  EachOptions options = tight;
  options.max_iterations = 1;
  EXPECT_EQ(fit_each(where, Decay(), decays.at(where), decays.columns(), options).report.count(StopReason::iterations),
            5000);
  options = tight;
  options.max_evaluations = 2;
  const auto found = fit_each(where, Decay(), decays.at(where), decays.columns(), options);
  EXPECT_EQ(found.report.count(StopReason::evaluations), 5000);
  EXPECT_EQ(*std::max_element(found.evaluations.begin(), found.evaluations.end()), 2);
  EXPECT_GT(found.report.occupancy, 0.9);
}

// Where a fit begins at its minimum, what is left of the gradient is rounding, and no part of it can be asked for.
TEST(FitEach, StartsAtTheMinimumAreConverged) {
  const Executor where = Executor::cpu(2);
  for (const double noise : {1e-6, 0.05}) {
    const Decays decays(300, noise);
    const auto there = fit_each(where, Decay(), decays.at(where), decays.columns(), tight).x;
    const std::vector<double> at = there.to_host();
    for (const double tolerance : {1e-4, 1e-12}) {
      const EachOptions options{.method = Method::levenberg_marquardt, .relative_gradient_tolerance = tolerance};
      const auto starts = Points<double>::from_host(where, at, n);
      const auto again = fit_each(where, Decay(), starts, decays.columns(), options);
      EXPECT_EQ(again.report.count(StopReason::relative_gradient), 300) << describe(again.report);
      EXPECT_LT(again.report.evaluations, 300 * 6);
      const std::vector<double> x = again.x.to_host();
      for (std::size_t i = 0; i < x.size(); ++i) ASSERT_NEAR(x[i], at[i], 1e-8) << i;
    }
    // An absolute tolerance asks for what can't be had, and is not told otherwise.
    const EachOptions absolute{
        .method = Method::levenberg_marquardt, .gradient_tolerance = 1e-30, .relative_gradient_tolerance = 0};
    const auto again = fit_each(where, Decay(), Points<double>::from_host(where, at, n), decays.columns(), absolute);
    EXPECT_EQ(again.report.converged(), 0) << describe(again.report);
  }
  // A kink at k = 1/3: no step leads on, and the gradient is no rounding.
  const std::vector<double> t{1.0 / 3};
  const auto kink = Formula::parse("1 + abs(k - t)", {.variables = {"k"}, .data = {"t"}});
  const auto stuck = fit_each(where, kink, Points<double>::from_host(where, std::vector<double>{3}, 1),
                              FitColumns<double>{{t.data(), 1, 1, 1, 1}}, tight);
  EXPECT_EQ(stuck.reason.front(), StopReason::stagnated) << describe(stuck.report);
  EXPECT_NEAR(stuck.x.to_host().front(), 1.0 / 3, 1e-6);
}

TEST(FitEach, StartsAtTheMinimumAndFlatModels) {
  const Executor where = Executor::cpu(1);
  const std::vector<double> t{1, 2}, y{3, 6}, still{7};
  const FitColumns<double> columns{{t.data(), 1, 2, 2, 1}, {y.data(), 1, 2, 2, 1}};
  const auto line = Formula::parse("k*t - y", {.variables = {"k"}, .data = {"t", "y"}});
  const auto there = fit_each(where, line, Points<double>::from_host(where, std::vector<double>{3}, 1), columns);
  EXPECT_EQ(there.reason.front(), StopReason::gradient);
  EXPECT_EQ(there.evaluations.front(), 1);
  const auto flat = Formula::parse("0*k*t - y", {.variables = {"k"}, .data = {"t", "y"}});
  const auto found = fit_each(where, flat, Points<double>::from_host(where, still, 1), columns);
  EXPECT_EQ(found.reason.front(), StopReason::gradient);
  EXPECT_EQ(found.x.to_host(), still);
}

template <class Call>
std::string refusal(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}
TEST(FitEach, RefusesInOneLine) {
  const Executor where = Executor::cpu(1);
  const Decays decays(4);
  const auto starts = decays.at(where);
  const auto fit = [&](const FitColumns<double>& columns, EachOptions options = tight) {
    return refusal([&] { fit_each(where, Decay(), starts, columns, options); });
  };
  EXPECT_EQ(fit({decays.t()}), "fit_each: the model has 2 columns of data, found 1");
  const BatchView<const double> few(decays.samples.data(), 3, rows, rows, 1);
  EXPECT_EQ(fit({decays.t(), few}),
            "fit_each: column 1 of the data must have the shape (4 or 1, 32 or 1), found (3, 32)");
  const BatchView<const double> narrow(decays.samples.data(), 4, 31, rows, 1);
  EXPECT_EQ(fit({decays.t(), narrow}),
            "fit_each: column 1 of the data must have the shape (4 or 1, 32 or 1), found (4, 31)");
  EXPECT_NE(fit({decays.t(), {}}), "");
  EXPECT_EQ(fit(decays.columns(), {.method = Method::newton_cg}),
            "fit_each: newton_cg needs second derivatives, which residuals are not asked for; there is "
            "levenberg_marquardt");
  EXPECT_EQ(
      refusal([&] {
        fit_each(where, Decay(), Points<double>::from_host(where, std::vector<double>{1, 1}, 2), decays.columns());
      }),
      "fit_each: the function takes 3 variables, the points have 2");
  EXPECT_EQ(refusal([&] { fit_each(where, Formula::parse("x*y - 1"), starts, decays.columns()); }),
            "fit_each: the model has no data; without data there is minimize_each");
  EXPECT_EQ(
      refusal([&] {
        minimize_each(where, sum_of_squares(Valley()), Points<double>::uniform(where, 2, 2, -1, 1, 1), tight);
      }),
      "minimize_each: levenberg_marquardt is for sums of squares; expected a functor that returns a std::array of "
      "residuals, or a formula with several outputs, found a function of one");
  EXPECT_EQ(refusal([&] {
              const auto many = Formula::parse("x[1]; x[17]");
              minimize_each(where, many, Points<double>::uniform(where, 2, 17, -1, 1, 1), tight);
            }),
            "minimize_each: levenberg_marquardt keeps a matrix for each start, for up to 16 variables; found 17, for "
            "which there is lbfgs");
}

}  // namespace
}  // namespace nabla
