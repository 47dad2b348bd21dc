#include "minimize.hpp"

#include "../nearest.hpp"
#include "commands.hpp"
#include "numbers.hpp"
#include "output_files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>

// nabla minimize: descent from one start or many.

namespace nabla::cli {

namespace {

constexpr std::int64_t most_named_variables = 1000;

constexpr char example[] =
    "  nabla minimize --function rosenbrock --at -1.2,1\n"
    "      converged: the value is 0 but for rounding, at (1, 1)\n"
    "  nabla minimize --function himmelblau --random 1000 --seed 7 --out-x minima.npy\n"
    "      how many of a thousand random starts converged, the best, and where each of them ended\n"
    "  nabla minimize --formula \"log(1 + exp(-y*(a*u + b)))\" --data rows.npy:u,y --sum --at 0,0\n"
    "      a and b that fit an array of two columns best\n"
    "  nabla minimize --formula \"a*exp(-b*t) + c - y\" --variables a,b,c --at 1,1,0 --data-column t=times.npy \\\n"
    "      --data-column y=samples.npy --out-x fitted.npy     # a fit for each row of samples, all at the same times\n"
    "  nabla minimize --formula \"sum(i, 1, n-1, 100*(x[i+1] - x[i]^2)^2 + (1 - x[i])^2)\" --dimension 1e6 --random 1 "
    "\\\n"
    "      --checkpoint state --max-iterations 1000     # later: the same without --random, with --resume state\n";

struct NamedMethod {
  const char* name;
  Method method;
  bool may_have_step, may_have_momentum;
};
constexpr NamedMethod methods[] = {
    {"gradient", Method::gradient, true, false},
    {"momentum", Method::heavy_ball, true, true},
    {"nesterov", Method::nesterov, true, true},
    {"barzilai-borwein", Method::barzilai_borwein, false, false},
    {"conjugate-gradient", Method::nonlinear_cg, false, false},
    {"bfgs", Method::bfgs, false, false},
    {"lbfgs", Method::lbfgs, false, false},
    {"newton", Method::newton_cg, false, false},
    {"adam", Method::adam, true, true},
    {"levenberg-marquardt", Method::levenberg_marquardt, false, false},
};
constexpr char default_method[] = "lbfgs";
constexpr char method_of_fits[] = "levenberg-marquardt";

/// Names with commas between them, of those for which `wanted` holds.
template <class Wanted>
std::string names_of_methods(Wanted wanted) {
  std::string names;
  for (const NamedMethod& one : methods) {
    if (wanted(one)) names += (names.empty() ? "" : ", ") + std::string(one.name);
  }
  return names;
}

const NamedMethod& find_method(const std::string& name) {
  std::vector<std::string> names;
  for (const NamedMethod& one : methods) {
    if (name == one.name) return one;
    names.emplace_back(one.name);
  }
  throw UsageError(fmt::format("--method: unknown method '{}'; did you mean '{}'? There are {}", name,
                               detail::nearest(name, names), names_of_methods([](const auto&) { return true; })));
}

/// Refuses an option that a method has no use for, and says which have.
void require_use(const char* argument, const std::string& method, bool used, const std::string& users) {
  if (!used) throw UsageError(fmt::format("{}: is for {}; {} has none", argument, users, method));
}

/// Where the value is least, of those that are finite.
std::int64_t best_of(const std::vector<Descent>& all) {
  std::int64_t best = -1;
  for (std::size_t k = 0; k < all.size(); ++k) {
    if (!std::isfinite(all[k].value)) continue;
    if (best < 0 || all[k].value < all[static_cast<std::size_t>(best)].value) best = static_cast<std::int64_t>(k);
  }
  return best;
}

template <class T>
std::vector<double> point_of(BatchView<const T> points, std::int64_t k) {
  std::vector<double> x;
  for (std::int64_t i = 0; i < points.components; ++i) x.push_back(static_cast<double>(points(k, i)));
  return x;
}

/// A number of each descent, to be written to a file.
template <class T, class Number>
Batch<T> column(const std::vector<Descent>& all, Number number) {
  Batch<T> made(Executor::cpu(1), static_cast<std::int64_t>(all.size()), 1);
  std::transform(all.begin(), all.end(), made.data(), [&](const Descent& one) { return static_cast<T>(number(one)); });
  return made;
}

/// Writes what descents led to, and looks which are the same place if they are within a tolerance.
template <class T>
void write_ends(const Batch<T>& points, std::optional<double> distinct, OutputFiles& files, MinimizeResult& result) {
  const std::vector<Descent>& all = result.descents.all;
  if (distinct) {
    std::vector<StopReason> reasons(all.size());
    std::transform(all.begin(), all.end(), reasons.begin(), [](const Descent& one) { return one.reason; });
    const Batch<T> values = column<T>(all, [](const Descent& one) { return one.value; });
    result.minima = distinct_minima<T>(points, values, reasons, *distinct);
  }
  result.best = best_of(all);
  if (result.best >= 0) result.best_x = point_of<T>(points.view(), result.best);
  files.write("--out-x", points, {points.components()});
  files.write("--out-value", column<T>(all, [](const Descent& one) { return one.value; }), {});
  files.write("--out-status", column<T>(all, [](const Descent& one) { return static_cast<int>(one.reason); }), {});
}

template <class T>
void run(const DescentTask& task, const FitData* fit, const PointSource& source, std::optional<double> distinct,
         OutputFiles& files, MinimizeResult& result) {
  const auto numbers_of_a_start = static_cast<double>(source.dimension + 2);
  const Executor host = Executor::cpu(task.executor.is_cuda() ? 1 : task.executor.threads());
  require_memory(host, static_cast<double>(source.count) * (numbers_of_a_start * sizeof(T) + sizeof(Descent)));
  Batch<T> points = load_points<T>(source, host).points;
  if (fit != nullptr) {
    require_memory(host, static_cast<double>(fit->fits(source.count)) * numbers_of_a_start * sizeof(T));
    Fitted<T> fitted = fit_from_all<T>(task, *fit, result.method, points);
    result.descents = std::move(fitted.descents);
    points = std::move(fitted.x);
  } else {
    result.descents = descend_from_all<T>(task, points.view());
  }
  if (points.count() == source.count) {
    for (std::size_t k = 0; k < source.at.size(); ++k) {
      result.ends.push_back(point_of<T>(points.view(), static_cast<std::int64_t>(k)));
    }
  }
  write_ends(points, distinct, files, result);
}

/// How --out-status numbers reasons.
std::string numbered_reasons() {
  std::string text;
  for (int k = 0; *name_of(static_cast<StopReason>(k)) != '\0'; ++k) {
    text += fmt::format("{}{} {}", k == 0 ? "" : k == 7 ? ",\n  " : ", ", k, name_of(static_cast<StopReason>(k)));
  }
  return text;
}

/// A start keeps a single thread of a GPU busy.
constexpr char automatic[] = "cpu";

}  // namespace

bool MinimizeResult::converged() const {
  return std::all_of(descents.all.begin(), descents.all.end(), [](const Descent& one) { return one.converged(); });
}

void MinimizeCommand::declare(Arguments& arguments) {
  function.declare(arguments);
  arguments.flag("--sum", "minimise the sum of a formula over all rows of --data", sum);
  arguments.value("--data", "FILE.npy:A,B,...", "an array of shape (rows, columns), and what the formula calls those",
                  data);
  points.declare(arguments);
  fit.declare(arguments);
  arguments.section("how to descend");
  arguments.value("--method", "NAME",
                  "lbfgs (default; levenberg-marquardt for fits) or " +
                      names_of_methods([](const NamedMethod& one) { return one.method != Method::lbfgs; }),
                  method);
  arguments.value("--step", "A", "fixed steps, for " + names_of_methods([](const NamedMethod& one) {
                                   return one.may_have_step;
                                 }) + " (default: a line search)",
                  step);
  arguments.value("--clip", "C", "gradients that are longer are shortened to this before a fixed step", clip);
  arguments.value("--momentum", "B", "of momentum and adam (default 0.9), or nesterov (default: his sequence)",
                  momentum);
  arguments.value("--memory", "M", "steps that lbfgs remembers (default 8, up to 64)", memory);
  arguments.value("--bounds", "LO:HI,...", "of each variable, or one for all, which may be infinite, as in 0:inf,-1:1",
                  bounds);
  arguments.section("when to end (the first has its default where no other tolerance, nor a target, is given)");
  arguments.value(
      "--relative-tolerance", "R",
      "converged: |g| <= R |g at the start|; by levenberg-marquardt |J_i . r| <= R |J_i| |r| for each variable "
      "i, of residuals r with derivatives J_i, or g is all rounding (default 1e-8; f32: 1e-4)",
      relative_tolerance);
  arguments.value("--gradient-tolerance", "G", "converged: the gradient's norm is at most G", gradient_tolerance);
  arguments.value("--value-tolerance", "R", "converged: five times in a row the value changed by at most R of its size",
                  value_tolerance);
  arguments.value("--target", "V", "converged: the value is at most V", target);
  arguments.value("--max-iterations", "N", "of each start (default 10000)", max_iterations);
  arguments.value("--max-evaluations", "N", "of each start: values, gradients and products with the Hessian",
                  max_evaluations);
  arguments.section("what to tell");
  arguments.value("--distinct", "R",
                  "the places where descents ended, and how many did; ends within R (1 + |x|) are the same", distinct);
  arguments.section("files to write (in the order of the input, see --points)");
  arguments.value("--out-x", "FILE.npy", "where each start led, of shape (count, n)", out_x);
  arguments.value("--out-value", "FILE.npy", "the values there, of shape (count,)", out_value);
  arguments.value("--out-status", "FILE.npy", "why each ended, as the numbers above, of shape (count,)", out_status);
  arguments.section("of a single start");
  arguments.value("--checkpoint", "FILE", "written every so often, and when a limit or the user ends it", checkpoint);
  arguments.value("--checkpoint-every", "N", "iterations (default 100)", checkpoint_every);
  arguments.value("--resume", "FILE", "a checkpoint to go on from, with the same options", resume);
  common.declare(arguments);
}

void MinimizeCommand::check() const {
  require_sum_with_data(sum, data.has_value());
  if (sum && fits()) throw UsageError("--sum: can't go with fits, of --data-column or levenberg-marquardt");
  if (fits() && (checkpoint || resume)) throw UsageError("--checkpoint: is not for fits");
  if (checkpoint_every && !checkpoint) throw UsageError("--checkpoint-every: needs --checkpoint FILE");
  if (bounds && (checkpoint || resume)) throw UsageError("--bounds: can't go with --checkpoint and --resume");
  if (clip && !step) throw UsageError("--clip: is for fixed steps; needs --step A");
  if (resume && (points.points || points.random || !points.at.empty())) {
    throw UsageError("--resume: goes on from its file; can't go with --points, --random or --at");
  }
  const NamedMethod& chosen = find_method(method_name());
  const auto steps = names_of_methods([](const NamedMethod& one) { return one.may_have_step; });
  const auto momenta = names_of_methods([](const NamedMethod& one) { return one.may_have_momentum; });
  if (step) require_use("--step", chosen.name, chosen.may_have_step, steps);
  if (momentum) require_use("--momentum", chosen.name, chosen.may_have_momentum, momenta);
  if (memory) require_use("--memory", chosen.name, chosen.method == Method::lbfgs, "lbfgs");
  if (chosen.method == Method::adam && !step) throw UsageError("--method adam: has no line search; needs --step A");
}

bool MinimizeCommand::fits() const {
  return !fit.data_columns.empty() || !fit.param_columns.empty() || method == method_of_fits;
}

std::string MinimizeCommand::method_name() const { return method.value_or(fits() ? method_of_fits : default_method); }

std::pair<std::vector<double>, std::vector<double>> MinimizeCommand::bounds_of(std::int64_t n) const {
  std::vector<double> lower, upper;
  if (!bounds) return {lower, upper};
  std::string_view rest = *bounds;
  while (true) {
    const auto comma = rest.find(',');
    const auto [low, high] = parse_bounds("--bounds", rest.substr(0, comma));
    lower.push_back(low);
    upper.push_back(high);
    if (comma == rest.npos) break;
    rest.remove_prefix(comma + 1);
  }
  const auto wanted = static_cast<std::size_t>(n);
  if (lower.size() == 1) {
    lower.resize(wanted, lower.front());
    upper.resize(wanted, upper.front());
  }
  if (lower.size() != wanted) {
    throw UsageError(fmt::format("--bounds: expected one LO:HI, or {}, found {}", n, lower.size()));
  }
  return {lower, upper};
}

PointOptions MinimizeCommand::starts() const {
  PointOptions starts = points;
  if (resume) {
    starts.random = "1";
    starts.box = "0:0";
  }
  return starts;
}

MinimizeOptions MinimizeCommand::minimize_options(const PointSource& source, Precision precision) const {
  MinimizeOptions options;
  options.method = find_method(method_name()).method;
  if (options.method == Method::bfgs && source.dimension > most_bfgs_variables) {
    throw UsageError(
        fmt::format("--method bfgs: keeps a matrix of n x n numbers, for up to {} variables, found {}; "
                    "lbfgs is for more",
                    most_bfgs_variables, source.dimension));
  }
  if ((checkpoint || resume) && source.count != 1) {
    throw UsageError(fmt::format("--checkpoint: is for a single start, found {}", source.count));
  }
  if (step) options.step = parse_positive("--step", *step);
  if (clip) options.clip = parse_positive("--clip", *clip);
  if (momentum) options.momentum = parse_below_one("--momentum", *momentum);
  if (memory) options.memory = static_cast<int>(parse_count_within("--memory", *memory, 1, 64));
  const bool other_tolerances = gradient_tolerance || value_tolerance || target;
  options.relative_gradient_tolerance = other_tolerances ? 0 : precision == Precision::f32 ? 1e-4 : 1e-8;
  if (relative_tolerance) {
    options.relative_gradient_tolerance = parse_below_one("--relative-tolerance", *relative_tolerance);
  }
  if (gradient_tolerance) {
    options.gradient_tolerance = parse_not_negative("--gradient-tolerance", *gradient_tolerance);
  }
  if (value_tolerance) options.relative_tolerance = parse_below_one("--value-tolerance", *value_tolerance);
  if (target) options.target = parse_number("--target", *target);
  if (max_iterations) options.max_iterations = parse_count("--max-iterations", *max_iterations, 0);
  if (max_evaluations) options.max_evaluations = parse_count("--max-evaluations", *max_evaluations, 1);
  if (checkpoint) options.checkpoint = *checkpoint;
  if (checkpoint_every) options.checkpoint_every = parse_count("--checkpoint-every", *checkpoint_every, 1);
  if (resume) options.resume = *resume;
  return options;
}

int minimize(std::span<const char* const> arguments) {
  MinimizeCommand command;
  Arguments parser(
      "minimize",
      "Descends from each start to a minimum, or says why not.\n"
      "Exit status: 0 all converged, 1 some did not, 2 bad usage or input, 3 no such executor. Ctrl-C ends\n"
      "descents where they are; what they reached is told and written.\n"
      "On a GPU a start keeps a single thread busy, so --executor auto is the CPU.\n"
      "Reasons: " +
          numbered_reasons() + ".",
      example);
  command.declare(parser);
  if (parser.wants_help(arguments)) return print(parser.help()), good;
  parser.parse(arguments);
  command.check();

  std::optional<ElementData> data;
  if (command.data) {
    data.emplace(*command.data);
    command.function.data = data->names;
  }
  std::optional<FitData> fit;
  if (command.fits()) {
    fit.emplace(command.fit);
    command.function.data = fit->names();
  }
  const ChosenFunction function(command.function);
  if (command.sum && !function.formula()) throw UsageError("--sum: is for formulas only");
  if (fit && (!function.formula() || (fit->columns().empty() && function.outputs() == 1))) {
    throw UsageError(
        "--method levenberg-marquardt: is for sums of squares of formulas; needs --data-column NAME=FILE.npy, or a "
        "formula with several outputs");
  }
  if (function.outputs() > 1 && !fit) {
    throw UsageError(fmt::format("--formula: expected one output to minimise, found {}", function.outputs()));
  }
  const PointSource source(command.starts(), command.function, function);
  MinimizeResult result;
  result.function = function.name();
  if (source.dimension <= most_named_variables) result.variables = function.variables(source.dimension);
  result.method = command.method_name();
  result.dimension = source.dimension;
  if (data) result.rows = data->header.count();
  if (fit && !fit->columns().empty()) result.rows = fit->rows();
  result.fits = fit.has_value();
  const bool single_data = data ? !data->header.is_double : fit && fit->is_single();
  result.precision = command.common.precision().value_or(single_data ? Precision::f32 : source.precision());
  const MinimizeOptions options = command.minimize_options(source, result.precision);
  const Executor executor = command.common.executor(automatic);

  OutputFiles files;
  if (command.points.points) files.protect("--points", *command.points.points);
  if (data) files.protect("--data", data->file);
  if (fit) {
    for (const FitColumn& column : fit->columns()) files.protect(column.argument, column.file);
  }
  if (command.checkpoint) files.claim("--checkpoint", *command.checkpoint);
  if (command.resume) files.protect("--resume", *command.resume);  // which may be written over by what came of it
  files.open("--out-x", command.out_x);
  files.open("--out-value", command.out_value);
  files.open("--out-status", command.out_status);

  auto [lower, upper] = command.bounds_of(source.dimension);
  const DescentTask task{executor, function, data, options, std::move(lower), std::move(upper), command.common.quiet};
  std::optional<double> distinct;
  if (command.distinct) distinct = parse_positive("--distinct", *command.distinct);
  if (result.precision == Precision::f32) {
    run<float>(task, fit ? &*fit : nullptr, source, distinct, files, result);
  } else {
    run<double>(task, fit ? &*fit : nullptr, source, distinct, files, result);
  }
  files.publish();

  if (!command.common.quiet) {
    source.warn_of_trailing_bytes("minimize");
    if (data) data->warn_of_trailing_bytes("minimize");
  }
  if (command.common.json) {
    print_json(result, executor);
  } else if (!command.common.quiet) {
    print_table(result, executor);
  }
  return result.converged() ? good : negative;
}

}  // namespace nabla::cli
