#include "cli_answers.hpp"

#include <gtest/gtest.h>

#include <nabla/npy.hpp>

#include <cmath>
#include <cstdlib>
#include <limits>

// The command line's answers but for nabla check (cli_check_test.cpp). What it refuses is in cli_refusals_test.cpp.

namespace nabla::test {
namespace {

/// nabla eval on the CPU.
json eval(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"eval", "--executor", "cpu"});
  return answer(arguments);
}

std::vector<std::string> keys_of(const json& object) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : object.items()) keys.push_back(key);
  return keys;
}

TEST(Eval, HasEveryKeyOfTheContract) {
  const json all = eval({"--function", "rosenbrock", "--dimension", "2", "--random", "1000", "--threads", "2"});
  for (const char* const key :
       {"command", "version", "executor", "precision", "seconds", "function", "variables", "dimension", "count",
        "layout", "points_per_second", "bytes_per_second", "value", "gradient_norm", "nonfinite"}) {
    EXPECT_TRUE(all.contains(key)) << key;
  }
  EXPECT_EQ(all["command"], "eval");
  EXPECT_EQ(all["executor"]["kind"], "cpu");
  EXPECT_EQ(all["executor"]["threads"], 2);
  EXPECT_TRUE(all["executor"]["name"].is_string());
  EXPECT_EQ(all["precision"], "f64");
  EXPECT_EQ(all["function"], "rosenbrock");
  EXPECT_EQ(all["variables"], (json{"x[1]", "x[2]"}));
  EXPECT_EQ(all["dimension"], 2);
  EXPECT_EQ(all["count"], 1000);
  EXPECT_EQ(keys_of(all["value"]), keys_of({{"min", 0}, {"max", 0}, {"mean", 0}, {"argmin", 0}, {"argmax", 0}}));
  for (const char* const key : {"l1", "l2", "linf", "max_point_l2", "mean_point_l2", "argmax"}) {
    EXPECT_TRUE(all["gradient_norm"][key].is_number()) << key;
  }
  EXPECT_EQ(all["nonfinite"], (json{{"count", 0}, {"first", nullptr}}));
  const double seconds = all["seconds"];
  EXPECT_NEAR(all["bytes_per_second"].get<double>() * seconds, 1000 * 5 * 8, 1);
  EXPECT_NEAR(all["points_per_second"].get<double>() * seconds, 1000, 0.1);
}

TEST(Eval, GivesTheWorkedExamples) {
  const json booth = eval({"--function", "booth", "--at", "0,0", "--at=1,3", "--hessian", "--direction", "-1,0"});
  const json& start = booth["points"][0];
  EXPECT_EQ(start["x"], (json{0, 0}));
  EXPECT_EQ(start["value"], 74);
  EXPECT_EQ(start["gradient"], (json{-34, -38}));
  EXPECT_EQ(start["directional_derivative"], 34);
  EXPECT_DOUBLE_EQ(start["steepest_ascent"][0], -34 / std::sqrt(2600.0));
  EXPECT_DOUBLE_EQ(start["steepest_ascent"][1], -38 / std::sqrt(2600.0));
  EXPECT_EQ(start["hessian"], (json{{10, 8}, {8, 10}}));
  EXPECT_FALSE(start.contains("classification"));
  const json& minimum = booth["points"][1];
  EXPECT_EQ(minimum["value"], 0);
  EXPECT_EQ(minimum["gradient"], (json{0, 0}));
  EXPECT_TRUE(minimum["steepest_ascent"].is_null());
  EXPECT_EQ(minimum["classification"], "minimum");
  EXPECT_EQ(booth["value"]["argmin"], 1);

  const json saddle = eval({"--function", "saddle", "--at", "0,0", "--hessian"})["points"][0];
  EXPECT_EQ(saddle["classification"], "saddle");
  EXPECT_NEAR(saddle["eigenvalues"][0].get<double>(), -2, 1e-14);
  EXPECT_NEAR(saddle["eigenvalues"][1].get<double>(), 2, 1e-14);
  EXPECT_EQ(eval({"--function", "monkey_saddle", "--at", "0,0", "--hessian"})["points"][0]["classification"],
            "undecided");
  EXPECT_EQ(eval({"--function", "sphere", "--at", "3", "--value-only"})["points"][0], (json{{"x", {3}}, {"value", 9}}));
}

