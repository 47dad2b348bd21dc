#pragma once

#include <nabla/detail/each_launch.hpp>
#include <nabla/kernels/check.cuh>
#include <nabla/kernels/each.cuh>
#include <nabla/minimize.hpp>

#include <iterator>
#include <type_traits>

namespace nabla::detail {

/// What callers call a method. (No parameter of a template is called as that enumeration is: nvcc takes one for the
/// other.)
template <class Program>
inline constexpr nabla::Method method_of = nabla::Method::gradient;
template <>
inline constexpr nabla::Method method_of<each::FixedHeavyBall> = nabla::Method::heavy_ball;
template <>
inline constexpr nabla::Method method_of<each::SearchedHeavyBall> = nabla::Method::heavy_ball;
template <>
inline constexpr nabla::Method method_of<each::FixedNesterov> = nabla::Method::nesterov;
template <>
inline constexpr nabla::Method method_of<each::SearchedNesterov> = nabla::Method::nesterov;
template <>
inline constexpr nabla::Method method_of<each::BarzilaiBorwein> = nabla::Method::barzilai_borwein;
template <>
inline constexpr nabla::Method method_of<each::Bfgs> = nabla::Method::bfgs;
template <>
inline constexpr nabla::Method method_of<each::LimitedBfgs> = nabla::Method::lbfgs;
template <>
inline constexpr nabla::Method method_of<each::Newton> = nabla::Method::newton_cg;

/// Whether a function's descents by a method are compiled: all are, unless it says which are wanted,
///     static constexpr nabla::Method descends_by[] = {nabla::Method::bfgs};
template <class F, class Program>
constexpr bool descends_by() {
  if constexpr (requires { std::size(F::descends_by); }) {
    for (const nabla::Method wanted : F::descends_by) {
      if (wanted == method_of<Program>) return true;
    }
    return false;
  } else {
    return true;
  }
}

/// Enqueues descents by the launch's method. Stream: the launch's; the body is copied into the launch.
template <class F, class T, class Body>
void launch_each(const void* erased_body, const EachLaunch<T>& launch) {
  const Body& body = *static_cast<const Body*>(erased_body);
  with_method(launch.method, [&]<class Program>(std::type_identity<Program>) {
    if constexpr (Program::needs_hessian == (Body::rows(1).group[2] > 0) && descends_by<F, Program>()) {
      const auto kernel = &each_kernel<T, Body, Program>;
      int processors = 0, blocks_of_each = 0;
      cuda_check(cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, launch.device),
                 "cudaDeviceGetAttribute");
      cuda_check(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks_of_each, kernel, each_threads, 0),
                 "cudaOccupancyMaxActiveBlocksPerMultiprocessor");
      const std::int64_t blocks = launch.blocks(std::int64_t{processors} * blocks_of_each);
      EachRequest<T> request = launch.request;
      const auto n = static_cast<int>(request.starts.components);
      request.rows =
          launch.memory(blocks * each_threads *
                        each_memory_rows<Program>(Body::variables, n, request.rules.memory, Body::rows(n).total()));
      launch_kernel("nabla descent kernel", kernel, {blocks, each_threads, 0, launch.stream}, body, request);
    } else {
      throw ExecutorUnavailable(
          "minimize_each: the function's descends_by leaves this method out, so it has no kernel");
    }
  });
}

}  // namespace nabla::detail
