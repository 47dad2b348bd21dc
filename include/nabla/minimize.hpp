#pragma once

#include <nabla/objective.hpp>
#include <nabla/stop_reason.hpp>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <ranges>
#include <span>
#include <string>
#include <utility>
#include <vector>

// Minimises one scalar function of very many variables:
//
//     auto report = nabla::minimize(where, objective, x, {.method = nabla::Method::lbfgs});
//     if (!report.converged()) std::cerr << describe(report);
//
// x is the start and becomes the result. All methods look for a point where the gradient vanishes; none can tell a
// minimum from a saddle that it was started on.

namespace nabla {

enum class Method {
  gradient,          ///< x - t g
  heavy_ball,        ///< x - t g + momentum times the last step. Source: Polyak 1964
  nesterov,          ///< gradients at extrapolated points, which x is one of; begun anew where momentum leads uphill.
                     ///< Source: Nesterov 1983; O'Donoghue and Candès 2015, the gradient scheme
  barzilai_borwein,  ///< x - t g, t from the last change of the gradient; nonmonotone. Source: Barzilai and Borwein
                     ///< 1988, Raydan 1997
  nonlinear_cg,      ///< Source: Hager and Zhang 2005, CG_DESCENT
  lbfgs,             ///< Source: Nocedal 1980; Byrd, Nocedal and Schnabel 1994
  newton_cg,         ///< needs hessian_vector_product(); hessian_diagonal(), where it is there, preconditions.
                     ///< Source: Nocedal and Wright 2006, algorithm 7.1; Eisenstat and Walker 1996, choice 2
  adam,              ///< Source: Kingma and Ba 2015
  bfgs,              ///< keeps a matrix of n x n numbers on the host: up to most_bfgs_variables. Source: Broyden,
                     ///< Fletcher, Goldfarb, Shanno 1970
  // Of quadratics (quadratic.hpp) alone; `gradient` is another method there, with fixed steps.
  conjugate_gradient,  ///< Source: Hestenes and Stiefel 1952
  steepest,            ///< along the gradient, to the minimum on that line
  chebyshev,           ///< needs no inner products, but bounds of the eigenvalues. Source: Saad 2003, algorithm 12.1
  // Of sums of squares from many starts (minimize_each.hpp, fit_each.hpp) alone.
  levenberg_marquardt,  ///< Source: Marquardt 1963; Moré 1978; Madsen, Nielsen and Tingleff 2004, section 3.2
};
constexpr std::int64_t most_bfgs_variables = 1024;
const char* name_of(Method method);  ///< "gradient", "heavy_ball", …

enum class LineSearch {
  strong_wolfe,  ///< Source: Hager and Zhang 2005; their approximate conditions where values are lost in rounding
  backtracking,  ///< until the decrease is sufficient (Armijo); by values alone after the first try, never longer
};

/// What the methods of quadratics divide gradients by: an M that is like A, symmetric and positive definite even where
/// A is not. Memory is beside one vector for M^-1 g.
enum class Preconditioner {
  none,
  jacobi,               ///< A's diagonal, within the other passes
  block_jacobi,         ///< blocks of preconditioner_block rows on A's diagonal. Memory: as many vectors
  incomplete_cholesky,  ///< L D L^T with no other entries than A, rows in an order by colours, so that all of a colour
                        ///< can be solved at once; for A with a larger diagonal where a pivot is not positive. Memory:
                        ///< A's entries. Source: Meijerink and van der Vorst 1977, Manteuffel 1980
  chebyshev,            ///< a polynomial of degree preconditioner_degree in A, over its diagonal where that is known;
                        ///< for every operator. Memory: two vectors. Source: Saad 2003, section 12.3
};
const char* name_of(Preconditioner preconditioner);  ///< "none", "jacobi", …

struct Evaluations {
  std::int64_t values = 0;            ///< without a gradient
  std::int64_t gradients = 0;         ///< with the value
  std::int64_t hessian_products = 0;  ///< and diagonals

  std::int64_t total() const { return values + gradients + hessian_products; }
};

/// What is known at an iterate.
struct Progress {
  std::int64_t iteration = 0;  ///< 0: the start
  double value = 0;
  double gradient_norm = 0;  ///< Euclidean
  double step = 0;           ///< the multiple of the direction that led here
  double seconds = 0;        ///< since the start, those before a resumed checkpoint included
};

struct MinimizeOptions {
  Method method = Method::lbfgs;
  /// Of gradient, heavy_ball, nesterov and adam, which has none by default. 0: a line search.
  double step = 0;
  /// nesterov and barzilai_borwein have backtracking of their own.
  LineSearch line_search = LineSearch::strong_wolfe;
  /// Pairs of vectors that L-BFGS keeps: 1 to 64.
  int memory = 8;
  /// Of heavy_ball (0.9 by default) and adam (the gradient's, 0.9). For nesterov a constant in place of Nesterov's
  /// sequence. Negative: the default.
  double momentum = -1;
  /// Products with the Hessian that newton_cg may take in one iteration.
  int inner_iterations = 500;

  /// Of conjugate_gradient, steepest and chebyshev. block_jacobi and incomplete_cholesky need an operator that tells
  /// its entries: not X^T X, nor the caller's own.
  Preconditioner preconditioner = Preconditioner::none;
  int preconditioner_block = 8;  ///< rows of block_jacobi's blocks: 1 to 32
  /// Of the polynomial: the products with A that it takes, 1 to 64. Even ones are positive definite whatever the
  /// bounds.
  int preconditioner_degree = 4;
  /// Bounds of the (preconditioned) matrix's eigenvalues: of chebyshev, and for a quadratic's fixed steps; with the
  /// preconditioner chebyshev those of A over its diagonal, of which the largest must not be missed. 0: estimated by 60
  /// products.
  double smallest_eigenvalue = 0, largest_eigenvalue = 0;
  /// Of conjugate_gradient, steepest and chebyshev, for a Quadratic<double>: iterations in float, with a copy of A over
  /// float, that correct an x in double; the gradient is computed in double again whenever they have brought it down.
  /// The tolerances are met in double as without, or it ends as stagnated, where A is too ill-conditioned for float: a
  /// condition of 10^6 may be.
  /// Throws Error for the caller's operators and X^T X, and for entries of A that float can't hold.
  bool mixed_precision = false;

