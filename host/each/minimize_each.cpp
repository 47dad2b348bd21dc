#include <nabla/detail/each_method.hpp>
#include <nabla/minimize_each.hpp>

#include "../checks.hpp"
#include "../cpu/each.hpp"
#include "cuda.hpp"
#include "task.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <sstream>

// From many starts and what is wanted of them to descents.

namespace nabla {

namespace detail {

namespace {

constexpr std::int64_t most_with_matrix = 16;

[[noreturn]] void refuse(const std::string& what) { throw Error("minimize_each: " + what); }

template <class Found>
void require(bool right, const char* name, const char* expected, Found found) {
  if (right) return;
  std::ostringstream text;
  text << name << " must be " << expected << ", found " << found;
  refuse(text.str());
}

EachMethod method_of(const EachOptions& options) {
  if (const auto method = each_method(options.method, options.step > 0)) return *method;
  refuse(std::string(name_of(options.method)) +
         " is not among its methods; expected gradient, heavy_ball, nesterov, barzilai_borwein, bfgs, lbfgs, newton_cg "
         "or levenberg_marquardt");
}

void require(const EachOptions& o, std::int64_t n) {
  const bool fixed = o.step > 0;
  const std::string method = name_of(o.method);
  const EachMethod chosen = method_of(o);
  constexpr const char* tolerance = "0 or more, and finite";
  const auto is_tolerance = [](double number) { return number >= 0 && std::isfinite(number); };
  if (n < 1) refuse("the function must have one variable or more, found 0");
  const bool keeps_matrix =
      chosen == EachMethod::bfgs || chosen == EachMethod::newton || chosen == EachMethod::levenberg_marquardt;
  if (keeps_matrix && n > most_with_matrix) {
    refuse(method + " keeps a matrix for each start, for up to " + std::to_string(most_with_matrix) +
           " variables; found " + std::to_string(n) + ", for which there is lbfgs");
  }
  // Rows of a start's state are counted by int.
  const std::int64_t most = std::numeric_limits<int>::max() / (2 * (std::clamp(o.memory, 1, 64) + 5));
  if (n > most) {
    refuse("many starts are of up to " + std::to_string(most) + " variables, found " + std::to_string(n) +
           ", for which there is minimize()");
  }
  require(o.step >= 0 && std::isfinite(o.step), "step", "positive, or 0 for a line search", o.step);
  if (fixed && chosen >= EachMethod::barzilai_borwein) refuse(method + " finds its steps itself; expected step 0");
  require(o.memory >= 1 && o.memory <= 64, "memory", "1 to 64 pairs", o.memory);
  require(o.momentum < 1, "momentum", "less than 1", o.momentum);
  require(o.clip > 0, "clip", "positive", o.clip);
  if (std::isfinite(o.clip) && !fixed) {
    refuse("clip is for fixed steps, and " + method + " with a line search has none");
  }
  require(is_tolerance(o.gradient_tolerance), "gradient_tolerance", tolerance, o.gradient_tolerance);
  require(is_tolerance(o.relative_gradient_tolerance) && o.relative_gradient_tolerance < 1,
          "relative_gradient_tolerance", "0 or more, and less than 1", o.relative_gradient_tolerance);
  require(is_tolerance(o.relative_tolerance), "relative_tolerance", tolerance, o.relative_tolerance);
  require(!std::isnan(o.target), "target", "a number", o.target);
  require(o.max_iterations >= 0, "max_iterations", "0 or more", o.max_iterations);
  require(o.max_evaluations >= 1, "max_evaluations", "1 or more", o.max_evaluations);
}

/// Whether a variable may have this bound: infinity is for those that have none on that side.
template <class T>
void require_bounds(const char* name, const std::vector<double>& bounds, std::int64_t n, double none) {
  const auto found = static_cast<std::int64_t>(bounds.size());
  if (found != 0 && found != n) {
    refuse(std::string(name) + " must have " + std::to_string(n) + " bounds, or none, found " + std::to_string(found));
  }
  for (std::size_t i = 0; i < bounds.size(); ++i) {
    const T bound = static_cast<T>(bounds[i]);
    if (std::isfinite(bound) || bound == static_cast<T>(none)) continue;
    const std::string of_variable = std::string(name) + " bound of variable " + std::to_string(i);
    require(false, of_variable.c_str(), none < 0 ? "a number or -infinity" : "a number or infinity", bound);
  }
}
template <class T>
void require_bounds(const EachOptions& o, std::int64_t n) {
  require_bounds<T>("lower", o.lower, n, -std::numeric_limits<double>::infinity());
  require_bounds<T>("upper", o.upper, n, std::numeric_limits<double>::infinity());
  for (std::size_t i = 0; i < o.lower.size() && i < o.upper.size(); ++i) {
    if (o.lower[i] <= o.upper[i]) continue;
    std::ostringstream text;
    text << "bounds of variable " << i << " must be in order, found " << o.lower[i] << " and " << o.upper[i];
    refuse(text.str());
  }
}

/// One number for each variable, all infinite where there are none.
template <class T>
std::vector<T> bounds_of(const std::vector<double>& given, std::int64_t n, double infinity) {
  std::vector<T> all(static_cast<std::size_t>(n), static_cast<T>(infinity));
  for (std::size_t i = 0; i < given.size(); ++i) all[i] = static_cast<T>(given[i]);
  return all;
}

template <class T>
each::Rules<T> rules_of(const EachOptions& o) {
  constexpr double default_momentum = 0.9;
  const bool is_ball = o.method == Method::heavy_ball;
  each::Rules<T> rules{};
  rules.step = static_cast<T>(o.step);
  rules.momentum = static_cast<T>(o.momentum < 0 && is_ball ? default_momentum : o.momentum);
  rules.clip = static_cast<T>(o.clip);
  rules.absolute = static_cast<T>(o.gradient_tolerance * o.gradient_tolerance);
  rules.relative = static_cast<T>(o.relative_gradient_tolerance * o.relative_gradient_tolerance);
  rules.value_tolerance = static_cast<T>(o.relative_tolerance);
  rules.target = static_cast<T>(o.target);
  rules.max_iterations = each::count_of<T>(o.max_iterations);
  rules.max_evaluations = each::count_of<T>(o.max_evaluations);
  rules.memory = o.memory;
  return rules;
}

template <class T>
EachCounts descend_on_cpu(const Executor& executor, EachTask<T>& task, BestStart& best) {
  std::vector<T> own_values;  // which start is best is told by values
  if (!task.out.value) {
    own_values.resize(static_cast<std::size_t>(task.starts.count));
    task.out.value = {own_values.data(), task.starts.count, 1};
  }
  const EachCounts counts = cpu::descend_from_each(executor, task);
  for (std::int64_t start = 0; start < task.starts.count; ++start) {
    const auto value = static_cast<double>(task.out.value(start));
    if (std::isfinite(value) && (best.start < 0 || value < best.value)) best = {start, value};
  }
  return counts;
}

/// Refuses shapes that are not the starts', and memory that can't be right. Results may take the place of the starts,
/// each of which is read before its own are written; but not of data, which are read again and again.
template <class T>
void require_places(const Executor& executor, BatchView<const T> starts, const EachOutputs<T>& out,
                    const EachData<T>& data) {
  const char* const call = data.columns.empty() ? "minimize_each" : "fit_each";
  const auto require_shape = [&](const char* name, const BatchView<T>& view, std::int64_t components) {
    if (!view || (view.count == starts.count && view.components == components)) return;
    const auto text = [](std::int64_t count, std::int64_t of_each) {
      return "(" + std::to_string(count) + ", " + std::to_string(of_each) + ")";
    };
    throw ShapeError(std::string(call) + ": " + name + " must have the shape " + text(starts.count, components) +
                     ", found " + text(view.count, view.components));
  };
  require_shape("x", out.x, starts.components);
  require_shape("value", out.value, 1);
  require_shape("gradient_norm", out.gradient_norm, 1);
  std::vector<Argument> arguments;
  const auto add = [&](const char* name, const auto& view, bool is_output) {
    if (!view && is_output) return;
    arguments.push_back({name, view.data, view.count, view.components, view.item_stride, view.component_stride,
                         static_cast<std::int64_t>(sizeof(*view.data)), is_output});
  };
  const bool in_place = out.x.data == starts.data && out.x.item_stride == starts.item_stride &&
                        out.x.component_stride == starts.component_stride;
  if (!in_place) add("starts", starts, false);
  std::vector<std::string> names;
  for (std::size_t k = 0; k < data.columns.size(); ++k) names.push_back("column " + std::to_string(k));
  for (std::size_t k = 0; k < data.columns.size(); ++k) add(names[k].c_str(), data.columns[k], false);
  add("x", out.x, true);
  add("value", out.value, true);
  add("gradient_norm", out.gradient_norm, true);
  add("iterations", BatchView<std::int64_t>{out.iterations, starts.count}, true);
  add("evaluations", BatchView<std::int64_t>{out.evaluations, starts.count}, true);
  add("reason", BatchView<StopReason>{out.reason, starts.count}, true);
  check_memory(executor, call, arguments);
}

}  // namespace

template <class T>
EachReport minimize_each(const Executor& executor, const Operation<T>& operation, BatchView<const T> starts,
                         const EachOutputs<T>& out, const EachOptions& options, const EachData<T>& data) {
  const auto begun = std::chrono::steady_clock::now();
  const std::int64_t n = starts.components;
  require(options, n);
  require_bounds<T>(options, n);
  require_places(executor, starts, out, data);
  EachReport report;
  report.method = options.method;
  report.starts = starts.count;
  report.variables = n;
  std::vector<T> lower, upper;
  EachTask<T> task{operation, starts, data, out, method_of(options), rules_of<T>(options), options.callback};
  if (!options.lower.empty() || !options.upper.empty()) {
    lower = bounds_of<T>(options.lower, n, -std::numeric_limits<double>::infinity());
    upper = bounds_of<T>(options.upper, n, std::numeric_limits<double>::infinity());
    task.rules.lower = lower.data();
    task.rules.upper = upper.data();
  }
  BestStart best{-1, 0};
  const EachCounts counts =
      executor.is_cuda() ? cuda::descend_from_each(executor, task, best) : descend_on_cpu(executor, task, best);
  report.best = best.start;
  if (best.start >= 0) report.best_value = best.value;
  std::copy(std::begin(counts.reasons), std::end(counts.reasons), std::begin(report.reasons));
  report.iterations = counts.iterations;
  report.evaluations = counts.evaluations;
  report.occupancy = counts.lanes > 0 ? static_cast<double>(counts.evaluations) / static_cast<double>(counts.lanes) : 1;
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  return report;
}
template EachReport minimize_each(const Executor&, const Operation<float>&, BatchView<const float>,
                                  const EachOutputs<float>&, const EachOptions&, const EachData<float>&);
template EachReport minimize_each(const Executor&, const Operation<double>&, BatchView<const double>,
                                  const EachOutputs<double>&, const EachOptions&, const EachData<double>&);

}  // namespace detail

std::int64_t EachReport::converged() const {
  std::int64_t sum = 0;
  for (int k = 0; k < stop_reasons; ++k) sum += has_converged(static_cast<StopReason>(k)) ? reasons[k] : 0;
  return sum;
}

std::string describe(const EachReport& report) {
  std::ostringstream text;
  text << report.starts << (report.starts == 1 ? " start" : " starts") << " by " << name_of(report.method) << ": "
       << report.converged() << " converged";
  for (int k = 0; k < stop_reasons; ++k) {
    if (report.reasons[k] > 0) text << ", " << report.reasons[k] << " " << name_of(static_cast<StopReason>(k));
  }
  if (report.best >= 0) text << "; the least value, " << report.best_value << ", is start " << report.best << "'s";
  text << "; " << report.evaluations << " evaluations in " << report.seconds << " s, " << 100 * report.occupancy
       << " % of lanes in use";
  return text.str();
}

}  // namespace nabla
