// What many descents and fits refuse before they begin: options and memory that can't be right, each in one line.

#include "../host/cuda_seam.hpp"
#include "decays.hpp"
#include "executors.hpp"

#include <nabla/fit_each.hpp>

#include <sys/mman.h>
#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace {

using nabla::Array;
using nabla::Batch;
using nabla::BatchView;
using nabla::EachOptions;
using nabla::EachOutputs;
using nabla::Executor;
using nabla::fit_each;
using nabla::Formula;
using nabla::Layout;
using nabla::Method;
using nabla::Points;
using nabla::StopReason;
using nabla::test::Decay;
using nabla::test::decay_formula;
using nabla::test::Decays;
using nabla::test::rows;
using nabla::test::tight;

constexpr double infinity = std::numeric_limits<double>::infinity();

/// (x - 3)^2 + (y - 3)^2.
struct Bowl {
  static constexpr int dimension = 2;
  [[maybe_unused]] static constexpr Method descends_by[] = {Method::bfgs};
  constexpr auto operator()(const auto& x) const {
    const auto a = x[0] - 3.0, b = x[1] - 3.0;
    return a * a + b * b;
  }
};
struct BowlOfAny {
  [[maybe_unused]] static constexpr Method descends_by[] = {Method::lbfgs};
  template <class Point>
  constexpr auto operator()(const Point& x) const {
    typename Point::value_type sum = 0;
    for (int i = 0; i < x.size(); ++i) sum += (x[i] - 3.0) * (x[i] - 3.0);
    return sum;
  }
};

template <class Call>
std::string refusal(const Call& call) {
  try {
    call();
  } catch (const nabla::Error& error) {
    return error.what();
  }
  return "";
}

class EachRefusals : public nabla::test::OnEveryExecutor {};
INSTANTIATE_TEST_SUITE_P(On, EachRefusals, nabla::test::every_executor(), nabla::test::executor_name);

TEST_P(EachRefusals, BoundsNameTheVariable) {
  const Executor where = executor();
  const auto starts = Points<double>::from_host(where, std::vector<double>{0, 0, 1, 1}, 2);
  const double nan = std::nan("");
  const auto found = [&](std::vector<double> lower, std::vector<double> upper) {
    return refusal([&] {
      minimize_each(where, Bowl(), starts,
                    EachOptions{.method = Method::bfgs, .lower = std::move(lower), .upper = std::move(upper)});
    });
  };
  const std::string call = "minimize_each: ";
  EXPECT_EQ(found({nan, 0}, {}), call + "lower bound of variable 0 must be a number or -infinity, found nan");
  EXPECT_EQ(found({0, nan}, {}), call + "lower bound of variable 1 must be a number or -infinity, found nan");
  EXPECT_EQ(found({}, {nan, 0}), call + "upper bound of variable 0 must be a number or infinity, found nan");
  EXPECT_EQ(found({}, {0, nan}), call + "upper bound of variable 1 must be a number or infinity, found nan");
  EXPECT_EQ(found({0, 0}, {1, nan}), call + "upper bound of variable 1 must be a number or infinity, found nan");
  EXPECT_EQ(found({0, infinity}, {}), call + "lower bound of variable 1 must be a number or -infinity, found inf");
  EXPECT_EQ(found({}, {-infinity, 0}), call + "upper bound of variable 0 must be a number or infinity, found -inf");
  EXPECT_EQ(found({0, 2}, {1, 1}), call + "bounds of variable 1 must be in order, found 2 and 1");
  EXPECT_EQ(found({0}, {}), call + "lower must have 2 bounds, or none, found 1");
  EXPECT_EQ(found({}, {1, 1, 1}), call + "upper must have 2 bounds, or none, found 3");
  EXPECT_EQ(found({0, 0}, {1}), call + "upper must have 2 bounds, or none, found 1");

  const EachOptions without{.method = Method::bfgs, .lower = {-infinity, 4}, .upper = {infinity, infinity}};
  const auto least = minimize_each(where, Bowl(), starts, without);
  EXPECT_EQ(least.report.converged(), 2);
  const std::vector<double> x = least.x.to_host();
  for (std::size_t k = 0; k < 2; ++k) {
    EXPECT_NEAR(x[2 * k], 3, 1e-6);
    EXPECT_EQ(x[2 * k + 1], 4);
  }
  const auto of_floats = Points<float>::from_host(where, std::vector<float>{0, 0}, 2);
  EXPECT_EQ(refusal([&] {
              minimize_each(where, Bowl(), of_floats, EachOptions{.method = Method::bfgs, .lower = {0, 1e300}});
            }),
            call + "lower bound of variable 1 must be a number or -infinity, found inf");
}

