#include "selftest.hpp"

#include "pair_energy.hpp"

#include <cstdio>

namespace argon {

namespace {

/// The energy of one atom with all others, in plain numbers, without list, lanes or dual numbers.
double energy_of(const Crystal& crystal, std::size_t atom, const Vector& position) {
  double sum = 0;
  for (std::size_t j = 0; j < crystal.atoms(); ++j) {
    if (j != atom) sum += PairEnergy{}(crystal.box.displacement(position, crystal.position[j]));
  }
  return sum;
}

double potential_energy(const Crystal& crystal) {
  double twice = 0;
  for (std::size_t i = 0; i < crystal.atoms(); ++i) twice += energy_of(crystal, i, crystal.position[i]);
  return twice / 2;
}

/// The largest difference between a component of an atom's force and minus the centred difference of the potential.
/// With h = 1e-4 the difference itself is off by h^2/6 times a third derivative of about 1e3, or 2e-6.
double force_error(const Crystal& crystal, std::size_t atom) {
  constexpr double h = 1e-4;
  double worst = 0;
  for (std::size_t k = 0; k < 3; ++k) {
    Vector ahead = crystal.position[atom], behind = ahead;
    ahead[k] += h;
    behind[k] -= h;
    const double slope = (energy_of(crystal, atom, ahead) - energy_of(crystal, atom, behind)) / (2 * h);
    worst = std::max(worst, std::abs(crystal.force[atom][k] + slope));
  }
  return worst;
}

bool within(const char* what, double error, double limit) {
  const bool good = error <= limit;  // false for NaN
  std::printf("%-46s %9.1e  (limit %.0e)  %s\n", what, error, limit, good ? "good" : "WRONG");
  return good;
}

}  // namespace

double momentum_drift(const Crystal& crystal) {
  double lengths = 0;
  for (const Vector& v : crystal.velocity) lengths += std::hypot(v[0], v[1], v[2]);
  const Vector sum = crystal.momentum();
  return std::hypot(sum[0], sum[1], sum[2]) / lengths;
}

bool selftest(Dynamics& dynamics, int steps) {
  for (int i = 0; i < steps; ++i) dynamics.step();
  const Crystal& crystal = dynamics.crystal();
  std::printf("after %d steps of %zu atoms, %zu pairs, %d lists\n", steps, crystal.atoms(), dynamics.list().pairs(),
              dynamics.list().builds());
  const double plain = potential_energy(crystal);
  double force = 0, total_force = 0;
  for (std::size_t i = 0; i < 8; ++i) force = std::max(force, force_error(crystal, i * (crystal.atoms() - 1) / 7));
  Vector sum{};
  for (const Vector& f : crystal.force) {
    for (std::size_t k = 0; k < 3; ++k) sum[k] += f[k];
  }
  for (const double component : sum) total_force = std::max(total_force, std::abs(component));

  bool good = within("potential against all pairs, relative", std::abs(dynamics.potential_energy() / plain - 1), 1e-12);
  good = within("8 forces against differences of the potential", force, 1e-5) && good;
  good = within("sum of all forces", total_force, 1e-9) && good;
  good = within("momentum, relative", momentum_drift(crystal), 1e-12) && good;
  return good;
}

}  // namespace argon