TEST(Eval, ClassifiesAPointThatIsKnownToSixDigits) {
  const auto classification = [](const char* point, const char* precision) {
    const json at =
        eval({"--function", "himmelblau", "--at", point, "--hessian", "--precision", precision})["points"][0];
    return at.value("classification", "none");
  };
  EXPECT_EQ(classification("3,2", "f64"), "minimum");
  EXPECT_EQ(classification("3.584428,-1.848127", "f64"), "minimum");
  EXPECT_EQ(classification("-0.270845,-0.923039", "f64"), "maximum");
  EXPECT_EQ(classification("3.385154,0.073852", "f64"), "saddle");
  EXPECT_EQ(classification("3.39,0.07", "f64"), "none");
  EXPECT_EQ(classification("3.3852,0.0739", "f32"), "saddle");
}

TEST(Eval, FindsTheEigenvaluesOfALargerHessian) {
  // Of weighted squares the Hessian is 2 diag(1 … n).
  const json point = eval({"--function", "weighted_squares", "--at", "0,0,0,0,0,0", "--hessian"})["points"][0];
  for (int i = 0; i < 6; ++i)
    EXPECT_NEAR(point["eigenvalues"][static_cast<std::size_t>(i)].get<double>(), 2 * (i + 1), 1e-13);
  // Of Trid it is tridiagonal, 2 on the diagonal and -1 beside it: 2 - 2 cos(k pi / (n + 1)).
  const json trid = eval({"--function", "trid", "--at", "1,2,3,4,5,6,7", "--hessian"})["points"][0];
  for (int k = 1; k <= 7; ++k) {
    EXPECT_NEAR(trid["eigenvalues"][static_cast<std::size_t>(k - 1)].get<double>(), 2 - 2 * std::cos(k * M_PI / 8),
                1e-13);
  }
}

TEST(Eval, SumsAFormulaOverRowsOfData) {
  const Folder folder;
  const std::string file = folder / "rows.npy";
  const std::vector<double> rows{0.5, -1, 1, 2, 0.25, -1, -0.75, 3, 1, 0.125, 1, -1};
  nabla::write_npy(file, rows.data(), {4, 3}, false);
  const std::string loss = "log(1+exp(-y*(a*u+b*v+c)))";
  const json fit = eval({"--formula", loss, "--data", file + ":u,v,y", "--sum", "--at", "0.1,0.2,0.3", "--hessian"});
  long double value = 0, gradient[3] = {}, hessian[3][3] = {};
  for (std::size_t e = 0; e < 4; ++e) {
    const long double with[3] = {rows[3 * e], rows[3 * e + 1], 1}, y = rows[3 * e + 2];
    const long double power = std::exp(-y * (0.1L * with[0] + 0.2L * with[1] + 0.3L)), part = power / (1 + power);
    value += std::log(1 + power);
    for (int i = 0; i < 3; ++i) {
      gradient[i] -= y * part * with[i];
      for (int j = 0; j < 3; ++j) hessian[i][j] += part * (1 - part) * with[i] * with[j];
    }
  }
  EXPECT_EQ(fit["variables"], (json{"a", "b", "c"}));
  EXPECT_EQ(fit["rows"], 4);
  EXPECT_EQ(fit["count"], 1);
  const json& point = fit["points"][0];
  EXPECT_NEAR(point["value"].get<double>(), static_cast<double>(value), 1e-14);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_NEAR(point["gradient"][i].get<double>(), static_cast<double>(gradient[i]), 1e-14);
    for (std::size_t j = 0; j < 3; ++j) {
      EXPECT_NEAR(point["hessian"][i][j].get<double>(), static_cast<double>(hessian[i][j]), 1e-14);
    }
  }
  const json two =
      eval({"--formula", loss, "--data", file + ":u,v,y", "--sum", "--at", "0.1,0.2,0.3", "--at", "0,0,0"});
  EXPECT_EQ(two["points"][0]["gradient"], point["gradient"]);
  EXPECT_NEAR(two["points"][1]["value"].get<double>(), 4 * std::log(2.0), 1e-14);
}

