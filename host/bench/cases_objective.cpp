#include "cases.hpp"
#include "counted.hpp"
#include "functions.hpp"

#include <nabla/element_sum.hpp>
#include <nabla/minimize.hpp>

#include <memory>

// One function of very many variables: the chained Rosenbrock function, as a sum of elements of two variables.

namespace nabla::bench {

namespace {

/// A sum with the vectors it is taken at, and with those that it writes.
struct Chain {
  Executor where;
  Points<double> x, direction;
  Array<double> gradient, product;
  ElementSum<double, Valley> f;

  Chain(const Executor& executor, std::int64_t n)
      : where(executor),
        x(Points<double>::uniform(where, n, 1, -1, 1, 5)),
        direction(Points<double>::uniform(where, n, 1, -1, 1, 6)),
        gradient(where, n),
        product(where, n),
        f(element_sum<double>(where, Valley(), n, Affine::chain(n - 1, {0, 1}))) {}

  static std::span<const double> span_of(const Points<double>& points) {
    return {points.data(), static_cast<std::size_t>(points.count())};
  }
  static std::span<double> span_of(const Array<double>& array) {
    return {array.data(), static_cast<std::size_t>(array.size())};
  }
};

/// `streams`: what it reads, and then what it writes.
template <class Run>
Case chain_case(const char* operation, int reads, int writes, std::vector<void*> (*streams)(const Chain&),
                const Work& of_an_element, Run run) {
  Case made{.operation = operation,
            .subject = "chained rosenbrock",
            .variant = "",
            .items = "variables",
            .bytes_per_item = 8.0 * (reads + writes),
            .prepare = {}};
  made.prepare = [=](const Executor& where, std::int64_t items) {
    const auto chain = std::make_shared<Chain>(where, std::max<std::int64_t>(items, 2));
    const auto variables = static_cast<double>(chain->x.count());
    return Prepared{[=] { run(*chain); },
                    variables,
                    {reads, writes, 8 * chain->x.count(), 1, streams(*chain)},
                    variables * of_an_element};
  };
  return made;
}

struct LongDescent : Chain {
  Points<double> beside;
  LongDescent(const Executor& executor, std::int64_t n, int vectors)
      : Chain(executor, n), beside(Points<double>::uniform(where, n, vectors, -1, 1, 7)) {}
};

/// With m pairs an iteration moves 4 m + 16 vectors, a quarter of which it writes (docs/design/0010-minimize.md); m
/// grows from 0 to 8.
Case lbfgs_case() {
  constexpr int iterations = 10, vectors_moved = 4 * (0 + 1 + 2 + 3 + 4 + 5 + 6 + 7 + 8 + 8) + 16 * iterations;
  constexpr int groups = 6;  // of four vectors: the method has 2 m and some more
  static_assert(vectors_moved % (groups * 4) == 0);
  Case made{.operation = "L-BFGS",
            .subject = "chained rosenbrock",
            .variant = "",
            .items = "variables an iteration",
            .bytes_per_item = 8 * 25,
            .prepare = {},
            .most_items = 4'000'000};
  made.prepare = [](const Executor& where, std::int64_t items) {
    const auto chain = std::make_shared<LongDescent>(where, items, 4 * (groups - 1));
    const auto descend = [=] {
      const std::span<double> x = Chain::span_of(chain->product);
      detail::copy_bytes(chain->where, x.data(), chain->x.data(), x.size_bytes());
      minimize(chain->where, chain->f, x, {.relative_gradient_tolerance = 0, .max_iterations = iterations});
    };
    // Most vectors are the method's own. As many lie beside it: fewer would stay in the caches.
    Traffic traffic{3,
                    1,
                    8 * items,
                    vectors_moved / (groups * 4),
                    {chain->x.data(), chain->direction.data(), chain->gradient.data(), chain->product.data()}};
    for (std::int64_t group = 1; group < groups; ++group) {
      double* const first = chain->beside.data() + (group - 1) * 4 * items;
      traffic.then.push_back({3, 1, 8 * items, 1, {first, first + items, first + 2 * items, first + 3 * items}});
    }
    return Prepared{descend, iterations * static_cast<double>(items), traffic, {}};
  };
  return made;
}

}  // namespace

std::vector<Case> objective_cases() {
  using Streams = std::vector<void*>;
  return {
      chain_case(
          "sum of elements: value", 1, 0, [](const Chain& c) { return Streams{c.x.data()}; },
          work_of(detail::ValueBody<Valley, 2>{}, 2), [](const Chain& c) { c.f.value(c.where, Chain::span_of(c.x)); }),
      chain_case(
          "sum of elements: value and gradient", 1, 1,
          [](const Chain& c) {
            return Streams{c.x.data(), c.gradient.data()};
          },
          work_of(detail::GradientBody<Valley, 2>{}, 2),
          [](const Chain& c) { c.f.value_and_gradient(c.where, Chain::span_of(c.x), Chain::span_of(c.gradient)); }),
      chain_case(
          "sum of elements: Hessian-vector product", 2, 1,
          [](const Chain& c) {
            return Streams{c.x.data(), c.direction.data(), c.product.data()};
          },
          work_of(detail::HessianProductBody<Valley, 2>{}, 2),
          [](const Chain& c) {
            c.f.hessian_vector_product(c.where, Chain::span_of(c.x), Chain::span_of(c.direction),
                                       Chain::span_of(c.product));
          }),
      lbfgs_case()};
}

}  // namespace nabla::bench
