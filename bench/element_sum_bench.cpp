// Sums of elements on the CPU, against bare loops over the same bytes and against the loops that people write by hand.
// Ratios are measured pair by pair in the same run (paired.hpp).
//     element_sum_bench --benchmark_repetitions=5 --benchmark_report_aggregates_only=true
// Rows:
//     chain/operation/n          the chained Rosenbrock function; of_bare: the bare loop over x (and g) takes that part
//     text/operation/n           the same as a formula; of_functor: the element in C++ takes that part of the time
//     cost/operation/k           the operation's time over the value's (gradient) or the gradient's (product)
//     lennard_jones/atoms        value and gradient; of_scalar_loop: how many times as long a plain loop takes, on one
//                                thread, and of_parallel_pairs: on as many threads, each atom summing both its halves
//     large/…                    10^8 variables, and a table of more than 2^31 entries; run if the memory is there
//                                (2 and 10 GB), and compared with closed forms

#include "../host/bench/bare.hpp"
#include "../host/bench/functions.hpp"
#include "paired.hpp"

#include <nabla/batch.hpp>
#include <nabla/element_sum.hpp>
#include <nabla/formula_objective.hpp>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <vector>

namespace {

using nabla::Affine;
using nabla::Array;
using nabla::Executor;

struct Rosenbrock : nabla::bench::Valley {};  // this file's own: g++ inlines those more

Array<double> uniform(const Executor& where, std::int64_t n) {
  Array<double> x(where, n);
  nabla::detail::fill_uniform<double>(where, nabla::BatchView<double>(x.data(), n), -1, 1, 5);
  return x;
}
std::span<double> span_of(Array<double>& x) { return {x.data(), static_cast<std::size_t>(x.size())}; }

enum class Pass { value, gradient, product };

template <class F>
void run(const F& f, Pass pass, const Executor& where, std::span<const double> x, std::span<const double> v,
         std::span<double> out) {
  switch (pass) {
    case Pass::value:
      benchmark::DoNotOptimize(f.value(where, x));
      break;
    case Pass::gradient:
      benchmark::DoNotOptimize(f.value_and_gradient(where, x, out));
      break;
    case Pass::product:
      f.hessian_vector_product(where, x, v, out);
      break;
  }
}

void chain(benchmark::State& state, Pass pass) {
  const Executor where = Executor::cpu();
  const std::int64_t n = state.range(0);
  Array<double> x = uniform(where, n), v = uniform(where, n), out = uniform(where, n);
  const auto f = nabla::element_sum<double>(where, Rosenbrock(), n, Affine::chain(n - 1, {0, 1}));
  std::vector<const void*> reads{x.data()};
  std::vector<void*> writes;
  if (pass == Pass::product) reads.push_back(v.data());
  if (pass != Pass::value) writes.push_back(out.data());
  const auto bare = [&] {
    nabla::bench::bare_loop(reads, writes, n * 8, where.threads());
    if (pass != Pass::value) nabla::detail::cpu::finish_streaming();
  };
  const auto subject = [&] { run(f, pass, where, span_of(x), span_of(v), span_of(out)); };
  nabla::bench::paired(state, "of_bare", bare, subject, n,
                       n * 8 * static_cast<std::int64_t>(reads.size() + writes.size()));
}

void text(benchmark::State& state, Pass pass) {
  const Executor where = Executor::cpu();
  const std::int64_t n = state.range(0);
  Array<double> x = uniform(where, n), v = uniform(where, n), out = uniform(where, n), other = uniform(where, n);
  const auto functor = nabla::element_sum<double>(where, Rosenbrock(), n, Affine::chain(n - 1, {0, 1}));
  const auto formula = nabla::formula_objective<double>(
      where, nabla::Formula::parse("sum(i, 1, n-1, 100*(x[i+1] - x[i]^2)^2 + (1 - x[i])^2)"), n);
  for (int k = 0; k < 20; ++k) run(formula, pass, where, span_of(x), span_of(v), span_of(out));  // until it is compiled
  nabla::bench::paired(
      state, "of_functor", [&] { run(functor, pass, where, span_of(x), span_of(v), span_of(other)); },
      [&] { run(formula, pass, where, span_of(x), span_of(v), span_of(out)); }, n,
      n * 8 *
          (pass == Pass::value      ? 1
           : pass == Pass::gradient ? 2
                                    : 3));
  double difference = 0;
  for (std::int64_t i = 0; i < n && pass != Pass::value; ++i) {
    difference = std::fmax(difference, std::fabs(out.data()[i] - other.data()[i]) / (1 + std::fabs(out.data()[i])));
  }
  if (!(difference < 1e-12)) state.SkipWithError(("they differ by " + std::to_string(difference)).c_str());
}

/// A sum of squares of K neighbours' differences, each of them through a few operations.
template <int K>
struct Stencil {
  static constexpr int variables = K;
  template <class X>
  constexpr auto operator()(const X& x) const {
    typename X::value_type sum = 0;
    for (int i = 0; i < K; ++i) sum += x[i] * x[(i + 1) % K] * (1 + x[i] * x[i]);
    return sum * sum;
  }
};

template <int K>
void cost(benchmark::State& state, Pass pass) {
  const Executor where = Executor::cpu();
  const std::int64_t n = 2'000'000;
  Array<double> x = uniform(where, n), v = uniform(where, n), out = uniform(where, n);
  std::vector<std::int64_t> offsets;
  for (int k = 0; k < K; ++k) offsets.push_back(k);
  const auto f = nabla::element_sum<double>(where, Stencil<K>(), n, Affine::chain(n - K + 1, offsets));
  const auto gradient = [&] { f.value_and_gradient(where, span_of(x), span_of(out)); };
  if (pass == Pass::gradient) {
    nabla::bench::paired(
        state, "value_over_it", [&] { benchmark::DoNotOptimize(f.value(where, span_of(x))); }, gradient, n, n * 16);
  } else {
    nabla::bench::paired(
        state, "gradient_over_it", gradient,
        [&] { f.hessian_vector_product(where, span_of(x), span_of(v), span_of(out)); }, n, n * 24);
  }
}

struct LennardJones {
  static constexpr int variables = 6;
  template <class X>
  constexpr auto operator()(const X& x) const {
    const auto dx = x[0] - x[3], dy = x[1] - x[4], dz = x[2] - x[5];
    return nabla::preaccumulate(dx * dx + dy * dy + dz * dz, [](const auto& square) {
      const auto inverse = 1 / square;
      const auto attraction = inverse * inverse * inverse;
      return 4 * attraction * (attraction - 1);
    });
  }
};

/// Atoms of a shaken crystal, cell by cell, and all pairs that are nearer than 2.5, each once, by their first atoms.
struct Atoms {
  std::vector<double> x;
  std::vector<std::int32_t> pairs;
  std::vector<std::int32_t> both_starts, both;  // of each atom: all its neighbours

