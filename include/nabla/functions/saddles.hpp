#pragma once

#include <nabla/function.hpp>
#include <nabla/functions/info.hpp>

// Critical points that are no minimum, and functions without a minimum at all.

namespace nabla::functions {

/// The example of this library's documentation. Saddles at (0, 0) and (-1, 0), where the Hessian has 0 on the diagonal
/// and 1, or -1, beside it.
struct WaveSaddle : WithoutMinimum {
  static constexpr int dimension = 2;
  static constexpr FunctionInfo info{.name = "wave_saddle",
                                     .formula = "x^2*y + sin(x*y)",
                                     .source = "this library's first example",
                                     .dimension = exactly(2),
                                     .low = -2,
                                     .high = 2,
                                     .minimum_known = false};

  template <class Point>
  constexpr auto operator()(const Point& p) const {
    const auto x = p[0], y = p[1];
    return pow(x, 2) * y + sin(x * y);
  }
};

/// Hessian diag(2, -2) everywhere.
struct Saddle : WithoutMinimum {
  static constexpr int dimension = 2;
  static constexpr FunctionInfo info{.name = "saddle",
                                     .formula = "x^2 - y^2",
                                     .source = "hyperbolic paraboloid, classical",
                                     .dimension = exactly(2),
                                     .low = -2,
                                     .high = 2,
                                     .minimum_known = false};

  template <class Point>
  constexpr auto operator()(const Point& p) const {
    return pow(p[0], 2) - pow(p[1], 2);
  }
};

/// The Hessian at the origin is 0: it cannot tell that three valleys and three ridges meet there.
struct MonkeySaddle : WithoutMinimum {
  static constexpr int dimension = 2;
  static constexpr FunctionInfo info{.name = "monkey_saddle",
                                     .formula = "x^3 - 3*x*y^2",
                                     .source = "Hilbert and Cohn-Vossen (1932)",
                                     .dimension = exactly(2),
                                     .low = -2,
                                     .high = 2,
                                     .minimum_known = false};

  template <class Point>
  constexpr auto operator()(const Point& p) const {
    const auto x = p[0], y = p[1];
    return pow(x, 3) - 3 * x * pow(y, 2);
  }
};

}  // namespace nabla::functions
