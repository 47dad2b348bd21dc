#pragma once

#include "neighbours.hpp"
#include "pair_energy.hpp"

#include <nabla/element_sum.hpp>

#include <optional>
#include <string>

namespace argon {

/// The executor that the name stands for. "auto" is a GPU only where forces.cpp was compiled by nvcc.
nabla::Executor executor_named(const std::string& name, int threads);

/// The energy of a pair as a function of both positions and of what lies between their boxes.
struct Pair {
  static constexpr int variables = 6, data = 3;

  template <class X, class Shift>
  constexpr auto operator()(const X& x, const Shift& shift) const {
    using T = typename X::value_type;
    const T displacement[3] = {x[0] - x[3] - shift[0], x[1] - x[4] - shift[1], x[2] - x[5] - shift[2]};
    return PairEnergy{}(displacement);
  }
};

/// Potential energy and forces: one function of all positions, which is the sum of the pairs of a list. The positions
/// and forces are this program's own; nabla reads and writes them where they are.
class PairForces {
 public:
  explicit PairForces(nabla::Executor executor) : executor_(std::move(executor)) {}

  /// Overwrites crystal.force and returns the potential energy.
  double compute(Crystal& crystal, const NeighbourList& list);

  /// Where the time has gone so far, in seconds.
  struct Seconds {
    double lists = 0, sums = 0;
    double total() const { return lists + sums; }
  };
  const Seconds& seconds() const { return seconds_; }

 private:
  void take(const Crystal& crystal, const NeighbourList& list);
  double evaluate(Crystal& crystal);

  /// What a CUDA device needs of the list and the crystal. Atoms live on the host here, so each step copies positions
  /// there and forces back.
  struct OnDevice {
    nabla::Array<std::int32_t> pairs;
    nabla::Array<double> shifts, position, gradient;
  };

  nabla::Executor executor_;
  int list_ = -1;  // which of the lists was taken
  std::optional<OnDevice> device_;
  std::optional<nabla::ElementSum<double, Pair>> potential_;
  Seconds seconds_;
};

}  // namespace argon
