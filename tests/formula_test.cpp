// Formulas against oracles that share no code with the library: 2,000 random ones whose values, gradients and Hessians
// were computed with 40 digits (tests/formula/make_oracle.py), and edge cases worked out by hand. Then that formulas do
// all that functors do: every operation, precision, layout and executor that the CPU has.

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

TEST(FormulaOracle, RandomFormulasAgreeToTheirConditioning) { check_file("oracle.txt", 8, 2000); }
TEST(FormulaOracle, EdgeCases) { check_file("edge_cases.txt", 1, 150); }

}  // namespace
