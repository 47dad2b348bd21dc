#pragma once

#include <nabla/detail/operation.hpp>
#include <nabla/kernels/check.cuh>
#include <nabla/kernels/evaluate.cuh>

namespace nabla::detail {

/// Enqueues a call's kernel. Stream: the launch's; the body is copied into the launch.
template <class T, class Body>
void launch_evaluate(const void* erased_body, const CudaLaunch<T>& launch) {
  const Body& body = *static_cast<const Body*>(erased_body);
  const Request<T>& request = launch.request;
  const std::int64_t n = request.points.components;
  const std::int64_t rows = n * (Body::needs_extra ? 2 : 1) + Body::rows(n).total();
  const EvaluateShape shape = evaluate_shape<T>(rows);
  auto* const partials = static_cast<Statistics<double>*>(launch.partials);
  const auto block_points = static_cast<int>(points_per_block(request.points.count));
  const auto start = [&](auto kernel) {
    launch_kernel("nabla evaluate kernel", kernel, {launch.blocks, shape.threads, shape.shared_bytes, launch.stream},
                  body, request, block_points, partials);
  };
  const auto start_one = [&](auto summarizes) {
    if (shape.tiled) {
      start(&tile_kernel<T, Body, summarizes>);
    } else if constexpr (Body::variables == dynamic ||
                         shared_tile_points<T>(2 * Body::variables + Body::rows(Body::variables).total()) == 0) {
      start(&strided_kernel<T, Body, summarizes>);
    }
  };
  if constexpr (!requires { Body::never_summarized; }) {
    if (partials != nullptr) return start_one(std::true_type());
  }
  start_one(std::false_type());
}

}  // namespace nabla::detail
