#include "cli_quadratics.hpp"

#include <gtest/gtest.h>

// nabla quadratic: closed forms, every way to state a problem, and reports that are true. How it ends early and goes on
// is in cli_quadratic_ends_test.cpp, what it refuses in cli_quadratic_refusals_test.cpp.

namespace nabla::test {
namespace {

/// To a tolerance that floats alone can't meet.
TEST(Quadratic, MixedPrecisionMeetsItsToleranceInDouble) {
  const Folder folder;
  const Symmetric a = scattered(200);
  const std::vector<double> b = some_numbers(200);
  const json all = quadratic({"--matrix", folder.put("a.mtx", a.text()), "--rhs", folder.put("b.npy", vector_file(b)),
                              "--mixed-precision", "--relative-tolerance", "1e-12", "--out-x", folder / "x.npy"});
  EXPECT_EQ(all["status"], "converged");
  EXPECT_EQ(all["precision"], "f64");
  EXPECT_EQ(all["mixed_precision"], true);
  EXPECT_LE(residual(a, numbers_of<double>(read_file(folder / "x.npy")), b), 1.01e-12);
}

TEST(Quadratic, HasEveryKeyOfTheContractAndTheClosedForm) {
  const Folder folder;
  constexpr std::size_t n = 50;
  const json all = quadratic({"--laplacian", "1d:50", "--threads", "2", "--out-x", folder / "x.npy"});
  EXPECT_EQ(all["command"], "quadratic");
  EXPECT_EQ(all["version"], NABLA_VERSION);
  EXPECT_EQ(all["executor"]["kind"], "cpu");
  EXPECT_EQ(all["executor"]["threads"], 2);
  EXPECT_EQ(all["precision"], "f64");
  EXPECT_EQ(all["matrix"], "1d:50");
  EXPECT_EQ(all["unknowns"], n);
  EXPECT_EQ(all["nonzeros"], 3 * n - 2);
  EXPECT_EQ(all["format"], "3 patterns of rows in 3 runs");
  EXPECT_EQ(all["method"], "conjugate-gradient");
  EXPECT_EQ(all["mixed_precision"], false);
  EXPECT_EQ(all["status"], "converged");
  EXPECT_LE(all["iterations"], n / 2 + 1);  // the solution is symmetric
  EXPECT_LE(all["relative_residual"], 1e-8);
  EXPECT_NEAR(all["value"].get<double>(), -50.0 * 51 * 52 / 24, 1e-9);
  EXPECT_NEAR(all["gradient_norm"].get<double>(), all["relative_residual"].get<double>() * std::sqrt(50), 1e-15);
  for (const char* const key :
       {"seconds", "load_seconds", "seconds_per_iteration", "bytes_per_second", "evaluations"}) {
    EXPECT_GT(all[key], 0) << key;
  }
  EXPECT_FALSE(all.contains("iteration") || all.contains("curvature") || all.contains("transfer_seconds"));
  const std::string file = read_file(folder / "x.npy");
  EXPECT_EQ(dictionary_of(file), "{'descr': '<f8', 'fortran_order': False, 'shape': (50,), }");
  const std::vector<double> x = numbers_of<double>(file);
  ASSERT_EQ(x.size(), n);
  for (std::size_t i = 0; i < n; ++i) {
    EXPECT_NEAR(x[i], static_cast<double>((i + 1) * (n - i)) / 2, 1e-6) << i;
  }
}

TEST(Quadratic, EveryMethodReachesTheSame) {
  const Folder folder;
  const Symmetric a = scattered(200);
  const std::string matrix = folder.put("a.mtx", a.text());
  const std::vector<double> b = some_numbers(200);
  const std::string rhs = folder.put("b.npy", vector_file(b));
  for (const std::string& method : all_methods()) {
    for (const std::string preconditioner : {"none", "jacobi", "block-jacobi", "block_jacobi", "ic0", "chebyshev"}) {
      const bool has_one = method == "conjugate-gradient" || method == "chebyshev" || method == "steepest";
      if (preconditioner != "none" && !has_one) continue;
      if (preconditioner == "chebyshev" && method == "chebyshev") continue;
      const json all = quadratic({"--matrix", matrix, "--rhs", rhs, "--method", method, "--preconditioner",
                                  preconditioner, "--relative-tolerance", "1e-10", "--out-x", folder / "x.npy"});
      SCOPED_TRACE(all.dump());
      EXPECT_EQ(all["method"], method);
      EXPECT_EQ(all["preconditioner"], preconditioner == "block_jacobi" ? "block-jacobi" : preconditioner);
      EXPECT_EQ(all["status"], "converged");
      const std::vector<double> x = numbers_of<double>(read_file(folder / "x.npy"));
      EXPECT_LE(residual(a, x, b), 1.01e-10);
      EXPECT_NEAR(all["relative_residual"].get<double>(), residual(a, x, b), 1e-12);
      EXPECT_NEAR(all["value"].get<double>(), value(a, x, b), 1e-12);
    }
  }
}

// Of what is written, also where it ended before the end.
TEST(Quadratic, ReportsAreTrue) {
  const Folder folder;
  for (const auto& [name, extents, a] : {std::tuple{"line", "1d:300", grid(300)}, {"grid", "2d:40,30", grid(40, 30)}}) {
    const std::vector<double> b = some_numbers(a.size);
    const std::string rhs = folder.put("b.npy", vector_file(b));
    for (const char* const most : {"0", "1", "7", "100000"}) {
      for (const char* const method : {"conjugate-gradient", "chebyshev", "barzilai-borwein", "lbfgs"}) {
        const Outcome outcome =
            nabla({"quadratic", "--executor", "cpu", "--laplacian", extents, "--rhs", rhs, "--max-iterations", most,
                   "--method", method, "--out-x", folder / "x.npy", "--json"});
        SCOPED_TRACE(std::string(name) + ": " + outcome.out + outcome.err);
        const json all = json::parse(outcome.out);
        const std::vector<double> x = numbers_of<double>(read_file(folder / "x.npy"));
        const double expected = residual(a, x, b);
        EXPECT_NEAR(all["relative_residual"].get<double>(), expected, 1e-12 * (1 + expected));
        const double true_value = value(a, x, b);
        EXPECT_NEAR(all["value"].get<double>(), true_value, 1e-12 * (1 + std::fabs(true_value)));
        EXPECT_EQ(outcome.status, all["status"] == "converged" ? 0 : 1);
        EXPECT_EQ(all["status"] == "converged", all["relative_residual"] <= 1e-8);
      }
    }
  }
}

TEST(Quadratic, DiagonalMatrices) {
  const Folder folder;
  const std::vector<double> d{1, 2, 4, 8, 0.1};
  const std::vector<std::string> of{"--diagonal", folder.put("d.npy", vector_file(d)), "--out-x", folder / "x.mtx"};
  const auto expect_x = [&](const std::vector<double>& b, double tolerance) {
    const std::vector<double> x = vector_of_text(read_file(folder / "x.mtx"));
    ASSERT_EQ(x.size(), d.size());
    for (std::size_t i = 0; i < d.size(); ++i) EXPECT_NEAR(x[i], b[i] / d[i], tolerance * std::fabs(b[i] / d[i]));
  };
  const json plain = quadratic(of);
  EXPECT_EQ(plain["nonzeros"], 5);
  EXPECT_EQ(plain["format"], "1 diagonal of 64-bit numbers");
  expect_x(ones(5), 1e-7);
  // Preconditioned, one step is enough.
  EXPECT_EQ(quadratic(of + std::vector<std::string>{"--preconditioner", "jacobi"})["iterations"], 1);
  const std::vector<double> b{3, -1, 0.5, 2, 7};
  quadratic(of + std::vector<std::string>{"--rhs", folder.put("b.mtx", vector_text(b))});
  expect_x(b, 1e-7);
  EXPECT_EQ(quadratic({"--diagonal", folder.put("d.mtx", vector_text(d))})["value"], plain["value"]);
  const json column = quadratic({"--diagonal", folder.put("c.npy", npy_file<double>("(5, 1)", d))});
  EXPECT_EQ(column["value"], plain["value"]);
}

TEST(Quadratic, EveryFormatIsTheSameMatrix) {
  const Folder folder;
  const std::string matrix = folder.put("a.mtx", grid(30, 20).text());
  const std::vector<std::pair<const char*, const char*>> formats{{"auto", "9 patterns of rows in 60 runs"},
                                                                 {"patterns", "9 patterns of rows in 60 runs"},
                                                                 {"rows", "rows (CSR) of 64-bit numbers"},
                                                                 {"diagonals", "3 diagonals of 32-bit numbers"}};
  const json free = quadratic({"--laplacian", "2d:30,20"});
  for (const auto& [name, description] : formats) {
    const json all = quadratic({"--matrix", matrix, "--format", name});
    EXPECT_EQ(all["format"], description);
    EXPECT_EQ(all["nonzeros"], free["nonzeros"]);
    EXPECT_EQ(all["iterations"], free["iterations"]) << name;
    EXPECT_NEAR(all["value"].get<double>(), free["value"].get<double>(), 1e-9) << name;
  }
  EXPECT_EQ(quadratic({"--laplacian", "3d:4,5,6"})["nonzeros"], 120 + 2 * (3 * 5 * 6 + 4 * 4 * 6 + 4 * 5 * 5));
}

TEST(Quadratic, StartsWhereItIsTold) {
  const Folder folder;
  constexpr std::size_t n = 40;
  std::vector<double> solution(n);
  for (std::size_t i = 0; i < n; ++i) solution[i] = static_cast<double>((i + 1) * (n - i)) / 2;
  for (const std::string& start :
       {folder.put("x0.npy", vector_file(solution)), folder.put("x0.mtx", vector_text(solution))}) {
    const json all = quadratic({"--laplacian", "1d:40", "--x0", start});
    EXPECT_EQ(all["iterations"], 0);
    EXPECT_EQ(all["relative_residual"], 0);
    EXPECT_EQ(all["value"], -40.0 * 41 * 42 / 24);
  }
  // Zeros at the right: relative to the gradient at the start.
  const std::string zeros = folder.put("b.npy", vector_file(std::vector<double>(n, 0.0)));
  EXPECT_EQ(quadratic({"--laplacian", "1d:40", "--rhs", zeros})["iterations"], 0);
  const json home = quadratic({"--laplacian", "1d:40", "--rhs", zeros, "--x0", folder / "x0.npy"});
  EXPECT_EQ(home["status"], "converged");
  EXPECT_LE(home["relative_residual"], 1e-8);
  EXPECT_NEAR(home["value"].get<double>(), 0, 1e-9);
}

TEST(Quadratic, HasThePrecisionOfItsFiles) {
  const Folder folder;
  const std::vector<float> d{1, 2, 4};
  const json all =
      quadratic({"--diagonal", folder.put("d.npy", npy_file<float>("(3,)", d)), "--out-x", folder / "x.npy"});
  EXPECT_EQ(all["precision"], "f32");
  EXPECT_LE(all["relative_residual"], 1e-4);
  EXPECT_EQ(dictionary_of(read_file(folder / "x.npy")), "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }");
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_NEAR(numbers_of<float>(read_file(folder / "x.npy"))[i], 1 / d[i], 1e-4F);
  }
  EXPECT_EQ(quadratic({"--laplacian", "1d:3", "--rhs", folder / "d.npy"})["precision"], "f32");
  EXPECT_EQ(quadratic({"--laplacian", "1d:3", "--rhs", folder / "d.npy", "--precision", "f64"})["precision"], "f64");
  const json single = quadratic({"--laplacian", "1d:30", "--precision", "f32"});
  EXPECT_NEAR(single["value"].get<double>(), -30.0 * 31 * 32 / 24, 0.5);
}

TEST(Quadratic, WarnsOfWhatItMayHaveMisread) {
  const Folder folder;
  const auto warning = [](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"quadratic", "--executor", "cpu", "--json"});
    const Outcome outcome = nabla(arguments);
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    return outcome.err;
  };
  const std::string file = folder.put("d.npy", vector_file({1, 2, 4}) + "more");
  const std::string line = "nabla quadratic: warning: " + file + ": 4 bytes after the array are ignored\n";
  EXPECT_EQ(warning({"--diagonal", file}), line);
  EXPECT_EQ(warning({"--laplacian", "1d:3", "--rhs", file}), line);
  EXPECT_EQ(warning({"--laplacian", "1d:3", "--x0", file}), line);
  EXPECT_EQ(warning({"--diagonal", file, "--quiet"}), "");
  const std::string twice =
      folder.put("a.mtx", "%%MatrixMarket matrix coordinate real symmetric\n2 2 4\n1 1 4\n2 2 4\n2 1 1\n1 2 1\n");
  EXPECT_EQ(warning({"--matrix", twice}),
            "nabla quadratic: warning: " + twice +
                ": it has entries on both sides of the diagonal, which add up to twice what is meant where it repeats "
                "them\n");
}

