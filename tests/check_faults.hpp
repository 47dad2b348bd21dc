#pragma once

#include <nabla/function.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

// A function whose four derivatives are written out by hand, and ways to get them wrong.

namespace check_faults {

constexpr std::size_t n = 4;

/// x0^2 x1 + sin(x1 x2) + 3 x2 x3^2 + exp(x0/3) + a x3 + x0 x3.
struct Function {
  double a = 2.5;
  static constexpr int dimension = n;
  template <class Point>
  constexpr auto operator()(const Point& x) const {
    using nabla::exp, nabla::sin;
    return x[0] * x[0] * x[1] + sin(x[1] * x[2]) + 3 * x[2] * x[3] * x[3] + exp(x[0] / 3) + a * x[3] + x[0] * x[3];
  }
};

template <class S>
using Vector = std::array<S, n>;

template <class Point>
constexpr auto exact_gradient(const Point& x, double a = 2.5) {
  using nabla::cos, nabla::exp;
  using S = typename Point::value_type;
  const S wave = cos(x[1] * x[2]);
  return Vector<S>{2 * x[0] * x[1] + exp(x[0] / 3) / 3 + x[3], x[0] * x[0] + x[2] * wave, x[1] * wave + 3 * x[3] * x[3],
                   6 * x[2] * x[3] + S(a) + x[0]};
}

enum class Fault {
  flipped_sign,
  flipped_signs,
  doubled,
  halved,
  degrees,
  missing_component,
  missing_constant,
  missing_term,
  missing_chain_rule,
  swapped,
  permuted,
  off_by_one,
  transposed,
  summed,
  other_units,
  stale_parameter,
  subregion,
  not_a_number,
  infinite,
  absolute,
  normalised,
  another_point,
  thousandth,
  // that f32 does not show:
  millionth,
  rounded_to_f32,
  none,
};

struct Expectation {
  Fault fault;
  const char* name;
  std::vector<std::int64_t> wrong;  // components; empty: some
  const char* diagnosis;            // a part of it
};

inline const std::vector<Expectation>& expectations() {
  static const std::vector<Expectation> all{
      {Fault::flipped_sign, "flipped sign", {2}, "component 2 has the wrong sign"},
      {Fault::flipped_signs, "flipped signs", {0, 1, 2, 3}, "the whole gradient has the wrong sign"},
      {Fault::doubled, "factor 2", {0, 1, 2, 3}, "the whole gradient is 2 times"},
      {Fault::halved, "factor 1/2", {1}, "component 1 is 0.5 times what the differences say (1/2)"},
      {Fault::degrees, "degrees for radians", {2}, "component 2 is 57.29"},
      {Fault::missing_component, "missing component", {1}, "component 1 is 0: missing"},
      {Fault::missing_constant, "missing constant term", {3}, "component 3 is off by the same number everywhere, -2.5"},
      {Fault::missing_term, "missing term", {0}, "wrong in component 0 alone"},
      {Fault::missing_chain_rule, "missing chain rule factor", {0}, "wrong in component 0 alone"},
      {Fault::swapped, "swapped components", {1, 3}, "components 1 and 3 are swapped"},
      {Fault::permuted, "permuted components", {0, 1, 2}, "permuted: they hold the derivatives along 1, 2, 0"},
      {Fault::off_by_one, "off-by-one neighbour", {0, 1, 2}, "off by 1"},
      {Fault::transposed, "transposed 2 x 2 matrix", {1, 2}, "components 1 and 2 are swapped"},
      {Fault::summed, "summed over the wrong axis", {0, 1, 2, 3}, "summed over the wrong axis"},
      {Fault::other_units,
       "other units",
       {0, 2},
       "another scaling of the variables: components are multiplied, 0 by 10, 2 by 0.01"},
      {Fault::stale_parameter, "stale parameter", {3}, "component 3 is off by the same number everywhere, -0.1"},
      {Fault::subregion, "error in a subregion", {1}, "component 1 is 1.5 times"},
      {Fault::not_a_number, "NaN", {2}, "component 2 is not finite"},
      {Fault::infinite, "infinity", {0}, "component 0 is not finite"},
      {Fault::absolute, "absolute value", {}, ""},
      {Fault::normalised, "normalised", {0, 1, 2, 3}, ""},
      {Fault::another_point, "evaluated at another point", {}, ""},
      {Fault::thousandth, "1e-3 relative", {0}, "component 0 is 1.001 times"},
      {Fault::millionth, "1e-6 relative", {2}, "component 2 is 1.000001 times"},
      {Fault::rounded_to_f32, "rounded to f32", {}, ""},
  };
  return all;
}

/// The gradient with a fault.
struct Gradient {
  Fault fault;
  static constexpr bool vectorizable = true;

