#include "check.hpp"

#include "../check/judge.hpp"
#include "claimed_gradient.hpp"
#include "commands.hpp"
#include "numbers.hpp"

#include <fmt/format.h>

#include <nabla/detail/checked_function.hpp>

#include <algorithm>

// nabla check: is a gradient right?

namespace nabla::cli {

namespace {

constexpr char example[] =
    "  nabla check --formula \"x^2*y\" --gradient \"2*x*y\" --gradient \"x\" --random 1000\n"
    "      disagree: component y is wrong, it should be x^2; the exit status is 1\n"
    "  nabla check --function rosenbrock --dimension 3 --random 1e6\n"
    "      agree: nabla's own gradient is right at a million points; the exit status is 0\n"
    "  nabla check --formula \"abs(x)\" --at 0\n"
    "      unresolved: the slope is -1 on the left and 1 on the right; the exit status is 1\n";

/// The check of a function, or of what is said to be its gradient. Differences of values are taken in f64 also where
/// the gradient is computed in f32.
template <class T>
CheckReport check_at(const Executor& executor, const ChosenFunction& function, const std::optional<Formula>& claim,
                     BatchView<const T> points, const CheckOptions& options) {
  const bool one_output = function.outputs() == 1;
  const auto values = [&]<class R>(const Executor& where, BatchView<const R> x, BatchView<R> out) {
    if (!one_output) return function.jacobian<R>(where, x, {out, {}});
    function.value<R>(where, x, {out});
  };
  const auto derivatives = [&]<class R>(const Executor& where, BatchView<const R> x, BatchView<R> out) {
    if (claim) return nabla::jacobian<R>(where, *claim, x, JacobianOutputs<R>{out, {}});
    if (!one_output) return function.jacobian<R>(where, x, {{}, out});
    function.value_and_gradient<R>(where, x, {{}, out});
  };
  const auto screen = [&](BatchView<const double> x, BatchView<const double> gradients,
                          const detail::LadderPlan<double>& plan, BatchView<double> outcome, BatchView<double> slopes) {
    function.screen(executor, plan, {x, gradients, {outcome, slopes, {}}, nullptr});
  };
  detail::CheckedFunction<T, double, decltype(values), decltype(derivatives)> checked(
      executor, points, function.outputs(), values, derivatives);
  return detail::check(function.has_screen(executor) ? checked.calls(screen) : checked.calls(), options);
}

template <class T>
void run(const Executor& executor, const ChosenFunction& function, const std::optional<Formula>& claim,
         const PointSource& source, CheckResult& result) {
  require_memory(executor, static_cast<double>(result.count) * static_cast<double>(result.dimension) * sizeof(T));
  const LoadedPoints<T> loaded = load_points<T>(source, executor);
  result.transfer_seconds = loaded.transfer_seconds;
  const Stopwatch watch;
  result.report = check_at<T>(executor, function, claim, loaded.points.view(), result.options);
  result.seconds = watch.seconds();
  for (const NonsmoothPlace& place : result.report.nonsmooth) {
    std::vector<double>& x = result.nonsmooth_points.emplace_back();
    if (result.dimension > most_listed_variables) continue;
    x.resize(static_cast<std::size_t>(result.dimension));
    detail::read_points<T>(executor, detail::part_of<const T>(loaded.points.view(), place.point, 1), x);
  }
}

/// What `auto` means: a formula is tried along directions hundreds of times faster where there is a first stage for it.
std::string automatic(const ChosenFunction& function, bool claim_is_formula) {
  const bool faster_on_cpu = function.formula() && function.outputs() == 1;
  return faster_on_cpu ? "cpu" : automatic_executor(function.formula() || claim_is_formula);
}

/// What is to be checked, before it is.
CheckResult describe(const CheckCommand& command, const ChosenFunction& function, const PointSource& source) {
  CheckResult result;
  result.function = function.name();
  result.variables = function.variables(source.dimension);
  result.gradient = command.gradient;
  result.outputs = function.outputs();
  result.dimension = source.dimension;
  result.count = source.count;
  result.precision = command.common.precision().value_or(source.precision());
  result.options = command.check_options(source, result.precision, result.variables);
  return result;
}

/// Rows of the table: where all is well, a few that came the closest to being doubted.
std::size_t rows_to_print(const CheckCommand& command, const CheckReport& report) {
  constexpr std::size_t closest_calls = 3;
  const bool all_is_well = report.verdict == Verdict::agree && !command.worst;
  return all_is_well ? std::min(report.worst.size(), closest_calls) : report.worst.size();
}

/// At least what rounding in that precision does.
double parse_tolerance(const std::string& text, Precision precision) {
  const bool single = precision == Precision::f32;
  const double least =
      nabla::check::least_tolerance(single ? detail::precision_of<float> : detail::precision_of<double>);
  const double tolerance = parse_part("--tolerance", text);
  if (tolerance < least) {
    throw UsageError(fmt::format("--tolerance: expected at least {:.4g} in {}, which rounding does, found '{}'", least,
                                 single ? "f32" : "f64", text));
  }
  return tolerance;
}

}  // namespace

void CheckCommand::declare(Arguments& arguments) {
  function.declare(arguments);
  points.declare(arguments);
  arguments.section("what to check");
  arguments.values("--gradient", "TEXT",
                   "a derivative as text, one for each variable; --function's are x[1], x[2], ... (default: nabla's)",
                   gradient);
  arguments.value("--tolerance", "R", "relative to a derivative's size (default 1e-8 in f64, 1e-4 in f32)", tolerance);
  arguments.value("--directions", "K", "random directions along which each point is tried (default 4, up to 64)",
                  directions);
  arguments.value("--steps", "K", "along each direction (default 25, from 8 to 50)", steps);
  arguments.flag("--every-component", "examine every point variable by variable (64 of more), not only a few",
                 every_component);
  arguments.section("what to print");
  arguments.value("--worst", "K", "so many derivatives, the most doubtful first (default 10, up to 10000)", worst);
  common.declare(arguments);
}

CheckOptions CheckCommand::check_options(const PointSource& source, Precision precision,
                                         const std::vector<std::string>& variables) const {
  CheckOptions options;
  if (tolerance) options.tolerance = parse_tolerance(*tolerance, precision);
  if (directions) options.directions = static_cast<int>(parse_count_within("--directions", *directions, 1, 64));
  if (steps) options.steps = static_cast<int>(parse_count_within("--steps", *steps, 8, 50));
  if (worst) options.worst = parse_count_within("--worst", *worst, 0, 10'000);
  options.every_component = every_component;
  options.seed = source.seed + 1;  // numbers of the points' own seed would make directions that point at them
  options.variables = variables;
  return options;
}

int check(std::span<const char* const> arguments) {
  CheckCommand command;
  Arguments parser(
      "check",
      "Tells whether a gradient is right, by differences of values at many points.\n"
      "Exit status: 0 it agrees, 1 it disagrees or can't be told, 2 bad usage or input, 3 no such executor.\n"
      "docs/checking.md tells what the keys of --json mean.",
      example);
  command.declare(parser);
  if (parser.wants_help(arguments)) return print(parser.help()), good;
  parser.parse(arguments);

  const ChosenFunction function(command.function, command.gradient);
  if (!command.gradient.empty() && function.outputs() > 1) {
    throw UsageError(fmt::format("--gradient: is for one output, the formula has {}", function.outputs()));
  }
  const PointSource source(command.points, command.function, function);
  CheckResult result = describe(command, function, source);
  std::optional<Formula> claim;
  if (!command.gradient.empty()) claim = claimed_gradient(command.gradient, function, source.dimension);
  const Executor executor = command.common.executor(automatic(function, claim.has_value()));

  if (result.precision == Precision::f32) {
    run<float>(executor, function, claim, source, result);
  } else {
    run<double>(executor, function, claim, source, result);
  }
  result.rows = rows_to_print(command, result.report);
  if (!command.common.quiet) source.warn_of_trailing_bytes("check");
  if (command.common.json) {
    print_json(result, executor);
  } else if (!command.common.quiet) {
    print_table(result, executor);
  }
  return result.report.verdict == Verdict::agree ? good : negative;
}

}  // namespace nabla::cli
