#include "eigenvalues.hpp"
#include "matrix.hpp"
#include "preconditioner.hpp"

#include <algorithm>
#include <vector>

// A polynomial in A as a preconditioner: so many steps of Chebyshev's method for A z = g, from 0. All that it does is
// products, of which a pass makes a step.

namespace nabla::detail {

namespace {

/// Which eigenvalues are to become 1, as a part of the largest one. The smallest ones are not among them: conjugate
/// gradients get those down to 0, and what is to be evened out better has to be less. With degree 4 it is Adams's 30;
/// for others it goes with the square, as the method's reach does: see docs/design/0014-preconditioners.md.
double spread_of(int degree) {
  const double steps = degree + 1;
  return 1.2 * steps * steps;
}

template <class T>
class Polynomial final : public VectorPreconditioner<T> {
 public:
  Polynomial(const Executor& executor, const SymmetricMatrix<T>& a, const PolynomialOptions& options,
             const KrylovVectors<T>& vectors, const Sums& sums)
      : a_(a),
        product_(vectors.product),
        inverse_(executor, a.has_diagonal() ? a.size : 0),
        other_(executor, options.degree > 0 ? a.size : 0) {
    if (inverse_.size() > 0) {
      a.diagonal(executor, inverse_.data(), false);
      detail::run(executor, a.size, Pass<T>(Invert<T>{inverse_.data()}), sums);
    }
    int degree = options.degree;
    double smallest = options.smallest, largest = options.largest;
    if (!(largest > 0)) {
      const Eigenvalues found = estimate(executor, vectors, sums);
      // Bounds mean little where some eigenvalues are negative; the diagonal alone is positive definite for sure.
      if (found.is_indefinite || !(found.largest > 0)) degree = 0;
      constexpr double margin = 1.1;  // it is found from below
      largest = degree > 0 ? margin * found.largest : 1;
      this->products_before = found.products;
    }
    if (!(smallest > 0 && smallest < largest)) smallest = largest / spread_of(degree);
    choose_steps(degree, smallest, largest);
    this->products = degree;
    this->description = "Chebyshev's polynomial of degree " + std::to_string(degree) + " in A" +
                        (inverse_.size() > 0 ? " over its diagonal" : "");
    // The first step reads g and writes, the next one has no step before it, and products that have no rows go through
    // memory.
    const bool has_inverse = inverse_.size() > 0;
    const double through_memory = a.rows() == nullptr ? 3 : 0;
    const double numbers = 2 + has_inverse + degree * (4 + has_inverse + through_memory) - (degree > 0 ? 1 : 0);
    this->bytes = numbers * sizeof(T) * static_cast<double>(a.size) + degree * a.bytes;
  }

  void apply(const Executor& executor, const T* g, T* z, const KrylovScalars* scalars) const override {
    const T* const inverse = inverse_.size() > 0 ? inverse_.data() : nullptr;
    // Two vectors take turns, and z is the last one.
    T* now = weights_.size() % 2 == 1 ? z : other_.data();
    T* next = now == z ? other_.data() : z;
    ChebyshevStep<T> step{nullptr, nullptr, g, inverse, now, 0, weights_[0], scalars};
    detail::run(executor, MatrixRows<T>(GivenRows<T>{a_.size, g}), step);
    for (std::size_t k = 1; k < weights_.size(); ++k) {
      step = {now, k > 1 ? next : nullptr, g, inverse, next, ahead_[k], weights_[k], scalars};
      if (a_.rows() != nullptr) {
        detail::run(executor, *a_.rows(), step);
      } else {
        a_.multiply(executor, now, product_, false);
        detail::run(executor, MatrixRows<T>(GivenRows<T>{a_.size, product_}), step);
      }
      std::swap(now, next);
    }
  }

 private:
  /// Along a vector that does not depend on the descent: so is M, which a descent that is resumed meets again.
  Eigenvalues estimate(const Executor& executor, const KrylovVectors<T>& vectors, const Sums& sums) {
    constexpr std::uint64_t seed = 1;
    fill_uniform<T>(executor, BatchView<T>(vectors.z, a_.size), -1, 1, seed);
    KrylovVectors<T> v = vectors;
    v.g = vectors.z;
    v.z = nullptr;
    v.inverse = inverse_.size() > 0 ? inverse_.data() : nullptr;
    const VectorPreconditioner<T>* const none = nullptr;
    return eigenvalues_along(executor, a_, none, v, sums);
  }

  void choose_steps(int degree, double smallest, double largest) {
    const double middle = 0.5 * (largest + smallest), radius = 0.5 * (largest - smallest);
    double ratio = radius / middle;
    ahead_.push_back(0);
    weights_.push_back(1 / middle);
    for (int k = 0; k < degree; ++k) {
      const double next = 1 / (2 * middle / radius - ratio);
      ahead_.push_back(next * ratio);
      weights_.push_back(2 * next / radius);
      ratio = next;
    }
  }

  const SymmetricMatrix<T>& a_;
  T* product_;
  Array<T> inverse_, other_;
  std::vector<double> ahead_, weights_;  // of each step
};

}  // namespace

template <class T>
MadePreconditioner<T> make_polynomial(const Executor& executor, const SymmetricMatrix<T>& a,
                                      const PolynomialOptions& options, const KrylovVectors<T>& vectors,
                                      const Sums& sums) {
  return std::make_unique<Polynomial<T>>(executor, a, options, vectors, sums);
}
template MadePreconditioner<float> make_polynomial(const Executor&, const SymmetricMatrix<float>&,
                                                   const PolynomialOptions&, const KrylovVectors<float>&, const Sums&);
template MadePreconditioner<double> make_polynomial(const Executor&, const SymmetricMatrix<double>&,
                                                    const PolynomialOptions&, const KrylovVectors<double>&,
                                                    const Sums&);

}  // namespace nabla::detail
