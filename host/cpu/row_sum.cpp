#include "row_sum.hpp"

#include "../row_matrix.hpp"

#include <algorithm>

// Products of sparse matrices on CPU threads: parts of equal size, in any order, and then what crosses their borders.

namespace nabla::detail::cpu {

namespace {

/// Sums over some entries of a row, for each vector. Rows are short: what a core runs ahead into the next one gains
/// more than gathering packs of entries, in the caches (0.36 to 0.40 against 0.57 ns an entry, 20 a row). Past them
/// packs were faster for having more reads under way (1.5 against 1.7 ns), which asking for every fourth number early
/// makes up for.
template <int Vectors, bool Squared, class T, class Column>
void sum_entries(const SparseProduct<T>& product, const Column* columns, std::int64_t first, std::int64_t last,
                 T* sums) {
  const T* const values = product.matrix.values;
  const T* in[Vectors];
  for (int k = 0; k < Vectors; ++k) in[k] = product.in[k];
  T even[Vectors] = {}, odd[Vectors] = {};
  const auto add = [&](std::int64_t e, T* to) {
    const T a = Squared ? values[e] * values[e] : values[e];
    for (int k = 0; k < Vectors; ++k) to[k] += a * in[k][columns[e]];
  };
  constexpr std::int64_t ahead = 64;
  std::int64_t e = first;
  for (; e + 4 <= last; e += 4) {
    if (e + ahead < product.matrix.entries) {
      for (int k = 0; k < Vectors; ++k) __builtin_prefetch(in[k] + columns[e + ahead]);
    }
    add(e, even);
    add(e + 1, odd);
    add(e + 2, even);
    add(e + 3, odd);
  }
  for (; e < last; ++e) add(e, even);
  for (int k = 0; k < Vectors; ++k) sums[k] = even[k] + odd[k];
}

template <int Vectors, bool Squared, class T, class Start, class Column>
void run_part(const SparseProduct<T>& product, const Start* starts, const Column* columns, std::int64_t number,
              double* partials) {
  const SparsePart part(product.matrix, number);
  T sums[2];
  std::int64_t entry = part.entry;
  for (std::int64_t row = part.row; row < part.last_row; ++row) {
    const std::int64_t end = starts[row + 1];
    sum_entries<Vectors, Squared>(product, columns, entry, end, sums);
    for (int k = 0; k < Vectors; ++k) {
      if (part.carried && row == part.row) {
        partials[ended_at(number, k, Vectors)] = static_cast<double>(sums[k]);
      } else {
        product.put(k, row, sums[k]);
      }
    }
    entry = end;
  }
  sum_entries<Vectors, Squared>(product, columns, entry, part.last_entry, sums);
  for (int k = 0; k < Vectors; ++k) partials[carried_at(number, k, Vectors)] = static_cast<double>(sums[k]);
}

/// The row that a part ends and earlier ones began.
template <class T>
void put_carried(const SparseProduct<T>& product, std::int64_t number, const double* partials) {
  const SparsePart part(product.matrix, number);
  if (!part.ends_carried()) return;
  for (int k = 0; k < product.vectors; ++k) {
    double sum = 0;
    for (std::int64_t p = part.first_part(product.matrix); p < number; ++p) {
      sum += partials[carried_at(p, k, product.vectors)];
    }
    product.put(k, part.row, static_cast<T>(sum + partials[ended_at(number, k, product.vectors)]));
  }
}

template <int Vectors, bool Squared, class T, class Start, class Column>
void run(int threads, const SparseProduct<T>& product, const Start* starts, const Column* columns, double* partials) {
  const std::int64_t parts = sparse_parts(product.matrix.rows, product.matrix.entries);
  constexpr std::int64_t least = 8;  // parts that are worth a thread
  const auto team = static_cast<int>(std::clamp<std::int64_t>(parts / least, 1, threads));
#pragma omp parallel for num_threads(team) schedule(static)
  for (std::int64_t part = 0; part < parts; ++part) {
    run_part<Vectors, Squared>(product, starts, columns, part, partials);
  }
  for (std::int64_t part = 1; part < parts; ++part) put_carried(product, part, partials);
}

}  // namespace

template <class T>
void multiply(int threads, const SparseProduct<T>& product, double* partials) {
  with_indices(product.matrix, [&](const auto* starts, const auto* columns) {
    if (product.vectors == 2) {
      run<2, false>(threads, product, starts, columns, partials);
    } else if (product.squared) {
      run<1, true>(threads, product, starts, columns, partials);
    } else {
      run<1, false>(threads, product, starts, columns, partials);
    }
  });
}
template void multiply(int, const SparseProduct<float>&, double*);
template void multiply(int, const SparseProduct<double>&, double*);

}  // namespace nabla::detail::cpu
