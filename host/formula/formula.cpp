#include "cuda/kernels.hpp"
#include "definition.hpp"
#include "generate.hpp"
#include "interpret.hpp"
#include "print.hpp"

#include <nabla/detail/program_body.hpp>
#include <nabla/formula.hpp>

#include <algorithm>
#include <chrono>

namespace nabla {

Formula::Formula(std::shared_ptr<const formula::Definition> definition, std::vector<double> values)
    : definition_(std::move(definition)), values_(std::make_shared<const std::vector<double>>(std::move(values))) {}

Formula Formula::parse(std::string_view text, const FormulaOptions& options) {
  std::vector<std::string> names;
  std::vector<double> values;
  for (const auto& [name, value] : options.parameters) {
    names.push_back(name);
    values.push_back(value);
  }
  if (options.engine == FormulaEngine::machine_code && !formula::why_no_machine_code().empty()) {
    throw ExecutorUnavailable("formulas can't be compiled: " + formula::why_no_machine_code());
  }
  formula::Syntax syntax = formula::parse(text, options.variables, names, options.comments, options.data);
  return {std::make_shared<const formula::Definition>(std::move(syntax), options.engine), values};
}

Formula formula::with_definition(std::shared_ptr<const Definition> definition, std::vector<double> parameters) {
  return {std::move(definition), std::move(parameters)};
}

const std::string& Formula::text() const { return definition_->syntax.text; }
const std::vector<std::string>& Formula::variables() const { return definition_->syntax.variables; }
bool Formula::indexed() const { return definition_->syntax.indexed; }
std::int64_t Formula::dimension() const { return indexed() ? 0 : static_cast<std::int64_t>(variables().size()); }
std::int64_t Formula::outputs() const { return static_cast<std::int64_t>(definition_->syntax.outputs.size()); }
const std::vector<std::string>& Formula::data() const { return definition_->syntax.data; }
const std::vector<std::string>& Formula::parameters() const { return definition_->syntax.parameters; }

namespace {

std::size_t parameter_place(const std::vector<std::string>& names, std::string_view name) {
  const auto found = std::ranges::find(names, name);
  if (found == names.end()) throw FormulaError("the formula has no parameter '" + std::string(name) + "'");
  return static_cast<std::size_t>(found - names.begin());
}

}  // namespace

double Formula::parameter(std::string_view name) const { return (*values_)[parameter_place(parameters(), name)]; }

void Formula::set_parameter(std::string_view name, double value) {
  auto values = std::make_shared<std::vector<double>>(*values_);
  (*values)[parameter_place(parameters(), name)] = value;
  values_ = std::move(values);
}

namespace {

/// A formula written out for n variables, and an output of it that exists.
struct WrittenOut {
  formula::Lowered lowered;
  formula::NodeId output;
  std::int64_t n;
};
WrittenOut write_out(const Formula& f, std::int64_t output, std::int64_t n, bool repetitions) {
  if (output < 0 || output >= f.outputs()) {
    throw FormulaError("the formula has " + std::to_string(f.outputs()) + " outputs, asked for number " +
                       std::to_string(output));
  }
  if (!f.indexed()) n = f.dimension();
  if (n < 1) throw FormulaError("an indexed formula needs a number of variables");
  const formula::Syntax& syntax = f.definition().syntax;
  WrittenOut made{formula::lower(syntax, n, repetitions ? 0 : formula::most_written_terms), 0, n};
  const auto nodes = formula::nodes_at_home(made.lowered.graph, made.lowered.outputs, -1);
  const auto is_loop = [&](formula::NodeId id) { return formula::is_repetition(made.lowered.graph[id].op); };
  if (!repetitions && std::ranges::any_of(nodes, is_loop)) {
    throw FormulaError("the formula's repetitions have more terms than can be written out, which are " +
                       std::to_string(formula::most_written_terms));
  }
  made.output = made.lowered.outputs[static_cast<std::size_t>(output)];
  return made;
}

/// The n derivatives of a node that has no repetitions in it; no_node is 0.
std::vector<formula::NodeId> derivatives(formula::Graph& graph, formula::NodeId root, std::int64_t n) {
  std::vector<formula::NodeId> found(static_cast<std::size_t>(n), graph.number(0));
  for (const auto& [target, value] : formula::gradient(graph, root).contributions) {
    formula::NodeId& sum = found[static_cast<std::size_t>(target.constant)];
    sum = graph.add(sum, value);
  }
  return found;
}

}  // namespace

std::string Formula::value_text(std::int64_t output, std::int64_t n, Notation notation) const {
  const WrittenOut f = write_out(*this, output, n, true);
  return formula::print(f.lowered.graph, f.output, definition_->syntax, notation);
}

std::vector<std::string> Formula::gradient_text(std::int64_t output, std::int64_t n, Notation notation) const {
  WrittenOut f = write_out(*this, output, n, false);
  std::vector<std::string> texts;
  for (const formula::NodeId derivative : derivatives(f.lowered.graph, f.output, f.n)) {
    texts.push_back(formula::print(f.lowered.graph, derivative, definition_->syntax, notation));
  }
  return texts;
}

std::vector<std::string> Formula::hessian_text(std::int64_t output, std::int64_t n, Notation notation) const {
  WrittenOut f = write_out(*this, output, n, false);
  std::vector<std::string> texts;
  for (const formula::NodeId first : derivatives(f.lowered.graph, f.output, f.n)) {
    for (const formula::NodeId second : derivatives(f.lowered.graph, first, f.n)) {
      texts.push_back(formula::print(f.lowered.graph, second, definition_->syntax, notation));
    }
  }
  return texts;
}

std::string Formula::source(const std::string& name, std::int64_t n) const {
  if (outputs() != 1)
    throw FormulaError("source can be made of formulas with one output, this one has " + std::to_string(outputs()));
  if (!data().empty()) throw FormulaError("source can be made of formulas without data");
  if (!indexed()) n = dimension();
  if (n < 1) throw FormulaError("an indexed formula needs a number of variables");
  return formula::generate(definition_->syntax, n, *values_, name);
}

namespace detail {

namespace {

using formula::Task;

// What the bodies of evaluate.hpp are as tasks of a formula, and what kernels call them.
struct Form {
  Task task;
  const char* name;
};
using F = Formula;
template <int N>
constexpr Form form(std::type_identity<ValueBody<F, N>>) {
  return {Task::value, "ValueBody"};
}
template <int N>
constexpr Form form(std::type_identity<GradientBody<F, N>>) {
  return {Task::gradient, "GradientBody"};
}
template <int N>
constexpr Form form(std::type_identity<SteepestAscentBody<F, N>>) {
  return {Task::gradient, "SteepestAscentBody"};
}
template <int N>
constexpr Form form(std::type_identity<ClippedGradientBody<F, N>>) {
  return {Task::gradient, "ClippedGradientBody"};
}
template <int N>
constexpr Form form(std::type_identity<DirectionalBody<F, N>>) {
  return {Task::directional, "DirectionalBody"};
}
template <int N>
constexpr Form form(std::type_identity<HessianProductBody<F, N>>) {
  return {Task::hessian_product, "HessianProductBody"};
}
template <int N>
constexpr Form form(std::type_identity<HessianBody<F, N>>) {
  return {Task::hessian, "HessianBody"};
}
constexpr Form form(std::type_identity<FormulaJacobianBody>) { return {Task::jacobian, "ProgramJacobianBody"}; }
template <class Body>
constexpr Task task_of = form(std::type_identity<Body>()).task;

template <class Body>
Rows rows_of(const Body& body, std::int64_t n) {
  if constexpr (std::same_as<Body, FormulaJacobianBody>) {
    return {{body.f.outputs(), body.f.outputs() * n, 0}};
  } else {
    return Body::rows(n);
  }
}

template <class Body>
constexpr bool completes = false;
template <int N>
constexpr bool completes<HessianBody<F, N>> = true;
template <int N>
constexpr bool completes<SteepestAscentBody<F, N>> = true;
template <int N>
constexpr bool completes<ClippedGradientBody<F, N>> = true;

/// Points [first, first + points) of a tile after the program, while they are in the first-level cache: what is left of
/// the mathematics, the copy past the caches if the program did not make it, the statistics.
template <class T, class Body>
void finish_block(const Body& body, const Rows& rows, const Tile<T>& tile, bool copies, std::int64_t first,
                  std::int64_t points) {
  using X = Lanes<T>;
  Tile<T> without_copy = tile;
  std::ranges::fill(without_copy.copy, nullptr);
  PackOutput<X, T> results(rows, without_copy), out(rows, tile);
  for (std::int64_t p = first; p < first + points; p += lanes_in<X, T>) {
    results.p = out.p = p;
    complete<X>(body, results, tile.dimension);
    for (std::int64_t row = 0; copies && row < rows.total(); ++row) out.store_copy(row, results.load(row));
    if (tile.extent != nullptr) add_pack(*tile.extent, results, p, Body::has_gradient ? tile.dimension : 0);
  }
}

template <class T, class Body>
void interpret_tile(const Body& body, const formula::Compiled& compiled, const Tile<T>& tile) {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  const Rows rows = rows_of(body, tile.dimension);
  const std::int64_t block = formula::block_points<T>(compiled.program);
  const bool copies = std::ranges::any_of(tile.copy, [](const T* copy) { return copy != nullptr; });
  for (std::int64_t first = 0; first < tile.count; first += block) {
    const std::int64_t points = std::min(block, tile.count - first);
    formula::interpret<T>(compiled.program, body.f.parameter_values(), PackOutput<Lanes<T>, T>(rows, tile), tile, first,
                          points);
    if (copies || completes<Body> || tile.extent != nullptr) finish_block(body, rows, tile, copies, first, points);
  }
  if (body.f.definition().engine == FormulaEngine::automatic) compiled.interpreted<T>(Clock::now() - start, rows);
}

template <class T, class Body>
void run_code_on_tile(const Body& body, formula::TileCode<T> code, const Tile<T>& tile) {
  const double* const parameters = body.f.parameter_values().data();
  if (!completes<Body> && tile.extent == nullptr) return code(&tile, parameters, 0, tile.count);
  // The code makes the copies, unless what it computes is not yet what is wanted.
  Tile<T> for_code = tile;
  if (completes<Body>) std::ranges::fill(for_code.copy, nullptr);
  constexpr std::int64_t block = 128;
  for (std::int64_t first = 0; first < tile.count; first += block) {
    const std::int64_t points = std::min(block, tile.count - first);
    code(&for_code, parameters, first, points);
    finish_block(body, rows_of(body, tile.dimension), tile, completes<Body>, first, points);
  }
}

template <class T, class Body>
void formula_tile(const void* erased_body, const Tile<T>& tile) {
  const Body& body = *static_cast<const Body*>(erased_body);
  const formula::Definition& definition = body.f.definition();
  const formula::Compiled& compiled = definition.compiled(task_of<Body>, tile.dimension);
  if (definition.engine == FormulaEngine::machine_code ||
      (definition.engine == FormulaEngine::automatic && !formula::interprets_as_compiled())) {
    compiled.make_code<T>(rows_of(body, tile.dimension), true);
  }
  if (const formula::TileCode<T> code = compiled.code<T>()) {
    run_code_on_tile<T>(body, code, tile);
  } else {
    interpret_tile<T>(body, compiled, tile);
  }
}

template <class T, class Body>
void formula_launch(const void* erased_body, const CudaLaunch<T>& launch) {
  const Body& body = *static_cast<const Body*>(erased_body);
  constexpr auto form_of_body = form(std::type_identity<Body>());
  const std::int64_t n = launch.request.points.components;
  formula::cuda::Call call{form_of_body.name,
                           form_of_body.task,
                           n,
                           n * (Body::needs_extra ? 2 : 1) + rows_of(body, n).total(),
                           body.f.parameter_values(),
                           {}};
  if constexpr (requires { body.threshold; }) call.options = std::as_bytes(std::span(&body.threshold, 1));
  formula::cuda::launch(body.f.definition(), call, launch);
}

template <class T, class Body>
void formula_launch_each(const void* erased_body, const EachLaunch<T>& launch) {
  const Body& body = *static_cast<const Body*>(erased_body);
  constexpr auto form_of_body = form(std::type_identity<Body>());
  const std::int64_t n = launch.request.starts.components;
  formula::cuda::launch_each(
      body.f.definition(),
      {form_of_body.name, form_of_body.task, n, rows_of(body, n).total(), body.f.parameter_values(), {}}, launch);
}
template <class T, class Body>
constexpr auto formula_launch_each_of() -> void (*)(const void*, const EachLaunch<T>&) {
  if constexpr (task_of<Body> == Task::hessian || std::same_as<Body, GradientBody<Formula, dynamic>>) {
    return &formula_launch_each<T, Body>;
  } else {
    return nullptr;
  }
}

/// The operation on a tile that has the data too, if there are some.
template <class T, class Body>
Operation<T> tile_operation(const char* name, const Body& body, std::int64_t n, const char* second, const char* third) {
  const Formula& f = body.f;
  if (!f.indexed() && n != f.dimension()) throw_dimension(name, static_cast<int>(f.dimension()), n);
  if (f.outputs() != 1 && task_of<Body> != Task::jacobian) {
    throw ShapeError(std::string(name) + ": the formula has " + std::to_string(f.outputs()) +
                     " outputs; the operation for those is jacobian");
  }
  f.definition().compiled(task_of<Body>, n);  // before the threads want it; throws where the formula makes no sense
  Operation<T> made{name,
                    &body,
                    n,
                    rows_of(body, n),
                    {"value", second, third},
                    Body::has_gradient,
                    Body::needs_extra,
                    std::max<int>(lanes_in<Lanes<T>, T>, formula::machine_lanes<T>()),
                    &formula_tile<T, Body>,
                    &formula_launch<T, Body>};
  made.launch_each = formula_launch_each_of<T, Body>();
  return made;
}

}  // namespace

template <class T, class Body>
Operation<T> formula_operation(const char* name, const Body& body, std::int64_t n, const char* second,
                               const char* third) {
  const std::vector<std::string>& data = body.f.data();
  if (!data.empty()) {
    std::string names = data.front();
    for (std::size_t k = 1; k < data.size(); ++k) names += ", " + data[k];
    throw FormulaError(std::string(name) + ": points have no data, which the formula has (" + names +
                       "); it is an element of a sum, see element_sum");
  }
  return tile_operation<T>(name, body, n, second, third);
}

template <class T, class Body>
Operation<T> formula_element_operation(const char* name, const Body& body, std::int64_t n) {
  return tile_operation<T>(name, body, n, "", "");
}

template <class T>
void launch_formula_elements(const void* formula, const ElementLaunch<T>& launch) {
  const Formula& f = *static_cast<const Formula*>(formula);
  formula::cuda::launch_elements(f.definition(), f.parameter_values(), launch);
}
template void launch_formula_elements(const void*, const ElementLaunch<float>&);
template void launch_formula_elements(const void*, const ElementLaunch<double>&);

std::int64_t variables_of_element(const Formula& f, std::int64_t touched) {
  constexpr std::int64_t most = 32;
  const std::int64_t n = f.indexed() ? touched : f.dimension();
  if (n < 1 || n > most) {
    throw FormulaError("element sum: an element has between 1 and " + std::to_string(most) +
                       " variables, the formula has " + std::to_string(n));
  }
  if (f.outputs() != 1) {
    throw FormulaError("element sum: an element has one output, the formula has " + std::to_string(f.outputs()));
  }
  return n;
}

#define NABLA_INSTANTIATE_ELEMENT(T, ...) \
  template Operation<T> formula_element_operation(const char*, const __VA_ARGS__&, std::int64_t);
#define NABLA_INSTANTIATE_ELEMENTS(T)                                \
  NABLA_INSTANTIATE_ELEMENT(T, ValueBody<Formula, dynamic>)          \
  NABLA_INSTANTIATE_ELEMENT(T, GradientBody<Formula, dynamic>)       \
  NABLA_INSTANTIATE_ELEMENT(T, HessianProductBody<Formula, dynamic>) \
  NABLA_INSTANTIATE_ELEMENT(T, HessianBody<Formula, dynamic>)        \
  NABLA_INSTANTIATE_ELEMENT(T, FormulaJacobianBody)
NABLA_INSTANTIATE_ELEMENTS(float)
NABLA_INSTANTIATE_ELEMENTS(double)

#define NABLA_INSTANTIATE(T, ...) \
  template Operation<T> formula_operation(const char*, const __VA_ARGS__&, std::int64_t, const char*, const char*);
#define NABLA_INSTANTIATE_ALL(T)                              \
  NABLA_INSTANTIATE(T, ValueBody<Formula, dynamic>)           \
  NABLA_INSTANTIATE(T, GradientBody<Formula, dynamic>)        \
  NABLA_INSTANTIATE(T, DirectionalBody<Formula, dynamic>)     \
  NABLA_INSTANTIATE(T, HessianProductBody<Formula, dynamic>)  \
  NABLA_INSTANTIATE(T, HessianBody<Formula, dynamic>)         \
  NABLA_INSTANTIATE(T, SteepestAscentBody<Formula, dynamic>)  \
  NABLA_INSTANTIATE(T, ClippedGradientBody<Formula, dynamic>) \
  NABLA_INSTANTIATE(T, FormulaJacobianBody)
NABLA_INSTANTIATE_ALL(float)
NABLA_INSTANTIATE_ALL(double)

}  // namespace detail
}  // namespace nabla
