#include "descent.hpp"

#include "../quadratic/narrowed.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

// Mixed precision: a quadratic's iterations in float, of which each number is half as many bytes, correct an x in
// double. With the gradient g = Ax - b in double they look for the step d with A d = -g, from d = 0; when their own
// gradient A d + g has come down, x = x + d and g are computed in double. What floats lose of one step the next one
// finds in g.
//
// Begun anew each time, conjugate gradients would have to find again what they knew of A. So the directions are kept,
// the last one being still nearly conjugate: only the gradient is replaced. Source: Sleijpen and van der Vorst,
// Reliable updated residuals in hybrid Bi-CG methods (1996); Clark and others, Solving lattice QCD systems of equations
// using mixed precision solvers on GPUs (2010), section 4.

namespace nabla::descent {

namespace {

MinimizeOptions of_iterations(const MinimizeOptions& options) {
  MinimizeOptions inner = options;
  inner.mixed_precision = false;
  inner.callback = {};
  return inner;
}

/// A method's state over float within that of a descent in double.
class NarrowState final : public State<float> {
 public:
  NarrowState(State<double>& state, const Executor& executor, std::int64_t n)
      : state_(state), executor_(executor), n_(static_cast<std::size_t>(n)) {}

  void bytes(void* memory, std::size_t size) override { state_.bytes(memory, size); }
  void vector(float* memory) override {
    if (!executor_.is_cuda()) return bytes(memory, n_ * sizeof(float));
    std::vector<float> on_host(n_);  // to be read or to be written
    detail::copy_bytes(executor_, on_host.data(), memory, n_ * sizeof(float));
    bytes(on_host.data(), n_ * sizeof(float));
    detail::copy_bytes(executor_, memory, on_host.data(), n_ * sizeof(float));
  }

 private:
  State<double>& state_;
  const Executor& executor_;
  std::size_t n_;
};

class Refinement final : public DescentMethod<double> {
 public:
  explicit Refinement(Descent<double>& descent)
      : descent_(descent),
        a_(detail::narrowed(*descent.quadratic())),
        step_(descent.executor, descent.n),
        options_(of_iterations(descent.options)),
        calls_{{}, [this](auto, std::span<float> gradient) { return correct(gradient); }, {}, {}, &a_},
        inner_(descent.executor, calls_, {step_.data(), static_cast<std::size_t>(descent.n)}, options_),
        method_(make_krylov(inner_)) {
    inner_.keeps_directions = true;
  }

  Step advance() override {
    if (stalled_) return Step{0, StopReason::stagnated};
    if (scale_ == 0) begin();
    const double enough = scale_ * goal();
    inner_.enough_squares = enough * enough;
    inner_.iterations_unseen = descent_.iterations_unseen;
    const std::int64_t products = inner_.evaluations.hessian_products;
    is_ahead_ = true;
    Step step = method_->advance();
    descent_.evaluations.hessian_products += inner_.evaluations.hessian_products - products;
    if (!step.stop && !inner_.is_finite()) step.stop = StopReason::not_finite;
    if (step.stop) return ended(std::move(step));
    iterations_ += step.iterations;
    if (is_ahead_) {
      descent_.value = value_ + inner_.value / scale_ / scale_;
      // Only a gradient in double is within the tolerances.
      constexpr double outside = 1.0001;
      descent_.gradient_squares =
          std::fmax(inner_.gradient_squares / scale_ / scale_, outside * descent_.enough_squares);
    }
    return step;
  }

  void settle() override {
    if (!is_ahead_) return;
    is_ahead_ = false;
    // Gradients by recurrence need not show that a component of the step has overflowed.
    if (std::isfinite(inner_.sums_of(detail::Dot<float>{step_.data(), step_.data()})[1])) {
      descent_.run(detail::Absorb<double>{descent_.x, step_.data(), 1 / scale_});
    } else {
      clear_step();
      stalled_ = true;
    }
  }

