#pragma once

#include <nabla/batch.hpp>

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <type_traits>
#include <variant>
#include <vector>

// What iterations do to vectors on an executor: a few passes, each of which reads and writes what it needs once and
// leaves sums of its terms. A pass is stated once, for one component; host/cpu/vectors.cpp and kernels/vectors.cu run
// it. Sums are of doubles and stay on the executor until they are fetched.

namespace nabla::detail {

/// Sums are taken over so many components at a time, and then over those in a fixed tree, so that they do not depend on
/// who takes them.
constexpr std::int64_t summed_at_once = 4096;
constexpr std::int64_t parts_of(std::int64_t n) { return (n + summed_at_once - 1) / summed_at_once; }

/// Where passes over vectors of n components leave up to `most` sums: the memory, allocated once.
class Sums {
 public:
  Sums(const Executor& executor, std::int64_t n, int most);

  /// What the last pass left, in the order in which it names them; waits for it.
  std::span<const double> fetch(int count);

  double* partials() const { return memory_.data() + most_; }  // (parts, sums of the pass)
  double* on_executor() const { return memory_.data(); }

 private:
  int most_;
  Array<double> memory_;
  std::vector<double> fetched_;
};

// Passes. Each computes in double and rounds what it writes, and reads before it writes: the compiler can't know that
// vectors do not overlap, and would read again. `sums` terms are returned for each component.

template <int Count>
using Terms = std::array<double, Count>;

/// out = x + t direction
template <class T>
struct Move {
  T* out;
  const T* x;
  double t;
  const T* direction;

  static constexpr int sums = 0;
  constexpr Terms<0> operator()(std::int64_t i) const {
    out[i] = static_cast<T>(static_cast<double>(x[i]) + t * static_cast<double>(direction[i]));
    return {};
  }
};

/// a.b, a.a
template <class T>
struct Dot {
  const T *a, *b;

  static constexpr int sums = 2;
  constexpr Terms<2> operator()(std::int64_t i) const {
    const auto at = static_cast<double>(a[i]);
    return {at * static_cast<double>(b[i]), at * at};
  }
};

/// s = x - x_before, y = g - g_before; s.y, y.y, s.s
template <class T>
struct Change {
  T *s, *y;
  const T *x, *x_before, *g, *g_before;

  static constexpr int sums = 3;
  constexpr Terms<3> operator()(std::int64_t i) const {
    const auto moved = static_cast<T>(static_cast<double>(x[i]) - static_cast<double>(x_before[i]));
    const auto turned = static_cast<T>(static_cast<double>(g[i]) - static_cast<double>(g_before[i]));
    s[i] = moved;
    y[i] = turned;
    const auto sd = static_cast<double>(moved), yd = static_cast<double>(turned);
    return {sd * yd, yd * yd, sd * sd};
  }
};

/// With y = g - g_before: y.y, y.g, d.y, d.g, d.d
template <class T>
struct Conjugacy {
  const T *g, *g_before, *d;

  static constexpr int sums = 5;
  constexpr Terms<5> operator()(std::int64_t i) const {
    const auto gd = static_cast<double>(g[i]), dd = static_cast<double>(d[i]);
    const double y = gd - static_cast<double>(g_before[i]);
    return {y * y, y * gd, dd * y, dd * gd, dd * dd};
  }
};

/// d = beta d - g; d.g. What d was does not matter for beta = 0.
template <class T>
struct Turn {
  T* d;
  const T* g;
  double beta;

  static constexpr int sums = 1;
  constexpr Terms<1> operator()(std::int64_t i) const {
    const auto gd = static_cast<double>(g[i]);
    const auto turned = static_cast<T>(beta == 0 ? -gd : beta * static_cast<double>(d[i]) - gd);
    d[i] = turned;
    return {static_cast<double>(turned) * gd};
  }
};

/// A sum of products of numbers and vectors: most of them, for how many pairs L-BFGS may keep.
constexpr int most_vectors = 129;

/// out = sum_k weights_k vectors_k; out.with
template <class T>
struct Combination {
  T* out;
  const T* with;
  int count;
  std::array<const T*, most_vectors> vectors;
  std::array<double, most_vectors> weights;

  static constexpr int sums = 1;
  constexpr Terms<1> operator()(std::int64_t i) const {
    double sum = 0;
    for (int k = 0; k < count; ++k) sum += weights[k] * static_cast<double>(vectors[k][i]);
    const auto combined = static_cast<T>(sum);
    const auto other = static_cast<double>(with[i]);
    out[i] = combined;
    return {static_cast<double>(combined) * other};
  }
};

/// v = momentum v - step g, x = x + v. What v was does not matter for momentum = 0.
template <class T>
struct Roll {
  T *x, *v;
  const T* g;
  double step, momentum;

  static constexpr int sums = 0;
  constexpr Terms<0> operator()(std::int64_t i) const {
    const double from = momentum == 0 ? 0 : momentum * static_cast<double>(v[i]);
    const auto now = static_cast<T>(from - step * static_cast<double>(g[i]));
    x[i] = static_cast<T>(static_cast<double>(x[i]) + static_cast<double>(now));
    v[i] = now;
    return {};
  }
};

/// next = y - step g, y = next + momentum (next - x), x = next; g.(next - x)
template <class T>
struct Extrapolate {
  T *y, *x;
  const T* g;
  double step, momentum;

