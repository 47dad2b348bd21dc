#pragma once

#include <nabla/batch.hpp>
#include <nabla/detail/check_calls.hpp>

#include <algorithm>
#include <optional>

namespace nabla::detail {

template <class T>
BatchView<T> part_of(BatchView<T> view, std::int64_t first, std::int64_t count) {
  return {view.data + first * view.item_stride, count, view.components, view.item_stride, view.component_stride};
}

/// A batch's numbers as the host reads them.
template <class T, class As>
class HostNumbers {
 public:
  explicit HostNumbers(const Batch<T>& batch) {
    if constexpr (std::same_as<T, As>) {
      data_ = batch.data();
      if (!batch.executor().is_cuda()) return;
    }
    const std::vector<T> numbers = batch.to_host();
    copy_.assign(numbers.begin(), numbers.end());
    data_ = copy_.data();
  }
  const As* data() const { return data_; }

 private:
  std::vector<As> copy_;
  const As* data_ = nullptr;
};

/// A function as a check calls it. `Values`: how f is evaluated, `Derivatives`: what is to be checked; both are called
/// as (executor, points, outputs), with views of the same precision.
template <class T, class D, class Values, class Derivatives>
class CheckedFunction {
 public:
  CheckedFunction(const Executor& executor, BatchView<const T> points, std::int64_t outputs, Values values,
                  Derivatives derivatives)
      : executor_(executor), points_(points), outputs_(outputs), values_(values), derivatives_(derivatives) {
    require_points<T>(executor, "check_gradient", points);
  }

  /// Valid as long as this is.
  CheckCalls calls() {
    CheckCalls made{};
    made.count = points_.count;
    made.n = points_.components;
    made.outputs = outputs_;
    constexpr std::int64_t of_device = 1 << 20, of_thread = 4096;
    made.busy = executor_.is_cuda() ? of_device : of_thread * executor_.threads();
    made.derivative_precision = precision_of<T>;
    made.value_precision = precision_of<D>;
    made.points = [this](std::int64_t first, std::span<double> to) {
      const auto count = static_cast<std::int64_t>(to.size()) / points_.components;
      read_points<T>(executor_, part_of(points_, first, count), to);
    };
    made.values = [this](std::span<const double> points, std::span<double> to) {
      call<D>(values_, outputs_, points, to);
    };
    made.derivatives = [this](std::span<const double> points, std::span<double> to) {
      call<T>(derivatives_, outputs_ * points_.components, points, to);
    };
    if constexpr (!std::same_as<T, D>) {
      made.stored_values = [this](std::span<const double> points, std::span<double> to) {
        call<T>(values_, outputs_, points, to);
      };
      made.precise_derivatives = [this](std::span<const double> points, std::span<double> to) {
        call<D>(derivatives_, outputs_ * points_.components, points, to);
      };
    }
    made.spread = [this](std::int64_t first, std::int64_t count) { return spread(first, count); };
    return made;
  }

  /// With a pass that screens the points: run(points, gradients, plan, outputs), all in the executor's memory.
  template <class Run>
  CheckCalls calls(Run run) {
    CheckCalls made = calls();
    made.screen = [this, run](std::int64_t first, std::int64_t count, std::span<const double> directions,
                              const CheckOptions& options, double tolerance,
                              const std::function<void(const Screening&)>& use) {
      screen(run, first, count, directions, ladder_plan<D>(options, tolerance, precision_of<T>), use);
    };
    return made;
  }

 private:
  template <class R, class Call>
  void call(const Call& function, std::int64_t rows, std::span<const double> points, std::span<double> to) const {
    if (points.empty()) return;
    const std::vector<R> numbers(points.begin(), points.end());
    const auto batch = Batch<R>::from_host(executor_, numbers, points_.components);
    const Batch<R> results(executor_, batch.count(), rows, Layout::point_major);
    function(executor_, BatchView<const R>(batch), results.view());
    std::ranges::transform(results.to_host(), to.begin(), [](R number) { return static_cast<double>(number); });
  }

  /// Evaluates the derivative of a chunk twice, and keeps the first for the screening.
  double spread(std::int64_t first, std::int64_t count) {
    const std::int64_t rows = outputs_ * points_.components;
    for (std::optional<Batch<T>>* batch : {&once_, &twice_}) {
      if (!*batch || (*batch)->count() != count) batch->emplace(executor_, count, rows);
      derivatives_(executor_, part_of(points_, first, count), (*batch)->view());
    }
    return largest_difference<T>(executor_, once_->data(), twice_->data(), count * rows);
  }

  template <class Run>
  void screen(Run run, std::int64_t first, std::int64_t count, std::span<const double> directions, LadderPlan<D> plan,
              const std::function<void(const Screening&)>& use) {
    const BatchView<const T> points = part_of(points_, first, count);
    std::optional<Batch<D>> wide_points, wide_gradients;
    BatchView<const D> x, gradients;
    if constexpr (std::same_as<T, D>) {
      x = points;
      gradients = *once_;
    } else {
      x = wide_points.emplace(widened(points));
      gradients = wide_gradients.emplace(widened(*once_));
    }
    if (!outcome_ || outcome_->count() != count) {
      outcome_.emplace(executor_, count, 2);
      slopes_.emplace(executor_, count, most_ladder_directions);
    }
    const std::vector<D> numbers(directions.begin(), directions.end());
    Array<D> on_executor(executor_, static_cast<std::int64_t>(numbers.size()));
    on_executor.upload(numbers);
    plan.directions = on_executor.data();
    plan.direction_count = static_cast<int>(on_executor.size() / points_.components);
    run(x, gradients, plan, outcome_->view(), slopes_->view());
    const HostNumbers<D, double> outcome(*outcome_), slopes(*slopes_);
    use({count, plan.direction_count, outcome.data(), outcome.data() + count, slopes.data()});
  }

  Batch<D> widened(const BatchView<const T>& from) const {
    std::vector<double> numbers(static_cast<std::size_t>(from.count * from.components));
    read_points<T>(executor_, from, numbers);
    return Batch<D>::from_host(executor_, std::vector<D>(numbers.begin(), numbers.end()), from.components);
  }

  const Executor& executor_;
  BatchView<const T> points_;
  std::int64_t outputs_;
  Values values_;
  Derivatives derivatives_;
  std::optional<Batch<T>> once_, twice_;  // the derivatives of the points that are being tried
  std::optional<Batch<D>> outcome_, slopes_;
};

}  // namespace nabla::detail
