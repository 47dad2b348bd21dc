#pragma once

#include "../vectors.hpp"

#include <nabla/minimize.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

// What methods of descent share: where they are, and what they may do there.

namespace nabla::descent {

/// What a checkpoint keeps. A method names its numbers and vectors once, to be written or to be read.
template <class T>
class State {
 public:
  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  virtual ~State() = default;

  virtual void bytes(void* memory, std::size_t size) = 0;  // on the host
  virtual void vector(T* memory) = 0;                      // n numbers on the executor
  template <class Number>
  void number(Number& number) {
    static_assert(std::is_arithmetic_v<Number>);
    bytes(&number, sizeof(Number));
  }
};

template <class T>
class Descent {
 public:
  Descent(const Executor& where, const detail::ObjectiveCalls<T>& calls, std::span<T> variables,
          const MinimizeOptions& chosen)
      : executor(where),
        options(chosen),
        n(static_cast<std::int64_t>(variables.size())),
        x(variables.data()),
        calls_(calls),
        first_gradient_(where, n),
        sums_(where, n, most_sums(chosen)) {
    gradient = first_gradient_.data();
  }
  Descent(const Descent&) = delete;
  Descent& operator=(const Descent&) = delete;

  const Executor& executor;
  const MinimizeOptions& options;
  const std::int64_t n;

  // The iterate, and what is known there. Methods may have x and gradient point to memory of theirs.
  T* x;
  T* gradient;
  double value = 0;
  double gradient_squares = 0;
  Evaluations evaluations;
  // What Minimization tells methods that go several iterations at a time.
  double enough_squares = 0;
  std::int64_t iterations_unseen = 1;  // whose iterates nobody wants to see, but the last one's
  bool keeps_directions = false;       // evaluating corrects the gradient a little: a quadratic's directions stay good
  double seconds_before = 0;           // a checkpoint that the descent was resumed from

  bool is_finite() const { return std::isfinite(value) && std::isfinite(gradient_squares); }
  double gradient_norm() const { return std::sqrt(gradient_squares); }
  /// What the gradient is multiplied by where it is longer than options allow.
  double shortened() const { return std::fmin(1, options.clip / gradient_norm()); }

  double value_at(const T* at) {
    ++evaluations.values;
    return calls_.value(numbers(at));
  }
  double value_and_gradient_at(const T* at, T* out) {
    ++evaluations.gradients;
    return calls_.value_and_gradient(numbers(at), {out, numbers(at).size()});
  }
  void multiply_hessian(const T* v, T* product) {
    ++evaluations.hessian_products;
    calls_.hessian_vector_product(numbers(x), numbers(v), {product, numbers(x).size()});
  }
  /// Null: the objective is not known to be one.
  const SymmetricOperator<T>* quadratic() const { return calls_.quadratic; }
  bool has_diagonal() const { return static_cast<bool>(calls_.hessian_diagonal); }
  void hessian_diagonal(T* diagonal) {
    ++evaluations.hessian_products;
    calls_.hessian_diagonal(numbers(x), {diagonal, numbers(x).size()});
  }

  /// Fills in what is known at x.
  void evaluate() {
    value = value_and_gradient_at(x, gradient);
    gradient_squares = sums_of(detail::Dot<T>{gradient, gradient})[1];
  }

  /// Runs a pass over vectors and waits for its sums, which the next one overwrites.
  template <class Body>
  std::span<const double> sums_of(const Body& body) {
    run(body);
    return sums_.fetch(Body::sums);
  }
  std::span<const double> sums_of(const detail::Products<T>& products) {
    detail::run(executor, n, products, sums_);
    return sums_.fetch(2 * products.count);
  }
  template <class Body>
  void run(const Body& body) {
    detail::run(executor, n, detail::Pass<T>(body), sums_);
  }

  double seconds() const {
    return seconds_before + std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }
  /// The limit that is reached, if one is.
  std::optional<StopReason> limit() const {
    if (evaluations.total() >= options.max_evaluations) return StopReason::evaluations;
    if (seconds() >= options.max_seconds) return StopReason::time;
    return std::nullopt;
  }

 private:
  /// Of one pass: L-BFGS multiplies all its pairs with two vectors.
  static int most_sums(const MinimizeOptions& chosen) {
    constexpr int few = 8;
    return chosen.method == Method::lbfgs ? std::max(few, 4 * chosen.memory) : few;
  }
  std::span<const T> numbers(const T* v) const { return {v, static_cast<std::size_t>(n)}; }

  const detail::ObjectiveCalls<T>& calls_;
  Array<T> first_gradient_;
  detail::Sums sums_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// What an iteration did.
struct Step {
  double length = 0;  // the multiple of the direction
  std::optional<StopReason> stop = std::nullopt;
  double curvature = std::numeric_limits<double>::quiet_NaN();  // along the direction, if it is known to be negative
  std::vector<double> direction = {};                           // of negative curvature, of a quadratic
  std::int64_t not_finite_component = -1;                       // if the method knows it
  std::int64_t iterations = 1;
};

/// The first component that is not finite, or -2.
template <class T>
std::int64_t first_not_finite(const Executor& executor, const T* v, std::int64_t n);

/// A method, one iteration at a time.
template <class T>
class DescentMethod {
 public:
  DescentMethod() = default;
  DescentMethod(const DescentMethod&) = delete;
  DescentMethod& operator=(const DescentMethod&) = delete;
  virtual ~DescentMethod() = default;

  /// Moves the descent's iterate and evaluates there; or says why it can't.
  virtual Step advance() = 0;
  /// Brings the descent's iterate to where its value is said to be, before it ends.
  virtual void settle() {}
  /// All that the next iteration needs beside the iterate.
  virtual void keep(State<T>& state) = 0;
  /// Iterations without a lower value or a smaller gradient than ever before that are not yet a standstill.
  virtual int patience() const = 0;
  /// That an iteration moves at least; 0: not known.
  virtual double bytes_of_iteration() const { return 0; }
  /// In words; empty: none.
  virtual std::string preconditioner() const { return {}; }
};

template <class T>
using MadeMethod = std::unique_ptr<DescentMethod<T>>;

// Each from the file of its name, with fixed steps where the options have them.
template <class T>
MadeMethod<T> make_gradient(Descent<T>& descent);
template <class T>
MadeMethod<T> make_barzilai_borwein(Descent<T>& descent);
template <class T>
MadeMethod<T> make_heavy_ball(Descent<T>& descent);
template <class T>
MadeMethod<T> make_nesterov(Descent<T>& descent);
template <class T>
MadeMethod<T> make_nonlinear_cg(Descent<T>& descent);
template <class T>
MadeMethod<T> make_lbfgs(Descent<T>& descent);
template <class T>
MadeMethod<T> make_bfgs(Descent<T>& descent);
template <class T>
MadeMethod<T> make_newton_cg(Descent<T>& descent);
template <class T>
MadeMethod<T> make_adam(Descent<T>& descent);
template <class T>
MadeMethod<T> make_krylov(Descent<T>& descent);
/// Of mixed_precision.
MadeMethod<double> make_refinement(Descent<double>& descent);

// Iterations without progress that are not yet a standstill: of methods that go down, that go up on the way, and that
// know nothing of values.
constexpr int patience_of_descent = 50, patience_of_nonmonotone = 200, patience_of_fixed_steps = 1000;

}  // namespace nabla::descent
