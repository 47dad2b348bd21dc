// Formulas on CUDA devices, from a file that no nvcc has seen: what NVRTC compiles, when it does not, and what it says.

#include "../host/formula/cuda/nvrtc.hpp"
#include "../host/formula/definition.hpp"
#include "../host/formula/disk_cache.hpp"

#include <cuda_runtime_api.h>
#include <gtest/gtest.h>
#include <nabla/formula.hpp>
#include <nabla/formula_objective.hpp>
#include <nabla/functions.hpp>

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using nabla::Array;
using nabla::Batch;
using nabla::Executor;
using nabla::Formula;
using nabla::Outputs;
using nabla::Points;
using nabla::Summary;
using nabla::formula::cuda::compilations;
using nabla::formula::cuda::compile_or_load;
namespace fs = std::filesystem;

/// The variables that say where the cache is: unset at first, and in the end as they were before.
class CacheVariables {
 public:
  CacheVariables() {
    for (const char* const name : {"NABLA_CACHE", "XDG_CACHE_HOME", "HOME"}) {
      const char* const value = std::getenv(name);
      if (value != nullptr) before_.emplace_back(name, value);
      unsetenv(name);
    }
  }
  ~CacheVariables() {
    for (const char* const name : {"NABLA_CACHE", "XDG_CACHE_HOME", "HOME"}) unsetenv(name);
    for (const auto& [name, value] : before_) setenv(name.c_str(), value.c_str(), 1);
  }
  CacheVariables(const CacheVariables&) = delete;
  CacheVariables& operator=(const CacheVariables&) = delete;

 private:
  std::vector<std::pair<std::string, std::string>> before_;
};

/// Skips without a device, or fails if NABLA_REQUIRE_CUDA=1. Each case begins with an empty cache of its own; what
/// other cases loaded stays loaded, so each has formulas of its own.
class FormulaOnCuda : public testing::Test {
 protected:
  void SetUp() override {
    fs::remove_all(cache_);
    setenv("XDG_CACHE_HOME", cache_.c_str(), 1);
    const std::string why = Executor::why_no_cuda();
    if (why.empty()) return;
    const char* const required = std::getenv("NABLA_REQUIRE_CUDA");
    if (required != nullptr && std::string(required) == "1") FAIL() << "CUDA is required: " << why;
    GTEST_SKIP() << "no CUDA: " << why;
  }
  void TearDown() override { fs::remove_all(cache_); }

  std::vector<fs::path> cached_files() const {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(cache_ / "nabla/kernels")) files.push_back(entry.path());
    return files;
  }

  const CacheVariables variables_;
  const fs::path cache_ = fs::temp_directory_path() / ("nabla-formula-cuda-" + std::to_string(getpid()));
};

double first_value(const Executor& where, const Formula& f, double at) {
  return nabla::value(where, f, Points<double>::from_host(where, std::vector<double>{at}, 1)).value.to_host()[0];
}

std::string bytes_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST_F(FormulaOnCuda, ParametersAndCopiesCompileNothing) {
  const Executor where = Executor::cuda(0);
  Formula f = Formula::parse("a*x^2 + b", {.parameters = {{"a", 2}, {"b", 1}}});
  const std::int64_t before = compilations();
  EXPECT_EQ(first_value(where, f, 3), 19);
  EXPECT_EQ(compilations(), before + 1);
  f.set_parameter("a", -1);
  const Formula copy = f;
  EXPECT_EQ(first_value(where, f, 3), -8);
  EXPECT_EQ(first_value(where, copy, 3), -8);
  EXPECT_EQ(compilations(), before + 1);
  EXPECT_EQ(f.definition().kernels.count(), 1);
}

TEST_F(FormulaOnCuda, ThresholdsCompileNothing) {
  const Executor where = Executor::cuda(0);
  for (const char* const text :
       {"3*x", "a*x"}) {  // the threshold follows the parameters, or what stands in their place
    nabla::FormulaOptions options;
    if (text[0] == 'a') options.parameters = {{"a", 3}};
    const Formula f = Formula::parse(text, options);
    const auto x = Points<double>::from_host(where, std::vector<double>{5}, 1);
    const std::int64_t before = compilations();
    EXPECT_EQ(nabla::clipped_gradient(where, f, x, 0.5).gradient.to_host()[0], 0.5);
    EXPECT_EQ(nabla::clipped_gradient(where, f, x, 2).gradient.to_host()[0], 2);
    EXPECT_EQ(nabla::clipped_gradient(where, f, x, 4).gradient.to_host()[0], 3);
    EXPECT_EQ(compilations(), before + 1);
  }
}

