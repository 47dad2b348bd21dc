// Hot loops for scripts/count_instructions to count under callgrind: each is prepared and run once uncounted, then run
// again with the counter on. Prints a line "loop items" for each; callgrind dumps its count under the same name. On one
// thread and on numbers that are made here, so that counts are the same each time.

#include "../../host/bench/functions.hpp"
#include "../../host/bench/sparse_cases.hpp"

#include <nabla/evaluate.hpp>
#include <nabla/fit_each.hpp>
#include <nabla/formula.hpp>
#include <nabla/minimize_each.hpp>
#include <nabla/quadratic.hpp>

#include <valgrind/callgrind.h>

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <span>
#include <vector>

namespace {

using nabla::Executor;
using nabla::Layout;
using nabla::bench::Rosenbrock2;
using Ackley8 = nabla::Fixed<8, nabla::functions::Ackley>;

const Executor& one_thread() {
  static const Executor where = Executor::cpu(1);
  return where;
}

template <class Work>
void count(const char* loop, std::int64_t items, const Work& work) {
  work();
  CALLGRIND_START_INSTRUMENTATION;
  CALLGRIND_ZERO_STATS;
  work();
  CALLGRIND_DUMP_STATS_AT(loop);
  CALLGRIND_STOP_INSTRUMENTATION;
  std::cout << loop << " " << items << "\n";
}

template <class T, class F>
void gradient(const char* loop, const F& f, std::int64_t n, Layout layout, bool with_summary = false) {
  constexpr std::int64_t points = 4096;
  const auto x = nabla::Points<T>::uniform(one_thread(), points, n, -2, 2, 7, layout);
  const nabla::Batch<T> value(one_thread(), points, 1), slope(one_thread(), points, n, layout);
  nabla::Summary summary;
  count(loop, points, [&] {
    nabla::value_and_gradient(one_thread(), f, x.view(),
                              nabla::Outputs<T>{value, slope, with_summary ? &summary : nullptr});
  });
}

void hessian_products() {
  constexpr std::int64_t points = 4096;
  const auto x = nabla::Points<double>::uniform(one_thread(), points, 8, -2, 2, 7);
  const auto v = nabla::Points<double>::uniform(one_thread(), points, 8, -1, 1, 8);
  count("hessian_vector_product/rosenbrock8", points,
        [&] { nabla::hessian_vector_product(one_thread(), nabla::Fixed<8, nabla::functions::Rosenbrock>(), x, v); });
}

void conjugate_gradients() {
  // The start and the end are a part of the counts, as of 11 iterations.
  constexpr std::int64_t side = 100, unknowns = side * side, iterations = 10;
  std::vector<double> b(unknowns), x(unknowns);
  for (std::size_t i = 0; i < b.size(); ++i) b[i] = static_cast<double>(1 + i % 7);
  const nabla::Quadratic<double> f(one_thread(), nabla::laplacian<double>(one_thread(), {side, side}), b);
  count("conjugate_gradients/grid", unknowns * iterations, [&] {
    std::ranges::fill(x, 0);
    nabla::minimize(
        one_thread(), f, x,
        {.method = nabla::Method::conjugate_gradient, .relative_gradient_tolerance = 0, .max_iterations = iterations});
  });
}

void sparse_product(const char* loop, nabla::Storage storage) {
  const auto a = nabla::bench::graph(4000, true);
  const std::span<const std::int32_t> starts(a.starts), columns(a.columns);
  const auto graph = nabla::sparse_operator<double>(
      one_thread(), nabla::SparseRows(starts, columns, std::span<const double>(a.values)), storage);
  const std::vector<double> x(static_cast<std::size_t>(a.size()), 1.5);
  std::vector<double> y(x.size());
  count(loop, static_cast<std::int64_t>(a.values.size()), [&] { graph.multiply(one_thread(), x, y); });
}

void descents() {
  constexpr std::int64_t starts = 512;
  const auto from = nabla::Points<double>::uniform(one_thread(), starts, 2, -2, 2, 7);
  const nabla::Batch<double> x(one_thread(), starts, 2);
  count("minimize_each/bfgs/rosenbrock2", starts, [&] {
    nabla::minimize_each<Rosenbrock2, double>(one_thread(), Rosenbrock2(), from.view(), {.x = x},
                                              {.method = nabla::Method::bfgs, .gradient_tolerance = 1e-8});
  });
}

// This file's own, as a caller's: of types that other files can see, g++ inlines less (fits: 11 % more instructions).
struct Decay : nabla::bench::Decay {};

void fits() {
  constexpr std::int64_t count_of_fits = 256, rows = 16;
  std::vector<double> times, samples;
  for (std::int64_t r = 0; r < rows; ++r) times.push_back(0.25 * static_cast<double>(r));
  for (std::int64_t k = 0; k < count_of_fits; ++k) {
    const double rate = 0.5 + 1.5 * static_cast<double>(k * 89 % count_of_fits) / count_of_fits;
    for (const double t : times) samples.push_back(3 * std::exp(-rate * t) + 0.5);
  }
  const std::vector<double> start{1, 1, 0};
  const nabla::Batch<double> x(one_thread(), count_of_fits, 3);
  const nabla::FitColumns<double> columns{{times.data(), 1, rows, rows, 1},
                                          {samples.data(), count_of_fits, rows, rows, 1}};
  count("fit_each/decay", count_of_fits, [&] {
    nabla::fit_each<Decay, double>(
        one_thread(), Decay(), nabla::BatchView<const double>(start.data(), count_of_fits, 3, 0, 1), columns, {.x = x},
        {.method = nabla::Method::levenberg_marquardt, .relative_gradient_tolerance = 1e-8});
  });
}

}  // namespace

int main() {
  if (RUNNING_ON_VALGRIND == 0) std::cerr << "instructions: not under callgrind, so nothing is counted\n";
  const auto component_major = Layout::component_major, point_major = Layout::point_major;
  const nabla::functions::WaveSaddle saddle;
  const nabla::Formula interpreted =
      nabla::Formula::parse("x^2*y + sin(x*y)", {.engine = nabla::FormulaEngine::interpreter});
  gradient<double>("gradient/rosenbrock2", Rosenbrock2(), 2, component_major);
  gradient<double>("gradient/rosenbrock2/point_major", Rosenbrock2(), 2, point_major);
  gradient<float>("gradient/rosenbrock2/f32", Rosenbrock2(), 2, component_major);
  gradient<double>("gradient/rosenbrock2/with_summary", Rosenbrock2(), 2, component_major, true);
  gradient<double>("gradient/saddle", saddle, 2, component_major);
  gradient<double>("gradient/saddle/point_major", saddle, 2, point_major);
  gradient<double>("gradient/ackley8", Ackley8(), 8, component_major);
  gradient<double>("gradient/saddle/interpreter", interpreted, 2, component_major);
  hessian_products();
  conjugate_gradients();
  sparse_product("product/graph/rows", nabla::Storage::rows);
  sparse_product("product/graph/slices", nabla::Storage::slices);
  descents();
  fits();
}
