#pragma once

#include <nabla/check_objective.hpp>
#include <nabla/evaluate.hpp>

#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#ifdef __CUDACC__
#include <nabla/kernels/check.cuh>
#endif

// An objective of many variables whose derivatives are written out by hand, and ways to get them wrong.

namespace check_objectives {

enum class Fault { none, sign, factor, one, neighbour, stale, millionth, not_a_number, swapped_pair };

/// Where and how a gradient or a product is wrong.
struct Wrong {
  Fault fault = Fault::none;
  std::int64_t at = 0;
};

/// sum_i a_i x_i^2 / 2 - b_i x_i + sqrt(1 + (x_i - x_{i+1})^2), written out by hand. `kinks`: sum_i |x_i| instead.
template <class T>
struct Terms {
  std::int64_t n;
  bool kinks;

  constexpr T a(std::int64_t i, T shift = T(0)) const { return T(1) + T(i % 17) / T(8) + shift; }
  constexpr T b(std::int64_t i) const { return T(i % 5) / T(4); }

  constexpr T value(const T* x, std::int64_t i) const {
    if (kinks) return x[i] < 0 ? -x[i] : x[i];
    const T own = a(i) * x[i] * x[i] / 2 - b(i) * x[i];
    return i + 1 < n ? own + bond(x[i] - x[i + 1]) : own;
  }
  constexpr T bond(T apart) const { return std::sqrt(1 + apart * apart); }
  constexpr T right(const T* x, std::int64_t i, T shift = T(0)) const {
    if (kinks) return T(x[i] > 0) - T(x[i] < 0);
    T g = a(i, shift) * x[i] - b(i);
    const auto couple = [&](T apart) { g += apart / bond(apart); };
    if (i + 1 < n) couple(x[i] - x[i + 1]);
    if (i > 0) couple(x[i] - x[i - 1]);
    return g;
  }
  constexpr T right_product(const T* x, const T* v, std::int64_t i) const {
    T h = a(i) * v[i];
    const auto couple = [&](std::int64_t j) {
      const T length = bond(x[i] - x[j]);
      h += (v[i] - v[j]) / (length * length * length);
    };
    if (i + 1 < n) couple(i + 1);
    if (i > 0) couple(i - 1);
    return h;
  }

  /// right(i) for component i, made wrong.
  template <class Right>
  constexpr T with_fault(const Wrong& wrong, std::int64_t i, Right right_of) const {
    switch (wrong.fault) {
      case Fault::sign:
        return -right_of(i);
      case Fault::factor:
        return T(0.5) * right_of(i);
      case Fault::one:
        return right_of(i) + (i == wrong.at ? T(0.125) : T(0));
      case Fault::neighbour:
        return right_of(i + 1 < n ? i + 1 : i);
      case Fault::millionth:
        return right_of(i) * (1 + T(1e-6));
      case Fault::not_a_number:
        return i == wrong.at ? std::numeric_limits<T>::quiet_NaN() : right_of(i);
      case Fault::swapped_pair:
        return right_of(i == wrong.at ? i + 1 : i == wrong.at + 1 ? i - 1 : i);
      default:
        return right_of(i);
    }
  }
  constexpr T gradient(const Wrong& wrong, const T* x, std::int64_t i) const {
    const T shift = wrong.fault == Fault::stale ? T(0.01) : T(0);
    return with_fault(wrong, i, [&](std::int64_t j) { return right(x, j, shift); });
  }
  constexpr T product(const Wrong& wrong, const T* x, const T* v, std::int64_t i) const {
    return with_fault(wrong, i, [&](std::int64_t j) { return right_product(x, v, j); });
  }
};

/// What an objective's loops compute of each component.
template <class T>
struct ValueTerm {
  Terms<T> terms;
  const T* x;
  constexpr T operator()(std::int64_t i) const { return terms.value(x, i); }
};
template <class T>
struct GradientTerm {
  Terms<T> terms;
  Wrong wrong;
  const T* x;
  constexpr T operator()(std::int64_t i) const { return terms.gradient(wrong, x, i); }
};
template <class T>
struct ProductTerm {
  Terms<T> terms;
  Wrong wrong;
  const T *x, *v;
  constexpr T operator()(std::int64_t i) const { return terms.product(wrong, x, v, i); }
};

#ifdef __CUDACC__
template <class T, class Term>
__global__ void fill_kernel(const Term term, const std::int64_t n, T* const out) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < n) out[i] = term(i);
}
#endif

