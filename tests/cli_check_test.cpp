#include "cli_answers.hpp"

#include <cmath>

// The answers of nabla check.

namespace nabla::test {
namespace {

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

}  // namespace
}  // namespace nabla::test