TEST(Eval, RefusesSumsThatMakeNoSense) {
  const Folder folder;
  const std::string file = folder / "rows.npy";
  nabla::write_npy(file, std::vector<double>(6).data(), {3, 2}, false);
  const auto refused = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments{"eval", "--executor", "cpu"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Outcome outcome = nabla(arguments);
    EXPECT_EQ(outcome.status, 2);
    return outcome.err;
  };
  EXPECT_EQ(refused({"--formula", "u*a", "--sum", "--at", "1"}), "nabla eval: --sum: needs --data FILE.npy:A,B,...\n");
  EXPECT_EQ(refused({"--formula", "u*a", "--data", file + ":u,v", "--at", "1"}),
            "nabla eval: --data: is for --sum only\n");
  EXPECT_EQ(refused({"--formula", "u*a", "--data", file, "--sum", "--at", "1"}),
            "nabla eval: --data: expected FILE.npy:NAME,NAME,..., found '" + file + "'\n");
  EXPECT_EQ(refused({"--formula", "u*a", "--data", file + ":u", "--sum", "--at", "1"}),
            "nabla eval: --data: expected a name for each of 2 columns, found 1\n");
  EXPECT_EQ(refused({"--formula", "u*a", "--data", file + ":u,v", "--sum", "--random", "9"}),
            "nabla eval: --sum: can't go with --random\n");
  EXPECT_EQ(refused({"--function", "booth", "--data", file + ":u,v", "--sum", "--at", "1,2"}),
            "nabla eval: --sum: is for formulas only\n");
}

TEST(Eval, RoundTripsNumbers) {
  const json point = eval({"--function", "sphere", "--at", "0.1,1e-300,-1e200"})["points"][0];
  EXPECT_EQ(point["x"], (json{0.1, 1e-300, -1e200}));
  EXPECT_EQ(point["value"], "inf");
  EXPECT_EQ(point["gradient"], (json{0.2, 2e-300, -2e200}));
  EXPECT_EQ(eval({"--function", "sphere", "--at", "-inf"})["points"][0]["gradient"], json{"-inf"});
  const json single = eval({"--function", "sphere", "--at", "0.1", "--precision", "f32"})["points"][0];
  EXPECT_EQ(single["x"][0].get<double>(), static_cast<double>(0.1f));
}

TEST(Eval, CountsPointsThatAreNotFinite) {
  const Folder folder;
  const double nan = std::nan(""), infinity = INFINITY;
  const auto path = folder.put("x.npy", npy_file<double>("(4, 2)", {1, 2, nan, 0, 0, infinity, 3, 1}));
  const json all = eval({"--function", "booth", "--points", path});
  EXPECT_EQ(all["nonfinite"], (json{{"count", 2}, {"first", 1}}));
  EXPECT_EQ(all["value"]["argmin"], 0);
  const json at = eval({"--function", "booth", "--at", "nan,1", "--hessian"});
  EXPECT_EQ(at["points"][0]["x"][0], "nan");
  EXPECT_EQ(at["points"][0]["value"], "nan");
  EXPECT_TRUE(at["points"][0]["steepest_ascent"].is_null());
  EXPECT_EQ(at["value"]["min"], "nan");
  EXPECT_TRUE(at["value"]["argmin"].is_null());
}

