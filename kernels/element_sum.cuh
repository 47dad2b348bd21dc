#pragma once

#include <nabla/detail/bodies.hpp>
#include <nabla/detail/element_request.hpp>
#include <nabla/kernels/block_sum.cuh>

// Sums of elements on a GPU. The owner computes: a thread has one variable, or one block of a table's variables, walks
// the elements that touch it, and evaluates each with tangents for its own variables alone. So nothing is scattered and
// nothing but x, the data and the result moves. The kernels:
//
//   value_kernel   a thread for each element; values, and their sum
//   owner_kernel   a thread for each owner of variables; gradients, products, diagonals and rows of Hessians
//   scatter_kernel a thread for each element of a table, evaluated with all its tangents: adds them to the variables,
//                  in any order, where a caller said so
//   shared_kernel  where all elements touch the same variables: a thread for some elements; sums over all of them
//
// Which variable a slot's is, is asked of numbers and not of slots' places: an element may have the same one twice.
// Like evaluate.cuh, this file and what it includes name nothing of a host.

namespace nabla::detail {

// ------------------------------------------------------------------------------------------ one element and its owner

/// An element of a grid. Its slots are `base` further than the offsets.
struct GridElement {
  const ElementGrid& grid;
  std::int64_t number, base, own;  // own: the offset of the owner's slots

  constexpr std::int64_t variable(std::int64_t slot) const { return base + grid.offset[slot]; }
  constexpr bool owns(std::int64_t slot, int) const { return grid.offset[slot] == own; }
  constexpr bool owns_first() const { return owns(0, 0); }
};

/// An element of a table with blocks of so many variables.
template <int Block>
struct TableElement {
  const ElementTable& table;
  std::int64_t number, own;  // own: the owner's block

  constexpr std::int64_t block() const { return Block == dynamic ? table.block : Block; }
  constexpr std::int64_t entry(std::int64_t k) const {
    const std::int64_t at = number * table.item_stride + k * table.component_stride;
    return table.wide ? static_cast<const std::int64_t*>(table.entries)[at]
                      : static_cast<const std::int32_t*>(table.entries)[at];
  }
  constexpr std::int64_t variable(std::int64_t slot) const { return entry(slot / block()) * block() + slot % block(); }
  constexpr bool owns(std::int64_t slot, int k) const { return slot % block() == k && entry(slot / block()) == own; }
  constexpr bool owns_first() const { return entry(0) == own; }
};

// ------------------------------------------------------------------------------------- the elements that touch a
// variable

/// A line of elements along neighbouring variables: extent[0] of them, with a stride of 1.
struct Chain {
  static constexpr int block = 1;
  ElementGrid grid;

  __device__ GridElement at(std::int64_t e) const { return {grid, e, e, 0}; }

  /// Calls use(element) for each that touches a variable.
  template <int N, class Use>
  __device__ void for_each(std::int64_t variable, Use use) const {
    constexpr int unrolled = N <= 4 ? N : 1;
#pragma unroll unrolled
    for (int j = 0; j < N; ++j) {
      const std::int64_t e = variable - grid.offset[j];
      if (e >= 0 && e < grid.extent[0] && is_first<N>(grid, j)) use(GridElement{grid, e, e, grid.offset[j]});
    }
  }

  /// Whether no slot before has the same variable.
  template <int N>
  static constexpr bool is_first(const ElementGrid& grid, int slot) {
    bool first = true;
    for (int i = 0; i < slot; ++i) first = first && grid.offset[i] != grid.offset[slot];
    return first;
  }
};

/// a / b for a >= 0 and b > 0. Most numbers have 32 bits, which a GPU divides several times as fast.
constexpr std::int64_t quotient(std::int64_t a, std::int64_t b) {
  const auto wide_a = static_cast<std::uint64_t>(a), wide_b = static_cast<std::uint64_t>(b);
  if ((wide_a | wide_b) >> 32 != 0) return static_cast<std::int64_t>(wide_a / wide_b);
  return static_cast<std::int64_t>(static_cast<std::uint32_t>(a) / static_cast<std::uint32_t>(b));
}

/// Any grid.
struct Grid {
  static constexpr int block = 1;
  ElementGrid grid;