TEST(Quadratic, WritesItsHistory) {
  const Folder folder;
  const json all = quadratic({"--laplacian", "2d:20,20", "--history", folder / "h.csv"});
  std::istringstream lines(read_file(folder / "h.csv"));
  std::string line;
  std::getline(lines, line);
  EXPECT_EQ(line, "iteration,value,gradient_norm,seconds");
  std::int64_t count = 0;
  double value = 0, norm = 20, seconds = 0;
  for (; std::getline(lines, line); ++count) {
    std::array<double, 4> numbers{};
    std::istringstream fields(line);
    for (double& number : numbers) {
      std::string field;
      ASSERT_TRUE(std::getline(fields, field, ','));
      number = std::stod(field);
    }
    EXPECT_EQ(numbers[0], count);
    EXPECT_TRUE(count > 0 || (numbers[1] == 0 && numbers[2] == 20)) << line;
    EXPECT_LE(numbers[1], value + 1e-9);
    EXPECT_GE(numbers[3], seconds);
    value = numbers[1];
    norm = numbers[2];
    seconds = numbers[3];
  }
  EXPECT_EQ(count, all["iterations"].get<std::int64_t>() + 1);
  EXPECT_NEAR(value, all["value"].get<double>(), 1e-9);
  EXPECT_NEAR(norm, all["gradient_norm"].get<double>(), 1e-12);
}

