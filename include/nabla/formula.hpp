#pragma once

#include <nabla/error.hpp>
#include <nabla/evaluate.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Functions given as text. A Formula can stand wherever a C++ functor can:
//     const auto f = nabla::Formula::parse("x^2*y + sin(x*y)");
//     nabla::value_and_gradient(where, f, points);
// The grammar is in docs/formulas.md.

namespace nabla {

class Formula;

namespace formula {
struct Definition;
/// A formula with values of its parameters.
Formula with_definition(std::shared_ptr<const Definition> definition, std::vector<double> parameters);
}  // namespace formula

/// What runs a formula on CPUs. All give the same bits where the library is compiled for a processor with FMA;
/// elsewhere machine code rounds less often.
enum class FormulaEngine {
  /// Interprets, and makes machine code when a formula has run for as long as that takes (without FMA: at once). That
  /// happens within a call, of which one thread then makes the code: 5 ms, up to 2 s for the longest programs.
  automatic,
  interpreter,
  /// Made before the first point, but for programs of more than 20,000 instructions, which are interpreted. Throws
  /// ExecutorUnavailable where there is no compiler.
  machine_code,
};

struct FormulaOptions {
  /// In this order; empty: in order of first appearance. Names that never appear are allowed.
  std::vector<std::string> variables = {};
  /// Names that are not differentiated, with their values.
  std::vector<std::pair<std::string, double>> parameters = {};
  /// Names of numbers that each element of a sum has its own of, and that are not differentiated (element_sum.hpp): the
  /// columns of its data, in this order. Names that never appear are allowed.
  std::vector<std::string> data = {};
  /// Whether # begins a comment, as in files.
  bool comments = false;
  FormulaEngine engine = FormulaEngine::automatic;
};

enum class Notation { text, latex };

/// Cheap to copy: copies share what was parsed and compiled, but each has its own values of the parameters. On CUDA a
/// formula need not outlive the work that was enqueued with it, nor graphs: the code stays until the program ends.
class Formula {
 public:
  static constexpr bool unrolled = false;
  static constexpr bool vectorizable = true;

  /// Throws FormulaError.
  static Formula parse(std::string_view text, const FormulaOptions& options = {});

  const std::string& text() const;
  /// In order; a single name if indexed().
  const std::vector<std::string>& variables() const;
  /// Whether the variables are x[1] … x[n] of a single name. Then n is the points'.
  bool indexed() const;
  /// The number of variables; 0 if indexed().
  std::int64_t dimension() const;
  /// m of F: R^n -> R^m; 1 for most.
  std::int64_t outputs() const;

  /// Names of the data. A formula that has some is an element of a sum and no function of points.
  const std::vector<std::string>& data() const;
  const std::vector<std::string>& parameters() const;
  double parameter(std::string_view name) const;
  /// Costs nothing but the assignment: no code depends on the value. Throws FormulaError for an unknown name.
  void set_parameter(std::string_view name, double value);

  /// What the formula and its derivatives are, simplified. As text each parses to the same function again. For an
  /// indexed formula n says how many variables there are; its derivatives are written out term by term.
  /// Throws FormulaError where that takes too many terms.
  std::string value_text(std::int64_t output = 0, std::int64_t n = 0, Notation notation = Notation::text) const;
  std::vector<std::string> gradient_text(std::int64_t output = 0, std::int64_t n = 0,
                                         Notation notation = Notation::text) const;
  /// Row by row, n * n.
  std::vector<std::string> hessian_text(std::int64_t output = 0, std::int64_t n = 0,
                                        Notation notation = Notation::text) const;

  /// The formula for n variables as C++: a functor with its gradient, for nabla's own templates, on CPUs and in CUDA.
  /// Parameters are members with their values. Throws FormulaError unless the formula has one output.
  std::string source(const std::string& name = "Function", std::int64_t n = 0) const;

  const formula::Definition& definition() const { return *definition_; }
  const std::vector<double>& parameter_values() const { return *values_; }

