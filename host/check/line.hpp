#pragma once

#include <nabla/detail/check_calls.hpp>

#include <limits>
#include <span>
#include <vector>

// One number's derivative along a line through a point, from differences, with an error bar.

namespace nabla::check {

using detail::Precision;

/// f at x + t u and x - t u for steps t that shrink from one to the next, and at x itself.
struct LineSamples {
  double centre;                                            // f(x)
  std::span<const double> steps;                            // t, largest first
  std::span<const double> forward;                          // f(x + t u)
  std::span<const double> backward;                         // f(x - t u)
  Precision precision;                                      // that f was evaluated in
  double claim = std::numeric_limits<double>::quiet_NaN();  // what the derivative is said to be, if anything
};

struct WithError {
  double value;
  double error;  // half the bar's width
};

/// What differences say. NaN stands for what they can't say.
struct LineDerivative {
  static constexpr double nan = std::numeric_limits<double>::quiet_NaN();

  double value = nan;                                          // df/dt at 0, from differences on both sides
  double error_bar = std::numeric_limits<double>::infinity();  // half its width: truncation and rounding
  double variation = nan;   // |f(x +- t u) - f(x)| / t, at the step that told most: how much f changes around here
  double steepness = 0;     // the same at that step and smaller ones, the largest aside: the most of it
  double least_beyond = 0;  // one-sided differences lie between these two, if the smallest steps do not change f at all
  double most_beyond = 0;
  double level = 0;    // the largest |f| of those steps, over the largest of all
  bool still = false;  // f does not change at all at the smaller of the steps
  double slope = nan;  // of log error of the claim, or of `value`, against log step, where that is straight
  bool smooth = true;  // false: the two sides differ, or f jumps, or it is infinitely steep
  double left = nan;   // the derivatives of the two sides, where f is not smooth; infinite for jumps
  double right = nan;
  double side_bar = nan;                // of left and right
  std::vector<WithError> from_afar;     // what larger steps said before smaller ones contradicted them
  std::vector<WithError> at_each_step;  // what can be said without smaller steps, if noise is as large as it ever shows
  std::size_t smaller_steps = 0;        // the first of those that are from smaller steps than `value`
  bool by_complex_step = false;         // value and error bar are not from differences
  double centre = nan;                  // f(x)
  bool linear = false;     // differences are the same for all steps, or would be but for rounding: one-sided ones,
  bool quadratic = false;  // or those from both sides alone
};

/// Neville's scheme over centred differences (Ridders, 1982, "Accurate computation of F'(x) and F'(x)F''(x)"): of all
/// extrapolations the one whose error is the smallest. Two things are added to his. The error counts rounding, whose
/// size is measured by the smallest steps. And an extrapolation from large steps is dropped if smaller steps contradict
/// it by more than their own errors: the derivative is a limit, and a function may look straight from afar.
LineDerivative differentiate(const LineSamples& samples);

/// Steps from nearly `scale` down, as many as the precision lets be of use: multiples of two units in the last place of
/// `scale`, so that x + t is rounded by no more than half of one. From one to the next they do not halve: of halved
/// differences of rounded values too many agree by chance, to the last bit, on something else than the derivative.
std::vector<double> line_steps(double scale, const Precision& precision);

}  // namespace nabla::check
