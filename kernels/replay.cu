#include "../host/cuda_seam.hpp"
#include "check.cuh"

#include <exception>

// Launches that are recorded from an executor's stream into a graph.

namespace nabla::detail::cuda {

namespace {

/// Ends what was begun, whatever happened in between.
cudaGraph_t end_capture(cudaStream_t stream) {
  cudaGraph_t graph = nullptr;
  if (cudaStreamEndCapture(stream, &graph) == cudaSuccess) return graph;
  cudaGetLastError();
  return nullptr;
}

}  // namespace

void* record(const ExecutorState& state, const std::function<void()>& enqueue) {
  const CurrentDevice current(state.device);
  const auto stream = static_cast<cudaStream_t>(state.stream);
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  if (cudaStreamIsCapturing(stream, &status) != cudaSuccess || status != cudaStreamCaptureStatusNone ||
      cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal) != cudaSuccess) {
    cudaGetLastError();
    return nullptr;
  }
  try {
    enqueue();
  } catch (...) {
    if (cudaGraph_t graph = end_capture(stream)) cudaGraphDestroy(graph);
    throw;
  }
  cudaGraph_t graph = end_capture(stream);
  if (graph == nullptr) return nullptr;
  cudaGraphExec_t made = nullptr;
  if (cudaGraphInstantiate(&made, graph, 0) != cudaSuccess) {
    cudaGetLastError();
    made = nullptr;
  }
  cudaGraphDestroy(graph);
  return made;
}

void replay(const ExecutorState& state, void* recorded) {
  const CurrentDevice current(state.device);
  cuda_check(cudaGraphLaunch(static_cast<cudaGraphExec_t>(recorded), static_cast<cudaStream_t>(state.stream)),
             "cudaGraphLaunch");
}

void forget(const ExecutorState& state, void* recorded) noexcept {
  try {
    const CurrentDevice current(state.device);
    if (cudaGraphExecDestroy(static_cast<cudaGraphExec_t>(recorded)) != cudaSuccess) cudaGetLastError();
  } catch (const std::exception&) {  // at the program's end the driver may be gone
  }
}

}  // namespace nabla::detail::cuda
