#pragma once

#include <nabla/elementary.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>

// Classical sums of squares with their standard starts, as functors that return residuals. Source of problems and
// starts: Moré, Garbow and Hillstrom, Testing Unconstrained Optimization Software, ACM Trans. Math. Softw. 7 (1981);
// their problem's number is in brackets. They state minima of sum r^2 to six digits, as `published` has them; the
// further digits of `minimum` come from Newton's method on the same sums in 60 digits (mpmath), from the point where
// the published value is. In Gulf's problem the printed exponent's factor m i is a misprint, which the authors' code
// lacks.

namespace nabla::classical {

template <std::size_t N>
using Numbers = std::array<double, N>;

/// The scalar that a point is made of.
template <class X>
using ScalarOf = typename X::value_type;

struct Rosenbrock {  // (1)
  static constexpr const char* name = "Rosenbrock";
  static constexpr int dimension = 2;
  static constexpr Numbers<2> start{-1.2, 1};
  static constexpr double published = 0, minimum = 0;
  template <class X>
  constexpr auto operator()(const X& x) const {
    return std::array<ScalarOf<X>, 2>{10 * (x[1] - x[0] * x[0]), 1 - x[0]};
  }
};

/// Its standard start leads to the local minimum; the least is 0, at (5, 4).
struct FreudensteinRoth {  // (2)
  static constexpr const char* name = "Freudenstein-Roth";
  static constexpr int dimension = 2;
  static constexpr Numbers<2> start{0.5, -2};
  static constexpr double published = 48.9842, minimum = 48.984253679240021, other_minimum = 0;
  template <class X>
  constexpr auto operator()(const X& x) const {
    return std::array<ScalarOf<X>, 2>{-13 + x[0] + ((5 - x[1]) * x[1] - 2) * x[1],
                                      -29 + x[0] + ((x[1] + 1) * x[1] - 14) * x[1]};
  }
};

struct PowellBadlyScaled {  // (3)
  static constexpr const char* name = "Powell badly scaled";
  static constexpr int dimension = 2;
  static constexpr Numbers<2> start{0, 1};
  static constexpr double published = 0, minimum = 0;
  template <class X>
  constexpr auto operator()(const X& x) const {
    using nabla::exp;
    return std::array<ScalarOf<X>, 2>{1e4 * x[0] * x[1] - 1, exp(-x[0]) + exp(-x[1]) - 1.0001};
  }
};

struct BrownBadlyScaled {  // (4)
  static constexpr const char* name = "Brown badly scaled";
  static constexpr int dimension = 2;
  static constexpr Numbers<2> start{1, 1};
  static constexpr double published = 0, minimum = 0;
  template <class X>
  constexpr auto operator()(const X& x) const {
    return std::array<ScalarOf<X>, 3>{x[0] - 1e6, x[1] - 2e-6, x[0] * x[1] - 2};
  }
};

struct Beale {  // (5)
  static constexpr const char* name = "Beale";
  static constexpr int dimension = 2;
  static constexpr Numbers<2> start{1, 1};
  static constexpr double published = 0, minimum = 0;
  template <class X>
  constexpr auto operator()(const X& x) const {
    const ScalarOf<X> square = x[1] * x[1];
    return std::array<ScalarOf<X>, 3>{1.5 - x[0] * (1 - x[1]), 2.25 - x[0] * (1 - square),
                                      2.625 - x[0] * (1 - square * x[1])};
  }
};

struct JennrichSampson {  // (6)
  static constexpr const char* name = "Jennrich-Sampson";
  static constexpr int dimension = 2;
  static constexpr Numbers<2> start{0.3, 0.4};
  static constexpr double published = 124.362, minimum = 124.36218235561485;
  template <class X>
  constexpr auto operator()(const X& x) const {
    using nabla::exp;
    std::array<ScalarOf<X>, 10> r;
    for (int i = 1; i <= 10; ++i) r[static_cast<std::size_t>(i - 1)] = 2.0 + 2 * i - (exp(i * x[0]) + exp(i * x[1]));
    return r;
  }
};

struct HelicalValley {  // (7)
  static constexpr const char* name = "helical valley";
  static constexpr int dimension = 3;
  static constexpr Numbers<3> start{-1, 0, 0};
  static constexpr double published = 0, minimum = 0;
  template <class X>
  constexpr auto operator()(const X& x) const {
    using nabla::atan2;
    using nabla::sqrt;
    const ScalarOf<X> turns = atan2(x[1], x[0]) * (0.5 / std::numbers::pi);
    return std::array<ScalarOf<X>, 3>{10 * (x[2] - 10 * turns), 10 * (sqrt(x[0] * x[0] + x[1] * x[1]) - 1), x[2] + 0};
  }
};

struct Bard {  // (8)
  static constexpr const char* name = "Bard";
  static constexpr int dimension = 3;
  static constexpr Numbers<3> start{1, 1, 1};
  static constexpr double published = 8.21487e-3, minimum = 0.0082148773065789748;
  static constexpr Numbers<15> y{0.14, 0.18, 0.22, 0.25, 0.29, 0.32, 0.35, 0.39,
                                 0.37, 0.58, 0.73, 0.96, 1.34, 2.10, 4.39};
  template <class X>
  constexpr auto operator()(const X& x) const {
    std::array<ScalarOf<X>, 15> r;
    for (int i = 1; i <= 15; ++i) {
      const int v = 16 - i, w = i < v ? i : v;
      const auto j = static_cast<std::size_t>(i - 1);
      r[j] = y[j] - (x[0] + i / (v * x[1] + w * x[2]));
    }
    return r;
  }
};

struct Gaussian {  // (9)
  static constexpr const char* name = "Gaussian";
  static constexpr int dimension = 3;
  static constexpr Numbers<3> start{0.4, 1, 0};
  static constexpr double published = 1.12793e-8, minimum = 1.1279327696186480e-8;
  static constexpr Numbers<15> y{0.0009, 0.0044, 0.0175, 0.0540, 0.1295, 0.2420, 0.3521, 0.3989,
                                 0.3521, 0.2420, 0.1295, 0.0540, 0.0175, 0.0044, 0.0009};
  template <class X>
  constexpr auto operator()(const X& x) const {
    using nabla::exp;
    std::array<ScalarOf<X>, 15> r;
    for (int i = 1; i <= 15; ++i) {
      const auto j = static_cast<std::size_t>(i - 1);
      const ScalarOf<X> apart = (8 - i) / 2.0 - x[2];
      r[j] = x[0] * exp(-0.5 * x[1] * (apart * apart)) - y[j];
    }
    return r;
  }
};

struct Meyer {  // (10)
  static constexpr const char* name = "Meyer";
  static constexpr int dimension = 3;
  static constexpr Numbers<3> start{0.02, 4000, 250};
  static constexpr double published = 87.9458, minimum = 87.945855170851121;
  static constexpr Numbers<16> y{34780, 28610, 23650, 19630, 16370, 13720, 11540, 9744,
                                 8261,  7030,  6005,  5147,  4427,  3820,  3307,  2872};
  template <class X>
  constexpr auto operator()(const X& x) const {
    using nabla::exp;
    std::array<ScalarOf<X>, 16> r;
    for (int i = 1; i <= 16; ++i) {
      const auto j = static_cast<std::size_t>(i - 1);
      r[j] = x[0] * exp(x[1] / (45.0 + 5 * i + x[2])) - y[j];
    }
    return r;
  }
};

struct Gulf {  // (11), m = 99
  static constexpr const char* name = "Gulf";
  static constexpr int dimension = 3;
  static constexpr Numbers<3> start{5, 2.5, 0.15};
  static constexpr double published = 0, minimum = 0;
  /// 25 + (-50 ln(i / 100))^(2/3)
  static inline const Numbers<99> y = [] {
    Numbers<99> made;
    for (int i = 1; i <= 99; ++i)
      made[static_cast<std::size_t>(i - 1)] = 25 + std::pow(-50 * std::log(i / 100.0), 2.0 / 3);
    return made;
  }();
  template <class X>
  constexpr auto operator()(const X& x) const {
    using nabla::abs;
    using nabla::exp;
    using nabla::pow;
    std::array<ScalarOf<X>, 99> r;
    for (int i = 1; i <= 99; ++i) {
      const auto j = static_cast<std::size_t>(i - 1);
      r[j] = exp(-pow(abs(y[j] - x[1]), x[2]) / x[0]) - i / 100.0;
    }
    return r;
  }
};

struct Box {  // (12), m = 10
  static constexpr const char* name = "Box 3-D";
  static constexpr int dimension = 3;
  static constexpr Numbers<3> start{0, 10, 20};
  static constexpr double published = 0, minimum = 0;
  template <class X>
  constexpr auto operator()(const X& x) const {
    using nabla::exp;
    std::array<ScalarOf<X>, 10> r;
    for (int i = 1; i <= 10; ++i) {
      const double t = i / 10.0;
      r[static_cast<std::size_t>(i - 1)] =
          exp(-t * x[0]) - exp(-t * x[1]) - x[2] * (exp(ScalarOf<X>(-t)) - exp(ScalarOf<X>(-10 * t)));
    }
    return r;
  }
};

struct PowellSingular {  // (13)
  static constexpr const char* name = "Powell singular";
  static constexpr int dimension = 4;
  static constexpr Numbers<4> start{3, -1, 0, 1};
  static constexpr double published = 0, minimum = 0;
  template <class X>
  constexpr auto operator()(const X& x) const {
    const ScalarOf<X> a = x[1] - 2 * x[2], b = x[0] - x[3];
    return std::array<ScalarOf<X>, 4>{x[0] + 10 * x[1], 2.2360679774997898 * (x[2] - x[3]), a * a,
                                      3.1622776601683795 * (b * b)};
  }
};

struct Wood {  // (14)
  static constexpr const char* name = "Wood";
  static constexpr int dimension = 4;
  static constexpr Numbers<4> start{-3, -1, -3, -1};
  static constexpr double published = 0, minimum = 0;
  template <class X>
  constexpr auto operator()(const X& x) const {
    constexpr double root_90 = 9.4868329805051381, root_10 = 3.1622776601683795;
    return std::array<ScalarOf<X>, 6>{10 * (x[1] - x[0] * x[0]),      1 - x[0],
                                      root_90 * (x[3] - x[2] * x[2]), 1 - x[2],
                                      root_10 * (x[1] + x[3] - 2),    (x[1] - x[3]) / root_10};
  }
};

struct KowalikOsborne {  // (15)
  static constexpr const char* name = "Kowalik-Osborne";
  static constexpr int dimension = 4;
  static constexpr Numbers<4> start{0.25, 0.39, 0.415, 0.39};
  static constexpr double published = 3.07505e-4, minimum = 3.0750560384923743e-4;
  static constexpr Numbers<11> y{0.1957, 0.1947, 0.1735, 0.1600, 0.0844, 0.0627,
                                 0.0456, 0.0342, 0.0323, 0.0235, 0.0246};
  static constexpr Numbers<11> u{4, 2, 1, 0.5, 0.25, 0.167, 0.125, 0.1, 0.0833, 0.0714, 0.0625};
  template <class X>
  constexpr auto operator()(const X& x) const {
    std::array<ScalarOf<X>, 11> r;
    for (std::size_t j = 0; j < 11; ++j) {
      r[j] = y[j] - x[0] * (u[j] * u[j] + u[j] * x[1]) / (u[j] * u[j] + u[j] * x[2] + x[3]);
    }
    return r;
  }
};

struct BrownDennis {  // (16), m = 20
  static constexpr const char* name = "Brown-Dennis";
  static constexpr int dimension = 4;
  static constexpr Numbers<4> start{25, 5, -5, -1};
  static constexpr double published = 85822.2, minimum = 85822.201626356345;
  template <class X>
  constexpr auto operator()(const X& x) const {
    using S = ScalarOf<X>;
    using nabla::cos;
    using nabla::exp;
    using nabla::sin;
    std::array<S, 20> r;
    for (int i = 1; i <= 20; ++i) {
      const double t = i / 5.0;
      const S a = x[0] + t * x[1] - exp(S(t)), b = x[2] + x[3] * sin(S(t)) - cos(S(t));
      r[static_cast<std::size_t>(i - 1)] = a * a + b * b;
    }
    return r;
  }
};

struct Osborne1 {  // (17)
  static constexpr const char* name = "Osborne 1";
  static constexpr int dimension = 5;
  static constexpr Numbers<5> start{0.5, 1.5, -1, 0.01, 0.02};
  static constexpr double published = 5.46489e-5, minimum = 5.4648946974829064e-5;
  static constexpr Numbers<33> y{0.844, 0.908, 0.932, 0.936, 0.925, 0.908, 0.881, 0.850, 0.818, 0.784, 0.751,
                                 0.718, 0.685, 0.658, 0.628, 0.603, 0.580, 0.558, 0.538, 0.522, 0.506, 0.490,
                                 0.478, 0.467, 0.457, 0.448, 0.438, 0.431, 0.424, 0.420, 0.414, 0.411, 0.406};
  template <class X>
  constexpr auto operator()(const X& x) const {
    using nabla::exp;
    std::array<ScalarOf<X>, 33> r;
    for (int i = 0; i < 33; ++i) {
      const auto j = static_cast<std::size_t>(i);
      r[j] = y[j] - (x[0] + x[1] * exp(-10.0 * i * x[3]) + x[2] * exp(-10.0 * i * x[4]));
    }
    return r;
  }
};

/// The standard start has x1 = x5 and x3 = x6, and so have all points that exact arithmetic leads to: the published
/// value is the least of those. It is a saddle; what rounding leads away from it ends at the minimum, 0.
struct Biggs {  // (18), m = 13
  static constexpr const char* name = "Biggs EXP6";
  static constexpr int dimension = 6;
  static constexpr Numbers<6> start{1, 2, 1, 1, 1, 1};
  static constexpr double published = 5.65565e-3, minimum = 5.6556499254999310e-3, other_minimum = 0;
  static inline const Numbers<13> y = [] {
    Numbers<13> made;
    for (int i = 1; i <= 13; ++i) {
      const double t = i / 10.0;
      made[static_cast<std::size_t>(i - 1)] = std::exp(-t) - 5 * std::exp(-10 * t) + 3 * std::exp(-4 * t);
    }
    return made;
  }();
  template <class X>
  constexpr auto operator()(const X& x) const {
    using nabla::exp;
    std::array<ScalarOf<X>, 13> r;
    for (int i = 1; i <= 13; ++i) {
      const double t = i / 10.0;
      const auto j = static_cast<std::size_t>(i - 1);
      r[j] = x[2] * exp(-t * x[0]) - x[3] * exp(-t * x[1]) + x[5] * exp(-t * x[4]) - y[j];
    }
    return r;
  }
};

struct Osborne2 {  // (19)
  static constexpr const char* name = "Osborne 2";
  static constexpr int dimension = 11;
  static constexpr Numbers<11> start{1.3, 0.65, 0.65, 0.7, 0.6, 3, 5, 7, 2, 4.5, 5.5};
  static constexpr double published = 4.01377e-2, minimum = 0.040137736293547738;
  static constexpr Numbers<65> y{1.366, 1.191, 1.112, 1.013, 0.991, 0.885, 0.831, 0.847, 0.786, 0.725, 0.746,
                                 0.679, 0.608, 0.655, 0.616, 0.606, 0.602, 0.626, 0.651, 0.724, 0.649, 0.649,
                                 0.694, 0.644, 0.624, 0.661, 0.612, 0.558, 0.533, 0.495, 0.500, 0.423, 0.395,
                                 0.375, 0.372, 0.391, 0.396, 0.405, 0.428, 0.429, 0.523, 0.562, 0.607, 0.653,
                                 0.672, 0.708, 0.633, 0.668, 0.645, 0.632, 0.591, 0.559, 0.597, 0.625, 0.739,
                                 0.710, 0.729, 0.720, 0.636, 0.581, 0.428, 0.292, 0.162, 0.098, 0.054};
  template <class X>
  constexpr auto operator()(const X& x) const {
    using nabla::exp;
    std::array<ScalarOf<X>, 65> r;
    for (int i = 0; i < 65; ++i) {
      const double t = i / 10.0;
      const auto j = static_cast<std::size_t>(i);
      ScalarOf<X> model = x[0] * exp(-t * x[4]);
      for (int k = 1; k < 4; ++k) {
        const ScalarOf<X> apart = t - x[7 + k];
        model = model + x[k] * exp(-(apart * apart) * x[4 + k]);
      }
      r[j] = y[j] - model;
    }
    return r;
  }
};

struct Watson {  // (20), n = 6
  static constexpr const char* name = "Watson";
  static constexpr int dimension = 6;
  static constexpr Numbers<6> start{0, 0, 0, 0, 0, 0};
  static constexpr double published = 2.28767e-3, minimum = 0.0022876700535524362;
  template <class X>
  constexpr auto operator()(const X& x) const {
    std::array<ScalarOf<X>, 31> r;
    for (int i = 1; i <= 29; ++i) {
      const double t = i / 29.0;
      ScalarOf<X> sum = x[0] + 0, slope = x[1] + 0;
      double power = t, power_before = 1;
      for (int j = 1; j < 6; ++j) {
        sum = sum + power * x[j];
        if (j > 1) slope = slope + (j * power_before) * x[j];
        power_before = power;
        power *= t;
      }
      r[static_cast<std::size_t>(i - 1)] = slope - sum * sum - 1;
    }
    r[29] = x[0] + 0;
    r[30] = x[1] - x[0] * x[0] - 1;
    return r;
  }
};

template <class Use>
void for_each_problem(Use use) {
  use(Rosenbrock());
  use(FreudensteinRoth());
  use(PowellBadlyScaled());
  use(BrownBadlyScaled());
  use(Beale());
  use(JennrichSampson());
  use(HelicalValley());
  use(Bard());
  use(Gaussian());
  use(Meyer());
  use(Gulf());
  use(Box());
  use(PowellSingular());
  use(Wood());
  use(KowalikOsborne());
  use(BrownDennis());
  use(Osborne1());
  use(Biggs());
  use(Osborne2());
  use(Watson());
}

}  // namespace nabla::classical
