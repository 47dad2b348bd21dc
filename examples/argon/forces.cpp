#include "forces.hpp"

#include <algorithm>
#include <chrono>
#include <span>

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

/// The components of all vectors, one after another.
std::span<double> numbers(std::vector<Vector>& vectors) { return {vectors.data()->data(), 3 * vectors.size()}; }
std::span<const double> numbers(const std::vector<Vector>& vectors) {
  return {vectors.data()->data(), 3 * vectors.size()};
}
std::span<double> numbers(nabla::Array<double>& array) {
  return {array.data(), static_cast<std::size_t>(array.size())};
}

}  // namespace

nabla::Executor executor_named(const std::string& name, int threads) {
#ifndef __CUDACC__
  if (name == "auto") return nabla::Executor::cpu(threads);
#endif
  return nabla::Executor::named(name, threads);
}

double PairForces::compute(Crystal& crystal, const NeighbourList& list) {
  if (list_ != list.builds()) {
    const Stopwatch watch(seconds_.lists);
    take(crystal, list);
    list_ = list.builds();
  }
  const Stopwatch watch(seconds_.sums);
  const double energy = evaluate(crystal);
  for (Vector& f : crystal.force) f = {-f[0], -f[1], -f[2]};
  return energy;
}

void PairForces::take(const Crystal& crystal, const NeighbourList& list) {
  const auto pairs = static_cast<std::int64_t>(list.pairs()), n = static_cast<std::int64_t>(3 * crystal.atoms());
  const std::int32_t* atoms = list.atoms().data();
  const double* shifts = numbers(list.shifts()).data();
  potential_.reset();  // it reads the tables that are about to go
  if (executor_.is_cuda()) {
    device_.emplace(OnDevice{{executor_, 2 * pairs}, {executor_, 3 * pairs}, {executor_, n}, {executor_, n}});
    device_->pairs.upload(list.atoms());
    device_->shifts.upload(numbers(list.shifts()));
    atoms = device_->pairs.data();
    shifts = device_->shifts.data();
  }
  potential_ = nabla::element_sum<double>(
      executor_, Pair{}, n, nabla::IndexTable<std::int32_t>{{atoms, pairs, 2, nabla::Layout::point_major}, 3},
      {shifts, pairs, 3, nabla::Layout::point_major});
}

double PairForces::evaluate(Crystal& crystal) {
  if (!device_) return potential_->value_and_gradient(executor_, numbers(crystal.position), numbers(crystal.force));
  device_->position.upload(numbers(crystal.position));
  const double energy =
      potential_->value_and_gradient(executor_, numbers(device_->position), numbers(device_->gradient));
  std::ranges::copy(device_->gradient.to_host(), numbers(crystal.force).begin());
  return energy;
}

}  // namespace argon
