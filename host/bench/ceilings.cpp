#include "ceilings.hpp"

#include "bare.hpp"
#include "device_clocks.hpp"

#include <algorithm>
#include <chrono>

namespace nabla::bench {

namespace {
volatile std::uint64_t seen;  // what was read, for compilers that would leave out what nobody sees
}

Clock clock_of(const Executor& executor) {
  const auto now = [] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
  };
  if (executor.is_cuda()) {
    return {now, [executor](const std::function<void()>& work) { return cuda::seconds_of(executor, work); }};
  }
  return {now, [now](const std::function<void()>& work) {
            const double start = now();
            work();
            return now() - start;
          }};
}

double rate_of(const Clock& clock, double& amount, const std::function<double(double)>& run) {
  constexpr double long_enough = 0.5e-3, first = 1e4;
  amount = std::max(amount, first);
  double done = 0;
  const auto seconds = [&] { return clock.seconds_of([&] { done = run(amount); }); };
  double took = seconds();
  for (; took < long_enough; took = seconds()) amount *= 2;
  // Whatever disturbs makes it slower, and the floor higher.
  double most = done / took;
  for (int again = 0; again < 2; ++again) {
    took = seconds();
    most = std::max(most, done / took);
  }
  return most;
}

std::byte* Ceilings::pool(std::int64_t bytes) {
  if (pool_.size() < bytes) {
    pool_ = Array<std::byte>(executor_, 0);  // not both at a time
    pool_ = Array<std::byte>(executor_, bytes);
    if (!executor_.is_cuda()) {  // memory that was never written is not read either
      std::byte* const to = pool_.data();
#pragma omp parallel for schedule(static) num_threads(executor_.threads())
      for (std::int64_t i = 0; i < bytes; ++i) to[i] = std::byte{1};
    }
  }
  return pool_.data();
}

void Ceilings::move(const Traffic& traffic) {
  for (int pass = 0; pass < traffic.passes; ++pass) {
    move_once(traffic);
    for (const Traffic& more : traffic.then) move(more);
  }
}

void Ceilings::move_once(const Traffic& traffic) {
  constexpr std::int64_t line = 64;
  Traffic whole = traffic;
  const auto streams = static_cast<std::size_t>(whole.reads) + static_cast<std::size_t>(whole.writes);
  if (whole.memory.empty()) {
    whole.stream_bytes = (traffic.stream_bytes + line - 1) / line * line;
    std::byte* const memory = pool(static_cast<std::int64_t>(streams) * whole.stream_bytes);
    for (std::size_t k = 0; k < streams; ++k) {
      whole.memory.push_back(memory + static_cast<std::int64_t>(k) * whole.stream_bytes);
    }
  } else {
    whole.stream_bytes = traffic.stream_bytes / line * line;  // what is beyond would be somebody else's
  }
  if (executor_.is_cuda()) return cuda::move(executor_, whole);
  // Few bytes are moved by one thread sooner than others are woken.
  constexpr double worth_a_thread = 65536;
  const double bytes = static_cast<double>(streams) * static_cast<double>(whole.stream_bytes);
  const int threads =
      static_cast<int>(std::clamp(bytes / worth_a_thread, 1.0, static_cast<double>(executor_.threads())));
  const auto first_written = whole.memory.begin() + whole.reads;
  const std::vector<const void*> reads(whole.memory.begin(), first_written);
  const std::vector<void*> writes(first_written, whole.memory.end());
  if (writes.empty()) {
    seen = bare_reads(reads, whole.stream_bytes, threads);
  } else {
    bare_loop(reads, writes, whole.stream_bytes, threads);
  }
}

void Ceilings::flush() { move({1, 1, 2 * cache_bytes()}); }

std::int64_t Ceilings::cache_bytes() const {
  return executor_.is_cuda() ? cuda::cache_bytes(executor_) : detail::cpu::last_level_cache_bytes();
}

template <class T>
double Ceilings::flops_per_second() {
  return rate_of(clock_, amounts_[sizeof(T) == 8].back(), [&](double flops) {
    return executor_.is_cuda() ? cuda::multiply_and_add<T>(executor_, flops, pool(64))
                               : cpu::multiply_and_add<T>(executor_.threads(), flops);
  });
}

template <class T>
double Ceilings::calls_per_second(Elementary f) {
  return rate_of(clock_, amounts_[sizeof(T) == 8].at(static_cast<std::size_t>(f)), [&](double calls) {
    return executor_.is_cuda() ? cuda::call<T>(executor_, f, calls, pool(64))
                               : cpu::call<T>(executor_.threads(), f, calls);
  });
}

template <class T>
double Ceilings::seconds_for(const Work& work) {
  double seconds = work.flops > 0 ? work.flops / flops_per_second<T>() : 0;
  for (std::size_t f = 0; f < elementaries; ++f) {
    if (work.calls[f] > 0) seconds += work.calls[f] / calls_per_second<T>(static_cast<Elementary>(f));
  }
  return seconds;
}

std::string Ceilings::device() {
  if (!executor_.is_cuda()) return "";
  const std::string text = cuda::description(executor_), bus_id = cuda::bus_id(executor_);
  if (!device_clocks(bus_id)) return text + "; clocks at work not known, without NVML";
  // Long enough for clocks that were low to rise, and it is asked while most of that is still to be done.
  flops_per_second<double>();
  constexpr int half_milliseconds = 400;
  for (int k = 0; k < half_milliseconds; ++k) {
    cuda::multiply_and_add<double>(executor_, amounts_[1].back(), pool(64));
    if (k == half_milliseconds / 2) executor_.synchronize();
  }
  const DeviceClocks clocks = device_clocks(bus_id).value_or(DeviceClocks{});
  executor_.synchronize();
  return text + "; at work " + std::to_string(clocks.multiprocessor_mhz) + " MHz, memory " +
         std::to_string(clocks.memory_mhz) + " MHz, driver " + clocks.driver;
}

template double Ceilings::flops_per_second<float>();
template double Ceilings::flops_per_second<double>();
template double Ceilings::calls_per_second<float>(Elementary);
template double Ceilings::calls_per_second<double>(Elementary);
template double Ceilings::seconds_for<float>(const Work&);
template double Ceilings::seconds_for<double>(const Work&);

}  // namespace nabla::bench
