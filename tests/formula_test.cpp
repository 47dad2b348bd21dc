// Formulas against oracles that share no code with the library: 2,000 random ones whose values, gradients and Hessians
// were computed with 40 digits (tests/formula/make_oracle.py), and edge cases worked out by hand; on CPUs and, as
// kernels that NVRTC compiles, on CUDA devices.

#include "../host/formula/definition.hpp"
#include "../host/formula/interpret.hpp"
#include "executors.hpp"
#include "formula_records.hpp"

#include <gtest/gtest.h>
#include <nabla/formula.hpp>

#include <cmath>
#include <cstdlib>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

namespace {

using formula_records::Expected;
using formula_records::read_records;
using formula_records::Record;
using nabla::Executor;
using nabla::Formula;
using nabla::Points;

/// Empty if the number is as expected. `factor` times the allowance, which is f64's and in f32 2^29 times that, plus as
/// many ulp, may be off; and by what is lost where a factor underflows before the others make up for it.
template <class T>
std::string objection(const Expected& expected, T found, double factor) {
  if (std::isnan(expected.number)) return std::isnan(found) ? "" : "expected NaN, found " + std::to_string(found);
  if (expected.number == static_cast<double>(found)) return "";
  constexpr double ulp = std::numeric_limits<T>::epsilon(), smallest = std::numeric_limits<T>::min();
  const double rounding = factor > 1 ? factor * ulp * std::fabs(expected.number) + 1e4 * smallest : 0;
  const double allowed = factor * expected.allowance * (ulp / 0x1p-52) + rounding;
  const double off = std::fabs(expected.number - static_cast<double>(found));
  if (off <= allowed) return "";
  std::ostringstream text;
  text.precision(17);
  text << "expected " << expected.number << ", found " << found << ", off by " << off << " of " << allowed;
  return text.str();
}

/// The first thing that is wrong with a record's results; copies of the point fill SIMD packs of all widths.
template <class T>
std::string check(const Executor& where, const Record& record, double factor) {
  const Formula f = Formula::parse(record.formula, {.variables = record.variables});
  const auto n = static_cast<std::int64_t>(record.at.size());
  constexpr std::int64_t copies = 19;
  std::vector<T> numbers;
  for (std::int64_t k = 0; k < copies; ++k) {
    for (const double x : record.at) numbers.push_back(static_cast<T>(x));
  }
  const auto points = Points<T>::from_host(where, numbers, n);
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
        const T ours = h[k * size * size + i * size + j];
        const auto wrong = objection(record.hessian[entry], ours, factor);
        if (!wrong.empty()) return at("Hessian", std::to_string(i) + std::to_string(j) + " " + wrong);
      }
    }
  }
  return "";
}

/// Every `step`-th record of a file.
template <class T = double>
void check_file(const Executor& where, const std::string& file, double factor, std::size_t least_records,
                std::size_t step = 1) {
  const std::vector<Record> records = read_records(file);
  ASSERT_GE(records.size(), least_records);
  int shown = 0;
  for (std::size_t k = 0; k < records.size(); k += step) {
    std::string wrong;
    try {
      wrong = check<T>(where, records[k], factor);
    } catch (const std::exception& error) {
      wrong = error.what();
    }
    if (wrong.empty()) continue;
    ADD_FAILURE() << records[k].formula << "\n  " << wrong;
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

TEST(FormulaLoops, ThatStayLoopsAgreeToo) {
  std::size_t loops = 0;
  for (const Record& record : read_records("oracle.txt")) {
    if (record.formula.find("sum(") == std::string::npos && record.formula.find("prod(") == std::string::npos) continue;
    EXPECT_EQ(check_loops(record), "") << record.formula;
    ++loops;
  }
  EXPECT_GT(loops, 300u);
}

class FormulaOracle : public nabla::test::OnEveryExecutor {};
INSTANTIATE_TEST_SUITE_P(On, FormulaOracle, testing::Values("cpu1", "cuda"), nabla::test::executor_name);

/// For a CUDA device each formula is compiled three times, which takes half a second: there a twentieth of the random
/// ones runs, and all edge cases do. NABLA_EVERY_FORMULA=1 runs all everywhere, for a quarter of an hour.
TEST_P(FormulaOracle, RandomFormulasAgreeToTheirConditioning) {
  const char* const every = std::getenv("NABLA_EVERY_FORMULA");
  const bool all = every != nullptr && std::string(every) == "1";
  check_file(executor(), "oracle.txt", 8, 2000, executor().is_cuda() && !all ? 20 : 1);
}
/// The points are numbers of f32 without error; what f64 may lose to rounding, f32 may lose 2^29 times.
TEST_P(FormulaOracle, RandomFormulasAgreeInF32) {
  check_file<float>(executor(), "oracle.txt", 8, 2000, executor().is_cuda() ? 100 : 1);
}
TEST_P(FormulaOracle, EdgeCases) { check_file(executor(), "edge_cases.txt", 1, 150); }

}  // namespace
