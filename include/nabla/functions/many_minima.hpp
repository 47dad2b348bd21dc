#pragma once

#include <nabla/function.hpp>
#include <nabla/functions/info.hpp>

#include <array>
#include <numbers>

// Many local minima around, or far from, the global one.

namespace nabla::functions {

/// Accuracy: 1 - cos 2a is written as 2 sin^2 a, which keeps its digits near the minimum.
struct Rastrigin {
  static constexpr FunctionInfo info{.name = "rastrigin",
                                     .formula = "10*n + sum(i, 1, n, x[i]^2 - 10*cos(2*pi*x[i]))",
                                     .source = "Rastrigin (1974); any n: Muehlenbein et al. (1991)",
                                     .dimension = at_least(1),
                                     .low = -5.12,
                                     .high = 5.12};
  static constexpr double minimum_value(std::int64_t) { return 0; }
  static std::vector<double> minimizer(std::int64_t n) { return repeated(n, 0); }

  template <class Point>
  constexpr auto operator()(const Point& x) const {
    typename Point::value_type sum = 0;
    for (std::int64_t i = 0; i < x.size(); ++i) sum += pow(x[i], 2) + 20 * pow(sin(std::numbers::pi * x[i]), 2);
    return sum;
  }
};

/// A cone at the origin: f ~ 4 |x| / sqrt(n), so there is no gradient there. The library answers 0, a subgradient and
/// the one that says "minimum".
/// Accuracy: the textbook's differences 20 - 20 exp(-0.2 r) and e - exp(mean of cos 2 pi x) lose every digit near the
/// origin. They are written as expm1 of small quantities, with cos 2a = 1 - 2 sin^2 a; the value at the origin is 0.
struct Ackley {
  static constexpr FunctionInfo info{
      .name = "ackley",
      .formula = "-20*exp(-0.2*sqrt(sum(i, 1, n, x[i]^2)/n)) - exp(sum(i, 1, n, cos(2*pi*x[i]))/n) + 20 + e",
      .source = "Ackley (1987); any n: Baeck (1996)",
      .dimension = at_least(1),
      .low = -32.768,
      .high = 32.768};
  static constexpr double minimum_value(std::int64_t) { return 0; }
  static std::vector<double> minimizer(std::int64_t n) { return repeated(n, 0); }

  template <class Point>
  constexpr auto operator()(const Point& x) const {
    using S = typename Point::value_type;
    using Real = RealOf<S>;
    S length = abs(x[0]), waves = 0;  // hypot: squares of tiny components vanish before their derivatives do
    for (std::int64_t i = 0; i < x.size(); ++i) {
      if (i > 0) length = hypot(length, x[i]);
      waves += pow(sin(std::numbers::pi * x[i]), 2);
    }
    const auto cone = -20 * expm1(-0.2 * length / Math<Real>::sqrt(static_cast<Real>(x.size())));
    return cone - std::numbers::e * expm1(-2 * waves / x.size());
  }
};

struct Griewank {
  static constexpr FunctionInfo info{.name = "griewank",
                                     .formula = "1 + sum(i, 1, n, x[i]^2)/4000 - prod(i, 1, n, cos(x[i]/sqrt(i)))",
                                     .source = "Griewank (1981)",
                                     .dimension = at_least(1),
                                     .low = -600,
                                     .high = 600};
  static constexpr double minimum_value(std::int64_t) { return 0; }
  static std::vector<double> minimizer(std::int64_t n) { return repeated(n, 0); }

  template <class Point>
  constexpr auto operator()(const Point& x) const {
    using S = typename Point::value_type;
    using Real = RealOf<S>;
    S squares = 0, product = 1;
    for (std::int64_t i = 0; i < x.size(); ++i) {
      squares += pow(x[i], 2);
      product *= cos(x[i] / Math<Real>::sqrt(static_cast<Real>(i + 1)));
    }
    return squares / 4000 + (1 - product);
  }
};

/// Accuracy: in the textbook's w = 1 + (x - 1)/4 the minimum is at sin(pi) which is not 0 once pi is rounded. With
/// v = w - 1 the same sines are of multiples of v, and value and gradient at the minimum are exactly 0.
struct Levy {
  static constexpr FunctionInfo info{
      .name = "levy",
      .formula =
          "sin(pi*(x[1]-1)/4)^2 + sum(i, 1, n-1, ((x[i]-1)/4)^2*(1 + 10*sin(pi*(x[i]-1)/4 + 1)^2)) "
          "+ ((x[n]-1)/4)^2*(1 + sin(pi*(x[n]-1)/2)^2)",
      .source = "Levy and Montalvo (1985), after Laguna and Marti (2005)",
      .dimension = at_least(1),
      .low = -10,
      .high = 10};
  static constexpr double minimum_value(std::int64_t) { return 0; }
  static std::vector<double> minimizer(std::int64_t n) { return repeated(n, 1); }

