#include "row_hessian.hpp"

#include "cpu/row_hessian.hpp"
#include "cuda_seam.hpp"
#include "row_matrix.hpp"

#include <nabla/error.hpp>

#include <algorithm>
#include <string>
#include <utility>

// The sparse Hessian of a sum over rows: looked for on the host, once, and then computed again and again.

namespace nabla::detail {

namespace {

[[noreturn]] void refuse_entries(const std::string& how_many, std::int64_t most) {
  throw ShapeError("hessian: the pattern has " + how_many + " entries, allowed are " + std::to_string(most) +
                   "; hessian_pattern() can be given another limit");
}

/// The columns that any row has, the shortest first.
template <class Index>
std::vector<std::int64_t> rank_columns(const Index* starts, std::int64_t variables) {
  const auto length = [&](std::int64_t c) { return starts[c + 1] - starts[c]; };
  std::vector<std::int64_t> columns;
  for (std::int64_t c = 0; c < variables; ++c) {
    if (length(c) > 0) columns.push_back(c);
  }
  std::ranges::stable_sort(columns, {}, length);
  return columns;
}

template <class T, class Index>
class Ranking {
 public:
  /// Of a matrix whose transpose is in the host's memory.
  Ranking(const RowMatrix<T>& matrix, const Index* starts, const Index* rows, const T* factors, std::int64_t most)
      : starts_(starts),
        rows_(rows),
        made_{rank_columns(starts, matrix.variables), {}, {}, {}, {}},
        executor_(matrix.executor) {
    order_rows(matrix.rows.rows, matrix.columns.entries, factors);
    const std::int64_t longest = longest_row();
    if (longest > most / std::max<std::int64_t>(longest, 1)) {
      refuse_entries("at least " + std::to_string(longest * longest), most);  // nobody has 2^31.5 entries in a row
    }
    list_entries(most);
    RowHessianView<T, Index>& view = made_.view;
    view.owners = owners();
    view.entries = made_.entry_starts.back();
    view.column = show(made_.column);
    view.starts = static_cast<const Index*>(matrix.columns.starts);
    view.rows = static_cast<const Index*>(matrix.columns.columns);
    view.at = keep(std::move(at_));
    view.factors = matrix.columns.values;
    view.ends = keep(std::move(ends_));
    view.ranks = keep(std::move(ranks_));
    view.values = keep(std::move(values_));
    view.entry_starts = show(made_.entry_starts);
    view.others = show(made_.others);
    cut(matrix.rows.rows);
  }

  RankedRows<T, Index> take() { return std::move(made_); }

 private:
  std::int64_t owners() const { return static_cast<std::int64_t>(made_.column.size()); }
  std::int64_t column(std::int64_t owner) const { return made_.column[static_cast<std::size_t>(owner)]; }
  std::int64_t length(std::int64_t owner) const { return starts_[column(owner) + 1] - starts_[column(owner)]; }

  void order_rows(std::int64_t rows, std::int64_t entries, const T* factors) {
    at_.resize(static_cast<std::size_t>(entries));
    ranks_.resize(at_.size());
    values_.resize(at_.size());
    ends_.assign(static_cast<std::size_t>(rows) + 1, 0);  // first where rows begin, and then what is there of them
    for (std::int64_t t = 0; t < entries; ++t) ++ends_[static_cast<std::size_t>(rows_[t]) + 1];
    for (std::size_t r = 1; r < ends_.size(); ++r) ends_[r] += ends_[r - 1];
    for (std::int64_t p = 0; p < owners(); ++p) {
      for (std::int64_t t = starts_[column(p)]; t < starts_[column(p) + 1]; ++t) {
        const auto e = static_cast<std::size_t>(ends_[static_cast<std::size_t>(rows_[t])]++);
        at_[static_cast<std::size_t>(t)] = static_cast<Index>(e);
        ranks_[e] = static_cast<Index>(p);
        values_[e] = factors[t];
      }
    }
    ends_.pop_back();
  }
  std::int64_t longest_row() const {
    std::int64_t longest = 0, begin = 0;
    for (const Index end : ends_) longest = std::max(longest, end - std::exchange(begin, end));
    return longest;
  }

  void list_entries(std::int64_t most) {
    std::vector<std::int64_t> seen(made_.column.size(), -1);  // the last owner that had it
    std::vector<Index>& others = made_.others;
    made_.entry_starts.push_back(0);
    for (std::int64_t p = 0; p < owners(); ++p) {
      const auto first = static_cast<std::int64_t>(others.size());
      const auto found = [&] { return static_cast<std::int64_t>(others.size()) - first; };
      for (std::int64_t t = starts_[column(p)]; t < starts_[column(p) + 1] && found() < owners() - p; ++t) {
        for (auto e = at_[static_cast<std::size_t>(t)]; e < ends_[static_cast<std::size_t>(rows_[t])]; ++e) {
          const Index rank = ranks_[static_cast<std::size_t>(e)];
          if (std::exchange(seen[static_cast<std::size_t>(rank)], p) != p) others.push_back(rank);
        }
      }
      std::sort(others.begin() + first, others.end());
      made_.entry_starts.push_back(static_cast<std::int64_t>(others.size()));
      if (2 * made_.entry_starts.back() - (p + 1) > most) refuse_entries("more than " + std::to_string(most), most);
    }
  }

