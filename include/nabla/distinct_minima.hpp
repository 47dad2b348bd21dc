#pragma once

#include <nabla/minimize.hpp>
#include <nabla/view.hpp>

#include <cstdint>
#include <span>
#include <vector>

// Which of many descents ended at the same place:
//
//     for (const auto& minimum : nabla::distinct_minima<double>(found.x, found.value, found.reason)) { ... }

namespace nabla {

/// A place where descents ended, and how many: the size of its basin, among the starts.
struct DistinctMinimum {
  std::vector<double> x;   ///< the end with the least value
  double value = 0;        ///< there
  std::int64_t start = 0;  ///< the one that ended there; the first of those with that value
  std::int64_t count = 0;
};

/// The places where descents that converged ended, or stagnated, as at a minimum that is a corner; in the order of
/// their values. Ends that are within half of tolerance * (1 + |x_i|) of each other in every variable i are the same
/// place, and so are chains of them; ends that are farther than one and a half from all of a place are not part of it.
/// Shapes: x (count, n) and value (count, 1) in the host's memory, count reasons. Complexity: O(n count), and what
/// sorting takes of ends that differ by more than a quarter of the tolerance.
/// Throws ShapeError for other shapes, and unless the tolerance is positive and finite.
template <class T>
std::vector<DistinctMinimum> distinct_minima(BatchView<const T> x, BatchView<const T> value,
                                             std::span<const StopReason> reasons, double tolerance = 1e-4);
extern template std::vector<DistinctMinimum> distinct_minima(BatchView<const float>, BatchView<const float>,
                                                             std::span<const StopReason>, double);
extern template std::vector<DistinctMinimum> distinct_minima(BatchView<const double>, BatchView<const double>,
                                                             std::span<const StopReason>, double);

}  // namespace nabla
