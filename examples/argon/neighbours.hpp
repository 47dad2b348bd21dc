#pragma once

#include "crystal.hpp"

namespace argon {

/// All pairs of atoms within reach = cutoff + skin, each pair once, as two flat arrays of indices.
///
/// As long as no atom has moved by more than skin/2 since the list was made, no pair outside it can have come within
/// the cutoff, so the list serves many time steps.
class NeighbourList {
 public:
  NeighbourList(double cutoff, double skin) : reach_(cutoff + skin), skin_(skin) {}

  /// Makes the list anew if atoms have moved too far; says whether it did.
  bool update(const Crystal& crystal);

  std::size_t pairs() const { return first_.size(); }
  const std::vector<std::uint32_t>& first() const { return first_; }    ///< sorted
  const std::vector<std::uint32_t>& second() const { return second_; }  ///< of the same pair; second > first
  int builds() const { return builds_; }

 private:
  bool is_valid(const Crystal& crystal) const;
  void build(const Crystal& crystal);

  double reach_, skin_;
  std::vector<std::uint32_t> first_, second_;
  std::vector<Vector> position_at_build_;
  int builds_ = 0;
};

}  // namespace argon
