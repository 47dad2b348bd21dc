// nabla's own side of scripts/compare_peers, in the caller's memory: the library's functions, and the same given as
// text.
//     nabla_peer                                  answers what worker.hpp tells
//     nabla_peer points FILE COUNT N LOW HIGH     writes the points that all programs are given

#include "worker.hpp"

#include <nabla/formula.hpp>
#include <nabla/functions.hpp>

namespace {

using nabla::BatchView;
using peers::Task;
using peers::Variant;

template <class F>
Variant variant(const std::string& name, const Task& task, const F& f) {
  return {name, [task, f, where = nabla::Executor::cpu(peers::threads())] {
            nabla::value_and_gradient(where, f, BatchView<const double>(task.x, task.count, task.n),
                                      nabla::Outputs<double>{BatchView<double>(task.value, task.count),
                                                             BatchView<double>(task.gradient, task.count, task.n)});
          }};
}

template <class F>
std::vector<Variant> both(const Task& task, const nabla::FormulaOptions& options = {}) {
  return {variant("library function", task, F()),
          variant("formula", task, nabla::Formula::parse(F::info.formula, options))};
}

/// Of a number of variables that is known to the compiler, as it would be to a caller's.
struct AckleyOfEight : nabla::functions::Ackley {
  static constexpr int dimension = 8;
};

std::vector<Variant> variants(const Task& task) {
  using namespace nabla::functions;
  if (task.name == "rosenbrock") return both<Rosenbrock>(task);
  if (task.name == "wave_saddle") return both<WaveSaddle>(task);
  if (task.name == "ackley") {
    auto ways = both<AckleyOfEight>(task);
    ways.push_back(variant("library function, any n", task, Ackley()));
    return ways;
  }
  if (task.name == "lennard_jones") {
    return both<LennardJones>(task, {.parameters = {{"epsilon", 1.0}, {"sigma", 1.0}}});
  }
  throw std::runtime_error("does not know " + task.name);
}

int write_points(char** words) {
  const auto points = nabla::Points<double>::uniform(nabla::Executor::cpu(), std::stoll(words[1]), std::stoll(words[2]),
                                                     std::stod(words[3]), std::stod(words[4]), 7);
  std::ofstream file(words[0], std::ios::binary);
  file.write(reinterpret_cast<const char*>(points.data()),
             points.count() * points.components() * static_cast<std::int64_t>(sizeof(double)));
  return file.flush() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 7 && std::string(argv[1]) == "points") return write_points(argv + 2);
  return peers::Worker(variants).serve("nabla " NABLA_VERSION);
}
