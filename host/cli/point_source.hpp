#pragma once

#include "arguments.hpp"
#include "chosen_function.hpp"
#include "common.hpp"

#include <nabla/batch.hpp>
#include <nabla/npy.hpp>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace nabla::cli {

/// The options that say at which points.
struct PointOptions {
  void declare(Arguments& arguments);

  std::optional<std::string> points, random, box, seed;
  std::vector<std::string> at;
};

/// Where the points come from, checked against the function but not read yet.
struct PointSource {
  enum class Kind { file, random, at } kind;
  std::int64_t count = 0;
  std::int64_t dimension = 0;
  Layout layout = Layout::component_major;
  std::filesystem::path file;
  NpyHeader header;
  double low = 0, high = 0;
  std::uint64_t seed = 0;
  std::vector<std::vector<double>> at;

  /// Throws UsageError and FileError.
  PointSource(const PointOptions& options, const FunctionOptions& function_options, const ChosenFunction& function);

  /// That of the file; f64 for points that come from elsewhere.
  Precision precision() const;
  /// Of the file, if there are any: a line on standard error.
  void warn_of_trailing_bytes(const std::string& command) const;
};

/// Reads a file's numbers into an executor's memory; a CPU executor's at once. Returns the seconds that they took from
/// the host's memory to a device. Throws FileError and std::bad_alloc.
template <class T>
double read_numbers(const Executor& executor, const std::filesystem::path& file, const NpyHeader& header, T* to);
extern template double read_numbers(const Executor&, const std::filesystem::path&, const NpyHeader&, float*);
extern template double read_numbers(const Executor&, const std::filesystem::path&, const NpyHeader&, double*);

/// Points on an executor, and the time it took to bring them there from the host's memory.
template <class T>
struct LoadedPoints {
  Batch<T> points;
  double transfer_seconds = 0;
};

/// Throws FileError and std::bad_alloc.
template <class T>
LoadedPoints<T> load_points(const PointSource& source, const Executor& executor);
extern template LoadedPoints<float> load_points(const PointSource&, const Executor&);
extern template LoadedPoints<double> load_points(const PointSource&, const Executor&);

}  // namespace nabla::cli
