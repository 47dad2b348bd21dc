#include "../host/cuda_seam.hpp"
#include "check.cuh"

#include <cuda_runtime.h>

// Devices, streams and memory: the CUDA runtime behind host/cuda_seam.hpp.

namespace nabla::detail::cuda {

std::string unavailable_reason() {
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status != cudaSuccess) {
    cudaGetLastError();
    int driver = 0;  // stays 0 where there is none, which CUDA calls an insufficient version
    if (cudaDriverGetVersion(&driver) == cudaSuccess && driver == 0) return "no NVIDIA driver";
    return std::string(cudaGetErrorString(status));
  }
  return count == 0 ? "no CUDA device" : "";
}

int device_count() {
  int count = 0;
  cuda_check(cudaGetDeviceCount(&count), "cudaGetDeviceCount");
  return count;
}

DeviceInfo device_info(int device) {
  cudaDeviceProp properties{};
  cuda_check(cudaGetDeviceProperties(&properties, device), "cudaGetDeviceProperties");
  return {properties.name, properties.major * 10 + properties.minor, properties.totalGlobalMem,
          properties.multiProcessorCount};
}

std::string runtime_version() {
  int version = 0;
  cuda_check(cudaRuntimeGetVersion(&version), "cudaRuntimeGetVersion");
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

CurrentDevice::CurrentDevice(int device) {
  int current = 0;
  cuda_check(cudaGetDevice(&current), "cudaGetDevice");
  if (current == device) return;
  cuda_check(cudaSetDevice(device), "cudaSetDevice");
  previous_ = current;
}
CurrentDevice::~CurrentDevice() {
  if (previous_ >= 0) cudaSetDevice(previous_);
}

void* create_stream(int device) {
  const CurrentDevice current(device);
  cudaStream_t stream = nullptr;
  cuda_check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
  return stream;
}
void destroy_stream(int, void* stream) noexcept {
  if (cudaStreamDestroy(static_cast<cudaStream_t>(stream)) != cudaSuccess) cudaGetLastError();
}

void synchronize(const ExecutorState& state) {
  cuda_check(cudaStreamSynchronize(static_cast<cudaStream_t>(state.stream)), "cudaStreamSynchronize");
}

// Memory comes from the device's pool, in stream order: neither allocation nor release stops the device.
// Errors of calls whose status nobody can use (in destructors) are cleared, so that they don't surface elsewhere.

void* allocate(const ExecutorState& state, std::size_t bytes) {
  const CurrentDevice current(state.device);
  void* memory = nullptr;
  cuda_check(cudaMallocAsync(&memory, bytes == 0 ? 1 : bytes, static_cast<cudaStream_t>(state.stream)),
             "cudaMallocAsync");
  return memory;
}
void deallocate(const ExecutorState& state, void* memory) noexcept {
  if (cudaFreeAsync(memory, static_cast<cudaStream_t>(state.stream)) != cudaSuccess) cudaGetLastError();
}

void copy(const ExecutorState& state, void* to, const void* from, std::size_t bytes) {
  const CurrentDevice current(state.device);
  cuda_check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, static_cast<cudaStream_t>(state.stream)),
             "cudaMemcpyAsync");
  synchronize(state);
}

Space space_of(const void* pointer, int device) {
  cudaPointerAttributes attributes{};
  if (cudaPointerGetAttributes(&attributes, pointer) != cudaSuccess) {
    cudaGetLastError();
    return Space::host;
  }
  if (attributes.type == cudaMemoryTypeDevice) return attributes.device == device ? Space::device : Space::other_device;
  if (attributes.type == cudaMemoryTypeManaged || attributes.type == cudaMemoryTypeHost) return Space::everywhere;
  int pageable = 0;  // some systems let kernels read any host memory
  if (device >= 0) cudaDeviceGetAttribute(&pageable, cudaDevAttrPageableMemoryAccess, device);
  return pageable != 0 ? Space::everywhere : Space::host;
}

}  // namespace nabla::detail::cuda
