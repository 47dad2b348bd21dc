#pragma once

#include "../../cuda_seam.hpp"

#include "nvrtc.hpp"

#include <nabla/detail/each_launch.hpp>
#include <nabla/detail/element_request.hpp>
#include <nabla/detail/operation.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>
#include <string>

// Formulas on CUDA devices: a program printed as a body of the project's own kernels, compiled by NVRTC, kept on disk
// and in memory.

namespace nabla::formula {

struct Definition;
enum class Task;

namespace cuda {

inline constexpr const char* ladder_body = "LadderBody";
/// A sum of squares of residuals, or that with J^T J.
inline constexpr const char *squares_body = "squares", *normal_body = "normal";

/// An operation on a formula, as far as kernels and their launches depend on it.
struct Call {
  const char* body;  // the template in bodies.hpp or program_body.hpp: "GradientBody"; or squares_body, normal_body
  Task task;
  std::int64_t n;
  std::int64_t rows;                   // inputs and outputs of a point
  std::span<const double> parameters;  // their values
  std::span<const std::byte> options;  // the body's own members: ClippedGradientBody's threshold
};

/// What a kernel is an instance of: the source, and an expression that names the instance.
struct KernelSource {
  std::string text, kernel;
};

/// Enqueues an operation, compiling what it needs if it is the first of its kind: same body, n, precision and device,
/// with or without a summary. After that nothing is allocated, and a stream may be captured. Throws ExecutorUnavailable
/// where NVRTC is missing or the formula is too long, ShapeError for too many parameters, CudaError.
template <class T>
void launch(const Definition& definition, const Call& call, const detail::CudaLaunch<T>& launch);

/// Enqueues descents. call.rows: those that the body gives, and those that it needs beside. As launch().
template <class T>
void launch_each(const Definition& definition, const Call& call, const detail::EachLaunch<T>& launch);

/// Enqueues a pass over elements of a sum. `parameters`: their values. As launch().
template <class T>
void launch_elements(const Definition& definition, std::span<const double> parameters,
                     const detail::ElementLaunch<T>& launch);

/// The source of the kernel that an operation launches, in a precision, with or without a summary.
KernelSource source_of(const Definition& definition, const Call& call, const char* precision, bool tiled, bool summary);

/// Whether a kernel with LadderBody can be made: beyond that the driver's assembler would take too long.
bool can_climb(const Definition& definition, std::int64_t n);

/// From the disk if an earlier process compiled the same; arguments as compile().
CompiledKernel compile_or_load(const std::string& source, const std::string& kernel, const std::string& target);

/// The kernels that a formula has used so far. They are the process's, shared with other formulas of the same text.
class Kernels {
 public:
  Kernels() = default;
  ~Kernels();
  Kernels(const Kernels&) = delete;
  Kernels& operator=(const Kernels&) = delete;

  struct Key {
    const char* body;      // as Call says; of a pass over elements: its name
    const char* elements;  // which elements those are, or by which method to descend; empty: points
    std::int64_t n;
    const char* precision;  // "float" or "double"
    bool summary;
    int device;
  };
  /// Compiles what source() says on first use. Safe to call from many threads; where there is one, without a lock.
  template <class Source>
  const detail::cuda::LoadedKernel& get(const Key& key, Source source) {
    if (const Entry* const entry = find(key)) return entry->kernel;
    return add(key, source());
  }
  std::int64_t count() const;

 private:
  struct Entry {
    Key key;
    const detail::cuda::LoadedKernel& kernel;
    const Entry* next;
  };
  const Entry* find(const Key& key) const;
  const detail::cuda::LoadedKernel& add(const Key& key, const KernelSource& source);

  std::mutex compiling_;
  std::atomic<const Entry*> entries_ = nullptr;
};

}  // namespace cuda
}  // namespace nabla::formula
