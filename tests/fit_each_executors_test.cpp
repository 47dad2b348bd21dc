// Fits on every executor: parameters that are known, least squares checked in long double, and data of every shape.

#include "decays.hpp"
#include "executors.hpp"

#include <nabla/fit_each.hpp>

#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

namespace {

using nabla::Batch;
using nabla::EachOptions;
using nabla::Executor;
using nabla::fit_each;
using nabla::Formula;
using nabla::Layout;
using nabla::Method;
using nabla::Points;
using nabla::test::bits;
using nabla::test::Decay;
using nabla::test::decay_formula;
using nabla::test::Decays;
using nabla::test::expect_near;
using nabla::test::Placed;
using nabla::test::rows;
using nabla::test::tight;

class Fits : public nabla::test::OnEveryExecutor {};
INSTANTIATE_TEST_SUITE_P(On, Fits, nabla::test::every_executor(), nabla::test::executor_name);

TEST_P(Fits, FindParametersOfExactSamples) {
  const Executor where = executor();
  for (const std::int64_t fits : {1, 31, 64, 65, 200}) {
    SCOPED_TRACE(fits);
    const Decays decays(fits);
    const Placed placed(where, decays);
    expect_near(fit_each(where, Decay(), placed.starts, placed.columns(), tight), decays.parameters, 1e-8);
    expect_near(fit_each(where, decay_formula(), placed.starts, placed.columns(), tight), decays.parameters, 1e-8);
  }
}

TEST_P(Fits, OtherMethodsFindThemToo) {
  const Executor where = executor();
  const Decays decays(40);
  const Placed placed(where, decays);
  for (const Method method : {Method::bfgs, Method::lbfgs}) {
    const EachOptions options{.method = method, .relative_gradient_tolerance = 1e-10};
    expect_near(fit_each(where, Decay(), placed.starts, placed.columns(), options), decays.parameters, 1e-6);
    expect_near(fit_each(where, decay_formula(), placed.starts, placed.columns(), options), decays.parameters, 1e-6);
  }
}

/// J^T r vanishes there, beside the size of what it is the sum of; derivatives by hand, in long double.
void expect_least(const Decays& decays, const std::vector<double>& x) {
  for (std::size_t k = 0; k < static_cast<std::size_t>(decays.count); ++k) {
    const long double a = x[3 * k], b = x[3 * k + 1], c = x[3 * k + 2];
    long double g[3] = {}, size[3] = {};
    for (std::size_t r = 0; r < static_cast<std::size_t>(rows); ++r) {
      const long double t = decays.times[r], e = std::exp(-b * t);
      const long double residual = a * e + c - static_cast<long double>(decays.samples[k * rows + r]);
      const long double slope[3] = {e, -a * t * e, 1};
      for (int i = 0; i < 3; ++i) {
        g[i] += residual * slope[i];
        size[i] += std::abs(residual * slope[i]);
      }
    }
    for (int i = 0; i < 3; ++i) ASSERT_LE(std::abs(g[i]), 1e-8L * size[i]) << k << " " << i;
  }
}

TEST_P(Fits, OfNoisySamplesAreLeastInLongDouble) {
  const Executor where = executor();
  const Decays decays(100, 0.05);
  const Placed placed(where, decays);
  const auto found = fit_each(where, Decay(), placed.starts, placed.columns(), tight);
  const auto of_formula = fit_each(where, decay_formula(), placed.starts, placed.columns(), tight);
  EXPECT_EQ(found.report.converged(), decays.count) << describe(found.report);
  EXPECT_EQ(of_formula.report.converged(), decays.count) << describe(of_formula.report);
  expect_least(decays, found.x.to_host());
  expect_least(decays, of_formula.x.to_host());
}

/// A number of each fit, weights that all share, and what one number is for all.
struct WeightedLine {
  static constexpr int variables = 1, data = 5;
  [[maybe_unused]] static constexpr Method descends_by[] = {Method::levenberg_marquardt};
  template <class X, class D>
  constexpr auto operator()(const X& x, const D& d) const {
    return d[2] * (d[3] * x[0] * d[0] + d[4] - d[1]);
  }
};
TEST_P(Fits, ReadColumnsOfEveryShape) {
  const Executor where = executor();
  constexpr std::int64_t fits = 40;
  const std::vector<double> t{1, 2, 3, 4, 5}, w{1, 0.5, 2, 1, 0}, offset{0.25};
  std::vector<double> y, across(5 * fits), scale;
  for (std::size_t k = 0; k < fits; ++k) {
    scale.push_back(1 + static_cast<double>(k));
    for (std::size_t r = 0; r < 5; ++r) {
      y.push_back(r == 4 ? 1e6 : std::sin(static_cast<double>(5 * k) + t[r]));
      across[r * fits + k] = y.back();
    }
  }
  const auto starts = Points<double>::from_host(where, std::vector<double>(fits, 0), 1);
  const auto put = [&](const std::vector<double>& numbers, std::int64_t of_each, Layout layout = Layout::point_major) {
    return Batch<double>::from_host(where, numbers, of_each, layout);
  };
  const Batch<double> times = put(t, 5), weights = put(w, 5), scales = put(scale, 1), offsets = put(offset, 1),
                      by_fit = put(y, 5), by_row = put(across, 5, Layout::component_major);
  const auto formula = Formula::parse("w*(s*k*t + o - y)", {.variables = {"k"}, .data = {"t", "y", "w", "s", "o"}});
  std::vector<double> right;
  for (std::size_t k = 0; k < fits; ++k) {
    double ty = 0, tt = 0;
    for (std::size_t r = 0; r < 5; ++r) {
      ty += w[r] * w[r] * t[r] * (y[5 * k + r] - 0.25);
      tt += w[r] * w[r] * t[r] * t[r];
    }
    right.push_back(ty / tt / scale[k]);
  }
  const auto fit = [&](const auto& model, const Batch<double>& samples) {
    return fit_each(where, model, starts, {times, samples, weights, scales, offsets}, tight);
  };
  expect_near(fit(WeightedLine(), by_fit), right, 1e-12);
  expect_near(fit(formula, by_fit), right, 1e-12);
  EXPECT_EQ(bits(fit(WeightedLine(), by_fit).x.to_host()), bits(fit(WeightedLine(), by_row).x.to_host()));
  EXPECT_EQ(bits(fit(formula, by_fit).x.to_host()), bits(fit(formula, by_row).x.to_host()));
}

/// Two residuals a row.
struct LineAndDecay {
  static constexpr int variables = 2, data = 3;
  [[maybe_unused]] static constexpr Method descends_by[] = {Method::levenberg_marquardt};
  template <class X, class D>
  constexpr auto operator()(const X& x, const D& d) const {
    using nabla::exp;
    return std::array<typename X::value_type, 2>{x[0] + x[1] * d[0] - d[1], x[0] * exp(-x[1] * d[0]) - d[2]};
  }
};
TEST_P(Fits, TakeSeveralResidualsOfARow) {
  const Executor where = executor();
  std::vector<double> t, u, v, right;
  for (int r = 0; r < 7; ++r) t.push_back(0.25 * r);
  for (int k = 0; k < 33; ++k) {
    const double a = 1 + 0.1 * k, b = 0.3 + 0.02 * k;
    right.insert(right.end(), {a, b});
    for (const double at : t) {
      u.push_back(a + b * at);
      v.push_back(a * std::exp(-b * at));
    }
  }
  const auto starts = Points<double>::from_host(where, std::vector<double>(66, 0.5), 2);
  const auto put = [&](const std::vector<double>& numbers) { return Batch<double>::from_host(where, numbers, 7); };
  const Batch<double> times = put(t), lines = put(u), decays = put(v);
  const auto formula =
      Formula::parse("a + b*t - u; a*exp(-b*t) - v", {.variables = {"a", "b"}, .data = {"t", "u", "v"}});
  expect_near(fit_each(where, LineAndDecay(), starts, {times, lines, decays}, tight), right, 1e-10);
  expect_near(fit_each(where, formula, starts, {times, lines, decays}, tight), right, 1e-10);
}

/// Residuals of Rosenbrock's function; of any number of variables up to five.
struct Valley {
  static constexpr int dimension = 2;
  [[maybe_unused]] static constexpr Method descends_by[] = {Method::levenberg_marquardt};
  template <class X>
  constexpr auto operator()(const X& x) const {
    return std::array<typename X::value_type, 2>{10 * (x[1] - x[0] * x[0]), 1 - x[0]};
  }
};
struct Valleys {
  static constexpr bool unrolled = false;
  [[maybe_unused]] static constexpr Method descends_by[] = {Method::levenberg_marquardt};
  template <class X>
  constexpr auto operator()(const X& x) const {
    std::array<typename X::value_type, 10> all;
    for (auto& r : all) r = 0;
    for (int i = 0; i + 1 < x.size(); ++i) {
      all[static_cast<std::size_t>(2 * i)] = 10 * (x[i + 1] - x[i] * x[i]);
      all[static_cast<std::size_t>(2 * i + 1)] = 1 - x[i];
    }
    return all;
  }
};
TEST_P(Fits, MayHaveNoData) {
  const Executor where = executor();
  const EachOptions options{
      .method = Method::levenberg_marquardt, .gradient_tolerance = 1e-10, .relative_gradient_tolerance = 0};
  const auto starts = Points<double>::uniform(where, 70, 2, -2, 2, 7);
  const std::vector<double> ones(140, 1);
  expect_near(minimize_each(where, Valley(), starts, options), ones, 1e-7);
  expect_near(minimize_each(where, Valleys(), starts, options), ones, 1e-7);
  const Formula formula = Formula::parse("10*(y - x^2); 1 - x");
  expect_near(minimize_each(where, formula, starts, options), ones, 1e-7);
  EachOptions by_bfgs = options;
  by_bfgs.method = Method::bfgs;
  expect_near(minimize_each(where, formula, starts, by_bfgs), ones, 1e-7);
  const auto of_five = Points<double>::uniform(where, 40, 5, 0.5, 1.5, 7);
  expect_near(minimize_each(where, Valleys(), of_five, options), std::vector<double>(200, 1), 1e-7);
}

TEST_P(Fits, SinglePrecision) {
  const Executor where = executor();
  const Decays decays(50);
  const auto put = [&](const std::vector<double>& numbers, std::int64_t of_each) {
    return Batch<float>::from_host(where, std::vector<float>(numbers.begin(), numbers.end()), of_each);
  };
  const Batch<float> starts = put(decays.starts, 3), times = put(decays.times, rows),
                     samples = put(decays.samples, rows);
  const EachOptions options{.method = Method::levenberg_marquardt, .relative_gradient_tolerance = 1e-4};
  for (const auto& x : {fit_each(where, Decay(), starts, {times, samples}, options).x.to_host(),
                        fit_each(where, decay_formula(), starts, {times, samples}, options).x.to_host()}) {
    for (std::size_t i = 0; i < x.size(); ++i) ASSERT_NEAR(x[i], decays.parameters[i], 2e-3) << i;
  }
}

}  // namespace
