#pragma once

#include <nabla/detail/each_descent.hpp>

#include <cstdint>

// Levenberg and Marquardt's method as a descent of each_descent.hpp. From x the step h solves
//
//     (J^T J + mu D^2) h = -J^T r,
//
// and is taken if it brings enough of what the model of linear residuals promises,
//
//     -g.h - 1/2 h.J^T J h   with g = J^T r.
//
// mu grows until it does. D is the largest norm of each of J's columns so far, so that units of variables don't matter.
// Sources: Marquardt 1963; Moré 1978, equation 6.3, for D; Madsen, Nielsen and Tingleff, Methods for Non-Linear Least
// Squares Problems (2004), section 3.2, for mu.

namespace nabla::detail::each {

struct LevenbergMarquardt {
  static constexpr bool damps = true, needs_hessian = true;  // J^T J takes the Hessian's place
  static constexpr double patience = 50;
  /// What a step must bring of what was promised.
  static constexpr double least_gain = 1e-4;
  static constexpr double first_damping = 1e-2;
  static constexpr double foretold = 0.1, foretold_shrink = 0.01;
  static constexpr double lost_part(double epsilon) { return epsilon < 1e-12 ? 3.7e-11 : 2.4e-5; }  // epsilon^(2/3)

  // Own rows: mu, what it grows by next, what the step under way promises; then D^2, J^T J at x, and its factor.
  static constexpr int damping = 0, growth = 1, promise = 2, scale = 3;
  static constexpr int triangle(int n) { return n * (n + 1) / 2; }
  static constexpr int entry(int i, int j) { return i >= j ? i * (i + 1) / 2 + j : j * (j + 1) / 2 + i; }
  static constexpr int matrix(int n, int k) { return scale + n + k; }
  static constexpr int factor(int n, int k) { return scale + n + triangle(n) + k; }
  static constexpr int rows(int n, int) { return scale + n + 2 * triangle(n); }
};

/// What rounding makes of residuals r = model - data at x: some eps (|r| + |model|), |model| being about
/// sum |J_k| |x_k|, J_k the columns of J.
template <class W>
constexpr auto rounding_of_residuals(const W& w) {
  using M = Math<typename W::X_>;
  const Layout& at = w.layout;
  constexpr double roundings = 8 * static_cast<double>(std::numeric_limits<typename W::T>::epsilon());
  typename W::X_ size = M::sqrt(W::of(2) * w.get(value));
  w.for_each([&](int i) {
    const auto column = w.get(at.own(LevenbergMarquardt::matrix(w.n(), LevenbergMarquardt::entry(i, i))));
    size = M::fma(M::sqrt(column), M::abs(w.get(at.x(i))), size);
  });
  return W::of(roundings) * size;
}

/// Where the gradient, g_i = J_i.r, consists of rounding. It can't be made shorter by any factor then, and so meets a
/// relative tolerance, whatever the first one was: that of a start that is the minimum was no longer.
template <class W>
constexpr auto is_settled(const W& w) {
  using M = Math<typename W::X_>;
  const Layout& at = w.layout;
  const auto rounding = rounding_of_residuals(w);
  typename W::Mask settled = W::is_finite(rounding);
  w.for_each([&](int i) {
    const auto column = w.get(at.own(LevenbergMarquardt::matrix(w.n(), LevenbergMarquardt::entry(i, i))));
    const auto part = w.free_part(i, w.get(at.x(i)), w.get(at.gradient(i)));
    settled = settled && M::abs(part) <= rounding * M::sqrt(column);
  });
  return settled;
}
/// Ends descents that no step leads on from, or so it seems.
template <class W>
constexpr void end_without_step(W& w, const typename W::Mask& where) {
  w.set_where(where, reason, W::of(static_cast<int>(StopReason::stagnated)));
  if (w.rules.relative > 0 && Math<typename W::X_>::any(where)) {
    w.set_where(where && is_settled(w), reason, W::of(static_cast<int>(StopReason::relative_gradient)));
  }
}

/// The trial x + h where `where` holds, and what it promises.
template <class W>
constexpr void damped_trial(W& w, const typename W::Mask& where) {
  using X = typename W::X_;
  using M = Math<X>;
  using Mask = typename W::Mask;
  using Own = LevenbergMarquardt;
  const Layout& at = w.layout;
  const int n = w.n();
  const double epsilon = static_cast<double>(std::numeric_limits<typename W::T>::epsilon());
  const X zero = W::of(0), mu = w.get(at.own(Own::damping));
  const auto free = [&](int i) { return w.free_part(i, w.get(at.x(i)), w.get(at.gradient(i))); };
  const auto is_held = [&](int i) { return free(i) == zero && !(w.get(at.gradient(i)) == zero); };
  const auto a = [&](int i, int j) { return at.own(Own::matrix(n, Own::entry(i, j))); };
  const auto l = [&](int i, int j) { return at.own(Own::factor(n, Own::entry(i, j))); };
  const auto p = [&](int i) { return at.direction(i); };
  // L D L^T of the matrix, without the variables that bounds hold. Pivots are no smaller than rounding leaves them.
  w.for_each([&](int j) {
    const X square = w.get(at.own(Own::scale + j));
    X inverse = zero;
    w.range(j, n, [&](int i) {
      X c = w.get(a(i, j));
      if (i == j) c = M::fma(mu, square, c);
      if (w.has_bounds()) {
        const Mask held = is_held(i) || is_held(j);
        c = M::select(held, i == j ? square : zero, c);
      }
      w.range(0, j, [&](int k) { c = c - w.get(l(i, k)) * w.get(l(j, k)) * w.get(l(k, k)); });
      if (i == j) {
        const X least = W::of(epsilon) * square;
        c = M::select(c < least, least, c);
        inverse = W::of(1) / c;
        w.set(l(j, j), c);
      } else {
        w.set(l(i, j), c * inverse);
      }
    });
  });
  w.for_each([&](int i) {
    X sum = -free(i);
    w.range(0, i, [&](int k) { sum = sum - w.get(l(i, k)) * w.get(p(k)); });
    w.set(p(i), sum);
  });
  w.for_each([&](int from_last) {
    const int i = n - 1 - from_last;
    X sum = w.get(p(i)) / w.get(l(i, i));
    w.range(i + 1, n, [&](int k) { sum = sum - w.get(l(k, i)) * w.get(p(k)); });
    w.set(p(i), sum);
  });
  Mask still = where;
  w.for_each([&](int i) {
    const X x = w.get(at.x(i)), to = w.within_bounds(i, x + w.get(p(i)));
    still = still && to == x;
    w.set_where(where, at.trial(i), to);
    w.set(p(i), to - x);
  });
  X promised = zero;
  w.for_each([&](int i) {
    X product = zero;
    w.for_each([&](int j) { product = M::fma(w.get(a(i, j)), w.get(p(j)), product); });
    promised = promised - w.get(p(i)) * M::fma(W::of(0.5), product, w.get(at.gradient(i)));
  });
  w.set_where(where, at.own(Own::promise), promised);
  w.set_where(where, stage, W::of(on_line));
  end_without_step(w, still);
}

/// From one evaluation to the next.
template <class Method, class W>
requires(Method::damps) constexpr void advance(W& w) {
  using X = typename W::X_;
  using M = Math<X>;
  using Mask = typename W::Mask;
  const Layout& at = w.layout;
  const int n = w.n();
  const double epsilon = static_cast<double>(std::numeric_limits<typename W::T>::epsilon());
  const X zero = W::of(0), one = W::of(1);
  const Mask runs = w.get(reason) == W::of(running);
  const X f = w.found.load(0);
  X squares_there = zero, trace = zero;
  w.for_each([&](int i) {
    const X part = w.free_part(i, w.get(at.trial(i)), w.found.load(1 + i));
    squares_there = M::fma(part, part, squares_there);
    trace = trace + w.found.load(1 + n + i * n + i);
  });
  const Mask finite = W::is_finite(f) && W::is_finite(squares_there) && W::is_finite(trace);
  w.count_up(runs, evaluations);

  const Mask first = runs && w.get(stage) == W::of(at_start), tries = runs && !first;
  const X before = w.get(value), promised = w.get(at.own(Method::promise));
  // Where what was promised is less than values may show, gradients tell too: residuals are differences, which lose
  // more digits than a sum of their squares would. (eps^(2/3), as in line.hpp, or more.)
  const X size = M::abs(before), gain = (before - f) / promised;
  X noise = W::of(Method::lost_part(epsilon)) * size;
  const Mask better = promised > zero && gain >= W::of(Method::least_gain);
  const Mask in_doubt = tries && finite && !better;
  if (M::any(in_doubt)) {
    const X rounding = rounding_of_residuals(w) * M::sqrt(W::of(2) * before);
    noise = M::select(in_doubt && rounding > noise, rounding, noise);
  }
  const Mask lost = promised <= noise && promised > zero;
  const Mask level = lost && f <= before + noise && squares_there < w.get(squares);
  const Mask arrives = tries && finite && (better || level), fails = tries && !arrives;
  const X mu = w.get(at.own(Method::damping)), growth = w.get(at.own(Method::growth));

  const Mask moves = first || arrives;
  if (M::any(moves)) {
    w.for_each([&](int i) {
      w.set_where(moves, at.x(i), w.get(at.trial(i)));
      w.set_where(moves, at.gradient(i), w.found.load(1 + i));
      w.range(0, i + 1, [&](int j) {
        w.set_where(moves, at.own(Method::matrix(n, Method::entry(i, j))), w.found.load(1 + n + i * n + j));
      });
      const X square = w.found.load(1 + n + i * n + i), largest = w.get(at.own(Method::scale + i));
      const X seen =
          M::select(first, M::select(square > zero, square, one), M::select(square > largest, square, largest));
      w.set_where(moves, at.own(Method::scale + i), seen);
    });
    w.set_where(moves, value, f);
    w.set_where(moves, squares, squares_there);
    w.count_up(arrives, iterations);
    see_whether_to_end<Method>(w, moves, before, first);
    const Mask is_lost = arrives && lost && w.get(reason) == W::of(running);
    if (w.rules.relative > 0 && M::any(is_lost)) {
      w.set_where(is_lost && is_settled(w), reason, W::of(static_cast<int>(StopReason::relative_gradient)));
    }
    end_without_step(w, moves && w.get(reason) == W::of(static_cast<int>(StopReason::stagnated)));
    const X apart = W::of(2) * gain - one, cubed = one - apart * apart * apart;
    X shrink = M::select(cubed > W::of(1.0 / 3), cubed, W::of(1.0 / 3));
    // What the model foretold comes near the minimum, where damping is all that keeps steps from being Newton's.
    shrink = M::select(M::abs(gain - one) < W::of(Method::foretold), W::of(Method::foretold_shrink), shrink);
    shrink = M::select(lost, one, shrink);
    X next = M::select(first, W::of(Method::first_damping), mu * shrink);
    next = M::select(next < W::of(epsilon), W::of(epsilon), next);
    w.set_where(moves, at.own(Method::damping), next);
    w.set_where(moves, at.own(Method::growth), W::of(2));
    w.set_where(moves, trials, zero);
  }
  if (M::any(fails)) {
    w.set_where(fails, at.own(Method::damping), mu * growth);
    w.set_where(fails, at.own(Method::growth), growth + growth);
    w.set_where(fails, trials, w.get(trials) + one);
    const Mask spent = w.has_reached(evaluations, w.rules.max_evaluations);
    const Mask tired =
        w.get(trials) >= W::of(most_trials) || (finite && promised > zero && promised <= W::of(10 * epsilon) * size);
    w.set_where(fails && spent, reason, W::of(static_cast<int>(StopReason::evaluations)));
    end_without_step(w, fails && tired);
  }
  const Mask goes_on = runs && w.get(reason) == W::of(running);
  if (M::any(goes_on)) damped_trial(w, goes_on);
}

}  // namespace nabla::detail::each
