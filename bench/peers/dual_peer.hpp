#pragma once

#include "functions.hpp"
#include "worker.hpp"

// Forward derivatives by scalars that carry them, in a loop of OpenMP over points: Eigen's and Ceres'.

namespace peers {

/// A `Scalar<n>` is Kit::variable<n>(value, i); Kit::derivative(scalar, i) is what it carries.
template <class Kit, class F>
Variant dual_variant(const Task& task, const F& f) {
  return {"a scalar at a time", [task, f] {
            constexpr int n = F::n;
            const std::int64_t count = task.count;
#pragma omp parallel for schedule(static)
            for (std::int64_t p = 0; p < count; ++p) {
              typename Kit::template Scalar<n> x[n];
              for (int i = 0; i < n; ++i) x[i] = Kit::template variable<n>(task.x[i * count + p], i);
              const typename Kit::template Scalar<n> y = f(x);
              task.value[p] = Kit::value(y);
              for (int i = 0; i < n; ++i) task.gradient[i * count + p] = Kit::derivative(y, i);
            }
          }};
}

template <class Kit>
std::vector<Variant> dual_variants(const Task& task) {
  if (task.name == "rosenbrock") return {dual_variant<Kit>(task, Rosenbrock())};
  if (task.name == "wave_saddle") return {dual_variant<Kit>(task, WaveSaddle())};
  if (task.name == "ackley") return {dual_variant<Kit>(task, Ackley())};
  if (task.name == "lennard_jones") return {dual_variant<Kit>(task, LennardJones())};
  throw std::runtime_error("does not know " + task.name);
}

}  // namespace peers
