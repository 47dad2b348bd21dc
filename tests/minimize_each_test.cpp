// Many descents, each from a start of its own: where they end and why, that none knows of the others, and what becomes
// of starts that lead nowhere.

#include "executors.hpp"

#include <nabla/functions.hpp>
#include <nabla/minimize_each.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using nabla::Batch;
using nabla::BatchView;
using nabla::EachFound;
using nabla::EachOptions;
using nabla::EachProgress;
using nabla::Executor;
using nabla::Layout;
using nabla::Method;
using nabla::minimize_each;
using nabla::Points;
using nabla::StopReason;

constexpr double infinity = std::numeric_limits<double>::infinity();

const Method methods[] = {Method::gradient, Method::heavy_ball, Method::nesterov, Method::barzilai_borwein,
                          Method::bfgs,     Method::lbfgs,      Method::newton_cg};

struct Rosenbrock {
  static constexpr int dimension = 2;
  constexpr auto operator()(const auto& x) const {
    const auto a = x[1] - x[0] * x[0], b = 1.0 - x[0];
    return 100.0 * a * a + b * b;
  }
};
/// Least at (1, 2, ..., n), where it is -3; curvatures from 1 to n.
struct Bowl {
  constexpr auto operator()(const auto& x) const {
    auto sum = 0.0 * x[0] - 3.0;
    for (int i = 0; i < static_cast<int>(x.size()); ++i) {
      const auto d = x[i] - (1.0 + i);
      sum = sum + (0.5 + 0.5 * i) * d * d;
    }
    return sum;
  }
};
/// Falls without end.
struct Line {
  static constexpr int dimension = 1;
  constexpr auto operator()(const auto& x) const { return -1.0 * x[0]; }
};
struct Flat {
  static constexpr int dimension = 2;
  constexpr auto operator()(const auto& x) const { return 0.0 * (x[0] + x[1]) + 4.0; }
};
struct Saddle {
  static constexpr int dimension = 2;
  constexpr auto operator()(const auto& x) const {
    const auto square = x[1] * x[1];
    return x[0] * x[0] - square + 0.25 * square * square;
  }
};
/// Is there for x > 0 only, least at x = 2.
struct Barrier {
  static constexpr int dimension = 1;
  constexpr auto operator()(const auto& x) const {
    using std::log;
    return x[0] - 2.0 * log(x[0]);
  }
};
struct Thrower {
  static constexpr int dimension = 1;
  constexpr auto operator()(const auto& x) const {
    if (x.size() == 1) throw std::runtime_error("no");
    return x[0];
  }
};

template <class T>
std::vector<T> numbers_of(const Executor& where, BatchView<const T> view) {
  Batch<T> host(Executor::cpu(1), view.count, view.components);
  nabla::detail::copy_bytes(where, host.data(), view.data,
                            sizeof(T) * static_cast<std::size_t>(view.count * view.components));
  return {host.data(), host.data() + view.count * view.components};
}

/// Points of a batch on the host, point by point.
template <class T>
Points<T> points_at(const Executor& where, const std::vector<std::vector<T>>& at) {
  const auto n = static_cast<std::int64_t>(at.empty() ? 1 : at[0].size());
  std::vector<T> numbers;
  for (const auto& point : at) numbers.insert(numbers.end(), point.begin(), point.end());
  Points<T> points(where, static_cast<std::int64_t>(at.size()), n, Layout::point_major);
  nabla::detail::copy_bytes(where, points.data(), numbers.data(), numbers.size() * sizeof(T));
  return points;
}

class MinimizeEach : public nabla::test::OnEveryExecutor {
 protected:
  bool is_cuda() const { return GetParam() == "cuda"; }
  std::int64_t many() const { return is_cuda() ? 40 : 3000; }
};
INSTANTIATE_TEST_SUITE_P(On, MinimizeEach, nabla::test::every_executor(), nabla::test::executor_name);