/// Memory for starts, data and results of 8 decays, all in one allocation, one after another.
struct Together {
  static constexpr std::int64_t fits = 8, of_times = rows, of_samples = fits * rows;
  Array<double> memory;
  Array<std::int64_t> counts;

  explicit Together(const Executor& where) : memory(where, 6 * fits + of_times + of_samples), counts(where, 64) {
    const Decays decays(fits);
    std::vector<double> all = decays.starts;
    all.insert(all.end(), decays.times.begin(), decays.times.end());
    all.insert(all.end(), decays.samples.begin(), decays.samples.end());
    all.resize(static_cast<std::size_t>(memory.size()));
    memory.upload(all);
  }
  double* at(std::int64_t place) const { return memory.data() + place; }
  BatchView<double> starts() const { return {at(0), fits, 3, Layout::point_major}; }
  BatchView<double> times() const { return {at(3 * fits), 1, rows, Layout::point_major}; }
  BatchView<double> samples() const { return {at(3 * fits + of_times), fits, rows, Layout::point_major}; }
  std::int64_t results() const { return 3 * fits + of_times + of_samples; }
};

TEST_P(EachRefusals, ResultsDoNotTakeThePlaceOfData) {
  const Executor where = executor();
  const Together all(where);
  const auto with = [&](const EachOutputs<double>& out) {
    std::string of_functor = refusal([&] {
      fit_each<Decay, double>(where, Decay(), all.starts(), {all.times(), all.samples()}, out, tight);
    });
    EXPECT_EQ(
        refusal([&] {
          fit_each<Formula, double>(where, decay_formula(), all.starts(), {all.times(), all.samples()}, out, tight);
        }),
        of_functor);
    return of_functor;
  };
  const auto column = [&](double* place) { return BatchView<double>(place, all.fits, 1); };
  auto* const as_counts = reinterpret_cast<std::int64_t*>(all.times().data);
  const std::string call = "fit_each: ";
  EXPECT_EQ(with({.value = column(all.times().data)}), call + "value overlaps column 0 in memory");
  EXPECT_EQ(with({.value = column(all.samples().data + 5)}), call + "value overlaps column 1 in memory");
  EXPECT_EQ(with({.gradient_norm = column(all.samples().data + all.of_samples - 1)}),
            call + "gradient_norm overlaps column 1 in memory");
  EXPECT_EQ(with({.x = {all.times().data - 1, all.fits, 3, Layout::point_major}}),
            call + "x overlaps starts in memory");
  EXPECT_EQ(with({.x = {all.times().data, all.fits, 3, Layout::point_major}}), call + "x overlaps column 0 in memory");
  EXPECT_EQ(with({.iterations = as_counts}), call + "iterations overlaps column 0 in memory");
  EXPECT_EQ(with({.evaluations = as_counts}), call + "evaluations overlaps column 0 in memory");
  EXPECT_EQ(with({.reason = reinterpret_cast<StopReason*>(as_counts)}), call + "reason overlaps column 0 in memory");
  EXPECT_EQ(with({.value = column(all.starts().data + 3)}), call + "value overlaps starts in memory");
  EXPECT_EQ(with({.value = column(all.at(all.results())), .gradient_norm = column(all.at(all.results() + 1))}),
            call + "gradient_norm overlaps value in memory");
  EXPECT_EQ(with({.value = {all.at(all.results()), all.fits, 2}}),
            call + "value must have the shape (8, 1), found (8, 2)");
}

/// What was right stays so: x in place of the starts, all else in the same allocation as the data.
TEST_P(EachRefusals, ResultsMayLieBesideData) {
  const Executor where = executor();
  for (const bool by_formula : {false, true}) {
    SCOPED_TRACE(by_formula);
    const Together all(where);
    EachOutputs<double> out;
    out.x = all.starts();
    out.value = {all.at(all.results()), all.fits, 1};
    out.gradient_norm = {all.at(all.results() + all.fits), all.fits, 1};
    out.iterations = all.counts.data();
    out.evaluations = all.counts.data() + all.fits;
    const nabla::FitColumns<double> columns{all.times(), all.samples()};
    const auto report = by_formula
                            ? fit_each<Formula, double>(where, decay_formula(), all.starts(), columns, out, tight)
                            : fit_each<Decay, double>(where, Decay(), all.starts(), columns, out, tight);
    EXPECT_EQ(report.converged(), all.fits);
    const std::vector<double> numbers = all.memory.to_host();
    const std::vector<double> right = Decays(all.fits).parameters;
    for (std::size_t i = 0; i < right.size(); ++i) EXPECT_NEAR(numbers[i], right[i], 1e-8);
  }
}