TEST(Quadratic, StepsAndEigenvaluesAreTheCallers) {
  const Folder folder;
  const std::vector<std::string> of{"--diagonal", folder.put("d.npy", vector_file({1, 3})), "--out-x",
                                    folder / "x.npy"};
  // From 0, k steps of t bring x to (1 - (1 - t d)^k) / d.
  quadratic(of + std::vector<std::string>{"--method", "gradient", "--step", "0.25", "--max-iterations", "5"}, 1);
  const std::vector<double> x = numbers_of<double>(read_file(folder / "x.npy"));
  EXPECT_NEAR(x[0], 1 - std::pow(0.75, 5), 1e-15);
  EXPECT_NEAR(x[1], (1 - std::pow(0.25, 5)) / 3, 1e-15);
  // With the largest eigenvalue alone it is one by that.
  quadratic(of + std::vector<std::string>{"--method", "gradient", "--largest-eigenvalue", "4", "--max-iterations", "5"},
            1);
  EXPECT_EQ(numbers_of<double>(read_file(folder / "x.npy")), x);
  const json bounds = quadratic(of + std::vector<std::string>{"--method", "chebyshev", "--smallest-eigenvalue", "1",
                                                              "--largest-eigenvalue", "3"});
  EXPECT_LE(bounds["evaluations"], bounds["iterations"].get<std::int64_t>() + 4);  // none to find them
  EXPECT_EQ(quadratic(of + std::vector<std::string>{"--method", "gradient", "--step", "1"}, 1)["status"], "diverged");
}

