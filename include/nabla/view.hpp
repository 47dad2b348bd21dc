#pragma once

#include <concepts>
#include <cstdint>

namespace nabla {

/// How the numbers of a batch lie in memory.
enum class Layout {
  component_major,  ///< component i of all points is contiguous: x x x … y y y …
  point_major       ///< the components of one point are contiguous: x y x y … (NumPy's (count, n) in C order)
};

/// A batch in somebody else's memory: `count` items of `components` numbers each, at any strides.
/// Component i of item p is data[p * item_stride + i * component_stride]. A null view stands for "not wanted".
/// Units: strides count numbers, not bytes. An item stride of 0 in an input repeats one item for the whole batch.
template <class T>
struct BatchView {
  T* data = nullptr;
  std::int64_t count = 0;
  std::int64_t components = 0;
  std::int64_t item_stride = 0;
  std::int64_t component_stride = 0;

  constexpr BatchView() = default;
  constexpr BatchView(T* numbers, std::int64_t item_count, std::int64_t item_components, std::int64_t stride_of_items,
                      std::int64_t stride_of_components)
      : data(numbers),
        count(item_count),
        components(item_components),
        item_stride(stride_of_items),
        component_stride(stride_of_components) {}

  /// A contiguous batch in one of the two standard layouts.
  constexpr BatchView(T* numbers, std::int64_t item_count, std::int64_t item_components = 1,
                      Layout layout = Layout::component_major)
      : BatchView(numbers, item_count, item_components, layout == Layout::component_major ? 1 : item_components,
                  layout == Layout::component_major ? item_count : 1) {}

  /// Views of numbers are views of constant numbers.
  template <class U>
  requires std::same_as<const U, T>
  constexpr BatchView(const BatchView<U>& numbers)
      : BatchView(numbers.data, numbers.count, numbers.components, numbers.item_stride, numbers.component_stride) {}

  /// The number itself; for host memory only.
  constexpr T& operator()(std::int64_t item, std::int64_t component = 0) const {
    return data[item * item_stride + component * component_stride];
  }

  constexpr explicit operator bool() const { return data != nullptr; }
};

}  // namespace nabla
