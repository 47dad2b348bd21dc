#pragma once

#include "work.hpp"

#include <nabla/executor.hpp>

#include <functional>
#include <string>
#include <vector>

// What nabla does, as cases to be timed: `nabla bench` and bench/roofline_bench.cpp run the same.

namespace nabla::bench {

/// A case with its data in memory.
struct Prepared {
  std::function<void()> run;  ///< enqueued on CUDA
  double items = 0;           ///< that are done
  Traffic traffic;
  Work work;
  /// The same, on the same arrays, by another executor of the kind; empty: it is not for that.
  std::function<void(const Executor&)> run_by = {};
};

struct Case {
  std::string operation;  ///< "value and gradient"
  std::string subject;    ///< "rosenbrock, n = 2"
  std::string variant;    ///< "component-major"; empty: there is one
  std::string items;      ///< "points"
  bool f32 = false;
  double bytes_per_item = 0;  ///< about; how many items make so many bytes of data
  /// What the floor leaves out; empty: nothing but what isn't counted (counted.hpp).
  std::string floor = {};
  std::function<Prepared(const Executor&, std::int64_t items)> prepare;
  /// How many are enough, where more would take long for nothing; 0: as many as there is memory for.
  std::int64_t most_items = 0;
  bool on_cuda = true;
  /// What an evaluation is of; otherwise empty and 0.
  std::string function = {};
  std::int64_t variables = 0;

  std::string name() const;  ///< "value and gradient/rosenbrock, n = 2/f64/component-major"
};

/// A value, and the value with its gradient, of the same function.
struct GradientAndValue {
  std::string function;
  std::int64_t variables = 0;
  Case value, gradient;
};

std::vector<Case> evaluation_cases();  // cases_evaluate.cpp, which nvcc compiles where CUDA is built
std::vector<Case> objective_cases();   // cases_objective.cpp, as well
std::vector<Case> formula_cases();     // cases_formula.cpp
std::vector<Case> vector_cases();      // cases_vectors.cpp
std::vector<Case> descent_cases();     // cases_descents.cpp

/// All of them, in the order of a report.
std::vector<Case> all_cases();

/// The chained Rosenbrock function as a formula, of growing numbers of variables.
std::vector<GradientAndValue> formula_gradients();  // cases_formula.cpp

}  // namespace nabla::bench
