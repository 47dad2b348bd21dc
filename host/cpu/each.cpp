#include "each.hpp"

#include "../available_memory.hpp"
#include "../executor_state.hpp"
#include "each_step.hpp"

#include <nabla/detail/cpu_tile.hpp>

#include <omp.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <exception>
#include <iomanip>
#include <sstream>
#include <vector>

// Threads hold a few packs of descents each, whose states fit the first-level cache. After each evaluation, lanes whose
// descent has ended write down what it found and take the next start; starts are handed out by chunks. Only at the very
// end are lanes idle.

namespace nabla::detail::cpu {

namespace {

constexpr std::int64_t state_bytes = 32 << 10;
constexpr std::int64_t most_packs = 8;  // enough for each to go on while others wait for results

/// What threads share.
struct Queue {
  std::int64_t count;
  std::int64_t chunk;
  std::atomic<std::int64_t> next{0}, done{0}, converged{0};
  std::atomic<bool> is_ended{false};
};

/// What of a column of data threads have to copy: nothing where all starts share it, and one row where a start's rows
/// are all the same.
template <class T>
std::int64_t rows_to_copy(const EachData<T>& data, const BatchView<const T>& column) {
  return column.item_stride == 0 ? 0 : column.component_stride == 0 ? 1 : data.rows;
}

/// How a thread's memory is divided.
struct CrewPlan {
  std::int64_t state, found, data;  // rows
  std::int64_t packs, stride;
  std::int64_t numbers() const { return (state + found + data) * stride; }
};
template <class T>
CrewPlan plan_crew(const EachTask<T>& task, const EachStep<T>& step, int threads) {
  constexpr auto width = static_cast<std::int64_t>(Lanes<T>::size);
  CrewPlan plan{step.rows(static_cast<int>(task.operation.dimension), task.rules.memory), task.operation.rows.total(),
                0, 0, 0};
  for (const auto& column : task.data.columns) plan.data += rows_to_copy(task.data, column);
  const std::int64_t rows = plan.state + plan.found + plan.data;
  const std::int64_t fit = state_bytes / (rows * width * static_cast<std::int64_t>(sizeof(T)));
  // No more than leave some for the others: they are taken at once.
  const std::int64_t wanted = (task.starts.count + width * threads - 1) / (width * threads);
  plan.packs = std::clamp<std::int64_t>(std::min(fit, wanted), 1, most_packs);
  // Machine code of formulas may take more points at a time than this program's packs have.
  const std::int64_t at_once = (task.operation.lanes + width - 1) / width;
  plan.packs = (plan.packs + at_once - 1) / at_once * at_once;
  // Rows a power of two apart would compete for the same lines of the cache, but for those that are hardly longer than
  // a line.
  plan.stride = (plan.packs > 2 ? plan.packs + 1 : plan.packs) * width;
  return plan;
}

/// One thread's descents.
template <class T>
class Crew {
 public:
  Crew(const EachTask<T>& task, const EachStep<T>& step, const CrewPlan& plan, Queue& queue)
      : task_(task),
        queue_(queue),
        n_(static_cast<int>(task.operation.dimension)),
        step_(step),
        packs_(plan.packs),
        lanes_(plan.packs * width),
        stride_(plan.stride) {
    numbers_.assign(static_cast<std::size_t>(plan.numbers() + 64), T(0));
    const auto misplaced = reinterpret_cast<std::uintptr_t>(numbers_.data()) % 64 / sizeof(T);
    state_ = numbers_.data() + (misplaced == 0 ? 0 : 64 / sizeof(T) - misplaced);
    found_ = state_ + plan.state * stride_;
    place_data(found_ + plan.found * stride_);
    starts_.assign(static_cast<std::size_t>(lanes_), -1);
    std::fill_n(row(each::reason), stride_, T(0));  // nothing runs
  }

  template <class Between>
  EachCounts run(const Between& between) {
    for (std::int64_t lane = 0; lane < lanes_; ++lane) refill(lane);
    const Tile<T> tile = make_tile();
    const EachPacks<T> packs{state_, found_, stride_, packs_};
    while (busy_ > 0) {
      task_.operation.run_tile(task_.operation.body, tile);
      step_.advance(task_.rules, n_, packs);
      counts_.lanes += lanes_;
      // Reasons are told apart by the sign: running is negative.
      const T* const reasons = row(each::reason);
      for (std::int64_t lane = 0; lane < lanes_; ++lane) {
        if (reasons[lane] >= 0 && starts_[static_cast<std::size_t>(lane)] >= 0) {
          write(lane);
          refill(lane);
        }
      }
      tell();
      between();
      if (queue_.is_ended.load(std::memory_order_relaxed)) interrupt();
    }
    return counts_;
  }

 private:
  static constexpr auto width = static_cast<std::int64_t>(Lanes<T>::size);

  T* row(int r) const { return state_ + r * stride_; }

