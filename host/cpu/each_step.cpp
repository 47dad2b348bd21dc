#include "each_step.hpp"

#include <nabla/detail/each_damped.hpp>
#include <nabla/detail/each_methods.hpp>
#include <nabla/lanes.hpp>

namespace nabla::detail::cpu {

namespace {

template <class X, class T>
struct PackRows {
  T* rows;
  std::int64_t stride;
  X load(int row) const { return X::load_aligned(rows + row * stride); }
  void store(int row, const X& x) { x.store_aligned(rows + row * stride); }
};
template <class X, class T>
struct FoundRows {
  const T* rows;
  std::int64_t stride;
  X load(int row) const { return X::load_aligned(rows + row * stride); }
};

/// Compilers give up on inlining halfway in what is a single line of code after all: half of the time of fits.
template <class Method, int N, class T>
[[gnu::flatten]] void advance(const each::Rules<T>& rules, int n, const EachPacks<T>& packs) {
  using X = Lanes<T>;
  for (std::int64_t p = 0; p < packs.packs; ++p) {
    const auto at = p * static_cast<std::int64_t>(X::size);
    PackRows<X, T> state{packs.state + at, packs.stride};
    const FoundRows<X, T> found{packs.found + at, packs.stride};
    each::Walker<X, N, PackRows<X, T>, FoundRows<X, T>> walker(rules, n, state, found);
    each::advance<Method>(walker);
  }
}

template <class Method>
std::int64_t rows_of(int n, int memory) {
  return each::Layout{n}.rows(Method::rows(n, memory));
}

/// Few variables get code of their own.
template <class Method, class T>
EachStep<T> step_of(int n) {
  switch (n) {
    case 1:
      return {&rows_of<Method>, &advance<Method, 1, T>};
    case 2:
      return {&rows_of<Method>, &advance<Method, 2, T>};
    case 3:
      return {&rows_of<Method>, &advance<Method, 3, T>};
    case 4:
      return {&rows_of<Method>, &advance<Method, 4, T>};
    default:
      return {&rows_of<Method>, &advance<Method, 0, T>};
  }
}

}  // namespace

template <class T>
EachStep<T> each_step(EachMethod method, int n) {
  return with_method(method,
                     [&]<EachMethod which, class Method>(EachProgram<which, Method>) { return step_of<Method, T>(n); });
}
template EachStep<float> each_step(EachMethod, int);
template EachStep<double> each_step(EachMethod, int);

}  // namespace nabla::detail::cpu
