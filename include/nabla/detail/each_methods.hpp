#pragma once

#include <nabla/detail/each_descent.hpp>

#include <cstdint>

// Directions of many small descents. turn() is called where a descent has moved: it sets the direction p and the first
// length to try. `moved` and `changed` are the last step and what it changed the gradient by, unless it is the first
// time.

namespace nabla::detail::each {

/// What most methods have in common.
struct OnLines {
  static constexpr bool searches_lines = true, wants_flatness = true, extrapolates = false, needs_hessian = false;
  static constexpr double decrease = each::decrease, patience = 50;
};
struct FixedSteps {
  static constexpr bool searches_lines = false, wants_flatness = false, extrapolates = false, needs_hessian = false;
  static constexpr double decrease = 0, patience = 1000;
};

/// What fixed steps multiply the gradient by.
template <class W>
constexpr auto fixed_step(const W& w) {
  using X = typename W::X_;
  const X norm = Math<X>::sqrt(w.get(squares)), clip = X(w.rules.clip);
  return X(w.rules.step) * Math<X>::select(norm > clip, clip / norm, W::of(1));
}

/// s.y is large enough, against rounding, to tell of curvature.
template <class W>
constexpr auto shows_curvature(const typename W::X_& sy, const typename W::X_& ss, const typename W::X_& yy) {
  using T = typename W::T;
  const double epsilon = static_cast<double>(std::numeric_limits<T>::epsilon());
  return sy > W::of(epsilon) * Math<typename W::X_>::sqrt(ss * yy) && W::is_finite(yy);
}

struct FixedGradient : FixedSteps {
  static constexpr int rows(int, int) { return 0; }
  template <class W>
  static constexpr void turn(W& w, const typename W::Mask& where, const typename W::Mask&, const typename W::X_&) {
    const auto step = fixed_step(w);
    w.for_each([&](int i) { w.set_where(where, w.layout.direction(i), -step * w.get(w.layout.gradient(i))); });
    w.set_where(where, length, W::of(1));
  }
};

struct SearchedGradient : OnLines {
  static constexpr int rows(int, int) { return 0; }
  template <class W>
  static constexpr void turn(W& w, const typename W::Mask& where, const typename W::Mask& first,
                             const typename W::X_& squares_before) {
    w.for_each([&](int i) { w.set_where(where, w.layout.direction(i), -w.get(w.layout.gradient(i))); });
    // As if the change of the value were that of the last step. Source: Nocedal and Wright 2006, section 3.5.
    const auto again = w.get(length) * squares_before / w.get(squares);
    w.set_where(where, length, Math<typename W::X_>::select(first, w.cautious(), again));
    w.set_where(where, fresh, W::of(1));
  }
};

/// Source: Polyak 1964, as momentum.cpp.
struct FixedHeavyBall : FixedSteps {
  static constexpr int rows(int, int) { return 0; }
  template <class W>
  static constexpr void turn(W& w, const typename W::Mask& where, const typename W::Mask& first,
                             const typename W::X_&) {
    const auto step = fixed_step(w);
    const auto kept = Math<typename W::X_>::select(first, W::of(0), typename W::X_(w.rules.momentum));
    w.for_each([&](int i) {
      const auto p = w.get(w.layout.direction(i));
      w.set_where(where, w.layout.direction(i), product(kept, p) - step * w.get(w.layout.gradient(i)));
    });
    w.set_where(where, length, W::of(1));
  }
};

struct SearchedHeavyBall : OnLines {
  static constexpr int rows(int, int) { return 0; }
  template <class W>
  static constexpr void turn(W& w, const typename W::Mask& where, const typename W::Mask& first,
                             const typename W::X_&) {
    using M = Math<typename W::X_>;
    const auto kept = M::select(first || w.get(fresh) == W::of(1), W::of(0), typename W::X_(w.rules.momentum));
    w.for_each([&](int i) {
      const auto p = w.get(w.layout.direction(i));
      w.set_where(where, w.layout.direction(i), product(kept, p) - w.get(w.layout.gradient(i)));
    });
    w.set_where(where && first, length, w.cautious());
    w.set_where(where, fresh, M::select(first, W::of(1), W::of(0)));
  }
};

/// x is the point y where gradients are taken; what theory calls x is in own rows. Sources: momentum.cpp.
template <class W>
constexpr auto next_in_sequence(const W& w) {
  using X = typename W::X_;
  const X before = w.get(sequence);
  return W::of(0.5) * (W::of(1) + Math<X>::sqrt(W::of(1) + W::of(4) * before * before));
}
/// Extrapolates from x_new, or begins anew there where momentum leads uphill: aim(i, y) is told where to go.
template <class W, class New, class Aim>
constexpr void extrapolate_from(W& w, const typename W::Mask& where, New x_new, Aim aim) {
  using X = typename W::X_;
  using M = Math<X>;
  const X next = next_in_sequence(w), given(w.rules.momentum);
  const bool constant_momentum = w.rules.momentum >= 0;
  X uphill = W::of(0);
  w.for_each([&](int i) { uphill = M::fma(w.get(w.layout.gradient(i)), x_new(i) - w.get(w.layout.own(i)), uphill); });
  const typename W::Mask anew = uphill > W::of(constant_momentum ? std::numeric_limits<double>::infinity() : 0);
  const X momentum = constant_momentum ? given : (w.get(sequence) - W::of(1)) / next;
  w.for_each([&](int i) {
    const X to = x_new(i), y = M::select(anew, to, M::fma(momentum, to - w.get(w.layout.own(i)), to));
    w.set_where(where, w.layout.own(i), to);
    aim(i, w.within_bounds(i, y));
  });
  w.set_where(where, sequence, M::select(anew, W::of(1), next));
  w.set_where(where && anew, length, W::of(2) * w.get(length));
}

struct FixedNesterov : FixedSteps {
  static constexpr int rows(int n, int) { return n; }
  template <class W>
  static constexpr void turn(W& w, const typename W::Mask& where, const typename W::Mask& first,
                             const typename W::X_&) {
    const Layout& at = w.layout;
    w.for_each([&](int i) { w.set_where(first, at.own(i), w.get(at.x(i))); });
    w.set_where(first, sequence, W::of(1));
    const auto step = fixed_step(w);
    const auto x_new = [&](int i) {
      return w.within_bounds(i, Math<typename W::X_>::fma(-step, w.get(at.gradient(i)), w.get(at.x(i))));
    };
    extrapolate_from(w, where, x_new,
                     [&](int i, const auto& y) { w.set_where(where, at.direction(i), y - w.get(at.x(i))); });
    w.set_where(where, length, W::of(1));
  }
};

struct SearchedNesterov : OnLines {
  static constexpr bool wants_flatness = false, extrapolates = true;
  static constexpr double decrease = 0.5, patience = 1000;
  static constexpr int rows(int n, int) { return n; }
  template <class W>
  static constexpr void turn(W& w, const typename W::Mask& where, const typename W::Mask& first,
                             const typename W::X_&) {
    const Layout& at = w.layout;
    w.for_each([&](int i) {
      w.set_where(first, at.own(i), w.get(at.x(i)));
      w.set_where(where, at.direction(i), -w.get(at.gradient(i)));
    });
    w.set_where(first, sequence, W::of(1));
    w.set_where(where && first, length, w.cautious());
    w.set_where(where, fresh, W::of(1));
  }
  template <class W>
  static constexpr void extrapolate(W& w, const typename W::Mask& where) {
    const Layout& at = w.layout;
    extrapolate_from(
        w, where, [&](int i) { return w.get(at.trial(i)); },
        [&](int i, const auto& y) { w.set_where(where, at.trial(i), y); });
    w.set_where(where, stage, W::of(extrapolated));
  }
  /// Extrapolated through a wall, before which f was seen to be finite.
  template <class W>
  static constexpr void retreat(W& w, const typename W::Mask& where) {
    w.for_each([&](int i) { w.set_where(where, w.layout.trial(i), w.get(w.layout.own(i))); });
    w.set_where(where, sequence, W::of(1));
  }
};

/// Source: Barzilai and Borwein 1988, s.s / s.y; the nonmonotone reference of Zhang and Hager (SIAM J. Optim. 14,
/// 2004), a mean of the values so far.
struct BarzilaiBorwein : OnLines {
  static constexpr bool wants_flatness = false;
  static constexpr double patience = 200;
  static constexpr int rows(int, int) { return 1; }
  template <class W>
  static constexpr void turn(W& w, const typename W::Mask& where, const typename W::Mask& first,
                             const typename W::X_&) {
    using X = typename W::X_;
    using M = Math<X>;
    const Layout& at = w.layout;
    const X ss = w.dot(w.vector(at.moved(0)), w.vector(at.moved(0)));
    const X sy = w.dot(w.vector(at.moved(0)), w.vector(at.changed(0)));
    const X next = M::select(sy > W::of(0), ss / sy, W::of(10) * w.get(length));
    w.for_each([&](int i) { w.set_where(where, at.direction(i), -w.get(at.gradient(i))); });
    w.set_where(where, length, M::select(first, w.cautious(), next));
    w.set_where(where, fresh, W::of(1));
    constexpr double memory = 0.85;
    const X kept = M::select(first, W::of(0), W::of(memory) * w.get(weight));
    const X mean_before = M::select(first, W::of(0), w.get(at.own(0)));
    const X mean = (kept * mean_before + w.get(value)) / (kept + W::of(1));
    w.set_where(where, weight, kept + W::of(1));
    w.set_where(where, at.own(0), mean);
    w.set_where(where, reference, mean);
  }
};

/// Source: Broyden, Fletcher, Goldfarb and Shanno 1970; Nocedal and Wright 2006, equations 6.17 and 6.20.
struct Bfgs : OnLines {
  /// The inverse Hessian's lower triangle, and a vector.
  static constexpr int rows(int n, int) { return n * (n + 1) / 2 + n; }
  static constexpr int entry(int i, int j) { return i >= j ? i * (i + 1) / 2 + j : j * (j + 1) / 2 + i; }

