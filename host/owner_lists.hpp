#pragma once

#include <nabla/batch.hpp>
#include <nabla/connectivity.hpp>

// What sums of elements keep in a CUDA device's memory.

namespace nabla::detail {

/// For each block of a table's variables, the elements that touch it, each once and in increasing order: those of block
/// b are elements[starts[b]] … elements[starts[b + 1] - 1]. Empty as long as nothing needs it.
struct OwnerLists {
  Array<std::int64_t> starts;
  Array<std::uint32_t> elements;
  Array<std::int64_t> many_elements;  // instead, where 32 bits are too few
};

/// A copy of a pattern on a device.
struct DevicePattern {
  std::shared_ptr<const SparsePattern> original;
  Array<std::int64_t> starts, columns;
};

}  // namespace nabla::detail
