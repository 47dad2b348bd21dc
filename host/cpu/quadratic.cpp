#include "quadratic.hpp"

#include "passes.hpp"

#include <nabla/lanes.hpp>

#include <omp.h>

#include <algorithm>
#include <type_traits>

// Passes over the rows of a symmetric matrix, on threads: some rows' products with the vector go into a buffer in the
// first-level cache, and from there into the pass.

namespace nabla::detail::cpu {

namespace {

constexpr std::int64_t rows_at_once = 512;
static_assert(summed_at_once % rows_at_once == 0);

/// The products of neighbouring rows of one pattern, whose first row is at `in`. `Packs` packs of them at a time, so
/// that additions, each of which waits for the one before, have others to go on beside them.
template <std::int64_t Packs, class T>
void multiply_packs(const PatternRows<T>& a, std::int32_t pattern, const T* in, T* out) {
  using X = Lanes<T>;
  constexpr auto width = static_cast<std::int64_t>(X::size);
  X sums[Packs];
  std::fill_n(sums, Packs, X(T(0)));
  for (std::int32_t k = a.starts[pattern]; k < a.starts[pattern + 1]; ++k) {
    const X coefficient(a.coefficients[k]);
    const T* const from = in + a.offsets[k];
    for (std::int64_t p = 0; p < Packs; ++p) {
      sums[p] = xsimd::fma(coefficient, X::load_unaligned(from + p * width), sums[p]);
    }
  }
  for (std::int64_t p = 0; p < Packs; ++p) sums[p].store_unaligned(out + p * width);
}

/// out = the products of `count` rows from `first` on with `in`.
template <class T>
void multiply_rows(const PatternRows<T>& a, std::int64_t first, std::int64_t count, const T* in, T* out) {
  constexpr auto width = static_cast<std::int64_t>(Lanes<T>::size), packs = std::int64_t{4};
  const std::int64_t* const runs_end = a.run_rows + a.runs + 1;
  std::int64_t run = std::upper_bound(a.run_rows, runs_end, first) - a.run_rows - 1;
  const std::int64_t last = first + count;
  for (std::int64_t r = first; r < last; ++run) {
    const std::int64_t end = std::min(last, a.run_rows[run + 1]);
    const std::int32_t pattern = a.run_patterns[run];
    for (; r + packs * width <= end; r += packs * width) multiply_packs<packs>(a, pattern, in + r, out + (r - first));
    for (; r + width <= end; r += width) multiply_packs<1>(a, pattern, in + r, out + (r - first));
    for (; r < end; ++r) {
      T sum = 0;
      for (std::int32_t k = a.starts[pattern]; k < a.starts[pattern + 1]; ++k) {
        sum += a.coefficients[k] * in[r + a.offsets[k]];
      }
      out[r - first] = sum;
    }
  }
}

/// out += a row of numbers times another.
template <class T, class Kept>
void add_products(std::int64_t count, const Kept* __restrict a, const T* __restrict b, T* __restrict out) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) out[i] += static_cast<T>(a[i]) * b[i];
}

template <class T, class Kept>
void multiply_rows(const DiagonalRows<T, Kept>& a, std::int64_t first, std::int64_t count, const T* in, T* out) {
  std::fill_n(out, count, T(0));
  for (int k = 0; k < a.count; ++k) {
    const std::int64_t offset = a.offsets[k];
    const Kept* const diagonal = a.diagonals + k * a.rows;
    const std::int64_t above = std::min(count, a.rows - offset - first);  // rows that have the entry on the right
    if (above > 0) add_products(above, diagonal + first, in + first + offset, out);
    if (offset == 0) continue;
    const std::int64_t from = std::max(first, offset);  // the first row that has the mirror image
    const std::int64_t below = first + count - from;
    if (below > 0) add_products(below, diagonal + from - offset, in + from - offset, out + (from - first));
  }
}

template <class T>
void multiply_rows(const GivenRows<T>& a, std::int64_t first, std::int64_t count, const T*, T* out) {
  std::copy_n(a.products + first, count, out);
}

/// A pass over some rows whose products are there.
template <class Pass, class T>
struct OverProducts {
  Pass pass;
  const T* products;
  std::int64_t first;

  static constexpr int sums = Pass::sums;
  constexpr Terms<sums> operator()(std::int64_t i) const { return pass(i, products[i - first]); }
};

/// What a pass leaves of the rows of one part.
template <class T, class Stored, class Pass>
Terms<Pass::sums> run_rows(const Stored& rows, const Pass& pass, std::int64_t first, std::int64_t last) {
  alignas(64) T products[rows_at_once];
  Terms<Pass::sums> all{};
  for (std::int64_t r = first; r < last; r += rows_at_once) {
    const std::int64_t end = std::min(last, r + rows_at_once);
    multiply_rows(rows, r, end - r, pass.in(), products);
    const auto some = run_part(OverProducts<Pass, T>{pass, products, r}, r, end);
    for (std::size_t k = 0; k < all.size(); ++k) all[k] += some[k];
  }
  return all;
}

template <class T, class Stored, class Pass>
void run_all(int threads, const Stored& rows, const Pass& pass, const Sums* sums) {
  constexpr std::int64_t count = Pass::sums;
  in_parts(threads, rows.rows, [&](std::int64_t part, std::int64_t first, std::int64_t last) {
    const auto some = run_rows<T>(rows, pass, first, last);
    if (sums != nullptr) std::ranges::copy(some, sums->partials() + part * count);
  });
  if (sums != nullptr) fold(*sums, parts_of(rows.rows), count);
}

