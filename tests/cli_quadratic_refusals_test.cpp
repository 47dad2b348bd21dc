#include "cli_refusals.hpp"

#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <cmath>
#include <limits>

// What nabla quadratic refuses: the exit status, one line that names the argument or the file, and no file left.

namespace nabla::test {
namespace {

void refuse(std::vector<std::string> arguments, const std::string& line, int status = 2) {
  arguments.insert(arguments.begin(), {"quadratic", "--executor", "cpu"});
  expect_refusal(arguments, "nabla quadratic: " + line, status);
}
/// With a matrix that is good.
void refuse_more(const std::vector<std::string>& more, const std::string& line) {
  std::vector<std::string> arguments{"--laplacian", "1d:3"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  refuse(arguments, line);
}

constexpr char symmetric[] = "%%MatrixMarket matrix coordinate real symmetric\n";
constexpr char general[] = "%%MatrixMarket matrix coordinate real general\n";

TEST(QuadraticRefusals, Matrices) {
  const Folder folder;
  const auto bad = [&](const std::string& text, const std::string& what) {
    const std::string file = folder.put("a.mtx", text);
    refuse({"--matrix", file}, file + ": " + what);
  };
  refuse({}, "expected one of --matrix, --diagonal and --laplacian, found none");
  refuse({"--laplacian", "1d:3", "--diagonal", "d.npy"},
         "expected one of --matrix, --diagonal and --laplacian, found several");
  refuse({"--matrix", folder / "none.mtx"}, (folder / "none.mtx") + ": No such file or directory");
  bad(std::string(general) + "2 2 3\n1 1 2\n2 2 2\n1 2 -1\n",
      "line 5: expected a symmetric matrix, up to 8 units in the last place, but row 1, column 2 has -1 and row 2, "
      "column 1 has 0");
  bad(std::string(general) + "2 3 1\n1 1 1\n", "line 2: expected a square matrix, found 2 x 3");
  bad(std::string(symmetric) + "2 2 2\n1 1 nan\n2 2 1\n", "line 3: expected a finite number, found 'nan'");
  bad(std::string(symmetric) + "2 2 3\n1 1 1\n2 2 1\n",
      "line 4: expected 3 entries, as line 2 says, found the end of the file after 2");
  const std::string large = folder.put("large.mtx", std::string(symmetric) + "1 1 1\n1 1 1e300\n");
  refuse({"--matrix", large, "--precision", "f32"},
         large + ": line 3: expected a finite number, found '1e300', which is too large for f32");
}

TEST(QuadraticRefusals, Grids) {
  const auto grid = [](const std::string& text, const std::string& what) {
    refuse({"--laplacian", text}, "--laplacian: " + what);
  };
  for (const char* const text : {"4d:1,1,1,1", "3,3", "2D:3,3"}) {
    grid(text, std::string("expected 1d:NX, 2d:NX,NY or 3d:NX,NY,NZ, found '") + text + "'");
  }
  grid("2d:3", "expected 2 extents after 2d:, found 1");
  grid("1d:3,3", "expected 1 extent after 1d:, found 2");
  for (const char* const extent : {"0", "-3", "x", ""}) {
    grid(std::string("1d:") + extent,
         std::string("expected a whole number of at least 1, such as 1000 or 1e7, found '") + extent + "'");
  }
  const Outcome vast = run_program(program, {"quadratic", "--executor", "cpu", "--laplacian", "3d:1e7,1e7,1e7"});
  EXPECT_EQ(vast.status, 2);
  EXPECT_EQ(vast.err.find("nabla quadratic: vectors of 1e+21 unknowns need 3.2e+13 GB of memory, "), 0u) << vast.err;
}

TEST(QuadraticRefusals, Vectors) {
  const Folder folder;
  const double nan = std::nan(""), infinity = std::numeric_limits<double>::infinity();
  for (const char* const option : {"--rhs", "--x0"}) {
    const auto vector = [&](const std::string& name, const std::string& bytes, const std::string& what,
                            bool names_option = true) {
      const std::string file = folder.put(name, bytes);
      refuse_more({option, file}, (names_option ? option + std::string(": ") : "") + file + ": " + what);
    };
    vector("v.npy", npy_file<double>("(2,)", {1, 2}), "expected 3 numbers, as the matrix has rows, found 2");
    vector("v.npy", npy_file<double>("(0,)", {}), "expected 3 numbers, as the matrix has rows, found 0");
    vector("v.npy", npy_file<double>("(1, 3)", {1, 2, 3}), "expected a vector, of shape (n,), found (1, 3)");
    vector("v.npy", npy_file<double>("(3,)", {1, nan, 3}),
           "number 2 (counted from 1) is nan in f64; expected finite numbers");
    vector("v.npy", npy_file<double>("(3,)", {1, 2, -infinity}),
           "number 3 (counted from 1) is -inf in f64; expected finite numbers");
    const std::string whole = npy_file<double>("(3,)", {1, 2, 3});
    vector("v.npy", whole.substr(0, whole.size() - 3),
           "is truncated; the shape (3,) needs 24 bytes after byte 68, found 21", false);
    vector("v.mtx", "%%MatrixMarket matrix array real general\n3 1\n1\n2\n",
           "line 4: expected 3 entries, as line 2 says, found the end of the file after 2", false);
    vector("v.mtx", "%%MatrixMarket matrix array real general\n3 1\n1\n2\ninf\n",
           "line 5: expected a finite number, found 'inf'", false);
    vector("v.mtx", "%%MatrixMarket matrix array real general\n4 1\n1\n2\n3\n4\n",
           "expected 3 numbers, as the matrix has rows, found 4");
    refuse_more({option, folder / "none.npy"}, (folder / "none.npy") + ": No such file or directory");
  }
  const std::string wide = folder.put("w.npy", npy_file<double>("(3,)", {1e300, 1, 1}));
  refuse_more({"--rhs", wide, "--precision", "f32"},
              "--rhs: " + wide + ": number 1 (counted from 1) is inf in f32; expected finite numbers");
  const std::string holes = folder.put("d.npy", npy_file<double>("(2,)", {nan, 2}));
  refuse({"--diagonal", holes},
         "--diagonal: " + holes + ": number 1 (counted from 1) is nan in f64; expected finite numbers");
  const std::string empty = folder.put("e.npy", npy_file<double>("(0,)", {}));
  refuse({"--diagonal", empty}, "--diagonal: " + empty + ": expected one number or more, found 0");
}

TEST(QuadraticRefusals, OptionsWithoutUse) {
  refuse_more({"--format", "rows"}, "--format: is for --matrix only");
  refuse_more({"--checkpoint-every", "5"}, "--checkpoint-every: needs --checkpoint FILE");
  refuse_more({"--resume", "state", "--x0", "x.npy"}, "--resume: goes on from its file; can't go with --x0");
  refuse_more({"--method", "lbfgs", "--preconditioner", "jacobi"},
              "--preconditioner: is for conjugate-gradient, chebyshev and steepest; lbfgs has none");
  refuse_more({"--step", "1"}, "--step: is for gradient and nesterov; conjugate-gradient finds its own");
  refuse_more({"--largest-eigenvalue", "1"},
              "--largest-eigenvalue: is for chebyshev, as method or preconditioner, and gradient");
  refuse_more({"--preconditioner", "jacobi", "--preconditioner-block", "4"},
              "--preconditioner-block: is for --preconditioner block-jacobi");
  refuse_more({"--preconditioner", "ic0", "--preconditioner-degree", "4"},
              "--preconditioner-degree: is for --preconditioner chebyshev");
  refuse_more({"--preconditioner", "chebyshev", "--method", "chebyshev"},
              "--preconditioner chebyshev: --method chebyshev is such a polynomial itself");
  refuse_more({"--method", "chebyshev", "--smallest-eigenvalue", "2", "--largest-eigenvalue", "1"},
              "--largest-eigenvalue: expected more than the smallest, 2, found 1");
  refuse_more({"--points", "p.npy"}, "unknown option --points; did you mean --quiet?");
  refuse_more({"--threads", "0"}, "--threads: expected a whole number from 1 to 256, found '0'");
}

TEST(QuadraticRefusals, Names) {
  refuse_more({"--method", "conjugate-gradients"},
              "--method: there is no 'conjugate-gradients'; did you mean 'conjugate-gradient'? There are "
              "conjugate-gradient, chebyshev, steepest, gradient, barzilai-borwein, nesterov, lbfgs");
  refuse_more({"--mixed-precision", "--method", "lbfgs"},
              "--mixed-precision: is for conjugate-gradient, chebyshev and steepest, not lbfgs");
  refuse_more({"--mixed-precision", "--precision", "f32"},
              "--mixed-precision: corrects in f64, but the precision is f32; --precision f64 changes it");
  refuse_more({"--preconditioner", "jacob"},
              "--preconditioner: there is no 'jacob'; did you mean 'jacobi'? There are none, jacobi, block-jacobi, "
              "ic0, chebyshev");
}

TEST(QuadraticRefusals, Numbers) {
  const auto each = [](const std::string& option, const std::vector<std::string>& values, const std::string& expected,
                       const std::vector<std::string>& more = {}) {
    for (const std::string& value : values) {
      std::vector<std::string> arguments{option + "=" + value};
      arguments.insert(arguments.end(), more.begin(), more.end());
      refuse_more(arguments, option + ": expected " + expected + ", found '" + value + "'");
    }
  };
  each("--relative-tolerance", {"-1e-8", "1", "nan"}, "a number of 0 or more and below 1");
  each("--max-iterations", {"-1", "1.5", "many"}, "a whole number of at least 0, such as 1000 or 1e7");
  each("--checkpoint-every", {"0"}, "a whole number of at least 1, such as 1000 or 1e7", {"--checkpoint", "state"});
  each("--preconditioner-block", {"0", "33", "eight"}, "a whole number from 1 to 32",
       {"--preconditioner", "block-jacobi"});
  each("--preconditioner-degree", {"0", "65"}, "a whole number from 1 to 64", {"--preconditioner", "chebyshev"});
  each("--step", {"0", "-1", "inf", "nan"}, "a number above 0, such as 1e-3", {"--method", "gradient"});
  each("--smallest-eigenvalue", {"0", "-1"}, "a number above 0, such as 1e-3", {"--method", "chebyshev"});
}

TEST(QuadraticRefusals, FilesThatCannotBeWrittenAreKnownBeforeTheWork) {
  const Folder folder;
  // From here the work would never end.
  const auto refuse_file = [&](std::vector<std::string> more, const std::string& line) {
    more.insert(more.end(), {"--laplacian", "1d:5", "--method", "gradient", "--step", "1e-12", "--max-iterations",
                             "1e18", "--relative-tolerance", "0"});
    refuse(more, line);
  };
  for (const char* const option : {"--out-x", "--history", "--checkpoint"}) {
    for (const char* const name : {"none/file", "none/file.mtx"}) {
      refuse_file({option, folder / name}, (folder / name) + ": No such file or directory");
    }
    refuse_file({option, folder.path()}, folder.path() + ": is a directory; expected the name of a file");
    refuse_file({option, "/dev/full"}, "/dev/full: is not a regular file; expected one, or a new name");
  }
  EXPECT_TRUE(folder.files().empty());
  refuse_file({"--out-x", folder / "x.csv"},
              "--out-x: expected a file .npy or .mtx, found '" + (folder / "x.csv") + "'");
}

TEST(QuadraticRefusals, FoldersThatMayNotBeWritten) {
  if (geteuid() == 0) GTEST_SKIP() << "no permission stops root";
  const Folder closed;
  chmod(closed.path().c_str(), 0500);
  refuse({"--laplacian", "1d:5", "--out-x", closed / "x"}, (closed / "x") + ": Permission denied");
  chmod(closed.path().c_str(), 0700);
}

TEST(QuadraticRefusals, OneFileForTwo) {
  const Folder folder;
  const std::string five = folder.put("b.npy", npy_file<double>("(5,)", {1, 2, 3, 4, 5}));
  const std::string text = folder.put("b.mtx", "%%MatrixMarket matrix array real general\n5 1\n1\n2\n3\n4\n5\n");
  const std::string matrix = folder.put("a.mtx", std::string(symmetric) + "1 1 1\n1 1 1\n");
  const auto same = [&](const std::string& output, const std::string& input, const std::string& file,
                        const std::vector<std::string>& more) {
    std::vector<std::string> arguments{output, file, input, file};
    arguments.insert(arguments.end(), more.begin(), more.end());
    refuse(arguments, output + ": '" + file + "' is the same file as that of " + input);
  };
  const std::vector<std::string> line{"--laplacian", "1d:5"};
  for (const char* const output : {"--out-x", "--history", "--checkpoint"}) {
    for (const std::string& file : {five, text}) {
      same(output, "--rhs", file, line);
      same(output, "--x0", file, line);
    }
    same(output, "--diagonal", five, {});
    same(output, "--matrix", matrix, {});
    if (std::string(output) != "--checkpoint") same(output, "--checkpoint", folder / "new.mtx", line);
    if (std::string(output) != "--checkpoint") same(output, "--resume", folder / "new.mtx", line);
  }
  same("--history", "--out-x", folder / "new", line);
  same("--history", "--out-x", folder / "new.mtx", line);
  auto names = folder.files();
  std::sort(names.begin(), names.end());
  EXPECT_EQ(names, (std::vector<std::string>{"a.mtx", "b.mtx", "b.npy"}));
  EXPECT_EQ(read_file(five), npy_file<double>("(5,)", {1, 2, 3, 4, 5}));
}

TEST(QuadraticRefusals, CheckpointsOfSomethingElse) {
  const Folder folder;
  const std::string state = folder / "state";
  run_program(program, {"quadratic", "--executor", "cpu", "--laplacian", "1d:5", "--max-iterations", "1",
                        "--checkpoint", state});
  refuse({"--laplacian", "1d:5", "--resume", state, "--method", "steepest"},
         state + ": is a checkpoint of conjugate_gradient, 5 variables in f64; expected steepest, 5 variables in f64");
  refuse({"--laplacian", "1d:6", "--resume", state},
         state +
             ": is a checkpoint of conjugate_gradient, 5 variables in f64; expected conjugate_gradient, 6 "
             "variables in f64");
  refuse({"--laplacian", "1d:5", "--resume", state, "--preconditioner", "jacobi"},
         state +
             ": is a checkpoint of conjugate_gradient, 5 variables in f64; expected conjugate_gradient with "
             "jacobi, 5 variables in f64");
  refuse({"--laplacian", "1d:5", "--resume", state, "--preconditioner", "block-jacobi", "--preconditioner-block", "2"},
         state +
             ": is a checkpoint of conjugate_gradient, 5 variables in f64; expected conjugate_gradient with "
             "block_jacobi of 2, 5 variables in f64");
  refuse({"--laplacian", "1d:5", "--preconditioner", "chebyshev", "--preconditioner-degree", "3",
          "--largest-eigenvalue", "0.1"},
         "minimize: the preconditioner is not positive definite; expected a largest_eigenvalue that no eigenvalue of A "
         "over its diagonal exceeds, found 0.1");
  refuse_more({"--resume", folder / "none"}, (folder / "none") + ": No such file or directory");
  const std::string text = folder.put("text", "hello");
  refuse_more({"--resume", text}, text + ": is not a checkpoint of minimize()");
  std::string damaged = read_file(state);
  damaged[damaged.size() / 2] ^= 1;
  const std::string file = folder.put("damaged", damaged);
  refuse({"--laplacian", "1d:5", "--resume", file}, file + ": is damaged or incomplete: its checksum is wrong");
}

TEST(QuadraticRefusals, Executors) {
  const Outcome missing = run_program(program, {"quadratic", "--laplacian", "1d:5", "--executor", "cuda:4096"});
  EXPECT_EQ(missing.status, 3);
  EXPECT_EQ(missing.out, "");
  EXPECT_EQ(missing.err.find("nabla quadratic: --executor: cuda"), 0u) << missing.err;
  EXPECT_EQ(std::count(missing.err.begin(), missing.err.end(), '\n'), 1);
}

}  // namespace
}  // namespace nabla::test
