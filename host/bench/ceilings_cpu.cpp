#include "ceilings.hpp"

#include <nabla/lanes.hpp>

#include <omp.h>

#include <cmath>

namespace nabla::bench::cpu {

namespace {

// So many packs at a time do not wait for each other: more than latency times width of any processor so far.
constexpr std::size_t side_by_side = 12;
// Of calls: packs that stay in the first-level cache, with different numbers in them.
constexpr std::size_t packs = 64;

/// Rounds of a loop that does `each` in one, so that all threads together do at least `amount`.
std::int64_t rounds_for(double amount, double each, int threads) {
  return static_cast<std::int64_t>(std::ceil(amount / (each * threads)));
}

template <class T>
double sum_of(const Lanes<T>& pack) {
  alignas(Lanes<T>) T lanes[Lanes<T>::size];
  pack.store_aligned(lanes);
  double sum = 0;
  for (const T lane : lanes) sum += static_cast<double>(lane);
  return sum;
}

// What loops computed, for compilers that would leave out what nobody sees.
volatile double seen;

template <class T, class F>
double call_all(int threads, double calls, F f) {
  using X = Lanes<T>;
  constexpr auto each = static_cast<double>(packs * X::size);
  const std::int64_t rounds = rounds_for(calls, each, threads);
  double all = 0;
#pragma omp parallel num_threads(threads) reduction(+ : all)
  {
    alignas(X) T numbers[packs * X::size];
    for (std::size_t i = 0; i < packs * X::size; ++i) {
      numbers[i] = static_cast<T>(0.5 + 1.5 * static_cast<double>(i) / each);
    }
    X sums[4] = {X(T(0)), X(T(0)), X(T(0)), X(T(0))};
    for (std::int64_t round = 0; round < rounds; ++round) {
      for (std::size_t k = 0; k < packs; k += 4) {
        for (std::size_t j = 0; j < 4; ++j) sums[j] += f(X::load_aligned(numbers + (k + j) * X::size));
      }
    }
    for (const X& sum : sums) all += sum_of<T>(sum);
  }
  seen = all;
  return static_cast<double>(rounds) * each * threads;
}

}  // namespace

template <class T>
double multiply_and_add(int threads, double flops) {
  using X = Lanes<T>;
  constexpr int unrolled = 16;
  constexpr double each = 2.0 * unrolled * side_by_side * X::size;
  const std::int64_t rounds = rounds_for(flops, each, threads);
  double all = 0;
#pragma omp parallel num_threads(threads) reduction(+ : all)
  {
    const X shrink(T(0.999)), step(T(1e-3));
    X sums[side_by_side];
    for (std::size_t k = 0; k < side_by_side; ++k) sums[k] = X(static_cast<T>(k));
    for (std::int64_t round = 0; round < rounds; ++round) {
      for (int again = 0; again < unrolled; ++again) {
        for (X& sum : sums) sum = Math<X>::fma(sum, shrink, step);
      }
    }
    for (const X& sum : sums) all += sum_of<T>(sum);
  }
  seen = all;
  return static_cast<double>(rounds) * each * threads;
}

template <class T>
double call(int threads, Elementary f, double calls) {
  using X = Lanes<T>;
  using M = Math<X>;
  switch (f) {
    case Elementary::division:
      return call_all<T>(threads, calls, [](const X& x) { return T(1) / x; });
    case Elementary::sqrt:
      return call_all<T>(threads, calls, [](const X& x) { return M::sqrt(x); });
    case Elementary::exp:
      return call_all<T>(threads, calls, [](const X& x) { return M::exp(x); });
    case Elementary::log:
      return call_all<T>(threads, calls, [](const X& x) { return M::log(x); });
    case Elementary::sin:
      return call_all<T>(threads, calls, [](const X& x) { return M::sin(x); });
    case Elementary::cos:
      return call_all<T>(threads, calls, [](const X& x) { return M::cos(x); });
    case Elementary::sincos:
      return call_all<T>(threads, calls, [](const X& x) {
        const auto [sine, cosine] = M::sincos(x);
        return sine + cosine;
      });
  }
  return 0;
}

template double multiply_and_add<float>(int, double);
template double multiply_and_add<double>(int, double);
template double call<float>(int, Elementary, double);
template double call<double>(int, Elementary, double);

}  // namespace nabla::bench::cpu
