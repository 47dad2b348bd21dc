#pragma once

#include <nabla/function.hpp>
#include <nabla/functions/info.hpp>

#include <numbers>

// Classical landscapes of two variables.

namespace nabla::functions {

/// Four minima of equal depth.
struct Himmelblau {
  static constexpr int dimension = 2;
  static constexpr FunctionInfo info{.name = "himmelblau",
                                     .formula = "(x^2 + y - 11)^2 + (x + y^2 - 7)^2",
                                     .source = "Himmelblau (1972)",
                                     .dimension = exactly(2),
                                     .low = -5,
                                     .high = 5};
  static constexpr double minimum_value(std::int64_t) { return 0; }
  static std::vector<double> minimizer(std::int64_t) { return {3, 2}; }

  template <class Point>
  constexpr auto operator()(const Point& p) const {
    const auto x = p[0], y = p[1];
    return pow(pow(x, 2) + y - 11, 2) + pow(x + pow(y, 2) - 7, 2);
  }
};

struct Beale {
  static constexpr int dimension = 2;
  static constexpr FunctionInfo info{
      .name = "beale",
      .formula = "(1.5 - x*(1 - y))^2 + (2.25 - x*(1 - y^2))^2 + (2.625 - x*(1 - y^3))^2",
      .source = "Beale (1958)",
      .dimension = exactly(2),
      .low = -4.5,
      .high = 4.5};
  static constexpr double minimum_value(std::int64_t) { return 0; }
  static std::vector<double> minimizer(std::int64_t) { return {3, 0.5}; }

  template <class Point>
  constexpr auto operator()(const Point& p) const {
    const auto x = p[0], y = p[1];
    return pow(1.5 - x * (1 - y), 2) + pow(2.25 - x * (1 - pow(y, 2)), 2) + pow(2.625 - x * (1 - pow(y, 3)), 2);
  }
};

/// A quadratic with condition number 9.
struct Booth {
  static constexpr int dimension = 2;
  static constexpr FunctionInfo info{.name = "booth",
                                     .formula = "(x + 2*y - 7)^2 + (2*x + y - 5)^2",
                                     .source = "Booth, after Jamil and Yang (2013)",
                                     .dimension = exactly(2),
                                     .low = -10,
                                     .high = 10};
  static constexpr double minimum_value(std::int64_t) { return 0; }
  static std::vector<double> minimizer(std::int64_t) { return {1, 3}; }

  template <class Point>
  constexpr auto operator()(const Point& p) const {
    const auto x = p[0], y = p[1];
    return pow(x + 2 * y - 7, 2) + pow(2 * x + y - 5, 2);
  }
};

/// A quadratic with condition number 25.
struct Matyas {
  static constexpr int dimension = 2;
  static constexpr FunctionInfo info{.name = "matyas",
                                     .formula = "0.26*(x^2 + y^2) - 0.48*x*y",
                                     .source = "Matyas (1965)",
                                     .dimension = exactly(2),
                                     .low = -10,
                                     .high = 10};
  static constexpr double minimum_value(std::int64_t) { return 0; }
  static std::vector<double> minimizer(std::int64_t) { return {0, 0}; }

  template <class Point>
  constexpr auto operator()(const Point& p) const {
    const auto x = p[0], y = p[1];
    return 0.26 * (pow(x, 2) + pow(y, 2)) - 0.48 * x * y;
  }
};

struct GoldsteinPrice {
  static constexpr int dimension = 2;
  static constexpr FunctionInfo info{.name = "goldstein_price",
                                     .formula =
                                         "(1 + (x + y + 1)^2*(19 - 14*x + 3*x^2 - 14*y + 6*x*y + 3*y^2))"
                                         "*(30 + (2*x - 3*y)^2*(18 - 32*x + 12*x^2 + 48*y - 36*x*y + 27*y^2))",
                                     .source = "Goldstein and Price (1971)",
                                     .dimension = exactly(2),
                                     .low = -2,
                                     .high = 2};
  static constexpr double minimum_value(std::int64_t) { return 3; }
  static std::vector<double> minimizer(std::int64_t) { return {0, -1}; }

  template <class Point>
  constexpr auto operator()(const Point& p) const {
    const auto x = p[0], y = p[1];
    const auto xx = pow(x, 2), xy = x * y, yy = pow(y, 2);
    const auto first = 1 + pow(x + y + 1, 2) * (19 - 14 * x + 3 * xx - 14 * y + 6 * xy + 3 * yy);
    return first * (30 + pow(2 * x - 3 * y, 2) * (18 - 32 * x + 12 * xx + 48 * y - 36 * xy + 27 * yy));
  }
};

/// Three minima of equal depth.
struct Branin {
  static constexpr int dimension = 2;
  static constexpr FunctionInfo info{.name = "branin",
                                     .formula = "10*(1 - 1/(8*pi))*cos(x) + (y - 5.1/(4*pi^2)*x^2 + 5/pi*x - 6)^2 + 10",
                                     .source = "Branin (1972); usually -5 <= x <= 10, 0 <= y <= 15",
                                     .dimension = exactly(2),
                                     .low = -5,
                                     .high = 15};
  static constexpr double minimum_value(std::int64_t) { return 1.25 / std::numbers::pi; }
  static std::vector<double> minimizer(std::int64_t) { return {std::numbers::pi, 2.275}; }

  template <class Point>
  constexpr auto operator()(const Point& p) const {
    constexpr double pi = std::numbers::pi;
    const auto x = p[0], y = p[1];
    const auto bend = y - 5.1 / (4 * pi * pi) * pow(x, 2) + 5 / pi * x - 6;
    return pow(bend, 2) + 10 * (1 - 1 / (8 * pi)) * cos(x) + 10;
  }
};

struct ThreeHumpCamel {
  static constexpr int dimension = 2;
  static constexpr FunctionInfo info{.name = "three_hump_camel",
                                     .formula = "2*x^2 - 1.05*x^4 + x^6/6 + x*y + y^2",
                                     .source = "Branin (1972), after Jamil and Yang (2013)",
                                     .dimension = exactly(2),
                                     .low = -5,
                                     .high = 5};
  static constexpr double minimum_value(std::int64_t) { return 0; }
  static std::vector<double> minimizer(std::int64_t) { return {0, 0}; }

  template <class Point>
  constexpr auto operator()(const Point& p) const {
    const auto x = p[0], y = p[1];
    return 2 * pow(x, 2) - 1.05 * pow(x, 4) + pow(x, 6) / 6 + x * y + pow(y, 2);
  }
};

struct SixHumpCamel {
  static constexpr int dimension = 2;
  static constexpr FunctionInfo info{.name = "six_hump_camel",
                                     .formula = "(4 - 2.1*x^2 + x^4/3)*x^2 + x*y + (4*y^2 - 4)*y^2",
                                     .source = "Dixon and Szego (1978)",
                                     .dimension = exactly(2),
                                     .low = -3,
                                     .high = 3};
  static constexpr double minimum_value(std::int64_t) { return -1.03162845348987735042; }
  static std::vector<double> minimizer(std::int64_t) { return {0.0898420131003180624225, -0.712656403020739633397}; }

  template <class Point>
  constexpr auto operator()(const Point& p) const {
    const auto x = p[0], y = p[1];
    const auto xx = pow(x, 2), yy = pow(y, 2);
    return (4 - 2.1 * xx + pow(xx, 2) / 3) * xx + x * y + (4 * yy - 4) * yy;
  }
};

}  // namespace nabla::functions
