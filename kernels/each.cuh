#pragma once

#include <nabla/detail/each_request.hpp>

// Many descents on a GPU: each thread holds one, and takes the next start where it has ended, until none are left. The
// machine is that of CPUs (detail/each_descent.hpp), with a number where those have a pack of lanes. Its rows are in
// registers for up to four variables, but for L-BFGS's pairs; else in global memory, a warp's side by side.
//
// Compiled by nvcc with a caller's function (launch_each.cuh), and by NVRTC with a formula's program.

namespace nabla::detail {

inline constexpr int each_chunk = 32;  // starts that a warp takes at a time

/// Memory that belongs to a thread: one number of each row.
template <class T>
struct MemoryRows {
  T* column;
  std::int64_t stride;
  constexpr T load(int row) const { return column[row * stride]; }
  constexpr void store(int row, T x) { column[row * stride] = x; }
};

/// Rows in registers, as all indices are constants; a method's own there too or, for Own = 0, in memory.
template <class T, int Rows, int Own>
struct RegisterRows {
  T rows[Rows];
  T own[Own];
  constexpr T load(int row) const { return rows[row]; }
  constexpr void store(int row, T x) { rows[row] = x; }
  constexpr T load(const each::OwnRow& row) const { return own[row.number]; }
  constexpr void store(const each::OwnRow& row, T x) { own[row.number] = x; }
};
template <class T, int Rows>
struct RegisterRows<T, Rows, 0> {
  T rows[Rows];
  MemoryRows<T> own;
  constexpr T load(int row) const { return rows[row]; }
  constexpr void store(int row, T x) { rows[row] = x; }
  constexpr T load(const each::OwnRow& row) const { return own.load(row.number); }
  constexpr void store(const each::OwnRow& row, T x) { own.store(row.number, x); }
};

/// What the function gave. Its rows are stored by a caller's code too, whose loops need not be unrolled: then, too, no
/// address depends on the row.
template <class T, int Rows>
struct RegisterFound {
  using Scalar = T;
  T rows[Rows];
  constexpr T load(std::int64_t row) const { return rows[row]; }
  constexpr void store(std::int64_t row, T x) {
    [&]<int... R>(std::integer_sequence<int, R...>) { ((rows[R] = row == R ? x : rows[R]), ...); }
    (std::make_integer_sequence<int, Rows>());
  }
};
template <class T>
struct MemoryFound {
  using Scalar = T;
  MemoryRows<T> rows;
  constexpr T load(std::int64_t row) const { return rows.load(static_cast<int>(row)); }
  constexpr void store(std::int64_t row, T x) { rows.store(static_cast<int>(row), x); }
};

/// The trial, as bodies see points; in registers chosen, not addressed, as a caller's loops need not be unrolled. A
/// start's data are read where they are: a row of them by all threads of a warp at once, of starts side by side.
template <class T, int N, class State>
struct TrialInput {
  using Scalar = T;
  static constexpr bool few_registers = true;
  std::int64_t dimension;
  const State& state;
  each::Layout at;
  const BatchView<const T>* columns;
  std::int64_t data_rows;
  std::int64_t start;
  constexpr T datum(std::int64_t row, std::int64_t column) const { return columns[column](start, row); }
  constexpr T operator()(std::int64_t i) const {
    if constexpr (N == 0) {
      return state.load(at.trial(static_cast<int>(i)));
    } else {
      T x = state.load(at.trial(0));
      [&]<int... K>(std::integer_sequence<int, K...>) { ((x = i == K ? state.load(at.trial(K)) : x), ...); }
      (std::make_integer_sequence<int, N>());
      return x;
    }
  }
};

/// Starts that a warp has taken.
struct EachQueue {
  std::int64_t first = 0, last = 0;
  bool drained = false;