TEST(Eval, AnEmptyBatchHasNoStatistics) {
  const Folder folder;
  for (const char* const shape : {"(0, 2)", "(0,)"}) {
    const auto path = folder.put("x.npy", npy_file<double>(shape, {}));
    const json all = eval({"--function", "sphere", "--points", path, "--out-gradient", folder / "g.npy"});
    EXPECT_EQ(all["count"], 0);
    for (const char* const key : {"min", "max", "mean", "argmin", "argmax"}) EXPECT_TRUE(all["value"][key].is_null());
    for (const auto& [key, value] : all["gradient_norm"].items()) EXPECT_TRUE(value.is_null()) << key;
    EXPECT_EQ(all["nonfinite"]["count"], 0);
    EXPECT_TRUE(std::filesystem::exists(folder / "g.npy"));
  }
  EXPECT_EQ(eval({"--function", "booth", "--random", "0"})["count"], 0);
}

TEST(Eval, KeepsTheOrderAndThePrecisionOfTheInput) {
  const Folder folder;
  const std::vector<std::string> outputs{"--hessian",         "--direction",    "0,1",
                                         "--out-value",       folder / "v.npy", "--out-gradient",
                                         folder / "g.npy",    "--out-hessian",  folder / "h.npy",
                                         "--out-directional", folder / "d.npy"};
  const auto evaluate = [&](const std::string& file) {
    std::vector<std::string> arguments{"--function", "booth", "--points", folder.put("x.npy", file)};
    arguments.insert(arguments.end(), outputs.begin(), outputs.end());
    return eval(arguments);
  };
  // f = (x + 2y - 7)^2 + (2x + y - 5)^2 at (1, 2), (0, 0), (1, 3): gradient (10x + 8y - 34, 8x + 10y - 38).
  EXPECT_EQ(evaluate(npy_file<double>("(3, 2)", {1, 2, 0, 0, 1, 3}))["layout"], "point-major");
  EXPECT_EQ(numbers_of<double>(read_file(folder / "v.npy")), (std::vector<double>{5, 74, 0}));
  EXPECT_EQ(dictionary_of(read_file(folder / "v.npy")), "{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }");
  EXPECT_EQ(numbers_of<double>(read_file(folder / "g.npy")), (std::vector<double>{-8, -10, -34, -38, 0, 0}));
  EXPECT_EQ(dictionary_of(read_file(folder / "g.npy")), "{'descr': '<f8', 'fortran_order': False, 'shape': (3, 2), }");
  EXPECT_EQ(numbers_of<double>(read_file(folder / "h.npy")),
            (std::vector<double>{10, 8, 8, 10, 10, 8, 8, 10, 10, 8, 8, 10}));
  EXPECT_EQ(dictionary_of(read_file(folder / "h.npy")),
            "{'descr': '<f8', 'fortran_order': False, 'shape': (3, 2, 2), }");
  EXPECT_EQ(numbers_of<double>(read_file(folder / "d.npy")), (std::vector<double>{-10, -38, 0}));

  EXPECT_EQ(evaluate(npy_file<float>("(3, 2)", {1, 0, 1, 2, 0, 3}, true))["layout"], "component-major");
  EXPECT_EQ(numbers_of<float>(read_file(folder / "g.npy")), (std::vector<float>{-8, -34, 0, -10, -38, 0}));
  EXPECT_EQ(dictionary_of(read_file(folder / "g.npy")), "{'descr': '<f4', 'fortran_order': True, 'shape': (3, 2), }");
  EXPECT_EQ(numbers_of<float>(read_file(folder / "h.npy")),
            (std::vector<float>{10, 10, 10, 8, 8, 8, 8, 8, 8, 10, 10, 10}));
  EXPECT_EQ(dictionary_of(read_file(folder / "h.npy")),
            "{'descr': '<f4', 'fortran_order': True, 'shape': (3, 2, 2), }");
  EXPECT_EQ(folder.files().size(), 5u);
}

