#include "cases.hpp"
#include "counted.hpp"
#include "functions.hpp"

#include <nabla/check.hpp>
#include <nabla/formula.hpp>

#include <memory>

// Formulas: compiled and interpreted, and a whole gradient check of one.

namespace nabla::bench {

namespace {

constexpr char saddle_text[] = "x^2*y + sin(x*y)";

struct Data {
  Executor where;
  Formula f;
  Points<double> points;
  Batch<double> value, gradient;

  Data(const Executor& executor, std::int64_t items, FormulaEngine engine, const char* text = saddle_text,
       std::int64_t n = 2)
      : where(executor),
        f(Formula::parse(text, {.engine = engine})),
        points(Points<double>::uniform(where, items, n, -2, 2, 7)),
        value(where, items, 1),
        gradient(where, items, n) {}
};

Case gradient_case(const char* operation, FormulaEngine engine) {
  Case made{.operation = operation,
            .subject = "x^2 y + sin(xy), n = 2",
            .variant = "",
            .items = "points",
            .bytes_per_item = 40,
            .prepare = {}};
  made.prepare = [=](const Executor& where, std::int64_t items) {
    const auto data = std::make_shared<Data>(where, items, engine);
    return Prepared{[=] {
                      value_and_gradient<Formula, double>(data->where, data->f, data->points.view(),
                                                          Outputs<double>{data->value, data->gradient});
                    },
                    static_cast<double>(items),
                    {2,
                     3,
                     8 * items,
                     1,
                     {data->points.data(), data->points.data() + items, data->value.data(), data->gradient.data(),
                      data->gradient.data() + items}},
                    static_cast<double>(items) * work_of(detail::GradientBody<Saddle, 2>{}, 2)};
  };
  return made;
}

Case check_case() {
  Case made{.operation = "gradient check",
            .subject = "x^2 y + sin(xy), n = 2",
            .variant = "",
            .items = "points",
            .bytes_per_item = 16,
            .floor = "the 200 values and 2 gradients that it takes at each point",
            .prepare = {},
            .most_items = 200'000};
  made.prepare = [](const Executor& where, std::int64_t items) {
    const auto data = std::make_shared<Data>(where, items, FormulaEngine::automatic);
    const double points = static_cast<double>(items);
    Work work = 200 * points * work_of(detail::ValueBody<Saddle, 2>{}, 2);
    work += 2 * points * work_of(detail::GradientBody<Saddle, 2>{}, 2);
    const Traffic traffic{2, 0, 8 * items, 1, {data->points.data(), data->points.data() + items}};
    return Prepared{[=] { check_gradient(data->where, data->f, data->points); }, points, traffic, work};
  };
  return made;
}

/// Of n variables; value and gradient, or the value alone. What it computes is not counted: it is for ratios.
Case chain_case(std::int64_t n, bool with_gradient) {
  const std::int64_t written = with_gradient ? n + 1 : 1;
  Case made{.operation = with_gradient ? "value and gradient" : "value",
            .subject = "chained rosenbrock, formula, n = " + std::to_string(n),
            .variant = "",
            .items = "points",
            .bytes_per_item = 8.0 * static_cast<double>(n + written),
            .prepare = {}};
  made.prepare = [=](const Executor& where, std::int64_t items) {
    constexpr char chain_text[] = "sum(i, 1, n-1, 100*(x[i+1]-x[i]^2)^2 + (1-x[i])^2)";
    const auto data = std::make_shared<Data>(where, items, FormulaEngine::automatic, chain_text, n);
    const auto run = [=] {
      if (with_gradient) {
        value_and_gradient<Formula, double>(data->where, data->f, data->points.view(),
                                            Outputs<double>{data->value, data->gradient});
      } else {
        value<Formula, double>(data->where, data->f, data->points.view(), ValueOutputs<double>{data->value});
      }
    };
    return Prepared{run, static_cast<double>(items), {static_cast<int>(n), static_cast<int>(written), 8 * items}, {}};
  };
  return made;
}

}  // namespace

std::vector<GradientAndValue> formula_gradients() {
  std::vector<GradientAndValue> all;
  for (const std::int64_t n : {10, 100, 1000}) {
    all.push_back({"chained rosenbrock, formula", n, chain_case(n, false), chain_case(n, true)});
  }
  return all;
}

std::vector<Case> formula_cases() {
  Case interpreted = gradient_case("formula, interpreted", FormulaEngine::interpreter);
  interpreted.on_cuda = false;
  return {gradient_case("formula, compiled", FormulaEngine::automatic), interpreted, check_case()};
}

}  // namespace nabla::bench
