// Quadratics in mixed precision: residuals as in double, held against long double, and an honest end where floats are
// not enough.

#include <nabla/quadratic.hpp>

#include "executors.hpp"
#include "npy_bytes.hpp"
#include "symmetric_cases.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

namespace {

using namespace symmetric_cases;
using nabla::Array;
using nabla::Executor;
using nabla::Method;
using nabla::minimize;
using nabla::MinimizeOptions;
using nabla::MinimizeReport;
using nabla::Preconditioner;
using nabla::Quadratic;
using nabla::StopReason;
using nabla::SymmetricOperator;
using nabla::test::Folder;
using Numbers = std::vector<double>;

/// Points of a plane, between which coefficients vary: diagonally dominant, with numbers that float does not hold.
Entries plane(std::int64_t nx, std::int64_t ny) {
  Entries a{nx * ny, {}};
  const auto between = [](std::int64_t r, int side) {
    return 1 + 0.5 * long_number(static_cast<std::uint64_t>(2 * r + side));
  };
  for (std::int64_t r = 0; r < a.size; ++r) {
    const bool has_right = r % nx + 1 < nx, has_up = r + nx < a.size;
    a.add(r, r, 0.01);
    for (const auto& [is_there, other, weight] :
         {std::tuple(has_right, r + 1, between(r, 0)), std::tuple(has_up, r + nx, between(r, 1))}) {
      a.add(r, r, weight);
      if (!is_there) continue;
      a.add(other, other, weight);
      a.add(r, other, -weight);
    }
  }
  return a;
}

Numbers pull(std::size_t n) {
  Numbers b(n);
  for (std::size_t i = 0; i < n; ++i) b[i] = long_number(i + 99);
  return b;
}

/// |Ax - b| and |b|, in long double
struct Residual {
  long double rest = 0, size = 0;

  template <class T>
  Residual(const Entries& a, const std::vector<T>& x, const Numbers& b) {
    const std::vector<long double> product = a.times(x);
    for (std::size_t i = 0; i < b.size(); ++i) {
      rest = std::hypot(rest, product[i] - b[i]);
      size = std::hypot(size, static_cast<long double>(b[i]));
    }
  }
  double relative() const { return static_cast<double>(rest / size); }
};

MinimizeOptions mixed(Method method, double tolerance, Preconditioner preconditioner = Preconditioner::none) {
  MinimizeOptions options{.method = method, .preconditioner = preconditioner};
  options.mixed_precision = true;
  options.relative_gradient_tolerance = tolerance;
  return options;
}

class MixedPrecision : public nabla::test::OnEveryExecutor {
 protected:
  void SetUp() override {
    OnEveryExecutor::SetUp();
    if (!IsSkipped() && !HasFatalFailure()) executor_ = executor();
  }
  Entries a_plane() const { return executor_.is_cuda() ? plane(13, 9) : plane(60, 47); }

  template <class T>
  struct Found {
    MinimizeReport report;
    std::vector<T> x;
  };
  template <class T>
  static Found<T> solve(const Executor& where, const SymmetricOperator<T>& a, const std::vector<T>& b,
                        const MinimizeOptions& options, std::vector<T> x = {}) {
    x.resize(b.size(), 0);
    const Array<T> b_there = array_of(where, b);
    const Quadratic<T> f(where, a, {b_there.data(), b.size()});
    Array<T> there = array_of(where, x);
    MinimizeReport report = minimize(where, f, there, options);
    return {std::move(report), there.to_host()};
  }
  template <class T>
  Found<T> solve(const SymmetricOperator<T>& a, const std::vector<T>& b, const MinimizeOptions& options,
                 std::vector<T> x = {}) const {
    return solve(executor_, a, b, options, std::move(x));
  }
  std::string refusal(const SymmetricOperator<double>& a, const MinimizeOptions& options) const {
    try {
      solve(a, Numbers(static_cast<std::size_t>(a.size()), 1), options);
    } catch (const nabla::Error& error) {
      return error.what();
    }
    return "";
  }
  void each_storage(const Entries& entries, auto use) const {
    const InRows<double, std::int32_t> rows(executor_, entries);
    using nabla::Storage;
    for (const auto storage : {Storage::patterns, Storage::diagonals, Storage::slices, Storage::rows}) {
      use(nabla::sparse_operator<double>(executor_, rows.view(), storage));
    }
    use(0.25 * nabla::sparse_operator<double>(executor_, rows.view(), Storage::diagonals) +
        0.75 * nabla::sparse_operator<double>(executor_, rows.view(), Storage::rows));
  }

