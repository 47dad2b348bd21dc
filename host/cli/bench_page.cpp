#include "bench.hpp"
#include "chart.hpp"

#include <fmt/format.h>

#include <nabla/version.hpp>

#include <algorithm>
#include <cmath>
#include <ctime>

// nabla bench's report as a page that needs nothing else: no network, no scripts; pictures as SVG.

namespace nabla::cli {

namespace {

constexpr char style[] = R"(
:root { color-scheme: light dark; --ink: #1d2733; --soft: #5b6b7b; --faint: #dfe5ea; --paper: #ffffff;
  --c0: #0b6bcb; --c1: #c2410c; --c2: #15803d; --c3: #7c3aed; --c4: #d4a106; --c5: #06b6d4; --c6: #be185d; --c7: #4d5d6c; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6ebf0; --soft: #9aa8b5; --faint: #2c3640; --paper: #12181e;
  --c0: #6cb2ff; --c1: #ff9a5c; --c2: #5fd38d; --c3: #b79bff; --c4: #f5dc42; --c5: #5ccfe0; --c6: #ff8fc0; --c7: #a9b6c2; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 900px;
  margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin: 0 0 .2rem; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .3rem; }
p { margin: .3rem 0 .8rem; color: var(--soft); } p b, h1, h2, td { color: var(--ink); }
svg { width: 100%; height: auto; font: 12px system-ui, sans-serif; } svg text { fill: var(--soft); }
svg .label { fill: var(--ink); } .grid { stroke: var(--faint); fill: none; } .axis { stroke: var(--soft); fill: none; }
.line { fill: none; stroke-width: 2; } .dot { stroke: var(--paper); stroke-width: 1; }
.ideal { stroke: var(--soft); stroke-dasharray: 5 4; fill: none; } .whisker { stroke: var(--ink); fill: none; }
.roof { stroke: var(--ink); } .roof2 { stroke: var(--soft); stroke-dasharray: 2 3; }
table { border-collapse: collapse; width: 100%; font-size: 13px; } .wide { overflow-x: auto; }
th, td { text-align: left; padding: .22rem .6rem .22rem 0; border-bottom: 1px solid var(--faint); white-space: nowrap; }
th { color: var(--soft); font-weight: 500; } .number { text-align: right; font-variant-numeric: tabular-nums; }
)";

constexpr int colours = 8;
std::string colour(std::size_t k) { return fmt::format("c{}", k % colours); }

std::string colour_rules() {
  std::string rules;
  for (int k = 0; k < colours; ++k) {
    rules += fmt::format(".line.c{0} {{ stroke: var(--c{0}); }} .dot.c{0}, .bar.c{0} {{ fill: var(--c{0}); }}\n", k);
  }
  return rules;
}

/// The names of what is told apart, in order of first appearance; of each its number.
class Names {
 public:
  std::size_t number_of(const std::string& name) {
    const auto found = std::ranges::find(names_, name);
    if (found != names_.end()) return static_cast<std::size_t>(found - names_.begin());
    names_.push_back(name);
    return names_.size() - 1;
  }
  /// Each with what it looks like by its number.
  template <class LookOf>
  auto legend(LookOf look_of) const {
    std::vector<std::pair<std::string, decltype(look_of(std::size_t{0}))>> entries;
    for (std::size_t k = 0; k < names_.size(); ++k) entries.emplace_back(names_[k], look_of(k));
    return entries;
  }

