// Conjugate gradients on quadratics against PETSc's (KSPCG, no preconditioner), on the same matrices by rows (CSR), a
// hundred iterations from 0, the iterates compared. PETSc has processes for threads: on one process nabla has one
// thread, on P processes P, while the others sleep; PETSc then has a part of the rows in each.
//     petsc_bench [REPETITIONS]                                       (default 7)
//     mpirun -n 2 --bind-to none petsc_bench [REPETITIONS]
// prints for each case how many times as long PETSc takes: the median of the pairs, the least and the most.

#include "../host/bench/sparse_cases.hpp"
#include "paired.hpp"

#include <nabla/quadratic.hpp>

#include <petscksp.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

using nabla::Executor;
using nabla::bench::SparseCase;

constexpr int iterations = 100;

void require(PetscErrorCode code) {
  if (code != 0) throw std::runtime_error("PETSc: error " + std::to_string(code));
}

/// Waits for the other processes, asleep: a process that spins would take a core.
void meet() {
  MPI_Request request;
  MPI_Ibarrier(PETSC_COMM_WORLD, &request);
  for (int done = 0; done == 0;) {
    MPI_Test(&request, &done, MPI_STATUS_IGNORE);
    if (done == 0) std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
}

struct Processes {
  int rank = 0, count = 1;
  Processes() {
    MPI_Comm_rank(PETSC_COMM_WORLD, &rank);
    MPI_Comm_size(PETSC_COMM_WORLD, &count);
  }
};

/// The system in PETSc's memory, this process's part of it.
class Petsc {
 public:
  Petsc(SparseCase& a, const std::vector<double>& b, const Processes& processes) {
    const auto n = static_cast<PetscInt>(a.size());
    const PetscInt first = n * processes.rank / processes.count, last = n * (processes.rank + 1) / processes.count;
    if (processes.count == 1) {
      require(
          MatCreateSeqAIJWithArrays(PETSC_COMM_WORLD, n, n, a.starts.data(), a.columns.data(), a.values.data(), &a_));
    } else {
      std::vector<PetscInt> starts(a.starts.begin() + first, a.starts.begin() + last + 1);
      const PetscInt begin = starts[0];
      for (PetscInt& start : starts) start -= begin;
      require(MatCreateMPIAIJWithArrays(PETSC_COMM_WORLD, last - first, PETSC_DECIDE, n, n, starts.data(),
                                        a.columns.data() + begin, a.values.data() + begin, &a_));
    }
    require(MatCreateVecs(a_, &x_, &b_));
    PetscScalar* part = nullptr;
    require(VecGetArray(b_, &part));
    std::copy(b.begin() + first, b.begin() + last, part);
    require(VecRestoreArray(b_, &part));
    require(KSPCreate(PETSC_COMM_WORLD, &solver_));
    require(KSPSetType(solver_, KSPCG));
    require(KSPSetOperators(solver_, a_, a_));
    PC preconditioner = nullptr;
    require(KSPGetPC(solver_, &preconditioner));
    require(PCSetType(preconditioner, PCNONE));
    // The norm that costs it no pass of its own.
    require(KSPSetNormType(solver_, KSP_NORM_NATURAL));
    require(KSPSetTolerances(solver_, 0, 0, PETSC_DEFAULT, iterations));
    require(KSPSetUp(solver_));
  }
  Petsc(const Petsc&) = delete;
  Petsc& operator=(const Petsc&) = delete;
  ~Petsc() {
    KSPDestroy(&solver_);
    VecDestroy(&x_);
    VecDestroy(&b_);
    MatDestroy(&a_);
  }

  void solve() {
    require(KSPSolve(solver_, b_, x_));
    PetscInt done = 0;
    require(KSPGetIterationNumber(solver_, &done));
    if (done != iterations) throw std::runtime_error("PETSc did not take the iterations");
  }
  /// On the first process.
  std::vector<double> x(const Processes& processes) const {
    VecScatter scatter = nullptr;
    Vec all = nullptr;
    require(VecScatterCreateToZero(x_, &scatter, &all));
    require(VecScatterBegin(scatter, x_, all, INSERT_VALUES, SCATTER_FORWARD));
    require(VecScatterEnd(scatter, x_, all, INSERT_VALUES, SCATTER_FORWARD));
    std::vector<double> numbers;
    if (processes.rank == 0) {
      PetscInt n = 0;
      const PetscScalar* from = nullptr;
      require(VecGetSize(all, &n));
      require(VecGetArrayRead(all, &from));
      numbers.assign(from, from + n);
      require(VecRestoreArrayRead(all, &from));
    }
    require(VecScatterDestroy(&scatter));
    require(VecDestroy(&all));
    return numbers;
  }

 private:
  Mat a_ = nullptr;
  Vec x_ = nullptr, b_ = nullptr;
  KSP solver_ = nullptr;
};

std::vector<double> solve(const Executor& where, const nabla::Quadratic<double>& f) {
  std::vector<double> x(static_cast<std::size_t>(f.variables()), 0);
  const auto report = nabla::minimize(
      where, f, x,
      {.method = nabla::Method::conjugate_gradient, .relative_gradient_tolerance = 0, .max_iterations = iterations});
  if (report.iterations != iterations) throw std::runtime_error("nabla did not take the iterations");
  return x;
}

void compare(const std::string& name, SparseCase a, int repetitions) {
  const Processes processes;
  std::vector<double> b(static_cast<std::size_t>(a.size()));
  for (std::size_t i = 0; i < b.size(); ++i) b[i] = static_cast<double>(1 + i % 7);
  const Executor where = Executor::cpu(processes.count);
  const auto by_nabla = nabla::sparse_operator<double>(
      where, nabla::SparseRows(std::span<const std::int32_t>(a.starts), std::span<const std::int32_t>(a.columns),
                               std::span<const double>(a.values)));
  const nabla::Quadratic<double> f(where, by_nabla, b);
  Petsc petsc(a, b, processes);
  std::vector<double> theirs, ours, ratios, seconds;
  for (int repetition = -1; repetition < repetitions; ++repetition) {
    meet();
    const double by_petsc = nabla::bench::seconds_of([&] {
      petsc.solve();
      meet();
    });
    if (processes.rank == 0) {
      seconds.push_back(nabla::bench::seconds_of([&] { ours = solve(where, f); }));
      ratios.push_back(by_petsc / seconds.back());
    }
    meet();
    if (repetition < 0) ratios.clear(), seconds.clear();
  }
  theirs = petsc.x(processes);
  if (processes.rank != 0) return;
  double difference = 0, largest = 0;
  for (std::size_t i = 0; i < theirs.size(); ++i) {
    difference = std::fmax(difference, std::fabs(theirs[i] - ours[i]));
    largest = std::fmax(largest, std::fabs(theirs[i]));
  }
  if (!(difference <= 1e-9 * largest)) throw std::runtime_error(name + ": the iterates differ");
  std::ranges::sort(ratios);
  std::ranges::sort(seconds);
  std::printf("%-22s %d process%s: %.2f times faster (%.2f to %.2f), %.2f ms an iteration; %s\n", name.c_str(),
              processes.count, processes.count == 1 ? "" : "es", ratios[ratios.size() / 2], ratios.front(),
              ratios.back(), 1e3 * seconds[seconds.size() / 2] / iterations, by_nabla.format().c_str());
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  const int repetitions = argc > 1 ? std::atoi(argv[1]) : 7;
  if (repetitions < 1 || PetscInitialize(nullptr, nullptr, nullptr, nullptr) != 0) return 2;
  int status = 0;
  try {
    compare("grid 2000 x 2000", nabla::bench::grid(2000, false), repetitions);
    compare("varying 2000 x 2000", nabla::bench::grid(2000, true), repetitions);
    compare("graph of 10^6", nabla::bench::graph(1'000'000, false), repetitions);
    compare("weighted graph of 10^6", nabla::bench::graph(1'000'000, true), repetitions);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "petsc_bench: %s\n", error.what());
    status = 1;
    MPI_Abort(PETSC_COMM_WORLD, status);
  }
  PetscFinalize();
  return status;
}