  __device__ GridElement at(std::int64_t e) const {
    const std::int64_t line = quotient(e, grid.extent[0]), plane = quotient(line, grid.extent[1]);
    const std::int64_t e0 = e - line * grid.extent[0], e1 = line - plane * grid.extent[1];
    return {grid, e, e0 * grid.stride[0] + e1 * grid.stride[1] + plane * grid.stride[2], 0};
  }

  struct Indices {
    std::int64_t first, last;
  };
  /// Those along dimension d that may lie `distance` from the first element, if the dimensions below reach so far.
  __device__ Indices indices(int d, std::int64_t distance, std::int64_t reach) const {
    const std::int64_t extent = grid.extent[d], stride = grid.stride[d];
    if (distance < 0) return {0, 0};
    if (extent == 1 || stride == 0) return {0, extent};
    const std::int64_t first = distance <= reach ? 0 : quotient(distance - reach + stride - 1, stride);
    const std::int64_t last = quotient(distance, stride) + 1;
    return {first, last < extent ? last : extent};
  }

  template <int N, class Use>
  __device__ void for_each(std::int64_t variable, Use use) const {
    const std::int64_t reach0 = (grid.extent[0] - 1) * grid.stride[0],
                       reach1 = reach0 + (grid.extent[1] - 1) * grid.stride[1];
    for (int j = 0; j < N; ++j) {
      if (!Chain::is_first<N>(grid, j)) continue;
      const std::int64_t base = variable - grid.offset[j];
      const Indices planes = indices(2, base, reach1);
      for (std::int64_t e2 = planes.first; e2 < planes.last; ++e2) {
        const std::int64_t in_plane = base - e2 * grid.stride[2];
        const Indices lines = indices(1, in_plane, reach0);
        for (std::int64_t e1 = lines.first; e1 < lines.last; ++e1) {
          const std::int64_t in_line = in_plane - e1 * grid.stride[1],
                             before = grid.extent[0] * (e1 + grid.extent[1] * e2);
          const Indices some = indices(0, in_line, 0);
          for (std::int64_t e0 = some.first; e0 < some.last; ++e0) {
            if (e0 * grid.stride[0] == in_line) use(GridElement{grid, before + e0, base, grid.offset[j]});
          }
        }
      }
    }
  }
};

template <int Block>
struct Lists {
  static constexpr int block = Block;
  ElementTable table;

  __device__ TableElement<Block> at(std::int64_t e) const { return {table, e, 0}; }

