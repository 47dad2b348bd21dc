#pragma once

#include "../vectors.hpp"
#include "rows.hpp"

#include <cmath>
#include <cstdint>
#include <variant>

// Passes over a vector, its product with A, and what an iteration makes of both: each reads and writes what it needs
// once and leaves sums of its terms. A pass is stated once, for one component and its row's product with the vector;
// host/cpu/quadratic.cpp and kernels/quadratic.cu run it.
//
// Descents on f(x) = 1/2 x.Ax - b.x along directions p are two passes an iteration, with g = Ax - b and a diagonal
// preconditioner M:
//
//     Curve     p = beta p - g / M; p.Ap, which gives alpha
//     Advance   x = x + alpha p, g = g + alpha Ap; g.g, g.g/M, which give the next beta
//
// An M that is no diagonal (preconditioner.hpp) makes z = M^-1 g between them, and a third pass what they need of it:
//
//     Meet      g.z, which gives the next beta; then p = beta p - z
//
// Where products are cheap, Advance computes them again: then Ap goes nowhere, and an iteration moves eight numbers a
// variable. The scalars stay on the executor; between two passes conclude() makes the next ones of the sums. So any
// number of iterations can be enqueued before somebody looks.

namespace nabla::detail {

enum class KrylovKind {
  conjugate,  // conjugate gradients
  steepest,   // the gradient, to the minimum along it
  chebyshev,  // steps that bounds of A's eigenvalues give
  fixed,      // the same step along the gradient every time
};

/// Whether steps do not depend on what was met on the way.
constexpr bool has_own_steps(KrylovKind kind) { return kind == KrylovKind::chebyshev || kind == KrylovKind::fixed; }

enum class KrylovState {
  running,
  within,
  bent,  // p.Ap is not positive
  not_finite,
  misled,  // g.M^-1 g is not positive
};

/// What iterations know.
struct KrylovScalars {
  KrylovKind kind;
  KrylovState state;
  std::int64_t iterations;  // that were completed
  std::int64_t most;        // to do
  double alpha, beta;       // of the next pass that wants them
  double squares;           // g.g
  double scaled;            // g.g/M
  double curvature;         // p.Ap of the last direction
  double value;
  double enough;     // squares at which to end
  unsigned tickets;  // of a GPU's blocks: the last one to end takes the sums
  // For eigenvalues within middle +- radius: Chebyshev's; fixed steps are 1 / middle.
  double middle, radius, ratio;
  double scaled_before;

  constexpr bool is_running() const { return state == KrylovState::running && iterations < most; }

  constexpr static bool is_finite(double number) { return number - number == 0; }

  /// Begins anew at the gradient.
  constexpr void begin(double gradient_squares, double scaled_squares) {
    state = is_finite(gradient_squares) && is_finite(scaled_squares) ? KrylovState::running : KrylovState::not_finite;
    squares = gradient_squares;
    scaled = scaled_squares;
    beta = 0;
    if (!has_own_steps(kind)) return;
    ratio = radius / middle;
    alpha = 1 / middle;
  }
  constexpr void after_curve(double p_Ap) {
    curvature = p_Ap;
    alpha = scaled / p_Ap;
    if (is_finite(p_Ap) && is_finite(alpha) && p_Ap > 0) return;
    state = is_finite(p_Ap) ? KrylovState::bent : KrylovState::not_finite;
  }
  constexpr void after_advance(double gradient_squares, double scaled_squares, double p_g, double p_Ap) {
    ++iterations;
    value += alpha * (p_g + 0.5 * alpha * p_Ap);
    squares = gradient_squares;
    scaled_before = scaled;
    scale(scaled_squares);
    if (kind == KrylovKind::chebyshev) next_chebyshev();
    if (squares <= enough) state = KrylovState::within;
    if (!is_finite(squares)) state = KrylovState::not_finite;
  }
  /// Where z = M^-1 g was made after that.
  constexpr void after_meet(double g_z) {
    scale(g_z);
    if (!(g_z > 0)) state = KrylovState::misled;
    if (!is_finite(g_z)) state = KrylovState::not_finite;
  }

