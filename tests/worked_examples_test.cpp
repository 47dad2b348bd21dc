#include "worked_examples.hpp"

#include <array>
#include <numbers>

// The textbook facts about gradients, with the textbook's numbers: at a point, what a gradient tells, where it is not
// enough, and what its relatives look like. Descent and checking are in worked_descent_test.cpp.

namespace nabla::test {
namespace {

using functions::MonkeySaddle;
using functions::Neuron;
using functions::Saddle;
using functions::WaveSaddle;
using functions::WeightedSquares;
using std::numbers::sqrt2;

struct ExponentialProduct {  // x e^y
  constexpr auto operator()(const auto& p) const { return p[0] * exp(p[1]); }
};
struct Mixed {
  constexpr auto operator()(const auto& p) const { return 3 * p[0] * p[0] - 2 * p[0] * p[1] + p[1] * p[1]; }
};
struct ThreeVariables {  // x^2 y z + e^(x z)
  constexpr auto operator()(const auto& p) const { return p[0] * p[0] * p[1] * p[2] + exp(p[0] * p[2]); }
};
struct Volume {
  constexpr auto operator()(const auto& p) const { return p[0] * p[1] * p[2]; }
};

using GradientAtAPoint = WorkedExamples;

TEST_P(GradientAtAPoint, OfPolynomialsIsExact) {
  EXPECT_EQ(gradient(Square{}, {3}), (Numbers{6}));
  EXPECT_EQ(gradient(Circle{}, {1, 1, 3, 0, 0, 0}), (Numbers{2, 2, 6, 0, 0, 0}));
  EXPECT_EQ(gradient(Cubic{}, {2, 1}), (Numbers{4, 7}));
  EXPECT_EQ(gradient(Mixed{}, {1, 2}), (Numbers{2, 2}));
  EXPECT_EQ(gradient(Ellipse{}, {2, 1, 1, 1, 1, 0.5}), (Numbers{4, 8, 2, 8, 2, 4}));
  EXPECT_EQ(gradient(Volume{}, {2, 3, 4}), (Numbers{12, 8, 6}));
}

TEST_P(GradientAtAPoint, OfExponentialsAndSines) {
  EXPECT_EQ(gradient(ExponentialProduct{}, {0, 0}), (Numbers{1, 0}));
  // Where the inner product is 0, so are all roundings.
  EXPECT_EQ(gradient(WaveSaddle{}, {2, 0, 0, 3}), (Numbers{0, 6, 3, 0}));
  EXPECT_EQ(gradient(ThreeVariables{}, {0, 1, 2, 3, 2, 0}), (Numbers{2, 0, 0, 0, 0, 21}));

  const double x = 0.75, y = -1.25, z = 0.5;
  const Numbers wave = gradient(WaveSaddle{}, {x, y});
  EXPECT_DOUBLE_EQ(wave[0], 2 * x * y + y * std::cos(x * y));
  EXPECT_DOUBLE_EQ(wave[1], x * x + x * std::cos(x * y));
  const Numbers three = gradient(ThreeVariables{}, {x, y, z});
  EXPECT_DOUBLE_EQ(three[0], 2 * x * y * z + z * std::exp(x * z));
  EXPECT_DOUBLE_EQ(three[1], x * x * z);
  EXPECT_DOUBLE_EQ(three[2], x * x * y + x * std::exp(x * z));
}

TEST_P(GradientAtAPoint, OfWeightedSquaresInFourAndInAThousandVariables) {
  EXPECT_EQ(gradient(looped(WeightedSquares{}), {1, 2, 3, 4}), (Numbers{2, 8, 18, 32}));
  Numbers x, expected;
  for (int i = 1; i <= 1000; ++i) {
    x.push_back(0.25 * i - 100);
    expected.push_back(2 * i * x.back());
  }
  EXPECT_EQ(gradient(looped(WeightedSquares{}), x), expected);
}

TEST_P(GradientAtAPoint, OfLeastSquaresVanishesAtTheNormalEquations) {
  // The line through (0, 6), (1, 0), (2, 0): X'X w = X'y is (3 3; 3 5) w = (6, 0), so w = (5, -3).
  const LeastSquares<3> line{{{1, 0}, {1, 1}, {1, 2}}, {6, 0, 0}};
  EXPECT_EQ(gradient(line, {5, -3}), (Numbers{0, 0}));
  EXPECT_EQ(values(line, {5, -3}), (Numbers{3}));
  EXPECT_EQ(solved({3, 3, 3, 5}, {6, 0}), (Numbers{5, -3}));
  // Elsewhere it is X'(X w - y): at (1, 1) the residual is (-5, 2, 3).
  EXPECT_EQ(gradient(line, {1, 1}), (Numbers{0, 8}));
}

TEST_P(GradientAtAPoint, OfOneNeuronIsTheChainRule) {
  const Neuron neuron{.input = {1, 2}, .target = 0.25};
  // Forward: z = 0, s = 1/2. Backward: (s - t) s (1 - s) = 1/16, times the inputs.
  EXPECT_EQ(values(neuron, {2, -1, 0}), (Numbers{0.03125}));
  EXPECT_EQ(gradient(neuron, {2, -1, 0}), (Numbers{0.0625, 0.125, 0.0625}));

  const double w1 = 0.3, w2 = -0.7, b = 0.45;
  const double z = w1 * 1 + w2 * 2 + b, s = 1 / (1 + std::exp(-z));
  const double error = s - 0.25, delta = error * s * (1 - s);
  const auto both = value_and_gradient(where(), neuron, batch({w1, w2, b}, 3));
  EXPECT_NEAR(both.value.to_host()[0], error * error / 2, 1e-16);
  const Numbers g = both.gradient.to_host();
  EXPECT_NEAR(g[0], delta, 1e-16);
  EXPECT_NEAR(g[1], 2 * delta, 1e-16);
  EXPECT_NEAR(g[2], delta, 1e-16);
}

using WhatTheGradientTells = WorkedExamples;

TEST_P(WhatTheGradientTells, SlopesInEveryDirection) {
  EXPECT_DOUBLE_EQ(along(Circle{}, {1, 1}, {1 / sqrt2, 1 / sqrt2})[0], 2 * sqrt2);
  EXPECT_EQ(along(Circle{}, {1, 1}, {1, 0}), (Numbers{2}));
  EXPECT_EQ(along(Circle{}, {1, 1}, {0, -1}), (Numbers{-2}));
  // Along the axes: the partial derivatives.
  EXPECT_EQ(along(Cubic{}, {2, 1, 2, 1}, {1, 0, 0, 1}), (Numbers{4, 7}));
}

TEST_P(WhatTheGradientTells, TheDirectionOfSteepestAscent) {
  const auto at = [&](const Numbers& x) { return steepest_ascent(where(), Ellipse{}, batch(x, 2)); };
  const auto ascent = at({1, 1});
  const Numbers up = ascent.direction.to_host();
  const double rate = ascent.rate.to_host()[0];
  EXPECT_DOUBLE_EQ(up[0], 2 / std::sqrt(68.0));
  EXPECT_DOUBLE_EQ(up[1], 8 / std::sqrt(68.0));
  EXPECT_DOUBLE_EQ(rate, 2 * std::sqrt(17.0));
  EXPECT_DOUBLE_EQ(along(Ellipse{}, {1, 1}, up)[0], rate);
  EXPECT_DOUBLE_EQ(along(Ellipse{}, {1, 1}, {-up[0], -up[1]})[0], -2 * std::sqrt(17.0));  // steepest descent
  // No unit direction is steeper.
  Numbers directions, same_point;
  for (int k = 0; k < 64; ++k) {
    const double angle = k * std::numbers::pi / 32;
    directions.insert(directions.end(), {std::cos(angle), std::sin(angle)});
    same_point.insert(same_point.end(), {1, 1});
  }
  for (const double slope : along(Ellipse{}, same_point, directions)) EXPECT_LE(slope, rate);

  // At a critical point there is no steepest direction, and that is the answer.
  const auto flat = at({0, 0});
  EXPECT_EQ(flat.direction.to_host(), (Numbers{0, 0}));
  EXPECT_EQ(flat.rate.to_host(), (Numbers{0}));
}

TEST_P(WhatTheGradientTells, ALinearModelWithQuadraticError) {
  EXPECT_DOUBLE_EQ(along(Cubic{}, {2, 1}, {0.1, -0.05})[0], 0.05);
  Numbers near;
  for (int k = 0; k < 8; ++k) near.insert(near.end(), {2 + std::ldexp(0.1, -k), 1 - std::ldexp(0.05, -k)});
  const Numbers f = values(Cubic{}, near);
  double before = std::fabs(f[0] - 7 - 0.05);
  for (int k = 1; k < 8; ++k) {
    const double after = std::fabs(f[static_cast<std::size_t>(k)] - 7 - std::ldexp(0.05, -k));
    EXPECT_NEAR(std::log2(before / after), 2, 0.2) << k;  // the third order is felt at k = 1 only
    before = after;
  }
}

TEST_P(WhatTheGradientTells, LevelSetsArePerpendicularToIt) {
  Numbers circle, tangents;
  for (int degree = 0; degree < 360; ++degree) {
    const double t = degree * std::numbers::pi / 180;
    circle.insert(circle.end(), {std::cos(t), std::sin(t)});
    tangents.insert(tangents.end(), {-std::sin(t), std::cos(t)});
  }
  for (const double change : along(Circle{}, circle, tangents)) EXPECT_NEAR(change, 0, 4e-16);

  EXPECT_EQ(values(Sum{}, {2, 3}), (Numbers{5}));
  EXPECT_EQ(along(Sum{}, {2, 3}, {1, -1}), (Numbers{0}));
  EXPECT_EQ(values(Ellipse{}, {2, 1}), (Numbers{8}));
  EXPECT_EQ(along(Ellipse{}, {2, 1}, {2, -1}), (Numbers{0}));
}

/// f at x(t) = (t^2, 3 t), as a function of t.
template <class F>
struct AlongAPath {
  static constexpr int dimension = 1;
  constexpr auto operator()(const auto& t) const { return F{}(std::array{t[0] * t[0], 3 * t[0]}); }
};

TEST_P(WhatTheGradientTells, TheRateAlongAPath) {
  // x^2 y + 3 y becomes 3 t^5 + 9 t, whose derivative at 2 is 249; the gradient (48, 19) times x'(t) = (4, 3) is too.
  EXPECT_EQ(gradient(AlongAPath<Cubic>{}, {2}), (Numbers{249}));
  EXPECT_EQ(gradient(Cubic{}, {4, 6}), (Numbers{48, 19}));
  EXPECT_EQ(along(Cubic{}, {4, 6}, {4, 3}), (Numbers{249}));
}

/// f in a unit of x that is 1/scale of the original one: x = u / scale.
template <class F>
struct Rescaled {
  double scale;
  static constexpr int dimension = 2;
  constexpr auto operator()(const auto& u) const { return F{}(std::array{u[0] / scale, u[1]}); }
};

TEST_P(WhatTheGradientTells, DependsOnTheUnits) {
  EXPECT_EQ(gradient(Rescaled<Cubic>{4}, {8, 1}), (Numbers{1, 7}));
  const Numbers g = gradient(Rescaled<Cubic>{1000}, {2000, 1});
  EXPECT_DOUBLE_EQ(g[0], 4.0 / 1000);
  EXPECT_DOUBLE_EQ(g[1], 7);
}

using WhereTheGradientIsNotEnough = WorkedExamples;

struct Discontinuous {  // x y / (x^2 + y^2), 0 at the origin
  constexpr auto operator()(const auto& p) const {
    const auto squares = p[0] * p[0] + p[1] * p[1];
    return select(squares == 0, 0, p[0] * p[1] / squares);
  }
};

TEST_P(WhereTheGradientIsNotEnough, PartialDerivativesOfADiscontinuousFunction) {
  EXPECT_EQ(values(Discontinuous{}, {0, 0}), (Numbers{0}));
  EXPECT_EQ(gradient(Discontinuous{}, {0, 0}), (Numbers{0, 0}));
  // Constant along the axes, as the partial derivatives say, but not on the way along y = x.
  for (int k = 0; k < 500; k += 20) {
    const double h = std::ldexp(1.0, -k);
    EXPECT_EQ(values(Discontinuous{}, {h, 0, 0, h, h, h}), (Numbers{0, 0, 0.5}));
  }
}

struct AbsoluteValue {
  constexpr auto operator()(const auto& p) const { return abs(p[0]); }
};
struct Ramp {
  constexpr auto operator()(const auto& p) const { return max(0, p[0]); }
};

TEST_P(WhereTheGradientIsNotEnough, KinksHaveTheDocumentedSubgradient) {
  EXPECT_EQ(gradient(AbsoluteValue{}, {-2, 0, 2}), (Numbers{-1, 0, 1}));
  EXPECT_EQ(gradient(Ramp{}, {-2, 0, 2}), (Numbers{0, 0.5, 1}));
}

enum class CriticalPoint { minimum, maximum, saddle, undecided };

CriticalPoint classified(const Numbers& hessian) {
  const Numbers lambda = eigenvalues(hessian);
  if (lambda[0] * lambda[1] == 0) return CriticalPoint::undecided;
  if (lambda[0] < 0 && lambda[1] > 0) return CriticalPoint::saddle;
  return lambda[0] > 0 ? CriticalPoint::minimum : CriticalPoint::maximum;
}

struct Hill {
  constexpr auto operator()(const auto& p) const { return -Ellipse{}(p); }
};
struct Quartic {
  constexpr auto operator()(const auto& p) const { return pow(p[0], 4) + pow(p[1], 4); }
};

TEST_P(WhereTheGradientIsNotEnough, TheHessianClassifiesCriticalPoints) {
  EXPECT_EQ(eigenvalues(hessian_of(Saddle{}, {0, 0})), (Numbers{-2, 2}));
  const Numbers origin{0, 0};
  EXPECT_EQ(gradient(Saddle{}, origin), origin);
  EXPECT_EQ(classified(hessian_of(Saddle{}, origin)), CriticalPoint::saddle);
  EXPECT_EQ(classified(hessian_of(WaveSaddle{}, origin)), CriticalPoint::saddle);
  EXPECT_EQ(classified(hessian_of(Ellipse{}, origin)), CriticalPoint::minimum);
  EXPECT_EQ(classified(hessian_of(Hill{}, origin)), CriticalPoint::maximum);
  // A minimum and a saddle of the third order: a singular Hessian can't tell them apart.
  EXPECT_EQ(classified(hessian_of(Quartic{}, origin)), CriticalPoint::undecided);
  EXPECT_EQ(classified(hessian_of(MonkeySaddle{}, origin)), CriticalPoint::undecided);
}

using DerivativeObjects = WorkedExamples;

struct ThreeOfTwo {  // (x^2 y + 3 y, x y, x + y)
  constexpr auto operator()(const auto& p) const { return std::array{Cubic{}(p), Product{}(p), Sum{}(p)}; }
};
struct GradientOfCubic {
  constexpr auto operator()(const auto& p) const { return std::array{2 * p[0] * p[1], p[0] * p[0] + 3}; }
};

TEST_P(DerivativeObjects, RowsOfAJacobianAreGradients) {
  const auto result = jacobian(where(), ThreeOfTwo{}, batch({2, 1, 5, 7}, 2));
  EXPECT_EQ(result.value.components(), 3);
  EXPECT_EQ(result.jacobian.components(), 3 * 2);
  EXPECT_EQ(result.jacobian.to_host(), (Numbers{4, 7, 1, 2, 1, 1, 70, 28, 7, 5, 1, 1}));
}

TEST_P(DerivativeObjects, TheHessianIsTheSymmetricJacobianOfTheGradient) {
  const auto result = hessian(where(), Cubic{}, batch({2, 1}, 2));
  EXPECT_EQ(result.gradient.components(), 2);
  EXPECT_EQ(result.hessian.components(), 2 * 2);
  EXPECT_EQ(result.hessian.to_host(), (Numbers{2, 4, 4, 0}));
  EXPECT_EQ(jacobian(where(), GradientOfCubic{}, batch({2, 1}, 2)).jacobian.to_host(), result.hessian.to_host());
  EXPECT_EQ(hessian_times(Cubic{}, {2, 1}, {1, 0}), (Numbers{2, 4}));
}

INSTANTIATE_TEST_SUITE_P(On, GradientAtAPoint, every_executor(), executor_name);
INSTANTIATE_TEST_SUITE_P(On, WhatTheGradientTells, every_executor(), executor_name);
INSTANTIATE_TEST_SUITE_P(On, WhereTheGradientIsNotEnough, every_executor(), executor_name);
INSTANTIATE_TEST_SUITE_P(On, DerivativeObjects, every_executor(), executor_name);

}  // namespace
}  // namespace nabla::test
