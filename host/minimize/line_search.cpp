#include "line_search.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace nabla::descent {

namespace {

constexpr int most_trials = 100;

/// Names as in the source, whose sigma is the flatness: delta, theta, gamma, rho; L0 to L3, U0 to U3, S1 to S4, B0 to
/// B3.
class WolfeSearch {
 public:
  WolfeSearch(Ray& ray, const Start& start)
      : ray_(ray), start_(start), ceiling_(start.reference + start.trust * std::fabs(start.reference)) {}

  Searched run() {
    Interval interval = bracket();
    while (!done() && interval.a.step != interval.b.step) interval = narrowed(interval);
    if (unbounded_) return {Found::unbounded, last_};
    if (accepted_) return {Found::step, last_};
    if (!(best_.value < std::numeric_limits<double>::infinity())) return {Found::nothing, last_};
    const Trial best = best_.step == last_.step ? last_ : ray_.at(best_.step);
    return {best.finite ? Found::step : Found::nothing, best};
  }

 private:
  static constexpr double delta = 0.01, theta = 0.5, gamma = 0.66, rho = 5;
  static constexpr int most_expansions = 40;

  /// phi falls at a, is not above the ceiling there, and rises at b, or is too high there (between U3's steps).
  struct Interval {
    Trial a, b;
  };

  bool done() const { return accepted_ || unbounded_ || trials_ >= most_trials || ray_.spent(); }
  bool is_low(const Trial& trial) const { return trial.finite && trial.value <= ceiling_; }
  bool rises(const Trial& trial) const { return trial.finite && trial.slope >= 0; }
  bool decreases(const Trial& trial) const {
    return trial.finite && trial.value <= start_.reference + delta * trial.step * start_.slope;
  }
  bool hardly_changes(const Trial& trial) const {
    return trial.finite && std::fabs(trial.value - start_.reference) <= start_.trust * std::fabs(start_.reference);
  }

  Trial at(double step) {
    last_ = ray_.at(step);
    ++trials_;
    const bool wolfe = decreases(last_) || hardly_changes(last_);
    accepted_ = wolfe && std::fabs(last_.slope) <= -start_.flatness * start_.slope;
    unbounded_ = last_.value == -std::numeric_limits<double>::infinity();
    if (decreases(last_) && last_.value < best_.value) best_ = last_;
    return last_;
  }

  Interval bracket() {
    Trial low{0, start_.value, start_.slope, true};
    Trial c = at(start_.step);  // B0
    for (int expansions = 0; !done(); ++expansions) {
      if (rises(c)) return {low, c};              // B1
      if (!is_low(c)) return bisected({low, c});  // B2
      if (expansions >= most_expansions) {
        unbounded_ = decreases(c);
        break;
      }
      low = c;
      c = at(rho * c.step);  // B3
    }
    return {c, c};
  }

  /// U3
  Interval bisected(Interval interval) {
    while (!done()) {
      const Trial d = at((1 - theta) * interval.a.step + theta * interval.b.step);
      if (rises(d)) return {interval.a, d};
      (is_low(d) ? interval.a : interval.b) = d;
    }
    return interval;
  }

  Interval update(const Interval& interval, double step) {
    if (!(step > interval.a.step && step < interval.b.step)) return interval;  // U0
    const Trial c = at(step);
    if (done()) return interval;
    if (rises(c)) return {interval.a, c};   // U1
    if (is_low(c)) return {c, interval.b};  // U2
    return bisected({interval.a, c});       // U3
  }

  static double secant(const Trial& a, const Trial& b) {
    return (a.step * b.slope - b.step * a.slope) / (b.slope - a.slope);
  }

  Interval secant_twice(const Interval& before) {
    const double c = secant(before.a, before.b);  // S1
    const Interval after = update(before, c);
    if (done()) return after;
    if (c == after.b.step) return update(after, secant(before.b, after.b));  // S2, S4
    if (c == after.a.step) return update(after, secant(before.a, after.a));  // S3, S4
    return after;
  }

  Interval narrowed(const Interval& before) {
    const Interval after = secant_twice(before);  // L1
    const double width = after.b.step - after.a.step;
    if (done() || !(width > gamma * (before.b.step - before.a.step))) return after;
    const double middle = after.a.step + width / 2;
    if (middle == after.a.step || middle == after.b.step) return {after.a, after.a};
    return update(after, middle);  // L2
  }

  Ray& ray_;
  const Start& start_;
  double ceiling_;
  int trials_ = 0;
  bool accepted_ = false, unbounded_ = false;
  Trial last_;
  Trial best_{0, std::numeric_limits<double>::infinity()};
};

}  // namespace

Searched search_wolfe(Ray& ray, const Start& start) { return WolfeSearch(ray, start).run(); }

Searched search_backtracking(Ray& ray, const Start& start) {
  constexpr double delta = 1e-4, least = 0.1, most = 0.5, digits = 10;
  const double rounding = digits * std::numeric_limits<double>::epsilon() * std::fabs(start.reference);
  // Values are excused by rounding where a decrease could not be seen to begin with, not because steps became short:
  // those lower whatever is not worse, even along a wrong gradient.
  const bool lost = start.step * -start.slope <= start.trust * std::fabs(start.reference);
  double step = start.step;
  for (int trials = 0; trials < most_trials && !ray.spent(); ++trials) {
    if (!lost && step * -start.slope <= rounding) break;
    // The first is mostly taken, and its slope is wanted then.
    const Trial trial = trials == 0 ? ray.at(step) : ray.value_at(step);
    if (trial.value == -std::numeric_limits<double>::infinity()) return {Found::unbounded, trial};
    double factor = least;
    if (trial.finite && trial.value <= start.reference + delta * step * start.slope + (lost ? rounding : 0)) {
      const Trial whole = trials == 0 ? trial : ray.at(step);
      if (whole.finite) return {Found::step, whole};
    } else if (trial.finite) {
      // Where a parabola with phi(0), phi'(0) and this value has its minimum.
      const double excess = trial.value - start.value - start.slope * step;
      factor = std::clamp(-start.slope * step / (2 * excess), least, most);
      if (std::isnan(factor)) factor = most;
    }
    step *= factor;
  }
  return {};
}

}  // namespace nabla::descent
