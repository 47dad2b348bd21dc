#include "mixed_calls.hpp"

#include <nabla/check.hpp>
#include <nabla/evaluate.hpp>

double mean_by_host_call(const nabla::Executor& where, const nabla::Points<double>& points) {
  return nabla::value(where, Product(), points).summary.value.mean;
}

nabla::CheckReport check_by_host_call(const nabla::Executor& where, const nabla::Points<double>& points) {
  return nabla::check_gradient(where, Product(), points);
}
