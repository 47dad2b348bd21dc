#pragma once

#include "work.hpp"

#include <nabla/detail/bodies.hpp>

#include <cmath>
#include <utility>

// What a body computes at one point, counted by running it on numbers that count. Operations on constants, and those
// with 0 and 1 that change nothing, are not: compilers do them, or drop them. Neither are comparisons, selections and
// signs, of which none has a ceiling. A function that is called and not listed in Elementary does not compile.

namespace nabla::bench {

class Counted {
 public:
  constexpr Counted() = default;
  constexpr explicit Counted(double constant) : value_(constant) {}
  static Counted variable(double value) { return {value, false}; }

  double value() const { return value_; }
  bool is(double constant) const { return known_ && value_ == constant; }

  /// What the operations on this thread are added to.
  static Work*& total() {
    static thread_local Work* work = nullptr;
    return work;
  }

  friend Counted operator+(Counted a, Counted b) {
    if (a.is(0)) return b;
    if (b.is(0)) return a;
    return flop(a.value_ + b.value_, a, b);
  }
  friend Counted operator-(Counted a, Counted b) {
    if (b.is(0)) return a;
    if (a.is(0)) return -b;
    return flop(a.value_ - b.value_, a, b);
  }
  friend Counted operator*(Counted a, Counted b) {
    if (a.is(0) || b.is(0)) return Counted(0);
    if (a.is(1)) return b;
    if (b.is(1)) return a;
    if (a.is(-1)) return -b;
    if (b.is(-1)) return -a;
    return flop(a.value_ * b.value_, a, b);
  }
  friend Counted operator/(Counted a, Counted b) {
    if (a.is(0)) return a;
    if (b.known_) return a * Counted(1 / b.value_);
    return b.call(Elementary::division, a.value_ / b.value_);
  }
  friend Counted operator-(Counted a) { return {-a.value_, a.known_}; }

  friend bool operator<(Counted a, Counted b) { return a.value_ < b.value_; }
  friend bool operator>(Counted a, Counted b) { return a.value_ > b.value_; }
  friend bool operator<=(Counted a, Counted b) { return a.value_ <= b.value_; }
  friend bool operator>=(Counted a, Counted b) { return a.value_ >= b.value_; }
  friend bool operator==(Counted a, Counted b) { return a.value_ == b.value_; }

  /// A function of this number.
  Counted call(Elementary f, double result) const {
    if (!known_) total()->of(f) += 1;
    return with(result);
  }
  Counted with(double result) const { return {result, known_}; }

 private:
  Counted(double value, bool known) : value_(value), known_(known) {}
  static Counted flop(double result, Counted a, Counted b) {
    if (!a.known_ || !b.known_) total()->flops += 1;
    return {result, a.known_ && b.known_};
  }

  double value_ = 0;
  bool known_ = true;
};

}  // namespace nabla::bench

namespace nabla {

template <>
struct Math<bench::Counted> {
  using X = bench::Counted;
  using Real = double;
  using Mask = bool;
  static X select(bool condition, X yes, X no) { return condition ? yes : no; }
  static bool any(bool condition) { return condition; }
  static bool all(bool condition) { return condition; }
  static X smaller(X a, X b) { return b < a ? b : a; }
  static X larger(X a, X b) { return a < b ? b : a; }
  static X fma(X a, X b, X c) { return a * b + c; }
  static X abs(X x) { return x.with(std::fabs(x.value())); }
  static X sqrt(X x) { return x.call(bench::Elementary::sqrt, std::sqrt(x.value())); }
  static X exp(X x) { return x.call(bench::Elementary::exp, std::exp(x.value())); }
  static X log(X x) { return x.call(bench::Elementary::log, std::log(x.value())); }
  static X sin(X x) { return x.call(bench::Elementary::sin, std::sin(x.value())); }
  static X cos(X x) { return x.call(bench::Elementary::cos, std::cos(x.value())); }
  static std::pair<X, X> sincos(X x) {
    return {x.call(bench::Elementary::sincos, std::sin(x.value())), x.with(std::cos(x.value()))};
  }
};

namespace bench {

/// A point and its direction, or data, of which nothing is known.
struct CountedIn {
  using Scalar = Counted;
  std::int64_t dimension;
  Counted operator()(std::int64_t i) const { return Counted::variable(0.3 + 0.1 * static_cast<double>(i)); }
  Counted extra(std::int64_t i) const { return Counted::variable(0.7 - 0.1 * static_cast<double>(i)); }
};

/// Output rows.
struct CountedOut {
  using Scalar = Counted;
  std::array<Counted, 1024> rows;
  void store(std::int64_t row, Counted x) { rows.at(static_cast<std::size_t>(row)) = x; }
  Counted load(std::int64_t row) const { return rows.at(static_cast<std::size_t>(row)); }
};

/// What a body of detail/bodies.hpp computes at one point of n variables.
template <class Body>
Work work_of(const Body& body, std::int64_t n) {
  Work work;
  Counted::total() = &work;
  CountedOut out;
  body(CountedIn{n}, out);
  Counted::total() = nullptr;
  return work;
}

}  // namespace bench
}  // namespace nabla
