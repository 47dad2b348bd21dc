#pragma once

#include <nabla/detail/each_request.hpp>
#include <nabla/minimize.hpp>

#include <optional>

// Which of minimize()'s methods there are for many descents, and what they are called here.

namespace nabla::detail {

struct EachName {
  EachMethod each;
  nabla::Method method;
  bool fixed_steps;
};
inline constexpr EachName each_names[] = {
    {EachMethod::fixed_gradient, nabla::Method::gradient, true},
    {EachMethod::searched_gradient, nabla::Method::gradient, false},
    {EachMethod::fixed_heavy_ball, nabla::Method::heavy_ball, true},
    {EachMethod::searched_heavy_ball, nabla::Method::heavy_ball, false},
    {EachMethod::fixed_nesterov, nabla::Method::nesterov, true},
    {EachMethod::searched_nesterov, nabla::Method::nesterov, false},
    {EachMethod::barzilai_borwein, nabla::Method::barzilai_borwein, false},
    {EachMethod::bfgs, nabla::Method::bfgs, false},
    {EachMethod::lbfgs, nabla::Method::lbfgs, false},
    {EachMethod::newton, nabla::Method::newton_cg, false},
    {EachMethod::levenberg_marquardt, nabla::Method::levenberg_marquardt, false},
};

/// None if the method is not for many descents. Methods that find their steps themselves don't mind fixed ones.
constexpr std::optional<EachMethod> each_method(nabla::Method method, bool fixed_steps = false) {
  std::optional<EachMethod> found;
  for (const EachName& name : each_names) {
    if (name.method == method && (!found || name.fixed_steps == fixed_steps)) found = name.each;
  }
  return found;
}

constexpr nabla::Method method_of(EachMethod each) {
  for (const EachName& name : each_names) {
    if (name.each == each) return name.method;
  }
  return nabla::Method::gradient;
}

}  // namespace nabla::detail
