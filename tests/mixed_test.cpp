// A program whose files are compiled by different compilers: a call that nvcc compiled has its kernel, the same call
// compiled by another compiler says that it has none, and neither replaces the other when the program is linked.

#include "executors.hpp"
#include "mixed_calls.hpp"

#include <nabla/check.hpp>
#include <nabla/element_sum.hpp>
#include <nabla/evaluate.hpp>

#include <string>

namespace {

using nabla::Executor;
using nabla::Points;

class Mixed : public nabla::test::OnEveryExecutor {};
INSTANTIATE_TEST_SUITE_P(On, Mixed, nabla::test::every_executor(), nabla::test::executor_name);

TEST_P(Mixed, EachCallKeepsItsOwnCode) {
  const Executor where = executor();
  const auto points = Points<double>::uniform(where, 1'000, 2, 0, 1, 1);
  const double mean = nabla::value(where, Product(), points).summary.value.mean;
  EXPECT_NEAR(mean, 0.25, 0.05);
  if (!where.is_cuda()) {
    EXPECT_EQ(mean_by_host_call(where, points), mean);
    return;
  }
  try {
    mean_by_host_call(where, points);
    FAIL() << "a call without a kernel ran on CUDA";
  } catch (const nabla::ExecutorUnavailable& error) {
    EXPECT_STREQ(
        error.what(),
        "value: this call was not compiled by nvcc, so it has no kernel; compile the file that makes it as CUDA, "
        "or use a CPU executor");
  }
}

TEST_P(Mixed, EachSumKeepsItsOwnCode) {
  const Executor where = executor();
  const auto points = Points<double>::uniform(where, 1'000, 1, 0, 1, 1);
  const std::span<const double> x(points.data(), 1'000);
  const auto sum = nabla::element_sum<double>(where, Product(), 1'000, nabla::Affine::chain(999, {0, 1}));
  const double value = sum.value(where, x);
  EXPECT_NEAR(value / 999, 0.25, 0.05);
  if (!where.is_cuda()) {
    EXPECT_EQ(sum_by_host_call(where, x), value);
  } else {
    EXPECT_THROW(sum_by_host_call(where, x), nabla::ExecutorUnavailable);
  }
}

TEST_P(Mixed, EachCheckKeepsItsOwnCode) {
  const Executor where = executor();
  const auto points = Points<double>::uniform(where, 200, 2, 0, 1, 1);
  const nabla::CheckReport report = nabla::check_gradient(where, Product(), points);
  EXPECT_EQ(report.verdict, nabla::Verdict::agree) << describe(report);
  if (!where.is_cuda()) {
    EXPECT_EQ(check_by_host_call(where, points).max_relative_error, report.max_relative_error);
    return;
  }
  try {
    check_by_host_call(where, points);
    FAIL() << "a check without a kernel ran on CUDA";
  } catch (const nabla::ExecutorUnavailable& error) {
    EXPECT_NE(std::string(error.what()).find("this call was not compiled by nvcc, so it has no kernel"),
              std::string::npos)
        << error.what();
  }
}

}  // namespace