  /// The next start for each of the warp's threads that is idle; -1: none at the moment.
  __device__ std::int64_t next(bool is_idle, std::int64_t count, EachTally* tally) {
    constexpr unsigned warp = 0xffffffffu;
    const unsigned idle = __ballot_sync(warp, is_idle);
    if (idle == 0) return -1;
    const unsigned lane = threadIdx.x % 32;
    if (first == last && !drained) {
      unsigned long long taken = 0;
      if (lane == 0) taken = atomicAdd(&tally->next, static_cast<unsigned long long>(each_chunk));
      first = static_cast<std::int64_t>(__shfl_sync(warp, taken, 0));
      drained = first >= count;
      first = drained ? count : first;
      last = first + each_chunk < count ? first + each_chunk : count;
    }
    const std::int64_t mine = first + __popc(idle & ((1u << lane) - 1));
    const std::int64_t after = first + __popc(idle);
    const std::int64_t end = last;
    first = after < end ? after : end;
    return is_idle && mine < end ? mine : -1;
  }
};

/// Of a block, while it runs; then added to the tally.
struct EachCounters {
  unsigned long long reasons[stop_reasons], iterations, evaluations, lanes;
};

template <class T, class Walker>
__device__ void begin_descent(Walker& w, const BatchView<const T>& starts, std::int64_t start) {
#pragma unroll
  for (int r = 0; r < each::scalars; ++r) w.set(r, T(0));
  w.set(each::reason, T(each::running));
  w.for_each([&](int i) {
    w.set(w.layout.x(i), T(0));
    w.set(w.layout.gradient(i), T(0));
    w.set(w.layout.direction(i), T(0));
    w.set(w.layout.trial(i), w.within_bounds(i, starts(start, i)));
  });
}

template <class T, class Walker>
__device__ void end_descent(const Walker& w, const EachRequest<T>& request, std::int64_t start,
                            EachCounters& counters) {
  const auto whole = [&](int row) { return static_cast<std::int64_t>(w.get(row)); };
  const auto counted = [&](int counter) { return whole(counter) + whole(counter + 1); };
  const int why = static_cast<int>(w.get(each::reason));
  if (request.x) w.for_each([&](int i) { request.x(start, i) = w.get(w.layout.x(i)); });
  if (request.value) request.value(start) = w.get(each::value);
  if (request.gradient_norm) request.gradient_norm(start) = Math<T>::sqrt(w.get(each::squares));
  if (request.iterations != nullptr) request.iterations[start] = counted(each::iterations);
  if (request.evaluations != nullptr) request.evaluations[start] = counted(each::evaluations);
  if (request.reason != nullptr) request.reason[start] = static_cast<StopReason>(why);
  atomicAdd(&counters.reasons[why], 1ull);
  atomicAdd(&counters.iterations, static_cast<unsigned long long>(counted(each::iterations)));
  atomicAdd(&counters.evaluations, static_cast<unsigned long long>(counted(each::evaluations)));
}

/// One thread's descents, one after another.
template <class Method, int N, class T, class Body, class State, class Found>
__device__ void descend(const Body& body, const EachRequest<T>& request, State& state, Found& found,
                        EachCounters& counters) {
  const int n = N > 0 ? N : static_cast<int>(request.starts.components);
  each::Walker<T, N, State, Found> walker(request.rules, n, state, found);
  EachQueue queue;
  std::int64_t start = -1;
  unsigned long long lanes = 0;
  for (;;) {
    const std::int64_t next = queue.next(start < 0, request.starts.count, request.tally);
    if (next >= 0) {
      start = next;
      begin_descent<T>(walker, request.starts, start);
    }
    if (!__any_sync(0xffffffffu, start >= 0)) break;
    lanes += 32;
    if (start >= 0) {
      body(TrialInput<T, N, State>{n, state, walker.layout, request.columns, request.data_rows, start}, found);
      each::advance<Method>(walker);
      if (walker.get(each::reason) >= T(0)) {
        end_descent(walker, request, start, counters);
        start = -1;
      }
    }
  }
  if (threadIdx.x % 32 == 0) atomicAdd(&counters.lanes, lanes);
}

template <class T, class Body, class Method>
__global__ void __launch_bounds__(each_threads) each_kernel(const Body body, const EachRequest<T> request) {
  constexpr int fixed = each_variables(Body::variables);
  __shared__ EachCounters counters;
  constexpr int numbers = sizeof(EachCounters) / sizeof(unsigned long long);
  auto* const counted = reinterpret_cast<unsigned long long*>(&counters);
  for (int k = threadIdx.x; k < numbers; k += each_threads) counted[k] = 0;
  __syncthreads();

  const std::int64_t thread = static_cast<std::int64_t>(blockIdx.x) * each_threads + threadIdx.x;
  const MemoryRows<T> memory{request.rows + thread, static_cast<std::int64_t>(gridDim.x) * each_threads};
  if constexpr (fixed > 0) {
    constexpr int common = each::Layout{fixed}.own(0);
    RegisterFound<T, static_cast<int>(Body::rows(fixed).total())> found;
    if constexpr (own_in_registers<Method, fixed>) {
      constexpr int own = Method::rows(fixed, 1);
      RegisterRows<T, common, (own > 0 ? own : 1)> state;
#pragma unroll
      for (int k = 0; k < own; ++k) state.own[k] = 0;
      descend<Method, fixed>(body, request, state, found, counters);
    } else {
      RegisterRows<T, common, 0> state;
      state.own = memory;
      descend<Method, fixed>(body, request, state, found, counters);
    }
  } else {
    const int n = static_cast<int>(request.starts.components);
    MemoryRows<T> state = memory;
    const std::int64_t rows = each::Layout{n}.rows(Method::rows(n, request.rules.memory));
    MemoryFound<T> found{{memory.column + rows * memory.stride, memory.stride}};
    descend<Method, 0>(body, request, state, found, counters);
  }

  __syncthreads();
  // The tally has the same numbers, after `next`.
  unsigned long long* const all = request.tally->reasons;
  for (int k = threadIdx.x; k < numbers; k += each_threads) {
    if (counted[k] != 0) atomicAdd(all + k, counted[k]);
  }
}

}  // namespace nabla::detail
