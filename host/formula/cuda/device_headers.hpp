#pragma once

#include <span>
#include <string_view>

namespace nabla::formula::cuda {

/// A header of kernels/ and include/ as NVRTC gets it, by the name that it is included by.
struct DeviceHeader {
  const char* name;
  const char* text;
};

/// kernels/each_residuals.cuh, kernels/evaluate.cuh, kernels/element_sum.cuh and all of the project's that they
/// include. The file that defines this is made by the build.
std::span<const DeviceHeader> device_headers();

/// Of names and texts.
std::string_view device_headers_digest();

}  // namespace nabla::formula::cuda
