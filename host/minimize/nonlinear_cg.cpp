#include "line.hpp"

#include <algorithm>

namespace nabla::descent {

namespace {

/// Source: Hager and Zhang, A New Conjugate Gradient Method with Guaranteed Descent and an Efficient Line Search (SIAM
/// J. Optim. 16, 2005), equations (1.3) to (1.6).
template <class T>
class NonlinearCg final : public DescentMethod<T> {
 public:
  explicit NonlinearCg(Descent<T>& descent)
      : descent_(descent), line_(descent), direction_(descent.executor, descent.n) {}

  Step advance() override {
    bool steepest = length_ == 0;
    double slope = steepest ? 0 : turn(beta_);
    if (!(slope < 0)) {
      steepest = true;
      slope = turn(0);
    }
    Step step = line_.descend(direction_.data(), 1, slope, first_step(slope), line_.tight);
    if (!steepest && (step.stop == StopReason::line_search_failed || step.stop == StopReason::stagnated)) {
      slope = turn(0);
      step = line_.descend(direction_.data(), 1, slope, line_.cautious_step(), line_.tight);
    }
    if (step.stop) return step;
    length_ = step.length;
    slope_ = slope;
    beta_ = next_beta();
    return step;
  }
  void keep(State<T>& state) override {
    state.number(length_);
    state.number(slope_);
    state.number(beta_);
    if (length_ > 0) state.vector(direction_.data());
  }
  int patience() const override { return patience_of_descent; }

 private:
  double turn(double beta) { return descent_.sums_of(detail::Turn<T>{direction_.data(), descent_.gradient, beta})[0]; }

  /// As if the change of the value were that of the last step. Source: Nocedal and Wright 2006, section 3.5.
  double first_step(double slope) const {
    if (length_ == 0) return line_.cautious_step();
    const double alike = length_ * slope_ / slope;
    return descent_.options.line_search == LineSearch::backtracking ? std::fmax(2 * length_, alike) : alike;
  }

  /// Of the step that was just made.
  double next_beta() {
    constexpr double eta = 0.01;
    const auto sums =
        descent_.sums_of(detail::Conjugacy<T>{descent_.gradient, line_.gradient_before(), direction_.data()});
    const double y_y = sums[0], y_g = sums[1], d_y = sums[2], d_g = sums[3], d_d = sums[4];
    const double beta = (y_g - 2 * y_y / d_y * d_g) / d_y;
    const double least = -1 / (std::sqrt(d_d) * std::fmin(eta, std::sqrt(descent_.gradient_squares)));
    return std::isfinite(beta) && d_y > 0 ? std::fmax(beta, least) : 0;
  }

  Descent<T>& descent_;
  Line<T> line_;
  Array<T> direction_;
  double length_ = 0, slope_ = 0;  // of the last step, and the slope where it began
  double beta_ = 0;
};

}  // namespace

template <class T>
MadeMethod<T> make_nonlinear_cg(Descent<T>& descent) {
  return std::make_unique<NonlinearCg<T>>(descent);
}
template MadeMethod<float> make_nonlinear_cg(Descent<float>&);
template MadeMethod<double> make_nonlinear_cg(Descent<double>&);

}  // namespace nabla::descent
