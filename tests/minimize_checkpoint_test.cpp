// Checkpoints: a descent that goes on from one takes the same steps, bit for bit; files that are damaged, or of another
// descent, are refused; the last good one survives a full disk.

#include "executors.hpp"
#include "minimize_problems.hpp"
#include "npy_bytes.hpp"

#include <nabla/minimize.hpp>

#include <sys/resource.h>

#include <csignal>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace {

using nabla::Array;
using nabla::describe;
using nabla::Executor;
using nabla::FileError;
using nabla::LineSearch;
using nabla::Method;
using nabla::minimize;
using nabla::MinimizeOptions;
using nabla::MinimizeReport;
using nabla::StopReason;
using nabla::test::Folder;
using namespace minimize_problems;

constexpr std::int64_t n = 37;  // an odd number of floats is padded

template <class T>
struct Descended {
  MinimizeReport report;
  std::vector<T> x;
};

template <class T>
Descended<T> run(const Executor& where, const MinimizeOptions& options, bool from_nowhere = false) {
  Array<T> x = from_nowhere ? constant<T>(where, n, 12345) : rosenbrock_start<T>(where, n);
  MinimizeReport report = minimize(where, posed<T>(where, Rosenbrock{}, n), x, options);
  return {std::move(report), x.to_host()};
}

std::vector<MinimizeOptions> every_method() {
  std::vector<MinimizeOptions> all;
  for (const Method method : {Method::gradient, Method::heavy_ball, Method::nesterov, Method::barzilai_borwein,
                              Method::nonlinear_cg, Method::lbfgs, Method::newton_cg, Method::bfgs}) {
    for (const LineSearch search : {LineSearch::strong_wolfe, LineSearch::backtracking}) {
      all.push_back({.method = method, .line_search = search});
    }
  }
  for (const Method method : {Method::gradient, Method::heavy_ball, Method::nesterov, Method::adam}) {
    all.push_back({.method = method, .step = 1e-4, .clip = 1000});
  }
  for (MinimizeOptions& options : all) {
    options.memory = 3;
    options.relative_gradient_tolerance = 0;
    options.history = true;
  }
  return all;
}

class MinimizeCheckpoint : public nabla::test::OnEveryExecutor {
 protected:
  template <class T>
  void expect_same_iterates(MinimizeOptions options, std::int64_t interrupted_at) const {
    const Folder folder;
    const std::int64_t last = 14;
    options.max_iterations = last;
    const Descended<T> whole = run<T>(executor(), options);
    options.max_iterations = interrupted_at;
    options.checkpoint = folder / "state";
    run<T>(executor(), options);
    options.max_iterations = last;
    options.checkpoint.clear();
    options.resume = folder / "state";
    const Descended<T> resumed = run<T>(executor(), options, true);
    EXPECT_EQ(resumed.x, whole.x);
    EXPECT_EQ(resumed.report.reason, whole.report.reason);
    EXPECT_EQ(resumed.report.value, whole.report.value);
    EXPECT_EQ(resumed.report.first_value, whole.report.first_value);
    EXPECT_EQ(resumed.report.iterations, last);
    EXPECT_EQ(resumed.report.evaluations.gradients, whole.report.evaluations.gradients);
    EXPECT_EQ(resumed.report.evaluations.values, whole.report.evaluations.values);
    EXPECT_EQ(resumed.report.evaluations.hessian_products, whole.report.evaluations.hessian_products);
    ASSERT_EQ(std::ssize(resumed.report.history), last - interrupted_at + 1);
    for (const auto& row : resumed.report.history) {
      const auto& expected = whole.report.history[static_cast<std::size_t>(row.iteration)];
      EXPECT_EQ(row.value, expected.value) << row.iteration;
      EXPECT_EQ(row.gradient_norm, expected.gradient_norm) << row.iteration;
    }
  }
};
INSTANTIATE_TEST_SUITE_P(On, MinimizeCheckpoint, nabla::test::every_executor(), nabla::test::executor_name);

TEST_P(MinimizeCheckpoint, ResumedIteratesAreTheSame) {
  for (const MinimizeOptions& options : every_method()) {
    for (const std::int64_t at : {0, 1, 2, 9}) {
      SCOPED_TRACE(std::string(name_of(options.method)) + (options.step > 0 ? ", fixed" : "") + " at " +
                   std::to_string(at));
      expect_same_iterates<double>(options, at);
      expect_same_iterates<float>(options, at);
    }
  }
}

TEST_P(MinimizeCheckpoint, IsWrittenEverySoManyIterations) {
  const Folder folder;
  MinimizeOptions options{.max_iterations = 20, .checkpoint = folder / "state", .checkpoint_every = 6};
  std::vector<std::int64_t> written;
  options.callback = [&](const nabla::Progress& progress) {
    if (!std::filesystem::exists(folder / "state")) return true;
    std::filesystem::rename(folder / "state", folder / std::to_string(progress.iteration - 1));
    written.push_back(progress.iteration - 1);
    return true;
  };
  const Descended<double> whole = run<double>(executor(), options);
  EXPECT_EQ(written, (std::vector<std::int64_t>{6, 12, 18}));
  EXPECT_TRUE(std::filesystem::exists(folder / "state"));  // at the limit
  for (const char* const name : {"6", "12", "18", "state"}) {
    EXPECT_EQ(run<double>(executor(), {.max_iterations = 20, .resume = folder / name}, true).x, whole.x) << name;
  }
}

