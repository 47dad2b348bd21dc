// Gradients that are wrong on purpose: every fault must be found, in the right component, and most be named.

#include "check_faults.hpp"
#include "executors.hpp"

#include <nabla/check.hpp>

#include <set>

namespace {

using nabla::CheckReport;
using nabla::Points;
using nabla::Verdict;

using check_faults::Expectation;
using check_faults::Fault;

class CheckFaults : public nabla::test::OnEveryExecutor {
 protected:
  template <class T>
  CheckReport check(Fault fault) {
    const auto points = Points<T>::uniform(executor(), 300, check_faults::n, -2, 2, 11);
    return nabla::check_gradient(executor(), check_faults::Function{}, check_faults::Gradient{fault}, points);
  }
  template <class T>
  void expect_found(const Expectation& expected) {
    SCOPED_TRACE(expected.name);
    const CheckReport report = check<T>(expected.fault);
    EXPECT_EQ(report.verdict, Verdict::disagree);
    ASSERT_FALSE(report.worst.empty());
    EXPECT_EQ(report.worst.front().verdict, Verdict::disagree);
    const std::set<std::int64_t> wrong(expected.wrong.begin(), expected.wrong.end());
    for (const auto& row : report.worst) {
      if (row.verdict != Verdict::disagree || wrong.empty()) continue;
      EXPECT_TRUE(wrong.contains(row.component)) << "component " << row.component;
    }
    EXPECT_NE(report.diagnosis.find(expected.diagnosis), std::string::npos) << report.diagnosis;
  }
};
INSTANTIATE_TEST_SUITE_P(On, CheckFaults, nabla::test::every_executor(), nabla::test::executor_name);

TEST_P(CheckFaults, AreFoundInF64) {
  for (const Expectation& expected : check_faults::expectations()) expect_found<double>(expected);
}

TEST_P(CheckFaults, AreFoundInF32) {
  for (const Expectation& expected : check_faults::expectations()) {
    if (expected.fault < Fault::millionth) expect_found<float>(expected);
  }
}

TEST_P(CheckFaults, WithoutOneThereIsNothingToFind) {
  for (const Verdict verdict : {check<double>(Fault::none).verdict, check<float>(Fault::none).verdict}) {
    EXPECT_EQ(verdict, Verdict::agree);
  }
}

}  // namespace
