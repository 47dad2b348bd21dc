#pragma once

#include "displace.hpp"
#include "executor_state.hpp"
#include "vectors.hpp"

#include <nabla/detail/operation.hpp>
#include <nabla/view.hpp>

#include <string>
#include <vector>

// What the host side asks of CUDA, without a CUDA type. kernels/device.cu, kernels/displace.cu, kernels/module.cu,
// kernels/random.cu, kernels/summary.cu and kernels/vectors.cu answer; host/without_cuda.cpp answers in builds without
// CUDA.

namespace nabla::detail::cuda {

struct DeviceInfo {
  std::string name;
  int compute_capability = 0;  // 90 for 9.0
  std::size_t memory_bytes = 0;
  int multiprocessors = 0;
};

/// Why there is no usable CUDA device, or an empty string if there is one.
std::string unavailable_reason();
int device_count();
DeviceInfo device_info(int device);
std::string runtime_version();  // "13.0", or "none"

void* create_stream(int device);
void destroy_stream(int device, void* stream) noexcept;
void synchronize(const ExecutorState& state);

void* allocate(const ExecutorState& state, std::size_t bytes);
void deallocate(const ExecutorState& state, void* memory) noexcept;
void copy(const ExecutorState& state, void* to, const void* from, std::size_t bytes);

/// Where a pointer points, as far as CUDA knows.
enum class Space { host, device, other_device, everywhere };
Space space_of(const void* pointer, int device);

/// Folds the blocks' statistics into one summary, in order, on the stream.
void finish_summary(const ExecutorState& state, void* partials, std::int64_t blocks, bool with_gradient,
                    Summary* summary);
std::size_t partials_bytes(std::int64_t blocks);

template <class T>
void fill_uniform(const ExecutorState& state, BatchView<T> out, double low, double high, std::uint64_t seed);

/// What host/displace.hpp says, enqueued. `partials`: one for each weighed_at_once elements.
template <class T>
void displace(const ExecutorState& state, const T* x, double t, const Direction& u, const Subset& subset, T* out);
template <class T>
void weigh(const ExecutorState& state, const T* gradient, const Direction& u, const Subset& subset, Weighed* partials);
template <class T>
void largest(const ExecutorState& state, const T* a, const T* b, std::int64_t n, double* partials);

/// What host/vectors.hpp says, enqueued.
template <class T>
void run(const ExecutorState& state, std::int64_t n, const Pass<T>& pass, const Sums& sums);
template <class T>
void run(const ExecutorState& state, std::int64_t n, const Products<T>& products, const Sums& sums);

/// A kernel that was compiled while the program runs. It stays loaded until the program ends: nobody knows when the
/// last launch of it, or the last graph that has it, is done.
struct LoadedKernel {
  void* function = nullptr;
};
/// Loads PTX onto a device, also while a stream is being captured. `compiler` made it, as in "NVRTC 13.0". Throws
/// CudaError, and ExecutorUnavailable where the driver is older than the compiler.
LoadedKernel load_kernel(int device, const std::string& ptx, const std::string& name, const std::string& compiler);
/// Enqueues a kernel on its device, which is current. `parameters`: the address of each.
void launch_loaded(void* stream, const LoadedKernel& kernel, std::int64_t blocks, const EvaluateShape& shape,
                   void** parameters);

/// Makes a device, with the context that CUDA's runtime uses there, current for the calling host thread, and then again
/// what was current before, be it nothing or a context that the caller made with the driver. Streams and memory of such
/// a context can't be used: they must be the runtime's.
class CurrentDevice {
 public:
  explicit CurrentDevice(int device);
  ~CurrentDevice();
  CurrentDevice(const CurrentDevice&) = delete;
  CurrentDevice& operator=(const CurrentDevice&) = delete;
};

}  // namespace nabla::detail::cuda