template <class T>
void turn_some(const Turning<T>& turning, std::int64_t first, std::int64_t last) {
  const double beta = turning.scalars->beta;
  T* const p = turning.p;
#pragma omp simd
  for (std::int64_t i = first; i < last; ++i) {
    p[i] = Turning<T>::turned(beta, p, turning.g, turning.inverse, i);
  }
}

/// Each thread turns the directions of its own rows, as far ahead of their products as those reach. What its
/// neighbours reach into comes first.
template <class T, class Stored>
void turn_and_run(int threads, const Stored& rows, const Turning<T>& turning, const Curve<T>& pass, const Sums& sums) {
  const std::int64_t n = rows.rows, parts = parts_of(n), reach = rows.reach;
  const std::int64_t most = std::max<std::int64_t>(1, n / (2 * reach + summed_at_once));
  const auto team = static_cast<int>(std::clamp<std::int64_t>(most, 1, threads));
#pragma omp parallel num_threads(team)
  {
    const std::int64_t thread = omp_get_thread_num(), all = omp_get_num_threads();
    const std::int64_t first_part = parts * thread / all, last_part = parts * (thread + 1) / all;
    const std::int64_t begin = first_part * summed_at_once, end = std::min(n, last_part * summed_at_once);
    std::int64_t turned = std::min(end, begin + reach);
    turn_some(turning, begin, turned);
    const std::int64_t rest = std::max(turned, end - reach);
    turn_some(turning, rest, end);
#pragma omp barrier
    for (std::int64_t part = first_part; part < last_part; ++part) {
      const std::int64_t first = part * summed_at_once, last = std::min(end, first + summed_at_once);
      const std::int64_t ahead = std::clamp(last + reach, turned, rest);
      turn_some(turning, turned, ahead);
      turned = ahead;
      sums.partials()[part] = run_rows<T>(rows, pass, first, last)[0];
    }
  }
  fold(sums, parts, 1);
}

}  // namespace

template <class T>
void multiply(int threads, const MatrixRows<T>& rows, const Multiply<T>& pass) {
  std::visit([&](const auto& stored) { run_all<T>(threads, stored, pass, nullptr); }, rows);
}

template <class T>
void take_diagonal(int threads, const MatrixRows<T>& rows, T* numbers, bool add) {
  const auto take = [&](std::int64_t r, T number) { numbers[r] = add ? numbers[r] + number : number; };
  const auto of_all = [&](const auto& stored) {
    in_parts(threads, stored.rows, [&](std::int64_t, std::int64_t first, std::int64_t last) {
      for (std::int64_t r = first; r < last; ++r) take(r, stored.on_diagonal(r));
    });
  };
  const auto of_runs = [&](const PatternRows<T>& stored) {
    for (std::int64_t run = 0; run < stored.runs; ++run) {
      const T number = stored.main[stored.run_patterns[run]];
      for (std::int64_t r = stored.run_rows[run]; r < stored.run_rows[run + 1]; ++r) take(r, number);
    }
  };
  std::visit(
      [&](const auto& stored) {
        if constexpr (std::is_same_v<std::remove_cvref_t<decltype(stored)>, PatternRows<T>>) {
          of_runs(stored);
        } else {
          of_all(stored);
        }
      },
      rows);
}

template <class T>
void run(int threads, const MatrixRows<T>& rows, const Evaluate<T>& pass, const Sums& sums) {
  std::visit([&](const auto& stored) { run_all<T>(threads, stored, pass, &sums); }, rows);
}

template <class T>
void turn(int threads, std::int64_t n, const Turning<T>& turning) {
  in_parts(threads, n, [&](std::int64_t, std::int64_t first, std::int64_t last) { turn_some(turning, first, last); });
}

template <class T>
void run(int threads, const MatrixRows<T>& rows, const Turning<T>* turning, const Curve<T>& pass, const Sums& sums) {
  std::visit(
      [&](const auto& stored) {
        if (turning != nullptr) {
          turn_and_run<T>(threads, stored, *turning, pass, sums);
        } else {
          run_all<T>(threads, stored, pass, &sums);
        }
      },
      rows);
  pass.conclude(sums.on_executor());
}

template <class T>
void run(int threads, const MatrixRows<T>& rows, const Advance<T>& pass, const Sums& sums) {
  Advance<T> begun = pass;
  begun.begin();
  std::visit([&](const auto& stored) { run_all<T>(threads, stored, begun, &sums); }, rows);
  pass.conclude(sums.on_executor());
}

template void multiply(int, const MatrixRows<float>&, const Multiply<float>&);
template void take_diagonal(int, const MatrixRows<float>&, float*, bool);
template void run(int, const MatrixRows<float>&, const Evaluate<float>&, const Sums&);
template void turn(int, std::int64_t, const Turning<float>&);
template void run(int, const MatrixRows<float>&, const Turning<float>*, const Curve<float>&, const Sums&);
template void run(int, const MatrixRows<float>&, const Advance<float>&, const Sums&);
template void multiply(int, const MatrixRows<double>&, const Multiply<double>&);
template void take_diagonal(int, const MatrixRows<double>&, double*, bool);
template void run(int, const MatrixRows<double>&, const Evaluate<double>&, const Sums&);
template void turn(int, std::int64_t, const Turning<double>&);
template void run(int, const MatrixRows<double>&, const Turning<double>*, const Curve<double>&, const Sums&);
template void run(int, const MatrixRows<double>&, const Advance<double>&, const Sums&);

}  // namespace nabla::detail::cpu
