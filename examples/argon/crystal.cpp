#include "crystal.hpp"

#include <random>

namespace argon {

double Crystal::kinetic_energy() const {
  double sum = 0;
  for (const Vector& v : velocity) sum += v[0] * v[0] + v[1] * v[1] + v[2] * v[2];
  return sum / 2;
}

Vector Crystal::momentum() const {
  Vector sum{};
  for (const Vector& v : velocity) {
    for (std::size_t k = 0; k < 3; ++k) sum[k] += v[k];
  }
  return sum;
}

namespace {

std::vector<Vector> fcc_positions(int cells, double spacing) {
  constexpr Vector basis[] = {{0.25, 0.25, 0.25}, {0.75, 0.75, 0.25}, {0.75, 0.25, 0.75}, {0.25, 0.75, 0.75}};
  std::vector<Vector> positions;
  for (int x = 0; x < cells; ++x) {
    for (int y = 0; y < cells; ++y) {
      for (int z = 0; z < cells; ++z) {
        for (const Vector& b : basis)
          positions.push_back({(x + b[0]) * spacing, (y + b[1]) * spacing, (z + b[2]) * spacing});
      }
    }
  }
  return positions;
}

void set_temperature(Crystal& crystal, double temperature, std::uint64_t seed) {
  std::mt19937_64 generator(seed);
  std::normal_distribution<double> normal;
  for (Vector& v : crystal.velocity) v = {normal(generator), normal(generator), normal(generator)};
  const auto atoms = static_cast<double>(crystal.atoms());
  const Vector momentum = crystal.momentum();
  for (Vector& v : crystal.velocity) {
    for (std::size_t k = 0; k < 3; ++k) v[k] -= momentum[k] / atoms;
  }
  const double wanted = 1.5 * (atoms - 1) * temperature;  // three degrees of freedom are the momentum's
  const double factor = std::sqrt(wanted / crystal.kinetic_energy());
  for (Vector& v : crystal.velocity) {
    for (double& component : v) component *= factor;
  }
}

}  // namespace

Crystal fcc_crystal(int cells, double density, double temperature, std::uint64_t seed) {
  const double spacing = std::cbrt(4 / density);
  Crystal crystal{{cells * spacing}, fcc_positions(cells, spacing), {}, {}};
  crystal.velocity.resize(crystal.atoms());
  crystal.force.resize(crystal.atoms());
  set_temperature(crystal, temperature, seed);
  return crystal;
}

}  // namespace argon
