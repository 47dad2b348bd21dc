#pragma once

#include <cstdint>

namespace nabla {

/// What a batch of results looks like as a whole; computed in the pass that computes the results.
///
/// A point whose value or gradient has a NaN or an infinity is counted in `nonfinite` and takes no part in the rest.
/// If no point is left, positions are -1 and the other statistics NaN. Sums are in double precision with compensated
/// additions, in an order that depends on the batch alone: the same bits for any number of threads or repetition.
/// Units: l2 and the norms of points are roots of sums of squares: infinite where gradient components exceed 1e154, and
/// 0 where all are below 1e-162. The mean is infinite where the sum of the values is.
struct Summary {
  std::int64_t count = 0;  ///< points in the batch

  struct {
    double min, max, mean;
    std::int64_t argmin, argmax;  ///< the first point that attains it
  } value;

  /// Norms of the gradient. All are NaN, and argmax is -1, where no gradient was computed.
  struct {
    double l1, l2, linf;   ///< over all components of all points
    double max_point_l2;   ///< the largest Euclidean norm of a single point's gradient
    double mean_point_l2;  ///< their mean
    std::int64_t argmax;   ///< the first point that attains the largest
  } gradient_norm;

  struct {
    std::int64_t count;
    std::int64_t first;  ///< the first such point, or -1
  } nonfinite;
};

}  // namespace nabla
