#pragma once

#include "check_objectives.hpp"

#include <nabla/minimize.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

// Objectives to be minimised, on every executor. Each states its terms and derivatives by hand, for one i; minima are
// known in closed form.

namespace minimize_problems {

/// sum_i a_i (x_i - c_i)^2 / 2, the a_i equally spaced from 1 to `condition`.
struct Diagonal {
  double condition = 100;
  double scale = 1;
  constexpr double a(std::int64_t i, std::int64_t n) const {
    return scale * (n > 1 ? 1 + (condition - 1) * static_cast<double>(i) / static_cast<double>(n - 1) : condition);
  }
  constexpr double solution(std::int64_t i) const { return static_cast<double>(i % 7) - 3; }

  template <class T>
  constexpr double value(const T* x, std::int64_t i, std::int64_t n) const {
    const double d = x[i] - solution(i);
    return a(i, n) * d * d / 2;
  }
  template <class T>
  constexpr double gradient(const T* x, std::int64_t i, std::int64_t n) const {
    return a(i, n) * (x[i] - solution(i));
  }
  template <class T>
  constexpr double product(const T*, const T* v, std::int64_t i, std::int64_t n) const {
    return a(i, n) * v[i];
  }
  template <class T>
  constexpr double diagonal(const T*, std::int64_t i, std::int64_t n) const {
    return a(i, n);
  }
};

/// x.Ax/2 - sum x_i, A = tridiag(-1, 2, -1), whose solution is a parabola.
struct Tridiagonal {
  static double solution(std::int64_t i, std::int64_t n) {
    return static_cast<double>(i + 1) * static_cast<double>(n - i) / 2;
  }
  template <class T>
  static constexpr double times(const T* v, std::int64_t i, std::int64_t n) {
    return 2 * static_cast<double>(v[i]) - (i > 0 ? static_cast<double>(v[i - 1]) : 0) -
           (i + 1 < n ? static_cast<double>(v[i + 1]) : 0);
  }
  template <class T>
  constexpr double value(const T* x, std::int64_t i, std::int64_t n) const {
    return x[i] * (times(x, i, n) / 2 - 1);
  }
  template <class T>
  constexpr double gradient(const T* x, std::int64_t i, std::int64_t n) const {
    return times(x, i, n) - 1;
  }
  template <class T>
  constexpr double product(const T*, const T* v, std::int64_t i, std::int64_t n) const {
    return times(v, i, n);
  }
  template <class T>
  constexpr double diagonal(const T*, std::int64_t, std::int64_t) const {
    return 2;
  }
};

/// sum_i 100 (x_{i+1} - x_i^2)^2 + (1 - x_i)^2, over all i or, as in the extended function, over the even ones.
/// Source: Moré, Garbow and Hillstrom, Testing Unconstrained Optimization Software (ACM TOMS 7, 1981), problem 21.
struct Rosenbrock {
  std::int64_t apart = 1;
  constexpr bool begins(std::int64_t i, std::int64_t n) const { return i >= 0 && i + 1 < n && i % apart == 0; }

