#pragma once

#include <nabla/batch.hpp>
#include <nabla/formula.hpp>

#include <cmath>
#include <cstdint>
#include <vector>

// Fits that are measured: a exp(-b t) + c (functions.hpp) to samples with errors, each fit with parameters of its own.

namespace nabla::bench {

inline Formula decay_formula() {
  return Formula::parse("a*exp(-b*t) + c - y", {.variables = {"a", "b", "c"}, .data = {"t", "y"}});
}

/// In the host's memory.
struct DecaySamples {
  static constexpr std::int64_t rows = 32;  // of each fit
  std::vector<double> times;                // for all of them
  std::vector<double> samples;              // fit by fit
  std::vector<double> start{1, 1, 0};       // for all of them

  explicit DecaySamples(std::int64_t fits) : samples(static_cast<std::size_t>(fits * rows)) {
    for (std::int64_t r = 0; r < rows; ++r) times.push_back(4.0 * static_cast<double>(r) / (rows - 1));
    // a, b, c and the samples' errors.
    const auto random = Points<double>::uniform(Executor::cpu(1), fits, 3 + rows, 0, 1, 7);
    for (std::int64_t k = 0; k < fits; ++k) {
      const auto u = [&](std::int64_t i) { return random.view()(k, i); };
      const double a = 1 + 4 * u(0), b = 0.5 + 1.5 * u(1), c = 2 * u(2) - 1;
      for (std::int64_t r = 0; r < rows; ++r) {
        const double t = times[static_cast<std::size_t>(r)], error = 0.02 * (u(3 + r) - 0.5);
        samples[static_cast<std::size_t>(k * rows + r)] = a * std::exp(-b * t) + c + error;
      }
    }
  }
};

}  // namespace nabla::bench
