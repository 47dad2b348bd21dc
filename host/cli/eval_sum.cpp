#include "eval.hpp"
#include "symmetric_eigenvalues.hpp"

#include <utility>

// nabla eval --sum: values and derivatives of a sum over rows of data.

namespace nabla::cli {

namespace {

template <class T>
std::vector<double> doubles(const std::vector<T>& numbers) {
  return {numbers.begin(), numbers.end()};
}

template <class T>
void evaluate(const Executor& executor, const Formula& element, const PointSource& source, const ElementData& data,
              EvalReport& report) {
  const auto [rows, sum] = data_sum<T>(executor, element, source.dimension, data);
  report.bytes = static_cast<double>(rows.count() * rows.components()) * static_cast<double>(sizeof(T)) *
                 static_cast<double>(source.count);

  constexpr bool single = sizeof(T) == 4;
  const Stopwatch watch;
  for (const std::vector<double>& at : source.at) {
    const std::vector<T> x(at.begin(), at.end());
    std::vector<T> gradient(x.size());
    EvaluatedPoint point;
    point.x = doubles(x);
    if (report.value_only) {
      point.values = {sum.value(executor, x)};
    } else {
      point.values = {sum.value_and_gradient(executor, x, gradient)};
      point.gradient = doubles(gradient);
    }
    if (report.hessian) {
      // All variables meet in an element, so that the pattern has all entries; or none, without elements.
      std::vector<T> hessian(sum.hessian_pattern().columns.size());
      sum.hessian(executor, x, hessian);
      hessian.resize(x.size() * x.size());
      point.hessian = doubles(hessian);
      point.eigenvalues = symmetric_eigenvalues(point.hessian, x.size());
      if (is_critical(point.x, point.gradient, point.eigenvalues, single)) {
        point.classification = classify(point.eigenvalues, single);
      }
    }
    report.points.push_back(std::move(point));
  }
  report.seconds = watch.seconds();
}

}  // namespace

void evaluate_sum(const Executor& executor, const Formula& element, const PointSource& source, const ElementData& data,
                  EvalReport& report) {
  report.rows = data.header.count();
  if (report.precision == Precision::f32) {
    evaluate<float>(executor, element, source, data, report);
  } else {
    evaluate<double>(executor, element, source, data, report);
  }
}

}  // namespace nabla::cli
