#include "cases.hpp"
#include "counted.hpp"
#include "functions.hpp"

#include <nabla/evaluate.hpp>

#include <algorithm>
#include <memory>

// Evaluations of functors at many points.

namespace nabla::bench {

namespace {

template <class T, int N>
struct Data {
  Executor where;
  std::int64_t count;
  Points<T> points;
  Batch<T> value, gradient;
  Array<Summary> summary;

  Data(const Executor& executor, std::int64_t items, double low, double high, Layout layout)
      : where(executor),
        count(items),
        points(Points<T>::uniform(where, count, N, low, high, 7, layout)),
        value(where, count, 1),
        gradient(where, count, N, layout),
        summary(where, 1) {}

  /// Rows of the points are read; of the value and the gradient, so many are written.
  Traffic traffic(int rows_read, int rows_written) const {
    Traffic made{rows_read, rows_written, count * static_cast<std::int64_t>(sizeof(T))};
    for (int i = 0; i < N; ++i) made.memory.push_back(points.data() + i * count);
    made.memory.push_back(value.data());
    for (int i = 0; i < std::min(rows_written - 1, N); ++i) made.memory.push_back(gradient.data() + i * count);
    return made;
  }
};

/// A function by its name, and the box that its points are drawn from.
struct Subject {
  const char* name;
  double low, high;
};

template <class T, class F, int N, class Run>
Case evaluation(const char* operation, const Subject& subject, const char* variant, Layout layout, int rows_written,
                const Work& of_a_point, Run run) {
  constexpr bool f32 = sizeof(T) == 4;
  Case made{.operation = operation,
            .subject = subject.name + (", n = " + std::to_string(N)),
            .variant = variant,
            .items = "points",
            .f32 = f32,
            .bytes_per_item = (N + rows_written) * static_cast<double>(sizeof(T)),
            .prepare = {},
            .function = subject.name,
            .variables = N};
  made.prepare = [=](const Executor& where, std::int64_t items) {
    const auto data = std::make_shared<Data<T, N>>(where, items, subject.low, subject.high, layout);
    const auto points = static_cast<double>(items);
    return Prepared{[=] { run(data->where, *data); }, points, data->traffic(N, rows_written), points * of_a_point,
                    [=](const Executor& other) { run(other, *data); }};
  };
  return made;
}

template <class T, class F, int N>
Case gradient_case(const Subject& subject, Layout layout = Layout::component_major) {
  return evaluation<T, F, N>(
      "value and gradient", subject, layout == Layout::component_major ? "component-major" : "point-major", layout,
      N + 1, work_of(detail::GradientBody<F, N>{}, N), [](const Executor& where, const Data<T, N>& data) {
        value_and_gradient<F, T>(where, F(), data.points.view(), Outputs<T>{data.value, data.gradient});
      });
}

template <class T, class F, int N>
Case summary_case(const Subject& subject) {
  return evaluation<T, F, N>("with a summary", subject, "", Layout::component_major, N + 1,
                             work_of(detail::GradientBody<F, N>{}, N),
                             [](const Executor& where, const Data<T, N>& data) {
                               value_and_gradient<F, T>(where, F(), data.points.view(),
                                                        Outputs<T>{data.value, data.gradient, data.summary.data()});
                             });
}

template <class T, class F, int N>
Case value_case(const Subject& subject) {
  return evaluation<T, F, N>("value", subject, "", Layout::component_major, 1, work_of(detail::ValueBody<F, N>{}, N),
                             [](const Executor& where, const Data<T, N>& data) {
                               value<F, T>(where, F(), data.points.view(), ValueOutputs<T>{data.value});
                             });
}

/// The points themselves are the directions: no further stream, and no constant that a compiler could use.
template <class T, class F, int N>
Case directional_case(const Subject& subject) {
  return evaluation<T, F, N>(
      "directional derivative", subject, "", Layout::component_major, 2, work_of(detail::DirectionalBody<F, N>{}, N),
      [](const Executor& where, const Data<T, N>& data) {
        directional_derivative<F, T>(where, F(), data.points.view(), data.points.view(),
                                     DirectionalOutputs<T>{data.value, {data.gradient.data(), data.count}});
      });
}

template <class T, class F, int N>
Case hessian_case(const Subject& subject) {
  Case made = evaluation<T, F, N>("Hessian", subject, "", Layout::component_major, 1 + N + N * N,
                                  work_of(detail::HessianBody<F, N>{}, N), [](const Executor&, const Data<T, N>&) {});
  made.prepare = [subject, prepare = made.prepare](const Executor& where, std::int64_t items) {
    Prepared prepared = prepare(where, items);
    const auto data = std::make_shared<Data<T, N>>(where, items, subject.low, subject.high, Layout::component_major);
    const auto hessians = std::make_shared<Batch<T>>(where, items, N * N);
    prepared.run_by = [=](const Executor& by) {
      hessian<F, T>(by, F(), data->points.view(), HessianOutputs<T>{data->value, data->gradient, *hessians});
    };
    prepared.run = [where, run_by = prepared.run_by] { run_by(where); };
    prepared.traffic.memory = data->traffic(N, N + 1).memory;
    for (int k = 0; k < N * N; ++k) prepared.traffic.memory.push_back(hessians->data() + k * items);
    return prepared;
  };
  return made;
}

}  // namespace

std::vector<Case> evaluation_cases() {
  const Subject rosenbrock{"rosenbrock", -2, 2}, saddle{"x^2 y + sin(xy)", -2, 2}, ackley{"ackley (textbook)", -2, 2},
      pairs{"lennard_jones", 0.5, 2};
  return {gradient_case<double, Rosenbrock2, 2>(rosenbrock),
          gradient_case<double, Saddle, 2>(saddle),
          gradient_case<double, LennardJones, 3>(pairs),
          gradient_case<double, Ackley8, 8>(ackley),
          gradient_case<float, Rosenbrock2, 2>(rosenbrock),
          gradient_case<float, Saddle, 2>(saddle),
          gradient_case<float, Ackley8, 8>(ackley),
          gradient_case<double, Rosenbrock2, 2>(rosenbrock, Layout::point_major),
          gradient_case<double, Saddle, 2>(saddle, Layout::point_major),
          value_case<double, Rosenbrock2, 2>(rosenbrock),
          value_case<double, Saddle, 2>(saddle),
          value_case<double, LennardJones, 3>(pairs),
          value_case<double, Ackley8, 8>(ackley),
          summary_case<double, Rosenbrock2, 2>(rosenbrock),
          summary_case<double, Saddle, 2>(saddle),
          directional_case<double, Saddle, 2>(saddle),
          hessian_case<double, Rosenbrock2, 2>(rosenbrock),
          hessian_case<double, Saddle, 2>(saddle)};
}

}  // namespace nabla::bench
