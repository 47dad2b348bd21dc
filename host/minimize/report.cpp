#include <nabla/minimize.hpp>

#include <sstream>

// What a descent did, in words.

namespace nabla {

const char* name_of(Method method) {
  switch (method) {
    case Method::gradient:
      return "gradient";
    case Method::heavy_ball:
      return "heavy_ball";
    case Method::nesterov:
      return "nesterov";
    case Method::barzilai_borwein:
      return "barzilai_borwein";
    case Method::nonlinear_cg:
      return "nonlinear_cg";
    case Method::lbfgs:
      return "lbfgs";
    case Method::newton_cg:
      return "newton_cg";
    case Method::adam:
      return "adam";
    case Method::bfgs:
      return "bfgs";
    case Method::conjugate_gradient:
      return "conjugate_gradient";
    case Method::steepest:
      return "steepest";
    case Method::chebyshev:
      return "chebyshev";
    case Method::levenberg_marquardt:
      return "levenberg_marquardt";
  }
  return "";
}

const char* name_of(Preconditioner preconditioner) {
  switch (preconditioner) {
    case Preconditioner::none:
      return "none";
    case Preconditioner::jacobi:
      return "jacobi";
    case Preconditioner::block_jacobi:
      return "block_jacobi";
    case Preconditioner::incomplete_cholesky:
      return "incomplete_cholesky";
    case Preconditioner::chebyshev:
      return "chebyshev";
  }
  return "";
}

const char* name_of(StopReason reason) {
  switch (reason) {
    case StopReason::gradient:
      return "gradient";
    case StopReason::relative_gradient:
      return "relative_gradient";
    case StopReason::value:
      return "value";
    case StopReason::target:
      return "target";
    case StopReason::iterations:
      return "iterations";
    case StopReason::evaluations:
      return "evaluations";
    case StopReason::time:
      return "time";
    case StopReason::unbounded:
      return "unbounded";
    case StopReason::line_search_failed:
      return "line_search_failed";
    case StopReason::stagnated:
      return "stagnated";
    case StopReason::diverged:
      return "diverged";
    case StopReason::not_finite:
      return "not_finite";
    case StopReason::not_reproducible:
      return "not_reproducible";
    case StopReason::interrupted:
      return "interrupted";
    case StopReason::negative_curvature:
      return "negative_curvature";
  }
  return "";
}

std::string describe_end(const MinimizeReport& report) {
  switch (report.reason) {
    case StopReason::gradient:
      return "converged: the gradient is within the absolute tolerance";
    case StopReason::relative_gradient:
      return "converged: the gradient is within the relative tolerance";
    case StopReason::value:
      return "converged: the value changes by no more than the tolerance";
    case StopReason::target:
      return "converged: the value reached the target";
    case StopReason::iterations:
      return "not converged: the limit of iterations is reached";
    case StopReason::evaluations:
      return "not converged: the limit of evaluations is reached";
    case StopReason::time:
      return "not converged: the time is up";
    case StopReason::unbounded:
      return "not converged: f seems to fall without end along a direction";
    case StopReason::line_search_failed:
      return "not converged: no step along a direction of descent lowers f; the gradient is wrong, or f is not smooth";
    case StopReason::stagnated:
      return "not converged: rounding hides any further decrease";
    case StopReason::diverged:
      return "not converged: it diverges, the step is too long";
    case StopReason::not_finite:
      if (report.not_finite_component == -1) return "not converged: f is not finite";
      if (report.not_finite_component == -2) return "not converged: the gradient's norm overflows";
      return "not converged: component " + std::to_string(report.not_finite_component) +
             " of the gradient is not finite";
    case StopReason::not_reproducible:
      return "not converged: evaluated again at the same point, f and its gradient came out differently";
    case StopReason::interrupted:
      return "not converged: interrupted";
    case StopReason::negative_curvature:
      return "not converged: the quadratic has no minimum, it falls without end along a direction";
  }
  return "";
}

std::string describe(const MinimizeReport& report) {
  std::ostringstream text;
  text.precision(10);
  text << name_of(report.method) << ", " << report.variables << (report.variables == 1 ? " variable" : " variables")
       << (report.preconditioner.empty() ? "" : ", preconditioned by " + report.preconditioner) << ": "
       << describe_end(report);
  if (report.curvature <= 0) text << ", of curvature " << report.curvature;
  text << ". After " << report.iterations << (report.iterations == 1 ? " iteration" : " iterations") << " the value is "
       << report.value << " (" << report.first_value << " at the start), the gradient's norm " << report.gradient_norm
       << " (" << report.first_gradient_norm << "). It took " << report.evaluations.gradients << " gradients, "
       << report.evaluations.values << " further values, " << report.evaluations.hessian_products
       << " Hessian-vector products and " << report.seconds << " s.";
  return text.str();
}

}  // namespace nabla
