#pragma once

#include <nabla/detail/sparse_product.hpp>

namespace nabla::detail::cpu {

/// A product on so many threads. `partials`: two numbers for each part and vector.
template <class T>
void multiply(int threads, const SparseProduct<T>& product, double* partials);
extern template void multiply(int, const SparseProduct<float>&, double*);
extern template void multiply(int, const SparseProduct<double>&, double*);

}  // namespace nabla::detail::cpu
