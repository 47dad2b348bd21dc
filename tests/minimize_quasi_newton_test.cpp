// The directions of L-BFGS and BFGS against what textbooks have, in long double, from the iterates that an objective
// saw.

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

/// The inverse Hessian's approximation, row by row, as a product of matrices.
/// Source: Nocedal and Wright, Numerical Optimization (2006), equations 6.17 and 6.20.
class Matrix {
 public:
  explicit Matrix(std::size_t n) : n_(n), h_(n * n) {}

  /// H v; v itself before the first update.
  Long times(const Long& v) const {
    if (!updated_) return v;
    Long product(n_);
    for (std::size_t i = 0; i < n_; ++i) {
      for (std::size_t j = 0; j < n_; ++j) product[i] += h_[i * n_ + j] * v[j];
    }
    return product;
  }
  /// H = V' H V + s s' / s.y, with V = I - y s' / s.y.
  void update(const Long& s, const Long& y) {
    const long double s_y = dot(s, y);
    if (!updated_) {
      for (std::size_t i = 0; i < n_; ++i) h_[i * n_ + i] = s_y / dot(y, y);
      updated_ = true;
    }
    Long v(n_ * n_), h_v(n_ * n_), next(n_ * n_);
    for (std::size_t i = 0; i < n_; ++i) {
      for (std::size_t j = 0; j < n_; ++j) v[i * n_ + j] = (i == j ? 1 : 0) - y[i] * s[j] / s_y;
    }
    for (std::size_t i = 0; i < n_; ++i) {
      for (std::size_t j = 0; j < n_; ++j) {
        for (std::size_t k = 0; k < n_; ++k) h_v[i * n_ + j] += h_[i * n_ + k] * v[k * n_ + j];
      }
    }
    for (std::size_t i = 0; i < n_; ++i) {
      for (std::size_t j = 0; j < n_; ++j) {
        next[i * n_ + j] = s[i] * s[j] / s_y;
        for (std::size_t k = 0; k < n_; ++k) next[i * n_ + j] += v[k * n_ + i] * h_v[k * n_ + j];
      }
    }
    h_ = next;
  }

 private:
  std::size_t n_;
  Long h_;
  bool updated_ = false;
};

TEST(MinimizeBfgs, DirectionsAreThoseOfTheMatrix) {
  const Executor where = Executor::cpu(1);
  constexpr std::int64_t n = 20;
  const Watched f(where, Rosenbrock{}, n);
  Array<double> x = rosenbrock_start<double>(where, n);
  Matrix h(n);
  Long x_before, gradient_before;
  int compared = 0;
  nabla::minimize(where, f, x,
                  {.method = nabla::Method::bfgs,
                   .relative_gradient_tolerance = 0,
                   .max_iterations = 60,
                   .callback = [&](const nabla::Progress& progress) {
                     if (progress.iteration > 0) {
                       const Long step = difference(f.last_x, x_before), expected = h.times(gradient_before);
                       const Long off = difference(step, expected, -progress.step);
                       EXPECT_LT(std::sqrt(dot(off, off)), 1e-9L * std::sqrt(dot(step, step)))
                           << "iteration " << progress.iteration;
                       h.update(step, difference(f.last_gradient, gradient_before));
                       ++compared;
                     }
                     x_before = f.last_x;
                     gradient_before = f.last_gradient;
                     return true;
                   }});
  EXPECT_EQ(compared, 60);
}

// Superlinear, as Newton's method nearly is and steepest descent is not.
TEST(MinimizeBfgs, TakesFewIterationsNearTheMinimum) {
  const Executor where = Executor::cpu(1);
  Array<double> x = rosenbrock_start<double>(where, 2);
  const auto report = nabla::minimize(
      where, posed<double>(where, Rosenbrock{}, 2), x,
      {.method = nabla::Method::bfgs, .gradient_tolerance = 1e-10, .relative_gradient_tolerance = 0, .history = true});
  ASSERT_EQ(report.reason, nabla::StopReason::gradient) << describe(report);
  EXPECT_LT(report.iterations, 60);
  std::int64_t within = 0;  // iterations from a gradient of 1e-2 on
  for (const auto& row : report.history) within += row.gradient_norm < 1e-2 ? 1 : 0;
  EXPECT_LE(within, 6) << describe(report);
}

}  // namespace
