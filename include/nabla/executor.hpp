#pragma once

#include <nabla/error.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace nabla {

namespace detail {
struct ExecutorState;

#ifdef __CUDACC__
inline namespace with_kernels {
inline constexpr bool compiled_by_nvcc = true;
}
#else
inline namespace without_kernels {
inline constexpr bool compiled_by_nvcc = false;
}
#endif
}  // namespace detail

/// Where work runs: CPU threads, or one CUDA device and a stream.
///
/// An Executor is a handle: copies share the stream and the workspace. The workspace grows on first use and is kept, so
/// a repeated call allocates nothing. Calls on the same executor must not overlap in time from several host threads;
/// give each host thread an executor of its own.
class Executor {
 public:
  enum class Kind { cpu, cuda };

  /// The CPU with this many threads; 0 takes what OpenMP takes (OMP_NUM_THREADS, or the cores this process may use).
  /// Throws ShapeError if threads < 0 or threads > 4096.
  static Executor cpu(int threads = 0);

  /// A CUDA device with a stream of its own. Throws ExecutorUnavailable with the reason.
  static Executor cuda(int device = 0);

  /// A CUDA device with the caller's cudaStream_t, which must outlive the executor and everything allocated on it.
  /// All work is enqueued on that stream and on no other. A graph captured from it uses the executor's workspace: the
  /// executor must outlive the graph, and one replay runs at a time. Throws ExecutorUnavailable, or Error for the null
  /// stream.
  static Executor cuda_on_stream(void* stream, int device);

  /// The first CUDA device if one is usable and the file that asks was compiled by nvcc, so that its calls have
  /// kernels; otherwise the CPU. What was chosen is visible in kind() and name().
  static Executor automatic(int threads = 0, bool calls_have_kernels = detail::compiled_by_nvcc);

  /// "auto", "cpu", "cuda" or "cuda:K". Throws ExecutorUnavailable, or Error if the text is none of these.
  static Executor named(std::string_view text, int threads = 0);

  Kind kind() const;
  bool is_cuda() const { return kind() == Kind::cuda; }
  int threads() const;       ///< of the CPU; 0 on CUDA
  int device() const;        ///< of CUDA; -1 on the CPU
  void* stream() const;      ///< the cudaStream_t; null on the CPU
  std::string name() const;  ///< of the processor, as it calls itself

  /// Waits until everything enqueued on this executor is done. On the CPU nothing is ever pending.
  /// Throws CudaError if any of it failed.
  void synchronize() const;

  /// Why Executor::cuda(0) would throw, or an empty string where it would not.
  static std::string why_no_cuda();

  detail::ExecutorState& state() const { return *state_; }

 private:
  explicit Executor(std::shared_ptr<detail::ExecutorState> state) : state_(std::move(state)) {}
  std::shared_ptr<detail::ExecutorState> state_;
};

namespace detail {

/// Memory on the executor, aligned to 256 bytes; contents unspecified. Throws std::bad_alloc or CudaError.
void* allocate(const Executor& executor, std::size_t bytes);
void deallocate(const Executor& executor, void* memory, std::size_t bytes) noexcept;

/// Copies between the executor's memory and the host's (either may be either), and waits for it.
void copy_bytes(const Executor& executor, void* to, const void* from, std::size_t bytes);

}  // namespace detail
}  // namespace nabla