  explicit Atoms(std::int64_t cells) {
    constexpr double constant = 1.68, cut = 2.5;
    constexpr std::array<std::array<double, 3>, 4> basis{{{0, 0, 0}, {0.5, 0.5, 0}, {0.5, 0, 0.5}, {0, 0.5, 0.5}}};
    std::uint64_t state = 1;
    const auto shake = [&] {
      state = state * 6364136223846793005u + 1442695040888963407u;
      return 0.1 * (static_cast<double>(state >> 11) * 0x1p-53 - 0.5);
    };
    for (std::int64_t c = 0; c < cells * cells * cells; ++c) {
      const std::int64_t at[3] = {c / (cells * cells), c / cells % cells, c % cells};
      for (const auto& place : basis) {
        for (std::size_t k = 0; k < 3; ++k) x.push_back((static_cast<double>(at[k]) + place[k]) * constant + shake());
      }
    }
    const auto near = [&](std::int64_t i, std::int64_t j) {
      double squares = 0;
      for (std::int64_t k = 0; k < 3; ++k) {
        const double d = x[static_cast<std::size_t>(3 * i + k)] - x[static_cast<std::size_t>(3 * j + k)];
        squares += d * d;
      }
      return squares < cut * cut;
    };
    both_starts.push_back(0);
    for (std::int64_t i = 0; i < 4 * cells * cells * cells; ++i) {
      const std::int64_t c = i / 4, at[3] = {c / (cells * cells), c / cells % cells, c % cells};
      const auto first = [&](std::size_t k) { return std::max<std::int64_t>(at[k] - 2, 0); };
      const auto last = [&](std::size_t k) { return std::min(at[k] + 2, cells - 1); };
      for (std::int64_t a = first(0); a <= last(0); ++a) {
        for (std::int64_t b = first(1); b <= last(1); ++b) {
          for (std::int64_t j = 4 * ((a * cells + b) * cells + first(2));
               j < 4 * ((a * cells + b) * cells + last(2) + 1); ++j) {
            if (j == i || !near(i, j)) continue;
            both.push_back(static_cast<std::int32_t>(j));
            if (j > i) pairs.insert(pairs.end(), {static_cast<std::int32_t>(i), static_cast<std::int32_t>(j)});
          }
        }
      }
      both_starts.push_back(static_cast<std::int32_t>(both.size()));
    }
  }
};

/// The loop as textbooks have it.
double scalar_loop(const Atoms& atoms, std::vector<double>& gradient) {
  std::ranges::fill(gradient, 0.0);
  const double* const x = atoms.x.data();
  double* const g = gradient.data();
  double energy = 0;
  for (std::size_t p = 0; p < atoms.pairs.size(); p += 2) {
    const std::int64_t i = 3 * atoms.pairs[p], j = 3 * atoms.pairs[p + 1];
    const double d[3] = {x[i] - x[j], x[i + 1] - x[j + 1], x[i + 2] - x[j + 2]};
    const double inverse = 1 / (d[0] * d[0] + d[1] * d[1] + d[2] * d[2]);
    const double attraction = inverse * inverse * inverse;
    energy += 4 * attraction * (attraction - 1);
    const double slope = -24 * attraction * (2 * attraction - 1) * inverse;
    for (int k = 0; k < 3; ++k) {
      g[i + k] += slope * d[k];
      g[j + k] -= slope * d[k];
    }
  }
  return energy;
}

/// Each atom's own sum over all its neighbours: no two threads write the same, and each pair is computed twice.
double parallel_pairs(const Atoms& atoms, std::vector<double>& gradient, int threads) {
  const auto count = static_cast<std::int64_t>(atoms.x.size() / 3);
  const double* const x = atoms.x.data();
  double energy = 0;
#pragma omp parallel for reduction(+ : energy) num_threads(threads) schedule(static)
  for (std::int64_t a = 0; a < count; ++a) {
    const std::int64_t i = 3 * a;
    double sum[3] = {};
    for (std::int32_t p = atoms.both_starts[static_cast<std::size_t>(a)];
         p < atoms.both_starts[static_cast<std::size_t>(a) + 1]; ++p) {
      const std::int64_t j = 3 * atoms.both[static_cast<std::size_t>(p)];
      const double d[3] = {x[i] - x[j], x[i + 1] - x[j + 1], x[i + 2] - x[j + 2]};
      const double inverse = 1 / (d[0] * d[0] + d[1] * d[1] + d[2] * d[2]);
      const double attraction = inverse * inverse * inverse;
      energy += 2 * attraction * (attraction - 1);
      const double slope = -24 * attraction * (2 * attraction - 1) * inverse;
      for (int k = 0; k < 3; ++k) sum[k] += slope * d[k];
    }
    for (std::int64_t k = 0; k < 3; ++k) gradient[static_cast<std::size_t>(i + k)] = sum[k];
  }
  return energy;
}

void lennard_jones(benchmark::State& state, bool parallel) {
  const Executor where = Executor::cpu();
  const Atoms atoms(state.range(0));
  const auto n = static_cast<std::int64_t>(atoms.x.size()), pairs = static_cast<std::int64_t>(atoms.pairs.size() / 2);
  const auto f = nabla::element_sum<double>(
      where, LennardJones(), n,
      nabla::IndexTable<std::int32_t>{{atoms.pairs.data(), pairs, 2, nabla::Layout::point_major}, 3});
  std::vector<double> by_hand(atoms.x.size()), gradient(atoms.x.size());
  double energy_by_hand = 0, energy = 0;
  nabla::bench::paired(
      state, parallel ? "of_parallel_pairs" : "of_scalar_loop",
      [&] {
        energy_by_hand = parallel ? parallel_pairs(atoms, by_hand, where.threads()) : scalar_loop(atoms, by_hand);
      },
      [&] { energy = f.value_and_gradient(where, atoms.x, gradient); }, pairs, 8 * pairs + 16 * n);
  double largest = 0, difference = std::fabs(energy - energy_by_hand) / std::fabs(energy);
  for (const double g : by_hand) largest = std::fmax(largest, std::fabs(g));
  for (std::size_t i = 0; i < gradient.size(); ++i) {
    difference = std::fmax(difference, std::fabs(gradient[i] - by_hand[i]) / largest);
  }
  if (!(difference < 1e-11)) state.SkipWithError(("the loops differ by " + std::to_string(difference)).c_str());
}

/// A spring of length 1 on a line.
struct LineSpring {
  static constexpr int variables = 2;
  template <class X>
  constexpr auto operator()(const X& x) const {
    const auto stretch = x[1] - x[0] - 1.0;
    return 0.5 * stretch * stretch;
  }
};

bool has_memory(benchmark::State& state, std::int64_t bytes) {
  if (sysconf(_SC_AVPHYS_PAGES) * sysconf(_SC_PAGESIZE) > bytes) return true;
  state.SkipWithError("not as much memory is free");
  return false;
}
/// slope(i): the i-th component of the gradient, in whole numbers that doubles hold.
template <class F, class Slope>
void run_large(benchmark::State& state, const F& f, const std::vector<double>& x, double exact, Slope slope) {
  const Executor where = Executor::cpu();
  std::vector<double> gradient(x.size());
  double value = 0;
  for (auto _ : state) value = f.value_and_gradient(where, x, gradient);
  if (!(std::fabs(value / exact - 1) < 1e-13)) state.SkipWithError("the value is wrong");
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (gradient[i] != slope(static_cast<std::int64_t>(i))) return state.SkipWithError("the gradient is wrong");
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(x.size()));
}

