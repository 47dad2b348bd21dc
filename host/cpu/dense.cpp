#include "dense.hpp"

#include <nabla/lanes.hpp>

#include <type_traits>

// Products of dense matrices on CPU threads. Rows are taken eight at a time, so that a pack of the vector is loaded
// once for eight of the matrix.

namespace nabla::detail::cpu {

namespace {

template <class T>
using Pack = Lanes<T>;
template <class T>
constexpr auto width = static_cast<std::int64_t>(Pack<T>::size);

constexpr std::int64_t together = 8;  // rows

/// Calls use(row, how many) for all rows from first to last, eight at a time, and then one.
template <class Use>
void in_groups(std::int64_t first, std::int64_t last, Use use) {
  std::int64_t r = first;
  for (; r + together <= last; r += together) use(r, std::integral_constant<std::int64_t, together>());
  for (; r < last; ++r) use(r, std::integral_constant<std::int64_t, 1>());
}

/// Calls use(part) for all parts, on several threads.
template <class Use>
void on_threads(int threads, std::int64_t parts, Use use) {
  const auto team = static_cast<int>(std::clamp<std::int64_t>(parts, 1, threads));
#pragma omp parallel for num_threads(team) schedule(static)
  for (std::int64_t part = 0; part < parts; ++part) use(part);
}

/// The lanes' sum, always in the same order.
template <class T>
T sum_of(const Pack<T>& pack) {
  alignas(Pack<T>) T lanes[static_cast<std::size_t>(width<T>)];
  pack.store_aligned(lanes);
  T sum = 0;
  for (const T lane : lanes) sum += lane;
  return sum;
}

/// sums[k][i] = row first + i times in[k]. Additions wait for those before them: packs of eight sums go on side by
/// side.
template <std::int64_t Rows, int Vectors, class T>
void dot_rows(const DenseView<T>& matrix, std::int64_t first, const T* const (&vectors)[2], T (&sums)[Vectors][Rows]) {
  constexpr std::int64_t at_once = Vectors == 1 && Rows == 1 ? 2 : 1;
  const std::int64_t columns = matrix.columns;
  const T* const row = matrix.row(first);
  const T* in[Vectors];
  for (int k = 0; k < Vectors; ++k) in[k] = vectors[k];
  Pack<T> packs[at_once][Vectors][Rows];
  for (auto& some : packs) {
    for (auto& of_vector : some) std::fill_n(of_vector, Rows, Pack<T>(T(0)));
  }
  const auto add = [&](std::int64_t c, Pack<T>(&to)[Vectors][Rows]) __attribute__((always_inline)) {
    Pack<T> x[Vectors];
    for (int k = 0; k < Vectors; ++k) x[k] = Pack<T>::load_unaligned(in[k] + c);
    for (std::int64_t i = 0; i < Rows; ++i) {
      const Pack<T> a = Pack<T>::load_unaligned(row + i * columns + c);
      for (int k = 0; k < Vectors; ++k) to[k][i] = xsimd::fma(a, x[k], to[k][i]);
    }
  };
  std::int64_t c = 0;
  for (; c + at_once * width<T> <= columns; c += at_once * width<T>) {
    for (std::int64_t p = 0; p < at_once; ++p) add(c + p * width<T>, packs[p]);
  }
  for (; c + width<T> <= columns; c += width<T>) add(c, packs[0]);
  for (int k = 0; k < Vectors; ++k) {
    for (std::int64_t i = 0; i < Rows; ++i) {
      for (std::int64_t p = 1; p < at_once; ++p) packs[0][k][i] += packs[p][k][i];
      T sum = sum_of(packs[0][k][i]);
      for (std::int64_t rest = c; rest < columns; ++rest) sum += row[i * columns + rest] * in[k][rest];
      sums[k][i] = sum;
    }
  }
}

/// sums += factors times rows first + i, in the columns from begin to end. `Ahead`: these rows come from the caches,
/// and those after them are asked for meanwhile.
template <bool Squared, bool Ahead, std::int64_t Rows, class T>
void add_rows(const DenseView<T>& matrix, std::int64_t first, const T (&factors)[Rows], std::int64_t begin,
              std::int64_t end, T* sums) {
  const std::int64_t columns = matrix.columns;
  const T* const row = matrix.row(first);
  Pack<T> factor[Rows];
  for (std::int64_t i = 0; i < Rows; ++i) factor[i] = Pack<T>(factors[i]);
  std::int64_t c = begin;
  for (; c + width<T> <= end; c += width<T>) {
    Pack<T> sum = Pack<T>::load_unaligned(sums + c);
    for (std::int64_t i = 0; i < Rows; ++i) {
      if constexpr (Ahead) __builtin_prefetch(row + (Rows + i) * columns + c, 0, 2);
      const Pack<T> a = Pack<T>::load_unaligned(row + i * columns + c);
      sum = xsimd::fma(Squared ? a * a : a, factor[i], sum);
    }
    sum.store_unaligned(sums + c);
  }
  for (; c < end; ++c) {
    for (std::int64_t i = 0; i < Rows; ++i) {
      const T a = row[i * columns + c];
      sums[c] += (Squared ? a * a : a) * factors[i];
    }
  }
}

constexpr std::int64_t columns_at_once = 2'048;  // whose sums stay in the first-level cache

/// out = the parts' sums, in order. Part p has sums from column begin(p) on.
template <class T, class Begin>
void add_parts(int threads, std::int64_t parts, std::int64_t columns, const T* partials, T* out, bool add,
               Begin begin) {
  on_threads(threads, (columns + columns_at_once - 1) / columns_at_once, [&](std::int64_t block) {
    const std::int64_t first = block * columns_at_once, last = std::min(columns, first + columns_at_once);
    if (!add) std::fill(out + first, out + last, T(0));
    for (std::int64_t part = 0; part < parts; ++part) {
      const T* const sums = partials + part * columns;
#pragma omp simd
      for (std::int64_t c = std::max(first, begin(part)); c < last; ++c) out[c] += sums[c];
    }
  });
}

template <bool Squared, class T>
void add_part(const DenseTransposed<T>& product, std::int64_t first, std::int64_t last, T* sums) {
  const std::int64_t columns = product.matrix.columns;
  std::fill_n(sums, columns, T(0));
  for (std::int64_t begin = 0; begin < columns; begin += columns_at_once) {
    const std::int64_t end = std::min(columns, begin + columns_at_once);
    in_groups(first, last, [&](std::int64_t r, auto rows) {
      T factors[rows];
      std::copy_n(product.in + r, rows, factors);
      add_rows<Squared, false>(product.matrix, r, factors, begin, end, sums);
    });
  }
}

/// Rows from `row` on, at most eight, of the triangle: each entry is that of its row and of its column. sums[c] gets
/// what row c of the matrix has with x so far.
template <class T>
void add_triangle_rows(const DenseView<T>& matrix, std::int64_t row, const T* x, T* sums) {
  const std::int64_t n = matrix.columns, count = std::min(together, n - row);
  T dots[together] = {};
  for (std::int64_t i = 0; i < count; ++i) {
    const T* const entries = matrix.row(row + i) + row;
    dots[i] += entries[i] * x[row + i];
    for (std::int64_t j = i + 1; j < count; ++j) {
      dots[i] += entries[j] * x[row + j];
      sums[row + j] += entries[j] * x[row + i];
    }
  }
  if (count == together) {
    const auto add = [&](std::int64_t from, std::int64_t to) {
      for (std::int64_t c = from; c < to; ++c) {
        for (std::int64_t i = 0; i < together; ++i) {
          const T a = matrix.row(row + i)[c];
          dots[i] += a * x[c];
          sums[c] += a * x[row + i];
        }
      }
    };
    const T* const begin = matrix.row(row);
    Pack<T> factors[together], packs[together];
    for (std::int64_t i = 0; i < together; ++i) {
      factors[i] = Pack<T>(x[row + i]);
      packs[i] = Pack<T>(T(0));
    }
    std::int64_t c = std::min(n, (row + together + width<T> - 1) / width<T> * width<T>);
    add(row + together, c);
    for (; c + width<T> <= n; c += width<T>) {
      const Pack<T> at = Pack<T>::load_unaligned(x + c);
      Pack<T> sum = Pack<T>::load_unaligned(sums + c);
      for (std::int64_t i = 0; i < together; ++i) {
        const Pack<T> a = Pack<T>::load_unaligned(begin + i * n + c);
        packs[i] = xsimd::fma(a, at, packs[i]);
        sum = xsimd::fma(a, factors[i], sum);
      }
      sum.store_unaligned(sums + c);
    }
    add(c, n);
    for (std::int64_t i = 0; i < together; ++i) dots[i] += sum_of(packs[i]);
  }
  for (std::int64_t i = 0; i < count; ++i) sums[row + i] += dots[i];
}

template <int Vectors, class T>
void multiply_rows(int threads, const DenseProduct<T>& product) {
  const DenseView<T>& matrix = product.matrix;
  const std::int64_t parts = dense_parts(matrix.rows, matrix.columns);
  on_threads(threads, parts, [&](std::int64_t part) {
    in_groups(dense_part_row(matrix.rows, parts, part), dense_part_row(matrix.rows, parts, part + 1),
              [&](std::int64_t r, auto rows) {
                T sums[Vectors][rows];
                dot_rows<rows>(matrix, r, product.in, sums);
                for (int k = 0; k < Vectors; ++k) {
                  for (std::int64_t i = 0; i < rows; ++i) product.put(k, r + i, sums[k][i]);
                }
              });
  });
}

}  // namespace

template <class T>
void multiply(int threads, const DenseProduct<T>& product) {
  if (product.vectors == 2) {
    multiply_rows<2>(threads, product);
  } else {
    multiply_rows<1>(threads, product);
  }
}

template <class T>
void multiply(int threads, const DenseTransposed<T>& product, T* partials) {
  const auto [rows, columns, values] = product.matrix;
  const std::int64_t parts = dense_parts(rows, columns);
  const auto row_of = [rows = rows, parts](std::int64_t part) { return dense_part_row(rows, parts, part); };
  on_threads(threads, parts, [&, columns = columns](std::int64_t part) {
    T* const sums = partials + part * columns;
    if (product.squared) {
      add_part<true>(product, row_of(part), row_of(part + 1), sums);
    } else {
      add_part<false>(product, row_of(part), row_of(part + 1), sums);
    }
  });
  add_parts(threads, parts, columns, partials, product.out, product.add, [](std::int64_t) { return std::int64_t{0}; });
}

template <class T>
void multiply(int threads, const DenseNormal<T>& product, T* partials) {
  const DenseView<T>& matrix = product.matrix;
  const std::int64_t columns = matrix.columns, parts = dense_parts(matrix.rows, columns);
  const T* const in[2] = {product.in, nullptr};
  on_threads(threads, parts, [&](std::int64_t part) {
    T* const sums = partials + part * columns;
    std::fill_n(sums, columns, T(0));
    in_groups(dense_part_row(matrix.rows, parts, part), dense_part_row(matrix.rows, parts, part + 1),
              [&](std::int64_t r, auto rows) {
                T products[1][rows];
                dot_rows<rows>(matrix, r, in, products);
                for (std::int64_t i = 0; i < rows && product.factors != nullptr; ++i) {
                  products[0][i] *= product.factors[r + i];
                }
                add_rows<false, true>(matrix, r, products[0], 0, columns, sums);
              });
  });
  add_parts(threads, parts, columns, partials, product.out, product.add, [](std::int64_t) { return std::int64_t{0}; });
}

template <class T>
void multiply(int threads, const DenseSymmetric<T>& product, T* partials) {
  const std::int64_t n = product.matrix.rows, parts = triangle_parts(n);
  const auto row_of = [n, parts](std::int64_t part) { return triangle_part_row(n, parts, part); };
  on_threads(threads, parts, [&](std::int64_t part) {
    T* const sums = partials + part * n;
    std::fill(sums + row_of(part), sums + n, T(0));
    for (std::int64_t r = row_of(part); r < row_of(part + 1); r += together) {
      add_triangle_rows(product.matrix, r, product.in, sums);
    }
  });
  add_parts(threads, parts, n, partials, product.out, product.add, row_of);
}

template void multiply(int, const DenseProduct<float>&);
template void multiply(int, const DenseProduct<double>&);
template void multiply(int, const DenseTransposed<float>&, float*);
template void multiply(int, const DenseTransposed<double>&, double*);
template void multiply(int, const DenseNormal<float>&, float*);
template void multiply(int, const DenseNormal<double>&, double*);
template void multiply(int, const DenseSymmetric<float>&, float*);
template void multiply(int, const DenseSymmetric<double>&, double*);

}  // namespace nabla::detail::cpu
