#include "row_hessian.hpp"

#include "../executor_state.hpp"

#include <omp.h>

#include <algorithm>

// Hessians of sums over rows on CPU threads: owner by owner, with a number for each column that a thread adds to.

namespace nabla::detail::cpu {

namespace {

/// Adds what some rows of an owner have to the sums of all columns.
template <class T, class Index>
void add_rows(const RowHessianView<T, Index>& view, const T* curvatures, std::int64_t first, std::int64_t last,
              T* sums) {
  for (std::int64_t t = first; t < last; ++t) {
    const Index row = view.rows[t], end = view.ends[row];
    const T factor = view.factors[t] * curvatures[row];
    for (Index e = view.at[t]; e < end; ++e) sums[view.ranks[e]] += factor * view.values[e];
  }
}

/// Calls use(number of the entry, its sum) for an owner's entries, whose sums are then 0 again.
template <class T, class Index, class Use>
void take_sums(const RowHessianView<T, Index>& view, std::int64_t owner, T* sums, Use use) {
  for (std::int64_t u = view.entry_starts[owner]; u < view.entry_starts[owner + 1]; ++u) {
    T& sum = sums[view.others[u]];
    use(u, sum);
    sum = 0;
  }
}

/// The entries of an owner that is cut: what its parts have, in order.
template <class T, class Index>
void put_parts(const RowHessianView<T, Index>& view, const RowHessianOutput<T>& output, std::int64_t cut,
               const T* sums_of_parts) {
  const std::int64_t owner = view.whole_owners + cut, first = view.entry_starts[owner], size = view.entries_of(owner);
  for (std::int64_t k = 0; k < size; ++k) {
    double sum = 0;
    for (std::int64_t at = view.sums_begin[cut] + k; at < view.sums_begin[cut + 1]; at += size) {
      sum += static_cast<double>(sums_of_parts[at]);
    }
    output.put(first + k, static_cast<T>(sum));
  }
}

}  // namespace

template <class T, class Index>
void assemble(const Executor& executor, const RowHessianView<T, Index>& view, const RowHessianOutput<T>& output) {
  constexpr std::int64_t at_once = 16;  // owners
  const std::int64_t jobs = view.whole_owners / at_once + view.parts;
  const auto team = static_cast<int>(std::clamp<std::int64_t>(jobs, 1, executor.threads()));
  auto* const sums_of_parts =
      static_cast<T*>(workspace(executor, static_cast<std::size_t>(view.part_sums + team * view.owners) * sizeof(T)));
#pragma omp parallel num_threads(team)
  {
    T* const sums = sums_of_parts + view.part_sums + omp_get_thread_num() * view.owners;
    std::fill_n(sums, view.owners, T(0));
#pragma omp for schedule(dynamic, at_once) nowait
    for (std::int64_t owner = 0; owner < view.whole_owners; ++owner) {
      add_rows(view, output.curvatures, view.first(owner), view.last(owner), sums);
      take_sums(view, owner, sums, [&](std::int64_t entry, T sum) { output.put(entry, sum); });
    }
#pragma omp for schedule(dynamic)
    for (std::int64_t number = 0; number < view.parts; ++number) {
      const RowHessianPart part(view, number);
      add_rows(view, output.curvatures, part.first, part.last, sums);
      take_sums(view, part.owner, sums, [&](std::int64_t entry, T sum) {
        sums_of_parts[part.sums + entry - view.entry_starts[part.owner]] = sum;
      });
    }
#pragma omp for schedule(dynamic)
    for (std::int64_t cut = 0; cut < view.cut_owners(); ++cut) put_parts(view, output, cut, sums_of_parts);
  }
}
template void assemble(const Executor&, const RowHessianView<float, std::int32_t>&, const RowHessianOutput<float>&);
template void assemble(const Executor&, const RowHessianView<float, std::int64_t>&, const RowHessianOutput<float>&);
template void assemble(const Executor&, const RowHessianView<double, std::int32_t>&, const RowHessianOutput<double>&);
template void assemble(const Executor&, const RowHessianView<double, std::int64_t>&, const RowHessianOutput<double>&);

}  // namespace nabla::detail::cpu
