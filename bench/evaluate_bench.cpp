// Evaluation on the CPU: each operation against a bare loop with the same streams, against its neighbours (value alone,
// no summary, component-major), and over threads. Ratios are measured pair by pair in the same run (paired.hpp).
//     evaluate_bench --benchmark_repetitions=7 --benchmark_report_aggregates_only=true
// Rows: operation/function/layout/log2 of the number of points.

#include "../host/bench/bare.hpp"
#include "../host/bench/functions.hpp"
#include "paired.hpp"

#include <nabla/evaluate.hpp>

#include <cstdlib>
#include <string>

namespace {

using nabla::Batch;
using nabla::Executor;
using nabla::Layout;
using nabla::Outputs;
using nabla::Points;
using nabla::Summary;
using nabla::bench::bare_loop;
using nabla::bench::paired;

using nabla::bench::Ackley8, nabla::bench::Rosenbrock2;
using nabla::bench::Saddle;  // "saddle" in the names of rows

/// Points and outputs of one benchmark.
template <class T, int N>
struct Data {
  Executor where;
  std::int64_t count;
  Points<T> points;
  Batch<T> value, gradient;

  Data(const Executor& executor, std::int64_t points_wanted, Layout layout)
      : where(executor),
        count(points_wanted),
        points(Points<T>::uniform(where, count, N, -2, 2, 7, layout)),
        value(where, count, 1),
        gradient(where, count, N, layout) {}

  std::int64_t row_bytes() const { return count * static_cast<std::int64_t>(sizeof(T)); }

