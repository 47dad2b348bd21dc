// No false alarms: 2,000 random formulas that are smooth wherever they are finite, at 1,000 points each, in f64 and
// f32; and the oracle's 2,000, which have corners and jumps too. The gradients are right (formula_test.cpp), so
// whatever "disagrees" is the check's mistake. One thing alone is not: a gradient that is not finite where the function
// is, because an intermediate result of it overflows. Such points are counted apart.

#include "executors.hpp"
#include "formula_records.hpp"

#include <nabla/check.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

namespace {

using formula_records::Record;
using nabla::CheckReport;
using nabla::Executor;
using nabla::Formula;
using nabla::Points;
using nabla::Verdict;

struct Counts {
  std::int64_t points = 0, agreeing = 0, overflows = 0;
};

/// Half of the points where signs change, half where they don't.
template <class T>
void check(const Executor& where, const Record& record, std::int64_t points, std::uint64_t seed, Counts& counts) {
  const Formula f = Formula::parse(record.formula, {.variables = record.variables});
  const auto n = static_cast<std::int64_t>(record.at.size());
  for (const bool positive : {false, true}) {
    const auto x = Points<T>::uniform(where, points / 2, n, positive ? 0.1 : -2, positive ? 3 : 2, seed);
    const CheckReport report = nabla::check_gradient(where, f, x, {.worst = 4, .seed = seed});
    counts.points += report.points_checked;
    counts.agreeing += report.points_checked - report.unresolved - report.disagreeing;
    if (report.disagreeing == 0) continue;
    const bool overflows = std::ranges::all_of(
        report.worst, [](const auto& row) { return row.verdict != Verdict::disagree || !std::isfinite(row.analytic); });
    counts.overflows += overflows ? report.disagreeing : 0;
    const auto& worst = report.worst.front();
    EXPECT_TRUE(overflows) << record.formula << "\n  " << report.disagreeing << " points; at point " << worst.point
                           << " component " << worst.component << " analytic " << worst.analytic << ", numeric "
                           << worst.numeric << " +- " << worst.error_bar << " at " << testing::PrintToString(worst.x);
  }
}

template <class T>
Counts check_file(const Executor& where, const std::string& file, std::int64_t points) {
  Counts counts;
  std::uint64_t seed = 1;
  const std::vector<Record> records = formula_records::read_records(file);
  EXPECT_EQ(records.size(), 2000u);
  const std::size_t one_of = where.is_cuda() ? 100 : NABLA_ONE_RECORD_OF;
  for (std::size_t k = 0; k < records.size(); k += one_of) check<T>(where, records[k], points, seed++, counts);
  std::printf("%s, f%zu: %lld points, %.4f agreed upon, %lld with gradients that overflow\n", file.c_str(),
              8 * sizeof(T), static_cast<long long>(counts.points),
              static_cast<double>(counts.agreeing) / static_cast<double>(counts.points),
              static_cast<long long>(counts.overflows));
  return counts;
}

class CheckFormulas : public nabla::test::OnEveryExecutor {
 protected:
  std::int64_t points(std::int64_t count) const { return executor().is_cuda() ? 64 : count; }
};
INSTANTIATE_TEST_SUITE_P(On, CheckFormulas, testing::Values("cpu3", "cuda"), nabla::test::executor_name);

TEST_P(CheckFormulas, SmoothOnesRaiseNoFalseAlarmInF64) {
  const Counts counts = check_file<double>(executor(), "smooth.txt", points(1000));
  EXPECT_GT(counts.agreeing, counts.points / 10 * 9);
  EXPECT_LT(counts.overflows, counts.points / 10'000 + 1);
}
TEST_P(CheckFormulas, SmoothOnesRaiseNoFalseAlarmInF32) {
  const Counts counts = check_file<float>(executor(), "smooth.txt", points(1000));
  EXPECT_GT(counts.agreeing, counts.points / 10 * 9);
}
TEST_P(CheckFormulas, OthersRaiseNoneEither) {
  check_file<double>(executor(), "oracle.txt", points(200));
  check_file<float>(executor(), "oracle.txt", points(200));
}

}  // namespace
