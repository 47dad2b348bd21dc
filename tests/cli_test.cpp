#include "command.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include <cmath>
#include <cstdlib>
#include <limits>

// The command line's answers. What it refuses is in cli_refusals_test.cpp.

namespace nabla::test {
namespace {

using nlohmann::json;

constexpr char program[] = NABLA_PROGRAM;

Outcome nabla(const std::vector<std::string>& arguments, const std::vector<std::string>& environment = {}) {
  return run_program(program, arguments, environment);
}

/// Runs a command that must end with this status, silently, and parses its only line of output.
json answer(std::vector<std::string> arguments, int status = 0) {
  arguments.push_back("--json");
  const Outcome outcome = nabla(arguments);
  EXPECT_EQ(outcome.status, status) << outcome.out << outcome.err;
  EXPECT_EQ(outcome.err, "");
  EXPECT_EQ(std::count(outcome.out.begin(), outcome.out.end(), '\n'), 1);
  return json::parse(outcome.out);
}

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

/// Empty where there is CUDA; that there is none may be a failure.
std::string why_no_cuda() {
  const json cuda = answer({"info"})["cuda"];
  const char* const required = std::getenv("NABLA_REQUIRE_CUDA");
  const bool is_required = required != nullptr && std::string(required) == "1";
  EXPECT_TRUE(cuda["available"] || !is_required) << "CUDA is required: " << cuda["reason"];
  return cuda["reason"];
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

/// nabla check on the CPU; the exit status must be that of the verdict.
json check(std::vector<std::string> arguments, const std::string& verdict) {
  arguments.insert(arguments.begin(), {"check", "--executor", "cpu"});
  const json all = answer(arguments, verdict == "agree" ? 0 : 1);
  EXPECT_EQ(all["verdict"], verdict) << all;
  return all;
}

TEST(Check, HasEveryKeyOfTheContract) {
  const json all =
      check({"--function", "rosenbrock", "--dimension", "3", "--random", "1000", "--threads", "2"}, "agree");
  for (const char* const key : {"command",
                                "version",
                                "executor",
                                "precision",
                                "seconds",
                                "verdict",
                                "max_relative_error",
                                "median_slope",
                                "points_checked",
                                "worst",
                                "nonsmooth",
                                "function",
                                "gradient",
                                "variables",
                                "dimension",
                                "count",
                                "tolerance",
                                "points_not_finite",
                                "points_examined",
                                "components_examined",
                                "disagreeing",
                                "unresolved",
                                "nonsmooth_points",
                                "directions_tried",
                                "linear",
                                "quadratic",
                                "evaluations",
                                "spread",
                                "diagnosis"}) {
    EXPECT_TRUE(all.contains(key)) << key;
  }
  EXPECT_EQ(all["command"], "check");
  EXPECT_EQ(all["executor"]["threads"], 2);
  EXPECT_EQ(all["precision"], "f64");
  EXPECT_EQ(all["function"], "rosenbrock");
  EXPECT_TRUE(all["gradient"].is_null());
  EXPECT_EQ(all["variables"], (json{"x[1]", "x[2]", "x[3]"}));
  EXPECT_EQ(all["count"], 1000);
  EXPECT_EQ(all["points_checked"], 1000);
  EXPECT_EQ(all["points_not_finite"], 0);
  EXPECT_EQ(all["directions_tried"], 4000);
  EXPECT_EQ(all["tolerance"], 1e-8);
  EXPECT_LT(all["max_relative_error"].get<double>(), 1e-8);
  EXPECT_NEAR(all["median_slope"].get<double>(), 2, 0.1);
  EXPECT_EQ(all["spread"], 0);
  EXPECT_TRUE(all["diagnosis"].is_null());
  EXPECT_EQ(all["nonsmooth"], json::array());
  ASSERT_EQ(all["worst"].size(), 10u);
  const json& row = all["worst"][0];
  for (const char* const key :
       {"point", "component", "variable", "x", "analytic", "numeric", "error_bar", "relative_error", "verdict"}) {
    EXPECT_TRUE(row.contains(key)) << key;
  }
  EXPECT_EQ(row["x"].size(), 3u);
  EXPECT_EQ(row["verdict"], "agree");
}

TEST(Check, AgreesWithARightGradient) {
  const std::vector<std::string> saddle{"--formula", "x^2*y + a*sin(x*y)", "--param",
                                        "a=3",       "--gradient",         "2*x*y + a*y*cos(x*y)"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), saddle.begin(), saddle.end());
    return more;
  };
  const json all = check(with({"--gradient", "x^2 + a*x*cos(x*y)", "--random", "500"}), "agree");
  EXPECT_EQ(all["gradient"], (json{"2*x*y + a*y*cos(x*y)", "x^2 + a*x*cos(x*y)"}));
  EXPECT_EQ(all["variables"], (json{"x", "y"}));
  // The same values in other words, without the parameter.
  check(with({"--gradient", "x*(x + 3*cos(y*x))", "--at", "1,2", "--at", "-3,0.5"}), "agree");
  check(with({"--variables", "y,x", "--gradient", "x^2", "--random", "100"}), "disagree");
}

TEST(Check, TakesParametersOfTheGradientAlone) {
  const std::vector<std::string> product{"--formula", "b*x^2*y",    "--param", "a=3",       "--param",
                                         "b=2",       "--gradient", "b*2*x*y", "--gradient"};
  const auto with = [&](const char* second) {
    auto arguments = product;
    arguments.insert(arguments.end(), {second, "--random", "50"});
    return arguments;
  };
  check(with("(a - 1)*x^2"), "agree");
  check(with("a*x^2"), "disagree");
}

TEST(Check, FindsAWrongComponent) {
  const json all = check({"--formula", "x^2*y", "--gradient", "2*x*y", "--gradient", "-x^2", "--random", "100", "--box",
                          "1:2", "--worst", "3"},
                         "disagree");
  EXPECT_EQ(all["diagnosis"], "component y has the wrong sign");
  EXPECT_EQ(all["disagreeing"], 100);
  EXPECT_NEAR(all["median_slope"].get<double>(), 0, 0.1);
  ASSERT_EQ(all["worst"].size(), 3u);
  for (const json& row : all["worst"]) {
    EXPECT_EQ(row["component"], 1);
    EXPECT_EQ(row["variable"], "y");
    EXPECT_EQ(row["verdict"], "disagree");
    const double x = row["x"][0];
    EXPECT_EQ(row["analytic"].get<double>(), -x * x);
    EXPECT_NEAR(row["numeric"].get<double>(), x * x, row["error_bar"].get<double>());
    EXPECT_LT(row["error_bar"].get<double>(), 1e-10);
    EXPECT_GT(row["relative_error"].get<double>(), 0.1);
  }
}

TEST(Check, ChecksGradientsOfBuiltInFunctions) {
  // f = (x + 2y - 7)^2 + (2x + y - 5)^2.
  const std::vector<std::string> booth{"--function", "booth", "--random", "200", "--gradient", "10*x[1] + 8*x[2] - 34",
                                       "--gradient"};
  const auto with = [&](const char* second) {
    auto arguments = booth;
    arguments.emplace_back(second);
    return arguments;
  };
  const json all = check(with("8*x[1] + 10*x[2] - 38"), "agree");
  EXPECT_TRUE(all["median_slope"].is_null());
  EXPECT_GT(all["quadratic"].get<int>(), 780);
  EXPECT_EQ(check(with("8*x[1] + 10*x[2] - 30"), "disagree")["diagnosis"],
            "component x[2] is off by the same number everywhere, 8: a term is missing or too many");
  check({"--formula", "sum(i, 1, n, 2*i*x[i])", "--gradient", "2", "--gradient", "4", "--at", "1,2"}, "agree");
  check({"--formula", "x[1]", "--gradient", "1 + 0*x[1]", "--gradient", "0", "--at", "1,2"}, "agree");
}

TEST(Check, CanNotResolveACornerOrRounding) {
  const json corner = check({"--formula", "abs(x)", "--at", "0", "--at", "1"}, "unresolved");
  EXPECT_EQ(corner["unresolved"], 1);
  EXPECT_EQ(corner["nonsmooth_points"], 1);
  ASSERT_EQ(corner["nonsmooth"].size(), 1u);
  EXPECT_EQ(corner["nonsmooth"][0],
            (json{{"point", 0}, {"component", 0}, {"variable", "x"}, {"x", {0}}, {"left", -1}, {"right", 1}}));
  EXPECT_EQ(corner["worst"][0]["verdict"], "unresolved");
  check({"--formula", "abs(x)", "--gradient", "2", "--at", "0"}, "disagree");

  const json jump = check({"--formula", "where(x > 0, 1, 0)", "--at", "0"}, "unresolved");
  EXPECT_EQ(jump["nonsmooth"][0]["left"], 0);
  EXPECT_EQ(jump["nonsmooth"][0]["right"], "inf");
  // No axis shows the corner: there is none along them.
  const json hidden =
      check({"--formula", "sqrt(abs(x*y))", "--gradient", "0", "--gradient", "0", "--at", "0,0"}, "unresolved");
  EXPECT_TRUE(hidden["nonsmooth"][0]["component"].is_null()) << hidden;
  EXPECT_TRUE(hidden["nonsmooth"][0]["variable"].is_null());

  const json rounding = check({"--formula", "1e10 + x^3", "--at", "1e-3"}, "unresolved");
  EXPECT_EQ(rounding["nonsmooth_points"], 0);
  EXPECT_GT(rounding["worst"][0]["error_bar"].get<double>(), 1e-4);
}

TEST(Check, ChecksAJacobian) {
  const json all = check({"--formula", "x*y; sin(x) + y^2; x/y", "--random", "50", "--box", "1:2"}, "agree");
  EXPECT_EQ(all["outputs"], 3);
  EXPECT_EQ(all["components_examined"], all["points_examined"].get<int>() * 6);
  EXPECT_EQ(all["directions_tried"], 50 * 4 * 3);
  for (const json& row : all["worst"]) {
    EXPECT_GE(row["output"], 0);
    EXPECT_LT(row["output"], 3);
  }
  const json corner = check({"--formula", "x; abs(x)", "--at", "0", "--worst", "1"}, "unresolved");
  EXPECT_EQ(corner["worst"][0]["output"], 1);
}

TEST(Check, TakesPointsFromFilesInTheirPrecision) {
  const Folder folder;
  const double nan = std::nan("");
  const auto doubles = folder.put("d.npy", npy_file<double>("(3, 2)", {1, 2, nan, 0, 3, 1}));
  const json all = check({"--function", "himmelblau", "--points", doubles, "--every-component"}, "agree");
  EXPECT_EQ(all["count"], 3);
  EXPECT_EQ(all["points_checked"], 2);
  EXPECT_EQ(all["points_not_finite"], 1);
  EXPECT_EQ(all["components_examined"], 4);
  const auto floats = folder.put("f.npy", npy_file<float>("(2, 2)", {0.1f, 2, 3, 0.2f}, true));
  const json single = check({"--function", "himmelblau", "--points", floats}, "agree");
  EXPECT_EQ(single["precision"], "f32");
  EXPECT_EQ(single["tolerance"], 1e-4);
  for (const json& row : single["worst"]) {
    EXPECT_EQ(row["x"][0].get<double>(), static_cast<double>(row["point"] == 0 ? 0.1f : 2.f)) << row;
    EXPECT_LT(row["error_bar"].get<double>(), 1e-9);  // differences are those of the values in f64
  }
  const json wrong = check({"--formula", "exp(x)*y", "--gradient", "exp(x)*y", "--gradient", "1.01*exp(x)", "--random",
                            "100", "--precision", "f32"},
                           "disagree");
  EXPECT_EQ(wrong["diagnosis"], "component y is 1.01 times what the differences say");
  check({"--formula", "x; x^2", "--random", "20", "--precision", "f32"}, "agree");
}

TEST(Check, TakesItsOptions) {
  const std::vector<std::string> sphere{"--formula", "exp(x) + y^4", "--random", "100", "--seed", "5"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), sphere.begin(), sphere.end());
    return more;
  };
  const json plain = check(sphere, "agree");
  const json none = check(with({"--worst", "0"}), "agree");
  EXPECT_EQ(none["worst"], json::array());
  EXPECT_EQ(none["max_relative_error"], plain["max_relative_error"]);
  const json every = check(with({"--every-component", "--worst", "300"}), "agree");
  EXPECT_EQ(every["components_examined"], 200);
  EXPECT_EQ(every["worst"].size(), 200u);
  EXPECT_EQ(check(with({"--directions", "9"}), "agree")["directions_tried"], 900);
  const auto evaluations = [](const json& all) { return all["evaluations"].get<int>(); };
  EXPECT_EQ(evaluations(plain) - evaluations(check(with({"--steps", "15"}), "agree")), 100 * 4 * 20);
  // Less than f64 can tell beside so large a number, and more than there is to be told.
  check({"--formula", "exp(x) + y^4 + 1e4", "--random", "100", "--tolerance", "1e-12"}, "unresolved");
  const auto wrong = [&](const char* tolerance) {
    return with({"--gradient", "1.001*exp(x)", "--gradient", "4*y^3", "--tolerance", tolerance});
  };
  check(wrong("1e-4"), "disagree");
  EXPECT_EQ(check(wrong("1e-2"), "agree")["tolerance"], 1e-2);
}

