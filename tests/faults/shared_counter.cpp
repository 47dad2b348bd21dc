#include <nabla/nabla.hpp>

#include <cstdio>
#include <vector>

// A function that counts its calls in a plain variable: two threads race for it, and the thread sanitizer must say so.

struct CountsCalls {
  long* calls;
  template <class X>
  constexpr auto operator()(const X& x) const {
    ++*calls;
    return x[0] * x[0];
  }
};

int main() {
  constexpr std::int64_t count = 1 << 20;
  const std::vector<double> points(count, 2.0);
  std::vector<double> value(count);
  long calls = 0;
  nabla::value(nabla::Executor::cpu(4), CountsCalls{&calls}, {points.data(), count, 1},
               nabla::ValueOutputs<double>{.value = {value.data(), count, 1}});
  std::printf("calls counted: %ld\n", calls);
}
