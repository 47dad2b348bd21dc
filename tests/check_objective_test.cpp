// Checks of objectives with many variables: right gradients are agreed upon, wrong ones are found and their components
// named, kinks are never agreed upon, and threads change nothing.

#include "check_objectives.hpp"
#include "executors.hpp"

#include <nabla/check_objective.hpp>

#include <cmath>
#include <limits>
#include <vector>

namespace {

using check_objectives::Chain;
using check_objectives::CurvedChain;
using check_objectives::Fault;
using check_objectives::somewhere;
using check_objectives::Sums;
using check_objectives::Wrong;
using nabla::Array;
using nabla::check_gradient;
using nabla::check_hessian_vector_product;
using nabla::CheckReport;
using nabla::Executor;
using nabla::ObjectiveCheckOptions;
using nabla::Verdict;

class CheckObjective : public nabla::test::OnEveryExecutor {
 protected:
  std::int64_t many() const { return executor().is_cuda() ? 3'001 : 40'003; }

  template <class T = double>
  CheckReport check(std::int64_t n, Wrong wrong, const ObjectiveCheckOptions& options = {}) const {
    return check_gradient(executor(), Chain<T>(executor(), n, wrong), somewhere<T>(executor(), n), options);
  }
};
INSTANTIATE_TEST_SUITE_P(On, CheckObjective, nabla::test::every_executor(), nabla::test::executor_name);

TEST_P(CheckObjective, RightGradientsAgree) {
  for (const std::int64_t n : {1, 2, 33, 1000, 1001, 100'003}) {
    if (executor().is_cuda() && n > 10'000) continue;  // emulated devices are slow
    SCOPED_TRACE(n);
    const CheckReport report = check(n, {});
    EXPECT_EQ(report.verdict, Verdict::agree) << describe(report);
    EXPECT_EQ(report.points_checked, 1);
    EXPECT_EQ(report.disagreeing + report.unresolved + report.nonsmooth_points, 0);
    EXPECT_EQ(report.spread, 0);
    EXPECT_EQ(report.diagnosis, "");
    EXPECT_LT(report.max_relative_error, 1e-8);
    EXPECT_EQ(std::ssize(report.worst), std::min<std::int64_t>(n, 10));
    EXPECT_EQ(report.components_examined, std::min<std::int64_t>(n, 10));
    for (const auto& row : report.worst) {
      EXPECT_EQ(row.x.size(), 1U);
      EXPECT_NEAR(row.analytic, row.numeric, row.error_bar + 1e-8 * std::fabs(row.analytic) + 1e-11);
    }
  }
}

TEST_P(CheckObjective, FewMoreEvaluationsThanDirectionsNeed) {
  const CheckReport report = check(2'000, {}, {.worst = 5});
  EXPECT_EQ(report.evaluations, 3 + (4 + 2 + 5) * (10 + 88));
}

TEST_P(CheckObjective, SinglePrecision) {
  const std::int64_t n = executor().is_cuda() ? 2'000 : 10'007;
  for (const std::int64_t size : {std::int64_t{1}, std::int64_t{33}, n}) {
    const CheckReport right = check<float>(size, {});
    EXPECT_EQ(right.verdict, Verdict::agree) << size << ": " << describe(right);
    EXPECT_EQ(check<float>(size, {Fault::sign}).verdict, Verdict::disagree);
    EXPECT_EQ(check<float>(size, {Fault::stale}).verdict, Verdict::disagree);
  }
  const CheckReport wrong = check<float>(n, {Fault::one, n / 3});
  EXPECT_EQ(wrong.verdict, Verdict::disagree) << describe(wrong);
  EXPECT_EQ(wrong.worst.front().component, n / 3);
}

// What f loses to its own rounding makes bars wide, and not gradients wrong.
TEST_P(CheckObjective, SumsInSinglePrecision) {
  for (const std::int64_t n : {33, 2'000, 60'000}) {
    if (executor().is_cuda() && n > 10'000) continue;
    const auto x = somewhere<float>(executor(), n);
    const CheckReport report = check_gradient(executor(), Chain<float>(executor(), n, {}, false, Sums::in_t), x);
    EXPECT_EQ(report.verdict, n < 10'000 ? Verdict::agree : Verdict::unresolved) << n << ": " << describe(report);
    const Chain<float> opposite(executor(), n, {Fault::sign}, false, Sums::in_t);
    EXPECT_EQ(check_gradient(executor(), opposite, x).verdict, Verdict::disagree) << n;
  }
}

TEST_P(CheckObjective, SignsAndFactorsAreToldInWords) {
  for (const std::int64_t n : {std::int64_t{7}, many()}) {
    SCOPED_TRACE(n);
    const CheckReport sign = check(n, {Fault::sign}), factor = check(n, {Fault::factor});
    EXPECT_EQ(sign.verdict, Verdict::disagree);
    EXPECT_EQ(sign.diagnosis, "the whole gradient has the wrong sign");
    EXPECT_EQ(factor.verdict, Verdict::disagree);
    EXPECT_EQ(factor.diagnosis, "the whole gradient is 0.5 times what the differences say (1/2)");
  }
}

TEST_P(CheckObjective, OneWrongComponentOfManyIsNamed) {
  for (const std::int64_t at : {std::int64_t{0}, std::int64_t{1'234}, many() - 1}) {
    const CheckReport report = check(many(), {Fault::one, at});
    EXPECT_EQ(report.verdict, Verdict::disagree) << describe(report);
    ASSERT_FALSE(report.worst.empty());
    EXPECT_EQ(report.worst.front().component, at);
    EXPECT_EQ(report.worst.front().verdict, Verdict::disagree);
    EXPECT_NEAR(report.worst.front().analytic - report.worst.front().numeric, 0.125, 1e-6);
    EXPECT_EQ(report.worst[1].verdict, Verdict::agree) << describe(report);
    EXPECT_NE(report.diagnosis.find("component " + std::to_string(at)), std::string::npos) << report.diagnosis;
  }
}

TEST(CheckObjectiveOnTheCpu, OneOfVeryMany) {
  constexpr std::int64_t n = NABLA_VERY_MANY;  // a million in the build for CPUs
  const Executor where = Executor::cpu(2);
  const auto x = somewhere<double>(where, n);
  for (const Fault fault : {Fault::one, Fault::not_a_number}) {
    const CheckReport report = check_gradient(where, Chain<double>(where, n, {fault, n / 4 * 3 + 1}), x);
    EXPECT_EQ(report.verdict, Verdict::disagree) << describe(report);
    EXPECT_EQ(report.worst.front().component, n / 4 * 3 + 1);
  }
  EXPECT_EQ(check_gradient(where, Chain<double>(where, n), x).verdict, Verdict::agree);
}

// Where sums are noisy, halves of what is wrong are within their bars, and are followed because they are steadily off.
TEST(CheckObjectiveOnTheCpu, OneOfANoisySumIsMostlyNamed) {
  constexpr std::int64_t n = 200, checks = 40;
  const Executor where = Executor::cpu(1);
  const auto x = somewhere<float>(where, n);
  int named = 0;
  for (std::int64_t k = 1; k <= checks; ++k) {
    const std::int64_t wrong = n / (checks + 1) * k;
    const Chain<float> chain(where, n, {Fault::one, wrong}, false, Sums::in_t);
    const CheckReport report = check_gradient(where, chain, x, {.seed = static_cast<std::uint64_t>(k)});
    const auto& worst = report.worst.front();
    named += worst.component == wrong && worst.verdict == Verdict::disagree;
  }
  EXPECT_GE(named, 30);  // 34; it is 24 where only what is outside its bar is followed
}

TEST_P(CheckObjective, SwappedComponentsAreNamed) {
  const CheckReport report = check(many(), {Fault::swapped_pair, 777});
  EXPECT_EQ(report.verdict, Verdict::disagree);
  EXPECT_EQ(report.diagnosis, "components 777 and 778 are swapped") << describe(report);
}

TEST_P(CheckObjective, ANeighboursComponent) {
  for (const std::int64_t n : {std::int64_t{33}, many()}) {
    const CheckReport report = check(n, {Fault::neighbour});
    EXPECT_EQ(report.verdict, Verdict::disagree);
    EXPECT_EQ(report.diagnosis, "components hold what belongs to the variable after their own: off by one")
        << describe(report);
  }
}

TEST_P(CheckObjective, SmallMistakesEverywhere) {
  for (const Fault fault : {Fault::stale, Fault::millionth}) {
    for (const std::int64_t n : {std::int64_t{5}, many()}) {
      const CheckReport report = check(n, {fault});
      EXPECT_EQ(report.verdict, Verdict::disagree) << n << ": " << describe(report);
    }
  }
}

TEST_P(CheckObjective, AComponentThatIsNoNumber) {
  const CheckReport report = check(many(), {Fault::not_a_number, 2'020});
  EXPECT_EQ(report.verdict, Verdict::disagree) << describe(report);
  EXPECT_EQ(report.worst.front().component, 2'020);
  EXPECT_EQ(report.diagnosis, "component 2020 is not finite where the function is smooth");
  EXPECT_EQ(report.spread, 0);
}

TEST_P(CheckObjective, KinksAreNeverAgreedUpon) {
  for (const std::int64_t n : {1, 10, 1'000, 30'000}) {
    if (executor().is_cuda() && n > 10'000) continue;
    std::vector<double> numbers = somewhere<double>(executor(), n).to_host();
    for (std::size_t i = 0; i < numbers.size(); i += 7) numbers[i] = 0;
    Array<double> x(executor(), n);
    x.upload(numbers);
    const CheckReport report = check_gradient(executor(), Chain<double>(executor(), n, {}, true), x);
    EXPECT_EQ(report.verdict, Verdict::unresolved) << n << ": " << describe(report);
    EXPECT_EQ(report.nonsmooth_points, 1) << n;
  }
}

TEST_P(CheckObjective, KinksNearbyAreNoMistakes) {
  for (const std::int64_t n : {10, 300, 5'000, 100'000}) {
    if (executor().is_cuda() && n > 1'000) continue;
    const CheckReport report =
        check_gradient(executor(), Chain<double>(executor(), n, {}, true), somewhere<double>(executor(), n));
    EXPECT_NE(report.verdict, Verdict::disagree) << n << ": " << describe(report);
  }
}

// Of thousands of kinks some are at every step, and one direction in a hundred looks like one of another slope.
TEST(CheckObjectiveOnTheCpu, ManyKinksNearbyInSinglePrecision) {
  constexpr std::uint64_t seeds = NABLA_VERY_MANY < 1'000'000 ? 6 : 60;  // sanitizers take minutes for them
  const Executor where = Executor::cpu(2);
  for (const std::int64_t n : {100, 2'000, 10'000}) {
    for (const double low : {-2.0, -1.5, -0.01}) {
      const auto x = somewhere<float>(where, n, low, low < -1 ? 2 : 0.01);
      for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
        const auto check_with = [&](Wrong wrong) {
          return check_gradient(where, Chain<float>(where, n, wrong, true), x, {.seed = seed});
        };
        const CheckReport report = check_with({});
        EXPECT_NE(report.verdict, Verdict::disagree) << n << ", " << low << ", " << seed << ": " << describe(report);
        if (seed > 5) continue;
        EXPECT_EQ(check_with({Fault::sign}).verdict, Verdict::disagree) << n << ", " << low << ", " << seed;
        EXPECT_EQ(check_with({Fault::factor}).verdict, Verdict::disagree) << n << ", " << low << ", " << seed;
      }
    }
  }
}

// These looked wrong where one or two steps were enough to say so.
TEST(CheckObjectiveOnTheCpu, MistakesShowAtSeveralSteps) {
  struct Case {
    std::int64_t n;
    std::uint64_t seed;
    double low;
  };
  const Executor where = Executor::cpu(1);
  for (const auto& [n, seed, low] : {Case{100, 99, -1.5}, {150, 299, -1.5}, {500, 233, -1.5}}) {
    const auto x = somewhere<float>(where, n, low, low < -1 ? 2 : 0.01);
    const CheckReport report = check_gradient(where, Chain<float>(where, n, {}, true), x, {.seed = seed});
    EXPECT_NE(report.verdict, Verdict::disagree) << n << ": " << describe(report);
  }
}

TEST_P(CheckObjective, HessianVectorProducts) {
  for (const std::int64_t n : {std::int64_t{1}, std::int64_t{33}, many() / 10}) {
    SCOPED_TRACE(n);
    const auto x = somewhere<double>(executor(), n);
    const ObjectiveCheckOptions options{.directions = 2};
    const auto check_product = [&](Wrong wrong) {
      return check_hessian_vector_product(executor(), CurvedChain<double>(executor(), n, wrong), x, options);
    };
    const CheckReport right = check_product({});
    EXPECT_EQ(right.verdict, Verdict::agree) << describe(right);
    EXPECT_GE(right.evaluations, 1 + 2 * (2 + 10 + 88));
    EXPECT_LE(right.evaluations, 1 + 2 * (2 + 30 + 88));
    EXPECT_LT(right.max_relative_error, 1e-8);
    const CheckReport sign = check_product({Fault::sign});
    EXPECT_EQ(sign.verdict, Verdict::disagree);
    if (n > 1) {
      EXPECT_EQ(sign.diagnosis, "the whole product has the wrong sign");
    }
    const CheckReport one = check_product({Fault::one, n * 3 / 7});
    EXPECT_EQ(one.verdict, Verdict::disagree) << describe(one);
    EXPECT_EQ(one.worst.front().component, n * 3 / 7);
    EXPECT_EQ(check_product({Fault::millionth}).verdict, Verdict::disagree);
  }
  const auto x = somewhere<float>(executor(), 500);
  EXPECT_EQ(check_hessian_vector_product(executor(), CurvedChain<float>(executor(), 500), x).verdict, Verdict::agree);
}

/// Whose gradient changes from one evaluation to the next, as with atomics.
struct Unsteady {
  Chain<double> chain;
  mutable int calls = 0;

  double value(const Executor& where, std::span<const double> x) const { return chain.value(where, x); }
  double value_and_gradient(const Executor& where, std::span<const double> x, std::span<double> gradient) const {
    const double value = chain.value_and_gradient(where, x, gradient);
    double number = 0;
    nabla::detail::copy_bytes(where, &number, gradient.data() + 5, sizeof number);
    number += 0x1p-40 * ++calls;
    nabla::detail::copy_bytes(where, gradient.data() + 5, &number, sizeof number);
    return value;
  }
};

TEST_P(CheckObjective, GradientsThatChangeAreReported) {
  const CheckReport report =
      check_gradient(executor(), Unsteady{Chain<double>(executor(), 40)}, somewhere<double>(executor(), 40));
  EXPECT_NEAR(report.spread, 0x1p-40, 0x1p-48);
  EXPECT_EQ(report.verdict, Verdict::agree);
}

TEST_P(CheckObjective, ValuesThatAreNotFiniteAreNotChecked) {
  std::vector<double> numbers(20, 1.0);
  numbers[3] = std::numeric_limits<double>::infinity();
  Array<double> x(executor(), 20);
  x.upload(numbers);
  const CheckReport report = check_gradient(executor(), Chain<double>(executor(), 20), x);
  EXPECT_EQ(report.verdict, Verdict::unresolved);
  EXPECT_EQ(report.points_checked, 0);
  EXPECT_EQ(report.points_not_finite, 1);
}

TEST_P(CheckObjective, TheZeroPoint) {
  Array<double> x(executor(), 100);
  x.upload(std::vector<double>(100, 0.0));
  const CheckReport report = check_gradient(executor(), Chain<double>(executor(), 100), x);
  EXPECT_EQ(report.verdict, Verdict::agree) << describe(report);
  const CheckReport wrong = check_gradient(executor(), Chain<double>(executor(), 100, {Fault::one, 50}), x);
  EXPECT_EQ(wrong.verdict, Verdict::disagree) << describe(wrong);
}

TEST_P(CheckObjective, VariablesOfManySizes) {
  std::vector<double> numbers = somewhere<double>(executor(), 200).to_host();
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = std::ldexp(numbers[i], static_cast<int>(i % 60) - 50);
  Array<double> x(executor(), 200);
  x.upload(numbers);
  EXPECT_NE(check_gradient(executor(), Chain<double>(executor(), 200), x).verdict, Verdict::disagree);
  const CheckReport scaled = check_gradient(executor(), Chain<double>(executor(), 200), x, {.scale = 1});
  EXPECT_EQ(scaled.verdict, Verdict::agree) << describe(scaled);
}

TEST_P(CheckObjective, RefusesWhatCannotBeRight) {
  const Executor where = executor();
  const Chain<double> chain(where, 4);
  const auto x = somewhere<double>(where, 4);
  const auto message = [&](std::span<const double> at, const ObjectiveCheckOptions& options) -> std::string {
    try {
      check_gradient(where, chain, at, options);
    } catch (const nabla::ShapeError& error) {
      return error.what();
    }
    return "";
  };
  const std::span<const double> all(x.data(), 4);
  EXPECT_EQ(message(all, {.directions = 0}), "check_gradient: between 1 and 64 directions, found 0");
  EXPECT_EQ(message(all, {.coordinates = 0}), "check_gradient: between 1 and 1000000 coordinates, found 0");
  EXPECT_EQ(message(all, {.tolerance = -1}),
            "check_gradient: the tolerance must be positive, or 0 for the precision's own, found -1.000000");
  EXPECT_EQ(message(all, {.worst = -1}), "check_gradient: 0 or more rows of the worst, found -1");
  EXPECT_EQ(message(all, {.scale = NAN}),
            "check_gradient: the scale must be positive, or 0 for the largest variable's, found nan");
  EXPECT_EQ(message({}, {}),
            "check_gradient: points need a count of 0 or more and at least one component, found shape (1, 0)");
  EXPECT_EQ(message({static_cast<const double*>(nullptr), 4}, {}),
            "check_gradient: points has the shape (1, 4) but no memory");
  EXPECT_EQ(message(all, {.worst = 0}), "");
  if (!where.is_cuda()) return;
  const std::vector<double> on_the_host(4, 1.0);
  EXPECT_THROW(check_gradient(where, chain, on_the_host), nabla::MemorySpaceError);
  const Executor host = Executor::cpu(1);
  EXPECT_THROW(check_gradient(host, Chain<double>(host, 4), x), nabla::MemorySpaceError);
}

void expect_same(const CheckReport& a, const CheckReport& b) {
  EXPECT_EQ(a.verdict, b.verdict);
  EXPECT_EQ(a.max_relative_error, b.max_relative_error);
  EXPECT_EQ(a.evaluations, b.evaluations);
  EXPECT_EQ(a.diagnosis, b.diagnosis);
  ASSERT_EQ(a.worst.size(), b.worst.size());
  for (std::size_t k = 0; k < a.worst.size(); ++k) {
    EXPECT_EQ(a.worst[k].component, b.worst[k].component);
    EXPECT_EQ(a.worst[k].analytic, b.worst[k].analytic);
    EXPECT_EQ(a.worst[k].numeric, b.worst[k].numeric);
    EXPECT_EQ(a.worst[k].error_bar, b.worst[k].error_bar);
    EXPECT_EQ(a.worst[k].relative_error, b.worst[k].relative_error);
  }
}

// Numbers only; the objective of this test does not know threads.
TEST_P(CheckObjective, TheSameReportAgainAndForAnyNumberOfThreads) {
  const std::int64_t n = executor().is_cuda() ? 9'000 : 20'000;
  const Wrong wrong{Fault::one, 4'321};
  const CheckReport report = check(n, wrong);
  expect_same(report, check(n, wrong));
  for (const int threads : {1, 2, 7}) {
    if (executor().is_cuda()) break;
    const Executor where = Executor::cpu(threads);
    expect_same(report, check_gradient(where, Chain<double>(where, n, wrong), somewhere<double>(where, n)));
  }
}

}  // namespace
