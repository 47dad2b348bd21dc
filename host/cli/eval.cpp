#include "eval.hpp"

#include "commands.hpp"
#include "numbers.hpp"
#include "output_files.hpp"
#include "symmetric_eigenvalues.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

// nabla eval: values and gradients of a function at a batch of points.

namespace nabla::cli {

namespace {

constexpr std::int64_t most_hessian_variables = 16;

constexpr char example[] =
    "  nabla eval --function booth --at 0,0 --at 1,3 --hessian\n"
    "      value 74, gradient (-34, -38) at the first point; a minimum with value 0 at the second\n"
    "  nabla eval --function rosenbrock --dimension 2 --random 1e7 --box -2:2 --seed 7 --out-gradient g.npy\n"
    "      ten million gradients, written to g.npy as an array of shape (10000000, 2)\n"
    "  nabla eval --formula \"x^2*y + sin(x*y)\" --at 1,2 --show-gradient\n"
    "      the gradient as formulas, 2*x*y + y*cos(x*y) and x^2 + x*cos(x*y), and its numbers\n"
    "  nabla eval --formula \"log(1 + exp(-y*(a*u + b)))\" --data rows.npy:u,y --sum --at 0.1,0.2\n"
    "      the logistic loss over all rows of an array of two columns, and its gradient by a and b\n";

/// The batches that one evaluation writes into. All memory is there, and has been touched, before time is taken.
template <class T>
struct Results {
  Batch<T> value;
  std::optional<Batch<T>> gradient, hessian, directional, jacobian;
  Array<Summary> summary;
};

/// The first numbers of a batch's view.
template <class T>
BatchView<T> first(BatchView<T> view, std::int64_t count) {
  view.count = std::min(view.count, count);
  return view;
}

/// So many items of a batch, or a null view.
template <class T>
BatchView<T> first(const std::optional<Batch<T>>& batch, std::int64_t count) {
  return batch ? first(batch->view(), count) : BatchView<T>();
}

/// The calls of one evaluation, over the first `count` points.
template <class T>
void run(const Executor& executor, const ChosenFunction& function, const Batch<T>& points,
         const std::optional<Batch<T>>& direction, const Results<T>& results, std::int64_t count) {
  const BatchView<const T> x = first(points.view(), count);
  const BatchView<T> value = first(results.value.view(), count);
  const BatchView<T> gradient = first(results.gradient, count);
  Summary* const summary = results.summary.data();
  if (results.jacobian) {
    function.jacobian<T>(executor, x, {value, first(results.jacobian, count)});
  } else if (results.hessian) {
    function.hessian<T>(executor, x, {value, gradient, first(results.hessian, count), summary});
  } else if (results.gradient) {
    function.value_and_gradient<T>(executor, x, {value, gradient, summary});
  } else {
    function.value<T>(executor, x, {value, summary});
  }
  if (direction) {
    function.directional_derivative<T>(executor, x, *direction, {{}, first(results.directional, count)});
  }
  executor.synchronize();
}

/// The first write to fresh memory costs more than the computation; on the CPU it happens here.
template <class T>
void touch(const Batch<T>& batch) {
  if (!batch.executor().is_cuda()) std::fill_n(batch.data(), batch.count() * batch.components(), T{0});
}

template <class T>
Results<T> make_results(const Executor& executor, const EvalReport& report) {
  const auto batch = [&](std::int64_t components) {
    Batch<T> made(executor, report.count, components, report.layout);
    touch(made);
    return made;
  };
  Results<T> results{batch(report.outputs), {}, {}, {}, {}, Array<Summary>(executor, 1)};
  if (report.outputs > 1) {
    results.jacobian = batch(report.outputs * report.dimension);
    return results;
  }
  if (!report.value_only) results.gradient = batch(report.dimension);
  if (report.hessian) results.hessian = batch(report.dimension * report.dimension);
  if (!report.direction.empty()) results.directional = batch(1);
  return results;
}

/// Numbers that are read or written for each point.
double numbers_per_point(const EvalReport& report) {
  const auto n = static_cast<double>(report.dimension);
  if (report.outputs > 1) return n + static_cast<double>(report.outputs) * (1 + n);
  return n + 1 + (report.value_only ? 0 : n) + (report.hessian ? n * n : 0) + (report.direction.empty() ? 0 : 1);
}

template <class T>
std::vector<double> item(const std::vector<T>& numbers, std::int64_t k, std::int64_t components) {
  const auto begin = numbers.begin() + k * components;
  return {begin, begin + components};
}

/// The points of --at one by one; their layout is point-major.
template <class T>
std::vector<EvaluatedPoint> describe_points(const EvalReport& report, const Batch<T>& points,
                                            const Results<T>& results) {
  const std::int64_t n = report.dimension;
  const auto host = [](const std::optional<Batch<T>>& batch) { return batch ? batch->to_host() : std::vector<T>(); };
  const std::vector<T> x = points.to_host(), value = results.value.to_host(), gradient = host(results.gradient),
                       hessian = host(results.hessian), directional = host(results.directional),
                       jacobian = host(results.jacobian);
  constexpr bool single = sizeof(T) == 4;
  std::vector<EvaluatedPoint> described;
  for (std::int64_t k = 0; k < report.count; ++k) {
    EvaluatedPoint point;
    point.x = item(x, k, n);
    point.values = item(value, k, report.outputs);
    if (results.jacobian) point.jacobian = item(jacobian, k, report.outputs * n);
    if (results.gradient) point.gradient = item(gradient, k, n);
    if (results.directional) point.directional = directional[static_cast<std::size_t>(k)];
    if (results.hessian) {
      point.hessian = item(hessian, k, n * n);
      point.eigenvalues = symmetric_eigenvalues(point.hessian, static_cast<std::size_t>(n));
      if (is_critical(point.x, point.gradient, point.eigenvalues, single)) {
        point.classification = classify(point.eigenvalues, single);
      }
    }
    described.push_back(std::move(point));
  }
  return described;
}

template <class T>
void evaluate(const Executor& executor, const ChosenFunction& function, const PointSource& source, OutputFiles& files,
              EvalReport& report) {
  report.bytes = static_cast<double>(report.count) * numbers_per_point(report) * sizeof(T);
  require_memory(executor, report.bytes);
  const LoadedPoints<T> loaded = load_points<T>(source, executor);
  const Results<T> results = make_results<T>(executor, report);
  std::optional<Batch<T>> direction;
  if (!report.direction.empty()) {
    direction = Batch<T>::from_host(executor, std::vector<T>(report.direction.begin(), report.direction.end()),
                                    report.dimension);
  }
  // A few points first: threads start, kernels are loaded, the workspace is made.
  constexpr std::int64_t warm_up_points = 1 << 14;
  run(executor, function, loaded.points, direction, results, warm_up_points);
  const Stopwatch watch;
  run(executor, function, loaded.points, direction, results, report.count);
  report.seconds = watch.seconds();
  if (report.outputs == 1) report.summary = detail::fetch_summary(executor, results.summary.data());

  const std::int64_t n = report.dimension;
  const std::vector<std::int64_t> value_axes =
      report.outputs == 1 ? std::vector<std::int64_t>{} : std::vector{report.outputs};
  double transfer_seconds = loaded.transfer_seconds + files.write("--out-value", results.value, value_axes);
  if (results.jacobian) transfer_seconds += files.write("--out-gradient", *results.jacobian, {report.outputs, n});
  if (results.gradient) transfer_seconds += files.write("--out-gradient", *results.gradient, {n});
  if (results.hessian) transfer_seconds += files.write("--out-hessian", *results.hessian, {n, n});
  if (results.directional) transfer_seconds += files.write("--out-directional", *results.directional, {});
  report.transfer_seconds = transfer_seconds;
  if (source.kind == PointSource::Kind::at) report.points = describe_points(report, loaded.points, results);
}

std::vector<double> parse_direction(const EvalOptions& options, const PointSource& source) {
  if (!options.direction) return {};
  std::vector<double> direction = parse_numbers("--direction", *options.direction);
  if (static_cast<std::int64_t>(direction.size()) != source.dimension) {
    throw UsageError(fmt::format("--direction: expected {} numbers, one for each variable, found {}", source.dimension,
                                 direction.size()));
  }
  return direction;
}

}  // namespace

void EvalOptions::declare(Arguments& arguments) {
  function.declare(arguments);
  points.declare(arguments);
  arguments.section("what to compute");
  arguments.flag("--value-only", "no gradients", value_only);
  arguments.value("--direction", "V1,V2,...", "the derivative along this vector too, which is not normalised",
                  direction);
  arguments.flag("--hessian", "the Hessian too (up to 16 variables); says what a critical point is", hessian);
  arguments.flag("--show-gradient", "print a formula's gradient as formulas; with --hessian its Hessian too",
                 show_gradient);
  arguments.flag("--sum", "the sum of a formula over all rows of --data, at the points of --at", sum);
  arguments.value("--data", "FILE.npy:A,B,...", "an array of shape (rows, columns), and what the formula calls those",
                  data);
  arguments.section("files to write (in the order of the input, see --points)");
  arguments.value("--out-value", "FILE.npy", "values, of shape (count,)", out_value);
  arguments.value("--out-gradient", "FILE.npy", "gradients, of shape (count, n)", out_gradient);
  arguments.value("--out-directional", "FILE.npy", "derivatives along --direction, of shape (count,)", out_directional);
  arguments.value("--out-hessian", "FILE.npy", "Hessians, of shape (count, n, n)", out_hessian);
  common.declare(arguments);
}

void EvalOptions::check() const {
  if (value_only && hessian) throw UsageError("--value-only: can't go with --hessian");
  if (value_only && out_gradient) throw UsageError("--value-only: can't go with --out-gradient");
  if (out_directional && !direction) throw UsageError("--out-directional: needs --direction V1,V2,...");
  if (out_hessian && !hessian) throw UsageError("--out-hessian: needs --hessian");
  require_sum_with_data(sum, data.has_value());
  if (!sum) return;
  const auto refuse = [](const char* argument, bool given) {
    if (given) throw UsageError(fmt::format("--sum: can't go with {}", argument));
  };
  refuse("--points", points.points.has_value());
  refuse("--random", points.random.has_value());
  refuse("--direction", direction.has_value());
  refuse("--show-gradient", show_gradient);
  refuse("--out-value", out_value.has_value());
  refuse("--out-gradient", out_gradient.has_value());
  refuse("--out-hessian", out_hessian.has_value());
}

void EvalOptions::check_against(const ChosenFunction& chosen) const {
  if (sum && !chosen.formula()) throw UsageError("--sum: is for formulas only");
  if (show_gradient && !chosen.formula()) throw UsageError("--show-gradient: is for formulas only");
  if (chosen.outputs() == 1) return;
  const auto refuse = [&](const char* argument, bool given) {
    if (given) throw UsageError(fmt::format("{}: is for one output, the formula has {}", argument, chosen.outputs()));
  };
  refuse("--value-only", value_only);
  refuse("--hessian", hessian);
  refuse("--direction", direction.has_value());
  refuse("--show-gradient", show_gradient);
  refuse("--sum", sum);
}

int eval(std::span<const char* const> arguments) {
  EvalOptions options;
  Arguments parser("eval", "Evaluates a function and its exact gradient at many points.", example);
  options.declare(parser);
  if (parser.wants_help(arguments)) return print(parser.help()), good;
  parser.parse(arguments);
  options.check();

  std::optional<ElementData> data;
  if (options.data) {
    data.emplace(*options.data);
    options.function.data = data->names;
  }
  const ChosenFunction function(options.function);
  const std::optional<Precision> precision = options.common.precision();
  options.check_against(function);
  const PointSource source(options.points, options.function, function);
  if (options.hessian && source.dimension > most_hessian_variables) {
    throw UsageError(
        fmt::format("--hessian: expected at most {} variables, found {}", most_hessian_variables, source.dimension));
  }
  EvalReport report;
  report.function = function.name();
  report.variables = function.variables(source.dimension);
  report.outputs = function.outputs();
  report.dimension = source.dimension;
  if (options.show_gradient) {
    report.gradient_text = function.formula()->gradient_text(0, source.dimension);
    if (options.hessian) report.hessian_text = function.formula()->hessian_text(0, source.dimension);
  }
  report.count = source.count;
  report.layout = source.layout;
  const Precision of_input = data && !data->header.is_double ? Precision::f32 : source.precision();
  report.precision = precision.value_or(of_input);
  report.value_only = options.value_only;
  report.hessian = options.hessian;
  report.direction = parse_direction(options, source);
  const Executor executor = options.common.executor(automatic_executor(function.formula().has_value()));
  if (data) {
    evaluate_sum(executor, *function.formula(), source, *data, report);
    if (!options.common.quiet) data->warn_of_trailing_bytes("eval");
    if (options.common.json) {
      print_json(report, executor);
    } else if (!options.common.quiet) {
      print_table(report, executor);
    }
    return good;
  }

  OutputFiles files;
  if (options.points.points) files.protect("--points", *options.points.points);
  files.open("--out-value", options.out_value);
  files.open("--out-gradient", options.out_gradient);
  files.open("--out-directional", options.out_directional);
  files.open("--out-hessian", options.out_hessian);

  if (report.precision == Precision::f32) {
    evaluate<float>(executor, function, source, files, report);
  } else {
    evaluate<double>(executor, function, source, files, report);
  }
  files.publish();

  if (!options.common.quiet) source.warn_of_trailing_bytes("eval");
  if (options.common.json) {
    print_json(report, executor);
  } else if (!options.common.quiet) {
    print_table(report, executor);
  }
  return good;
}

}  // namespace nabla::cli
