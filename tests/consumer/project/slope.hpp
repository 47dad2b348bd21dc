#pragma once

namespace consumer {

struct Product {
  template <class X>
  constexpr auto operator()(const X& x) const {
    return x[0] * x[0] * x[1];
  }
};

double slope_along_x(double x, double y);

}  // namespace consumer
