#pragma once

#include <nabla/element_sum.hpp>
#include <nabla/formula.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// A formula of very many variables as an objective:
//
//     const auto f = nabla::Formula::parse("sum(i, 1, n-1, 100*(x[i+1] - x[i]^2)^2 + (1 - x[i])^2)");
//     const auto objective = nabla::formula_objective<double>(where, f, 1'000'000);
//     const double value = objective.value_and_gradient(where, x, gradient);
//
// Its terms become sums of elements (element_sum.hpp): each sum(…) whose body reads up to 32 variables, at indices that
// are affine in the running ones, sums inside sums, and terms without a sum. Terms may be multiplied with and divided
// by what does not vary. Whatever else the formula adds up, such as squares of sums, is one function of all variables;
// that is right but runs on one thread, of a GPU too, and its second derivatives take a product for each variable.
// docs/formulas.md says more.
//
// An objective is for executors of the kind that it was made with, on the same device; vectors are in the executor's
// memory.

namespace nabla {

/// See above; made by formula_objective(). Copies share the data and tables, and each has its own values of the
/// parameters. Throws as ElementSum does.
template <class T>
class FormulaObjective {
 public:
  using Scalar = T;

  /// Throws FormulaError where the formula makes no sense for n variables, has several outputs or data.
  FormulaObjective(const Executor& executor, const Formula& f, std::int64_t n);

  std::int64_t variables() const { return variables_; }
  double parameter(std::string_view name) const { return formula_.parameter(name); }
  void set_parameter(std::string_view name, double value);

  double value(const Executor& executor, std::span<const T> x) const;
  /// Fills all of `gradient`.
  double value_and_gradient(const Executor& executor, std::span<const T> x, std::span<T> gradient) const;
  /// product = H(x) v.
  void hessian_vector_product(const Executor& executor, std::span<const T> x, std::span<const T> v,
                              std::span<T> product) const;

  // These throw FormulaError where a part that is no sum of elements has more than most_dense variables.
  static constexpr std::int64_t most_dense = 4096;
  void hessian_diagonal(const Executor& executor, std::span<const T> x, std::span<T> diagonal) const;
  /// Where the Hessian has entries; looked for at the first call.
  const SparsePattern& hessian_pattern() const;
  /// The Hessian's entries in the order of hessian_pattern().
  void hessian(const Executor& executor, std::span<const T> x, std::span<T> values) const;

  /// The sums that were found, a line for each: "sum of 999999 elements of 2 variables", "… in a table", "… with the
  /// index as data"; and which part is none of them, and why.
  const std::string& description() const { return description_; }
  /// Whether all of the formula is sums of elements.
  bool is_sum() const { return !rest_; }

 private:
  struct Part {
    ElementSum<T, Formula> sum;
    std::shared_ptr<const void> owned;  // its data and table
  };
  void require_dense(const char* call) const;
  /// Calls use(j, the unit vector along variable j, in the executor's memory) for each variable.
  template <class Use>
  void for_each_axis(const Executor& executor, Use use) const;
  void rest_product(const Executor& executor, std::span<const T> x, std::span<const T> v, std::span<T> product) const;

  std::int64_t variables_;
  Formula formula_;
  std::vector<Part> parts_;
  std::optional<Formula> rest_;
  std::string description_, refused_;
  mutable std::shared_ptr<const SparsePattern> pattern_;
};
extern template class FormulaObjective<float>;
extern template class FormulaObjective<double>;

/// A formula in n variables as an objective. Copies indices that tables or bodies need to memory of the executor.
template <class T>
FormulaObjective<T> formula_objective(const Executor& executor, const Formula& f, std::int64_t n) {
  return {executor, f, n};
}

}  // namespace nabla