 private:
  constexpr void scale(double scaled_squares) {
    beta = kind == KrylovKind::conjugate ? scaled_squares / scaled_before : 0;
    scaled = scaled_squares;
  }
  /// Source: Saad, Iterative Methods for Sparse Linear Systems (2003), algorithm 12.1, its directions divided by their
  /// factor of the gradient.
  constexpr void next_chebyshev() {
    const double next = 1 / (2 * middle / radius - ratio);
    const double step = 2 * next / radius;
    beta = next * ratio * alpha / step;
    alpha = step;
    ratio = next;
  }
};

/// One number, as a pass reads and writes it; packs of neighbouring ones are in host/cpu/quadratic.cpp.
struct OneNumber {
  template <class T>
  constexpr double load(const T* from, std::int64_t i) const {
    return static_cast<double>(from[i]);
  }
  template <class T>
  constexpr void store(T* to, std::int64_t i, double number) const {
    to[i] = static_cast<T>(number);
  }
};

template <class Lanes, class T>
constexpr auto preconditioned(const Lanes& lanes, const T* inverse, std::int64_t i, const auto& r) {
  return inverse != nullptr ? lanes.load(inverse, i) * r : r;
}

/// y = factor A x, or is increased by it
template <class T>
struct Multiply {
  const T* x;
  T* y;
  bool add;
  double factor = 1;

  static constexpr int sums = 0;
  constexpr const T* in() const { return x; }
  template <class D>
  constexpr std::array<D, 0> operator()(const auto& lanes, std::int64_t i, const D& product) const {
    lanes.store(y, i, add ? lanes.load(y, i) + factor * product : factor * product);
    return {};
  }
};

/// gradient = A x - b, where it is wanted; x.Ax, b.x
template <class T>
struct Evaluate {
  const T *x, *b;
  T* gradient;

  static constexpr int sums = 2;
  constexpr const T* in() const { return x; }
  template <class D>
  constexpr std::array<D, 2> operator()(const auto& lanes, std::int64_t i, const D& product) const {
    const D at = lanes.load(x, i), pull = lanes.load(b, i);
    if (gradient != nullptr) lanes.store(gradient, i, product - pull);
    return {at * product, at * pull};
  }
};

/// p.Ap
template <class T>
struct Curve {
  const T* p;
  T* kept;  // the product; null: not kept
  KrylovScalars* scalars;

  static constexpr int sums = 1;
  constexpr const T* in() const { return p; }
  template <class D>
  constexpr std::array<D, 1> operator()(const auto& lanes, std::int64_t i, const D& product) const {
    if (kept != nullptr) lanes.store(kept, i, product);
    return {lanes.load(p, i) * product};
  }
  constexpr void conclude(const double* sum) const { scalars->after_curve(sum[0]); }
};

/// x = x + alpha p, g = g + alpha Ap; g.g, g.inverse g, and with the g before p.g and p.Ap
template <class T>
struct Advance {
  T *x, *g;
  const T *p, *inverse;
  KrylovScalars* scalars;
  double alpha = 0;

  static constexpr int sums = 4;
  constexpr const T* in() const { return p; }
  constexpr void begin() { alpha = scalars->alpha; }
  template <class D>
  constexpr std::array<D, 4> operator()(const auto& lanes, std::int64_t i, const D& product) const {
    const D along = lanes.load(p, i), before = lanes.load(g, i), at = lanes.load(x, i);
    const D now = before + alpha * product;
    lanes.store(x, i, at + alpha * along);
    lanes.store(g, i, now);
    return {now * now, now * preconditioned(lanes, inverse, i, now), along * before, along * product};
  }
  constexpr void conclude(const double* s) const { scalars->after_advance(s[0], s[1], s[2], s[3]); }
};

/// g.z; the product that it is given is z.
template <class T>
struct Meet {
  const T *g, *z;
  KrylovScalars* scalars;

