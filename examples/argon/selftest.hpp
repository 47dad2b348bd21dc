#pragma once

#include "dynamics.hpp"

namespace argon {

/// The total momentum, relative to the sum of the momenta's lengths.
double momentum_drift(const Crystal& crystal);

/// Runs some steps, then compares the potential energy with a plain sum over all pairs of atoms, forces with centred
/// differences of that sum, and the momentum with zero. Prints each comparison; true if all hold.
bool selftest(Dynamics& dynamics, int steps);

}  // namespace argon
