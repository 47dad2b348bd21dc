#include <nabla/regression.hpp>

#include "checks.hpp"
#include "quadratic/matrix.hpp"
#include "row_matrix.hpp"

#include <nabla/error.hpp>

#include <cmath>
#include <sstream>
#include <string>
#include <vector>

// What was seen with the rows of a matrix, looked through on the host.

namespace nabla::detail {

namespace {

template <class T>
struct MatrixWithData {
  std::shared_ptr<const RowMatrix<T>> matrix;
  Array<T> data;
};

/// Data in the host's memory, `numbers` for each row, one after another of the first and then of the next.
template <class T>
ObservedRows<T> keep(std::shared_ptr<const RowMatrix<T>> matrix, const std::vector<T>& data, std::int64_t numbers,
                     double ridge) {
  Array<T> there(matrix->executor, static_cast<std::int64_t>(data.size()));
  there.upload(data);
  const auto kept = std::make_shared<const MatrixWithData<T>>(MatrixWithData<T>{std::move(matrix), std::move(there)});
  const RowMatrix<T>& rows = *kept->matrix;
  return {std::shared_ptr<const RowMatrix<T>>(kept, &rows),
          rows.variables,
          rows.rows.rows,
          BatchView<const T>(kept->data.data(), rows.rows.rows, numbers),
          nullptr,
          ridge};
}

/// A number for each row, in the host's memory.
template <class T>
std::vector<T> fetched(const Executor& executor, const char* call, const char* name, std::span<const T> numbers,
                       std::int64_t rows) {
  require_size(call, name, numbers.size(), rows);
  const Argument arguments[] = {vector_argument(name, numbers)};
  check_memory(executor, call, arguments);
  std::vector<T> here(numbers.size());
  copy_bytes(executor, here.data(), numbers.data(), numbers.size_bytes());
  return here;
}

template <class T>
[[noreturn]] void refuse(const char* call, const char* what, std::size_t row, T number, const char* expected) {
  std::ostringstream text;
  text << call << ": the " << what << " of row " << row << " is " << number << ", expected " << expected;
  throw Error(text.str());
}

template <class T>
std::vector<T> weights_of(const Executor& executor, const char* call, const Regression<T>& options, std::int64_t rows) {
  if (!(options.ridge >= 0) || std::isinf(options.ridge)) {
    std::ostringstream text;
    text << call << ": ridge must be finite and 0 or more, found " << options.ridge;
    throw Error(text.str());
  }
  if (options.weights.empty()) return std::vector<T>(static_cast<std::size_t>(rows), T(1));
  std::vector<T> weights = fetched(executor, call, "weights", options.weights, rows);
  for (std::size_t r = 0; r < weights.size(); ++r) {
    if (!(weights[r] >= 0) || std::isinf(weights[r])) refuse(call, "weight", r, weights[r], "it finite and 0 or more");
  }
  return weights;
}

}  // namespace

template <class T>
ObservedRows<T> observe_numbers(const Executor& executor, std::shared_ptr<const RowMatrix<T>> matrix,
                                std::span<const T> y, const Regression<T>& options) {
  constexpr char call[] = "least squares";
  const std::int64_t rows = matrix->rows.rows;
  std::vector<T> data = fetched(executor, call, "y", y, rows);
  const std::vector<T> weights = weights_of(executor, call, options, rows);
  data.insert(data.end(), weights.begin(), weights.end());
  ObservedRows<T> observed = keep(std::move(matrix), data, 2, options.ridge);
  if (!options.weights.empty()) observed.weights = observed.data.data + rows;
  return observed;
}

template <class T>
ObservedRows<T> observe_labels(const Executor& executor, std::shared_ptr<const RowMatrix<T>> matrix,
                               std::span<const T> labels, const Regression<T>& options) {
  constexpr char call[] = "logistic regression";
  const std::int64_t rows = matrix->rows.rows;
  std::vector<T> data = fetched(executor, call, "labels", labels, rows);
  const std::vector<T> weights = weights_of(executor, call, options, rows);
  T other = T(1);  // than 1; until it is met, 1
  for (std::size_t r = 0; r < data.size(); ++r) {
    const T label = data[r];
    const bool is_known = label == T(1) || ((label == T(0) || label == T(-1)) && (other == T(1) || label == other));
    if (!is_known) refuse(call, "label", r, label, "1 and -1, or 1 and 0, in all rows");
    if (label != T(1)) other = label;
    data[r] = label == T(1) ? weights[r] : -weights[r];
  }
  return keep(std::move(matrix), data, 1, options.ridge);
}

template <class T>
SymmetricOperator<T> normal_of(const Executor& executor, const ObservedRows<T>& observed) {
  SymmetricOperator<T> normal = make_normal_operator(executor, observed.matrix, observed.weights);
  if (observed.ridge == 0 || observed.variables == 0) return normal;
  const std::vector<T> ridge(static_cast<std::size_t>(observed.variables), static_cast<T>(observed.ridge));
  return normal + SymmetricOperator<T>(make_diagonal_matrix<T>(executor, observed.variables, {0}, ridge));
}

void require_vectors(const char* call, std::int64_t size, std::size_t x, std::size_t v, std::size_t out) {
  require_size(call, "x", x, size);
  require_size(call, "v", v, size);
  require_size(call, "the result", out, size);
}

template ObservedRows<float> observe_numbers(const Executor&, std::shared_ptr<const RowMatrix<float>>,
                                             std::span<const float>, const Regression<float>&);
template ObservedRows<double> observe_numbers(const Executor&, std::shared_ptr<const RowMatrix<double>>,
                                              std::span<const double>, const Regression<double>&);
template ObservedRows<float> observe_labels(const Executor&, std::shared_ptr<const RowMatrix<float>>,
                                            std::span<const float>, const Regression<float>&);
template ObservedRows<double> observe_labels(const Executor&, std::shared_ptr<const RowMatrix<double>>,
                                             std::span<const double>, const Regression<double>&);
template SymmetricOperator<float> normal_of(const Executor&, const ObservedRows<float>&);
template SymmetricOperator<double> normal_of(const Executor&, const ObservedRows<double>&);

}  // namespace nabla::detail