TEST_F(FormulaOnCuda, TheSameTextIsLoadedOnce) {
  setenv("NABLA_CACHE", "off", 1);
  const Executor where = Executor::cuda(0);
  const std::int64_t before = compilations();
  EXPECT_EQ(first_value(where, Formula::parse("x^2 + 1"), 3), 10);
  EXPECT_EQ(first_value(where, Formula::parse("x^2 + 1"), 3), 10);
  EXPECT_EQ(compilations(), before + 1);
  EXPECT_EQ(first_value(where, Formula::parse("x^2 + 2"), 3), 11);
  EXPECT_EQ(compilations(), before + 2);
}

TEST_F(FormulaOnCuda, WhatWasUsedIsOnDisk) {
  const Executor where = Executor::cuda(0);
  EXPECT_EQ(first_value(where, Formula::parse("x^2 + 3"), 3), 12);
  EXPECT_EQ(first_value(where, Formula::parse("x^2 + 4"), 3), 13);
  EXPECT_EQ(cached_files().size(), 2u);
}

const std::string source = "template <class T> __global__ void twice_kernel(T* x) { *x *= 2; }\n";

TEST_F(FormulaOnCuda, WhatIsOnDiskIsNotCompiledAgain) {
  const std::int64_t before = compilations();
  const auto made = compile_or_load(source, "twice_kernel<float>", "compute_75");
  EXPECT_NE(made.ptx.find(".entry " + made.name), std::string::npos) << made.ptx;
  EXPECT_EQ(compilations(), before + 1);
  const auto loaded = compile_or_load(source, "twice_kernel<float>", "compute_75");
  EXPECT_EQ(compilations(), before + 1);
  EXPECT_EQ(loaded.name, made.name);
  EXPECT_EQ(loaded.ptx, made.ptx);
  compile_or_load(source, "twice_kernel<double>", "compute_75");
  compile_or_load(source, "twice_kernel<float>", "compute_80");
  compile_or_load(source + "// more\n", "twice_kernel<float>", "compute_75");
  EXPECT_EQ(compilations(), before + 4);
  EXPECT_EQ(cached_files().size(), 4u);
}

// Builds of one version differ in what they make.
TEST_F(FormulaOnCuda, TheKeyNamesTheCompilersFile) {
  const std::string version = nabla::formula::cuda::nvrtc_version(), identity = nabla::formula::cuda::nvrtc_identity();
  EXPECT_TRUE(identity.starts_with(version + " of ")) << identity;
  EXPECT_NE(identity.find(" bytes, "), std::string::npos) << identity;
  compile_or_load(source, "twice_kernel<float>", "compute_75");
  EXPECT_NE(bytes_of(cached_files().at(0)).find("\nNVRTC " + identity + "\n"), std::string::npos);
}

TEST_F(FormulaOnCuda, ErrorsOfTheCompilerAreTold) {
  const auto message = [](const std::string& wrong) -> std::string {
    try {
      nabla::formula::cuda::compile(wrong + source, "twice_kernel<float>", "compute_75");
      return "no error";
    } catch (const nabla::CudaError& error) {
      return error.what();
    }
  };
  const std::string start = "NVRTC could not compile a formula's kernel: NVRTC_ERROR_COMPILATION: ";
  EXPECT_EQ(message("int k = undeclared;\n"), start + "formula.cu(1): error: identifier \"undeclared\" is undefined");
  // Not the log's first line, which is a remark.
  EXPECT_EQ(message("#pragma message \"remark\"\n#error wrong\n"),
            start + "formula.cu(2): catastrophic error: #error directive: wrong");
}

TEST_F(FormulaOnCuda, PtxThatTheDriverRefuses) {
  try {
    nabla::detail::cuda::load_kernel(0, "no PTX", "kernel", "a test");
    FAIL() << "no refusal";
  } catch (const nabla::CudaError& error) {
    EXPECT_EQ(std::string(error.what()).find("cuModuleLoadDataEx: "), 0u) << error.what();
  }
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
}

