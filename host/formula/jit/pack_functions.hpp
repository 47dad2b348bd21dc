#pragma once

#include "../operations.hpp"

#include <array>
#include <string>

// Vector elementary functions for packs of any width that the processor has: SLEEF's, which are within 1 ulp and give
// the same bits at every width.

namespace nabla::formula {

struct PackFunctions {
  std::array<void*, static_cast<std::size_t>(Op::direction) + 1> of{};  // by Op; null: none
  void* sincos = nullptr;                                               // returns a structure of two packs

  void* operator[](Op op) const { return of[static_cast<std::size_t>(op)]; }
};

/// The functions for packs of `pack_bytes` (16, 32 or 64) of float or double; null where SLEEF or the processor lacks
/// them. Loaded on first use.
const PackFunctions* pack_functions(bool f32, int pack_bytes);

/// The widest pack that there are functions for, in bytes; 0: none.
int widest_pack_bytes();

/// Why there are none; empty if there are.
std::string why_no_pack_functions();

// Some of SLEEF's functions are infinite for large arguments though the result is not. From far_from(op) on
//     sinh, cosh    are exp(|x|/2)^2/2,
//     asinh, acosh  are log(|x|) + log(2),
//     log1p         is log(x),
// with the sign of x where the function is odd. And pow(x, 1) is x, which SLEEF's misses at the largest numbers.
constexpr bool needs_far(Op op) {
  return op == Op::sinh || op == Op::cosh || op == Op::asinh || op == Op::acosh || op == Op::log1p;
}
template <class T>
constexpr T far_from(Op op) {
  if (op == Op::sinh || op == Op::cosh) return sizeof(T) == 8 ? T(709) : T(88);
  return sizeof(T) == 8 ? T(1e150) : T(1e18);
}
constexpr bool is_odd_far(Op op) { return op == Op::sinh || op == Op::asinh; }
constexpr bool is_one_sided(Op op) { return op == Op::acosh || op == Op::log1p; }

}  // namespace nabla::formula
