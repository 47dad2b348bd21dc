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
// A start far away may have made D 1e9 times what columns are in the end, so mu may get as small as that needs.
// Steps are cut where |D h| is beyond a radius, |D x| at first, which grows where they bring what was promised: one
// from far away may else be so long that it ends where exp(-b t) is 0 in all rows, from where no slope leads back.
// Sources: Marquardt 1963; Moré 1978, equation 6.3, for D; Madsen, Nielsen and Tingleff, Methods for Non-Linear Least
// Squares Problems (2004), section 3.2, for mu. What was tried is in docs/design/0016-many-starts.md.

namespace nabla::detail::each {

struct LevenbergMarquardt {
  static constexpr bool damps = true, needs_hessian = true;  // J^T J takes the Hessian's place
  static constexpr double patience = 50;
  /// What a step must bring of what was promised.
  static constexpr double least_gain = 1e-4;
  static constexpr double first_damping = 1e-2, most_growth = 0x1p40;  // 40 trials
  static constexpr double least_damping(double epsilon) { return epsilon < 1e-12 ? 1e-100 : 1e-24; }
  static constexpr double most_damping(double epsilon) { return epsilon < 1e-12 ? 1e100 : 1e16; }
  static constexpr double foretold = 0.1, foretold_shrink = 0.01;
  /// One variable alone may bring as many times what a step promises: then mu is what is in the way.
  static constexpr double overdamped = 100, overdamped_shrink = 1e-4;
  static constexpr double well_foretold = 0.75, badly_foretold = 0.25, longer = 2, half = 0.5, shorter = 0.25,
                          nearly = 0.99, creeping_growth = 4, much_shorter = 0.25;
  static constexpr double lost_part(double epsilon) { return epsilon < 1e-12 ? 3.7e-11 : 2.4e-5; }  // epsilon^(2/3)

