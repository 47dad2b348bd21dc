#pragma once

#include "common.hpp"
#include "element_data.hpp"
#include "point_source.hpp"

#include <nabla/summary.hpp>

#include <optional>
#include <string>
#include <vector>

namespace nabla::cli {

struct EvalOptions {
  void declare(Arguments& arguments);
  /// Refuses what can't go together. Throws UsageError.
  void check() const;
  void check_against(const ChosenFunction& chosen) const;

  CommonOptions common;
  FunctionOptions function;
  PointOptions points;
  std::optional<std::string> direction, data, out_value, out_gradient, out_directional, out_hessian;
  bool value_only = false;
  bool hessian = false;
  bool show_gradient = false;
  bool sum = false;
};

/// What was computed at one of the points given by --at. Empty vectors were not asked for.
struct EvaluatedPoint {
  std::vector<double> x;
  std::vector<double> values;  // one for each output
  std::vector<double> gradient, hessian, eigenvalues, jacobian;
  std::optional<double> directional;
  std::string classification;  // of a critical point; else empty

  /// The gradient's length.
  double slope() const;
  /// The unit vector along the gradient; empty where the gradient is zero or not finite.
  std::vector<double> steepest_ascent() const;
};

/// All that the reports say.
struct EvalReport {
  std::string function;
  std::vector<std::string> variables;
  std::vector<std::string> gradient_text, hessian_text;  // if they are to be shown
  std::int64_t outputs = 1;
  std::int64_t dimension = 0;
  std::int64_t count = 0;
  std::int64_t rows = -1;  // of data that were summed over; -1: none were
  Layout layout = Layout::component_major;
  Precision precision = Precision::f64;
  bool value_only = false;
  bool hessian = false;
  std::vector<double> direction;
  double seconds = 0;
  double transfer_seconds = 0;  // stays 0 on the CPU
  double bytes = 0;             // each input read once, each output written once
  Summary summary;
  std::vector<EvaluatedPoint> points;
};

/// The sum of a formula over all rows of its data, at the points of --at.
void evaluate_sum(const Executor& executor, const Formula& element, const PointSource& source, const ElementData& data,
                  EvalReport& report);

void print_json(const EvalReport& report, const Executor& executor);
void print_table(const EvalReport& report, const Executor& executor);

}  // namespace nabla::cli