  template <int N, class Use>
  __device__ void for_each(std::int64_t own, Use use) const {
    const std::int64_t end = table.starts[own + 1];
    for (std::int64_t place = table.starts[own]; place < end; ++place) {
      const std::int64_t e = table.wide_owned
                                 ? static_cast<const std::int64_t*>(table.owned)[place]
                                 : static_cast<std::int64_t>(static_cast<const std::uint32_t*>(table.owned)[place]);
      use(TableElement<Block>{table, e, own});
    }
  }
};

// --------------------------------------------------------------------------------------------- what an element gives

/// What an element reads: the numbers of its slots, then its data.
template <class T, int N, class Element>
struct ElementInput {
  using Scalar = T;
  const ElementRequest<T>& request;
  const Element& element;
  constexpr T operator()(std::int64_t i) const {
    if (i < N) return request.x[element.variable(i)];
    return request.data[element.number * request.data_item_stride + (i - N) * request.data_component_stride];
  }
  constexpr T extra(std::int64_t i) const { return request.v[element.variable(i)]; }
};

template <int N, class T, class F, class Element>
constexpr T element_value(const F& f, const ElementRequest<T>& request, const Element& element) {
  using S = Dual<T, 0>;
  const ElementInput<T, N, Element> in{request, element};
  return S(call(f, in, make_point<N>(N, [&](std::int64_t i) { return S(in(i)); }))).value;
}

/// The value, and derivatives by the owner's variables from `start` on.
template <int N, int Width, class T, class F, class Element>
constexpr Dual<T, Width> element_gradient(const F& f, const ElementRequest<T>& request, const Element& element,
                                          int start) {
  using D = Dual<T, Width>;
  const ElementInput<T, N, Element> in{request, element};
  return D(call(f, in, make_point<N>(N, [&](std::int64_t i) {
                  return D(in(i), [&](int k) { return kronecker<T>(element.owns(i, start + k)); });
                })));
}

/// Derivatives of the derivative along the direction.
template <int N, int Width, class T, class F, class Element>
constexpr Dual<Dual<T, 1>, Width> element_product(const F& f, const ElementRequest<T>& request, const Element& element,
                                                  int start) {
  using Along = Dual<T, 1>;
  using D = Dual<Along, Width>;
  const ElementInput<T, N, Element> in{request, element};
  return D(call(f, in, make_point<N>(N, [&](std::int64_t i) {
                  return D(Along(in(i), [&](int) { return in.extra(i); }),
                           [&](int k) { return constant<Along>(element.owns(i, start + k) ? 1 : 0); });
                })));
}

/// The second derivative, once by the slots of which first(i), once by those of which second(i).
template <int N, class T, class F, class Element, class First, class Second>
constexpr T second_derivative(const F& f, const ElementRequest<T>& request, const Element& element, First first,
                              Second second) {
  using Along = Dual<T, 1>;
  using D = Dual<Along, 1>;
  const ElementInput<T, N, Element> in{request, element};
  const D y(call(f, in, make_point<N>(N, [&](std::int64_t i) {
                   return D(Along(in(i), [&](int) { return kronecker<T>(first(i)); }),
                            [&](int) { return constant<Along>(second(i) ? 1 : 0); });
                 })));
  return y.tangent[0].tangent[0];
}

/// The same by two slots. Both orders of them run the same code with the same numbers, so that Hessians are symmetric
/// to the bit.
template <int N, class T, class F, class Element>
constexpr T mixed_derivative(const F& f, const ElementRequest<T>& request, const Element& element, int a, int b) {
  const int most = a < b ? b : a, least = a < b ? a : b;
  return second_derivative<N>(
      f, request, element, [most](std::int64_t i) { return i == most; },
      [least](std::int64_t i) { return i == least; });
}

// ------------------------------------------------------------------------------------------------------------- kernels

// One block at least on each processor: left to itself, ptxas gives registers up for more blocks and spills them.

__device__ inline std::int64_t thread_number() {
  return static_cast<std::int64_t>(blockIdx.x) * element_threads + threadIdx.x;
}

/// Leaves the sum of all threads' values.
template <class T>
__device__ void put_partial(const ElementRequest<T>& request, double value) {
  if (request.partials == nullptr) return;
  const double sum = block_sum(value);
  if (threadIdx.x == 0) request.partials[blockIdx.x] = sum;
}

template <int N, class T, class F, class Elements>
__global__ void __launch_bounds__(element_threads, 1)
    value_kernel(const F f, const Elements elements, const ElementRequest<T> request) {
  const std::int64_t e = thread_number();
  double value = 0;
  if (e < request.elements) {
    const T found = element_value<N>(f, request, elements.at(e));
    if (request.out != nullptr) request.out[e] = found;
    value = static_cast<double>(found);
  }
  put_partial(request, value);
}

/// Adds to the entry of a row of the Hessian. The row is the thread's own.
template <class T>
__device__ void add_entry(const ElementRequest<T>& request, std::int64_t row, std::int64_t column, T entry) {
  std::int64_t first = request.starts[row], last = request.starts[row + 1];
  const std::int64_t end = last;
  while (first < last) {
    const std::int64_t middle = first + (last - first) / 2;
    if (request.columns[middle] < column) {
      first = middle + 1;
    } else {
      last = middle;
    }
  }
  if (first < end && request.columns[first] == column) request.out[first] += entry;
}

/// The rows of an owner's variables, of which component k is `first` + k.
template <int N, class T, class F, class Elements>
__device__ void add_rows(const F& f, const Elements& elements, const ElementRequest<T>& request, std::int64_t owner,
                         std::int64_t first, int block) {
  for (int k = 0; k < block && first + k < request.variables && !request.add; ++k) {
    for (std::int64_t at = request.starts[first + k]; at < request.starts[first + k + 1]; ++at) request.out[at] = 0;
  }
  elements.template for_each<N>(owner, [&](const auto& element) {
#pragma unroll 1
    for (int pair = 0; pair < N * block * N; ++pair) {
      const int slot = pair / N % N, other = pair % N, k = pair / (N * N);
      if (!element.owns(slot, k)) continue;
      const T entry = mixed_derivative<N>(f, request, element, slot, other);
      add_entry(request, first + k, element.variable(other), entry);
    }
  });
}

template <ElementPass Pass, int N, class T, class F, class Elements>
__global__ void __launch_bounds__(element_threads, 1)
    owner_kernel(const F f, const Elements elements, const ElementRequest<T> request, const int blocks_of) {
  const int block = Elements::block == dynamic ? blocks_of : Elements::block;
  const std::int64_t owner = thread_number(), first = owner * block;
  double value = 0;
  if (first < request.variables) {
    if constexpr (Pass == ElementPass::hessian) {
      add_rows<N>(f, elements, request, owner, first, block);
    } else {
      constexpr int width = Pass == ElementPass::diagonal ? 1 : Elements::block == dynamic ? 4 : Elements::block;
      for (int start = 0; start < block; start += width) {
        T sums[width] = {};
        elements.template for_each<N>(owner, [&](const auto& element) {
          if constexpr (Pass == ElementPass::diagonal) {
            const auto own = [&](std::int64_t i) { return element.owns(i, start); };
            sums[0] += second_derivative<N>(f, request, element, own, own);
          } else if constexpr (Pass == ElementPass::product) {
            const auto y = element_product<N, width>(f, request, element, start);
#pragma unroll
            for (int k = 0; k < width; ++k) sums[k] += y.tangent[k].tangent[0];
          } else {
            const auto y = element_gradient<N, width>(f, request, element, start);
#pragma unroll
            for (int k = 0; k < width; ++k) sums[k] += y.tangent[k];
            if (start == 0 && element.owns_first()) value += static_cast<double>(y.value);
          }
        });
#pragma unroll
        for (int k = 0; k < width && request.out != nullptr; ++k) {
          if (start + k >= block || first + start + k >= request.variables) continue;
          T& out = request.out[first + start + k];
          out = request.add ? out + sums[k] : sums[k];
        }
      }
    }
  }
  if constexpr (Pass == ElementPass::gradient) put_partial(request, value);
}

/// An element of a table, whose slots are asked for one by one, as if no two of them had the same variable.
struct ScatteredElement {
  const ElementTable& table;
  std::int64_t number;
  int block, reciprocal;  // 2^16 / block, rounded up: slots and blocks are at most 32