TEST_F(FormulaOnCuda, DamagedFilesAreReplaced) {
  const auto made = compile_or_load(source, "twice_kernel<float>", "compute_75");
  ASSERT_EQ(cached_files().size(), 1u);
  const fs::path file = cached_files()[0];
  const std::string whole = bytes_of(file);
  std::string damaged = whole;
  const std::size_t entry = damaged.find(".entry");
  ASSERT_NE(entry, std::string::npos);
  damaged[entry] = ',';  // PTX that the driver refuses
  std::ofstream(file, std::ios::binary) << damaged;
  const std::int64_t before = compilations();
  EXPECT_EQ(compile_or_load(source, "twice_kernel<float>", "compute_75").ptx, made.ptx);
  EXPECT_EQ(compilations(), before + 1);
  EXPECT_EQ(bytes_of(file), whole);
}

// Half of the threads with a formula of their own.
TEST_F(FormulaOnCuda, ThreadsCompileOnce) {
  namespace formula = nabla::formula;
  const Formula f = Formula::parse("x^3 + 1");
  const formula::cuda::Call call{"ValueBody", formula::Task::value, 1, 2, {}, {}};
  const std::int64_t before = compilations();
  std::vector<const void*> found(4);
  std::vector<std::thread> threads;
  for (std::size_t k = 0; k < found.size(); ++k) {
    threads.emplace_back([&, k] {
      const Formula used = k % 2 == 0 ? f : Formula::parse(f.text());
      found[k] = used.definition()
                     .kernels
                     .get({"ValueBody", "", 1, "double", true, 0},
                          [&] { return source_of(used.definition(), call, "double", true, true); })
                     .function;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_NE(found[0], nullptr);
  EXPECT_EQ(found, std::vector<const void*>(4, found[0]));
  EXPECT_EQ(compilations(), before + 1);
  EXPECT_EQ(first_value(Executor::cuda(0), f, 2), 9);  // the same kernel
  EXPECT_EQ(compilations(), before + 1);
}

TEST_F(FormulaOnCuda, CallsCanBeCapturedOnceCompiled) {
  cudaStream_t stream = nullptr;
  ASSERT_EQ(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), cudaSuccess);
  {
    const Executor where = Executor::cuda_on_stream(stream, 0);
    const Formula f = Formula::parse("x^2*y + a*sin(x*y)", {.parameters = {{"a", 0.5}}});
    const std::int64_t count = 3'000;
    const auto points = Points<double>::uniform(where, count, 2, -2, 2, 1);
    const Batch<double> value(where, count, 1), gradient(where, count, 2);
    const Array<Summary> summary(where, 1);
    const auto call = [&] {
      nabla::value_and_gradient(where, f, points.view(), Outputs<double>{value, gradient, summary.data()});
    };
    call();
    where.synchronize();
    const auto expected_value = value.to_host(), expected_gradient = gradient.to_host();
    cudaMemPool_t pool = nullptr;
    ASSERT_EQ(cudaDeviceGetDefaultMemPool(&pool, 0), cudaSuccess);
    std::uint64_t before = 0, after = 0;
    EXPECT_EQ(cudaMemPoolGetAttribute(pool, cudaMemPoolAttrUsedMemCurrent, &before), cudaSuccess);
    cudaGraph_t graph = nullptr;
    ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal), cudaSuccess);
    call();
    ASSERT_EQ(cudaStreamEndCapture(stream, &graph), cudaSuccess);
    cudaGraphExec_t replay = nullptr;
    ASSERT_EQ(cudaGraphInstantiate(&replay, graph, 0), cudaSuccess);
    EXPECT_EQ(cudaMemPoolGetAttribute(pool, cudaMemPoolAttrUsedMemCurrent, &after), cudaSuccess);
    EXPECT_EQ(before, after);
    ASSERT_EQ(cudaMemsetAsync(value.data(), 0, static_cast<std::size_t>(count) * sizeof(double), stream), cudaSuccess);
    ASSERT_EQ(cudaMemsetAsync(gradient.data(), 0, static_cast<std::size_t>(2 * count) * sizeof(double), stream),
              cudaSuccess);
    ASSERT_EQ(cudaGraphLaunch(replay, stream), cudaSuccess);
    where.synchronize();
    EXPECT_EQ(value.to_host(), expected_value);
    EXPECT_EQ(gradient.to_host(), expected_gradient);
    EXPECT_EQ(cudaGraphExecDestroy(replay), cudaSuccess);
    EXPECT_EQ(cudaGraphDestroy(graph), cudaSuccess);
  }
  EXPECT_EQ(cudaStreamDestroy(stream), cudaSuccess);
}

