#pragma once

#include <nabla/detail/each_damped.hpp>
#include <nabla/detail/each_methods.hpp>
#include <nabla/view.hpp>

#include <cstdint>
#include <type_traits>

// What is asked of many descents, and what comes of them beside their results.

namespace nabla::detail {

/// Methods, with what makes them different programs.
enum class EachMethod {
  fixed_gradient,
  searched_gradient,
  fixed_heavy_ball,
  searched_heavy_ball,
  fixed_nesterov,
  searched_nesterov,
  barzilai_borwein,
  bfgs,
  lbfgs,
  newton,
  levenberg_marquardt,
};

/// What a method is, as a type.
template <EachMethod Which, class Method>
struct EachProgram {};

/// use(EachProgram<…>) with what a method is.
template <class Use>
constexpr auto with_method(EachMethod method, Use use) {
  using enum EachMethod;
  switch (method) {
    case fixed_gradient:
      return use(EachProgram<fixed_gradient, each::FixedGradient>());
    case searched_gradient:
      return use(EachProgram<searched_gradient, each::SearchedGradient>());
    case fixed_heavy_ball:
      return use(EachProgram<fixed_heavy_ball, each::FixedHeavyBall>());
    case searched_heavy_ball:
      return use(EachProgram<searched_heavy_ball, each::SearchedHeavyBall>());
    case fixed_nesterov:
      return use(EachProgram<fixed_nesterov, each::FixedNesterov>());
    case searched_nesterov:
      return use(EachProgram<searched_nesterov, each::SearchedNesterov>());
    case barzilai_borwein:
      return use(EachProgram<barzilai_borwein, each::BarzilaiBorwein>());
    case bfgs:
      return use(EachProgram<bfgs, each::Bfgs>());
    case newton:
      return use(EachProgram<newton, each::Newton>());
    case levenberg_marquardt:
      return use(EachProgram<levenberg_marquardt, each::LevenbergMarquardt>());
    default:
      return use(EachProgram<lbfgs, each::LimitedBfgs>());
  }
}

/// Up to so many variables a GPU's registers hold a descent, but for L-BFGS's pairs.
inline constexpr int most_in_registers = 4;
constexpr int each_variables(int of_body) { return of_body >= 1 && of_body <= most_in_registers ? of_body : 0; }
template <class Method, int N>
inline constexpr bool own_in_registers = N > 0 && Method::rows(N, 1) == Method::rows(N, 2);

/// Rows of memory that a GPU's thread needs beside its registers. `of_body`: the variables that a body states, which
/// has so many rows.
template <class Method>
constexpr std::int64_t each_memory_rows(int of_body, int n, int memory, std::int64_t rows_of_body) {
  const int own = Method::rows(n, memory);
  if (each_variables(of_body) > 0) return own_in_registers<Method, 1> ? 0 : own;
  return each::Layout{n}.rows(own) + rows_of_body;
}

inline constexpr int each_threads = 64;  // of a block

/// How often what happened, in a GPU's memory while descents go on.
struct EachTally {
  unsigned long long next;  // start that nobody has taken
  unsigned long long reasons[stop_reasons];
  unsigned long long iterations, evaluations;
  unsigned long long lanes;  // that went from one evaluation to the next, whether or not they held a descent
};

/// What each_kernel gets. Where results go, as EachOutputs has it.
template <class T>
struct EachRequest {
  BatchView<const T> starts;
  BatchView<T> x, value, gradient_norm;
  std::int64_t *iterations, *evaluations;
  StopReason* reason;
  each::Rules<T> rules;
  const BatchView<const T>* columns;  // of each start's data, in the device's memory
  std::int64_t data_rows;
  T* rows;  // that registers do not hold: row r of thread t is rows[r * threads + t]
  EachTally* tally;
};

}  // namespace nabla::detail
