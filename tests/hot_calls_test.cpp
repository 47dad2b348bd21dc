// Hot calls: after the first one they allocate nothing, and on CUDA they only enqueue on the executor's stream.

#include "executors.hpp"
#include "minimize_problems.hpp"

#include <nabla/check.hpp>
#include <nabla/element_sum.hpp>
#include <nabla/evaluate.hpp>
#include <nabla/row_sum.hpp>

#include <malloc.h>

#include <cmath>
#include <vector>

/// Calls of operator new so far, in the whole program (counting_new.cpp).
long allocations_so_far();

namespace {

using nabla::Array;
using nabla::Batch;
using nabla::Executor;
using nabla::Outputs;
using nabla::Points;
using nabla::Summary;

struct Saddle {
  template <class Point>
  constexpr auto operator()(const Point& x) const {
    using nabla::sin;
    return x[0] * x[0] * x[1] + sin(x[0] * x[1]);
  }
};

/// What the device's memory pool has handed out; 0 on the CPU.
std::uint64_t device_bytes_in_use(const Executor& where) {
  std::uint64_t bytes = 0;
#ifdef __CUDACC__
  if (where.is_cuda()) {
    cudaMemPool_t pool = nullptr;
    EXPECT_EQ(cudaDeviceGetDefaultMemPool(&pool, where.device()), cudaSuccess);
    EXPECT_EQ(cudaMemPoolGetAttribute(pool, cudaMemPoolAttrUsedMemCurrent, &bytes), cudaSuccess);
    EXPECT_GT(bytes, 0U);
  }
#else
  static_cast<void>(where);
#endif
  return bytes;
}

class HotCalls : public nabla::test::OnEveryExecutor {};
INSTANTIATE_TEST_SUITE_P(On, HotCalls, nabla::test::every_executor(), nabla::test::executor_name);

TEST_P(HotCalls, AllocateNothingAfterTheFirst) {
  const Executor where = executor();
  const std::int64_t count = 20'000;
  const auto points = Points<double>::uniform(where, count, 2, -2, 2, 1, nabla::Layout::point_major);
  const Batch<double> value(where, count, 1), gradient(where, count, 2, nabla::Layout::point_major);
  const Array<Summary> summary(where, 1);
  const auto call = [&] {
    nabla::value_and_gradient(where, Saddle(), points.view(), Outputs<double>{value, gradient, summary.data()});
  };
  call();
  where.synchronize();
  const long before = allocations_so_far();
  const auto heap_before = mallinfo2();
  const std::uint64_t device_before = device_bytes_in_use(where);
  for (int repetition = 0; repetition < 5; ++repetition) call();
  const auto heap_after = mallinfo2();
  where.synchronize();
  if (where.is_cuda()) {  // the runtime may keep books of its own launches on the host
    EXPECT_EQ(device_bytes_in_use(where), device_before);
  } else {
    EXPECT_EQ(allocations_so_far(), before);
    EXPECT_EQ(heap_before.uordblks + heap_before.hblkhd, heap_after.uordblks + heap_after.hblkhd);
  }
}

struct Square {
  template <class Point>
  constexpr auto operator()(const Point& x) const {
    return x[0] * x[0];
  }
};

template <class T>
Array<T> uploaded(const Executor& where, const std::vector<T>& numbers) {
  Array<T> array(where, static_cast<std::int64_t>(numbers.size()));
  array.upload(numbers);
  return array;
}

/// The sum of Saddle over neighbours of a chain, and one over two rows of a matrix, with vectors for their passes.
struct HotSum {
  Executor where;
  std::int64_t n = 20'000;
  nabla::ElementSum<double, Saddle> f =
      nabla::element_sum<double>(where, Saddle(), n, nabla::Affine::chain(n - 1, {0, 1}));
  Array<std::int32_t> starts = uploaded<std::int32_t>(where, {0, 6'000, 6'001}),
                      columns = uploaded<std::int32_t>(where, std::vector<std::int32_t>(6'001, 7));
  Array<double> values = uploaded<double>(where, std::vector<double>(6'001, 1e-3));
  nabla::RowSum<double, Square> rows =
      nabla::row_sum<double>(where, Square(), n, nabla::SparseRows(starts, columns, values));
  Points<double> x = Points<double>::uniform(where, n, 1, -2, 2, 1), v = Points<double>::uniform(where, n, 1, -2, 2, 2);
  nabla::AddedSums<double, nabla::RowSum<double, Square>, nabla::ElementSum<double, Saddle>> both = rows + f;
  Array<double> out{where, n}, hessian{where, entries(f)}, rows_hessian{where, entries(rows)},
      both_hessian{where, entries(both)};

  static std::int64_t entries(const auto& sum) {
    return static_cast<std::int64_t>(sum.hessian_pattern().columns.size());
  }

  static std::span<double> all(const auto& array, std::int64_t size) {
    return {array.data(), static_cast<std::size_t>(size)};
  }
  void enqueue() const {
    f.hessian_vector_product(where, all(x, n), all(v, n), all(out, n));
    f.hessian(where, all(x, n), all(hessian, hessian.size()));
    rows.hessian_vector_product(where, all(x, n), all(v, n), all(out, n), true);
    rows.hessian_diagonal(where, all(x, n), all(out, n), true);
    rows.hessian(where, all(x, n), all(rows_hessian, rows_hessian.size()));
    both.hessian(where, all(x, n), all(both_hessian, both_hessian.size()));
  }
  double wait() const {
    const double first = f.value_and_gradient(where, all(x, n), all(out, n));
    return first + rows.value_and_gradient(where, all(x, n), all(out, n), true);
  }
};

TEST_P(HotCalls, SumsOfElementsAllocateNothingAfterTheFirst) {
  const HotSum sum{executor()};
  const auto call = [&] {
    sum.enqueue();
    sum.wait();
  };
  call();
  const long before = allocations_so_far();
  const std::uint64_t device_before = device_bytes_in_use(sum.where);
  for (int repetition = 0; repetition < 5; ++repetition) call();
  EXPECT_EQ(device_bytes_in_use(sum.where), device_before);
  if (!sum.where.is_cuda()) {
    EXPECT_EQ(allocations_so_far(), before);
  }
}

// From one iteration to the next, that is; what minimize() needs, it takes at once.
TEST_P(HotCalls, IterationsAllocateNothing) {
  using nabla::Method;
  const Executor where = executor();
  const std::int64_t n = 300;
  const auto f = minimize_problems::posed<double>(where, minimize_problems::Rosenbrock{}, n);
  for (const Method method : {Method::gradient, Method::heavy_ball, Method::nesterov, Method::barzilai_borwein,
                              Method::nonlinear_cg, Method::lbfgs, Method::newton_cg, Method::adam, Method::bfgs}) {
    Array<double> x = minimize_problems::rosenbrock_start<double>(where, n);
    long host_allocations = -1;
    std::uint64_t device_bytes = 0;
    nabla::minimize(where, f, x,
                    {.method = method,
                     .step = method == Method::adam ? 1e-3 : 0,
                     .relative_gradient_tolerance = 0,
                     .max_iterations = 30,
                     .callback = [&](const nabla::Progress& progress) {
                       const long host_now = allocations_so_far();
                       const std::uint64_t device_now = device_bytes_in_use(where);
                       if (progress.iteration > 3) {
                         EXPECT_TRUE(where.is_cuda() || host_now == host_allocations) << name_of(method);
                         EXPECT_EQ(device_now, device_bytes) << name_of(method);
                       }
                       host_allocations = allocations_so_far();
                       device_bytes = device_now;
                       return true;
                     }});
  }
}

TEST_P(HotCalls, TheCounterCounts) {
  const long before = allocations_so_far();
  const std::vector<double> some(10, 1.0);
  EXPECT_EQ(allocations_so_far(), before + 1) << some[0];
}

#ifdef __CUDACC__

/// A stream of the caller's.
class OwnStream {
 public:
  OwnStream() { EXPECT_EQ(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), cudaSuccess); }
  ~OwnStream() { cudaStreamDestroy(stream_); }
  OwnStream(const OwnStream&) = delete;
  OwnStream& operator=(const OwnStream&) = delete;
  cudaStream_t get() const { return stream_; }

 private:
  cudaStream_t stream_ = nullptr;
};

class HotCallsOnAStream : public nabla::test::OnCuda {};
INSTANTIATE_TEST_SUITE_P(On, HotCallsOnAStream, nabla::test::only_cuda(), nabla::test::executor_name);

TEST_P(HotCallsOnAStream, RunThere) {
  const OwnStream stream;
  const Executor where = Executor::cuda_on_stream(stream.get(), 0);
  EXPECT_EQ(where.stream(), stream.get());
  const auto points = Points<double>::uniform(where, 1'000, 2, -2, 2, 1);
  const auto result = nabla::value_and_gradient(where, Saddle(), points);
  const auto x = points.to_host(), y = result.value.to_host();
  for (std::size_t p = 0; p < 1'000; ++p) {
    ASSERT_NEAR(y[p], x[p] * x[p] * x[p + 1'000] + std::sin(x[p] * x[p + 1'000]), 1e-13);
  }
}

TEST_P(HotCallsOnAStream, ChecksRunThere) {
  const OwnStream stream;
  const Executor where = Executor::cuda_on_stream(stream.get(), 0);
  const auto points = Points<double>::uniform(where, 200, 2, -2, 2, 1);
  const nabla::CheckReport report = nabla::check_gradient(where, Saddle(), points);
  EXPECT_EQ(report.verdict, nabla::Verdict::agree) << describe(report);
  EXPECT_EQ(report.points_checked, 200);
}

// A stream that is being captured refuses whatever is not stream-ordered: a synchronisation, a copy to the host, work
// on another stream. A call that can be captured and replayed does none of these.
TEST_P(HotCallsOnAStream, CanBeCapturedInAGraphAndReplayed) {
  const OwnStream stream;
  const Executor where = Executor::cuda_on_stream(stream.get(), 0);
  const std::int64_t count = 3'000;
  auto points = Points<double>::uniform(where, count, 2, -2, 2, 1);
  const Batch<double> value(where, count, 1), gradient(where, count, 2);
  const Array<Summary> summary(where, 1);
  const auto call = [&] {
    nabla::value_and_gradient(where, Saddle(), points.view(), Outputs<double>{value, gradient, summary.data()});
  };
  call();  // the workspace grows here
  where.synchronize();

  cudaGraph_t graph = nullptr;
  ASSERT_EQ(cudaStreamBeginCapture(stream.get(), cudaStreamCaptureModeGlobal), cudaSuccess);
  call();
  ASSERT_EQ(cudaStreamEndCapture(stream.get(), &graph), cudaSuccess);
  cudaGraphExec_t replay = nullptr;
  ASSERT_EQ(cudaGraphInstantiate(&replay, graph, 0), cudaSuccess);

  // A larger call outgrows the workspace that the graph remembers.
  nabla::value_and_gradient(where, Saddle(), Points<double>::uniform(where, 40 * count, 2, -2, 2, 3));

  const auto other = Points<double>::uniform(where, count, 2, -2, 2, 2);
  ASSERT_EQ(cudaMemcpyAsync(points.data(), other.data(), static_cast<std::size_t>(2 * count) * sizeof(double),
                            cudaMemcpyDeviceToDevice, stream.get()),
            cudaSuccess);
  ASSERT_EQ(cudaGraphLaunch(replay, stream.get()), cudaSuccess);
  where.synchronize();
  const auto expected = nabla::value_and_gradient(where, Saddle(), other);
  EXPECT_EQ(gradient.to_host(), expected.gradient.to_host());
  EXPECT_EQ(nabla::detail::fetch_summary(where, summary.data()).value.min, expected.summary.value.min);
  cudaGraphExecDestroy(replay);
  cudaGraphDestroy(graph);
}

TEST_P(HotCallsOnAStream, PassesOfSumsWithoutAValueCanBeCaptured) {
  const OwnStream stream;
  const HotSum sum{Executor::cuda_on_stream(stream.get(), 0)};
  sum.enqueue();
  sum.where.synchronize();
  const std::vector<double> product = sum.out.to_host(), hessian = sum.hessian.to_host(),
                            both_hessian = sum.both_hessian.to_host();
  cudaGraph_t graph = nullptr;
  ASSERT_EQ(cudaStreamBeginCapture(stream.get(), cudaStreamCaptureModeGlobal), cudaSuccess);
  sum.enqueue();
  ASSERT_EQ(cudaStreamEndCapture(stream.get(), &graph), cudaSuccess);
  cudaGraphExec_t replay = nullptr;
  ASSERT_EQ(cudaGraphInstantiate(&replay, graph, 0), cudaSuccess);
  sum.wait();  // puts something else into the vector
  ASSERT_EQ(cudaGraphLaunch(replay, stream.get()), cudaSuccess);
  EXPECT_EQ(sum.out.to_host(), product);
  EXPECT_EQ(sum.hessian.to_host(), hessian);
  EXPECT_EQ(sum.both_hessian.to_host(), both_hessian);
  cudaGraphExecDestroy(replay);
  cudaGraphDestroy(graph);
}

#endif

}  // namespace
