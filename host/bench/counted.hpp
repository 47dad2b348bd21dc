#pragma once

#include "work.hpp"

#include <nabla/detail/bodies.hpp>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

// What a body computes at one point, counted by running it on numbers that take notes. Counted is what a compiler could
// not leave out: no operations on constants, none with 0 and 1 that change nothing, none twice on the same numbers,
// none that no result depends on. Comparisons, selections and signs are not counted either, for they have no ceiling,
// and of what is selected among, only what is taken. A function that is called and not listed in Elementary does not
// compile.

namespace nabla::bench {

/// An operation on the results of others, or a variable.
struct Note {
  enum class Kind { variable, add, subtract, multiply, change, call };  // change: of the sign, or taking the size
  Kind kind;
  Elementary call;
  int first, second;          // the operations that it takes; -1: constants, or none
  double constant_of_either;  // which tells apart those that take one

  bool operator==(const Note&) const = default;
};

class Counted {
 public:
  using Kind = Note::Kind;

  constexpr Counted() = default;
  constexpr explicit Counted(double constant) : value_(constant) {}
  static Counted variable(double value) { return note({Kind::variable, {}, -1, -1, value}, value); }

  double value() const { return value_; }
  bool is(double constant) const { return place_ < 0 && value_ == constant; }
  int place() const { return place_; }

  /// What this thread's numbers write down.
  static std::vector<Note>& notes() {
    static thread_local std::vector<Note> all;
    return all;
  }

  friend Counted operator+(Counted a, Counted b) {
    if (a.is(0)) return b;
    if (b.is(0)) return a;
    return a.with(b, Kind::add, a.value_ + b.value_);
  }
  friend Counted operator-(Counted a, Counted b) {
    if (b.is(0)) return a;
    if (a.is(0)) return -b;
    return a.with(b, Kind::subtract, a.value_ - b.value_);
  }
  friend Counted operator*(Counted a, Counted b) {
    if (a.is(0) || b.is(0)) return Counted(0);
    if (a.is(1)) return b;
    if (b.is(1)) return a;
    if (a.is(-1)) return -b;
    if (b.is(-1)) return -a;
    return a.with(b, Kind::multiply, a.value_ * b.value_);
  }
  friend Counted operator/(Counted a, Counted b) {
    if (a.is(0)) return a;
    if (b.place_ < 0) return a * Counted(1 / b.value_);
    return a.with(b, Kind::call, a.value_ / b.value_, Elementary::division);
  }
  friend Counted operator-(Counted a) { return a.changed(-a.value_); }

  friend bool operator<(Counted a, Counted b) { return a.value_ < b.value_; }
  friend bool operator>(Counted a, Counted b) { return a.value_ > b.value_; }
  friend bool operator<=(Counted a, Counted b) { return a.value_ <= b.value_; }
  friend bool operator>=(Counted a, Counted b) { return a.value_ >= b.value_; }
  friend bool operator==(Counted a, Counted b) { return a.value_ == b.value_; }

  /// A function of this number.
  Counted call(Elementary f, double result) const { return with(Counted(), Kind::call, result, f); }
  Counted changed(double result) const { return with(Counted(result), Kind::change, result); }

 private:
  Counted with(Counted other, Kind kind, double result, Elementary f = {}) const {
    if (place_ < 0 && other.place_ < 0) return Counted(result);
    if ((kind == Kind::add || kind == Kind::multiply) && place_ > other.place_) return other.with(*this, kind, result);
    const double constant = place_ < 0 ? value_ : other.place_ < 0 ? other.value_ : 0;
    return note({kind, f, place_, other.place_, constant}, result);
  }
  static Counted note(const Note& what, double result) {
    std::vector<Note>& all = notes();
    Counted made(result);
    made.place_ = static_cast<int>(std::ranges::find(all, what) - all.begin());
    if (made.place_ == static_cast<int>(all.size())) all.push_back(what);
    return made;
  }

  double value_ = 0;
  int place_ = -1;  // among the notes; a constant has none
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
  static X abs(X x) { return x.changed(std::fabs(x.value())); }
  static X sqrt(X x) { return x.call(bench::Elementary::sqrt, std::sqrt(x.value())); }
  static X exp(X x) { return x.call(bench::Elementary::exp, std::exp(x.value())); }
  static X log(X x) { return x.call(bench::Elementary::log, std::log(x.value())); }
  static X sin(X x) { return x.call(bench::Elementary::sin, std::sin(x.value())); }
  static X cos(X x) { return x.call(bench::Elementary::cos, std::cos(x.value())); }
  static std::pair<X, X> sincos(X x) {
    const X sine = x.call(bench::Elementary::sincos, std::sin(x.value()));
    return {sine, sine.changed(std::cos(x.value()))};
  }
};

namespace bench {

/// A point and its direction, or data, of which nothing is known.
struct CountedIn {
  using Scalar = Counted;
  std::int64_t dimension;
  Counted operator()(std::int64_t i) const { return Counted::variable(0.3 + 0.1 * static_cast<double>(i)); }
  Counted extra(std::int64_t i) const { return Counted::variable(-0.7 - 0.1 * static_cast<double>(i)); }
  Counted datum(std::int64_t row, std::int64_t column) const { return extra(row + column); }
};

/// Output rows.
struct CountedOut {
  using Scalar = Counted;
  std::vector<Counted> rows;
  void store(std::int64_t row, Counted x) { rows.at(static_cast<std::size_t>(row)) = x; }
  Counted load(std::int64_t row) const { return rows.at(static_cast<std::size_t>(row)); }
};

/// What the results in `rows` depend on; notes come after those that they take.
inline Work work_behind(const std::vector<Counted>& rows, const std::vector<Note>& notes) {
  std::vector<bool> needed(notes.size(), false);
  const auto need = [&](int place) {
    if (place >= 0) needed[static_cast<std::size_t>(place)] = true;
  };
  for (const Counted& row : rows) need(row.place());
  Work work;
  for (std::size_t k = notes.size(); k-- > 0;) {
    if (!needed[k]) continue;
    need(notes[k].first);
    need(notes[k].second);
    if (notes[k].kind == Note::Kind::call) {
      work.of(notes[k].call) += 1;
    } else if (notes[k].kind != Note::Kind::variable && notes[k].kind != Note::Kind::change) {
      work.flops += 1;
    }
  }
  return work;
}

/// What a body of detail/bodies.hpp computes at one point of n variables.
template <class Body>
Work work_of(const Body& body, std::int64_t n) {
  Counted::notes().clear();
  CountedOut out{std::vector<Counted>(static_cast<std::size_t>(Body::rows(n).total()))};
  body(CountedIn{n}, out);
  return work_behind(out.rows, Counted::notes());
}

}  // namespace bench
}  // namespace nabla
