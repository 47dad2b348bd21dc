// Everything that nabla does, against the machine's ceilings: the cases of host/bench, from the first-level cache to
// ten times the last one. `nabla bench` runs the same at one size each, and makes a report.
//     roofline_bench --benchmark_filter='value and gradient' --benchmark_repetitions=5
// Rows: operation/function/precision/variant/bytes of data; /cold where caches are flushed before each run. Counters:
// of_ceiling (the floor's time over the run's; the floor is the larger of what the bytes take by a bare loop and what
// the arithmetic takes at measured rates, in turn with it), of_bare (the bare loop's time over the run's: what two
// revisions are compared by, for nabla's own functions are among the rates), bytes and flops of a run, and bound: 0
// memory, 1 arithmetic, 2 the call, 3 none of them.

#include "../host/bench/measure.hpp"

#include <benchmark/benchmark.h>

#include <string>

namespace {

using namespace nabla::bench;

// Up to so many bytes of data, what a call costs is looked at by itself.
constexpr double small = 16384;

void run(benchmark::State& state, Ceilings& ceilings, const Case& what, double bytes, bool cold) {
  const Prepared prepared = what.prepare(ceilings.executor(), items_for(what, bytes));
  Measured measured;
  for (auto _ : state) {  // once: measuring repeats by itself
    measured = measure(ceilings, prepared, what.f32, 0.3, cold);
    state.SetIterationTime(measured.seconds);
  }
  if (bytes <= small) {
    const Prepared little = what.prepare(ceilings.executor(), items_for(what, 0));
    measured.call_seconds = measure(ceilings, little, what.f32, 0.05).seconds;
  }
  state.counters["of_ceiling"] = measured.of_floor;
  state.counters["of_bare"] = measured.memory_seconds / measured.seconds;
  state.counters["bytes"] = prepared.traffic.bytes();
  state.counters["flops"] = prepared.work.flops;
  state.counters["bound"] = static_cast<double>(measured.bound());
  state.counters["items_per_second"] = prepared.items / measured.seconds;
  state.counters["bytes_per_second"] = prepared.traffic.bytes() / measured.seconds;
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  const nabla::Executor where = nabla::Executor::automatic(0, true);
  Ceilings ceilings(where);
  const auto last_level = static_cast<double>(ceilings.cache_bytes());
  benchmark::AddCustomContext("executor", where.name());
  benchmark::AddCustomContext("threads", std::to_string(where.threads()));
  benchmark::AddCustomContext("cache_bytes", std::to_string(ceilings.cache_bytes()));
  if (where.is_cuda()) benchmark::AddCustomContext("device", ceilings.device());
  const std::vector<Case> cases = all_cases();
  for (const Case& what : cases) {
    if (where.is_cuda() && !what.on_cuda) continue;
    std::int64_t items = 0;
    for (const double bytes : {small, last_level / 32, last_level / 4, 10 * last_level}) {
      if (items_for(what, bytes) == items) continue;  // more are not wanted
      items = items_for(what, bytes);
      for (const bool cold : {false, true}) {
        if (cold && bytes > last_level) continue;
        const std::string name =
            what.name() + "/" + std::to_string(static_cast<std::int64_t>(bytes)) + (cold ? "/cold" : "");
        benchmark::RegisterBenchmark(name.c_str(),
                                     [&, bytes, cold](benchmark::State& s) { run(s, ceilings, what, bytes, cold); })
            ->UseManualTime()
            ->Iterations(1)
            ->Unit(benchmark::kMicrosecond);
      }
    }
  }
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
