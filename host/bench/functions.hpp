#pragma once

#include <nabla/functions.hpp>

// The functions that are measured, with their numbers of variables known while compiling, as a caller has them.

namespace nabla::bench {

/// The textbook's form: functions::Ackley keeps digits near its minimum by hypot and expm1, for about twice the time.
struct TextbookAckley {
  template <class Point>
  constexpr auto operator()(const Point& x) const {
    using nabla::cos, nabla::exp, nabla::sqrt;
    typename Point::value_type squares = 0, cosines = 0;
    for (int i = 0; i < x.size(); ++i) {
      squares += x[i] * x[i];
      cosines += cos(6.283185307179586 * x[i]);
    }
    const auto n = static_cast<double>(x.size());
    return -20 * exp(-0.2 * sqrt(squares / n)) - exp(cosines / n) + 20 + 2.718281828459045;
  }
};

/// Rosenbrock's function of two variables, written by hand: an element of the chained one, and what many descents are
/// of.
struct Valley {
  template <class X>
  constexpr auto operator()(const X& x) const {
    const auto valley = x[1] - x[0] * x[0];
    return 100 * valley * valley + (1 - x[0]) * (1 - x[0]);
  }
};

/// a exp(-b t) + c less a sample: the residuals of fits. As text and with samples: decays.hpp.
struct Decay {
  static constexpr int variables = 3, data = 2;
  template <class X, class D>
  constexpr auto operator()(const X& x, const D& d) const {
    using nabla::exp;
    return x[0] * exp(-x[1] * d[0]) + x[2] - d[1];
  }
};

using Rosenbrock2 = Fixed<2, functions::Rosenbrock>;
using Saddle = functions::WaveSaddle;  // x^2 y + sin(xy)
using Ackley8 = Fixed<8, TextbookAckley>;
using LennardJones = functions::LennardJones;

}  // namespace nabla::bench
