// Formulas on the CPU: each engine against the same function in C++, gradients against values as the number of
// variables grows, and how long the first result takes. Ratios are measured pair by pair in the same run (paired.hpp).
//     formula_bench --benchmark_repetitions=7 --benchmark_report_aggregates_only=true
// Rows: subject/engine/function/log2 of the number of points, or number of variables.

#include "paired.hpp"

#include <nabla/formula.hpp>
#include <nabla/functions.hpp>

#include <string>

namespace {

using nabla::Batch;
using nabla::Executor;
using nabla::Formula;
using nabla::FormulaEngine;
using nabla::Outputs;
using nabla::Points;
using nabla::ValueOutputs;
using nabla::bench::paired;

constexpr char rosenbrock_chain[] = "sum(i, 1, n-1, 100*(x[i+1] - x[i]^2)^2 + (1 - x[i])^2)";
constexpr char twenty_operations[] =
    "exp(-x*y)*sin(x + y)*log(1 + x^2) + sqrt(1 + y^2*z^2)/(1 + z^4) - tanh(x*z) + x*y*z";

std::string engine_name(FormulaEngine engine) {
  return engine == FormulaEngine::interpreter ? "interpreter" : "machine_code";
}

/// Value and gradient, f64.
template <class F>
void against_functor(benchmark::State& state, FormulaEngine engine, const char* text) {
  const Executor where = Executor::cpu();
  constexpr std::int64_t n = 2;
  const auto points = Points<double>::uniform(where, std::int64_t{1} << state.range(0), n, -2, 2, 7);
  const Batch<double> value(where, points.count(), 1), gradient(where, points.count(), n);
  const Formula formula = Formula::parse(text, {.engine = engine});
  const auto run = [&](const auto& f) {
    nabla::value_and_gradient(where, f, points.view(), Outputs<double>{value, gradient});
  };
  constexpr std::int64_t row_bytes = sizeof(double);
  paired(
      state, "of_functor", [&] { run(F()); }, [&] { run(formula); }, points.count(),
      (2 * n + 1) * points.count() * row_bytes);
}

/// Rosenbrock's function of n variables: the value in times of the gradient.
void gradient_against_value(benchmark::State& state, FormulaEngine engine) {
  const Executor where = Executor::cpu();
  const std::int64_t n = state.range(0), count = (std::int64_t{1} << 22) / n;
  const auto points = Points<double>::uniform(where, count, n, -2, 2, 7);
  const Batch<double> value(where, count, 1), gradient(where, count, n);
  const Formula f = Formula::parse(rosenbrock_chain, {.engine = engine});
  paired(
      state, "value_of_gradient", [&] { nabla::value(where, f, points.view(), ValueOutputs<double>{value}); },
      [&] {
        nabla::value_and_gradient(where, f, points.view(), Outputs<double>{value, gradient});
      },
      count, (2 * n + 1) * count * static_cast<std::int64_t>(sizeof(double)));
}

/// From text to the gradient at 64 points.
void first_result(benchmark::State& state, FormulaEngine engine, const char* text, std::int64_t n) {
  const Executor where = Executor::cpu();
  const auto points = Points<double>::uniform(where, 64, n, -2, 2, 7);
  for (auto _ : state) {
    benchmark::DoNotOptimize(nabla::value_and_gradient(where, Formula::parse(text, {.engine = engine}), points));
  }
}

void register_all() {
  constexpr int large = 24;  // 16.8 million points
  for (const FormulaEngine engine : {FormulaEngine::machine_code, FormulaEngine::interpreter}) {
    const std::string by = engine_name(engine);
    const auto of_functor = [&](const char* name, auto run, const char* text) {
      benchmark::RegisterBenchmark(("of_functor/" + by + name).c_str(),
                                   [=](benchmark::State& state) { run(state, engine, text); })
          ->UseManualTime()
          ->Unit(benchmark::kMillisecond)
          ->Arg(12)
          ->Arg(large);
    };
    of_functor("/rosenbrock", against_functor<nabla::Fixed<2, nabla::functions::Rosenbrock>>,
               "100*(y - x^2)^2 + (1 - x)^2");
    of_functor("/saddle", against_functor<nabla::functions::WaveSaddle>, "x^2*y + sin(x*y)");
    auto* const growth =
        benchmark::RegisterBenchmark(("gradient_cost/" + by + "/rosenbrock").c_str(), gradient_against_value, engine)
            ->UseManualTime()
            ->Unit(benchmark::kMillisecond);
    for (const int n : {10, 100, 1000, 10'000}) growth->Arg(n);
    for (const auto& [name, text, n] : {std::tuple("/twenty_operations", twenty_operations, std::int64_t{3}),
                                        std::tuple("/rosenbrock1000", rosenbrock_chain, std::int64_t{1000})}) {
      benchmark::RegisterBenchmark(("first_result/" + by + name).c_str(), first_result, engine, text, n)
          ->Unit(benchmark::kMillisecond);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  register_all();
  const Executor cpu = Executor::cpu();
  benchmark::AddCustomContext("cpu", cpu.name());
  benchmark::AddCustomContext("threads", std::to_string(cpu.threads()));
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
