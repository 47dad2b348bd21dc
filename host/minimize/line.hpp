#pragma once

#include "descent.hpp"
#include "line_search.hpp"

namespace nabla::descent {

/// Steps of a descent along a line, with the memory for trying them.
template <class T>
class Line final : public Ray {
 public:
  // How flat f is wanted at the end of a step. Source: Nocedal and Wright 2006, section 3.1.
  static constexpr double slack = 0.9;   // for methods that know how long steps are
  static constexpr double tight = 0.03;  // for conjugate directions, which rest on steps that end at a minimum

  /// Values of sums of many terms have lost about a third of their digits.
  static double trust() { return std::pow(static_cast<double>(std::numeric_limits<T>::epsilon()), 2.0 / 3); }

  explicit Line(Descent<T>& descent);

  /// The line x + t sign direction, along which the slope is that at x, < 0. The first step to try is given. If a step
  /// is found, the iterate is moved.
  Step descend(const T* direction, double sign, double slope, double first_step, double flatness = slack) {
    const bool wolfe = descent_.options.line_search == LineSearch::strong_wolfe;
    return descend(direction, sign, {descent_.value, slope, first_step, trust(), descent_.value, flatness},
                   wolfe ? search_wolfe : search_backtracking);
  }
  /// Along the negative gradient.
  Step descend_steepest(double first_step) {
    return descend(descent_.gradient, -1, -descent_.gradient_squares, first_step);
  }
  /// The same by backtracking until the value is less than `reference`, which may be more than at x.
  Step descend_below(double reference, double first_step) {
    return descend(descent_.gradient, -1,
                   {descent_.value, -descent_.gradient_squares, first_step, trust(), reference, slack},
                   search_backtracking);
  }
  /// Where nothing is known about lengths: of length 1, or less where the gradient is.
  double cautious_step() const { return std::fmin(1, 1 / descent_.gradient_norm()); }

  double slope_at_end() const { return slope_at_end_; }  // of the last step
  // Where the iterate was before it.
  const T* x_before() const { return trial_x_; }
  const T* gradient_before() const { return trial_gradient_; }

  Trial at(double step) override;
  Trial value_at(double step) override;
  bool spent() const override { return descent_.limit().has_value(); }

 private:
  Step descend(const T* direction, double sign, const Start& start, Searched (*search)(Ray&, const Start&));
  void place(double step);
  bool moves(double step);

  Descent<T>& descent_;
  Array<T> x_memory_, gradient_memory_;
  T *trial_x_, *trial_gradient_;
  const T* direction_ = nullptr;
  double sign_ = 1;
  double placed_ = 0;  // the step that the trial x is at; 0: none
  double gradient_squares_ = 0, slope_at_end_ = 0;
};

extern template class Line<float>;
extern template class Line<double>;

}  // namespace nabla::descent
