#pragma once

#include <nabla/detail/each_descent.hpp>
#include <nabla/view.hpp>

#include <cstdint>

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
};

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
  T* rows;  // that registers do not hold; one thread's neighbours have theirs beside its own
  EachTally* tally;
};

}  // namespace nabla::detail
