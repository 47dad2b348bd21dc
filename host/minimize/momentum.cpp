#include "line.hpp"
#include "options.hpp"

// Methods that go on in the direction in which they came.

namespace nabla::descent {

namespace {

constexpr double default_momentum = 0.9;

/// Source: Polyak, Some Methods of Speeding Up the Convergence of Iteration Methods (USSR Comput. Math. Math. Phys. 4,
/// 1964).
template <class T>
class FixedHeavyBall final : public DescentMethod<T> {
 public:
  explicit FixedHeavyBall(Descent<T>& descent) : descent_(descent), velocity_(descent.executor, descent.n) {}

  Step advance() override {
    const double asked = descent_.options.momentum;
    const double momentum = asked >= 0 ? asked : default_momentum, step = descent_.options.step * descent_.shortened();
    descent_.run(detail::Roll<T>{descent_.x, velocity_.data(), descent_.gradient, step, moving_ ? momentum : 0});
    moving_ = true;
    descent_.evaluate();
    return {step};
  }
  void keep(State<T>& state) override {
    state.number(moving_);
    if (moving_) state.vector(velocity_.data());
  }
  int patience() const override { return patience_of_fixed_steps; }

 private:
  Descent<T>& descent_;
  Array<T> velocity_;
  bool moving_ = false;
};

/// Along the negative gradient plus momentum times the last direction.
template <class T>
class SearchedHeavyBall final : public DescentMethod<T> {
 public:
  explicit SearchedHeavyBall(Descent<T>& descent)
      : descent_(descent), line_(descent), direction_(descent.executor, descent.n) {}

  Step advance() override {
    const double asked = descent_.options.momentum, momentum = asked >= 0 ? asked : default_momentum;
    double slope = turn(length_ > 0 ? momentum : 0);
    if (!(slope < 0)) slope = turn(0);
    // Backtracking finds no longer steps than the first.
    const double again = descent_.options.line_search == LineSearch::backtracking ? 2 * length_ : length_;
    Step step = line_.descend(direction_.data(), 1, slope, length_ > 0 ? again : line_.cautious_step());
    if (length_ > 0 && (step.stop == StopReason::line_search_failed || step.stop == StopReason::stagnated)) {
      step = line_.descend(direction_.data(), 1, turn(0), line_.cautious_step());
    }
    length_ = step.length;
    return step;
  }
  void keep(State<T>& state) override {
    state.number(length_);
    if (length_ > 0) state.vector(direction_.data());
  }
  int patience() const override { return patience_of_descent; }

 private:
  double turn(double momentum) {
    return descent_.sums_of(detail::Turn<T>{direction_.data(), descent_.gradient, momentum})[0];
  }

  Descent<T>& descent_;
  Line<T> line_;
  Array<T> direction_;
  double length_ = 0;  // of the last step
};

/// The iterate is y, where gradients are taken; x, which the sequence's theory speaks of, is kept here.
/// Source: Nesterov, A Method of Solving a Convex Programming Problem with Convergence Rate O(1/k^2) (Soviet Math.
/// Dokl. 27, 1983); Beck and Teboulle, A Fast Iterative Shrinkage-Thresholding Algorithm (SIAM J. Imaging Sci. 2,
/// 2009), for the backtracking; O'Donoghue and Candès, Adaptive Restart for Accelerated Gradient Schemes (Found.
/// Comput. Math. 15, 2015), for the restart by gradients.
template <class T>
class Nesterov final : public DescentMethod<T> {
 public:
  explicit Nesterov(Descent<T>& descent) : descent_(descent), x_(descent.executor, descent.n) {
    if (!has_fixed_steps(descent.options)) trial_ = std::make_unique<Array<T>>(descent.executor, descent.n);
  }

