#pragma once

#include <span>
#include <string>
#include <vector>

namespace nabla::cli {

/// The eigenvalues of a small symmetric matrix, given row by row, in increasing order. All are NaN if any entry is not
/// finite. Accuracy: a few ulp of the largest in magnitude.
/// Source: Golub and Van Loan, Matrix Computations (2013), section 8.5 (cyclic Jacobi).
std::vector<double> symmetric_eigenvalues(std::span<const double> matrix, std::size_t n);

/// Whether x can be called a critical point, given the eigenvalues of the Hessian there: a Newton step moves it by at
/// most 1e-5 (f64) or 1e-2 (f32) of its size,
///     |g| <= r * (smallest |eigenvalue|) * max(1, max |x_i|),  r = 1e-5 or 1e-2,
/// or, where an eigenvalue is zero to rounding and no such step exists, g is zero to rounding too.
bool is_critical(std::span<const double> x, std::span<const double> gradient, std::span<const double> eigenvalues,
                 bool single_precision);

/// "minimum", "maximum", "saddle", or "undecided" where an eigenvalue is zero to rounding, that is at most
/// 16 n eps times the largest in magnitude, and those that are not have one sign.
std::string classify(std::span<const double> eigenvalues, bool single_precision);

}  // namespace nabla::cli
