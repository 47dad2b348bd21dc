#include "common.hpp"

#include "../available_memory.hpp"
#include "numbers.hpp"

#include <fmt/format.h>

#include <nabla/version.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <system_error>
#include <thread>

namespace nabla::cli {

namespace {

constexpr char environment_name[] = "NABLA_EXECUTOR";

/// OpenMP ends the process where it can't start as many threads as asked for, so a slip of the keyboard stops here.
std::int64_t most_threads() {
  return std::max<std::int64_t>(256, 8 * std::int64_t{std::thread::hardware_concurrency()});
}

}  // namespace

std::string to_string(Precision precision) { return precision == Precision::f32 ? "f32" : "f64"; }

void CommonOptions::declare(Arguments& arguments, const std::string& of_precision) {
  arguments.section("where and how");
  arguments.value("--executor", "auto|cpu|cuda|cuda:K", "where to run (default auto, or $NABLA_EXECUTOR)", executor_);
  arguments.value("--threads", "T", "threads of the CPU (default: as many as OpenMP takes)", threads_);
  arguments.value("--precision", "f32|f64", of_precision, precision_);
  arguments.flag("--json", "print one JSON object instead of a table", json);
  arguments.flag("--quiet", "print neither table nor warnings", quiet);
}

int CommonOptions::threads() const {
  if (!threads_) return 0;
  return static_cast<int>(parse_count_within("--threads", *threads_, 1, most_threads()));
}

Executor CommonOptions::executor(std::string automatic) const {
  const int wanted_threads = threads();
  std::string argument = "--executor";
  std::string name = executor_.value_or("auto");
  if (const char* const text = std::getenv(environment_name); name == "auto" && text != nullptr && *text != '\0') {
    argument = environment_name;
    name = text;
  }
  if (name == "auto") name = std::move(automatic);
  try {
    return Executor::named(name, wanted_threads);
  } catch (const ExecutorUnavailable& error) {
    throw ExecutorUnavailable(argument + ": " + error.what());
  } catch (const CudaError&) {
    throw;
  } catch (const Error& error) {
    throw UsageError(argument + ": " + error.what());
  }
}

std::optional<Precision> CommonOptions::precision() const {
  if (!precision_) return {};
  if (*precision_ == "f32") return Precision::f32;
  if (*precision_ == "f64") return Precision::f64;
  throw UsageError("--precision: expected f32 or f64, found '" + *precision_ + "'");
}

void require_memory(const Executor& executor, double bytes, const std::string& what) {
  if (executor.is_cuda()) return;
  const double available = available_memory();
  if (bytes <= available) return;
  throw Error(fmt::format("{} need {:.4g} GB of memory, {:.4g} GB are available", what, bytes / 1e9, available / 1e9));
}

nlohmann::ordered_json json_number(double number) {
  if (std::isnan(number)) return "nan";
  if (std::isinf(number)) return number > 0 ? "inf" : "-inf";
  return number;
}

nlohmann::ordered_json json_numbers(std::span<const double> numbers) {
  auto list = nlohmann::ordered_json::array();
  for (const double number : numbers) list.push_back(json_number(number));
  return list;
}

nlohmann::ordered_json json_position(std::int64_t position) {
  return position < 0 ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(position);
}

nlohmann::ordered_json json_object(const std::string& command, const Executor& executor, Precision precision,
                                   double seconds) {
  nlohmann::ordered_json where{{"kind", executor.is_cuda() ? "cuda" : "cpu"}, {"name", executor.name()}};
  if (executor.is_cuda()) {
    where["device"] = executor.device();
  } else {
    where["threads"] = executor.threads();
  }
  return {{"command", command},
          {"version", version},
          {"executor", where},
          {"precision", to_string(precision)},
          {"seconds", seconds}};
}

std::string describe(const Executor& executor) {
  if (executor.is_cuda()) return fmt::format("{}, cuda:{}", executor.name(), executor.device());
  return fmt::format("{}, {} thread{}", executor.name(), executor.threads(), executor.threads() == 1 ? "" : "s");
}

void print(const std::string& text) {
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (!written || std::fflush(stdout) != 0) {
    throw Error("standard output: " + std::generic_category().message(errno));
  }
}

void print(const nlohmann::ordered_json& object) {
  print(object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
}

void warn(const std::string& command, const std::string& message) {
  fmt::print(stderr, "nabla {}: warning: {}\n", command, message);
}

}  // namespace nabla::cli
