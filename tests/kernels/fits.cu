// Kernels of many fits for spills.cmake: each start's data read in place, sums in registers.

#include <nabla/fit_each.hpp>

namespace {

using nabla::Method;

/// a exp(-b t) + c d, of N = 3 or 4 variables.
template <int N>
struct Decay {
  static constexpr int variables = N, data = 2;
  static constexpr Method descends_by[] = {Method::bfgs, Method::lbfgs, Method::levenberg_marquardt};
  template <class X, class D>
  constexpr auto operator()(const X& x, const D& d) const {
    using nabla::exp;
    return x[0] * exp(-x[1] * d[0]) + x[2] * x[N - 1] - d[1];
  }
};

/// Of two residuals a row.
struct Circle {
  static constexpr int variables = 3, data = 2;
  static constexpr Method descends_by[] = {Method::levenberg_marquardt};
  template <class X, class D>
  constexpr auto operator()(const X& x, const D& d) const {
    const auto u = x[0] - d[0], v = x[1] - d[1];
    return std::array<typename X::value_type, 2>{u * u + v * v - x[2] * x[2], 0.125 * x[2]};
  }
};

template <class T, class Model>
void fit(const nabla::Executor& executor, const Model& model, const nabla::Points<T>& starts,
         const nabla::FitColumns<T>& columns) {
  nabla::fit_each<Model, T>(executor, model, starts, columns, {});
}

}  // namespace

void instantiate_fits(const nabla::Executor& executor, const nabla::Points<double>& doubles,
                      const nabla::FitColumns<double>& columns, const nabla::Points<float>& floats,
                      const nabla::FitColumns<float>& float_columns) {
  fit<double>(executor, Decay<3>(), doubles, columns);
  fit<double>(executor, Decay<4>(), doubles, columns);
  fit<double>(executor, Circle(), doubles, columns);
  fit<float>(executor, Decay<4>(), floats, float_columns);
}
