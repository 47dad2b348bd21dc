#include "forces.hpp"

#include "pair_energy.hpp"

#include <chrono>

namespace argon {

namespace {

/// Adds the time until its end of life to a counter.
class Stopwatch {
 public:
  explicit Stopwatch(double& seconds) : seconds_(seconds), start_(std::chrono::steady_clock::now()) {}
  ~Stopwatch() { seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

 private:
  double& seconds_;
  std::chrono::steady_clock::time_point start_;
};

}  // namespace

nabla::Executor executor_named(const std::string& name, int threads) {
#ifndef __CUDACC__
  if (name == "auto") return nabla::Executor::cpu(threads);
#endif
  return nabla::Executor::named(name, threads);
}

double PairForces::compute(Crystal& crystal, const NeighbourList& list) {
  reserve(list.pairs());
  {
    const Stopwatch watch(seconds_.gather);
    gather(crystal, list);
  }
  {
    const Stopwatch watch(seconds_.evaluate);
    evaluate();
  }
  const Stopwatch watch(seconds_.scatter);
  return scatter(crystal, list);
}

void PairForces::reserve(std::size_t pairs) {
  if (pairs == pairs_) return;
  pairs_ = pairs;
  displacement_.resize(3 * pairs);  // a vector keeps its memory when it shrinks
  energy_.resize(pairs);
  gradient_.resize(3 * pairs);
  if (executor_.is_cuda()) {
    const auto count = static_cast<std::int64_t>(pairs);
    device_.emplace(OnDevice{{executor_, 3 * count}, {executor_, count}, {executor_, 3 * count}});
  }
}

void PairForces::gather(const Crystal& crystal, const NeighbourList& list) {
  for (std::size_t p = 0; p < pairs_; ++p) {
    const Vector d = crystal.box.displacement(crystal.position[list.first()[p]], crystal.position[list.second()[p]]);
    for (std::size_t k = 0; k < 3; ++k) displacement_[k * pairs_ + p] = d[k];
  }
}

void PairForces::evaluate() {
  const auto count = static_cast<std::int64_t>(pairs_);
  const double* displacement = displacement_.data();
  double *energy = energy_.data(), *gradient = gradient_.data();
  if (device_) {
    device_->displacement.upload(displacement_);
    displacement = device_->displacement.data();
    energy = device_->energy.data();
    gradient = device_->gradient.data();
  }
  nabla::value_and_gradient(executor_, PairEnergy{}, {displacement, count, 3},
                            nabla::Outputs<double>{.value = {energy, count, 1}, .gradient = {gradient, count, 3}});
  if (device_) {
    energy_ = device_->energy.to_host();
    gradient_ = device_->gradient.to_host();
  }
}

/// The displacement is that of the first atom from the second, so the gradient along it is minus the force on the
/// first.
double PairForces::scatter(Crystal& crystal, const NeighbourList& list) const {
  for (Vector& f : crystal.force) f = {};
  double potential = 0;
  for (std::size_t p = 0; p < pairs_; ++p) {
    potential += energy_[p];
    Vector &on_first = crystal.force[list.first()[p]], &on_second = crystal.force[list.second()[p]];
    for (std::size_t k = 0; k < 3; ++k) {
      const double g = gradient_[k * pairs_ + p];
      on_first[k] -= g;
      on_second[k] += g;
    }
  }
  return potential;
}

}  // namespace argon
