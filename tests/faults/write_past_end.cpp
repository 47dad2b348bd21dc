#include <nabla/nabla.hpp>

#include <cstdio>
#include <vector>

// The output view claims one number more than there is. The library can't know; the address sanitizer must, which it
// does only if the library itself is compiled with it.

struct Square {
  template <class X>
  constexpr auto operator()(const X& x) const {
    return x[0] * x[0];
  }
};

int main() {
  constexpr std::int64_t count = 1000;
  const std::vector<double> points(count, 2.0);
  std::vector<double> value(count - 1);
  nabla::value(nabla::Executor::cpu(1), Square{}, {points.data(), count, 1},
               nabla::ValueOutputs<double>{.value = {value.data(), count, 1}});
  std::puts("the write past the end went unnoticed");
}
