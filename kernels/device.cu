#include "../host/cuda_seam.hpp"
#include "check.cuh"

#include <cuda_runtime.h>

#include <exception>
#include <optional>

// Devices, streams and memory: the CUDA runtime behind host/cuda_seam.hpp.

namespace nabla::detail::cuda {

std::string unavailable_reason() {
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status != cudaSuccess) {
    cudaGetLastError();
    int driver = 0;  // stays 0 where there is none, which CUDA calls an insufficient version
    if (cudaDriverGetVersion(&driver) == cudaSuccess && driver == 0) return "no NVIDIA driver";
    cudaGetLastError();
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

namespace {

/// For destructors: nobody can use a status, and an error that is left behind would surface elsewhere.
template <class Call>
void quietly(int device, Call call) noexcept {
  try {
    const CurrentDevice current(device);
    if (call() != cudaSuccess) cudaGetLastError();
  } catch (const std::exception&) {  // at the program's end the driver may be gone
  }
}

}  // namespace

void* create_stream(int device) {
  const CurrentDevice current(device);
  cudaStream_t stream = nullptr;
  cuda_check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
  return stream;
}
void destroy_stream(int device, void* stream) noexcept {
  quietly(device, [&] { return cudaStreamDestroy(static_cast<cudaStream_t>(stream)); });
}

void synchronize(const ExecutorState& state) {
  const CurrentDevice current(state.device);
  cuda_check(cudaStreamSynchronize(static_cast<cudaStream_t>(state.stream)), "cudaStreamSynchronize");
}

// Memory comes from the device's pool, in stream order: neither allocation nor release stops the device.

void* allocate(const ExecutorState& state, std::size_t bytes) {
  const CurrentDevice current(state.device);
  void* memory = nullptr;
  cuda_check(cudaMallocAsync(&memory, bytes == 0 ? 1 : bytes, static_cast<cudaStream_t>(state.stream)),
             "cudaMallocAsync");
  return memory;
}
void deallocate(const ExecutorState& state, void* memory) noexcept {
  quietly(state.device, [&] { return cudaFreeAsync(memory, static_cast<cudaStream_t>(state.stream)); });
}

std::size_t free_bytes(const ExecutorState& state) {
  const CurrentDevice current(state.device);
  std::size_t free = 0, all = 0;
  cuda_check(cudaMemGetInfo(&free, &all), "cudaMemGetInfo");
  return free;
}

void copy(const ExecutorState& state, void* to, const void* from, std::size_t bytes) {
  const CurrentDevice current(state.device);
  cuda_check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, static_cast<cudaStream_t>(state.stream)),
             "cudaMemcpyAsync");
  synchronize(state);
}

void clear(const ExecutorState& state, void* memory, std::size_t bytes) {
  cuda_check(cudaMemsetAsync(memory, 0, bytes, static_cast<cudaStream_t>(state.stream)), "cudaMemsetAsync");
}

Space space_of(const void* pointer, int device) {
  std::optional<CurrentDevice> current;  // CUDA asks for a context, and would make one on device 0
  if (device >= 0) current.emplace(device);
  cudaPointerAttributes attributes{};
  if (cudaPointerGetAttributes(&attributes, pointer) != cudaSuccess) {
    cudaGetLastError();
    return Space::host;
  }
  if (attributes.type == cudaMemoryTypeDevice) return attributes.device == device ? Space::device : Space::other_device;
  if (attributes.type == cudaMemoryTypeManaged || attributes.type == cudaMemoryTypeHost) return Space::everywhere;
  int pageable = 0;  // some systems let kernels read any host memory
  if (device >= 0 && cudaDeviceGetAttribute(&pageable, cudaDevAttrPageableMemoryAccess, device) != cudaSuccess) {
    cudaGetLastError();
  }
  return pageable != 0 ? Space::everywhere : Space::host;
}

}  // namespace nabla::detail::cuda
