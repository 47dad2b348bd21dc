#include <nabla/fit_each.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

// What calls itself converged is a minimum, as far as its number type can tell, and what is one calls itself converged:
// where columns of J are nearly parallel, where parameters can't be told apart, where residuals are large, where
// squares overflow.

namespace nabla {
namespace {

EachOptions within(double tolerance) {
  return {.method = Method::levenberg_marquardt, .relative_gradient_tolerance = tolerance};
}

/// One fit of y(t), from a start.
template <class T>
EachFound<T> fit(const Formula& model, const std::vector<T>& start, const std::vector<T>& t, const std::vector<T>& y,
                 double tolerance) {
  const Executor where = Executor::cpu(1);
  const auto rows = static_cast<std::int64_t>(t.size());
  return fit_each(where, model, Points<T>::from_host(where, start, static_cast<std::int64_t>(start.size())),
                  FitColumns<T>{{t.data(), 1, rows, rows, 1}, {y.data(), 1, rows, rows, 1}}, within(tolerance));
}

// Through dates in seconds since 1970: both columns of J are at right angles to residuals long before their difference
// is.
TEST(FitClaims, ALineThroughDates) {
  std::mt19937_64 random(1);
  std::normal_distribution<double> error(0, 0.1);
  const auto line = Formula::parse("a + b*t - y", {.variables = {"a", "b"}, .data = {"t", "y"}});
  for (const double span : {60.0, 600.0, 86400.0}) {
    std::vector<double> t, y;
    for (int r = 0; r < 61; ++r) {
      t.push_back(1.7e9 + span * r / 60);
      y.push_back(20 + 3.0 * r / 60 + error(random));
    }
    long double tt = 0, ty = 0, yy = 0, mean_t = 0, mean_y = 0;
    for (std::size_t r = 0; r < t.size(); ++r) {
      mean_t += t[r] / 61.0L;
      mean_y += y[r] / 61.0L;
    }
    for (std::size_t r = 0; r < t.size(); ++r) {
      tt += (t[r] - mean_t) * (t[r] - mean_t);
      ty += (t[r] - mean_t) * (y[r] - mean_y);
      yy += (y[r] - mean_y) * (y[r] - mean_y);
    }
    const auto least = static_cast<double>((yy - ty * ty / tt) / 2);
    for (const std::vector<double>& start : {std::vector<double>{1, 1}, {0, 0}, {20, 0}}) {
      const auto found = fit<double>(line, start, t, y, 1e-8);
      EXPECT_EQ(found.reason.front(), StopReason::relative_gradient) << span << " " << describe(found.report);
      EXPECT_NEAR(found.value.to_host().front(), least, 1e-6 * least) << span << " from " << start[0];
    }
  }
}

TEST(FitClaims, ParametersThatCannotBeToldApart) {
  std::mt19937_64 random(2);
  std::normal_distribution<double> error(0, 0.01);
  std::vector<double> t, y;
  for (int r = 0; r < 20; ++r) {
    t.push_back(5.0 * r / 19);
    y.push_back(2 * std::exp(-t.back()) + error(random));
  }
  const std::vector<float> t32(t.begin(), t.end()), y32(y.begin(), y.end());
  const auto product = Formula::parse("a*b*exp(-c*t) - y", {.variables = {"a", "b", "c"}, .data = {"t", "y"}});
  const auto right = Formula::parse("a*exp(-c*t) - y", {.variables = {"a", "c"}, .data = {"t", "y"}});
  const double least = fit<double>(right, {2, 1}, t, y, 1e-8).value.to_host().front();
  for (const double far : {1.0, 1e2, 1e4, 1e6, 1e8, 1e10}) {
    const auto found = fit<double>(product, {far, far, 1}, t, y, 1e-8);
    EXPECT_EQ(found.report.converged(), 1) << far << " " << describe(found.report);
    EXPECT_NEAR(found.value.to_host().front(), least, 1e-8 * least) << far;
  }
  for (const float far : {1.0F, 1e2F, 1e4F}) {
    const auto found = fit<float>(product, {far, far, 1}, t32, y32, 1e-4);
    if (found.report.converged() == 1) {
      EXPECT_NEAR(found.value.to_host().front(), least, 1e-3 * least) << far;
    }
  }
}

/// Freudenstein and Roth's, whose J lacks rank at the minimum that is not 0.
struct FreudensteinRoth {
  template <class X>
  constexpr auto operator()(const X& x) const {
    return std::array<typename X::value_type, 2>{x[0] - 13.0 + ((5.0 - x[1]) * x[1] - 2.0) * x[1],
                                                 x[0] - 29.0 + ((x[1] + 1.0) * x[1] - 14.0) * x[1]};
  }
};
TEST(FitClaims, MinimaWhereJLacksRankAndResidualsAreLarge) {
  const Executor where = Executor::cpu(2);
  const auto starts = Points<double>::uniform(where, 150, 2, -5, 5, 3);
  const auto found = minimize_each(where, FreudensteinRoth(), starts, within(1e-8));
  EXPECT_GE(found.report.converged(), 135) << describe(found.report);
  for (std::int64_t k = 0; k < 150; ++k) {
    if (!has_converged(found.reason[static_cast<std::size_t>(k)])) continue;
    const double value = found.value.view()(k), other = 48.98425367924001 / 2;
    EXPECT_TRUE(value < 1e-20 || std::abs(value - other) < 1e-9) << k << ": " << value;
  }
}

// Where noise is as large as what is measured, Gauss and Newton's steps are too long or not long enough near the
// minimum too, where values can't show it.
TEST(FitClaims, ResidualsAsLargeAsData) {
  constexpr std::int64_t fits = 200, rows = 40;
  std::mt19937_64 random(4);
  std::normal_distribution<double> error(0, 1);
  std::vector<double> t, y;
  for (int r = 0; r < rows; ++r) t.push_back(5.0 * r / (rows - 1));
  for (std::int64_t k = 0; k < fits; ++k) {
    for (const double at : t) y.push_back(std::exp(-at) + error(random));
  }
  const Executor where = Executor::cpu(2);
  const auto model = Formula::parse("a*exp(-b*t) - y", {.variables = {"a", "b"}, .data = {"t", "y"}});
  std::vector<double> starts(2 * fits, 1.0);
  const auto found =
      fit_each(where, model, Points<double>::from_host(where, starts, 2),
               FitColumns<double>{{t.data(), 1, rows, rows, 1}, {y.data(), fits, rows, rows, 1}}, within(1e-8));
  EXPECT_GE(found.report.converged(), 190) << describe(found.report);
  EXPECT_LE(found.report.count(StopReason::stagnated), 3) << describe(found.report);
  for (std::int64_t k = 0; k < fits; ++k) {
    if (!has_converged(found.reason[static_cast<std::size_t>(k)])) continue;
    long double dot[2] = {}, squares[2] = {}, of_residuals = 0;
    for (std::size_t r = 0; r < rows; ++r) {
      const long double a = found.x.view()(k, 0), e = std::exp(-static_cast<long double>(found.x.view()(k, 1)) * t[r]);
      const long double residual = a * e - y[static_cast<std::size_t>(k * rows) + r], slope[2] = {e, -a * t[r] * e};
      of_residuals += residual * residual;
      for (int i = 0; i < 2; ++i) {
        dot[i] += residual * slope[i];
        squares[i] += slope[i] * slope[i];
      }
    }
    for (int i = 0; i < 2; ++i) {
      if (squares[i] > 1e-300L) {  // else b is so large that a double's are 0
        EXPECT_LE(static_cast<double>(std::abs(dot[i]) / std::sqrt(squares[i] * of_residuals)), 2e-8) << k;
      }
    }
  }
}

TEST(FitClaims, SquaresOfGradientsMayOverflow) {
  std::vector<float> t, y;
  std::vector<double> t64, y64;
  for (int r = 0; r < 20; ++r) {
    t.push_back(5.0F * static_cast<float>(r) / 19);
    y.push_back(2e10F * std::exp(-t.back()));
    t64.push_back(5.0 * r / 19);
    y64.push_back(2e100 * std::exp(-t64.back()));
  }
  const auto model = Formula::parse("a*exp(-c*t) - y", {.variables = {"a", "c"}, .data = {"t", "y"}});
  const auto single = fit<float>(model, {1e10F, 1.5F}, t, y, 1e-4);
  EXPECT_EQ(single.report.converged(), 1) << describe(single.report);
  EXPECT_NEAR(single.x.to_host()[1], 1, 1e-4);
  const auto found = fit<double>(model, {1e100, 1.5}, t64, y64, 1e-8);
  EXPECT_EQ(found.report.converged(), 1) << describe(found.report);
  EXPECT_NEAR(found.x.to_host()[0], 2e100, 1e92);
  EXPECT_NEAR(found.x.to_host()[1], 1, 1e-8);
}

}  // namespace
}  // namespace nabla