TEST(Quadratic, ThreadsChangeNoBit) {
  const Folder folder;
  for (const char* const method : {"conjugate-gradient", "chebyshev", "lbfgs"}) {
    const auto x = [&](const char* threads) {
      quadratic({"--laplacian", "2d:150,151", "--method", method, "--max-iterations", "40", "--threads", threads,
                 "--out-x", folder / "x.npy"},
                1);
      return read_file(folder / "x.npy");
    };
    const std::string one = x("1");
    EXPECT_EQ(one, x("2")) << method;
    EXPECT_EQ(one, x("5")) << method;
  }
}

TEST(Quadratic, TellsPeople) {
  const auto table = [](std::vector<std::string> arguments, int status) {
    const Outcome outcome = nabla(std::vector<std::string>{"quadratic", "--executor", "cpu"} + arguments);
    EXPECT_EQ(outcome.status, status);
    EXPECT_EQ(outcome.err, "");
    return outcome.out;
  };
  const auto expect_lines = [](const std::string& text, const std::vector<std::string>& lines) {
    for (const std::string& line : lines) EXPECT_NE(text.find(line), std::string::npos) << line << "in\n" << text;
  };
  expect_lines(
      table({"--laplacian", "2d:10,10"}, 0),
      {"quadratic   2d:10,10: 100 unknowns, 460 nonzeros, by conjugate-gradient, f64\n",
       "\nstored as   9 patterns of rows in 30 runs\n", "\nmemory      ", " bytes an unknown, ",
       "\nended       converged: the gradient is within the absolute tolerance\n", " (0 at the start)\n",
       "\nresidual    ", " of the right-hand side, recomputed; gradient norm ", "\nwork        ", "\nran on "});
  expect_lines(table({"--laplacian", "1d:1"}, 0), {": 1 unknown, 1 nonzero, "});
  expect_lines(table({"--laplacian", "2d:10,10", "--max-iterations", "1"}, 1),
               {"\nended       not converged: the limit of iterations is reached\n"});
  EXPECT_EQ(table({"--laplacian", "2d:10,10", "--quiet"}, 0), "");
  EXPECT_EQ(table({"--laplacian", "2d:10,10", "--quiet", "--max-iterations", "1"}, 1), "");
  const std::string help = table({"--help"}, 0);
  expect_lines(help, {"usage: nabla quadratic [options]\n", "\nexample:\n  nabla quadratic --laplacian "});
  std::istringstream lines(help);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 120u) << line;
}

TEST(Quadratic, GivesTheSameOnEveryExecutor) {
  if (const std::string reason = why_no_cuda(); !reason.empty()) GTEST_SKIP() << "no CUDA: " << reason;
  const Folder folder;
  const std::string matrix = folder.put("a.mtx", scattered(200).text());
  for (const std::vector<std::string>& problem :
       {std::vector<std::string>{"--laplacian", "2d:20,20"}, std::vector<std::string>{"--matrix", matrix}}) {
    for (const std::string& method : all_methods()) {
      const auto on = [&](const char* where) {
        return answer(
            std::vector<std::string>{"quadratic", "--executor", where, "--method", method, "--out-x", folder / where} +
            problem);
      };
      const json cpu = on("cpu"), cuda = on("cuda");
      EXPECT_EQ(cuda["executor"]["kind"], "cuda");
      EXPECT_TRUE(cuda["transfer_seconds"].is_number());
      EXPECT_NEAR(cuda["value"].get<double>(), cpu["value"].get<double>(), 1e-6);
    }
  }
}

}  // namespace
}  // namespace nabla::test
