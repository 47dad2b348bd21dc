#pragma once

#include "context.hpp"

namespace nabla::check {

/// A point that was examined component by component.
struct Examined {
  std::int64_t point;
  std::vector<double> x;
  std::vector<std::int64_t> components;  // those that were examined, for each output
  // outputs * components.size() of each:
  std::vector<Claim> claims;
  std::vector<LineDerivative> lines;
  std::vector<Verdict> verdicts;
  double relative_error;

  std::size_t output_of(std::size_t entry) const { return entry / components.size(); }
  std::int64_t component_of(std::size_t entry) const { return components[entry % components.size()]; }
};

/// Stage 2: points component by component.
class Examination {
 public:
  explicit Examination(Context& context) : context_(context) {}

  /// Examines points, or some of them if so many were already that more would change little. `objected`: whether a
  /// direction did.
  void add(std::span<const std::int64_t> points, bool objected);
  /// Writes what is not counts into the report.
  void finish();

 private:
  std::size_t most_at_once(std::size_t objections) const;
  void examine_and_count(std::span<const std::int64_t> points, bool objected);
  std::vector<Examined> examine(std::span<const std::int64_t> points);
  std::vector<std::int64_t> components_of(std::span<const double> x, std::span<const double> derivatives);
  void retry_closer(Examined& point);
  void ask_complex_step(Examined& point);
  void allow_for_rounding(Examined& point);
  void allow_for_lost_digits(Examined& point);
  double rounding_of(const Examined& point, std::size_t entry, std::span<const double> near) const;
  std::size_t place_of(const Examined& point, std::size_t entry) const;
  static constexpr std::size_t nearby = 8;  // points
  std::vector<double> derivatives_nearby(
      const Examined& point, double step,
      const std::function<void(std::span<const double>, std::span<double>)>& derivatives) const;
  bool find_corners_between_axes(const Examined& point);
  void judge_entry(Examined& point, std::size_t entry) const;
  void count(const Examined& point, bool objected);
  void keep_worst(const Examined& point);

  Context& context_;
  std::vector<Examined> disagreeing_;                       // the first of them, for the diagnosis
  std::vector<std::pair<double, CheckedComponent>> worst_;  // with how doubtful each is
};

}  // namespace nabla::check
