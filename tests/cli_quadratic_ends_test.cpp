#include "cli_quadratics.hpp"

#include <gtest/gtest.h>

#include <sys/resource.h>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <random>
#include <thread>

// nabla quadratic where there is no minimum, where it is interrupted, killed, or out of room on its disk; and its
// memory.

namespace nabla::test {
namespace {

/// One of b's directions bends down: e.g. (1, -1) of [1 3; 3 1].
std::string saddle(const Folder& folder) {
  return folder.put("saddle.mtx", Symmetric{2, {{0, 0, 1}, {1, 0, 3}, {1, 1, 1}}}.text());
}

TEST(QuadraticEnds, NegativeCurvature) {
  const Folder folder;
  const std::vector<std::string> of{"--matrix", saddle(folder),  "--rhs", folder.put("b.npy", vector_file({1, -1})),
                                    "--out-x",  folder / "x.npy"};
  for (const char* const method : {"conjugate-gradient", "steepest"}) {
    const json all = quadratic(of + std::vector<std::string>{"--method", method}, 1);
    EXPECT_EQ(all["status"], "negative_curvature");
    EXPECT_EQ(all["iteration"], 0);
    EXPECT_NEAR(all["curvature"].get<double>(), -2, 1e-12);
    EXPECT_EQ(numbers_of<double>(read_file(folder / "x.npy")), (std::vector<double>{0, 0}));
  }
  // b has a part of the other direction, with the eigenvalue 4, too; the second direction bends down.
  const std::string both = folder.put("b.npy", vector_file({3, -1}));
  const json later = quadratic(of, 1);
  EXPECT_EQ(later["status"], "negative_curvature");
  EXPECT_LT(later["curvature"], 0);
  for (const char* const method : {"gradient", "chebyshev", "barzilai-borwein", "nesterov", "lbfgs"}) {
    const json all = quadratic(of + std::vector<std::string>{"--method", method}, 1);
    EXPECT_NE(all["status"], "converged") << method << all.dump();
  }
}

TEST(QuadraticEnds, SingularMatrices) {
  const Folder folder;
  const std::string matrix = folder.put("a.mtx", Symmetric{2, {{0, 0, 1}, {1, 0, -1}, {1, 1, 1}}}.text());
  // Without a solution: flat along (1, 1), and falling.
  const json none = quadratic({"--matrix", matrix}, 1);
  EXPECT_EQ(none["status"], "negative_curvature");
  EXPECT_EQ(none["curvature"], 0);
  // With many.
  const json many = quadratic({"--matrix", matrix, "--rhs", folder.put("b.npy", vector_file({1, -1}))});
  EXPECT_EQ(many["status"], "converged");
  EXPECT_NEAR(many["value"].get<double>(), -0.5, 1e-15);
}

TEST(QuadraticEnds, WhatIsNotFinite) {
  const Folder folder;
  const std::string huge = folder.put("d.npy", vector_file({1e200, 1}));
  const json all = quadratic({"--diagonal", huge, "--x0", folder.put("x.npy", vector_file({1e200, 1}))}, 1);
  EXPECT_EQ(all["status"], "not_finite");
  EXPECT_EQ(all["component"], 0);
  EXPECT_EQ(all["value"], "inf");
}

/// Until output files have been begun, which is just before the matrix is made.
void wait_for_a_file(const Folder& folder) {
  for (int tries = 0; tries < 6000 && folder.files().empty(); ++tries) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  ASSERT_FALSE(folder.files().empty());
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
}

TEST(QuadraticEnds, TellsWhatItReachedWhenItIsInterrupted) {
  for (const int signal : {SIGINT, SIGTERM}) {
    const Folder folder;
    const std::vector<std::string> slow{"--laplacian",          "1d:5", "--method", "gradient", "--step", "1e-9",
                                        "--relative-tolerance", "0"};
    const Running running(program, std::vector<std::string>{"quadratic", "--executor", "cpu"} + slow +
                                       std::vector<std::string>{"--max-iterations", "1e18", "--json", "--out-x",
                                                                folder / "x.mtx", "--checkpoint", folder / "state"});
    wait_for_a_file(folder);
    running.send(signal);
    const Outcome outcome = running.wait();
    EXPECT_EQ(outcome.status, 1) << outcome.err;
    EXPECT_EQ(outcome.err, "");
    const json all = json::parse(outcome.out);
    EXPECT_EQ(all["status"], "interrupted");
    const auto iterations = all["iterations"].get<std::int64_t>();
    EXPECT_GT(iterations, 100);
    auto names = folder.files();
    std::sort(names.begin(), names.end());
    EXPECT_EQ(names, (std::vector<std::string>{"state", "x.mtx"}));
    const std::vector<double> x = vector_of_text(read_file(folder / "x.mtx"));
    ASSERT_EQ(x.size(), 5u);
    EXPECT_NEAR(x[2], 1e-9 * static_cast<double>(iterations), 1e-5 * x[2]);
    const json resumed = quadratic(slow + std::vector<std::string>{"--resume", folder / "state", "--max-iterations",
                                                                   "0", "--out-x", folder / "same.mtx"},
                                   1);
    EXPECT_EQ(resumed["iterations"], iterations);
    EXPECT_EQ(vector_of_text(read_file(folder / "same.mtx")), x);
  }
}

TEST(QuadraticEnds, GoesOnFromACheckpointBitForBit) {
  const Folder folder;
  const std::string matrix = folder.put("a.mtx", scattered(300).text());
  for (const std::string& method : all_methods()) {
    for (const std::vector<std::string>& of :
         {std::vector<std::string>{"--laplacian", "2d:12,12"}, std::vector<std::string>{"--matrix", matrix}}) {
      const std::vector<std::string> problem = of + std::vector<std::string>{"--method", method};
      const json whole = quadratic(problem + std::vector<std::string>{"--out-x", folder / "whole.npy"});
      quadratic(problem + std::vector<std::string>{"--max-iterations", "5", "--checkpoint", folder / "state",
                                                   "--checkpoint-every", "2"},
                1);
      // Twice, over itself.
      quadratic(problem + std::vector<std::string>{"--max-iterations", "8", "--resume", folder / "state",
                                                   "--checkpoint", folder / "state"},
                1);
      const json resumed =
          quadratic(problem + std::vector<std::string>{"--resume", folder / "state", "--out-x", folder / "x.npy"});
      for (const char* const key : {"iterations", "evaluations", "value", "relative_residual", "status"}) {
        EXPECT_EQ(resumed[key], whole[key]) << method << key;
      }
      EXPECT_EQ(read_file(folder / "x.npy"), read_file(folder / "whole.npy")) << method;
    }
  }
}

TEST(QuadraticEnds, KilledAtAnyMomentItLeavesAGoodCheckpoint) {
  constexpr int trials = 50;
  const std::vector<std::string> problem{"quadratic", "--executor", "cpu", "--threads", "1", "--laplacian", "2d:60,60"};
  const Folder whole;
  const auto begin = std::chrono::steady_clock::now();
  ASSERT_EQ(nabla(problem + std::vector<std::string>{"--out-x", whole / "x.npy", "--checkpoint", whole / "state",
                                                     "--checkpoint-every", "1"})
                .status,
            0);
  const std::chrono::duration<double> duration = std::chrono::steady_clock::now() - begin;
  const std::string expected = read_file(whole / "x.npy");
  std::mt19937 random(7);
  std::uniform_real_distribution<double> part(0, 1);
  int resumed = 0;
  for (int trial = 0; trial < trials; ++trial) {
    const Folder folder;
    const std::string state = folder / "state", x = folder / "x.npy";
    const Running running(
        program, problem + std::vector<std::string>{"--out-x", x, "--checkpoint", state, "--checkpoint-every", "1"});
    std::this_thread::sleep_for(part(random) * duration);
    running.send(SIGKILL);
    const bool finished = running.wait().status == 0;
    // It may be killed once it has published x and before it has ended.
    EXPECT_TRUE(std::filesystem::exists(x) || !finished);
    if (std::filesystem::exists(x)) {
      EXPECT_EQ(read_file(x), expected) << trial;
    }
    const bool has_state = std::filesystem::exists(state);
    resumed += has_state;
    const Outcome again = nabla(problem + std::vector<std::string>{"--out-x", x} +
                                (has_state ? std::vector<std::string>{"--resume", state} : std::vector<std::string>{}));
    EXPECT_EQ(again.status, 0) << again.err;
    EXPECT_EQ(read_file(x), expected) << trial;
  }
  EXPECT_GT(resumed, trials / 5);
  RecordProperty("resumed", resumed);
}

/// Children may not write longer files, as if the disk were full.
class FilesUpTo {
 public:
  explicit FilesUpTo(rlim_t bytes) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit less{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &less);
  }
  FilesUpTo(const FilesUpTo&) = delete;
  FilesUpTo& operator=(const FilesUpTo&) = delete;
  ~FilesUpTo() { setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_{};
};

TEST(QuadraticEnds, WithoutRoomTheLastCheckpointStays) {
  const Folder folder;
  const std::string state = folder / "state";
  const std::vector<std::string> problem{"quadratic", "--executor", "cpu", "--laplacian", "2d:60,60"};
  const std::vector<std::string> keeping{"--checkpoint", state, "--checkpoint-every", "3"};
  ASSERT_EQ(nabla(problem + keeping + std::vector<std::string>{"--max-iterations", "9"}).status, 1);
  const std::string good = read_file(state);
  ASSERT_GT(good.size(), 3u * 8 * 3600);
  {
    const FilesUpTo limit(20'000);
    const Outcome full =
        nabla(problem + keeping + std::vector<std::string>{"--resume", state, "--out-x", folder / "x"});
    EXPECT_EQ(full.status, 2);
    EXPECT_EQ(full.out, "");
    EXPECT_EQ(full.err, "nabla quadratic: " + state + ": File too large\n");
    const Outcome no_room = nabla(problem + std::vector<std::string>{"--out-x", folder / "x"});
    EXPECT_EQ(no_room.status, 2);
    EXPECT_EQ(no_room.err, "nabla quadratic: " + (folder / "x") + ": File too large\n");
  }
  EXPECT_EQ(folder.files(), std::vector<std::string>{"state"});
  EXPECT_EQ(read_file(state), good);
  EXPECT_EQ(nabla(problem + std::vector<std::string>{"--resume", state}).status, 0);
}

// b, x, the gradient and the direction; nothing else grows with the unknowns.
TEST(QuadraticEnds, HoldsFourVectors) {
#ifdef NABLA_SANITIZED
  GTEST_SKIP() << "sanitizers take memory of their own";
#endif
  const auto memory_of = [](const char* extents, double& told) {
    const Folder folder;
    const Outcome outcome = nabla({"quadratic", "--executor", "cpu", "--threads", "2", "--laplacian", extents,
                                   "--max-iterations", "2", "--out-x", folder / "x.npy", "--json"});
    EXPECT_EQ(outcome.status, 1) << outcome.err;
    told = json::parse(outcome.out)["memory_per_unknown"];
    return static_cast<double>(outcome.most_memory);
  };
  constexpr double unknowns = 4e6, vector = 8 * unknowns, slack = 16e6;
  double told_of_few = 0, told = 0;
  const double few = memory_of("2d:20,20", told_of_few), many = memory_of("2d:2000,2000", told);
  EXPECT_GE(many - few, 3.9 * vector - slack);
  EXPECT_LE(many - few, 4 * vector + slack);
  EXPECT_GE(told, 32);
  EXPECT_LE(told, 32.5);
}

}  // namespace
}  // namespace nabla::test