TEST(Eval, ReadsOneVariableAndConvertsOnRequest) {
  const Folder folder;
  const auto path = folder.put("x.npy", npy_file<double>("(3,)", {1, -2, 0.5}));
  const json all =
      eval({"--function", "sphere", "--points", path, "--precision", "f32", "--out-gradient", folder / "g.npy"});
  EXPECT_EQ(all["precision"], "f32");
  EXPECT_EQ(all["dimension"], 1);
  EXPECT_EQ(numbers_of<float>(read_file(folder / "g.npy")), (std::vector<float>{2, -4, 1}));
}

TEST(Eval, RandomPointsDependOnTheSeedAlone) {
  const auto values = [](const std::string& threads, const std::string& count, const std::string& seed) {
    json all = eval({"--function", "ackley", "--dimension", "3", "--random", count, "--box", "-2:3", "--seed", seed,
                     "--threads", threads});
    return json{all["value"], all["gradient_norm"]};
  };
  EXPECT_EQ(values("1", "20000", "7"), values("3", "2e4", "7"));
  EXPECT_EQ(values("1", "20_000", "7"), values("2", "20000", "7"));
  EXPECT_NE(values("1", "20000", "7"), values("1", "20000", "8"));
  // The default box is the function's own.
  EXPECT_EQ(eval({"--function", "booth", "--random", "100"})["value"],
            eval({"--function", "booth", "--random", "100", "--box=-10:10"})["value"]);
}

TEST(Eval, WarnsAboutTrailingBytes) {
  const Folder folder;
  const auto path = folder.put("x.npy", npy_file<double>("(2,)", {1, 2}) + "xyz");
  const Outcome outcome = nabla({"eval", "--function", "sphere", "--points", path});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.err, "nabla eval: warning: " + path + ": 3 bytes after the array are ignored\n");
  EXPECT_EQ(nabla({"eval", "--function", "sphere", "--points", path, "--quiet"}).err, "");
}

TEST(Eval, GivesTheSameOnEveryExecutor) {
  if (const std::string reason = why_no_cuda(); !reason.empty()) GTEST_SKIP() << "no CUDA: " << reason;
  const json answers[] = {answer({"eval", "--executor", "cpu", "--function", "booth", "--at", "0,0", "--hessian"}),
                          answer({"eval", "--executor", "cuda", "--function", "booth", "--at", "0,0", "--hessian"})};
  EXPECT_EQ(answers[1]["executor"]["kind"], "cuda");
  EXPECT_EQ(answers[1]["executor"]["device"], 0);
  EXPECT_TRUE(answers[1]["transfer_seconds"].is_number());
  EXPECT_EQ(answers[0]["points"], answers[1]["points"]);
  EXPECT_EQ(answer({"info"})["formulas"]["cuda"]["reason"], "");
  const std::vector<std::string> formula{"eval", "--formula", "x^2*y + a", "--param",
                                         "a=3",  "--at",      "2,5",       "--executor"};
  const auto on = [&](const char* where) {
    auto arguments = formula;
    arguments.emplace_back(where);
    return answer(arguments);
  };
  EXPECT_EQ(on("cpu")["points"], on("cuda")["points"]);
  EXPECT_EQ(on("auto")["executor"]["kind"], "cuda");
  const Folder folder;
  const std::string file = folder / "rows.npy";
  nabla::write_npy(file, std::vector<double>{1, 2, 3, 4, 5, 6}.data(), {3, 2}, false);
  const auto sum_on = [&](const std::string& where, const std::string& precision) {
    return answer({"eval", "--formula", "(a*u - v)^2 + b^2*u", "--data", file + ":u,v", "--sum", "--at", "2,1", "--at",
                   "0,-3", "--hessian", "--executor", where, "--precision", precision});
  };
  for (const std::string precision : {"f32", "f64"}) {
    const json sum = sum_on("cuda", precision);
    EXPECT_EQ(sum["executor"]["kind"], "cuda");
    EXPECT_TRUE(sum["transfer_seconds"].is_number());
    EXPECT_EQ(sum["points"][0]["value"], 0 + 4 + 16 + 9);
    EXPECT_EQ(sum["points"], sum_on("cpu", precision)["points"]);
  }
}

