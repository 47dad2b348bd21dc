#include "descents.hpp"

#include <fmt/format.h>

#include <nabla/detail/each_method.hpp>
#include <nabla/formula_objective.hpp>

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

namespace nabla::cli {

namespace {

/// Functions of more variables are taken for sums of elements, on all threads at once. That pays from some dozens on.
constexpr std::int64_t most_variables_of_a_point = 32;
/// Of methods that keep a matrix for each start.
constexpr std::int64_t most_variables_with_matrix = 16;

template <class T>
BatchView<T> one(std::span<T> vector) {
  return {vector.data(), 1, static_cast<std::int64_t>(vector.size()), Layout::point_major};
}

/// A function of few variables as an objective: batches of one point.
template <class T>
class PointObjective {
 public:
  PointObjective(const Executor& executor, const ChosenFunction& function) : function_(function), value_(executor, 1) {}

  double value(const Executor& where, std::span<const T> x) const {
    function_.value<T>(where, one(x), {{value_.data(), 1}});
    return fetched_value(where);
  }
  double value_and_gradient(const Executor& where, std::span<const T> x, std::span<T> gradient) const {
    function_.value_and_gradient<T>(where, one(x), {{value_.data(), 1}, one(gradient)});
    return fetched_value(where);
  }
  void hessian_vector_product(const Executor& where, std::span<const T> x, std::span<const T> v,
                              std::span<T> product) const {
    function_.hessian_vector_product<T>(where, one(x), one(v), {{}, {}, one(product)});
  }

 private:
  double fetched_value(const Executor& where) const {
    T value{};
    nabla::detail::copy_bytes(where, &value, value_.data(), sizeof(T));
    return static_cast<double>(value);
  }

  const ChosenFunction& function_;
  Array<T> value_;
};

/// A formula part of which is no sum: its diagonal would take a product for each variable, more than it saves.
template <class T>
class WithoutDiagonal {
 public:
  explicit WithoutDiagonal(const FormulaObjective<T>& objective) : objective_(objective) {}

  double value(const Executor& where, std::span<const T> x) const { return objective_.value(where, x); }
  double value_and_gradient(const Executor& where, std::span<const T> x, std::span<T> gradient) const {
    return objective_.value_and_gradient(where, x, gradient);
  }
  void hessian_vector_product(const Executor& where, std::span<const T> x, std::span<const T> v,
                              std::span<T> product) const {
    objective_.hessian_vector_product(where, x, v, product);
  }

 private:
  const FormulaObjective<T>& objective_;
};

/// One descent, from and to the host's memory: what a minimisation of many starts at a time would take the place of.
template <class T, class O>
MinimizeReport descend(const Executor& where, const O& objective, std::vector<T>& x, const MinimizeOptions& options,
                       double& transfer_seconds) {
  if (!where.is_cuda()) return nabla::minimize(where, objective, x, options);
  Array<T> on_device(where, static_cast<std::int64_t>(x.size()));
  const Stopwatch there;
  on_device.upload(x);
  transfer_seconds += there.seconds();
  MinimizeReport report = nabla::minimize(where, objective, on_device, options);
  const Stopwatch back;
  x = on_device.to_host();
  transfer_seconds += back.seconds();
  return report;
}

/// Takes start after start, on one thread or on several.
template <class T>
class Walk {
 public:
  Walk(const DescentTask& task, BatchView<T> points)
      : task_(task), points_(points), options_(task.options), line_(!task.quiet) {
    result_.all.resize(static_cast<std::size_t>(points.count));
    options_.callback = [this](const Progress& progress) { return tell(progress); };
  }

  /// With an objective that takes all threads itself.
  template <class O>
  Descents one_by_one(const O& objective) {
    take_starts(task_.executor, objective, result_.transfer_seconds);
    return finished();
  }

