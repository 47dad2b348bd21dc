#pragma once

#include "common.hpp"

#include <nabla/quadratic.hpp>

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace nabla::cli {

/// Where the matrix comes from.
struct MatrixSource {
  enum class Kind { file, diagonal, laplacian } kind = Kind::file;
  std::filesystem::path file;
  std::vector<std::int64_t> extents;  // of a grid
};

/// The options of nabla quadratic.
struct QuadraticCommand {
  void declare(Arguments& arguments);
  /// Each of these throws UsageError.
  MatrixSource source() const;
  Storage storage() const;
  std::string method_name() const;
  std::string preconditioner_name() const;
  MinimizeOptions minimize_options() const;
  double relative_tolerance(Precision precision) const;

  CommonOptions common;
  std::optional<std::string> matrix, diagonal, laplacian, format, rhs, x0;
  std::optional<std::string> method, step, preconditioner, smallest_eigenvalue, largest_eigenvalue;
  bool mixed_precision = false;
  std::optional<std::string> preconditioner_block, preconditioner_degree;
  std::optional<std::string> relative_residual, max_iterations;
  std::optional<std::string> out_x, history, checkpoint, checkpoint_every, resume;
};

/// All that the reports say.
struct QuadraticResult {
  std::string matrix, method, preconditioner, format;
  Precision precision = Precision::f64;
  bool mixed_precision = false;
  std::int64_t unknowns = 0, nonzeros = 0;
  double pull_norm = 0;  // of b
  double load_seconds = 0, transfer_seconds = 0;
  double memory_per_unknown = 0;  // bytes, at the most: of the matrix and all vectors
  MinimizeReport report;

  /// |Ax - b| / |b|; where b = 0 relative to the start's gradient.
  double relative_residual() const;
  const char* status() const;
  double seconds_per_iteration() const;
  double bytes_per_second() const;
};

void print_json(const QuadraticResult& result, const Executor& executor);
void print_table(const QuadraticResult& result, const Executor& executor);

}  // namespace nabla::cli
