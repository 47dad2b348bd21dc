#pragma once

#include "differences.hpp"
#include "judge.hpp"

#include <array>
#include <vector>

namespace nabla::check {

/// The median of slopes, of any number of them, to a hundredth.
class SlopeHistogram {
 public:
  void add(double slope);
  double median() const;

 private:
  static constexpr double low = -4, high = 8, width = 0.01;
  std::array<std::int64_t, static_cast<std::size_t>((high - low) / width) + 1> counts_{};
  std::int64_t total_ = 0;
};

/// Component i of a random direction: +- 1, 1 + 1/parts, …, 2 - 1/parts. Of few parts, x + t u is rounded by little
/// more than x itself where t is a power of two and x of about the unit's size; of many, no two components are the
/// same.
double random_component(std::uint64_t seed, std::int64_t number, std::int64_t i, int parts);

/// What the stages of a check share.
struct Context {
  Context(const CheckCalls& check_calls, const CheckOptions& check_options);

  const CheckCalls& calls;
  const CheckOptions& options;
  double tolerance;
  std::vector<double> scale;       // a typical size of each variable, a power of two
  std::vector<double> directions;  // options.directions of them, n numbers each
  CheckReport report;
  SlopeHistogram slopes;

  std::span<const double> direction(std::int64_t k) const {
    return std::span(directions).subspan(static_cast<std::size_t>(k * calls.n), static_cast<std::size_t>(calls.n));
  }
  std::vector<double> points(std::int64_t first, std::int64_t count) const;
  std::vector<double> derivatives(std::span<const double> points) const;
  /// For each point whether F is finite in the precision of the derivative; where values have another one, which may
  /// reach further.
  std::vector<bool> finite(std::span<const double> points) const;
};

/// Points at which f is finite.
struct TriedPoints {
  std::vector<std::int64_t> passed, objections;
};
/// Tries points [first, first + count) along random directions.
TriedPoints try_directions(Context& context, std::int64_t first, std::int64_t count);
/// So many points at once, whatever there are, so that memory is bounded.
std::int64_t points_at_once(const CheckCalls& calls);

}  // namespace nabla::check
