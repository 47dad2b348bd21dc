#pragma once

#include <cstdint>

// A pass over the elements of a sum, as the kernels of kernels/element_sum.cuh see it.

namespace nabla::detail {

inline constexpr std::int64_t most_slots = 32;

enum class ElementPass { value, gradient, product, diagonal, hessian };
/// Whether the sum of values is wanted.
constexpr bool has_value(ElementPass pass) { return pass == ElementPass::value || pass == ElementPass::gradient; }

/// Slot j of element (e0, e1, e2) is variable offset[j] + e0 stride[0] + e1 stride[1] + e2 stride[2].
struct ElementGrid {
  std::int64_t extent[3], stride[3], offset[most_slots];
};

/// Slots of element e come from the entries at entries[e * item_stride + k * component_stride], each of which stands
/// for `block` variables. The elements that touch block b, each once and in increasing order, are owned[starts[b]] …
/// owned[starts[b + 1] - 1].
struct ElementTable {
  const void* entries;
  std::int64_t item_stride, component_stride, block;
  const std::int64_t* starts;
  const void* owned;
  bool wide;  // entries have 64 bits
  bool wide_owned;
};

template <class T>
struct ElementRequest {
  std::int64_t elements, variables;
  const T* x;
  const T* v;     // of products
  const T* data;  // component j of element e is data[e * data_item_stride + j * data_component_stride]
  std::int64_t data_item_stride, data_component_stride;
  T* out;  // numbers of elements, of variables, or of the Hessian's entries; null: not wanted
  bool add;
  const std::int64_t* starts;  // of the Hessian's pattern, as in SparsePattern
  const std::int64_t* columns;
  double* partials;  // sums of values, one of each block; null: not wanted. Of shared variables: parts of each row
};

/// A launch of a pass on a CUDA device. Either a grid or a table is there.
template <class T>
struct ElementLaunch {
  ElementPass pass;
  ElementRequest<T> request;
  const ElementGrid* grid;
  const ElementTable* table;
  bool shared;         // all elements touch the same variables: partials only, of rows that shared_rows() counts
  bool scatters;       // a table's elements add to request.out, one by one in any order
  std::int64_t slots;  // of an element
  std::int64_t blocks;
  int device;
  void* stream;
};

/// Whether elements lie in a line along neighbouring variables, which are found by a subtraction.
constexpr bool is_chain(const ElementGrid& grid) {
  return grid.stride[0] == 1 && grid.extent[1] == 1 && grid.extent[2] == 1;
}

/// Kernels know a table's blocks of up to so many variables when they are compiled; others are asked for theirs.
inline constexpr std::int64_t most_fixed_block = 4;

/// Threads of a block, each for one variable, or for one block of a table's variables, or for one element.
inline constexpr int element_threads = 256;

/// Blocks of a pass: one thread for each owner of variables, or for each element.
constexpr std::int64_t element_blocks(std::int64_t threads) {
  return (threads + element_threads - 1) / element_threads;
}

/// Tangents that an element which scatters is evaluated with at once.
constexpr int scatter_width(ElementPass pass, int slots) {
  const int most = pass == ElementPass::gradient ? 12 : pass == ElementPass::product ? 6 : 1;
  return slots < most ? slots : most;
}

/// Elements that all touch the same variables are cut into parts, each of which a block of threads adds up.
constexpr std::int64_t shared_part_size(std::int64_t elements) {
  constexpr std::int64_t least = 2048, most_parts = 1024;
  const std::int64_t size = (elements + most_parts - 1) / most_parts;
  return size < least ? least : size;
}
constexpr std::int64_t shared_parts(std::int64_t elements) {
  return (elements + shared_part_size(elements) - 1) / shared_part_size(elements);
}
/// Rows that are added up: the value, then derivatives of each slot, or of each pair.
constexpr std::int64_t shared_rows(ElementPass pass, std::int64_t slots) {
  return 1 + (pass == ElementPass::value ? 0 : pass == ElementPass::hessian ? slots * slots : slots);
}
/// Rows of derivatives that a block of threads adds up at once, and the blocks that all rows of all parts then take.
constexpr std::int64_t shared_width(ElementPass pass, std::int64_t slots) {
  const std::int64_t most = pass == ElementPass::gradient ? 8 : pass == ElementPass::product ? 4 : 1;
  return slots < most ? slots : most;
}
constexpr std::int64_t shared_blocks(ElementPass pass, std::int64_t slots, std::int64_t elements) {
  const std::int64_t rows = shared_rows(pass, slots) - 1, width = shared_width(pass, slots);
  return (rows == 0 ? 1 : (rows + width - 1) / width) * shared_parts(elements);
}

}  // namespace nabla::detail
