// Descents on quadratics, against closed forms and against what theory says of their rates.

#include <nabla/check_objective.hpp>
#include <nabla/quadratic.hpp>

#include "../host/replay.hpp"
#include "executors.hpp"
#include "symmetric_cases.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <string>

namespace {

using namespace symmetric_cases;
using nabla::Array;
using nabla::Executor;
using nabla::Method;
using nabla::MinimizeOptions;
using nabla::MinimizeReport;
using nabla::Quadratic;
using nabla::StopReason;
using nabla::SymmetricOperator;
using Numbers = std::vector<double>;

/// 1/2 x.Ax - b.x on an executor.
template <class T>
struct Problem {
  const Executor where;
  const SymmetricOperator<T> a;
  const Array<T> b;
  const Quadratic<T> f;

  Problem(const Executor& executor, SymmetricOperator<T> matrix, const std::vector<T>& pull)
      : where(executor), a(matrix), b(array_of(executor, pull)), f(executor, a, {b.data(), pull.size()}) {}

  MinimizeReport minimize(std::vector<T>& x, const MinimizeOptions& options) const {
    Array<T> there = array_of(where, x);
    MinimizeReport report = nabla::minimize(where, f, there, options);
    x = there.to_host();
    return report;
  }
};

template <class T>
SymmetricOperator<T> diagonal_of(const Executor& where, const std::vector<T>& numbers) {
  const Array<T> there = array_of(where, numbers);
  return nabla::diagonal<T>(where, {there.data(), numbers.size()});
}
/// Eigenvalues from 1 to kappa, in equal ratios.
Numbers spectrum(std::size_t n, double kappa) {
  Numbers all(n, 1);
  for (std::size_t i = 1; i < n; ++i) all[i] = std::pow(kappa, static_cast<double>(i) / static_cast<double>(n - 1));
  return all;
}

/// Applications of the same methods, on matrices that are stored differently: rows of patterns, of diagonals that are
/// multiplied once and of one that is multiplied twice, slices of rows, the caller's entries, and a sum.
class Descents : public nabla::test::OnEveryExecutor {
 protected:
  void SetUp() override {
    OnEveryExecutor::SetUp();
    if (!IsSkipped() && !HasFatalFailure()) executor_ = executor();
  }
  template <class T>
  void each_storage(const Entries& entries, auto use) {
    const InRows<T, std::int32_t> rows(executor_, entries);
    for (const auto storage :
         {nabla::Storage::patterns, nabla::Storage::diagonals, nabla::Storage::slices, nabla::Storage::rows}) {
      use(nabla::sparse_operator<T>(executor_, rows.view(), storage));
    }
    use(0.25 * nabla::sparse_operator<T>(executor_, rows.view()) +
        0.75 * nabla::sparse_operator<T>(executor_, rows.view(), nabla::Storage::rows));
  }