  /// Parts are so many that a machine is busy, and so few that their sums are.
  void cut(std::int64_t rows) {
    constexpr std::int64_t least = 1024, most_parts = 4096;
    const auto first_longer = [&](std::int64_t than) {
      std::int64_t low = 0, high = owners();
      while (low < high) {
        const std::int64_t middle = low + (high - low) / 2;
        length(middle) > than ? high = middle : low = middle + 1;
      }
      return low;
    };
    const std::int64_t long_ones = std::max<std::int64_t>(1, owners() - first_longer(least));
    const std::int64_t parts = std::max<std::int64_t>(1, most_parts / long_ones);  // of an owner
    RowHessianView<T, Index>& view = made_.view;
    view.part_rows = std::max(least, (rows + parts - 1) / parts);
    view.whole_owners = first_longer(view.part_rows);
    std::vector<std::int64_t> before{0}, sums{0};
    for (std::int64_t p = view.whole_owners; p < owners(); ++p) {
      const std::int64_t of_owner = (length(p) + view.part_rows - 1) / view.part_rows;
      const auto own = static_cast<std::size_t>(p);
      before.push_back(before.back() + of_owner);
      sums.push_back(sums.back() + of_owner * (made_.entry_starts[own + 1] - made_.entry_starts[own]));
    }
    view.parts = before.back();
    view.part_sums = sums.back();
    view.cut_entries = view.entries - made_.entry_starts[static_cast<std::size_t>(view.whole_owners)];
    view.parts_before = keep(std::move(before));
    view.sums_begin = keep(std::move(sums));
  }

  /// Numbers of the host's that stay there, in the executor's memory.
  template <class X>
  const X* show(const std::vector<X>& numbers) {
    if (!executor_.is_cuda()) return numbers.data();
    auto there = std::make_shared<Array<X>>(executor_, static_cast<std::int64_t>(numbers.size()));
    there->upload(numbers);
    made_.memory.push_back(there);
    return there->data();
  }
  template <class X>
  const X* keep(std::vector<X> numbers) {
    if (executor_.is_cuda()) return show(numbers);
    auto kept = std::make_shared<const std::vector<X>>(std::move(numbers));
    made_.memory.push_back(kept);
    return kept->data();
  }

