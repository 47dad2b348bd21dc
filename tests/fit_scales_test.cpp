#include "decays.hpp"

#include <nabla/fit_each.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

// Units that parameters and data come in, and how far from them a start is: fits must not depend on the former, nor
// call themselves converged where they are not.

namespace nabla {
namespace {

using namespace test;

/// The command line's default.
const EachOptions usual{.method = Method::levenberg_marquardt, .relative_gradient_tolerance = 1e-8};

/// The largest cosine between the residuals and how fast they grow along a parameter, in long double.
double largest_cosine(const Decays& decays, std::int64_t k, const std::vector<double>& x) {
  const auto at = static_cast<std::size_t>(k);
  long double dot[3] = {}, squares[3] = {}, of_residuals = 0;
  for (std::size_t r = 0; r < static_cast<std::size_t>(rows); ++r) {
    const long double t = decays.times[r], e = std::exp(-x[3 * at + 1] * t), a = x[3 * at];
    const long double residual = a * e + x[3 * at + 2] - static_cast<long double>(decays.samples[at * rows + r]);
    const long double slope[3] = {e, -a * t * e, 1};
    of_residuals += residual * residual;
    for (int i = 0; i < 3; ++i) {
      dot[i] += residual * slope[i];
      squares[i] += slope[i] * slope[i];
    }
  }
  long double largest = 0;
  for (int i = 0; i < 3; ++i) {
    if (squares[i] > 0) largest = std::max(largest, std::abs(dot[i]) / std::sqrt(squares[i] * of_residuals));
  }
  return static_cast<double>(largest);
}

bool is_right(const Decays& decays, std::int64_t k, const std::vector<double>& x, double unit, double tolerance) {
  const auto right = oracle(decays, k);
  for (std::size_t i = 0; i < 3; ++i) {
    const auto off = x[static_cast<std::size_t>(3 * k) + i] - static_cast<double>(right[i]);
    if (!(std::abs(off) <= tolerance * (i == 1 ? 1 : unit))) return false;
  }
  return true;
}

TEST(FitScales, SmallDataAreFittedFromOnes) {
  const Executor where = Executor::cpu(2);
  for (const double unit : {1e-12, 1e-9, 1e-6, 1e-3, 1.0}) {
    for (const double noise : {0.0, 0.01}) {
      const Decays decays(200, noise, unit);
      const auto found = fit_each(where, Decay(), decays.at(where), decays.columns(), usual);
      EXPECT_EQ(found.report.converged(), 200) << unit << " " << noise << ": " << describe(found.report);
      const std::vector<double> x = found.x.to_host();
      for (std::int64_t k = 0; k < decays.count; ++k) {
        ASSERT_TRUE(is_right(decays, k, x, unit, 1e-7)) << unit << " " << noise << " " << k;
      }
    }
  }
}

// Steps that are too long from there lead to where exp(-b t) is 0 in all rows but the first.
TEST(FitScales, LargeDataAreFittedFromOnes) {
  const Executor where = Executor::cpu(2);
  for (const double unit : {1e3, 1e6, 1e9}) {
    const Decays decays(200, 0.01, unit);
    const auto found = fit_each(where, Decay(), decays.at(where), decays.columns(), usual);
    const std::vector<double> x = found.x.to_host();
    int right = 0;
    for (std::int64_t k = 0; k < decays.count; ++k) {
      if (is_right(decays, k, x, unit, 1e-7)) ++right;
      if (has_converged(found.reason[static_cast<std::size_t>(k)])) {
        ASSERT_LE(largest_cosine(decays, k, x), 2e-8) << unit << " " << k;
      }
    }
    EXPECT_GE(right, 195) << unit;
  }
}

TEST(FitScales, AStartMayHaveNoSlopesAlongAParameter) {
  const Executor where = Executor::cpu(2);
  for (const double unit : {1e-9, 1.0}) {
    Decays decays(200, 0.01, unit);
    for (std::size_t k = 0; k < 200; ++k) decays.starts[3 * k] = 0;  // a: b changes nothing
    const auto found = fit_each(where, Decay(), decays.at(where), decays.columns(), usual);
    EXPECT_GE(found.report.count(StopReason::relative_gradient), 195) << unit << ": " << describe(found.report);
    const std::vector<double> x = found.x.to_host();
    int right = 0;
    for (std::int64_t k = 0; k < decays.count; ++k) {
      if (is_right(decays, k, x, unit, 1e-7)) ++right;
    }
    EXPECT_GE(right, 190) << unit;
  }
}

TEST(FitScales, ParametersMayHaveUnitsOfTheirOwn) {
  const Executor where = Executor::cpu(2);
  for (const EachOptions& options : {usual, tight}) {
    const Decays decays(200, 0.01);
    const auto in_seconds = fit_each(where, Decay(), decays.at(where), decays.columns(), options);
    constexpr double nano = 0x1p-30;  // exact
    Decays other = decays;
    for (double& t : other.times) t *= nano;
    for (std::size_t k = 0; k < 200; ++k) other.starts[3 * k + 1] /= nano;
    const auto in_nanoseconds = fit_each(where, Decay(), other.at(where), other.columns(), options);
    const std::vector<double> x = in_seconds.x.to_host(), y = in_nanoseconds.x.to_host();
    for (std::size_t k = 0; k < 200; ++k) {
      ASSERT_EQ(y[3 * k], x[3 * k]) << k;
      ASSERT_EQ(y[3 * k + 1] * nano, x[3 * k + 1]) << k;
      ASSERT_EQ(y[3 * k + 2], x[3 * k + 2]) << k;
    }
    EXPECT_EQ(in_nanoseconds.iterations, in_seconds.iterations);
    EXPECT_EQ(in_nanoseconds.reason, in_seconds.reason);
  }
}

// A peak's place in seconds since 1970: the sum of |J_k| |x_k| is 1e9 times what rounding makes of residuals.
TEST(FitScales, OffsetsAreNotTakenForRounding) {
  const Executor where = Executor::cpu(1);
  constexpr double middle = 1.7e9 + 0.375;
  std::vector<double> t, y;
  for (int r = 0; r < 64; ++r) {
    t.push_back(1.7e9 - 32 + r);
    const double z = (t.back() - middle) / 7;
    y.push_back(3 * std::exp(-z * z) + 1e-3 * std::sin(100.0 * r));
  }
  const auto peak = Formula::parse("a*exp(-((t - m)/s)^2) - y", {.variables = {"a", "m", "s"}, .data = {"t", "y"}});
  const auto from = [&](double a, double m, double s) {
    return fit_each(where, peak, Points<double>::from_host(where, std::vector<double>{a, m, s}, 3),
                    FitColumns<double>{{t.data(), 1, 64, 64, 1}, {y.data(), 1, 64, 64, 1}}, usual);
  };
  const auto found = from(1, 1.7e9 + 4, 5);
  EXPECT_EQ(found.report.converged(), 1) << describe(found.report);
  // Gauss and Newton in long double, m counted from `middle`.
  long double x[3] = {3, 0, 7};
  for (int iteration = 0; iteration < 50; ++iteration) {
    long double m[3][4] = {};
    for (std::size_t r = 0; r < 64; ++r) {
      const long double u = static_cast<long double>(t[r]) - middle - x[1], e = std::exp(-u * u / (x[2] * x[2]));
      const long double residual = x[0] * e - y[r];
      const long double slope[3] = {e, x[0] * e * 2 * u / (x[2] * x[2]), x[0] * e * 2 * u * u / (x[2] * x[2] * x[2])};
      for (int i = 0; i < 3; ++i) {
        for (int j = 0; j < 3; ++j) m[i][j] += slope[i] * slope[j];
        m[i][3] -= slope[i] * residual;
      }
    }
    for (int i = 0; i < 3; ++i) {  // Gauss and Jordan; the matrix is far from singular
      for (int row = 0; row < 3; ++row) {
        const long double factor = m[row][i] / m[i][i];
        for (int j = 0; j < 4 && row != i; ++j) m[row][j] -= factor * m[i][j];
      }
    }
    for (int i = 0; i < 3; ++i) x[i] += m[i][3] / m[i][i];
  }
  const std::vector<double> at = found.x.to_host();
  EXPECT_NEAR(at[0], static_cast<double>(x[0]), 1e-7);
  EXPECT_NEAR(at[1] - middle, static_cast<double>(x[1]), 5e-7);  // numbers are 2.4e-7 apart there
  EXPECT_NEAR(at[2], static_cast<double>(x[2]), 1e-6);
}

TEST(FitScales, SinglePrecision) {
  const Executor where = Executor::cpu(2);
  for (const double unit : {1e-9, 1e-6, 1e-3, 1.0, 1e3}) {
    const Decays decays(200, 0.01, unit);
    const std::vector<float> starts(decays.starts.begin(), decays.starts.end()),
        t(decays.times.begin(), decays.times.end()), y(decays.samples.begin(), decays.samples.end());
    const FitColumns<float> columns{{t.data(), 1, rows, rows, 1}, {y.data(), decays.count, rows, rows, 1}};
    const auto found = fit_each(where, Decay(), Points<float>::from_host(where, starts, n), columns,
                                {.method = Method::levenberg_marquardt, .relative_gradient_tolerance = 1e-4});
    const std::vector<float> single = found.x.to_host();
    const std::vector<double> x(single.begin(), single.end());
    int right = 0;
    for (std::int64_t k = 0; k < decays.count; ++k) {
      if (is_right(decays, k, x, unit, 2e-2)) ++right;
    }
    EXPECT_GE(right, unit == 1e-9 ? 190 : unit <= 1 ? 200 : 180) << unit << ": " << describe(found.report);
    EXPECT_GE(found.report.converged(), unit == 1e-9 ? 190
                                        : unit <= 1  ? 200
                                                     : 150)
        << unit << ": " << describe(found.report);
  }
}

// Where squares underflow, nothing may look like a gradient of 0.
TEST(FitScales, UnderflowIsNotConvergence) {
  const Executor where = Executor::cpu(2);
  for (const Method method : {Method::levenberg_marquardt, Method::bfgs, Method::gradient}) {
    const double unit = 1e-170;
    Decays decays(50, 0.01, unit);
    for (std::size_t k = 0; k < 50; ++k) {
      decays.starts[3 * k] = 3 * unit;
      decays.starts[3 * k + 1] = 2.5;
    }
    const auto found = fit_each(where, Decay(), decays.at(where), decays.columns(),
                                {.method = method, .relative_gradient_tolerance = 1e-8, .max_iterations = 100});
    const std::vector<double> x = found.x.to_host();
    for (std::int64_t k = 0; k < decays.count; ++k) {
      if (has_converged(found.reason[static_cast<std::size_t>(k)])) {
        ASSERT_TRUE(is_right(decays, k, x, unit, 1e-3)) << name_of(method) << " " << k << " " << describe(found.report);
      }
    }
  }
}

}  // namespace
}  // namespace nabla
