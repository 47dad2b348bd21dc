#include "cli_answers.hpp"

#include <fstream>
#include <regex>
#include <set>

// nabla bench: what it says and writes. How fast anything is is not looked at.

namespace nabla::test {
namespace {

using nlohmann::json;

/// Little of everything, in no time.
std::vector<std::string> quick(std::vector<std::string> more) {
  std::vector<std::string> arguments{"bench",     "--executor", "cpu",     "--threads", "2",
                                     "--seconds", "1e-6",       "--bytes", "65536"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t found = 0;
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++found;
  return found;
}

TEST(Bench, JsonHasEveryOperation) {
  const json all = answer(quick({}));
  EXPECT_EQ(all["command"], "bench");
  EXPECT_GE(all["ceilings"].size(), 20u);
  for (const json& ceiling : all["ceilings"]) EXPECT_GT(ceiling["per_second"].get<double>(), 0) << ceiling;
  EXPECT_GE(all["rows"].size(), 30u);
  for (const json& row : all["rows"]) {
    EXPECT_GT(row["items_per_second"].get<double>(), 0) << row;
    EXPECT_GT(row["of_ceiling"].get<double>(), 0) << row;
    EXPECT_TRUE(row["bound"] == "memory" || row["bound"] == "arithmetic" || row["bound"] == "call" ||
                row["bound"] == "neither")
        << row;
    EXPECT_LE(row["of_ceiling_quartiles"][0].get<double>(), row["of_ceiling_quartiles"][1].get<double>()) << row;
  }
  EXPECT_FALSE(all["sizes"].empty());
  EXPECT_EQ(all["threads"].size(), 4u);  // two functions, one and two threads
  EXPECT_GE(all["gradient_over_value"].size(), 7u);
}

TEST(Bench, RunsOnCuda) {
  if (const std::string why = why_no_cuda(); !why.empty()) GTEST_SKIP() << "no CUDA: " << why;
  // By size, caches are flushed, which takes minutes where a device is emulated and races are looked for.
  const json all =
      answer({"bench", "--executor", "cuda", "--seconds", "1e-6", "--bytes", "65536", "--filter", "rosenbrock, n = 2"});
  EXPECT_EQ(all["executor"]["kind"], "cuda");
  EXPECT_NE(all["device"].get<std::string>().find("driver"), std::string::npos);
  EXPECT_GE(all["rows"].size(), 6u);
  for (const json& row : all["rows"]) EXPECT_GT(row["items_per_second"].get<double>(), 0) << row;
}

TEST(Bench, FilterTakesSomeRows) {
  const json all = answer(quick({"--filter", "value/rosenbrock"}));
  ASSERT_EQ(all["rows"].size(), 1u);
  EXPECT_EQ(all["rows"][0]["operation"], "value");
  // 8 bytes each of x, y and f.
  EXPECT_EQ(all["rows"][0]["bytes"].get<double>(), 24 * all["rows"][0]["count"].get<double>());
  EXPECT_TRUE(all["sizes"].empty());
}

TEST(Bench, PrecisionTakesItsRows) {
  const json single = answer(quick({"--precision", "f32"}));
  EXPECT_EQ(single["precision"], "f32");
  EXPECT_EQ(single["rows"].size(), 3u);
  for (const char* const part : {"rows", "sizes"}) {
    EXPECT_FALSE(single[part].empty());
    for (const json& row : single[part]) EXPECT_EQ(row["precision"], "f32") << row;
  }
  EXPECT_EQ(single["threads"].size(), 4u);
  EXPECT_TRUE(single["gradient_over_value"].empty());
  const json some = answer(quick({"--precision", "f64", "--filter", "value and gradient/rosenbrock"}));
  EXPECT_EQ(some["precision"], "f64");
  EXPECT_EQ(some["rows"].size(), 2u);  // by components and by points
  const Outcome help = nabla({"bench", "--help"});
  EXPECT_NE(help.out.find("only rows of this precision"), std::string::npos) << help.out;
}

/// What dots look like: a colour's class, and a shape's path.
std::vector<std::string> looks_in(const std::string& svg, const std::string& ending) {
  std::vector<std::string> looks;
  const std::regex dot("<path class='(dot c[0-9]+)' d='M[0-9.]+ [0-9.]+ ([^']*)'>" + ending);
  for (std::sregex_iterator at(svg.begin(), svg.end(), dot), end; at != end; ++at) {
    looks.push_back((*at)[1].str() + (*at)[2].str());
  }
  return looks;
}

void expect_operations_look_different(const std::string& page, const json& all) {
  const std::string roofline = page.substr(page.find("<svg "), page.find("</svg>") - page.find("<svg "));
  std::set<std::string> operations;
  std::size_t rows = 0;
  for (const json& row : all["rows"]) {
    if (row["flops_and_calls"].get<double>() == 0) continue;
    operations.insert(row["operation"]);
    ++rows;
  }
  const auto named = looks_in(roofline, "</path><text"), drawn = looks_in(roofline, "<title>");
  EXPECT_GE(operations.size(), 17u);
  EXPECT_EQ(named.size(), operations.size());
  EXPECT_EQ(drawn.size(), rows);
  const std::set<std::string> different(named.begin(), named.end());
  EXPECT_EQ(different.size(), operations.size());
  EXPECT_EQ(std::set<std::string>(drawn.begin(), drawn.end()), different);
}

TEST(Bench, WritesAReportThatNeedsNothingElse) {
  const Folder folder;
  const std::string place = folder / "a/report";
  const Outcome outcome = nabla(quick({"--out", place}));
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("of ceiling"), std::string::npos);
  const std::string page = read_file(place + "/report.html");
  for (const char* const foreign : {"http", "<script", "src=", "@import", "url("}) {
    EXPECT_EQ(page.find(foreign), std::string::npos) << foreign;
  }
  EXPECT_EQ(count(page, "<svg "), 5u);
  for (const char* const tag : {"svg", "table", "text", "title", "circle", "p", "h2"}) {
    EXPECT_EQ(count(page, std::string("<") + tag + ">") + count(page, std::string("<") + tag + " "),
              count(page, std::string("</") + tag + ">"))
        << tag;
  }
  EXPECT_EQ(page.find("nan"), std::string::npos);
  const json written = json::parse(read_file(place + "/bench.json"));
  EXPECT_EQ(written["command"], "bench");
  expect_operations_look_different(page, written);
  const std::string table = read_file(place + "/bench.csv");
  EXPECT_EQ(count(table, "\n"), 1 + written["rows"].size() + written["sizes"].size());
}

TEST(Bench, BadInputGetsOneLine) {
  const Folder folder;
  const std::string file = folder / "file";
  std::ofstream(file) << "x";
  const auto refused = [&](std::vector<std::string> arguments, const std::string& why) {
    arguments.insert(arguments.begin(), "bench");
    const Outcome outcome = nabla(arguments);
    EXPECT_EQ(outcome.status, 2) << why;
    EXPECT_EQ(outcome.out, "");
    EXPECT_EQ(count(outcome.err, "\n"), 1u) << outcome.err;
    EXPECT_NE(outcome.err.find(why), std::string::npos) << outcome.err;
  };
  refused({"--filter", "rosenbrok"}, "no row has 'rosenbrok' in its name");
  refused({"--precision", "f16"}, "--precision: expected f32 or f64, found 'f16'");
  refused({"--precision", "f32", "--filter", "gradient check"}, "no row of f32 has 'gradient check' in its name");
  refused({"--seconds", "0"}, "--seconds");
  refused({"--bytes", "10"}, "--bytes");
  refused({"--bytes", "1e18"}, "memory");
  refused({"--out", file}, "--out");
  refused({"--out", "/proc/no/such"}, "--out");
  refused({"--points", "3"}, "unknown option --points");
  EXPECT_EQ(read_file(file), "x");
}

}  // namespace
}  // namespace nabla::test
