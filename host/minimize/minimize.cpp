#include "checkpoint.hpp"
#include "descent.hpp"
#include "options.hpp"

#include <nabla/detail/check_calls.hpp>

#include <algorithm>
#include <exception>
#include <vector>

// The loop around every method: when it ends and why, and what it reports.

namespace nabla::descent {

template <class T>
std::int64_t first_not_finite(const Executor& executor, const T* v, std::int64_t n) {
  constexpr std::int64_t at_once = 1 << 16;
  std::vector<T> some(static_cast<std::size_t>(std::min(n, at_once)));
  for (std::int64_t first = 0; first < n; first += at_once) {
    const std::int64_t count = std::min(at_once, n - first);
    detail::copy_bytes(executor, some.data(), v + first, static_cast<std::size_t>(count) * sizeof(T));
    const auto end = some.begin() + count;
    const auto found = std::find_if(some.begin(), end, [](T number) { return !std::isfinite(number); });
    if (found != end) return first + (found - some.begin());
  }
  return -2;
}
template std::int64_t first_not_finite(const Executor&, const float*, std::int64_t);
template std::int64_t first_not_finite(const Executor&, const double*, std::int64_t);

namespace {

template <class T>
MadeMethod<T> make_method(Descent<T>& descent) {
  if constexpr (std::is_same_v<T, double>) {
    if (descent.options.mixed_precision) return make_refinement(descent);
  }
  switch (descent.options.method) {
    case Method::gradient:
      if (descent.quadratic() != nullptr && !std::isfinite(descent.options.clip)) return make_krylov(descent);
      return make_gradient(descent);
    case Method::conjugate_gradient:
    case Method::steepest:
    case Method::chebyshev:
      return make_krylov(descent);
    case Method::barzilai_borwein:
      return make_barzilai_borwein(descent);
    case Method::heavy_ball:
      return make_heavy_ball(descent);
    case Method::nesterov:
      return make_nesterov(descent);
    case Method::nonlinear_cg:
      return make_nonlinear_cg(descent);
    case Method::newton_cg:
      return make_newton_cg(descent);
    case Method::adam:
      return make_adam(descent);
    case Method::bfgs:
      return make_bfgs(descent);
    default:
      return make_lbfgs(descent);
  }
}

template <class T>
class Minimization {
 public:
  Minimization(const Executor& executor, const detail::ObjectiveCalls<T>& calls, std::span<T> x,
               const MinimizeOptions& options)
      : x_(x),
        options_(options),
        descent_(executor, calls, x, options),
        method_(make_method(descent_)),
        checkpoint_(executor, options, descent_.n, [this](State<T>& state) { keep(state); }) {
    report_.method = options.method;
    report_.variables = descent_.n;
  }

  MinimizeReport run() {
    try {
      begin();
      descend();
      bring_home();
      conclude();
    } catch (...) {
      try_to_bring_home();
      throw;
    }
    return std::move(report_);
  }

 private:
  void begin() {
    if (keeps_checkpoints()) checkpoint_.require_writable();
    if (options_.resume.empty()) {
      descent_.evaluate();
      first_value_ = least_value_ = descent_.value;
      first_squares_ = least_squares_ = descent_.gradient_squares;
    } else {
      checkpoint_.read();
      descent_.seconds_before = seconds_;
    }
    kept_iteration_ = iteration_;
  }

  bool keeps_checkpoints() const { return !options_.checkpoint.empty(); }

  /// All that the next iteration depends on.
  void keep(State<T>& state) {
    seconds_ = descent_.seconds();
    for (double* const number : {&seconds_, &first_value_, &first_squares_, &least_value_, &least_squares_,
                                 &descent_.value, &descent_.gradient_squares}) {
      state.number(*number);
    }
    Evaluations& evaluations = descent_.evaluations;
    for (std::int64_t* const number : {&iteration_, &since_better_, &alike_in_a_row_, &evaluations.values,
                                       &evaluations.gradients, &evaluations.hessian_products}) {
      state.number(*number);
    }
    state.vector(descent_.x);
    state.vector(descent_.gradient);
    method_->keep(state);
  }

