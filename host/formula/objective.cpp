#include "definition.hpp"
#include "elements.hpp"

#include <nabla/formula_objective.hpp>

#include <limits>
#include <utility>

// From the terms of a formula to sums of elements with their own data and tables.

namespace nabla {

namespace {

using formula::Definition;
using formula::ElementLoops;

/// Names of an element's variables and data, for messages; there is no text of it.
formula::Syntax names_of(const Formula& f, std::size_t variables, std::size_t data) {
  formula::Syntax names;
  names.text = f.text();
  names.parameters = f.parameters();
  for (std::size_t k = 0; k < variables; ++k) names.variables.push_back("x" + std::to_string(k + 1));
  for (std::size_t k = 0; k < data; ++k) names.data.push_back("i" + std::to_string(k + 1));
  names.outputs = {0};
  return names;
}

Formula part_of(const Formula& f, formula::Syntax names, formula::Lowered part) {
  return formula::with_definition(
      std::make_shared<const Definition>(std::move(names), f.definition().engine, std::move(part)),
      f.parameter_values());
}

template <class T>
std::shared_ptr<const Array<T>> uploaded(const Executor& executor, const std::vector<T>& numbers) {
  auto array = std::make_shared<Array<T>>(executor, static_cast<std::int64_t>(numbers.size()));
  array->upload(numbers);
  return array;
}

/// The running indices that elements compute with, column by column.
template <class T>
std::shared_ptr<const Array<T>> data_of(const Executor& executor, const ElementLoops& loops, std::int64_t count) {
  std::vector<T> numbers(static_cast<std::size_t>(count) * loops.data.size());
  std::size_t e = 0;
  loops.for_each([&](std::span<const std::int64_t> indices) {
    for (std::size_t k = 0; k < loops.data.size(); ++k) {
      numbers[k * static_cast<std::size_t>(count) + e] =
          static_cast<T>(indices[static_cast<std::size_t>(loops.data[k])]);
    }
    ++e;
  });
  return uploaded(executor, numbers);
}

/// The variables of each element, one element after the other.
template <class Index>
std::shared_ptr<const Array<Index>> table_of(const Executor& executor, const ElementLoops& loops, std::int64_t count) {
  std::vector<Index> entries;
  entries.reserve(static_cast<std::size_t>(count) * loops.variables.size());
  loops.for_each([&](std::span<const std::int64_t> indices) {
    for (const formula::Affine& variable : loops.variables) entries.push_back(static_cast<Index>(variable.at(indices)));
  });
  return uploaded(executor, entries);
}

std::string counted(std::int64_t count, const std::string& what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

void require_size(const char* call, const char* name, std::size_t found, std::int64_t expected) {
  if (static_cast<std::int64_t>(found) == expected) return;
  throw ShapeError(std::string(call) + ": " + name + " must have " + std::to_string(expected) + " numbers, found " +
                   std::to_string(found));
}

/// A vector as a batch of one.
template <class T>
BatchView<T> one(std::span<T> vector) {
  return {vector.data(), 1, static_cast<std::int64_t>(vector.size()), Layout::point_major};
}

}  // namespace

template <class T>
FormulaObjective<T>::FormulaObjective(const Executor& executor, const Formula& f, std::int64_t n)
    : variables_(n), formula_(f) {
  if (!f.data().empty()) {
    throw FormulaError("formula_objective: the formula has data; give them to element_sum");
  }
  if (f.outputs() != 1) {
    throw FormulaError("formula_objective: expected one output, the formula has " + std::to_string(f.outputs()));
  }
  if (n < 1) throw ShapeError("formula_objective: expected a number of variables, found " + std::to_string(n));
  if (!f.indexed() && n != f.dimension()) {
    detail::throw_dimension("formula_objective", static_cast<int>(f.dimension()), n);
  }
  formula::Terms terms = formula::terms_of(f.definition().syntax, n);
  for (ElementLoops& loops : terms.sums) {
    const std::int64_t count = loops.count();
    if (count == 0) continue;
    const auto slots = static_cast<std::int64_t>(loops.variables.size());
    std::shared_ptr<const Array<T>> numbers;
    BatchView<const T> data;
    if (!loops.data.empty()) {
      numbers = data_of<T>(executor, loops, count);
      data = {numbers->data(), count, static_cast<std::int64_t>(loops.data.size())};
    }
    const Formula element =
        part_of(f, names_of(f, loops.variables.size(), loops.data.size()), std::move(loops.element));
    description_ += "sum of " + counted(count, "element") + " of " + counted(slots, "variable");
    if (numbers) description_ += loops.data.size() == 1 ? ", with the index as data" : ", with the indices as data";
    if (const auto affine = loops.affine()) {
      parts_.push_back({element_sum<T>(executor, element, n, *affine, data), std::move(numbers)});
    } else {
      description_ += ", in a table";
      const auto add = [&]<class Index>(Index) {
        const auto table = table_of<Index>(executor, loops, count);
        const IndexTable<Index> entries{{table->data(), count, slots, Layout::point_major}};
        parts_.push_back({element_sum<T>(executor, element, n, entries, data),
                          std::make_shared<std::pair<decltype(table), decltype(numbers)>>(table, numbers)});
      };
      n <= std::numeric_limits<std::int32_t>::max() ? add(std::int32_t{}) : add(std::int64_t{});
    }
    description_ += '\n';
  }
  if (terms.rest) {
    formula::Syntax names = names_of(f, 0, 0);
    names.variables = f.variables();
    names.indexed = f.indexed();
    rest_ = parts_.empty() ? f : part_of(f, std::move(names), std::move(*terms.rest));
    refused_ = std::move(terms.refused);
    description_ += "one function of all variables: " + refused_ + '\n';
  }
}

template <class T>
void FormulaObjective<T>::set_parameter(std::string_view name, double value) {
  formula_.set_parameter(name, value);
  for (Part& part : parts_) part.sum.formula().set_parameter(name, value);
  if (rest_) rest_->set_parameter(name, value);
}

template <class T>
double FormulaObjective<T>::value(const Executor& executor, std::span<const T> x) const {
  double all = 0;
  if (rest_) {
    require_size("value", "x", x.size(), variables_);
    const Array<T> value(executor, 1);
    nabla::value<Formula, T>(executor, *rest_, one(x), {{value.data(), 1}});
    all = static_cast<double>(value.to_host().front());
  }
  for (const Part& part : parts_) all += part.sum.value(executor, x);
  return all;
}

template <class T>
double FormulaObjective<T>::value_and_gradient(const Executor& executor, std::span<const T> x,
                                               std::span<T> gradient) const {
  double all = 0;
  bool add = false;
  if (rest_) {
    require_size("value_and_gradient", "x", x.size(), variables_);
    require_size("value_and_gradient", "the gradient", gradient.size(), variables_);
    const Array<T> value(executor, 1);
    nabla::value_and_gradient<Formula, T>(executor, *rest_, one(x), {{value.data(), 1}, one(gradient)});
    all = static_cast<double>(value.to_host().front());
    add = true;
  }
  for (const Part& part : parts_) all += part.sum.value_and_gradient(executor, x, gradient, std::exchange(add, true));
  return all;
}

template <class T>
void FormulaObjective<T>::hessian_vector_product(const Executor& executor, std::span<const T> x, std::span<const T> v,
                                                 std::span<T> product) const {
  bool add = false;
  if (rest_) {
    require_size("hessian_vector_product", "x", x.size(), variables_);
    require_size("hessian_vector_product", "v", v.size(), variables_);
    require_size("hessian_vector_product", "the product", product.size(), variables_);
    rest_product(executor, x, v, product);
    add = true;
  }
  for (const Part& part : parts_) part.sum.hessian_vector_product(executor, x, v, product, std::exchange(add, true));
}

template <class T>
void FormulaObjective<T>::require_dense(const char* call) const {
  if (variables_ <= most_dense) return;
  throw FormulaError(std::string(call) + ": dense second derivatives go up to " + std::to_string(most_dense) +
                     " variables, and " + refused_);
}

template <class T>
template <class Use>
void FormulaObjective<T>::for_each_axis(const Executor& executor, Use use) const {
  const auto n = static_cast<std::size_t>(variables_);
  std::vector<T> zeros_around_one(2 * n - 1, T(0));
  zeros_around_one[n - 1] = 1;
  const auto axes = uploaded(executor, zeros_around_one);
  for (std::size_t j = 0; j < n; ++j) use(j, std::span<const T>(axes->data() + (n - 1 - j), n));
}

template <class T>
void FormulaObjective<T>::rest_product(const Executor& executor, std::span<const T> x, std::span<const T> v,
                                       std::span<T> product) const {
  nabla::hessian_vector_product<Formula, T>(executor, *rest_, one(x), one(v), {.product = one(product)});
}

template <class T>
void FormulaObjective<T>::hessian_diagonal(const Executor& executor, std::span<const T> x,
                                           std::span<T> diagonal) const {
  bool add = false;
  if (rest_) {
    require_dense("hessian_diagonal");
    require_size("hessian_diagonal", "x", x.size(), variables_);
    require_size("hessian_diagonal", "the diagonal", diagonal.size(), variables_);
    const Array<T> column(executor, variables_);
    for_each_axis(executor, [&](std::size_t j, std::span<const T> axis) {
      rest_product(executor, x, axis, {column.data(), diagonal.size()});
      detail::copy_bytes(executor, diagonal.data() + j, column.data() + j, sizeof(T));
    });
    add = true;
  }
  for (const Part& part : parts_) part.sum.hessian_diagonal(executor, x, diagonal, std::exchange(add, true));
}

template <class T>
const SparsePattern& FormulaObjective<T>::hessian_pattern() const {
  if (pattern_) return *pattern_;
  SparsePattern all;
  if (rest_) {
    require_dense("hessian_pattern");
    all.starts.push_back(0);
    for (std::int64_t row = 0; row < variables_; ++row) {
      for (std::int64_t column = 0; column < variables_; ++column) all.columns.push_back(column);
      all.starts.push_back(static_cast<std::int64_t>(all.columns.size()));
    }
  } else {
    for (const Part& part : parts_) {
      const SparsePattern& own = part.sum.hessian_pattern();
      all = all.starts.empty() ? own : detail::merge(all, own);
    }
  }
  pattern_ = std::make_shared<const SparsePattern>(std::move(all));
  return *pattern_;
}

template <class T>
void FormulaObjective<T>::hessian(const Executor& executor, std::span<const T> x, std::span<T> values) const {
  const SparsePattern& pattern = hessian_pattern();
  bool add = false;
  if (rest_) {
    require_size("hessian", "x", x.size(), variables_);
    require_size("hessian", "the Hessian", values.size(), static_cast<std::int64_t>(pattern.columns.size()));
    const auto n = static_cast<std::size_t>(variables_);
    for_each_axis(executor, [&](std::size_t j, std::span<const T> axis) {
      rest_product(executor, x, axis, values.subspan(j * n, n));  // column j, which is row j
    });
    add = true;
  }
  for (const Part& part : parts_) part.sum.hessian(executor, x, values, pattern, std::exchange(add, true));
}

template class FormulaObjective<float>;
template class FormulaObjective<double>;

}  // namespace nabla
