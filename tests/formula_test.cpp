// Formulas against oracles that share no code with the library: 2,000 random ones whose values, gradients and Hessians
// were computed with 40 digits (tests/formula/make_oracle.py), and edge cases worked out by hand. Then that formulas do
// all that functors do: every operation, precision, layout and executor that the CPU has.

#include "../host/formula/definition.hpp"
#include "../host/formula/interpret.hpp"

#include <gtest/gtest.h>
#include <nabla/formula.hpp>
#include <nabla/functions.hpp>

#include <cmath>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace {

using nabla::Batch;
using nabla::Executor;
using nabla::Formula;
using nabla::Layout;
using nabla::Points;

struct Expected {
  double number;
  double allowance;
};
struct Record {
  std::string formula;
  std::vector<std::string> variables;  // empty: indexed
  std::vector<double> at;
  std::vector<Expected> value, gradient, hessian;  // the Hessian's lower triangle
};

double number(const std::string& word) { return std::strtod(word.c_str(), nullptr); }

std::vector<Record> read_records(const std::string& file) {
  std::ifstream stream(std::string(NABLA_FORMULA_DATA) + "/" + file);
  std::vector<Record> records;
  bool open = false;
  for (std::string line; std::getline(stream, line);) {
    if (line.starts_with("#")) continue;
    std::istringstream words(line);
    std::string key;
    if (!(words >> key)) {
      open = false;
      continue;
    }
    if (!open) records.emplace_back();
    open = true;
    Record& record = records.back();
    const auto expect = [&](std::vector<Expected>& list) {
      for (std::string word, allowance; words >> word >> allowance;) list.push_back({number(word), number(allowance)});
    };
    if (key == "formula") record.formula = line.substr(line.find(' ') + 1);
    if (key == "variables") {
      for (std::string name; words >> name;) record.variables.push_back(name);
    }
    if (key == "at") {
      for (std::string word; words >> word;) record.at.push_back(number(word));
    }
    if (key == "value") expect(record.value);
    if (key == "gradient") expect(record.gradient);
    if (key == "hessian") expect(record.hessian);
  }
  return records;
}

/// Empty if the number is as expected. `factor` times the allowance, plus as many ulp, may be off.
std::string objection(const Expected& expected, double found, double factor) {
  if (std::isnan(expected.number)) return std::isnan(found) ? "" : "expected NaN, found " + std::to_string(found);
  if (expected.number == found) return "";
  const double allowed = factor * expected.allowance + (factor > 1 ? factor * 0x1p-52 * std::fabs(expected.number) : 0);
  if (std::fabs(expected.number - found) <= allowed) return "";
  std::ostringstream text;
  text.precision(17);
  text << "expected " << expected.number << ", found " << found << ", off by " << std::fabs(expected.number - found)
       << " of " << allowed;
  return text.str();
}

/// The first thing that is wrong with a record's results; `lanes` copies of the point fill SIMD packs of all widths.
std::string check(const Record& record, double factor) {
  const Formula f = Formula::parse(record.formula, {.variables = record.variables});
  const auto n = static_cast<std::int64_t>(record.at.size());
  constexpr std::int64_t copies = 19;
  std::vector<double> numbers;
  for (std::int64_t k = 0; k < copies; ++k) numbers.insert(numbers.end(), record.at.begin(), record.at.end());
  const Executor where = Executor::cpu(1);
  const auto points = Points<double>::from_host(where, numbers, n);
  const auto found = nabla::hessian(where, f, points);
  const auto gradient = nabla::value_and_gradient(where, f, points);
  const auto value = nabla::value(where, f, points).value.to_host();
  const auto h = found.hessian.to_host(), g = gradient.gradient.to_host();
  for (const std::size_t k : {std::size_t{0}, std::size_t{copies - 1}}) {
    const auto size = static_cast<std::size_t>(n);
    const auto at = [&](const char* what, const std::string& wrong) { return what + (": " + wrong); };
    if (!record.value.empty()) {
      if (const auto wrong = objection(record.value[0], value[k], factor); !wrong.empty()) return at("value", wrong);
    }
    for (std::size_t i = 0; i < record.gradient.size(); ++i) {
      const auto wrong = objection(record.gradient[i], g[k * size + i], factor);
      if (!wrong.empty()) return at("gradient", std::to_string(i) + " " + wrong);
    }
    std::size_t entry = 0;
    for (std::size_t i = 0; i < size && !record.hessian.empty(); ++i) {
      for (std::size_t j = 0; j <= i; ++j, ++entry) {
        const double ours = h[k * size * size + i * size + j];
        const auto wrong = objection(record.hessian[entry], ours, factor);
        if (!wrong.empty()) return at("Hessian", std::to_string(i) + std::to_string(j) + " " + wrong);
      }
    }
  }
  return "";
}

