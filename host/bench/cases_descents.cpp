#include "cases.hpp"
#include "counted.hpp"
#include "decays.hpp"
#include "functions.hpp"

#include <nabla/fit_each.hpp>
#include <nabla/minimize_each.hpp>

#include <memory>

// Many descents side by side, and many fits. Their floor is what the evaluations alone compute: steps, searches and
// matrices are on top.

namespace nabla::bench {

namespace {

struct DescendingValley : Valley {
  static constexpr int dimension = 2;
  [[maybe_unused]] static constexpr Method descends_by[] = {Method::bfgs};
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
      return minimize_each<DescendingValley, double>(
          x->executor(), DescendingValley(), starts->view(), EachOutputs<double>{.x = x->view()},
          {.method = Method::bfgs, .gradient_tolerance = 1e-8, .relative_gradient_tolerance = 0});
    };
    const auto evaluations = static_cast<double>(descend().evaluations);
    return Prepared{[=] { descend(); },
                    static_cast<double>(items),
                    {2, 2, 8 * items, 1, {starts->data(), starts->data() + items, x->data(), x->data() + items}},
                    evaluations * work_of(detail::GradientBody<Valley, 2>{}, 2)};
  };
  return made;
}

constexpr std::int64_t rows = DecaySamples::rows;

struct Decays {
  Executor where;
  Formula model = decay_formula();
  Array<double> times, samples, start;
  Batch<double> x;
  std::int64_t count;

  Decays(const Executor& executor, std::int64_t fits)
      : where(executor),
        times(where, rows),
        samples(where, fits * rows),
        start(where, 3),
        x(where, fits, 3),
        count(fits) {
    const DecaySamples made(fits);
    times.upload(made.times);
    samples.upload(made.samples);
    start.upload(made.start);
  }

  EachReport fit() const {
    return fit_each<Formula, double>(where, model, BatchView<const double>(start.data(), count, 3, 0, 1),
                                     {{times.data(), 1, rows, rows, 1}, {samples.data(), count, rows, rows, 1}},
                                     {.x = x.view()},
                                     {.method = Method::levenberg_marquardt, .relative_gradient_tolerance = 1e-8});
  }
};

Case fits_case() {
  Case made{.operation = "fits by Levenberg-Marquardt",
            .subject = "a exp(-b t) + c, 32 samples",
            .variant = "",
            .items = "fits",
            .bytes_per_item = 8 * (rows + 3),
            .floor = "the evaluations that it takes",
            .prepare = {},
            .most_items = 50'000,
            .on_cuda = false};
  made.prepare = [](const Executor& where, std::int64_t items) {
    const auto decays = std::make_shared<Decays>(where, items);
    const auto evaluations = static_cast<double>(decays->fit().evaluations);
    const detail::FitBody<Decay, Decay::variables, true> body{{}, rows};
    // Fit by fit, which is as many streams of as many samples.
    Traffic traffic{static_cast<int>(rows), 3, 8 * items};
    for (std::int64_t r = 0; r < rows; ++r) traffic.memory.push_back(decays->samples.data() + r * items);
    for (std::int64_t i = 0; i < 3; ++i) traffic.memory.push_back(decays->x.data() + i * items);
    return Prepared{[=] { decays->fit(); }, static_cast<double>(items), traffic,
                    evaluations * work_of(body, Decay::variables)};
  };
  return made;
}

}  // namespace

std::vector<Case> descent_cases() { return {descents_case(), fits_case()}; }

}  // namespace nabla::bench