TEST_P(MinimizeEach, AllMethodsFindTheMinimumOfABowl) {
  for (const std::int64_t n : {1, 2, 3, 4, 7, 16}) {
    for (const Method method : methods) {
      for (const double step : {0.0, 0.05}) {
        const bool has_step = method == Method::gradient || method == Method::heavy_ball || method == Method::nesterov;
        if (step > 0 && !has_step) continue;
        const auto starts = Points<double>::uniform(executor(), is_cuda() ? 10 : 101, n, -5, 20, 3);
        const auto found = minimize_each(
            executor(), Bowl{}, starts,
            {.method = method, .step = step, .gradient_tolerance = 1e-7, .relative_gradient_tolerance = 0});
        SCOPED_TRACE(std::string(nabla::name_of(method)) + " " + std::to_string(n) + ": " + describe(found.report));
        EXPECT_EQ(found.report.converged(), starts.count());
        const auto x = numbers_of<double>(executor(), found.x.view());
        const auto value = numbers_of<double>(executor(), found.value.view());
        const auto norm = numbers_of<double>(executor(), found.gradient_norm.view());
        std::int64_t iterations = 0, evaluations = 0;
        for (std::size_t k = 0; k < value.size(); ++k) {
          EXPECT_EQ(found.reason[k], StopReason::gradient);
          EXPECT_NEAR(value[k], -3, 1e-12);
          EXPECT_LE(norm[k], 1e-7);
          for (std::size_t i = 0; i < static_cast<std::size_t>(n); ++i) {
            EXPECT_NEAR(x[i * value.size() + k], static_cast<double>(i) + 1, 1.1e-7);
          }
          iterations += found.iterations[k];
          evaluations += found.evaluations[k];
          EXPECT_GE(found.evaluations[k], found.iterations[k] + 1);
        }
        EXPECT_EQ(found.report.iterations, iterations);
        EXPECT_EQ(found.report.evaluations, evaluations);
        EXPECT_GE(found.report.best, 0);
      }
    }
  }
}

TEST_P(MinimizeEach, RosenbrockFromAnywhere) {
  for (const Method method : {Method::bfgs, Method::lbfgs, Method::newton_cg, Method::barzilai_borwein}) {
    const auto starts = Points<double>::uniform(executor(), many(), 2, -2, 2, 5);
    const auto found = minimize_each(executor(), Rosenbrock{}, starts,
                                     {.method = method, .gradient_tolerance = 1e-8, .relative_gradient_tolerance = 0});
    SCOPED_TRACE(describe(found.report));
    EXPECT_EQ(found.report.count(StopReason::gradient), starts.count());
    for (const double x : numbers_of<double>(executor(), found.x.view())) EXPECT_NEAR(x, 1, 1e-6);
    if (!is_cuda()) {
      EXPECT_GT(found.report.occupancy, 0.9);
    }
  }
}

TEST_P(MinimizeEach, InSinglePrecision) {
  for (const Method method : {Method::bfgs, Method::lbfgs, Method::newton_cg}) {
    const auto starts = Points<float>::uniform(executor(), many(), 2, -2, 2, 5);
    const auto found =
        minimize_each(executor(), Rosenbrock{}, starts, {.method = method, .relative_gradient_tolerance = 1e-4});
    SCOPED_TRACE(describe(found.report));
    EXPECT_GT(found.report.converged(), starts.count() * 9 / 10);
    EXPECT_EQ(found.report.converged() + found.report.count(StopReason::stagnated), starts.count());
    EXPECT_LT(found.report.best_value, 1e-6);
  }
}