 private:
  std::vector<std::string> names_;
};

/// Neighbours differ in both, so that neither is needed to tell them apart.
Look look_of(std::size_t k) { return {colour(k), static_cast<int>((k + k / colours) % Look::shapes)}; }

std::string section(const std::string& title, const std::string& text, const std::string& content) {
  return fmt::format("<h2>{}</h2>\n<p>{}</p>\n{}", escaped(title), escaped(text), content);
}

double round_down(double x) { return std::pow(10, std::floor(std::log10(x))); }
double round_up(double x) { return std::pow(10, std::ceil(std::log10(x))); }

std::string roofline(const BenchReport& report) {
  const double peak = report.flop_rate[1], peak32 = report.flop_rate[0], stream = report.stream_rate;
  std::vector<const BenchRow*> rows;
  for (const BenchRow& row : report.rows) {
    if (report.flops_of(row) > 0) rows.push_back(&row);
  }
  if (rows.empty()) return "";
  double least_x = peak / stream, most_x = least_x, least_y = peak;
  const auto intensity = [&](const BenchRow& row) { return report.flops_of(row) / row.traffic.bytes(); };
  const auto rate = [&](const BenchRow& row) { return report.flops_of(row) / row.measured.seconds; };
  for (const BenchRow* const row : rows) {
    least_x = std::min(least_x, intensity(*row));
    most_x = std::max(most_x, intensity(*row));
    least_y = std::min(least_y, rate(*row));
  }
  const double low = round_down(least_x), high = std::max(round_up(most_x), 10 * peak32 / stream);
  Chart chart({"flops for each compulsory byte; calls count as many flops as would take as long", low, high, true},
              {"flops a second", round_down(least_y), 2 * std::max(peak, peak32), true});
  const auto roof = [&](double top, const std::string& look, const std::string& name) {
    chart.line({{low, std::min(top, low * stream)}, {top / stream, top}, {high, top}}, look, name);
    chart.text(high, top, name + ": " + short_number(top) + "flop/s", "label", "end");
  };
  roof(peak, "roof", "f64");
  roof(peak32, "roof2", "f32");
  Names names;
  for (const BenchRow* const row : rows) {
    chart.dot(intensity(*row), rate(*row), look_of(names.number_of(row->operation)),
              fmt::format("{}: {}; {:.2f} of the ceiling of its bytes and arithmetic", row->operation, row->described(),
                          row->measured.of_floor));
  }
  chart.legend(names.legend(look_of));
  return section("Roofline",
                 fmt::format("The slope is memory at {}B/s, the median of what bare loops over the rows' arrays "
                             "reached; the roofs are fused "
                             "multiplications and additions. What a dot is, it says when pointed at.",
                             short_number(stream)),
                 chart.svg());
}

std::string fractions(const BenchReport& report) {
  std::vector<Bar> all;
  for (const BenchRow& row : report.rows) {
    if (!row.floor.empty()) continue;
    const bench::Measured& m = row.measured;
    all.push_back({row.operation + ": " + row.described(), m.of_floor, m.low, m.high,
                   fmt::format("{:.2f} {}", m.of_floor, to_string(m.bound())),
                   m.bound() == bench::Bound::memory ? "c0" : "c1"});
  }
  if (all.empty()) return "";
  return section("Of the ceiling",
                 "The time that the bytes take in a bare loop, or that the arithmetic takes at the ceilings' rates, "
                 "whichever is longer, over the time measured. Above 1, the bare loop was the slower.",
                 bars(all, 1.25, "part of the ceiling; the line through a bar's end joins the quartiles"));
}

std::string sizes(const BenchReport& report) {
  if (report.sizes.empty()) return "";
  double most = 0, least = report.sizes.front().traffic.bytes(), largest = least;
  for (const BenchRow& row : report.sizes) {
    most = std::max({most, row.bytes_per_second(), row.traffic.bytes() / row.measured.memory_seconds});
    least = std::min(least, row.traffic.bytes());
    largest = std::max(largest, row.traffic.bytes());
  }
  Chart chart({"bytes of data", round_down(least), round_up(largest), true, "B"},
              {"bytes a second", 0, 1.05 * most, false, "B"});
  Names names;
  std::vector<std::pair<double, double>> bare;
  const std::string first = report.sizes.front().subject;
  std::vector<std::string> lines;
  const auto name_of = [](const BenchRow& row) { return row.subject + (row.cold ? ", cold" : ""); };
  for (const BenchRow& row : report.sizes) {
    if (row.subject == first && !row.cold) {
      bare.emplace_back(row.traffic.bytes(), row.traffic.bytes() / row.measured.memory_seconds);
    }
    if (std::ranges::find(lines, name_of(row)) == lines.end()) lines.push_back(name_of(row));
  }
  for (const std::string& name : lines) {
    std::vector<std::pair<double, double>> points;
    for (const BenchRow& row : report.sizes) {
      if (name_of(row) == name) points.emplace_back(row.traffic.bytes(), row.bytes_per_second());
    }
    chart.line(points, colour(names.number_of(name)), name);
  }
  chart.line(bare, colour(names.number_of("the bare loop")), "the bare loop");
  const auto cache = static_cast<double>(report.cache);
  if (cache > least && cache < largest) {
    chart.line({{cache, 0}, {cache, most}}, "ideal", "the last-level cache");
    chart.text(cache, most * 0.97, "last-level cache", "", "middle");
  }
  chart.legend(names.legend(colour));
  return section("By size", "Value and gradient, from the first-level cache to beyond the last.", chart.svg());
}

std::string threads(const BenchReport& report) {
  std::int64_t most = 1;
  for (const BenchRatio& ratio : report.threads) most = std::max(most, ratio.by);
  if (most == 1) return "";
  const auto high = static_cast<double>(most);
  Chart chart({"threads", 1, high}, {"times as fast as one", 0, 1.1 * high});
  chart.line({{1, 1}, {high, high}}, "ideal", "in proportion");
  Names names;
  std::vector<std::string> subjects;
  for (const BenchRatio& one : report.threads) {
    if (std::ranges::find(subjects, one.subject) == subjects.end()) subjects.push_back(one.subject);
  }
  for (const std::string& subject : subjects) {
    std::vector<std::pair<double, double>> points;
    for (const BenchRatio& one : report.threads) {
      if (one.subject == subject) points.emplace_back(static_cast<double>(one.by), one.ratio.median);
    }
    chart.line(points, colour(names.number_of(subject)), subject);
    for (const auto& [x, y] : points) chart.dot(x, y, {colour(names.number_of(subject)), 0}, fmt::format("{:.2f}", y));
  }
  chart.legend(names.legend(colour));
  return section("By threads", "Value and gradient of large batches.", chart.svg());
}

std::string gradients(const BenchReport& report) {
  if (report.gradients.empty()) return "";
  std::vector<Bar> all;
  double most = 1;
  for (const BenchRatio& one : report.gradients) {
    all.push_back({fmt::format("{}, n = {}", one.subject, one.by), one.ratio.median, one.ratio.low, one.ratio.high,
                   fmt::format("{:.2f}", one.ratio.median), "c2"});
    most = std::max(most, one.ratio.high);
  }
  return section("Gradients in times of their values", "Value and gradient over the value alone, in the caches.",
                 bars(all, 1.1 * most, "times as long as the value"));
}

std::string row_table(const BenchReport& report) {
  std::string text =
      "<div class='wide'><table><tr><th>operation<th>on<th class='number'>items<th class='number'>a second<th "
      "class='number'>bytes a second<th class='number'>of ceiling<th>bound by<th>the ceiling counts</tr>\n";
  for (const BenchRow& row : report.rows) {
    text += fmt::format(
        "<tr><td>{}<td>{}<td class='number'>{}<td class='number'>{} {}<td class='number'>{}B<td "
        "class='number'>{:.2f}<td>{}<td>{}</tr>\n",
        escaped(row.operation), escaped(row.described()), short_number(row.count), short_number(row.items_per_second()),
        escaped(row.items), short_number(row.bytes_per_second()), row.measured.of_floor,
        to_string(row.measured.bound()), escaped(row.floor));
  }
  return text + "</table></div>\n";
}

std::string ceiling_table(const BenchReport& report) {
  std::string text = "<table><tr><th>ceiling<th class='number'>a second</tr>\n";
  for (const BenchCeiling& one : report.ceilings) {
    text += fmt::format("<tr><td>{}<td class='number'>{} {}</tr>\n", escaped(one.what), short_number(one.per_second),
                        one.unit);
  }
  return text + "</table>\n";
}

std::string today() {
  const std::time_t now = std::time(nullptr);
  char text[32] = "";
  std::strftime(text, sizeof(text), "%Y-%m-%d", std::gmtime(&now));
  return text;
}

}  // namespace

std::string page_of(const BenchReport& report, const Executor& executor) {
  const std::string where = describe(executor) + (report.device.empty() ? "" : "; " + report.device);
  std::string page = fmt::format(
      "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'>\n<meta name='viewport' "
      "content='width=device-width'>\n<title>nabla bench: {0}</title>\n<style>{1}{2}</style></head><body>\n"
      "<h1>nabla bench</h1>\n<p><b>{0}</b><br>nabla {3}, {4}; batches of {5}B, last-level cache {6}B; {7:.0f} s</p>\n",
      escaped(where), style, colour_rules(), version, today(), short_number(report.bytes),
      short_number(static_cast<double>(report.cache)), report.seconds);
  page += roofline(report) + fractions(report) + sizes(report) + threads(report) + gradients(report);
  page += section("All rows", "Medians. How each is held against its ceiling, round by round, is in bench.json.",
                  row_table(report));
  page += section("Ceilings", "What this machine did at most, in the same process.", ceiling_table(report));
  return page + "</body></html>\n";
}

}  // namespace nabla::cli