// A quarter of a second during which the stream does nothing else, unless it works as soon as it is told to.
void wait(void*) { std::this_thread::sleep_for(std::chrono::milliseconds(250)); }

TEST_F(FormulaOnCuda, AFormulaMayGoBeforeItsWorkIsDone) {
  cudaStream_t stream = nullptr;
  ASSERT_EQ(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), cudaSuccess);
  {
    const Executor where = Executor::cuda_on_stream(stream, 0);
    const auto points = Points<double>::from_host(where, std::vector<double>(1000, 3), 1);
    const Batch<double> value(where, 1000, 1), gradient(where, 1000, 1);
    const Outputs<double> out{value, gradient, nullptr};
    ASSERT_EQ(cudaLaunchHostFunc(stream, wait, nullptr), cudaSuccess);
    nabla::value_and_gradient(where, Formula::parse("x^3 + 5*x"), points.view(), out);
    where.synchronize();
    EXPECT_EQ(value.to_host(), std::vector<double>(1000, 42));
    EXPECT_EQ(gradient.to_host(), std::vector<double>(1000, 32));
  }
  EXPECT_EQ(cudaStreamDestroy(stream), cudaSuccess);
}

// CUDA forbids much to all threads while a stream is captured in its global mode; loading is not part of that here.
TEST_F(FormulaOnCuda, FormulasMayComeAndGoDuringACapture) {
  cudaStream_t stream = nullptr;
  ASSERT_EQ(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), cudaSuccess);
  {
    const Executor where = Executor::cuda_on_stream(stream, 0), other = Executor::cuda(0);
    const std::int64_t count = 100;
    const auto points = Points<double>::from_host(where, std::vector<double>(100, 3), 1);
    const Batch<double> value(where, count, 1), gradient(where, count, 1), elsewhere(other, count, 1);
    std::optional<Formula> f = Formula::parse("x^3 + 6*x"), bystander = Formula::parse("x^3 + 7*x");
    const auto gradients = [&](const Executor& on, const Formula& of, const Batch<double>& out) {
      nabla::value_and_gradient(on, of, points.view(), Outputs<double>{{}, out, nullptr});
    };
    gradients(where, *f, gradient);
    gradients(other, *bystander, elsewhere);
    where.synchronize();
    other.synchronize();
    cudaGraph_t graph = nullptr;
    ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal), cudaSuccess);
    gradients(where, *f, gradient);
    f.reset();
    bystander.reset();
    gradients(other, Formula::parse("x^3 + 8*x"), elsewhere);  // is compiled and loaded now
    ASSERT_EQ(cudaStreamEndCapture(stream, &graph), cudaSuccess);
    other.synchronize();
    EXPECT_EQ(elsewhere.to_host(), std::vector<double>(100, 35));
    cudaGraphExec_t replay = nullptr;
    ASSERT_EQ(cudaGraphInstantiate(&replay, graph, 0), cudaSuccess);
    ASSERT_EQ(cudaMemsetAsync(gradient.data(), 0, 100 * sizeof(double), stream), cudaSuccess);
    ASSERT_EQ(cudaGraphLaunch(replay, stream), cudaSuccess);
    where.synchronize();
    EXPECT_EQ(gradient.to_host(), std::vector<double>(100, 33));
    EXPECT_EQ(cudaGraphExecDestroy(replay), cudaSuccess);
    EXPECT_EQ(cudaGraphDestroy(graph), cudaSuccess);
  }
  EXPECT_EQ(cudaStreamDestroy(stream), cudaSuccess);
}

/// The driver's context of this thread.
void* current_context() {
  void* function = nullptr;
  cudaDriverEntryPointQueryResult result{};
  EXPECT_EQ(cudaGetDriverEntryPointByVersion("cuCtxGetCurrent", &function, 12000, cudaEnableDefault, &result),
            cudaSuccess);
  if (function == nullptr) return nullptr;
  void* context = nullptr;
  EXPECT_EQ(reinterpret_cast<int (*)(void**)>(function)(&context), 0);
  return context;
}