  static constexpr int sums = 1;
  constexpr Terms<1> operator()(std::int64_t i) const {
    const auto gd = static_cast<double>(g[i]);
    const T next = static_cast<T>(static_cast<double>(y[i]) - step * gd);
    const double moved = static_cast<double>(next) - static_cast<double>(x[i]);
    y[i] = static_cast<T>(static_cast<double>(next) + momentum * moved);
    x[i] = next;
    return {gd * moved};
  }
};

/// Means of gradients and of their squares, and a step by them. What those were does not matter where their weights
/// are 0.
template <class T>
struct Adapt {
  T *x, *mean, *square;
  const T* g;
  double shortened;                   // what the gradient is multiplied by
  double mean_weight, square_weight;  // of what they were
  double mean_rest, square_rest;      // of what is new
  double step, square_scale, epsilon;

  static constexpr int sums = 0;
  constexpr Terms<0> operator()(std::int64_t i) const {
    const double gd = shortened * static_cast<double>(g[i]);
    const double m = mean_rest * gd + (mean_weight == 0 ? 0 : mean_weight * static_cast<double>(mean[i]));
    const double s = square_rest * gd * gd + (square_weight == 0 ? 0 : square_weight * static_cast<double>(square[i]));
    mean[i] = static_cast<T>(m);
    square[i] = static_cast<T>(s);
    x[i] = static_cast<T>(static_cast<double>(x[i]) - step * m / (std::sqrt(s * square_scale) + epsilon));
    return {};
  }
};

// Conjugate gradients for H z = -g, with a diagonal preconditioner; a null one stands for ones.

template <class T>
constexpr double preconditioned(const T* inverse, std::int64_t i, double r) {
  return inverse != nullptr ? static_cast<double>(inverse[i]) * r : r;
}

/// inverse = 1 / |inverse|; 1 where that is not finite
template <class T>
struct Invert {
  T* inverse;

  static constexpr int sums = 0;
  constexpr Terms<0> operator()(std::int64_t i) const {
    const T size = inverse[i] < 0 ? -inverse[i] : inverse[i];
    const T one = T(1) / size;
    inverse[i] = one > 0 && one <= std::numeric_limits<T>::max() ? one : T(1);
    return {};
  }
};

/// g.inverse g
template <class T>
struct Scaled {
  const T *g, *inverse;

  static constexpr int sums = 1;
  constexpr Terms<1> operator()(std::int64_t i) const {
    const auto gd = static_cast<double>(g[i]);
    return {gd * preconditioned(inverse, i, gd)};
  }
};

/// z = 0, r = g, p = -inverse r; r.inverse r
template <class T>
struct BeginSolve {
  T *z, *r, *p;
  const T *g, *inverse;

  static constexpr int sums = 1;
  constexpr Terms<1> operator()(std::int64_t i) const {
    const auto gd = static_cast<double>(g[i]);
    const double scaled = preconditioned(inverse, i, gd);
    z[i] = T(0);
    r[i] = g[i];
    p[i] = static_cast<T>(-scaled);
    return {gd * scaled};
  }
};

/// z = z + alpha p, r = r + alpha Hp; r.r, r.inverse r
template <class T>
struct StepSolve {
  T *z, *r;
  const T *p, *product, *inverse;
  double alpha;

  static constexpr int sums = 2;
  constexpr Terms<2> operator()(std::int64_t i) const {
    const auto moved = static_cast<T>(static_cast<double>(z[i]) + alpha * static_cast<double>(p[i]));
    const auto rest = static_cast<T>(static_cast<double>(r[i]) + alpha * static_cast<double>(product[i]));
    z[i] = moved;
    r[i] = rest;
    const auto rd = static_cast<double>(rest);
    return {rd * rd, rd * preconditioned(inverse, i, rd)};
  }
};

/// p = beta p - inverse r
template <class T>
struct TurnSolve {
  T* p;
  const T *r, *inverse;
  double beta;

  static constexpr int sums = 0;
  constexpr Terms<0> operator()(std::int64_t i) const {
    const double scaled = preconditioned(inverse, i, static_cast<double>(r[i]));
    p[i] = static_cast<T>(beta * static_cast<double>(p[i]) - scaled);
    return {};
  }
};

/// x = x + factor step, step = 0
template <class T>
struct Absorb {
  T* x;
  float* step;
  double factor;

  static constexpr int sums = 0;
  constexpr Terms<0> operator()(std::int64_t i) const {
    x[i] = static_cast<T>(static_cast<double>(x[i]) + factor * static_cast<double>(step[i]));
    step[i] = 0;
    return {};
  }
};

/// out = factor v
template <class T>
struct Narrow {
  float* out;
  const T* v;
  double factor;

  static constexpr int sums = 0;
  constexpr Terms<0> operator()(std::int64_t i) const {
    out[i] = static_cast<float>(factor * static_cast<double>(v[i]));
    return {};
  }
};

template <class T>
using Pass =
    std::variant<Move<T>, Dot<T>, Change<T>, Conjugacy<T>, Turn<T>, Combination<T>, Roll<T>, Extrapolate<T>, Adapt<T>,
                 Invert<T>, Scaled<T>, BeginSolve<T>, StepSolve<T>, TurnSolve<T>, Absorb<T>, Narrow<T>>;

template <class T>
void run(const Executor& executor, std::int64_t n, const Pass<T>& pass, const Sums& sums);

/// Sums: lefts_k.rights_0 and lefts_k.rights_1, for one k after the other, in one pass.
template <class T>
struct Products {
  std::array<const T*, 2> rights;
  int count;
  std::array<const T*, most_vectors> lefts;
};
template <class T>
void run(const Executor& executor, std::int64_t n, const Products<T>& products, const Sums& sums);

}  // namespace nabla::detail