  template <class W>
  static constexpr void turn(W& w, const typename W::Mask& where, const typename W::Mask& first,
                             const typename W::X_&) {
    using X = typename W::X_;
    using M = Math<X>;
    using Mask = typename W::Mask;
    const Layout& at = w.layout;
    const int n = w.n(), hy = n * (n + 1) / 2;
    const auto s = w.vector(at.moved(0)), y = w.vector(at.changed(0));
    const X sy = w.dot(s, y), ss = w.dot(s, s), yy = w.dot(y, y);
    const Mask learns = where && !first && shows_curvature<W>(sy, ss, yy);
    const Mask forgets = where && w.get(fresh) == W::of(1);
    const X scale = M::select(learns, sy / yy, W::of(1));
    w.for_each([&](int i) {
      w.range(0, i + 1, [&](int j) { w.set_where(forgets || first, at.own(entry(i, j)), i == j ? scale : W::of(0)); });
    });
    const X rho = W::of(1) / sy;
    X y_hy = W::of(0);
    w.for_each([&](int i) {
      const X sum = w.dot([&](int j) { return w.get(at.own(entry(i, j))); }, y);
      w.set(at.own(hy + i), sum);
      y_hy = M::fma(y(i), sum, y_hy);
    });
    const X of_ss = M::fma(rho, y_hy, W::of(1)) * rho;
    w.for_each([&](int i) {
      w.range(0, i + 1, [&](int j) {
        const X mixed = s(i) * w.get(at.own(hy + j)) + s(j) * w.get(at.own(hy + i));
        w.set_where(learns, at.own(entry(i, j)), w.get(at.own(entry(i, j))) - rho * mixed + of_ss * s(i) * s(j));
      });
    });
    w.for_each([&](int i) {
      const X p = w.dot([&](int j) { return w.get(at.own(entry(i, j))); },
                        [&](int j) { return w.free_part(j, w.get(at.x(j)), w.get(at.gradient(j))); });
      w.set_where(where, at.direction(i), -p);
    });
    const Mask knows = learns || (!first && w.get(fresh) == W::of(0));
    w.set_where(where, fresh, M::select(knows, W::of(0), W::of(1)));
    w.set_where(where, length, M::select(knows, W::of(1), w.cautious()));
  }
};

/// Source: Nocedal 1980; Nocedal and Wright 2006, algorithm 7.4. Pairs are moved up one place for a new one, so that
/// they lie at the same place in all lanes.
struct LimitedBfgs : OnLines {
  static constexpr int rows(int n, int memory) { return memory * (2 * n + 2); }

