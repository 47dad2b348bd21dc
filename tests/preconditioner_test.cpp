// Preconditioners of quadratics: what each does to a vector against a dense long double reference that shares nothing
// with the library, and what that does to conjugate gradients against theory.

#include "preconditioner_cases.hpp"

#include <unistd.h>
#include <cstring>
#include <filesystem>
#include <numbers>

namespace {

using namespace preconditioner_cases;

TEST_P(Preconditioners, BlocksAreInverted) {
  const auto check = [&]<class T>(T) {
    for (const Case& one : some_matrices()) {
      const std::string& name = one.name;
      const Entries& entries = one.entries;
      if (sizeof(T) == 4 && name == "scaled") continue;  // whose blocks float can't invert
      const Dense dense(entries);
      const Vector g = some_vector(dense.n, 1);
      for (const int size : {1, 2, 3, 8, 32}) {
        const Vector expected = solved_by_blocks(dense, static_cast<std::size_t>(size), g);
        each_storage<T>(entries, [&](const SymmetricOperator<T>& a) {
          const auto m = nabla::detail::make_block_inverse(executor_, a.matrix(), size);
          const std::string what = name + ", blocks of " + std::to_string(size) + ", " + a.format();
          expect_applied(*m, g, expected, what);
          expect_positive_definite(*m, dense.n, what);
        });
      }
    }
  };
  check(double());
  check(float());
}

TEST_P(Preconditioners, IncompleteFactorsAreTheTextbooks) {
  const auto check = [&]<class T>(T) {
    for (const Case& one : some_matrices()) {
      const std::string& name = one.name;
      const Entries& entries = one.entries;
      const Dense dense(entries);
      const Vector g = some_vector(dense.n, 1);
      bool broke = false;
      const Dense m = incomplete(dense, 0, broke);
      ASSERT_FALSE(broke) << name;
      const Vector expected = m.solve(g);
      each_storage<T>(entries, [&](const SymmetricOperator<T>& a) {
        const auto made = nabla::detail::make_incomplete_cholesky(executor_, a.matrix());
        EXPECT_EQ(made->description.find("its diagonal"), std::string::npos) << made->description;
        expect_applied(*made, g, expected, name + ", " + a.format());
        expect_positive_definite(*made, dense.n, name + ", " + a.format());
      });
    }
  };
  check(double());
  check(float());
}

/// A random matrix that is positive definite, but whose incomplete factor has a pivot that is not.
Entries breaking() {
  for (std::uint64_t seed = 1;; ++seed) {
    Entries a{9, {}};
    for (std::int64_t r = 0; r < a.size; ++r) {
      a.add(r, r, 2);
      for (std::int64_t c = 0; c < r; ++c) {
        const auto at = seed * 1000 + static_cast<std::uint64_t>(r * 10 + c);
        if (mixed(at) % 2 == 0) a.add(r, c, 1.5 * short_number(at));
      }
    }
    bool broke = false;
    if (!Dense(a).is_positive_definite()) continue;
    incomplete(Dense(a), 0, broke);
    if (broke) return a;
  }
}

TEST_P(Preconditioners, FactorsThatBreakDownAreThoseOfAShiftedMatrix) {
  const Entries entries = breaking();
  const Dense dense(entries);
  Real shift = 1e-3L;
  bool broke = true;
  Dense m(dense.n);
  for (; broke; shift *= 2) m = incomplete(dense, shift, broke);
  const SymmetricOperator<double> a = stored(entries);
  const auto made = nabla::detail::make_incomplete_cholesky(executor_, a.matrix());
  EXPECT_NE(made->description.find(" of its diagonal"), std::string::npos) << made->description;
  const Vector g = some_vector(dense.n, 1);
  expect_applied(*made, g, m.solve(g), made->description);
  EXPECT_LE(iterations(entries, by(Preconditioner::incomplete_cholesky)), 9);
}

TEST_P(Preconditioners, PolynomialsAreChebyshevs) {
  const auto check = [&]<class T>(T) {
    for (const Case& one : some_matrices()) {
      const std::string& name = one.name;
      const Entries& entries = one.entries;
      const Dense dense(entries);
      const std::size_t n = dense.n;
      const Vector g = some_vector(n, 1);
      for (const int degree : {0, 1, 2, 5}) {
        const Vector expected = after_steps(dense, entries.diagonal(), degree + 1, 0.1L, 2.1L, g);
        each_storage<T>(entries, [&](const SymmetricOperator<T>& a) {
          Array<T> product(executor_, entries.size);
          KrylovVectors<T> vectors{};
          vectors.product = product.data();
          const nabla::detail::Sums sums(executor_, entries.size, 4);
          const auto m = nabla::detail::make_polynomial(executor_, a.matrix(), {degree, 0.1, 2.1}, vectors, sums);
          const std::string what = name + ", degree " + std::to_string(degree) + ", " + a.format();
          EXPECT_EQ(m->products, degree);
          if (name != "scaled") expect_applied(*m, g, expected, what);
          expect_positive_definite(*m, n, what);
        });
      }
    }
  };
  check(double());
  check(float());
}

/// Along lines of x, which a block is as long as: the eigenvalues of M^-1 A are known.
TEST_P(Preconditioners, BlocksOfLinesMakeTheConditionThatTheyShould) {
  constexpr std::int64_t nx = 32;
  const std::int64_t ny = executor_.is_cuda() ? 12 : 60;
  constexpr double weak = 0.01;
  const auto wave = [](std::int64_t k, std::int64_t n) {
    return 2 - 2 * std::cos(static_cast<double>(k) * std::numbers::pi / static_cast<double>(n + 1));
  };
  double least = 1e300, most = 0;
  for (std::int64_t i = 1; i <= nx; ++i) {
    for (std::int64_t j = 1; j <= ny; ++j) {
      const double ratio = (wave(i, nx) + weak * wave(j, ny)) / (wave(i, nx) + 2 * weak);
      least = std::fmin(least, ratio);
      most = std::fmax(most, ratio);
    }
  }
  MinimizeOptions options = by(Preconditioner::block_jacobi);
  options.preconditioner_block = nx;
  const Entries a = anisotropic(nx, ny, 1, weak);
  const std::int64_t blocks = iterations(a, options), none = iterations(a, by(Preconditioner::none));
  // In the energy norm errors fall by 2 ((sqrt(k) - 1) / (sqrt(k) + 1))^k; gradients are looked at, whose norm is
  // within the square root of A's own condition of that.
  const double root = std::sqrt(most / least), of_a = std::sqrt((4 + 4 * weak) / (wave(1, nx) + weak * wave(1, ny)));
  const double bound = std::log(2 * of_a / 1e-10) / std::log((root + 1) / (root - 1));
  EXPECT_LE(static_cast<double>(blocks), bound + 1);
  EXPECT_LT(3 * blocks, none);
}

/// On a plane in two colours half of the rows are eliminated, and the diagonal of what is left is divided by: with m
/// the largest eigenvalue of what couples the colours, from (4 - mm/4) / 3 to 4 / 3 where without they are from 4 - m
/// to 4 + m. The condition falls to a quarter, and iterations by half.
TEST_P(Preconditioners, IncompleteCholeskyInTwoColoursHalvesIterations) {
  const std::int64_t side = executor_.is_cuda() ? 20 : 60;
  const Entries a = grid(side, side, 1, 2);
  const auto none = static_cast<double>(iterations(a, by(Preconditioner::none)));
  const auto factor = static_cast<double>(iterations(a, by(Preconditioner::incomplete_cholesky)));
  EXPECT_NEAR(factor / none, 0.5, 0.1) << factor << " of " << none;
}

/// A polynomial of d products from the interval's end downward makes d + 1 steps of Chebyshev's method at once: that
/// many times fewer iterations, but for what is given away by bounding the interval from below.
TEST_P(Preconditioners, PolynomialsSaveAsManyIterationsAsTheyHaveSteps) {
  const std::int64_t side = executor_.is_cuda() ? 24 : 90;
  const Entries a = conducting(
      side, side, 1e-4, [](double r) { return 1 + 5 * r; }, [](double r) { return 0.1 + r; });
  const auto jacobi = static_cast<double>(iterations(a, by(Preconditioner::jacobi)));
  for (const int degree : {1, 4, 8}) {
    MinimizeOptions options = by(Preconditioner::chebyshev);
    options.preconditioner_degree = degree;
    const auto found = static_cast<double>(iterations(a, options));
    EXPECT_GE(found * (degree + 1), 0.9 * jacobi) << degree;  // conjugate gradients are the best polynomial
    EXPECT_LE(found * (degree + 1), 1.35 * jacobi + degree) << degree;
  }
}

TEST_P(Preconditioners, ScalesDoNotMatter) {
  const std::int64_t side = executor_.is_cuda() ? 12 : 40;
  const Entries a = grid(side, side, 1, 2), scaled = badly_scaled(a);
  for (const auto preconditioner :
       {Preconditioner::jacobi, Preconditioner::incomplete_cholesky, Preconditioner::chebyshev}) {
    const auto before = static_cast<double>(iterations(a, by(preconditioner)));
    const auto after = static_cast<double>(iterations(scaled, by(preconditioner)));
    EXPECT_LE(after, 1.5 * before + 5) << name_of(preconditioner);
  }
  MinimizeOptions options = by(Preconditioner::none);
  options.max_iterations = executor_.is_cuda() ? 300 : 2000;
  EXPECT_FALSE(minimize(stored(scaled), some_vector(static_cast<std::size_t>(a.size), 3), options).converged());
}

TEST_P(Preconditioners, WhatIsExactEndsInOneStep) {
  for (const Case& one : some_matrices()) {
    const std::string& name = one.name;
    const Entries& entries = one.entries;
    if (entries.size > 33) continue;
    const Entries a = entries.size == 33 ? grid(32, 1, 1, 1) : entries;
    MinimizeOptions options = by(Preconditioner::block_jacobi);
    options.preconditioner_block = 32;
    EXPECT_EQ(iterations(a, options), 1) << name;
  }
  Entries diagonal{100, {}};
  for (std::int64_t r = 0; r < diagonal.size; ++r) diagonal.add(r, r, 1 + static_cast<double>(r));
  EXPECT_EQ(iterations(diagonal, by(Preconditioner::incomplete_cholesky)), 1);
}

TEST_P(Preconditioners, EveryMethodThatTakesThemFindsTheMinimum) {
  const Entries entries = irregular(executor_.is_cuda() ? 40 : 300, 6);
  const Dense dense(entries);
  const Vector b = some_vector(dense.n, 2), expected = dense.solve(b);
  for (const auto method : {Method::conjugate_gradient, Method::steepest, Method::chebyshev}) {
    for (const auto preconditioner : with_vectors) {
      if (method == Method::chebyshev && preconditioner == Preconditioner::chebyshev) continue;
      bool is_first = true;
      each_storage<double>(entries, [&](const SymmetricOperator<double>& a) {
        if (executor_.is_cuda() && method != Method::conjugate_gradient && !is_first) return;
        is_first = false;
        MinimizeOptions options = by(preconditioner);
        options.method = method;
        options.relative_gradient_tolerance = 1e-9;
        std::vector<double> x;
        const MinimizeReport report = minimize(a, b, options, &x);
        EXPECT_TRUE(report.converged()) << describe(report);
        EXPECT_GT(report.bytes, 0);
        EXPECT_FALSE(report.preconditioner.empty());
        EXPECT_NE(describe(report).find(", preconditioned by " + report.preconditioner + ": "), std::string::npos);
        for (std::size_t i = 0; i < x.size(); ++i) {
          ASSERT_NEAR(x[i], static_cast<double>(expected[i]), 1e-6) << describe(report);
        }
      });
    }
  }
}

TEST_P(Preconditioners, OperatorsWithoutEntriesHavePolynomials) {
  const std::int64_t n = 50;
  const SymmetricOperator<double> line = nabla::laplacian<double>(executor_, {n});
  const auto own =
      nabla::own_operator<double>(executor_, {n, [line](const Executor& where, std::span<const double> x,
                                                        std::span<double> y) { line.multiply(where, x, y); }});
  const Vector b = some_vector(static_cast<std::size_t>(n), 2);
  const MinimizeReport report = minimize(own, b, by(Preconditioner::chebyshev));
  EXPECT_TRUE(report.converged()) << describe(report);
  EXPECT_EQ(report.preconditioner, "Chebyshev's polynomial of degree 4 in A");
  // Its estimate, that of the start and those of iterations.
  EXPECT_GE(report.evaluations.hessian_products, 4 + 5 * report.iterations);
  const auto message = [&](const SymmetricOperator<double>& a, const MinimizeOptions& options) {
    try {
      minimize(a, b, options);
    } catch (const nabla::Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  for (const auto preconditioner : {Preconditioner::block_jacobi, Preconditioner::incomplete_cholesky}) {
    EXPECT_EQ(message(own, by(preconditioner)), std::string("minimize: ") + name_of(preconditioner) +
                                                    " needs an operator that tells its entries; the caller's does "
                                                    "not, for which there is chebyshev");
    EXPECT_NE(message(own + line, by(preconditioner)), "");
    EXPECT_NE(message(2 * own, by(preconditioner)), "");
  }
  MinimizeOptions options = by(Preconditioner::chebyshev);
  options.largest_eigenvalue = 0.5;       // over the diagonal they are up to 2
  EXPECT_EQ(message(line, options), "");  // of an even degree it is positive definite, if not good
  options.preconditioner_degree = 3;
  EXPECT_EQ(message(line, options),
            "minimize: the preconditioner is not positive definite; expected a largest_eigenvalue that no eigenvalue "
            "of A over its diagonal exceeds, found 0.5");
  options = by(Preconditioner::chebyshev);
  options.preconditioner_degree = 0;
  EXPECT_EQ(message(line, options), "minimize: preconditioner_degree must be 1 to 64, found 0");
  options.preconditioner_degree = 65;
  EXPECT_EQ(message(line, options), "minimize: preconditioner_degree must be 1 to 64, found 65");
  options = by(Preconditioner::block_jacobi);
  options.preconditioner_block = 33;
  EXPECT_EQ(message(line, options), "minimize: preconditioner_block must be 1 to 32 rows, found 33");
  options = by(Preconditioner::chebyshev);
  options.method = Method::chebyshev;
  EXPECT_EQ(message(line, options),
            "minimize: the method chebyshev is such a polynomial itself; chebyshev preconditions others");
}

/// Whatever A is, M is positive definite: what is found is A's.
TEST_P(Preconditioners, NegativeCurvatureAndWhatIsNoNumberAreTold) {
  Entries bent = grid(executor_.is_cuda() ? 6 : 20, 6, 1, 2);
  bent.numbers[{7, 7}] = -1;
  bent.numbers[{3, 3}] = 0;
  const Vector b = some_vector(static_cast<std::size_t>(bent.size), 4);
  for (const auto preconditioner : with_vectors) {
    each_storage<double>(bent, [&](const SymmetricOperator<double>& a) {
      const MinimizeReport report = minimize(a, b, by(preconditioner));
      ASSERT_EQ(report.reason, StopReason::negative_curvature) << describe(report);
      const std::vector<long double> product = bent.times(report.direction);
      Real curved = 0, squares = 0;
      for (std::size_t i = 0; i < b.size(); ++i) {
        curved += product[i] * report.direction[i];
        squares += static_cast<Real>(report.direction[i]) * report.direction[i];
      }
      EXPECT_LE(curved, 0);
      EXPECT_NEAR(report.curvature, static_cast<double>(curved / squares), 1e-12);
    });
  }
  for (const double odd : {std::nan(""), HUGE_VAL}) {
    for (const std::int64_t column : {9, 10}) {
      Entries broken = grid(7, 6, 1, 2);
      broken.numbers[{9, column}] = broken.numbers[{column, 9}] = odd;
      for (const auto preconditioner : with_vectors) {
        const MinimizeReport report = minimize(stored(broken), some_vector(42, 4), by(preconditioner));
        EXPECT_EQ(report.reason, StopReason::not_finite) << describe(report);
      }
    }
  }
}

TEST_P(Preconditioners, DescentsThatAreResumedAreTheSameBitForBit) {
  const std::int64_t side = executor_.is_cuda() ? 14 : 40;
  const Entries entries = conducting(
      side, side, 1e-3, [](double r) { return 1 + r; }, [](double r) { return 0.05 + r; });
  const Vector b = some_vector(static_cast<std::size_t>(entries.size), 2);
  const auto file =
      std::filesystem::temp_directory_path() / ("nabla_preconditioner_" + std::to_string(getpid()) + "_" + GetParam());
  for (const auto preconditioner : with_vectors) {
    each_storage<double>(entries, [&](const SymmetricOperator<double>& a) {
      MinimizeOptions options = by(preconditioner);
      std::vector<double> whole, looked_at, resumed;
      const MinimizeReport all = minimize(a, b, options, &whole);
      ASSERT_GT(all.iterations, 9) << describe(all);
      options.history = true;  // a GPU is looked at after each iteration
      EXPECT_EQ(minimize(a, b, options, &looked_at).iterations, all.iterations);
      options.history = false;
      options.max_iterations = 7;
      options.checkpoint = file;
      EXPECT_EQ(minimize(a, b, options).reason, StopReason::iterations);
      options.max_iterations = 20'000;
      options.checkpoint.clear();
      options.resume = file;
      const MinimizeReport rest = minimize(a, b, options, &resumed);
      EXPECT_EQ(rest.iterations, all.iterations) << a.format();
      EXPECT_EQ(std::memcmp(whole.data(), resumed.data(), whole.size() * sizeof(double)), 0)
          << name_of(preconditioner) << ", " << a.format();
      EXPECT_EQ(std::memcmp(whole.data(), looked_at.data(), whole.size() * sizeof(double)), 0)
          << name_of(preconditioner) << ", " << a.format();
      EXPECT_EQ(std::memcmp(&rest.value, &all.value, sizeof(double)), 0);
    });
  }
  std::filesystem::remove(file);
}

INSTANTIATE_TEST_SUITE_P(On, Preconditioners, nabla::test::every_executor(), nabla::test::executor_name);

template <class T>
void expect_the_same_for_any_threads(const Entries& entries, nabla::Storage storage) {
  const auto n = static_cast<std::size_t>(entries.size);
  for (const auto preconditioner : with_vectors) {
    std::vector<T> first;
    for (const int threads : {1, 2, 3, 8}) {
      const Executor where = Executor::cpu(threads);
      const InRows<T, std::int32_t> rows(where, entries);
      const auto a = nabla::sparse_operator<T>(where, rows.view(), storage);
      const Array<T> b = array_of(where, numbers_of<T>(some_vector(n, 2)));
      Array<T> x = array_of(where, std::vector<T>(n, 0));
      nabla::minimize(where, Quadratic<T>(where, a, {b.data(), n}), x,
                      {.method = Method::conjugate_gradient,
                       .preconditioner = preconditioner,
                       .preconditioner_block = 7,
                       .relative_gradient_tolerance = 0,
                       .max_iterations = 5});
      const std::vector<T> found = x.to_host();
      if (first.empty()) first = found;
      EXPECT_EQ(std::memcmp(first.data(), found.data(), n * sizeof(T)), 0)
          << name_of(preconditioner) << ", " << threads << " threads, " << a.format();
    }
  }
}

TEST(PreconditionersOnThreads, AreTheSameBits) {
  const Entries plane = grid(331, 251, 1, 2), uneven = irregular(40'003, 6);
  expect_the_same_for_any_threads<double>(plane, nabla::Storage::patterns);
  expect_the_same_for_any_threads<float>(plane, nabla::Storage::diagonals);
  expect_the_same_for_any_threads<double>(uneven, nabla::Storage::rows);
}

}  // namespace
