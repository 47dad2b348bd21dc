// Fits on every executor: parameters that are known, least squares checked in long double, CUDA against CPUs, and that
// fits don't know of each other there, whichever thread takes them.

#include "../host/each/cuda.hpp"
#include "executors.hpp"

#include <nabla/fit_each.hpp>

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <type_traits>
#include <vector>

namespace {

using nabla::Array;
using nabla::Batch;
using nabla::BatchView;
using nabla::EachFound;
using nabla::EachOptions;
using nabla::Executor;
using nabla::fit_each;
using nabla::FitColumns;
using nabla::Formula;
using nabla::Layout;
using nabla::Method;
using nabla::Points;
using nabla::StopReason;

constexpr std::int64_t rows = 32;

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
Formula decay_formula() {
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

const EachOptions tight{.method = Method::levenberg_marquardt, .relative_gradient_tolerance = 1e-12};

std::vector<std::uint64_t> bits(const std::vector<double>& numbers) {
  std::vector<std::uint64_t> all;
  for (const double x : numbers) all.push_back(std::bit_cast<std::uint64_t>(x));
  return all;
}

class Fits : public nabla::test::OnEveryExecutor {};
INSTANTIATE_TEST_SUITE_P(On, Fits, nabla::test::every_executor(), nabla::test::executor_name);

void expect_near(const EachFound<double>& found, const std::vector<double>& right, double tolerance) {
  const std::vector<double> x = found.x.to_host();
  ASSERT_EQ(x.size(), right.size());
  for (std::size_t i = 0; i < x.size(); ++i) ASSERT_NEAR(x[i], right[i], tolerance) << i;
  EXPECT_EQ(found.report.converged(), found.report.starts) << describe(found.report);
}

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

/// Reasons, steps and results as on CPUs, but for rounding; steps tell of J^T J.
void expect_as_on_cpus(const EachFound<double>& here, const EachFound<double>& there) {
  EXPECT_EQ(here.reason, there.reason);
  const std::vector<double> x = here.x.to_host(), y = there.x.to_host();
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!std::isnan(x[i])) EXPECT_NEAR(x[i], y[i], 1e-8 * (1 + std::abs(x[i]))) << i;
  }
  std::int64_t differ = 0;
  for (std::size_t k = 0; k < here.iterations.size(); ++k) {
    EXPECT_LE(std::abs(here.evaluations[k] - there.evaluations[k]), 2) << k;
    differ += here.evaluations[k] != there.evaluations[k] ? 1 : 0;
  }
  EXPECT_LE(differ, static_cast<std::int64_t>(here.iterations.size()) / 10);
  EXPECT_EQ(here.report.best, there.report.best);
}

/// From far away, where steps fail and mu grows.
TEST_P(Fits, TakeTheStepsThatTheyTakeOnCpus) {
  const Executor host = Executor::cpu(1), where = executor();
  Decays decays(100, 0.05);
  for (std::size_t k = 0; k < decays.starts.size(); k += 3) {
    decays.starts[k] = 0.01 * static_cast<double>(k);
    decays.starts[k + 1] = 0.02 * static_cast<double>(k);
    decays.starts[k + 2] = static_cast<double>(k % 7) - 3;
  }
  decays.starts[60] = std::numeric_limits<double>::quiet_NaN();
  decays.starts[91] = -1e6;  // where the model overflows
  const Placed here(host, decays), there(where, decays);
  EachOptions options{.method = Method::levenberg_marquardt, .relative_gradient_tolerance = 1e-6};
  const auto compare = [&](const auto& model) {
    expect_as_on_cpus(fit_each(host, model, here.starts, here.columns(), options),
                      fit_each(where, model, there.starts, there.columns(), options));
  };
  compare(Decay());
  compare(decay_formula());
  options.lower = {0, 0, 0.25};
  options.upper = {10, 10, 10};
  compare(Decay());
  compare(decay_formula());
}

