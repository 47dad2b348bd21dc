// Gradient checks on the CPU against the evaluations that their first stage needs: for 4 directions and 25 steps 200 of
// f, and one of the gradient, a point. Ratios are measured pair by pair in the same run (paired.hpp).
//     check_bench --benchmark_repetitions=7 --benchmark_report_aggregates_only=true
// Rows: check/function/precision/number of variables.

#include "paired.hpp"

#include <nabla/check.hpp>
#include <nabla/functions.hpp>

#include <string>

namespace {

using nabla::Batch;
using nabla::BatchView;
using nabla::Executor;
using nabla::Points;

/// The evaluations alone, at the same displaced points; their sum keeps them from being left out.
template <class F, int N>
struct EvaluationsBody {
  F f;
  nabla::detail::LadderPlan<double> plan;
  static constexpr int variables = N;
  static constexpr bool needs_extra = false;
  static constexpr bool has_gradient = false;
  static constexpr nabla::detail::Rows rows(std::int64_t) { return {{1, 0, 0}}; }

  template <class In, class Out>
  constexpr void operator()(const In& in, Out& out) const {
    using X = typename In::Scalar;
    using S = nabla::Dual<X, 0>;
    const std::int64_t n = nabla::detail::dimension<N>(in);
    X sum = nabla::constant<X>(0);
    for (int d = 0; d < plan.direction_count; ++d) {
      const double* const v = plan.directions + d * n;
      for (int k = 0; k < plan.step_count; ++k) {
        for (const double h : {plan.steps[k], -plan.steps[k]}) {
          sum =
              sum + S(f(nabla::detail::make_point<N>(n, [&](std::int64_t i) { return S(in(i) + X(h * v[i])); }))).value;
        }
      }
    }
    out.store(0, sum);
  }
};

template <class F>
void against_evaluations(benchmark::State& state, std::int64_t count) {
  const Executor where = Executor::cpu();
  const std::int64_t n = state.range(0);
  const auto points = Points<double>::uniform(where, count, n, F::info.low, F::info.high, 7);
  const Batch<double> sums(where, count, 1), values(where, count, 1), gradients(where, count, n);
  const nabla::CheckOptions options;
  auto plan = nabla::detail::ladder_plan<double>(options, 1e-8, nabla::detail::precision_of<double>);
  std::vector<double> directions;
  for (std::int64_t k = 0; k < n * options.directions; ++k) {
    directions.push_back((k % 3 == 0 ? -1.0 : 1.0) * (1 + static_cast<double>(k % 7) / 8));
  }
  plan.directions = directions.data();
  plan.direction_count = options.directions;
  const F f;
  const auto evaluations = [&] {
    nabla::value_and_gradient<F, double>(where, f, points, {values, gradients});
    nabla::detail::with_dimension("evaluations", f, n, [&](auto fixed) {
      const EvaluationsBody<F, fixed> body{f, plan};
      nabla::detail::run<double>(where, nabla::detail::operation<double, F>("evaluations", body, n),
                                 {points, {}, {sums, {}, {}}, nullptr});
    });
  };
  std::int64_t examined = 0;
  const auto check = [&] {
    const auto report = nabla::check_gradient(where, f, points, options);
    if (report.verdict != nabla::Verdict::agree) state.SkipWithError("the gradient was not agreed upon");
    examined = report.points_examined;
  };
  nabla::bench::paired(state, "of_evaluations", evaluations, check, count, 0);
  state.counters["examined"] = static_cast<double>(examined);
}

template <class F>
void add() {
  benchmark::RegisterBenchmark(("check/" + std::string(F::info.name) + "/f64").c_str(),
                               [](benchmark::State& state) { against_evaluations<F>(state, 1'000'000); })
      ->Arg(10)
      ->UseManualTime()
      ->Iterations(1)
      ->Unit(benchmark::kMillisecond);
}

}  // namespace

int main(int argc, char** argv) {
  add<nabla::functions::Rosenbrock>();
  add<nabla::functions::Sphere>();
  add<nabla::functions::Rastrigin>();
  add<nabla::functions::Ackley>();
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
