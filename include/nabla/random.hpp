#pragma once

#include <array>
#include <cmath>
#include <cstdint>

// Philox4x32-10, a counter-based random generator: the numbers of point p are a function of (seed, p) alone, so every
// executor, thread count and layout draws the same ones.
// Source: Salmon, Moraes, Dror and Shaw, Parallel Random Numbers: As Easy as 1, 2, 3 (SC 2011).

namespace nabla {

using PhiloxBlock = std::array<std::uint32_t, 4>;

/// The generator's block function: ten rounds over a 128-bit counter with a 64-bit key.
constexpr PhiloxBlock philox(PhiloxBlock counter, std::uint64_t seed) {
  auto key0 = static_cast<std::uint32_t>(seed);
  auto key1 = static_cast<std::uint32_t>(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t product0 = std::uint64_t{0xD2511F53u} * counter[0];
    const std::uint64_t product1 = std::uint64_t{0xCD9E8D57u} * counter[2];
    counter = {static_cast<std::uint32_t>(product1 >> 32) ^ counter[1] ^ key0, static_cast<std::uint32_t>(product1),
               static_cast<std::uint32_t>(product0 >> 32) ^ counter[3] ^ key1, static_cast<std::uint32_t>(product0)};
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  return counter;
}

/// Components 2j and 2j + 1 of point p in the box [low, high]^n: 53 random bits each, scaled with one rounding.
constexpr std::array<double, 2> uniform_pair(std::uint64_t seed, std::int64_t point, std::int64_t j, double low,
                                             double high) {
  const auto p = static_cast<std::uint64_t>(point);
  const auto pair = static_cast<std::uint64_t>(j);
  const PhiloxBlock bits = philox({static_cast<std::uint32_t>(p), static_cast<std::uint32_t>(p >> 32),
                                   static_cast<std::uint32_t>(pair), static_cast<std::uint32_t>(pair >> 32)},
                                  seed);
  const auto scaled = [&](std::uint32_t high_bits, std::uint32_t low_bits) {
    const std::uint64_t whole = (std::uint64_t{high_bits} << 32 | low_bits) >> 11;
    return std::fma(static_cast<double>(whole) * 0x1p-53, high - low, low);
  };
  return {scaled(bits[0], bits[1]), scaled(bits[2], bits[3])};
}

}  // namespace nabla
