// Passes over the elements of the chained Rosenbrock function, for element_traffic.cmake to count:
//     element_traffic f32|f64
// prints the bytes of a vector.

#include "../../host/bench/functions.hpp"

#include <nabla/element_sum.hpp>

#include <iostream>
#include <string>

namespace {

using RosenbrockElement = nabla::bench::Valley;

template <class T>
void run() {
  const nabla::Executor where = nabla::Executor::cuda();
  const std::int64_t n = 1 << 17;
  const auto f = nabla::element_sum<T>(where, RosenbrockElement(), n, nabla::Affine::chain(n - 1, {0, 1}));
  const auto x = nabla::Points<T>::uniform(where, n, 1, -2, 2, 1), v = nabla::Points<T>::uniform(where, n, 1, -2, 2, 2);
  const nabla::Array<T> out(where, n);
  const auto all = [&](const auto& array) { return std::span(array.data(), static_cast<std::size_t>(n)); };
  f.value(where, all(x));
  f.value_and_gradient(where, all(x), all(out));
  f.hessian_vector_product(where, all(x), all(v), all(out));
  f.hessian_diagonal(where, all(x), all(out));
  where.synchronize();
  std::cout << n * static_cast<std::int64_t>(sizeof(T)) << "\n";
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  std::string(argv[1]) == "f32" ? run<float>() : run<double>();
}
