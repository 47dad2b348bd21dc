#pragma once

#include "element_tile.hpp"

#include <nabla/detail/cpu_blocks.hpp>

#include <bit>
#include <cstdint>
#include <cstring>
#include <type_traits>

// Blocks of neighbouring numbers of a vector, such as an atom's coordinates, as rows of a tile, and back: number c of
// the e-th block, which begins at at[e], is rows[c * stride + e]. Blocks are read four numbers at a time and turned in
// registers, four blocks together, since a load or a store for each number is what a table's sum would wait for.
// Where the same block comes up many times in a row (lists of pairs), it is read, and its sums are written, once.

namespace nabla::detail::cpu {

/// Calls use(a constant from 1 to 4, first) for parts of a block.
template <class Use>
void in_fours(std::int64_t size, const Use& use) {
  std::int64_t c = 0;
  for (; c + 4 <= size; c += 4) use(std::integral_constant<int, 4>(), c);
  switch (size - c) {
    case 3:
      return use(std::integral_constant<int, 3>(), c);
    case 2:
      return use(std::integral_constant<int, 2>(), c);
    case 1:
      return use(std::integral_constant<int, 1>(), c);
    default:
      return;
  }
}

/// Reads blocks of `size` numbers into rows. `reads_past`: there are numbers after each of them.
template <class T, class Offset>
void read_blocks(const T* from, const Offset* at, std::int64_t count, std::int64_t size, bool reads_past, T* rows,
                 std::int64_t stride) {
  in_fours(size, [=](auto part, std::int64_t first) {
    const T* const begin = from + first;
    T* const to = rows + first * stride;
    std::int64_t e = 0;
    if (part == 4 || (part == 3 && reads_past)) {
      for (; e + 4 <= count; e += 4) {
        typename PackedNumbers<T, 4>::type turned[4];
        turn_four(begin, at + e, turned);
        for (int c = 0; c < part; ++c) std::memcpy(to + c * stride + e, &turned[c], sizeof(turned[c]));
      }
    }
    for (; e < count; ++e) {
      for (int c = 0; c < part; ++c) to[c * stride + e] = begin[at[e] + c];
    }
  });
}

/// Adds rows to blocks of `size` numbers, one after another: they may be the same.
template <class T, class Offset>
void add_blocks(const T* rows, std::int64_t stride, const Offset* at, std::int64_t count, std::int64_t size, T* to) {
  using Two = typename PackedNumbers<T, 2>::type;
  using Four = typename PackedNumbers<T, 4>::type;
  in_fours(size, [=](auto part, std::int64_t first) {
    const T* const from = rows + first * stride;
    T* const begin = to + first;
    std::int64_t e = 0;
    for (; part > 1 && e + 4 <= count; e += 4) {
      Four even[2], odd[2];  // blocks 0 and 2, 1 and 3; each pair of numbers
      for (int c = 0; c + 1 < part; c += 2) {
        Four x, y;
        std::memcpy(&x, from + c * stride + e, sizeof(Four));
        std::memcpy(&y, from + (c + 1) * stride + e, sizeof(Four));
        even[c / 2] = __builtin_shufflevector(x, y, 0, 4, 2, 6);
        odd[c / 2] = __builtin_shufflevector(x, y, 1, 5, 3, 7);
      }
      const auto add = [&](int k, const auto& part_of) {
        T* const block = begin + at[e + k];
        for (int c = 0; c + 1 < part; c += 2) {
          Two sums;
          std::memcpy(&sums, block + c, sizeof(Two));
          sums += part_of(c / 2);
          std::memcpy(block + c, &sums, sizeof(Two));
        }
        if (part % 2 == 1) block[part - 1] += from[(part - 1) * stride + e + k];
      };
      add(0, [&](int c) { return __builtin_shufflevector(even[c], even[c], 0, 1); });
      add(1, [&](int c) { return __builtin_shufflevector(odd[c], odd[c], 0, 1); });
      add(2, [&](int c) { return __builtin_shufflevector(even[c], even[c], 2, 3); });
      add(3, [&](int c) { return __builtin_shufflevector(odd[c], odd[c], 2, 3); });
    }
    for (; e < count; ++e) {
      for (int c = 0; c < part; ++c) begin[at[e] + c] += from[c * stride + e];
    }
  });
}

/// Where runs of the same block begin among those of a tile: a bit for each block.
class Runs {
 public:
  /// Whether they are so long that it pays to know them.
  template <class Offset>
  bool find(const Offset* at, std::int64_t count) {
    constexpr std::int64_t least_length = 4;
    std::uint8_t begins[most_tile + 8];
    begins[0] = 1;
    for (std::int64_t e = 1; e < count; ++e) begins[e] = at[e] != at[e - 1];
    std::fill_n(begins + count, 8, std::uint8_t{0});
    std::int64_t runs = 0;
    for (std::int64_t e = 0; e < count; e += 8) {
      std::uint64_t eight;  // bytes of 0 or 1, the first one lowest
      std::memcpy(&eight, begins + e, 8);
      bits_[e / 8] = static_cast<std::uint8_t>(eight * 0x0102040810204080 >> 56);  // byte k becomes bit k
      runs += std::popcount(eight);
    }
    return runs * least_length <= count;
  }
  const std::uint8_t* bits() const { return bits_; }

