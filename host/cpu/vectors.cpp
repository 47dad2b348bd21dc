#include "vectors.hpp"

#include "../cuda_seam.hpp"
#include "passes.hpp"

#include <algorithm>
#include <type_traits>

namespace nabla::detail {

namespace cpu {

namespace {

using cpu::run_part;

// Of many vectors, a few are read side by side, over as many components as stay in a first-level cache: one by one,
// each would be waited for anew, and all at once, there would be no registers for their sums.
constexpr std::size_t side_by_side = 4;

/// Calls use(constant count, first) for groups of side_by_side out of `count`, and then one by one.
template <class Use>
void in_groups(int count, Use use) {
  const auto all = static_cast<std::size_t>(count);
  std::size_t first = 0;
  for (; first + side_by_side <= all; first += side_by_side) {
    use(std::integral_constant<std::size_t, side_by_side>(), first);
  }
  for (; first < all; ++first) use(std::integral_constant<std::size_t, 1>(), first);
}

template <class T>
Terms<1> run_part(const Combination<T>& body, std::int64_t first, std::int64_t last) {
  constexpr std::int64_t at_once = 512;
  std::array<double, at_once> sums;
  double product = 0;
  for (std::int64_t i = first; i < last; i += at_once) {
    const auto components = static_cast<std::size_t>(std::min(at_once, last - i));
    std::fill_n(sums.begin(), components, 0.0);
    in_groups(body.count, [&](auto count, std::size_t k) {
      std::array<const T*, count> from;
      for (std::size_t l = 0; l < count; ++l) from[l] = body.vectors[k + l] + i;
#pragma omp simd
      for (std::size_t j = 0; j < components; ++j) {
        for (std::size_t l = 0; l < count; ++l) sums[j] += body.weights[k + l] * static_cast<double>(from[l][j]);
      }
    });
#pragma omp simd
    for (std::size_t j = 0; j < components; ++j) body.out[i + static_cast<std::int64_t>(j)] = static_cast<T>(sums[j]);
    product += run_part(Dot<T>{body.out, body.with}, i, i + static_cast<std::int64_t>(components))[0];
  }
  return {product};
}

/// Some of the products' sums.
template <class T, std::size_t Lefts>
struct SomeProducts {
  std::array<const T*, Lefts> lefts;
  std::array<const T*, 2> rights;

  static constexpr int sums = 2 * Lefts;
  constexpr Terms<sums> operator()(std::int64_t i) const {
    Terms<sums> terms{};
    for (std::size_t k = 0; k < Lefts; ++k) {
      const auto left = static_cast<double>(lefts[k][i]);
      terms[2 * k] = left * static_cast<double>(rights[0][i]);
      terms[2 * k + 1] = left * static_cast<double>(rights[1][i]);
    }
    return terms;
  }
};

template <class T>
void multiply_part(const Products<T>& products, std::int64_t first, std::int64_t last, double* out) {
  constexpr std::int64_t at_once = 1024;
  std::fill_n(out, 2 * products.count, 0.0);
  for (std::int64_t i = first; i < last; i += at_once) {
    const std::int64_t end = std::min(last, i + at_once);
    in_groups(products.count, [&](auto count, std::size_t k) {
      SomeProducts<T, count> some{{}, products.rights};
      std::copy_n(products.lefts.begin() + k, count, some.lefts.begin());
      const auto terms = run_part(some, i, end);
      for (std::size_t l = 0; l < terms.size(); ++l) out[2 * k + l] += terms[l];
    });
  }
}

}  // namespace

template <class T>
void run(int threads, std::int64_t n, const Pass<T>& pass, const Sums& sums) {
  std::visit(
      [&](const auto& body) {
        constexpr std::int64_t count = std::remove_cvref_t<decltype(body)>::sums;
        in_parts(threads, n, [&](std::int64_t part, std::int64_t first, std::int64_t last) {
          std::ranges::copy(run_part(body, first, last), sums.partials() + part * count);
        });
        fold(sums, parts_of(n), count);
      },
      pass);
}

template <class T>
void run(int threads, std::int64_t n, const Products<T>& products, const Sums& sums) {
  const std::int64_t count = 2 * products.count;
  in_parts(threads, n, [&](std::int64_t part, std::int64_t first, std::int64_t last) {
    multiply_part(products, first, last, sums.partials() + part * count);
  });
  fold(sums, parts_of(n), count);
}

}  // namespace cpu

template <class T>
void run(const Executor& executor, std::int64_t n, const Pass<T>& pass, const Sums& sums) {
  if (executor.is_cuda()) {
    cuda::run(executor.state(), n, pass, sums);
  } else {
    cpu::run(executor.threads(), n, pass, sums);
  }
}

template <class T>
void run(const Executor& executor, std::int64_t n, const Products<T>& products, const Sums& sums) {
  if (executor.is_cuda()) {
    cuda::run(executor.state(), n, products, sums);
  } else {
    cpu::run(executor.threads(), n, products, sums);
  }
}

Sums::Sums(const Executor& executor, std::int64_t n, int most)
    : most_(most), memory_(executor, (parts_of(n) + 1) * most), fetched_(static_cast<std::size_t>(most)) {}

std::span<const double> Sums::fetch(int count) {
  const auto wanted = static_cast<std::size_t>(count);
  copy_bytes(memory_.executor(), fetched_.data(), on_executor(), wanted * sizeof(double));
  return {fetched_.data(), wanted};
}

template void run(const Executor&, std::int64_t, const Pass<float>&, const Sums&);
template void run(const Executor&, std::int64_t, const Pass<double>&, const Sums&);
template void run(const Executor&, std::int64_t, const Products<float>&, const Sums&);
template void run(const Executor&, std::int64_t, const Products<double>&, const Sums&);

}  // namespace nabla::detail
