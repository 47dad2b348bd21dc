#include "../host/cuda_seam.hpp"
#include "check.cuh"

#include <cuda.h>
#include <cuda_runtime.h>

// Kernels that were compiled while the program runs. The CUDA driver loads and launches them; its functions are asked
// of the runtime, so that nothing links the driver.

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
  decltype(&cuModuleLoadData) load = driver_function<decltype(cuModuleLoadData)>("cuModuleLoadData");
  decltype(&cuModuleUnload) unload = driver_function<decltype(cuModuleUnload)>("cuModuleUnload");
  decltype(&cuModuleGetFunction) function = driver_function<decltype(cuModuleGetFunction)>("cuModuleGetFunction");
  decltype(&cuLaunchKernel) launch = driver_function<decltype(cuLaunchKernel)>("cuLaunchKernel");
  decltype(&cuGetErrorName) error_name = driver_function<decltype(cuGetErrorName)>("cuGetErrorName");
  decltype(&cuGetErrorString) error_text = driver_function<decltype(cuGetErrorString)>("cuGetErrorString");

  void check(CUresult status, const char* call) const {
    if (status == CUDA_SUCCESS) return;
    const char *name = "unknown error", *text = "";
    error_name(status, &name);
    error_text(status, &text);
    throw CudaError(std::string(call) + ": " + name + ": " + text);
  }
};
const Driver& driver() {
  static const Driver found;
  return found;
}

/// The driver works in the thread's context, which the runtime makes current with the device, and only then.
void bind(int device) { cuda_check(cudaSetDevice(device), "cudaSetDevice"); }

}  // namespace

LoadedKernel load_kernel(int device, const std::string& ptx, const std::string& name) {
  const CurrentDevice current(device);
  bind(device);
  CUmodule module = nullptr;
  CUfunction function = nullptr;
  driver().check(driver().load(&module, ptx.c_str()), "cuModuleLoadData");
  const CUresult status = driver().function(&function, module, name.c_str());
  if (status != CUDA_SUCCESS) driver().unload(module);
  driver().check(status, "cuModuleGetFunction");
  return {module, function};
}

void unload_kernel(int device, const LoadedKernel& kernel) noexcept {
  // At a program's end the driver may be gone, and the module with it: no error matters here.
  int before = 0;
  if (kernel.module == nullptr || cudaGetDevice(&before) != cudaSuccess || cudaSetDevice(device) != cudaSuccess) return;
  driver().unload(static_cast<CUmodule>(kernel.module));
  cudaSetDevice(before);
}

void launch_loaded(int device, void* stream, const LoadedKernel& kernel, std::int64_t blocks,
                   const EvaluateShape& shape, void** parameters) {
  check_blocks("nabla formula kernel", blocks);
  bind(device);
  driver().check(driver().launch(static_cast<CUfunction>(kernel.function), static_cast<unsigned>(blocks), 1, 1,
                                 static_cast<unsigned>(shape.threads), 1, 1, static_cast<unsigned>(shape.shared_bytes),
                                 static_cast<CUstream>(stream), parameters, nullptr),
                 "nabla formula kernel");
}

}  // namespace nabla::detail::cuda