  void write_checkpoint() {
    checkpoint_.write();
    kept_iteration_ = iteration_;
  }
  static bool may_go_on(StopReason reason) {
    return reason == StopReason::iterations || reason == StopReason::evaluations || reason == StopReason::time ||
           reason == StopReason::interrupted;
  }

  void descend() {
    Step step;
    while (true) {
      const bool go_on = tell(step);
      const auto reason = reason_to_stop(go_on);
      if (reason) {
        report_.reason = *reason;
        if (keeps_checkpoints() && may_go_on(*reason)) write_checkpoint();
        return;
      }
      if (keeps_checkpoints() && iteration_ >= kept_iteration_ + options_.checkpoint_every) write_checkpoint();
      const double before = descent_.value;
      descent_.enough_squares = enough_squares();
      descent_.iterations_unseen = iterations_unseen();
      step = method_->advance();
      if (step.stop) {
        report_.reason = *step.stop;
        if (step.stop == StopReason::unbounded || step.stop == StopReason::negative_curvature) {
          report_.curvature = step.curvature;
          report_.direction = std::move(step.direction);
        }
        report_.not_finite_component = step.not_finite_component;
        return;
      }
      iteration_ += step.iterations;
      watch(before, step.iterations);
    }
  }

  bool tell(const Step& step) {
    const Progress progress{iteration_, descent_.value, descent_.gradient_norm(), step.length, descent_.seconds()};
    if (options_.history) report_.history.push_back(progress);
    if (!options_.callback || iteration_ < next_called_) return true;
    next_called_ = iteration_ + options_.callback_every;
    return options_.callback(progress);
  }

  std::int64_t iterations_unseen() const {
    if (options_.history || std::isfinite(options_.target)) return 1;
    std::int64_t count =
        std::min(options_.max_iterations - iteration_, options_.max_evaluations - descent_.evaluations.total());
    if (options_.callback) count = std::min(count, next_called_ - iteration_);
    if (keeps_checkpoints()) count = std::min(count, kept_iteration_ + options_.checkpoint_every - iteration_);
    return count;
  }

  /// Counts iterations that bring nothing.
  void watch(double before, std::int64_t iterations) {
    constexpr double digits = 4;
    const double value = descent_.value, squares = descent_.gradient_squares;
    const double rounding = digits * std::numeric_limits<double>::epsilon() * std::fabs(least_value_);
    const bool better = value < least_value_ - rounding || squares < least_squares_;
    since_better_ = better ? 0 : since_better_ + iterations;
    least_value_ = std::fmin(least_value_, value);
    least_squares_ = std::fmin(least_squares_, squares);
    const bool alike = std::fabs(value - before) <= options_.relative_tolerance * std::fabs(value);
    alike_in_a_row_ = alike ? alike_in_a_row_ + iterations : 0;
  }

  bool within_absolute(double norm) const { return norm <= options_.gradient_tolerance; }
  bool within_relative(double norm) const {
    return norm <= options_.relative_gradient_tolerance * std::sqrt(first_squares_);
  }

  /// The largest square of a gradient's norm that is within a tolerance.
  double enough_squares() const {
    const double norm =
        std::fmax(options_.gradient_tolerance, options_.relative_gradient_tolerance * std::sqrt(first_squares_));
    return norm * norm;
  }

  std::optional<StopReason> reason_to_stop(bool go_on) {
    constexpr std::int64_t enough_alike = 5;
    const double norm = descent_.gradient_norm();
    if (descent_.value == -std::numeric_limits<double>::infinity()) return StopReason::unbounded;
    if (!descent_.is_finite()) return StopReason::not_finite;
    if (descent_.value <= options_.target) return StopReason::target;
    if (within_absolute(norm)) return StopReason::gradient;
    if (within_relative(norm)) return StopReason::relative_gradient;
    if (options_.relative_tolerance > 0 && alike_in_a_row_ >= enough_alike) return StopReason::value;
    if (diverges(norm)) return StopReason::diverged;
    // The worse the condition, the longer gradients go up and down before they are shorter than ever.
    if (since_better_ >= std::max<std::int64_t>(method_->patience(), iteration_ / 2)) return StopReason::stagnated;
    if (iteration_ >= options_.max_iterations) return StopReason::iterations;
    if (const auto limit = descent_.limit()) return limit;
    if (!go_on) return StopReason::interrupted;
    return std::nullopt;
  }