  /// With an objective for each thread: make(executor).
  template <class Make>
  Descents side_by_side(const Make& make) {
    const auto most = static_cast<std::int64_t>(task_.executor.threads());
    std::vector<std::jthread> threads;
    const auto work = [&] {
      try {
        const Executor where = Executor::cpu(1);
        double none = 0;
        take_starts(where, make(where), none);
      } catch (...) {
        const std::lock_guard lock(failing_);
        if (!failure_) failure_ = std::current_exception();
        next_ = points_.count;
      }
    };
    for (std::int64_t k = 1; k < std::min(most, points_.count); ++k) threads.emplace_back(work);
    work();
    threads.clear();  // which waits for them
    if (failure_) std::rethrow_exception(failure_);
    return finished();
  }

 private:
  template <class O>
  void take_starts(const Executor& where, const O& objective, double& transfer_seconds) {
    std::vector<T> x(static_cast<std::size_t>(points_.components));
    for (std::int64_t k = next_++; k < points_.count && !interruption_.asked(); k = next_++) {
      for (std::size_t i = 0; i < x.size(); ++i) x[i] = points_(k, static_cast<std::int64_t>(i));
      MinimizeReport report = descend(where, objective, x, options_, transfer_seconds);
      for (std::size_t i = 0; i < x.size(); ++i) points_(k, static_cast<std::int64_t>(i)) = x[i];
      result_.all[static_cast<std::size_t>(k)] = {report.reason, report.value, report.gradient_norm, report.iterations,
                                                  report.evaluations};
      ++done_;
      if (report.converged()) ++converged_;
      if (points_.count == 1) result_.only = std::move(report);
    }
  }

  bool tell(const Progress& progress) {
    line_.update([&] {
      if (points_.count == 1) {
        return fmt::format("iteration {}: value {:.9g}, gradient norm {:.3g}", progress.iteration, progress.value,
                           progress.gradient_norm);
      }
      return fmt::format("{} of {} starts done, {} converged, {:.3g} starts/s", done_.load(), points_.count,
                         converged_.load(), static_cast<double>(done_) / watch_.seconds());
    });
    return !interruption_.asked();
  }

  Descents finished() {
    result_.seconds = watch_.seconds() - result_.transfer_seconds;
    return std::move(result_);
  }

