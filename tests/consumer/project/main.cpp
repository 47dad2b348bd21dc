#include "slope.hpp"

#include <nabla/nabla.hpp>

#include <cstdio>
#include <vector>

// f(x, y) = x^2 y has the gradient (2xy, x^2), here in whole numbers. Both source files make the same call, so whatever
// a header defines twice does not link.

int main() {
  const std::vector<double> points = {3, 2, -1, 5};  // point-major: (3, 2) and (-1, 5)
  std::vector<double> value(2), gradient(4);
  nabla::value_and_gradient(nabla::Executor::cpu(), consumer::Product{},
                            {points.data(), 2, 2, nabla::Layout::point_major},
                            nabla::Outputs<double>{.value = {value.data(), 2},
                                                   .gradient = {gradient.data(), 2, 2, nabla::Layout::point_major}});
  const bool good = value == std::vector<double>{18, 5} && gradient == std::vector<double>{12, 9, -10, 1} &&
                    consumer::slope_along_x(3, 2) == 12;
  std::printf("nabla %s: %s\n", nabla::version, good ? "consumer good" : "consumer WRONG");
  return good ? 0 : 1;
}