/// The first N cosines, which are orthogonal: with state in memory, and for N = 10 sums too.
template <int N>
struct Cosines {
  static constexpr int variables = N, data = 2;
  static constexpr Method descends_by[] = {Method::levenberg_marquardt};
  template <class X, class D>
  constexpr auto operator()(const X& x, const D& d) const {
    using nabla::cos;
    auto sum = x[0] - d[1];
    for (int i = 1; i < N; ++i) sum += x[i] * cos(static_cast<double>(i) * d[0]);
    return sum;
  }
};
template <int N>
void fit_cosines(const Executor& where, const std::string& formula) {
  constexpr std::int64_t fits = 70;
  constexpr double pi = 3.14159265358979323846;
  std::vector<double> t, y, right;
  for (int r = 0; r < rows; ++r) t.push_back(pi * (r + 0.5) / static_cast<double>(rows));
  for (int k = 0; k < fits; ++k) {
    for (int i = 0; i < N; ++i) right.push_back(std::sin(1.0 + k + 10.0 * i));
    for (const double at : t) {
      long double sum = 0;
      for (int i = 0; i < N; ++i)
        sum += right[static_cast<std::size_t>(k * N + i)] * std::cos(static_cast<long double>(i) * at);
      y.push_back(static_cast<double>(sum));
    }
  }
  const auto starts = Points<double>::from_host(where, std::vector<double>(fits * N, 0), N);
  const Batch<double> times = Batch<double>::from_host(where, t, rows),
                      samples = Batch<double>::from_host(where, y, rows);
  expect_near(fit_each(where, Cosines<N>(), starts, {times, samples}, tight), right, 1e-10);
  const Formula model = Formula::parse(formula, {.data = {"t", "y"}});
  for (const Method method : {Method::levenberg_marquardt, Method::lbfgs}) {
    EachOptions options = tight;
    options.method = method;
    expect_near(fit_each(where, model, starts, {times, samples}, options), right, 1e-10);
  }
}
TEST_P(Fits, TakeManyVariables) {
  fit_cosines<6>(executor(), "sum(i, 1, 6, x[i]*cos((i-1)*t)) - y");
  fit_cosines<10>(executor(), "sum(i, 1, 10, x[i]*cos((i-1)*t)) - y");
}

