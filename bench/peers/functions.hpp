#pragma once

#include <cmath>

// The functions of scripts/compare_peers for scalars of libraries that differentiate while they compute: stated as one
// of their users would, in the types that such libraries return from sin and the like.

namespace peers {

struct Rosenbrock {
  static constexpr int n = 2;
  template <class S>
  S operator()(const S* x) const {
    const S a = 1.0 - x[0];
    const S b = x[1] - x[0] * x[0];
    return a * a + 100.0 * b * b;
  }
};

struct WaveSaddle {
  static constexpr int n = 2;
  template <class S>
  S operator()(const S* x) const {
    using std::sin;
    const S product = x[0] * x[1];
    return x[0] * product + sin(product);
  }
};

struct Ackley {
  static constexpr int n = 8;
  template <class S>
  S operator()(const S* x) const {
    using std::cos, std::exp, std::sqrt;
    S squares = x[0] * x[0];
    S waves = cos(2 * M_PI * x[0]);
    for (int i = 1; i < n; ++i) {
      squares += x[i] * x[i];
      waves += cos(2 * M_PI * x[i]);
    }
    return -20.0 * exp(-0.2 * sqrt(squares / double(n))) - exp(waves / double(n)) + (20.0 + M_E);
  }
};

struct LennardJones {
  static constexpr int n = 3;
  template <class S>
  S operator()(const S* x) const {
    const S q = 1.0 / (x[0] * x[0] + x[1] * x[1] + x[2] * x[2]);
    const S cube = q * q * q;
    return 4.0 * cube * (cube - 1.0);
  }
};

}  // namespace peers
