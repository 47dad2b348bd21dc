#pragma once

#include "chosen_function.hpp"
#include "element_data.hpp"
#include "interruption.hpp"
#include "point_source.hpp"
#include "progress_line.hpp"

#include <nabla/minimize_each.hpp>

#include <limits>
#include <optional>
#include <vector>

// Descents from the starts of nabla minimize.

namespace nabla::cli {

/// How one of them ended; as it is here, one that was not begun.
struct Descent {
  StopReason reason = StopReason::interrupted;
  double value = std::numeric_limits<double>::quiet_NaN();
  double gradient_norm = std::numeric_limits<double>::quiet_NaN();
  std::int64_t iterations = 0;
  Evaluations evaluations;

  bool converged() const { return reason <= StopReason::target; }
};

struct Descents {
  std::vector<Descent> all;            // in the order of the starts
  std::optional<MinimizeReport> only;  // of a single start
  double seconds = 0;
  double transfer_seconds = 0;  // stays 0 on the CPU
};

/// What minimize_each() tells of each start.
template <class T>
Descents descents_of(const std::vector<StopReason>& reason, const std::vector<T>& value,
                     const std::vector<T>& gradient_norm, const std::vector<std::int64_t>& iterations,
                     const std::vector<std::int64_t>& evaluations, double seconds) {
  Descents descents;
  descents.seconds = seconds;
  for (std::size_t k = 0; k < reason.size(); ++k) {
    descents.all.push_back({reason[k],
                            static_cast<double>(value[k]),
                            static_cast<double>(gradient_norm[k]),
                            iterations[k],
                            {.gradients = evaluations[k]}});
  }
  return descents;
}

/// What all of them have in common.
struct DescentTask {
  const Executor& executor;
  const ChosenFunction& function;
  const std::optional<ElementData>& data;  // the function is summed over its rows
  const MinimizeOptions& options;
  std::vector<double> lower, upper;  // bounds of each variable; empty: none
  bool quiet;
};

/// The same for descents in lanes.
EachOptions each_options(const DescentTask& task);

/// Descends from each of the points, which become the results; they are in the host's memory. One start's result does
/// not depend on the others, nor on the number of threads; a single start's may differ from what it is among others by
/// rounding, since nabla::minimize() goes from there. Once the user asks to stop, descents end where they are.
/// Throws as minimize(), minimize_each() and data_sum() do; UsageError for bounds where descents are not in lanes.
template <class T>
Descents descend_from_all(const DescentTask& task, BatchView<T> points);
extern template Descents descend_from_all(const DescentTask&, BatchView<float>);
extern template Descents descend_from_all(const DescentTask&, BatchView<double>);

}  // namespace nabla::cli
