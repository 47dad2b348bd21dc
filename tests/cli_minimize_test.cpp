#include "cli_answers.hpp"

#include <gtest/gtest.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <thread>

// nabla minimize: known minima, fits with known answers, many starts, ends of all kinds. What it refuses is in
// cli_minimize_refusals_test.cpp.

namespace nabla::test {
namespace {

/// nabla minimize on the CPU.
json minimize(std::vector<std::string> arguments, int status = 0) {
  arguments.insert(arguments.begin(), {"minimize", "--executor", "cpu"});
  return answer(arguments, status);
}

std::vector<std::string> operator+(std::vector<std::string> a, const std::vector<std::string>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

TEST(Minimize, HasEveryKeyOfTheContract) {
  const json all = minimize({"--function", "himmelblau", "--random", "50", "--threads", "2"});
  for (const char* const key : {"version", "precision", "seconds", "variables", "starts_per_second"}) {
    EXPECT_TRUE(all.contains(key)) << key;
  }
  EXPECT_EQ(all["command"], "minimize");
  EXPECT_EQ(all["executor"]["threads"], 2);
  EXPECT_EQ(all["function"], "himmelblau");
  EXPECT_EQ(all["method"], "lbfgs");
  EXPECT_EQ(all["dimension"], 2);
  EXPECT_EQ(all["starts"], 50);
  EXPECT_EQ(all["converged"], 50);
  std::int64_t counted = 0;
  for (const auto& [reason, count] : all["status_counts"].items()) counted += count.get<std::int64_t>();
  EXPECT_EQ(counted, 50);
  for (const char* const key : {"start", "x", "value", "gradient_norm", "iterations"}) {
    EXPECT_TRUE(all["best"].contains(key)) << key;
  }
  const json& iterations = all["iterations"];
  EXPECT_LE(iterations["min"], iterations["median"]);
  EXPECT_LE(iterations["median"], iterations["max"]);
  EXPECT_LE(iterations["max"], iterations["total"]);
  EXPECT_GE(all["evaluations"], iterations["total"]);
  EXPECT_FALSE(all.contains("ends"));
}

struct Problem {
  std::vector<std::string> arguments;
  double value;
  std::vector<double> x;
  double tolerance;  // of x
};

// Starts and minima: Moré, Garbow and Hillstrom, Testing Unconstrained Optimization Software (ACM TOMS 7, 1981),
// problems 1, 5, 13, 14 and 2.
const std::vector<Problem> published = {
    {{"--function", "rosenbrock", "--at", "-1.2,1"}, 0, {1, 1}, 1e-4},
    {{"--function", "beale", "--at", "1,1"}, 0, {3, 0.5}, 1e-5},
    {{"--function", "powell", "--at", "3,-1,0,1"}, 0, {0, 0, 0, 0}, 0.05},  // the Hessian is singular there
    {{"--formula",
      "100*(w^2 - x)^2 + (w - 1)^2 + 90*(y^2 - z)^2 + (1 - y)^2 + 10.1*((1 - x)^2 + (1 - z)^2) + 19.8*(1 - x)*(1 - z)",
      "--variables", "w,x,y,z", "--at", "-3,-1,-3,-1"},
     0,
     {1, 1, 1, 1},
     1e-4},
    {{"--formula", "(-13 + x + ((5 - y)*y - 2)*y)^2 + (-29 + x + ((y + 1)*y - 14)*y)^2", "--at", "0.5,-2"},
     48.98425,
     {11.41278, -0.89681},
     1e-4},
};

TEST(Minimize, ReachesPublishedMinima) {
  for (const char* const method : {"bfgs", "lbfgs", "conjugate-gradient", "newton"}) {
    for (const Problem& problem : published) {
      const json all = minimize(problem.arguments + std::vector<std::string>{"--method", method});
      SCOPED_TRACE(all.dump());
      EXPECT_EQ(all["method"], method);
      EXPECT_NEAR(all["best"]["value"].get<double>(), problem.value, 1e-5);
      for (std::size_t i = 0; i < problem.x.size(); ++i) {
        EXPECT_NEAR(all["best"]["x"][i].get<double>(), problem.x[i], problem.tolerance);
      }
    }
  }
  for (const char* const method : {"gradient", "momentum", "nesterov", "barzilai-borwein"}) {
    const json all = minimize(published[1].arguments + std::vector<std::string>{"--method", method});
    EXPECT_NEAR(all["best"]["x"][0].get<double>(), 3, 1e-5) << method;
    EXPECT_NEAR(all["best"]["x"][1].get<double>(), 0.5, 1e-5) << method;
  }
}

/// Numbers in (-1, 1), the same each time.
class Numbers {
 public:
  double next() {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<double>(state_ >> 11) * 0x1p-52 - 1;
  }

 private:
  std::uint64_t state_ = 42;
};

constexpr std::size_t unknowns = 3;
using Vector = std::array<long double, unknowns>;
using Matrix = std::array<Vector, unknowns>;

/// By elimination; the matrices here are positive definite.
Vector solve(Matrix a, Vector b) {
  for (std::size_t k = 0; k < unknowns; ++k) {
    for (std::size_t i = k + 1; i < unknowns; ++i) {
      const long double factor = a[i][k] / a[k][k];
      for (std::size_t j = k; j < unknowns; ++j) a[i][j] -= factor * a[k][j];
      b[i] -= factor * b[k];
    }
  }
  for (std::size_t k = unknowns; k-- > 0;) {
    for (std::size_t j = k + 1; j < unknowns; ++j) b[k] -= a[k][j] * b[j];
    b[k] /= a[k][k];
  }
  return b;
}

/// Rows of u, v and y, with y = 2 u - v + 0.5 and something added.
std::vector<double> noisy_rows(std::size_t count) {
  Numbers numbers;
  std::vector<double> rows;
  for (std::size_t k = 0; k < count; ++k) {
    const double u = numbers.next(), v = numbers.next();
    rows.insert(rows.end(), {u, v, 2 * u - v + 0.5 + 0.3 * numbers.next()});
  }
  return rows;
}

void expect_at(const json& all, const Vector& expected, double tolerance) {
  for (std::size_t i = 0; i < unknowns; ++i) {
    EXPECT_NEAR(all["best"]["x"][i].get<double>(), static_cast<double>(expected[i]), tolerance) << all.dump();
  }
}

TEST(Minimize, FitsALinearModelAsTheNormalEquationsDo) {
  const Folder folder;
  constexpr std::size_t count = 5000;
  const std::vector<double> rows = noisy_rows(count);
  const std::string file = folder.put("rows.npy", npy_file<double>("(5000, 3)", rows));
  Matrix squares{};
  Vector products{};
  for (std::size_t k = 0; k < count; ++k) {
    const Vector with{rows[3 * k], rows[3 * k + 1], 1};
    for (std::size_t i = 0; i < unknowns; ++i) {
      products[i] += with[i] * rows[3 * k + 2];
      for (std::size_t j = 0; j < unknowns; ++j) squares[i][j] += with[i] * with[j];
    }
  }
  const Vector expected = solve(squares, products);
  const std::vector<std::string> fit{"--formula", "(a*u + b*v + c - y)^2", "--data", file + ":u,v,y", "--sum"};
  for (const char* const method : {"bfgs", "lbfgs", "conjugate-gradient", "newton", "nesterov"}) {
    const json all = minimize(fit + std::vector<std::string>{"--at", "0,0,0", "--method", method});
    EXPECT_EQ(all["rows"], count);
    EXPECT_EQ(all["variables"], (json{"a", "b", "c"}));
    expect_at(all, expected, 1e-7);
  }
  const json many = minimize(fit + std::vector<std::string>{"--random", "5", "--dimension", "3"});
  EXPECT_EQ(many["converged"], 5);
  expect_at(many, expected, 1e-7);
  // Held in f32, the data give that precision.
  const std::vector<float> single(rows.begin(), rows.end());
  const std::string floats = folder.put("f.npy", npy_file<float>("(5000, 3)", single));
  const json coarse =
      minimize({"--formula", "(a*u + b*v + c - y)^2", "--data", floats + ":u,v,y", "--sum", "--at", "0,0,0"});
  EXPECT_EQ(coarse["precision"], "f32");
  expect_at(coarse, expected, 1e-3);
}

TEST(Minimize, FitsALogisticModelAsNewtonsMethodDoes) {
  const Folder folder;
  constexpr std::size_t count = 400;
  std::vector<double> rows = noisy_rows(count);
  for (std::size_t k = 0; k < count; ++k) rows[3 * k + 2] = rows[3 * k + 2] > 0 ? 1 : -1;
  for (std::size_t k = 0; k < count; k += 10) rows[3 * k + 2] *= -1;  // so that no plane divides them
  const std::string file = folder.put("rows.npy", npy_file<double>("(400, 3)", rows));
  Vector x{};
  long double value = 0;
  for (int iteration = 0; iteration < 30; ++iteration) {
    Matrix hessian{};
    Vector gradient{};
    value = 0;
    for (std::size_t k = 0; k < count; ++k) {
      const Vector with{rows[3 * k], rows[3 * k + 1], 1};
      const long double y = rows[3 * k + 2], power = std::exp(-y * (x[0] * with[0] + x[1] * with[1] + x[2]));
      const long double part = power / (1 + power);
      value += std::log(1 + power);
      for (std::size_t i = 0; i < unknowns; ++i) {
        gradient[i] += y * part * with[i];
        for (std::size_t j = 0; j < unknowns; ++j) hessian[i][j] += part * (1 - part) * with[i] * with[j];
      }
    }
    const Vector step = solve(hessian, gradient);
    for (std::size_t i = 0; i < unknowns; ++i) x[i] += step[i];
  }
  for (const char* const method : {"bfgs", "lbfgs", "newton"}) {
    const json all = minimize({"--formula", "log(1+exp(-y*(a*u+b*v+c)))", "--data", file + ":u,v,y", "--sum", "--at",
                               "0,0,0", "--method", method});
    expect_at(all, x, 1e-6);
    EXPECT_NEAR(all["best"]["value"].get<double>(), static_cast<double>(value), 1e-10);
  }
}

TEST(Minimize, TellsManyStartsApart) {
  const Folder folder;
  const double nan = std::nan("");
  // The third is a minimum, the last on a slope without end.
  const std::vector<double> starts{4, 4, nan, 1, 0, 0, -1, 3, 0, -200};
  const std::vector<std::string> function{"--formula", "where(y < -100, y, x^2 + 4*y^2 - y^4/1000)", "--variables",
                                          "x,y"};
  const std::vector<std::string> outputs{"--out-x",        folder / "x.npy", "--out-value",
                                         folder / "v.npy", "--out-status",   folder / "status.npy"};
  const auto file = folder.put("starts.npy", npy_file<double>("(5, 2)", starts));
  const json all = minimize(function + std::vector<std::string>{"--points", file} + outputs, 1);
  EXPECT_EQ(all["starts"], 5);
  EXPECT_EQ(all["converged"], 3);
  EXPECT_EQ(all["status_counts"],
            (json{{"gradient", 1}, {"relative_gradient", 2}, {"unbounded", 1}, {"not_finite", 1}}));
  EXPECT_EQ(all["best"]["start"], 4);
  EXPECT_EQ(all["best"]["status"], "unbounded");
  const std::string x_file = read_file(folder / "x.npy"), status_file = read_file(folder / "status.npy");
  EXPECT_EQ(dictionary_of(x_file), "{'descr': '<f8', 'fortran_order': False, 'shape': (5, 2), }");
  EXPECT_EQ(dictionary_of(status_file), "{'descr': '<f8', 'fortran_order': False, 'shape': (5,), }");
  const std::vector<double> x = numbers_of<double>(x_file), status = numbers_of<double>(status_file);
  const std::vector<double> values = numbers_of<double>(read_file(folder / "v.npy"));
  EXPECT_EQ(status, (std::vector<double>{1, 11, 0, 1, 7}));
  for (const std::size_t k : {0u, 3u}) {
    EXPECT_NEAR(x[2 * k], 0, 1e-6) << k;
    EXPECT_NEAR(x[2 * k + 1], 0, 1e-6) << k;
    EXPECT_NEAR(values[k], 0, 1e-12) << k;
  }
  EXPECT_TRUE(std::isnan(x[2]) && x[3] == 1 && std::isnan(values[1]));
  EXPECT_EQ((std::vector<double>{x[4], x[5], values[2]}), (std::vector<double>{0, 0, 0}));
  EXPECT_EQ(all["best"]["value"], values[4]);

  // The same by --at, with the ends of all; in Fortran order; and in f32.
  std::vector<std::string> at = function;
  for (const char* const start : {"4,4", "nan,1", "0,0", "-1,3", "0,-200"})
    at = at + std::vector<std::string>{"--at", start};
  const json ends = minimize(at, 1)["ends"];
  ASSERT_EQ(ends.size(), 5u);
  const char* const names[] = {"relative_gradient", "not_finite", "gradient", "relative_gradient", "unbounded"};
  for (std::size_t k = 0; k < 5; ++k) {
    EXPECT_EQ(ends[k]["status"], names[k]);
    if (k == 1) continue;
    EXPECT_EQ(ends[k]["x"], (json{x[2 * k], x[2 * k + 1]})) << k;
  }
  EXPECT_EQ(ends[1]["x"], (json{"nan", 1}));
  EXPECT_EQ(ends[1]["value"], "nan");
  const std::vector<double> turned{4, nan, 0, -1, 0, 4, 1, 0, 3, -200};
  minimize(
      function +
          std::vector<std::string>{"--points", folder.put("turned.npy", npy_file<double>("(5, 2)", turned, true))} +
          outputs,
      1);
  EXPECT_EQ(dictionary_of(read_file(folder / "x.npy")), "{'descr': '<f8', 'fortran_order': True, 'shape': (5, 2), }");
  const std::vector<double> x_turned = numbers_of<double>(read_file(folder / "x.npy"));
  for (const std::size_t k : {0u, 2u, 3u, 4u}) {
    EXPECT_EQ(x_turned[k], x[2 * k]);
    EXPECT_EQ(x_turned[5 + k], x[2 * k + 1]);
  }
}

TEST(Minimize, FindsTheBestOfManyStarts) {
  // Of two hollows the one at about -1 is deeper: (x^2 - 1)^2 + x/4.
  const json all = minimize({"--formula", "(x^2 - 1)^2 + x/4", "--at", "2", "--at", "0.5", "--at", "-3", "--at", "1"});
  EXPECT_EQ(all["best"]["start"], 2);
  EXPECT_NEAR(all["best"]["x"][0].get<double>(), -1.0298, 1e-4);
  EXPECT_NEAR(all["ends"][0]["x"][0].get<double>(), 0.96715, 1e-4);
  EXPECT_EQ(all["best"]["value"], all["ends"][2]["value"]);
  EXPECT_LT(all["ends"][2]["value"], all["ends"][0]["value"]);
}

std::vector<double> some_starts(std::size_t numbers) {
  Numbers from;
  std::vector<double> starts(numbers);
  for (double& number : starts) number = 4 * from.next();
  starts[7] = std::nan("");
  return starts;
}

// One start's result depends neither on where it stands among others, nor on who they are.
TEST(Minimize, OrderAndThreadsChangeNoBit) {
  const Folder folder;
  constexpr std::size_t count = 120;
  const std::vector<double> starts = some_starts(2 * count);
  std::vector<double> reversed;
  for (std::size_t k = count; k-- > 0;) reversed.insert(reversed.end(), {starts[2 * k], starts[2 * k + 1]});
  folder.put("starts.npy", npy_file<double>("(120, 2)", starts));
  folder.put("reversed.npy", npy_file<double>("(120, 2)", reversed));
  const auto ends = [&](const std::vector<std::string>& function, const char* file, const char* threads,
                        int status = 1) {
    minimize(function +
                 std::vector<std::string>{"--points", folder / file, "--threads", threads, "--out-x", folder / "x.npy"},
             status);
    return numbers_of<std::uint64_t>(read_file(folder / "x.npy"));  // bits
  };
  for (const std::vector<std::string>& function :
       {std::vector<std::string>{"--function", "himmelblau", "--method", "bfgs"},
        std::vector<std::string>{"--function", "rosenbrock", "--method", "newton"},
        std::vector<std::string>{"--formula", "exp(x*y) + x^2 + sin(y)^2 + y^4", "--precision", "f64"}}) {
    const auto one = ends(function, "starts.npy", "1"), backwards = ends(function, "reversed.npy", "1");
    ASSERT_EQ(one.size(), 2 * count);
    EXPECT_EQ(one, ends(function, "starts.npy", "2"));
    EXPECT_EQ(one, ends(function, "starts.npy", "5"));
    for (std::size_t k = 0; k < count; ++k) {
      const std::size_t other = count - 1 - k;
      EXPECT_TRUE(one[2 * k] == backwards[2 * other] && one[2 * k + 1] == backwards[2 * other + 1]) << k;
    }
    // Of two, each is what it was among many. (A single one goes its own way: nabla::minimize() tells more of it.)
    for (const std::size_t k : {std::size_t{0}, std::size_t{60}}) {
      const auto two = starts.begin() + static_cast<std::ptrdiff_t>(2 * k);
      folder.put("two.npy", npy_file<double>("(2, 2)", std::vector<double>(two, two + 4)));
      const auto found = one.begin() + static_cast<std::ptrdiff_t>(2 * k);
      EXPECT_EQ(ends(function, "two.npy", "1", 0), std::vector<std::uint64_t>(found, found + 4)) << k;
    }
  }
}

TEST(Minimize, TellsDistinctMinima) {
  const json all =
      minimize({"--function", "himmelblau", "--random", "500", "--method", "bfgs", "--distinct", "1e-4"}, 0);
  ASSERT_EQ(all["minima"].size(), 4u);
  std::int64_t starts = 0;
  for (const json& one : all["minima"]) {
    const double x = one["x"][0], y = one["x"][1];
    EXPECT_NEAR(x * x + y, 11, 1e-6);
    EXPECT_NEAR(x + y * y, 7, 1e-6);
    EXPECT_LT(one["value"], 1e-12);
    starts += one["count"].get<std::int64_t>();
  }
  EXPECT_EQ(starts, 500);
  EXPECT_EQ(all["minima"][0]["start"], all["best"]["start"]);
  EXPECT_FALSE(minimize({"--function", "himmelblau", "--random", "5"}, 0).contains("minima"));
}

TEST(Minimize, StaysWithinBounds) {
  for (const std::vector<std::string>& starts :
       {std::vector<std::string>{"--at", "3,3"}, std::vector<std::string>{"--random", "50"}}) {
    const json all = minimize(std::vector<std::string>{"--function", "rosenbrock", "--dimension", "2", "--bounds",
                                                       "-inf:0.5,-9:9", "--method", "bfgs"} +
                                  starts,
                              0);
    EXPECT_EQ(all["best"]["x"][0], 0.5);
    EXPECT_NEAR(all["best"]["x"][1].get<double>(), 0.25, 1e-6);
    EXPECT_NEAR(all["best"]["value"].get<double>(), 0.25, 1e-9);
  }
}

TEST(Minimize, ManyVariablesAreSums) {
  const Folder folder;
  const std::string chain = "sum(i, 1, n-1, 100*(x[i+1] - x[i]^2)^2 + (1 - x[i])^2)";
  const auto descend = [&](const std::vector<std::string>& function, const char* threads) {
    const json all = minimize(
        function + std::vector<std::string>{"--dimension", "20000", "--random", "1", "--box", "0:1", "--max-iterations",
                                            "25", "--threads", threads, "--out-x", folder / "x.npy"},
        1);
    EXPECT_TRUE(all["variables"].is_null());
    EXPECT_TRUE(all["best"]["x"].is_null());
    EXPECT_EQ(all["status_counts"], (json{{"iterations", 1}}));
    return numbers_of<double>(read_file(folder / "x.npy"));
  };
  const std::vector<double> one = descend({"--formula", chain}, "1");
  EXPECT_EQ(one.size(), 20000u);
  EXPECT_EQ(one, descend({"--formula", chain}, "2"));
  EXPECT_EQ(one, descend({"--function", "rosenbrock"}, "2"));  // its text is the same

  for (const char* const method : {"lbfgs", "newton", "conjugate-gradient", "bfgs"}) {
    const json all = minimize({"--formula", chain, "--dimension", "100", "--random", "3", "--box", "0.5:1", "--method",
                               method, "--gradient-tolerance", "1e-9"});
    EXPECT_EQ(all["status_counts"], (json{{"gradient", 3}})) << method;
    for (const json& x : all["best"]["x"]) EXPECT_NEAR(x.get<double>(), 1, 1e-7);
  }
  // A square of a sum is none; Newton's method goes without its diagonal.
  for (const char* const method : {"lbfgs", "newton"}) {
    const json all =
        minimize({"--formula", "sum(i, 1, n, (x[i] - i)^2) + (sum(i, 1, n, x[i]) - n*(n+1)/2)^4", "--dimension", "50",
                  "--random", "1", "--method", method, "--gradient-tolerance", "1e-6"});
    EXPECT_NEAR(all["best"]["x"][49].get<double>(), 50, 1e-5) << method;
  }
}

TEST(Minimize, FixedStepsAreThoseOfTheirFormulas) {
  // Of x^2 from 8 each step of A multiplies x by 1 - 2 A.
  const json plain = minimize(
      {"--formula", "x^2", "--at", "8", "--method", "gradient", "--step", "0.125", "--max-iterations", "5"}, 1);
  EXPECT_EQ(plain["best"]["x"][0], 8 * std::pow(0.75, 5));
  EXPECT_EQ(plain["best"]["status"], "iterations");
  EXPECT_EQ(plain["iterations"]["total"], 5);
  // No longer than 2, each is 0.25 at first.
  const json clipped = minimize({"--formula", "x^2", "--at", "8", "--method", "gradient", "--step", "0.125", "--clip",
                                 "2", "--max-iterations", "5"},
                                1);
  EXPECT_EQ(clipped["best"]["x"][0], 8 - 5 * 0.25);
  const json rolling = minimize({"--formula", "x^2", "--at", "8", "--method", "momentum", "--step", "0.125",
                                 "--momentum", "0.5", "--max-iterations", "4"},
                                1);
  double x = 8, v = 0;
  for (int k = 0; k < 4; ++k) {
    v = 0.5 * v - 0.125 * 2 * x;
    x += v;
  }
  EXPECT_EQ(rolling["best"]["x"][0], x);
  EXPECT_EQ(minimize({"--formula", "x^2", "--at", "8", "--method", "gradient", "--step", "1.5"}, 1)["best"]["status"],
            "diverged");
  EXPECT_NEAR(
      minimize({"--formula", "x^2", "--at", "1", "--method", "adam", "--step", "0.01"})["best"]["x"][0].get<double>(),
      0, 1e-6);
}

TEST(Minimize, EndsAsItWasAsked) {
  const auto best = [](const std::vector<std::string>& more, int status) {
    return minimize(std::vector<std::string>{"--function", "rosenbrock", "--at", "-1.2,1"} + more, status)["best"];
  };
  const json plain = best({}, 0);
  EXPECT_EQ(plain["status"], "relative_gradient");
  EXPECT_LE(plain["gradient_norm"], 1e-8 * 232.87);  // that at the start is 232.8677
  const json loose = best({"--relative-tolerance", "0.5"}, 0);
  EXPECT_LT(loose["iterations"], 5);
  EXPECT_LE(loose["gradient_norm"], 0.5 * 232.87);
  EXPECT_GT(loose["gradient_norm"], 1);
  const json absolute = best({"--gradient-tolerance", "1e-12"}, 0);
  EXPECT_EQ(absolute["status"], "gradient");
  EXPECT_LE(absolute["gradient_norm"], 1e-12);
  EXPECT_EQ(best({"--gradient-tolerance", "1e-12", "--relative-tolerance", "1e-3"}, 0)["status"], "relative_gradient");
  const json target = best({"--target", "0.5"}, 0);
  EXPECT_EQ(target["status"], "target");
  EXPECT_LE(target["value"], 0.5);
  EXPECT_EQ(best({"--value-tolerance", "0.9"}, 0)["status"], "value");
  EXPECT_EQ(best({"--max-iterations", "0"}, 1)["x"], (json{-1.2, 1}));
  const json few = best({"--max-evaluations", "10"}, 1);
  EXPECT_EQ(few["status"], "evaluations");
  EXPECT_LE(few["evaluations"], 12);
  EXPECT_EQ(best({"--memory", "1"}, 0)["status"], "relative_gradient");
  EXPECT_NE(best({"--memory", "1"}, 0)["iterations"], plain["iterations"]);
  EXPECT_EQ(best({"--precision", "f32"}, 0)["status"], "relative_gradient");
  EXPECT_EQ(minimize({"--formula", "-x^2", "--at", "1"}, 1)["best"]["status"], "unbounded");
}

TEST(Minimize, NoStartsAreNoFailure) {
  const Folder folder;
  const auto path = folder.put("x.npy", npy_file<double>("(0, 2)", {}));
  const json all = minimize({"--function", "booth", "--points", path, "--out-x", folder / "ends.npy"});
  EXPECT_EQ(all["starts"], 0);
  EXPECT_EQ(all["status_counts"], json::object());
  EXPECT_TRUE(all["best"].is_null());
  EXPECT_EQ(all["iterations"], (json{{"min", nullptr}, {"median", nullptr}, {"max", nullptr}, {"total", 0}}));
  EXPECT_EQ(all["evaluations"], 0);
  EXPECT_EQ(dictionary_of(read_file(folder / "ends.npy")),
            "{'descr': '<f8', 'fortran_order': False, 'shape': (0, 2), }");
  EXPECT_EQ(minimize({"--formula", "log(x)", "--at", "-1"}, 1)["best"], nullptr);
}

TEST(Minimize, GoesOnFromACheckpoint) {
  const Folder folder;
  for (const char* const method : {"lbfgs", "bfgs"}) {
    const std::vector<std::string> problem{"--function", "rosenbrock", "--method", method};
    const json whole = minimize(problem + std::vector<std::string>{"--at", "-1.2,1"});
    minimize(problem + std::vector<std::string>{"--at", "-1.2,1", "--max-iterations", "9", "--checkpoint",
                                                folder / "state", "--checkpoint-every", "4"},
             1);
    const json resumed = minimize(problem + std::vector<std::string>{"--dimension", "2", "--resume", folder / "state"});
    for (const char* const key : {"best", "iterations", "evaluations", "status_counts"}) {
      EXPECT_EQ(resumed[key], whole[key]) << method;
    }
    EXPECT_FALSE(resumed.contains("ends"));
  }
}

/// Never ends by itself: each step is a millionth of a millionth of the way.
const std::vector<std::string> endless{"minimize",  "--executor",       "cpu",      "--formula",
                                       "x^2 + y^2", "--method",         "gradient", "--step",
                                       "1e-9",      "--max-iterations", "1e18",     "--relative-tolerance",
                                       "0"};

/// Until output files have been begun, which is just before the descent.
void wait_for_a_file(const Folder& folder) {
  for (int tries = 0; tries < 6000 && folder.files().empty(); ++tries) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  ASSERT_FALSE(folder.files().empty());
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
}

TEST(Minimize, TellsWhatItReachedWhenItIsInterrupted) {
  for (const int signal : {SIGINT, SIGTERM}) {
    const Folder folder;
    const Running running(program, endless + std::vector<std::string>{"--at", "1,2", "--json", "--checkpoint",
                                                                      folder / "state", "--checkpoint-every", "1000"});
    wait_for_a_file(folder);
    running.send(signal);
    const Outcome outcome = running.wait();
    EXPECT_EQ(outcome.status, 1) << outcome.err;
    EXPECT_EQ(outcome.err, "");
    const json all = json::parse(outcome.out);
    EXPECT_EQ(all["status_counts"], (json{{"interrupted", 1}}));
    const std::int64_t iterations = all["best"]["iterations"];
    EXPECT_GT(iterations, 1000);
    // x (1 - 2e-9)^k
    EXPECT_NEAR(all["best"]["x"][0].get<double>(), std::exp(-2e-9 * static_cast<double>(iterations)), 1e-9);
    EXPECT_EQ(folder.files(), std::vector<std::string>{"state"});
    const json resumed = minimize({"--formula", "x^2 + y^2", "--method", "gradient", "--step", "1e-9", "--resume",
                                   folder / "state", "--max-iterations", "0"},
                                  1);
    EXPECT_EQ(resumed["best"]["iterations"], iterations);
    EXPECT_EQ(resumed["best"]["x"], all["best"]["x"]);
  }
}

TEST(Minimize, WritesWhatManyStartsReachedWhenItIsInterrupted) {
  const Folder folder;
  const Running running(
      program, endless + std::vector<std::string>{"--random", "2000", "--box", "1:2", "--threads", "2", "--json",
                                                  "--out-x", folder / "x.npy", "--out-value", folder / "v.npy"});
  wait_for_a_file(folder);
  running.send(SIGINT);
  const Outcome outcome = running.wait();
  EXPECT_EQ(outcome.status, 1) << outcome.err;
  const json all = json::parse(outcome.out);
  EXPECT_EQ(all["status_counts"], (json{{"interrupted", 2000}}));
  EXPECT_EQ(all["iterations"]["min"], 0);
  EXPECT_GT(all["iterations"]["max"], 0);
  const std::vector<double> values = numbers_of<double>(read_file(folder / "v.npy"));
  const std::vector<double> x = numbers_of<double>(read_file(folder / "x.npy"));
  ASSERT_EQ(values.size(), 2000u);
  // Those in the lanes were on their way, the others not begun: they stay where they were.
  const auto begun = std::count_if(values.begin(), values.end(), [](double value) { return std::isfinite(value); });
  EXPECT_TRUE(begun >= 2 && begun < 2000) << begun;
  for (const double number : x) EXPECT_TRUE(number > 0.9 && number <= 2) << number;
}

TEST(Minimize, ShowsProgressOnATerminal) {
  const int terminal = posix_openpt(O_RDWR | O_NOCTTY);
  ASSERT_GE(terminal, 0);
  ASSERT_EQ(grantpt(terminal) | unlockpt(terminal), 0);
  const std::string name = ptsname(terminal);
  const int other_end = open(name.c_str(), O_RDWR | O_NOCTTY);
  const auto shown = [&](const std::vector<std::string>& more) {
    const Folder folder;
    const Running running(program, endless + more + std::vector<std::string>{"--out-x", folder / "x.npy"}, {},
                          "/dev/null", name);
    wait_for_a_file(folder);
    pollfd first{terminal, POLLIN, 0};
    constexpr int most_milliseconds = 3000;  // of silence, where there is nothing to be shown
    poll(&first, 1, most_milliseconds);
    running.send(SIGINT);
    EXPECT_EQ(running.wait().status, 1);
    std::string text(4096, '\0');
    fcntl(terminal, F_SETFL, O_NONBLOCK);
    const ssize_t bytes = read(terminal, text.data(), text.size());
    return text.substr(0, static_cast<std::size_t>(std::max<ssize_t>(bytes, 0)));
  };
  const std::string one = shown({"--at", "1,2"});
  EXPECT_EQ(one.find("\r\x1b[Kiteration "), 0u) << one;
  EXPECT_NE(one.find(", gradient norm 4.4"), std::string::npos) << one;
  EXPECT_TRUE(one.ends_with("\r\x1b[K")) << one;
  const std::string many = shown({"--at", "1,2", "--at", "0,0", "--at", "3,4", "--threads", "2"});
  EXPECT_NE(many.find("of 3 starts done, "), std::string::npos) << many;
  EXPECT_EQ(shown({"--at", "1,2", "--quiet"}), "");
  close(other_end);
  close(terminal);
}

TEST(Minimize, TellsPeople) {
  const auto table = [](std::vector<std::string> arguments, int status) {
    const Outcome outcome = nabla(std::vector<std::string>{"minimize", "--executor", "cpu"} + arguments);
    EXPECT_EQ(outcome.status, status) << outcome.out;
    EXPECT_EQ(outcome.err, "");
    return outcome.out;
  };
  const auto expect_lines = [](const std::string& text, const std::vector<std::string>& lines) {
    for (const std::string& line : lines) EXPECT_NE(text.find(line), std::string::npos) << line << "\n" << text;
  };
  const std::string one = table({"--formula", "(u - 3)^2 + v^2", "--at", "0,4"}, 0);
  expect_lines(one, {"minimize    (u - 3)^2 + v^2 in 2 variables, by lbfgs from 1 start, f64\n",
                     "\nended       converged: the gradient is within the ", " tolerance\n", "\nvalue       ",
                     " (25 at the start)\n", "\nat          u = ", "\nwork        ", "\nran on "});
  expect_lines(table({"--formula", "log(x)", "--at", "-1"}, 1), {"\nended       not converged: f is not finite\n"});
  const std::string many = table({"--function", "rosenbrock", "--at", "2,4", "--at", "1,1", "--at", "nan,0"}, 1);
  expect_lines(many, {"minimize    rosenbrock in 2 variables, by lbfgs from 3 starts, f64\n",
                      "\nconverged   2 of 3 starts\n", "\nended       1 gradient, 1 relative_gradient, 1 not_finite\n",
                      "\nbest        value 0, from start 1, gradient after 0 iterations\n", "\nat          (1, 1)\n",
                      "\n  start  ended ", "\n      2  not_finite "});
  EXPECT_EQ(table({"--function", "booth", "--at", "0,0", "--quiet"}, 0), "");
  EXPECT_EQ(table({"--formula", "-x^2", "--at", "1", "--quiet"}, 1), "");
  const Outcome help = nabla({"minimize", "--help"});
  EXPECT_EQ(help.status, 0);
  expect_lines(help.out,
               {"usage: nabla minimize [options]\n", "0 gradient, 1 relative_gradient, 2 value, 3 target, 4 iterations",
                "\nexample:\n  nabla minimize --function rosenbrock --at -1.2,1\n"});
}

TEST(Minimize, GivesTheSameOnEveryExecutor) {
  if (const std::string reason = why_no_cuda(); !reason.empty()) GTEST_SKIP() << "no CUDA: " << reason;
  for (const std::vector<std::string>& function :
       {std::vector<std::string>{"--function", "beale", "--at", "1,1", "--at", "2,0.2", "--at", "nan,1"},
        std::vector<std::string>{"--formula", "(x - 3)^4 + (x - 2*y)^2 + x^2", "--at", "0,1"},
        std::vector<std::string>{"--formula", "sum(i, 1, 40, (x[i] - i)^2 + x[i]^4) + (x[1] - x[40])^2", "--dimension",
                                 "40", "--random", "1"},
        std::vector<std::string>{"--function", "himmelblau", "--at", "1,1", "--method", "newton"},
        std::vector<std::string>{"--function", "himmelblau", "--at", "1,1", "--method", "bfgs", "--precision",
                                 "f32"}}) {
    const auto on = [&](const char* where) {
      const Outcome outcome = nabla(std::vector<std::string>{"minimize", "--json", "--executor", where} + function);
      return json::parse(outcome.out);
    };
    const json cpu = on("cpu"), cuda = on("cuda");
    EXPECT_EQ(cuda["executor"]["kind"], "cuda");
    EXPECT_TRUE(cuda["transfer_seconds"].is_number());
    EXPECT_EQ(cuda["status_counts"], cpu["status_counts"]);
    for (std::size_t i = 0; i < 2; ++i) {
      EXPECT_NEAR(cuda["best"]["x"][i].get<double>(), cpu["best"]["x"][i].get<double>(), 1e-3);
    }
  }
  const Folder folder;
  const std::string file = folder.put("rows.npy", npy_file<double>("(2, 1)", {1, 2}));
  const auto sum_on = [&](const char* where) {
    const Outcome outcome = nabla({"minimize", "--json", "--executor", where, "--formula", "(a - y)^4 + b^2", "--data",
                                   file + ":y", "--sum", "--at", "0,1"});
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    return json::parse(outcome.out)["best"];
  };
  const json cpu = sum_on("cpu"), cuda = sum_on("cuda");
  EXPECT_NEAR(cuda["x"][0].get<double>(), 1.5, 1e-6);
  EXPECT_NEAR(cuda["value"].get<double>(), cpu["value"].get<double>(), 1e-9);
}

}  // namespace
}  // namespace nabla::test