TEST_F(FormulaOnCuda, OtherThreadsUseWhatOneHasLoaded) {
  const Executor where = Executor::cuda(0);
  std::optional<Formula> f = Formula::parse("x^2 + 9*x");
  const std::int64_t before = compilations();
  EXPECT_EQ(first_value(where, *f, 2), 22);
  std::thread([&] {
    const void* const context = current_context();
    EXPECT_EQ(first_value(where, *f, 3), 36);
    EXPECT_EQ(first_value(Executor::cuda(0), *f, 4), 52);
    f.reset();
    EXPECT_EQ(current_context(), context);  // what this thread had before, be it nothing
  }).join();
  EXPECT_EQ(first_value(where, Formula::parse("x^2 + 9*x"), 5), 70);
  EXPECT_EQ(compilations(), before + 1);
}

TEST_F(FormulaOnCuda, TooManyParametersAreRefused) {
  const Executor where = Executor::cuda(0);
  std::string text = "x";
  nabla::FormulaOptions options;
  for (int k = 0; k < 401; ++k) {
    options.parameters.emplace_back("p" + std::to_string(k), 1);
    text += " + " + options.parameters.back().first;
  }
  try {
    first_value(where, Formula::parse(text, options), 1);
    FAIL() << "no refusal";
  } catch (const nabla::ShapeError& error) {
    EXPECT_STREQ(error.what(), "a formula on a CUDA device may have 400 parameters, this one has 401");
  }
  options.parameters.pop_back();
  EXPECT_EQ(first_value(where, Formula::parse(text.substr(0, text.rfind(" +")), options), 1), 401);
}

// Each pass is compiled when it is first called, and its kernel is kept on disk and for other sums.
TEST_F(FormulaOnCuda, SumsCompileEachPassOnce) {
  const Executor where = Executor::cuda(0);
  auto f = Formula::parse("a*(v - u - k)^2 + 10", {.variables = {"u", "v"}, .parameters = {{"a", 2}}, .data = {"k"}});
  const Array<double> data(where, 1), x(where, 3), gradient(where, 3);
  const auto upload = [](const Array<double>& to, const std::vector<double>& numbers) {
    nabla::detail::copy_bytes(to.executor(), to.data(), numbers.data(), numbers.size() * sizeof(double));
  };
  upload(data, {1});
  upload(x, {0, 2, 5});
  const std::span<const double> at(x.data(), 3);
  const auto sum_of = [&](const Formula& element) {
    return nabla::element_sum<double>(where, element, 3, nabla::Affine::chain(2, {0, 1}),
                                      nabla::BatchView<const double>{data.data(), 1, 1});
  };
  const std::int64_t before = compilations();
  auto sum = sum_of(f);
  EXPECT_EQ(compilations(), before);
  EXPECT_EQ(sum.value(where, at), 2 * (1 + 4) + 20);
  EXPECT_EQ(compilations(), before + 1);
  EXPECT_EQ(cached_files().size(), 1u);
  EXPECT_EQ(sum.value_and_gradient(where, at, {gradient.data(), 3}), 30);
  EXPECT_EQ(gradient.to_host(), (std::vector<double>{-4, 4 - 8, 8}));
  EXPECT_EQ(compilations(), before + 2);
  EXPECT_EQ(cached_files().size(), 2u);
  sum.formula().set_parameter("a", 3);
  EXPECT_EQ(sum.value(where, at), 35);
  f.set_parameter("a", 4);
  EXPECT_EQ(sum_of(f).value_and_gradient(where, at, {gradient.data(), 3}), 40);
  const Formula again = Formula::parse(f.text(), {.variables = {"u", "v"}, .parameters = {{"a", 5}}, .data = {"k"}});
  EXPECT_EQ(sum_of(again).value(where, at), 45);
  EXPECT_EQ(compilations(), before + 2);
  // Other connectivities have kernels of their own.
  const auto wide = nabla::element_sum<double>(where, f, 3, nabla::Affine::chain(1, {0, 2}, 2),
                                               nabla::BatchView<const double>{data.data(), 1, 1});
  EXPECT_EQ(wide.value(where, at), 4 * 16 + 10);
  EXPECT_EQ(compilations(), before + 3);
}

