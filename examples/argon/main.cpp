#include "options.hpp"
#include "pair_energy.hpp"
#include "selftest.hpp"

#include <algorithm>
#include <cstdio>
#include <exception>

// Molecular dynamics of an argon crystal. The pair energy is stated once, in pair_energy.hpp; forces are its gradient,
// which nabla evaluates for all pairs in each step.

namespace {

// Reduced units; for argon: length 0.34 nm, energy 120 K, time 2.15 ps.
constexpr double density = 1.0;
constexpr double temperature = 0.3;
constexpr double time_step = 0.001;
constexpr double skin = 0.3;
constexpr double allowed_energy_drift = 1e-5;
constexpr double allowed_momentum_drift = 1e-12;

/// Follows total energy and time as the steps go by, and prints rows of the table.
class Table {
 public:
  explicit Table(const argon::Dynamics& dynamics) : dynamics_(dynamics), first_(total()) {
    std::printf("%6s %14s %13s %14s %10s %9s %9s\n", "step", "potential", "kinetic", "total", "drift", "pairs",
                "ns/pair");
  }

  void follow() {
    const double drift = std::abs(total() / first_ - 1);
    worst_ = drift <= worst_ ? worst_ : drift;  // a NaN is taken, and stays
  }
  void print_row(int step) {
    const double seconds = dynamics_.forces().seconds().total();
    const std::size_t pairs = dynamics_.pairs_evaluated();
    std::printf("%6d %14.6f %13.6f %14.6f %10.2e %9zu %9.2f\n", step, dynamics_.potential_energy(),
                dynamics_.kinetic_energy(), total(), total() / first_ - 1, dynamics_.list().pairs(),
                (seconds - seconds_) * 1e9 / static_cast<double>(pairs - pairs_));
    seconds_ = seconds;
    pairs_ = pairs;
  }
  double worst() const { return worst_; }

 private:
  double total() const { return dynamics_.potential_energy() + dynamics_.kinetic_energy(); }

  const argon::Dynamics& dynamics_;
  double first_;
  double worst_ = 0;
  double seconds_ = 0;     // until the last row
  std::size_t pairs_ = 0;  // until the last row
};

/// Runs the steps and prints about ten rows; true if energy and momentum were conserved throughout.
bool simulate(argon::Dynamics& dynamics, int steps) {
  Table table(dynamics);
  table.print_row(0);
  const int interval = std::max(steps / 10, 1);
  for (int step = 1; step <= steps; ++step) {
    dynamics.step();
    table.follow();
    if (step % interval == 0 || step == steps) table.print_row(step);
  }
  const double momentum = argon::momentum_drift(dynamics.crystal());
  const bool good = table.worst() <= allowed_energy_drift && momentum <= allowed_momentum_drift;
  std::printf("energy drift %.1e of at most %.0e, momentum %.1e of at most %.0e: %s\n", table.worst(),
              allowed_energy_drift, momentum, allowed_momentum_drift, good ? "conserved" : "NOT CONSERVED");
  const auto& spent = dynamics.forces().seconds();
  const double per_pair = 1e9 / static_cast<double>(dynamics.pairs_evaluated());
  std::printf("ns per pair: energy and forces %.2f, tables of new lists %.2f; %d neighbour lists\n",
              spent.sums * per_pair, spent.lists * per_pair, dynamics.list().builds());
  return good;
}

bool run(const argon::Options& options) {
  const nabla::Executor executor = argon::executor_named(options.executor, options.threads);
  argon::Dynamics dynamics(argon::fcc_crystal(options.cells, density, temperature, /*seed*/ 1),
                           argon::NeighbourList(argon::PairEnergy::r_cut, skin), argon::PairForces(executor),
                           time_step);
  std::printf("%zu atoms, potential energy and its gradient on %s\n", dynamics.crystal().atoms(),
              executor.name().c_str());
  return options.selftest ? argon::selftest(dynamics, options.steps) : simulate(dynamics, options.steps);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const argon::Options options = argon::parse_options(argc, argv);
    if (options.help) {
      std::fputs(argon::usage, stdout);
      return 0;
    }
    return run(options) ? 0 : 1;
  } catch (const argon::UsageError& error) {
    std::fprintf(stderr, "argon: %s\n%s", error.what(), argon::usage);
    return 2;
  } catch (const nabla::ExecutorUnavailable& error) {
    std::fprintf(stderr, "argon: %s\n", error.what());
    return 3;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "argon: %s\n", error.what());
    return 1;
  }
}
