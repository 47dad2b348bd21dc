#pragma once

#include "forces.hpp"

namespace argon {

/// The velocity Verlet scheme: half a kick, a drift, new forces, half a kick.
///
/// Source: Swope, Andersen, Berens and Wilson, J. Chem. Phys. 76 (1982) 637.
class Dynamics {
 public:
  Dynamics(Crystal crystal, NeighbourList list, PairForces forces, double time_step)
      : crystal_(std::move(crystal)), list_(std::move(list)), forces_(std::move(forces)), time_step_(time_step) {
    compute_forces();
  }

  void step() {
    kick(time_step_ / 2);
    for (std::size_t i = 0; i < crystal_.atoms(); ++i) add(crystal_.position[i], time_step_, crystal_.velocity[i]);
    compute_forces();
    kick(time_step_ / 2);
  }

  double potential_energy() const { return potential_; }
  double kinetic_energy() const { return crystal_.kinetic_energy(); }
  const Crystal& crystal() const { return crystal_; }
  const NeighbourList& list() const { return list_; }
  const PairForces& forces() const { return forces_; }
  std::size_t pairs_evaluated() const { return pairs_evaluated_; }  ///< so far, in all steps

 private:
  static void add(Vector& a, double factor, const Vector& b) {
    for (std::size_t k = 0; k < 3; ++k) a[k] += factor * b[k];
  }
  void kick(double duration) {
    for (std::size_t i = 0; i < crystal_.atoms(); ++i) add(crystal_.velocity[i], duration, crystal_.force[i]);
  }
  void compute_forces() {
    list_.update(crystal_);
    potential_ = forces_.compute(crystal_, list_);
    pairs_evaluated_ += list_.pairs();
  }

  Crystal crystal_;
  NeighbourList list_;
  PairForces forces_;
  double time_step_;
  double potential_ = 0;
  std::size_t pairs_evaluated_ = 0;
};

}  // namespace argon