  constexpr std::int64_t variable(std::int64_t slot) const {
    const int entry = static_cast<int>(slot) * reciprocal >> 16;
    return TableElement<dynamic>{table, number, 0}.entry(entry) * block + (static_cast<int>(slot) - entry * block);
  }
  constexpr bool owns(std::int64_t slot, int k) const { return slot == k; }
};

/// Adds an element's derivatives to request.out, and leaves the sum of values.
template <ElementPass Pass, int N, class T, class F>
__global__ void __launch_bounds__(element_threads, 1)
    scatter_kernel(const F f, const ElementTable table, const ElementRequest<T> request, const int block) {
  constexpr int width = scatter_width(Pass, N);
  double value = 0;
  if (thread_number() < request.elements) {
    const ScatteredElement element{table, thread_number(), block, (1 << 16) / block + 1};
#pragma unroll 1
    for (int start = 0; start < N; start += width) {
      T derivatives[width];
      if constexpr (Pass == ElementPass::diagonal) {
        const std::int64_t own = element.variable(start);
        bool is_first = true;
        for (int before = 0; before < start; ++before) is_first = is_first && element.variable(before) != own;
        if (!is_first) continue;
        const auto has = [&](std::int64_t i) { return element.variable(i) == own; };
        derivatives[0] = second_derivative<N>(f, request, element, has, has);
      } else if constexpr (Pass == ElementPass::product) {
        const auto y = element_product<N, width>(f, request, element, start);
#pragma unroll
        for (int k = 0; k < width; ++k) derivatives[k] = y.tangent[k].tangent[0];
      } else {
        const auto y = element_gradient<N, width>(f, request, element, start);
#pragma unroll
        for (int k = 0; k < width; ++k) derivatives[k] = y.tangent[k];
        if (start == 0) value = static_cast<double>(y.value);
      }
#pragma unroll
      for (int k = 0; k < width && request.out != nullptr; ++k) {
        if (start + k < N) atomicAdd(request.out + element.variable(start + k), derivatives[k]);
      }
    }
  }
  if constexpr (Pass == ElementPass::gradient) put_partial(request, value);
}

/// An element whose slots are asked for one by one, as if no two of them had the same variable.
struct Slots {
  const ElementGrid& grid;
  std::int64_t number;
  constexpr std::int64_t variable(std::int64_t slot) const { return grid.offset[slot]; }
  constexpr bool owns(std::int64_t slot, int k) const { return slot == k; }
};

/// Leaves the parts' sums of the rows that a chunk of slots has: of the value, which is row 0, and the derivatives.
template <ElementPass Pass, int N, class T, class F>
__global__ void __launch_bounds__(element_threads, 1)
    shared_kernel(const F f, const ElementGrid grid, const ElementRequest<T> request) {
  constexpr int width = static_cast<int>(shared_width(Pass, N));
  const std::int64_t parts = shared_parts(request.elements), size = shared_part_size(request.elements);
  const std::int64_t part = blockIdx.x % parts;
  const int job = static_cast<int>(blockIdx.x / parts), start = job * width;
  const std::int64_t begin = part * size, end = begin + size < request.elements ? begin + size : request.elements;
  double value = 0, sums[width] = {};
  for (std::int64_t e = begin + threadIdx.x; e < end; e += element_threads) {
    const Slots element{grid, e};
    if constexpr (Pass == ElementPass::value) {
      const T found = element_value<N>(f, request, element);
      if (request.out != nullptr) request.out[e] = found;
      value += static_cast<double>(found);
    } else if constexpr (Pass == ElementPass::gradient) {
      const auto y = element_gradient<N, width>(f, request, element, start);
      value += static_cast<double>(y.value);
#pragma unroll
      for (int k = 0; k < width; ++k) sums[k] += static_cast<double>(y.tangent[k]);
    } else if constexpr (Pass == ElementPass::product) {
      const auto y = element_product<N, width>(f, request, element, start);
#pragma unroll
      for (int k = 0; k < width; ++k) sums[k] += static_cast<double>(y.tangent[k].tangent[0]);
    } else if constexpr (Pass == ElementPass::diagonal) {
      const auto own = [&](std::int64_t i) { return grid.offset[i] == grid.offset[job]; };
      sums[0] += static_cast<double>(second_derivative<N>(f, request, element, own, own));
    } else {
      sums[0] += static_cast<double>(mixed_derivative<N>(f, request, element, job / N, job % N));
    }
  }
  const auto put = [&](std::int64_t row, double mine) {
    const double sum = block_sum(mine);
    if (threadIdx.x == 0) request.partials[row * parts + part] = sum;
  };
  if (job == 0) put(0, value);
  if constexpr (Pass != ElementPass::value) {
#pragma unroll
    for (int k = 0; k < width; ++k) {
      if (Pass == ElementPass::hessian || start + k < N) put(1 + start + k, sums[k]);
    }
  }
}

}  // namespace nabla::detail
