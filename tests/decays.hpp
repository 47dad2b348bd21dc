#pragma once

#include <gtest/gtest.h>
#include <nabla/fit_each.hpp>

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

// Decays with known parameters to fit, for tests on every executor.

namespace nabla::test {

inline constexpr std::int64_t n = 3, rows = 32;

/// a exp(-b t) + c, measured as y at times t.
struct Decay {
  static constexpr int variables = 3, data = 2;
  static constexpr Method descends_by[] = {Method::levenberg_marquardt, Method::bfgs, Method::lbfgs};
  template <class X, class D>
  constexpr auto operator()(const X& x, const D& d) const {
    using nabla::exp;
    return x[0] * exp(-x[1] * d[0]) + x[2] - d[1];
  }
};
inline Formula decay_formula(FormulaEngine engine = FormulaEngine::automatic) {
  return Formula::parse("a*exp(-b*t) + c - y", {.variables = {"a", "b", "c"}, .data = {"t", "y"}, .engine = engine});
}

/// Fits with known parameters; `noise` is the largest error of a sample. Samples and what they are linear in, a and c,
/// are in units of `unit`.
struct Decays {
  std::int64_t count;
  std::vector<double> parameters, times, samples, starts;  // point by point, row by row

  explicit Decays(std::int64_t fits, double noise = 0, double unit = 1) : count(fits) {
    std::mt19937_64 random(1);
    const auto uniform = [&](double low, double high) {
      return std::uniform_real_distribution<double>(low, high)(random);
    };
    for (std::int64_t r = 0; r < rows; ++r) times.push_back(4.0 * static_cast<double>(r) / (rows - 1));
    for (std::int64_t k = 0; k < fits; ++k) {
      const double a = uniform(1, 5), b = uniform(0.5, 2), c = uniform(-1, 1);
      parameters.insert(parameters.end(), {unit * a, b, unit * c});
      starts.insert(starts.end(), {1, 1, 0});
      for (const double t : times) samples.push_back(unit * (a * std::exp(-b * t) + c + noise * uniform(-1, 1)));
    }
  }
  Points<double> at(const Executor& where) const { return Points<double>::from_host(where, starts, n); }
  // In the host's memory.
  BatchView<const double> t() const { return {times.data(), 1, rows, rows, 1}; }
  BatchView<const double> y() const { return {samples.data(), count, rows, rows, 1}; }
  FitColumns<double> columns() const { return {t(), y()}; }
};

/// Parameters by Gauss and Newton's method in long double, from close by: derivatives by hand, normal equations by
/// Cramer's rule.
inline std::array<long double, 3> oracle(const Decays& decays, std::int64_t k) {
  const auto at = static_cast<std::size_t>(k);
  std::array<long double, 3> x{decays.parameters[3 * at], decays.parameters[3 * at + 1], decays.parameters[3 * at + 2]};
  for (int iteration = 0; iteration < 60; ++iteration) {
    long double m[3][3] = {}, g[3] = {};
    for (std::size_t r = 0; r < static_cast<std::size_t>(rows); ++r) {
      const long double t = decays.times[r], e = std::exp(-x[1] * t);
      const long double residual = x[0] * e + x[2] - static_cast<long double>(decays.samples[at * rows + r]);
      const long double slope[3] = {e, -x[0] * t * e, 1};
      for (int i = 0; i < 3; ++i) {
        g[i] += residual * slope[i];
        for (int j = 0; j < 3; ++j) m[i][j] += slope[i] * slope[j];
      }
    }
    const auto determinant = [](const long double a[3][3]) {
      return a[0][0] * (a[1][1] * a[2][2] - a[1][2] * a[2][1]) - a[0][1] * (a[1][0] * a[2][2] - a[1][2] * a[2][0]) +
             a[0][2] * (a[1][0] * a[2][1] - a[1][1] * a[2][0]);
    };
    for (int i = 0; i < 3; ++i) {
      long double replaced[3][3];
      for (int row = 0; row < 3; ++row) {
        for (int j = 0; j < 3; ++j) replaced[row][j] = j == i ? g[row] : m[row][j];
      }
      x[static_cast<std::size_t>(i)] -= determinant(replaced) / determinant(m);
    }
  }
  return x;
}

/// The same where an executor reaches it.
struct Placed {
  Points<double> starts;
  Batch<double> times, samples;

  Placed(const Executor& where, const Decays& decays)
      : starts(decays.at(where)),
        times(Batch<double>::from_host(where, decays.times, rows)),
        samples(Batch<double>::from_host(where, decays.samples, rows)) {}
  FitColumns<double> columns() const { return {times, samples}; }
};

inline const EachOptions tight{.method = Method::levenberg_marquardt, .relative_gradient_tolerance = 1e-12};

inline std::vector<std::uint64_t> bits(const std::vector<double>& numbers) {
  std::vector<std::uint64_t> all;
  for (const double x : numbers) all.push_back(std::bit_cast<std::uint64_t>(x));
  return all;
}

inline void expect_near(const EachFound<double>& found, const std::vector<double>& right, double tolerance) {
  const std::vector<double> x = found.x.to_host();
  ASSERT_EQ(x.size(), right.size());
  for (std::size_t i = 0; i < x.size(); ++i) ASSERT_NEAR(x[i], right[i], tolerance) << i;
  EXPECT_EQ(found.report.converged(), found.report.starts) << describe(found.report);
}

}  // namespace nabla::test
