#pragma once

#include "common.hpp"
#include "point_source.hpp"

#include <nabla/check_report.hpp>

#include <optional>
#include <string>
#include <vector>

namespace nabla::cli {

/// Points with more are not written out, as in CheckedComponent::x.
inline constexpr std::int64_t most_listed_variables = 16;

/// The options of nabla check.
struct CheckCommand {
  void declare(Arguments& arguments);
  /// What the library is asked. Throws UsageError.
  CheckOptions check_options(const PointSource& source, Precision precision,
                             const std::vector<std::string>& variables) const;

  CommonOptions common;
  FunctionOptions function;
  PointOptions points;
  std::vector<std::string> gradient;
  std::optional<std::string> tolerance, directions, steps, worst;
  bool every_component = false;
};

/// All that the reports say.
struct CheckResult {
  std::string function;
  std::vector<std::string> variables;
  std::vector<std::string> gradient;  // the caller's; empty: nabla's own
  std::int64_t outputs = 1;
  std::int64_t dimension = 0;
  std::int64_t count = 0;
  Precision precision = Precision::f64;
  CheckOptions options;
  double seconds = 0;
  double transfer_seconds = 0;  // of the points; stays 0 on the CPU
  CheckReport report;
  std::vector<std::vector<double>> nonsmooth_points;  // for each row of report.nonsmooth; empty where n > 16
  std::size_t rows = 0;                               // of the table of derivatives
};

void print_json(const CheckResult& result, const Executor& executor);
void print_table(const CheckResult& result, const Executor& executor);

}  // namespace nabla::cli
