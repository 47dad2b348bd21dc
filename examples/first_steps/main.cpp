#include <nabla/nabla.hpp>

#include <iostream>

struct Saddle {  // no macros, no derivatives
  template <class X>
  constexpr auto operator()(const X& x) const {
    using nabla::sin;
    return x[0] * x[0] * x[1] + sin(x[0] * x[1]);
  }
};

int main() {
  const auto where = nabla::Executor::automatic();
  const auto points = nabla::Points<double>::uniform(where, 1'000'000, 2, -2.0, 2.0, /*seed*/ 7);
  const auto result = nabla::value_and_gradient(where, Saddle{}, points);
  std::cout << "on " << where.name() << ": value " << result.summary.value.min << " to " << result.summary.value.max
            << ", steepest at point " << result.summary.gradient_norm.argmax << " with slope "
            << result.summary.gradient_norm.max_point_l2 << '\n';
}
