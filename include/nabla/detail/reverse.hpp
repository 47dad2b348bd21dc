#pragma once

#include <nabla/detail/straight_line.hpp>

#include <cstdint>
#include <type_traits>
#include <utility>

// Reverse accumulation along a straight line of steps v_1, …, v_m, each a function of steps before it.
//
// The adjoint of a step, a_i, is the derivative of the result v_m by v_i. So a_m = 1, and by the chain rule
//     a_i = sum over the steps j that have v_i as an argument of a_j dv_j/dv_i.
// Forwards, each step is computed, and the slopes dv_j/dv_i of elementary functions with it; backwards, each step adds
// to the adjoints of its arguments. A gradient takes a few times the operations of the value, whatever the number of
// variables. If the scalars are Dual<X, 1>, with tangents v, the adjoints' tangents are H v: forward over reverse.
//
// The steps are known while compiling, so this is code without loops, whose numbers live in registers. Slopes come from
// elementary.hpp, from dual numbers with one tangent for each argument that moves, so no derivative is stated twice and
// edges are what they are there.
//
// Source: Griewank and Walther, Evaluating Derivatives (2008), sections 3.2 and 5.1.

namespace nabla::detail {

// clang-format off
/// Elementary functions of one number and of several, of duals D or, for values alone, of Dual<X, 0>.
template <Op op, class D>
[[gnu::always_inline]] constexpr D elementary(double number, const D& x) {
  using M = Math<D>;
  if constexpr (op == Op::abs) return M::abs(x);
  if constexpr (op == Op::sign) return M::sign(x);
  if constexpr (op == Op::sqrt) return M::sqrt(x);
  if constexpr (op == Op::cbrt) return M::cbrt(x);
  if constexpr (op == Op::exp) return M::exp(x);
  if constexpr (op == Op::expm1) return M::expm1(x);
  if constexpr (op == Op::log) return M::log(x);
  if constexpr (op == Op::log1p) return M::log1p(x);
  if constexpr (op == Op::log2) return M::log2(x);
  if constexpr (op == Op::log10) return M::log10(x);
  if constexpr (op == Op::sin) return M::sin(x);
  if constexpr (op == Op::cos) return M::cos(x);
  if constexpr (op == Op::tan) return M::tan(x);
  if constexpr (op == Op::asin) return M::asin(x);
  if constexpr (op == Op::acos) return M::acos(x);
  if constexpr (op == Op::atan) return M::atan(x);
  if constexpr (op == Op::sinh) return M::sinh(x);
  if constexpr (op == Op::cosh) return M::cosh(x);
  if constexpr (op == Op::tanh) return M::tanh(x);
  if constexpr (op == Op::asinh) return M::asinh(x);
  if constexpr (op == Op::acosh) return M::acosh(x);
  if constexpr (op == Op::atanh) return M::atanh(x);
  if constexpr (op == Op::erf) return M::erf(x);
  if constexpr (op == Op::erfc) return M::erfc(x);
  if constexpr (op == Op::logistic) return M::logistic(x);
  if constexpr (op == Op::whole_power) return M::whole_power(x, static_cast<long long>(number));
  if constexpr (op == Op::power) return M::power(x, number);
}
template <Op op, class D, class... Rest>
[[gnu::always_inline]] constexpr D elementary(double, const D& x, const D& y, const Rest&... rest) {
  using M = Math<D>;
  if constexpr (op == Op::pow) return M::pow(x, y);
  if constexpr (op == Op::atan2) return M::atan2(x, y);
  if constexpr (op == Op::hypot) return M::hypot(x, y);
  if constexpr (op == Op::largest) return M::template extreme<true>(x, y, rest...);
  if constexpr (op == Op::smallest) return M::template extreme<false>(x, y, rest...);
}
// clang-format on

/// a * b, where either wins with an exact 0.
template <class X>
constexpr X product_of_either(const X& a, const X& b) {
  const X zero = constant<X>(0);
  return Math<X>::select(a == zero, zero, product(a, b));
}
template <class X>
constexpr Dual<X, 1> product_of_either(const Dual<X, 1>& a, const Dual<X, 1>& b) {
  return {product_of_either(a.value, b.value),
          [&](int) { return product_of_either(a.value, b.tangent[0]) + product_of_either(a.tangent[0], b.value); }};
}

/// Room for numbers, uninitialised: compilers keep them in registers only if no loop goes over them.
template <class T, int Count>
struct Room {
  T part[Count + (Count == 0)];  // no array is empty
  constexpr T get(int i) const { return part[i]; }
  constexpr void set(int i, const T& x) { part[i] = x; }
};
template <class X, int Count>
struct Room<Dual<X, 1>, Count> {
  Room<X, Count> value, tangent;
  constexpr Dual<X, 1> get(int i) const {
    return {value.get(i), [&](int) { return tangent.get(i); }};
  }
  constexpr void set(int i, const Dual<X, 1>& x) {
    value.set(i, x.value);
    tangent.set(i, x.tangent[0]);
  }
};

/// A sweep there and back along Line::line. T is a base scalar X, or Dual<X, 1>.
template <class Line, class X, class T>
class Sweep {
 public:
  /// variable(i): T; data(i): X, for the inputs after the variables.
  template <class Variable, class Data>
  [[gnu::always_inline]] constexpr Sweep(const Variable& variable, const Data& data) {
    there<0, count>(variable, data);
    adjoint_.set(place<count - 1>, constant<T>(1));
    back<0, count>();
  }

