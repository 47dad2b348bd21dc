#pragma once

#include "measured.hpp"

#include <nabla/functions.hpp>

#include <array>
#include <numbers>
#include <span>

// The named functions and their gradients, differentiated by hand, in long double and with scales of rounding errors
// (measured.hpp). Nothing here is shared with the library but the names of the types: values are the textbooks'
// formulas even where the library computes them otherwise.

namespace nabla::test {

inline constexpr int largest_dimension = 8;

struct Expected {
  Measured value;
  std::array<Measured, largest_dimension> gradient;
};

using Variables = std::span<const Measured>;

inline const long double pi = std::numbers::pi_v<long double>;

/// The 1-based index of the textbooks, as a number.
inline Measured index(std::size_t i) { return Measured(static_cast<long double>(i + 1)); }

inline void expect(const functions::Sphere&, Variables x, Expected& e) {
  e.value = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    e.value = e.value + square(x[i]);
    e.gradient[i] = 2 * x[i];
  }
}

inline void expect(const functions::WeightedSquares&, Variables x, Expected& e) {
  e.value = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    e.value = e.value + index(i) * square(x[i]);
    e.gradient[i] = 2 * index(i) * x[i];
  }
}

inline void expect(const functions::Trid&, Variables x, Expected& e) {
  e.value = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    e.value = e.value + square(x[i] - 1);
    e.gradient[i] = 2 * (x[i] - 1);
    if (i > 0) e.value = e.value - x[i] * x[i - 1];
    if (i > 0) e.gradient[i] = e.gradient[i] - x[i - 1];
    if (i + 1 < x.size()) e.gradient[i] = e.gradient[i] - x[i + 1];
  }
}

inline void expect(const functions::Zakharov&, Variables x, Expected& e) {
  Measured s = 0, squares = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    s = s + index(i) * x[i] / 2;
    squares = squares + square(x[i]);
  }
  e.value = squares + square(s) + power(s, 4);
  for (std::size_t i = 0; i < x.size(); ++i) e.gradient[i] = 2 * x[i] + index(i) * (s + 2 * power(s, 3));
}

inline void expect(const functions::Rosenbrock&, Variables x, Expected& e) {
  const std::size_t last = x.size() - 1;
  e.value = 0;
  e.gradient.fill(0);
  for (std::size_t i = 0; i < last; ++i) {
    const Measured rise = x[i + 1] - square(x[i]);
    e.value = e.value + 100 * square(rise) + square(1 - x[i]);
    e.gradient[i] = e.gradient[i] - 400 * x[i] * rise - 2 * (1 - x[i]);
    e.gradient[i + 1] = 200 * rise;
  }
}

inline void expect(const functions::DixonPrice&, Variables x, Expected& e) {
  e.value = square(x[0] - 1);
  e.gradient[0] = 2 * (x[0] - 1);
  for (std::size_t i = 1; i < x.size(); ++i) {
    const Measured rise = 2 * square(x[i]) - x[i - 1];
    e.value = e.value + index(i) * square(rise);
    e.gradient[i - 1] = e.gradient[i - 1] - 2 * index(i) * rise;
    e.gradient[i] = 8 * index(i) * x[i] * rise;
  }
}

inline void expect(const functions::Powell&, Variables x, Expected& e) {
  e.value = 0;
  for (std::size_t k = 0; k < x.size(); k += 4) {
    const Measured a = x[k] + 10 * x[k + 1], b = x[k + 2] - x[k + 3], c = x[k + 1] - 2 * x[k + 2], d = x[k] - x[k + 3];
    e.value = e.value + square(a) + 5 * square(b) + power(c, 4) + 10 * power(d, 4);
    e.gradient[k] = 2 * a + 40 * power(d, 3);
    e.gradient[k + 1] = 20 * a + 4 * power(c, 3);
    e.gradient[k + 2] = 10 * b - 8 * power(c, 3);
    e.gradient[k + 3] = -(10 * b) - 40 * power(d, 3);
  }
}

inline void expect(const functions::Rastrigin&, Variables x, Expected& e) {
  e.value = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const Measured angle = 2 * pi * x[i];
    e.value = e.value + square(x[i]) + 10 * (1 - cos(angle));
    e.gradient[i] = 2 * x[i] + 20 * pi * sin(angle);
  }
}

