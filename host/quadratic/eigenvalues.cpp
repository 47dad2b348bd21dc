#include "eigenvalues.hpp"

#include "matrix.hpp"
#include "preconditioner.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

// Conjugate gradients are Lanczos's method: their step lengths make a tridiagonal matrix whose eigenvalues come close
// to A's, those at the ends first. Source: Golub and Van Loan, Matrix Computations (2013), section 11.3.

namespace nabla::detail {

namespace {

struct Tridiagonal {
  std::vector<double> diagonal, beside;

  /// Eigenvalues below x: negative pivots of the matrix less x (Sturm).
  std::size_t below(double x) const {
    std::size_t count = 0;
    double pivot = 1;
    for (std::size_t k = 0; k < diagonal.size(); ++k) {
      const double off = k > 0 ? beside[k - 1] : 0;
      pivot = diagonal[k] - x - off * off / pivot;
      if (pivot == 0) pivot = 1e-300;
      count += pivot < 0;
    }
    return count;
  }
  /// The eigenvalue with so many below it, by bisection within Gershgorin's bounds.
  double eigenvalue(std::size_t number) const {
    double low = 0, high = 0;
    for (std::size_t k = 0; k < diagonal.size(); ++k) {
      const double reach = (k > 0 ? beside[k - 1] : 0) + (k + 1 < diagonal.size() ? beside[k] : 0);
      low = std::min(low, diagonal[k] - reach);
      high = std::max(high, diagonal[k] + reach);
    }
    for (int step = 0; step < 100 && low < high; ++step) {
      const double middle = 0.5 * (low + high);
      if (middle == low || middle == high) break;
      (below(middle) > number ? high : low) = middle;
    }
    return 0.5 * (low + high);
  }
};

/// g.M^-1 g, where z is M^-1 g if M is no diagonal.
template <class T>
double scaled_squares(const Executor& executor, std::int64_t n, const KrylovVectors<T>& v) {
  const Sums sums(executor, n, 2);
  if (v.z != nullptr) {
    run(executor, n, Pass<T>(Dot<T>{v.g, v.z}), sums);
  } else {
    run(executor, n, Pass<T>(Scaled<T>{v.g, v.inverse}), sums);
  }
  double scaled = 0;
  copy_bytes(executor, &scaled, sums.on_executor(), sizeof(scaled));
  return scaled;
}

}  // namespace

template <class T>
Eigenvalues eigenvalues_along(const Executor& executor, const SymmetricMatrix<T>& a, const VectorPreconditioner<T>* m,
                              const KrylovVectors<T>& vectors, const Sums& sums) {
  constexpr int steps = 60;
  Array<T> x(executor, a.size), g(executor, a.size);
  const auto bytes = static_cast<std::size_t>(a.size) * sizeof(T);
  copy_bytes(executor, g.data(), vectors.g, bytes);
  copy_bytes(executor, x.data(), vectors.g, bytes);  // which does not matter
  KrylovVectors<T> v = vectors;
  v.x = x.data();
  v.g = g.data();
  v.kind = KrylovKind::conjugate;
  KrylovScalars now{};
  now.kind = KrylovKind::conjugate;
  if (m != nullptr) m->apply(executor, v.g, v.z, nullptr);
  const double scaled = scaled_squares(executor, a.size, v);
  now.begin(scaled, scaled);
  now.enough = 0;
  now.most = std::numeric_limits<std::int64_t>::max();
  Tridiagonal found;
  Eigenvalues result;
  double alpha_before = 0, beta_before = 0;
  for (int k = 0; k < steps && now.state == KrylovState::running; ++k) {
    copy_bytes(executor, v.scalars, &now, sizeof(now));
    iterate(executor, a, m, v, 1, sums);
    copy_bytes(executor, &now, v.scalars, sizeof(now));
    if (executor.is_cuda()) std::swap(v.p, v.other_p);
    ++result.products;
    result.is_indefinite = now.curvature <= 0;
    if (!(now.alpha > 0) || !std::isfinite(now.alpha) || now.curvature <= 0) break;
    found.diagonal.push_back(1 / now.alpha + (k > 0 ? beta_before / alpha_before : 0));
    found.beside.push_back(std::sqrt(std::fmax(now.beta, 0.0)) / now.alpha);
    alpha_before = now.alpha;
    beta_before = now.beta;
    if (!(now.beta > 0) || !std::isfinite(now.beta)) break;
  }
  if (found.diagonal.empty()) return result;
  result.smallest = found.eigenvalue(0);
  result.largest = found.eigenvalue(found.diagonal.size() - 1);
  return result;
}
template Eigenvalues eigenvalues_along(const Executor&, const SymmetricMatrix<float>&,
                                       const VectorPreconditioner<float>*, const KrylovVectors<float>&, const Sums&);
template Eigenvalues eigenvalues_along(const Executor&, const SymmetricMatrix<double>&,
                                       const VectorPreconditioner<double>*, const KrylovVectors<double>&, const Sums&);

}  // namespace nabla::detail
