#pragma once

#include <nabla/function.hpp>
#include <nabla/functions/info.hpp>

#include <array>
#include <cmath>

// Pieces of larger models, with parameters: the energy of a pair of atoms, the loss of one neuron.

namespace nabla::functions {

/// The energy of two atoms whose positions differ by the variables (x, y, z); minus its gradient is the force. It is
/// infinite at distance 0. No square root is needed: the formula has even powers of the distance only.
struct LennardJones {
  double epsilon = 1;
  double sigma = 1;

  static constexpr int dimension = 3;
  static constexpr FunctionInfo info{
      .name = "lennard_jones",
      .formula = "let q = sigma^2/(x^2 + y^2 + z^2) in 4*epsilon*(q^6 - q^3)",
      .source = "Jones (1924); parameters epsilon = 1, sigma = 1; the box leaves out the singularity",
      .dimension = exactly(3),
      .low = 0.5,
      .high = 2};
  constexpr double minimum_value(std::int64_t) const { return -epsilon; }
  /// Distance 2^(1/6) sigma, along the diagonal.
  std::vector<double> minimizer(std::int64_t) const { return repeated(3, std::exp2(1.0 / 6) / std::sqrt(3.0) * sigma); }

  template <class Point>
  constexpr auto operator()(const Point& r) const {
    const auto cube = pow(sigma * sigma / (pow(r[0], 2) + pow(r[1], 2) + pow(r[2], 2)), 3);
    return 4 * epsilon * cube * (cube - 1);
  }
};

/// Half the squared error of logistic(w . input + b) against a target, in the variables (w1, w2, b).
struct Neuron {
  std::array<double, 2> input{1, 2};
  double target = 0.25;

  static constexpr int dimension = 3;
  static constexpr FunctionInfo info{
      .name = "neuron",
      .formula = "(1/(1 + exp(-(w1*x1 + w2*x2 + b))) - t)^2/2",
      .source = "Rumelhart, Hinton and Williams (1986); parameters x1 = 1, x2 = 2, t = 0.25",
      .dimension = exactly(3),
      .low = -3,
      .high = 3};
  /// A target in (0, 1) can be met; others only in the limit of infinite weights.
  constexpr bool reachable() const { return target > 0 && target < 1; }
  constexpr double minimum_value(std::int64_t) const { return reachable() ? 0 : unknown; }
  std::vector<double> minimizer(std::int64_t) const {
    if (!reachable()) return {};
    return {0, 0, std::log(target / (1 - target))};
  }

  template <class Point>
  constexpr auto operator()(const Point& p) const {
    return 0.5 * pow(logistic(p[0] * input[0] + p[1] * input[1] + p[2]) - target, 2);
  }
};

}  // namespace nabla::functions