inline void expect(const functions::Ackley&, Variables x, Expected& e) {
  const auto n = static_cast<long double>(x.size());
  Measured squares = 0, cosines = 0;
  for (const Measured& component : x) {
    squares = squares + square(component);
    cosines = cosines + cos(2 * pi * component);
  }
  if (squares.value == 0) {  // no gradient; 0 is the subgradient that the library documents
    e.value = 0;
    e.gradient.fill(0);
    return;
  }
  const Measured r = sqrt(squares / n), cone = exp(-(r / 5)), waves = exp(cosines / n);
  e.value = 20 - 20 * cone + (std::numbers::e_v<long double> - waves);
  for (std::size_t i = 0; i < x.size(); ++i) {
    e.gradient[i] = 4 * cone * x[i] / (n * r) + 2 * pi / n * sin(2 * pi * x[i]) * waves;
  }
}

inline void expect(const functions::Griewank&, Variables x, Expected& e) {
  std::array<Measured, largest_dimension> cosines;
  Measured squares = 0, product = 1;
  for (std::size_t i = 0; i < x.size(); ++i) {
    cosines[i] = cos(x[i] / sqrt(index(i)));
    squares = squares + square(x[i]);
    product = product * cosines[i];
  }
  e.value = squares / 4000 + (1 - product);
  for (std::size_t i = 0; i < x.size(); ++i) {
    Measured others = 1;
    for (std::size_t j = 0; j < x.size(); ++j) {
      if (j != i) others = others * cosines[j];
    }
    e.gradient[i] = x[i] / 2000 + sin(x[i] / sqrt(index(i))) / sqrt(index(i)) * others;
  }
}

inline void expect(const functions::Levy&, Variables x, Expected& e) {
  const std::size_t last = x.size() - 1;
  const Measured first = pi * (1 + (x[0] - 1) / 4);
  e.value = square(sin(first));
  e.gradient.fill(0);
  e.gradient[0] = pi / 4 * sin(2 * first);
  for (std::size_t i = 0; i < last; ++i) {
    const Measured v = (x[i] - 1) / 4, angle = pi * (1 + v) + 1;
    e.value = e.value + square(v) * (1 + 10 * square(sin(angle)));
    e.gradient[i] = e.gradient[i] + v / 2 * (1 + 10 * square(sin(angle))) + 5 * pi / 2 * square(v) * sin(2 * angle);
  }
  const Measured v = (x[last] - 1) / 4, angle = 2 * pi * (1 + v);
  e.value = e.value + square(v) * (1 + square(sin(angle)));
  e.gradient[last] = e.gradient[last] + v / 2 * (1 + square(sin(angle))) + pi / 2 * square(v) * sin(2 * angle);
}

inline void expect(const functions::Schwefel&, Variables x, Expected& e) {
  e.value = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const Measured root = sqrt(x[i].value < 0 ? -x[i] : x[i]);
    e.value = e.value + 418.982887272433706274786L - x[i] * sin(root);
    e.gradient[i] = -sin(root) - root / 2 * cos(root);
  }
}

inline void expect(const functions::StyblinskiTang&, Variables x, Expected& e) {
  e.value = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    e.value = e.value + (power(x[i], 4) - 16 * square(x[i]) + 5 * x[i]) / 2;
    e.gradient[i] = 2 * power(x[i], 3) - 16 * x[i] + 2.5L;
  }
}

inline void expect(const functions::Michalewicz&, Variables x, Expected& e) {
  e.value = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const Measured angle = index(i) * square(x[i]) / pi, wave = sin(angle);
    e.value = e.value - sin(x[i]) * power(wave, 20);
    e.gradient[i] =
        -(cos(x[i]) * power(wave, 20)) - 40 / pi * index(i) * x[i] * sin(x[i]) * cos(angle) * power(wave, 19);
  }
}

inline void expect(const functions::Himmelblau&, Variables p, Expected& e) {
  const Measured x = p[0], y = p[1], a = square(x) + y - 11, b = x + square(y) - 7;
  e.value = square(a) + square(b);
  e.gradient[0] = 4 * x * a + 2 * b;
  e.gradient[1] = 2 * a + 4 * y * b;
}

inline void expect(const functions::Beale&, Variables p, Expected& e) {
  const Measured x = p[0], y = p[1];
  const Measured a = 1.5L - x + x * y, b = 2.25L - x + x * square(y), c = 2.625L - x + x * power(y, 3);
  e.value = square(a) + square(b) + square(c);
  e.gradient[0] = 2 * a * (y - 1) + 2 * b * (square(y) - 1) + 2 * c * (power(y, 3) - 1);
  e.gradient[1] = 2 * a * x + 4 * b * x * y + 6 * c * x * square(y);
}

inline void expect(const functions::Booth&, Variables p, Expected& e) {
  const Measured x = p[0], y = p[1];
  e.value = square(x + 2 * y - 7) + square(2 * x + y - 5);
  e.gradient[0] = 10 * x + 8 * y - 34;
  e.gradient[1] = 8 * x + 10 * y - 38;
}

