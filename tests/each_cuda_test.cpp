// Many descents on a CUDA device against those on CPUs, of functions for which the last bits of either don't decide
// where they lead; and that threads take start after start.

#include "../host/each/cuda.hpp"
#include "executors.hpp"

#include <nabla/formula.hpp>
#include <nabla/minimize_each.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <limits>
#include <string>
#include <vector>

namespace {

using nabla::Array;
using nabla::Batch;
using nabla::EachOptions;
using nabla::EachOutputs;
using nabla::Executor;
using nabla::Formula;
using nabla::Method;
using nabla::Points;
using nabla::StopReason;

constexpr double infinity = std::numeric_limits<double>::infinity();

/// A bowl that is no quadratic, least at (1, 1/2, 1/3, ...), where it is -1.
struct Vase {
  template <class Point>
  constexpr auto operator()(const Point& x) const {
    typename Point::value_type sum = -1;
    for (int i = 0; i < x.size(); ++i) {
      const auto d = x[i] - 1.0 / (i + 1);
      const auto square = d * d;
      sum += (1.0 + i) * square + 0.125 * square * square;
    }
    return sum;
  }
};
/// Of which two methods alone are compiled, which is enough for most tests.
struct Valley {
  static constexpr int dimension = 2;
  static constexpr Method descends_by[] = {Method::bfgs, Method::lbfgs};
  constexpr auto operator()(const auto& x) const {
    const auto a = x[1] - x[0] * x[0], b = 1.0 - x[0];
    return 100.0 * a * a + b * b;
  }
};

class EachOnCuda : public testing::Test {
 protected:
  void SetUp() override {
    const std::string why = Executor::why_no_cuda();
    if (why.empty()) return;
    const char* const required = std::getenv("NABLA_REQUIRE_CUDA");
    if (required != nullptr && std::string(required) == "1") FAIL() << "CUDA is required: " << why;
    GTEST_SKIP() << "no CUDA: " << why;
  }
};

/// Descents of the same starts on both; `off`: what results may differ by, relative to 1.
template <class F>
void compare(const F& f, std::int64_t count, std::int64_t n, const EachOptions& options, double off) {
  const Executor host = Executor::cpu(2), device = Executor::cuda(0);
  const auto starts = Points<double>::uniform(host, count, n, -2, 2, 5);
  auto numbers = starts.to_host();
  if (count > 4) numbers[4] = std::nan("");
  const auto on = [&](const Executor& where) {
    return nabla::minimize_each(where, f, Points<double>::from_host(where, numbers, n, nabla::Layout::component_major),
                                options);
  };
  const auto here = on(host), there = on(device);
  SCOPED_TRACE(describe(here.report) + "\n" + describe(there.report));
  EXPECT_EQ(here.reason, there.reason);
  EXPECT_NEAR(here.report.best_value, there.report.best_value, off);
  for (int k = 0; k < nabla::stop_reasons; ++k) EXPECT_EQ(here.report.reasons[k], there.report.reasons[k]) << k;
  const auto all_near = [&](const std::vector<double>& a, const std::vector<double>& b, const char* what) {
    ASSERT_EQ(a.size(), b.size());
    for (std::size_t k = 0; k < a.size(); ++k) {
      if (std::isnan(a[k]) && std::isnan(b[k])) continue;
      EXPECT_NEAR(a[k], b[k], off) << what << " " << k;
    }
  };
  all_near(here.x.to_host(), there.x.to_host(), "x");
  all_near(here.value.to_host(), there.value.to_host(), "value");
  std::int64_t iterations = 0, evaluations = 0;
  for (std::size_t k = 0; k < static_cast<std::size_t>(count); ++k) {
    // Where hundreds are needed, rounding decides about trials on the way.
    const auto some = static_cast<double>(here.iterations[k]);
    EXPECT_NEAR(some, static_cast<double>(there.iterations[k]), 2 + some / 4) << k;
    iterations += there.iterations[k];
    evaluations += there.evaluations[k];
  }
  EXPECT_EQ(there.report.iterations, iterations);
  EXPECT_EQ(there.report.evaluations, evaluations);
  EXPECT_GT(there.report.occupancy, 0);
  EXPECT_LE(there.report.occupancy, 1);
}

const Method methods[] = {Method::gradient, Method::heavy_ball, Method::nesterov, Method::barzilai_borwein,
                          Method::bfgs,     Method::lbfgs,      Method::newton_cg};

TEST_F(EachOnCuda, IsAsOnCpus) {
  for (const std::int64_t n : {2, 5}) {  // in registers, and in memory
    for (const Method method : methods) {
      for (const double step : {0.0, 0.05}) {
        if (step > 0 && method >= Method::barzilai_borwein) continue;
        SCOPED_TRACE(std::string(name_of(method)) + " " + std::to_string(n) + " " + std::to_string(step));
        const EachOptions options{
            .method = method, .step = step, .gradient_tolerance = 1e-7, .relative_gradient_tolerance = 0};
        if (n == 2) {
          compare(nabla::fixed<2>(Vase()), 37, n, options, 2e-7);
        } else {
          compare(nabla::looped(Vase()), 37, n, options, 2e-7);
        }
      }
    }
  }
}

TEST_F(EachOnCuda, BoundsAndClippingAreAsOnCpus) {
  EachOptions options{.lower = {1.5, -infinity},
                      .upper = {infinity, 0.25},
                      .gradient_tolerance = 1e-7,
                      .relative_gradient_tolerance = 0};
  for (const Method method : methods) {
    SCOPED_TRACE(name_of(method));
    options.method = method;
    compare(nabla::fixed<2>(Vase()), 20, 2, options, 2e-7);
  }
  compare(nabla::fixed<2>(Vase()), 20, 2, {.method = Method::gradient, .step = 0.05, .clip = 0.5}, 1e-5);
}

TEST_F(EachOnCuda, FormulasAreAsOnCpus) {
  const Formula f = Formula::parse("a*(x-1)^2 + exp(y^2) + 0.1*(x*y)^2", {.parameters = {{"a", 2}}});
  for (const Method method : {Method::gradient, Method::bfgs, Method::lbfgs, Method::newton_cg}) {
    SCOPED_TRACE(name_of(method));
    compare(f, 20, 2, {.method = method, .gradient_tolerance = 1e-7, .relative_gradient_tolerance = 0}, 2e-7);
  }
  const Formula chain = Formula::parse("sum(i, 1, n, i*(x[i]-1/i)^2 + 0.1*x[i]^4)");
  compare(chain, 10, 6, {.method = Method::bfgs, .gradient_tolerance = 1e-7, .relative_gradient_tolerance = 0}, 2e-7);
}

struct Results {
  std::vector<double> x;
  std::vector<std::int64_t> evaluations;
  nabla::detail::EachCounts counts;
  nabla::detail::BestStart best;
};

/// Descents with so many blocks at most.
Results descend(const Executor& where, const std::vector<double>& starts, std::int64_t blocks, bool pairs) {
  namespace detail = nabla::detail;
  const auto points = Points<double>::from_host(where, starts, 2);
  const auto count = points.count();
  const Batch<double> x(where, count, 2);
  const Array<std::int64_t> evaluations(where, count);
  const detail::GradientBody<Valley, 2> body{Valley()};
  const auto operation = detail::each_operation<true, double, Valley>(body, 2, "");
  detail::each::Rules<double> rules{};
  rules.momentum = -1;
  rules.clip = infinity;
  rules.absolute = 1e-12;
  rules.target = -infinity;
  rules.max_iterations = detail::each::count_of<double>(1000);
  rules.max_evaluations = detail::each::count_of<double>(1'000'000);
  rules.memory = 3;
  EachOutputs<double> out;
  out.x = x.view();
  out.evaluations = evaluations.data();
  const std::function<bool(const nabla::EachProgress&)> none;
  const detail::EachData<double> no_data;
  const detail::EachTask<double> task{
      operation, points.view(), no_data, out, pairs ? detail::EachMethod::lbfgs : detail::EachMethod::bfgs,
      rules,     none};
  Results results{};
  results.counts = detail::cuda::descend_from_each(where, task, results.best, blocks);
  results.x = x.to_host();
  results.evaluations = evaluations.to_host();
  return results;
}

TEST_F(EachOnCuda, ThreadsTakeStartAfterStart) {
  const Executor where = Executor::cuda(0);
  for (const bool pairs : {false, true}) {
    for (const std::int64_t count : {1, 31, 64, 65, 300}) {
      SCOPED_TRACE(count);
      auto starts = Points<double>::uniform(Executor::cpu(1), count, 2, -2, 2, 3, nabla::Layout::point_major).to_host();
      std::int64_t lost = 0;
      for (std::size_t k = 0; k < starts.size(); k += 14, ++lost) starts[k] = std::nan("");
      const Results one = descend(where, starts, 1, pairs), many = descend(where, starts, 1000, pairs);
      const auto bits = [](const Results& r) {
        std::vector<std::uint64_t> all;
        for (const double x : r.x) all.push_back(__builtin_bit_cast(std::uint64_t, x));
        return all;
      };
      EXPECT_EQ(bits(one), bits(many));
      EXPECT_EQ(one.evaluations, many.evaluations);
      EXPECT_EQ(one.counts.reasons[static_cast<int>(StopReason::not_finite)], lost);
      EXPECT_EQ(one.counts.reasons[static_cast<int>(StopReason::gradient)], count - lost);
      EXPECT_EQ(one.best.start, many.best.start);
      std::int64_t evaluations = 0;
      for (const std::int64_t some : one.evaluations) evaluations += some;
      EXPECT_EQ(one.counts.evaluations, evaluations);
      EXPECT_EQ(one.counts.lanes % 32, 0);
      EXPECT_GE(one.counts.lanes, evaluations);
      if (count == 300) {
        EXPECT_GT(static_cast<double>(evaluations), 0.6 * static_cast<double>(one.counts.lanes));
      }
    }
  }
}

TEST_F(EachOnCuda, RefusesWhatItHasNot) {
  const Executor where = Executor::cuda(0);
  const auto starts = Points<double>::uniform(where, 3, 2, -2, 2, 3);
  const auto refusal = [&](const auto& call) -> std::string {
    try {
      call();
    } catch (const nabla::ExecutorUnavailable& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(refusal([&] { nabla::minimize_each(where, Valley(), starts, {.method = Method::gradient}); }),
            "minimize_each: the function's descends_by leaves this method out, so it has no kernel");
}

TEST_F(EachOnCuda, RefusesTheHostsMemory) {
  const Executor where = Executor::cuda(0);
  const auto starts = Points<double>::uniform(where, 3, 2, -2, 2, 3);
  std::vector<std::int64_t> iterations(3);
  EachOutputs<double> out;
  out.iterations = iterations.data();
  EXPECT_THROW((nabla::minimize_each<Valley, double>(where, Valley(), starts.view(), out)), nabla::MemorySpaceError);
}

}  // namespace
