// Fits on every executor against one CPU thread, step by step; and that fits don't know of each other, whichever thread
// takes them.

#include "../host/each/cuda.hpp"
#include "decays.hpp"
#include "executors.hpp"

#include <nabla/fit_each.hpp>

#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <vector>

namespace {

using nabla::Array;
using nabla::Batch;
using nabla::BatchView;
using nabla::EachFound;
using nabla::EachOptions;
using nabla::Executor;
using nabla::fit_each;
using nabla::Formula;
using nabla::Layout;
using nabla::Method;
using nabla::Points;
using nabla::StopReason;
using nabla::test::bits;
using nabla::test::Decay;
using nabla::test::decay_formula;
using nabla::test::Decays;
using nabla::test::expect_near;
using nabla::test::Placed;
using nabla::test::rows;
using nabla::test::tight;

class FitsAsOnCpus : public nabla::test::OnEveryExecutor {};
INSTANTIATE_TEST_SUITE_P(On, FitsAsOnCpus, nabla::test::every_executor(), nabla::test::executor_name);

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
TEST_P(FitsAsOnCpus, TakeTheStepsThatTheyTakeOnCpus) {
  const Executor host = Executor::cpu(1), where = executor();
  Decays decays(100, 0.05);
  for (std::size_t k = 0; k < decays.starts.size(); k += 3) {
    decays.starts[k] = 0.01 * static_cast<double>(k);
    decays.starts[k + 1] = 0.02 * static_cast<double>(k);
    decays.starts[k + 2] = static_cast<double>(k % 7) - 3;
  }
  // From where it was, a and -c grow without end while b goes to 0, and rounding decides how far they come.
  decays.starts[3 * 37 + 2] = 0;
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
  options.max_evaluations = 5;  // after steps that failed, for some
  compare(Decay());
  options.max_evaluations = 1000;
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
/// Samples are off by the 25th cosine, which none of the others can make up for: of exact ones rounding would decide
/// what the last steps are.
struct CosineFits {
  std::int64_t n;
  std::vector<double> t, y, right;

  explicit CosineFits(std::int64_t variables) : n(variables) {
    constexpr double pi = 3.14159265358979323846;
    for (int r = 0; r < rows; ++r) t.push_back(pi * (r + 0.5) / static_cast<double>(rows));
    for (std::int64_t k = 0; k < fits; ++k) {
      const std::size_t first = right.size();
      for (std::int64_t i = 0; i < n; ++i) right.push_back(std::sin(1.0 + static_cast<double>(k + 10 * i)));
      for (const double at : t) {
        long double sum = (0.01 + 0.001 * static_cast<double>(k)) * std::cos(25.0L * at);
        for (std::size_t i = first; i < right.size(); ++i) sum += right[i] * std::cos((i - first) * (0.0L + at));
        y.push_back(static_cast<double>(sum));
      }
    }
  }
  /// With the same residual as several outputs, by other weights.
  Formula formula(int outputs) const {
    const std::string one = "(sum(i, 1, " + std::to_string(n) + ", x[i]*cos((i-1)*t)) - y)";
    std::string text = one;
    for (int j = 1; j < outputs; ++j) text += "; " + one + "/" + std::to_string(j + 1);
    return Formula::parse(text, {.data = {"t", "y"}});
  }
  template <class Model>
  EachFound<double> fit(const Executor& where, const Model& model, const EachOptions& options) const {
    const std::vector<double> zeros(static_cast<std::size_t>(fits * n), 0);
    const auto starts = Points<double>::from_host(where, zeros, n);
    const Batch<double> times = Batch<double>::from_host(where, t, rows),
                        samples = Batch<double>::from_host(where, y, rows);
    return fit_each(where, model, starts, {times, samples}, options);
  }
  template <class Model>
  void expect_right(const Executor& where, const Model& model) const {
    expect_near(fit(where, model, tight), right, 1e-10);
    const EachOptions options{.method = Method::levenberg_marquardt, .relative_gradient_tolerance = 1e-6};
    expect_as_on_cpus(fit(Executor::cpu(1), model, options), fit(where, model, options));
  }
  void expect_right_by_gradients(const Executor& where, const Formula& model) const {
    expect_near(fit(where, model, {.method = Method::lbfgs, .relative_gradient_tolerance = 1e-9}), right, 1e-8);
  }

 private:
  static constexpr std::int64_t fits = 70;
};
TEST_P(FitsAsOnCpus, TakeManyVariables) {
  const CosineFits six(6), ten(10), twenty(20);
  six.expect_right(executor(), Cosines<6>());
  six.expect_right(executor(), six.formula(1));
  six.expect_right_by_gradients(executor(), six.formula(1));
  ten.expect_right(executor(), Cosines<10>());
  // What the program leaves is in memory too for four outputs, and for more variables.
  for (const int outputs : {1, 4}) {
    ten.expect_right(executor(), ten.formula(outputs));
    ten.expect_right_by_gradients(executor(), ten.formula(outputs));
  }
  twenty.expect_right_by_gradients(executor(), twenty.formula(2));
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
TEST_P(FitsAsOnCpus, DoNotDependOnEachOther) {
  expect_independence(executor(), Decay());
  expect_independence(executor(), decay_formula());
}

TEST_P(FitsAsOnCpus, EndAtLimits) {
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
  const auto data = detail::each_data<double>(count, 2, placed.columns());
  const detail::FitBody<Decay, 3, true> body{Decay(), data.rows};
  const auto operation = detail::each_operation<true, double, Decay>(body, 3, "hessian");
  detail::each::Rules<double> rules{};
  rules.relative = 1e-24;
  rules.target = -std::numeric_limits<double>::infinity();
  rules.max_iterations = detail::each::count_of<double>(1000);
  rules.max_evaluations = detail::each::count_of<double>(1'000'000);
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
