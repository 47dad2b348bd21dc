#pragma once

#include <nabla/elementary.hpp>

namespace argon {

/// The Lennard-Jones energy of two atoms at displacement d, taken smoothly to zero between r_on and r_cut.
///
/// In reduced units (energy epsilon, length sigma):
///     u(r) = 4 (r^-12 - r^-6) s(t),   t = (r^2 - r_on^2) / (r_cut^2 - r_on^2) held within [0, 1],
///     s(t) = 1 - 10 t^3 + 15 t^4 - 6 t^5.
/// s and its first two derivatives are continuous at both ends, hence the force and its slope are too, and the time
/// step alone limits how well energy is conserved. No derivative is written here, and none is anywhere else in the
/// program.
struct PairEnergy {
  static constexpr double r_on = 2.0;
  static constexpr double r_cut = 2.5;

  template <class Displacement>
  constexpr auto operator()(const Displacement& d) const {
    const auto r2 = d[0] * d[0] + d[1] * d[1] + d[2] * d[2];
    return nabla::preaccumulate(r2, [](const auto& square) {
      using nabla::max, nabla::min;
      const auto inverse = 1.0 / square;
      const auto attraction = inverse * inverse * inverse;
      const auto t = min(max((square - r_on * r_on) * (1 / (r_cut * r_cut - r_on * r_on)), 0.0), 1.0);
      const auto switching = 1.0 - t * t * t * (10.0 + t * (6.0 * t - 15.0));
      return 4.0 * attraction * (attraction - 1.0) * switching;
    });
  }
};

}  // namespace argon