  /// Fixed steps that are too long make gradients grow without end, and the value with them.
  bool diverges(double norm) const {
    constexpr double far = 1e6;
    return norm > far * std::sqrt(first_squares_) && descent_.value > first_value_;
  }

  void bring_home() {
    method_->settle();
    if (descent_.x == x_.data()) return;
    detail::copy_bytes(descent_.executor, x_.data(), descent_.x, x_.size_bytes());
    descent_.x = x_.data();
  }
  void try_to_bring_home() noexcept {
    try {
      bring_home();
    } catch (const std::exception&) {  // what is being thrown already says why
    }
  }

  /// Nothing is reported that was not seen at the point that the caller gets.
  void conclude() {
    descent_.evaluate();
    const double norm = descent_.gradient_norm();
    const bool gradient_is_off = (report_.reason == StopReason::gradient && !within_absolute(norm)) ||
                                 (report_.reason == StopReason::relative_gradient && !within_relative(norm));
    const bool value_is_off = report_.reason == StopReason::target && !(descent_.value <= options_.target);
    if (gradient_is_off || value_is_off) report_.reason = StopReason::not_reproducible;
    // Where a quadratic's value is not finite, its gradient tells more.
    const bool gradient_tells = std::isfinite(descent_.value) || descent_.quadratic() != nullptr;
    if (report_.reason == StopReason::not_finite && gradient_tells && !std::isfinite(descent_.gradient_squares)) {
      report_.not_finite_component = first_not_finite(descent_.executor, descent_.gradient, descent_.n);
    }
    report_.iterations = iteration_;
    report_.preconditioner = method_->preconditioner();
    report_.bytes = method_->bytes_of_iteration() * static_cast<double>(iteration_);
    report_.evaluations = descent_.evaluations;
    report_.value = descent_.value;
    report_.gradient_norm = norm;
    report_.first_value = first_value_;
    report_.first_gradient_norm = std::sqrt(first_squares_);
    report_.seconds = descent_.seconds();
  }

  std::span<T> x_;
  const MinimizeOptions& options_;
  Descent<T> descent_;
  MadeMethod<T> method_;
  MinimizeReport report_;

  Checkpoint<T> checkpoint_;

  std::int64_t iteration_ = 0, kept_iteration_ = 0, next_called_ = 0, since_better_ = 0, alike_in_a_row_ = 0;
  double first_value_ = 0, first_squares_ = 0, least_value_ = 0, least_squares_ = 0;
  double seconds_ = 0;  // as checkpoints have it
};

}  // namespace
}  // namespace nabla::descent

namespace nabla::detail {

template <class T>
MinimizeReport minimize(const Executor& executor, const ObjectiveCalls<T>& calls, std::span<T> x,
                        const MinimizeOptions& options) {
  const auto n = static_cast<std::int64_t>(x.size());
  if (n < 1) throw ShapeError("minimize: x must have one variable or more, found 0");
  require_points<T>(executor, "minimize", {x.data(), 1, n, n, 1});
  descent::require(options, n, static_cast<bool>(calls.hessian_vector_product), calls.quadratic);
  return descent::Minimization<T>(executor, calls, x, options).run();
}
template MinimizeReport minimize(const Executor&, const ObjectiveCalls<float>&, std::span<float>,
                                 const MinimizeOptions&);
template MinimizeReport minimize(const Executor&, const ObjectiveCalls<double>&, std::span<double>,
                                 const MinimizeOptions&);

}  // namespace nabla::detail
