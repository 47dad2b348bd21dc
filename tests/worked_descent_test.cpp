#include "worked_examples.hpp"

// The textbook facts about descent, and about checking a gradient, with gradients by the library and everything else
// written out here.

namespace nabla::test {
namespace {

using functions::Rosenbrock;
using functions::WaveSaddle;
using functions::WeightedSquares;

using Descent = WorkedExamples;

TEST_P(Descent, OneStepDownhillAndUphill) {
  const Numbers next = moved({3, 4}, -0.1, gradient(Circle{}, {3, 4}));
  EXPECT_DOUBLE_EQ(next[0], 2.4);
  EXPECT_DOUBLE_EQ(next[1], 3.2);
  EXPECT_EQ(values(Circle{}, {3, 4}), (Numbers{25}));
  EXPECT_DOUBLE_EQ(values(Circle{}, next)[0], 16);

  const Numbers g = gradient(Ellipse{}, {1, 0.5});
  const Numbers up = moved({1, 0.5}, 0.1, g), down = moved({1, 0.5}, -0.1, g);
  EXPECT_DOUBLE_EQ(up[0], 1.2);
  EXPECT_DOUBLE_EQ(up[1], 0.9);
  EXPECT_DOUBLE_EQ(down[0], 0.8);
  EXPECT_DOUBLE_EQ(down[1], 0.1);
  EXPECT_EQ(values(Ellipse{}, {1, 0.5}), (Numbers{2}));
  EXPECT_DOUBLE_EQ(values(Ellipse{}, up)[0], 4.68);
  EXPECT_DOUBLE_EQ(values(Ellipse{}, down)[0], 0.68);
}

TEST_P(Descent, TheLinearModelPredictsADecrease) {
  const double alpha = 0.1;
  const Numbers g = gradient(Ellipse{}, {1, 0.5});
  EXPECT_DOUBLE_EQ(along(Ellipse{}, {1, 0.5}, {-alpha * g[0], -alpha * g[1]})[0], -alpha * dot(g, g));

  const auto points = Points<double>::uniform(where(), 1000, 2, -2, 2, 5, Layout::point_major);
  const Numbers x = points.to_host(), gradients = gradient(fixed<2>(Rosenbrock{}), x);
  const Numbers predicted = along(fixed<2>(Rosenbrock{}), x, moved(Numbers(x.size()), -alpha, gradients));
  for (const double change : predicted) EXPECT_LT(change, 0);
}

struct Quadratic {  // (x^2 + kappa y^2) / 2, with condition number kappa
  double kappa;
  static constexpr int dimension = 2;
  constexpr auto operator()(const auto& p) const { return 0.5 * (p[0] * p[0] + kappa * p[1] * p[1]); }
};

TEST_P(Descent, ExactLineSearchContractsByTheConditionNumber) {
  for (const double kappa : {2.0, 10.0, 100.0}) {
    const Quadratic f{kappa};
    const double bound = std::pow((kappa - 1) / (kappa + 1), 2);
    const auto ratios = [&](Numbers x) {
      Numbers found;
      for (int step = 0; step < 6; ++step) {
        const double before = values(f, x)[0];
        const Numbers g = gradient(f, x);
        const double alpha = dot(g, g) / dot(g, hessian_times(f, x, g));
        x = moved(x, -alpha, g);
        found.push_back(values(f, x)[0] / before);
      }
      return found;
    };
    for (const double ratio : ratios({1, 1})) EXPECT_LE(ratio, bound * (1 + 1e-12)) << kappa;
    // The worst start, where every step contracts by no more than that.
    for (const double ratio : ratios({kappa, 1})) EXPECT_NEAR(ratio, bound, 1e-12) << kappa;
  }
}

TEST_P(Descent, ConjugateGradientsContractByTheRootOfTheConditionNumber) {
  // Sum of i x_i^2, i <= 8: the Hessian is diagonal, 2 ... 16, so kappa = 8 and f is half the squared A-norm error.
  const auto f = looped(WeightedSquares{});
  Numbers x{1, -2, 3, -1, 2, -3, 1, 2};
  const double start = values(f, x)[0];
  const double rate = (std::sqrt(8.0) - 1) / (std::sqrt(8.0) + 1);
  Numbers g = gradient(f, x), direction = moved(Numbers(8), -1, g);
  for (int step = 1; step <= 8; ++step) {
    const double alpha = dot(g, g) / dot(direction, hessian_times(f, x, direction));
    x = moved(x, alpha, direction);
    const Numbers next = gradient(f, x);
    direction = moved(moved(Numbers(8), -1, next), dot(next, next) / dot(g, g), direction);
    g = next;
    EXPECT_LE(std::sqrt(values(f, x)[0] / start), 2 * std::pow(rate, step)) << step;
  }
  EXPECT_LE(norm(g), 1e-12);  // and n steps are enough
}

TEST_P(Descent, AFixedStepConvergesBelowTwoOverTheLargestEigenvalue) {
  // x^2 + 4 y^2: the largest eigenvalue is 8, the limit 1/4.
  EXPECT_EQ(eigenvalues(hessian_of(Ellipse{}, {1, 1})), (Numbers{2, 8}));
  const auto after = [&](double alpha) {
    Numbers x{1, 1};
    for (int step = 0; step < 200; ++step) x = moved(x, -alpha, gradient(Ellipse{}, x));
    return values(Ellipse{}, x)[0];
  };
  EXPECT_LT(after(0.24), 1e-12);
  EXPECT_EQ(after(0.25), 4);  // y changes its sign for ever
  EXPECT_GT(after(0.26), 1e6);
}

TEST_P(Descent, ClippingKeepsTheDirection) {
  const auto clipped = [&](const Numbers& x) {
    return clipped_gradient(where(), Circle{}, batch(x, 2), 5).gradient.to_host();
  };
  EXPECT_EQ(gradient(Circle{}, {3, 4}), (Numbers{6, 8}));
  const Numbers g = clipped({3, 4});
  EXPECT_DOUBLE_EQ(g[0], 3);
  EXPECT_DOUBLE_EQ(g[1], 4);
  EXPECT_EQ(clipped({1.5, 2}), (Numbers{3, 4}));  // at the threshold
  EXPECT_EQ(clipped({0, 0.25}), (Numbers{0, 0.5}));
}

/// Negative mean log-likelihood of three categories, in their natural parameters: log(1 + e^a + e^b) - p a - q b with
/// observed frequencies p and q.
struct Categories {
  double p, q;
  static constexpr int dimension = 2;
  constexpr auto operator()(const auto& t) const { return log(1 + exp(t[0]) + exp(t[1])) - p * t[0] - q * t[1]; }
};

TEST_P(Descent, TheNaturalGradientOfAnExponentialFamilyIsNewtonsStep) {
  const Categories loss{0.5, 0.2};
  const Numbers theta{0.3, -0.8};
  // The Fisher matrix is the covariance of the sufficient statistics, here two indicators.
  const double total = 1 + std::exp(theta[0]) + std::exp(theta[1]);
  const double a = std::exp(theta[0]) / total, b = std::exp(theta[1]) / total;
  const Numbers fisher{a - a * a, -a * b, -a * b, b - b * b};
  const Numbers g = gradient(loss, theta);
  EXPECT_NEAR(g[0], a - 0.5, 1e-15);
  EXPECT_NEAR(g[1], b - 0.2, 1e-15);
  const Numbers natural = solved(fisher, g), newton = solved(hessian_of(loss, theta), g);
  EXPECT_NEAR(natural[0], newton[0], 1e-14);
  EXPECT_NEAR(natural[1], newton[1], 1e-14);
}

TEST_P(Descent, AConstrainedOptimumHasParallelGradients) {
  // x y on x + y = 10 is largest at (5, 5), where the gradients are (5, 5) = 5 (1, 1); at (4, 6) they are not parallel.
  EXPECT_EQ(gradient(Product{}, {5, 5, 4, 6}), (Numbers{5, 5, 6, 4}));
  EXPECT_EQ(gradient(Sum{}, {5, 5, 4, 6}), (Numbers{1, 1, 1, 1}));
  // x + y on x^2 + y^2 = 2 at (1, 1): lambda = 1/2.
  EXPECT_EQ(moved(gradient(Sum{}, {1, 1}), -0.5, gradient(Circle{}, {1, 1})), (Numbers{0, 0}));
}

using CheckingAGradient = WorkedExamples;

/// ||g - h|| / (||g|| + ||h||).
double relative_error(const Numbers& g, const Numbers& h) { return norm(moved(g, -1, h)) / (norm(g) + norm(h)); }

TEST_P(CheckingAGradient, CentredDifferencesHaveSlopeTwoAndOneSidedOnesSlopeOne) {
  const double x = 0.7, y = -1.3;
  const double exact = gradient(WaveSaddle{}, {x, y})[0];
  Numbers points{x, y};
  for (int k = 4; k < 12; ++k) points.insert(points.end(), {x + std::ldexp(1, -k), y, x - std::ldexp(1, -k), y});
  const Numbers f = values(WaveSaddle{}, points);
  double centred_before = 0, one_sided_before = 0;
  for (int k = 4; k < 12; ++k) {
    const double h = std::ldexp(1, -k);
    const std::size_t at = static_cast<std::size_t>(2 * k - 7);
    const double centred = std::fabs((f[at] - f[at + 1]) / (2 * h) - exact);
    const double one_sided = std::fabs((f[at] - f[0]) / h - exact);
    if (k > 4) {
      EXPECT_NEAR(std::log2(centred_before / centred), 2, 0.05) << k;
      EXPECT_NEAR(std::log2(one_sided_before / one_sided), 1, 0.05) << k;
    }
    centred_before = centred;
    one_sided_before = one_sided;
  }
}

/// The losses of two outputs with a bias each, over two samples: the sum of (m_ij + b_j)^2 / 2.
struct BiasLoss {
  double m[2][2];
  static constexpr int dimension = 2;
  constexpr auto operator()(const auto& b) const {
    auto sum = 0 * b[0];
    for (int i = 0; i < 2; ++i) {
      for (int j = 0; j < 2; ++j) sum += 0.5 * pow(m[i][j] + b[j], 2);
    }
    return sum;
  }
};

TEST_P(CheckingAGradient, TheRelativeErrorTellsRightFromWrong) {
  // The 2 n evaluations of a centred difference, in one batch.
  const auto numeric = [&](const auto& f, const Numbers& x) {
    const double h = 1e-5;
    const Numbers v = values(f, {x[0] + h, x[1], x[0] - h, x[1], x[0], x[1] + h, x[0], x[1] - h});
    return Numbers{(v[0] - v[1]) / (2 * h), (v[2] - v[3]) / (2 * h)};
  };
  constexpr double right = 1e-5, wrong = 1e-2;

  const double x = 0.7, y = -1.3, cosine = std::cos(x * y);
  const Numbers wave = numeric(WaveSaddle{}, {x, y});
  EXPECT_LT(relative_error(wave, gradient(WaveSaddle{}, {x, y})), right);
  EXPECT_GT(relative_error(wave, {2 * x * y - y * cosine, x * x + x * cosine}), wrong) << "a flipped sign";
  EXPECT_GT(relative_error(wave, {2 * x * y + cosine, x * x + cosine}), wrong) << "a missing chain-rule factor";

  const LeastSquares<2> squares{{{1, 2}, {-1, 3}}, {0.5, 1}};
  const Numbers linear = numeric(squares, {1, 1});
  const Numbers residual{1 + 2 - 0.5, -1 + 3 - 1};
  EXPECT_EQ(gradient(squares, {1, 1}), (Numbers{residual[0] - residual[1], 2 * residual[0] + 3 * residual[1]}));
  EXPECT_LT(relative_error(linear, gradient(squares, {1, 1})), right);
  EXPECT_GT(relative_error(linear, {residual[0] + 2 * residual[1], -residual[0] + 3 * residual[1]}), wrong)
      << "a transposed matrix";

  const BiasLoss bias{{{1, 2}, {4, 8}}};
  const Numbers summed = numeric(bias, {0.5, -0.5});
  EXPECT_EQ(gradient(bias, {0.5, -0.5}), (Numbers{1.5 + 4.5, 1.5 + 7.5}));
  EXPECT_LT(relative_error(summed, gradient(bias, {0.5, -0.5})), right);
  EXPECT_GT(relative_error(summed, {1.5 + 1.5, 4.5 + 7.5}), wrong) << "a sum over the wrong axis";
}

INSTANTIATE_TEST_SUITE_P(On, Descent, every_executor(), executor_name);
INSTANTIATE_TEST_SUITE_P(On, CheckingAGradient, every_executor(), executor_name);

}  // namespace
}  // namespace nabla::test