  template <class Point, class Sink>
  constexpr void operator()(const Point& x, Sink& sink) const {
    using S = typename Point::value_type;
    auto g = exact_gradient(x);
    tamper(x, g);
    for (std::size_t i = 0; i < n; ++i) sink[static_cast<std::int64_t>(i)] = S(g[i]);
  }

 private:
  template <class Point, class G>
  constexpr void tamper(const Point& x, G& g) const {
    using nabla::abs, nabla::exp, nabla::sqrt;
    using S = typename Point::value_type;
    const auto multiply_all = [&g](const S& factor) {
      for (auto& component : g) component = component * factor;
    };
    switch (fault) {
      case Fault::flipped_sign:
        g[2] = -g[2];
        break;
      case Fault::flipped_signs:
        multiply_all(S(-1));
        break;
      case Fault::doubled:
        multiply_all(S(2));
        break;
      case Fault::halved:
        g[1] = g[1] / 2;
        break;
      case Fault::degrees:
        g[2] = 57.29577951308232 * g[2];
        break;
      case Fault::missing_component:
        g[1] = S(0);
        break;
      case Fault::missing_constant:
        g[3] = g[3] - 2.5;
        break;
      case Fault::missing_term:
        g[0] = g[0] - x[3];
        break;
      case Fault::missing_chain_rule:
        g[0] = g[0] + exp(x[0] / 3) * (2.0 / 3);
        break;
      case Fault::swapped:
        swap(g[1], g[3]);
        break;
      case Fault::permuted:
        swap(g[0], g[1]);
        swap(g[1], g[2]);
        break;
      case Fault::off_by_one:
        for (std::size_t i = 0; i + 1 < n; ++i) g[i] = g[i + 1];
        break;
      case Fault::transposed:
        swap(g[1], g[2]);
        break;
      case Fault::summed:
        g[0] = g[0] + g[1] + g[2] + g[3];
        g[1] = g[2] = g[3] = g[0];
        break;
      case Fault::other_units:
        g[0] = 10 * g[0];
        g[2] = g[2] / 100;
        break;
      case Fault::stale_parameter:
        g[3] = exact_gradient(x, 2.4)[3];
        break;
      case Fault::subregion:
        g[1] = nabla::Math<S>::select(x[0] > S(1.9), g[1] * 1.5, g[1]);
        break;
      case Fault::not_a_number:
        g[2] = sqrt(-1 - x[0] * x[0]);
        break;
      case Fault::infinite:
        g[0] = 1 / (x[0] * 0);
        break;
      case Fault::absolute:
        for (auto& component : g) component = abs(component);
        break;
      case Fault::normalised:
        multiply_all(1 / sqrt(g[0] * g[0] + g[1] * g[1] + g[2] * g[2] + g[3] * g[3]));
        break;
      case Fault::another_point:
        g[1] = g[1] + 1e-3 * x[0];
        break;
      case Fault::thousandth:
        g[0] = g[0] * 1.001;
        break;
      case Fault::millionth:
        g[2] = g[2] * (1 + 1e-6);
        break;
      case Fault::rounded_to_f32:
        for (auto& component : g) {
          const auto far = component * 0x1p29;  // exact, so that fused operations change nothing
          component = (component + far) - far;
        }
        break;
      case Fault::none:
        break;
    }
  }
  template <class S>
  static constexpr void swap(S& a, S& b) {
    const S was = a;
    a = b;
    b = was;
  }
};

}  // namespace check_faults
