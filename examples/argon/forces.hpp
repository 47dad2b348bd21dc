#pragma once

#include "neighbours.hpp"

#include <nabla/nabla.hpp>

#include <optional>
#include <string>

namespace argon {

/// The executor that the name stands for. "auto" is a GPU only where forces.cpp was compiled by nvcc.
nabla::Executor executor_named(const std::string& name, int threads);

/// Potential energy and forces from the pairs of a list. The buffers are this program's own and grow only when a list
/// has more pairs than any before; nabla reads and writes them where they are.
class PairForces {
 public:
  explicit PairForces(nabla::Executor executor) : executor_(std::move(executor)) {}

  /// Overwrites crystal.force and returns the potential energy.
  double compute(Crystal& crystal, const NeighbourList& list);

  /// Where the time has gone so far, in seconds.
  struct Seconds {
    double gather = 0, evaluate = 0, scatter = 0;
    double total() const { return gather + evaluate + scatter; }
  };
  const Seconds& seconds() const { return seconds_; }

 private:
  void reserve(std::size_t pairs);
  void gather(const Crystal& crystal, const NeighbourList& list);
  void evaluate();
  double scatter(Crystal& crystal, const NeighbourList& list) const;

  nabla::Executor executor_;
  std::size_t pairs_ = 0;
  std::vector<double> displacement_, energy_, gradient_;  // (pairs, 3), (pairs, 1), (pairs, 3), component-major

  /// The same three on a CUDA device. Atoms live on the host here, so each step copies there and back.
  struct OnDevice {
    nabla::Array<double> displacement, energy, gradient;
  };
  std::optional<OnDevice> device_;
  Seconds seconds_;
};

}  // namespace argon
