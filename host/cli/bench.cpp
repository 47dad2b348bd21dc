#include "bench.hpp"

#include "commands.hpp"
#include "numbers.hpp"
#include "progress_line.hpp"

#include "../new_file.hpp"

#include <nlohmann/json.hpp>

#include <array>
#include <filesystem>

// nabla bench: the machine's ceilings, and every operation held against them.

namespace nabla::cli {

namespace {

constexpr char example[] =
    "  nabla bench --out report\n"
    "      within two minutes, how near each operation comes to what the machine can do; the same as "
    "report/bench.json,\n"
    "      report/bench.csv and, with pictures, report/report.html\n"
    "  nabla bench --filter rosenbrock --seconds 0.2\n"
    "      some of the rows, measured for less long\n";

constexpr const char* file_names[] = {"bench.json", "bench.csv", "report.html"};

/// Each appears complete.
void write_files(const std::filesystem::path& folder, const std::array<std::string, std::size(file_names)>& texts) {
  std::vector<std::unique_ptr<detail::NewFile>> written;
  for (std::size_t k = 0; k < texts.size(); ++k) {
    written.push_back(std::make_unique<detail::NewFile>(folder / file_names[k]));
    written.back()->write(texts[k].data(), texts[k].size());
    written.back()->finish();
  }
  for (const auto& file : written) file->publish();
}

/// Before anything is measured, so that nothing is lost. Throws FileError.
void make_folder(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) throw FileError("--out: " + folder.string() + ": " + error.message());
  if (!std::filesystem::is_directory(folder)) throw FileError("--out: " + folder.string() + ": is not a folder");
  for (const char* const name : file_names) const detail::NewFile trial(folder / name);
}

}  // namespace

int bench_command(std::span<const char* const> arguments) {
  CommonOptions common;
  std::optional<std::string> out, filter, seconds, bytes;
  Arguments parser("bench", "Measures what this machine can do at most, and every operation against that.", example);
  parser.value("--out", "DIR", "a folder for bench.json, bench.csv and report.html; made if it is not there", out);
  parser.value("--filter", "TEXT", "only rows whose name contains it", filter);
  parser.value("--seconds", "S", "for each row (default 0.7)", seconds);
  parser.value("--bytes", "B", "of the largest batches (default: ten times the last-level cache)", bytes);
  common.declare(parser, "only rows of this precision (default: all)");
  if (parser.wants_help(arguments)) return print(parser.help()), good;
  parser.parse(arguments);

  const Executor executor = common.executor();
  ProgressLine progress(!common.quiet);
  BenchPlan plan{.seconds = seconds ? parse_positive("--seconds", *seconds) : 0.7,
                 .bytes = bytes ? static_cast<double>(parse_count("--bytes", *bytes, 65536))
                                : 10 * static_cast<double>(bench::Ceilings(executor).cache_bytes()),
                 .filter = filter.value_or(""),
                 .precision = common.precision(),
                 .said = [&](const std::string& what) { progress.update([&] { return "nabla bench: " + what; }); }};
  require_memory(executor, 3 * plan.bytes, "--bytes");
  if (filter) {
    const auto cases = bench::all_cases();
    if (std::ranges::none_of(cases, [&](const bench::Case& one) { return plan.wants(one); })) {
      throw UsageError("--filter: no row " + (plan.precision ? "of " + to_string(*plan.precision) + " " : "") +
                       "has '" + *filter + "' in its name; names are like '" + cases.front().name() + "'");
    }
  }
  if (out) make_folder(*out);

  const BenchReport report = run_bench(executor, plan);
  const nlohmann::ordered_json json = json_of(report, executor);
  // What was measured is told even if it can't be written.
  if (common.json) {
    print(json);
  } else if (!common.quiet) {
    print(table_of(report, executor));
  }
  if (out) {
    write_files(*out, {json.dump(2) + "\n", csv_of(report), page_of(report, executor)});
    if (!common.json && !common.quiet) {
      print("wrote " + (std::filesystem::path(*out) / file_names[2]).string() + ", bench.json and bench.csv\n");
    }
  }
  return good;
}

}  // namespace nabla::cli
