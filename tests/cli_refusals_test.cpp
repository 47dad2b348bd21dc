#include "cli_refusals.hpp"

#include <gtest/gtest.h>

#include <algorithm>

// What the command line refuses: the exit status, one line that names the argument or the file, and no file left.

namespace nabla::test {
namespace {

/// The same for nabla eval of a function at a point, with these arguments added.
void expect_booth_refusal(const std::vector<std::string>& more, const std::string& line, int status = 2) {
  std::vector<std::string> arguments{"eval", "--function", "booth", "--at", "0,0"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  expect_refusal(arguments, "nabla eval: " + line, status);
}

TEST(Refusals, Commands) {
  expect_refusal({}, "nabla: a command is needed; 'nabla --help' lists them");
  expect_refusal({"evl"}, "nabla evl: unknown command 'evl'; did you mean 'eval'?");
  expect_refusal({"--versoin"}, "nabla: unknown option --versoin; did you mean --version?");
  expect_refusal({"functions", "rosenbrok"},
                 "nabla functions: NAME: unknown function 'rosenbrok'; did you mean 'rosenbrock'? 'nabla functions' "
                 "lists them all");
}

TEST(Refusals, OptionNames) {
  expect_booth_refusal({"--precison", "f32"}, "unknown option --precison; did you mean --precision?");
  expect_booth_refusal({"--prec", "f32"}, "unknown option --prec; did you mean --precision?");
  expect_booth_refusal({"--hess"}, "unknown option --hess; did you mean --hessian?");
  expect_booth_refusal({"-h"}, "unknown option -h; did you mean --at?");
  expect_booth_refusal({"--out-vaule=x.npy"}, "unknown option --out-vaule; did you mean --out-value?");
  expect_booth_refusal({"extra"}, "'extra' is not expected; options begin with --");
  expect_booth_refusal({"--json=1"}, "--json takes no value, found '--json=1'");
}

TEST(Refusals, MissingAndRepeatedValues) {
  expect_booth_refusal({"--precision"}, "--precision needs a value, f32|f64");
  expect_booth_refusal({"--precision", "--json"}, "--precision needs a value, f32|f64, found the option --json");
  expect_booth_refusal({"--direction="}, "--direction needs a value, V1,V2,..., found an empty one");
  expect_booth_refusal({"--precision", "f32", "--precision=f64"}, "--precision is given twice: 'f32' and 'f64'");
}

TEST(Refusals, Numbers) {
  for (const char* const bad : {"0", "-1", "1e9", "many"}) {  // the most depends on the machine
    const Outcome outcome = run_program(program, {"eval", "--function", "booth", "--at", "0,0", "--threads", bad});
    EXPECT_EQ(outcome.status, 2);
    EXPECT_EQ(outcome.err.find("nabla eval: --threads: expected a whole number from 1 to "), 0u) << outcome.err;
    EXPECT_NE(outcome.err.find(std::string(", found '") + bad + "'\n"), std::string::npos) << outcome.err;
  }
  expect_booth_refusal({"--direction", "1,x"},
                       "--direction: expected numbers with commas between them, such as 2,1; found 'x' in '1,x'");
  expect_booth_refusal({"--direction", "1"}, "--direction: expected 2 numbers, one for each variable, found 1");
  expect_booth_refusal({"--precision", "f16"}, "--precision: expected f32 or f64, found 'f16'");
  const auto random = [](const std::vector<std::string>& more, const std::string& line) {
    std::vector<std::string> arguments{"eval", "--function", "booth"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    expect_refusal(arguments, "nabla eval: " + line);
  };
  const std::string count = "--random: expected a whole number of at least 0, such as 1000 or 1e7, found ";
  for (const char* const bad : {"-1", "1.5", "1e400", "10_", "_1", "1__0", "many", "1e19", "0x10", "nan"}) {
    random({"--random", bad}, count + "'" + bad + "'");
  }
  random({"--random", "1", "--box", "2:-2"}, "--box: expected LO:HI with LO <= HI, found '2:-2'");
  for (const char* const bad : {"2", "a:b", "1:", ":1", "1:2:3", "-inf:inf", "-1e308:1e308", "nan:1"}) {
    random({"--random", "1", "--box", bad},
           std::string("--box: expected LO:HI with two finite numbers, such as -2:2, found '") + bad + "'");
  }
  random({"--random", "1", "--seed", "-1"}, "--seed: expected a whole number from 0 to 2^64 - 1, found '-1'");
  random({"--at", "1,2", "--at", "1,2,3"}, "--at: expected as many numbers in every point, found '1,2' and '1,2,3'");
  random({"--at", "1,,2"}, "--at: expected numbers with commas between them, such as 2,1; found '' in '1,,2'");
}

TEST(Refusals, FunctionsAndDimensions) {
  const auto refuse = [](std::vector<std::string> arguments, const std::string& line) {
    arguments.insert(arguments.begin(), "eval");
    expect_refusal(arguments, "nabla eval: " + line);
  };
  refuse({"--at", "1"}, "a function is needed: --function NAME or --formula TEXT; 'nabla functions' lists names");
  refuse({"--function", "Boothe", "--at", "1,2"},
         "--function: unknown function 'Boothe'; did you mean 'booth'? 'nabla functions' lists them all");
  refuse({"--formula", "x^2", "--function", "booth", "--at", "1"},
         "expected one of --function, --formula and --formula-file, found several");
  refuse({"--formula-file", "/no/such/file", "--at", "1"}, "/no/such/file: can't be read");
  const Folder folder;
  const std::string file = folder.put("f.txt", "# twice\nx^^2\n");
  refuse({"--formula-file", file, "--at", "1"},
         file +
             ": line 2, column 3: expected a number, a name or '(' after '^', found '^'\n"
             "x^^2\n"
             "  ^");
  refuse({"--formula", "x", "--at", "1", "--param", "a=1"},
         "parameter 'a' does not appear in the formula; expected one that does");
  refuse({"--formula", "x*y", "--at", "1"}, "--at: the formula takes n = 2 variables, found 1");
  refuse({"--formula", "x^2", "--at", "1", "--param", "a"}, "--param: expected NAME=VALUE, found 'a'");
  refuse({"--formula", "x; x^2", "--at", "1", "--hessian"}, "--hessian: is for one output, the formula has 2");
  refuse({"--function", "booth", "--at", "1,2", "--param", "a=1"}, "--param: is for formulas only");
  refuse({"--function", "booth", "--at", "1,2", "--variables", "x,y"}, "--variables: is for formulas only");
  refuse({"--function", "booth", "--at", "1,2", "--show-gradient"}, "--show-gradient: is for formulas only");
  refuse({"--function", "booth", "--at", "1,2,3"}, "--at: booth takes n = 2 variables, found 3");
  refuse({"--function", "powell", "--random", "1", "--dimension", "6"},
         "--dimension: powell takes n = 4, 8, 12, ... variables, found 6");
  refuse({"--function", "sphere", "--random", "1"}, "--dimension N is needed: sphere takes n >= 1 variables");
  refuse({"--function", "sphere", "--at", "1,2", "--dimension", "3"},
         "--at: expected points of 3 variables, as --dimension says, found 2");
  refuse({"--function", "sphere", "--dimension", "17", "--random", "1", "--hessian"},
         "--hessian: expected at most 16 variables, found 17");
}

TEST(Refusals, OptionsThatDoNotGoTogether) {
  expect_booth_refusal({"--random", "1"}, "expected one of --points, --random and --at, found several");
  expect_refusal({"eval", "--function", "booth"},
                 "nabla eval: expected one of --points, --random and --at, found none");
  expect_booth_refusal({"--box", "-2:2"}, "--box: is for --random only");
  expect_booth_refusal({"--seed", "1"}, "--seed: is for --random only");
  expect_booth_refusal({"--value-only", "--hessian"}, "--value-only: can't go with --hessian");
  expect_booth_refusal({"--value-only", "--out-gradient", "x.npy"}, "--value-only: can't go with --out-gradient");
  expect_booth_refusal({"--out-hessian", "x.npy"}, "--out-hessian: needs --hessian");
  expect_booth_refusal({"--out-directional", "x.npy"}, "--out-directional: needs --direction V1,V2,...");
}

/// The same for nabla check of x^2*y with these arguments added.
void expect_check_refusal(const std::vector<std::string>& more, const std::string& line) {
  std::vector<std::string> arguments{"check", "--formula", "x^2*y"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  expect_refusal(arguments, "nabla check: " + line);
}

TEST(Refusals, TolerancesBelowRounding) {
  expect_check_refusal({"--at", "1,2", "--tolerance", "1e-16"},
                       "--tolerance: expected at least 1.137e-13 in f64, which rounding does, found '1e-16'");
  expect_check_refusal({"--at", "1,2", "--precision", "f32", "--tolerance", "1e-6"},
                       "--tolerance: expected at least 6.104e-05 in f32, which rounding does, found '1e-6'");
}

TEST(Refusals, NumbersOfACheck) {
  for (const char* const bad : {"0", "1", "-1e-8", "nan", "inf", "small"}) {
    expect_check_refusal(
        {"--at", "1,2", "--tolerance", bad},
        std::string("--tolerance: expected a number between 0 and 1, such as 1e-6, found '") + bad + "'");
  }
  const auto refuse = [](const std::string& option, const std::vector<std::string>& values, const std::string& range) {
    for (const std::string& value : values) {
      expect_check_refusal({"--at", "1,2", option + "=" + value},
                           option + ": expected a whole number from " + range + ", found '" + value + "'");
    }
  };
  refuse("--directions", {"0", "65", "-1", "1.5", "many"}, "1 to 64");
  refuse("--steps", {"7", "51", "1e400"}, "8 to 50");
  refuse("--worst", {"-1", "10001", "9e18"}, "0 to 10000");
  expect_check_refusal({"--at", "1,2", "--seed", "1"}, "--seed: is for --random only");
  expect_check_refusal({}, "expected one of --points, --random and --at, found none");
  expect_check_refusal({"--at", "1,2", "--tolerence", "1e-3"}, "unknown option --tolerence; did you mean --tolerance?");
}

TEST(Refusals, GivenGradients) {
  const auto refuse = [](const std::vector<std::string>& gradient, const std::string& line) {
    std::vector<std::string> arguments{"--at", "1,2"};
    for (const std::string& text : gradient) arguments.insert(arguments.end(), {"--gradient", text});
    expect_check_refusal(arguments, line);
  };
  refuse({"2*x*y"}, "--gradient: expected 2 formulas, one for each variable (x, y), found 1");
  refuse({"2*x*y", "x^2", "0"}, "--gradient: expected 2 formulas, one for each variable (x, y), found 3");
  refuse({"2*x*y; x^2", "0"},
         "--gradient number 1, along x: expected one formula, found 2 with semicolons between them; give --gradient "
         "once for each variable");
  refuse({"2*x*y", "x^^2"},
         "--gradient number 2, along y: line 1, column 3: expected a number, a name or '(' after '^', found '^'\n"
         "x^^2\n"
         "  ^");
  refuse({"2*x*z", "x^2"},
         "--gradient number 1, along x: line 1, column 5: unknown variable 'z'; did you mean x?\n"
         "2*x*z\n"
         "    ^");
  expect_refusal({"check", "--formula", "x; y", "--gradient", "1", "--at", "1,2"},
                 "nabla check: --gradient: is for one output, the formula has 2");
  const auto refuse_booth = [](const std::string& second, const std::string& line) {
    expect_refusal({"check", "--function", "booth", "--random", "10", "--gradient", "x[1]", "--gradient", second},
                   "nabla check: --gradient number 2, along x[2] of x[1] to x[2]: line 1, column " + line);
  };
  refuse_booth("8*x[1] + x[3]",
               "10: x[3] is none of the variables 1 to 2\n"
               "8*x[1] + x[3]\n"
               "         ^^^^");
  refuse_booth("8*y",
               "3: unknown variable 'y'; did you mean x?\n"
               "8*y\n"
               "  ^");
  refuse_booth("8*x",
               "3: expected an index after x, as in x[1]\n"
               "8*x\n"
               "  ^");
}

TEST(Refusals, ParametersOfNeitherFormulaNorGradient) {
  expect_check_refusal({"--at", "1,2", "--gradient", "2*x*y", "--gradient", "x^2", "--param", "a=1"},
                       "parameter 'a' does not appear in the formula; expected one that does");
  expect_check_refusal({"--at", "1,2", "--gradient", "2*x*y", "--gradient", "x^2*", "--param", "a=1"},
                       "parameter 'a' does not appear in the formula; expected one that does");
}

TEST(Refusals, Executors) {
  expect_booth_refusal({"--executor", "gpu"},
                       "--executor: an executor is auto, cpu, cuda or cuda:K (K = 0, 1, …), found 'gpu'");
  const Outcome missing =
      run_program(program, {"eval", "--function", "booth", "--at", "0,0", "--executor", "cuda:4096"});
  EXPECT_EQ(missing.status, 3);
  EXPECT_EQ(missing.out, "");
  EXPECT_EQ(missing.err.find("nabla eval: --executor: cuda"), 0u) << missing.err;
  EXPECT_EQ(std::count(missing.err.begin(), missing.err.end(), '\n'), 1);
}

TEST(Refusals, PointFiles) {
  const Folder folder;
  const auto refuse = [&](const std::string& bytes, const std::string& line) {
    const auto path = folder.put("x.npy", bytes);
    expect_refusal({"eval", "--function", "booth", "--points", path, "--out-value", folder / "v.npy", "--json"},
                   "nabla eval: " + path + ": " + line);
    EXPECT_EQ(folder.files(), std::vector<std::string>{"x.npy"});
  };
  const std::string good = npy_file<double>("(2, 2)", {1, 2, 3, 4});
  refuse("", "is not a .npy file; expected the bytes 93 4e 55 4d 50 59 at its beginning, found none");
  refuse("1,2\n3,4\n",
         "is not a .npy file; expected the bytes 93 4e 55 4d 50 59 at its beginning, found 31 2c 32 0a 33 2c");
  std::string version = good;
  version[6] = 9;
  refuse(version, "byte 6: expected version 1.0, 2.0 or 3.0 of the format, found 9.0");
  refuse(npy_bytes(dictionary(">f8", "(2, 2)"), std::string(32, '\0')),
         "expected the type '<f8' or '<f4' (little-endian floating point), found '>f8', which is big-endian");
  refuse(npy_bytes(dictionary("<i8", "(2, 2)"), std::string(32, '\0')),
         "expected the type '<f8' or '<f4' (little-endian floating point), found '<i8'");
  refuse(npy_bytes(dictionary("<f8", "(1, 2, 2)"), std::string(32, '\0')),
         "expected one axis (count,) or two (count, n), found the shape (1, 2, 2)");
  refuse(npy_bytes(dictionary("<f8", "(4611686018427387904, 2)"), ""),
         "the shape (4611686018427387904, 2) needs 2^63 bytes or more");
  refuse(good.substr(0, 30), "is truncated; expected a header of 60 bytes after byte 10, found 20");
  refuse(good.substr(0, good.size() - 1), "is truncated; the shape (2, 2) needs 32 bytes after byte 70, found 31");
  refuse(npy_bytes("{'descr': '<f8'\n, 'x\n\x01': 1}", ""),
         "byte 28: expected one of the keys 'descr', 'fortran_order', 'shape', found 'x\\x0a\\x01'");
  refuse(npy_file<double>("(2, 3)", std::vector<double>(6)), "booth takes n = 2 variables, found 3");
  refuse(npy_file<double>("(2,)", {1, 2}), "booth takes n = 2 variables, found 1");
  expect_refusal({"eval", "--function", "booth", "--points", folder / "missing.npy"},
                 "nabla eval: " + (folder / "missing.npy") + ": No such file or directory");
  expect_refusal({"eval", "--function", "booth", "--points", folder.path()},
                 "nabla eval: " + folder.path() + ": is not a regular file; expected one, whose length can be checked");
}

TEST(Refusals, OutputFiles) {
  const Folder folder;
  const auto points = folder.put("x.npy", npy_file<double>("(1, 2)", {1, 2}));
  const auto refuse = [&](std::vector<std::string> arguments, const std::string& line) {
    arguments.insert(arguments.begin(), {"eval", "--function", "booth", "--points", points});
    expect_refusal(arguments, "nabla eval: " + line);
    EXPECT_EQ(folder.files(), std::vector<std::string>{"x.npy"}) << line;
  };
  const std::string v = folder / "v.npy";
  refuse({"--out-value", v, "--out-gradient", v},
         "--out-gradient: '" + v + "' is the same file as that of --out-value");
  refuse({"--out-value", v, "--out-gradient", folder / "./v.npy"},
         "--out-gradient: '" + (folder / "./v.npy") + "' is the same file as that of --out-value");
  refuse({"--out-value", points}, "--out-value: '" + points + "' is the same file as that of --points");
  refuse({"--out-value", v, "--out-gradient", folder / "missing/g.npy"},
         folder / "missing/g.npy: No such file or directory");
  refuse({"--out-value", folder.path()}, folder.path() + ": is a directory; expected the name of a file");
  refuse({"--out-value", "/dev/full"}, "/dev/full: is not a regular file; expected one, or a new name");
  EXPECT_EQ(read_file(points), npy_file<double>("(1, 2)", {1, 2}));
}

TEST(Refusals, AFullDiskLeavesNoFile) {
  const Folder folder;
  const std::string command = "ulimit -f 8; exec " + std::string(program) +
                              " eval --executor cpu --function booth --random 10000 --out-value " + (folder / "v.npy") +
                              " --out-gradient " + (folder / "g.npy");
  const Outcome outcome = run_program("/bin/sh", {"-c", command});
  EXPECT_EQ(outcome.status, 2);
  EXPECT_EQ(outcome.err, "nabla eval: " + (folder / "v.npy") + ": File too large\n");
  EXPECT_EQ(folder.files(), std::vector<std::string>{});
}

TEST(Refusals, ASignalLeavesNoFile) {
  const Folder folder;
  const std::string command = std::string(program) + " eval --executor cpu --function rastrigin --dimension 2" +
                              " --random 5e7 --precision f32 --value-only --threads 1 --out-value " +
                              (folder / "v.npy") + " & child=$!; for i in $(seq 1000); do found=$(ls -A " +
                              folder.path() + "); [ -n \"$found\" ] && break; sleep 0.01; done; echo $found; " +
                              "kill -TERM $child; wait $child; echo $?";
  const Outcome outcome = run_program("/bin/sh", {"-c", command});
  EXPECT_EQ(outcome.out.find(".nabla-"), 0u) << outcome.out;
  EXPECT_EQ(outcome.out.substr(outcome.out.find('\n') + 1), "143\n") << outcome.out;
  EXPECT_EQ(folder.files(), std::vector<std::string>{});
}

TEST(Refusals, StandardOutputThatCanNotBeWritten) {
  const std::vector<std::string> booth{"eval", "--function", "booth", "--at", "0,0"};
  const Outcome full = run_program(program, booth, {}, "/dev/full");
  EXPECT_EQ(full.status, 2);
  EXPECT_EQ(full.err, "nabla eval: standard output: No space left on device\n");
  const Folder folder;
  const std::string command =
      std::string(program) + " eval --function booth --at 0,0 --out-value " + (folder / "v.npy");
  const Outcome closed = run_program("/bin/sh", {"-c", "exec " + command + " >&-"});
  EXPECT_EQ(closed.status, 2);
  EXPECT_EQ(closed.err, "nabla eval: standard output: Bad file descriptor\n");
  const Outcome piped = run_program("/bin/sh", {"-c", "(sleep 0.2; " + command + "; echo $? >&2) | true"});
  EXPECT_EQ(piped.err, "nabla eval: standard output: Broken pipe\n2\n");
}

TEST(Refusals, MoreThanTheMemory) {
  for (const char* const count : {"1e15", "4e18"}) {
    const Outcome outcome =
        run_program(program, {"eval", "--executor", "cpu", "--function", "booth", "--random", count});
    EXPECT_EQ(outcome.status, 2) << count;
    EXPECT_NE(outcome.err.find("memory"), std::string::npos) << outcome.err;
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1);
  }
}

}  // namespace
}  // namespace nabla::test
