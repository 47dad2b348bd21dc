#pragma once

#include "dense.hpp"
#include "displace.hpp"
#include "each/best.hpp"
#include "executor_state.hpp"
#include "quadratic/passes.hpp"
#include "quadratic/sweeps.hpp"
#include "vectors.hpp"

#include <nabla/detail/element_request.hpp>
#include <nabla/detail/operation.hpp>
#include <nabla/detail/row_hessian.hpp>
#include <nabla/detail/sparse_product.hpp>
#include <nabla/view.hpp>

#include <functional>
#include <string>
#include <vector>

// What the host side asks of CUDA, without a CUDA type. kernels/dense.cu, kernels/device.cu, kernels/displace.cu,
// kernels/each.cu, kernels/element_sum.cu, kernels/module.cu, kernels/quadratic.cu, kernels/random.cu,
// kernels/replay.cu, kernels/row_hessian.cu, kernels/row_sum.cu, kernels/summary.cu, kernels/sweeps.cu and
// kernels/vectors.cu answer; host/without_cuda.cpp answers in builds without CUDA.

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
std::size_t free_bytes(const ExecutorState& state);
/// Enqueues zeros.
void clear(const ExecutorState& state, void* memory, std::size_t bytes);

/// Where a pointer points, as far as CUDA knows.
enum class Space { host, device, other_device, everywhere };
Space space_of(const void* pointer, int device);

/// Folds the blocks' statistics into one summary, in order, on the stream.
void finish_summary(const ExecutorState& state, void* partials, std::int64_t blocks, bool with_gradient,
                    Summary* summary);
std::size_t partials_bytes(std::int64_t blocks);

template <class T>
void fill_uniform(const ExecutorState& state, BatchView<T> out, double low, double high, std::uint64_t seed);

/// Enqueues the search for the least finite value, and of equal ones the first; returns where it will be told.
/// `partials` has room for most_best_partials.
template <class T>
const BestStart* find_best(const ExecutorState& state, BatchView<const T> values, BestStart* partials);

/// What host/displace.hpp says, enqueued. `partials`: one for each weighed_at_once elements.
template <class T>
void displace(const ExecutorState& state, const T* x, double t, const Direction& u, const Subset& subset, T* out);
template <class T>
void weigh(const ExecutorState& state, const T* gradient, const Direction& u, const Subset& subset, Weighed* partials);
template <class T>
void largest(const ExecutorState& state, const T* a, const T* b, std::int64_t n, double* partials);

/// Adds up rows of `count` partial sums each, at least one, which lie one after another: always in the same tree, on
/// the stream. Returns where the rows' sums will be. `partials` has room for fold_numbers(count, rows) numbers.
const double* fold_sums(const ExecutorState& state, double* partials, std::int64_t count, std::int64_t rows);
std::int64_t fold_numbers(std::int64_t count, std::int64_t rows);

/// Adds the sums over elements that share their variables to request.out: `sums` of each slot, or each pair of slots.
template <class T>
void assemble_shared(const ExecutorState& state, ElementPass pass, const ElementGrid& grid, std::int64_t slots,
                     const double* sums, const ElementRequest<T>& request);

/// What detail/sparse_product.hpp says, enqueued. `partials`: two numbers for each part and vector.
template <class T>
void multiply(const ExecutorState& state, const SparseProduct<T>& product, double* partials);

/// What host/dense.hpp says, enqueued. There is a row or more, and a column or more to add up. `partials`: a number for
/// each column of each part.
template <class T>
void multiply(const ExecutorState& state, const DenseProduct<T>& product);
template <class T>
void multiply(const ExecutorState& state, const DenseTransposed<T>& product, T* partials);

/// What host/quadratic/passes.hpp says, enqueued. iterate() is one iteration of which the direction becomes
/// vectors.other_p; where rows are a product that was given, it was that with other_p, which turn() made.
template <class T>
void multiply(const ExecutorState& state, const MatrixRows<T>& rows, const Multiply<T>& pass);
template <class T>
void take_diagonal(const ExecutorState& state, const MatrixRows<T>& rows, std::int64_t size, T* numbers, bool add);
template <class T>
void run(const ExecutorState& state, const MatrixRows<T>& rows, const Evaluate<T>& pass, const Sums& sums);
template <class T>
void turn(const ExecutorState& state, std::int64_t n, const KrylovVectors<T>& vectors);
template <class T>
void iterate(const ExecutorState& state, const MatrixRows<T>& rows, const KrylovVectors<T>& vectors, const Sums& sums);
template <class T>
void run(const ExecutorState& state, const MatrixRows<T>& rows, const ChebyshevStep<T>& pass);
/// The sum of Meet, and the scalars that follow.
template <class T>
void meet(const ExecutorState& state, std::int64_t n, const KrylovVectors<T>& vectors, const Sums& sums);

/// What host/quadratic/sweeps.hpp says, enqueued.
template <class T>
void sweep(const ExecutorState& state, const RowSweep<T>& sweep, const KrylovScalars* scalars);

/// Enqueues all entries of a sum's Hessian. `sums`: a number for each entry, and those of parts.
template <class T, class Index>
void assemble(const ExecutorState& state, const RowHessianView<T, Index>& view, const RowHessianOutput<T>& output,
              T* sums);

/// What host/vectors.hpp says, enqueued.
template <class T>
void run(const ExecutorState& state, std::int64_t n, const Pass<T>& pass, const Sums& sums);
template <class T>
void run(const ExecutorState& state, std::int64_t n, const Products<T>& products, const Sums& sums);

/// Records what is enqueued on the executor's stream, by this thread, in place of doing it. Null where the stream can't
/// be recorded, or is being recorded by somebody else; then nothing was enqueued. What was recorded is replayed in
/// stream order, and lives until it is forgotten.
void* record(const ExecutorState& state, const std::function<void()>& enqueue);
void replay(const ExecutorState& state, void* recorded);
void forget(const ExecutorState& state, void* recorded) noexcept;

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

/// How many blocks of a kernel a device holds at a time.
std::int64_t resident_blocks(int device, const LoadedKernel& kernel, int threads);

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