  template <class W>
  static constexpr void turn(W& w, const typename W::Mask& where, const typename W::Mask& first,
                             const typename W::X_&) {
    using X = typename W::X_;
    using M = Math<X>;
    using Mask = typename W::Mask;
    const Layout& at = w.layout;
    const int n = w.n(), memory = w.rules.memory, pair = 2 * n + 2;
    const auto s_of = [&](int k, int i) { return at.own(k * pair + i); };
    const auto y_of = [&](int k, int i) { return at.own(k * pair + n + i); };
    const auto rho_of = [&](int k) { return at.own(k * pair + 2 * n); };  // 0: no pair
    const auto part_of = [&](int k) { return at.own(k * pair + 2 * n + 1); };
    const auto s = w.vector(at.moved(0)), y = w.vector(at.changed(0));
    const X sy = w.dot(s, y), ss = w.dot(s, s), yy = w.dot(y, y);
    const Mask learns = where && !first && shows_curvature<W>(sy, ss, yy);
    const Mask forgets = where && (first || w.get(fresh) == W::of(1));
    for (int k = 0; k < memory; ++k) w.set_where(forgets, rho_of(k), W::of(0));
    // Places behind the last pair are left alone, where all lanes are so far.
    const auto is_there = [&](int k) { return w.get(rho_of(k)) > W::of(0); };
    for (int k = memory - 1; k > 0; --k) {
      if (!M::any(learns && is_there(k - 1))) continue;
      for (int i = 0; i < pair; ++i) w.set_where(learns, at.own(k * pair + i), w.get(at.own((k - 1) * pair + i)));
    }
    w.for_each([&](int i) {
      w.set_where(learns, s_of(0, i), s(i));
      w.set_where(learns, y_of(0, i), y(i));
    });
    w.set_where(learns, rho_of(0), W::of(1) / sy);

    w.for_each(
        [&](int i) { w.set_where(where, at.direction(i), -w.free_part(i, w.get(at.x(i)), w.get(at.gradient(i)))); });
    const auto p = w.vector(at.direction(0));
    for (int k = 0; k < memory; ++k) {
      const Mask there = where && is_there(k);
      if (!M::any(there)) break;
      const X part = w.get(rho_of(k)) * w.dot([&](int i) { return w.get(s_of(k, i)); }, p);
      w.set(part_of(k), part);
      w.for_each([&](int i) { w.set_where(there, at.direction(i), p(i) - part * w.get(y_of(k, i))); });
    }
    const auto newest_y = [&](int i) { return w.get(y_of(0, i)); };
    const Mask any_pair = where && is_there(0);
    const X scale = W::of(1) / (w.get(rho_of(0)) * w.dot(newest_y, newest_y));
    w.for_each([&](int i) { w.set_where(any_pair, at.direction(i), scale * p(i)); });
    for (int k = memory - 1; k >= 0; --k) {
      const Mask there = where && is_there(k);
      if (!M::any(there)) continue;
      const X part = w.get(part_of(k)) - w.get(rho_of(k)) * w.dot([&](int i) { return w.get(y_of(k, i)); }, p);
      w.for_each([&](int i) { w.set_where(there, at.direction(i), p(i) + part * w.get(s_of(k, i))); });
    }
    w.set_where(where, fresh, M::select(any_pair, W::of(0), W::of(1)));
    w.set_where(where, length, M::select(any_pair, W::of(1), w.cautious()));
  }
};

/// The Hessian, made positive definite where it is not. Source: Gill, Murray and Wright, Practical Optimization (1981),
/// section 4.4.2.2, the modified Cholesky factorization.
struct Newton : OnLines {
  static constexpr bool needs_hessian = true;
  static constexpr int rows(int n, int) { return n * (n + 1) / 2 + n; }
  static constexpr int entry(int i, int j) { return i * (i + 1) / 2 + j; }  // i >= j

