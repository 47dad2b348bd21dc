#include "cases.hpp"
#include "counted.hpp"

#include <nabla/element_sum.hpp>
#include <nabla/minimize.hpp>

#include <memory>

// One function of very many variables: the chained Rosenbrock function, as a sum of elements of two variables.

namespace nabla::bench {

namespace {

struct Link {
  template <class X>
  constexpr auto operator()(const X& x) const {
    const auto valley = x[1] - x[0] * x[0];
    return 100 * valley * valley + (1 - x[0]) * (1 - x[0]);
  }
};

/// A sum with the vectors it is taken at, and with those that it writes.
struct Chain {
  Executor where;
  Points<double> x, direction;
  Array<double> gradient, product;
  ElementSum<double, Link> f;

  Chain(const Executor& executor, std::int64_t n)
      : where(executor),
        x(Points<double>::uniform(where, n, 1, -1, 1, 5)),
        direction(Points<double>::uniform(where, n, 1, -1, 1, 6)),
        gradient(where, n),
        product(where, n),
        f(element_sum<double>(where, Link(), n, Affine::chain(n - 1, {0, 1}))) {}

  static std::span<const double> span_of(const Points<double>& points) {
    return {points.data(), static_cast<std::size_t>(points.count())};
  }
  static std::span<double> span_of(const Array<double>& array) {
    return {array.data(), static_cast<std::size_t>(array.size())};
  }
};

template <class Run>
Case chain_case(const char* operation, int reads, int writes, const Work& of_an_element, Run run) {
  Case made{.operation = operation,
            .subject = "chained rosenbrock",
            .variant = "",
            .items = "variables",
            .bytes_per_item = 8.0 * (reads + writes),
            .prepare = {}};
  made.prepare = [=](const Executor& where, std::int64_t items) {
    const auto chain = std::make_shared<Chain>(where, std::max<std::int64_t>(items, 2));
    const auto variables = static_cast<double>(chain->x.count());
    return Prepared{[=] { run(*chain); }, variables, {reads, writes, 8 * chain->x.count()}, variables * of_an_element};
  };
  return made;
}

/// With m pairs an iteration moves 4 m + 16 vectors, a quarter of which it writes (docs/design/0010-minimize.md); m
/// grows from 0 to 8.
Case lbfgs_case() {
  constexpr int iterations = 10, vectors_moved = 4 * (0 + 1 + 2 + 3 + 4 + 5 + 6 + 7 + 8 + 8) + 16 * iterations;
  Case made{.operation = "L-BFGS",
            .subject = "chained rosenbrock",
            .variant = "",
            .items = "variables an iteration",
            .bytes_per_item = 8 * 25,
            .prepare = {},
            .most_items = 4'000'000};
  made.prepare = [](const Executor& where, std::int64_t items) {
    const auto chain = std::make_shared<Chain>(where, items);
    const auto descend = [=] {
      const std::span<double> x = Chain::span_of(chain->product);
      detail::copy_bytes(chain->where, x.data(), chain->x.data(), x.size_bytes());
      minimize(chain->where, chain->f, x, {.relative_gradient_tolerance = 0, .max_iterations = iterations});
    };
    return Prepared{descend, iterations * static_cast<double>(items), {3, 1, 8 * items, vectors_moved / 4}, {}};
  };
  return made;
}

}  // namespace

std::vector<Case> objective_cases() {
  return {chain_case("sum of elements: value", 1, 0, work_of(detail::ValueBody<Link, 2>{}, 2),
                     [](const Chain& c) { c.f.value(c.where, Chain::span_of(c.x)); }),
          chain_case(
              "sum of elements: value and gradient", 1, 1, work_of(detail::GradientBody<Link, 2>{}, 2),
              [](const Chain& c) { c.f.value_and_gradient(c.where, Chain::span_of(c.x), Chain::span_of(c.gradient)); }),
          chain_case("sum of elements: Hessian-vector product", 2, 1, work_of(detail::HessianProductBody<Link, 2>{}, 2),
                     [](const Chain& c) {
                       c.f.hessian_vector_product(c.where, Chain::span_of(c.x), Chain::span_of(c.direction),
                                                  Chain::span_of(c.product));
                     }),
          lbfgs_case()};
}

}  // namespace nabla::bench
