#include "mixed_calls.hpp"

#include <nabla/check.hpp>
#include <nabla/element_sum.hpp>
#include <nabla/evaluate.hpp>

double mean_by_host_call(const nabla::Executor& where, const nabla::Points<double>& points) {
  return nabla::value(where, Product(), points).summary.value.mean;
}

double sum_by_host_call(const nabla::Executor& where, std::span<const double> x) {
  const auto n = static_cast<std::int64_t>(x.size());
  return nabla::element_sum<double>(where, Product(), n, nabla::Affine::chain(n - 1, {0, 1})).value(where, x);
}

nabla::CheckReport check_by_host_call(const nabla::Executor& where, const nabla::Points<double>& points) {
  return nabla::check_gradient(where, Product(), points);
}
