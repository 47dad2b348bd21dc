#pragma once

#include "../dense.hpp"

namespace nabla::detail::cpu {

// What host/dense.hpp says, on so many threads. `partials`: as many numbers as there are columns, for each part.
template <class T>
void multiply(int threads, const DenseProduct<T>& product);
template <class T>
void multiply(int threads, const DenseTransposed<T>& product, T* partials);
template <class T>
void multiply(int threads, const DenseNormal<T>& product, T* partials);
template <class T>
void multiply(int threads, const DenseSymmetric<T>& product, T* partials);

}  // namespace nabla::detail::cpu
