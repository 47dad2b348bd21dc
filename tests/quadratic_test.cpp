#include <nabla/quadratic.hpp>
#include <gtest/gtest.h>
#include <nabla/batch.hpp>
#include <iostream>
using namespace nabla;
TEST(Quadratic, Smoke) {
  const Executor where = Executor::cpu();
  for (Method m : {Method::conjugate_gradient, Method::steepest, Method::chebyshev, Method::gradient, Method::lbfgs, Method::barzilai_borwein}) {
    auto a = laplacian<double>(where, {200, 150});
    std::vector<double> b(30000, 1.0), x(30000, 0.0);
    const Quadratic<double> f(where, a, b);
    auto report = minimize(where, f, x, {.method = m, .relative_gradient_tolerance = 1e-8, .max_iterations = 3000});
    std::cout << a.format() << "\n" << describe(report) << " bytes " << report.bytes << "\n";
  }
  auto a = laplacian<double>(where, {200, 150});
    std::vector<double> b(30000, 1.0), x(30000, 0.0);
    const Quadratic<double> f(where, a, b);
    auto report = minimize(where, f, x, {.method = Method::conjugate_gradient, .preconditioner=Preconditioner::jacobi, .relative_gradient_tolerance = 1e-8});
    std::cout << a.format() << "\n" << describe(report) << " bytes " << report.bytes << "\n";
}