  void keep(State<double>& state) override {
    for (double* const number : {&scale_, &norm_, &value_, &inner_.value, &inner_.gradient_squares}) {
      state.number(*number);
    }
    for (std::int64_t* const number : {&iterations_, &corrections_}) state.number(*number);
    for (bool* const is : {&is_ahead_, &stalled_}) state.number(*is);
    NarrowState narrow(state, descent_.executor, descent_.n);
    narrow.vector(step_.data());
    narrow.vector(inner_.gradient);
    method_->keep(narrow);
  }

  int patience() const override { return method_->patience(); }
  std::string preconditioner() const override { return method_->preconditioner(); }

  /// Those of float, and what a correction moves: x and the step are read and written; x, b and A read, g written; g
  /// read twice, for its norm and to be rounded, and that written.
  double bytes_of_iteration() const override {
    const double of_correction =
        (6 * sizeof(double) + 3 * sizeof(float)) * static_cast<double>(descent_.n) + descent_.quadratic()->bytes();
    const double corrections =
        static_cast<double>(corrections_) / static_cast<double>(std::max<std::int64_t>(iterations_, 1));
    return method_->bytes_of_iteration() + corrections * of_correction;
  }

 private:
  /// Floats hold numbers near 1 best, and powers of 2 change no bit.
  void begin() {
    scale_ = std::ldexp(1.0, -std::ilogb(descent_.gradient_norm()));
    clear_step();
    inner_.evaluate();
  }

  /// By a gradient that is finite.
  void clear_step() { descent_.run(detail::Narrow<double>{step_.data(), descent_.gradient, 0}); }

  /// The norm of the gradient at which it is to be corrected.
  double goal() const {
    constexpr double least = 0.1, most = 0.4, surely = 0.9;
    return std::clamp(surely * std::sqrt(descent_.enough_squares), least * norm_, most * norm_);
  }

  /// The gradient in double, where floats have come to.
  double correct(std::span<float> gradient) {
    if (is_ahead_) {
      settle();
      descent_.evaluate();
      ++corrections_;
      const bool is_better = descent_.gradient_squares <= 0.25 * norm_ * norm_;
      stalled_ = stalled_ || (!is_better && descent_.gradient_squares > descent_.enough_squares);
    }
    norm_ = descent_.gradient_norm();
    value_ = descent_.value;
    descent_.run(detail::Narrow<double>{gradient.data(), descent_.gradient, scale_});
    return 0;
  }

  /// What floats say is held against A.
  Step ended(Step step) {
    if (step.stop == StopReason::not_finite) {  // which A, b and x were not: a float has overflowed
      clear_step();
      is_ahead_ = false;
      return Step{0, StopReason::stagnated};
    }
    if (step.stop != StopReason::negative_curvature) return step;
    Array<double> v(descent_.executor, descent_.n), product(descent_.executor, descent_.n);
    v.upload(step.direction);
    descent_.multiply_hessian(v.data(), product.data());
    const auto sums = descent_.sums_of(detail::Dot<double>{v.data(), product.data()});
    const double curvature = sums[0] / sums[1];
    if (curvature > 0) return Step{0, StopReason::stagnated};
    step.curvature = curvature;
    return step;
  }

  Descent<double>& descent_;
  const SymmetricOperator<float> a_;
  Array<float> step_;  // from x, times the scale
  const MinimizeOptions options_;
  const detail::ObjectiveCalls<float> calls_;
  Descent<float> inner_;
  MadeMethod<float> method_;

  double scale_ = 0;             // of what is float
  double norm_ = 0, value_ = 0;  // at x
  std::int64_t iterations_ = 0, corrections_ = 0;
  bool is_ahead_ = false;  // the step is not part of x yet
  bool stalled_ = false;
};

}  // namespace

MadeMethod<double> make_refinement(Descent<double>& descent) { return std::make_unique<Refinement>(descent); }

}  // namespace nabla::descent