// A start's result is its own, bit for bit: whoever is in the batch, in whatever order, on however many threads, and
// wherever its points lie. What is alone has a state that nobody used before; on CPUs, each lane has dozens of starts.
TEST_P(MinimizeEach, StartsDoNotKnowOfEachOther) {
  const std::int64_t count = is_cuda() ? 30 : 3000, alone = is_cuda() ? 2 : 200;
  std::vector<EachOptions> all_options;
  for (const Method method : methods) all_options.push_back({.method = method, .max_iterations = 60});
  if (!is_cuda()) {
    for (const Method method : {Method::gradient, Method::heavy_ball, Method::nesterov}) {
      all_options.push_back({.method = method, .step = 0.02, .max_iterations = 60});
    }
    for (const Method method : {Method::bfgs, Method::lbfgs, Method::newton_cg, Method::nesterov}) {
      all_options.push_back({.method = method, .lower = {-1.5, 0.25}, .upper = {1, 1.75}, .max_iterations = 60});
    }
    // These two keep a count of what hardly changed, and of what got no better.
    all_options.push_back({.method = Method::bfgs, .relative_gradient_tolerance = 0, .relative_tolerance = 1e-2});
    all_options.push_back({.method = Method::gradient, .step = 1, .relative_gradient_tolerance = 0});
  }
  for (const EachOptions& options : all_options) {
    SCOPED_TRACE(std::string(nabla::name_of(options.method)) + " " + std::to_string(options.step));
    const Executor host = Executor::cpu(1);
    const auto drawn = Points<double>::uniform(host, count, 2, -2, 2, 11);
    const auto upload = [&](const std::vector<std::int64_t>& order) {
      std::vector<std::vector<double>> at;
      for (const std::int64_t k : order) {
        at.push_back(k < 0 ? std::vector<double>{std::nan(""), 1e300}
                           : std::vector<double>{drawn.view()(k, 0), drawn.view()(k, 1)});
      }
      return points_at(executor(), at);
    };
    const auto results = [&](const std::vector<std::int64_t>& order) {
      const auto found = minimize_each(executor(), nabla::functions::Ackley{}, upload(order), options);
      const auto x = numbers_of<double>(executor(), found.x.view());
      const auto value = numbers_of<double>(executor(), found.value.view());
      const auto norm = numbers_of<double>(executor(), found.gradient_norm.view());
      std::vector<std::array<double, 7>> all;
      for (std::size_t k = 0; k < value.size(); ++k) {
        all.push_back({x[2 * k], x[2 * k + 1], value[k], norm[k], static_cast<double>(found.reason[k]),
                       static_cast<double>(found.iterations[k]), static_cast<double>(found.evaluations[k])});
      }
      return all;
    };
    std::vector<std::int64_t> order(static_cast<std::size_t>(count));
    std::iota(order.begin(), order.end(), 0);
    const auto whole = results(order);
    auto shuffled = order;
    std::shuffle(shuffled.begin(), shuffled.end(), std::mt19937(5));
    for (std::size_t k = 0; k < shuffled.size(); k += 7)
      shuffled.insert(shuffled.begin() + static_cast<std::ptrdiff_t>(k), -1);
    const auto mixed = results(shuffled);
    for (std::size_t k = 0; k < shuffled.size(); ++k) {
      if (shuffled[k] < 0) {
        EXPECT_EQ(mixed[k][4], static_cast<double>(StopReason::not_finite));
      } else {
        ASSERT_EQ(mixed[k], whole[static_cast<std::size_t>(shuffled[k])]) << shuffled[k];
      }
    }
    for (std::int64_t k = 0; k < count; k += count / alone) {
      ASSERT_EQ(results({k})[0], whole[static_cast<std::size_t>(k)]) << k;
    }
  }
}

// Each start is taken once: its own x comes back where nothing is to be done, and the counts add up.
TEST_P(MinimizeEach, NoStartIsLost) {
  for (const std::int64_t count : {1, 7, 64, 65, 1000}) {
    if (is_cuda() && count > 100) continue;
    const auto starts = Points<double>::uniform(executor(), count, 2, -2, 2, 9);
    const auto found = minimize_each(executor(), Rosenbrock{}, starts, {.method = Method::bfgs, .max_iterations = 0});
    EXPECT_EQ(numbers_of<double>(executor(), found.x.view()), numbers_of<double>(executor(), starts.view()));
    EXPECT_EQ(std::accumulate(std::begin(found.report.reasons), std::end(found.report.reasons), std::int64_t{0}),
              count);
    EXPECT_EQ(found.report.count(StopReason::iterations), count);
    EXPECT_EQ(found.report.evaluations, count);
    const auto x = numbers_of<double>(executor(), starts.view());
    const auto value = numbers_of<double>(executor(), found.value.view());
    const auto norm = numbers_of<double>(executor(), found.gradient_norm.view());
    for (std::size_t k = 0, all = value.size(); k < all; ++k) {
      const double a = x[all + k] - x[k] * x[k], b = 1 - x[k];
      EXPECT_NEAR(value[k], 100 * a * a + b * b, 1e-12 * (1 + value[k]));
      EXPECT_NEAR(norm[k], std::hypot(-400 * a * x[k] - 2 * b, 200 * a), 1e-12 * (1 + norm[k]));
    }
  }
}

