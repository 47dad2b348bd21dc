#pragma once

#include <nabla/quadratic.hpp>

#include "../host/quadratic/matrix.hpp"
#include "../host/quadratic/preconditioner.hpp"
#include "executors.hpp"
#include "symmetric_cases.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <utility>

// Matrices to precondition, what preconditioners do to a vector by dense long double references that share nothing with
// the library, and a suite that runs on every executor.

namespace preconditioner_cases {

using namespace symmetric_cases;
using nabla::Array;
using nabla::Executor;
using nabla::Method;
using nabla::MinimizeOptions;
using nabla::MinimizeReport;
using nabla::Preconditioner;
using nabla::Quadratic;
using nabla::StopReason;
using nabla::SymmetricOperator;
using nabla::detail::KrylovKind;
using nabla::detail::KrylovScalars;
using nabla::detail::KrylovVectors;
using nabla::detail::MadePreconditioner;

using Real = long double;
using Vector = std::vector<Real>;

struct Dense {
  std::size_t n;
  std::vector<Real> numbers;

  explicit Dense(std::size_t size) : n(size), numbers(size * size, 0) {}
  explicit Dense(const Entries& a) : Dense(static_cast<std::size_t>(a.size)) {
    for (const auto& [place, number] : a.numbers) {
      at(static_cast<std::size_t>(place.first), static_cast<std::size_t>(place.second)) = number;
    }
  }
  Real& at(std::size_t i, std::size_t j) { return numbers[i * n + j]; }
  Real at(std::size_t i, std::size_t j) const { return numbers[i * n + j]; }
  Vector times(const Vector& x) const {
    Vector y(n, 0);
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j) y[i] += at(i, j) * x[j];
    }
    return y;
  }
  /// By Gauss's elimination with pivots.
  Vector solve(Vector b) const {
    Dense a = *this;
    for (std::size_t k = 0; k < n; ++k) {
      std::size_t largest = k;
      for (std::size_t i = k; i < n; ++i) {
        if (std::fabs(a.at(i, k)) > std::fabs(a.at(largest, k))) largest = i;
      }
      for (std::size_t j = 0; j < n; ++j) std::swap(a.at(k, j), a.at(largest, j));
      std::swap(b[k], b[largest]);
      for (std::size_t i = 0; i < n; ++i) {
        if (i == k) continue;
        const Real factor = a.at(i, k) / a.at(k, k);
        for (std::size_t j = k; j < n; ++j) a.at(i, j) -= factor * a.at(k, j);
        b[i] -= factor * b[k];
      }
    }
    for (std::size_t k = 0; k < n; ++k) b[k] /= a.at(k, k);
    return b;
  }
  bool is_positive_definite() const {
    Dense a = *this;
    for (std::size_t k = 0; k < n; ++k) {
      if (!(a.at(k, k) > 1e-12L)) return false;
      for (std::size_t i = k + 1; i < n; ++i) {
        const Real factor = a.at(i, k) / a.at(k, k);
        for (std::size_t j = k; j < n; ++j) a.at(i, j) -= factor * a.at(k, j);
      }
    }
    return true;
  }
};

/// Conductances between neighbours on a plane, and a little to the ground: `along(i, j)` from (i, j) to the next in x,
/// `across` in y.
inline Entries conducting(std::int64_t nx, std::int64_t ny, double to_ground,
                          const std::function<double(double)>& along, const std::function<double(double)>& across) {
  Entries a{nx * ny, {}};
  const auto join = [&](std::int64_t r, std::int64_t c, double number) {
    a.add(r, r, number);
    a.add(c, c, number);
    a.add(r, c, -number);
  };
  for (std::int64_t j = 0; j < ny; ++j) {
    for (std::int64_t i = 0; i < nx; ++i) {
      const std::int64_t r = i + nx * j;
      a.add(r, r, to_ground);
      const double random = 0.5 + 0.5 * long_number(static_cast<std::uint64_t>(r) + 5);
      if (i + 1 < nx) join(r, r + 1, along(random));
      if (j + 1 < ny) join(r, r + nx, across(random));
    }
  }
  return a;
}
/// -a u_xx - b u_yy, zero around it.
inline Entries anisotropic(std::int64_t nx, std::int64_t ny, double x, double y) {
  Entries a{nx * ny, {}};
  for (std::int64_t j = 0; j < ny; ++j) {
    for (std::int64_t i = 0; i < nx; ++i) {
      const std::int64_t r = i + nx * j;
      a.add(r, r, 2 * x + 2 * y);
      if (i + 1 < nx) a.add(r, r + 1, -x);
      if (j + 1 < ny) a.add(r, r + nx, -y);
    }
  }
  return a;
}
/// Its diagonal outweighs each row, just.
inline Entries irregular(std::int64_t n, std::int64_t degree) {
  Entries a = scattered(n, degree);
  for (std::int64_t r = 0; r < n; ++r) a.numbers.erase({r, r});
  std::vector<double> sums(static_cast<std::size_t>(n), 0);
  for (const auto& [place, number] : a.numbers) sums[static_cast<std::size_t>(place.first)] += std::fabs(number);
  for (std::int64_t r = 0; r < n; ++r) a.add(r, r, 0.01 + sums[static_cast<std::size_t>(r)]);
  return a;
}
/// D A D with d from 1e-3 to 1e3.
inline Entries badly_scaled(const Entries& a) {
  Entries scaled = a;
  const auto d = [](std::int64_t r) { return std::pow(10.0, 3 * long_number(static_cast<std::uint64_t>(r) + 99)); };
  for (auto& [place, number] : scaled.numbers) number *= d(place.first) * d(place.second);
  return scaled;
}

