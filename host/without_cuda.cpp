#include "cuda_seam.hpp"

// The CUDA seam in a build without CUDA: nothing is available, so nothing else is ever called.

namespace nabla::detail::cuda {

namespace {

[[noreturn]] void unreachable() { throw ExecutorUnavailable(unavailable_reason()); }

}  // namespace

std::string unavailable_reason() { return "this build of nabla has no CUDA (NABLA_CUDA=OFF)"; }
int device_count() { return 0; }
DeviceInfo device_info(int) { unreachable(); }
std::string runtime_version() { return "none"; }

void* create_stream(int) { unreachable(); }
void destroy_stream(int, void*) noexcept {}
void synchronize(const ExecutorState&) { unreachable(); }

void* allocate(const ExecutorState&, std::size_t) { unreachable(); }
void deallocate(const ExecutorState&, void*) noexcept {}
void copy(const ExecutorState&, void*, const void*, std::size_t) { unreachable(); }
std::size_t free_bytes(const ExecutorState&) { unreachable(); }
void clear(const ExecutorState&, void*, std::size_t) { unreachable(); }
Space space_of(const void*, int) { return Space::host; }

void finish_summary(const ExecutorState&, void*, std::int64_t, bool, Summary*) { unreachable(); }
std::size_t partials_bytes(std::int64_t) { return 0; }

template <class T>
void fill_uniform(const ExecutorState&, BatchView<T>, double, double, std::uint64_t) {
  unreachable();
}
template void fill_uniform(const ExecutorState&, BatchView<float>, double, double, std::uint64_t);
template void fill_uniform(const ExecutorState&, BatchView<double>, double, double, std::uint64_t);

template <class T>
const BestStart* find_best(const ExecutorState&, BatchView<const T>, BestStart*) {
  unreachable();
}
template const BestStart* find_best(const ExecutorState&, BatchView<const float>, BestStart*);
template const BestStart* find_best(const ExecutorState&, BatchView<const double>, BestStart*);

template <class T>
void displace(const ExecutorState&, const T*, double, const Direction&, const Subset&, T*) {
  unreachable();
}
template <class T>
void weigh(const ExecutorState&, const T*, const Direction&, const Subset&, Weighed*) {
  unreachable();
}
template <class T>
void largest(const ExecutorState&, const T*, const T*, std::int64_t, double*) {
  unreachable();
}
template void displace(const ExecutorState&, const float*, double, const Direction&, const Subset&, float*);
template void displace(const ExecutorState&, const double*, double, const Direction&, const Subset&, double*);
template void weigh(const ExecutorState&, const float*, const Direction&, const Subset&, Weighed*);
template void weigh(const ExecutorState&, const double*, const Direction&, const Subset&, Weighed*);
template void largest(const ExecutorState&, const float*, const float*, std::int64_t, double*);
template void largest(const ExecutorState&, const double*, const double*, std::int64_t, double*);

const double* fold_sums(const ExecutorState&, double*, std::int64_t, std::int64_t) { unreachable(); }
std::int64_t fold_numbers(std::int64_t, std::int64_t) { return 0; }

template <class T>
void assemble_shared(const ExecutorState&, ElementPass, const ElementGrid&, std::int64_t, const double*,
                     const ElementRequest<T>&) {
  unreachable();
}
template void assemble_shared(const ExecutorState&, ElementPass, const ElementGrid&, std::int64_t, const double*,
                              const ElementRequest<float>&);
template void assemble_shared(const ExecutorState&, ElementPass, const ElementGrid&, std::int64_t, const double*,
                              const ElementRequest<double>&);

template <class T>
void multiply(const ExecutorState&, const SparseProduct<T>&, double*) {
  unreachable();
}
template void multiply(const ExecutorState&, const SparseProduct<float>&, double*);
template void multiply(const ExecutorState&, const SparseProduct<double>&, double*);

template <class T>
void multiply(const ExecutorState&, const DenseProduct<T>&) {
  unreachable();
}
template <class T>
void multiply(const ExecutorState&, const DenseTransposed<T>&, T*) {
  unreachable();
}
template void multiply(const ExecutorState&, const DenseProduct<float>&);
template void multiply(const ExecutorState&, const DenseProduct<double>&);
template void multiply(const ExecutorState&, const DenseTransposed<float>&, float*);
template void multiply(const ExecutorState&, const DenseTransposed<double>&, double*);

template <class T, class Index>
void assemble(const ExecutorState&, const RowHessianView<T, Index>&, const RowHessianOutput<T>&, T*) {
  unreachable();
}
template void assemble(const ExecutorState&, const RowHessianView<float, std::int32_t>&, const RowHessianOutput<float>&,
                       float*);
template void assemble(const ExecutorState&, const RowHessianView<float, std::int64_t>&, const RowHessianOutput<float>&,
                       float*);
template void assemble(const ExecutorState&, const RowHessianView<double, std::int32_t>&,
                       const RowHessianOutput<double>&, double*);
template void assemble(const ExecutorState&, const RowHessianView<double, std::int64_t>&,
                       const RowHessianOutput<double>&, double*);

template <class T>
void run(const ExecutorState&, std::int64_t, const Pass<T>&, const Sums&) {
  unreachable();
}
template <class T>
void run(const ExecutorState&, std::int64_t, const Products<T>&, const Sums&) {
  unreachable();
}
template void run(const ExecutorState&, std::int64_t, const Pass<float>&, const Sums&);
template void run(const ExecutorState&, std::int64_t, const Pass<double>&, const Sums&);
template void run(const ExecutorState&, std::int64_t, const Products<float>&, const Sums&);
template void run(const ExecutorState&, std::int64_t, const Products<double>&, const Sums&);

void* record(const ExecutorState&, const std::function<void()>&) { unreachable(); }
void replay(const ExecutorState&, void*) { unreachable(); }
void forget(const ExecutorState&, void*) noexcept {}

LoadedKernel load_kernel(int, const std::string&, const std::string&, const std::string&) { unreachable(); }
std::int64_t resident_blocks(int, const LoadedKernel&, int) { unreachable(); }
void launch_loaded(void*, const LoadedKernel&, std::int64_t, const EvaluateShape&, void**) { unreachable(); }

CurrentDevice::CurrentDevice(int) { unreachable(); }
CurrentDevice::~CurrentDevice() = default;

template <class T>
void multiply(const ExecutorState&, const MatrixRows<T>&, const Multiply<T>&) {
  unreachable();
}
template <class T>
void take_diagonal(const ExecutorState&, const MatrixRows<T>&, std::int64_t, T*, bool) {
  unreachable();
}
template <class T>
void run(const ExecutorState&, const MatrixRows<T>&, const Evaluate<T>&, const Sums&) {
  unreachable();
}
template <class T>
void turn(const ExecutorState&, std::int64_t, const KrylovVectors<T>&) {
  unreachable();
}
template <class T>
void iterate(const ExecutorState&, const MatrixRows<T>&, const KrylovVectors<T>&, const Sums&) {
  unreachable();
}
template <class T>
void run(const ExecutorState&, const MatrixRows<T>&, const ChebyshevStep<T>&) {
  unreachable();
}
template <class T>
void meet(const ExecutorState&, std::int64_t, const KrylovVectors<T>&, const Sums&) {
  unreachable();
}
template <class T>
void sweep(const ExecutorState&, const RowSweep<T>&, const KrylovScalars*) {
  unreachable();
}
template void run(const ExecutorState&, const MatrixRows<float>&, const ChebyshevStep<float>&);
template void meet(const ExecutorState&, std::int64_t, const KrylovVectors<float>&, const Sums&);
template void sweep(const ExecutorState&, const RowSweep<float>&, const KrylovScalars*);
template void run(const ExecutorState&, const MatrixRows<double>&, const ChebyshevStep<double>&);
template void meet(const ExecutorState&, std::int64_t, const KrylovVectors<double>&, const Sums&);
template void sweep(const ExecutorState&, const RowSweep<double>&, const KrylovScalars*);
template void multiply(const ExecutorState&, const MatrixRows<float>&, const Multiply<float>&);
template void take_diagonal(const ExecutorState&, const MatrixRows<float>&, std::int64_t, float*, bool);
template void run(const ExecutorState&, const MatrixRows<float>&, const Evaluate<float>&, const Sums&);
template void turn(const ExecutorState&, std::int64_t, const KrylovVectors<float>&);
template void iterate(const ExecutorState&, const MatrixRows<float>&, const KrylovVectors<float>&, const Sums&);
template void multiply(const ExecutorState&, const MatrixRows<double>&, const Multiply<double>&);
template void take_diagonal(const ExecutorState&, const MatrixRows<double>&, std::int64_t, double*, bool);
template void run(const ExecutorState&, const MatrixRows<double>&, const Evaluate<double>&, const Sums&);
template void turn(const ExecutorState&, std::int64_t, const KrylovVectors<double>&);
template void iterate(const ExecutorState&, const MatrixRows<double>&, const KrylovVectors<double>&, const Sums&);

}  // namespace nabla::detail::cuda
