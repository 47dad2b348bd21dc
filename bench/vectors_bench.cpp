// The passes of descents over vectors against a bare loop with the same streams (bare.hpp), and an iteration of L-BFGS
// against a bare loop over as many streams, the objective's included. Ratios are measured pair by pair (paired.hpp).
//     vectors_bench --benchmark_repetitions=7 --benchmark_report_aggregates_only=true
// Rows: pass or method / precision / number of variables.

#include "../host/bench/bare.hpp"
#include "../host/vectors.hpp"
#include "paired.hpp"

#include <nabla/minimize.hpp>

#include <functional>
#include <string>
#include <vector>

namespace {

using namespace nabla::detail;
using nabla::Array;
using nabla::Executor;

constexpr int most_streams = 18;

template <class T>
struct Streams {
  explicit Streams(std::int64_t size) : n(size), sums(where, n, 64) {
    for (int k = 0; k < most_streams; ++k) {
      vectors.emplace_back(where, n);
      run(where, n,
          Pass<T>(BeginSolve<T>{vectors[k].data(), vectors[k].data(), vectors[k].data(), vectors[0].data(), nullptr}),
          sums);
    }
  }
  T* operator[](std::size_t k) const { return vectors[k].data(); }

  Executor where = Executor::cpu();
  std::int64_t n;
  Sums sums;
  std::vector<Array<T>> vectors;
};

/// Reads the first so many streams, writes so many after `from`.
template <class T>
void against_bare(benchmark::State& state, int reads, int writes, const std::function<void(const Streams<T>&)>& pass) {
  const Streams<T> streams(state.range(0));
  const std::int64_t bytes = streams.n * static_cast<std::int64_t>(sizeof(T));
  std::vector<const void*> from;
  std::vector<void*> to;
  for (int k = 0; k < reads; ++k) from.push_back(streams[static_cast<std::size_t>(k)]);
  for (int k = 0; k < writes; ++k) to.push_back(streams[static_cast<std::size_t>(most_streams - 1 - k)]);
  const auto bare = [&] {
    if (to.empty()) {
      benchmark::DoNotOptimize(nabla::bench::bare_reads(from, bytes, streams.where.threads()));
    } else {
      nabla::bench::bare_loop(from, to, bytes, streams.where.threads());
    }
  };
  nabla::bench::paired(
      state, "of_bare_loop", bare, [&] { pass(streams); }, streams.n, (reads + writes) * bytes);
}

/// sum_i (1 + i mod 7) x_i^2 / 2 in one loop: 2 streams with the gradient, 1 without.
struct Bowl {
  static double weight(std::int64_t i) { return static_cast<double>(1 + i % 7); }
  double value(const Executor& where, std::span<const double> x) const { return sum(where, x, nullptr); }
  double value_and_gradient(const Executor& where, std::span<const double> x, std::span<double> gradient) const {
    return sum(where, x, gradient.data());
  }
  static double sum(const Executor& where, std::span<const double> x, double* gradient) {
    double all = 0;
#pragma omp parallel for simd num_threads(where.threads()) reduction(+ : all)
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double g = static_cast<double>(1 + (i & 7)) * x[i];
      all += g * x[i] / 2;
      if (gradient != nullptr) gradient[i] = g;
    }
    return all;
  }
};

void lbfgs(benchmark::State& state) {
  const Executor where = Executor::cpu();
  const std::int64_t n = state.range(0), iterations = 40;
  const Streams<double> streams(n);
  constexpr int memory = 8, streams_of_an_iteration = 4 * memory + 14 + 2;
  const auto bare = [&] {  // as many streams, a third of which are written
    for (std::int64_t k = 0; k < iterations * streams_of_an_iteration / 4; ++k) {
      nabla::bench::bare_loop({streams[0], streams[1], streams[2]}, {streams[3]}, n * 8, where.threads());
    }
  };
  std::vector<double> start(static_cast<std::size_t>(n), 1.0), x = start;
  const auto descent = [&] {
    const auto report =
        nabla::minimize(where, Bowl(), x, {.relative_gradient_tolerance = 0, .max_iterations = iterations});
    if (report.iterations != iterations) state.SkipWithError("ended early");
  };
  nabla::bench::paired(state, "of_bare_loop", bare, descent, n * iterations,
                       iterations * streams_of_an_iteration * n * 8);
}

template <class T>
void add(const std::string& precision) {
  const auto row = [&](const std::string& name, int reads, int writes, std::function<void(const Streams<T>&)> pass) {
    benchmark::RegisterBenchmark((name + "/" + precision).c_str(),
                                 [=](benchmark::State& state) { against_bare<T>(state, reads, writes, pass); })
        ->Arg(1 << 14)
        ->Arg(1 << 24)
        ->UseManualTime()
        ->MinTime(0.3)
        ->Unit(benchmark::kMillisecond);
  };
  const auto one = [](const auto& body_of) {
    return [body_of](const Streams<T>& s) { run(s.where, s.n, Pass<T>(body_of(s)), s.sums); };
  };
  row("move", 2, 1, one([](const Streams<T>& s) { return Move<T>{s[17], s[0], 0.5, s[1]}; }));
  row("dot", 2, 0, one([](const Streams<T>& s) { return Dot<T>{s[0], s[1]}; }));
  row("change", 4, 2, one([](const Streams<T>& s) { return Change<T>{s[17], s[16], s[0], s[1], s[2], s[3]}; }));
  row("conjugacy", 3, 0, one([](const Streams<T>& s) { return Conjugacy<T>{s[0], s[1], s[2]}; }));
  row("step_solve", 4, 2,
      one([](const Streams<T>& s) { return StepSolve<T>{s[17], s[16], s[0], s[1], nullptr, 0.5}; }));
  row("products16", 16, 0, [](const Streams<T>& s) {
    Products<T> products{{s[0], s[1]}, 16, {}};
    for (std::size_t k = 0; k < 16; ++k) products.lefts[k] = s[k];
    run(s.where, s.n, products, s.sums);
  });
  row("combination16", 16, 1, one([](const Streams<T>& s) {
        Combination<T> body{s[17], s[0], 16, {}, {}};
        for (std::size_t k = 0; k < 16; ++k) {
          body.vectors[k] = s[k];
          body.weights[k] = 0.5;
        }
        return body;
      }));
}

}  // namespace

int main(int argc, char** argv) {
  add<double>("f64");
  add<float>("f32");
  benchmark::RegisterBenchmark("lbfgs/f64", lbfgs)
      ->Arg(1 << 23)
      ->UseManualTime()
      ->Iterations(1)
      ->Unit(benchmark::kMillisecond);
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
