#pragma once

#include <cstdint>
#include <string>

// NVRTC, NVIDIA's compiler as a library. It is loaded when the first formula is compiled for CUDA, never linked, so
// that programs start without it.

namespace nabla::formula::cuda {

/// Why there is no NVRTC here, with what to install; empty where there is one.
std::string why_no_nvrtc();

/// "13.0". Throws ExecutorUnavailable where NVRTC is missing, saying what to install.
std::string nvrtc_version();

/// The version with the size and the date of the library's file, by which builds of one version are told apart.
std::string nvrtc_identity();

/// A kernel as PTX, and its name there.
struct CompiledKernel {
  std::string name;
  std::string ptx;
};

/// What a device of this compute capability gets, as in 90 for 9.0: "compute_90", or the newest that NVRTC knows. PTX
/// of an older one runs on all later devices. Throws ExecutorUnavailable.
std::string target_of(int compute_capability);

/// Compiles `source`, which may include the project's headers (device_headers.hpp), for a target. `kernel` is an
/// expression that names an instance of a kernel template. Throws CudaError with the compiler's first error, and
/// ExecutorUnavailable.
CompiledKernel compile(const std::string& source, const std::string& kernel, const std::string& target);

/// How often compile() has succeeded in this process.
std::int64_t compilations();

/// What compile() tells the compiler, apart from the target: a part of what results depend on.
std::string compiler_options();

}  // namespace nabla::formula::cuda
