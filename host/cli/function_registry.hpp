#pragma once

#include <nabla/evaluate.hpp>
#include <nabla/functions/info.hpp>
#include <nabla/minimize_each.hpp>

#include <span>
#include <string>
#include <string_view>
#include <vector>

// The built-in functions behind one type, so that commands are compiled once and not once per function. The templates
// are instantiated in registry/*.cpp, as CUDA where CUDA is built: nothing heavy belongs into this header.

namespace nabla::detail {
template <class T>
struct LadderPlan;  // ladder.hpp
}

namespace nabla::cli {

/// One function's operations in one precision; see nabla/evaluate.hpp.
template <class T>
struct Operations {
  using Points = BatchView<const T>;
  void (*value)(const Executor&, Points, ValueOutputs<T>);
  void (*value_and_gradient)(const Executor&, Points, Outputs<T>);
  void (*directional_derivative)(const Executor&, Points, Points direction, DirectionalOutputs<T>);
  void (*hessian_vector_product)(const Executor&, Points, Points direction, HessianProductOutputs<T>);
  void (*hessian)(const Executor&, Points, HessianOutputs<T>);
  EachReport (*minimize_each)(const Executor&, Points, const EachOutputs<T>&, const EachOptions&);
  /// The first stage of a gradient check (nabla/check.hpp). Null in f32: differences are taken in f64.
  void (*screen)(const Executor&, const detail::LadderPlan<T>&, const detail::Request<T>&);
};

struct BuiltInFunction {
  functions::FunctionInfo info;
  double (*minimum_value)(std::int64_t n);           // NaN where unknown
  std::vector<double> (*minimizer)(std::int64_t n);  // empty where unknown
  Operations<float> f32;
  Operations<double> f64;

  template <class T>
  const Operations<T>& operations() const {
    if constexpr (sizeof(T) == 4) {
      return f32;
    } else {
      return f64;
    }
  }
};

/// All of them, in the order of functions::All.
std::span<const BuiltInFunction> built_in_functions();

/// Throws UsageError that begins with `argument` and names the nearest one.
const BuiltInFunction& find_function(std::string_view argument, std::string_view name);

namespace registry {

/// The functions are compiled in so many parts; function k belongs to part k % parts.
inline constexpr int parts = 4;

/// Fills in the places of the functions of one part.
template <class T, int Part>
void fill(std::span<Operations<T>> operations);

}  // namespace registry
}  // namespace nabla::cli