inline Vector some_vector(std::size_t n, std::uint64_t seed) {
  Vector v(n);
  for (std::size_t i = 0; i < n; ++i) v[i] = short_number(seed * 100'000 + i + 1);
  return v;
}
template <class T>
std::vector<T> numbers_of(const Vector& v) {
  return std::vector<T>(v.begin(), v.end());
}

// ------------------------------------------------------------------------------------------------------ references

inline Vector solved_by_blocks(const Dense& a, std::size_t size, const Vector& g) {
  Vector z(a.n);
  for (std::size_t first = 0; first < a.n; first += size) {
    const std::size_t here = std::min(size, a.n - first);
    Dense block(here);
    Vector part(here);
    for (std::size_t i = 0; i < here; ++i) {
      part[i] = g[first + i];
      for (std::size_t j = 0; j < here; ++j) block.at(i, j) = a.at(first + i, first + j);
    }
    part = block.solve(part);
    std::copy(part.begin(), part.end(), z.begin() + static_cast<std::ptrdiff_t>(first));
  }
  return z;
}

/// Rows by colours: each has the first that no row before it and beside it has.
inline std::vector<std::size_t> colour_order(const Dense& a) {
  std::vector<std::size_t> colour(a.n), order;
  std::size_t colours = 0;
  for (std::size_t r = 0; r < a.n; ++r) {
    const auto is_free = [&](std::size_t c) {
      for (std::size_t s = 0; s < r; ++s) {
        if (a.at(r, s) != 0 && colour[s] == c) return false;
      }
      return true;
    };
    while (!is_free(colour[r])) ++colour[r];
    colours = std::max(colours, colour[r] + 1);
  }
  for (std::size_t c = 0; c < colours; ++c) {
    for (std::size_t r = 0; r < a.n; ++r) {
      if (colour[r] == c) order.push_back(r);
    }
  }
  return order;
}

/// L L^T of A + shift diag(A) in that order, as the textbook has it: column by column, what A has not is dropped. M is
/// multiplied out. `broke`: a pivot was not positive.
inline Dense incomplete(const Dense& a, Real shift, bool& broke) {
  const std::vector<std::size_t> order = colour_order(a);
  Dense l(a.n);
  for (std::size_t i = 0; i < a.n; ++i) {
    for (std::size_t j = 0; j <= i; ++j) l.at(i, j) = a.at(order[i], order[j]) * (i == j ? 1 + shift : 1);
  }
  broke = false;
  for (std::size_t k = 0; k < a.n; ++k) {
    broke = broke || !(l.at(k, k) > 0);
    l.at(k, k) = std::sqrt(l.at(k, k));
    for (std::size_t i = k + 1; i < a.n; ++i) l.at(i, k) /= l.at(k, k);
    for (std::size_t j = k + 1; j < a.n; ++j) {
      for (std::size_t i = j; i < a.n; ++i) {
        if (l.at(i, j) != 0) l.at(i, j) -= l.at(i, k) * l.at(j, k);
      }
    }
  }
  Dense m(a.n);
  for (std::size_t i = 0; i < a.n; ++i) {
    for (std::size_t j = 0; j < a.n; ++j) {
      for (std::size_t k = 0; k <= std::min(i, j); ++k) m.at(order[i], order[j]) += l.at(i, k) * l.at(j, k);
    }
  }
  return m;
}

/// What Chebyshev's method has after so many steps from 0: the error is T_steps((middle - B) / radius) of that at the
/// start, over the same of 0, for B = A over D.
inline Vector after_steps(const Dense& a, const Vector& d, int steps, Real smallest, Real largest, const Vector& g) {
  const Real middle = (largest + smallest) / 2, radius = (largest - smallest) / 2;
  const Vector solution = a.solve(g);
  const auto mapped = [&](const Vector& v) {
    Vector out = a.times(v);
    for (std::size_t i = 0; i < a.n; ++i) out[i] = (middle * v[i] - out[i] / d[i]) / radius;
    return out;
  };
  Vector before = solution, now = mapped(solution);
  Real scale_before = 1, scale = middle / radius;
  for (int k = 1; k < steps; ++k) {
    Vector next = mapped(now);
    for (std::size_t i = 0; i < a.n; ++i) next[i] = 2 * next[i] - before[i];
    before = std::exchange(now, next);
    scale_before = std::exchange(scale, 2 * middle / radius * scale - scale_before);
  }
  Vector z(a.n);
  for (std::size_t i = 0; i < a.n; ++i) z[i] = solution[i] - now[i] / scale;
  return z;
}

// ----------------------------------------------------------------------------------------------------------- suite

class Preconditioners : public nabla::test::OnEveryExecutor {
 protected:
  void SetUp() override {
    OnEveryExecutor::SetUp();
    if (!IsSkipped() && !HasFatalFailure()) executor_ = executor();
  }

  template <class T>
  Vector applied(const nabla::detail::VectorPreconditioner<T>& m, const Vector& g) const {
    const Array<T> there = array_of(executor_, numbers_of<T>(g));
    Array<T> z(executor_, there.size());
    m.apply(executor_, there.data(), z.data(), nullptr);
    const std::vector<T> found = z.to_host();
    return Vector(found.begin(), found.end());
  }
  template <class T>
  void expect_applied(const nabla::detail::VectorPreconditioner<T>& m, const Vector& g, const Vector& expected,
                      const std::string& what) const {
    const Vector found = applied(m, g);
    Real largest = 0, worst = 0;
    for (std::size_t i = 0; i < g.size(); ++i) {
      largest = std::max(largest, std::fabs(expected[i]));
      worst = std::max(worst, std::fabs(found[i] - expected[i]));
    }
    EXPECT_LE(worst, (sizeof(T) == 4 ? 2e-5L : 1e-13L) * largest) << what;
  }
  /// u.M^-1 v = v.M^-1 u, and v.M^-1 v > 0.
  template <class T>
  void expect_positive_definite(const nabla::detail::VectorPreconditioner<T>& m, std::size_t n,
                                const std::string& what) const {
    const auto dot = [](const Vector& a, const Vector& b) {
      Real sum = 0;
      for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
      return sum;
    };
    for (std::uint64_t seed = 1; seed < 6; ++seed) {
      const Vector u = some_vector(n, seed), v = some_vector(n, seed + 50), mu = applied(m, u), mv = applied(m, v);
      EXPECT_GT(dot(v, mv), 0) << what;
      EXPECT_LE(std::fabs(dot(u, mv) - dot(v, mu)),
                (sizeof(T) == 4 ? 1e-5L : 1e-13L) * std::sqrt(dot(u, mu) * dot(v, mv)))
          << what;
    }
  }

  /// As they are stored in every way, and as a sum of two.
  template <class T>
  void each_storage(const Entries& entries, auto use) const {
    const InRows<T, std::int32_t> rows(executor_, entries);
    for (const auto storage : {nabla::Storage::patterns, nabla::Storage::slices, nabla::Storage::rows}) {
      use(nabla::sparse_operator<T>(executor_, rows.view(), storage));
    }
    try {
      use(nabla::sparse_operator<T>(executor_, rows.view(), nabla::Storage::diagonals));
    } catch (const nabla::Error&) {  // of too many diagonals
    }
    use(0.25 * nabla::sparse_operator<T>(executor_, rows.view()) +
        0.75 * nabla::sparse_operator<T>(executor_, rows.view(), nabla::Storage::rows));
  }
  template <class T>
  MinimizeReport minimize(const SymmetricOperator<T>& a, const Vector& pull, const MinimizeOptions& options,
                          std::vector<T>* result = nullptr) const {
    const Array<T> b = array_of(executor_, numbers_of<T>(pull));
    const Quadratic<T> f(executor_, a, {b.data(), pull.size()});
    Array<T> x = array_of(executor_, std::vector<T>(pull.size(), 0));
    MinimizeReport report = nabla::minimize(executor_, f, x, options);
    if (result != nullptr) *result = x.to_host();
    return report;
  }
  SymmetricOperator<double> stored(const Entries& entries) const {
    const InRows<double, std::int32_t> rows(executor_, entries);
    return nabla::sparse_operator<double>(executor_, rows.view());
  }
  std::int64_t iterations(const Entries& a, const MinimizeOptions& options) const {
    const SymmetricOperator<double> matrix = stored(a);
    const MinimizeReport report = minimize(matrix, some_vector(static_cast<std::size_t>(a.size), 3), options);
    EXPECT_TRUE(report.converged()) << describe(report);
    return report.iterations;
  }
  static MinimizeOptions by(Preconditioner preconditioner) {
    return {.method = Method::conjugate_gradient,
            .preconditioner = preconditioner,
            .relative_gradient_tolerance = 1e-10,
            .max_iterations = 20'000};
  }

  Executor executor_ = Executor::cpu(1);
};

constexpr Preconditioner with_vectors[] = {Preconditioner::block_jacobi, Preconditioner::incomplete_cholesky,
                                           Preconditioner::chebyshev};

struct Case {
  std::string name;
  Entries entries;
};
inline std::vector<Case> some_matrices() {
  return {{"one", anisotropic(1, 1, 1, 1)},
          {"line", grid(33, 1, 1, 1)},
          {"plane", grid(9, 7, 1, 2)},
          {"conductor", conducting(
                            8, 9, 0.1, [](double r) { return r + 0.1; }, [](double r) { return 30 * r + 1; })},
          {"scaled", badly_scaled(grid(6, 6, 1, 2))},
          {"irregular", irregular(70, 8)}};
}

}  // namespace preconditioner_cases
