#pragma once

#include "matrix.hpp"

#include <cstdint>

// Matrices over float made of those over double, for descents that iterate in float (host/minimize/refinement.cpp).
// What is no number of A, as places of entries and patterns, is shared with the matrix over double.

namespace nabla::detail {

/// Numbers of the executor's memory, each rounded to float. Throws Error for one that is finite, but not as a float.
Array<float> narrowed_numbers(const Executor& executor, const double* numbers, std::int64_t count);

/// The rows of a stored matrix, which the result keeps alive.
std::shared_ptr<const SymmetricMatrix<float>> narrowed(const StoredMatrix<double>& a);

/// A over float. Throws Error for an operator that has no such form, or a number that float can't hold.
SymmetricOperator<float> narrowed(const SymmetricOperator<double>& a);

}  // namespace nabla::detail
