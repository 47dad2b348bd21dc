#include "../host/cuda_seam.hpp"
#include "check.cuh"
#include "sums.cuh"

#include <type_traits>

// Passes over the rows of a symmetric matrix. A block takes the rows that one part of the sums is about. In iterations
// the block that ends last folds the parts' sums, in a fixed order, and makes the next scalars of them; so an iteration
// is two launches, and nobody waits.

namespace nabla::detail::cuda {

namespace {

template <class Stored, class Body>
__global__ void __launch_bounds__(pass_threads)
    rows_kernel(const __grid_constant__ Stored rows, const __grid_constant__ Body body, double* const partials) {
  constexpr int count = Body::sums;
  if constexpr (requires { body.is_wanted(); }) {
    if (!body.is_wanted()) return;
  }
  const auto* const in = body.in();
  double sums[count > 0 ? count : 1] = {};
  in_part(rows.rows, [&](std::int64_t r) {
    const auto product = static_cast<double>(rows.row(r, [in](std::int64_t i) { return in[i]; }));
    const auto terms = body(OneNumber(), r, product);
#pragma unroll
    for (int k = 0; k < count; ++k) sums[k] += terms[k];
  });
  if constexpr (count > 0) leave_partials(sums, partials);
}

/// Whether this block is the last of the grid to come here. The others' partial sums can then be read: their fences
/// come before their tickets, and the fence behind the last ticket before all that this block does next. The last
/// ticket brings the count back to 0 for the next launch.
__device__ bool is_last(unsigned* const tickets) {
  __shared__ bool last;
  if (threadIdx.x == 0) {
    __threadfence();
    last = atomicInc(tickets, gridDim.x - 1) == gridDim.x - 1;
    __threadfence();
  }
  __syncthreads();
  return last;
}

/// Folds the parts' sums, of which there are as many as blocks, and hands them to the pass.
template <class Body>
__device__ void conclude(const Body& body, const double* const partials) {
  constexpr int count = Body::sums;
  double sums[count] = {};
  for (unsigned part = threadIdx.x; part < gridDim.x; part += pass_threads) {
#pragma unroll
    for (int k = 0; k < count; ++k) {
      sums[k] += __ldcg(partials + k * static_cast<std::int64_t>(gridDim.x) + part);  // other processors wrote them
    }
  }
  block_fold<pass_threads / 32>(sums, added);
  if (threadIdx.x == 0) body.conclude(sums);
}

/// One number, where what would be loaded is still in a register.
struct HeldNumber : OneNumber {
  double held;