TEST(Eval, TakesTheExecutorFromTheEnvironmentForAutoOnly) {
  const std::vector<std::string> booth{"eval", "--function", "booth", "--at", "0,0", "--json"};
  EXPECT_EQ(json::parse(nabla(booth, {"NABLA_EXECUTOR=cpu"}).out)["executor"]["kind"], "cpu");
  const Outcome wrong = nabla(booth, {"NABLA_EXECUTOR=gpu"});
  EXPECT_EQ(wrong.status, 2);
  EXPECT_NE(wrong.err.find("NABLA_EXECUTOR: an executor is auto, cpu, cuda or cuda:K"), std::string::npos) << wrong.err;
  std::vector<std::string> explicit_cpu = booth;
  explicit_cpu.insert(explicit_cpu.end(), {"--executor", "cpu"});
  EXPECT_EQ(nabla(explicit_cpu, {"NABLA_EXECUTOR=gpu"}).status, 0);
}

TEST(Functions, ListsEachWithItsMinimum) {
  const json all = answer({"functions"});
  EXPECT_GE(all["functions"].size(), 25u);
  for (const json& function : all["functions"]) {
    const std::string name = function["name"];
    if (function["minimum"].is_null()) continue;
    std::string at;
    for (const json& x : function["minimum"]["x"]) at += (at.empty() ? "" : ",") + x.dump();
    const json point = eval({"--function", name, "--at", at})["points"][0];
    const double value = function["minimum"]["value"];
    EXPECT_NEAR(point["value"].get<double>(), value, 1e-4 * std::max(1.0, std::abs(value))) << name;
  }
  const json one = answer({"functions", "powell"})["functions"];
  ASSERT_EQ(one.size(), 1u);
  EXPECT_EQ(one[0]["dimension"]["rule"], "n = 4, 8, 12, ...");
}

TEST(Info, TellsMachineAndBuild) {
  const json all = answer({"info", "--threads", "1"});
  EXPECT_EQ(all["cpu"]["threads"], 1);
  EXPECT_GT(all["cpu"]["copy_bytes_per_second"].get<double>(), 1e8);
  EXPECT_GE(all["cpu"]["simd"]["lanes_f32"].get<int>(), all["cpu"]["simd"]["lanes_f64"].get<int>());
  EXPECT_EQ(all["cuda"]["available"].get<bool>(), all["cuda"]["reason"] == "");
  for (const char* const key : {"nabla", "compiler", "xsimd", "openmp", "cuda_runtime"}) {
    EXPECT_TRUE(all["versions"].contains(key)) << key;
  }
}

TEST(CommandLine, TablesHelpAndVersion) {
  EXPECT_EQ(nabla({"--version"}).out, "nabla " NABLA_VERSION "\n");
  EXPECT_NE(nabla({"--help"}).out.find("eval"), std::string::npos);
  EXPECT_NE(nabla({"--help"}).out.find("check"), std::string::npos);
  for (const char* const command : {"eval", "check", "functions", "info"}) {
    const Outcome help = nabla({command, "--help"});
    EXPECT_EQ(help.status, 0);
    EXPECT_NE(help.out.find("\nexample:\n  nabla " + std::string(command)), std::string::npos);
    const bool has_points = command == std::string("eval") || command == std::string("check");
    EXPECT_EQ(nabla({command, "--quiet", has_points ? "--function=booth" : "--precision=f64",
                     has_points ? "--at=0,0" : "--threads=1"})
                  .out,
              "");
  }
  const std::string table = nabla({"eval", "--function", "booth", "--at", "1,3", "--hessian"}).out;
  EXPECT_NE(table.find("booth of 2 variables at 1 point, f64, point-major"), std::string::npos) << table;
  EXPECT_NE(table.find("critical point     minimum"), std::string::npos) << table;
}

}  // namespace
}  // namespace nabla::test
