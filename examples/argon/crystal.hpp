#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace argon {

using Vector = std::array<double, 3>;

/// A cubic box that repeats in all directions.
struct Box {
  double edge;
  double inverse_edge = 1 / edge;

  /// What to take from a - b for the shortest way through the repeated boxes: a multiple of the edge in each direction.
  Vector shift(const Vector& a, const Vector& b) const {
    Vector s{};
    for (std::size_t k = 0; k < 3; ++k) s[k] = edge * std::nearbyint((a[k] - b[k]) * inverse_edge);
    return s;
  }
  /// a - b by that way.
  Vector displacement(const Vector& a, const Vector& b) const {
    const Vector s = shift(a, b);
    return {a[0] - b[0] - s[0], a[1] - b[1] - s[1], a[2] - b[2] - s[2]};
  }
};

/// Atoms of mass 1 in a box. Positions are not wrapped back into the box.
struct Crystal {
  Box box;
  std::vector<Vector> position, velocity, force;

  std::size_t atoms() const { return position.size(); }
  double kinetic_energy() const;
  Vector momentum() const;
};

/// A face-centred cubic lattice of cells^3 cells with 4 atoms each at this density, with velocities from the
/// Maxwell-Boltzmann distribution, shifted and scaled to zero momentum and exactly this temperature.
Crystal fcc_crystal(int cells, double density, double temperature, std::uint64_t seed);

}  // namespace argon
