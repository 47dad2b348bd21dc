#include "../host/cuda_seam.hpp"
#include "check.cuh"
#include "sums.cuh"

#include <type_traits>

// Sweeps of preconditioners, a thread for each row: few have as many as a GPU could take.

namespace nabla::detail::cuda {

namespace {

template <class Body>
__global__ void __launch_bounds__(pass_threads)
    sweep_kernel(const __grid_constant__ Body body, const KrylovScalars* const scalars) {
  if (scalars != nullptr && !scalars->is_running()) return;
  const std::int64_t k = static_cast<std::int64_t>(blockIdx.x) * pass_threads + threadIdx.x;
  if (k < body.count) body(body.first + k);
}

}  // namespace

template <class T>
void sweep(const ExecutorState& state, const RowSweep<T>& sweep, const KrylovScalars* scalars) {
  const CurrentDevice current(state.device);
  std::visit(
      [&](const auto& body) {
        using Body = std::remove_cvref_t<decltype(body)>;
        const LaunchShape shape{(body.count + pass_threads - 1) / pass_threads, pass_threads, 0, state.stream};
        launch_kernel("nabla sweep kernel", &sweep_kernel<Body>, shape, body, scalars);
      },
      sweep);
}
template void sweep(const ExecutorState&, const RowSweep<float>&, const KrylovScalars*);
template void sweep(const ExecutorState&, const RowSweep<double>&, const KrylovScalars*);

}  // namespace nabla::detail::cuda