/// At x = 1/2 each element is 100/16 + 1/4, with slopes of -51 and 50.
void large_chain(benchmark::State& state) {
  const std::int64_t n = state.range(0);
  if (!has_memory(state, 20 * n)) return;
  const std::vector<double> x(static_cast<std::size_t>(n), 0.5);
  const auto f = nabla::element_sum<double>(Executor::cpu(), Rosenbrock(), n, Affine::chain(n - 1, {0, 1}));
  run_large(state, f, x, 6.5 * static_cast<double>(n - 1),
            [n](std::int64_t i) { return (i + 1 < n ? -51.0 : 0.0) + (i > 0 ? 50.0 : 0.0); });
}

/// Point i, at i, has springs to the next 22; the one to the k-th is stretched by k - 1.
void large_table(benchmark::State& state) {
  constexpr std::int64_t springs = 22;
  const std::int64_t n = state.range(0), count = (n - springs) * springs;
  if (!has_memory(state, 10 * count)) return;
  std::vector<std::int32_t> table;
  table.reserve(static_cast<std::size_t>(2 * count));
  for (std::int32_t i = 0; i < n - springs; ++i) {
    for (std::int32_t k = 1; k <= springs; ++k) table.insert(table.end(), {i, i + k});
  }
  std::vector<double> x(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<double>(i);
  const auto f =
      nabla::element_sum<double>(Executor::cpu(), LineSpring(), n,
                                 nabla::IndexTable<std::int32_t>{{table.data(), count, 2, nabla::Layout::point_major}});
  double exact = 0;
  for (int k = 1; k <= springs; ++k) exact += 0.5 * (k - 1) * (k - 1);
  run_large(state, f, x, exact * static_cast<double>(n - springs), [n](std::int64_t i) {
    double pull = 0;  // of the springs from it, and of those to it
    for (std::int64_t k = 1; k <= springs; ++k) {
      if (i < n - springs) pull -= static_cast<double>(k - 1);
      if (i - k >= 0 && i - k < n - springs) pull += static_cast<double>(k - 1);
    }
    return pull;
  });
}

void add_all() {
  const auto add = [](const std::string& name, auto function, auto argument, std::int64_t n) {
    benchmark::RegisterBenchmark(name.c_str(), function, argument)
        ->Arg(n)
        ->UseManualTime()
        ->Unit(benchmark::kMillisecond);
  };
  for (const std::int64_t n : {100'000, 10'000'000}) {
    add("chain/value", chain, Pass::value, n);
    add("chain/value_and_gradient", chain, Pass::gradient, n);
    add("chain/hessian_vector_product", chain, Pass::product, n);
  }
  add("text/value", text, Pass::value, 1'000'000);
  add("text/value_and_gradient", text, Pass::gradient, 1'000'000);
  add("text/hessian_vector_product", text, Pass::product, 1'000'000);
  add("cost/gradient", cost<2>, Pass::gradient, 2);
  add("cost/gradient", cost<4>, Pass::gradient, 4);
  add("cost/gradient", cost<8>, Pass::gradient, 8);
  add("cost/hessian_vector_product", cost<2>, Pass::product, 2);
  add("cost/hessian_vector_product", cost<4>, Pass::product, 4);
  add("cost/hessian_vector_product", cost<8>, Pass::product, 8);
  add("lennard_jones/cells", lennard_jones, false, 63);
  add("lennard_jones/cells/all_threads", lennard_jones, true, 63);
  benchmark::RegisterBenchmark("large/chain", large_chain)
      ->Arg(100'000'000)
      ->UseRealTime()
      ->Unit(benchmark::kMillisecond);
  benchmark::RegisterBenchmark("large/table", large_table)
      ->Arg(50'000'000)
      ->UseRealTime()
      ->Unit(benchmark::kMillisecond);
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  add_all();
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
