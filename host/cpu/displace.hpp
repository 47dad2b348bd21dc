#pragma once

#include "../displace.hpp"

// On CPU threads; host/displace.hpp says what.

namespace nabla::detail::cpu {

template <class T>
void displace(int threads, const T* x, double t, const Direction& u, const Subset& subset, T* out);
template <class T>
Weighed weigh(int threads, const T* gradient, const Direction& u, const Subset& subset);
template <class T>
double largest(int threads, const T* a, const T* b, std::int64_t n);

}  // namespace nabla::detail::cpu
