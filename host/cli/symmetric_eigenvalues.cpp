#include "symmetric_eigenvalues.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace nabla::cli {

std::vector<double> symmetric_eigenvalues(std::span<const double> matrix, std::size_t n) {
  std::vector<double> a(matrix.begin(), matrix.end());
  const auto at = [&](std::size_t i, std::size_t j) -> double& { return a[i * n + j]; };
  std::vector<double> eigenvalues(n, std::numeric_limits<double>::quiet_NaN());
  double largest = 0;
  for (const double entry : a) {
    if (!std::isfinite(entry)) return eigenvalues;
    largest = std::max(largest, std::abs(entry));
  }
  // Scaled by a power of two, no square overflows or vanishes.
  const int exponent = largest > 0 ? std::ilogb(largest) : 0;
  for (double& entry : a) entry = std::scalbn(entry, -exponent);

  /// Makes entry (p, q) zero by a rotation in the plane of p and q.
  const auto rotate = [&](std::size_t p, std::size_t q) {
    const double theta = (at(q, q) - at(p, p)) / (2 * at(p, q));
    const double t = std::copysign(1 / (std::abs(theta) + std::hypot(theta, 1)), theta);
    const double c = 1 / std::hypot(t, 1), s = t * c;
    at(p, p) -= t * at(p, q);
    at(q, q) += t * at(p, q);
    at(p, q) = at(q, p) = 0;
    for (std::size_t k = 0; k < n; ++k) {
      if (k == p || k == q) continue;
      const double kp = at(k, p), kq = at(k, q);
      at(k, p) = at(p, k) = c * kp - s * kq;
      at(k, q) = at(q, k) = s * kp + c * kq;
    }
  };
  constexpr int most_sweeps = 30;  // convergence is quadratic; six are usual
  constexpr double negligible = 1e-300;
  for (int sweep = 0; sweep < most_sweeps; ++sweep) {
    bool rotated = false;
    for (std::size_t p = 0; p < n; ++p) {
      for (std::size_t q = p + 1; q < n; ++q) {
        const double size = std::abs(at(p, q));
        const double diagonal = std::max(std::abs(at(p, p)), std::abs(at(q, q)));
        if (size <= negligible || size * 0x1p60 <= diagonal) continue;
        rotate(p, q);
        rotated = true;
      }
    }
    if (!rotated) break;
  }
  for (std::size_t i = 0; i < n; ++i) eigenvalues[i] = std::scalbn(at(i, i), exponent);
  std::sort(eigenvalues.begin(), eigenvalues.end());
  return eigenvalues;
}

namespace {

/// Below this an eigenvalue is zero to rounding.
double zero_eigenvalue(std::span<const double> eigenvalues, bool single_precision) {
  const double eps = single_precision ? std::numeric_limits<float>::epsilon() : std::numeric_limits<double>::epsilon();
  return 16 * static_cast<double>(eigenvalues.size()) * eps *
         std::max(std::abs(eigenvalues.front()), std::abs(eigenvalues.back()));
}

}  // namespace

bool is_critical(std::span<const double> x, std::span<const double> gradient, std::span<const double> eigenvalues,
                 bool single_precision) {
  for (const auto numbers : {x, gradient, eigenvalues}) {
    if (!std::all_of(numbers.begin(), numbers.end(), [](double number) { return std::isfinite(number); })) return false;
  }
  double length = 0, size = 1, smallest = std::numeric_limits<double>::infinity();
  for (const double component : gradient) length = std::hypot(length, component);
  for (const double coordinate : x) size = std::max(size, std::abs(coordinate));
  for (const double eigenvalue : eigenvalues) smallest = std::min(smallest, std::abs(eigenvalue));
  const double zero = zero_eigenvalue(eigenvalues, single_precision);
  return length <= (smallest > zero ? (single_precision ? 1e-2 : 1e-5) * smallest : zero) * size;
}

std::string classify(std::span<const double> eigenvalues, bool single_precision) {
  const double zero = zero_eigenvalue(eigenvalues, single_precision);
  const auto above = std::count_if(eigenvalues.begin(), eigenvalues.end(), [&](double e) { return e > zero; });
  const auto below = std::count_if(eigenvalues.begin(), eigenvalues.end(), [&](double e) { return e < -zero; });
  if (above > 0 && below > 0) return "saddle";
  const auto n = static_cast<std::ptrdiff_t>(eigenvalues.size());
  return above == n ? "minimum" : below == n ? "maximum" : "undecided";
}

}  // namespace nabla::cli