/// Records of a fit's samples and, behind them, its results: strides keep them apart.
TEST_P(EachRefusals, ResultsMayLieBetweenData) {
  const Executor where = executor();
  const Decays decays(8);
  constexpr std::int64_t record = 3 + rows + 1;
  std::vector<double> numbers(static_cast<std::size_t>(decays.count * record));
  for (std::int64_t k = 0; k < decays.count; ++k) {
    const auto to = numbers.begin() + k * record;
    std::copy_n(decays.starts.begin() + 3 * k, 3, to);
    std::copy_n(decays.samples.begin() + rows * k, rows, to + 3);
  }
  Array<double> memory(where, decays.count * record);
  memory.upload(numbers);
  const auto times = Batch<double>::from_host(where, decays.times, rows);
  const BatchView<double> starts(memory.data(), decays.count, 3, record, 1);
  const BatchView<double> samples(memory.data() + 3, decays.count, rows, record, 1);
  EachOutputs<double> out;
  out.x = starts;
  out.value = {memory.data() + 3 + rows, decays.count, 1, record, 1};
  fit_each<Decay, double>(where, Decay(), starts, {times, samples}, out, tight);
  numbers = memory.to_host();
  for (std::int64_t k = 0; k < decays.count; ++k) {
    for (std::int64_t i = 0; i < 3; ++i) {
      EXPECT_NEAR(numbers[static_cast<std::size_t>(k * record + i)],
                  decays.parameters[static_cast<std::size_t>(3 * k + i)], 1e-8);
    }
  }
}

/// More arguments than a call usually has.
TEST_P(EachRefusals, ManyColumns) {
  const Executor where = executor();
  std::string text = "a";
  std::vector<std::string> names;
  constexpr std::int64_t columns = 12, fits = 5;
  for (std::int64_t k = 0; k < columns; ++k) {
    names.push_back("d" + std::to_string(k));
    text += " - " + names.back();
  }
  const Formula model = Formula::parse(text, {.variables = {"a"}, .data = names});
  std::vector<double> numbers(static_cast<std::size_t>(columns * fits));
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<double>(i);
  nabla::FitColumns<double> data;
  Array<double> all(where, columns * fits);
  all.upload(numbers);
  for (std::int64_t k = 0; k < columns; ++k) data.emplace_back(all.data() + k * fits, fits, 1, 1, fits);
  const auto starts = Points<double>::from_host(where, std::vector<double>(fits, 0), 1);
  const auto found = fit_each(where, model, starts, data, tight);
  const std::vector<double> x = found.x.to_host();
  for (std::size_t k = 0; k < fits; ++k) {
    EXPECT_NEAR(x[k], static_cast<double>(columns * k + fits * columns * (columns - 1) / 2), 1e-9);
  }
  EachOutputs<double> out;
  out.value = {all.data() + 11 * fits, fits, 1};
  EXPECT_EQ(refusal([&] { fit_each<Formula, double>(where, model, starts.view(), data, out, tight); }),
            "fit_each: value overlaps column 11 in memory");
}

class EachMemoryOnCuda : public nabla::test::OnCuda {};
INSTANTIATE_TEST_SUITE_P(On, EachMemoryOnCuda, nabla::test::only_cuda(), nabla::test::executor_name);

/// A block's state takes 118 MB here; where the device has no room for two, one takes all starts.
TEST_P(EachMemoryOnCuda, HoldsDescentsOfManyVariables) {
  const Executor where = executor();
  constexpr std::int64_t n = 10'000, count = 70;
  std::vector<double> numbers(n * count);
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = std::sin(static_cast<double>(i));
  const auto starts = Points<double>::from_host(where, numbers, n);
  const Formula bowl = Formula::parse("sum(i, 1, n, (x[i] - 3)^2)");
  const auto found = minimize_each(where, bowl, starts, {.method = Method::lbfgs, .max_evaluations = 8});
  EXPECT_EQ(found.report.converged(), count) << describe(found.report);
  for (const double x : found.x.to_host()) ASSERT_NEAR(x, 3, 1e-6);
}