  Tile<T> make_tile() const {
    Tile<T> tile{};
    const each::Layout at{n_};
    tile.count = lanes_;
    tile.dimension = n_;
    tile.in = row(at.trial(0));
    tile.in_stride = stride_;
    tile.columns = columns_.data();
    T* out = found_;
    for (int g = 0; g < max_groups; ++g) {
      tile.out[g] = out;
      tile.out_stride[g] = stride_;
      out += task_.operation.rows.group[g] * stride_;
    }
    return tile;
  }

  std::int64_t next_start() {
    if (first_ == last_) {
      first_ = std::min(queue_.count, queue_.next.fetch_add(queue_.chunk));
      last_ = std::min(queue_.count, first_ + queue_.chunk);
    }
    return first_ < last_ ? first_++ : -1;
  }

  void refill(std::int64_t lane) {
    std::int64_t& start = starts_[static_cast<std::size_t>(lane)];
    busy_ -= start >= 0 ? 1 : 0;
    start = queue_.is_ended.load(std::memory_order_relaxed) ? -1 : next_start();
    if (start < 0) return;
    ++busy_;
    const each::Layout at{n_};
    for (int r = 0; r < at.trial(0); ++r) row(r)[lane] = 0;
    row(each::reason)[lane] = static_cast<T>(each::running);
    copy_data(lane, start);
    for (int i = 0; i < n_; ++i) {
      T x = task_.starts(start, i);
      if (task_.rules.lower != nullptr) {
        x = x < task_.rules.lower[i] ? task_.rules.lower[i] : x > task_.rules.upper[i] ? task_.rules.upper[i] : x;
      }
      row(at.trial(i))[lane] = x;
    }
  }

  /// What starts share is read where it is; of the rest there are copies, at `place`: row after row.
  void place_data(T* place) {
    const std::vector<BatchView<const T>>& columns = task_.data.columns;
    const auto is_long = [&](const auto& column) { return rows_to_copy(task_.data, column) > 1; };
    const std::int64_t apart = std::ranges::count_if(columns, is_long) * stride_;
    T* place_of_one = place + apart * task_.data.rows;
    for (const BatchView<const T>& column : columns) {
      if (rows_to_copy(task_.data, column) == 0) {
        columns_.push_back({column.data, column.component_stride, true});
        copies_.push_back(nullptr);
        continue;
      }
      T*& free = is_long(column) ? place : place_of_one;
      columns_.push_back({free, is_long(column) ? apart : 0, false});
      copies_.push_back(free);
      free += stride_;
    }
  }

  /// A start's data to its lane's place.
  void copy_data(std::int64_t lane, std::int64_t start) {
    for (std::size_t k = 0; k < copies_.size(); ++k) {
      const BatchView<const T>& column = task_.data.columns[k];
      const std::int64_t rows = rows_to_copy(task_.data, column);
      if (rows == 0) continue;
      T* const to = copies_[k] + lane;
      for (std::int64_t r = 0; r < rows; ++r) to[r * columns_[k].stride] = column(start, r);
    }
  }

  void write(std::int64_t lane) {
    const std::int64_t start = starts_[static_cast<std::size_t>(lane)];
    const each::Layout at{n_};
    const EachOutputs<T>& out = task_.out;
    const auto whole = [&](int r) { return static_cast<std::int64_t>(row(r)[lane]); };
    const std::int64_t why = whole(each::reason);
    const auto counted = [&](int counter) { return whole(counter) + whole(counter + 1); };
    const std::int64_t iterations = counted(each::iterations), evaluations = counted(each::evaluations);
    if (out.x) {
      for (int i = 0; i < n_; ++i) out.x(start, i) = row(at.x(i))[lane];
    }
    if (out.value) out.value(start) = row(each::value)[lane];
    if (out.gradient_norm) out.gradient_norm(start) = std::sqrt(row(each::squares)[lane]);
    if (out.iterations != nullptr) out.iterations[start] = iterations;
    if (out.evaluations != nullptr) out.evaluations[start] = evaluations;
    if (out.reason != nullptr) out.reason[start] = static_cast<StopReason>(why);
    ++counts_.reasons[why];
    counts_.iterations += iterations;
    counts_.evaluations += evaluations;
    ++done_;
    converged_ += has_converged(static_cast<StopReason>(why)) ? 1 : 0;
  }

  /// Once for several descents: threads wait for each other here.
  void tell() {
    if (!task_.callback || done_ == 0) return;
    queue_.done.fetch_add(done_, std::memory_order_relaxed);
    queue_.converged.fetch_add(converged_, std::memory_order_relaxed);
    done_ = converged_ = 0;
  }

  void interrupt() {
    for (std::int64_t lane = 0; lane < lanes_; ++lane) {
      if (starts_[static_cast<std::size_t>(lane)] < 0) continue;
      row(each::reason)[lane] = static_cast<T>(static_cast<int>(StopReason::interrupted));
      write(lane);
      refill(lane);
    }
    for (std::int64_t start = next_start(); start >= 0; start = next_start()) write_untouched(start);
  }

