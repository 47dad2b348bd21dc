#pragma once

// Steps along a line, for any function of one variable: phi(t) = f(x + t d).

namespace nabla::descent {

/// phi at a step.
struct Trial {
  double step = 0;
  double value = 0;
  double slope = 0;    // phi'(step)
  bool finite = true;  // whether all of it is: else the step is too long
};

/// What a search asks. It ends on the step that was asked for last, with its slope.
class Ray {
 public:
  Ray() = default;
  Ray(const Ray&) = delete;
  Ray& operator=(const Ray&) = delete;
  virtual ~Ray() = default;

  virtual Trial at(double step) = 0;
  virtual Trial value_at(double step) = 0;  // without a slope
  /// Whether no more may be asked.
  virtual bool spent() const = 0;
};

enum class Found { step, nothing, unbounded };

struct Searched {
  Found found = Found::nothing;
  Trial trial;
};

/// What is known beforehand.
struct Start {
  double value, slope;  // phi(0), phi'(0) < 0
  double step;          // the first to try
  double trust;         // relative: smaller differences of values are taken for rounding
  double reference;     // what a decrease is measured from: phi(0), or more for nonmonotone methods
  double flatness;      // of Wolfe's conditions: the slope's size at the end, relative to that at the start
};

/// A step that satisfies Wolfe's strong conditions; or where values do not differ by more than rounding, that on slopes
/// alone, as Hager and Zhang do, but for either sign: steps that are twice as long as to the minimum spoil conjugate
/// directions. Where none is found, one that lowers phi enough.
/// Source: Hager and Zhang, A New Conjugate Gradient Method with Guaranteed Descent and an Efficient Line Search (SIAM
/// J. Optim. 16, 2005), section 4: bracket, update, secant^2. "Unbounded": phi still falls in proportion to the step
/// after forty steps, each five times the last, or became -infinity.
Searched search_wolfe(Ray& ray, const Start& start);

/// The first step that lowers phi enough (Armijo), each a half to a tenth of the last, by interpolation.
Searched search_backtracking(Ray& ray, const Start& start);

}  // namespace nabla::descent
