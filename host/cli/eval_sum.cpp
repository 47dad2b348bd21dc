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
std::span<T> span_of(const Array<T>& array) {
  return {array.data(), static_cast<std::size_t>(array.size())};
}

template <class T>
void evaluate(const Executor& executor, const Formula& element, const PointSource& source, const ElementData& data,
              EvalReport& report) {
  const std::int64_t n = source.dimension;
  const DataSum<T> of_rows = data_sum<T>(executor, element, n, data);
  const ElementSum<T, Formula>& sum = of_rows.sum;
  report.transfer_seconds = of_rows.transfer_seconds;
  report.bytes = static_cast<double>(of_rows.rows.count() * of_rows.rows.components()) *
                 static_cast<double>(sizeof(T)) * static_cast<double>(source.count);
  // All variables meet in an element, so that the pattern has all entries; or none, without elements.
  const auto entries = static_cast<std::int64_t>(report.hessian ? sum.hessian_pattern().columns.size() : 0);
  Array<T> x(executor, n), gradient(executor, n), hessian(executor, entries);

  const auto evaluate_at = [&](const std::vector<double>& at) {
    const std::vector<T> numbers_at(at.begin(), at.end());
    x.upload(numbers_at);
    EvaluatedPoint point;
    point.x = doubles(numbers_at);
    if (report.value_only) {
      point.values = {sum.value(executor, span_of(x))};
    } else {
      point.values = {sum.value_and_gradient(executor, span_of(x), span_of(gradient))};
      point.gradient = doubles(gradient.to_host());
    }
    if (report.hessian) {
      sum.hessian(executor, span_of(x), span_of(hessian));
      point.hessian = doubles(hessian.to_host());
      point.hessian.resize(at.size() * at.size());
      point.eigenvalues = symmetric_eigenvalues(point.hessian, at.size());
      constexpr bool single = sizeof(T) == 4;
      if (is_critical(point.x, point.gradient, point.eigenvalues, single)) {
        point.classification = classify(point.eigenvalues, single);
      }
    }
    return point;
  };
  if (executor.is_cuda()) evaluate_at(source.at.front());  // kernels are compiled before time is taken
  const Stopwatch watch;
  for (const std::vector<double>& at : source.at) report.points.push_back(evaluate_at(at));
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