TEST(Check, NothingToCheckIsUnresolved) {
  const json empty = check({"--function", "booth", "--random", "0"}, "unresolved");
  EXPECT_EQ(empty["points_checked"], 0);
  EXPECT_TRUE(empty["max_relative_error"].is_null());
  EXPECT_TRUE(empty["median_slope"].is_null());
  const json undefined = check({"--formula", "log(x)", "--at", "-1"}, "unresolved");
  EXPECT_EQ(undefined["points_not_finite"], 1);
  const json many = check({"--function", "sphere", "--dimension", "20", "--random", "3", "--worst", "1"}, "agree");
  EXPECT_TRUE(many["worst"][0]["x"].is_null());
  EXPECT_EQ(many["variables"].size(), 20u);
  const json more = check({"--function", "sphere", "--dimension", "1001", "--random", "1", "--worst", "1"}, "agree");
  EXPECT_TRUE(more["variables"].is_null());
}

TEST(Check, TellsPeople) {
  const auto table = [](std::vector<std::string> arguments, int status) {
    arguments.insert(arguments.begin(), {"check", "--executor", "cpu"});
    const Outcome outcome = nabla(arguments);
    EXPECT_EQ(outcome.status, status) << outcome.out;
    EXPECT_EQ(outcome.err, "");
    return outcome.out;
  };
  const auto expect_lines = [](const std::string& text, const std::vector<std::string>& lines) {
    for (const std::string& line : lines) EXPECT_NE(text.find(line), std::string::npos) << line << "\n" << text;
  };
  const std::string good = table({"--formula", "x^2*y + sin(x*y)", "--random", "100"}, 0);
  EXPECT_EQ(good.find("agree       nabla's gradient of x^2*y + sin(x*y) at 100 points, 2 variables, f64\n"), 0u)
      << good;
  expect_lines(good, {"\nslope       2.0", "\nthe most doubtful of 32 derivatives:\n  point  variable "});
  const std::string wrong = table(
      {"--formula", "x^2*y", "--gradient", "2*x*y", "--gradient", "-x^2", "--at", "1,2", "--precision", "f32"}, 1);
  EXPECT_EQ(wrong.find("disagree    the given gradient of x^2*y at 1 point, 2 variables, f32 (differences in f64)\n"),
            0u)
      << wrong;
  expect_lines(wrong, {"\ndiagnosis   component y has the wrong sign\n", "disagree  (1, 2)\n"});
  const std::string corner = table({"--formula", "abs(x);\n x", "--at", "0"}, 1);
  EXPECT_EQ(corner.find("unresolved  nabla's Jacobian of abs(x);  x at 1 point, 1 variable, f64\n"), 0u) << corner;
  expect_lines(corner, {": the function is not smooth there\n",
                        "\nthe function is not smooth at 1 point:\n"
                        "  point  along        slope on the left  on the right  at\n"
                        "      0  output 1, x                 -1             1  (0)\n"});
  expect_lines(wrong, {"otherwise at 1 of 1 examined point, by more than 0.0001 of a derivative's size\n",
                       "\nerror       |gradient - differences| / (|gradient| + |differences|) of a point: ",
                       ": smaller steps don't bring differences nearer"});
  const std::string close =
      table({"--formula", "exp(x)", "--gradient", "1.00000005*exp(x)", "--random", "9", "--worst", "1"}, 1);
  expect_lines(close, {"is 1.00000005 times what the differences say\n"});
  const std::string tolerated =
      table({"--formula", "exp(x)", "--gradient", "1.001*exp(x)", "--random", "9", "--tolerance", "0.01"}, 0);
  expect_lines(tolerated,
               {"to 0.01 of a derivative's size\n", ": what is left of the error is the same for all steps"});
  const std::string undefined = table({"--formula", "exp(x)", "--gradient", "log(-1-x^2)", "--random", "9"}, 1);
  expect_lines(undefined, {"\nerror       the gradient is not finite\n", "  nan  "});
  EXPECT_EQ(undefined.find("-nan"), std::string::npos) << undefined;
  const std::string large =
      table({"--formula", "sum(i, 1, n, abs(x[i]))", "--dimension", "20", "--random", "1", "--box", "0:0"}, 1);
  expect_lines(large, {"  off by  verdict\n", "  point  along  slope on the left  on the right\n"});
  const Folder folder;
  const auto file = folder.put("f.txt", "# a square\nx^2 +\n  y\n");
  EXPECT_EQ(
      table({"--formula-file", file, "--random", "9"}, 0).find("agree       nabla's gradient of x^2 +   y  at 9 "), 0u);
  EXPECT_EQ(table({"--formula", "abs(x)", "--at", "0", "--quiet"}, 1), "");
  EXPECT_EQ(table({"--formula", "x", "--at", "0", "--quiet"}, 0), "");
}

