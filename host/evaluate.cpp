#include <nabla/batch.hpp>

#include "checks.hpp"
#include "cpu/evaluate.hpp"
#include "cuda_seam.hpp"

// From an operation to the executor that runs it.

namespace nabla::detail {

namespace {

/// Kernels that can't hold their points in shared memory need memory for the outputs that the caller did not ask for.
template <class T>
bool reads_back(const Operation<T>& operation) {
  return shared_tile_points<T>(tile_rows(operation)) == 0;
}

template <class T>
std::size_t read_back_bytes(const Operation<T>& operation, const Request<T>& request) {
  std::size_t bytes = 0;
  for (int g = 0; g < max_groups && reads_back(operation); ++g) {
    if (!request.out[g]) bytes += checked_bytes(request.points.count, operation.rows.group[g], sizeof(T));
  }
  return bytes;
}

template <class T>
void complete_outputs(Request<T>& request, const Operation<T>& operation, std::byte* memory) {
  auto* numbers = reinterpret_cast<T*>(memory);
  for (int g = 0; g < max_groups; ++g) {
    if (request.out[g]) continue;
    request.out[g] = {numbers, request.points.count, operation.rows.group[g]};
    numbers += request.points.count * operation.rows.group[g];
  }
}

template <class T>
void run_on_cuda(const Executor& executor, const Operation<T>& operation, const Request<T>& request) {
  if (operation.launch == nullptr) {
    throw ExecutorUnavailable(std::string(operation.name) + ": " + operation.no_launch);
  }
  const cuda::CurrentDevice current(executor.device());
  const ExecutorState& state = executor.state();
  const std::int64_t count = request.points.count;
  const std::int64_t blocks = block_count(count);
  const std::size_t partials_bytes = request.summary != nullptr ? cuda::partials_bytes(blocks) : 0;
  auto* const memory =
      static_cast<std::byte*>(workspace(executor, partials_bytes + read_back_bytes(operation, request)));
  Request<T> complete = request;
  if (reads_back(operation)) complete_outputs(complete, operation, memory + partials_bytes);
  void* const partials = request.summary != nullptr ? memory : nullptr;
  if (blocks > 0) operation.launch(operation.body, {complete, state.device, state.stream, partials, blocks});
  if (request.summary != nullptr) {
    cuda::finish_summary(state, partials, blocks, operation.has_gradient, request.summary);
  }
}

}  // namespace

template <class T>
void run(const Executor& executor, const Operation<T>& operation, const Request<T>& request) {
  check(executor, operation, request);
  if (executor.is_cuda()) {
    run_on_cuda(executor, operation, request);
  } else {
    cpu::run(executor, operation, request);
  }
}
template void run(const Executor&, const Operation<float>&, const Request<float>&);
template void run(const Executor&, const Operation<double>&, const Request<double>&);

Summary fetch_summary(const Executor& executor, const Summary* summary) {
  Summary host;
  copy_bytes(executor, &host, summary, sizeof(Summary));
  return host;
}

}  // namespace nabla::detail
