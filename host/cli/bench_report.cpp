#include "bench.hpp"
#include "chart.hpp"
#include "table.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

// What nabla bench says: one JSON object, a table for people, and rows for spreadsheets.

namespace nabla::cli {

using nlohmann::ordered_json;

namespace {

ordered_json json_row(const BenchReport& report, const BenchRow& row) {
  const bench::Measured& m = row.measured;
  ordered_json calls = ordered_json::object();
  for (std::size_t f = 0; f < bench::elementaries; ++f) {
    if (row.work.calls[f] > 0) calls[bench::elementary_names[f]] = json_number(row.work.calls[f]);
  }
  ordered_json object{{"operation", row.operation},
                      {"subject", row.subject},
                      {"precision", to_string(row.precision)},
                      {"variant", row.variant},
                      {"items", row.items},
                      {"count", json_number(row.count)},
                      {"cold", row.cold},
                      {"seconds", json_number(m.seconds)},
                      {"items_per_second", json_number(row.items_per_second())},
                      {"bytes", json_number(row.traffic.bytes())},
                      {"bytes_per_second", json_number(row.bytes_per_second())},
                      {"flops", json_number(row.work.flops)},
                      {"calls", calls},
                      {"flops_and_calls", json_number(report.flops_of(row))},
                      {"memory_seconds", json_number(m.memory_seconds)},
                      {"arithmetic_seconds", json_number(m.arithmetic_seconds)},
                      {"of_ceiling", json_number(m.of_floor)},
                      {"of_ceiling_quartiles", {json_number(m.low), json_number(m.high)}},
                      {"rounds", m.rounds},
                      {"bound", to_string(m.bound())}};
  if (m.call_seconds > 0) object["call_seconds"] = json_number(m.call_seconds);
  if (!row.floor.empty()) object["ceiling_counts"] = row.floor;
  return object;
}

ordered_json json_ratios(const std::vector<BenchRatio>& ratios, const char* by) {
  ordered_json all = ordered_json::array();
  for (const BenchRatio& ratio : ratios) {
    all.push_back({{"function", ratio.subject},
                   {by, ratio.by},
                   {"ratio", json_number(ratio.ratio.median)},
                   {"quartiles", {json_number(ratio.ratio.low), json_number(ratio.ratio.high)}}});
  }
  return all;
}

/// A field of a CSV file; ours have no quotes in them.
std::string quoted(const std::string& text) { return '"' + text + '"'; }

}  // namespace

ordered_json json_of(const BenchReport& report, const Executor& executor) {
  ordered_json object = json_object("bench", executor, report.precision, report.seconds);
  object["device"] = report.device;
  object["cache_bytes"] = report.cache;
  object["largest_bytes"] = json_number(report.bytes);
  for (const BenchCeiling& ceiling : report.ceilings) {
    object["ceilings"].push_back(
        {{"what", ceiling.what}, {"unit", ceiling.unit}, {"per_second", json_number(ceiling.per_second)}});
  }
  const auto rows = [&](const std::vector<BenchRow>& some) {
    ordered_json all = ordered_json::array();
    for (const BenchRow& row : some) all.push_back(json_row(report, row));
    return all;
  };
  object["rows"] = rows(report.rows);
  object["sizes"] = rows(report.sizes);
  object["threads"] = json_ratios(report.threads, "threads");
  object["gradient_over_value"] = json_ratios(report.gradients, "variables");
  return object;
}

std::string table_of(const BenchReport& report, const Executor& executor) {
  std::string text = line("bench", describe(executor) + (report.device.empty() ? "" : "; " + report.device));
  text += line("", fmt::format("batches of {}B, last-level cache {}B; medians, with quartiles of what is a ratio",
                               short_number(report.bytes), short_number(static_cast<double>(report.cache))));
  std::vector<Cells> ceilings{{"ceiling", "a second"}};
  for (const BenchCeiling& ceiling : report.ceilings) {
    const bool bytes = ceiling.unit == "bytes";
    ceilings.push_back({ceiling.what, short_number(ceiling.per_second) + (bytes ? "B" : "")});
  }
  text += "\n" + aligned(ceilings, {'<', '>'});

  std::vector<Cells> rows{{"operation", "on", "a second", "", "bytes", "of ceiling", "", "nearest ceiling"}};
  bool noted = false;
  for (const BenchRow& row : report.rows) {
    const bench::Measured& m = row.measured;
    noted = noted || !row.floor.empty();
    rows.push_back({row.operation, row.described(), short_number(row.items_per_second()), row.items,
                    short_number(row.bytes_per_second()) + "B/s", fmt::format("{:.2f}", m.of_floor),
                    fmt::format("{:.2f} to {:.2f}", m.low, m.high),
                    to_string(m.bound()) + (row.floor.empty() ? "" : " *")});
  }
  text += "\n" + aligned(rows, {'<', '<', '>', '<', '>', '>', '<', '<'});
  if (noted) text += "  * the ceiling is that of less than the whole: see ceiling_counts in --json\n";

  std::vector<Cells> sizes{{"value and gradient of", "bytes", "points a second", "of ceiling", "bound by"}};
  for (const BenchRow& row : report.sizes) {
    sizes.push_back({row.subject + (row.cold ? ", cold" : ""), short_number(row.traffic.bytes()) + "B",
                     short_number(row.items_per_second()),
                     row.measured.bound() == bench::Bound::call ? "" : fmt::format("{:.2f}", row.measured.of_floor),
                     to_string(row.measured.bound())});
  }
  if (!report.sizes.empty()) text += "\n" + aligned(sizes, {'<', '>', '>', '>', '<'});
  const auto ratios = [&](const std::vector<BenchRatio>& some, const char* head, const char* by, const char* what) {
    if (some.empty()) return;
    std::vector<Cells> cells{{head, by, what, ""}};
    for (const BenchRatio& one : some) {
      cells.push_back({one.subject, fmt::format("{}", one.by), fmt::format("{:.2f}", one.ratio.median),
                       fmt::format("{:.2f} to {:.2f}", one.ratio.low, one.ratio.high)});
    }
    text += "\n" + aligned(cells, {'<', '>', '>', '<'});
  };
  ratios(report.threads, "times as fast as one thread", "threads", "");
  ratios(report.gradients, "value and gradient, in times of the value", "n", "");
  return text + fmt::format("\n{:.0f} s\n", report.seconds);
}

std::string csv_of(const BenchReport& report) {
  std::string text =
      "operation,subject,precision,variant,items,count,cold,seconds,items_per_second,bytes,bytes_per_second,"
      "flops_and_calls,memory_seconds,arithmetic_seconds,of_ceiling,of_ceiling_low,of_ceiling_high,bound\n";
  for (const auto* const rows : {&report.rows, &report.sizes}) {
    for (const BenchRow& row : *rows) {
      const bench::Measured& m = row.measured;
      text += fmt::format("{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}\n", quoted(row.operation),
                          quoted(row.subject), to_string(row.precision), quoted(row.variant), quoted(row.items),
                          row.count, row.cold ? 1 : 0, m.seconds, row.items_per_second(), row.traffic.bytes(),
                          row.bytes_per_second(), report.flops_of(row), m.memory_seconds, m.arithmetic_seconds,
                          m.of_floor, m.low, m.high, to_string(m.bound()));
    }
  }
  return text;
}

}  // namespace nabla::cli
