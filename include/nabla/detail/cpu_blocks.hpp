#pragma once

#include <nabla/detail/cpu_tile.hpp>

#include <bit>
#include <cstring>
#include <utility>

// The CPU's loop over the elements of a table that stand for blocks of three variables, such as points in space: as
// run_tile(), but what a pack of elements needs is read from the blocks into registers, not from rows in the cache, and
// where the first entry is the same many times in a row, as in lists of pairs, its block is read once and has one sum.

namespace nabla::detail {

inline constexpr int fused_block = 3;

/// Elements whose variables are in blocks. Entry w of element e is the block that begins at x[at[w * at_stride + e]],
/// also for those up to a multiple of the lanes; each is followed by a number that can be read.
template <class T>
struct BlockTile {
  Tile<T> tile;  // its inputs are the rows of data; its count is a multiple of the lanes
  std::int64_t elements;
  const T* x;
  const std::int32_t* at;
  std::int64_t at_stride;
  const std::uint8_t* begins;  // bit e: entry 0 of element e is not that of the one before; null: most are not
  T* sums;                     // with `begins`: the gradient of entry 0 is added there, and its rows stay as they are
};

/// Calls use(a constant) for 0 … n - 1: arrays that only constants index stay in registers.
template <int n, class Use>
constexpr void unrolled(Use use) {
  [&]<int... c>(std::integer_sequence<int, c...>) { (use(std::integral_constant<int, c>()), ...); }
  (std::make_integer_sequence<int, n>());
}

/// `numbers` numbers of type T in a register.
template <class T, int numbers>
struct PackedNumbers {
  typedef T type __attribute__((vector_size(numbers * sizeof(T))));
};

/// The numbers of one register after those of another.
template <class T, int numbers>
auto joined(const typename PackedNumbers<T, numbers>::type& a, const typename PackedNumbers<T, numbers>::type& b) {
  static_assert(numbers == 4 || numbers == 8);
  if constexpr (numbers == 4) {
    return __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7);
  } else {
    return __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  }
}

/// Four neighbouring numbers of each of four places: rows[c] has number c of all of them.
template <class T, class Offset>
void turn_four(const T* from, const Offset* at, typename PackedNumbers<T, 4>::type (&rows)[4]) {
  using Four = typename PackedNumbers<T, 4>::type;
  Four a, b, c, d;
  std::memcpy(&a, from + at[0], sizeof(Four));
  std::memcpy(&b, from + at[1], sizeof(Four));
  std::memcpy(&c, from + at[2], sizeof(Four));
  std::memcpy(&d, from + at[3], sizeof(Four));
  if constexpr (sizeof(T) == 8) {  // in the order that machines do in one instruction
    const Four even = __builtin_shufflevector(a, b, 0, 4, 2, 6), odd = __builtin_shufflevector(a, b, 1, 5, 3, 7);
    const Four even_2 = __builtin_shufflevector(c, d, 0, 4, 2, 6), odd_2 = __builtin_shufflevector(c, d, 1, 5, 3, 7);
    rows[0] = __builtin_shufflevector(even, even_2, 0, 1, 4, 5);
    rows[1] = __builtin_shufflevector(odd, odd_2, 0, 1, 4, 5);
    rows[2] = __builtin_shufflevector(even, even_2, 2, 3, 6, 7);
    rows[3] = __builtin_shufflevector(odd, odd_2, 2, 3, 6, 7);
  } else {
    const Four low = __builtin_shufflevector(a, b, 0, 4, 1, 5), high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    const Four low_2 = __builtin_shufflevector(c, d, 0, 4, 1, 5), high_2 = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    rows[0] = __builtin_shufflevector(low, low_2, 0, 1, 4, 5);
    rows[1] = __builtin_shufflevector(low, low_2, 2, 3, 6, 7);
    rows[2] = __builtin_shufflevector(high, high_2, 0, 1, 4, 5);
    rows[3] = __builtin_shufflevector(high, high_2, 2, 3, 6, 7);
  }
}

/// The first numbers of as many places as there are lanes, of four that are read.
template <class X, class T>
void turn_pack(const T* from, const std::int32_t* at, X* rows, int wanted) {
  constexpr int width = lanes_in<X, T>;
  if constexpr (width % 4 == 0) {
    typename PackedNumbers<T, 4>::type fours[width / 4][4];
    for (int k = 0; k < width / 4; ++k) turn_four(from, at + std::ptrdiff_t{4} * k, fours[k]);
    for (int c = 0; c < wanted; ++c) {
      using Register = typename X::register_type;
      if constexpr (width == 4) {
        rows[c] = X(std::bit_cast<Register>(fours[0][c]));
      } else if constexpr (width == 8) {
        rows[c] = X(std::bit_cast<Register>(joined<T, 4>(fours[0][c], fours[1][c])));
      } else {
        static_assert(width == 16);
        rows[c] = X(std::bit_cast<Register>(
            joined<T, 8>(joined<T, 4>(fours[0][c], fours[1][c]), joined<T, 4>(fours[2][c], fours[3][c]))));
      }
    }
  } else {
    for (int c = 0; c < wanted; ++c) {
      T numbers[width];
      for (int e = 0; e < width; ++e) numbers[e] = from[at[e] + c];
      rows[c] = X::load_unaligned(numbers);
    }
  }
}

/// 0, 1, 2, …
template <class X>
X lane_numbers() {
  using T = typename X::value_type;
  T numbers[X::size];
  for (std::size_t k = 0; k < X::size; ++k) numbers[k] = static_cast<T>(k);
  return X::load_unaligned(numbers);
}

