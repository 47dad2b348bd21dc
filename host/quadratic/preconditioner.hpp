#pragma once

#include "passes.hpp"

#include <cstdint>
#include <memory>
#include <string>

// Preconditioners that need a vector of their own, z = M^-1 g. Each M is symmetric positive definite, whatever A is:
// then negative curvature that is found is A's.

namespace nabla::detail {

template <class T>
class VectorPreconditioner {
 public:
  VectorPreconditioner() = default;
  VectorPreconditioner(const VectorPreconditioner&) = delete;
  VectorPreconditioner& operator=(const VectorPreconditioner&) = delete;
  virtual ~VectorPreconditioner() = default;

  /// z = M^-1 g; enqueued. Where that is for a descent, it may be left undone if `scalars` do not run any more.
  virtual void apply(const Executor& executor, const T* g, T* z, const KrylovScalars* scalars) const = 0;

  std::string description;
  double bytes = 0;                  // that apply() moves at least
  std::int64_t products = 0;         // with A that apply() takes
  std::int64_t products_before = 0;  // and that it took to make
};

template <class T>
using MadePreconditioner = std::unique_ptr<const VectorPreconditioner<T>>;

/// Blocks of `size` rows on A's diagonal. A block that is not positive definite counts as its diagonal's absolute
/// values. Memory: size vectors.
template <class T>
MadePreconditioner<T> make_block_inverse(const Executor& executor, const SymmetricMatrix<T>& a, int size);

/// A ~ L D L^T with the entries that A has and no others, its rows in an order by colours, in which rows of one colour
/// have no entries with each other. Source: Meijerink and van der Vorst 1977; where a pivot is not positive, that of A
/// with a larger diagonal: Manteuffel 1980
template <class T>
MadePreconditioner<T> make_incomplete_cholesky(const Executor& executor, const SymmetricMatrix<T>& a);

/// `degree` steps of Chebyshev's method from a multiple of the gradient, both over A's diagonal where it is known.
/// `bounds` of the eigenvalues of A over that; 0: estimated, with the vectors of a descent that has not begun, all of
/// which are written. Source: Saad 2003, algorithm 12.1; Adams, Brezina, Hu and Tuminaro 2003
struct PolynomialOptions {
  int degree;
  double smallest, largest;
};
template <class T>
MadePreconditioner<T> make_polynomial(const Executor& executor, const SymmetricMatrix<T>& a,
                                      const PolynomialOptions& options, const KrylovVectors<T>& vectors,
                                      const Sums& sums);

}  // namespace nabla::detail
