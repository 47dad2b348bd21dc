#pragma once

#include <gtest/gtest.h>
#include <nabla/fit_each.hpp>

#include <bit>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

// Decays with known parameters to fit, for tests on every executor.

namespace nabla::test {

inline constexpr std::int64_t rows = 32;

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
inline Formula decay_formula() {
  return Formula::parse("a*exp(-b*t) + c - y", {.variables = {"a", "b", "c"}, .data = {"t", "y"}});
}

/// Fits with known parameters; `noise` is the largest error of a sample.
struct Decays {
  std::int64_t count;
  std::vector<double> parameters, times, samples, starts;  // point by point, row by row

  explicit Decays(std::int64_t fits, double noise = 0) : count(fits) {
    std::mt19937_64 random(1);
    const auto uniform = [&](double low, double high) {
      return std::uniform_real_distribution<double>(low, high)(random);
    };
    for (std::int64_t r = 0; r < rows; ++r) times.push_back(4.0 * static_cast<double>(r) / (rows - 1));
    for (std::int64_t k = 0; k < fits; ++k) {
      const double a = uniform(1, 5), b = uniform(0.5, 2), c = uniform(-1, 1);
      parameters.insert(parameters.end(), {a, b, c});
      starts.insert(starts.end(), {1, 1, 0});
      for (const double t : times) samples.push_back(a * std::exp(-b * t) + c + noise * uniform(-1, 1));
    }
  }
};

/// The same where an executor reaches it.
struct Placed {
  Points<double> starts;
  Batch<double> times, samples;

  Placed(const Executor& where, const Decays& decays)
      : starts(Points<double>::from_host(where, decays.starts, 3)),
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
