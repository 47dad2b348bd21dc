#pragma once

#include <nabla/detail/each_walker.hpp>

// One of many small descents, as a machine that takes the function's value and gradient at the point it asked for and
// says where it wants them next. X is a number, or a pack of lanes that hold one descent each: what differs from
// descent to descent is selected, not branched upon, so lanes do not know of each other.
//
// The state is rows of X: on CPUs in the first-level cache, on GPUs in registers (all indices are constants there).
// each_methods.hpp has the directions.

namespace nabla::detail::each {

// How much of the decrease that the slope promises a step must bring, and how flat f must be at its end. Source:
// Nocedal and Wright 2006, section 3.1.
constexpr double decrease = 1e-4, slack = 0.9;
constexpr int most_trials = 40;

/// Whether the trial will do, for descents on a line: good, f is low enough; flat, the step is long enough too.
template <class Mask>
struct Judgement {
  Mask good, flat, lost;  // lost: the promised decrease is less than values can show
};

template <class Method, class W>
constexpr auto judge(const W& w, const typename W::X_& f, const typename W::X_& along, const typename W::X_& gain,
                     const typename W::X_& gain_there, const typename W::Mask& finite) {
  using X = typename W::X_;
  using M = Math<X>;
  using T = RealOf<X>;
  const double epsilon = static_cast<double>(std::numeric_limits<T>::epsilon());
  // By the slopes at both ends of the step; bounds may have bent it.
  const X promised = w.has_bounds() ? gain : w.get(length) * w.get(slope);
  const X promised_there = w.has_bounds() ? gain_there : w.get(length) * along;
  const X size = M::abs(w.get(value)), wanted = w.get(reference);
  // eps^(2/3): values of sums of many terms have lost a third of their digits (line.hpp); single functions lose less.
  const typename W::Mask lost = -promised <= W::of(10 * epsilon) * size;
  typename W::Mask level = lost && f <= wanted + W::of(10 * epsilon) * size;
  // Where values tell nothing, slopes do. Source: Hager and Zhang 2005, the approximate Wolfe conditions.
  level = level && promised_there <= W::of(2 * Method::decrease - 1) * promised;
  const typename W::Mask drops = f <= wanted + W::of(Method::decrease) * promised;
  typename W::Mask good = finite && ((drops && !lost) || level);
  if (w.has_bounds()) good = good && promised < W::of(0);  // the path along bounds may lead up
  typename W::Mask flat = good;
  if (Method::wants_flatness && !w.has_bounds()) flat = good && along >= W::of(slack) * w.get(slope);
  // Nesterov's steps only get shorter, so that the first one is made as long as will do.
  if (Method::extrapolates) {
    const X infinity = W::of(std::numeric_limits<double>::infinity());
    typename W::Mask as_long_as_will_do = w.count(iterations) > W::of(0) || w.get(high) < infinity;
    if (w.has_bounds()) {  // where a longer one would end at the same place, it is
      typename W::Mask ends_there = good;
      w.for_each([&](int i) {
        const X twice = M::fma(W::of(2) * w.get(length), w.get(w.layout.direction(i)), w.get(w.layout.x(i)));
        ends_there = ends_there && w.within_bounds(i, twice) == w.get(w.layout.trial(i));
      });
      as_long_as_will_do = as_long_as_will_do || ends_there;
    }
    flat = good && as_long_as_will_do;
  }
  return Judgement<typename W::Mask>{good, flat, lost};
}

/// The next length to try between low and high, where the last was too long or too short.
template <class W>
constexpr void bracket(W& w, const typename W::X_& f, const typename W::X_& along, const typename W::Mask& too_long,
                       const typename W::Mask& too_short, const typename W::Mask& finite) {
  using X = typename W::X_;
  using M = Math<X>;
  const X infinity = W::of(std::numeric_limits<double>::infinity());
  const X at = w.get(length), from = w.get(low), slope_there = w.get(low_slope), width = at - from;
  // Too long: where the parabola through both values and the slope at low is least.
  const X bend = f - w.get(low_value) - slope_there * width;
  const X least = W::of(-0.5) * slope_there * width * width / bend;
  const X shorter = M::select(least > W::of(0.1) * width,
                              M::select(least < W::of(0.5) * width, least, W::of(0.5) * width), W::of(0.1) * width);
  // Too short: where slopes, continued in a line, vanish.
  const X rest = w.get(high) - at;
  const X ahead = width * along / (slope_there - along);
  const X nearest = M::select(rest < infinity, W::of(0.1) * rest, at),
          farthest = M::select(rest < infinity, W::of(0.9) * rest, W::of(9) * at);
  const X longer = M::select(ahead > nearest, M::select(ahead < farthest, ahead, farthest), nearest);
  w.set_where(too_long, high, at);
  w.set_where(too_short, low, at);
  w.set_where(too_short, low_value, f);
  w.set_where(too_short, low_slope, along);
  w.set_where(too_long, length, from + M::select(finite && bend > W::of(0), shorter, W::of(0.1) * width));
  w.set_where(too_short, length, at + longer);
  w.set_where(too_long || too_short, trials, w.get(trials) + W::of(1));
}

/// A new line from x: along p, which the method made, or along the negative gradient where that does not lead down.
template <class Method, class W>
constexpr void begin_line(W& w, const typename W::Mask& where) {
  using X = typename W::X_;
  using M = Math<X>;
  const Layout& at = w.layout;
  const auto free_gradient = [&](int i) { return w.free_part(i, w.get(at.x(i)), w.get(at.gradient(i))); };
  X along = W::of(0);
  w.for_each([&](int i) {
    const X part = free_gradient(i);
    const X p = w.has_bounds() ? w.held_back(i, w.get(at.direction(i)), part) : w.get(at.direction(i));
    if (w.has_bounds()) w.set_where(where, at.direction(i), p);
    along = M::fma(part, p, along);
  });
  if constexpr (Method::searches_lines) {
    const typename W::Mask uphill = where && !(along < W::of(0));
    if (M::any(uphill)) {
      w.for_each([&](int i) { w.set_where(uphill, at.direction(i), -free_gradient(i)); });
      along = M::select(uphill, -w.get(squares), along);
      w.set_where(uphill, fresh, W::of(1));
      w.set_where(uphill, length, w.cautious());
    }
  }
  w.set_where(where, slope, along);
  w.set_where(where, low, W::of(0));
  w.set_where(where, high, W::of(std::numeric_limits<double>::infinity()));
  w.set_where(where, low_value, w.get(value));
  w.set_where(where, low_slope, along);
  w.set_where(where, trials, W::of(0));
  w.set_where(where, stage, W::of(on_line));
}

/// Why descents that just moved end, if they do; as nabla::minimize() has it.
template <class Method, class W>
constexpr void see_whether_to_end(W& w, const typename W::Mask& moved, const typename W::X_& value_before,
                                  const typename W::Mask& first) {
  using X = typename W::X_;
  using M = Math<X>;
  using T = RealOf<X>;
  const X zero = W::of(0), one = W::of(1);
  const X f = w.get(value), squares_now = w.get(squares);
  // Those never go up, and not by lengths of gradients, whose squares may overflow.
  constexpr bool damps = requires { Method::damps; };
  constexpr double digits = 4 * static_cast<double>(std::numeric_limits<T>::epsilon());
  w.set_where(first, first_value, f);
  const X lowest = M::select(first, f, w.get(least_value));
  X enough = W::of(digits);
  // Where J has lost rank at a solution, as in Powell's singular problem, steps get shorter for ever.
  constexpr double percent = 0.01;
  if constexpr (damps) enough = M::select(w.get(stage) == W::of(undetermined), W::of(percent), enough);
  typename W::Mask better = f < lowest - enough * M::abs(lowest);
  if constexpr (!damps) {
    const X shortest = M::select(first, squares_now, w.get(least_squares));
    better = better || squares_now < shortest;
    w.set_where(first, first_squares, squares_now);
    w.set_where(moved, least_squares, M::select(squares_now < shortest, squares_now, shortest));
  }
  w.set_where(moved, least_value, M::select(f < lowest, f, lowest));
  w.set_where(moved && !first, since_better, M::select(better, zero, w.get(since_better) + one));
  const typename W::Mask alike = M::abs(f - value_before) <= X(w.rules.value_tolerance) * M::abs(f);
  w.set_where(moved && !first, quiet, M::select(alike, w.get(quiet) + one, zero));

  const X made = w.count(iterations);
  X why = W::of(running);
  // The last that holds is the first in order of precedence.
  const auto if_so = [&](const typename W::Mask& so, StopReason end) {
    why = M::select(so, W::of(static_cast<int>(end)), why);
  };
  constexpr double patience = Method::patience, enough_alike = 5, far = 1e12;  // squared
  // Beyond 1 / epsilon, since_better would stand still.
  constexpr double longest = 1 / static_cast<double>(std::numeric_limits<T>::epsilon());
  const X half = M::select(W::of(0.5) * made < W::of(longest), W::of(0.5) * made, W::of(longest));
  const X patient = M::select(half > W::of(patience), half, W::of(patience));
  if_so(w.has_reached(evaluations, w.rules.max_evaluations), StopReason::evaluations);
  if_so(w.has_reached(iterations, w.rules.max_iterations), StopReason::iterations);
  if_so(w.get(since_better) >= patient, StopReason::stagnated);
  // Squares of short gradients underflow: 0 <= 0 says nothing then.
  const X least_square = W::of(static_cast<double>(std::numeric_limits<T>::min()));
  if constexpr (!damps) {
    if_so(squares_now > W::of(far) * w.get(first_squares) && f > w.get(first_value), StopReason::diverged);
  }
  if (w.rules.value_tolerance > 0) if_so(w.get(quiet) >= W::of(enough_alike), StopReason::value);
  if constexpr (!damps) {
    const X short_enough = X(w.rules.relative) * w.get(first_squares);
    if_so(squares_now <= short_enough && short_enough >= least_square, StopReason::relative_gradient);
  }
  typename W::Mask is_short = squares_now <= X(w.rules.absolute);
  if (M::any(is_short && squares_now < least_square)) {
    typename W::Mask vanishes = is_short;
    w.for_each([&](int i) {
      vanishes = vanishes && w.free_part(i, w.get(w.layout.x(i)), w.get(w.layout.gradient(i))) == zero;
    });
    is_short = is_short && (vanishes || X(w.rules.absolute) >= least_square);
  }
  if_so(is_short, StopReason::gradient);
  if_so(f <= X(w.rules.target), StopReason::target);
  X whole = squares_now;
  if constexpr (damps) {
    whole = zero;
    w.for_each([&](int i) { whole = whole + M::abs(w.get(w.layout.gradient(i))); });
  }
  if_so(!(W::is_finite(f) && W::is_finite(whole)), StopReason::not_finite);
  if_so(f == W::of(-std::numeric_limits<double>::infinity()), StopReason::unbounded);
  w.set_where(moved, reason, why);
}

/// From one evaluation to the next.
template <class Method, class W>
constexpr void advance(W& w) {
  using X = typename W::X_;
  using M = Math<X>;
  using Mask = typename W::Mask;
  const Layout& at = w.layout;
  const X zero = W::of(0), one = W::of(1), infinity = W::of(std::numeric_limits<double>::infinity());
  const Mask runs = w.get(reason) == W::of(running);
  const X f = w.found.load(0);
  X squares_there = zero, along = zero, gain = zero, gain_there = zero;
  w.for_each([&](int i) {
    const X x = w.get(at.trial(i)), g = w.found.load(1 + i);
    const X part = w.free_part(i, x, g);
    squares_there = M::fma(part, part, squares_there);
    along = M::fma(g, w.get(at.direction(i)), along);
    if (!w.has_bounds()) return;
    const X step = x - w.get(at.x(i));
    gain = M::fma(w.get(at.gradient(i)), step, gain);
    gain_there = M::fma(g, step, gain_there);
  });
  const Mask finite = W::is_finite(f) && W::is_finite(squares_there);
  w.count_up(runs, evaluations);

  const Mask first = runs && w.get(stage) == W::of(at_start);
  Mask moves = runs, bottomless = runs && !runs;
  if constexpr (Method::searches_lines) {
    const Mask on_a_line = runs && w.get(stage) == W::of(on_line);
    const auto [good, flat, lost] = judge<Method>(w, f, along, gain, gain_there, finite);
    const Mask tired = w.get(trials) >= W::of(most_trials);
    bottomless = on_a_line && (f == -infinity || (good && !flat && tired && w.get(high) == infinity));
    const Mask arrived = on_a_line && (flat || (good && tired) || bottomless);
    const Mask too_long = on_a_line && !arrived && !good, too_short = on_a_line && !arrived && good;
    bracket(w, f, along, too_long, too_short, finite);
    // Nothing was found: along the negative gradient, or not at all.
    const Mask back = too_long && tired && w.get(low) > zero;
    w.set_where(back, length, w.get(low));
    Mask stuck = too_long && tired && !back;
    Mask still = too_long && !stuck;
    w.for_each([&](int i) {
      const X x = w.get(at.x(i));
      still = still && w.within_bounds(i, M::fma(w.get(length), w.get(at.direction(i)), x)) == x;
    });
    stuck = stuck || still;
    if (M::any(stuck)) {
      const Mask over = stuck && w.get(fresh) == one;
      w.set_where(over, reason,
                  M::select(lost || still, W::of(static_cast<int>(StopReason::stagnated)),
                            W::of(static_cast<int>(StopReason::line_search_failed))));
      const Mask again = stuck && !over;
      w.for_each(
          [&](int i) { w.set_where(again, at.direction(i), -w.free_part(i, w.get(at.x(i)), w.get(at.gradient(i)))); });
      w.set_where(again, fresh, one);
      w.set_where(again, length, w.cautious());
      begin_line<Method>(w, again);
    }
    const Mask spent = (too_long || too_short) && w.has_reached(evaluations, w.rules.max_evaluations);
    w.set_where(spent && w.get(reason) == W::of(running), reason, W::of(static_cast<int>(StopReason::evaluations)));
    moves = first || arrived;
    if constexpr (Method::extrapolates) {
      const Mask ahead = runs && w.get(stage) == W::of(extrapolated);
      moves = first || (ahead && finite) || (arrived && bottomless);
      Method::retreat(w, ahead && !finite);
      Method::extrapolate(w, arrived && !bottomless);
    }
  }

  if (M::any(moves)) {
    const X value_before = w.get(value);
    w.for_each([&](int i) {
      const X x = w.get(at.trial(i)), g = w.found.load(1 + i);
      w.set(at.moved(i), x - w.get(at.x(i)));
      w.set(at.changed(i), g - w.get(at.gradient(i)));
      w.set_where(moves, at.x(i), x);
      w.set_where(moves, at.gradient(i), g);
    });
    w.set_where(moves, value, f);
    const X squares_before = w.get(squares);
    w.set_where(moves, squares, squares_there);
    w.count_up(moves && !first, iterations);
    see_whether_to_end<Method>(w, moves, value_before, first);
    w.set_where(bottomless, reason, W::of(static_cast<int>(StopReason::unbounded)));
    const Mask goes_on = moves && w.get(reason) == W::of(running);
    if (M::any(goes_on)) {
      w.set_where(goes_on, reference, f);
      Method::turn(w, goes_on, first, squares_before);
      begin_line<Method>(w, goes_on);
    }
  }
  const Mask tries = w.get(stage) == W::of(on_line);
  w.for_each([&](int i) {
    const X ahead = M::fma(w.get(length), w.get(at.direction(i)), w.get(at.x(i)));
    w.set_where(tries, at.trial(i), w.within_bounds(i, ahead));
  });
}

}  // namespace nabla::detail::each
