#pragma once

#include <nabla/scalar.hpp>
#include <nabla/stop_reason.hpp>

#include <cstdint>
#include <limits>
#include <utility>

// The state of one of many small descents (each_descent.hpp), and the words in which methods speak of it.

namespace nabla::detail::each {

/// A whole number, thousands being a multiple of `thousand`: a float alone counts to 2^24.
template <class T>
struct Count {
  T ones, thousands;
};
constexpr std::int64_t thousand = 1 << 20;
template <class T>
constexpr Count<T> count_of(std::int64_t number) {
  if constexpr (sizeof(T) == 8) return {static_cast<T>(number), T(0)};
  return {static_cast<T>(number % thousand), static_cast<T>(number - number % thousand)};
}

/// What all descents of a call have in common.
template <class T>
struct Rules {
  T step;                // 0: a line search
  T momentum;            // negative: the method's own
  T clip;                // infinity: none
  T absolute, relative;  // tolerances, squared
  T value_tolerance, target;
  Count<T> max_iterations, max_evaluations;
  int memory;              // of L-BFGS
  const T *lower, *upper;  // one for each variable; null: no bounds
};

constexpr double running = -1;  // where others have the reason why they ended

/// A descent's row that holds ...
enum Row : int {
  reason,   // a StopReason, or running
  stage,    // what the function is asked for
  value,    // f at x
  squares,  // |g|^2 there, of components that bounds leave free
  slope,    // of f along p at x
  length,   // the trial is x + length p
  low,
  high,       // lengths between which the wanted one is; high may be infinite
  low_value,  // f at low
  low_slope,
  trials,     // of this line search
  reference,  // what f must come below; f itself but for nonmonotone methods
  weight,     // ... of the mean that reference is
  fresh,      // 1: p is the negative gradient, for want of better
  iterations,
  thousands_of_iterations,
  evaluations,
  thousands_of_evaluations,
  quiet,  // iterations in a row that hardly changed the value
  since_better,
  least_value,
  least_squares,
  first_value,
  first_squares,
  sequence,  // Nesterov's
  scalars,   // so many
};

enum Stage {
  at_start,
  on_line,
  extrapolated,
  undetermined,  // on a line that was found without digits of J^T J (each_damped.hpp)
  to_be_sure,    // on one without damping, from where a descent may have converged
};

/// A row of the method's own. It has a type of its own so that GPUs can keep these rows elsewhere than in registers.
struct OwnRow {
  int first, number;
  constexpr operator int() const { return first + number; }
};

/// Where rows of vectors begin.
struct Layout {
  int n;
  constexpr int x(int i) const { return scalars + i; }
  constexpr int gradient(int i) const { return scalars + n + i; }
  constexpr int direction(int i) const { return scalars + 2 * n + i; }
  constexpr int trial(int i) const { return scalars + 3 * n + i; }
  constexpr int moved(int i) const { return scalars + 4 * n + i; }    // x less the x before
  constexpr int changed(int i) const { return scalars + 5 * n + i; }  // the gradient less the one before
  constexpr OwnRow own(int k) const { return {scalars + 6 * n, k}; }  // of the method
  constexpr int rows(int of_method) const { return own(of_method); }
};

/// A descent between two evaluations. State: load(row) and store(row, x). Found: load(0) the value at the trial, load(1
/// + i) the gradient, load(1 + n + i n + j) the Hessian where the method wants it.
template <class X, int N, class State, class Found>
class Walker {
 public:
  using X_ = X;
  using M = Math<X>;
  using T = RealOf<X>;
  using Mask = typename M::Mask;

  constexpr Walker(const Rules<T>& given, int variables, State& rows, const Found& at_trial)
      : rules(given), state(rows), found(at_trial), layout{N > 0 ? N : variables} {}

  const Rules<T>& rules;
  State& state;
  const Found& found;
  const Layout layout;

  constexpr int n() const { return N > 0 ? N : layout.n; }
  constexpr X get(auto row) const { return state.load(row); }
  constexpr void set(auto row, const X& number) { state.store(row, number); }
  constexpr void set_where(const Mask& where, auto row, const X& number) {
    state.store(row, M::select(where, number, state.load(row)));
  }
  static constexpr X of(double number) { return constant<X>(number); }
  // Counters: a row and the one after it.
  constexpr void count_up(const Mask& where, int counter) {
    const X more = get(counter) + of(1);
    set_where(where, counter, more);
    if constexpr (sizeof(T) == 4) {
      const Mask full = where && more == of(thousand);
      set_where(full, counter, of(0));
      set_where(full, counter + 1, get(counter + 1) + of(thousand));
    }
  }
  /// Rounded.
  constexpr X count(int counter) const { return sizeof(T) == 4 ? get(counter) + get(counter + 1) : get(counter); }
  constexpr Mask has_reached(int counter, const Count<T>& most) const {
    const X ones = get(counter) - X(most.ones);
    return sizeof(T) == 4 ? (get(counter + 1) - X(most.thousands)) + ones >= of(0) : ones >= of(0);
  }
  constexpr bool has_bounds() const { return rules.lower != nullptr; }

  /// use(i) for all i from `from` to below `to`, which are not beyond n; a constant i where N is one, whatever the
  /// compiler makes of loops whose ends depend on those of others.
  template <class Use>
  constexpr void range(int from, int to, Use use) const {
    if constexpr (N > 0) {
      [&]<int... I>(std::integer_sequence<int, I...>) { ((from <= I && I < to ? use(I) : void()), ...); }
      (std::make_integer_sequence<int, N>());
    } else {
      for (int i = from; i < to; ++i) use(i);
    }
  }
  constexpr void for_each(auto use) const { range(0, n(), use); }
  /// Sum of a(i) b(i).
  template <class A, class B>
  constexpr X dot(A a, B b) const {
    X sum = of(0);
    for_each([&](int i) { sum = M::fma(a(i), b(i), sum); });
    return sum;
  }
  constexpr auto vector(int first) const {
    return [this, first](int i) { return get(first + i); };
  }

  constexpr static Mask is_finite(const X& number) {
    return M::abs(number) < of(std::numeric_limits<double>::infinity());
  }

  /// The gradient's component i, or 0 where a bound holds the variable against it.
  constexpr X free_part(int i, const X& x, const X& gradient) const {
    if (!has_bounds()) return gradient;
    const X zero = of(0);
    const Mask held = (x <= X(rules.lower[i]) && gradient > zero) || (x >= X(rules.upper[i]) && gradient < zero);
    return M::select(held, zero, gradient);
  }
  /// A direction's component, or 0 where it would lead out of a bound that x lies on.
  constexpr X held_back(int i, const X& p, const X& free_gradient) const {
    const X zero = of(0), x = get(layout.x(i)), g = get(layout.gradient(i));
    const Mask out = (x <= X(rules.lower[i]) && p < zero) || (x >= X(rules.upper[i]) && p > zero);
    return M::select(out || (free_gradient == zero && !(g == zero)), zero, p);
  }
  /// Where nothing is known about lengths: of length 1, or less where the gradient is.
  constexpr X cautious() const {
    const X norm = M::sqrt(get(squares));
    return M::select(norm > of(1), of(1) / norm, of(1));
  }
  constexpr X within_bounds(int i, const X& x) const {
    if (!has_bounds()) return x;
    const X low(rules.lower[i]), high(rules.upper[i]);
    return M::select(x < low, low, M::select(x > high, high, x));
  }
};

}  // namespace nabla::detail::each