  [[gnu::always_inline]] constexpr T value() const { return value_.get(place<count - 1>); }
  /// Calls use(i, derivative by variable i) for each of N variables.
  template <int N, class Use>
  [[gnu::always_inline]] constexpr void for_each_derivative(Use use) const {
    for_each(use, std::make_integer_sequence<int, N>());
  }

 private:
  static constexpr int most_in_a_fold = 128;  // clang takes 256

  /// Steps from First on.
  template <int First, int Count, class Variable, class Data>
  [[gnu::always_inline]] constexpr void there(const Variable& variable, const Data& data) {
    if constexpr (Count > most_in_a_fold) {
      there<First, Count / 2>(variable, data);
      there<First + Count / 2, Count - Count / 2>(variable, data);
    } else {
      [&]<int... I>(std::integer_sequence<int, I...>) __attribute__((always_inline)) {
        (forward<First + I>(variable, data), ...);
      }
      (std::make_integer_sequence<int, Count>());
    }
  }
  /// The same in reverse, from the First before the end on.
  template <int First, int Count>
  [[gnu::always_inline]] constexpr void back() {
    if constexpr (Count > most_in_a_fold) {
      back<First, Count / 2>();
      back<First + Count / 2, Count - Count / 2>();
    } else {
      [&]<int... I>(std::integer_sequence<int, I...>) __attribute__((always_inline)) {
        (backward<count - 1 - First - I>(), ...);
      }
      (std::make_integer_sequence<int, Count>());
    }
  }
  template <class Use, int... I>
  [[gnu::always_inline]] constexpr void for_each(Use use, std::integer_sequence<int, I...>) const {
    (use(I, derivative<I>()), ...);
  }
  static constexpr int count = Line::line.count;
  static constexpr bool second_order = !std::is_same_v<X, T>;
  template <int I>
  static constexpr LineStep step = Line::line.step[I];
  template <int I>
  static constexpr int place = Line::line.step[I].place;
  template <int I, int K>
  static constexpr Operand operand = Line::line.step[I].operand[K];
  template <int I, int K>
  static constexpr bool moves = Line::line.is_active(Line::line.step[I].operand[K]);

  // ------------------------------------------------------------------------------------------------- operands of steps

  /// As arithmetic takes it: what does not move is a number, X, or Dual<X, 0>.
  template <int I, int K>
  [[gnu::always_inline]] constexpr auto argument() const {
    if constexpr (moves<I, K>) {
      return value_.get(place<operand<I, K>.step>);
    } else if constexpr (!second_order) {
      return bare<I, K>();
    } else if constexpr (operand<I, K>.is_number()) {
      return operand<I, K>.number;
    } else {
      return Dual<X, 0>(bare<I, K>());
    }
  }
  /// Its value.
  template <int I, int K>
  [[gnu::always_inline]] constexpr X bare() const {
    if constexpr (operand<I, K>.is_number()) {
      return constant<X>(operand<I, K>.number);
    } else if constexpr (!moves<I, K>) {
      return still_.get(place<operand<I, K>.step>);
    } else if constexpr (second_order) {
      return value_.value.get(place<operand<I, K>.step>);
    } else {
      return value_.get(place<operand<I, K>.step>);
    }
  }
  /// As the scalar of the sweep.
  template <int I, int K>
  [[gnu::always_inline]] constexpr T whole() const {
    if constexpr (moves<I, K>) {
      return value_.get(place<operand<I, K>.step>);
    } else {
      return T(bare<I, K>());
    }
  }
  /// As a dual number; of those that move, it is the one before which `before` do.
  template <int I, int K, class D>
  [[gnu::always_inline]] constexpr D dual(int before) const {
    if constexpr (moves<I, K>) {
      return D(whole<I, K>(), [&](int k) { return constant<T>(k == before ? 1 : 0); });
    } else {
      return constant<D>(Dual<X, 0>(bare<I, K>()));
    }
  }
  template <int I, int K>
  [[gnu::always_inline]] constexpr const auto& condition() const {
    return conditions_[place<operand<I, K>.step>];
  }

