#pragma once

#include "../vectors.hpp"

// On CPU threads; host/vectors.hpp says what.

namespace nabla::detail::cpu {

template <class T>
void run(int threads, std::int64_t n, const Pass<T>& pass, const Sums& sums);
template <class T>
void run(int threads, std::int64_t n, const Products<T>& products, const Sums& sums);

}  // namespace nabla::detail::cpu
