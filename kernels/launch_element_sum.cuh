#pragma once

#include <nabla/detail/element_request.hpp>
#include <nabla/kernels/check.cuh>
#include <nabla/kernels/element_sum.cuh>

namespace nabla::detail {

/// Calls use(constant) with the variables of a table's block if those are few, or else with `dynamic`. Blocks divide an
/// element's slots.
template <int N, class Use>
void with_block(std::int64_t block, Use use) {
  const auto is = [&](auto constant) {
    if constexpr (N % constant == 0) {
      if (block == constant) return use(constant), true;
    }
    return false;
  };
  using std::integral_constant;
  static_assert(most_fixed_block == 4);
  if (is(integral_constant<int, 1>()) || is(integral_constant<int, 2>()) || is(integral_constant<int, 3>()) ||
      is(integral_constant<int, 4>())) {
    return;
  }
  if constexpr (N > most_fixed_block) use(integral_constant<int, dynamic>());
}

/// Calls use(elements) with the kernels' view of a connectivity.
template <int N, class T, class Use>
void with_elements(const ElementLaunch<T>& launch, Use use) {
  if (launch.table != nullptr) {
    with_block<N>(launch.table->block, [&](auto block) { use(Lists<block>{*launch.table}); });
  } else if (is_chain(*launch.grid)) {
    use(Chain{*launch.grid});
  } else {
    use(Grid{*launch.grid});
  }
}

/// Enqueues a pass's kernel. Stream: the launch's; the element is copied into the launch.
template <ElementPass Pass, class T, class F>
void launch_element_sum(const void* function, const ElementLaunch<T>& launch) {
  const F& f = *static_cast<const F*>(function);
  const ElementRequest<T>& request = launch.request;
  constexpr int n = F::dimension;
  const char* const name = "nabla element sum kernel";
  const LaunchShape shape{launch.blocks, element_threads, 0, launch.stream};
  if (launch.shared) {
    launch_kernel(name, &shared_kernel<Pass, n, T, F>, shape, f, *launch.grid, request);
    return;
  }
  if (launch.scatters) {
    if constexpr (Pass != ElementPass::value && Pass != ElementPass::hessian) {
      launch_kernel(name, &scatter_kernel<Pass, n, T, F>, shape, f, *launch.table, request,
                    static_cast<int>(launch.table->block));
    }
    return;
  }
  with_elements<n>(launch, [&](const auto& elements) {
    using Elements = std::remove_cvref_t<decltype(elements)>;
    if constexpr (Pass == ElementPass::value) {
      launch_kernel(name, &value_kernel<n, T, F, Elements>, shape, f, elements, request);
    } else {
      const int block = launch.table != nullptr ? static_cast<int>(launch.table->block) : 1;
      launch_kernel(name, &owner_kernel<Pass, n, T, F, Elements>, shape, f, elements, request, block);
    }
  });
}

}  // namespace nabla::detail