  template <class Point>
  constexpr auto operator()(const Point& x) const {
    constexpr double pi = std::numbers::pi;
    const std::int64_t last = x.size() - 1;
    auto sum = pow(sin(pi / 4 * (x[0] - 1)), 2);
    for (std::int64_t i = 0; i < last; ++i) {
      const auto u = x[i] - 1;
      sum += pow(0.25 * u, 2) * (1 + 10 * pow(sin(pi / 4 * u + 1), 2));
    }
    const auto u = x[last] - 1;
    return sum + pow(0.25 * u, 2) * (1 + pow(sin(pi / 2 * u), 2));
  }
};

/// The derivative at x_i = 0, where sqrt|x_i| has none, exists and is 0.
struct Schwefel {
  /// x sin sqrt(x) at its largest maximum below 500; the usual 418.9829 is this, rounded.
  static constexpr double peak = 418.982887272433706275;
  static constexpr FunctionInfo info{.name = "schwefel",
                                     .formula = "418.982887272433706*n - sum(i, 1, n, x[i]*sin(sqrt(abs(x[i]))))",
                                     .source = "Schwefel (1981); the minimum is that of the box",
                                     .dimension = at_least(1),
                                     .low = -500,
                                     .high = 500};
  static constexpr double minimum_value(std::int64_t) { return 0; }
  static std::vector<double> minimizer(std::int64_t n) { return repeated(n, 420.968746359982027312); }

  template <class Point>
  constexpr auto operator()(const Point& x) const {
    typename Point::value_type sum = 0;
    for (std::int64_t i = 0; i < x.size(); ++i) sum += peak - x[i] * sin(sqrt(abs(x[i])));
    return sum;
  }
};

struct StyblinskiTang {
  static constexpr FunctionInfo info{.name = "styblinski_tang",
                                     .formula = "sum(i, 1, n, x[i]^4 - 16*x[i]^2 + 5*x[i])/2",
                                     .source = "Styblinski and Tang (1990)",
                                     .dimension = at_least(1),
                                     .low = -5,
                                     .high = 5};
  static constexpr double minimum_value(std::int64_t n) { return -39.1661657037714154639 * static_cast<double>(n); }
  static std::vector<double> minimizer(std::int64_t n) { return repeated(n, -2.90353402777117709512); }

  template <class Point>
  constexpr auto operator()(const Point& x) const {
    typename Point::value_type sum = 0;
    for (std::int64_t i = 0; i < x.size(); ++i) sum += pow(x[i], 4) - 16 * pow(x[i], 2) + 5 * x[i];
    return 0.5 * sum;
  }
};

/// Flat almost everywhere, with narrow steep valleys. A sum of functions of one variable each, so its minimum in the
/// box is the sum of theirs; they are listed for n <= 10.
struct Michalewicz {
  static constexpr FunctionInfo info{.name = "michalewicz",
                                     .formula = "-sum(i, 1, n, sin(x[i])*sin(i*x[i]^2/pi)^20)",
                                     .source = "Michalewicz (1992), m = 10; the minimum is that of the box",
                                     .dimension = at_least(1),
                                     .low = 0,
                                     .high = std::numbers::pi};
  static constexpr int listed = 10;
  /// The minimum of the sum of the first n terms.
  static constexpr std::array<double, listed> minima{
      -0.80130341009855253271, -1.8013034100985525327, -2.7603946799945584809, -3.6988570984666418910,
      -4.6876581790881462521,  -5.6876581790881462521, -6.6808853144440278567, -7.6637573507162384554,
      -8.6601517156413414135,  -9.6601517156413414135};
  static constexpr std::array<double, listed> minimizers{
      2.2029055201726093461, 1.5707963267948966192, 1.2849915705529243599, 1.9230584698663628432,
      1.7204697725658412801, 1.5707963267948966192, 1.4544139713623790276, 1.7560865209450263727,
      1.6557174168210291042, 1.5707963267948966192};
  static constexpr double minimum_value(std::int64_t n) {
    return n >= 1 && n <= listed ? minima[static_cast<std::size_t>(n - 1)] : unknown;
  }
  static std::vector<double> minimizer(std::int64_t n) {
    if (n < 1 || n > listed) return {};
    return {minimizers.begin(), minimizers.begin() + n};
  }

  template <class Point>
  constexpr auto operator()(const Point& x) const {
    typename Point::value_type sum = 0;
    for (std::int64_t i = 0; i < x.size(); ++i) {
      sum -= sin(x[i]) * pow(sin((i + 1) * pow(x[i], 2) / std::numbers::pi), 20);
    }
    return sum;
  }
};

}  // namespace nabla::functions
