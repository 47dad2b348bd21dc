#pragma once

#include "crystal.hpp"

namespace argon {

/// All pairs of atoms within reach = cutoff + skin, each pair once.
///
/// As long as no atom has moved by more than skin/2 since the list was made, no pair outside it can have come within
/// the cutoff, so the list serves many time steps.
class NeighbourList {
 public:
  NeighbourList(double cutoff, double skin) : reach_(cutoff + skin), skin_(skin) {}

  /// Makes the list anew if atoms have moved too far; says whether it did.
  bool update(const Crystal& crystal);

  std::size_t pairs() const { return shifts_.size(); }
  /// Two of each pair, the lower first; pairs are sorted by it.
  const std::vector<std::int32_t>& atoms() const { return atoms_; }
  /// What to take from the first position minus the second for the shortest way through the repeated boxes. It stays
  /// as the atoms move, for as long as the list serves.
  const std::vector<Vector>& shifts() const { return shifts_; }
  int builds() const { return builds_; }

 private:
  bool is_valid(const Crystal& crystal) const;
  void build(const Crystal& crystal);

  double reach_, skin_;
  std::vector<std::int32_t> atoms_;
  std::vector<Vector> shifts_, position_at_build_;
  int builds_ = 0;
};

}  // namespace argon