/// out_i = term(i) in the executor's memory.
template <class T, class Term>
void fill(const nabla::Executor& where, const Term& term, std::int64_t n, T* out) {
#ifdef __CUDACC__
  if (where.is_cuda()) {
    nabla::detail::launch_kernel("test fill kernel", &fill_kernel<T, Term>, {(n + 127) / 128, 128, 0, where.stream()},
                                 term, n, out);
    return;
  }
#endif
  static_cast<void>(where);
  for (std::int64_t i = 0; i < n; ++i) out[i] = term(i);
}

enum class Sums { in_double, in_t };

/// On every executor. Values are summed on the host, term by term or by halves, which is as good as double sums are.
template <class T>
class Chain {
 public:
  Chain(const nabla::Executor& where, std::int64_t n, Wrong wrong = {}, bool kinks = false, Sums sums = Sums::in_double)
      : terms_{n, kinks}, wrong_(wrong), sums_(sums), memory_(where, n) {}

  double value(const nabla::Executor& where, std::span<const T> x) const {
    fill(where, ValueTerm<T>{terms_, x.data()}, terms_.n, memory_.data());
    host_.resize(x.size());
    nabla::detail::copy_bytes(where, host_.data(), memory_.data(), x.size() * sizeof(T));
    if (sums_ == Sums::in_t) return static_cast<double>(sum<T>(host_));
    return sum<double>(host_);
  }
  double value_and_gradient(const nabla::Executor& where, std::span<const T> x, std::span<T> gradient) const {
    fill(where, GradientTerm<T>{terms_, wrong_, x.data()}, terms_.n, gradient.data());
    return value(where, x);
  }

 protected:
  template <class S>
  static S sum(std::span<const T> numbers) {
    if (numbers.size() > 64) {
      return sum<S>(numbers.first(numbers.size() / 2)) + sum<S>(numbers.subspan(numbers.size() / 2));
    }
    S all = 0;
    for (const T number : numbers) all += static_cast<S>(number);
    return all;
  }

  Terms<T> terms_;
  Wrong wrong_;
  Sums sums_;
  nabla::Array<T> memory_;
  mutable std::vector<T> host_;
};

/// With products of its Hessian.
template <class T>
class CurvedChain : public Chain<T> {
 public:
  CurvedChain(const nabla::Executor& where, std::int64_t n, Wrong wrong = {})
      : Chain<T>(where, n), wrong_product_(wrong) {}
  void hessian_vector_product(const nabla::Executor& where, std::span<const T> x, std::span<const T> v,
                              std::span<T> product) const {
    fill(where, ProductTerm<T>{this->terms_, wrong_product_, x.data(), v.data()}, this->terms_.n, product.data());
  }

 private:
  Wrong wrong_product_;
};

static_assert(nabla::Objective<Chain<double>, double> && !nabla::Objective<Chain<double>, float>);
static_assert(nabla::TwiceObjective<CurvedChain<float>, float> && !nabla::TwiceObjective<Chain<float>, float>);

template <class T>
nabla::Array<T> somewhere(const nabla::Executor& where, std::int64_t n, double low = -1.5, double high = 2) {
  const auto points = nabla::Points<T>::uniform(where, n, 1, low, high, 11);
  nabla::Array<T> x(where, n);
  x.upload(points.to_host());
  return x;
}

}  // namespace check_objectives
