#pragma once

#include <nabla/batch.hpp>
#include <nabla/check_report.hpp>

#include <span>

// One functor, called from a file that nvcc compiles and from one that it does not.

struct Product {
  template <class Point>
  constexpr auto operator()(const Point& x) const {
    return x[0] * x[1];
  }
};

/// The mean of all values, by a call in a host file.
double mean_by_host_call(const nabla::Executor& where, const nabla::Points<double>& points);

/// The value of a sum of elements at x, by a call in a host file.
double sum_by_host_call(const nabla::Executor& where, std::span<const double> x);

/// The check of its gradient, by a call in a host file.
nabla::CheckReport check_by_host_call(const nabla::Executor& where, const nabla::Points<double>& points);