  Executor executor_ = Executor::cpu(1);
};

/// The solution of the line's Laplacian with ones at the right: (i + 1)(n - i) / 2.
TEST_P(Descents, SolveTheLine) {
  // Launches are what an emulated GPU takes its time for, and iterations grow with the size.
  const std::vector<std::int64_t> sizes = executor_.is_cuda() ? std::vector<std::int64_t>{1, 2, 7, 33, 65}
                                                              : std::vector<std::int64_t>{1, 2, 7, 33, 513, 1000};
  for (const std::int64_t n : sizes) {
    each_storage<double>(grid(n, 1, 1, 1), [&](const SymmetricOperator<double>& a) {
      const Problem<double> problem(executor_, a, Numbers(static_cast<std::size_t>(n), 1));
      for (const auto preconditioner : {nabla::Preconditioner::none, nabla::Preconditioner::jacobi}) {
        Numbers x(static_cast<std::size_t>(n), 0);
        const MinimizeReport report = problem.minimize(x, {.method = Method::conjugate_gradient,
                                                           .preconditioner = preconditioner,
                                                           .relative_gradient_tolerance = 1e-10,
                                                           .max_iterations = 2 * n});
        EXPECT_TRUE(report.converged()) << a.format() << ": " << describe(report);
        EXPECT_LE(report.iterations, n / 2 + 1) << a.format();  // as many eigenvalues as the start has parts of
        for (std::int64_t i = 0; i < n; ++i) {
          const double exact = static_cast<double>(i + 1) * static_cast<double>(n - i) / 2;
          ASSERT_NEAR(x[static_cast<std::size_t>(i)], exact, 1e-9 * exact * static_cast<double>(n)) << a.format();
        }
        const double least = -static_cast<double>(n) * static_cast<double>(n + 1) * static_cast<double>(n + 2) / 24;
        EXPECT_NEAR(report.value, least, 1e-12 * std::fabs(least));
      }
    });
  }
}

TEST_P(Descents, SolveTheLineInFloats) {
  constexpr std::int64_t n = 100;
  each_storage<float>(grid(n, 1, 1, 1), [&](const SymmetricOperator<float>& a) {
    const Problem<float> problem(executor_, a, std::vector<float>(n, 1));
    std::vector<float> x(n, 0);
    const MinimizeReport report = problem.minimize(
        x, {.method = Method::conjugate_gradient, .relative_gradient_tolerance = 1e-3, .max_iterations = 500});
    EXPECT_TRUE(report.converged()) << a.format() << ": " << describe(report);
    for (std::int64_t i = 0; i < n; ++i) {
      const double exact = static_cast<double>(i + 1) * static_cast<double>(n - i) / 2;
      ASSERT_NEAR(x[static_cast<std::size_t>(i)], exact, 1e-2 * exact) << a.format();
    }
  });
}

TEST_P(Descents, AllMethodsFindTheSameMinimum) {
  const Entries plane = executor_.is_cuda() ? grid(9, 7, 1, 2) : grid(24, 17, 1, 2);
  const Numbers b(static_cast<std::size_t>(plane.size), 1);
  Numbers first;
  const auto goes_by_rows = [](Method method) {
    return method == Method::conjugate_gradient || method == Method::steepest || method == Method::chebyshev ||
           method == Method::gradient;
  };
  for (const auto method :
       {Method::conjugate_gradient, Method::steepest, Method::chebyshev, Method::gradient, Method::lbfgs,
        Method::barzilai_borwein, Method::nonlinear_cg, Method::newton_cg, Method::nesterov, Method::heavy_ball}) {
    bool is_first = true;
    each_storage<double>(plane, [&](const SymmetricOperator<double>& a) {
      if (executor_.is_cuda() && !is_first && !goes_by_rows(method)) return;  // what it calls is tested elsewhere
      is_first = false;
      const Problem<double> problem(executor_, a, b);
      Numbers x(b.size(), 0);
      MinimizeOptions options{.method = method, .relative_gradient_tolerance = 1e-9, .max_iterations = 20'000};
      if (method == Method::nesterov) options.relative_gradient_tolerance = 1e-6;  // its steps go by values
      if (executor_.is_cuda() && (method == Method::steepest || method == Method::gradient)) {
        options.relative_gradient_tolerance = 1e-4;
      }
      const MinimizeReport report = problem.minimize(x, options);
      ASSERT_TRUE(report.converged()) << a.format() << ": " << describe(report);
      if (first.empty()) first = x;
      double off = 0;
      for (std::size_t i = 0; i < x.size(); ++i) off = std::fmax(off, std::fabs(x[i] - first[i]));
      EXPECT_LE(off, 3e3 * options.relative_gradient_tolerance) << nabla::name_of(method) << ", " << a.format();
    });
  }
}

/// Source: Luenberger and Ye, Linear and Nonlinear Programming (2008), section 8.2 (Kantorovich), and the start that
/// attains the bound: (1/l1, 0, ..., 0, 1/ln).
TEST_P(Descents, SteepestFallsByItsBoundAndNoLess) {
  for (const double kappa : {10.0, 1e2, 1e4, 1e6}) {
    constexpr std::size_t n = 1000;
    const Numbers eigenvalues = spectrum(n, kappa);
    const Problem<double> problem(executor_, diagonal_of(executor_, eigenvalues), Numbers(n, 0));
    const double bound = std::pow((kappa - 1) / (kappa + 1), 2);
    for (const bool worst : {true, false}) {
      Numbers x(n, 0);
      x.front() = 1 / eigenvalues.front();
      x.back() = 1 / eigenvalues.back();
      for (std::size_t i = 0; i < n && !worst; ++i) x[i] = short_number(i);
      const MinimizeReport report = problem.minimize(
          x, {.method = Method::steepest, .relative_gradient_tolerance = 0, .max_iterations = 8, .history = true});
      ASSERT_EQ(report.history.size(), 9u) << describe(report);
      for (std::size_t k = 0; k + 1 < report.history.size(); ++k) {
        const double ratio = report.history[k + 1].value / report.history[k].value;
        EXPECT_LE(ratio, bound * (1 + 1e-9)) << "kappa " << kappa << ", iteration " << k;
        if (worst) {
          EXPECT_NEAR(ratio, bound, 1e-9 * bound) << "kappa " << kappa << ", iteration " << k;
        }
      }
    }
  }
}

/// sqrt(f) falls by 2 q^k at least, q = (sqrt(kappa) - 1) / (sqrt(kappa) + 1).
TEST_P(Descents, ConjugateGradientsFallByTheirBound) {
  for (const double kappa : {10.0, 1e2, 1e4, 1e6}) {
    constexpr std::size_t n = 2000;
    const Problem<double> problem(executor_, diagonal_of(executor_, spectrum(n, kappa)), Numbers(n, 0));
    Numbers x(n);
    for (std::size_t i = 0; i < n; ++i) x[i] = short_number(i);
    const MinimizeReport report = problem.minimize(x, {.method = Method::conjugate_gradient,
                                                       .relative_gradient_tolerance = 1e-6,
                                                       .max_iterations = executor_.is_cuda() ? 100 : 5000,
                                                       .history = true});
    if (!executor_.is_cuda()) {
      EXPECT_TRUE(report.converged()) << describe(report);
    }
    const double q = (std::sqrt(kappa) - 1) / (std::sqrt(kappa) + 1), start = std::sqrt(report.history[0].value);
    for (std::size_t k = 0; k < report.history.size(); ++k) {
      const double error = std::sqrt(std::fmax(0, report.history[k].value));
      ASSERT_LE(error, 2 * std::pow(q, static_cast<double>(k)) * start * (1 + 1e-9) + 1e-9 * start)
          << "kappa " << kappa << ", iteration " << k;
    }
  }
}

TEST_P(Descents, ConjugateGradientsEndWithTheEigenvalues) {
  constexpr std::size_t n = 5000;
  for (const std::size_t distinct : {1u, 2u, 5u, 12u}) {
    Numbers eigenvalues(n), b(n);
    for (std::size_t i = 0; i < n; ++i) {
      eigenvalues[i] = 1 + 3.0 * static_cast<double>(i % distinct);
      b[i] = short_number(i + 9);
    }
    const Problem<double> problem(executor_, diagonal_of(executor_, eigenvalues), b);
    Numbers x(n, 0);
    const MinimizeReport report =
        problem.minimize(x, {.method = Method::conjugate_gradient, .relative_gradient_tolerance = 1e-11});
    EXPECT_TRUE(report.converged()) << describe(report);
    EXPECT_LE(report.iterations, static_cast<std::int64_t>(distinct));
    for (std::size_t i = 0; i < n; ++i) ASSERT_NEAR(x[i], b[i] / eigenvalues[i], 1e-10);
  }
}

/// x is multiplied by 1 - step * lambda in each iteration.
TEST_P(Descents, FixedStepsDivergeJustAboveTheirLimit) {
  const Numbers eigenvalues = spectrum(700, 50);
  const Problem<double> problem(executor_, diagonal_of(executor_, eigenvalues), Numbers(eigenvalues.size(), 1));
  for (const bool above : {false, true}) {
    Numbers x(eigenvalues.size(), 0);
    const double step = 2.0 / 50 * (above ? 1.05 : 0.95);
    const MinimizeReport report = problem.minimize(
        x, {.method = Method::gradient, .step = step, .relative_gradient_tolerance = 1e-8, .max_iterations = 3000});
    EXPECT_EQ(report.reason, above ? StopReason::diverged : StopReason::relative_gradient) << describe(report);
  }
}

/// After k iterations the gradient is at most 2 q^k of the first, q as for conjugate gradients.
TEST_P(Descents, ChebyshevFallsByItsBound) {
  constexpr double kappa = 400;
  const Numbers eigenvalues = spectrum(1500, kappa);
  const Problem<double> problem(executor_, diagonal_of(executor_, eigenvalues), Numbers(eigenvalues.size(), 1));
  Numbers x(eigenvalues.size(), 0);
  const MinimizeReport report = problem.minimize(x, {.method = Method::chebyshev,
                                                     .smallest_eigenvalue = 1,
                                                     .largest_eigenvalue = kappa,
                                                     .relative_gradient_tolerance = 1e-8,
                                                     .history = true});
  EXPECT_TRUE(report.converged()) << describe(report);
  const double q = (std::sqrt(kappa) - 1) / (std::sqrt(kappa) + 1);
  for (std::size_t k = 0; k < report.history.size(); ++k) {
    ASSERT_LE(report.history[k].gradient_norm,
              2 * std::pow(q, static_cast<double>(k)) * report.first_gradient_norm * (1 + 1e-9))
        << k;
  }
}

TEST_P(Descents, NegativeCurvatureIsFoundAndShown) {
  Numbers eigenvalues(300, 1);
  eigenvalues[77] = -0.5;
  const Problem<double> problem(executor_, diagonal_of(executor_, eigenvalues), Numbers(300, 1));
  for (const auto method : {Method::conjugate_gradient, Method::steepest}) {
    Numbers x(300, 0);
    const MinimizeReport report = problem.minimize(x, {.method = method, .relative_gradient_tolerance = 1e-10});
    ASSERT_EQ(report.reason, StopReason::negative_curvature) << describe(report);
    ASSERT_EQ(report.direction.size(), 300u);
    double curved = 0, squares = 0;
    for (std::size_t i = 0; i < 300; ++i) {
      curved += eigenvalues[i] * report.direction[i] * report.direction[i];
      squares += report.direction[i] * report.direction[i];
    }
    EXPECT_LE(curved, 0);
    EXPECT_NEAR(report.curvature, curved / squares, 1e-12);
    EXPECT_FALSE(report.converged());
  }
}

/// A singular system whose right-hand side is out of reach: no gradient gets smaller than what is out of reach.
TEST_P(Descents, SingularSystemsAreNotCalledSolved) {
  Numbers eigenvalues(300, 2);
  eigenvalues[5] = 0;
  for (const bool in_reach : {true, false}) {
    Numbers b(300, 1), x(300, 0);
    if (in_reach) b[5] = 0;
    const Problem<double> problem(executor_, diagonal_of(executor_, eigenvalues), b);
    const MinimizeReport report = problem.minimize(
        x, {.method = Method::conjugate_gradient, .relative_gradient_tolerance = 1e-10, .max_iterations = 2000});
    EXPECT_EQ(report.converged(), in_reach) << describe(report);
  }
}

TEST_P(Descents, WhatIsNotFiniteIsNamed) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  Numbers eigenvalues(300, 2), b(300, 1), x(300, 0);
  eigenvalues[123] = nan;
  const MinimizeOptions options{.method = Method::conjugate_gradient};
  const auto in_a = Problem<double>(executor_, diagonal_of(executor_, eigenvalues), b).minimize(x, options);
  EXPECT_EQ(in_a.reason, StopReason::not_finite);
  EXPECT_EQ(in_a.not_finite_component, 123);
  b[7] = nan;
  x.assign(300, 0);
  const auto in_b = Problem<double>(executor_, diagonal_of(executor_, Numbers(300, 2)), b).minimize(x, options);
  EXPECT_EQ(in_b.reason, StopReason::not_finite);
  EXPECT_EQ(in_b.not_finite_component, 7);
  x.assign(300, 0);
  x[200] = nan;
  const auto in_x =
      Problem<double>(executor_, diagonal_of(executor_, Numbers(300, 2)), Numbers(300, 1)).minimize(x, options);
  EXPECT_EQ(in_x.reason, StopReason::not_finite);
  EXPECT_EQ(in_x.not_finite_component, 200);
}

/// What is reported is what a recomputation in long double finds.
TEST_P(Descents, ReportsAreTrue) {
  const Entries plane = grid(40, 33, 1, 2);
  each_storage<double>(plane, [&](const SymmetricOperator<double>& a) {
    Numbers b;
    for (std::int64_t i = 0; i < plane.size; ++i) b.push_back(short_number(static_cast<std::uint64_t>(i)));
    const Problem<double> problem(executor_, a, b);
    Numbers x(b.size(), 0);
    const MinimizeReport report =
        problem.minimize(x, {.method = Method::conjugate_gradient, .relative_gradient_tolerance = 1e-9});
    ASSERT_TRUE(report.converged()) << describe(report);
    const std::vector<long double> product = plane.times(x);
    long double rest = 0, size = 0, value = 0;
    for (std::size_t i = 0; i < b.size(); ++i) {
      rest += (product[i] - b[i]) * (product[i] - b[i]);
      size += static_cast<long double>(b[i]) * b[i];
      value += x[i] * (product[i] / 2 - b[i]);
    }
    EXPECT_NEAR(report.gradient_norm / static_cast<double>(std::sqrt(size)),
                static_cast<double>(std::sqrt(rest / size)), 1e-12);
    EXPECT_LE(static_cast<double>(std::sqrt(rest / size)), 1.001e-9);
    EXPECT_NEAR(report.value, static_cast<double>(value), 1e-12 * std::fabs(static_cast<double>(value)));
  });
}

/// Conjugate gradients in long double, as the textbook has them.
std::vector<long double> textbook(const Entries& a, const Numbers& b, int iterations) {
  const std::size_t n = b.size();
  std::vector<long double> x(n, 0), r(b.begin(), b.end()), p = r;
  const auto dot = [n](const auto& u, const auto& v) {
    long double sum = 0;
    for (std::size_t i = 0; i < n; ++i) sum += u[i] * v[i];
    return sum;
  };
  for (int k = 0; k < iterations; ++k) {
    const std::vector<long double> product = a.times(p);
    const long double before = dot(r, r), alpha = before / dot(p, product);
    for (std::size_t i = 0; i < n; ++i) {
      x[i] += alpha * p[i];
      r[i] -= alpha * product[i];
    }
    const long double beta = dot(r, r) / before;
    for (std::size_t i = 0; i < n; ++i) p[i] = r[i] + beta * p[i];
  }
  return x;
}

/// On more than two parts of the sums, whose blocks read each other's directions.
TEST_P(Descents, IteratesAreTheTextbooks) {
  constexpr int iterations = 10;
  const Entries plane = grid(127, 70, 1, 2);
  Numbers b;
  for (std::int64_t i = 0; i < plane.size; ++i) b.push_back(short_number(static_cast<std::uint64_t>(i)));
  const std::vector<long double> expected = textbook(plane, b, iterations);
  each_storage<double>(plane, [&](const SymmetricOperator<double>& a) {
    const Problem<double> problem(executor_, a, b);
    Numbers x(b.size(), 0);
    problem.minimize(x, {.method = Method::conjugate_gradient, .max_iterations = iterations});
    for (std::size_t i = 0; i < b.size(); ++i) {
      ASSERT_NEAR(x[i], static_cast<double>(expected[i]), 1e-13) << a.format() << ", " << i;
    }
  });
}

/// How often a GPU is looked at, and whether iterations are enqueued one by one or replayed, changes no bit.
TEST_P(Descents, LooksAndReplaysChangeNoBit) {
  constexpr int iterations = 53;
  const InRows<double, std::int32_t> rows(executor_, grid(24, 17, 1, 2));
  Numbers b;
  for (std::uint64_t i = 0; i < 24 * 17; ++i) b.push_back(short_number(i));
  for (const auto storage :
       {nabla::Storage::patterns, nabla::Storage::diagonals, nabla::Storage::slices, nabla::Storage::rows}) {
    const Problem<double> problem(executor_, nabla::sparse_operator<double>(executor_, rows.view(), storage), b);
    std::vector<std::int64_t> told;
    const auto found = [&](std::int64_t every, bool replay) {
      nabla::detail::may_replay = replay;
      told.clear();
      Numbers x(b.size(), 0);
      MinimizeOptions options{
          .method = Method::conjugate_gradient, .relative_gradient_tolerance = 0, .max_iterations = iterations};
      options.callback_every = every;
      if (every > 0) {
        options.callback = [&](const nabla::Progress& at) {
          told.push_back(at.iteration);
          return true;
        };
      } else {
        options.callback_every = 1;
      }
      const MinimizeReport report = problem.minimize(x, options);
      nabla::detail::may_replay = true;
      EXPECT_EQ(report.iterations, iterations);
      return x;
    };
    const Numbers one_by_one = found(1, false);
    EXPECT_EQ(told.size(), iterations + 1u);
    const std::int64_t before = nabla::detail::replays.load();
    EXPECT_EQ(found(16, false), one_by_one);
    EXPECT_EQ(told, (std::vector<std::int64_t>{0, 16, 32, 48}));
    EXPECT_EQ(nabla::detail::replays.load(), before);
    EXPECT_EQ(found(16, true), one_by_one);
    // The first batch of three has the code loaded, the others are replayed.
    const bool is_replayed = executor_.is_cuda() && storage != nabla::Storage::rows;
    EXPECT_EQ(nabla::detail::replays.load(), before + (is_replayed ? 2 : 0));
    EXPECT_EQ(found(15, true), one_by_one);
    EXPECT_EQ(found(0, true), one_by_one);
  }
}

TEST_P(Descents, GradientsAreChecked) {
  const std::size_t n = executor_.is_cuda() ? 60 : 500;
  each_storage<double>(banded(static_cast<std::int64_t>(n), {0, 1, 40}, true), [&](const SymmetricOperator<double>& a) {
    const Problem<double> problem(executor_, a, Numbers(n, 0.5));
    const Array<double> x = array_of(executor_, Numbers(n, 0.25));
    const auto gradient = nabla::check_gradient(executor_, problem.f, x);
    EXPECT_EQ(gradient.verdict, nabla::Verdict::agree) << describe(gradient);
    const auto products = nabla::check_hessian_vector_product(executor_, problem.f, x);
    EXPECT_EQ(products.verdict, nabla::Verdict::agree) << describe(products);
  });
}

TEST_P(Descents, AreTheSameBitsForAnyNumberOfThreads) {
  if (executor_.is_cuda()) return;
  const Entries plane = grid(300, 60, 1, 2);
  for (const auto storage :
       {nabla::Storage::patterns, nabla::Storage::diagonals, nabla::Storage::slices, nabla::Storage::rows}) {
    std::vector<Numbers> results;
    for (const int threads : {1, 2, 3, 8}) {
      const Executor where = Executor::cpu(threads);
      const InRows<double, std::int32_t> rows(where, plane);
      const Problem<double> problem(where, nabla::sparse_operator<double>(where, rows.view(), storage),
                                    Numbers(static_cast<std::size_t>(plane.size), 1));
      Numbers x(static_cast<std::size_t>(plane.size), 0);
      problem.minimize(x, {.method = Method::conjugate_gradient, .max_iterations = 60});
      results.push_back(x);
    }
    for (const Numbers& result : results) EXPECT_EQ(result, results[0]);
  }
}

TEST_P(Descents, OptionsThatCantBeAreRefused) {
  const Problem<double> problem(executor_, nabla::laplacian<double>(executor_, {9}), Numbers(9, 1));
  const auto message = [&](const MinimizeOptions& options) {
    Numbers x(9, 0);
    try {
      problem.minimize(x, options);
    } catch (const nabla::Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_EQ(message({.method = Method::lbfgs, .preconditioner = nabla::Preconditioner::jacobi}),
            "minimize: lbfgs has no preconditioner");
  EXPECT_EQ(message({.method = Method::conjugate_gradient, .step = 0.1}),
            "minimize: conjugate_gradient finds its steps itself; expected step 0");
  EXPECT_EQ(message({.method = Method::chebyshev, .smallest_eigenvalue = 2, .largest_eigenvalue = 1}),
            "minimize: largest_eigenvalue must be 0, or more than the smallest, found 1");
  try {
    Quadratic<double>(executor_, nabla::laplacian<double>(executor_, {9}), {problem.b.data(), 8});
    FAIL();
  } catch (const nabla::ShapeError& error) {
    EXPECT_STREQ(error.what(), "quadratic: b must have 9 numbers, found 8");
  }
}

INSTANTIATE_TEST_SUITE_P(On, Descents, nabla::test::every_executor(), nabla::test::executor_name);

}  // namespace
