#include "measure.hpp"

#include <algorithm>
#include <cmath>

namespace nabla::bench {

std::string Case::name() const {
  std::string name = operation + "/" + subject + "/" + (f32 ? "f32" : "f64");
  return variant.empty() ? name : name + "/" + variant;
}

std::vector<Case> all_cases() {
  std::vector<Case> all;
  for (const auto& cases : {evaluation_cases(), formula_cases(), objective_cases(), vector_cases(), descent_cases()}) {
    all.insert(all.end(), cases.begin(), cases.end());
  }
  return all;
}

std::string to_string(Bound bound) {
  switch (bound) {
    case Bound::memory:
      return "memory";
    case Bound::arithmetic:
      return "arithmetic";
    case Bound::call:
      return "call";
    case Bound::neither:
      return "neither";
  }
  return "";
}

std::int64_t items_for(const Case& what, double bytes) {
  constexpr std::int64_t line = 16;  // so that rows begin with cache lines
  std::int64_t items = std::llround(bytes / what.bytes_per_item);
  if (what.most_items > 0) items = std::min(items, what.most_items);
  return std::max(line, items / line * line);
}

namespace {

/// The p-th part of the numbers is below it; of sorted ones.
double quantile(const std::vector<double>& sorted, double p) {
  const double at = p * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (at - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}
Ratio quartiles(std::vector<double> numbers) {
  std::ranges::sort(numbers);
  return {quantile(numbers, 0.5), quantile(numbers, 0.25), quantile(numbers, 0.75)};
}
double median(const std::vector<double>& numbers) { return quartiles(numbers).median; }

/// How often work is done for a clock to tell, and for what a call costs to be seen beside it.
int times_for(const Clock& clock, const std::function<void()>& work) {
  constexpr double long_enough = 1e-3;
  return static_cast<int>(std::clamp(long_enough / clock.seconds_of(work), 1.0, 1e6));
}
double seconds_of_each(const Clock& clock, const std::function<void()>& work, int times) {
  return clock.seconds_of([&] {
    for (int k = 0; k < times; ++k) work();
  }) / times;
}

/// At least five rounds, at most a hundred, for about so many seconds.
template <class Round>
void repeat(const Clock& clock, double seconds, Round round) {
  constexpr int least = 5, most = 101;
  const double start = clock.now();
  for (int k = 0; k < least || (k < most && clock.now() - start < seconds); ++k) round();
}

}  // namespace

Measured measure(const Clock& clock, const Turns& turns, double seconds, bool cold) {
  // Both are run once before: pages are there, formulas compiled, caches warm.
  turns.run();
  turns.move();
  const int times = cold ? 1 : times_for(clock, turns.run);
  const auto seconds_each = [&](const std::function<void()>& work) {
    if (cold) turns.flush();
    return seconds_of_each(clock, work, times);
  };
  std::vector<double> runs, moves, computations, ratios;
  repeat(clock, seconds, [&] {
    moves.push_back(seconds_each(turns.move));
    runs.push_back(seconds_each(turns.run));
    computations.push_back(turns.arithmetic_seconds());
    ratios.push_back(std::max(moves.back(), computations.back()) / runs.back());
  });
  const Ratio ratio = quartiles(ratios);
  return {median(runs), median(moves), median(computations),           ratio.median,
          ratio.low,    ratio.high,    static_cast<int>(ratios.size())};
}

Measured measure(Ceilings& ceilings, const Prepared& prepared, bool f32, double seconds, bool cold) {
  const auto arithmetic_seconds = [&] {
    return f32 ? ceilings.seconds_for<float>(prepared.work) : ceilings.seconds_for<double>(prepared.work);
  };
  return measure(
      ceilings.clock(),
      {prepared.run, [&] { ceilings.move(prepared.traffic); }, [&] { ceilings.flush(); }, arithmetic_seconds}, seconds,
      cold);
}

Ratio ratio_of(const Clock& clock, const std::function<void()>& first, const std::function<void()>& second,
               double seconds) {
  first();
  second();
  const int times_first = times_for(clock, first), times_second = times_for(clock, second);
  std::vector<double> ratios;
  repeat(clock, seconds, [&] {
    const double before = seconds_of_each(clock, first, times_first);
    ratios.push_back(seconds_of_each(clock, second, times_second) / before);
  });
  return quartiles(ratios);
}

Ratio speedup(const Prepared& prepared, int threads, double seconds) {
  const Executor several = Executor::cpu(threads), one = Executor::cpu(1);
  return ratio_of(
      clock_of(one), [&] { prepared.run_by(several); }, [&] { prepared.run_by(one); }, seconds);
}

}  // namespace nabla::bench