  // -----------------------------------------------------------------------------------------------------------
  // forwards

  template <int I, class Variable, class Data>
  [[gnu::always_inline]] constexpr void forward(const Variable& variable, const Data& data) {
    if constexpr (is_condition(step<I>.op)) {
      conditions_[place<I>] = decide<I>();
    } else if constexpr (!step<I>.active) {
      still_.set(place<I>, compute_still<I>(data));
    } else if constexpr (step<I>.op == Op::input) {
      value_.set(place<I>, variable(static_cast<int>(step<I>.number)));
    } else if constexpr (step<I>.op <= Op::select) {
      value_.set(place<I>, compute<I>());
      if constexpr (step<I>.op == Op::divide && moves<I, 1>) {
        slopes_.set(step<I>.slope, constant<T>(1) / whole<I, 1>());
      }
    } else {
      constexpr int b = moves<I, 0>, c = b + moves<I, 1>, d = c + moves<I, 2>;
      const Dual<T, d> y = differentiate<I, Dual<T, d>>(b, c);
      value_.set(place<I>, y.value);
      if constexpr (moves<I, 0>) slopes_.set(step<I>.slope, y.tangent[0]);
      if constexpr (moves<I, 1>) slopes_.set(step<I>.slope + 1, y.tangent[b]);
      if constexpr (moves<I, 2>) slopes_.set(step<I>.slope + 2, y.tangent[c]);
    }
  }

  template <int I>
  [[gnu::always_inline]] constexpr auto decide() const {
    // clang-format off
    if constexpr (step<I>.op == Op::less) return bare<I, 0>() < bare<I, 1>();
    if constexpr (step<I>.op == Op::less_equal) return bare<I, 0>() <= bare<I, 1>();
    if constexpr (step<I>.op == Op::equal) return bare<I, 0>() == bare<I, 1>();
    if constexpr (step<I>.op == Op::both) return condition<I, 0>() && condition<I, 1>();
    if constexpr (step<I>.op == Op::either) return condition<I, 0>() || condition<I, 1>();
    if constexpr (step<I>.op == Op::opposite) return !condition<I, 0>();
    // clang-format on
  }

  template <int I>
  [[gnu::always_inline]] constexpr T compute() const {
    // clang-format off
    if constexpr (step<I>.op == Op::add) return argument<I, 0>() + argument<I, 1>();
    if constexpr (step<I>.op == Op::subtract) return argument<I, 0>() - argument<I, 1>();
    if constexpr (step<I>.op == Op::multiply) return argument<I, 0>() * argument<I, 1>();
    if constexpr (step<I>.op == Op::divide) return argument<I, 0>() / argument<I, 1>();
    if constexpr (step<I>.op == Op::negate) return -argument<I, 0>();
    if constexpr (step<I>.op == Op::select) return Math<T>::select(condition<I, 0>(), whole<I, 1>(), whole<I, 2>());
    // clang-format on
  }

  template <int I, class D>
  [[gnu::always_inline]] constexpr D differentiate(int b, int c) const {
    constexpr Op op = step<I>.op;
    if constexpr (step<I>.operands == 1) {
      return elementary<op>(step<I>.number, dual<I, 0, D>(0));
    } else if constexpr (step<I>.operands == 2) {
      return elementary<op>(0, dual<I, 0, D>(0), dual<I, 1, D>(b));
    } else {
      return elementary<op>(0, dual<I, 0, D>(0), dual<I, 1, D>(b), dual<I, 2, D>(c));
    }
  }

  /// What does not move is computed in values alone, as a function of data would be.
  template <int I, class Data>
  [[gnu::always_inline]] constexpr X compute_still(const Data& data) const {
    using S = Dual<X, 0>;
    constexpr Op op = step<I>.op;
    // clang-format off
    if constexpr (op == Op::input) return data(static_cast<int>(step<I>.number));
    if constexpr (op == Op::add) return bare<I, 0>() + bare<I, 1>();
    if constexpr (op == Op::subtract) return bare<I, 0>() - bare<I, 1>();
    if constexpr (op == Op::multiply) return bare<I, 0>() * bare<I, 1>();
    if constexpr (op == Op::divide) return bare<I, 0>() / bare<I, 1>();
    if constexpr (op == Op::negate) return -bare<I, 0>();
    if constexpr (op == Op::select) return Math<X>::select(condition<I, 0>(), bare<I, 1>(), bare<I, 2>());
    // clang-format on
    if constexpr (op > Op::select) {
      if constexpr (step<I>.operands == 1) {
        return elementary<op>(step<I>.number, S(bare<I, 0>())).value;
      } else if constexpr (step<I>.operands == 2) {
        return elementary<op>(0, S(bare<I, 0>()), S(bare<I, 1>())).value;
      } else {
        return elementary<op>(0, S(bare<I, 0>()), S(bare<I, 1>()), S(bare<I, 2>())).value;
      }
    }
  }

