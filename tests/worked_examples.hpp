#pragma once

#include "executors.hpp"

#include <nabla/evaluate.hpp>
#include <nabla/functions.hpp>

#include <cmath>
#include <optional>
#include <vector>

// The textbook functions of the worked examples, and shorthand for evaluating them at a few points.

namespace nabla::test {

using Numbers = std::vector<double>;

struct Square {
  constexpr auto operator()(const auto& p) const { return p[0] * p[0]; }
};
struct Circle {
  constexpr auto operator()(const auto& p) const { return p[0] * p[0] + p[1] * p[1]; }
};
struct Ellipse {
  constexpr auto operator()(const auto& p) const { return p[0] * p[0] + 4 * p[1] * p[1]; }
};
struct Cubic {  // x^2 y + 3 y
  constexpr auto operator()(const auto& p) const { return p[0] * p[0] * p[1] + 3 * p[1]; }
};
struct Product {
  constexpr auto operator()(const auto& p) const { return p[0] * p[1]; }
};
struct Sum {
  constexpr auto operator()(const auto& p) const { return p[0] + p[1]; }
};

/// Half the squared length of X w - y, for a matrix X of m rows.
template <int M>
struct LeastSquares {
  double matrix[M][2];
  double target[M];
  static constexpr int dimension = 2;
  constexpr auto operator()(const auto& w) const {
    auto sum = 0 * w[0];
    for (int i = 0; i < M; ++i) {
      const auto residual = matrix[i][0] * w[0] + matrix[i][1] * w[1] - target[i];
      sum += 0.5 * residual * residual;
    }
    return sum;
  }
};

inline double dot(const Numbers& a, const Numbers& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}
inline double norm(const Numbers& a) { return std::sqrt(dot(a, a)); }

/// x + alpha d.
inline Numbers moved(Numbers x, double alpha, const Numbers& d) {
  for (std::size_t i = 0; i < x.size(); ++i) x[i] += alpha * d[i];
  return x;
}

/// Eigenvalues of a symmetric 2 x 2 matrix, the smaller one first.
inline Numbers eigenvalues(const Numbers& h) {
  const double middle = (h[0] + h[3]) / 2, radius = std::hypot((h[0] - h[3]) / 2, h[1]);
  return {middle - radius, middle + radius};
}

/// The solution of a 2 x 2 system.
inline Numbers solved(const Numbers& a, const Numbers& b) {
  const double determinant = a[0] * a[3] - a[1] * a[2];
  return {(a[3] * b[0] - a[1] * b[1]) / determinant, (a[0] * b[1] - a[2] * b[0]) / determinant};
}

/// Evaluates at one point, or at several whose numbers follow each other; results are point by point as well.
class WorkedExamples : public OnEveryExecutor {
 protected:
  void SetUp() override {
    OnEveryExecutor::SetUp();
    if (!IsSkipped() && !HasFatalFailure()) where_.emplace(executor());
  }
  const Executor& where() const { return *where_; }

  Batch<double> batch(const Numbers& numbers, int n) const { return Batch<double>::from_host(where(), numbers, n); }
  template <class F>
  Batch<double> points(const Numbers& x) const {
    return batch(x, dimension_of<F>() == dynamic ? static_cast<int>(x.size()) : dimension_of<F>());
  }

  template <class F>
  Numbers values(const F& f, const Numbers& x) const {
    return value(where(), f, points<F>(x)).value.to_host();
  }
  template <class F>
  Numbers gradient(const F& f, const Numbers& x) const {
    return value_and_gradient(where(), f, points<F>(x)).gradient.to_host();
  }
  template <class F>
  Numbers hessian_of(const F& f, const Numbers& x) const {
    return hessian(where(), f, points<F>(x)).hessian.to_host();
  }
  /// Derivatives along one direction for all points, or along one for each.
  template <class F>
  Numbers along(const F& f, const Numbers& x, const Numbers& direction) const {
    return directional_derivative(where(), f, points<F>(x), points<F>(direction)).derivative.to_host();
  }
  template <class F>
  Numbers hessian_times(const F& f, const Numbers& x, const Numbers& direction) const {
    return hessian_vector_product(where(), f, points<F>(x), points<F>(direction)).product.to_host();
  }

 private:
  std::optional<Executor> where_;
};

}  // namespace nabla::test
