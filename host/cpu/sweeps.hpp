#pragma once

#include "../quadratic/sweeps.hpp"

namespace nabla::detail::cpu {

template <class T>
void sweep(int threads, const RowSweep<T>& sweep);

}  // namespace nabla::detail::cpu
