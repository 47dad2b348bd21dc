// What is refused, and in which words: shapes, strides, overlap, memory spaces, executors.

#include "executors.hpp"

#include <nabla/evaluate.hpp>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace {

using nabla::Array;
using nabla::BatchView;
using nabla::Executor;
using nabla::Layout;
using nabla::Outputs;
using nabla::Points;

struct Saddle {
  template <class Point>
  constexpr auto operator()(const Point& x) const {
    using nabla::sin;
    return x[0] * x[0] * x[1] + sin(x[0] * x[1]);
  }
};
struct Sum {
  template <class Point>
  constexpr auto operator()(const Point& x) const {
    typename Point::value_type sum = 0;
    for (int i = 0; i < x.size(); ++i) sum += x[i];
    return sum;
  }
};

/// The call throws E, and its message contains the text.
template <class E, class Call>
void expect_refused(Call call, const std::string& text) {
  try {
    call();
    FAIL() << "was not refused; expected: " << text;
  } catch (const E& error) {
    EXPECT_NE(std::string(error.what()).find(text), std::string::npos) << error.what() << "\nlacks: " << text;
  }
}

class Checks : public nabla::test::OnEveryExecutor {};
INSTANTIATE_TEST_SUITE_P(On, Checks, nabla::test::every_executor(), nabla::test::executor_name);

TEST_P(Checks, Shapes) {
  const Executor where = executor();
  const auto points = Points<double>::uniform(where, 10, 2, 0, 1, 1);
  const Array<double> out(where, 100);
  double* const o = out.data();
  const auto call = [&](Outputs<double> outputs) {
    return [&where, &points, outputs] { nabla::value_and_gradient(where, Saddle(), points.view(), outputs); };
  };
  expect_refused<nabla::ShapeError>(call({.value = {o, 9}}),
                                    "value_and_gradient: value must have the shape (10, 1), found (9, 1)");
  expect_refused<nabla::ShapeError>(call({.gradient = {o, 10, 3}}),
                                    "value_and_gradient: gradient must have the shape (10, 2), found (10, 3)");
  const auto three = Points<double>::uniform(where, 10, 3, 0, 1, 1);
  expect_refused<nabla::ShapeError>([&] { nabla::value(where, Saddle(), three); },
                                    "value: the function takes 2 variables, the points have 3");
  expect_refused<nabla::ShapeError>([&] { nabla::directional_derivative(where, Saddle(), points, three); },
                                    "directional_derivative: direction must have the shape (10, 2), found (10, 3)");
  const Points<double> seventeen(where, 1, 17);
  expect_refused<nabla::ShapeError>([&] { nabla::hessian(where, Sum(), seventeen); },
                                    "up to 16 variables, the points have 17");
  const Points<double> none(where, 3, 0);
  expect_refused<nabla::ShapeError>(
      [&] { nabla::value(where, Sum(), none); },
      "value: points need a count of 0 or more and at least one component, found shape (3, 0)");
  expect_refused<nabla::ShapeError>(
      [&] { nabla::value(where, Sum(), BatchView<const double>(o, -1, 2), nabla::ValueOutputs<double>{}); },
      "found shape (-1, 2)");
  expect_refused<nabla::ShapeError>(
      [&] { nabla::value(where, Sum(), BatchView<const double>(nullptr, 4, 2), nabla::ValueOutputs<double>{}); },
      "value: points has the shape (4, 2) but no memory");
}

TEST_P(Checks, SizesThatNoMemoryHas) {
  const Executor where = executor();
  const std::int64_t huge = std::numeric_limits<std::int64_t>::max() / 4;
  expect_refused<nabla::ShapeError>([&] { Points<double>(where, huge, 2); }, "larger than any memory (2^63 bytes)");
  expect_refused<nabla::ShapeError>([&] { Points<double>(where, huge, 16); }, "larger than any memory (2^63 bytes)");
  expect_refused<nabla::ShapeError>([&] { Points<double>(where, -1, 2); }, "a batch can't have the shape (-1, 2)");
  const Array<double> memory(where, 8);
  expect_refused<nabla::ShapeError>(
      [&] {
        nabla::value(where, Sum(), BatchView<const double>(memory.data(), huge, 2), nabla::ValueOutputs<double>{});
      },
      "reaches beyond 2^63 bytes");
  // What memory could hold in principle, but this machine's does not.
  EXPECT_ANY_THROW(Points<double>(where, std::int64_t{1} << 52, 2));
}

