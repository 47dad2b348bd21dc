#pragma once

#include "cases.hpp"
#include "ceilings.hpp"

// A case held against its floor: the larger of what its bytes take by a bare loop and what its arithmetic takes at the
// ceilings' rates. The three are run in turn, round after round, and the ratio is taken round by round.

namespace nabla::bench {

/// The ceiling that a case is nearest to; neither, if it is not even at 0.6 of that.
enum class Bound { memory, arithmetic, call, neither };
std::string to_string(Bound bound);

/// Medians over rounds; times are of one run.
struct Measured {
  double seconds = 0;
  double memory_seconds = 0;
  double arithmetic_seconds = 0;
  double of_floor = 0;       ///< the floor's time over the run's
  double low = 0, high = 0;  ///< of that ratio: quartiles
  int rounds = 0;
  double call_seconds = 0;  ///< what a call takes that has next to nothing to do; 0: not looked at

  Bound bound() const {
    constexpr double near = 0.6;
    if (call_seconds > seconds / 2) return Bound::call;
    if (of_floor < near) return Bound::neither;
    return memory_seconds >= arithmetic_seconds ? Bound::memory : Bound::arithmetic;
  }
};

/// For about so many seconds, at least five rounds. `cold`: caches are flushed before each run.
Measured measure(Ceilings& ceilings, const Prepared& prepared, bool f32, double seconds, bool cold = false);

/// What takes turns; a call of `arithmetic_seconds` measures.
struct Turns {
  std::function<void()> run, move, flush;
  std::function<double()> arithmetic_seconds;
};
Measured measure(const Clock& clock, const Turns& turns, double seconds, bool cold);

/// How much longer the second run takes than the first: the median of ratios of pairs, and quartiles.
struct Ratio {
  double median = 0, low = 0, high = 0;
};
Ratio ratio_of(const Clock& clock, const std::function<void()>& first, const std::function<void()>& second,
               double seconds);
/// How many times as fast so many threads are as one, on the same arrays.
Ratio speedup(const Prepared& prepared, int threads, double seconds);

/// How many items make about so many bytes of data.
std::int64_t items_for(const Case& what, double bytes);

}  // namespace nabla::bench
