// Machine code against the interpreter: the same bits, for the oracle's 2,000 formulas and its edge cases, every tenth
// of them in all operations and every fourth in f32 too. What the interpreter computes is checked in formula_test.cpp.

#include "../host/formula/definition.hpp"
#include "../host/formula/interpret.hpp"

#include "formula_records.hpp"

#include <gtest/gtest.h>
#include <nabla/formula.hpp>
#include <nabla/random.hpp>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <tuple>

namespace {

using nabla::Batch;
using nabla::Executor;
using nabla::Formula;
using nabla::FormulaEngine;
using nabla::Layout;
using nabla::Points;

class FormulaEngines : public testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(nabla::formula::why_no_machine_code(), ""); }
};
/// What holds only where the interpreter has fused multiply-adds.
class FormulaEnginesWithFma : public FormulaEngines {
 protected:
  void SetUp() override {
    FormulaEngines::SetUp();
    if (!nabla::formula::interprets_as_compiled()) GTEST_SKIP() << "not built for a processor with AVX2 and FMA";
  }
};

template <class T>
std::string difference(const char* what, const std::vector<T>& a, const std::vector<T>& b) {
  using Bits = std::conditional_t<sizeof(T) == 8, std::uint64_t, std::uint32_t>;
  if (a.size() != b.size()) return "sizes differ";
  for (std::size_t k = 0; k < a.size(); ++k) {
    if (std::isnan(a[k]) && std::isnan(b[k])) continue;
    if (std::bit_cast<Bits>(a[k]) == std::bit_cast<Bits>(b[k])) continue;
    const double off = std::fabs(static_cast<double>(a[k]) - static_cast<double>(b[k]));
    if (!nabla::formula::interprets_as_compiled() && off <= 1e-13) continue;  // results of order 1
    std::ostringstream text;
    text.precision(17);
    text << what << " " << k << ": interpreted " << a[k] << ", compiled " << b[k];
    return text.str();
  }
  return "";
}

/// The record's point, others near it, and points with zeros, ones, infinities and NaN in them.
template <class T>
std::vector<T> points_for(const std::vector<double>& at, std::size_t count) {
  std::mt19937_64 engine(7);
  std::uniform_real_distribution<double> near(-1, 1);
  constexpr double special[] = {0.0,
                                -0.0,
                                1,
                                -1,
                                710,
                                -710,
                                1e200,
                                -1e200,
                                1e-310,
                                1.7e308,
                                std::numeric_limits<double>::infinity(),
                                -std::numeric_limits<double>::infinity(),
                                std::numeric_limits<double>::quiet_NaN()};
  std::vector<T> numbers;
  for (std::size_t p = 0; p < count; ++p) {
    for (const double x : at) {
      double number = x;
      if (p % 3 == 1) number += near(engine);
      if (p % 3 == 2 && near(engine) > 0) number = special[engine() % std::size(special)];
      numbers.push_back(static_cast<T>(number));
    }
  }
  return numbers;
}

template <class T>
std::string compare_engines(const std::string& text, const std::vector<std::string>& variables,
                            const std::vector<double>& at, bool second_order) {
  const Executor where = Executor::cpu(1);
  constexpr std::size_t count = 37;  // no whole number of packs
  const auto n = static_cast<std::int64_t>(at.size());
  const auto points = Points<T>::from_host(where, points_for<T>(at, count), n);
  const auto directions = Points<T>::from_host(where, points_for<T>(std::vector<double>(at.size(), 0.5), count), n);
  const auto make = [&](FormulaEngine engine) {
    return Formula::parse(text, {.variables = variables, .engine = engine});
  };
  const Formula interpreted = make(FormulaEngine::interpreter), compiled = make(FormulaEngine::machine_code);
  std::string found;
  const auto same = [&](const char* what, const auto& results) {
    if (found.empty()) found = difference(what, results(interpreted), results(compiled));
  };
  same("value", [&](const Formula& f) { return value(where, f, points).value.to_host(); });
  same("gradient", [&](const Formula& f) { return value_and_gradient(where, f, points).gradient.to_host(); });
  if (!second_order) return found;
  same("derivative",
       [&](const Formula& f) { return directional_derivative(where, f, points, directions).derivative.to_host(); });
  same("product",
       [&](const Formula& f) { return hessian_vector_product(where, f, points, directions).product.to_host(); });
  same("Hessian", [&](const Formula& f) { return hessian(where, f, points).hessian.to_host(); });
  same("Jacobian", [&](const Formula& f) { return jacobian(where, f, points).jacobian.to_host(); });
  return found;
}

TEST_F(FormulaEnginesWithFma, GiveTheSameBits) {
  std::size_t k = 0;
  for (const char* const file : {"oracle.txt", "edge_cases.txt"}) {
    for (const auto& record : formula_records::read_records(file)) {
      if (++k % NABLA_ONE_RECORD_OF != 0) continue;
      std::string wrong = compare_engines<double>(record.formula, record.variables, record.at, k % 10 == 0);
      if (k % 4 == 0 && wrong.empty()) {
        wrong = compare_engines<float>(record.formula, record.variables, record.at, k % 20 == 0);
      }
      EXPECT_EQ(wrong, "") << record.formula;
    }
  }
  EXPECT_GT(k, 2150u);
}

