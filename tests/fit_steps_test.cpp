#include "decays.hpp"

#include <nabla/fit_each.hpp>

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

// How Levenberg and Marquardt's steps are chosen, and when they end, where a fault would leave most fits right.

namespace nabla {
namespace {

using namespace test;

const EachOptions beyond_reach{
    .method = Method::levenberg_marquardt, .gradient_tolerance = 1e-30, .relative_gradient_tolerance = 0};

EachFound<double> fit(const std::string& residuals, const FormulaOptions& names, const std::vector<double>& start,
                      const EachOptions& options) {
  const Executor where = Executor::cpu(1);
  const auto n = static_cast<std::int64_t>(start.size());
  return minimize_each(where, Formula::parse(residuals, names), Points<double>::from_host(where, start, n), options);
}

// Of 3k and 4, the cosine is 3k / sqrt(9 k^2 + 16).
TEST(FitSteps, TheToleranceIsACosine) {
  for (const double tolerance : {1e-2, 1e-6}) {
    const EachOptions options{.method = Method::levenberg_marquardt, .relative_gradient_tolerance = tolerance};
    const auto start_of = [](double cosine) { return 4.0 / 3 * cosine / std::sqrt(1 - cosine * cosine); };
    for (const double part : {-0.99, 0.99, 0.5}) {
      const auto found = fit("3*k; 4", {.variables = {"k"}}, {start_of(part * tolerance)}, options);
      EXPECT_EQ(found.reason.front(), StopReason::relative_gradient) << part;
      EXPECT_EQ(found.evaluations.front(), 1) << tolerance << " " << part;
    }
    for (const double part : {-1.01, 1.01, 2.0}) {
      const auto found = fit("3*k; 4", {.variables = {"k"}}, {start_of(part * tolerance)}, options);
      EXPECT_EQ(found.reason.front(), StopReason::relative_gradient) << part;
      EXPECT_GT(found.evaluations.front(), 1) << tolerance << " " << part;
    }
  }
}

TEST(FitSteps, SlopesThatBoundsHoldAreNotAskedFor) {
  EachOptions options{.method = Method::levenberg_marquardt, .relative_gradient_tolerance = 1e-6};
  options.lower = {-1, 0};
  options.upper = {1, 1};
  const auto found = fit("3*k; 4 + m", {.variables = {"k", "m"}}, {1e-6, 0}, options);
  EXPECT_EQ(found.reason.front(), StopReason::relative_gradient);
  EXPECT_EQ(found.evaluations.front(), 1);
}

// The slope of what is held is of no length that steps of others may be measured by.
TEST(FitSteps, WhatBoundsHoldDoesNotShortenTheRest) {
  EachOptions options = tight;
  options.lower = {0, -10};
  options.upper = {1, 10};
  const auto found = fit("m - 1e6; k - 5", {.variables = {"m", "k"}}, {1, 1}, options);
  EXPECT_TRUE(has_converged(found.reason.front())) << describe(found.report);
  EXPECT_LT(found.evaluations.front(), 30);
  EXPECT_NEAR(found.x.to_host()[1], 5, 1e-4);
}

// Along a path of sixty bends steps fail some 270 times: forty in a row are what ends a fit.
TEST(FitSteps, FailuresOfLongAgoAreForgotten) {
  const auto found = fit("(1 - x)/10; 10*(y - sin(3*x))", {.variables = {"x", "y"}}, {-100, 0}, tight);
  EXPECT_GT(found.evaluations.front() - found.iterations.front(), 60);
  EXPECT_TRUE(has_converged(found.reason.front())) << describe(found.report);
  EXPECT_NEAR(found.x.to_host()[0], 1, 1e-10);
  EXPECT_NEAR(found.x.to_host()[1], std::sin(3.0), 1e-10);
}

TEST(FitSteps, WhatHasNoEffectDoesNotHinder) {
  const Executor where = Executor::cpu(2);
  const Decays decays(200, 0.1);
  const auto model =
      Formula::parse("a*exp(-b*t) + c - y + 0*d", {.variables = {"a", "b", "c", "d"}, .data = {"t", "y"}});
  std::vector<double> starts;
  for (int k = 0; k < 200; ++k) starts.insert(starts.end(), {1, 1, 0, 7});
  const auto found = fit_each(where, model, Points<double>::from_host(where, starts, 4), decays.columns(), tight);
  EXPECT_EQ(found.report.count(StopReason::relative_gradient), 200) << describe(found.report);
  const std::vector<double> x = found.x.to_host();
  for (std::size_t k = 0; k < 200; ++k) {
    const auto right = oracle(decays, static_cast<std::int64_t>(k));
    for (std::size_t i = 0; i < 3; ++i) ASSERT_NEAR(x[4 * k + i], static_cast<double>(right[i]), 1e-8) << k;
    ASSERT_EQ(x[4 * k + 3], 7) << k;
  }
}

// Powell's singular problem: near the solution, steps halve the distance until J^T J has no digits left; from there
// they get shorter for ever.
TEST(FitSteps, EndWhereSolutionsAreSingular) {
  const std::string powell = "x + 10*y; sqrt(5)*(z - w); (y - 2*z)^2; sqrt(10)*(x - w)^2";
  const auto found = fit(powell, {.variables = {"x", "y", "z", "w"}}, {3, -1, 0, 1},
                         {.method = Method::levenberg_marquardt, .relative_gradient_tolerance = 1e-14});
  EXPECT_EQ(found.reason.front(), StopReason::stagnated);
  EXPECT_LT(found.evaluations.front(), 1000);
  for (const double x : found.x.to_host()) EXPECT_NEAR(x, 0, 1e-6);
}

// Here J lacks rank everywhere, and s = a + b halves in each step; but a residual stays, whose cosine is about 1000
// s^2.
TEST(FitSteps, LackOfRankAloneIsNoSolution) {
  const auto found = fit("(a + b)^2; 0.001", {.variables = {"a", "b"}}, {0.75, 0.25},
                         {.method = Method::levenberg_marquardt, .relative_gradient_tolerance = 1e-5});
  const std::vector<double> x = found.x.to_host();
  EXPECT_EQ(found.reason.front(), StopReason::relative_gradient);
  EXPECT_LE(std::abs(x[0] + x[1]), 1.01e-4);
}

// Where no step leads further, the first that promises no more than rounding is enough to tell.
TEST(FitSteps, EndSoonAtAMinimum) {
  const Executor where = Executor::cpu(2);
  for (const double noise : {0.01, 0.1}) {
    const Decays decays(200, noise);
    const auto there = fit_each(where, Decay(), decays.at(where), decays.columns(), tight).x;
    const auto again = fit_each(where, Decay(), there, decays.columns(), beyond_reach);
    EXPECT_EQ(again.report.count(StopReason::stagnated), 200) << describe(again.report);
    EXPECT_LT(again.report.evaluations, 200 * 15);
  }
}

// Where fits go on from what a looser tolerance had ended at, most of the way is rounding, which needs no further
// steps.
TEST(FitSteps, SettleWithoutFurtherSteps) {
  const Executor where = Executor::cpu(2);
  const Decays decays(200, 1e-5);
  const EachOptions usual{.method = Method::levenberg_marquardt, .relative_gradient_tolerance = 1e-8};
  const auto there = fit_each(where, Decay(), decays.at(where), decays.columns(), usual).x;
  const auto again = fit_each(where, Decay(), there, decays.columns(), tight);
  EXPECT_EQ(again.report.count(StopReason::relative_gradient), 200) << describe(again.report);
  EXPECT_LT(again.report.evaluations, 200 * 5);
}

// A kink at 1/3 beside a large residual: the cosine is 1e-13, which is no rounding.
TEST(FitSteps, ADozenDigitsAreNoRounding) {
  const auto found = fit("1 + abs(k - 1/3); 1e13", {.variables = {"k"}}, {3},
                         {.method = Method::levenberg_marquardt, .relative_gradient_tolerance = 1e-14});
  EXPECT_EQ(found.reason.front(), StopReason::stagnated) << describe(found.report);
}

// Whose step is in doubt, for values that can't tell, is a lane's own affair.
TEST(FitSteps, InDoubtDoNotKnowOfEachOther) {
  const Executor where = Executor::cpu(1);
  for (const double noise : {0.0, 1e-5, 0.01}) {
    const Decays decays(200, noise);
    for (const EachOptions& options : {tight, beyond_reach}) {
      const auto all = fit_each(where, Decay(), decays.at(where), decays.columns(), options);
      for (std::int64_t k = 0; k < decays.count; ++k) {
        const auto at = static_cast<std::size_t>(k);
        const BatchView<const double> own(decays.samples.data() + k * rows, 1, rows, rows, 1);
        const auto start = Points<double>::from_host(where, std::vector<double>{1, 1, 0}, n);
        const auto alone = fit_each(where, Decay(), start, {decays.t(), own}, options);
        ASSERT_EQ(alone.evaluations.front(), all.evaluations[at]) << noise << " " << k;
        ASSERT_EQ(alone.reason.front(), all.reason[at]) << noise << " " << k;
        for (std::int64_t i = 0; i < n; ++i) ASSERT_EQ(alone.x.view()(0, i), all.x.view()(k, i)) << noise << " " << k;
      }
    }
  }
}

}  // namespace
}  // namespace nabla