TEST_P(EachMemoryOnCuda, IsRefusedWhereTheDeviceHasLess) {
  const Executor where = executor();
  constexpr std::size_t memory = 64, bytes_of_pair = sizeof(double) * 64 * 2;  // of 64 threads, for each variable
  const auto n = static_cast<std::int64_t>(nabla::detail::cuda::free_bytes(where.state()) / (bytes_of_pair * memory));
  Array<double> number(where, 1);
  number.upload(std::vector<double>{0});
  const BatchView<const double> starts(number.data(), 1, n, 0, 0);
  const std::string text = refusal([&] {
    minimize_each<BowlOfAny, double>(where, BowlOfAny(), starts, {},
                                     {.method = Method::lbfgs, .memory = static_cast<int>(memory)});
  });
  EXPECT_EQ(text.find("minimize_each: the state of 64 descents takes "), 0u) << text;
  EXPECT_NE(text.find(" GB of the device's memory, of which "), std::string::npos) << text;
}

/// Addresses without memory.
class Nowhere {
 public:
  explicit Nowhere(std::size_t bytes)
      : bytes_(bytes), begin_(mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)) {}
  ~Nowhere() { munmap(begin_, bytes_); }
  Nowhere(const Nowhere&) = delete;
  Nowhere& operator=(const Nowhere&) = delete;
  const double* begin() const { return begin_ == MAP_FAILED ? nullptr : static_cast<const double*>(begin_); }

 private:
  std::size_t bytes_;
  void* begin_;
};

TEST(EachMemory, IsRefusedWhereTheMachineHasLess) {
  const Executor where = Executor::cpu(1);
  const auto starts = Points<double>::from_host(where, std::vector<double>{1, 1, 0, 1, 1, 0}, 3);
  constexpr std::int64_t long_rows = std::int64_t{1} << 37;
  const Nowhere nowhere((long_rows + 1) * sizeof(double));
  ASSERT_NE(nowhere.begin(), nullptr);
  const BatchView<const double> times(nowhere.begin(), 1, long_rows, 0, 0);
  const BatchView<const double> samples(nowhere.begin(), 2, long_rows, 1, 1);
  const std::string text = refusal([&] { fit_each(where, Decay(), starts, {times, samples}, tight); });
  EXPECT_EQ(text.find("fit_each: 1 thread with places for "), 0u) << text;
  EXPECT_NE(text.find(" descents, their data among them, would take "), std::string::npos) << text;
  EXPECT_NE(text.find(" GB of memory, "), std::string::npos) << text;
  EXPECT_EQ(text.find('\n'), std::string::npos) << text;
  const std::string of_formula = refusal([&] { fit_each(where, decay_formula(), starts, {times, samples}, tight); });
  EXPECT_EQ(of_formula.find("fit_each: 1 thread with places for "), 0u) << of_formula;
}

/// A single fit's data are shared by all there are: copies in all lanes took 256 MB here.
TEST(EachMemory, DataThatAllShareAreNotCopied) {
  const Executor where = Executor::cpu(1);
  const auto peak = [] {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
  };
  constexpr std::int64_t many = 1'000'000;
  Batch<double> times(where, 1, many), samples(where, 1, many);
  for (std::int64_t r = 0; r < many; ++r) {
    times.data()[r] = 4 * static_cast<double>(r) / many;
    samples.data()[r] = 3 * std::exp(-times.data()[r]) + 0.5;
  }
  const auto starts = Points<double>::from_host(where, std::vector<double>{1, 1, 0}, 3);
  const auto before = peak();
  const auto found = fit_each(where, Decay(), starts, {times, samples}, tight);
  EXPECT_LT(peak() - before, 16 << 10);  // in units of 1024 bytes
  nabla::test::expect_near(found, {3, 1, 0.5}, 1e-8);
}

TEST(EachMemory, StatesAreNotLargerThanCanBeCounted) {
  const double number = 0;
  const BatchView<const double> starts(&number, 1, 200'000'000, 0, 0);
  EXPECT_EQ(
      refusal([&] { minimize_each<BowlOfAny, double>(Executor::cpu(1), BowlOfAny(), starts, {}); }),
      "minimize_each: many starts are of up to 82595524 variables, found 200000000, for which there is minimize()");
}

}  // namespace
