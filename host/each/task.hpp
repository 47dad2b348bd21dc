#pragma once

#include <nabla/detail/each_request.hpp>
#include <nabla/minimize_each.hpp>

#include <cstdint>

// What is known of many descents once the caller's wishes are checked.

namespace nabla::detail {

template <class T>
struct EachTask {
  const Operation<T>& operation;
  BatchView<const T> starts;
  const EachData<T>& data;
  EachOutputs<T> out;
  EachMethod method;
  each::Rules<T> rules;
  const std::function<bool(const EachProgress&)>& callback;
};

/// What was done, beside the results.
struct EachCounts {
  std::int64_t reasons[stop_reasons] = {};
  std::int64_t iterations = 0, evaluations = 0;
  std::int64_t lanes = 0;  // that evaluated the function, whether or not they held a descent

  void add(const EachCounts& other) {
    for (int k = 0; k < stop_reasons; ++k) reasons[k] += other.reasons[k];
    iterations += other.iterations;
    evaluations += other.evaluations;
    lanes += other.lanes;
  }
};

}  // namespace nabla::detail
