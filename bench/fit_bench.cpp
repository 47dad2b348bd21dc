// Fits of a exp(-b t) + c to 32 samples each, by Levenberg and Marquardt's method, f64: as a functor and as text.
//     fit_bench --benchmark_repetitions=5 --benchmark_report_aggregates_only=true
// Rows:
//     fits/functor/count, fits/formula/count    items are fits; `evaluations` is how many of J^T J a fit took, and
//                                               `occupancy` the part of vector registers' lanes that held one
// bench/peers/fits.py compares the same fits with SciPy's.

#include "../host/bench/decays.hpp"
#include "../host/bench/functions.hpp"

#include <nabla/fit_each.hpp>

#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstdlib>
#include <iostream>

namespace {

using nabla::Executor;

using nabla::bench::DecaySamples;

// This file's own, as a caller's: of types that other files can see, g++ inlines less (fits: 11 % more instructions).
struct Decay : nabla::bench::Decay {};

template <class Model>
void fits(benchmark::State& state, const Model& model) {
  const Executor where = Executor::cpu();
  const std::int64_t count = state.range(0), rows = DecaySamples::rows;
  const DecaySamples made(count);
  const nabla::Batch<double> x(where, count, 3);
  const nabla::BatchView<const double> starts(made.start.data(), count, 3, 0, 1);
  const nabla::FitColumns<double> columns{{made.times.data(), 1, rows, rows, 1},
                                          {made.samples.data(), count, rows, rows, 1}};
  const nabla::EachOptions options{.method = nabla::Method::levenberg_marquardt, .relative_gradient_tolerance = 1e-8};
  nabla::EachReport report;
  for (auto _ : state) {
    report = nabla::fit_each<Model, double>(where, model, starts, columns, {.x = x}, options);
  }
  if (report.converged() != count) {
    std::cerr << describe(report) << "\n";
    std::exit(1);
  }
  state.SetItemsProcessed(state.iterations() * count);
  state.counters["evaluations"] = static_cast<double>(report.evaluations) / static_cast<double>(count);
  state.counters["occupancy"] = report.occupancy;
}

}  // namespace

int main(int argc, char** argv) {
  const auto formula = nabla::bench::decay_formula();
  for (const std::int64_t count : {10'000, 1'000'000}) {
    const auto show = [&](benchmark::internal::Benchmark* one) {
      one->Arg(count)->Unit(benchmark::kMillisecond)->UseRealTime();
    };
    show(benchmark::RegisterBenchmark("fits/functor", [](benchmark::State& state) { fits(state, Decay()); }));
    show(benchmark::RegisterBenchmark("fits/formula", [=](benchmark::State& state) { fits(state, formula); }));
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