  // Own rows: mu, what it grows by next, the radius; then D^2, J^T J at x, and its factor.
  static constexpr int damping = 0, growth = 1, radius = 2, scale = 3;
  static constexpr int triangle(int n) { return n * (n + 1) / 2; }
  static constexpr int entry(int i, int j) { return i >= j ? i * (i + 1) / 2 + j : j * (j + 1) / 2 + i; }
  static constexpr int matrix(int n, int k) { return scale + n + k; }
  static constexpr int factor(int n, int k) { return scale + n + triangle(n) + k; }
  static constexpr int rows(int n, int) { return scale + n + 2 * triangle(n); }
};

/// J's column i is as long as this.
template <class W>
constexpr auto column_norm(const W& w, int i) {
  using Own = LevenbergMarquardt;
  return Math<typename W::X_>::sqrt(w.get(w.layout.own(Own::matrix(w.n(), Own::entry(i, i)))));
}

/// D^2 of variable i, or 1 if no slope was seen.
template <class W>
constexpr auto square_of_scale(const W& w, int i) {
  const auto seen = w.get(w.layout.own(LevenbergMarquardt::scale + i));
  return Math<typename W::X_>::select(seen > W::of(0), seen, W::of(1));
}
/// |D v|
template <class W>
constexpr auto scaled_norm(const W& w, auto v) {
  using M = Math<typename W::X_>;
  typename W::X_ sum = W::of(0);
  w.for_each([&](int i) { sum = M::fma(v(i) * v(i), square_of_scale(w, i), sum); });
  return M::sqrt(sum);
}

/// Where |g_i| <= most |J_i| for all i, bounds aside. g_i = J_i.r is |J_i| |r| times the cosine of an angle, which is
/// to be 90 degrees; it has no units, and does not care for how far away the start was. Source: MINPACK's gtol, in
/// Moré, Garbow and Hillstrom, User Guide for MINPACK-1 (1980), section 2.3. Columns that are nearly parallel are all
/// at right angles to what their difference would still bring: advance() asks for that too.
template <class W>
constexpr auto is_within(const W& w, const typename W::X_& most) {
  using M = Math<typename W::X_>;
  const Layout& at = w.layout;
  typename W::Mask within = W::is_finite(most);
  w.for_each([&](int i) {
    const auto part = w.free_part(i, w.get(at.x(i)), w.get(at.gradient(i)));
    within = within && M::abs(part) <= most * column_norm(w, i);
  });
  return within;
}

/// What rounding makes of residuals r = model - data at x: some eps (|r| + |model|), |model| being about
/// sum |J_k| |x_k|.
template <class W>
constexpr auto rounding_of_residuals(const W& w) {
  using M = Math<typename W::X_>;
  constexpr double roundings = 8 * static_cast<double>(std::numeric_limits<typename W::T>::epsilon());
  typename W::X_ size = M::sqrt(W::of(2) * w.get(value));
  w.for_each([&](int i) { size = M::fma(column_norm(w, i), M::abs(w.get(w.layout.x(i))), size); });
  return W::of(roundings) * size;
}

/// The step under way, from x to the trial.
template <class W>
constexpr auto step(const W& w) {
  return [&w](int i) { return w.get(w.layout.trial(i)) - w.get(w.layout.x(i)); };
}
/// What it promises.
template <class W>
constexpr auto promise(const W& w) {
  using X = typename W::X_;
  using M = Math<X>;
  using Own = LevenbergMarquardt;
  const Layout& at = w.layout;
  X promised = W::of(0);
  w.for_each([&](int i) {
    X product = W::of(0);
    w.for_each(
        [&](int j) { product = M::fma(w.get(at.own(Own::matrix(w.n(), Own::entry(i, j)))), step(w)(j), product); });
    promised = promised - step(w)(i) * M::fma(W::of(0.5), product, w.get(at.gradient(i)));
  });
  return promised;
}

/// Where mu is in the way: one variable alone would bring as many times what the step under way promises, and that is
/// no rounding. Columns of J may have become a small part of D.
template <class W>
constexpr auto is_overdamped(const W& w, const typename W::X_& promised) {
  using X = typename W::X_;
  using M = Math<X>;
  using Own = LevenbergMarquardt;
  const X rounding = rounding_of_residuals(w);
  typename W::Mask overdamped = rounding < W::of(0);
  w.for_each([&](int i) {
    const X g = w.free_part(i, w.get(w.layout.x(i)), w.get(w.layout.gradient(i)));
    const X square = w.get(w.layout.own(Own::matrix(w.n(), Own::entry(i, i))));
    overdamped = overdamped || (M::abs(g) > rounding * column_norm(w, i) &&
                                W::of(0.5) * g * g > W::of(Own::overdamped) * promised * square);
  });
  return overdamped;
}

/// The trial x + h where `where` holds. Returns twice what h would bring if it were not cut, had the model no mu.
template <class W>
constexpr auto damped_trial(W& w, const typename W::Mask& where, const typename W::X_& mu) {
  using X = typename W::X_;
  using M = Math<X>;
  using Mask = typename W::Mask;
  using Own = LevenbergMarquardt;
  const Layout& at = w.layout;
  const int n = w.n();
  const double epsilon = static_cast<double>(std::numeric_limits<typename W::T>::epsilon());
  const X zero = W::of(0), one = W::of(1);
  const auto free = [&](int i) { return w.free_part(i, w.get(at.x(i)), w.get(at.gradient(i))); };
  const auto is_held = [&](int i) { return free(i) == zero && !(w.get(at.gradient(i)) == zero); };
  const auto a = [&](int i, int j) { return at.own(Own::matrix(n, Own::entry(i, j))); };
  const auto l = [&](int i, int j) { return at.own(Own::factor(n, Own::entry(i, j))); };
  const auto p = [&](int i) { return at.direction(i); };
  w.set_where(where, stage, W::of(on_line));
  // L D L^T of the matrix, without the variables that bounds hold. Pivots are no smaller than rounding leaves them.
  w.for_each([&](int j) {
    const X square = square_of_scale(w, j);
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
        const X least = W::of(epsilon) * w.get(a(j, j));
        w.set_where(where && c < least, stage, W::of(undetermined));
        c = M::select(c > least, c, M::select(least > zero, least, one));
        inverse = one / c;
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
  X offset = zero;
  w.for_each([&](int from_last) {
    const int i = n - 1 - from_last;
    X sum = w.get(p(i)) / w.get(l(i, i));
    offset = M::fma(w.get(p(i)), sum, offset);
    w.range(i + 1, n, [&](int k) { sum = sum - w.get(l(k, i)) * w.get(p(k)); });
    w.set(p(i), sum);
  });
  const X whole = scaled_norm(w, w.vector(at.direction(0))), radius = w.get(at.own(Own::radius));
  const Mask cut = whole > radius && W::is_finite(whole);
  const X kept = M::select(cut, radius / whole, one);
  w.for_each([&](int i) {
    const X x = w.get(at.x(i));
    w.set_where(where, at.trial(i), w.within_bounds(i, M::fma(kept, w.get(p(i)), x)));
  });
  return offset;
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
  const X zero = W::of(0), one = W::of(1), stagnated = W::of(static_cast<int>(StopReason::stagnated));
  const Mask runs = w.get(reason) == W::of(running);
  const X f = w.found.load(0);
  X squares_there = zero, sum = zero;
  w.for_each([&](int i) {
    const X g = w.found.load(1 + i), part = w.free_part(i, w.get(at.trial(i)), g);
    squares_there = M::fma(part, part, squares_there);
    sum = sum + M::abs(g) + w.found.load(1 + n + i * n + i);
  });
  const Mask finite = W::is_finite(f) && W::is_finite(sum);
  w.count_up(runs, evaluations);

  const Mask first = runs && w.get(stage) == W::of(at_start), tries = runs && !first;
  const X before = w.get(value), promised = promise(w), reach = scaled_norm(w, step(w));
  const X size = M::abs(before), gain = (before - f) / promised;
  const Mask better = promised > zero && gain >= W::of(Method::least_gain);
  X noise = W::of(Method::lost_part(epsilon)) * size;
  Mask lost = tries && finite && promised >= zero && promised <= noise, level = lost, overdamped = lost, idles = lost;
  X by_slopes = one;
  const Mask in_doubt = tries && finite && !better;
  if (M::any(lost || in_doubt)) {
    // Where what was promised is less than values may show, gradients tell too: residuals are differences, which lose
    // more digits than a sum of their squares would. (eps^(2/3), as in line.hpp, or more.)
    const X rounding = rounding_of_residuals(w) * M::sqrt(W::of(2) * before);
    noise = M::select(in_doubt && rounding > noise, rounding, noise);
    lost = tries && finite && promised >= zero && promised <= noise;
    X here = zero, there = zero;  // in units of D
    X ahead = zero;
    w.for_each([&](int i) {
      const X unit = one / square_of_scale(w, i);
      const X g = w.free_part(i, w.get(at.x(i)), w.get(at.gradient(i)));
      const X next = w.free_part(i, w.get(at.trial(i)), w.found.load(1 + i));
      here = M::fma(g * g, unit, here);
      there = M::fma(next * next, unit, there);
      ahead = M::fma(next, step(w)(i), ahead);
    });
    level = in_doubt && lost && f <= before + noise && there < here;
    overdamped = lost && is_overdamped(w, promised);
    const Mask hardly = there > W::of(Method::much_shorter) * here;
    idles = in_doubt && lost && !overdamped && (!level || hardly);
    // Values don't say what becomes of mu, slopes do: the step was too long if f goes up at its end.
    by_slopes = M::select(hardly, M::select(ahead > zero, W::of(Method::creeping_growth), W::of(0.25)), one);
    by_slopes = M::select(overdamped, W::of(Method::overdamped_shrink), by_slopes);
  }
  const Mask asks = w.get(stage) == W::of(to_be_sure);
  const Mask arrives = tries && finite && (better || level) && !(asks && lost), fails = tries && !arrives;
  const X mu = w.get(at.own(Method::damping)), growth = w.get(at.own(Method::growth));
  const auto within_range = [&](const X& next) {
    const X least = W::of(Method::least_damping(epsilon)), most = W::of(Method::most_damping(epsilon));
    return M::select(next < least, least, M::select(next < most, next, most));
  };

  const Mask moves = first || arrives;
  if (M::any(moves)) {
    w.for_each([&](int i) {
      w.set_where(moves, at.x(i), w.get(at.trial(i)));
      w.set_where(moves, at.gradient(i), w.found.load(1 + i));
      w.range(0, i + 1, [&](int j) {
        w.set_where(moves, at.own(Method::matrix(n, Method::entry(i, j))), w.found.load(1 + n + i * n + j));
      });
      const X square = w.found.load(1 + n + i * n + i), largest = w.get(at.own(Method::scale + i));
      w.set_where(moves, at.own(Method::scale + i), M::select(first || square > largest, square, largest));
    });
    w.set_where(moves, value, f);
    w.set_where(moves, squares, squares_there);
    w.count_up(arrives, iterations);
    see_whether_to_end<Method>(w, moves, before, first);
    const X apart = W::of(2) * gain - one, cubed = one - apart * apart * apart;
    X shrink = M::select(cubed > W::of(1.0 / 3), cubed, W::of(1.0 / 3));
    // What the model foretold comes near the minimum, where damping is all that keeps steps from being Newton's.
    shrink = M::select(M::abs(gain - one) < W::of(Method::foretold), W::of(Method::foretold_shrink), shrink);
    // A cut step has the direction of one without damping, which is across the gradient where J^T J is nearly singular.
    const X radius = w.get(at.own(Method::radius)), farther = W::of(Method::longer) * reach;
    const Mask creeps = gain < W::of(Method::well_foretold) && reach > W::of(Method::nearly) * radius;
    shrink = M::select(creeps, W::of(Method::creeping_growth), shrink);
    shrink = M::select(lost, by_slopes, shrink);
    w.set_where(moves, at.own(Method::damping),
                M::select(first, W::of(Method::first_damping), within_range(mu * shrink)));
    X within = M::select(gain > W::of(Method::well_foretold) && farther > radius, farther, radius);
    within = M::select(gain < W::of(Method::badly_foretold), W::of(Method::half) * reach, within);
    within = M::select(lost, M::select(overdamped, radius * W::of(1 / Method::overdamped_shrink), radius), within);
    if (M::any(first)) {
      const X there = scaled_norm(w, w.vector(at.x(0)));
      within = M::select(first, M::select(there > zero, there, M::sqrt(W::of(2) * f)), within);
    }
    w.set_where(moves, at.own(Method::radius), within);
    w.set_where(moves, at.own(Method::growth), W::of(2));
  }
  if (M::any(fails)) {
    const X next = mu * M::select(overdamped, W::of(Method::overdamped_shrink), growth);
    w.set_where(fails, at.own(Method::damping), within_range(next));
    w.set_where(fails, at.own(Method::growth), growth + growth);
    const X radius = w.get(at.own(Method::radius));
    const X within =
        M::select(overdamped, radius * W::of(1 / Method::overdamped_shrink), W::of(Method::shorter) * reach);
    w.set_where(fails && W::is_finite(within), at.own(Method::radius), within);
    const Mask spent = w.has_reached(evaluations, w.rules.max_evaluations);
    w.set_where(fails && spent, reason, W::of(static_cast<int>(StopReason::evaluations)));
    // A step that changes x in no digit promises 0. Others that values can't show fail where residuals are large, too,
    // and may do better damped.
    const Mask still = finite && !overdamped && promised == zero;
    w.set_where(fails && (still || growth >= W::of(Method::most_growth)), reason, stagnated);
    w.set_where(fails && asks, reason, W::of(static_cast<int>(StopReason::relative_gradient)));
  }
  const auto is = [&](StopReason why) { return w.get(reason) == W::of(static_cast<int>(why)); };
  const Mask goes_on = runs && w.get(reason) == W::of(running);
  // Has converged, if a step without damping says so too: where it just came to at right angles, where no step leads on
  // by what rounding leaves of them, as at a start that is the minimum and in all fits of exact data.
  Mask seems_least = runs && !runs;
  X most_offset = zero;
  if (w.rules.relative > 0) {
    const Mask seems_over = (runs && is(StopReason::stagnated)) || (idles && goes_on);
    const Mask came = moves && (goes_on || is(StopReason::stagnated) || is(StopReason::value) ||
                                is(StopReason::iterations) || is(StopReason::evaluations));
    const X norm = M::sqrt(W::of(2) * w.get(value)), rounding = rounding_of_residuals(w);
    const X by_angle = M::select(came, M::sqrt(X(w.rules.relative)) * norm, zero);
    const X by_rounding = M::select(seems_over, rounding, zero);
    seems_least = (came || seems_over) && is_within(w, M::select(by_angle > by_rounding, by_angle, by_rounding));
    // That step would bring half of |P r|^2, P projecting on what J's columns span: the angle between r and all of
    // them. Source: Bates and Watts 1981, A Relative Offset Orthogonality Convergence Criterion for Nonlinear Least
    // Squares. Where J lacks rank, what is left of a pivot and of what belongs to it are roundings.
    const X lost_in_pivots = W::of(100 * epsilon), relative = X(w.rules.relative);
    most_offset = M::select(relative > lost_in_pivots, relative, lost_in_pivots) * norm * norm;
    most_offset = M::select(most_offset > rounding * rounding, most_offset, rounding * rounding);
  }
  const X mu_of_step = M::select(seems_least, zero, w.get(at.own(Method::damping)));
  const X offset = damped_trial(w, goes_on || seems_least, mu_of_step);
  w.set_where(seems_least && offset <= most_offset, reason, W::of(static_cast<int>(StopReason::relative_gradient)));
  // Or that step is tried. It fails, or is cut to nothing, at minima where J lacks rank and residuals are large.
  w.set_where(seems_least && !(offset <= most_offset), stage, W::of(to_be_sure));
}

}  // namespace nabla::detail::each