  Step advance() override {
    if (sequence_ == 0) {  // x = y
      descent_.run(detail::Move<T>{x_.data(), descent_.x, 0, descent_.gradient});
      sequence_ = 1;
    }
    Step step = has_fixed_steps(descent_.options) ? Step{descent_.options.step * descent_.shortened()} : search();
    if (step.stop) return step;
    const double next = (1 + std::sqrt(1 + 4 * sequence_ * sequence_)) / 2;
    const bool constant = descent_.options.momentum >= 0;
    const double momentum = constant ? descent_.options.momentum : (sequence_ - 1) / next;
    sequence_ = next;
    const double uphill =
        descent_.sums_of(detail::Extrapolate<T>{descent_.x, x_.data(), descent_.gradient, step.length, momentum})[0];
    if (uphill > 0 && !constant) {
      begin_anew();
      length_ *= 2;
    }
    descent_.evaluate();
    if (trial_ && !descent_.is_finite()) {  // extrapolated through a wall, before which f was seen to be finite
      begin_anew();
      descent_.evaluate();
    }
    return step;
  }
  void keep(State<T>& state) override {
    state.number(sequence_);
    state.number(length_);
    if (sequence_ > 0) state.vector(x_.data());
  }
  int patience() const override { return patience_of_fixed_steps; }

 private:
  /// y = x. The gradient is only read, and may be anything.
  void begin_anew() {
    descent_.run(detail::Combination<T>{descent_.x, x_.data(), 1, {x_.data()}, {1.0}});
    sequence_ = 1;
  }

  /// A step that lowers f by half of what the slope promises. It only gets shorter but for the first one, which gets
  /// longer for as long as it does, and where momentum begins anew.
  Step search() {
    constexpr double longer = 4, shorter = 2, digits = 10;
    constexpr int most_trials = 60;
    const bool first = length_ == 0;
    if (first) length_ = std::fmin(1, 1 / descent_.gradient_norm());
    // As in search_backtracking().
    const double rounding = digits * std::numeric_limits<double>::epsilon() * std::fabs(descent_.value);
    const bool lost = length_ * descent_.gradient_squares <= Line<T>::trust() * std::fabs(descent_.value);
    const double excused = lost ? rounding : 0;
    for (int trials = 0; first && !descent_.limit() && lowers(longer * length_, excused); ++trials) {
      length_ *= longer;
      if (trials >= most_trials || value_ == -std::numeric_limits<double>::infinity()) {
        return {length_, StopReason::unbounded};
      }
    }
    for (int trials = 0; !lowers(length_, excused); ++trials) {
      if (const auto limit = descent_.limit()) return {0, limit};
      length_ /= shorter;
      if (trials >= most_trials || (!lost && length_ * descent_.gradient_squares <= rounding)) {
        return {0, lost ? StopReason::stagnated : StopReason::line_search_failed};
      }
    }
    return {length_};
  }
  bool lowers(double step, double excused) {
    descent_.run(detail::Move<T>{trial_->data(), descent_.x, -step, descent_.gradient});
    value_ = descent_.value_at(trial_->data());
    return value_ <= descent_.value - step / 2 * descent_.gradient_squares + excused;
  }

  Descent<T>& descent_;
  Array<T> x_;
  std::unique_ptr<Array<T>> trial_;
  double sequence_ = 0, length_ = 0, value_ = 0;
};

}  // namespace

template <class T>
MadeMethod<T> make_heavy_ball(Descent<T>& descent) {
  if (has_fixed_steps(descent.options)) return std::make_unique<FixedHeavyBall<T>>(descent);
  return std::make_unique<SearchedHeavyBall<T>>(descent);
}
template MadeMethod<float> make_heavy_ball(Descent<float>&);
template MadeMethod<double> make_heavy_ball(Descent<double>&);

template <class T>
MadeMethod<T> make_nesterov(Descent<T>& descent) {
  return std::make_unique<Nesterov<T>>(descent);
}
template MadeMethod<float> make_nesterov(Descent<float>&);
template MadeMethod<double> make_nesterov(Descent<double>&);

}  // namespace nabla::descent
