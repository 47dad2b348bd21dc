// Formulas as elements of sums, and formulas that are found to be sums, against closed forms in long double.

#include "element_cases.hpp"

#include <nabla/check_objective.hpp>
#include <nabla/formula_objective.hpp>
#include <nabla/minimize.hpp>

#include <cmath>
#include <functional>
#include <string>
#include <vector>

namespace {

using namespace nabla::test;
using nabla::Affine;
using nabla::Array;
using nabla::element_sum;
using nabla::Executor;
using nabla::Formula;
using nabla::formula_objective;
using nabla::FormulaEngine;
using nabla::FormulaObjective;
using nabla::Verdict;

using Vector = std::vector<double>;
using Oracle = std::vector<long double>;

/// The numbers that a pass leaves, wherever it runs.
template <class Pass>
Vector left_by(const Executor& where, std::size_t count, Pass pass) {
  const auto out = room(where, count);
  pass(all(out));
  return out.to_host();
}

class FormulaSums : public OnEveryExecutor {
 protected:
  /// Values, gradients, products, diagonals and Hessians agree with each other and with the formula as one point.
  void expect_consistent(const Executor& where, const FormulaObjective<double>& f, const std::string& text) {
    const std::int64_t n = f.variables();
    const auto count = static_cast<std::size_t>(n);
    const Vector numbers_of_x = numbers(n), numbers_of_v = numbers(n, 11);
    const auto x = on(where, numbers_of_x), v = on(where, numbers_of_v);
    double value = 0;
    const Vector gradient =
        left_by(where, count, [&](std::span<double> out) { value = f.value_and_gradient(where, all(x), out); });
    EXPECT_NEAR(f.value(where, all(x)), value, 1e-13 * (1 + std::fabs(value)));

    const Executor cpu = Executor::cpu(1);
    const auto whole =
        nabla::value_and_gradient(cpu, Formula::parse(text), nabla::Points<double>::from_host(cpu, numbers_of_x, n));
    EXPECT_NEAR(value, whole.value.to_host().front(), 1e-11 * (1 + std::fabs(value))) << text;
    const Vector expected = whole.gradient.to_host();
    EXPECT_LT(largest_difference(gradient, Oracle(expected.begin(), expected.end())), 1e-11) << text;

    EXPECT_EQ(nabla::check_gradient(where, f, all(x)).verdict, Verdict::agree) << text;
    EXPECT_EQ(nabla::check_hessian_vector_product(where, f, all(x), {.directions = 1}).verdict, Verdict::agree) << text;

    const nabla::SparsePattern& pattern = f.hessian_pattern();
    const Vector hessian = left_by(where, pattern.columns.size(),
                                   [&](std::span<double> out) { f.hessian(where, all(x), out); }),
                 diagonal =
                     left_by(where, count, [&](std::span<double> out) { f.hessian_diagonal(where, all(x), out); }),
                 product = left_by(where, count, [&](std::span<double> out) {
                   f.hessian_vector_product(where, all(x), all(v), out);
                 });
    Oracle by_entries(count, 0), by_diagonal(count, 0);
    for (std::size_t row = 0; row < count; ++row) {
      for (std::int64_t k = pattern.starts[row]; k < pattern.starts[row + 1]; ++k) {
        const auto column = static_cast<std::size_t>(pattern.columns[static_cast<std::size_t>(k)]);
        by_entries[row] += static_cast<long double>(hessian[static_cast<std::size_t>(k)]) * numbers_of_v[column];
        if (column == row) by_diagonal[row] = hessian[static_cast<std::size_t>(k)];
      }
    }
    EXPECT_LT(largest_difference(product, by_entries), 1e-11) << text;
    EXPECT_LT(largest_difference(diagonal, by_diagonal), 1e-12) << text;
  }

