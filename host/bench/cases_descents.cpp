#include "cases.hpp"
#include "counted.hpp"

#include <nabla/fit_each.hpp>
#include <nabla/minimize_each.hpp>

#include <cmath>
#include <memory>

// Many descents side by side, and many fits. Their floor is what the evaluations alone compute: steps, searches and
// matrices are on top.

namespace nabla::bench {

namespace {

struct Valley {
  static constexpr int dimension = 2;
  [[maybe_unused]] static constexpr Method descends_by[] = {Method::bfgs};
  template <class X>
  constexpr auto operator()(const X& x) const {
    const auto valley = x[1] - x[0] * x[0];
    return 100 * valley * valley + (1 - x[0]) * (1 - x[0]);
  }
};

Case descents_case() {
  Case made{.operation = "descents by BFGS",
            .subject = "rosenbrock, n = 2",
            .variant = "",
            .items = "starts",
            .bytes_per_item = 48,
            .floor = "the evaluations that it takes",
            .prepare = {},
            .most_items = 100'000};
  made.prepare = [](const Executor& where, std::int64_t items) {
    const auto starts = std::make_shared<Points<double>>(Points<double>::uniform(where, items, 2, -2, 2, 7));
    const auto x = std::make_shared<Batch<double>>(where, items, 2);
    const auto descend = [=] {
      return minimize_each<Valley, double>(
          x->executor(), Valley(), starts->view(), EachOutputs<double>{.x = x->view()},
          {.method = Method::bfgs, .gradient_tolerance = 1e-8, .relative_gradient_tolerance = 0});
    };
    const auto evaluations = static_cast<double>(descend().evaluations);
    return Prepared{[=] { descend(); },
                    static_cast<double>(items),
                    {2, 2, 8 * items},
                    evaluations * work_of(detail::GradientBody<Valley, 2>{}, 2)};
  };
  return made;
}

// a exp(-b t) + c against samples, of which there are so many for each fit.
constexpr std::int64_t samples = 32;

struct Decays {
  Executor where;
  Formula model = Formula::parse("a*exp(-b*t) + c - y", {.variables = {"a", "b", "c"}, .data = {"t", "y"}});
  Array<double> times, measured, start;
  Batch<double> x;
  std::int64_t count;

  Decays(const Executor& executor, std::int64_t fits)
      : where(executor),
        times(where, samples),
        measured(where, fits * samples),
        start(where, 3),
        x(where, fits, 3),
        count(fits) {
    const auto random = Points<double>::uniform(Executor::cpu(1), fits, 3 + samples, 0, 1, 7);
    std::vector<double> t(samples), y(static_cast<std::size_t>(fits * samples));
    for (std::int64_t r = 0; r < samples; ++r) t[static_cast<std::size_t>(r)] = 4.0 * static_cast<double>(r) / 31;
    for (std::int64_t k = 0; k < fits; ++k) {
      const auto u = [&](std::int64_t i) { return random.view()(k, i); };
      const double a = 1 + 4 * u(0), b = 0.5 + 1.5 * u(1), c = 2 * u(2) - 1;
      for (std::int64_t r = 0; r < samples; ++r) {
        y[static_cast<std::size_t>(k * samples + r)] =
            a * std::exp(-b * t[static_cast<std::size_t>(r)]) + c + 0.02 * (u(3 + r) - 0.5);
      }
    }
    times.upload(t);
    measured.upload(y);
    start.upload(std::vector<double>{1, 1, 0});
  }

  EachReport fit() const {
    return fit_each<Formula, double>(
        where, model, BatchView<const double>(start.data(), count, 3, 0, 1),
        {{times.data(), 1, samples, samples, 1}, {measured.data(), count, samples, samples, 1}}, {.x = x.view()},
        {.method = Method::levenberg_marquardt, .relative_gradient_tolerance = 1e-8});
  }
};

Case fits_case() {
  Case made{.operation = "fits by Levenberg-Marquardt",
            .subject = "a exp(-b t) + c, 32 samples",
            .variant = "",
            .items = "fits",
            .bytes_per_item = 8 * (samples + 3),
            .floor = "the evaluations that it takes",
            .prepare = {},
            .most_items = 50'000,
            .on_cuda = false};
  made.prepare = [](const Executor& where, std::int64_t items) {
    const auto decays = std::make_shared<Decays>(where, items);
    const auto evaluations = static_cast<double>(decays->fit().evaluations);
    return Prepared{[=] { decays->fit(); },
                    static_cast<double>(items),
                    {static_cast<int>(samples), 3, 8 * items},
                    evaluations * work_of_a_decay(samples)};
  };
  return made;
}

}  // namespace

std::vector<Case> descent_cases() { return {descents_case(), fits_case()}; }

}  // namespace nabla::bench
