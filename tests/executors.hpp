#pragma once

#include <gtest/gtest.h>
#include <nabla/executor.hpp>

#include <cstdlib>
#include <string>

// The executors that a parameterised suite runs on, by name: "cpu1", "cpu3" (more threads than cores, and odd), "cuda".
//     INSTANTIATE_TEST_SUITE_P(On, MySuite, every_executor(), executor_name);

namespace nabla::test {

inline auto every_executor() {
  return ::testing::Values(std::string("cpu1"), std::string("cpu3"), std::string("cuda"));
}

/// For suites about devices and streams, which have nothing to say on a CPU.
inline auto only_cuda() { return ::testing::Values(std::string("cuda")); }

inline std::string executor_name(const ::testing::TestParamInfo<std::string>& info) { return info.param; }

/// A suite whose cases get an executor. Without a CUDA device the "cuda" cases skip, or fail if NABLA_REQUIRE_CUDA=1.
class OnEveryExecutor : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (GetParam() != "cuda") return;
#ifdef __CUDACC__
    const std::string why = Executor::why_no_cuda();
#else
    const std::string why = "the test was not compiled by nvcc";
#endif
    if (why.empty()) return;
    const char* const required = std::getenv("NABLA_REQUIRE_CUDA");
    if (required != nullptr && std::string(required) == "1") FAIL() << "CUDA is required: " << why;
    GTEST_SKIP() << "no CUDA: " << why;
  }

  /// The case's executor, made on first use.
  static Executor make_executor(const std::string& name) {
    if (name == "cpu1") return Executor::cpu(1);
    if (name == "cpu3") return Executor::cpu(3);
    return Executor::cuda(0);
  }
  Executor executor() const { return make_executor(GetParam()); }
};

/// The same for suites that are instantiated with only_cuda().
using OnCuda = OnEveryExecutor;

}  // namespace nabla::test