  /// A bare loop that reads the points and writes the values and, unless alone, the gradient.
  void bare(bool value_alone) const {
    std::vector<const void*> reads;
    std::vector<void*> writes{value.data()};
    for (int i = 0; i < N; ++i) reads.push_back(points.data() + i * count);
    for (int i = 0; i < N && !value_alone; ++i) writes.push_back(gradient.data() + i * count);
    bare_loop(reads, writes, row_bytes(), where.threads());
  }
};

constexpr std::int64_t value_rows(int n) { return n + 1; }
constexpr std::int64_t gradient_rows(int n) { return 2 * n + 1; }

template <class T, class F, int N>
void gradient_against_bare(benchmark::State& state, Layout layout) {
  const Data<T, N> data(Executor::cpu(), std::int64_t{1} << state.range(0), layout);
  paired(
      state, "of_bare", [&] { data.bare(false); },
      [&] {
        nabla::value_and_gradient(data.where, F(), data.points.view(), Outputs<T>{data.value, data.gradient});
      },
      data.count, gradient_rows(N) * data.row_bytes());
}

template <class T, class F, int N>
void value_against_bare(benchmark::State& state) {
  const Data<T, N> data(Executor::cpu(), std::int64_t{1} << state.range(0), Layout::component_major);
  paired(
      state, "of_bare", [&] { data.bare(true); },
      [&] { nabla::value(data.where, F(), data.points.view(), nabla::ValueOutputs<T>{data.value}); }, data.count,
      value_rows(N) * data.row_bytes());
}

/// Time of the value alone over time of value and gradient: its inverse is what the gradient costs.
template <class T, class F, int N>
void gradient_against_value(benchmark::State& state) {
  const Data<T, N> data(Executor::cpu(), std::int64_t{1} << state.range(0), Layout::component_major);
  paired(
      state, "value_over_gradient_time",
      [&] { nabla::value(data.where, F(), data.points.view(), nabla::ValueOutputs<T>{data.value}); },
      [&] {
        nabla::value_and_gradient(data.where, F(), data.points.view(), Outputs<T>{data.value, data.gradient});
      },
      data.count, gradient_rows(N) * data.row_bytes());
}

template <class T, class F, int N>
void summary_against_none(benchmark::State& state) {
  const Data<T, N> data(Executor::cpu(), std::int64_t{1} << state.range(0), Layout::component_major);
  Summary summary;
  const auto run = [&](Summary* wanted) {
    nabla::value_and_gradient(data.where, F(), data.points.view(), Outputs<T>{data.value, data.gradient, wanted});
  };
  paired(
      state, "without_over_with_time", [&] { run(nullptr); }, [&] { run(&summary); }, data.count,
      gradient_rows(N) * data.row_bytes());
}

template <class T, class F, int N>
void point_major_against_component_major(benchmark::State& state) {
  const std::int64_t count = std::int64_t{1} << state.range(0);
  const Data<T, N> reference(Executor::cpu(), count, Layout::component_major);
  const Data<T, N> data(Executor::cpu(), count, Layout::point_major);
  const auto run = [](const Data<T, N>& d) {
    nabla::value_and_gradient(d.where, F(), d.points.view(), Outputs<T>{d.value, d.gradient});
  };
  paired(
      state, "of_component_major", [&] { run(reference); }, [&] { run(data); }, count,
      gradient_rows(N) * data.row_bytes());
}

/// One thread against all of them.
template <class T, class F, int N>
void threads_against_one(benchmark::State& state) {
  const Data<T, N> data(Executor::cpu(), std::int64_t{1} << state.range(0), Layout::component_major);
  const Executor one = Executor::cpu(1);
  const auto run = [&](const Executor& where) {
    nabla::value_and_gradient(where, F(), data.points.view(), Outputs<T>{data.value, data.gradient});
  };
  paired(
      state, "speedup", [&] { run(one); }, [&] { run(data.where); }, data.count, gradient_rows(N) * data.row_bytes());
  state.counters["threads"] = data.where.threads();
}

void batch_of_one(benchmark::State& state) {
  const Data<double, 2> data(Executor::cpu(), 1, Layout::point_major);
  for (auto _ : state) {
    nabla::value_and_gradient(data.where, Saddle(), data.points.view(), Outputs<double>{data.value, data.gradient});
  }
}

constexpr int large = 24;  // 16.8 million points

template <class Benchmark>
void sized(const char* name, Benchmark run, std::initializer_list<int> log2_sizes) {
  auto* const registered = benchmark::RegisterBenchmark(name, run)->UseManualTime()->Unit(benchmark::kMillisecond);
  for (const int size : log2_sizes) registered->Arg(size);
}

void register_all() {
  const auto component_major = [](auto run) { return [run](benchmark::State& s) { run(s, Layout::component_major); }; };
  // From caches (2^10: L1) to ten times the last of them.
  sized("gradient/rosenbrock2/f64", component_major(gradient_against_bare<double, Rosenbrock2, 2>),
        {10, 14, 18, 20, 22, large});
  sized("gradient/saddle/f64", component_major(gradient_against_bare<double, Saddle, 2>), {10, 14, 18, large});
  sized("gradient/rosenbrock2/f32", component_major(gradient_against_bare<float, Rosenbrock2, 2>), {large});
  sized("gradient/saddle/f32", component_major(gradient_against_bare<float, Saddle, 2>), {large});
  sized("gradient/ackley8/f64", component_major(gradient_against_bare<double, Ackley8, 8>), {20});
  sized("value/rosenbrock2/f64", value_against_bare<double, Rosenbrock2, 2>, {large});
  sized("value/saddle/f64", value_against_bare<double, Saddle, 2>, {large});
  sized("gradient_cost/rosenbrock2/f64", gradient_against_value<double, Rosenbrock2, 2>, {large});
  sized("summary_cost/rosenbrock2/f64", summary_against_none<double, Rosenbrock2, 2>, {large});
  sized("summary_cost/saddle/f64", summary_against_none<double, Saddle, 2>, {large});
  sized("point_major/rosenbrock2/f64", point_major_against_component_major<double, Rosenbrock2, 2>, {large});
  sized("point_major/saddle/f64", point_major_against_component_major<double, Saddle, 2>, {large});
  sized("point_major/rosenbrock2/f32", point_major_against_component_major<float, Rosenbrock2, 2>, {large});
  sized("threads/ackley8/f64", threads_against_one<double, Ackley8, 8>, {18});
  benchmark::RegisterBenchmark("batch_of_one/saddle/f64", batch_of_one)->Unit(benchmark::kNanosecond);
}

}  // namespace

int main(int argc, char** argv) {
  register_all();
  const Executor cpu = Executor::cpu();
  benchmark::AddCustomContext("cpu", cpu.name());
  benchmark::AddCustomContext("threads", std::to_string(cpu.threads()));
  benchmark::AddCustomContext("simd_bytes", std::to_string(sizeof(nabla::Lanes<double>)));
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