  static constexpr int sums = 1;
  constexpr const T* in() const { return z; }
  template <class D>
  constexpr std::array<D, 1> operator()(const auto& lanes, std::int64_t i, const D& product) const {
    return {lanes.load(g, i) * product};
  }
  constexpr void conclude(const double* sum) const { scalars->after_meet(sum[0]); }
};

/// A step of Chebyshev's method for A z = g from z = 0, with a diagonal preconditioner: out = z + ahead (z - before) +
/// weight inverse (g - Az). Null stands for zeros; `out` may be `before`.
template <class T>
struct ChebyshevStep {
  const T *z, *before, *g, *inverse;
  T* out;
  double ahead, weight;
  const KrylovScalars* scalars;  // unless those are running, nothing is to be done; or null

  static constexpr int sums = 0;
  constexpr const T* in() const { return z; }
  constexpr bool is_wanted() const { return scalars == nullptr || scalars->is_running(); }
  template <class D>
  constexpr std::array<D, 0> operator()(const auto& lanes, std::int64_t i, const D& product) const {
    const D pull = lanes.load(g, i);
    if (z == nullptr) {
      lanes.store(out, i, weight * preconditioned(lanes, inverse, i, pull));
      return {};
    }
    const D at = lanes.load(z, i), moved = before != nullptr ? at - lanes.load(before, i) : at;
    lanes.store(out, i, at + ahead * moved + weight * preconditioned(lanes, inverse, i, pull - product));
    return {};
  }
};

/// The directions before Curve and Chebyshev's Advance: p = beta p - inverse g. What p was does not matter for beta =
/// 0.
template <class T>
struct Turning {
  T* p;
  const T *g, *inverse;
  const KrylovScalars* scalars;

  static constexpr auto turned(const auto& lanes, double beta, const T* p, const T* g, const T* inverse,
                               std::int64_t i) {
    const auto scaled = preconditioned(lanes, inverse, i, lanes.load(g, i));
    return beta == 0 ? -scaled : beta * lanes.load(p, i) - scaled;
  }
};

/// A descent on a quadratic, as passes see it.
template <class T>
struct KrylovVectors {
  T *x, *g, *p;
  T* other_p;  // on CUDA: p of every other iteration; null on CPUs, where p is turned in place
  T* product;  // null where products are computed twice
  const T* inverse;
  KrylovScalars* scalars;  // on the executor
  KrylovKind kind;
  T* z;  // M^-1 g, where M is no diagonal; otherwise null

  /// What directions are turned against.
  constexpr const T* pull() const { return z != nullptr ? z : g; }
};

template <class T>
struct SymmetricMatrix;
template <class T>
class VectorPreconditioner;

/// y = A x, or is increased by it; enqueued.
template <class T>
void multiply(const Executor& executor, const MatrixRows<T>& rows, const Multiply<T>& pass);
/// numbers = the main diagonal, or are increased by it; enqueued.
template <class T>
void take_diagonal(const Executor& executor, const MatrixRows<T>& rows, std::int64_t size, T* numbers, bool add);
/// Enqueues the pass, and its sums. `product`: of A's size, for what is no rows of a matrix.
template <class T>
void run(const Executor& executor, const SymmetricMatrix<T>& a, const Evaluate<T>& pass, T* product, const Sums& sums);
/// Enqueues a step; the rows are A's, or its product with z that is there.
template <class T>
void run(const Executor& executor, const MatrixRows<T>& rows, const ChebyshevStep<T>& pass);
/// Enqueues so many iterations; those past the end change nothing but z. `m`: null where vectors.z is.
template <class T>
void iterate(const Executor& executor, const SymmetricMatrix<T>& a, const VectorPreconditioner<T>* m,
             const KrylovVectors<T>& vectors, int count, const Sums& sums);

}  // namespace nabla::detail
