#pragma once

#include <nabla/detail/check_calls.hpp>

#include <limits>
#include <span>
#include <vector>

// One number's derivative along a line through a point, from differences, with an error bar.

namespace nabla::check {

using detail::Precision;

/// f at x + t u and x - t u for steps t that halve from one to the next, and at x itself.
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
  double value;      // df/dt at 0, from differences on both sides
  double error_bar;  // half its width: truncation and rounding; infinite if nothing is known
  double variation;  // |f(x +- t u) - f(x)| / t, at the step that told most: how much f changes around here
  double slope;      // of log error of the claim, or of `value`, against log step, where that is straight; else NaN
  bool smooth;       // false: the two sides differ, or f jumps, or it is infinitely steep
  double left;       // the derivatives of the two sides, where f is not smooth; infinite for jumps
  double right;
  std::vector<WithError> from_afar;  // what larger steps said before smaller ones contradicted them
  double centre;                     // f(x)
  bool linear;                       // differences are the same for all steps, or would be but for rounding:
  bool quadratic;                    // one-sided ones, or those from both sides alone
};

/// Neville's scheme over centred differences (Ridders, 1982, "Accurate computation of F'(x) and F'(x)F''(x)"): of all
/// extrapolations the one whose error is the smallest. Two things are added to his. The error counts rounding, whose
/// size is measured by the smallest steps. And an extrapolation from large steps is dropped if smaller steps contradict
/// it by more than their own errors: the derivative is a limit, and a function may look straight from afar.
LineDerivative differentiate(const LineSamples& samples);

/// Steps scale / 2, scale / 4, …, as many as the precision lets be of use.
std::vector<double> line_steps(double scale, const Precision& precision);

}  // namespace nabla::check
