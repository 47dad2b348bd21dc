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
std::span<T> span_of(const Array<T>& array) {
  return {array.data(), static_cast<std::size_t>(array.size())};
}

template <class T>
void evaluate(const Executor& executor, const Formula& element, const PointSource& source, const ElementData& data,
              EvalReport& report) {
  const std::int64_t rows = data.header.count(), columns = data.header.components(), n = source.dimension;
  report.bytes =
      static_cast<double>(rows * columns) * static_cast<double>(sizeof(T)) * static_cast<double>(source.count);
  require_memory(executor, report.bytes);
  const Batch<T> numbers(executor, rows, columns, data.header.layout());
  report.transfer_seconds = read_numbers(executor, data.file, data.header, numbers.data());
  Affine all{{rows, 1, 1}, {0, 0, 0}, std::vector<std::int64_t>(static_cast<std::size_t>(n))};
  std::iota(all.offsets.begin(), all.offsets.end(), 0);
  const auto sum = element_sum<T>(executor, element, n, std::move(all), numbers);
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
  report.rows = data.header.count();
  if (report.precision == Precision::f32) {
    evaluate<float>(executor, element, source, data, report);
  } else {
    evaluate<double>(executor, element, source, data, report);
  }
}

}  // namespace nabla::cli
