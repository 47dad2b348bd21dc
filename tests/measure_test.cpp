#include "../host/bench/measure.hpp"
#include "../host/bench/device_clocks.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

// How benchmarks measure, by a clock that the test moves on: what is made of times, and not how long anything takes.

namespace nabla::test {
namespace {

using bench::Clock;
using bench::Measured;
using bench::Ratio;

/// A clock that work itself moves on, and which may be coarse.
struct Planted {
  double time = 0, resolution = 0;

  double now() const { return resolution > 0 ? std::floor(time / resolution) * resolution : time; }
  Clock clock() {
    return {[this] { return now(); },
            [this](const std::function<void()>& work) {
              const double start = now();
              work();
              return now() - start;
            }};
  }
};

/// Work that takes so many seconds the first, second, ... time, and the last of them from then on.
struct Work {
  Planted& planted;
  std::vector<double> seconds;
  std::size_t done = 0;

  void operator()() { planted.time += seconds[std::min(done++, seconds.size() - 1)]; }
};

/// The first two calls of each are before the rounds: one warms up, and by one of the runs it is seen how often is
/// enough.
Measured measured(Planted& planted, Work& run, Work& move, std::vector<double> arithmetic, double seconds, bool cold) {
  std::size_t asked = 0;
  const bench::Turns turns{[&] { run(); }, [&] { move(); }, [&] { planted.time += 1; },
                           [&] { return arithmetic[std::min(asked++, arithmetic.size() - 1)]; }};
  return bench::measure(planted.clock(), turns, seconds, cold);
}

constexpr double tolerance = 1e-9;

TEST(Measuring, MediansAndRatiosAreOfRounds) {
  Planted planted;
  // After what is not counted (100 and 5), rounds of 8, 10, 12, 20, 40 ms.
  Work run{planted, {0.1, 0.005, 0.008, 0.010, 0.012, 0.020, 0.040}},
      move{planted, {0.1, 0.006, 0.006, 0.009, 0.010, 0.024}};
  const Measured found = measured(planted, run, move, {0.001}, 0, false);
  EXPECT_EQ(found.rounds, 5);
  EXPECT_NEAR(found.seconds, 0.012, tolerance);
  EXPECT_NEAR(found.memory_seconds, 0.009, tolerance);
  EXPECT_NEAR(found.arithmetic_seconds, 0.001, tolerance);
  // 6/8, 6/10, 9/12, 10/20, 24/40: their median is not the medians' ratio.
  EXPECT_NEAR(found.of_floor, 0.6, tolerance);
  EXPECT_NEAR(found.low, 0.6, tolerance);
  EXPECT_NEAR(found.high, 0.75, tolerance);
  EXPECT_EQ(found.bound(), bench::Bound::memory);
}

TEST(Measuring, FloorIsTheLargerOfBytesAndArithmeticInEachRound) {
  Planted planted;
  Work run{planted, {0.010}}, move{planted, {0.004}};
  const Measured found = measured(planted, run, move, {0.008, 0.002, 0.009, 0.007, 0.001}, 0, false);
  EXPECT_NEAR(found.arithmetic_seconds, 0.007, tolerance);
  EXPECT_NEAR(found.of_floor, 0.7, tolerance);  // 0.8, 0.4, 0.9, 0.7, 0.4
  EXPECT_NEAR(found.low, 0.4, tolerance);
  EXPECT_NEAR(found.high, 0.8, tolerance);
  EXPECT_EQ(found.bound(), bench::Bound::arithmetic);
}

TEST(Measuring, AMachineInAnotherMoodChangesNoRatio) {
  Planted planted;
  Work run{planted, {1, 0.002, 0.004, 0.008, 0.016, 0.004, 0.002}},
      move{planted, {1, 0.003, 0.006, 0.012, 0.003, 0.0015}};
  const Measured found = measured(planted, run, move, {0}, 0, false);
  EXPECT_NEAR(found.of_floor, 0.75, tolerance);
  EXPECT_NEAR(found.low, 0.75, tolerance);
  EXPECT_NEAR(found.high, 0.75, tolerance);
}

TEST(Measuring, WhatIsTooShortForTheClockIsRepeated) {
  Planted planted;
  constexpr double part = 1.0 / (1 << 17);  // sums of which are exact
  Work run{planted, {part}}, move{planted, {part / 2}};
  const Measured found = measured(planted, run, move, {0}, 0, false);
  EXPECT_EQ(run.done, 2u + 5 * 131);  // a millisecond in each round
  EXPECT_EQ(move.done, 1u + 5 * 131);
  EXPECT_NEAR(found.seconds, part, tolerance);
  EXPECT_NEAR(found.of_floor, 0.5, tolerance);

  // By a clock that sees nothing of one run, and little of a thousand.
  Planted coarse{.time = 0, .resolution = 1e-2};
  Work other_run{coarse, {1e-6}}, other_move{coarse, {5e-7}};
  const Measured seen = measured(coarse, other_run, other_move, {0}, 0, false);
  EXPECT_NEAR(seen.seconds, 1e-6, 2e-8);
  EXPECT_NEAR(seen.of_floor, 0.5, 0.02);
}

TEST(Measuring, ColdRunsAreSingleAndFlushedBefore) {
  Planted planted;
  double last = 0;
  int flushed = 0, runs = 0;
  const auto work = [&](double after_a_flush, double otherwise) {
    planted.time += flushed > 0 ? after_a_flush : otherwise;
    flushed = 0;
  };
  const bench::Turns turns{[&] { work(2e-5, 1e-5), ++runs; }, [&] { work(1.5e-5, 2e-6); },
                           [&] { ++flushed, last = planted.time += 1; }, [] { return 0.0; }};
  const Measured found = bench::measure(planted.clock(), turns, 0, true);
  EXPECT_EQ(runs, 1 + 5);
  EXPECT_NEAR(last, 10, 1e-2);
  EXPECT_NEAR(found.seconds, 2e-5, tolerance);  // none of the flush's second
  EXPECT_NEAR(found.memory_seconds, 1.5e-5, tolerance);
  EXPECT_NEAR(found.of_floor, 0.75, 1e-6);
  EXPECT_NEAR(bench::measure(planted.clock(), turns, 0, false).seconds, 1e-5, tolerance);
}

TEST(Measuring, RoundsAreForSoManySeconds) {
  const auto rounds = [](double seconds) {
    Planted planted;
    Work run{planted, {0.005}}, move{planted, {0.003}};
    return measured(planted, run, move, {0}, seconds, false).rounds;
  };
  EXPECT_EQ(rounds(0), 5);
  EXPECT_EQ(rounds(0.1), 13);  // of 8 ms
  EXPECT_EQ(rounds(100), 101);
}

TEST(Measuring, RatiosOfPairs) {
  Planted planted;
  Work first{planted, {1, 0.002, 0.002, 0.004, 0.004, 0.002, 0.002}},
      second{planted, {1, 0.004, 0.006, 0.008, 0.012, 0.002, 0.02}};
  const Ratio found = bench::ratio_of(
      planted.clock(), [&] { first(); }, [&] { second(); }, 0);
  EXPECT_NEAR(found.median, 3, 1e-6);  // 3, 2, 3, 1, 10
  EXPECT_NEAR(found.low, 2, 1e-6);
  EXPECT_NEAR(found.high, 3, 1e-6);
}

TEST(Measuring, RatesAreOfRunsThatAreLongEnough) {
  // Of short runs this clock sees nothing, which would be an infinite rate.
  Planted planted{.time = 0, .resolution = 1e-4};
  double amount = 0;
  std::vector<double> amounts, speeds{1e9};
  const auto run = [&](double wanted) {
    amounts.push_back(wanted);
    planted.time += wanted / speeds[std::min(amounts.size() - 1, speeds.size() - 1)];
    return wanted;
  };
  EXPECT_NEAR(bench::rate_of(planted.clock(), amount, run), 1e9, 0.3e9);
  EXPECT_EQ(amounts.front(), 1e4);
  EXPECT_EQ(amount, amounts.back());
  EXPECT_GE(amount / 1e9, 0.5e-3);
  EXPECT_LT(amount / 1e9, 1.3e-3);

  // The most of three, at the amount that was found before.
  const double found = amount;
  amounts.clear();
  planted.resolution = 0;
  speeds = {1e9, 1.25e9, 0.5e9};
  EXPECT_NEAR(bench::rate_of(planted.clock(), amount, run), 1.25e9, 1);
  EXPECT_EQ(amounts, std::vector<double>(3, found));
}

TEST(Measuring, ThreadsRunOnTheSameArrays) {
  std::vector<int> threads;
  bench::Prepared prepared;
  prepared.run = [] { FAIL() << "not by an executor"; };
  prepared.run_by = [&](const Executor& by) { threads.push_back(by.threads()); };
  bench::speedup(prepared, 3, 0);
  EXPECT_EQ(threads[0], 3);
  EXPECT_EQ(threads[1], 1);
  EXPECT_EQ(std::count(threads.begin(), threads.end(), 1) + std::count(threads.begin(), threads.end(), 3),
            static_cast<std::ptrdiff_t>(threads.size()));
}

TEST(Measuring, ClocksOfADevice) {
  for (int again = 0; again < 2; ++again) {
    const auto found = bench::device_clocks("0000:01:00.0", NABLA_STUB_NVML);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->multiprocessor_mhz, 1755u);
    EXPECT_EQ(found->memory_mhz, 2619u);
    EXPECT_EQ(found->driver, "550.54.15");
    EXPECT_FALSE(bench::device_clocks("0000:02:00.0", NABLA_STUB_NVML));
  }
  EXPECT_FALSE(bench::device_clocks("0000:01:00.0", "libnosuch.so.1"));
  EXPECT_FALSE(bench::device_clocks("0000:01:00.0", "libm.so.6"));
}

}  // namespace
}  // namespace nabla::test