/// A number of each fit, weights that all share, and what one number is for all.
struct WeightedLine {
  static constexpr int variables = 1, data = 5;
  static constexpr Method descends_by[] = {Method::levenberg_marquardt};
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
  static constexpr Method descends_by[] = {Method::levenberg_marquardt};
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
  static constexpr Method descends_by[] = {Method::levenberg_marquardt};
  template <class X>
  constexpr auto operator()(const X& x) const {
    return std::array<typename X::value_type, 2>{10 * (x[1] - x[0] * x[0]), 1 - x[0]};
  }
};
struct Valleys {
  static constexpr bool unrolled = false;
  static constexpr Method descends_by[] = {Method::levenberg_marquardt};
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

template <class Model>
void expect_independence(const Executor& where, const Model& model) {
  const Decays good(150, 0.1);
  const Placed placed(where, good);
  const auto all = fit_each(where, model, placed.starts, placed.columns(), tight);
  const std::vector<std::uint64_t> x = bits(all.x.to_host());
  const std::int64_t last = good.count - 1;
  // Backwards, by strides.
  const BatchView<const double> backwards(placed.samples.data() + last * rows, good.count, rows, -rows, 1);
  const auto reversed = fit_each(where, model, placed.starts, {placed.times, backwards}, tight);
  const std::vector<std::uint64_t> y = bits(reversed.x.to_host());
  for (std::size_t k = 0; k < static_cast<std::size_t>(good.count); ++k) {
    const std::size_t other = static_cast<std::size_t>(last) - k;
    for (std::size_t i = 0; i < 3; ++i) ASSERT_EQ(x[3 * k + i], y[3 * other + i]) << k;
    ASSERT_EQ(all.evaluations[k], reversed.evaluations[other]);
  }
  // Alone.
  for (const std::int64_t k : {std::int64_t{0}, std::int64_t{100}, last}) {
    const auto start = Points<double>::from_host(where, std::vector<double>{1, 1, 0}, 3);
    const BatchView<const double> own(placed.samples.data() + k * rows, 1, rows, rows, 1);
    const auto alone = bits(fit_each(where, model, start, {placed.times, own}, tight).x.to_host());
    for (std::size_t i = 0; i < 3; ++i) ASSERT_EQ(alone[i], x[3 * static_cast<std::size_t>(k) + i]) << k;
  }
  // Beside bad ones.
  Decays bad = good;
  bad.samples[17 * rows + 5] = std::numeric_limits<double>::quiet_NaN();
  bad.samples[40 * rows] = std::numeric_limits<double>::infinity();
  const Placed spoilt(where, bad);
  const auto found = fit_each(where, model, spoilt.starts, spoilt.columns(), tight);
  const std::vector<std::uint64_t> z = bits(found.x.to_host());
  for (std::size_t k = 0; k < static_cast<std::size_t>(good.count); ++k) {
    if (k == 17 || k == 40) {
      EXPECT_EQ(found.reason[k], StopReason::not_finite) << k;
    } else {
      for (std::size_t i = 0; i < 3; ++i) ASSERT_EQ(x[3 * k + i], z[3 * k + i]) << k;
    }
  }
}
TEST_P(Fits, DoNotDependOnEachOther) {
  expect_independence(executor(), Decay());
  expect_independence(executor(), decay_formula());
}

TEST_P(Fits, EndAtLimits) {
  const Executor where = executor();
  const Decays decays(70, 0.1);
  const Placed placed(where, decays);
  EachOptions options = tight;
  options.max_iterations = 1;
  EXPECT_EQ(fit_each(where, Decay(), placed.starts, placed.columns(), options).report.count(StopReason::iterations),
            70);
  options = tight;
  options.max_evaluations = 2;
  const auto found = fit_each(where, Decay(), placed.starts, placed.columns(), options);
  EXPECT_EQ(found.report.count(StopReason::evaluations), 70);
  for (const std::int64_t evaluations : found.evaluations) EXPECT_EQ(evaluations, 2);
}

class FitsOnCuda : public nabla::test::OnCuda {};
INSTANTIATE_TEST_SUITE_P(On, FitsOnCuda, nabla::test::only_cuda(), nabla::test::executor_name);

struct Results {
  std::vector<double> x;
  std::vector<std::int64_t> evaluations;
  nabla::detail::EachCounts counts;
};

/// With so many blocks at most, so that threads take fit after fit.
Results fit_in_blocks(const Executor& where, const Placed& placed, std::int64_t blocks) {
  namespace detail = nabla::detail;
  const std::int64_t count = placed.starts.count();
  const Batch<double> x(where, count, 3, Layout::point_major);
  const Array<std::int64_t> evaluations(where, count);
  const auto data = detail::each_data<double>(where, count, 2, placed.columns());
  const detail::FitBody<Decay, 3, true> body{Decay(), data.rows, 2};
  const auto operation = detail::each_operation<true, double, Decay>(body, 3, "hessian");
  detail::each::Rules<double> rules{};
  rules.relative = 1e-24;
  rules.target = -std::numeric_limits<double>::infinity();
  rules.max_iterations = 1000;
  rules.max_evaluations = 1e6;
  nabla::EachOutputs<double> out;
  out.x = x.view();
  out.evaluations = evaluations.data();
  const std::function<bool(const nabla::EachProgress&)> none;
  const detail::EachTask<double> task{
      operation, placed.starts.view(), data, out, detail::EachMethod::levenberg_marquardt, rules, none};
  detail::BestStart best{};
  const auto counts = detail::cuda::descend_from_each(where, task, best, blocks);
  return {x.to_host(), evaluations.to_host(), counts};
}

TEST_P(FitsOnCuda, ThreadsTakeFitAfterFit) {
  const Executor where = executor();
  for (const std::int64_t count : {1, 65, 300}) {
    SCOPED_TRACE(count);
    Decays decays(count, 0.1);
    if (count > 50) decays.samples[50 * rows + 3] = std::numeric_limits<double>::quiet_NaN();
    const Placed placed(where, decays);
    const Results one = fit_in_blocks(where, placed, 1), many = fit_in_blocks(where, placed, 1000);
    EXPECT_EQ(bits(one.x), bits(many.x));
    EXPECT_EQ(one.evaluations, many.evaluations);
    EXPECT_EQ(one.counts.reasons[static_cast<int>(StopReason::not_finite)], count > 50 ? 1 : 0);
    if (count == 300) {
      EXPECT_GT(static_cast<double>(one.counts.evaluations), 0.6 * static_cast<double>(one.counts.lanes));
    }
  }
}

TEST_P(FitsOnCuda, RefuseMethodsThatAModelLeavesOut) {
  const Executor where = executor();
  const Placed placed(where, Decays(3));
  const auto refusal = [&](const auto& call) -> std::string {
    try {
      call();
    } catch (const nabla::Error& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(refusal([&] { fit_each(where, Decay(), placed.starts, placed.columns(), {.method = Method::gradient}); }),
            "fit_each: the function's descends_by leaves this method out, so it has no kernel");
  const std::vector<double> elsewhere(3 * rows);
  EXPECT_THROW(fit_each(where, Decay(), placed.starts,
                        {placed.times, BatchView<const double>(elsewhere.data(), 3, rows, rows, 1)}, tight),
               nabla::MemorySpaceError);
}

}  // namespace
