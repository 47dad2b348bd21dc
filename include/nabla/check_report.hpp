#pragma once

#include <cstdint>
#include <string>
#include <vector>

// What a gradient check is asked, and what it answers.

namespace nabla {

struct CheckOptions {
  /// Random directions along which every point is tried.
  int directions = 4;
  /// Steps along each direction, from as large as the coordinates down to a few units in their last place.
  int steps = 25;
  /// Relative to a component's size. 0: 1e-8 for f64, 1e-4 for f32.
  double tolerance = 0;
  /// Rows of CheckReport::worst.
  std::int64_t worst = 10;
  std::uint64_t seed = 1;
  /// Whether every component of every point is examined, and not just of those that a direction objects to, and of a
  /// sample.
  bool every_component = false;
  /// A typical size of each variable, which steps are measured by. Empty: as the points have it. Variables that are 0
  /// at all of them count as of size 1.
  std::vector<double> scale = {};
  /// Names of the variables, for the diagnosis. Empty: their numbers.
  std::vector<std::string> variables = {};
};

enum class Verdict {
  agree,       ///< the same within the tolerance, which the error bar is narrower than
  unresolved,  ///< neither: too wide an error bar, rounding explains it, or the function is not smooth there
  disagree,    ///< different by more than tolerance and error bar together
};
const char* name_of(Verdict verdict);  ///< "agree", "unresolved", "disagree"

/// One derivative at one point.
struct CheckedComponent {
  std::int64_t point;
  std::int64_t output;     ///< of F: R^n -> R^m; 0 for m = 1
  std::int64_t component;  ///< the variable
  std::vector<double> x;   ///< the point; empty where n > 16
  double analytic;
  double numeric;
  double error_bar;       ///< the derivative is within numeric +- error_bar, as far as differences can tell
  double relative_error;  ///< of the point: |analytic - numeric| / (|analytic| + |numeric|), in Euclidean norms
  Verdict verdict;
};

/// A place where a derivative does not exist, or differs from side to side.
struct NonsmoothPlace {
  std::int64_t point;
  std::int64_t component;  ///< -1: along a random direction, of which left and right are the derivatives
  double left;             ///< the derivatives from both sides: infinite for jumps, NaN where f is not defined
  double right;
  std::int64_t output = 0;  ///< of F: R^n -> R^m
};

struct CheckReport {
  Verdict verdict = Verdict::unresolved;
  double tolerance = 0;
  double max_relative_error = 0;  ///< over points that were examined by components, and directions of the others
  /// Of log error against log step, over all directions where the error is a power of the step: 2 for smooth functions.
  /// NaN where there is none, as for linear and quadratic functions, whose differences have no error.
  double median_slope = 0;
  std::int64_t points_checked = 0;
  std::int64_t points_not_finite = 0;  ///< where f itself is not finite: not checked
  std::int64_t points_examined = 0;    ///< by components
  std::int64_t components_examined = 0;
  std::int64_t linear = 0, quadratic = 0;        ///< directions along which f is exactly so
  std::int64_t disagreeing = 0, unresolved = 0;  ///< points with such a component or direction
  std::int64_t not_examined = 0;  ///< points that a direction objects to, beyond those that are enough to know
  std::int64_t nonsmooth_points = 0;
  std::int64_t evaluations = 0;           ///< of f
  std::vector<CheckedComponent> worst;    ///< the most doubtful first
  std::vector<NonsmoothPlace> nonsmooth;  ///< the first so many as `worst` has rows
  /// The largest difference between two evaluations of the same gradient; 0: they were equal, bit for bit.
  double spread = 0;
  std::string diagnosis;  ///< what kind of mistake it looks like; empty where none is recognised
};

/// What a report says, in lines: the verdict first, then what it rests on, where the gradient is doubted, and where the
/// function is not smooth. `variables`: names of theirs; others are numbered from 0, as points and outputs are.
std::string describe(const CheckReport& report, const std::vector<std::string>& variables = {});

}  // namespace nabla