  template <class T>
  constexpr double value(const T* x, std::int64_t i, std::int64_t n) const {
    if (!begins(i, n)) return 0;
    const double u = x[i + 1] - static_cast<double>(x[i]) * x[i], v = 1 - static_cast<double>(x[i]);
    return 100 * u * u + v * v;
  }
  template <class T>
  constexpr double gradient(const T* x, std::int64_t i, std::int64_t n) const {
    const double at = x[i];
    double g = 0;
    if (begins(i, n)) g += -400 * at * (x[i + 1] - at * at) - 2 * (1 - at);
    if (begins(i - 1, n)) g += 200 * (at - static_cast<double>(x[i - 1]) * x[i - 1]);
    return g;
  }
  template <class T>
  constexpr double product(const T* x, const T* v, std::int64_t i, std::int64_t n) const {
    const double at = x[i];
    double h = 0;
    if (begins(i, n)) h += (1200 * at * at - 400 * static_cast<double>(x[i + 1]) + 2) * v[i] - 400 * at * v[i + 1];
    if (begins(i - 1, n)) h += 200 * static_cast<double>(v[i]) - 400 * static_cast<double>(x[i - 1]) * v[i - 1];
    return h;
  }
  template <class T>
  constexpr double diagonal(const T* x, std::int64_t i, std::int64_t n) const {
    const double at = x[i];
    return (begins(i, n) ? 1200 * at * at - 400 * static_cast<double>(x[i + 1]) + 2 : 0) + (begins(i - 1, n) ? 200 : 0);
  }
};

/// Of one variable at a time: sum_i phi(x_i), with phi, phi' and phi'' of Phi.
template <class Phi>
struct Separate {
  Phi phi;
  template <class T>
  constexpr double value(const T* x, std::int64_t i, std::int64_t) const {
    return phi.value(x[i]);
  }
  template <class T>
  constexpr double gradient(const T* x, std::int64_t i, std::int64_t) const {
    return phi.first(x[i]);
  }
  template <class T>
  constexpr double product(const T* x, const T* v, std::int64_t i, std::int64_t) const {
    return phi.second(x[i]) * v[i];
  }
  template <class T>
  constexpr double diagonal(const T* x, std::int64_t i, std::int64_t) const {
    return phi.second(x[i]);
  }
};

/// Two minima, at +-sqrt(1/2), and a maximum at 0.
struct DoubleWell {
  constexpr double value(double x) const { return x * x * x * x - x * x; }
  constexpr double first(double x) const { return 4 * x * x * x - 2 * x; }
  constexpr double second(double x) const { return 12 * x * x - 2; }
};
/// Falls without end.
struct Cap {
  constexpr double value(double x) const { return -x * x / 2; }
  constexpr double first(double x) const { return -x; }
  constexpr double second(double) const { return -1; }
};
struct Flat {
  constexpr double value(double) const { return 3; }
  constexpr double first(double) const { return 0; }
  constexpr double second(double) const { return 0; }
};
/// 2 x - log(1 - x^2): finite within (-1, 1) alone; minimum at (1 - sqrt(5)) / 2.
struct Barrier {
  constexpr double value(double x) const {
    return x > -1 && x < 1 ? 2 * x - std::log(1 - x * x) : std::numeric_limits<double>::infinity();
  }
  constexpr double first(double x) const {
    return x > -1 && x < 1 ? 2 + 2 * x / (1 - x * x) : std::numeric_limits<double>::quiet_NaN();
  }
  constexpr double second(double x) const {
    const double rest = 1 - x * x;
    return 2 / rest + 4 * x * x / (rest * rest);
  }
};
/// |x|: the gradient does not vanish towards the minimum.
struct Kink {
  constexpr double value(double x) const { return x < 0 ? -x : x; }
  constexpr double first(double x) const { return x < 0 ? -1 : 1; }
  constexpr double second(double) const { return 0; }
};

// What of a problem is computed for each component.
template <class T, class P>
struct ValueOf {
  P problem;
  const T* x;
  std::int64_t n;
  constexpr double operator()(std::int64_t i) const { return problem.value(x, i, n); }
};
template <class T, class P>
struct GradientOf {
  P problem;
  T factor;  // 1; -1 makes it wrong
  const T* x;
  std::int64_t n;
  constexpr T operator()(std::int64_t i) const { return factor * static_cast<T>(problem.gradient(x, i, n)); }
};
template <class T, class P>
struct ProductOf {
  P problem;
  const T *x, *v;
  std::int64_t n;
  constexpr T operator()(std::int64_t i) const { return static_cast<T>(problem.product(x, v, i, n)); }
};
template <class T, class P>
struct DiagonalOf {
  P problem;
  const T* x;
  std::int64_t n;
  constexpr T operator()(std::int64_t i) const { return static_cast<T>(problem.diagonal(x, i, n)); }
};

/// A problem on an executor. Values are summed on the host, by halves.
template <class T, class P>
class Posed {
 public:
  Posed(const nabla::Executor& where, P problem, std::int64_t n, double factor = 1)
      : problem_(problem), n_(n), factor_(static_cast<T>(factor)), terms_(where, n), host_(terms_.to_host()) {}

  double value(const nabla::Executor& where, std::span<const T> x) const {
    check_objectives::fill(where, ValueOf<T, P>{problem_, x.data(), n_}, n_, terms_.data());
    nabla::detail::copy_bytes(where, host_.data(), terms_.data(), host_.size() * sizeof(double));
    return sum(host_);
  }
  double value_and_gradient(const nabla::Executor& where, std::span<const T> x, std::span<T> gradient) const {
    check_objectives::fill(where, GradientOf<T, P>{problem_, factor_, x.data(), n_}, n_, gradient.data());
    return value(where, x);
  }
  void hessian_vector_product(const nabla::Executor& where, std::span<const T> x, std::span<const T> v,
                              std::span<T> product) const {
    check_objectives::fill(where, ProductOf<T, P>{problem_, x.data(), v.data(), n_}, n_, product.data());
  }
  void hessian_diagonal(const nabla::Executor& where, std::span<const T> x, std::span<T> diagonal) const {
    check_objectives::fill(where, DiagonalOf<T, P>{problem_, x.data(), n_}, n_, diagonal.data());
  }

 private:
  static double sum(std::span<const double> numbers) {
    if (numbers.size() > 64) {
      return sum(numbers.first(numbers.size() / 2)) + sum(numbers.subspan(numbers.size() / 2));
    }
    double all = 0;
    for (const double number : numbers) all += number;
    return all;
  }

  P problem_;
  std::int64_t n_;
  T factor_;
  nabla::Array<double> terms_;
  mutable std::vector<double> host_;
};

template <class T, class P>
Posed<T, P> posed(const nabla::Executor& where, P problem, std::int64_t n, double factor = 1) {
  return Posed<T, P>(where, problem, n, factor);
}

template <class T>
nabla::Array<T> array_of(const nabla::Executor& where, const std::vector<T>& numbers) {
  nabla::Array<T> x(where, static_cast<std::int64_t>(numbers.size()));
  x.upload(numbers);
  return x;
}
template <class T>
nabla::Array<T> constant(const nabla::Executor& where, std::int64_t n, double number) {
  return array_of(where, std::vector<T>(static_cast<std::size_t>(n), static_cast<T>(number)));
}
/// -1.2, 1, -1.2, 1, …
template <class T>
nabla::Array<T> rosenbrock_start(const nabla::Executor& where, std::int64_t n) {
  std::vector<T> numbers;
  for (std::int64_t i = 0; i < n; ++i) numbers.push_back(i % 2 == 0 ? T(-1.2) : T(1));
  return array_of(where, numbers);
}

/// max_i |x_i - solution(i)|
template <class T, class Solution>
double distance(const nabla::Array<T>& x, Solution solution) {
  const std::vector<T> host = x.to_host();
  double most = 0;
  for (std::size_t i = 0; i < host.size(); ++i) {
    most = std::fmax(most, std::fabs(host[i] - solution(static_cast<std::int64_t>(i))));
  }
  return most;
}

}  // namespace minimize_problems