/// A checkpoint of L-BFGS after four iterations.
std::string make_checkpoint(const Folder& folder) {
  run<double>(Executor::cpu(1), {.memory = 3, .max_iterations = 4, .checkpoint = folder / "state"});
  return folder / "state";
}
std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// What is said of a checkpoint that is refused, with x left as it was.
template <class T = double>
std::string refusal(MinimizeOptions options, std::int64_t size = n) {
  const Executor where = Executor::cpu(1);
  Array<T> x = constant<T>(where, size, 0.5);
  try {
    minimize(where, posed<T>(where, Rosenbrock{}, size), x, options);
  } catch (const FileError& error) {
    EXPECT_EQ(x.to_host(), std::vector<T>(static_cast<std::size_t>(size), T(0.5)));
    return error.what();
  }
  return "";
}

TEST(MinimizeCheckpointFile, OfAnotherDescentIsRefused) {
  const Folder folder;
  const std::string path = make_checkpoint(folder);
  const std::string is = path + ": is a checkpoint of lbfgs with 3 pairs, 37 variables in f64; expected ";
  EXPECT_EQ(refusal({.memory = 3, .resume = path}), "");
  EXPECT_EQ(refusal({.memory = 8, .resume = path}), is + "lbfgs with 8 pairs, 37 variables in f64");
  EXPECT_EQ(refusal<float>({.memory = 3, .resume = path}), is + "lbfgs with 3 pairs, 37 variables in f32");
  EXPECT_EQ(refusal({.memory = 3, .resume = path}, n + 1), is + "lbfgs with 3 pairs, 38 variables in f64");
  EXPECT_EQ(refusal({.method = Method::adam, .step = 1, .resume = path}),
            is + "adam with fixed steps, 37 variables in f64");
  EXPECT_EQ(refusal({.resume = folder / "nothing"}), folder / "nothing: No such file or directory");
  EXPECT_EQ(refusal({.resume = folder.path()}), folder.path() + ": is not a regular file");
  EXPECT_EQ(refusal({.resume = folder.put("text", std::string(1000, 'x'))}),
            folder / "text: is not a checkpoint of minimize()");
  EXPECT_EQ(refusal({.resume = folder.put("empty", "")}), folder / "empty: is not a checkpoint of minimize()");
}

TEST(MinimizeCheckpointFile, DamageIsFound) {
  const Folder folder;
  const std::string good = bytes_of(make_checkpoint(folder));
  for (std::size_t at = 0; at < good.size(); at += at < 200 ? 1 : 13) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ (1 << at % 8));
    const std::string said = refusal({.memory = 3, .resume = folder.put("bad", bad)});
    EXPECT_EQ(said, folder / (at < 16 ? "bad: is not a checkpoint of minimize()"
                                      : "bad: is damaged or incomplete: its checksum is wrong"))
        << at;
  }
  for (std::size_t size = 0; size < good.size(); size += size < 100 ? 1 : 31) {
    EXPECT_NE(refusal({.memory = 3, .resume = folder.put("short", good.substr(0, size))}), "") << size;
  }
  for (const std::size_t more : {std::size_t{1}, std::size_t{8}, std::size_t{16}}) {
    EXPECT_NE(refusal({.memory = 3, .resume = folder.put("long", good + std::string(more, '\0'))}), "");
  }
}

TEST(MinimizeCheckpointFile, WhereNoneCanBeWrittenNothingIsComputed) {
  const Folder folder;
  EXPECT_EQ(refusal({.checkpoint = "/dev/full"}), "/dev/full: is not a regular file; expected one, or a new name");
  EXPECT_EQ(refusal({.checkpoint = folder / "missing/state"}), folder / "missing/state: No such file or directory");
  EXPECT_EQ(folder.files(), std::vector<std::string>{});
}

TEST(MinimizeCheckpointFile, OnAFullDiskTheLastGoodOneStays) {
  const Folder folder;
  const std::string path = make_checkpoint(folder), good = bytes_of(path);
  const Executor where = Executor::cpu(1);
  Array<double> x = rosenbrock_start<double>(where, n);
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{512, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  std::string said;
  try {
    minimize(where, posed<double>(where, Rosenbrock{}, n), x, {.checkpoint = path, .checkpoint_every = 5});
  } catch (const FileError& error) {
    said = error.what();
  }
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(said, path + ": File too large");
  EXPECT_EQ(bytes_of(path), good);
  EXPECT_EQ(folder.files(), std::vector<std::string>{"state"});
  EXPECT_EQ(x.to_host(), run<double>(where, {.max_iterations = 5}).x);  // the last iterate is not lost
}

/// Throws in the middle.
struct Failing : Posed<double, Rosenbrock> {
  using Posed::Posed;
  double value_and_gradient(const Executor& where, std::span<const double> x, std::span<double> gradient) const {
    if (++calls > 30) throw std::runtime_error("the machine is on fire");
    return Posed::value_and_gradient(where, x, gradient);
  }
  mutable int calls = 0;
};

TEST(MinimizeCheckpointFile, WhatAnObjectiveThrowsLeavesTheLastIterate) {
  const Executor where = Executor::cpu(1);
  Array<double> x = rosenbrock_start<double>(where, n);
  double value = 0;
  const MinimizeOptions options{.callback = [&](const nabla::Progress& progress) {
    value = progress.value;
    return true;
  }};
  EXPECT_THROW(minimize(where, Failing(where, Rosenbrock{}, n), x, options), std::runtime_error);
  const auto f = posed<double>(where, Rosenbrock{}, n);
  EXPECT_EQ(f.value(where, {x.data(), static_cast<std::size_t>(n)}), value);
}

}  // namespace