  const DescentTask& task_;
  BatchView<T> points_;
  MinimizeOptions options_;
  Descents result_;
  std::atomic<std::int64_t> next_ = 0, done_ = 0, converged_ = 0;
  std::mutex failing_;
  std::exception_ptr failure_;
  Interruption interruption_;
  ProgressLine line_;
  Stopwatch watch_;
};

/// Methods that many starts go by side by side, but for that of fits.
bool has_lanes(Method method) {
  return method != Method::levenberg_marquardt && nabla::detail::each_method(method).has_value();
}

/// All of them on a CUDA device, whoever wrote the function as a formula: kernels of 27 functions by ten methods would
/// take longer to compile than all of the rest.
template <class T>
Descents descend_on_device(const DescentTask& task, BatchView<T> points) {
  const Executor& where = task.executor;
  const Stopwatch there;
  std::vector<T> numbers;
  for (std::int64_t k = 0; k < points.count; ++k) {
    for (std::int64_t i = 0; i < points.components; ++i) numbers.push_back(points(k, i));
  }
  const auto starts = Points<T>::from_host(where, numbers, points.components);
  const double transfer_seconds = there.seconds();
  const auto found = minimize_each(where, task.function.as_formula(), starts, each_options(task));
  const Stopwatch back;
  numbers = found.x.to_host();
  for (std::int64_t k = 0; k < points.count; ++k) {
    for (std::int64_t i = 0; i < points.components; ++i) {
      points(k, i) = numbers[static_cast<std::size_t>(k * points.components + i)];
    }
  }
  Descents descents = descents_of(found.reason, found.value.to_host(), found.gradient_norm.to_host(), found.iterations,
                                  found.evaluations, found.report.seconds);
  descents.transfer_seconds = transfer_seconds + back.seconds();
  return descents;
}

/// All of them in the lanes of vector registers.
template <class T>
Descents descend_in_lanes(const DescentTask& task, BatchView<T> points) {
  const auto count = static_cast<std::size_t>(points.count);
  const Interruption interruption;
  ProgressLine line(!task.quiet);
  EachOptions options = each_options(task);
  options.callback = [&](const EachProgress& progress) {
    line.update([&] {
      return fmt::format("{} of {} starts done, {} converged, {:.3g} starts/s", progress.done, progress.starts,
                         progress.converged, static_cast<double>(progress.done) / progress.seconds);
    });
    return !interruption.asked();
  };
  std::vector<T> value(count), gradient_norm(count);
  std::vector<std::int64_t> iterations(count), evaluations(count);
  std::vector<StopReason> reason(count);
  const EachOutputs<T> out{points,
                           {value.data(), points.count},
                           {gradient_norm.data(), points.count},
                           iterations.data(),
                           evaluations.data(),
                           reason.data()};
  const double seconds = task.function.minimize_each<T>(task.executor, points, out, options).seconds;
  return descents_of(reason, value, gradient_norm, iterations, evaluations, seconds);
}

}  // namespace

EachOptions each_options(const DescentTask& task) {
  const MinimizeOptions& asked = task.options;
  EachOptions options;
  options.method = asked.method;
  options.step = asked.step;
  options.memory = asked.memory;
  options.momentum = asked.momentum;
  options.clip = asked.clip;
  options.lower = task.lower;
  options.upper = task.upper;
  options.gradient_tolerance = asked.gradient_tolerance;
  options.relative_gradient_tolerance = asked.relative_gradient_tolerance;
  options.relative_tolerance = asked.relative_tolerance;
  options.target = asked.target;
  options.max_iterations = asked.max_iterations;
  options.max_evaluations = asked.max_evaluations;
  return options;
}

template <class T>
Descents descend_from_all(const DescentTask& task, BatchView<T> points) {
  const std::int64_t n = points.components;
  const bool has_bounds = !task.lower.empty();
  const bool has_matrix = task.options.method == Method::bfgs || task.options.method == Method::newton_cg;
  const bool fits_lanes = !task.data && has_lanes(task.options.method) &&
                          n <= (has_matrix ? most_variables_with_matrix : most_variables_of_a_point);
  if (fits_lanes && (points.count != 1 || has_bounds)) {
    return task.executor.is_cuda() ? descend_on_device<T>(task, points) : descend_in_lanes<T>(task, points);
  }
  if (has_bounds) {
    throw UsageError(
        fmt::format("--bounds: are for small functions, of up to {} variables, or {} by bfgs and "
                    "newton, and not for sums over data, conjugate-gradient and adam",
                    most_variables_of_a_point, most_variables_with_matrix));
  }
  if (task.data) {
    const auto sum = data_sum<T>(task.executor, *task.function.formula(), n, *task.data);
    Descents descents = Walk<T>(task, points).one_by_one(sum.sum);
    descents.transfer_seconds += sum.transfer_seconds;
    return descents;
  }
  if (n > most_variables_of_a_point) {
    const auto sum = formula_objective<T>(task.executor, task.function.as_formula(), n);
    if (sum.is_sum()) return Walk<T>(task, points).one_by_one(sum);
    return Walk<T>(task, points).one_by_one(WithoutDiagonal<T>(sum));
  }
  if (task.executor.is_cuda()) {
    return Walk<T>(task, points).one_by_one(PointObjective<T>(task.executor, task.function));
  }
  return Walk<T>(task, points).side_by_side([&](const Executor& where) {
    return PointObjective<T>(where, task.function);
  });
}
template Descents descend_from_all(const DescentTask&, BatchView<float>);
template Descents descend_from_all(const DescentTask&, BatchView<double>);

}  // namespace nabla::cli
