#pragma once

#include <nabla/detail/bodies.hpp>
#include <nabla/summary.hpp>
#include <nabla/view.hpp>

namespace nabla::detail {

/// What a call asks for: where inputs lie, and where each group of output rows goes (a null view: nowhere).
template <class T>
struct Request {
  BatchView<const T> points;
  BatchView<const T> extra;  // directions; null where the body needs none
  BatchView<T> out[max_groups];
  Summary* summary = nullptr;  // in the executor's memory; null: not wanted
};

}  // namespace nabla::detail