  const Index *starts_, *rows_;
  RankedRows<T, Index> made_;
  const Executor& executor_;
  std::vector<Index> at_, ends_, ranks_;
  std::vector<T> values_;
};

/// Calls use(row, column, number) for all entries that owners own.
template <class T, class Index, class Use>
void for_each_entry(const RankedRows<T, Index>& ranked, Use use) {
  for (std::size_t p = 0; p < ranked.column.size(); ++p) {
    for (std::int64_t u = ranked.entry_starts[p]; u < ranked.entry_starts[p + 1]; ++u) {
      use(ranked.column[p], ranked.column[static_cast<std::size_t>(ranked.others[static_cast<std::size_t>(u)])], u);
    }
  }
}

template <class T, class Index>
SparsePattern pattern_of(const RankedRows<T, Index>& ranked, std::int64_t variables) {
  SparsePattern pattern;
  pattern.starts.assign(static_cast<std::size_t>(variables) + 1, 0);
  for_each_entry(ranked, [&](std::int64_t row, std::int64_t column, std::int64_t) {
    ++pattern.starts[static_cast<std::size_t>(row) + 1];
    if (column != row) ++pattern.starts[static_cast<std::size_t>(column) + 1];
  });
  for (std::size_t r = 1; r < pattern.starts.size(); ++r) pattern.starts[r] += pattern.starts[r - 1];
  pattern.columns.resize(static_cast<std::size_t>(pattern.starts.back()));
  std::vector<std::int64_t> next(pattern.starts.begin(), pattern.starts.end() - 1);
  const auto put = [&](std::int64_t row, std::int64_t column) {
    pattern.columns[static_cast<std::size_t>(next[static_cast<std::size_t>(row)]++)] = column;
  };
  for_each_entry(ranked, [&](std::int64_t row, std::int64_t column, std::int64_t) {
    put(row, column);
    if (column != row) put(column, row);
  });
  for (std::size_t r = 0; r + 1 < pattern.starts.size(); ++r) {
    std::sort(pattern.columns.begin() + pattern.starts[r], pattern.columns.begin() + pattern.starts[r + 1]);
  }
  return pattern;
}

std::int64_t place_of(const SparsePattern& pattern, std::int64_t row, std::int64_t column) {
  const auto begin = pattern.columns.begin();
  const auto end = begin + pattern.starts[static_cast<std::size_t>(row) + 1];
  const auto found = std::lower_bound(begin + pattern.starts[static_cast<std::size_t>(row)], end, column);
  if (found != end && *found == column) return found - begin;
  throw ShapeError("hessian: the pattern has no entry in row " + std::to_string(row) + ", column " +
                   std::to_string(column));
}

/// Made anew if the last ones are in another pattern.
template <class T>
const HessianPlaces& places_in(const Executor& executor, const RowHessian<T>& hessian, const HessianTarget& target) {
  std::shared_ptr<const HessianPlaces>& last = *target.places;
  const SparsePattern& pattern = target.pattern;
  const bool is_same = last != nullptr && (last->pattern.get() == &pattern ||
                                           (target.kept == nullptr && last->pattern->starts == pattern.starts &&
                                            last->pattern->columns == pattern.columns));
  if (is_same) return *last;
  std::vector<std::int64_t> places, mirrored;
  std::visit(
      [&](const auto& ranked) {
        places.resize(ranked.others.size());
        mirrored.resize(ranked.others.size());
        for_each_entry(ranked, [&](std::int64_t row, std::int64_t column, std::int64_t entry) {
          places[static_cast<std::size_t>(entry)] = place_of(pattern, row, column);
          mirrored[static_cast<std::size_t>(entry)] = place_of(pattern, column, row);
        });
      },
      hessian.ranked);
  const auto there = [&](const std::vector<std::int64_t>& numbers) {
    Array<std::int64_t> array(executor, static_cast<std::int64_t>(numbers.size()));
    array.upload(numbers);
    return array;
  };
  auto kept = target.kept != nullptr ? target.kept : std::make_shared<const SparsePattern>(pattern);
  last = std::make_shared<const HessianPlaces>(HessianPlaces{std::move(kept), there(places), there(mirrored)});
  return *last;
}

}  // namespace

template <class T>
std::shared_ptr<const RowHessian<T>> make_row_hessian(const RowMatrix<T>& matrix, std::int64_t most_entries) {
  if (matrix.is_dense)
    throw Error("hessian: dense rows have no sparse one; there are hessian_vector_product and others");
  const SparseView<T>& by_columns = matrix.columns;
  const std::int64_t index_bytes = by_columns.wide_starts ? 8 : 4;
  const OnHost starts(matrix.executor, by_columns.starts, (by_columns.rows + 1) * index_bytes),
      rows(matrix.executor, by_columns.columns, by_columns.entries * index_bytes),
      factors(matrix.executor, by_columns.values, by_columns.entries * static_cast<std::int64_t>(sizeof(T)));
  const auto make = [&](auto index) -> std::shared_ptr<const RowHessian<T>> {
    using Index = decltype(index);
    auto ranked =
        Ranking<T, Index>(matrix, static_cast<const Index*>(starts.data()), static_cast<const Index*>(rows.data()),
                          static_cast<const T*>(factors.data()), most_entries)
            .take();
    auto made = std::make_shared<RowHessian<T>>();
    made->pattern = std::make_shared<const SparsePattern>(pattern_of(ranked, matrix.variables));
    made->ranked = std::move(ranked);
    return made;
  };
  if (by_columns.wide_starts) return make(std::int64_t());
  return make(std::int32_t());
}
template std::shared_ptr<const RowHessian<float>> make_row_hessian(const RowMatrix<float>&, std::int64_t);
template std::shared_ptr<const RowHessian<double>> make_row_hessian(const RowMatrix<double>&, std::int64_t);

template <class T>
const std::shared_ptr<const SparsePattern>& pattern_of(const RowHessian<T>& hessian) {
  return hessian.pattern;
}
template const std::shared_ptr<const SparsePattern>& pattern_of(const RowHessian<float>&);
template const std::shared_ptr<const SparsePattern>& pattern_of(const RowHessian<double>&);

template <class T>
void assemble_hessian(const Executor& executor, const RowCall<T>& call, const RowHessian<T>& hessian,
                      const HessianTarget& target, std::span<const T> curvatures) {
  if (call.out.empty()) return;
  const HessianPlaces& places = places_in(executor, hessian, target);
  const RowHessianOutput<T> output{curvatures.data(), places.places.data(), places.mirrored.data(), call.out.data(),
                                   target.add};
  const bool has_others = target.pattern.columns.size() != hessian.pattern->columns.size();
  std::visit(
      [&](const auto& ranked) {
        if (executor.is_cuda()) {
          const cuda::CurrentDevice current(executor.device());
          if (has_others && !target.add) cuda::clear(executor.state(), call.out.data(), call.out.size_bytes());
          const auto numbers = static_cast<std::size_t>(ranked.view.entries + ranked.view.part_sums);
          cuda::assemble(executor.state(), ranked.view, output,
                         static_cast<T*>(workspace(executor, numbers * sizeof(T))));
        } else {
          if (has_others && !target.add) std::ranges::fill(call.out, T(0));
          cpu::assemble(executor, ranked.view, output);
        }
      },
      hessian.ranked);
}
template void assemble_hessian(const Executor&, const RowCall<float>&, const RowHessian<float>&, const HessianTarget&,
                               std::span<const float>);
template void assemble_hessian(const Executor&, const RowCall<double>&, const RowHessian<double>&, const HessianTarget&,
                               std::span<const double>);

}  // namespace nabla::detail
