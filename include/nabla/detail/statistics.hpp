#pragma once

#include <nabla/scalar.hpp>
#include <nabla/summary.hpp>

#include <cstdint>
#include <limits>

// How a summary is accumulated. Statistics<X> is one running summary (X = double: a thread of a GPU) or one per SIMD
// lane (X = lanes of double). Points are added in short runs with plain additions, and runs are merged with compensated
// ones; how points are grouped into runs, and the order of merging, depend on the batch alone.

namespace nabla::detail {

/// A sum and the rounding error that its merges left behind.
template <class X>
struct Sum {
  X high, low;

  constexpr void add(const X& x) { high = high + x; }

  /// Source: Knuth, TAOCP vol. 2, 4.2.2, theorem B (two-sum).
  constexpr void merge(const Sum& b) {
    const X sum = high + b.high;
    const X back = sum - high;
    low = low + b.low + ((high - (sum - back)) + (b.high - back));
    high = sum;
  }
};

/// For `good` in add(), below, where every lane takes part.
struct Everywhere {};

template <class X>
constexpr X only(Everywhere, const X& x) {
  return x;
}
template <class X, class Mask>
constexpr X only(const Mask& good, const X& x) {
  return Math<X>::select(good, x, constant<X>(0));
}

/// What needs no position.
template <class X>
struct Totals {
  Sum<X> value, l1, square, norm;
  X linf;

  static constexpr Totals none() {
    const X zero = constant<X>(0);
    return {{zero, zero}, {zero, zero}, {zero, zero}, {zero, zero}, zero};
  }

  /// Adds the good among the points and returns their squared norms: y is the value, gradient(use) calls
  /// use(component) for each component.
  template <class Good, class Gradient>
  constexpr X add(const X& y, const Gradient& gradient, const Good& good) {
    using M = Math<X>;
    value.add(only(good, y));
    // Each running sum takes one term a point: the chain from point to point stays short.
    X point_l1 = constant<X>(0), point_square = constant<X>(0), largest = constant<X>(0);
    gradient([&](const X& component) {
      const X size = only(good, M::abs(component));
      point_l1 = point_l1 + size;
      largest = M::larger(largest, size);
      point_square = M::fma(size, size, point_square);
    });
    l1.add(point_l1);
    linf = M::larger(linf, largest);
    square.add(point_square);
    norm.add(M::sqrt(point_square));
    return point_square;
  }

  constexpr void merge(const Totals& b) {
    value.merge(b.value);
    l1.merge(b.l1);
    square.merge(b.square);
    norm.merge(b.norm);
    linf = Math<X>::select(b.linf > linf, b.linf, linf);
  }
};

/// Totals and extremes of a run of points that are known to be all finite, or will be found out not to be.
template <class X>
struct Extent {
  Totals<X> totals;
  X min, max, steepest;  // steepest: the largest squared norm of a gradient

  template <class Gradient>
  constexpr void add(const X& y, const Gradient& gradient) {
    using M = Math<X>;
    min = M::smaller(min, y);
    max = M::larger(max, y);
    steepest = M::larger(steepest, totals.add(y, gradient, Everywhere()));
  }

  /// 0 in lanes where every number was finite; NaN where one was not, or a sum of finite ones has overflowed.
  constexpr X probe() const { return totals.value.high * constant<X>(0) + totals.l1.high * constant<X>(0); }
};

/// An extreme and where it was seen first.
template <class X>
struct Extreme {
  X value, position;

  template <class Mask>
  constexpr void take(const Mask& better, const X& new_value, const X& new_position) {
    value = Math<X>::select(better, new_value, value);
    position = Math<X>::select(better, new_position, position);
  }
};

/// Positions are kept as floating-point numbers, exact up to 2^53. "None" is infinity, so that the first is the least.
template <class X>
struct Statistics {
  X finite, nonfinite, first_nonfinite;
  Extreme<X> min, max, steepest;  // steepest: of the squared norm of the gradient
  Totals<X> totals;

  static constexpr Statistics none() {
    const X zero = constant<X>(0), infinity = constant<X>(std::numeric_limits<double>::infinity());
    return {
        zero, zero, infinity, {infinity, infinity}, {-infinity, infinity}, {-infinity, infinity}, Totals<X>::none()};
  }

  /// Adds the good among the points, as Totals::add does. Positions must increase from one call to the next.
  template <class Good, class Gradient>
  constexpr void add(const X& position, const X& y, const Gradient& gradient, const Good& good) {
    finite = finite + only(good, constant<X>(1));
    min.take(both(good, y < min.value), y, position);
    max.take(both(good, y > max.value), y, position);
    const X point_square = totals.add(y, gradient, good);
    steepest.take(both(good, point_square > steepest.value), point_square, position);
  }

  /// Counts the points where `bad` holds.
  template <class Mask>
  constexpr void add_nonfinite(const X& position, const Mask& bad) {
    using M = Math<X>;
    nonfinite = nonfinite + M::select(bad, constant<X>(1), constant<X>(0));
    first_nonfinite = M::select(both(bad, position < first_nonfinite), position, first_nonfinite);
  }

  /// Takes in another summary. Of equal extremes the one with the lower position stays.
  constexpr void merge(const Statistics& b) {
    using M = Math<X>;
    finite = finite + b.finite;
    nonfinite = nonfinite + b.nonfinite;
    first_nonfinite = M::select(b.first_nonfinite < first_nonfinite, b.first_nonfinite, first_nonfinite);
    const auto earlier_tie = [](const Extreme<X>& ours, const Extreme<X>& theirs) {
      return both(theirs.value == ours.value, theirs.position < ours.position);
    };
    min.take((b.min.value < min.value) || earlier_tie(min, b.min), b.min.value, b.min.position);
    max.take((b.max.value > max.value) || earlier_tie(max, b.max), b.max.value, b.max.position);
    steepest.take((b.steepest.value > steepest.value) || earlier_tie(steepest, b.steepest), b.steepest.value,
                  b.steepest.position);
    totals.merge(b.totals);
  }

 private:
  template <class Mask>
  static constexpr const Mask& both(Everywhere, const Mask& condition) {
    return condition;
  }
  template <class Mask>
  static constexpr Mask both(const Mask& good, const Mask& condition) {
    return good && condition;
  }
};

/// The accumulated statistics as callers see them.
constexpr Summary finish(const Statistics<double>& s, bool with_gradient) {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const bool any = s.finite > 0;
  const auto position = [](double p) { return p < infinity ? static_cast<std::int64_t>(p) : std::int64_t{-1}; };
  // Once a sum has overflowed, its rounding error is NaN and means nothing.
  const auto total = [](const Sum<double>& sum) { return std::isfinite(sum.high) ? sum.high + sum.low : sum.high; };
  Summary result{};
  result.count = static_cast<std::int64_t>(s.finite + s.nonfinite);
  result.nonfinite = {static_cast<std::int64_t>(s.nonfinite), position(s.first_nonfinite)};
  result.value = {any ? s.min.value : nan, any ? s.max.value : nan, any ? total(s.totals.value) / s.finite : nan,
                  position(s.min.position), position(s.max.position)};
  if (any && with_gradient) {
    result.gradient_norm = {
        total(s.totals.l1),          std::sqrt(total(s.totals.square)), s.totals.linf,
        std::sqrt(s.steepest.value), total(s.totals.norm) / s.finite,   position(s.steepest.position)};
  } else {
    result.gradient_norm = {nan, nan, nan, nan, nan, -1};
  }
  return result;
}

}  // namespace nabla::detail
