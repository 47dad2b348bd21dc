#pragma once

#include <nabla/function.hpp>
#include <nabla/functions/info.hpp>

#include <cmath>

// One minimum at the end of a curved or flat valley: hard for descent that follows the gradient.

namespace nabla::functions {

struct Rosenbrock {
  static constexpr FunctionInfo info{.name = "rosenbrock",
                                     .formula = "sum(i, 1, n-1, 100*(x[i+1] - x[i]^2)^2 + (1 - x[i])^2)",
                                     .source = "Rosenbrock (1960)",
                                     .dimension = at_least(2),
                                     .low = -5,
                                     .high = 10};
  static constexpr double minimum_value(std::int64_t) { return 0; }
  static std::vector<double> minimizer(std::int64_t n) { return repeated(n, 1); }

  template <class Point>
  constexpr auto operator()(const Point& x) const {
    typename Point::value_type sum = 0;
    for (std::int64_t i = 0; i + 1 < x.size(); ++i) sum += 100 * pow(x[i + 1] - pow(x[i], 2), 2) + pow(1 - x[i], 2);
    return sum;
  }
};

struct DixonPrice {
  static constexpr FunctionInfo info{.name = "dixon_price",
                                     .formula = "(x[1] - 1)^2 + sum(i, 2, n, i*(2*x[i]^2 - x[i-1])^2)",
                                     .source = "Dixon and Price (1989)",
                                     .dimension = at_least(1),
                                     .low = -10,
                                     .high = 10};
  static constexpr double minimum_value(std::int64_t) { return 0; }
  /// x_1 = 1 and 2 x_i^2 = x_{i-1}, so x_i = 2^(2^(1-i) - 1).
  static std::vector<double> minimizer(std::int64_t n) {
    std::vector<double> x;
    for (std::int64_t i = 0; i < n; ++i) x.push_back(std::exp2(std::exp2(-static_cast<double>(i)) - 1));
    return x;
  }

  template <class Point>
  constexpr auto operator()(const Point& x) const {
    typename Point::value_type sum = pow(x[0] - 1, 2);
    for (std::int64_t i = 1; i < x.size(); ++i) sum += (i + 1) * pow(2 * pow(x[i], 2) - x[i - 1], 2);
    return sum;
  }
};

/// Powell's singular function: its Hessian at the minimum has rank 2 for every four variables, so Newton's method
/// converges only linearly.
struct Powell {
  static constexpr FunctionInfo info{.name = "powell",
                                     .formula =
                                         "sum(k, 1, n/4, (x[4*k-3] + 10*x[4*k-2])^2 + 5*(x[4*k-1] - x[4*k])^2 "
                                         "+ (x[4*k-2] - 2*x[4*k-1])^4 + 10*(x[4*k-3] - x[4*k])^4)",
                                     .source = "Powell (1962)",
                                     .dimension = multiples_of(4),
                                     .low = -4,
                                     .high = 5};
  static constexpr double minimum_value(std::int64_t) { return 0; }
  static std::vector<double> minimizer(std::int64_t n) { return repeated(n, 0); }

  template <class Point>
  constexpr auto operator()(const Point& x) const {
    typename Point::value_type sum = 0;
    for (std::int64_t k = 0; k + 3 < x.size(); k += 4) {
      sum += pow(x[k] + 10 * x[k + 1], 2) + 5 * pow(x[k + 2] - x[k + 3], 2);
      sum += pow(x[k + 1] - 2 * x[k + 2], 4) + 10 * pow(x[k] - x[k + 3], 4);
    }
    return sum;
  }
};

}  // namespace nabla::functions
