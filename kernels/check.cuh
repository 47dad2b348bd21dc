#pragma once

#include <cuda_runtime.h>
#include <nabla/error.hpp>

#include <string>
#include <tuple>
#include <type_traits>

namespace nabla::detail {

/// Throws CudaError with the call, CUDA's name for the error and its description.
inline void cuda_check(cudaError_t status, const char* call) {
  if (status == cudaSuccess) return;
  cudaGetLastError();  // clears it, unless it is one that CUDA keeps
  throw CudaError(std::string(call) + ": " + cudaGetErrorName(status) + ": " + cudaGetErrorString(status));
}

/// Where and how wide a kernel runs.
struct LaunchShape {
  std::int64_t blocks;
  int threads;
  std::int64_t shared_bytes;
  void* stream;
};

inline void check_blocks(const char* name, std::int64_t blocks) {
  if (blocks <= 0x7fffffff) return;
  throw ShapeError(std::string(name) + ": " + std::to_string(blocks) + " blocks are more than CUDA's grid of 2^31 - 1");
}

/// Every launch of a kernel that nvcc compiled goes through here: the stream is explicit and a launch that failed is an
/// exception.
template <class... Parameters, class... Arguments>
void launch_kernel(const char* name, void (*kernel)(Parameters...), const LaunchShape& shape,
                   const Arguments&... arguments) {
  check_blocks(name, shape.blocks);
  // Not <<<…>>>, whose outcome is told apart only from the thread's last error, which may be an older one's.
  std::tuple<std::remove_cv_t<Parameters>...> values(arguments...);
  const auto launch = [&](auto&... value) {
    void* addresses[] = {&value...};
    return cudaLaunchKernel(reinterpret_cast<const void*>(kernel), dim3(static_cast<unsigned>(shape.blocks)),
                            dim3(static_cast<unsigned>(shape.threads)), addresses,
                            static_cast<std::size_t>(shape.shared_bytes), static_cast<cudaStream_t>(shape.stream));
  };
  cuda_check(std::apply(launch, values), name);
}

}  // namespace nabla::detail
