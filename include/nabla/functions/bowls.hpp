#pragma once

#include <nabla/function.hpp>
#include <nabla/functions/info.hpp>

// One minimum and no valley: quadratics and what is nearly one.

namespace nabla::functions {

struct Sphere {
  static constexpr FunctionInfo info{.name = "sphere",
                                     .formula = "sum(i, 1, n, x[i]^2)",
                                     .source = "De Jong (1975), function 1",
                                     .dimension = at_least(1),
                                     .low = -5.12,
                                     .high = 5.12};
  static constexpr double minimum_value(std::int64_t) { return 0; }
  static std::vector<double> minimizer(std::int64_t n) { return repeated(n, 0); }

  template <class Point>
  constexpr auto operator()(const Point& x) const {
    typename Point::value_type sum = 0;
    for (std::int64_t i = 0; i < x.size(); ++i) sum += pow(x[i], 2);
    return sum;
  }
};

/// A diagonal quadratic with condition number n.
struct WeightedSquares {
  static constexpr FunctionInfo info{.name = "weighted_squares",
                                     .formula = "sum(i, 1, n, i*x[i]^2)",
                                     .source = "Molga and Smutnicki (2005), axis parallel hyper-ellipsoid",
                                     .dimension = at_least(1),
                                     .low = -10,
                                     .high = 10};
  static constexpr double minimum_value(std::int64_t) { return 0; }
  static std::vector<double> minimizer(std::int64_t n) { return repeated(n, 0); }

  template <class Point>
  constexpr auto operator()(const Point& x) const {
    typename Point::value_type sum = 0;
    for (std::int64_t i = 0; i < x.size(); ++i) sum += (i + 1) * pow(x[i], 2);
    return sum;
  }
};

/// A quadratic whose Hessian is tridiagonal: 2 on the diagonal, -1 beside it.
struct Trid {
  static constexpr FunctionInfo info{.name = "trid",
                                     .formula = "sum(i, 1, n, (x[i] - 1)^2) - sum(i, 2, n, x[i]*x[i-1])",
                                     .source = "Neumaier, after Hedar (2005); the box n^2 is that of n = 6",
                                     .dimension = at_least(1),
                                     .low = -36,
                                     .high = 36};
  static constexpr double minimum_value(std::int64_t n) {
    // Whole: n (n - 1) is even, and one of n, n - 1, n + 4 is a multiple of 3.
    return -static_cast<double>(n * (n + 4) * (n - 1) / 6);
  }
  static std::vector<double> minimizer(std::int64_t n) {
    std::vector<double> x;
    for (std::int64_t i = 1; i <= n; ++i) x.push_back(static_cast<double>(i * (n + 1 - i)));
    return x;
  }

  template <class Point>
  constexpr auto operator()(const Point& x) const {
    typename Point::value_type sum = pow(x[0] - 1, 2);
    for (std::int64_t i = 1; i < x.size(); ++i) sum += pow(x[i] - 1, 2) - x[i] * x[i - 1];
    return sum;
  }
};

/// A sphere, and a quartic along (1, 2, ..., n).
struct Zakharov {
  static constexpr FunctionInfo info{.name = "zakharov",
                                     .formula = "let s = sum(i, 1, n, i*x[i])/2 in sum(i, 1, n, x[i]^2) + s^2 + s^4",
                                     .source = "Zakharov, after Hedar (2005)",
                                     .dimension = at_least(1),
                                     .low = -5,
                                     .high = 10};
  static constexpr double minimum_value(std::int64_t) { return 0; }
  static std::vector<double> minimizer(std::int64_t n) { return repeated(n, 0); }

  template <class Point>
  constexpr auto operator()(const Point& x) const {
    typename Point::value_type squares = 0, weighted = 0;
    for (std::int64_t i = 0; i < x.size(); ++i) {
      squares += pow(x[i], 2);
      weighted += (i + 1) * x[i];
    }
    const auto s = 0.5 * weighted;
    return squares + pow(s, 2) + pow(s, 4);
  }
};

}  // namespace nabla::functions
