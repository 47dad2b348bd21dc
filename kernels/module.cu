#include "../host/cuda_seam.hpp"
#include "check.cuh"

#include <cuda.h>
#include <cuda_runtime.h>

#include <array>
#include <atomic>
#include <vector>

// What the CUDA driver does and the runtime does not: contexts, and kernels that were compiled while the program runs.
// The driver's functions are asked of the runtime, so that nothing links the driver.

namespace nabla::detail::cuda {

namespace {

/// A function of the driver as CUDA 12.0 has it, which all drivers of this CUDA have.
template <class F>
F* driver_function(const char* name) {
  void* found = nullptr;
  cudaDriverEntryPointQueryResult result{};
  constexpr unsigned version = 12000;
  cuda_check(cudaGetDriverEntryPointByVersion(name, &found, version, cudaEnableDefault, &result), name);
  if (found == nullptr) throw CudaError(std::string(name) + ": the driver does not have it");
  return reinterpret_cast<F*>(found);
}

struct Driver {
  decltype(&cuDeviceGet) device = driver_function<decltype(cuDeviceGet)>("cuDeviceGet");
  decltype(&cuDevicePrimaryCtxRetain) retain =
      driver_function<decltype(cuDevicePrimaryCtxRetain)>("cuDevicePrimaryCtxRetain");
  decltype(&cuCtxPushCurrent) push = driver_function<decltype(cuCtxPushCurrent)>("cuCtxPushCurrent");
  decltype(&cuCtxPopCurrent) pop = driver_function<decltype(cuCtxPopCurrent)>("cuCtxPopCurrent");
  decltype(&cuModuleLoadDataEx) load = driver_function<decltype(cuModuleLoadDataEx)>("cuModuleLoadDataEx");
  decltype(&cuModuleUnload) unload = driver_function<decltype(cuModuleUnload)>("cuModuleUnload");
  decltype(&cuModuleGetFunction) function = driver_function<decltype(cuModuleGetFunction)>("cuModuleGetFunction");
  decltype(&cuLaunchKernel) launch = driver_function<decltype(cuLaunchKernel)>("cuLaunchKernel");
  decltype(&cuOccupancyMaxActiveBlocksPerMultiprocessor) occupancy =
      driver_function<decltype(cuOccupancyMaxActiveBlocksPerMultiprocessor)>(
          "cuOccupancyMaxActiveBlocksPerMultiprocessor");
  decltype(&cuGetErrorName) error_name = driver_function<decltype(cuGetErrorName)>("cuGetErrorName");
  decltype(&cuGetErrorString) error_text = driver_function<decltype(cuGetErrorString)>("cuGetErrorString");

  /// `more`: what the call itself said.
  void check(CUresult status, const char* call, const std::string& more = "") const {
    if (status == CUDA_SUCCESS) return;
    const char *name = "unknown error", *text = "";
    error_name(status, &name);
    error_text(status, &text);
    throw CudaError(std::string(call) + ": " + name + ": " + text + (more.empty() ? "" : ": " + more));
  }
};
const Driver& driver() {
  static const Driver found;
  return found;
}

/// The context that the runtime uses on a device. It is retained when it is first asked for and never released, as the
/// runtime does.
CUcontext primary_context(int device) {
  // Never destroyed: what the program destroys after this may still come here.
  static auto& contexts = *new std::vector<std::atomic<CUcontext>>(static_cast<std::size_t>(device_count()));
  std::atomic<CUcontext>& context = contexts.at(static_cast<std::size_t>(device));
  CUcontext found = context.load();
  if (found == nullptr) {  // for several threads at once, perhaps, which harms nothing
    CUdevice handle = 0;
    driver().check(driver().device(&handle, device), "cuDeviceGet");
    driver().check(driver().retain(&found, handle), "cuDevicePrimaryCtxRetain");
    context = found;
  }
  return found;
}

/// While it lives, this thread may load code although a stream of its own, or of any thread in CUDA's global mode, is
/// being captured: loading enqueues nothing on it.
class RelaxedCapture {
 public:
  RelaxedCapture() { exchange(); }
  ~RelaxedCapture() { exchange(); }
  RelaxedCapture(const RelaxedCapture&) = delete;
  RelaxedCapture& operator=(const RelaxedCapture&) = delete;

 private:
  void exchange() {
    if (cudaThreadExchangeStreamCaptureMode(&mode_) != cudaSuccess) cudaGetLastError();
  }
  cudaStreamCaptureMode mode_ = cudaStreamCaptureModeRelaxed;
};

[[noreturn]] void refuse_ptx(const std::string& compiler) {
  int version = 0;
  cuda_check(cudaDriverGetVersion(&version), "cudaDriverGetVersion");
  const std::string cuda = std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
  throw ExecutorUnavailable("formulas on CUDA devices: the driver, which is for CUDA " + cuda +
                            ", is too old for what " + compiler + " makes; install a newer driver, or NVRTC " + cuda);
}

}  // namespace

// Pushed, not set: the runtime works in the thread's context too, and cudaSetDevice would replace one that the caller
// made. A thread that had none has none afterwards, so that nothing is made on device 0 for a caller of another.
CurrentDevice::CurrentDevice(int device) { driver().check(driver().push(primary_context(device)), "cuCtxPushCurrent"); }
CurrentDevice::~CurrentDevice() {
  CUcontext ours = nullptr;
  driver().pop(&ours);
}

LoadedKernel load_kernel(int device, const std::string& ptx, const std::string& name, const std::string& compiler) {
  const CurrentDevice current(device);
  const RelaxedCapture relaxed;
  CUmodule module = nullptr;
  CUfunction function = nullptr;
  std::array<char, 4096> log{};
  CUjit_option options[] = {CU_JIT_ERROR_LOG_BUFFER, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES};
  void* values[] = {log.data(), reinterpret_cast<void*>(log.size() - 1)};
  const CUresult loaded = driver().load(&module, ptx.c_str(), 2, options, values);
  if (loaded == CUDA_ERROR_UNSUPPORTED_PTX_VERSION) refuse_ptx(compiler);
  const std::string complaints = log.data();
  driver().check(loaded, "cuModuleLoadDataEx", complaints.substr(0, complaints.find('\n')));
  const CUresult status = driver().function(&function, module, name.c_str());
  if (status != CUDA_SUCCESS) driver().unload(module);
  driver().check(status, "cuModuleGetFunction");
  return {function};
}

std::int64_t resident_blocks(int device, const LoadedKernel& kernel, int threads) {
  int processors = 0, blocks_of_each = 0;
  cuda_check(cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, device), "cudaDeviceGetAttribute");
  driver().check(driver().occupancy(&blocks_of_each, static_cast<CUfunction>(kernel.function), threads, 0),
                 "cuOccupancyMaxActiveBlocksPerMultiprocessor");
  return std::int64_t{processors} * blocks_of_each;
}

void launch_loaded(void* stream, const LoadedKernel& kernel, std::int64_t blocks, const EvaluateShape& shape,
                   void** parameters) {
  check_blocks("nabla formula kernel", blocks);
  driver().check(driver().launch(static_cast<CUfunction>(kernel.function), static_cast<unsigned>(blocks), 1, 1,
                                 static_cast<unsigned>(shape.threads), 1, 1, static_cast<unsigned>(shape.shared_bytes),
                                 static_cast<CUstream>(stream), parameters, nullptr),
                 "nabla formula kernel");
}

}  // namespace nabla::detail::cuda