  template <class W>
  static constexpr void turn(W& w, const typename W::Mask& where, const typename W::Mask&, const typename W::X_&) {
    using X = typename W::X_;
    using M = Math<X>;
    using Mask = typename W::Mask;
    const Layout& at = w.layout;
    const int n = w.n(), z = n * (n + 1) / 2;
    const auto free = [&](int i) { return w.free_part(i, w.get(at.x(i)), w.get(at.gradient(i))); };
    const auto is_held = [&](int i) { return free(i) == W::of(0) && !(w.get(at.gradient(i)) == W::of(0)); };
    const double epsilon = static_cast<double>(std::numeric_limits<typename W::T>::epsilon());
    X on = W::of(0), off = W::of(0);
    w.for_each([&](int i) {
      w.range(0, i + 1, [&](int j) {
        X second = w.found.load(1 + n + i * n + j);
        if (w.has_bounds()) {
          const Mask held = is_held(i) || is_held(j);
          second = M::select(held, W::of(i == j ? 1 : 0), second);
        }
        w.set(at.own(entry(i, j)), second);
        const X size = M::abs(second);
        X& largest = i == j ? on : off;
        largest = M::select(size > largest, size, largest);
      });
    });
    const double spread = n > 1 ? static_cast<double>(n) : 1;  // above sqrt(n^2 - 1)
    const X by_off = off / W::of(spread);
    const X bound = M::select(on > by_off, on, by_off) + W::of(epsilon);
    const X tiny = W::of(epsilon) * M::select(on + off > W::of(1), on + off, W::of(1));
    w.for_each([&](int j) {
      // Column j of L D, which takes the place of the matrix's; then its pivot, and L.
      X theta = W::of(0);
      w.range(j, n, [&](int i) {
        X c = w.get(at.own(entry(i, j)));
        w.range(0, j, [&](int k) {
          c = c - w.get(at.own(entry(i, k))) * w.get(at.own(entry(j, k))) * w.get(at.own(entry(k, k)));
        });
        w.set(at.own(entry(i, j)), c);
        if (i > j) theta = M::select(M::abs(c) > theta, M::abs(c), theta);
      });
      const X own = M::abs(w.get(at.own(entry(j, j)))), needed = theta * theta / bound;
      const X least = M::select(own > tiny, own, tiny);
      const X pivot = M::select(needed > least, needed, least);
      w.set(at.own(entry(j, j)), pivot);
      w.range(j + 1, n, [&](int i) { w.set(at.own(entry(i, j)), w.get(at.own(entry(i, j))) / pivot); });
    });
    w.for_each([&](int i) {
      X sum = -free(i);
      w.range(0, i, [&](int k) { sum = sum - w.get(at.own(entry(i, k))) * w.get(at.own(z + k)); });
      w.set(at.own(z + i), sum);
    });
    w.for_each([&](int from_last) {
      const int i = n - 1 - from_last;
      X sum = w.get(at.own(z + i)) / w.get(at.own(entry(i, i)));
      w.range(i + 1, n, [&](int k) { sum = sum - w.get(at.own(entry(k, i))) * w.get(at.own(z + k)); });
      w.set(at.own(z + i), sum);
    });
    w.for_each([&](int i) { w.set_where(where, at.direction(i), w.get(at.own(z + i))); });
    w.set_where(where, fresh, W::of(0));
    w.set_where(where, length, W::of(1));
  }
};

}  // namespace nabla::detail::each
