#pragma once

#include <nabla/detail/bodies.hpp>

// The first stage of a gradient check: differences of f along directions, at a ladder of steps, for one point. A body
// like those of bodies.hpp, so that it runs wherever functions are evaluated, with the points' numbers in registers.

namespace nabla::detail {

inline constexpr int most_ladder_steps = 50;
inline constexpr int most_ladder_directions = 8;

/// What is the same for all points.
template <class T>
struct LadderPlan {
  const T* directions;  // in the executor's memory; n numbers each
  int direction_count;
  int step_count;
  T steps[most_ladder_steps];  // smallest first, from one to the next by the same power of two
  T step_exponent;             // of that power
  T corner_growth;             // what bends grow by, from step to step, where f is smooth and at corners, in the middle
  T tolerance;
  T floor;     // part of f's change that a derivative may be off by
  T rounding;  // part of a claim that its own rounding may be
  T epsilon;   // of T
  T smallest;  // of T's normal numbers
};

/// One direction v: f(x + h v) and f(x - h v) for steps h from small to large, against the claim that the derivative
/// along v is `slope`.
///
/// The smallest steps see nothing but f's rounding, which is measured there. At larger ones what is left over,
///     off = |f(x + h v) - f(x - h v) - 2 h slope|,
/// is O(h^3) if the slope is right, 2 h times its error if not. The claim passes if two neighbouring steps, at which
/// the tolerance is wider than the rounding, have `off` within it, and no smaller one contradicts it. f is taken for
/// smooth if its bend
///     |f(x + h v) - 2 f(x) + f(x - h v)|,
/// where it first rises above rounding, grows like h^2 and not like h, or if it does not rise before it is a small part
/// of h times the gradient. A gradient of 0 passes also where f does not change at all at the smaller of the steps.
template <class X>
class Ladder {
  using M = Math<X>;
  using T = RealOf<X>;
  using Mask = typename M::Mask;

 public:
  constexpr Ladder(const LadderPlan<T>& plan, const X& centre, const X& slope, const X& size)
      : centre_(centre),
        slope_(slope),
        size_(size),
        noise_(M::abs(centre) * X(plan.epsilon) + X(plan.smallest)),
        never_(!(centre == centre) && centre == centre),
        agreed_(never_),
        agreed_before_(never_),
        contradicted_(never_),
        still_(size == constant<X>(0)),
        smooth_(never_),
        flat_before_(never_),
        bent_(never_),
        bent_before_(never_),
        bend_judged_(never_),
        cornered_(never_),
        clear_(never_),
        clear_before_(never_),
        straight_(never_),
        plan_(plan) {}

  /// The differences at step number k.
  [[gnu::always_inline]] constexpr void add(int k, const X& forward, const X& backward) {
    constexpr double nearby = 1.0 / 65536;
    const T h = plan_.steps[k];
    if (h <= static_cast<T>(nearby)) still_ = still_ && forward == centre_ && backward == centre_;
    const X up = forward - centre_, down = backward - centre_;
    const X off = M::abs((forward - backward) - slope_ * X(2 * h));
    const X bend = M::abs(up + down);
    constexpr int noise_steps = 3;
    if (k < noise_steps) {
      noise_ = M::select(off > noise_, off, noise_);
      noise_ = M::select(bend > noise_, bend, noise_);
    } else {
      const X change = M::abs(up) + M::abs(down);
      agree(h, off, change);
      judge_bend(h, bend, change);
      follow(h, off);
    }
    off_before_ = off;
    bend_before_ = bend;
  }

  constexpr Mask passed() const { return still_ || (agreed_ && !contradicted_ && (smooth_ || !bent_)); }
  /// |D - slope| / (|D| + |slope|), as if all terms of the slope had the same sign; 0 where it is 0 / 0.
  constexpr X relative_error() const {
    return M::select(still_ || least_off_ == constant<X>(0), constant<X>(0), least_off_ / (size_ + size_));
  }
  /// The exponent of h in the error of differences; `linear` or `quadratic` where there is no error; else NaN.
  constexpr X error_slope(const X& linear, const X& quadratic) const {
    constexpr int least_intervals = 3;
    const X slope = M::log2(best_growth_) / (best_length_ * X(plan_.step_exponent)) - constant<X>(1);
    const X unknown(std::numeric_limits<T>::quiet_NaN());
    const X known = M::select(best_length_ >= X(T(least_intervals)), slope, unknown);
    const X without_error = M::select(bent_, M::select(smooth_, quadratic, unknown), linear);
    return M::select(clear_, known, without_error);
  }

 private:
  [[gnu::always_inline]] constexpr void agree(T h, const X& off, const X& change) {
    const X within = size_ * X(2 * h * plan_.tolerance) + change * X(plan_.floor);
    const Mask agrees = within >= X(T(4)) * noise_ && off <= within && off < X(std::numeric_limits<T>::infinity());
    const X off_per_step = off * X(1 / h);
    least_off_ = M::select(agrees && !(least_off_ <= off_per_step), off_per_step, least_off_);
    if (M::all(agreed_)) return;
    agreed_ = agreed_ || (agrees && agreed_before_);
    contradicted_ = contradicted_ || (!agreed_ && off > X(T(2)) * within + X(T(16)) * noise_);
    agreed_before_ = agrees;
  }

