#pragma once

#include <cuda_runtime_api.h>
#include <nabla/error.hpp>

#include <string>

namespace nabla::detail {

/// Throws CudaError with the call, CUDA's name for the error and its description.
inline void cuda_check(cudaError_t status, const char* call) {
  if (status == cudaSuccess) return;
  cudaGetLastError();  // clears it, unless it is one that CUDA keeps
  throw CudaError(std::string(call) + ": " + cudaGetErrorName(status) + ": " + cudaGetErrorString(status));
}

/// Every launch goes through here: the stream is explicit and a launch that failed is an exception.
template <class... Parameters, class... Arguments>
void launch_kernel(const char* name, void (*kernel)(Parameters...), std::int64_t blocks, int threads, void* stream,
                   const Arguments&... arguments) {
  if (blocks > 0x7fffffff) {
    throw ShapeError(std::string(name) + ": " + std::to_string(blocks) + " blocks are more than CUDA's grid of 2^31 - 1");
  }
  kernel<<<static_cast<unsigned>(blocks), threads, 0, static_cast<cudaStream_t>(stream)>>>(arguments...);
  cuda_check(cudaPeekAtLastError(), name);
}

}  // namespace nabla::detail