  /// Against a closed form, which fills the gradient and returns the value.
  void expect_oracle(const Executor& where, const FormulaObjective<double>& f,
                     const std::function<long double(const Vector&, Oracle&)>& oracle) {
    const Vector x = numbers(f.variables(), 5);
    const auto x_there = on(where, x);
    Oracle expected(x.size(), 0);
    const auto value = static_cast<double>(oracle(x, expected));
    const Vector gradient = left_by(where, x.size(), [&](std::span<double> out) {
      EXPECT_NEAR(f.value_and_gradient(where, all(x_there), out), value, 1e-12 * (1 + std::fabs(value)));
    });
    EXPECT_LT(largest_difference(gradient, expected), 1e-12);
  }
};
INSTANTIATE_TEST_SUITE_P(On, FormulaSums, every_executor(), executor_name);

// ------------------------------------------------------------------------------------------- formulas as elements

struct StiffSpring {
  static constexpr int variables = 2, data = 2;
  template <class X, class D>
  constexpr auto operator()(const X& x, const D& d) const {
    const auto stretch = x[1] - x[0] - d[1];
    return 0.5 * d[0] * stretch * stretch * stretch * stretch;
  }
};

/// Machine code is not there everywhere.
std::vector<FormulaEngine> engines() {
  std::vector<FormulaEngine> all{FormulaEngine::interpreter, FormulaEngine::automatic};
  try {
    Formula::parse("x", {.engine = FormulaEngine::machine_code});
    all.push_back(FormulaEngine::machine_code);
  } catch (const nabla::ExecutorUnavailable&) {
  }
  return all;
}

TEST_P(FormulaSums, ElementsWithDataAreAsFunctorsAre) {
  const Executor where = executor();
  for (const FormulaEngine engine : engines()) {
    const auto spring =
        Formula::parse("0.5*k*(v - u - l)^4", {.variables = {"u", "v"}, .data = {"k", "l"}, .engine = engine});
    for (const std::int64_t n :
         {std::int64_t{2}, std::int64_t{33}, std::int64_t{1000}, at_most(where, 3'001, 40'001)}) {
      const auto count = static_cast<std::size_t>(n);
      const auto x = on(where, numbers(n)), v = on(where, numbers(n, 4)), data = on(where, numbers(2 * (n - 1), 9));
      const nabla::BatchView<const double> columns{data.data(), n - 1, 2, nabla::Layout::point_major};
      const auto text = element_sum<double>(where, spring, n, Affine::chain(n - 1, {0, 1}), columns);
      const auto code = element_sum<double>(where, StiffSpring(), n, Affine::chain(n - 1, {0, 1}), columns);
      EXPECT_NEAR(text.value(where, all(x)), code.value(where, all(x)), 1e-12 * static_cast<double>(n));
      const auto expect_same = [&](std::size_t size, const auto& call) {
        double f = 0, g = 0;
        const Vector a = left_by(where, size, [&](std::span<double> out) { f = call(text, out); }),
                     b = left_by(where, size, [&](std::span<double> out) { g = call(code, out); });
        EXPECT_NEAR(f, g, 1e-12 * (1 + std::fabs(g)));
        EXPECT_LT(largest_difference(a, Oracle(b.begin(), b.end())), 1e-13) << n;
      };
      using Out = std::span<double>;
      expect_same(count, [&](const auto& f, Out out) { return f.value_and_gradient(where, all(x), out); });
      expect_same(count - 1, [&](const auto& f, Out out) { return f.element_values(where, all(x), out); });
      expect_same(count, [&](const auto& f, Out out) { return f.hessian_diagonal(where, all(x), out), 0; });
      expect_same(count,
                  [&](const auto& f, Out out) { return f.hessian_vector_product(where, all(x), all(v), out), 0; });
      ASSERT_EQ(text.hessian_pattern().columns, code.hessian_pattern().columns);
      expect_same(text.hessian_pattern().columns.size(),
                  [&](const auto& f, Out out) { return f.hessian(where, all(x), out), 0; });
    }
  }
}

/// Which variables elements touch, for any executor.
struct Connections {
  std::int64_t variables;
  Affine affine;                         // or else
  std::vector<std::int32_t> table = {};  // entries of one element after another,
  std::int64_t width = 0, block = 1;     // so many of each
  std::int64_t elements() const {
    return width > 0 ? static_cast<std::int64_t>(table.size()) / width
                     : affine.extent[0] * affine.extent[1] * affine.extent[2];
  }
};

/// What all passes leave, one after another.
template <class T, class Element>
std::vector<T> left_by_all(const Executor& where, const Element& element, const Connections& over,
                           const std::vector<T>& data, std::int64_t columns) {
  const auto data_there = on(where, data);
  const auto table = on(where, over.table);
  const std::int64_t n = over.variables, records = columns > 0 ? static_cast<std::int64_t>(data.size()) / columns : 0;
  const nabla::BatchView<const T> records_there =
      columns > 0 ? nabla::BatchView<const T>{data_there.data(), records, columns} : nabla::BatchView<const T>{};
  const auto sum =
      over.width > 0
          ? element_sum<T>(where, element, n,
                           nabla::IndexTable<std::int32_t>{
                               {table.data(), over.elements(), over.width, nabla::Layout::point_major}, over.block},
                           records_there)
          : element_sum<T>(where, element, n, over.affine, records_there);
  const Vector wide_x = numbers(n, 21), wide_v = numbers(n, 22);
  const auto x = on(where, std::vector<T>(wide_x.begin(), wide_x.end())),
             v = on(where, std::vector<T>(wide_v.begin(), wide_v.end()));
  const auto count = static_cast<std::size_t>(n);
  const std::size_t entries = sum.hessian_pattern().columns.size();
  const auto left = room<T>(where, static_cast<std::size_t>(over.elements()) + 3 * count + entries, T(0.5));
  std::span<T> rest = all(left);
  const auto next = [&](std::size_t size) {
    const std::span<T> part = rest.first(size);
    rest = rest.subspan(size);
    return part;
  };
  std::vector<T> found{static_cast<T>(sum.value(where, all(x)))};
  found.push_back(static_cast<T>(sum.element_values(where, all(x), next(static_cast<std::size_t>(over.elements())))));
  found.push_back(static_cast<T>(sum.value_and_gradient(where, all(x), next(count))));
  sum.hessian_vector_product(where, all(x), all(v), next(count), true);
  sum.hessian_diagonal(where, all(x), next(count));
  sum.hessian(where, all(x), next(entries));
  const std::vector<T> vectors = left.to_host();
  found.insert(found.end(), vectors.begin(), vectors.end());
  return found;
}

/// Entries of a table, of which an element may have the same twice.
std::vector<std::int32_t> entries(std::int64_t count, std::int64_t below) {
  std::vector<std::int32_t> made;
  for (const double x : numbers(count, 31)) {
    made.push_back(static_cast<std::int32_t>((x + 1.5) / 3 * static_cast<double>(below)));
  }
  return made;
}

/// A formula is as the functor on a CPU is, in both precisions.
template <class Element>
void expect_as_functor(const Executor& where, const Formula& formula, const Element& functor, const Connections& over,
                       const Vector& data = {}) {
  const auto columns = static_cast<std::int64_t>(formula.data().size());
  const Executor cpu = Executor::cpu(1);
  const Vector expected = left_by_all<double>(cpu, functor, over, data, columns);
  const Oracle oracle(expected.begin(), expected.end());
  EXPECT_LT(largest_difference(left_by_all<double>(where, formula, over, data, columns), oracle), 1e-12);
  const std::vector<float> single(data.begin(), data.end());
  EXPECT_LT(largest_difference(left_by_all<float>(where, formula, over, single, columns), oracle), 2e-4);
}

Formula cell() {
  return Formula::parse("sqrt(1 + (b - a)^2 + (c - a)^2 + (d - a)^2)", {.variables = {"a", "b", "c", "d"}});
}

TEST_P(FormulaSums, ElementsOfChainsGridsAndBlocks) {
  const Executor where = executor();
  const auto spring = Formula::parse("0.5*k*(v - u - l)^2", {.variables = {"u", "v"}, .data = {"k", "l"}});
  const Connections chain{600, Affine::chain(599, {0, 1})};
  expect_as_functor(where, spring, Spring(), chain, numbers(2 * 599, 5));
  expect_as_functor(where, spring, Spring(), chain, {1.5, 0.25});  // one record for all
  expect_as_functor(where, spring, Spring(), {600, Affine::chain(299, {3, 0}, 2)}, numbers(2 * 299, 5));
  const auto patch = Formula::parse("sqrt(1 + (b - a)^2 + (c - a)^2)", {.variables = {"a", "b", "c"}});
  expect_as_functor(where, patch, Patch(), {30 * 20, Affine{{29, 19, 1}, {1, 30, 0}, {0, 1, 30}}});
  expect_as_functor(where, cell(), Cell(), {8 * 7 * 6, Affine{{7, 6, 5}, {1, 8, 56}, {0, 1, 8, 56}}});
}

TEST_P(FormulaSums, ElementsMayHaveAVariableTwice) {
  const Executor where = executor();
  expect_as_functor(where, cell(), Cell(), {300, Affine::chain(298, {1, 0, 1, 2})});
  expect_as_functor(where, cell(), Cell(), {300, Affine{{10, 9, 1}, {1, 30, 0}, {0, 2, 2, 0}}});
  expect_as_functor(where, cell(), Cell(), {3, Affine{{300, 1, 1}, {0, 0, 0}, {0, 2, 1, 2}}});
  expect_as_functor(where, cell(), Cell(), {20, {}, entries(4 * 300, 20), 4});
}

TEST_P(FormulaSums, ElementsOfTablesWithBlocks) {
  const Executor where = executor();
  for (const std::int64_t block : {1, 2, 4}) {
    expect_as_functor(where, cell(), Cell(), {40 * block, {}, entries(4 / block * 100, 40), 4 / block, block});
  }
  const auto spring = Formula::parse("0.5*k*(sqrt((a - d)^2 + (b - e)^2 + (c - f)^2) - l)^2",
                                     {.variables = {"a", "b", "c", "d", "e", "f"}, .data = {"k", "l"}});
  std::vector<std::int32_t> pairs;
  for (std::int32_t e = 0; e < 150; ++e) {
    pairs.push_back(e % 30);
    pairs.push_back((e * 7 + 1 + e / 30) % 30 == e % 30 ? (e + 1) % 30 : (e * 7 + 1 + e / 30) % 30);
  }
  expect_as_functor(where, spring, SpaceSpring(), {90, {}, pairs, 2, 3}, numbers(2 * 150, 8));
  expect_as_functor(where, spring, SpaceSpring(), {180, {}, entries(70, 30), 1, 6}, numbers(2 * 70, 8));
}

TEST_P(FormulaSums, ThereMayBeNoElements) {
  const Executor where = executor();
  expect_as_functor(where, cell(), Cell(), {5, Affine::chain(0, {0, 1, 2, 3})});
  expect_as_functor(where, cell(), Cell(), {5, Affine{{0, 1, 1}, {0, 0, 0}, {0, 1, 2, 3}}});
  expect_as_functor(where, cell(), Cell(), {5, {}, {}, 4});
}

// All that a program's value can be made of, with what moves with the variables and what does not in every place.
TEST_P(FormulaSums, ElementsOfAllOperations) {
  const Executor where = executor(), cpu = Executor::cpu(1);
  const std::int64_t rows = 200;
  Vector data = numbers(3 * rows, 41);
  for (double& x : data) x = 0.6 + 0.2 * x;  // within (0.3, 0.9)
  for (const std::string text : {
           "k*x + sin(k)*cos(x) + sin(x)*cos(x) + p*sin(k*l) + cos(k*l)",
           "x^k + k^x + x^l^2 + x^p + p^x + x^3 + k^-2 + y^-3 + x^2.5 + x^y + k^p + (k*l)^y",
           "max(x, k) + min(k, l) + max(x, y, l) + min(p, x) + abs(x - k) + sign(k - l)*x",
           "atan2(x, k) + atan2(k, y) + atan2(k, l) + hypot(x, k) + hypot(k, y) + hypot(k, p)*x",
           "where(k < l, x, k) + where(x < k, k, l) + where(x < y, 1, y) + where(k - l, p, k) + (x < k)*y",
           "k/x + x/k + k/l - x/y + p/x + (k - x) - (x - k) + (-k)*(-x) + exp(-k) - log(l)*sqrt(k)",
           "sum(j, 1, 100, j*x*k/(l + j)) + prod(j, 1, 70, 1 + k*y/j) + sum(j, 1, 90, k/j) + sum(j, 1, 80, sin(j*x)) + "
           "p",
           "k*l + p",
           "7*p",
       }) {
    const auto f =
        Formula::parse(text, {.variables = {"x", "y"}, .parameters = {{"p", 1.25}}, .data = {"k", "l", "m"}});
    const Connections all_in_pairs{2 * rows, Affine::chain(rows, {0, 1}, 2)},
        shared{2, Affine{{rows, 1, 1}, {0, 0, 0}, {1, 0}}};
    for (const Connections& over : {all_in_pairs, shared}) {
      const Vector expected = left_by_all<double>(cpu, f, over, data, 3);
      EXPECT_LT(
          largest_difference(left_by_all<double>(where, f, over, data, 3), Oracle(expected.begin(), expected.end())),
          1e-11)
          << text;
    }
  }
}

TEST_P(FormulaSums, TiedArgumentsShareTheSlope) {
  const Executor where = executor();
  const auto f = Formula::parse("max(x, y, 3, z, k) + min(x, y) + max(x - z, 0)", {.data = {"k"}});
  const auto x = on(where, Vector{3, 3, 3}), data = on(where, Vector{2.5});
  const auto sum = element_sum<double>(where, f, 3, Affine::chain(1, {0, 1, 2}), {data.data(), 1, 1});
  double value = 0;
  const Vector gradient =
      left_by(where, 3, [&](std::span<double> out) { value = sum.value_and_gradient(where, all(x), out); });
  EXPECT_EQ(value, 6);
  EXPECT_EQ(gradient, (Vector{0.25 + 0.5 + 0.5, 0.25 + 0.5, 0.25 - 0.5}));
}

TEST_P(FormulaSums, FittingALineSharesItsVariables) {
  const Executor where = executor();
  const std::int64_t rows = 5000;
  const auto loss =
      Formula::parse("log(1 + exp(-y*(a*u + b*v + c)))", {.variables = {"a", "b", "c"}, .data = {"u", "v", "y"}});
  const Vector data = numbers(3 * rows, 17), at{0.1, 0.2, 0.3};
  const auto data_there = on(where, data), x = on(where, at);
  const auto f =
      element_sum<double>(where, loss, 3, Affine{{rows, 1, 1}, {0, 0, 0}, {0, 1, 2}}, {data_there.data(), rows, 3});
  long double value = 0;
  Oracle expected(3, 0);
  for (std::size_t e = 0; e < static_cast<std::size_t>(rows); ++e) {
    const long double u = data[e], v = data[e + rows], y = data[e + 2 * rows];
    const long double power = std::exp(-y * (at[0] * u + at[1] * v + at[2]));
    value += std::log(1 + power);
    const long double slope = -y * power / (1 + power);
    expected[0] += slope * u;
    expected[1] += slope * v;
    expected[2] += slope;
  }
  const Vector gradient = left_by(where, 3, [&](std::span<double> out) {
    EXPECT_NEAR(f.value_and_gradient(where, all(x), out), static_cast<double>(value), 1e-10);
  });
  EXPECT_LT(largest_difference(gradient, expected), 1e-12);
}

TEST_P(FormulaSums, ParametersOfElementsCanBeSet) {
  const Executor where = executor();
  const auto f = Formula::parse("a*x^2", {.parameters = {{"a", 2}}});
  auto sum = element_sum<double>(where, f, 3, Affine::chain(3, {0}));
  const auto x = on(where, Vector{1, 2, 3});
  EXPECT_EQ(sum.value(where, all(x)), 28);
  sum.formula().set_parameter("a", 3);
  EXPECT_EQ(sum.value(where, all(x)), 42);
}

template <class Call>
std::string message_of(Call call) {
  try {
    call();
  } catch (const nabla::Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

TEST(FormulaData, AreRefusedWhereThereAreNone) {
  const Executor where = Executor::cpu(1);
  const auto spring = Formula::parse("k*(u - l)^2", {.variables = {"u"}, .data = {"k", "l"}});
  const nabla::Points<double> points(where, 3, 1);
  EXPECT_EQ(message_of([&] { nabla::value(where, spring, points); }),
            "value: points have no data, which the formula has (k, l); it is an element of a sum, see element_sum");
  EXPECT_EQ(message_of([&] { spring.source(); }), "source can be made of formulas without data");
  EXPECT_EQ(message_of([&] { formula_objective<double>(where, spring, 1); }),
            "formula_objective: the formula has data; give them to element_sum");
  EXPECT_EQ(message_of([&] { element_sum<double>(where, spring, 3, Affine::chain(3, {0})); }),
            "element sum: data must have the shape (3, 2), found (0, 0)");
  EXPECT_EQ(message_of([&] { Formula::parse("k*u", {.variables = {"k"}, .data = {"k"}}); }),
            "data 'k' is also a variable");
  EXPECT_EQ(message_of([&] {
              Formula::parse("k*u", {.parameters = {{"k", 1}}, .data = {"k"}});
            }),
            "data 'k' is also a parameter");
}

TEST(FormulaData, ElementsHaveOneOutputAndAtMost32Variables) {
  const Executor where = Executor::cpu(1);
  std::vector<std::int64_t> offsets;
  for (int k = 0; k < 33; ++k) offsets.push_back(k);
  const auto sum = Formula::parse("sum(i, 1, n, x[i]^2)");
  EXPECT_EQ(message_of([&] { element_sum<double>(where, sum, 40, Affine::chain(1, offsets)); }),
            "element sum: an element has between 1 and 32 variables, the formula has 33");
  EXPECT_EQ(message_of([&] { element_sum<double>(where, Formula::parse("x; x^2"), 1, Affine::chain(1, {0})); }),
            "element sum: an element has one output, the formula has 2");
}

TEST(FormulaData, DerivativesArePrintedWithTheirNames) {
  const auto spring = Formula::parse("k*(u - l)^2", {.variables = {"u"}, .data = {"k", "l"}});
  EXPECT_EQ(spring.gradient_text(), std::vector<std::string>{"2*(u - l)*k"});
}

// ------------------------------------------------------------------------------------------- formulas that are sums

std::size_t at(std::int64_t place) { return static_cast<std::size_t>(place - 1); }

TEST_P(FormulaSums, ChainedRosenbrock) {
  const Executor where = executor();
  const std::string text = "sum(i, 1, n-1, 100*(x[i+1] - x[i]^2)^2 + (1 - x[i])^2)";
  for (const std::int64_t n : {2, 3, 50, 1000, 70'001}) {
    const auto f = formula_objective<double>(where, Formula::parse(text), n);
    EXPECT_TRUE(f.is_sum());
    EXPECT_EQ(f.description(),
              "sum of " + std::to_string(n - 1) + (n == 2 ? " element" : " elements") + " of 2 variables\n");
    expect_oracle(where, f, [n](const Vector& x, Oracle& g) {
      long double value = 0;
      for (std::int64_t i = 1; i < n; ++i) {
        const long double a = x[at(i)], valley = x[at(i + 1)] - a * a;
        value += 100 * valley * valley + (1 - a) * (1 - a);
        g[at(i)] += -400 * a * valley - 2 * (1 - a);
        g[at(i + 1)] += 200 * valley;
      }
      return value;
    });
    if (n <= 1000) expect_consistent(where, f, text);
  }
}

TEST_P(FormulaSums, DixonPrice) {
  const Executor where = executor();
  const std::string text = "sum(i, 2, n, i*(2*x[i]^2 - x[i-1])^2) + (x[1] - 1)^2";
  const std::int64_t n = 3001;
  const auto f = formula_objective<double>(where, Formula::parse(text), n);
  EXPECT_EQ(f.description(),
            "sum of 3000 elements of 2 variables, with the index as data\nsum of 1 element of 1 variable\n");
  expect_oracle(where, f, [](const Vector& x, Oracle& g) {
    long double value = (x[0] - 1.0L) * (x[0] - 1.0L);
    g[0] = 2 * (x[0] - 1.0L);
    for (std::int64_t i = 2; i <= n; ++i) {
      const long double a = x[at(i)], part = 2 * a * a - x[at(i - 1)];
      value += i * part * part;
      g[at(i)] += 8 * i * a * part;
      g[at(i - 1)] -= 2 * i * part;
    }
    return value;
  });
  expect_consistent(where, formula_objective<double>(where, Formula::parse(text), 200), text);
}

TEST_P(FormulaSums, BroydenTridiagonal) {
  const Executor where = executor();
  // Moré, Garbow, Hillstrom (1981), problem 30, with the ends as terms of their own.
  const std::string text =
      "sum(i, 2, n-1, ((3 - 2*x[i])*x[i] - x[i-1] - 2*x[i+1] + 1)^2) + ((3 - 2*x[1])*x[1] - 2*x[2] + 1)^2"
      " + ((3 - 2*x[n])*x[n] - x[n-1] + 1)^2";
  const std::int64_t n = 1000;
  const auto f = formula_objective<double>(where, Formula::parse(text), n);
  EXPECT_TRUE(f.is_sum());
  expect_oracle(where, f, [](const Vector& x, Oracle& g) {
    long double value = 0;
    for (std::int64_t i = 1; i <= n; ++i) {
      const long double a = x[at(i)], before = i > 1 ? x[at(i - 1)] : 0, after = i < n ? x[at(i + 1)] : 0;
      const long double part = (3 - 2 * a) * a - before - 2 * after + 1;
      value += part * part;
      g[at(i)] += 2 * part * (3 - 4 * a);
      if (i > 1) g[at(i - 1)] -= 2 * part;
      if (i < n) g[at(i + 1)] -= 4 * part;
    }
    return value;
  });
  expect_consistent(where, f, text);
}

TEST_P(FormulaSums, DiscreteBoundaryValue) {
  const Executor where = executor();
  // The same source, problem 28: h = 1/(n + 1), t = i h.
  const std::string part = "(x[i] + i/(n+1) + 1)^3/(2*(n+1)^2)";
  const std::string text = "sum(i, 2, n-1, (2*x[i] - x[i-1] - x[i+1] + " + part + ")^2) + (2*x[1] - x[2] + " +
                           "(x[1] + 1/(n+1) + 1)^3/(2*(n+1)^2))^2 + (2*x[n] - x[n-1] + (x[n] + n/(n+1) + " +
                           "1)^3/(2*(n+1)^2))^2";
  const std::int64_t n = 500;
  const auto f = formula_objective<double>(where, Formula::parse(text), n);
  EXPECT_TRUE(f.is_sum());
  expect_oracle(where, f, [](const Vector& x, Oracle& g) {
    const long double h = 1.0L / (n + 1);
    long double value = 0;
    for (std::int64_t i = 1; i <= n; ++i) {
      const long double a = x[at(i)], before = i > 1 ? x[at(i - 1)] : 0, after = i < n ? x[at(i + 1)] : 0;
      const long double t = a + i * h + 1, term = 2 * a - before - after + h * h * t * t * t / 2;
      value += term * term;
      g[at(i)] += 2 * term * (2 + 1.5L * h * h * t * t);
      if (i > 1) g[at(i - 1)] -= 2 * term;
      if (i < n) g[at(i + 1)] -= 2 * term;
    }
    return value;
  });
  expect_consistent(where, f, text);
}

TEST_P(FormulaSums, PowellSingular) {
  const Executor where = executor();
  const std::string text =
      "sum(i, 1, n/4, (x[4*i-3] + 10*x[4*i-2])^2 + 5*(x[4*i-1] - x[4*i])^2 + (x[4*i-2] - 2*x[4*i-1])^4"
      " + 10*(x[4*i-3] - x[4*i])^4)";
  const std::int64_t n = 4000;
  const auto f = formula_objective<double>(where, Formula::parse(text), n);
  EXPECT_EQ(f.description(), "sum of 1000 elements of 4 variables\n");
  expect_oracle(where, f, [](const Vector& x, Oracle& g) {
    long double value = 0;
    for (std::size_t k = 0; k < static_cast<std::size_t>(n); k += 4) {
      const long double a = x[k] + 10.0L * x[k + 1], b = static_cast<long double>(x[k + 2]) - x[k + 3],
                        c = x[k + 1] - 2.0L * x[k + 2], d = static_cast<long double>(x[k]) - x[k + 3];
      value += a * a + 5 * b * b + c * c * c * c + 10 * d * d * d * d;
      g[k] = 2 * a + 40 * d * d * d;
      g[k + 1] = 20 * a + 4 * c * c * c;
      g[k + 2] = 10 * b - 8 * c * c * c;
      g[k + 3] = -10 * b - 40 * d * d * d;
    }
    return value;
  });
  expect_consistent(where, f, text);
}

TEST_P(FormulaSums, Grids) {
  const Executor where = executor();
  // Either loop may be the inner one.
  const std::string body = "sqrt(1 + (x[40*(j-1)+i+1] - x[40*(j-1)+i])^2 + (x[40*j+i] - x[40*(j-1)+i])^2)";
  for (const std::string& text :
       {"sum(j, 1, n/40-1, sum(i, 1, 39, " + body + "))", "sum(i, 1, 39, sum(j, 1, n/40-1, " + body + "))"}) {
    const std::int64_t n = 1200;
    const auto f = formula_objective<double>(where, Formula::parse(text), n);
    EXPECT_EQ(f.description(), "sum of 1131 elements of 3 variables\n");
    expect_oracle(where, f, [](const Vector& x, Oracle& g) {
      long double value = 0;
      for (std::size_t j = 0; j < 29; ++j) {
        for (std::size_t i = 0; i < 39; ++i) {
          const std::size_t here = 40 * j + i;
          const long double along = static_cast<long double>(x[here + 1]) - x[here],
                            across = static_cast<long double>(x[here + 40]) - x[here];
          const long double size = std::sqrt(1 + along * along + across * across);
          value += size;
          g[here] -= (along + across) / size;
          g[here + 1] += along / size;
          g[here + 40] += across / size;
        }
      }
      return value;
    });
    expect_consistent(where, f, text);
  }
}

TEST_P(FormulaSums, EnginesAgree) {
  const Executor where = executor();
  const std::string text =
      "sum(i, 2, n, i*sin(2*x[i]^2 - x[i-1])^2) + sum(i, 1, n/2, exp(-x[i]*x[2*i])) + (x[1] - 1)^2";
  const std::int64_t n = at_most(where, 3'000, 60'000);
  const auto x = on(where, numbers(n)), v = on(where, numbers(n, 4));
  Vector first;
  for (const FormulaEngine engine : engines()) {
    const auto f = formula_objective<double>(where, Formula::parse(text, {.engine = engine}), n);
    const auto count = static_cast<std::size_t>(n);
    const Vector numbers_left = left_by(where, 3 * count, [&](std::span<double> out) {
      f.value_and_gradient(where, all(x), out.first(count));
      f.hessian_vector_product(where, all(x), all(v), out.subspan(count, count));
      f.hessian_diagonal(where, all(x), out.last(count));
    });
    if (first.empty()) first = numbers_left;
    EXPECT_LT(largest_difference(numbers_left, Oracle(first.begin(), first.end())), 1e-14);
  }
}

TEST_P(FormulaSums, Tables) {
  const Executor where = executor();
  const struct {
    std::string text, description;
  } cases[] = {
      {"sum(i, 1, n/2, (x[2*i] - x[i])^2)", "sum of 50 elements of 2 variables, in a table\n"},
      {"sum(i, 1, n, i*(x[i] - x[1])^4)", "sum of 100 elements of 2 variables, with the index as data, in a table\n"},
      {"sum(i, 1, n, (x[n+1-i] - 2)^4)", "sum of 100 elements of 1 variable, in a table\n"},
      {"sum(i, 1, n, sum(j, i+1, n, exp(-(x[i] - x[j])^2)))", "sum of 4950 elements of 2 variables, in a table\n"},
      {"sum(i, 1, n-1, sum(j, 1, i, j*sin(x[i+1]*x[j])))",
       "sum of 4950 elements of 2 variables, with the index as data, in a table\n"},
  };
  for (const auto& [text, description] : cases) {
    const auto f = formula_objective<double>(where, Formula::parse(text), 100);
    EXPECT_EQ(f.description(), description);
    expect_consistent(where, f, text);
  }
}

TEST_P(FormulaSums, TermsOfManyKinds) {
  const Executor where = executor();
  for (const std::string text : {
           "x[1]*x[2] + 3",
           "-sum(i, 1, n, x[i]^3)/7 + 2*sum(i, 1, n-1, x[i]*x[i+1]) - 5",
           "sum(i, 1, n, 3*(x[i]^2 + sum(j, 1, n, j*x[j]/n)))",
           "sum(i, 3, n-2, (x[i]*(2 + 5*x[i]^2) + 1 - sum(j, i-2, i+2, x[j]*(1 + x[j])))^2)",
           "sum(i, 1, n, prod(j, 1, 3, x[i] - j/2))",
           "let r = x[1]^2 in sum(i, 2, n, r*x[i]^2) + r",
           "sum(i, 1, n/4, sum(j, 4*i-3, 4*i, x[j])^2)",
           "sum(i, 1, n, sum(j, i+1, n, x[i+1]*x[j]))",  // there is no x[n+1], nor is it read
           "sum(i, 1, n/2, sum(j, 1, n/2, (x[i] - x[2*j])^2))",
           "sum(i, 1000000001, 1000000000+n, (x[i-1000000000]^2 - (i - 1000000000))^2/n)",
           "sum(i, 1-n, 0, i*x[1-i]^2)",
           "sum(i, 1, 4, sum(j, 1, 5, sum(k, 1, 5, (x[25*(i-1)+5*(j-1)+k] - i*j/k)^4)))",
           "sum(a, 1, 4, sum(b, 1, 4, sum(c, 1, 4, sum(d, 1, 4, sin(x[a+b+c+d]*a)))))",
           "sum(i, 1, n, where(x[i] > 0, x[i]^3, x[i]^2))",
           "sum(i, 1, n, x[i]^2*sum(k, 1, i, 1/k))",
           "sum(i, 1, n, i)*x[1]^2",
           "sum(i, 1, 0, x[i]) + x[1]^2",
           "(sum(i, 1, n, x[i]^2))^2/n + sum(i, 1, n, x[i]^4)",
           "exp(sum(i, 1, n, x[i])/n)",
           "prod(i, 1, n, 1 + x[i]/n) - cos(x[3])",
       }) {
    const auto f = formula_objective<double>(where, Formula::parse(text), 100);
    expect_consistent(where, f, text);
  }
}

TEST_P(FormulaSums, WhatIsNoSumIsSaid) {
  const Executor where = executor();
  const auto f =
      formula_objective<double>(where, Formula::parse("(sum(i, 1, n, x[i]^2))^2 + sum(i, 1, n, x[i]^4)"), 10'000);
  EXPECT_FALSE(f.is_sum());
  EXPECT_EQ(f.description(),
            "sum of 10000 elements of 1 variable\n"
            "one function of all variables: 'sum(i, 1, 10000, x[i]^2)^2' is no sum of elements: "
            "a sum inside it has more than 32 terms\n");
  const auto x = on(where, Vector(10'000, 1.0)), diagonal = room(where, 10'000);
  EXPECT_EQ(
      message_of([&] { f.hessian_diagonal(where, all(x), all(diagonal)); }),
      "hessian_diagonal: dense second derivatives go up to 4096 variables, and 'sum(i, 1, 10000, x[i]^2)^2' is no "
      "sum of elements: a sum inside it has more than 32 terms");
}

TEST_P(FormulaSums, WithoutSumsUpTo32VariablesAreOneElement) {
  const Executor where = executor();
  std::string text = "x[1]^2";
  for (int k = 2; k <= 32; ++k) text += " + " + std::to_string(k) + "*x[" + std::to_string(k) + "]^2";
  EXPECT_EQ(formula_objective<double>(where, Formula::parse(text), 32).description(),
            "sum of 1 element of 32 variables\n");
  const std::string more = text + " + x[33]^4*x[1]";
  const auto f = formula_objective<double>(where, Formula::parse(more), 33);
  EXPECT_EQ(f.description(), "sum of 1 element of 32 variables\nsum of 1 element of 2 variables\n");
  expect_consistent(where, f, more);
  expect_consistent(where, formula_objective<double>(where, Formula::parse("x^2*y + sin(x*y)"), 2), "x^2*y + sin(x*y)");
}

TEST_P(FormulaSums, ParametersStayParameters) {
  const Executor where = executor();
  const auto f = Formula::parse("a*sum(i, 1, n-1, (x[i+1] - b*x[i])^2) + a*(sum(i, 1, n, x[i]))^2",
                                {.parameters = {{"a", 1}, {"b", 0}}});
  auto objective = formula_objective<double>(where, f, 40);
  const auto copy = objective;
  const auto x = on(where, Vector(40, 1.0));
  EXPECT_EQ(objective.value(where, all(x)), 39 + 1600);
  objective.set_parameter("a", 2);
  objective.set_parameter("b", 3);
  EXPECT_EQ(objective.parameter("b"), 3);
  EXPECT_EQ(objective.value(where, all(x)), 2 * (4 * 39 + 1600));
  EXPECT_EQ(copy.value(where, all(x)), 39 + 1600);
}

TEST_P(FormulaSums, AreMinimised) {
  const Executor where = executor();
  const std::int64_t n = 60;
  // The second has a part that is no sum of elements.
  for (const std::string text : {"sum(i, 1, n-1, 100*(x[i+1] - x[i]^2)^2 + (1 - x[i])^2)",
                                 "sum(i, 1, n, i*(x[i] - 1)^2) + (sum(i, 1, n, x[i] - 1))^2"}) {
    const auto f = formula_objective<double>(where, Formula::parse(text), n);
    for (const nabla::Method method : {nabla::Method::lbfgs, nabla::Method::newton_cg}) {
      const auto x = on(where, Vector(static_cast<std::size_t>(n), 0.5));
      const auto report = nabla::minimize(where, f, all(x), {.method = method, .relative_gradient_tolerance = 1e-9});
      EXPECT_TRUE(report.converged()) << describe(report);
      EXPECT_LT(largest_difference(x.to_host(), Oracle(static_cast<std::size_t>(n), 1)), 1e-6) << text;
    }
  }
}

TEST_P(FormulaSums, SinglePrecision) {
  const Executor where = executor();
  const auto f =
      formula_objective<float>(where, Formula::parse("sum(i, 2, n, i*(2*x[i]^2 - x[i-1])^2) + (x[1] - 1)^2"), 500);
  const Executor cpu = Executor::cpu(1);
  const auto exact =
      formula_objective<double>(cpu, Formula::parse("sum(i, 2, n, i*(2*x[i]^2 - x[i-1])^2) + (x[1] - 1)^2"), 500);
  const Vector wide = numbers(500);
  const std::vector<float> single(wide.begin(), wide.end());
  const auto x = on(where, single), gradient = room<float>(where, 500);
  Vector expected(500);
  const double value = exact.value_and_gradient(cpu, Vector(single.begin(), single.end()), expected);
  EXPECT_NEAR(f.value_and_gradient(where, all(x), all(gradient)), value, 1e-6 * value);
  const std::vector<float> found = gradient.to_host();
  for (std::size_t i = 0; i < 500; ++i) {
    EXPECT_NEAR(static_cast<double>(found[i]), expected[i], 1e-5 * (50 + std::fabs(expected[i])));
  }
}

TEST(FormulaObjectiveRefusals, AreOneLine) {
  const Executor where = Executor::cpu(1);
  const auto refused = [&](const std::string& text, std::int64_t n) {
    return message_of([&] { formula_objective<double>(where, Formula::parse(text), n); });
  };
  EXPECT_EQ(refused("x[1]; x[2]", 2), "formula_objective: expected one output, the formula has 2");
  EXPECT_EQ(refused("x*y", 3), "formula_objective: the function takes 2 variables, the points have 3");
  EXPECT_EQ(refused("x[1]", 0), "formula_objective: expected a number of variables, found 0");
  EXPECT_NE(refused("sum(i, 1, n, x[i+1])", 5).find("is none of the variables 1 to 5"), std::string::npos);
  const auto f = formula_objective<double>(where, Formula::parse("prod(i, 1, n, x[i])"), 100);
  EXPECT_EQ(message_of([&] { f.value(where, Vector(99)); }), "value: x must have 100 numbers, found 99");
}

}  // namespace
