#include <nabla/executor.hpp>

#include "cuda_seam.hpp"

#include <omp.h>
#include <sys/mman.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <new>

namespace nabla {

namespace {

std::string cpu_name() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (!line.starts_with("model name")) continue;
    const auto colon = line.find(": ");
    if (colon != std::string::npos) return line.substr(colon + 2);
  }
  return "CPU";
}

std::shared_ptr<detail::ExecutorState> cuda_state(int device) {
  if (const std::string why = Executor::why_no_cuda(); !why.empty()) throw ExecutorUnavailable("cuda: " + why);
  const int devices = detail::cuda::device_count();
  if (device < 0 || device >= devices) {
    throw ExecutorUnavailable("cuda:" + std::to_string(device) + ": this machine has " + std::to_string(devices) +
                              (devices == 1 ? " CUDA device" : " CUDA devices") + ", counted from 0");
  }
  auto state = std::make_shared<detail::ExecutorState>();
  state->kind = Executor::Kind::cuda;
  state->device = device;
  return state;
}

}  // namespace

Executor Executor::cpu(int threads) {
  if (threads < 0)
    throw ShapeError("cpu: the number of threads must not be negative, found " + std::to_string(threads));
  constexpr int most_threads = 4096;
  if (threads > most_threads) {
    throw ShapeError("cpu: at most " + std::to_string(most_threads) + " threads, found " + std::to_string(threads));
  }
  auto state = std::make_shared<detail::ExecutorState>();
  state->threads = threads > 0 ? threads : omp_get_max_threads();
  return Executor(std::move(state));
}

Executor Executor::cuda(int device) {
  auto state = cuda_state(device);
  state->stream = detail::cuda::create_stream(device);
  state->owns_stream = true;
  return Executor(std::move(state));
}

Executor Executor::cuda_on_stream(void* stream, int device) {
  if (stream == nullptr) {
    throw Error("cuda_on_stream: the null stream serialises with all others; pass a stream of your own, or use cuda()");
  }
  auto state = cuda_state(device);
  state->stream = stream;
  return Executor(std::move(state));
}

Executor Executor::automatic(int threads, bool calls_have_kernels) {
  return calls_have_kernels && why_no_cuda().empty() ? cuda(0) : cpu(threads);
}

Executor Executor::named(std::string_view text, int threads) {
  if (text == "auto") return automatic(threads, true);
  if (text == "cpu") return cpu(threads);
  if (text == "cuda") return cuda(0);
  if (text.starts_with("cuda:")) {
    int device = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data() + 5, end, device);
    if (error == std::errc() && stop == end && device >= 0) return cuda(device);
  }
  throw Error("an executor is auto, cpu, cuda or cuda:K (K = 0, 1, …), found '" + std::string(text) + "'");
}

Executor::Kind Executor::kind() const { return state_->kind; }
int Executor::threads() const { return state_->threads; }
int Executor::device() const { return state_->device; }
void* Executor::stream() const { return state_->stream; }
std::string Executor::name() const { return is_cuda() ? detail::cuda::device_info(device()).name : cpu_name(); }

void Executor::synchronize() const {
  if (is_cuda()) detail::cuda::synchronize(*state_);
}

std::string Executor::why_no_cuda() {
  static const std::string reason = detail::cuda::unavailable_reason();
  return reason;
}

namespace detail {

bool cuda_is_usable() {
  static const bool usable = Executor::why_no_cuda().empty();
  return usable;
}

namespace {

constexpr std::size_t alignment = 256;
constexpr std::size_t huge_page = std::size_t{2} << 20;

/// Large arrays are aligned to, and ask for, huge pages: first touch then costs one fault per 2 MiB instead of 4 KiB.
void* allocate_host(std::size_t bytes) {
  const bool large = bytes >= 2 * huge_page;
  const std::size_t unit = large ? huge_page : alignment;
  if (bytes > SIZE_MAX - unit) throw std::bad_alloc();
  const std::size_t rounded = (bytes + unit - 1) / unit * unit;
  void* const memory = std::aligned_alloc(unit, rounded == 0 ? unit : rounded);
  if (memory == nullptr) throw std::bad_alloc();
  if (large) madvise(memory, rounded, MADV_HUGEPAGE);  // advice: nothing is lost where it is refused
  return memory;
}

}  // namespace

void* allocate(const Executor& executor, std::size_t bytes) {
  ExecutorState& state = executor.state();
  void* const memory = executor.is_cuda() ? cuda::allocate(state, bytes) : allocate_host(bytes);
  const std::size_t held = state.held += bytes;
  std::size_t most = state.most_held;
  while (most < held && !state.most_held.compare_exchange_weak(most, held)) continue;
  return memory;
}

void deallocate(const Executor& executor, void* memory, std::size_t bytes) noexcept {
  if (memory == nullptr) return;
  executor.state().held -= bytes;
  if (executor.is_cuda()) {
    cuda::deallocate(executor.state(), memory);
  } else {
    std::free(memory);
  }
}

void copy_bytes(const Executor& executor, void* to, const void* from, std::size_t bytes) {
  if (bytes == 0) return;
  if (executor.is_cuda()) {
    cuda::copy(executor.state(), to, from, bytes);
  } else {
    std::memcpy(to, from, bytes);
  }
}

void* workspace(const Executor& executor, std::size_t bytes, Workspace ExecutorState::*which) {
  Workspace& kept = executor.state().*which;
  if (kept.bytes < bytes) {
    if (executor.is_cuda()) {
      bytes = std::max(bytes, 2 * kept.bytes);
      if (kept.memory != nullptr) executor.state().retired.push_back(kept);
    } else {
      deallocate(executor, kept.memory, kept.bytes);
    }
    kept = {};
    kept.memory = allocate(executor, bytes);
    kept.bytes = bytes;
  }
  return kept.memory;
}

ExecutorState::~ExecutorState() {
  if (kind == Executor::Kind::cpu) {
    std::free(workspace.memory);
    std::free(vectors.memory);
    return;
  }
  for (const Workspace& outgrown : retired) cuda::deallocate(*this, outgrown.memory);
  for (const Workspace& kept : {workspace, vectors}) {
    if (kept.memory != nullptr) cuda::deallocate(*this, kept.memory);
  }
  if (owns_stream) cuda::destroy_stream(device, stream);
}

}  // namespace detail
}  // namespace nabla
