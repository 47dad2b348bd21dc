#include "options.hpp"

#include "../quadratic/matrix.hpp"

#include <cmath>
#include <sstream>

namespace nabla::descent {

namespace {

template <class Found>
void require(bool right, const char* name, const char* expected, Found found) {
  if (right) return;
  std::ostringstream text;
  text << "minimize: " << name << " must be " << expected << ", found " << found;
  throw Error(text.str());
}

bool may_have_fixed_steps(Method method) {
  return method == Method::gradient || method == Method::heavy_ball || method == Method::nesterov ||
         method == Method::adam;
}

bool is_for_quadratics(Method method) {
  return method == Method::conjugate_gradient || method == Method::steepest || method == Method::chebyshev;
}

}  // namespace

bool has_fixed_steps(const MinimizeOptions& options) { return options.step > 0; }

template <class T>
void require(const MinimizeOptions& o, std::int64_t n, bool has_products, const SymmetricOperator<T>* quadratic) {
  constexpr const char* tolerance = "0 or more, and finite";
  const auto is_tolerance = [](double number) { return number >= 0 && std::isfinite(number); };
  const bool fixed = has_fixed_steps(o);
  const std::string method = name_of(o.method);
  if (method.empty()) throw Error("minimize: no such method: " + std::to_string(static_cast<int>(o.method)));
  if (o.method == Method::newton_cg && !has_products) {
    throw Error("minimize: newton_cg needs an objective with hessian_vector_product(executor, x, v, product)");
  }
  if (o.method == Method::bfgs && n > most_bfgs_variables) {
    throw Error("minimize: bfgs keeps a matrix of n x n numbers, for up to " + std::to_string(most_bfgs_variables) +
                " variables; found " + std::to_string(n) + ", for which there is lbfgs");
  }
  if (is_for_quadratics(o.method) && quadratic == nullptr) {
    throw Error("minimize: " + method + " needs a Quadratic (quadratic.hpp); for others there is nonlinear_cg");
  }
  if (o.method == Method::levenberg_marquardt) {
    throw Error("minimize: levenberg_marquardt is for sums of squares from many starts: minimize_each and fit_each");
  }
  if (o.preconditioner != Preconditioner::none) {
    if (!is_for_quadratics(o.method)) throw Error("minimize: " + method + " has no preconditioner");
    const std::string preconditioner = name_of(o.preconditioner);
    if (preconditioner.empty()) {
      throw Error("minimize: no such preconditioner: " + std::to_string(static_cast<int>(o.preconditioner)));
    }
    if (o.preconditioner == Preconditioner::jacobi && !quadratic->has_diagonal()) {
      throw Error("minimize: jacobi needs an operator that tells its diagonal");
    }
    const bool needs_entries =
        o.preconditioner == Preconditioner::block_jacobi || o.preconditioner == Preconditioner::incomplete_cholesky;
    if (needs_entries && !quadratic->matrix().has_entries()) {
      throw Error("minimize: " + preconditioner + " needs an operator that tells its entries; " + quadratic->format() +
                  " does not, for which there is chebyshev");
    }
    if (o.preconditioner == Preconditioner::chebyshev && o.method == Method::chebyshev) {
      throw Error("minimize: the method chebyshev is such a polynomial itself; chebyshev preconditions others");
    }
  }
  if (o.mixed_precision) {
    if (!is_for_quadratics(o.method)) {
      throw Error("minimize: mixed_precision is for conjugate_gradient, steepest and chebyshev, not " + method);
    }
    if (!std::is_same_v<T, double>) throw Error("minimize: mixed_precision is for variables in double, found float");
  }
  require(o.preconditioner_block >= 1 && o.preconditioner_block <= 32, "preconditioner_block", "1 to 32 rows",
          o.preconditioner_block);
  require(o.preconditioner_degree >= 1 && o.preconditioner_degree <= 64, "preconditioner_degree", "1 to 64",
          o.preconditioner_degree);
  require(is_tolerance(o.smallest_eigenvalue), "smallest_eigenvalue", tolerance, o.smallest_eigenvalue);
  require(
      is_tolerance(o.largest_eigenvalue) && (o.largest_eigenvalue == 0 || o.largest_eigenvalue > o.smallest_eigenvalue),
      "largest_eigenvalue", "0, or more than the smallest", o.largest_eigenvalue);
  require(o.step >= 0 && std::isfinite(o.step), "step", "positive, or 0 for a line search", o.step);
  if (o.method == Method::adam && !fixed) throw Error("minimize: adam has no line search; expected a step, as 1e-3");
  if (fixed && !may_have_fixed_steps(o.method)) {
    throw Error("minimize: " + method + " finds its steps itself; expected step 0");
  }
  require(o.line_search == LineSearch::strong_wolfe || o.line_search == LineSearch::backtracking, "line_search",
          "strong_wolfe or backtracking", static_cast<int>(o.line_search));
  require(o.memory >= 1 && o.memory <= 64, "memory", "1 to 64 pairs", o.memory);
  require(o.momentum < 1, "momentum", "less than 1", o.momentum);
  require(o.inner_iterations >= 1, "inner_iterations", "1 or more", o.inner_iterations);
  require(is_tolerance(o.gradient_tolerance), "gradient_tolerance", tolerance, o.gradient_tolerance);
  require(is_tolerance(o.relative_gradient_tolerance) && o.relative_gradient_tolerance < 1,
          "relative_gradient_tolerance", "0 or more, and less than 1", o.relative_gradient_tolerance);
  require(is_tolerance(o.relative_tolerance), "relative_tolerance", tolerance, o.relative_tolerance);
  require(!std::isnan(o.target), "target", "a number", o.target);
  require(o.max_iterations >= 0, "max_iterations", "0 or more", o.max_iterations);
  require(o.max_evaluations >= 1, "max_evaluations", "1 or more", o.max_evaluations);
  require(o.max_seconds >= 0, "max_seconds", "0 or more", o.max_seconds);
  require(o.clip > 0, "clip", "positive", o.clip);
  if (std::isfinite(o.clip) && !fixed) {
    throw Error("minimize: clip is for fixed steps, and " + method + " with a line search has none");
  }
  require(o.callback_every >= 1, "callback_every", "1 or more", o.callback_every);
  require(o.checkpoint_every >= 1, "checkpoint_every", "1 or more", o.checkpoint_every);
}
template void require(const MinimizeOptions&, std::int64_t, bool, const SymmetricOperator<float>*);
template void require(const MinimizeOptions&, std::int64_t, bool, const SymmetricOperator<double>*);

}  // namespace nabla::descent
