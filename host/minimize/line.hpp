#pragma once

#include "descent.hpp"
#include "line_search.hpp"

namespace nabla::descent {

/// Steps of a descent along a line, with the memory for trying them.
template <class T>
class Line final : public Ray {
 public:
  explicit Line(Descent<T>& descent);

  /// The line x + t sign direction, along which the slope is that at x, < 0. The first step to try is given; a
  /// decrease is measured from `reference`. If a step is found, the iterate is moved.
  Step descend(const T* direction, double sign, double slope, double first_step, double reference);
  Step descend(const T* direction, double sign, double slope, double first_step) {
    return descend(direction, sign, slope, first_step, descent_.value);
  }
  /// Along the negative gradient.
  Step descend_steepest(double first_step) {
    return descend(descent_.gradient, -1, -descent_.gradient_squares, first_step);
  }
  /// Where nothing is known about lengths: of length 1, or less where the gradient is.
  double cautious_step() const { return std::fmin(1, 1 / descent_.gradient_norm()); }

  // Where the iterate was before the last step.
  const T* x_before() const { return trial_x_; }
  const T* gradient_before() const { return trial_gradient_; }

  Trial at(double step) override;
  Trial value_at(double step) override;
  bool spent() const override { return descent_.limit().has_value(); }

 private:
  void place(double step);
  bool moves(double step);

  Descent<T>& descent_;
  Array<T> x_memory_, gradient_memory_;
  T *trial_x_, *trial_gradient_;
  const T* direction_ = nullptr;
  double sign_ = 1;
  double placed_ = 0;  // the step that the trial x is at; 0: none
  double gradient_squares_ = 0;
};

extern template class Line<float>;
extern template class Line<double>;

}  // namespace nabla::descent
