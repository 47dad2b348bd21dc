#pragma once

// Why descents end. By itself, for NVRTC, which has no standard library.

namespace nabla {

enum class StopReason {
  gradient,  ///< converged: within the absolute tolerance
  /// Converged: within the relative tolerance R, |g| <= R |g at the start|. By levenberg_marquardt: |J_i . r| <= R
  /// |J_i| |r| for each variable i, r being the residuals and J_i their derivatives; or the gradient is all rounding.
  relative_gradient,
  value,               ///< converged: the value hardly changes, as relative_tolerance has it
  target,              ///< the value reached the target
  iterations,          ///< limit
  evaluations,         ///< limit
  time,                ///< limit
  unbounded,           ///< along a direction, f falls without end as far as was tried
  line_search_failed,  ///< no step along a descent direction lowers f: a wrong gradient, or f is not smooth
  stagnated,           ///< as far as rounding lets it come, but not within a tolerance
  diverged,            ///< the fixed step is too long
  not_finite,          ///< the value, or a component of the gradient
  not_reproducible,    ///< evaluated again, the gradient was not within the tolerance
  interrupted,         ///< by the callback
  negative_curvature,  ///< of a quadratic: 0 or less along a direction, so that it may have no minimum
};
constexpr int stop_reasons = 15;
constexpr bool has_converged(StopReason reason) { return reason <= StopReason::target; }
const char* name_of(StopReason reason);  ///< "gradient", "relative_gradient", …

}  // namespace nabla
