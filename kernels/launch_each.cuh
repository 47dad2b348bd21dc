#pragma once

#include <nabla/detail/each_launch.hpp>
#include <nabla/detail/each_method.hpp>
#include <nabla/detail/residual_bodies.hpp>
#include <nabla/kernels/check.cuh>
#include <nabla/kernels/each.cuh>

#include <string>

namespace nabla::detail {

/// Whether a function's descents by a method are compiled: all are, unless it says which are wanted,
///     static constexpr nabla::Method descends_by[] = {nabla::Method::bfgs};
/// (No parameter of a template is called as that enumeration is: nvcc takes one for the other.)
template <class F>
constexpr bool descends_by(EachMethod method) {
  if constexpr (requires { F::descends_by; }) {
    // Of a class template nvcc does not know how many there are before it was made to look.
    [[maybe_unused]] constexpr nabla::Method first = F::descends_by[0];
    for (const nabla::Method wanted : F::descends_by) {
      if (wanted == method_of(method)) return true;
    }
    return false;
  } else {
    return true;
  }
}

/// Whether a body gives what a method wants in the Hessian's place.
template <class Body, class Program>
constexpr bool gives_what_is_wanted() {
  constexpr bool damps = requires { Program::damps; };
  return Program::needs_hessian == (Body::rows(1).group[2] > 0) && damps == gives_normal_matrix<Body>;
}

/// Enqueues descents by the launch's method. Stream: the launch's; the body is copied into the launch.
template <class F, class T, class Body>
void launch_each(const void* erased_body, const EachLaunch<T>& launch) {
  const Body& body = *static_cast<const Body*>(erased_body);
  with_method(launch.method, [&]<EachMethod which, class Program>(EachProgram<which, Program>) {
    if constexpr (gives_what_is_wanted<Body, Program>() && descends_by<F>(which)) {
      const auto kernel = &each_kernel<T, Body, Program>;
      int processors = 0, blocks_of_each = 0;
      cuda_check(cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, launch.device),
                 "cudaDeviceGetAttribute");
      cuda_check(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks_of_each, kernel, each_threads, 0),
                 "cudaOccupancyMaxActiveBlocksPerMultiprocessor");
      std::int64_t blocks = launch.blocks(std::int64_t{processors} * blocks_of_each);
      EachRequest<T> request = launch.request;
      const auto n = static_cast<int>(request.starts.components);
      request.rows = launch.memory(
          blocks,
          each_threads * each_memory_rows<Program>(Body::variables, n, request.rules.memory, Body::rows(n).total()));
      launch_kernel("nabla descent kernel", kernel, {blocks, each_threads, 0, launch.stream}, body, request);
    } else {
      throw ExecutorUnavailable(std::string(launch.name) +
                                ": the function's descends_by leaves this method out, so it has no kernel");
    }
  });
}

}  // namespace nabla::detail