TEST(Check, GivesTheSameOnEveryExecutor) {
  if (const std::string reason = why_no_cuda(); !reason.empty()) GTEST_SKIP() << "no CUDA: " << reason;
  const auto on = [](std::vector<std::string> arguments, const char* where, int status) {
    arguments.insert(arguments.begin(), {"check", "--random", "200", "--executor", where});
    json all = answer(arguments, status);
    EXPECT_EQ(all["executor"]["kind"], where);
    EXPECT_EQ(all.contains("transfer_seconds"), where == std::string("cuda"));
    json rows = json::array();
    for (const json& row : all["worst"]) rows.push_back({row["variable"], row["verdict"]});
    return json{all["verdict"], all["diagnosis"], all["points_checked"], status == 0 ? json() : rows};
  };
  const auto expect_same = [&](const std::vector<std::string>& arguments, int status) {
    EXPECT_EQ(on(arguments, "cpu", status), on(arguments, "cuda", status));
  };
  for (const char* const precision : {"f32", "f64"}) {
    expect_same({"--function", "rosenbrock", "--dimension", "3", "--precision", precision}, 0);
    expect_same({"--function", "booth", "--gradient", "10*x[1] + 8*x[2] - 34", "--gradient", "-8*x[1]", "--precision",
                 precision},
                1);
    expect_same({"--formula", "x^2*y", "--precision", precision}, 0);
    expect_same({"--formula", "x^2*y; x", "--precision", precision}, 0);
  }
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