  Executor executor_ = Executor::cpu(1);
};

TEST_P(MixedPrecision, MeetsTolerancesThatFloatsCannot) {
  const Entries entries = a_plane();
  const auto n = static_cast<std::size_t>(entries.size);
  const Numbers b = pull(n);
  each_storage(entries, [&](const SymmetricOperator<double>& a) {
    for (const double tolerance : {1e-10, 1e-12}) {
      for (const auto preconditioner : {Preconditioner::none, Preconditioner::jacobi}) {
        const auto found = solve(a, b, mixed(Method::conjugate_gradient, tolerance, preconditioner));
        EXPECT_EQ(found.report.reason, StopReason::relative_gradient) << a.format() << ": " << describe(found.report);
        const Residual residual(entries, found.x, b);
        EXPECT_LE(residual.relative(), 1.01 * tolerance) << a.format();
        EXPECT_NEAR(found.report.gradient_norm / static_cast<double>(residual.rest), 1, 0.01);
      }
    }
  });
  const InRows<float, std::int32_t> rows(executor_, entries);
  const auto in_floats =
      solve(nabla::sparse_operator<float>(executor_, rows.view()), std::vector<float>(b.begin(), b.end()),
            {.method = Method::conjugate_gradient, .relative_gradient_tolerance = 1e-10});
  EXPECT_FALSE(in_floats.report.converged());
  EXPECT_GE(Residual(entries, in_floats.x, b).relative(), 1e-8);
}

/// Wherever a tolerance lies between two corrections, it is double's gradient that is held against it.
TEST_P(MixedPrecision, EndsByGradientsInDouble) {
  const Entries entries = executor_.is_cuda() ? plane(13, 9) : plane(30, 23);
  const InRows<double, std::int32_t> rows(executor_, entries);
  const auto a = nabla::sparse_operator<double>(executor_, rows.view());
  const Numbers b = pull(static_cast<std::size_t>(entries.size));
  for (double tolerance = 1e-3; tolerance > 1e-5; tolerance *= 0.9) {
    const auto found = solve(a, b, mixed(Method::conjugate_gradient, tolerance));
    EXPECT_EQ(found.report.reason, StopReason::relative_gradient) << tolerance << ": " << describe(found.report);
  }
}

TEST_P(MixedPrecision, EveryMethodOfTheOptionMeetsThem) {
  const Entries entries = executor_.is_cuda() ? plane(5, 4) : plane(11, 9);
  const Numbers b = pull(static_cast<std::size_t>(entries.size));
  const InRows<double, std::int32_t> rows(executor_, entries);
  const auto a = nabla::sparse_operator<double>(executor_, rows.view());
  for (const Method method : {Method::conjugate_gradient, Method::steepest, Method::chebyshev}) {
    const auto found = solve(a, b, mixed(method, 1e-10));
    EXPECT_TRUE(found.report.converged()) << describe(found.report);
    EXPECT_LE(Residual(entries, found.x, b).relative(), 1.01e-10) << nabla::name_of(method);
    EXPECT_GT(found.report.bytes, 0);
    EXPECT_GT(found.report.evaluations.gradients, 2);  // of corrections
  }
}

/// Grids and diagonals, which nobody gave as entries.
TEST_P(MixedPrecision, OperatorsOfEveryKind) {
  const auto a = nabla::laplacian<double>(executor_, {9, 5});
  const Array<double> weights = array_of(executor_, pull(45));
  const auto sum = a + 2.0 * (a + 0.1 * nabla::diagonal<double>(executor_, {weights.data(), 45}));
  Entries entries = grid(9, 5, 1, 2);
  const Numbers on = weights.to_host();
  for (auto& [place, number] : entries.numbers) number *= 3;
  for (std::int64_t r = 0; r < 45; ++r) entries.add(r, r, 0.2 * on[static_cast<std::size_t>(r)]);
  const auto found = solve(sum, Numbers(45, 1), mixed(Method::conjugate_gradient, 1e-13));
  EXPECT_TRUE(found.report.converged()) << describe(found.report);
  EXPECT_LE(Residual(entries, found.x, Numbers(45, 1)).relative(), 1e-12);  // 0.2 is rounded
}

/// Off the diagonal floats have 1 as on it: their matrix is singular.
TEST_P(MixedPrecision, EndsHonestlyWhereFloatsAreNotEnough) {
  Entries pairs{300, {}};
  for (std::int64_t r = 0; r < pairs.size; ++r) {
    pairs.add(r, r, 1);
    if (r % 2 == 0) pairs.add(r, r + 1, 1 - 1e-9);
  }
  const InRows<double, std::int32_t> rows(executor_, pairs);
  Numbers b(300, 1);
  for (std::size_t i = 0; i < 300; i += 2) b[i] = -1;
  const auto a = nabla::sparse_operator<double>(executor_, rows.view());
  const auto found = solve(a, b, mixed(Method::conjugate_gradient, 1e-10));
  EXPECT_EQ(found.report.reason, StopReason::stagnated) << describe(found.report);
  EXPECT_NEAR(found.report.gradient_norm, static_cast<double>(Residual(pairs, found.x, b).rest), 1e-6);
  EXPECT_TRUE(solve(a, b, {.method = Method::conjugate_gradient}).report.converged());

  if (executor_.is_cuda()) return;  // thousands of iterations
  Entries square{400, {}};          // the line's Laplacian, squared: a condition of 4e9
  for (std::int64_t r = 0; r < 400; ++r) {
    square.add(r, r, r == 0 || r == 399 ? 5 : 6);
    if (r + 1 < 400) square.add(r, r + 1, -4);
    if (r + 2 < 400) square.add(r, r + 2, 1);
  }
  for (auto& [place, number] : square.numbers) number *= 1.1;  // which float does not hold
  const InRows<double, std::int32_t> square_rows(executor_, square);
  const Numbers ones(400, 1);
  const auto hard = solve(nabla::sparse_operator<double>(executor_, square_rows.view()), ones,
                          mixed(Method::conjugate_gradient, 1e-10));
  const Residual residual(square, hard.x, ones);
  EXPECT_FALSE(hard.report.converged()) << describe(hard.report);
  EXPECT_NEAR(hard.report.gradient_norm / static_cast<double>(residual.rest), 1, 1e-3);
}

/// Powers of 2 change no bit, however far they are from what float holds.
TEST_P(MixedPrecision, ScalesOfTheRightHandSideChangeNoBit) {
  const auto a = nabla::laplacian<double>(executor_, {40});
  const Numbers b = pull(40);
  const auto expected = solve(a, b, mixed(Method::conjugate_gradient, 1e-10));
  EXPECT_TRUE(expected.report.converged());
  for (const double scale : {0x1p-490, 0x1p+490}) {
    Numbers scaled = b;
    for (double& number : scaled) number *= scale;
    auto found = solve(a, scaled, mixed(Method::conjugate_gradient, 1e-10));
    EXPECT_TRUE(found.report.converged()) << describe(found.report);
    EXPECT_EQ(found.report.iterations, expected.report.iterations);
    for (double& number : found.x) number /= scale;
    EXPECT_EQ(found.x, expected.x);
  }
  // Norms whose squares double does not hold end as they do without.
  for (const double scale : {1e-200, 1e+200}) {
    Numbers scaled = b;
    for (double& number : scaled) number *= scale;
    const auto without = solve(a, scaled, {.method = Method::conjugate_gradient});
    const auto found = solve(a, scaled, mixed(Method::conjugate_gradient, 1e-10));
    EXPECT_EQ(found.report.reason, without.report.reason);
    EXPECT_EQ(found.x, without.x);
  }
}

TEST_P(MixedPrecision, RefusesWhatItIsNotFor) {
  const auto a = nabla::laplacian<double>(executor_, {9});
  const MinimizeOptions good = mixed(Method::conjugate_gradient, 1e-10);
  EXPECT_EQ(refusal(a, good), "");
  MinimizeOptions options = good;
  options.method = Method::lbfgs;
  EXPECT_EQ(refusal(a, options),
            "minimize: mixed_precision is for conjugate_gradient, steepest and chebyshev, not lbfgs");
  options.method = Method::gradient;
  EXPECT_EQ(refusal(a, options),
            "minimize: mixed_precision is for conjugate_gradient, steepest and chebyshev, not gradient");
  try {
    solve(nabla::laplacian<float>(executor_, {9}), std::vector<float>(9, 1), good);
    FAIL();
  } catch (const nabla::Error& error) {
    EXPECT_STREQ(error.what(), "minimize: mixed_precision is for variables in double, found float");
  }
  const auto own = nabla::own_operator<double>(executor_, {9, [](const Executor&, auto, auto) {}, {}});
  EXPECT_EQ(refusal(own, good), "minimize: mixed_precision knows no such operator over float: the caller's");
  EXPECT_EQ(refusal(a + 2.0 * own, good).substr(0, 58), "minimize: mixed_precision knows no such operator over floa");
  const InRows<double, std::int32_t> rows(executor_, grid(9, 1, 1, 1));
  EXPECT_EQ(refusal(nabla::normal_operator<double>(executor_, 9, rows.view()), good),
            "minimize: mixed_precision knows no such operator over float: X^T X of rows (CSR)");
  Entries large = grid(9, 1, 1, 1);
  large.numbers[{4, 4}] = 1e39;
  each_storage(large, [&](const SymmetricOperator<double>& too_large) {
    EXPECT_EQ(refusal(too_large, good),
              "minimize: mixed_precision needs a matrix whose numbers float can hold, found 1e+39");
  });
}

TEST_P(MixedPrecision, IndefiniteAndNotFiniteAreToldAsWithout) {
  Numbers eigenvalues(300, 1), b(300, 1);
  eigenvalues[77] = -1.0 / 3;
  const auto diagonal = [&] {
    const Array<double> there = array_of(executor_, eigenvalues);
    return nabla::diagonal<double>(executor_, {there.data(), 300});
  };
  const auto bent = solve(diagonal(), b, mixed(Method::conjugate_gradient, 1e-10)).report;
  ASSERT_EQ(bent.reason, StopReason::negative_curvature) << describe(bent);
  ASSERT_EQ(bent.direction.size(), 300u);
  double curved = 0, squares = 0;
  for (std::size_t i = 0; i < 300; ++i) {
    curved += eigenvalues[i] * bent.direction[i] * bent.direction[i];
    squares += bent.direction[i] * bent.direction[i];
  }
  EXPECT_NEAR(bent.curvature, curved / squares, 1e-12);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  eigenvalues[77] = nan;
  const auto in_a = solve(diagonal(), b, mixed(Method::conjugate_gradient, 1e-10)).report;
  EXPECT_EQ(in_a.reason, StopReason::not_finite);
  EXPECT_EQ(in_a.not_finite_component, 77);
  eigenvalues[77] = 2;
  b[5] = nan;
  const auto in_b = solve(diagonal(), b, mixed(Method::conjugate_gradient, 1e-10)).report;
  EXPECT_EQ(in_b.reason, StopReason::not_finite);
  EXPECT_EQ(in_b.not_finite_component, 5);
  // A float overflows where doubles do not: the step to the minimum is 1e39.
  eigenvalues.assign(300, 1e-37);
  eigenvalues[0] = 1e-45;
  b.assign(300, 1);
  const auto overflown = solve(diagonal(), b, mixed(Method::conjugate_gradient, 1e-10));
  EXPECT_FALSE(overflown.report.converged()) << describe(overflown.report);
  EXPECT_TRUE(std::ranges::all_of(overflown.x, [](double number) { return std::isfinite(number); }));
}

/// The iterate is what the report is about wherever it ends: the step in floats has become part of it.
TEST_P(MixedPrecision, LimitsAndCallbacksEndItAtTheirIteration) {
  const Entries entries = a_plane();
  const Numbers b = pull(static_cast<std::size_t>(entries.size));
  const InRows<double, std::int32_t> rows(executor_, entries);
  const auto a = nabla::sparse_operator<double>(executor_, rows.view());
  MinimizeOptions options = mixed(Method::conjugate_gradient, 1e-10);
  options.history = true;
  options.max_iterations = 23;
  const auto limited = solve(a, b, options);
  EXPECT_EQ(limited.report.reason, StopReason::iterations);
  EXPECT_EQ(limited.report.iterations, 23);
  ASSERT_EQ(limited.report.history.size(), 24u);
  for (std::size_t k = 0; k < 24; ++k) EXPECT_EQ(limited.report.history[k].iteration, static_cast<std::int64_t>(k));
  const Residual residual(entries, limited.x, b);
  EXPECT_NEAR(limited.report.gradient_norm / static_cast<double>(residual.rest), 1, 1e-9);
  EXPECT_NEAR(limited.report.history.back().gradient_norm / limited.report.gradient_norm, 1, 1e-3);
  EXPECT_NEAR(limited.report.history.back().value / limited.report.value, 1, 1e-5);
  EXPECT_GE(limited.report.evaluations.hessian_products, 23);
  options.max_iterations = 1000;
  options.callback = [](const nabla::Progress& at) { return at.iteration < 23; };
  const auto interrupted = solve(a, b, options);
  EXPECT_EQ(interrupted.report.reason, StopReason::interrupted);
  EXPECT_EQ(interrupted.x, limited.x);
  options.callback = {};
  options.max_evaluations = 20;
  EXPECT_EQ(solve(a, b, options).report.reason, StopReason::evaluations);
  options.max_seconds = 0;
  EXPECT_EQ(solve(a, b, options).report.iterations, 0);
}

TEST_P(MixedPrecision, GoesOnFromCheckpointsWithTheSameBits) {
  const Folder folder;
  const Entries entries = a_plane();
  const Numbers b = pull(static_cast<std::size_t>(entries.size));
  const InRows<double, std::int32_t> rows(executor_, entries);
  const auto a = nabla::sparse_operator<double>(executor_, rows.view());
  for (const Method method : {Method::conjugate_gradient, Method::chebyshev}) {
    MinimizeOptions options = mixed(method, 1e-10);
    options.smallest_eigenvalue = method == Method::chebyshev ? 0.01 : 0;
    options.largest_eigenvalue = method == Method::chebyshev ? 12 : 0;
    options.max_iterations = 60;
    const auto whole = solve(a, b, options);
    for (const std::int64_t stop : {0, 1, 17, 40}) {
      MinimizeOptions first = options;
      first.max_iterations = stop;
      first.checkpoint = folder / "state";
      solve(a, b, first);
      MinimizeOptions rest = options;
      rest.resume = folder / "state";
      const auto resumed = solve(a, b, rest, Numbers(b.size(), 12345));
      EXPECT_EQ(resumed.x, whole.x) << nabla::name_of(method) << " from " << stop;
      EXPECT_EQ(resumed.report.iterations, whole.report.iterations);
      EXPECT_EQ(resumed.report.evaluations.total(), whole.report.evaluations.total());
      rest.mixed_precision = false;
      try {
        solve(a, b, rest);
        ADD_FAILURE() << "a checkpoint of mixed precision was taken for one without";
      } catch (const nabla::FileError& error) {
        EXPECT_NE(std::string(error.what()).find("in f64 with f32 inside; expected"), std::string::npos)
            << error.what();
      }
    }
  }
}

TEST_P(MixedPrecision, TheSameBitsForAnyNumberOfThreads) {
  if (executor_.is_cuda()) return;
  const Entries entries = plane(150, 70);
  const Numbers b = pull(static_cast<std::size_t>(entries.size));
  for (const auto storage :
       {nabla::Storage::patterns, nabla::Storage::diagonals, nabla::Storage::slices, nabla::Storage::rows}) {
    std::vector<Numbers> results;
    for (const int threads : {1, 2, 3, 8}) {
      const Executor where = Executor::cpu(threads);
      const InRows<double, std::int32_t> rows(where, entries);
      const auto a = nabla::sparse_operator<double>(where, rows.view(), storage);
      results.push_back(solve(where, a, b, mixed(Method::conjugate_gradient, 1e-8)).x);
    }
    for (const Numbers& result : results) EXPECT_EQ(result, results[0]);
  }
}

INSTANTIATE_TEST_SUITE_P(On, MixedPrecision, nabla::test::every_executor(), nabla::test::executor_name);

}  // namespace
