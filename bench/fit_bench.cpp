// Fits of a exp(-b t) + c to 32 samples each, by Levenberg and Marquardt's method, f64: as a functor and as text.
//     fit_bench --benchmark_repetitions=5 --benchmark_report_aggregates_only=true
// Rows:
//     fits/functor/count, fits/formula/count    items are fits; `evaluations` is how many of J^T J a fit took, and
//                                               `occupancy` the part of vector registers' lanes that held one
// bench/peers/fits.py compares the same fits with SciPy's.

#include <nabla/fit_each.hpp>

#include <benchmark/benchmark.h>

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <vector>

namespace {

using nabla::Executor;

struct Decay {
  static constexpr int variables = 3, data = 2;
  template <class X, class D>
  constexpr auto operator()(const X& x, const D& d) const {
    using nabla::exp;
    return x[0] * exp(-x[1] * d[0]) + x[2] - d[1];
  }
};

constexpr std::int64_t rows = 32;

struct Decays {
  std::vector<double> times, samples, start{1, 1, 0};
  std::int64_t count;

  explicit Decays(std::int64_t fits) : samples(static_cast<std::size_t>(fits * rows)), count(fits) {
    for (std::int64_t r = 0; r < rows; ++r) times.push_back(4.0 * static_cast<double>(r) / (rows - 1));
    // a, b, c and the samples' errors.
    const auto random = nabla::Points<double>::uniform(Executor::cpu(1), fits, 3 + rows, 0, 1, 7);
    for (std::int64_t k = 0; k < fits; ++k) {
      const auto u = [&](std::int64_t i) { return random.view()(k, i); };
      const double a = 1 + 4 * u(0), b = 0.5 + 1.5 * u(1), c = 2 * u(2) - 1;
      for (std::int64_t r = 0; r < rows; ++r) {
        const double t = times[static_cast<std::size_t>(r)], error = 0.02 * (u(3 + r) - 0.5);
        samples[static_cast<std::size_t>(k * rows + r)] = a * std::exp(-b * t) + c + error;
      }
    }
  }
  nabla::FitColumns<double> columns() const {
    return {{times.data(), 1, rows, rows, 1}, {samples.data(), count, rows, rows, 1}};
  }
};

template <class Model>
void fits(benchmark::State& state, const Model& model) {
  const Executor where = Executor::cpu();
  const Decays decays(state.range(0));
  const nabla::Batch<double> x(where, decays.count, 3);
  const nabla::BatchView<const double> starts(decays.start.data(), decays.count, 3, 0, 1);
  const nabla::EachOptions options{.method = nabla::Method::levenberg_marquardt, .relative_gradient_tolerance = 1e-8};
  nabla::EachReport report;
  for (auto _ : state) {
    report = nabla::fit_each<Model, double>(where, model, starts, decays.columns(), {.x = x}, options);
  }
  if (report.converged() != decays.count) {
    std::cerr << describe(report) << "\n";
    std::exit(1);
  }
  state.SetItemsProcessed(state.iterations() * decays.count);
  state.counters["evaluations"] = static_cast<double>(report.evaluations) / static_cast<double>(decays.count);
  state.counters["occupancy"] = report.occupancy;
}

}  // namespace

int main(int argc, char** argv) {
  const auto formula = nabla::Formula::parse("a*exp(-b*t) + c - y", {.variables = {"a", "b", "c"}, .data = {"t", "y"}});
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