TEST_F(FormulaOnCuda, ProductsOfSumsCanBeCaptured) {
  cudaStream_t stream = nullptr;
  ASSERT_EQ(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), cudaSuccess);
  {
    const Executor where = Executor::cuda_on_stream(stream, 0);
    const std::int64_t n = 1'000;
    const auto f = nabla::formula_objective<double>(where, Formula::parse("sum(i, 1, n-1, exp(x[i]*x[i+1]))"), n);
    const auto x = Points<double>::uniform(where, n, 1, -1, 1, 1), v = Points<double>::uniform(where, n, 1, -1, 1, 2),
               product = Points<double>::uniform(where, n, 1, -1, 1, 3);
    const auto count = static_cast<std::size_t>(n);
    const auto call = [&] {
      f.hessian_vector_product(where, {x.data(), count}, {v.data(), count}, {product.data(), count});
    };
    call();
    where.synchronize();
    const auto expected = product.to_host();
    cudaGraph_t graph = nullptr;
    ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal), cudaSuccess);
    call();
    ASSERT_EQ(cudaStreamEndCapture(stream, &graph), cudaSuccess);
    cudaGraphExec_t replay = nullptr;
    ASSERT_EQ(cudaGraphInstantiate(&replay, graph, 0), cudaSuccess);
    ASSERT_EQ(cudaMemsetAsync(product.data(), 0, count * sizeof(double), stream), cudaSuccess);
    ASSERT_EQ(cudaGraphLaunch(replay, stream), cudaSuccess);
    where.synchronize();
    EXPECT_EQ(product.to_host(), expected);
    EXPECT_EQ(cudaGraphExecDestroy(replay), cudaSuccess);
    EXPECT_EQ(cudaGraphDestroy(graph), cudaSuccess);
  }
  EXPECT_EQ(cudaStreamDestroy(stream), cudaSuccess);
}

TEST_F(FormulaOnCuda, ElementsThatAreTooLongAreRefused) {
  const Executor where = Executor::cuda(0);
  const auto refusal = [&](const Formula& element) -> std::string {
    const Array<double> x(where, 2);
    try {
      const auto sum = nabla::element_sum<double>(where, element, 2, nabla::Affine::chain(2, {0}));
      return std::to_string(sum.value(where, {x.data(), 2}));
    } catch (const nabla::Error& error) {
      return error.what();
    }
  };
  std::string text = "x", parameters = "x";
  nabla::FormulaOptions options;
  for (int k = 1; k <= 401; ++k) {
    text += " + 1/(" + std::to_string(k) + " + x)";
    options.parameters.emplace_back("p" + std::to_string(k), 1);
    parameters += " + " + options.parameters.back().first;
  }
  const std::string what = refusal(Formula::parse(text));
  EXPECT_EQ(what.find("a formula on a CUDA device may have 500 operations as an element of a sum, this one has "), 0u)
      << what;
  EXPECT_TRUE(what.ends_with("; use a CPU executor")) << what;
  EXPECT_EQ(refusal(Formula::parse(parameters, options)),
            "a formula on a CUDA device may have 400 parameters, this one has 401");
}

TEST_F(FormulaOnCuda, ManyElementaryFunctionsOfElementsAreCalled) {
  const Executor where = Executor::cuda(0), cpu = Executor::cpu(1);
  std::string text;
  for (const char* const function :
       {"cbrt", "exp",  "expm1", "log",  "log1p", "log2", "log10", "sin",   "cos", "tan",
        "asin", "acos", "atan",  "sinh", "cosh",  "tanh", "asinh", "atanh", "erf", "erfc"}) {
    text += std::string(" + ") + function + "(x[i])*" + function + "(0.5*x[i] + 0.1*x[i+1])";
  }
  text = "sum(i, 1, n-1, acosh(1 + x[i]) + x[i]^x[i+1] + atan2(x[i], x[i+1]) + hypot(x[i], x[i+1])" + text + ")";
  const auto x = Points<double>::uniform(cpu, 40, 1, 0.1, 0.8, 1), v = Points<double>::uniform(cpu, 40, 1, 0, 1, 2);
  const auto all = [](const Executor& on, const Formula& f, const Batch<double>& point,
                      const Batch<double>& direction) {
    const auto objective = nabla::formula_objective<double>(on, f, 40);
    const Array<double> gradient(on, 40), product(on, 40), diagonal(on, 40);
    std::vector<double> found{objective.value_and_gradient(on, {point.data(), 40}, {gradient.data(), 40})};
    objective.hessian_vector_product(on, {point.data(), 40}, {direction.data(), 40}, {product.data(), 40});
    objective.hessian_diagonal(on, {point.data(), 40}, {diagonal.data(), 40});
    for (const auto* const vector : {&gradient, &product, &diagonal}) {
      for (const double number : vector->to_host()) found.push_back(number);
    }
    return found;
  };
  const Formula f = Formula::parse(text);
  const auto expected = all(cpu, f, x, v), found = all(where, f, Batch<double>::from_host(where, x.to_host(), 1),
                                                       Batch<double>::from_host(where, v.to_host(), 1));
  for (std::size_t k = 0; k < found.size(); ++k) {
    EXPECT_NEAR(found[k], expected[k], 1e-12 * (1 + std::fabs(expected[k]))) << k;
  }
}