/// Past the caches results are stored another way, and statistics come from blocks of a tile.
TEST_F(FormulaEngines, GiveTheSameBitsPastTheCaches) {
  const Executor where = Executor::cpu(2);
  const auto points = Points<double>::uniform(where, 1'200'003, 3, -2, 2, 5);
  const char text[] = "sin(x*y) + z^2*x - sqrt(1 + y^2)/(2 + z^2)";
  const Formula interpreted = Formula::parse(text, {.engine = FormulaEngine::interpreter});
  const Formula compiled = Formula::parse(text, {.engine = FormulaEngine::machine_code});
  const auto a = value_and_gradient(where, interpreted, points), b = value_and_gradient(where, compiled, points);
  EXPECT_EQ(difference("value", a.value.to_host(), b.value.to_host()), "");
  EXPECT_EQ(difference("gradient", a.gradient.to_host(), b.gradient.to_host()), "");
  if (nabla::formula::interprets_as_compiled()) {
    EXPECT_EQ(std::memcmp(&a.summary, &b.summary, sizeof a.summary), 0);
  }
  const auto up = steepest_ascent(where, interpreted, points), up2 = steepest_ascent(where, compiled, points);
  EXPECT_EQ(difference("ascent", up.direction.to_host(), up2.direction.to_host()), "");
}

/// Interpreted at first, compiled while it runs: nobody can tell from the results.
TEST_F(FormulaEnginesWithFma, ChangeUnseen) {
  const Executor where = Executor::cpu(2);
  const auto points = Points<double>::uniform(where, 400'000, 2, -2, 2, 5);
  const Formula f = Formula::parse("x^2*y + sin(x*y)");
  const Formula interpreted = Formula::parse(f.text(), {.engine = FormulaEngine::interpreter});
  const auto code = [&] {
    return f.definition().compiled(nabla::formula::Task::gradient, 2).code<double>() != nullptr;
  };
  const auto expected = value_and_gradient(where, interpreted, points).gradient.to_host();
  const auto first = value_and_gradient(where, f, Points<double>::uniform(where, 8, 2, -2, 2, 5));
  EXPECT_FALSE(code()) << "eight points were worth compiling for";
  for (int k = 0; k < 100 && !code(); ++k) {
    EXPECT_EQ(difference("gradient", expected, value_and_gradient(where, f, points).gradient.to_host()), "");
  }
  EXPECT_TRUE(code());
  EXPECT_EQ(difference("gradient", expected, value_and_gradient(where, f, points).gradient.to_host()), "");
}

/// Where SLEEF's own functions are infinite too early.
TEST_F(FormulaEngines, AreRightAtTheFarEnds) {
  constexpr double largest = std::numeric_limits<double>::max();
  const Executor where = Executor::cpu(1);
  const std::vector<std::tuple<const char*, double, double>> cases{
      {"log1p(x)", largest, std::log1p(largest)},
      {"x^y", largest, largest},
      {"x^y", -largest, -largest},
      {"sinh(x)", -710.4, std::sinh(-710.4)},
      {"cosh(x)", 710.4, std::cosh(710.4)},
      {"asinh(x)", -1e300, std::asinh(-1e300)},
      {"acosh(x)", largest, std::acosh(largest)},
      {"acosh(x)", -largest, std::nan("")},
      {"log1p(x)", -largest, std::nan("")},
      {"sin(x)", 1e300, std::sin(1e300)},
  };
  for (const auto& [text, x, expected] : cases) {
    const auto points = Points<double>::from_host(where, std::vector<double>{x, 1}, 2);
    for (const FormulaEngine engine : {FormulaEngine::interpreter, FormulaEngine::machine_code}) {
      const Formula f = Formula::parse(text, {.variables = {"x", "y"}, .engine = engine});
      const double found = value(where, f, points).value.to_host()[0];
      if (std::isnan(expected)) {
        EXPECT_TRUE(std::isnan(found)) << text << " at " << x << ": " << found;
      } else {
        EXPECT_NEAR(found / expected, 1, 4e-16) << text << " at " << x;
      }
    }
  }
}

TEST_F(FormulaEngines, LongProgramsAreInterpreted) {
  std::string text = "x";
  for (int k = 0; k < 12'000; ++k) text = text + " + cos(" + std::to_string(k) + "*x)";
  const Executor where = Executor::cpu(1);
  const auto points = Points<double>::uniform(where, 16, 1, -2, 2, 5);
  const Formula f = Formula::parse(text, {.engine = FormulaEngine::machine_code});
  EXPECT_EQ(difference("value", value(where, Formula::parse(text), points).value.to_host(),
                       value(where, f, points).value.to_host()),
            "");
  EXPECT_EQ(f.definition().compiled(nabla::formula::Task::value, 1).code<double>(), nullptr);
}

TEST_F(FormulaEngines, ParametersAreReadAtEachCall) {
  const Executor where = Executor::cpu(1);
  const auto points = Points<float>::uniform(where, 16, 1, -2, 2, 5);
  Formula f = Formula::parse("a*x + b", {.parameters = {{"a", 2}, {"b", 1}}, .engine = FormulaEngine::machine_code});
  const auto before = value(where, f, points).value.to_host();
  f.set_parameter("b", 3);
  const auto after = value(where, f, points).value.to_host();
  const auto x = points.to_host();
  for (std::size_t k = 0; k < x.size(); ++k) {
    EXPECT_EQ(before[k], std::fma(2.0f, x[k], 1.0f));
    EXPECT_EQ(after[k], std::fma(2.0f, x[k], 3.0f));
  }
}

}  // namespace
