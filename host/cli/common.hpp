#pragma once

#include "arguments.hpp"

#include <nabla/executor.hpp>

#include <nlohmann/json_fwd.hpp>

#include <chrono>
#include <optional>
#include <span>
#include <string>

// What all commands share: the options for where and how, and the keys that every JSON object has.

namespace nabla::cli {

enum class Precision { f32, f64 };
std::string to_string(Precision precision);

class CommonOptions {
 public:
  /// `of_precision` is what --precision is of.
  void declare(Arguments& arguments,
               const std::string& of_precision = "of all numbers (default: that of the input file, else f64)");

  /// The executor asked for; `automatic` is what auto means. Throws UsageError, and ExecutorUnavailable with the
  /// reason.
  Executor executor(std::string automatic = "auto") const;
  /// Of the CPU; 0: as many as OpenMP takes.
  int threads() const;
  /// Nothing where none was asked for.
  std::optional<Precision> precision() const;

  bool json = false;
  bool quiet = false;

 private:
  std::optional<std::string> executor_, threads_, precision_;
};

class Stopwatch {
 public:
  double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// Throws Error if what is named needs more memory than there is.
void require_memory(const Executor& executor, double bytes, const std::string& what = "points and results");

/// A number as JSON: NaN and infinities are the strings "nan", "inf", "-inf".
nlohmann::ordered_json json_number(double number);
nlohmann::ordered_json json_numbers(std::span<const double> numbers);
/// The position of a point; null where there is none (-1).
nlohmann::ordered_json json_position(std::int64_t position);
/// An object with the keys that every command has.
nlohmann::ordered_json json_object(const std::string& command, const Executor& executor, Precision precision,
                                   double seconds);

/// "AMD EPYC, 2 threads" or "NVIDIA H100, cuda:0".
std::string describe(const Executor& executor);

/// Writes to standard output and makes sure that it arrived. Throws Error.
void print(const std::string& text);
void print(const nlohmann::ordered_json& object);
/// One line on standard error.
void warn(const std::string& command, const std::string& message);

}  // namespace nabla::cli
