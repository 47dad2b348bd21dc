#include "cuda.hpp"

#include "../cuda_seam.hpp"

#include <nabla/batch.hpp>
#include <nabla/detail/each_launch.hpp>

#include <algorithm>
#include <iomanip>
#include <optional>
#include <sstream>
#include <string>

// Descents on a CUDA device: the kernel is the caller's (kernels/each.cuh), here is what surrounds it. The host waits
// once, for all of them.

namespace nabla::detail::cuda {

namespace {

/// A bound for each variable, on the device.
template <class T>
Array<T> uploaded(const Executor& executor, const T* bounds, std::int64_t n) {
  Array<T> there(executor, n);
  if (n > 0) copy_bytes(executor, there.data(), bounds, static_cast<std::size_t>(n) * sizeof(T));
  return there;
}

template <class N>
void take(const Executor& executor, N& host, const N* device) {
  copy_bytes(executor, &host, device, sizeof(N));
}

/// Of the memory that is free a part is left to others, and to what the driver needs itself.
constexpr double most_of_free = 0.875;

/// State of descents that registers don't hold, as EachLaunch has it.
template <class T>
class BlocksState {
 public:
  BlocksState(const Executor& executor, const char* name) : executor_(executor), name_(name) {}

  T* allocate(std::int64_t& blocks, std::int64_t numbers) {
    if (numbers == 0) return nullptr;
    const double of_block = static_cast<double>(numbers) * sizeof(T);
    const double free = static_cast<double>(free_bytes(executor_.state()));
    const auto fit = static_cast<std::int64_t>(most_of_free * free / of_block);
    if (fit < 1) {
      constexpr double gigabyte = 1e9;
      std::ostringstream text;
      text << std::setprecision(4) << name_ << ": the state of " << each_threads << " descents takes "
           << of_block / gigabyte << " GB of the device's memory, of which " << free / gigabyte << " GB are free";
      throw Error(text.str());
    }
    blocks = std::min(blocks, fit);
    memory_.emplace(executor_, blocks * numbers);
    return memory_->data();
  }

 private:
  const Executor& executor_;
  const char* name_;
  std::optional<Array<T>> memory_;
};

EachCounts counts_of(const EachTally& tally) {
  const auto whole = [](unsigned long long number) { return static_cast<std::int64_t>(number); };
  EachCounts counts;
  std::ranges::transform(tally.reasons, counts.reasons, whole);
  counts.iterations = whole(tally.iterations);
  counts.evaluations = whole(tally.evaluations);
  counts.lanes = whole(tally.lanes);
  return counts;
}

}  // namespace

template <class T>
EachCounts descend_from_each(const Executor& executor, const EachTask<T>& task, BestStart& best,
                             std::int64_t most_blocks) {
  const Operation<T>& operation = task.operation;
  if (operation.launch_each == nullptr) {
    throw ExecutorUnavailable(std::string(operation.name) + ": " + operation.no_launch);
  }
  best = {-1, 0};
  const std::int64_t count = task.starts.count, n = task.starts.components;
  if (count == 0) return {};
  const CurrentDevice current(executor.device());
  const ExecutorState& state = executor.state();
  const Array<EachTally> tally(executor, 1);
  clear(state, tally.data(), sizeof(EachTally));
  const bool has_bounds = task.rules.lower != nullptr, has_values = static_cast<bool>(task.out.value);
  const Array<T> lower = uploaded(executor, task.rules.lower, has_bounds ? n : 0);
  const Array<T> upper = uploaded(executor, task.rules.upper, has_bounds ? n : 0);
  const Array<T> own_values(executor, has_values ? 0 : count);
  const Array<BestStart> partials(executor, most_best_partials);
  Array<BatchView<const T>> columns(executor, static_cast<std::int64_t>(task.data.columns.size()));
  if (!task.data.columns.empty()) columns.upload(task.data.columns);

  BlocksState<T> blocks_state(executor, operation.name);
  const EachOutputs<T>& out = task.out;
  EachLaunch<T> launch{
      operation.name,
      {task.starts, out.x, out.value, out.gradient_norm, out.iterations, out.evaluations, out.reason, task.rules,
       columns.data(), task.data.columns.empty() ? 1 : task.data.rows, nullptr, tally.data()},
      task.method,
      state.device,
      state.stream,
      most_blocks,
      [&](std::int64_t& blocks, std::int64_t numbers) { return blocks_state.allocate(blocks, numbers); }};
  if (has_bounds) {
    launch.request.rules.lower = lower.data();
    launch.request.rules.upper = upper.data();
  }
  if (!has_values) launch.request.value = {own_values.data(), count, 1};
  operation.launch_each(operation.body, launch);
  take(executor, best, find_best<T>(state, launch.request.value, partials.data()));
  EachTally counted{};
  take(executor, counted, tally.data());
  return counts_of(counted);
}
template EachCounts descend_from_each(const Executor&, const EachTask<float>&, BestStart&, std::int64_t);
template EachCounts descend_from_each(const Executor&, const EachTask<double>&, BestStart&, std::int64_t);

}  // namespace nabla::detail::cuda
