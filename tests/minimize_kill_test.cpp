// A program that is killed at any moment leaves a checkpoint that is good, or none.

#include "minimize_problems.hpp"
#include "npy_bytes.hpp"

#include <nabla/minimize.hpp>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

namespace {

using nabla::Array;
using nabla::Executor;
using nabla::Method;
using nabla::minimize;
using nabla::MinimizeOptions;
using nabla::MinimizeReport;
using nabla::test::Folder;
using namespace minimize_problems;

constexpr std::int64_t n = 20'000, last = 60;

std::vector<double> descend(MinimizeOptions options) {
  const Executor where = Executor::cpu(1);  // a child has none of its parent's threads
  Array<double> x = rosenbrock_start<double>(where, n);
  options.relative_gradient_tolerance = 0;
  options.max_iterations = last;
  options.memory = 4;
  minimize(where, posed<double>(where, Rosenbrock{}, n), x, options);
  return x.to_host();
}

TEST(MinimizeKilled, LeavesAGoodCheckpoint) {
  const std::vector<double> whole = descend({});
  const auto start = std::chrono::steady_clock::now();
  {
    const Folder folder;
    descend({.checkpoint = folder / "state", .checkpoint_every = 1});
  }
  const auto duration = std::chrono::steady_clock::now() - start;
  constexpr int trials = 25;
  int resumed = 0, writing = 0;
  for (int trial = 0; trial < trials; ++trial) {
    const Folder folder;
    const std::string path = folder / "state";
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      descend({.checkpoint = path, .checkpoint_every = 1});
      _exit(0);
    }
    std::this_thread::sleep_for(duration * (2 * trial + 1) / (2 * trials));
    kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    writing += folder.files().size() > (std::filesystem::exists(path) ? 1U : 0U) ? 1 : 0;
    if (!std::filesystem::exists(path)) continue;
    ++resumed;
    EXPECT_EQ(descend({.resume = path}), whole) << trial;
  }
  EXPECT_GT(resumed, 5);
  EXPECT_GT(writing, 0);
  RecordProperty("resumed", resumed);
  RecordProperty("killed_while_writing", writing);
}

}  // namespace
