// Directional derivatives, Hessians and Jacobians on every executor, against closed forms: code that loops and code for
// one dimension, sizes around every boundary, both layouts, both precisions.

#include "cases.hpp"
#include "executors.hpp"

#include <array>
#include <cmath>
#include <vector>

namespace {

using namespace nabla::test;
using nabla::Executor;
using nabla::Layout;

class Derivatives : public OnEveryExecutor {};
INSTANTIATE_TEST_SUITE_P(On, Derivatives, every_executor(), executor_name);

template <class T, class F>
void expect_directional(const Case& c, const F& f, Exact exact, long double scale) {
  const auto points = c.points<T>();
  const auto oracles = at_each(points, exact);
  for (const std::int64_t how_many : {std::int64_t{1}, c.count}) {
    const auto directions = c.directions<T>(how_many);
    const HostBatch<T> v(directions);
    const auto along = [&](std::size_t p) { return v.item(how_many == 1 ? 0 : static_cast<std::int64_t>(p)); };
    const auto size = [&](std::size_t) { return scale; };
    const auto result = nabla::directional_derivative(c.where, f, points, directions);
    expect_batch(
        "value", result.value, [&](std::size_t p) { return Numbers{oracles[p].value}; }, size);
    expect_batch(
        "derivative", result.derivative, [&](std::size_t p) { return Numbers{dot(oracles[p].gradient, along(p))}; },
        size);
  }
}

TEST_P(Derivatives, AlongDirections) {
  const Executor where = executor();
  for (const Layout layout : {Layout::component_major, Layout::point_major}) {
    expect_directional<double>({where, 2, layout, 1'500}, Saddle(), saddle, 12);
  }
  const auto check = [](const Case& c, const auto& f) {
    expect_directional<double>(c, f, ring, ring_scale(c.n));
    expect_directional<float>(c, f, ring, ring_scale(c.n));
  };
  looped_and_fixed<1, 3, 5, 8, 17>(where, Ring(), check);
  check({where, 40}, nabla::looped(Ring()));
  every_size(where, [&](const Case& c) { check(c, nabla::looped(Ring())); });
}

/// H v, for H row by row.
Numbers product(const Numbers& h, const Numbers& v) {
  Numbers result(v.size());
  for (std::size_t i = 0; i < h.size(); ++i) result[i / v.size()] += h[i] * v[i % v.size()];
  return result;
}

template <class T, class F>
void expect_hessian_products(const Case& c, const F& f, Exact exact, long double scale) {
  const auto points = c.points<T>();
  const auto oracles = at_each(points, exact);
  for (const std::int64_t how_many : {std::int64_t{1}, c.count}) {
    const auto directions = c.directions<T>(how_many);
    const HostBatch<T> v(directions);
    const auto along = [&](std::size_t p) { return v.item(how_many == 1 ? 0 : static_cast<std::int64_t>(p)); };
    const auto size = [&](std::size_t) { return scale; };
    const auto result = nabla::hessian_vector_product(c.where, f, points, directions);
    expect_batch(
        "value", result.value, [&](std::size_t p) { return Numbers{oracles[p].value}; }, size);
    expect_batch(
        "gradient", result.gradient, [&](std::size_t p) { return oracles[p].gradient; }, size);
    expect_batch(
        "product", result.product, [&](std::size_t p) { return product(oracles[p].hessian, along(p)); },
        [&](std::size_t) { return 4 * scale; });
  }
}

template <class T, class F>
void expect_hessians(const Case& c, const F& f, Exact exact, long double scale) {
  const auto points = c.points<T>();
  const auto oracles = at_each(points, exact);
  const auto size = [&](std::size_t) { return scale; };
  const auto result = nabla::hessian(c.where, f, points);
  expect_batch(
      "value", result.value, [&](std::size_t p) { return Numbers{oracles[p].value}; }, size);
  expect_batch(
      "gradient", result.gradient, [&](std::size_t p) { return oracles[p].gradient; }, size);
  expect_batch(
      "hessian", result.hessian, [&](std::size_t p) { return oracles[p].hessian; }, size);
  const HostBatch<T> h(result.hessian);
  for (std::int64_t p = 0; p < c.count; ++p) {
    for (std::int64_t k = 0; k < c.n * c.n; ++k) ASSERT_EQ(h(p, k), h(p, k % c.n * c.n + k / c.n)) << "not symmetric";
  }
}

TEST_P(Derivatives, HessiansTimesDirections) {
  const Executor where = executor();
  expect_hessian_products<double>({where, 2}, Saddle(), saddle, 12);
  for (const std::int64_t n : {3, 7, 16}) {
    expect_hessian_products<double>({where, n}, nabla::looped(Chain()), chain, chain_scale);
  }
  const auto check = [](const Case& c, const auto& f) {
    expect_hessian_products<double>(c, f, ring, ring_scale(c.n));
    expect_hessian_products<float>(c, f, ring, ring_scale(c.n));
  };
  looped_and_fixed<1, 3, 5, 8, 17>(where, Ring(), check);
  check({where, 40}, nabla::looped(Ring()));
  every_size(where, [&](const Case& c) { check(c, nabla::looped(Ring())); });
}

TEST_P(Derivatives, Hessians) {
  const Executor where = executor();
  for (const Layout layout : {Layout::component_major, Layout::point_major}) {
    expect_hessians<double>({where, 2, layout}, Saddle(), saddle, 12);
  }
  for (const std::int64_t n : {3, 7, 16}) {
    expect_hessians<double>({where, n}, nabla::looped(Chain()), chain, chain_scale);
  }
  const auto check = [](const Case& c, const auto& f) {
    expect_hessians<double>(c, f, ring, ring_scale(c.n));
    expect_hessians<float>(c, f, ring, ring_scale(c.n));
  };
  looped_and_fixed<1, 3, 5, 8>(where, Ring(), check);
  check({where, 16, Layout::point_major}, nabla::looped(Ring()));
  every_size(where, [&](const Case& c) { check(c, nabla::looped(Ring())); });
}

/// R^n -> R^4, any n: a linear form, products of neighbours in a ring, sines, and one that reads two components only.
struct Forms {
  template <class Point>
  constexpr auto operator()(const Point& x) const {
    using nabla::exp, nabla::sin;
    typename Point::value_type linear = 0, neighbours = 0, waves = 0;
    for (int i = 0; i < x.size(); ++i) {
      linear += (i + 1) * x[i];
      neighbours += x[i] * x[(i + 1) % x.size()];
      waves += sin(x[i]);
    }
    return std::array{linear, neighbours, waves, x[x.size() - 1] * exp(x[0])};
  }
};
struct ExactForms {
  Numbers value, jacobian;
};
ExactForms exact_forms(const Numbers& x) {
  const std::size_t n = x.size();
  ExactForms o{Numbers(4), Numbers(4 * n)};
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t next = i + 1 < n ? i + 1 : 0;
    o.value[0] += static_cast<long double>(i + 1) * x[i];
    o.value[1] += x[i] * x[next];
    o.value[2] += std::sin(x[i]);
    o.jacobian[i] = static_cast<long double>(i + 1);
    o.jacobian[n + i] += x[next];
    o.jacobian[n + next] += x[i];
    o.jacobian[2 * n + i] = std::cos(x[i]);
  }
  o.value[3] = x[n - 1] * std::exp(x[0]);
  o.jacobian[3 * n] += o.value[3];
  o.jacobian[4 * n - 1] += std::exp(x[0]);
  return o;
}

template <class T, class F>
void expect_jacobians(const Case& c, const F& f) {
  const auto points = c.points<T>();
  const HostBatch<T> x(points);
  const auto exact = [&](std::size_t p) { return exact_forms(x.item(static_cast<std::int64_t>(p))); };
  const auto result = nabla::jacobian(c.where, f, points);
  expect_batch(
      "value", result.value, [&](std::size_t p) { return exact(p).value; },
      [&](std::size_t) { return static_cast<long double>(c.n * (c.n + 1) + 15); });
  expect_batch(
      "jacobian", result.jacobian, [&](std::size_t p) { return exact(p).jacobian; }, [](std::size_t) { return 24.0L; });
}

TEST_P(Derivatives, Jacobians) {
  const Executor where = executor();
  const auto check = [](const Case& c, const auto& f) {
    expect_jacobians<double>(c, f);
    expect_jacobians<float>(c, f);
  };
  looped_and_fixed<1, 3, 6, 17>(where, Forms(), check);
  check({where, 2}, Forms());
  check({where, 40}, nabla::looped(Forms()));
  every_size(where, [&](const Case& c) { check(c, nabla::looped(Forms())); });
}

TEST_P(Derivatives, TheJacobianOfAScalarIsItsGradient) {
  const Executor where = executor();
  const auto points = Case{where, 6}.points<double>();
  const auto oracles = at_each(points, ring);
  const auto result = nabla::jacobian(where, nabla::looped(Ring()), points);
  const auto size = [](std::size_t) { return ring_scale(6); };
  expect_batch(
      "value", result.value, [&](std::size_t p) { return Numbers{oracles[p].value}; }, size);
  expect_batch(
      "jacobian", result.jacobian, [&](std::size_t p) { return oracles[p].gradient; }, size);
}

}  // namespace