  // ----------------------------------------------------------------------------------------------------------
  // backwards

  template <int I>
  [[gnu::always_inline]] constexpr void backward() {
    constexpr Op op = step<I>.op;
    if constexpr (step<I>.active && op != Op::input) {
      const T a = adjoint_.get(place<I>);
      if constexpr (op == Op::add) {
        add<I, 0>(a);
        add<I, 1>(a);
      } else if constexpr (op == Op::subtract) {
        add<I, 0>(a);
        subtract<I, 1>(a);
      } else if constexpr (op == Op::negate) {
        subtract<I, 0>(a);
      } else if constexpr (op == Op::multiply) {
        if constexpr (moves<I, 0>) add<I, 0>(times<I>(a, argument<I, 1>()));
        if constexpr (moves<I, 1>) add<I, 1>(times<I>(a, argument<I, 0>()));
      } else if constexpr (op == Op::divide) {
        divide_back<I>(a);
      } else if constexpr (op == Op::select) {
        const T zero = constant<T>(0);
        if constexpr (moves<I, 1>) add<I, 1>(Math<T>::select(condition<I, 0>(), a, zero));
        if constexpr (moves<I, 2>) add<I, 2>(Math<T>::select(condition<I, 0>(), zero, a));
      } else {
        if constexpr (moves<I, 0>) add<I, 0>(times<I>(a, slopes_.get(step<I>.slope)));
        if constexpr (moves<I, 1>) add<I, 1>(times<I>(a, slopes_.get(step<I>.slope + 1)));
        if constexpr (moves<I, 2>) add<I, 2>(times<I>(a, slopes_.get(step<I>.slope + 2)));
      }
    }
  }

  /// The slopes of a/b are 1/b and -(1/b) (a/b), in this order, as in dual.hpp.
  template <int I>
  [[gnu::always_inline]] constexpr void divide_back(const T& a) {
    if constexpr (moves<I, 1>) {
      const T part = times<I>(a, slopes_.get(step<I>.slope));
      add<I, 0>(part);
      subtract<I, 1>(times<I>(part, value_.get(place<I>)));
    } else if constexpr (step<I>.may_be_masked) {
      add<I, 0>(times<I>(a, constant<T>(1) / argument<I, 1>()));
    } else {
      add<I, 0>(a / argument<I, 1>());
    }
  }

  /// The adjoint of step I times a slope: an exact 0 wins over what may be infinite or undefined. Of second derivatives
  /// the slope may be infinite, where it has an edge, and the adjoint's tangent 0.
  template <int I, class S>
  [[gnu::always_inline]] static constexpr T times(const T& adjoint, const S& slope) {
    if constexpr (second_order && has_edges(step<I>.op) && std::is_same_v<S, T>) {
      return step<I>.may_be_infinite ? product_of_either(adjoint, slope) : product(slope, adjoint);
    } else if constexpr (!step<I>.may_be_infinite && !step<I>.may_be_masked) {
      return adjoint * slope;
    } else if constexpr (!std::is_same_v<S, T>) {
      return times<I>(adjoint, constant<T>(slope));
    } else if constexpr (!step<I>.may_be_masked) {
      return product(adjoint, slope);
    } else if constexpr (!step<I>.may_be_infinite) {
      return product(slope, adjoint);
    } else {
      return product_of_either(adjoint, slope);
    }
  }

  template <int I, int K>
  [[gnu::always_inline]] constexpr void add(const T& part) {
    if constexpr (moves<I, K>) {
      constexpr int to = place<operand<I, K>.step>;
      if constexpr (step<I>.begins[K]) {
        adjoint_.set(to, part);
      } else {
        adjoint_.set(to, adjoint_.get(to) + part);
      }
    }
  }
  template <int I, int K>
  [[gnu::always_inline]] constexpr void subtract(const T& part) {
    if constexpr (moves<I, K>) {
      constexpr int to = place<operand<I, K>.step>;
      if constexpr (step<I>.begins[K]) {
        adjoint_.set(to, -part);
      } else {
        adjoint_.set(to, adjoint_.get(to) - part);
      }
    }
  }

  template <int I>
  [[gnu::always_inline]] constexpr T derivative() const {
    constexpr int s = Line::line.find(I);
    if constexpr (s < 0) {
      return constant<T>(0);
    } else {
      return adjoint_.get(place<s>);
    }
  }

  Room<T, Line::line.active> value_, adjoint_;
  Room<T, Line::line.slopes> slopes_;
  Room<X, Line::line.still> still_;
  typename Math<X>::Mask conditions_[Line::line.conditions == 0 ? 1 : Line::line.conditions];
};

}  // namespace nabla::detail
