#include "line.hpp"
#include "options.hpp"

#include <algorithm>
#include <array>

// Along the negative gradient, by a fixed step or one that is searched for.

namespace nabla::descent {

namespace {

template <class T>
class FixedGradient final : public DescentMethod<T> {
 public:
  explicit FixedGradient(Descent<T>& descent) : descent_(descent) {}

  Step advance() override {
    const double step = descent_.options.step * descent_.shortened();
    descent_.run(detail::Move<T>{descent_.x, descent_.x, -step, descent_.gradient});
    descent_.evaluate();
    return {step};
  }
  void keep(State<T>&) override {}
  int patience() const override { return patience_of_fixed_steps; }

 private:
  Descent<T>& descent_;
};

template <class T>
class SearchedGradient final : public DescentMethod<T> {
 public:
  explicit SearchedGradient(Descent<T>& descent) : descent_(descent), line_(descent) {}

  Step advance() override {
    const double squares = descent_.gradient_squares;
    Step step = line_.descend_steepest(first_step());
    length_ = step.length;
    squares_ = squares;
    return step;
  }
  void keep(State<T>& state) override {
    state.number(length_);
    state.number(squares_);
  }
  int patience() const override { return patience_of_descent; }

 private:
  /// As if the change of the value were that of the last step. Source: Nocedal and Wright 2006, section 3.5.
  double first_step() const {
    if (length_ == 0) return line_.cautious_step();
    if (descent_.options.line_search == LineSearch::backtracking) return 2 * length_;  // which does not get longer
    return length_ * squares_ / descent_.gradient_squares;
  }

  Descent<T>& descent_;
  Line<T> line_;
  double length_ = 0, squares_ = 0;  // of the last step, and of the gradient there
};

/// Source: Barzilai and Borwein, Two-Point Step Size Gradient Methods (IMA J. Numer. Anal. 8, 1988), s.s / s.y; Raydan,
/// The Barzilai and Borwein Gradient Method for the Large Scale Unconstrained Minimization Problem (SIAM J. Optim. 7,
/// 1997), with the nonmonotone search of Grippo, Lampariello and Lucidi (SIAM J. Numer. Anal. 23, 1986).
template <class T>
class BarzilaiBorwein final : public DescentMethod<T> {
 public:
  explicit BarzilaiBorwein(Descent<T>& descent) : descent_(descent), line_(descent) {
    values_.fill(-std::numeric_limits<double>::infinity());
  }

  Step advance() override {
    values_[static_cast<std::size_t>(iterations_++) % values_.size()] = descent_.value;
    const double squares = descent_.gradient_squares;
    const double first = next_ > 0 ? next_ : line_.cautious_step();
    Step step = line_.descend_below(*std::ranges::max_element(values_), first);
    if (step.stop) return step;
    // s = -t g, and g.y = -t g.Hg: the slopes at both ends of the step tell all.
    const double curved = squares + line_.slope_at_end();
    constexpr double longer = 10;
    next_ = curved > 0 ? step.length * squares / curved : longer * step.length;
    return step;
  }
  void keep(State<T>& state) override {
    state.number(next_);
    state.number(iterations_);
    state.bytes(values_.data(), sizeof(values_));
  }
  int patience() const override { return patience_of_nonmonotone; }

 private:
  Descent<T>& descent_;
  Line<T> line_;
  double next_ = 0;
  std::int64_t iterations_ = 0;
  std::array<double, 10> values_;  // the last ones
};

}  // namespace

template <class T>
MadeMethod<T> make_gradient(Descent<T>& descent) {
  if (has_fixed_steps(descent.options)) return std::make_unique<FixedGradient<T>>(descent);
  return std::make_unique<SearchedGradient<T>>(descent);
}
template MadeMethod<float> make_gradient(Descent<float>&);
template MadeMethod<double> make_gradient(Descent<double>&);

template <class T>
MadeMethod<T> make_barzilai_borwein(Descent<T>& descent) {
  return std::make_unique<BarzilaiBorwein<T>>(descent);
}
template MadeMethod<float> make_barzilai_borwein(Descent<float>&);
template MadeMethod<double> make_barzilai_borwein(Descent<double>&);

}  // namespace nabla::descent
