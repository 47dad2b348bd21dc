#pragma once

#include <benchmark/benchmark.h>

#include <chrono>
#include <cstdint>
#include <string>

// Timing against a reference in the same breath. Machines speed up and slow down by factors between one second and the
// next, so every iteration runs the reference and then the subject, and what is reported is the ratio of the totals.

namespace nabla::bench {

template <class Work>
double seconds_of(const Work& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Runs `reference` and `subject` in turn. The benchmark's time is the subject's. Counters: `ratio_name` is reference
/// time over subject time; bytes_per_second counts the subject's compulsory bytes.
template <class Reference, class Subject>
void paired(benchmark::State& state, const std::string& ratio_name, const Reference& reference, const Subject& subject,
            std::int64_t points, std::int64_t bytes) {
  reference();
  subject();
  double reference_seconds = 0, subject_seconds = 0;
  for (auto _ : state) {
    reference_seconds += seconds_of(reference);
    const double seconds = seconds_of(subject);
    subject_seconds += seconds;
    state.SetIterationTime(seconds);
  }
  state.counters[ratio_name] = reference_seconds / subject_seconds;
  state.SetItemsProcessed(state.iterations() * points);
  state.SetBytesProcessed(state.iterations() * bytes);
}

}  // namespace nabla::bench
