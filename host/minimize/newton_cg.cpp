#include "line.hpp"

#include <algorithm>

namespace nabla::descent {

namespace {

/// H z = -g is solved by conjugate gradients, no better than worthwhile, and no further than curvature is positive.
/// Source: Nocedal and Wright, Numerical Optimization (2006), algorithm 7.1; tolerances: Eisenstat and Walker, Choosing
/// the Forcing Terms in an Inexact Newton Method (SIAM J. Sci. Comput. 17, 1996), choice 2 with its safeguard.
template <class T>
class NewtonCg final : public DescentMethod<T> {
 public:
  explicit NewtonCg(Descent<T>& descent)
      : descent_(descent),
        line_(descent),
        z_(descent.executor, descent.n),
        r_(descent.executor, descent.n),
        p_(descent.executor, descent.n),
        product_(descent.executor, descent.n) {
    if (descent.has_diagonal()) inverse_ = std::make_unique<Array<T>>(descent.executor, descent.n);
  }

  Step advance() override {
    choose_tolerance();
    double curvature = std::numeric_limits<double>::quiet_NaN();
    const T* const direction = solve(curvature);
    const double slope = descent_.sums_of(detail::Dot<T>{descent_.gradient, direction})[0];
    Step step{0, StopReason::line_search_failed};
    if (slope < 0) step = line_.descend(direction, 1, slope, 1);
    if (step.stop == StopReason::line_search_failed || step.stop == StopReason::stagnated) {
      step = line_.descend_steepest(line_.cautious_step());
    }
    step.curvature = curvature;
    return step;
  }
  void keep(State<T>& state) override {
    state.number(tolerance_);
    state.number(squares_);
  }
  int patience() const override { return patience_of_descent; }

 private:
  const T* inverse() const { return inverse_ ? inverse_->data() : nullptr; }

  void choose_tolerance() {
    constexpr double first = 0.1, most = 0.1, gamma = 0.9, safeguard = 0.1;
    if (squares_ > 0) {
      const double before = gamma * tolerance_ * tolerance_;
      tolerance_ = gamma * descent_.gradient_squares / squares_;
      if (before > safeguard) tolerance_ = std::fmax(tolerance_, before);
      tolerance_ = std::fmin(tolerance_, most);
    } else {
      tolerance_ = first;
    }
    squares_ = descent_.gradient_squares;
  }

  /// z; or where the first product finds no positive curvature, p, and that curvature.
  const T* solve(double& curvature) {
    if (inverse_) {
      descent_.hessian_diagonal(inverse_->data());
      descent_.run(detail::Invert<T>{inverse_->data()});
    }
    const double enough = tolerance_ * tolerance_ * descent_.gradient_squares;
    double scaled =
        descent_.sums_of(detail::BeginSolve<T>{z_.data(), r_.data(), p_.data(), descent_.gradient, inverse()})[0];
    for (int k = 0; k < descent_.options.inner_iterations; ++k) {
      descent_.multiply_hessian(p_.data(), product_.data());
      const auto dots = descent_.sums_of(detail::Dot<T>{p_.data(), product_.data()});
      const double bent = dots[0], p_p = dots[1];
      if (!(bent > 0) || !std::isfinite(scaled / bent)) {
        if (k > 0) return z_.data();
        curvature = bent / p_p;
        return p_.data();
      }
      const auto rest = descent_.sums_of(
          detail::StepSolve<T>{z_.data(), r_.data(), p_.data(), product_.data(), inverse(), scaled / bent});
      const double r_r = rest[0], next = rest[1];
      if (!(r_r > enough) || descent_.limit()) return z_.data();
      descent_.run(detail::TurnSolve<T>{p_.data(), r_.data(), inverse(), next / scaled});
      scaled = next;
    }
    return z_.data();
  }

  Descent<T>& descent_;
  Line<T> line_;
  Array<T> z_, r_, p_, product_;
  std::unique_ptr<Array<T>> inverse_;   // of the Hessian's diagonal
  double tolerance_ = 0, squares_ = 0;  // of the last iteration, and its gradient's
};

}  // namespace

template <class T>
MadeMethod<T> make_newton_cg(Descent<T>& descent) {
  return std::make_unique<NewtonCg<T>>(descent);
}
template MadeMethod<float> make_newton_cg(Descent<float>&);
template MadeMethod<double> make_newton_cg(Descent<double>&);

}  // namespace nabla::descent
