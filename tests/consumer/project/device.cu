// A file of a user's project that nvcc compiles: its calls run on either executor.

#include <nabla/nabla.hpp>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace {

struct Wave {
  template <class Point>
  constexpr auto operator()(const Point& x) const {
    using nabla::sin;
    return x[0] * sin(x[1]);
  }
};

nabla::Summary summary_on(const nabla::Executor& where) {
  return nabla::value_and_gradient(where, Wave(), nabla::Points<double>::uniform(where, 5'000, 2, -2, 2, 7)).summary;
}

}  // namespace

int main() {
  const std::string why = nabla::Executor::why_no_cuda();
  if (!why.empty()) {
    const char* const required = std::getenv("NABLA_REQUIRE_CUDA");
    const bool must = required != nullptr && std::string(required) == "1";
    std::printf("%s: %s\n", must ? "CUDA is required" : "no CUDA", why.c_str());
    return must ? 1 : 0;
  }
  const nabla::Summary cpu = summary_on(nabla::Executor::cpu()), cuda = summary_on(nabla::Executor::cuda());
  const double off = std::fabs(cuda.gradient_norm.l2 / cpu.gradient_norm.l2 - 1);
  const bool good = off < 1e-12 && cuda.value.argmax == cpu.value.argmax && cpu.gradient_norm.l2 > 0;
  std::printf("CUDA consumer %s: norms differ by %g\n", good ? "good" : "WRONG", off);
  return good ? 0 : 1;
}
