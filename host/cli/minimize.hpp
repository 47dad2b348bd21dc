#pragma once

#include "common.hpp"
#include "descents.hpp"
#include "fits.hpp"
#include "point_source.hpp"

#include <nabla/distinct_minima.hpp>
#include <nabla/minimize.hpp>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace nabla::cli {

/// The options of nabla minimize.
struct MinimizeCommand {
  void declare(Arguments& arguments);
  /// Refuses what can't go together. Throws UsageError.
  void check() const;
  /// What the library is asked. Throws UsageError.
  MinimizeOptions minimize_options(const PointSource& source, Precision precision) const;
  /// As it was given, or the default.
  std::string method_name() const;
  /// Where a checkpoint stands for the start, a point that is not looked at does.
  PointOptions starts() const;
  /// Whether sums of squares are minimised.
  bool fits() const;
  /// Of n variables, lower and upper; empty: none. Throws UsageError.
  std::pair<std::vector<double>, std::vector<double>> bounds_of(std::int64_t n) const;

  CommonOptions common;
  FunctionOptions function;
  PointOptions points;
  FitOptions fit;
  bool sum = false;
  std::optional<std::string> data, method, step, clip, momentum, memory;
  std::optional<std::string> gradient_tolerance, relative_tolerance, value_tolerance, target;
  std::optional<std::string> max_iterations, max_evaluations, bounds, distinct;
  std::optional<std::string> out_x, out_value, out_status, checkpoint, checkpoint_every, resume;
};

/// All that the reports say.
struct MinimizeResult {
  std::string function;
  std::vector<std::string> variables;  // empty where there are very many
  std::string method;
  std::int64_t dimension = 0;
  std::int64_t rows = -1;  // of data that were summed over; -1: none were
  bool fits = false;       // ... for each start by itself, the squares of the function
  Precision precision = Precision::f64;
  Descents descents;
  std::vector<std::vector<double>> ends;  // of each start where they come from --at; else empty
  std::int64_t best = -1;                 // the start that led to the least value; -1: none to a finite one
  std::vector<double> best_x;
  std::optional<std::vector<DistinctMinimum>> minima;  // where they were asked for

  bool converged() const;  // all of them
};

void print_json(const MinimizeResult& result, const Executor& executor);
void print_table(const MinimizeResult& result, const Executor& executor);

}  // namespace nabla::cli