TEST_P(Checks, Overlap) {
  const Executor where = executor();
  const Array<double> memory(where, 200);
  double* const m = memory.data();
  const BatchView<const double> points(m, 10, 2);
  const auto call = [&](Outputs<double> outputs) {
    return [&where, points, outputs] { nabla::value_and_gradient(where, Saddle(), points, outputs); };
  };
  expect_refused<nabla::ShapeError>(call({.gradient = {m, 10, 2}}), "gradient overlaps points in memory");
  expect_refused<nabla::ShapeError>(call({.gradient = {m + 19, 10, 2}}), "gradient overlaps points in memory");
  expect_refused<nabla::ShapeError>(call({.value = {m + 39, 10}, .gradient = {m + 20, 10, 2}}),
                                    "gradient overlaps value in memory");
  expect_refused<nabla::ShapeError>(call({.gradient = {m + 50, 10, 2, 0, 1}}), "make its own items overlap");
  expect_refused<nabla::ShapeError>(call({.gradient = {m + 50, 10, 2, 1, 5}}), "make its own items overlap");
  // Rows that alternate, x gx y gy, are apart too; shifted by one they are not.
  const BatchView<const double> rows(m, 10, 2, 1, 20);
  nabla::value_and_gradient(where, Saddle(), rows, Outputs<double>{.gradient = {m + 10, 10, 2, 1, 20}});
  expect_refused<nabla::ShapeError>(
      [&] {
        nabla::value_and_gradient(where, Saddle(), rows, Outputs<double>{.gradient = {m + 9, 10, 2, 1, 20}});
      },
      "gradient overlaps points in memory");
  call({.value = {m + 40, 10}, .gradient = {m + 20, 10, 2}})();                 // neighbours are fine
  call({.value = {m + 52, 10, 1, 3, 1}, .gradient = {m + 50, 10, 2, 3, 1}})();  // and so are interleaved records
  where.synchronize();
}

/// Reads as many components as its state says.
struct Adjustable {
  int n = 2;
  template <class Point>
  constexpr auto operator()(const Point& x) const {
    typename Point::value_type sum = 0;
    for (int i = 0; i < n; ++i) sum += x[i];
    return sum;
  }
};

// What counts is the object, not its default-constructed twin.
TEST_P(Checks, DimensionsOfFunctionsWithState) {
  const Executor where = executor();
  const auto two = Points<double>::uniform(where, 10, 2, 0, 1, 1),
             three = Points<double>::uniform(where, 10, 3, 0, 1, 1);
  EXPECT_EQ(nabla::value(where, Adjustable{2}, two).summary.count, 10);
  EXPECT_EQ(nabla::value(where, Adjustable{3}, three).summary.count, 10);
  expect_refused<nabla::ShapeError>([&] { nabla::value(where, Adjustable{3}, two); },
                                    "value: the function takes 3 variables, the points have 2");
}

TEST_P(Checks, SummariesAreCheckedLikeOutputs) {
  const Executor where = executor();
  const auto points = Points<double>::uniform(where, 10, 2, 0, 1, 1);
  const nabla::Batch<double> value(where, 40, 1);
  auto* const inside = reinterpret_cast<nabla::Summary*>(value.data());
  expect_refused<nabla::ShapeError>(
      [&] {
        nabla::value(where, Saddle(), points.view(), nabla::ValueOutputs<double>{{value.data(), 10}, inside});
      },
      "value: summary overlaps value in memory");
  if (!where.is_cuda()) return;
  nabla::Summary on_host;
  for (const auto& view : {points.view(), BatchView<double>(points.data(), 0, 2)}) {
    expect_refused<nabla::MemorySpaceError>(
        [&] {
          nabla::value(where, Saddle(), view, nabla::ValueOutputs<double>{{}, &on_host});
        },
        "value: summary is in host memory, which");
  }
}