 private:
  std::uint8_t bits_[most_tile / 8 + 2] = {};
};

/// read_blocks() by runs, in whole packs.
template <class T, class Offset>
void read_runs(const T* from, const Offset* at, const Runs& runs, std::int64_t count, std::int64_t size, T* rows,
               std::int64_t stride) {
  using X = Lanes<T>;
  constexpr int width = lanes_in<X, T>;
  const X lanes = lane_numbers<X>();
  in_fours(size, [=, &runs](auto part, std::int64_t first) {
    T* const to = rows + first * stride;
    X numbers[part];
    std::fill_n(numbers, int{part}, X(T(0)));
    for (std::int64_t e = 0; e < count; e += width) {
      unsigned begins = bits_of_pack<width>(runs.bits(), e);
      X mixed[part];
      std::copy_n(numbers, int{part}, mixed);
      for (; begins != 0; begins &= begins - 1) {
        const int k = std::countr_zero(begins);
        const T* const block = from + at[e + k] + first;
        const auto are_new = lanes >= X(static_cast<T>(k));
        for (int c = 0; c < part; ++c) {
          numbers[c] = X(block[c]);
          mixed[c] = xsimd::select(are_new, numbers[c], mixed[c]);
        }
      }
      for (int c = 0; c < part; ++c) store<X>(to + c * stride + e, mixed[c]);
    }
  });
}

/// add_blocks() by runs: each has one sum.
template <class T, class Offset>
void add_runs(const T* rows, std::int64_t stride, const Offset* at, const Runs& runs, std::int64_t count,
              std::int64_t size, T* to) {
  using X = Lanes<T>;
  constexpr int width = lanes_in<X, T>;
  const X lanes = lane_numbers<X>(), zero(T(0));
  in_fours(size, [&](auto part, std::int64_t first) {
    const T* const from = rows + first * stride;
    X sums[part];
    std::fill_n(sums, int{part}, zero);
    T* block = to + at[0] + first;
    const auto finish = [&] {
      for (int c = 0; c < part; ++c) block[c] += xsimd::hadd(sums[c]);
    };
    for (std::int64_t e = 0; e < count; e += width) {
      X row[part];
      for (int c = 0; c < part; ++c) row[c] = load<X>(from + c * stride + e);
      if (e + width > count) {
        const auto are_there = lanes < X(static_cast<T>(count - e));
        for (int c = 0; c < part; ++c) row[c] = xsimd::select(are_there, row[c], zero);
      }
      for (unsigned begins = bits_of_pack<width>(runs.bits(), e); begins != 0; begins &= begins - 1) {
        const int k = std::countr_zero(begins);
        const auto are_old = lanes < X(static_cast<T>(k));
        for (int c = 0; c < part; ++c) sums[c] = sums[c] + xsimd::select(are_old, row[c], zero);
        if (e + k > 0) finish();
        block = to + at[e + k] + first;
        for (int c = 0; c < part; ++c) {
          row[c] = xsimd::select(are_old, zero, row[c]);
          sums[c] = zero;
        }
      }
      for (int c = 0; c < part; ++c) sums[c] = sums[c] + row[c];
    }
    finish();
  });
}

}  // namespace nabla::detail::cpu