TEST_F(FormulaOnCuda, ManyElementaryFunctionsAreCalled) {
  std::string text = "x*y", all = "x";
  for (int k = 1; k <= 40; ++k) text += " + sin(" + std::to_string(k) + "*x*y)";
  for (const char* const function :
       {"cbrt", "exp",  "expm1", "log",  "log1p", "log2", "log10", "sin",   "cos", "tan",
        "asin", "acos", "atan",  "sinh", "cosh",  "tanh", "asinh", "atanh", "erf", "erfc"}) {
    all += std::string(" + ") + function + "(x)*" + function + "(0.5*x + 0.1*y)";  // each twice
  }
  all += " + acosh(1 + x) + x^y + atan2(x, y) + hypot(x, y)";
  const auto x = Points<double>::uniform(Executor::cpu(1), 40, 2, 0.1, 0.8, 1);
  const Executor cuda = Executor::cuda(0);
  const auto on_cuda = Points<double>::from_host(cuda, x.to_host(), 2, x.layout());
  for (const std::string& formula : {text, all}) {
    const Formula f = Formula::parse(formula);
    const auto expected = nabla::value_and_gradient(Executor::cpu(1), f, x).gradient.to_host();
    const auto found = nabla::value_and_gradient(cuda, f, on_cuda).gradient.to_host();
    double steepest = 0;
    for (const double g : expected) steepest = std::fmax(steepest, std::fabs(g));
    for (std::size_t k = 0; k < found.size(); ++k) ASSERT_NEAR(expected[k], found[k], 1e-13 * steepest) << k;
  }
}

TEST_F(FormulaOnCuda, TooLongFormulasAreRefused) {
  std::string text = "x*y";
  for (int k = 1; k <= 600; ++k) text += " + x*y/(" + std::to_string(k) + " + x)";
  const Executor where = Executor::cuda(0);
  const auto points = Points<double>::uniform(where, 1, 2, 0, 1, 1);
  try {
    nabla::value_and_gradient(where, Formula::parse(text), points);
    FAIL() << "no refusal";
  } catch (const nabla::ExecutorUnavailable& error) {
    const std::string what = error.what();
    EXPECT_EQ(what.find("a formula on a CUDA device may have 2000 operations with its derivatives, this one has "), 0u);
    EXPECT_TRUE(what.ends_with("; use a CPU executor")) << what;
  }
}

TEST_F(FormulaOnCuda, NumbersKeepTheirValueAndSign) {
  const Executor where = Executor::cuda(0);
  const auto value = [&](const std::string& text) { return first_value(where, Formula::parse(text), 1); };
  EXPECT_EQ(value("x + 12345678901234567000"), 12345678901234567000.0);  // no whole number of C++ is as large
  EXPECT_EQ(value("x*1e300*1e300"), HUGE_VAL);
  EXPECT_TRUE(std::signbit(value("atan2(-0*x, x)")));
  EXPECT_EQ(value("x/3"), 1.0 / 3);
  EXPECT_EQ(value("5e-324*x"), 5e-324);
}

