#include "eval.hpp"
#include "symmetric_eigenvalues.hpp"

#include <fmt/format.h>

#include <nabla/element_sum.hpp>

#include <numeric>
#include <utility>

// nabla eval --sum: a formula fitted to data. All elements share their variables, and each has a row of data.

namespace nabla::cli {

namespace {

std::vector<std::string> names_in(const std::string& list) {
  std::vector<std::string> names{""};
  for (const char c : list) {
    if (c == ',') {
      names.emplace_back();
    } else {
      names.back() += c;
    }
  }
  return names;
}

template <class T>
std::vector<double> doubles(const std::vector<T>& numbers) {
  return {numbers.begin(), numbers.end()};
}

template <class T>
void evaluate(const Executor& executor, const Formula& element, const PointSource& source, const ElementData& data,
              EvalReport& report) {
  const std::int64_t rows = data.header.count(), columns = data.header.components(), n = source.dimension;
  report.bytes =
      static_cast<double>(rows * columns) * static_cast<double>(sizeof(T)) * static_cast<double>(source.count);
  require_memory(executor, report.bytes);
  const Batch<T> numbers(executor, rows, columns, data.header.layout());
  read_npy_numbers(data.file, data.header, numbers.data());
  Affine all{{rows, 1, 1}, {0, 0, 0}, std::vector<std::int64_t>(static_cast<std::size_t>(n))};
  std::iota(all.offsets.begin(), all.offsets.end(), 0);
  const auto sum = element_sum<T>(executor, element, n, std::move(all), numbers);

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

ElementData::ElementData(const std::string& argument) {
  const auto colon = argument.rfind(':');
  if (colon == std::string::npos || colon == 0 || colon + 1 == argument.size()) {
    throw UsageError(fmt::format("--data: expected FILE.npy:NAME,NAME,..., found '{}'", argument));
  }
  file = argument.substr(0, colon);
  names = names_in(argument.substr(colon + 1));
  header = read_npy_header(file);
  const auto columns = static_cast<std::size_t>(header.components());
  if (columns != names.size()) {
    throw UsageError(fmt::format("--data: expected a name for each of {} columns, found {}", columns, names.size()));
  }
}

void evaluate_sum(const Executor& executor, const Formula& element, const PointSource& source, const ElementData& data,
                  EvalReport& report) {
  if (executor.is_cuda()) throw ExecutorUnavailable("--sum: runs on CPU executors only");
  report.rows = data.header.count();
  if (report.precision == Precision::f32) {
    evaluate<float>(executor, element, source, data, report);
  } else {
    evaluate<double>(executor, element, source, data, report);
  }
}

}  // namespace nabla::cli
