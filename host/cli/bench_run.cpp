#include "bench.hpp"

#include <algorithm>
#include <cmath>

// What nabla bench measures, one after the other.

namespace nabla::cli {

using bench::Case;
using bench::Ceilings;

double BenchReport::flops_of(const BenchRow& row) const {
  const std::size_t which = row.precision == Precision::f64;
  double flops = row.work.flops;
  for (std::size_t f = 0; f < bench::elementaries; ++f) {
    if (row.work.calls[f] > 0) flops += row.work.calls[f] / call_rate[which][f] * flop_rate[which];
  }
  return flops;
}

std::string BenchRow::described() const {
  return subject + ", " + to_string(precision) + (variant.empty() ? "" : ", " + variant);
}

bool BenchPlan::wants(const Case& what) const {
  return what.name().find(filter) != std::string::npos && (!precision || what.f32 == (*precision == Precision::f32));
}

namespace {

/// What can be done at most: whatever disturbs makes it less.
template <class Measure>
double most_of(Measure measure) {
  double most = 0;
  for (int k = 0; k < 9; ++k) most = std::max(most, measure());
  return most;
}

template <class T>
void measure_arithmetic(Ceilings& ceilings, BenchReport& report) {
  constexpr bool f64 = sizeof(T) == 8;
  const std::string precision = f64 ? ", f64" : ", f32";
  report.flop_rate[f64] = most_of([&] { return ceilings.flops_per_second<T>(); });
  report.ceilings.push_back({"multiplications and additions" + precision, "flops", report.flop_rate[f64]});
  for (std::size_t f = 0; f < bench::elementaries; ++f) {
    report.call_rate[f64][f] = most_of([&] { return ceilings.calls_per_second<T>(static_cast<bench::Elementary>(f)); });
    const bool is_instruction = f <= static_cast<std::size_t>(bench::Elementary::sqrt);
    const std::string name =
        is_instruction ? bench::elementary_names[f] : std::string("nabla's ") + bench::elementary_names[f];
    report.ceilings.push_back({name + precision, "calls", report.call_rate[f64][f]});
  }
}

void measure_streams(Ceilings& ceilings, BenchReport& report) {
  struct Mix {
    int reads, writes;
    const char* name;
  };
  for (const Mix mix : {Mix{1, 0, "a stream read"}, Mix{1, 1, "a stream read, one written"},
                        Mix{2, 1, "2 streams read, 1 written"}, Mix{2, 3, "2 streams read, 3 written"}}) {
    const bench::Traffic traffic{mix.reads, mix.writes,
                                 static_cast<std::int64_t>(report.bytes) / (mix.reads + mix.writes)};
    const double rate =
        most_of([&] { return traffic.bytes() / ceilings.clock().seconds_of([&] { ceilings.move(traffic); }); });
    report.ceilings.push_back({mix.name, "bytes", rate});
    report.stream_rate = rate;  // of the last
  }
}

/// What rows' own arrays were moved with, in the middle: the picture's slope. Ceilings are the most, and memory is
/// seldom as fast.
void take_rate_of_memory(BenchReport& report) {
  std::vector<double> rates;
  for (const BenchRow& row : report.rows) {
    if (!row.traffic.memory.empty()) rates.push_back(row.traffic.bytes() / row.measured.memory_seconds);
  }
  if (rates.empty()) return;
  std::ranges::sort(rates);
  report.stream_rate = rates[rates.size() / 2];
}

/// The time of a call on next to nothing.
double call_seconds(Ceilings& ceilings, const Case& what, double seconds) {
  const bench::Prepared one = what.prepare(ceilings.executor(), 1);
  return bench::measure(ceilings, one, what.f32, seconds / 4).seconds;
}

BenchRow row_of(Ceilings& ceilings, const Case& what, double bytes, double seconds, bool cold = false) {
  const bench::Prepared prepared = what.prepare(ceilings.executor(), bench::items_for(what, bytes));
  return {what.operation,
          what.subject,
          what.variant,
          what.items,
          what.floor,
          what.f32 ? Precision::f32 : Precision::f64,
          prepared.traffic,
          prepared.work,
          prepared.items,
          cold,
          bench::measure(ceilings, prepared, what.f32, seconds, cold)};
}

/// Two evaluations from the first-level cache to beyond the last: sizes four times as large each.
void measure_sizes(Ceilings& ceilings, const BenchPlan& plan, const std::vector<Case>& cases, BenchReport& report) {
  constexpr double smallest = 8192;
  for (std::size_t k = 0; k < std::min<std::size_t>(2, cases.size()); ++k) {
    const Case& what = cases[k];
    plan.said(what.subject + " by size");
    const double of_a_call = call_seconds(ceilings, what, plan.seconds);
    for (double bytes = smallest; bytes <= plan.bytes; bytes *= 4) {
      for (const bool cold : {false, true}) {
        // Where all of it comes from memory anyway, or where nothing is known of caches by flushing them, warm is all.
        if (cold && (!ceilings.executor().is_cuda() || bytes > static_cast<double>(report.cache))) continue;
        BenchRow row = row_of(ceilings, what, bytes, plan.seconds / 4, cold);
        row.measured.call_seconds = of_a_call;
        report.sizes.push_back(std::move(row));
      }
    }
  }
}

void measure_threads(const Executor& executor, const BenchPlan& plan, const std::vector<Case>& cases,
                     BenchReport& report) {
  std::vector<int> counts;
  for (int threads = 1; threads < executor.threads(); threads *= 2) counts.push_back(threads);
  counts.push_back(executor.threads());
  for (const Case& what : cases) {
    plan.said(what.subject + " by threads");
    const bench::Prepared prepared = what.prepare(executor, bench::items_for(what, plan.bytes));
    for (const int threads : counts) {
      report.threads.push_back({what.subject, threads, bench::speedup(prepared, threads, plan.seconds / 2)});
    }
  }
}

/// Within the caches, where bytes do not hide arithmetic.
void measure_gradients(const Executor& executor, const BenchPlan& plan,
                       const std::vector<bench::GradientAndValue>& pairs, BenchReport& report) {
  for (const auto& [function, n, value, gradient] : pairs) {
    plan.said("gradient and value of " + gradient.subject);
    const auto items = bench::items_for(gradient, static_cast<double>(report.cache) / 4);
    const bench::Prepared with = gradient.prepare(executor, items), alone = value.prepare(executor, items);
    report.gradients.push_back(
        {function, n, bench::ratio_of(bench::clock_of(executor), alone.run, with.run, plan.seconds / 2)});
  }
}

/// Of functions that are cheap and, at the end, dear.
std::vector<Case> gradients_in(const std::vector<Case>& cases, Precision precision) {
  std::vector<Case> gradients;
  for (const Case& what : cases) {
    const bool fits = what.operation == "value and gradient" && what.f32 == (precision == Precision::f32);
    if (fits && what.variant == "component-major") gradients.push_back(what);
  }
  return gradients;
}

/// The evaluations that there are with and without the gradient.
std::vector<bench::GradientAndValue> pairs_in(const std::vector<Case>& cases) {
  std::vector<bench::GradientAndValue> pairs;
  for (const Case& value : cases) {
    if (value.operation != "value" || value.f32) continue;
    const auto gradient = std::ranges::find_if(cases, [&](const Case& other) {
      return other.operation == "value and gradient" && !other.f32 && other.subject == value.subject;
    });
    if (gradient == cases.end()) continue;
    pairs.push_back({value.function, value.variables, value, *gradient});
  }
  return pairs;
}

}  // namespace

BenchReport run_bench(const Executor& executor, const BenchPlan& plan) {
  const Stopwatch watch;
  Ceilings ceilings(executor);
  BenchReport report;
  report.cache = ceilings.cache_bytes();
  report.bytes = plan.bytes;
  report.precision = plan.precision.value_or(Precision::f64);
  report.device = ceilings.device();
  plan.said("ceilings");
  measure_streams(ceilings, report);
  measure_arithmetic<double>(ceilings, report);
  measure_arithmetic<float>(ceilings, report);
  for (const Case& what : bench::all_cases()) {
    if (!plan.wants(what) || (executor.is_cuda() && !what.on_cuda)) continue;
    plan.said(what.name());
    report.rows.push_back(row_of(ceilings, what, plan.bytes, plan.seconds));
  }
  take_rate_of_memory(report);
  if (plan.filter.empty()) {
    const std::vector<Case> cases = bench::evaluation_cases(), gradients = gradients_in(cases, report.precision);
    measure_sizes(ceilings, plan, gradients, report);
    if (!executor.is_cuda()) measure_threads(executor, plan, {gradients.front(), gradients.back()}, report);
    if (report.precision == Precision::f64) {
      auto pairs = pairs_in(cases);
      for (auto& pair : bench::formula_gradients()) pairs.push_back(std::move(pair));
      measure_gradients(executor, plan, pairs, report);
    }
  }
  report.seconds = watch.seconds();
  return report;
}

}  // namespace nabla::cli
