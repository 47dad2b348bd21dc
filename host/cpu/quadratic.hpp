#pragma once

#include "../quadratic/passes.hpp"

namespace nabla::detail::cpu {

// What host/quadratic/passes.hpp says, of matrices that are stored as rows.
template <class T>
void multiply(int threads, const MatrixRows<T>& rows, const Multiply<T>& pass);
template <class T>
void take_diagonal(int threads, const MatrixRows<T>& rows, T* numbers, bool add);
template <class T>
void run(int threads, const MatrixRows<T>& rows, const Evaluate<T>& pass, const Sums& sums);
template <class T>
void turn(int threads, std::int64_t n, const Turning<T>& turning);
template <class T>
void run(int threads, const MatrixRows<T>& rows, const ChebyshevStep<T>& pass);
template <class T>
void run(int threads, const MatrixRows<T>& rows, const Meet<T>& pass, const Sums& sums);
/// Turns the direction, where `turning` is there, just before its product with A is taken.
template <class T>
void run(int threads, const MatrixRows<T>& rows, const Turning<T>* turning, const Curve<T>& pass, const Sums& sums);
template <class T>
void run(int threads, const MatrixRows<T>& rows, const Advance<T>& pass, const Sums& sums);

}  // namespace nabla::detail::cpu