inline void expect(const functions::Matyas&, Variables p, Expected& e) {
  const Measured x = p[0], y = p[1];
  e.value = 0.26L * (square(x) + square(y)) - 0.48L * x * y;
  e.gradient[0] = 0.52L * x - 0.48L * y;
  e.gradient[1] = 0.52L * y - 0.48L * x;
}

inline void expect(const functions::GoldsteinPrice&, Variables p, Expected& e) {
  const Measured x = p[0], y = p[1];
  const Measured s = x + y + 1, t = 2 * x - 3 * y;
  const Measured q = 19 - 14 * x + 3 * square(x) - 14 * y + 6 * x * y + 3 * square(y);
  const Measured r = 18 - 32 * x + 12 * square(x) + 48 * y - 36 * x * y + 27 * square(y);
  const Measured a = 1 + square(s) * q, b = 30 + square(t) * r;
  const Measured a_slope = 2 * s * q + square(s) * (6 * x + 6 * y - 14);  // along x and y alike
  e.value = a * b;
  e.gradient[0] = a_slope * b + a * (4 * t * r + square(t) * (24 * x - 36 * y - 32));
  e.gradient[1] = a_slope * b + a * (-(6 * t * r) + square(t) * (48 - 36 * x + 54 * y));
}

inline void expect(const functions::Branin&, Variables p, Expected& e) {
  const Measured x = p[0], y = p[1];
  const Measured curvature = 5.1L / (4 * pi * pi), slope = 5 / pi, depth = 10 * (1 - 1 / (8 * pi));
  const Measured bend = y - curvature * square(x) + slope * x - 6;
  e.value = square(bend) + depth * cos(x) + 10;
  e.gradient[0] = 2 * bend * (slope - 2 * curvature * x) - depth * sin(x);
  e.gradient[1] = 2 * bend;
}

inline void expect(const functions::ThreeHumpCamel&, Variables p, Expected& e) {
  const Measured x = p[0], y = p[1];
  e.value = 2 * square(x) - 1.05L * power(x, 4) + power(x, 6) / 6 + x * y + square(y);
  e.gradient[0] = 4 * x - 4.2L * power(x, 3) + power(x, 5) + y;
  e.gradient[1] = x + 2 * y;
}

inline void expect(const functions::SixHumpCamel&, Variables p, Expected& e) {
  const Measured x = p[0], y = p[1];
  e.value = 4 * square(x) - 2.1L * power(x, 4) + power(x, 6) / 3 + x * y - 4 * square(y) + 4 * power(y, 4);
  e.gradient[0] = 8 * x - 8.4L * power(x, 3) + 2 * power(x, 5) + y;
  e.gradient[1] = x - 8 * y + 16 * power(y, 3);
}

inline void expect(const functions::WaveSaddle&, Variables p, Expected& e) {
  const Measured x = p[0], y = p[1];
  e.value = square(x) * y + sin(x * y);
  e.gradient[0] = 2 * x * y + y * cos(x * y);
  e.gradient[1] = square(x) + x * cos(x * y);
}

inline void expect(const functions::Saddle&, Variables p, Expected& e) {
  e.value = square(p[0]) - square(p[1]);
  e.gradient[0] = 2 * p[0];
  e.gradient[1] = -(2 * p[1]);
}

inline void expect(const functions::MonkeySaddle&, Variables p, Expected& e) {
  const Measured x = p[0], y = p[1];
  e.value = power(x, 3) - 3 * x * square(y);
  e.gradient[0] = 3 * square(x) - 3 * square(y);
  e.gradient[1] = -(6 * x * y);
}

inline void expect(const functions::LennardJones& f, Variables r, Expected& e) {
  const Measured squares = square(r[0]) + square(r[1]) + square(r[2]);
  const Measured q = Measured(f.sigma) * Measured(f.sigma) / squares;
  e.value = 4 * Measured(f.epsilon) * (power(q, 6) - power(q, 3));
  for (std::size_t i = 0; i < 3; ++i) {
    e.gradient[i] = 24 * Measured(f.epsilon) * (power(q, 3) - 2 * power(q, 6)) / squares * r[i];
  }
}

inline void expect(const functions::Neuron& f, Variables p, Expected& e) {
  const Measured x1 = f.input[0], x2 = f.input[1], t = f.target;
  const Measured z = p[0] * x1 + p[1] * x2 + p[2];
  const Measured s = 1 / (1 + exp(-z)), rest = 1 / (1 + exp(z));
  const Measured delta = (s - t) * s * rest;
  e.value = square(s - t) / 2;
  e.gradient[0] = delta * x1;
  e.gradient[1] = delta * x2;
  e.gradient[2] = delta;
}

}  // namespace nabla::test
