#pragma once

#include "arguments.hpp"
#include "function_registry.hpp"

#include <nabla/formula.hpp>

#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace nabla::cli {

/// The options that say which function.
struct FunctionOptions {
  void declare(Arguments& arguments);

  std::optional<std::string> function, formula, formula_file, dimension, variables;
  std::vector<std::string> parameters;
  std::vector<std::string> data;  // names of an element's, for commands that have sums
};

/// The function that a command is about: a built-in one or a formula.
class ChosenFunction {
 public:
  /// `more_texts`: others in which parameters may appear. Throws UsageError, FileError and FormulaError.
  explicit ChosenFunction(const FunctionOptions& options, std::span<const std::string> more_texts = {});

  const std::string& name() const { return name_; }
  const std::optional<Formula>& formula() const { return formula_; }
  /// The function as a formula; a built-in one's values are the same but for rounding.
  Formula as_formula() const { return formula_ ? *formula_ : Formula::parse(built_in_->info.formula); }
  /// All that were given, also those that appear in other texts only.
  const std::vector<std::pair<std::string, double>>& parameters() const { return parameters_; }
  std::int64_t outputs() const { return formula_ ? formula_->outputs() : 1; }
  const functions::DimensionRule& dimensions() const { return dimensions_; }
  /// The usual box of each variable.
  double low() const { return built_in_ != nullptr ? built_in_->info.low : -1; }
  double high() const { return built_in_ != nullptr ? built_in_->info.high : 1; }
  /// Throws UsageError, beginning with `argument`, unless there may be so many variables.
  void require_dimension(std::int64_t n, std::string_view argument) const;
  std::vector<std::string> variables(std::int64_t n) const;

  template <class T>
  void value(const Executor& where, BatchView<const T> x, ValueOutputs<T> out) const {
    if (formula_) return nabla::value<Formula, T>(where, *formula_, x, out);
    built_in_->operations<T>().value(where, x, out);
  }
  template <class T>
  void value_and_gradient(const Executor& where, BatchView<const T> x, Outputs<T> out) const {
    if (formula_) return nabla::value_and_gradient<Formula, T>(where, *formula_, x, out);
    built_in_->operations<T>().value_and_gradient(where, x, out);
  }
  template <class T>
  void directional_derivative(const Executor& where, BatchView<const T> x, BatchView<const T> direction,
                              DirectionalOutputs<T> out) const {
    if (formula_) return nabla::directional_derivative<Formula, T>(where, *formula_, x, direction, out);
    built_in_->operations<T>().directional_derivative(where, x, direction, out);
  }
  template <class T>
  void hessian_vector_product(const Executor& where, BatchView<const T> x, BatchView<const T> direction,
                              HessianProductOutputs<T> out) const {
    if (formula_) return nabla::hessian_vector_product<Formula, T>(where, *formula_, x, direction, out);
    built_in_->operations<T>().hessian_vector_product(where, x, direction, out);
  }
  template <class T>
  void hessian(const Executor& where, BatchView<const T> x, HessianOutputs<T> out) const {
    if (formula_) return nabla::hessian<Formula, T>(where, *formula_, x, out);
    built_in_->operations<T>().hessian(where, x, out);
  }
  template <class T>
  EachReport minimize_each(const Executor& where, BatchView<const T> starts, const EachOutputs<T>& out,
                           const EachOptions& options) const {
    if (formula_) return nabla::minimize_each<Formula, T>(where, *formula_, starts, out, options);
    return built_in_->operations<T>().minimize_each(where, starts, out, options);
  }
  /// Of formulas with several outputs.
  template <class T>
  void jacobian(const Executor& where, BatchView<const T> x, JacobianOutputs<T> out) const {
    nabla::jacobian<T>(where, formula_.value(), x, out);
  }
  /// The first stage of a gradient check (nabla/check.hpp).
  void screen(const Executor& where, const detail::LadderPlan<double>& plan,
              const detail::Request<double>& request) const;
  /// Of functions with one output; formulas have no kernel for it.
  bool has_screen(const Executor& where) const { return outputs() == 1 && !(formula_ && where.is_cuda()); }

 private:
  std::string name_;
  functions::DimensionRule dimensions_;
  const BuiltInFunction* built_in_ = nullptr;  // or
  std::optional<Formula> formula_;
  std::vector<std::pair<std::string, double>> parameters_;
};

/// What `auto` means where there are formulas, or none: they get kernels only where there is NVRTC.
std::string automatic_executor(bool formulas);

}  // namespace nabla::cli
