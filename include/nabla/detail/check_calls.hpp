#pragma once

#include <nabla/check_report.hpp>
#include <nabla/detail/ladder.hpp>
#include <nabla/executor.hpp>
#include <nabla/view.hpp>

#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <vector>

// The seam between the templates of check.hpp, which know the function, and the check itself, which is compiled once
// (host/check/). Numbers pass it as doubles in the host's memory, point after point.

namespace nabla::detail {

/// What a precision can hold.
struct Precision {
  double epsilon;   // from 1 to the next number
  double smallest;  // of the normal numbers
};
template <class T>
constexpr Precision precision_of{std::numeric_limits<T>::epsilon(), std::numeric_limits<T>::min()};

/// What came of trying points along some directions in one pass (detail/ladder.hpp): rows of `points` numbers.
struct Screening {
  std::int64_t points;
  std::int64_t directions;
  const double* outcome;         // ladder_passed, …
  const double* relative_error;  // the largest of these directions
  const double* slopes;          // as many rows as directions
};

/// A batch of points, a function F: R^n -> R^m, and what is said to be its derivative.
struct CheckCalls {
  std::int64_t count;              // points
  std::int64_t n;                  // variables
  std::int64_t outputs;            // m
  std::int64_t busy;               // so many points at once give all threads of the executor something to do
  Precision derivative_precision;  // that the derivative is computed in, and points are stored in
  Precision value_precision;       // that differences are taken in
  /// The points [first, first + points.size() / n) of the batch.
  std::function<void(std::int64_t first, std::span<double> points)> points;
  /// F at any points: m numbers each.
  std::function<void(std::span<const double> points, std::span<double> values)> values;
  /// The same in the precision of the derivative, if that is another one.
  std::function<void(std::span<const double> points, std::span<double> values)> stored_values;
  /// The derivative that is to be checked, at any points: m rows of n each.
  std::function<void(std::span<const double> points, std::span<double> derivatives)> derivatives;
  /// The same in the precision of the values, if that is another one.
  std::function<void(std::span<const double> points, std::span<double> derivatives)> precise_derivatives;
  /// The derivatives of F at any points by complex steps. Null: F does not take complex numbers.
  std::function<void(std::span<const double> points, std::span<double> derivatives)> complex_steps;
  /// Evaluates the derivative of some of the batch's points twice; returns the largest difference.
  std::function<double(std::int64_t first, std::int64_t points)> spread;
  /// Tries the points that spread() was asked for last along directions of n numbers each, most_ladder_directions of
  /// them at most. Null: there is no such pass.
  std::function<void(std::int64_t first, std::int64_t points, std::span<const double> directions,
                     const CheckOptions& options, double tolerance, const std::function<void(const Screening&)>& use)>
      screen;
};

/// Throws ShapeError or MemorySpaceError, in the name of a call, for points that no operation takes.
template <class T>
void require_points(const Executor& executor, const char* call, const BatchView<const T>& points);
extern template void require_points(const Executor&, const char*, const BatchView<const float>&);
extern template void require_points(const Executor&, const char*, const BatchView<const double>&);

/// Copies points from the executor's memory, wherever they lie there.
template <class T>
void read_points(const Executor& executor, const BatchView<const T>& from, std::span<double> to);
extern template void read_points(const Executor&, const BatchView<const float>&, std::span<double>);
extern template void read_points(const Executor&, const BatchView<const double>&, std::span<double>);

/// The largest |a_i - b_i| of numbers in the executor's memory: 0 only if all bits are the same, infinite where one is
/// infinite or NaN and the other is not the same.
template <class T>
double largest_difference(const Executor& executor, const T* a, const T* b, std::int64_t n);
extern template double largest_difference(const Executor&, const float*, const float*, std::int64_t);
extern template double largest_difference(const Executor&, const double*, const double*, std::int64_t);

/// Steps and thresholds of a screening; its directions are yet to be set. `derivative`: the claim's precision.
template <class T>
LadderPlan<T> ladder_plan(const CheckOptions& options, double tolerance, const Precision& derivative);
extern template LadderPlan<float> ladder_plan(const CheckOptions&, double, const Precision&);
extern template LadderPlan<double> ladder_plan(const CheckOptions&, double, const Precision&);

CheckReport check(const CheckCalls& calls, const CheckOptions& options);

}  // namespace nabla::detail