/// Results of all operations, one after another.
std::vector<double> all_operations(const Executor& where, const Formula& f, std::int64_t n) {
  const Executor cpu = Executor::cpu(1);
  const auto batch = [&](unsigned seed) {  // the same numbers everywhere
    const auto made = Points<double>::uniform(cpu, 40, n, 0.5, 1.5, seed);
    return Points<double>::from_host(where, made.to_host(), n, made.layout());
  };
  const auto x = batch(1), v = batch(2);
  std::vector<double> all;
  const auto add = [&](const auto& part) {
    const auto numbers = part.to_host();
    all.insert(all.end(), numbers.begin(), numbers.end());
  };
  add(nabla::value(where, f, x).value);
  add(nabla::value_and_gradient(where, f, x).gradient);
  add(nabla::directional_derivative(where, f, x, v).derivative);
  const auto product = nabla::hessian_vector_product(where, f, x, v);
  add(product.gradient);
  add(product.product);
  add(nabla::steepest_ascent(where, f, x).direction);
  add(nabla::clipped_gradient(where, f, x, 0.25).gradient);
  if (n <= 16) add(nabla::hessian(where, f, x).hessian);
  return all;
}

// Up to 16 variables the body is compiled for their number; loops stay loops from 65 terms on; 90 variables are too
// many for a tile, and the strided kernel addresses the caller's memory.
TEST_F(FormulaOnCuda, LoopsAndManyVariables) {
  const Formula f = Formula::parse(
      "sum(i, 1, n-1, 3*(x[i+1] - x[i]^2)^2 + i*sin(x[i])) + prod(i, 1, n, 1 + x[i]/n) + sum(i, 1, n, sum(j, 1, i, "
      "x[i]*x[j]))/n^2");
  for (const std::int64_t n : {3, 16, 17, 90}) {
    SCOPED_TRACE(n);
    const auto expected = all_operations(Executor::cpu(1), f, n), found = all_operations(Executor::cuda(0), f, n);
    ASSERT_EQ(expected.size(), found.size());
    for (std::size_t k = 0; k < found.size(); ++k) {
      ASSERT_NEAR(expected[k], found[k], 1e-13 * (1 + std::fabs(expected[k]))) << k;
    }
  }
}

TEST_F(FormulaOnCuda, TheBuiltInFunctionsAsTheyPrintThemselves) {
  const Executor cuda = Executor::cuda(0), cpu = Executor::cpu(2);
  int checked = 0;
  nabla::functions::for_each([&]<class F>(const F& functor) {
    const auto& info = F::info;
    for (const std::int64_t n : {info.dimension.least, 4 * info.dimension.least, 100 * info.dimension.least}) {
      if (!info.dimension.accepts(n)) continue;
      SCOPED_TRACE(std::string(info.name) + ", n = " + std::to_string(n));
      nabla::FormulaOptions options;
      if (info.name == "lennard_jones") options.parameters = {{"epsilon", 1}, {"sigma", 1}};
      if (info.name == "neuron") options.parameters = {{"x1", 1}, {"x2", 2}, {"t", 0.25}};
      const Formula f = Formula::parse(info.formula, options);
      const auto x = Points<double>::uniform(cpu, 60, n, info.low, info.high, 9);
      const auto on_cuda = Points<double>::from_host(cuda, x.to_host(), n, x.layout());
      const auto expected = nabla::value_and_gradient(cpu, nabla::looped(functor), x);
      const auto found = nabla::value_and_gradient(cuda, f, on_cuda);
      const auto value = expected.value.to_host(), gradient = expected.gradient.to_host();
      const auto our_value = found.value.to_host(), our_gradient = found.gradient.to_host();
      double largest = 0, steepest = 0;
      for (const double y : value) largest = std::fmax(largest, std::fabs(y));
      for (const double g : gradient) steepest = std::fmax(steepest, std::fabs(g));
      for (std::size_t k = 0; k < value.size(); ++k) ASSERT_NEAR(value[k], our_value[k], 1e-12 * largest);
      for (std::size_t k = 0; k < gradient.size(); ++k) ASSERT_NEAR(gradient[k], our_gradient[k], 1e-11 * steepest);
      EXPECT_NEAR(expected.summary.gradient_norm.l2, found.summary.gradient_norm.l2,
                  1e-12 * expected.summary.gradient_norm.l2);
      ++checked;
    }
  });
  EXPECT_GE(checked, 40);
}

}  // namespace