  [[gnu::always_inline]] constexpr void judge_bend(T h, const X& bend, const X& change) {
    if (M::all(smooth_ && bent_)) return;
    constexpr double small_part = 1e-3;
    const X little = size_ * X(static_cast<T>(small_part) * h);
    const Mask flat = little >= X(T(4)) * noise_ && bend <= little;
    smooth_ = smooth_ || (flat && flat_before_ && !cornered_);
    flat_before_ = flat;
    const Mask bent = bend > X(T(32)) * (noise_ + change * X(plan_.epsilon));
    const Mask judged = bent && bent_before_ && !bend_judged_;
    const Mask grows = bend >= bend_before_ * X(plan_.corner_growth) && bend < X(std::numeric_limits<T>::infinity());
    smooth_ = smooth_ || (judged && grows);
    cornered_ = cornered_ || (judged && !grows);
    bend_judged_ = bend_judged_ || judged;
    bent_before_ = bent;
    bent_ = bent_ || bent;
  }

  /// Keeps the longest run of steps over which `off` grows by nearly the same factor.
  [[gnu::always_inline]] constexpr void follow(T h, const X& off) {
    constexpr double bend = 1.4;
    const Mask clear = off > X(T(16)) * noise_ + size_ * X(2 * h * plan_.rounding);
    if (!M::any(clear)) {
      length_ = growth_before_ = constant<X>(0);
      clear_before_ = straight_ = clear;
      return;
    }
    const X growth = off / off_before_;
    const Mask straight = clear && growth <= growth_before_ * X(T(bend)) && growth_before_ <= growth * X(T(bend));
    const X first = constant<X>(2);
    length_ = M::select(straight, M::select(straight_, length_ + constant<X>(1), first), constant<X>(0));
    run_growth_ = M::select(straight, M::select(straight_, run_growth_ * growth, growth * growth_before_), run_growth_);
    const Mask longer = length_ > best_length_;
    best_length_ = M::select(longer, length_, best_length_);
    best_growth_ = M::select(longer, run_growth_, best_growth_);
    growth_before_ = M::select(clear && clear_before_, growth, constant<X>(0));  // out of rounding is no growth
    clear_before_ = clear;
    straight_ = straight;
    clear_ = clear_ || clear;
  }

  X centre_, slope_, size_, noise_;
  X least_off_ = X(std::numeric_limits<T>::infinity());
  X off_before_ = constant<X>(0), bend_before_ = constant<X>(0);
  X growth_before_ = constant<X>(0), run_growth_ = constant<X>(1), length_ = constant<X>(0);
  X best_length_ = constant<X>(0), best_growth_ = constant<X>(1);
  Mask never_;
  Mask agreed_, agreed_before_, contradicted_, still_;
  Mask smooth_, flat_before_, bent_, bent_before_, bend_judged_, cornered_;
  Mask clear_, clear_before_, straight_;
  const LadderPlan<T>& plan_;
};

inline constexpr int ladder_passed = 0, ladder_objects = 1, ladder_not_finite = 2;
/// Slopes of directions along which f is exactly linear or quadratic.
inline constexpr double exactly_linear = -1e3, exactly_quadratic = -2e3;

/// All ladders of a point. `in` has the gradient as a direction; value_at(h, v) is f at x + h v.
template <class X, class In, class Out, class ValueAt>
constexpr void climb(const LadderPlan<RealOf<X>>& plan, std::int64_t n, const In& in, const X& centre, ValueAt value_at,
                     Out& out) {
  using T = RealOf<X>;
  using M = Math<X>;
  const X zero = constant<X>(0);
  auto passed = zero == zero;
  X worst = zero;
  for (int d = 0; d < plan.direction_count; ++d) {
    const T* const v = plan.directions + d * n;
    X slope = zero, size = zero;
    for (std::int64_t i = 0; i < n; ++i) {
      const X term = in.extra(i) * X(v[i]);
      slope = slope + term;
      size = size + M::abs(term);
    }
    Ladder<X> ladder(plan, centre, slope, size);
    for (int k = 0; k < plan.step_count; ++k) {
      const T h = plan.steps[k];
      ladder.add(k, value_at(h, v), value_at(-h, v));
    }
    passed = passed && ladder.passed();
    const X error = ladder.relative_error();
    worst = M::select(error > worst, error, worst);
    out.store(2 + d, ladder.error_slope(constant<X>(exactly_linear), constant<X>(exactly_quadratic)));
  }
  for (int d = plan.direction_count; d < most_ladder_directions; ++d) out.store(2 + d, zero);
  const X outcome = M::select(passed, constant<X>(ladder_passed), constant<X>(ladder_objects));
  out.store(0, M::select(centre - centre == zero, outcome, constant<X>(ladder_not_finite)));
  out.store(1, worst);
}

/// Reads gradients as directions of the request. Rows: what came of it, the largest relative error of all directions;
/// then a slope for each.
template <class F, int N, class T = double>
struct LadderBody {
  F f;
  LadderPlan<T> plan;
  static constexpr int variables = N;
  static constexpr bool needs_extra = true;
  static constexpr bool has_gradient = false;
  static constexpr bool never_summarized = true;
  static constexpr Rows rows(std::int64_t) { return {{2, most_ladder_directions, 0}}; }

  template <class In, class Out>
  constexpr void operator()(const In& in, Out& out) const {
    using X = typename In::Scalar;
    using S = Dual<X, 0>;
    const std::int64_t n = dimension<N>(in);
    const X centre = S(f(make_point<N>(n, [&](std::int64_t i) { return S(in(i)); }))).value;
    const auto value_at = [&](T h, const T* v) {
      return S(f(make_point<N>(n, [&](std::int64_t i) { return S(in(i) + X(h * v[i])); }))).value;
    };
    climb(plan, n, in, centre, value_at, out);
  }
};

}  // namespace nabla::detail
