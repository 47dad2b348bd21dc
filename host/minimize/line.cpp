#include "line.hpp"

namespace nabla::descent {

template <class T>
Line<T>::Line(Descent<T>& descent)
    : descent_(descent),
      x_memory_(descent.executor, descent.n),
      gradient_memory_(descent.executor, descent.n),
      trial_x_(x_memory_.data()),
      trial_gradient_(gradient_memory_.data()) {}

template <class T>
void Line<T>::place(double step) {
  if (step == placed_) return;
  descent_.run(detail::Move<T>{trial_x_, descent_.x, sign_ * step, direction_});
  placed_ = step;
}

template <class T>
Trial Line<T>::at(double step) {
  place(step);
  const double value = descent_.value_and_gradient_at(trial_x_, trial_gradient_);
  const auto sums = descent_.sums_of(detail::Dot<T>{trial_gradient_, direction_});
  const double slope = sign_ * sums[0];
  gradient_squares_ = sums[1];
  return {step, value, slope, std::isfinite(value) && std::isfinite(slope) && std::isfinite(gradient_squares_)};
}

template <class T>
Trial Line<T>::value_at(double step) {
  place(step);
  const double value = descent_.value_at(trial_x_);
  return {step, value, std::numeric_limits<double>::quiet_NaN(), std::isfinite(value)};
}

/// Whether a step is more than rounding of x.
template <class T>
bool Line<T>::moves(double step) {
  constexpr double digits = 4;
  const double x = std::sqrt(descent_.sums_of(detail::Dot<T>{descent_.x, descent_.x})[1]);
  const double d = std::sqrt(descent_.sums_of(detail::Dot<T>{direction_, direction_})[1]);
  return step * d > digits * static_cast<double>(std::numeric_limits<T>::epsilon()) * x;
}

template <class T>
Step Line<T>::descend(const T* direction, double sign, const Start& start, Searched (*search)(Ray&, const Start&)) {
  direction_ = direction;
  sign_ = sign;
  placed_ = 0;
  const Searched searched = search(*this, start);
  if (searched.found == Found::unbounded) return {searched.trial.step, StopReason::unbounded};
  if (searched.found == Found::nothing) {
    if (const auto limit = descent_.limit()) return {0, limit};
    // Nothing can be seen of a decrease that is lost in the rounding of the value or of x.
    const bool visible = start.step * -start.slope > start.trust * std::fabs(start.value) && moves(start.step);
    return {0, visible ? StopReason::line_search_failed : StopReason::stagnated};
  }
  std::swap(descent_.x, trial_x_);
  std::swap(descent_.gradient, trial_gradient_);
  descent_.value = searched.trial.value;
  descent_.gradient_squares = gradient_squares_;
  slope_at_end_ = searched.trial.slope;
  return {searched.trial.step};
}

template class Line<float>;
template class Line<double>;

}  // namespace nabla::descent