  template <class T>
  __device__ double load(const T*, std::int64_t) const {
    return held;
  }
};

/// The next direction goes to other_p: threads beside this one still read the one before. Where rows reach anywhere it
/// is there already.
template <class T, class Stored>
__global__ void __launch_bounds__(pass_threads)
    curve_kernel(const __grid_constant__ Stored rows, const __grid_constant__ KrylovVectors<T> v,
                 double* const partials) {
  if (!v.scalars->is_running()) return;
  constexpr bool is_given = std::is_same_v<Stored, GivenRows<T>>, is_turned = is_given || is_scattered<Stored>;
  const Curve<T> body{v.other_p, is_given ? nullptr : v.product, v.scalars};
  const double beta = v.scalars->beta;
  const auto turned = [&](std::int64_t i) {
    return static_cast<T>(Turning<T>::turned(OneNumber(), beta, v.p, v.pull(), v.inverse, i));
  };
  double sums[1] = {};
  in_part(rows.rows, [&](std::int64_t r) {
    if constexpr (is_turned) {
      const auto product = static_cast<double>(rows.row(r, [&](std::int64_t i) { return v.other_p[i]; }));
      sums[0] += body(OneNumber(), r, product)[0];
    } else {
      const auto product = static_cast<double>(rows.row(r, turned));
      const T mine = turned(r);
      v.other_p[r] = mine;
      sums[0] += body(HeldNumber{{}, static_cast<double>(mine)}, r, product)[0];
    }
  });
  leave_partials(sums, partials);
  if (is_last(&v.scalars->tickets)) conclude(body, partials);
}

template <class T>
__global__ void __launch_bounds__(pass_threads)
    turn_kernel(const std::int64_t n, const __grid_constant__ KrylovVectors<T> v) {
  if (!v.scalars->is_running()) return;
  const double beta = v.scalars->beta;
  in_part(n, [&](std::int64_t i) {
    OneNumber().store(v.other_p, i, Turning<T>::turned(OneNumber(), beta, v.p, v.pull(), v.inverse, i));
  });
}

template <class T, class Stored>
__global__ void __launch_bounds__(pass_threads)
    advance_kernel(const __grid_constant__ Stored rows, const __grid_constant__ KrylovVectors<T> v,
                   double* const partials) {
  if (!v.scalars->is_running()) return;
  Advance<T> body{v.x, v.g, v.other_p, v.inverse, v.scalars};
  body.begin();
  double sums[Advance<T>::sums] = {};
  in_part(rows.rows, [&](std::int64_t r) {
    const auto product = static_cast<double>(rows.row(r, [&](std::int64_t i) { return v.other_p[i]; }));
    const auto terms = body(OneNumber(), r, product);
#pragma unroll
    for (int k = 0; k < Advance<T>::sums; ++k) sums[k] += terms[k];
  });
  leave_partials(sums, partials);
  if (is_last(&v.scalars->tickets)) conclude(body, partials);
}

template <class T>
__global__ void __launch_bounds__(pass_threads)
    meet_kernel(const std::int64_t n, const __grid_constant__ KrylovVectors<T> v, double* const partials) {
  if (!v.scalars->is_running()) return;
  const Meet<T> body{v.g, v.z, v.scalars};
  double sums[1] = {};
  in_part(n, [&](std::int64_t i) { sums[0] += body(OneNumber(), i, static_cast<double>(v.z[i]))[0]; });
  leave_partials(sums, partials);
  if (is_last(&v.scalars->tickets)) conclude(body, partials);
}

template <class T, class Stored>
__global__ void __launch_bounds__(pass_threads)
    diagonal_kernel(const __grid_constant__ Stored rows, T* const numbers, const bool add) {
  in_part(rows.rows, [&](std::int64_t r) {
    const T number = rows.on_diagonal(r);
    numbers[r] = add ? numbers[r] + number : number;
  });
}

LaunchShape blocks_for(const ExecutorState& state, std::int64_t n) {
  return {parts_of(n), pass_threads, 0, state.stream};
}

template <class T, class Body>
void launch_rows(const ExecutorState& state, const MatrixRows<T>& rows, const Body& body, double* partials) {
  std::visit(
      [&](const auto& stored) {
        using Stored = std::remove_cvref_t<decltype(stored)>;
        launch_kernel("nabla rows kernel", &rows_kernel<Stored, Body>, blocks_for(state, stored.rows), stored, body,
                      partials);
      },
      rows);
}

template <class T, class Stored>
void launch_advance(const ExecutorState& state, const Stored& rows, const KrylovVectors<T>& v, double* partials) {
  launch_kernel("nabla advance kernel", &advance_kernel<T, Stored>, blocks_for(state, rows.rows), rows, v, partials);
}

template <class T, class Stored>
void launch_iteration(const ExecutorState& state, const Stored& rows, const KrylovVectors<T>& v, double* partials) {
  const LaunchShape shape = blocks_for(state, rows.rows);
  if (is_scattered<Stored> || (has_own_steps(v.kind) && !std::is_same_v<Stored, GivenRows<T>>)) {
    launch_kernel("nabla turn kernel", &turn_kernel<T>, shape, rows.rows, v);
  }
  if (!has_own_steps(v.kind)) {
    launch_kernel("nabla curve kernel", &curve_kernel<T, Stored>, shape, rows, v, partials);
    if (v.product != nullptr) {  // which is not computed again
      launch_advance(state, GivenRows<T>{rows.rows, v.product}, v, partials);
      return;
    }
  }
  launch_advance(state, rows, v, partials);
}

}  // namespace

template <class T>
void multiply(const ExecutorState& state, const MatrixRows<T>& rows, const Multiply<T>& pass) {
  const CurrentDevice current(state.device);
  launch_rows<T>(state, rows, pass, nullptr);
}

template <class T>
void take_diagonal(const ExecutorState& state, const MatrixRows<T>& rows, std::int64_t size, T* numbers, bool add) {
  const CurrentDevice current(state.device);
  std::visit(
      [&](const auto& stored) {
        using Stored = std::remove_cvref_t<decltype(stored)>;
        launch_kernel("nabla diagonal kernel", &diagonal_kernel<T, Stored>, blocks_for(state, size), stored, numbers,
                      add);
      },
      rows);
}

template <class T>
void run(const ExecutorState& state, const MatrixRows<T>& rows, const Evaluate<T>& pass, const Sums& sums) {
  const CurrentDevice current(state.device);
  launch_rows<T>(state, rows, pass, sums.partials());
  std::visit([&](const auto& stored) { fold(state, stored.rows, Evaluate<T>::sums, sums); }, rows);
}

template <class T>
void turn(const ExecutorState& state, std::int64_t n, const KrylovVectors<T>& vectors) {
  const CurrentDevice current(state.device);
  launch_kernel("nabla turn kernel", &turn_kernel<T>, blocks_for(state, n), n, vectors);
}

template <class T>
void iterate(const ExecutorState& state, const MatrixRows<T>& rows, const KrylovVectors<T>& vectors, const Sums& sums) {
  const CurrentDevice current(state.device);
  std::visit([&](const auto& stored) { launch_iteration(state, stored, vectors, sums.partials()); }, rows);
}

template <class T>
void run(const ExecutorState& state, const MatrixRows<T>& rows, const ChebyshevStep<T>& pass) {
  const CurrentDevice current(state.device);
  launch_rows<T>(state, rows, pass, nullptr);
}

template <class T>
void meet(const ExecutorState& state, std::int64_t n, const KrylovVectors<T>& vectors, const Sums& sums) {
  const CurrentDevice current(state.device);
  launch_kernel("nabla meet kernel", &meet_kernel<T>, blocks_for(state, n), n, vectors, sums.partials());
}

template void multiply(const ExecutorState&, const MatrixRows<float>&, const Multiply<float>&);
template void multiply(const ExecutorState&, const MatrixRows<double>&, const Multiply<double>&);
template void take_diagonal(const ExecutorState&, const MatrixRows<float>&, std::int64_t, float*, bool);
template void take_diagonal(const ExecutorState&, const MatrixRows<double>&, std::int64_t, double*, bool);
template void run(const ExecutorState&, const MatrixRows<float>&, const Evaluate<float>&, const Sums&);
template void run(const ExecutorState&, const MatrixRows<double>&, const Evaluate<double>&, const Sums&);
template void run(const ExecutorState&, const MatrixRows<float>&, const ChebyshevStep<float>&);
template void meet(const ExecutorState&, std::int64_t, const KrylovVectors<float>&, const Sums&);
template void turn(const ExecutorState&, std::int64_t, const KrylovVectors<float>&);
template void run(const ExecutorState&, const MatrixRows<double>&, const ChebyshevStep<double>&);
template void meet(const ExecutorState&, std::int64_t, const KrylovVectors<double>&, const Sums&);
template void turn(const ExecutorState&, std::int64_t, const KrylovVectors<double>&);
template void iterate(const ExecutorState&, const MatrixRows<float>&, const KrylovVectors<float>&, const Sums&);
template void iterate(const ExecutorState&, const MatrixRows<double>&, const KrylovVectors<double>&, const Sums&);

}  // namespace nabla::detail::cuda