TEST_P(Checks, MovedBatches) {
  const Executor where = executor();
  auto points = Points<double>::uniform(where, 10, 2, 0, 1, 1);
  const auto taken = std::move(points);
  expect_refused<nabla::ShapeError>([&] { nabla::value(where, Saddle(), points); },  // NOLINT(bugprone-use-after-move)
                                    "a batch was used after it was moved away");
}

TEST_P(Checks, Alignment) {
  const Executor where = executor();
  const Array<double> memory(where, 100);
  auto* const crooked = reinterpret_cast<double*>(reinterpret_cast<char*>(memory.data()) + 4);
  expect_refused<nabla::ShapeError>(
      [&] { nabla::value(where, Sum(), BatchView<const double>(crooked, 4, 2), nabla::ValueOutputs<double>{}); },
      "value: points is not aligned to its 8-byte numbers");
}

class ChecksBesideADevice : public nabla::test::OnCuda {};
INSTANTIATE_TEST_SUITE_P(On, ChecksBesideADevice, nabla::test::only_cuda(), nabla::test::executor_name);

TEST_P(ChecksBesideADevice, MemoryOfTheWrongSpace) {
  const Executor where = executor();
  const Executor cpu = Executor::cpu(1);
  const auto on_device = Points<double>::uniform(where, 10, 2, 0, 1, 1);
  const auto on_host = Points<double>::uniform(cpu, 10, 2, 0, 1, 1);
  expect_refused<nabla::MemorySpaceError>([&] { nabla::value(where, Saddle(), on_host); },
                                          "value: points is in host memory, which");
  expect_refused<nabla::MemorySpaceError>([&] { nabla::value(cpu, Saddle(), on_device); },
                                          "value: points is in CUDA device memory, which a CPU executor can't read");
}

TEST(Executors, Names) {
  EXPECT_FALSE(Executor::named("cpu").is_cuda());
  EXPECT_EQ(Executor::named("cpu", 3).threads(), 3);
  EXPECT_GE(Executor::cpu().threads(), 1);
  EXPECT_FALSE(Executor::cpu().name().empty());
  for (const char* const wrong : {"", "gpu", "cuda:", "cuda:x", "cuda:-1", "cuda:0x", "CPU"}) {
    expect_refused<nabla::Error>([&] { Executor::named(wrong); }, "an executor is auto, cpu, cuda or cuda:K");
  }
  expect_refused<nabla::ShapeError>([] { Executor::cpu(-1); }, "the number of threads must not be negative, found -1");
}

TEST(Executors, CudaIsNeverSilentlySomethingElse) {
  const std::string why = Executor::why_no_cuda();
  EXPECT_EQ(Executor::automatic().is_cuda(), why.empty());
  if (why.empty()) {
    expect_refused<nabla::ExecutorUnavailable>([] { Executor::cuda(99); }, "cuda:99: this machine has");
  } else {
    expect_refused<nabla::ExecutorUnavailable>([] { Executor::cuda(); }, why);
    expect_refused<nabla::ExecutorUnavailable>([] { Executor::named("cuda:1"); }, why);
  }
}

// An exception of the caller's function reaches the caller, from any thread.
struct Throwing {
  static constexpr bool vectorizable = false;
  template <class Point>
  auto operator()(const Point& x) const {
    if (x[0] > 0.9) throw std::domain_error("the function's own complaint");
    return x[0] * 1;
  }
};

TEST(Executors, ExceptionsOfTheFunctionReachTheCaller) {
  for (const int threads : {1, 4}) {
    const Executor where = Executor::cpu(threads);
    const auto points = Points<double>::uniform(where, 50'000, 1, 0, 1, 1);
    expect_refused<std::domain_error>(
        [&] { nabla::value(where, Throwing(), points.view(), nabla::ValueOutputs<double>{}); }, "own complaint");
    EXPECT_EQ(nabla::value(where, Sum(), points).summary.count, 50'000);  // the executor is still good
  }
}

}  // namespace
