#pragma once

#include "passes.hpp"

namespace nabla::detail {

struct Eigenvalues {
  double smallest = 0, largest = 0;  // both from within
  bool is_indefinite = false;        // A, as far as was seen
  std::int64_t products = 0;         // with A, without those that M takes
};

/// Bounds, from within, of the eigenvalues that matter along the gradient, of A or M^-1 A, by some steps of conjugate
/// gradients. `vectors`: as of a descent, of which only g and the diagonal preconditioner are looked at; z is written.
template <class T>
Eigenvalues eigenvalues_along(const Executor& executor, const SymmetricMatrix<T>& a, const VectorPreconditioner<T>* m,
                              const KrylovVectors<T>& vectors, const Sums& sums);

}  // namespace nabla::detail