/// The bits of a pack that begins at element e.
template <int width>
unsigned bits_of_pack(const std::uint8_t* bits, std::int64_t e) {
  std::uint16_t two;
  std::memcpy(&two, bits + e / 8, 2);
  return (unsigned{two} >> (e % 8)) & ((1U << width) - 1);
}

/// A pack's variables in registers, its data in rows.
template <class X, class T>
struct BlockInput {
  using Scalar = X;
  std::int64_t dimension;
  const X* x;
  const T* data;
  std::int64_t stride;
  constexpr X operator()(std::int64_t i) const {
    return i < dimension ? x[i] : load<X>(data + (i - dimension) * stride);
  }
};
template <class X>
struct RegisterOutput {
  using Scalar = X;
  X* rows;
  constexpr void store(std::int64_t row, const X& x) { rows[row] = x; }
  constexpr X load(std::int64_t row) const { return rows[row]; }
};

/// Sums of the gradients of entry 0, run by run.
template <class X, class T>
class RunSums {
 public:
  explicit RunSums(T* block) : block_(block) { clear(); }
  /// Lanes from `first` on that are before `end`.
  void add(const X* gradient, const X& lanes, int first, int end) {
    const auto wanted = lanes >= X(static_cast<T>(first)) && lanes < X(static_cast<T>(end));
    unrolled<fused_block>([&](auto c) { sums_[c] = sums_[c] + xsimd::select(wanted, gradient[c], X(T(0))); });
  }
  void add(const X* gradient) {
    unrolled<fused_block>([&](auto c) { sums_[c] = sums_[c] + gradient[c]; });
  }
  void finish() const {
    unrolled<fused_block>([&](auto c) { block_[c] += xsimd::hadd(sums_[c]); });
  }
  void begin(T* block) {
    finish();
    block_ = block;
    clear();
  }

 private:
  void clear() {
    unrolled<fused_block>([&](auto c) { sums_[c] = X(T(0)); });
  }
  T* block_;
  X sums_[fused_block];
};

template <class X, class T, class Body>
[[gnu::flatten]] void run_blocks(const void* body, const BlockTile<T>& blocks) {
  constexpr int n = Body::variables, width = lanes_in<X, T>, outputs = Body::has_gradient ? 1 + n : 1;
  const Body& f = *static_cast<const Body*>(body);
  const Tile<T> tile = blocks.tile;
  const T* const x = blocks.x;
  const std::int32_t* const at = blocks.at;
  const std::uint8_t* const begins = blocks.begins;
  const X lanes = lane_numbers<X>();
  X own[fused_block];  // of the run that goes on
  unrolled<fused_block>([&](auto c) { own[c] = X(x[at[0] + c]); });
  RunSums<X, T> sums(begins != nullptr && Body::has_gradient ? blocks.sums + at[0] : nullptr);
  for (std::int64_t p = 0; p < tile.count; p += width) {
    const unsigned begin = begins == nullptr ? 0 : bits_of_pack<width>(begins, p) & ~unsigned{p == 0};
    X in[n], out[outputs];
    if (begins == nullptr) {
      turn_pack(x, at + p, in, fused_block);
    } else {
      unrolled<fused_block>([&](auto c) { in[c] = own[c]; });
      for (unsigned left = begin; left != 0; left &= left - 1) {
        const int k = std::countr_zero(left);
        const auto are_new = lanes >= X(static_cast<T>(k));
        unrolled<fused_block>([&](auto c) {
          own[c] = X(x[at[p + k] + c]);
          in[c] = xsimd::select(are_new, own[c], in[c]);
        });
      }
    }
    for (int w = 1; w < n / fused_block; ++w) {
      turn_pack(x, at + w * blocks.at_stride + p, in + w * fused_block, fused_block);
    }
    RegisterOutput<X> to{out};
    f(BlockInput<X, T>{n, in, tile.in + p, tile.in_stride}, to);
    store<X>(tile.out[0] + p, out[0]);
    if constexpr (Body::has_gradient) {
      const auto store_row = [&](auto j) { store<X>(tile.out[1] + j * tile.out_stride[1] + p, out[1 + j]); };
      unrolled<n - fused_block>([&](auto j) { store_row(std::integral_constant<int, j + fused_block>()); });
      if (begins == nullptr) {
        unrolled<fused_block>(store_row);
        continue;
      }
      int first = 0;
      for (unsigned left = begin; left != 0; left &= left - 1) {
        const int k = std::countr_zero(left);
        sums.add(out + 1, lanes, first, k);
        sums.begin(blocks.sums + at[p + k]);
        first = k;
      }
      const std::int64_t there = blocks.elements - p;
      if (first == 0 && there >= width) {
        sums.add(out + 1);
      } else {
        sums.add(out + 1, lanes, first, static_cast<int>(there < width ? there : width));
      }
    }
  }
  if constexpr (Body::has_gradient) {
    if (begins != nullptr) sums.finish();
  }
}

/// Whether elements of a body can run so: on packs, in blocks of three, without a direction or second derivatives.
template <class X, class T, class Body>
constexpr bool runs_blocks() {
  if constexpr (std::same_as<X, T> || Body::variables == dynamic) {
    return false;
  } else {
    constexpr Rows rows = Body::rows(Body::variables);
    return Body::variables % fused_block == 0 && !Body::needs_extra && rows.group[2] == 0 &&
           rows.group[0] + rows.group[1] == (Body::has_gradient ? 1 + Body::variables : 1);
  }
}

}  // namespace nabla::detail
