#pragma once

#include "passes.hpp"

namespace nabla::detail {

struct Eigenvalues {
  double smallest = 0, largest = 0;  // both from within
  std::int64_t products = 0;
};

/// Bounds, from within, of the eigenvalues that matter along the gradient, of A or M^-1 A, by some steps of conjugate
/// gradients. `vectors`: as of a descent, of which only g and the preconditioner are looked at.
template <class T>
Eigenvalues eigenvalues_along(const Executor& executor, const SymmetricMatrix<T>& a, const KrylovVectors<T>& vectors,
                              const Sums& sums);

}  // namespace nabla::detail