  /// Of a start that nobody came to.
  void write_untouched(std::int64_t start) {
    const EachOutputs<T>& out = task_.out;
    for (int i = 0; i < n_ && out.x; ++i) out.x(start, i) = task_.starts(start, i);
    const T unknown = std::numeric_limits<T>::quiet_NaN();
    if (out.value) out.value(start) = unknown;
    if (out.gradient_norm) out.gradient_norm(start) = unknown;
    if (out.iterations != nullptr) out.iterations[start] = 0;
    if (out.evaluations != nullptr) out.evaluations[start] = 0;
    if (out.reason != nullptr) out.reason[start] = StopReason::interrupted;
    ++counts_.reasons[static_cast<int>(StopReason::interrupted)];
  }

  const EachTask<T>& task_;
  Queue& queue_;
  const int n_;
  const EachStep<T>& step_;
  const std::int64_t packs_, lanes_, stride_;
  std::vector<T> numbers_;
  T *state_, *found_;
  std::vector<TileColumn<T>> columns_;
  std::vector<T*> copies_;            // of the columns; null: shared
  std::vector<std::int64_t> starts_;  // of each lane; -1: none
  std::int64_t busy_ = 0, first_ = 0, last_ = 0;
  std::int64_t done_ = 0, converged_ = 0;  // that were not told of
  EachCounts counts_;
};

/// Threads' memory is as large as the caller's data are long.
template <class T>
void require_memory(const EachTask<T>& task, const CrewPlan& plan, int threads) {
  constexpr double small = 1 << 26;
  const double bytes = static_cast<double>(threads) * static_cast<double>(plan.numbers()) * sizeof(T);
  if (bytes <= small) return;
  const double available = available_memory();
  if (bytes <= available) return;
  constexpr double gigabyte = 1e9;
  std::ostringstream text;
  text << std::setprecision(4) << task.operation.name << ": " << threads << (threads == 1 ? " thread" : " threads")
       << " with places for " << plan.packs * static_cast<std::int64_t>(Lanes<T>::size) << " descents"
       << (threads == 1 ? "" : " each") << (plan.data > 0 ? ", their data among them," : "") << " would take "
       << bytes / gigabyte << " GB of memory, " << available / gigabyte << " GB are available";
  throw Error(text.str());
}

/// Tells the caller, ten times a second, how it is going.
class Reporter {
 public:
  Reporter(const std::function<bool(const EachProgress&)>& callback, Queue& queue)
      : callback_(callback), queue_(queue) {}

  void look() {
    constexpr int evaluations_between = 64;
    constexpr double seconds_between = 0.1;
    if (!callback_ || ++evaluations_ % evaluations_between != 0) return;
    const double now = seconds();
    if (now - told_ < seconds_between) return;
    told_ = now;
    if (!callback_({queue_.count, queue_.done.load(), queue_.converged.load(), now})) queue_.is_ended = true;
  }

 private:
  double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun_).count(); }

  const std::function<bool(const EachProgress&)>& callback_;
  Queue& queue_;
  std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
  double told_ = 0;
  std::int64_t evaluations_ = 0;
};

}  // namespace

template <class T>
EachCounts descend_from_each(const Executor& executor, const EachTask<T>& task) {
  constexpr std::int64_t most_in_a_chunk = 1024;
  Queue queue{};
  queue.count = task.starts.count;
  const auto width = static_cast<std::int64_t>(Lanes<T>::size);
  const std::int64_t packs = (queue.count + width - 1) / width;
  const auto threads = static_cast<int>(std::clamp<std::int64_t>(packs, 1, executor.threads()));
  queue.chunk = std::clamp<std::int64_t>(queue.count / (std::int64_t{16} * threads), 1, most_in_a_chunk);
  const EachStep<T> step = each_step<T>(task.method, static_cast<int>(task.operation.dimension));
  const CrewPlan plan = plan_crew(task, step, threads);
  require_memory(task, plan, threads);
  EachCounts counts;
  std::exception_ptr failure;  // of the caller's function; an exception must not leave a parallel region
  Reporter reporter(task.callback, queue);
#pragma omp parallel num_threads(threads)
  {
    try {
      Crew<T> crew(task, step, plan, queue);
      const bool is_caller = omp_get_thread_num() == 0;
      const EachCounts some = crew.run([&] {
        if (is_caller) reporter.look();
      });
#pragma omp critical(nabla_each)
      counts.add(some);
    } catch (...) {
      queue.is_ended = true;
#pragma omp critical(nabla_each)
      failure = std::current_exception();
    }
  }
  if (failure) std::rethrow_exception(failure);
  return counts;
}
template EachCounts descend_from_each(const Executor&, const EachTask<float>&);
template EachCounts descend_from_each(const Executor&, const EachTask<double>&);

}  // namespace nabla::detail::cpu
