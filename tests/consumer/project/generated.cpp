// Functors that `nabla codegen` wrote, against the formulas that they were made from.

#include <nabla/nabla.hpp>

#include <cmath>
#include <cstdio>

#include "chain.hpp"
#include "choices.hpp"
#include "saddle.hpp"

namespace {

template <class F>
bool same(const char* name, const F& functor, const nabla::Formula& formula, double low, double high) {
  const auto where = nabla::Executor::cpu();
  const auto x = nabla::Points<double>::uniform(where, 1'000, F::dimension, low, high, 3);
  const auto a = nabla::hessian(where, functor, x);
  const auto b = nabla::hessian(where, formula, x);
  const auto c = nabla::value_and_gradient(where, functor, x);
  double worst = 0;
  const auto compare = [&](const std::vector<double>& expected, const std::vector<double>& found) {
    for (std::size_t k = 0; k < expected.size(); ++k) {
      const double off = std::fabs(expected[k] - found[k]) / (1 + std::fabs(expected[k]));
      worst = off <= worst ? worst : off;  // a NaN is taken
    }
  };
  compare(b.value.to_host(), c.value.to_host());
  compare(b.gradient.to_host(), c.gradient.to_host());
  compare(b.hessian.to_host(), a.hessian.to_host());
  const bool good = worst < 1e-12;
  std::printf("%s: %s, %g apart\n", name, good ? "good" : "WRONG", worst);
  return good;
}

}  // namespace

int main() {
  const bool good =
      same("saddle", Saddle{}, nabla::Formula::parse("x^2*y + sin(x*y)"), -2, 2) &&
      same("chain", Chain{},
           nabla::Formula::parse("a*sum(i, 1, n-1, 100*(x[i+1]-x[i]^2)^2 + (1-x[i])^2)", {.parameters = {{"a", 2}}}),
           -2, 2) &&
      same("choices", Choices{},
           nabla::Formula::parse(
               "where(x > 0, sqrt(x)*log(y + 3), x^3) + max(x, y, z) + hypot(x, z)^y + prod(i, 1, 3, x + i*y)"),
           -2, 2);
  return good ? 0 : 1;
}
