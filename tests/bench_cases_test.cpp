#include "../host/bench/counted.hpp"
#include "../host/bench/measure.hpp"
#include "executors.hpp"

#include <cmath>
#include <set>

// What benchmarks hold operations against: counts of arithmetic, ceilings, and cases that run everywhere. How long
// anything takes is not looked at.

namespace nabla::test {
namespace {

using bench::Elementary;
using bench::Work;

struct WaveSaddle {  // x^2 y + sin(xy)
  template <class X>
  constexpr auto operator()(const X& x) const {
    using nabla::sin;
    return x[0] * x[0] * x[1] + sin(x[0] * x[1]);
  }
};
struct Quotient {  // (3 x + 0 + 1 x) / sqrt(y)
  template <class X>
  constexpr auto operator()(const X& x) const {
    using nabla::sqrt;
    return (3 * x[0] + 0 + 1 * x[0]) / sqrt(x[1]);
  }
};

double calls(const Work& work, Elementary f) { return work.calls[static_cast<std::size_t>(f)]; }

TEST(Counted, ValuesByHand) {
  const Work wave = bench::work_of(detail::ValueBody<WaveSaddle, 2>{}, 2);
  EXPECT_EQ(wave.flops, 4);  // x*x, *y, x*y, +
  EXPECT_EQ(calls(wave, Elementary::sin), 1);
  EXPECT_EQ(calls(wave, Elementary::sincos), 0);
  const Work quotient = bench::work_of(detail::ValueBody<Quotient, 2>{}, 2);
  EXPECT_EQ(quotient.flops, 2);  // 3*x, and the sum of it and x; + 0 and 1 * x are nothing
  EXPECT_EQ(calls(quotient, Elementary::sqrt), 1);
  EXPECT_EQ(calls(quotient, Elementary::division), 1);
}

// Forward, with two tangents that begin as 1 and 0: x*x 1 and x + x; (x*x)*y 1 and 1; x*y 1; sin'(xy) times two
// tangents 2; the sum of both terms 1 and 2.
TEST(Counted, GradientByHand) {
  const Work wave = bench::work_of(detail::GradientBody<WaveSaddle, 2>{}, 2);
  EXPECT_EQ(wave.flops, 2 + 2 + 1 + 2 + 3);
  EXPECT_EQ(calls(wave, Elementary::sincos), 1);
  EXPECT_EQ(calls(wave, Elementary::sin), 0);
}

TEST(Counted, WhatIsNotNeededIsNotWork) {
  using bench::Counted;
  Counted::notes().clear();
  const Counted two(2), x = Counted::variable(3);
  const Counted y = Math<Counted>::exp(two * two) * x;  // exp(4) is a constant
  EXPECT_NEAR(y.value(), std::exp(4.0) * 3, 1e-12);
  EXPECT_EQ(bench::work_behind({y}, Counted::notes()).flops, 1);
  EXPECT_EQ(calls(bench::work_behind({y}, Counted::notes()), Elementary::exp), 0);
  const Counted nobody_asks = Math<Counted>::exp(x) + y;
  EXPECT_EQ(bench::work_behind({y}, Counted::notes()).flops, 1);
  EXPECT_EQ(bench::work_behind({nobody_asks}, Counted::notes()).flops, 2);
  const Counted again = Math<Counted>::exp(x) + y, other = x * two, different = x * Counted(5);
  EXPECT_EQ(bench::work_behind({nobody_asks, again}, Counted::notes()).flops, 2);
  EXPECT_EQ(bench::work_behind({other, different}, Counted::notes()).flops, 2);
  const Counted u = Counted::variable(5), one_way = x * u + two, other_way = two + u * x;
  EXPECT_EQ(bench::work_behind({one_way, other_way}, Counted::notes()).flops, 2);
  EXPECT_EQ(bench::work_behind({x - u, u - x}, Counted::notes()).flops, 2);
}

class BenchCases : public OnEveryExecutor {};

TEST_P(BenchCases, AllRun) {
  const Executor where = executor();
  std::set<std::string> names;
  for (const bench::Case& what : bench::all_cases()) {
    EXPECT_TRUE(names.insert(what.name()).second) << what.name() << " is there twice";
    if (where.is_cuda() && !what.on_cuda) continue;
    const bench::Prepared prepared = what.prepare(where, 64);
    prepared.run();
    where.synchronize();
    EXPECT_GT(prepared.items, 0) << what.name();
    EXPECT_GT(prepared.traffic.bytes(), 0) << what.name();
  }
}

std::vector<std::byte> bytes_at(const Executor& where, const void* from, std::int64_t bytes) {
  std::vector<std::byte> found(static_cast<std::size_t>(bytes));
  detail::copy_bytes(where, found.data(), from, found.size());
  return found;
}

/// What lies in each of the streams that are written.
using Streams = std::vector<std::vector<std::byte>>;
Streams written(const Executor& where, const std::vector<bench::Traffic>& all) {
  Streams found;
  for (const bench::Traffic& traffic : all) {
    for (auto at = traffic.memory.begin() + traffic.reads; at != traffic.memory.end(); ++at) {
      found.push_back(bytes_at(where, *at, traffic.stream_bytes));
    }
  }
  return found;
}

/// With what comes then.
std::vector<bench::Traffic> all_of(const bench::Traffic& traffic) {
  std::vector<bench::Traffic> all{traffic};
  for (const bench::Traffic& more : traffic.then) {
    const auto below = all_of(more);
    all.insert(all.end(), below.begin(), below.end());
  }
  return all;
}

// The bare loop goes over the arrays of the operation itself, from cache lines on, and takes nothing from it that it
// reads: what the operation writes is the same afterwards, and what it does not write is as the loop left it.
TEST_P(BenchCases, BareLoopsGoOverTheSameArrays) {
  const Executor where = executor();
  bench::Ceilings ceilings(where);
  for (const bench::Case& what : bench::all_cases()) {
    if (where.is_cuda() && !what.on_cuda) continue;
    for (const std::int64_t items : {64, 992}) {  // of 992, grids have 31 x 31 points
      const bench::Prepared prepared = what.prepare(where, items);
      const std::vector<bench::Traffic> all = all_of(prepared.traffic);
      for (const bench::Traffic& traffic : all) {
        ASSERT_EQ(traffic.memory.size(), static_cast<std::size_t>(traffic.reads + traffic.writes)) << what.name();
        for (const void* const at : traffic.memory) {
          EXPECT_EQ(reinterpret_cast<std::uintptr_t>(at) % 64, 0u) << what.name();
        }
      }
      prepared.run();
      where.synchronize();
      const Streams results = written(where, all);
      ceilings.move(prepared.traffic);
      where.synchronize();
      const Streams moved = written(where, all);
      prepared.run();
      where.synchronize();
      const Streams again = written(where, all);
      bool some = results.empty();
      for (std::size_t k = 0; k < results.size(); ++k) {
        EXPECT_TRUE(again[k] == results[k] || again[k] == moved[k]) << what.name();
        some = some || (again[k] == results[k] && again[k] != moved[k]);
      }
      EXPECT_TRUE(some) << what.name() << " writes none of what the bare loop writes";
    }
  }
}

// An evaluation by another executor writes the same arrays.
TEST_P(BenchCases, EvaluationsRunByAnyExecutor) {
  const Executor where = executor();
  int found = 0;
  for (const bench::Case& what : bench::evaluation_cases()) {
    const bench::Prepared prepared = what.prepare(where, 64);
    ASSERT_TRUE(prepared.run_by) << what.name();
    prepared.run();
    where.synchronize();
    const Streams results = written(where, {prepared.traffic});
    bench::Traffic nothing_read = prepared.traffic;
    nothing_read.memory.erase(nothing_read.memory.begin(), nothing_read.memory.begin() + nothing_read.reads);
    nothing_read.reads = 0;
    bench::Ceilings(where).move(nothing_read);  // zeros
    EXPECT_TRUE(written(where, {prepared.traffic}) != results) << what.name();
    prepared.run_by(where.is_cuda() ? where : Executor::cpu(2));
    where.synchronize();
    EXPECT_TRUE(written(where, {prepared.traffic}) == results) << what.name();
    EXPECT_GT(what.variables, 0);
    EXPECT_EQ(what.subject, what.function + ", n = " + std::to_string(what.variables));
    ++found;
  }
  EXPECT_GE(found, 18);
}

// 9.0 entries of 12 bytes a row, a column and a number each.
TEST_P(BenchCases, ProductsReadTheirMatrix) {
  const auto traffic_of = [&](const std::string& name) {
    for (const bench::Case& what : bench::all_cases()) {
      if (what.name() == name) return what.prepare(executor(), 4096).traffic;
    }
    return bench::Traffic{};
  };
  const double vector = 8 * 4096.0;
  const double graph = traffic_of("matrix times vector/random graph, 9 entries a row/f64").bytes() - 2 * vector;
  EXPECT_NEAR(graph / 4096, 9 * 12, 10);
  EXPECT_EQ(traffic_of("matrix times vector/diagonal/f64").bytes(), 3 * vector);
  EXPECT_NEAR(traffic_of("matrix times vector/five-point Laplacian/f64").bytes(), 2 * vector, 0.1 * vector);
  // Twenty iterations: where products are kept, the matrix is read once in each, and the product written and read.
  EXPECT_NEAR(traffic_of("conjugate gradients/five-point Laplacian/f64").bytes() / 20, 8 * vector, 0.2 * vector);
  EXPECT_EQ(traffic_of("conjugate gradients/random graph, 9 entries a row/f64").bytes() / 20, 10 * vector + graph);
}

TEST_P(BenchCases, CeilingsMoveEveryByte) {
  const Executor where = executor();
  bench::Ceilings ceilings(where);
  constexpr std::int64_t numbers = 1000;  // 8000 bytes: 125 lines
  Array<double> from(where, numbers), also(where, numbers), to(where, numbers);
  from.upload(std::vector<double>(numbers, 1.5));
  also.upload(std::vector<double>(numbers, 0.0));
  to.upload(std::vector<double>(numbers, -1.0));
  ceilings.move({2, 1, numbers * 8, 1, {from.data(), also.data(), to.data()}});
  where.synchronize();
  EXPECT_EQ(to.to_host(), std::vector<double>(numbers, 1.5));  // bits combined by exclusive or: 0 changes none
  // A stream that ends within a cache line is moved as far as the line before.
  to.upload(std::vector<double>(numbers, -1.0));
  ceilings.move({1, 1, 999 * 8, 1, {from.data(), to.data()}});
  where.synchronize();
  const std::vector<double> moved = to.to_host();
  EXPECT_EQ(moved[991], 1.5);
  EXPECT_EQ(moved[999], -1.0);
  ceilings.move({0, 2, 4096});
  ceilings.move({3, 0, 4096});
  where.synchronize();
}

TEST_P(BenchCases, RatesAreRates) {
  bench::Ceilings ceilings(executor());
  EXPECT_GT(ceilings.flops_per_second<double>(), 1e6);
  EXPECT_GT(ceilings.flops_per_second<float>(), 1e6);
  for (std::size_t f = 0; f < bench::elementaries; ++f) {
    EXPECT_GT(ceilings.calls_per_second<double>(static_cast<Elementary>(f)), 1e5) << bench::elementary_names[f];
  }
  EXPECT_EQ(ceilings.seconds_for<double>({}), 0);
}

class BenchOnCuda : public OnCuda {};

TEST_P(BenchOnCuda, DevicesAreDescribed) {
  bench::Ceilings ceilings(executor());
  EXPECT_GT(ceilings.cache_bytes(), 0);
  const std::string device = ceilings.device();
  EXPECT_NE(device.find("driver for CUDA"), std::string::npos) << device;
  EXPECT_NE(device.find("at work"), std::string::npos) << device;
  EXPECT_FALSE(bench::cuda::bus_id(executor()).empty());
}

INSTANTIATE_TEST_SUITE_P(On, BenchCases, every_executor(), executor_name);
INSTANTIATE_TEST_SUITE_P(On, BenchOnCuda, only_cuda(), executor_name);

TEST_P(BenchCases, CeilingsMoveWhatComesThen) {
  const Executor where = executor();
  bench::Ceilings ceilings(where);
  Array<double> from(where, 8), first(where, 8), second(where, 16);
  from.upload(std::vector<double>(8, 1.5));
  first.upload(std::vector<double>(8, -1.0));
  second.upload(std::vector<double>(16, -1.0));
  const bench::Traffic zeros{0, 1, 128, 1, {second.data()}};
  const bench::Traffic both{1, 1, 64, 3, {from.data(), first.data()}, {zeros}};
  EXPECT_EQ(both.bytes(), 3 * (128 + 128));
  ceilings.move(both);
  where.synchronize();
  EXPECT_EQ(first.to_host(), std::vector<double>(8, 1.5));
  EXPECT_EQ(second.to_host(), std::vector<double>(16, 0.0));
}

TEST(Measure, MediansAreOfRounds) {
  const Executor where = Executor::cpu(1);
  bench::Ceilings ceilings(where);
  int runs = 0;
  const bench::Prepared prepared{[&] { ++runs; }, 1, {1, 1, 64}, {}};
  const bench::Measured measured = bench::measure(ceilings, prepared, false, 0);
  EXPECT_EQ(measured.rounds, 5);
  EXPECT_GE(runs, 5);
  EXPECT_LE(measured.low, measured.of_floor);
  EXPECT_LE(measured.of_floor, measured.high);
  EXPECT_EQ(measured.arithmetic_seconds, 0);
}

TEST(Measure, BoundIsTheNearestCeiling) {
  bench::Measured measured{.seconds = 4, .memory_seconds = 3, .arithmetic_seconds = 1, .of_floor = 0.75};
  EXPECT_EQ(measured.bound(), bench::Bound::memory);
  measured.arithmetic_seconds = 3.5;
  EXPECT_EQ(measured.bound(), bench::Bound::arithmetic);
  measured.call_seconds = 3;
  EXPECT_EQ(measured.bound(), bench::Bound::call);
  measured.call_seconds = 0;
  measured.of_floor = 0.5;
  EXPECT_EQ(measured.bound(), bench::Bound::neither);
}

}  // namespace
}  // namespace nabla::test
