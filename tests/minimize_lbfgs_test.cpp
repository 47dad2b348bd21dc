// L-BFGS's directions against the recursion of two loops as textbooks have it, in long double, from the iterates that
// an objective saw.

#include "minimize_problems.hpp"

#include <nabla/minimize.hpp>

#include <gtest/gtest.h>

#include <deque>
#include <vector>

namespace {

using nabla::Array;
using nabla::Executor;
using namespace minimize_problems;
using Long = std::vector<long double>;

/// Remembers where it was evaluated last, which is where an iteration ends.
struct Watched : Posed<double, Rosenbrock> {
  using Posed::Posed;
  double value_and_gradient(const Executor& where, std::span<const double> x, std::span<double> gradient) const {
    const double value = Posed::value_and_gradient(where, x, gradient);
    last_x.assign(x.begin(), x.end());
    last_gradient.assign(gradient.begin(), gradient.end());
    return value;
  }
  mutable Long last_x, last_gradient;
};

long double dot(const Long& a, const Long& b) {
  long double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}
Long difference(const Long& a, const Long& b, long double factor = 1) {
  Long c = a;
  for (std::size_t i = 0; i < a.size(); ++i) c[i] -= factor * b[i];
  return c;
}

struct Pair {
  Long s, y;
};

/// Source: Nocedal and Wright, Numerical Optimization (2006), algorithm 7.4.
Long direction(const std::deque<Pair>& pairs, const Long& gradient) {
  Long q = gradient;
  std::vector<long double> alphas(pairs.size());
  for (std::size_t k = pairs.size(); k-- > 0;) {
    alphas[k] = dot(pairs[k].s, q) / dot(pairs[k].s, pairs[k].y);
    q = difference(q, pairs[k].y, alphas[k]);
  }
  if (!pairs.empty()) {
    const Pair& newest = pairs.back();
    for (long double& number : q) number *= dot(newest.s, newest.y) / dot(newest.y, newest.y);
  }
  for (std::size_t k = 0; k < pairs.size(); ++k) {
    const long double beta = dot(pairs[k].y, q) / dot(pairs[k].s, pairs[k].y);
    q = difference(q, pairs[k].s, beta - alphas[k]);
  }
  return difference(Long(q.size()), q);
}

TEST(MinimizeLbfgs, DirectionsAreThoseOfTheTwoLoops) {
  const Executor where = Executor::cpu(1);
  constexpr std::int64_t n = 50;
  for (const int memory : {1, 3, 8}) {
    const Watched f(where, Rosenbrock{}, n);
    Array<double> x = rosenbrock_start<double>(where, n);
    std::deque<Pair> pairs;
    Long x_before, gradient_before;
    nabla::minimize(where, f, x,
                    {.memory = memory,
                     .relative_gradient_tolerance = 0,
                     .max_iterations = 40,
                     .callback = [&](const nabla::Progress& progress) {
                       if (progress.iteration > 0) {
                         const Long step = difference(f.last_x, x_before);
                         const Long expected = direction(pairs, gradient_before);
                         const Long off = difference(step, expected, progress.step);
                         EXPECT_LT(std::sqrt(dot(off, off)), 1e-9L * std::sqrt(dot(step, step)))
                             << "memory " << memory << ", iteration " << progress.iteration;
                         pairs.push_back({step, difference(f.last_gradient, gradient_before)});
                         if (std::ssize(pairs) > memory) pairs.pop_front();
                       }
                       x_before = f.last_x;
                       gradient_before = f.last_gradient;
                       return true;
                     }});
  }
}

}  // namespace
