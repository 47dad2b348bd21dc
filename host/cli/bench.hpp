#pragma once

#include "common.hpp"

#include "../bench/measure.hpp"

#include <string>
#include <vector>

namespace nabla::cli {

/// A case at one size.
struct BenchRow {
  std::string operation, subject, variant, items, floor;  // as in bench::Case
  Precision precision = Precision::f64;
  bench::Traffic traffic;
  bench::Work work;
  double count = 0;  // of items
  bool cold = false;
  bench::Measured measured;

  std::string described() const;  // what the operation is on, in what precision
  double items_per_second() const { return count / measured.seconds; }
  double bytes_per_second() const { return traffic.bytes() / measured.seconds; }
};

struct BenchCeiling {
  std::string what;  // "2 streams read, 3 written", "exp, f64"
  std::string unit;  // "bytes", "flops", "calls"
  double per_second = 0;
};

/// One thing over another, by a number: threads, or variables.
struct BenchRatio {
  std::string subject;
  std::int64_t by = 0;
  bench::Ratio ratio;
};

/// All that the reports say.
struct BenchReport {
  std::string device;      // what is known of it beside its name; empty on CPUs
  std::int64_t cache = 0;  // bytes
  double bytes = 0;        // of the largest batches
  Precision precision = Precision::f64;
  double flop_rate[2] = {};  // of fused multiplications and additions, in f32 and f64
  double call_rate[2][bench::elementaries] = {};
  double stream_rate = 0;  // bytes a second that memory gives
  std::vector<BenchCeiling> ceilings;
  std::vector<BenchRow> rows, sizes;
  std::vector<BenchRatio> threads, gradients;
  double seconds = 0;

  /// Arithmetic in flops, of which each call counts as many as would take as long.
  double flops_of(const BenchRow& row) const;
};

/// The whole run, within a minute or two: `seconds` for each row, batches of up to `bytes`, rows whose name contains
/// `filter`, in that precision or in each. `said` is told what is next.
struct BenchPlan {
  double seconds = 0, bytes = 0;
  std::string filter;
  std::optional<Precision> precision;
  std::function<void(const std::string&)> said;

  bool wants(const bench::Case& what) const;
};
BenchReport run_bench(const Executor& executor, const BenchPlan& plan);

nlohmann::ordered_json json_of(const BenchReport& report, const Executor& executor);
std::string table_of(const BenchReport& report, const Executor& executor);
std::string csv_of(const BenchReport& report);
/// A page that needs nothing else, with pictures.
std::string page_of(const BenchReport& report, const Executor& executor);

}  // namespace nabla::cli