void check_file(const std::string& file, double factor, std::size_t least_records) {
  const std::vector<Record> records = read_records(file);
  ASSERT_GE(records.size(), least_records);
  int shown = 0;
  for (const Record& record : records) {
    std::string wrong;
    try {
      wrong = check(record, factor);
    } catch (const std::exception& error) {
      wrong = error.what();
    }
    if (wrong.empty()) continue;
    ADD_FAILURE() << record.formula << "\n  " << wrong;
    if (++shown == 40) return;
  }
}

/// The same record by a program that keeps every repetition a loop, run at one pack of points.
std::string check_loops(const Record& record) {
  using X = nabla::Lanes<double>;
  namespace formula = nabla::formula;
  const auto n = static_cast<std::int64_t>(record.at.size());
  const formula::Syntax syntax = formula::parse(record.formula, record.variables, {});
  const formula::Program program = formula::compile(syntax, formula::Task::hessian, n, 0);
  constexpr std::int64_t width = X::size;
  std::vector<double> in, results(static_cast<std::size_t>(program.rows * width));
  for (const double x : record.at) in.insert(in.end(), width, x);
  nabla::detail::Tile<double> tile{};
  tile.count = width;
  tile.dimension = n;
  tile.in = in.data();
  tile.in_stride = tile.out_stride[0] = width;
  tile.out[0] = results.data();
  const nabla::detail::PackOutput<X, double> out({{program.rows, 0, 0}}, tile);
  formula::interpret<double>(program, {}, out, tile, 0, width);
  // Sums in another order, and products whose derivatives divide: judged by the largest number of the line.
  const auto wrong = [&](const std::vector<Expected>& expected, const auto& row_of) -> std::string {
    double largest = 0;
    for (const auto& [number, allowance] : expected) largest = std::max({largest, std::fabs(number), 1e3 * allowance});
    for (std::size_t k = 0; k < expected.size(); ++k) {
      const double found = results[static_cast<std::size_t>(row_of(k) * width)];
      const double allowed = 1e-12 * largest + 16 * expected[k].allowance;
      if (!(std::fabs(found - expected[k].number) <= allowed)) {
        return std::to_string(k) + " expected " + std::to_string(expected[k].number) + ", found " +
               std::to_string(found);
      }
    }
    return "";
  };
  std::string found = wrong(record.value, [](std::size_t) { return std::int64_t{0}; });
  if (found.empty()) found = wrong(record.gradient, [](std::size_t i) { return static_cast<std::int64_t>(1 + i); });
  if (!found.empty()) return found;
  return wrong(record.hessian, [&](std::size_t entry) {
    std::int64_t i = 0;
    auto j = static_cast<std::int64_t>(entry);
    while (j > i) j -= ++i;
    return 1 + n + i * n + j;
  });
}

TEST(FormulaOracle, LoopsThatStayLoopsAgreeToo) {
  std::size_t loops = 0;
  for (const Record& record : read_records("oracle.txt")) {
    if (record.formula.find("sum(") == std::string::npos && record.formula.find("prod(") == std::string::npos) continue;
    try {
      const std::string wrong = check_loops(record);
      EXPECT_EQ(wrong, "") << record.formula;
      ++loops;
    } catch (const nabla::FormulaError& error) {
      // As loops they read a variable that no iteration uses.
      EXPECT_NE(std::string(error.what()).find("is none of the variables"), std::string::npos) << error.what();
    }
  }
  EXPECT_GT(loops, 300u);
}

TEST(FormulaOracle, RandomFormulasAgreeToTheirConditioning) { check_file("oracle.txt", 8, 2000); }
TEST(FormulaOracle, EdgeCases) { check_file("edge_cases.txt", 1, 150); }

}  // namespace