struct HighParabola {
  static constexpr int dimension = 1;
  constexpr auto operator()(const auto& x) const { return 1e8 + 0.5 * x[0] * x[0]; }
};
// Where values say nothing any more, shorter gradients are progress.
TEST(MinimizeEachOnCpus, GradientsMayTellOfProgress) {  // twenty thousand iterations
  const Executor where = Executor::cpu(1);
  const EachOptions options{
      .method = Method::gradient, .step = 1e-3, .relative_gradient_tolerance = 1e-8, .max_iterations = 100'000};
  const auto found = minimize_each(where, HighParabola{}, points_at<double>(where, {{1}}), options);
  EXPECT_EQ(found.reason[0], StopReason::relative_gradient) << describe(found.report);
}

struct Parabola {
  static constexpr int dimension = 1;
  constexpr auto operator()(const auto& x) const { return 0.5 * x[0] * x[0]; }
};
// Floats count to 2^24.
TEST(MinimizeEachOnCpus, CountsOnInSinglePrecision) {
  constexpr std::int64_t many = (std::int64_t{1} << 24) + 5;
  const Executor where = Executor::cpu(1);
  const auto start = points_at<float>(where, {{1}});
  EachOptions options{
      .method = Method::gradient, .step = 1e-6, .relative_gradient_tolerance = 0, .max_iterations = many};
  const auto found = minimize_each(where, Parabola{}, start, options);
  EXPECT_EQ(found.iterations[0], many);
  EXPECT_EQ(found.evaluations[0], many + 1);
  EXPECT_EQ(found.reason[0], StopReason::iterations);
  EXPECT_LT(found.x.view()(0, 0), 1e-5);
  options.max_iterations = 10 * many;
  options.max_evaluations = 1'500'000;  // beyond the first carry
  EXPECT_EQ(minimize_each(where, Parabola{}, start, options).evaluations[0], options.max_evaluations);
}

// More pairs are worth something: that they are moved up, and used.
TEST_P(MinimizeEach, MemoryShortensTheWay) {
  const auto starts = Points<double>::uniform(executor(), is_cuda() ? 4 : 100, 16, -5, 20, 3);
  std::vector<std::int64_t> iterations;
  for (const int memory : {1, 2, 4, 8}) {
    const EachOptions options{.method = Method::lbfgs, .memory = memory, .relative_gradient_tolerance = 1e-9};
    iterations.push_back(minimize_each(executor(), Bowl{}, starts, options).report.iterations);
  }
  for (std::size_t k = 1; k < iterations.size(); ++k)
    EXPECT_LT(iterations[k], 0.95 * static_cast<double>(iterations[k - 1]));
}

TEST(MinimizeEachOnCpus, IsTheSameOnAnyNumberOfThreads) {
  std::vector<std::vector<double>> results;
  for (const int threads : {1, 2, 3, 8}) {
    const Executor where = Executor::cpu(threads);
    const auto starts = Points<double>::uniform(where, 2000, 2, -2, 2, 11);
    const auto found = minimize_each(where, Rosenbrock{}, starts, {.method = Method::bfgs});
    results.push_back(numbers_of<double>(where, found.x.view()));
    EXPECT_EQ(results.back(), results.front()) << threads;
  }
}

TEST_P(MinimizeEach, SaysWhy) {
  const auto reason_of = [&](const auto& f, const std::vector<double>& start, EachOptions options) {
    const auto found = minimize_each(executor(), f, points_at<double>(executor(), {start}), options);
    EXPECT_EQ(found.report.count(found.reason[0]), 1);
    return found.reason[0];
  };
  const EachOptions exact{.method = Method::bfgs, .gradient_tolerance = 1e-10, .relative_gradient_tolerance = 0};
  for (const Method method : methods) {
    SCOPED_TRACE(nabla::name_of(method));
    EachOptions options = exact;
    options.method = method;
    EXPECT_EQ(reason_of(Line{}, {1}, options), StopReason::unbounded);
    EXPECT_EQ(reason_of(Flat{}, {1, 2}, options), StopReason::gradient);
    EXPECT_EQ(reason_of(Rosenbrock{}, {1, 1}, options), StopReason::gradient);
    EXPECT_EQ(reason_of(Rosenbrock{}, {std::nan(""), 1}, options), StopReason::not_finite);
    EXPECT_EQ(reason_of(Rosenbrock{}, {infinity, 1}, options), StopReason::not_finite);
    EXPECT_EQ(reason_of(Barrier{}, {-1}, options), StopReason::not_finite);
    // Nesterov's steps stay as short as the curvature of 2e6 at the start allows.
    if (method != Method::nesterov) {
      EXPECT_EQ(reason_of(Barrier{}, {1e-3}, options), StopReason::gradient);
    }
    EXPECT_EQ(reason_of(Saddle{}, {0, 0}, options), StopReason::gradient);  // a critical point, and told as that
    options.max_iterations = 3;
    EXPECT_EQ(reason_of(Rosenbrock{}, {-1.2, 1}, options), StopReason::iterations);
    options.max_iterations = 0;
    EXPECT_EQ(reason_of(Rosenbrock{}, {-1.2, 1}, options), StopReason::iterations);
    options.max_iterations = 1000;
    options.max_evaluations = 4;
    EXPECT_EQ(reason_of(Rosenbrock{}, {-1.2, 1}, options), StopReason::evaluations);
    options.max_evaluations = 1'000'000;
    options.target = 2;
    EXPECT_EQ(reason_of(Rosenbrock{}, {-1.2, 1}, options), StopReason::target);
  }
  EachOptions options = exact;
  options.relative_gradient_tolerance = 1e-3;
  EXPECT_EQ(reason_of(Rosenbrock{}, {-1.2, 1}, options), StopReason::relative_gradient);
  options = {.method = Method::gradient, .step = 1e-4, .relative_gradient_tolerance = 0, .relative_tolerance = 1e-2};
  EXPECT_EQ(reason_of(Rosenbrock{}, {-1.2, 1}, options), StopReason::value);
  options = {.method = Method::gradient, .step = 1, .relative_gradient_tolerance = 0};
  const StopReason too_long = reason_of(Bowl{}, {3, 4, 5, 6, 7}, options);
  EXPECT_TRUE(too_long == StopReason::diverged) << name_of(too_long);
}

TEST_P(MinimizeEach, NewtonLeavesSaddles) {
  const auto found =
      minimize_each(executor(), Saddle{}, points_at<double>(executor(), {{0.5, 1e-9}, {1, -1e-3}}),
                    {.method = Method::newton_cg, .gradient_tolerance = 1e-10, .relative_gradient_tolerance = 0});
  const auto value = numbers_of<double>(executor(), found.value.view());
  for (const double v : value) EXPECT_NEAR(v, -1, 1e-12);
}

TEST_P(MinimizeEach, StaysWithinBounds) {
  // The bowl's minimum is at (1, 2, 3): here it is on two bounds, and in the open in one variable.
  const EachOptions bounds{.lower = {-infinity, 2.5, -1}, .upper = {0.5, 9, infinity}};
  for (const Method method :
       {Method::gradient, Method::barzilai_borwein, Method::bfgs, Method::lbfgs, Method::newton_cg, Method::nesterov}) {
    SCOPED_TRACE(nabla::name_of(method));
    EachOptions options = bounds;
    options.method = method;
    options.gradient_tolerance = 1e-9;
    options.relative_gradient_tolerance = 0;
    const auto starts = Points<double>::uniform(executor(), is_cuda() ? 10 : 100, 3, -10, 10, 3);
    const auto found = minimize_each(executor(), Bowl{}, starts, options);
    EXPECT_EQ(found.report.converged(), starts.count()) << describe(found.report);
    const auto x = numbers_of<double>(executor(), found.x.view());
    const auto count = static_cast<std::size_t>(starts.count());
    for (std::size_t k = 0; k < count; ++k) {
      EXPECT_EQ(x[k], 0.5);
      EXPECT_EQ(x[count + k], 2.5);
      EXPECT_NEAR(x[2 * count + k], 3, 1e-8);
    }
  }
  // Rosenbrock's least value for x <= 0.5 is at (0.5, 0.25).
  for (const Method method : {Method::bfgs, Method::lbfgs, Method::newton_cg, Method::barzilai_borwein}) {
    SCOPED_TRACE(nabla::name_of(method));
    const auto found = minimize_each(
        executor(), Rosenbrock{}, Points<double>::uniform(executor(), many() / 10, 2, -2, 2, 3),
        {.method = method, .upper = {0.5, 8}, .gradient_tolerance = 1e-8, .relative_gradient_tolerance = 0});
    EXPECT_EQ(found.report.converged(), found.report.starts) << describe(found.report);
    EXPECT_NEAR(found.report.best_value, 0.25, 1e-12);
    for (const double v : numbers_of<double>(executor(), found.value.view())) EXPECT_NEAR(v, 0.25, 1e-12);
  }
}

/// Its variables are coupled: what a bound holds must not lead the others astray. Least at (1, 1, 1).
struct Coupled {
  static constexpr int dimension = 3;
  constexpr auto operator()(const auto& x) const {
    const auto a = x[0] - 1.0, b = x[1] - 1.0, c = x[2] - 1.0;
    return 50.0 * a * a + b * b + 2.0 * c * c + 9.0 * a * b + 1.5 * b * c;
  }
};
TEST_P(MinimizeEach, HeldVariablesDoNotLeadOthersAstray) {
  for (const auto& [method, most] : {std::pair{Method::newton_cg, 4.0}, std::pair{Method::bfgs, infinity}}) {
    const auto starts = Points<double>::uniform(executor(), is_cuda() ? 10 : 200, 3, -3, 3, 3);
    const auto found = minimize_each(executor(), Coupled{}, starts,
                                     {.method = method,
                                      .lower = {-infinity, -infinity, -infinity},
                                      .upper = {0.5, infinity, infinity},
                                      .gradient_tolerance = 1e-9,
                                      .relative_gradient_tolerance = 0});
    SCOPED_TRACE(describe(found.report));
    EXPECT_EQ(found.report.converged(), starts.count());
    EXPECT_LT(static_cast<double>(found.report.iterations) / static_cast<double>(starts.count()), most);
    // By hand: x0 = 1/2, and the two others' equations 2 b + 1.5 c = 4.5, 1.5 b + 4 c = 0.
    const auto x = numbers_of<double>(executor(), found.x.view());
    const auto count = static_cast<std::size_t>(starts.count());
    for (std::size_t k = 0; k < count; ++k) {
      EXPECT_EQ(x[k], 0.5);
      EXPECT_NEAR(x[count + k], 1 + 18 / 5.75, 1e-7);
      EXPECT_NEAR(x[2 * count + k], 1 - 6.75 / 5.75, 1e-7);
    }
  }
}

TEST_P(MinimizeEach, WritesOverItsStartsAndOnlyWhatIsWanted) {
  auto starts = Points<double>::uniform(executor(), 50, 2, -2, 2, 3);
  const auto apart = minimize_each(executor(), Rosenbrock{}, starts, {.method = Method::bfgs});
  nabla::EachOutputs<double> out;
  out.x = starts.view();
  const auto report =
      minimize_each<Rosenbrock, double>(executor(), Rosenbrock{}, starts.view(), out, {.method = Method::bfgs});
  EXPECT_EQ(report.converged(), 50);
  EXPECT_EQ(report.best, apart.report.best);
  EXPECT_EQ(numbers_of<double>(executor(), starts.view()), numbers_of<double>(executor(), apart.x.view()));
}

TEST_P(MinimizeEach, NoStarts) {
  const auto found = minimize_each(executor(), Rosenbrock{}, Points<double>(executor(), 0, 2), {});
  EXPECT_EQ(found.report.starts, 0);
  EXPECT_EQ(found.report.best, -1);
  EXPECT_EQ(found.report.converged(), 0);
}

TEST(MinimizeEachOnCpus, TellsHowItIsGettingOnAndCanBeEnded) {
  const Executor where = Executor::cpu(2);
  const auto starts = Points<double>::uniform(where, 400'000, 2, -2, 2, 3);
  std::vector<EachProgress> told;
  EachOptions options{
      .method = Method::gradient, .step = 1e-4, .relative_gradient_tolerance = 0, .max_iterations = 1'000'000};
  options.callback = [&](const EachProgress& progress) {
    told.push_back(progress);
    return told.size() < 3;
  };
  const auto found = minimize_each(where, Rosenbrock{}, starts, options);
  EXPECT_EQ(told.size(), 3u);
  EXPECT_EQ(told.back().starts, starts.count());
  EXPECT_GT(found.report.count(StopReason::interrupted), 0);
  std::int64_t all = 0;
  for (const std::int64_t some : found.report.reasons) all += some;
  EXPECT_EQ(all, starts.count());
}

TEST(MinimizeEachOnCpus, FunctionsMayThrow) {
  const auto starts = Points<double>::uniform(Executor::cpu(2), 100, 1, -2, 2, 3);
  EXPECT_THROW(minimize_each(Executor::cpu(2), Thrower{}, starts, {}), std::runtime_error);
}

TEST_P(MinimizeEach, OptionsThatCantBeAreRefused) {
  const auto starts = Points<double>::uniform(executor(), 3, 2, -2, 2, 3);
  const auto refusal = [&](const EachOptions& options) -> std::string {
    try {
      minimize_each(executor(), Rosenbrock{}, starts, options);
    } catch (const nabla::Error& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(refusal({.method = Method::adam}),
            "minimize_each: adam is not among its methods; expected gradient, heavy_ball, nesterov, barzilai_borwein, "
            "bfgs, lbfgs, newton_cg or levenberg_marquardt");
  EXPECT_EQ(refusal({.method = Method::bfgs, .step = 1}),
            "minimize_each: bfgs finds its steps itself; expected step 0");
  EXPECT_EQ(refusal({.step = -1}), "minimize_each: step must be positive, or 0 for a line search, found -1");
  EXPECT_EQ(refusal({.memory = 65}), "minimize_each: memory must be 1 to 64 pairs, found 65");
  EXPECT_EQ(refusal({.lower = {1}}), "minimize_each: lower must have 2 bounds, or none, found 1");
  EXPECT_EQ(refusal({.lower = {1, 2}, .upper = {1, 1}}),
            "minimize_each: bounds of variable 1 must be in order, found 2 and 1");
  EXPECT_EQ(refusal({.clip = 1}), "minimize_each: clip is for fixed steps, and lbfgs with a line search has none");
  EXPECT_EQ(refusal({.max_evaluations = 0}), "minimize_each: max_evaluations must be 1 or more, found 0");
  EXPECT_EQ(refusal({.target = std::nan("")}), "minimize_each: target must be a number, found nan");
  const auto wide = Points<double>::uniform(executor(), 3, 17, -2, 2, 3);
  EXPECT_THROW(minimize_each(executor(), Bowl{}, wide, {.method = Method::bfgs}), nabla::Error);
}

}  // namespace
