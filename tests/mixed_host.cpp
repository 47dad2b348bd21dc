#include "mixed_calls.hpp"

#include <nabla/evaluate.hpp>

double mean_by_host_call(const nabla::Executor& where, const nabla::Points<double>& points) {
  return nabla::value(where, Product(), points).summary.value.mean;
}
