// One launch of the evaluate kernel for traffic.cmake to count:
//     traffic component_major|point_major f32|f64 N
// evaluates value and gradient of Rosenbrock's function in N variables and prints the bytes that must be read and
// written.

#include <nabla/evaluate.hpp>

#include <cstdlib>
#include <iostream>
#include <string>

namespace {

struct Rosenbrock {
  template <class Point>
  constexpr auto operator()(const Point& x) const {
    typename Point::value_type sum = 0;
    for (int i = 0; i + 1 < x.size(); ++i) {
      const auto a = 1 - x[i];
      const auto b = x[i + 1] - x[i] * x[i];
      sum += a * a + 100 * b * b;
    }
    return sum;
  }
};

template <class T, int N>
void run(nabla::Layout layout) {
  const nabla::Executor where = nabla::Executor::cuda();
  const std::int64_t count = 32'768;
  const auto points = nabla::Points<T>::uniform(where, count, N, -2, 2, 1, layout);
  const nabla::Batch<T> value(where, count, 1), gradient(where, count, N, layout);
  nabla::value_and_gradient(where, nabla::fixed<N>(Rosenbrock()), points.view(), nabla::Outputs<T>{value, gradient});
  where.synchronize();
  const std::int64_t numbers = count * static_cast<std::int64_t>(sizeof(T));
  std::cout << N * numbers << ";" << (N + 1) * numbers << "\n";
}

template <class T>
void run(nabla::Layout layout, int n) {
  switch (n) {
    case 2:
      return run<T, 2>(layout);
    case 3:
      return run<T, 3>(layout);
    case 4:
      return run<T, 4>(layout);
    case 8:
      return run<T, 8>(layout);
    default:
      std::exit(2);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  const auto layout =
      std::string(argv[1]) == "point_major" ? nabla::Layout::point_major : nabla::Layout::component_major;
  const int n = std::atoi(argv[3]);
  std::string(argv[2]) == "f32" ? run<float>(layout, n) : run<double>(layout, n);
}