  // Stopping. A gradient of 0 always stops.
  double gradient_tolerance = 0;              ///< ‖g‖ <= this: converged
  double relative_gradient_tolerance = 1e-6;  ///< ‖g‖ <= this times the start's: converged
  /// In five iterations in a row the value changed by at most this times its size. 0: values are not looked at.
  double relative_tolerance = 0;
  double target = -std::numeric_limits<double>::infinity();  ///< value <= this
  std::int64_t max_iterations = 10'000;
  /// Values, gradients and products together. An evaluation for the report comes on top, and so may what ends a step.
  std::int64_t max_evaluations = std::numeric_limits<std::int64_t>::max();
  double max_seconds = std::numeric_limits<double>::infinity();

  /// Gradients that are longer are shortened to this norm before a fixed step.
  double clip = std::numeric_limits<double>::infinity();
  bool history = false;
  /// Called at the start and after each iteration; false ends.
  std::function<bool(const Progress&)> callback = {};
  /// Called only after so many iterations, and then after as many again. A quadratic's methods do not wait for a GPU in
  /// between, but every 16 iterations; with 1, `history` or a target they do after each.
  std::int64_t callback_every = 1;

  /// Written every so many iterations, and when an iteration, evaluation or time limit or the callback ends; complete
  /// at any time, whatever kills the program. Empty: none.
  std::filesystem::path checkpoint = {};
  std::int64_t checkpoint_every = 100;
  /// A checkpoint to go on from, in place of x. With the same options, iterates are the same, bit for bit, as without
  /// the interruption.
  std::filesystem::path resume = {};
};

struct MinimizeReport {
  Method method = Method::lbfgs;
  StopReason reason = StopReason::iterations;
  std::int64_t variables = 0;
  std::int64_t iterations = 0;
  Evaluations evaluations;
  // Evaluated again at the end.
  double value = 0;
  double gradient_norm = 0;

  double first_value = 0;
  double first_gradient_norm = 0;
  /// Where `reason` is not_finite: the gradient's first such component; -1: the value; -2: all are finite, but the
  /// gradient's norm is not.
  std::int64_t not_finite_component = -1;
  /// The curvature v.Hv/v.v along a direction: where it is unbounded, if newton_cg knows it to be negative; and where
  /// the reason is negative_curvature (0 or less).
  double curvature = std::numeric_limits<double>::quiet_NaN();
  std::vector<double> direction;  ///< where the reason is negative_curvature: v
  double bytes = 0;               ///< moved by a quadratic's iterations at least; 0: not known
  std::string preconditioner;     ///< in words, as it was made; empty: none
  std::vector<Progress> history;  ///< if asked for; of a resumed run from the checkpoint on
  double seconds = 0;

  bool converged() const { return has_converged(reason); }
};

/// Why it ended: "converged: the gradient is within the relative tolerance".
std::string describe_end(const MinimizeReport& report);
/// What a report says, in a paragraph.
std::string describe(const MinimizeReport& report);

namespace detail {

template <class T>
MinimizeReport minimize(const Executor& executor, const ObjectiveCalls<T>& calls, std::span<T> x,
                        const MinimizeOptions& options);
extern template MinimizeReport minimize(const Executor&, const ObjectiveCalls<float>&, std::span<float>,
                                        const MinimizeOptions&);
extern template MinimizeReport minimize(const Executor&, const ObjectiveCalls<double>&, std::span<double>,
                                        const MinimizeOptions&);

// As numbers_of(), to be written.
template <class T>
std::span<T> variables_of(Array<T>& x) {
  return {x.data(), static_cast<std::size_t>(x.size())};
}
template <std::ranges::contiguous_range X>
auto variables_of(X&& x) {
  return std::span(std::ranges::data(x), static_cast<std::size_t>(std::ranges::size(x)));
}

}  // namespace detail

/// Minimises an objective from x, which becomes the result: an Array, or a span or vector in the executor's memory. The
/// report says why it ended, and tells of the point that x holds. Results do not depend on the number of threads, if
/// the objective's do not.
///
/// Shapes: one variable or more. Memory: vectors like x besides it, allocated before the first evaluation: gradient 1,
/// heavy_ball and nesterov 2, adam 3; with a line search gradient, barzilai_borwein and nesterov 3, heavy_ball and
/// nonlinear_cg 4, newton_cg 7, or 8 where it preconditions, bfgs 6, lbfgs 4 + 2 memory. Complexity: vectors read or
/// written in an iteration, beside evaluations, where the first step is taken: lbfgs 14 + 4 memory, nonlinear_cg 11.
/// Throws: as the objective; ShapeError or MemorySpaceError for such an x, Error for options that can't be right,
/// FileError for a checkpoint that can't be written or is not of this descent. After an exception x holds the last
/// iterate, unless it was x or options that were refused: then x is as before.
template <class X, Objective<detail::NumberOf<X>> O>
MinimizeReport minimize(const Executor& executor, const O& objective, X&& x, const MinimizeOptions& options = {}) {
  using T = detail::NumberOf<X>;
  return detail::minimize<T>(executor, detail::objective_calls<T>(executor, objective), detail::variables_of(x),
                             options);
}

}  // namespace nabla
