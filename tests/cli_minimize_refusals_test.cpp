#include "cli_refusals.hpp"

#include <gtest/gtest.h>

#include <algorithm>

// What nabla minimize refuses: the exit status, one line that names the argument or the file, and no file left.

namespace nabla::test {
namespace {

/// Of nabla minimize of a function from a start, with these arguments added.
void expect_booth_refusal(const std::vector<std::string>& more, const std::string& line, int status = 2) {
  std::vector<std::string> arguments{"minimize", "--executor", "cpu", "--function", "booth", "--at", "0,0"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  expect_refusal(arguments, "nabla minimize: " + line, status);
}

/// The same without function and start.
void refuse(std::vector<std::string> arguments, const std::string& line, int status = 2) {
  arguments.insert(arguments.begin(), "minimize");
  expect_refusal(arguments, "nabla minimize: " + line, status);
}

constexpr char all_methods[] =
    " There are gradient, momentum, nesterov, barzilai-borwein, conjugate-gradient, bfgs, lbfgs, newton, adam, "
    "levenberg-marquardt";

TEST(MinimizeRefusals, Methods) {
  expect_booth_refusal({"--method", "bfg"},
                       std::string("--method: unknown method 'bfg'; did you mean 'bfgs'?") + all_methods);
  expect_booth_refusal({"--method", "nestrov"},
                       std::string("--method: unknown method 'nestrov'; did you mean 'nesterov'?") + all_methods);
  expect_booth_refusal({"--method", "adam"}, "--method adam: has no line search; needs --step A");
  refuse({"--function", "sphere", "--dimension", "1025", "--random", "1", "--method", "bfgs"},
         "--method bfgs: keeps a matrix of n x n numbers, for up to 1024 variables, found 1025; lbfgs is for more");
}

TEST(MinimizeRefusals, OptionsWithoutUse) {
  expect_booth_refusal({"--step", "1"}, "--step: is for gradient, momentum, nesterov, adam; lbfgs has none");
  expect_booth_refusal({"--method", "newton", "--step", "1"},
                       "--step: is for gradient, momentum, nesterov, adam; newton has none");
  expect_booth_refusal({"--method", "gradient", "--momentum", "0.5"},
                       "--momentum: is for momentum, nesterov, adam; gradient has none");
  expect_booth_refusal({"--method", "bfgs", "--memory", "5"}, "--memory: is for lbfgs; bfgs has none");
  expect_booth_refusal({"--clip", "1"}, "--clip: is for fixed steps; needs --step A");
  expect_booth_refusal({"--checkpoint-every", "5"}, "--checkpoint-every: needs --checkpoint FILE");
  expect_booth_refusal({"--resume", "state"},
                       "--resume: goes on from its file; can't go with --points, --random or --at");
  expect_booth_refusal({"--at", "1,1", "--checkpoint", "state"}, "--checkpoint: is for a single start, found 2");
  expect_booth_refusal({"--tolerance", "1"}, "unknown option --tolerance; did you mean --value-tolerance?");
}

TEST(MinimizeRefusals, Bounds) {
  for (const std::string text : {"1", "2:1", "a:1", "nan:1", "0:1,"}) {
    const std::string found = text == "0:1," ? "" : text;
    expect_booth_refusal({"--bounds=" + text},
                         "--bounds: expected LO:HI with LO <= HI, such as 0:1 or 0:inf, found '" + found + "'");
  }
  expect_booth_refusal({"--bounds", "0:1,0:1,0:1"}, "--bounds: expected one LO:HI, or 2, found 3");
  expect_booth_refusal({"--bounds", "0:1", "--checkpoint", "state"},
                       "--bounds: can't go with --checkpoint and --resume");
  const std::string where =
      "--bounds: are for small functions, of up to 32 variables, or 16 by bfgs and newton, and not for sums "
      "over data, conjugate-gradient and adam";
  expect_booth_refusal({"--bounds", "0:1", "--method", "adam", "--step", "1"}, where);
  refuse({"--function", "sphere", "--dimension", "17", "--random", "5", "--method", "bfgs", "--bounds", "0:1"}, where);
  expect_booth_refusal({"--distinct", "0"}, "--distinct: expected a number above 0, such as 1e-3, found '0'");
}

TEST(MinimizeRefusals, Numbers) {
  const auto each = [](const std::string& option, const std::vector<std::string>& values, const std::string& expected,
                       const std::vector<std::string>& more = {}) {
    for (const std::string& value : values) {
      std::vector<std::string> arguments{option + "=" + value};
      arguments.insert(arguments.end(), more.begin(), more.end());
      expect_booth_refusal(arguments, option + ": expected " + expected + ", found '" + value + "'");
    }
  };
  each("--gradient-tolerance", {"-1e-8", "nan", "inf", "small"}, "a number of 0 or more, such as 1e-6");
  each("--relative-tolerance", {"-1e-8", "1", "nan"}, "a number of 0 or more and below 1");
  each("--value-tolerance", {"-1", "2"}, "a number of 0 or more and below 1");
  each("--target", {"nan", "low"}, "a number");
  each("--max-iterations", {"-1", "1.5", "many"}, "a whole number of at least 0, such as 1000 or 1e7");
  each("--max-evaluations", {"0"}, "a whole number of at least 1, such as 1000 or 1e7");
  each("--memory", {"0", "65"}, "a whole number from 1 to 64");
  const std::vector<std::string> fixed{"--method", "momentum"};
  each("--step", {"0", "-1", "inf", "nan"}, "a number above 0, such as 1e-3", fixed);
  each("--momentum", {"1", "-0.5"}, "a number of 0 or more and below 1", fixed);
  each("--clip", {"0"}, "a number above 0, such as 1e-3", {"--method", "gradient", "--step", "1"});
  each("--checkpoint-every", {"0"}, "a whole number of at least 1, such as 1000 or 1e7", {"--checkpoint", "state"});
}

TEST(MinimizeRefusals, FunctionsAndStarts) {
  refuse({"--function", "booth", "--at", "0,0,0"}, "--at: booth takes n = 2 variables, found 3");
  refuse({"--function", "booth"}, "expected one of --points, --random and --at, found none");
  refuse({"--at", "1"}, "a function is needed: --function NAME or --formula TEXT; 'nabla functions' lists names");
  refuse({"--formula", "x; y", "--at", "1,2"}, "--formula: expected one output to minimise, found 2");
  refuse({"--formula", "x^^2", "--at", "1"},
         "line 1, column 3: expected a number, a name or '(' after '^', found '^'\n"
         "x^^2\n"
         "  ^");
  refuse({"--function", "sphere", "--resume", "state"}, "--dimension N is needed: sphere takes n >= 1 variables");
  const Folder folder;
  const auto three = folder.put("x.npy", npy_file<double>("(1, 3)", {1, 2, 3}));
  refuse({"--function", "booth", "--points", three}, three + ": booth takes n = 2 variables, found 3");
}

TEST(MinimizeRefusals, Data) {
  const Folder folder;
  const std::string file = folder.put("rows.npy", npy_file<double>("(3, 2)", {1, 2, 3, 4, 5, 6}));
  const std::string text = "(a*u + b - y)^2";
  refuse({"--formula", text, "--sum", "--at", "1,2"}, "--sum: needs --data FILE.npy:A,B,...");
  refuse({"--formula", text, "--data", file + ":u,y", "--at", "1,2"}, "--data: is for --sum only");
  refuse({"--formula", text, "--data", file + ":u", "--sum", "--at", "1,2"},
         "--data: expected a name for each of 2 columns, found 1");
  // y is no column, so it is a variable.
  refuse({"--formula", text, "--data", file + ":u,v", "--sum", "--at", "1,2"},
         "--at: the formula takes n = 3 variables, found 2");
  refuse({"--formula", text, "--data", (folder / "none.npy") + ":u,y", "--sum", "--at", "1,2"},
         (folder / "none.npy") + ": No such file or directory");
  refuse({"--function", "booth", "--data", file + ":u,y", "--sum", "--at", "1,2"}, "--sum: is for formulas only");
}

TEST(MinimizeRefusals, FilesThatCannotBeWrittenAreKnownBeforeTheWork) {
  const Folder folder;
  // From here the work would never end.
  const std::vector<std::string> endless{"--method", "gradient", "--step", "1e-12", "--max-iterations", "1e18"};
  const auto refuse_file = [&](std::vector<std::string> more, const std::string& line) {
    more.insert(more.end(), endless.begin(), endless.end());
    expect_booth_refusal(more, line);
  };
  for (const char* const option : {"--out-x", "--out-value", "--out-status", "--checkpoint"}) {
    refuse_file({option, folder / "none/file"}, (folder / "none/file") + ": No such file or directory");
    refuse_file({option, folder.path()}, folder.path() + ": is a directory; expected the name of a file");
  }
  refuse_file({"--out-x", folder / "a", "--out-value", folder / "a"},
              "--out-value: '" + (folder / "a") + "' is the same file as that of --out-x");
  refuse_file({"--out-x", folder / "a", "--checkpoint", folder / "a"},
              "--out-x: '" + (folder / "a") + "' is the same file as that of --checkpoint");
  const std::string rows = folder.put("rows.npy", npy_file<double>("(1, 1)", {1}));
  refuse({"--formula", "(a - y)^2", "--data", rows + ":y", "--sum", "--at", "1", "--out-x", rows},
         "--out-x: '" + rows + "' is the same file as that of --data");
  refuse({"--formula", "y^2", "--points", rows, "--out-x", rows},
         "--out-x: '" + rows + "' is the same file as that of --points");
  refuse({"--formula", "y^2", "--points", rows, "--checkpoint", rows},
         "--checkpoint: '" + rows + "' is the same file as that of --points");
  EXPECT_EQ(folder.files(), std::vector<std::string>{"rows.npy"});
}

TEST(MinimizeRefusals, CheckpointsOfSomethingElse) {
  const Folder folder;
  const std::string state = folder / "state";
  run_program(program,
              {"minimize", "--function", "booth", "--at", "0,0", "--max-iterations", "1", "--checkpoint", state});
  refuse({"--function", "booth", "--resume", state, "--method", "bfgs"},
         state + ": is a checkpoint of lbfgs with 8 pairs, 2 variables in f64; expected bfgs, 2 variables in f64");
  refuse({"--function", "booth", "--resume", folder / "none"}, (folder / "none") + ": No such file or directory");
  const std::string text = folder.put("text", "hello");
  refuse({"--function", "booth", "--resume", text}, text + ": is not a checkpoint of minimize()");
}

TEST(MinimizeRefusals, Executors) {
  expect_booth_refusal({"--executor", "gpu"}, "--executor is given twice: 'cpu' and 'gpu'");
  const Outcome missing =
      run_program(program, {"minimize", "--function", "booth", "--at", "0,0", "--executor", "cuda:4096"});
  EXPECT_EQ(missing.status, 3);
  EXPECT_EQ(missing.out, "");
  EXPECT_EQ(missing.err.find("nabla minimize: --executor: cuda"), 0u) << missing.err;
  EXPECT_EQ(std::count(missing.err.begin(), missing.err.end(), '\n'), 1);
}

}  // namespace
}  // namespace nabla::test