 private:
  friend Formula formula::with_definition(std::shared_ptr<const formula::Definition>, std::vector<double>);
  Formula(std::shared_ptr<const formula::Definition> definition, std::vector<double> values);

  std::shared_ptr<const formula::Definition> definition_;
  std::shared_ptr<const std::vector<double>> values_;  // of the parameters; shared until one is set
};

/// A formula is asked for its number of variables when it is called.
template <>
constexpr int dimension_of<Formula>() {
  return dynamic;
}
template <>
inline int dimension_at_run_time(const Formula& f) {
  return f.indexed() ? dynamic : static_cast<int>(f.dimension());
}

namespace detail {

/// F and its Jacobian for a formula with m outputs, which JacobianBody would have to know while compiling.
struct FormulaJacobianBody {
  Formula f;
  static constexpr bool needs_extra = false;
  static constexpr bool has_gradient = false;
};

/// An operation on a formula. Throws FormulaError where the formula makes no sense for n variables.
/// Instantiated for the bodies of evaluate.hpp's operations on formulas and for FormulaJacobianBody.
template <class T, class Body>
Operation<T> formula_operation(const char* name, const Body& body, std::int64_t n, const char* second,
                               const char* third);

template <class T, class Body>
requires std::same_as<decltype(Body::f), Formula> Operation<T> operation_of(const char* name, const Body& body,
                                                                            std::int64_t n, const char* second,
                                                                            const char* third) {
  return formula_operation<T>(name, body, n, second, third);
}

/// An operation on a formula as an element of a sum: for the bodies of ElementSum.
template <class T, class Body>
Operation<T> formula_element_operation(const char* name, const Body& body, std::int64_t n);

template <class T>
struct ElementLaunch;
/// Enqueues a pass over elements that are a Formula, compiling what it needs if it is the first of its kind. Throws as
/// operations on formulas do.
template <class T>
void launch_formula_elements(const void* formula, const ElementLaunch<T>& launch);
extern template void launch_formula_elements(const void*, const ElementLaunch<float>&);
extern template void launch_formula_elements(const void*, const ElementLaunch<double>&);

/// The variables of a formula as an element; `touched`: those of an element of the connectivity, for indexed ones.
/// Throws FormulaError for more than 32, or several outputs.
std::int64_t variables_of_element(const Formula& f, std::int64_t touched);

template <class T>
struct LadderPlan;

/// LadderBody's work for a formula (detail/ladder.hpp).
template <class T>
struct FormulaLadder {
  const Formula& f;
  const LadderPlan<T>& plan;
  Operation<T> value;
};
/// Whether it can be done on an executor; on CUDA devices not for very long formulas.
bool has_ladder(const Executor& executor, const Formula& f, std::int64_t n);
template <class T>
Operation<T> formula_ladder(const FormulaLadder<T>& body);
extern template Operation<double> formula_ladder(const FormulaLadder<double>&);

}  // namespace detail

/// As jacobian() in evaluate.hpp, for a formula with outputs() outputs.
template <class T>
void jacobian(const Executor& executor, const Formula& f, std::type_identity_t<BatchView<const T>> points,
              JacobianOutputs<T> out) {
  const detail::FormulaJacobianBody body{f};
  detail::run<T>(executor, detail::formula_operation<T>("jacobian", body, points.components, "jacobian", ""),
                 {points, {}, {out.value, out.jacobian, {}}, nullptr});
}
template <class T>
Jacobians<T> jacobian(const Executor& executor, const Formula& f, const Points<T>& points) {
  Batch<T> values(executor, points.count(), f.outputs(), points.layout());
  Batch<T> jacobians(executor, points.count(), f.outputs() * points.components(), points.layout());
  jacobian<T>(executor, f, points, JacobianOutputs<T>{values, jacobians});
  executor.synchronize();
  return {std::move(values), std::move(jacobians)};
}

}  // namespace nabla
