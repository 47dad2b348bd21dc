#include "element_ranges.hpp"
#include "table_schedule.hpp"

#include <nabla/element_sum.hpp>
#include <nabla/error.hpp>

#include <algorithm>
#include <iterator>
#include <limits>
#include <string>

namespace nabla::detail {

namespace {

std::string slots_text(std::int64_t slots) { return std::to_string(slots) + (slots == 1 ? " variable" : " variables"); }

[[noreturn]] void refuse_slots(std::int64_t slots, std::int64_t found) {
  throw ShapeError("element sum: the element has " + slots_text(slots) + ", its connectivity " + std::to_string(found));
}

}  // namespace

std::int64_t elements_of(const Connectivity& connectivity) {
  if (const auto* const table = std::get_if<Table>(&connectivity)) return table->count;
  const auto& extent = std::get<Affine>(connectivity).extent;
  return extent[0] * extent[1] * extent[2];
}

bool is_shared(const Affine& affine) {
  for (std::size_t d = 0; d < 3; ++d) {
    if (affine.extent[d] > 1 && affine.stride[d] != 0) return false;
  }
  return true;
}

void require_affine(const Affine& affine, std::int64_t variables, std::int64_t slots) {
  const auto found = static_cast<std::int64_t>(affine.offsets.size());
  if (found != slots) refuse_slots(slots, found);
  std::int64_t reach = 0, elements = 1;
  for (std::size_t d = 0; d < 3; ++d) {
    const std::int64_t extent = affine.extent[d], stride = affine.stride[d];
    if (extent < 0 || stride < 0) {
      throw ShapeError("element sum: extents and strides must be 0 or more, found " + std::to_string(extent) + " and " +
                       std::to_string(stride));
    }
    std::int64_t far = 0;
    if (__builtin_mul_overflow(elements, extent, &elements) ||
        __builtin_mul_overflow(std::max<std::int64_t>(extent - 1, 0), stride, &far) ||
        __builtin_add_overflow(reach, far, &reach)) {
      throw ShapeError("element sum: more than 2^63 elements or variables");
    }
  }
  if (elements == 0) return;
  for (std::size_t j = 0; j < affine.offsets.size(); ++j) {
    const std::int64_t least = affine.offsets[j];
    std::int64_t most = 0;
    if (__builtin_add_overflow(least, reach, &most)) most = std::numeric_limits<std::int64_t>::max();
    if (least >= 0 && most < variables) continue;
    throw ShapeError("element sum: slot " + std::to_string(j) + " of the " + (least < 0 ? "first" : "last") +
                     " element is variable " + std::to_string(least < 0 ? least : most) + ", of " +
                     std::to_string(variables));
  }
}

template <class Index>
Table make_table(const Executor& executor, const IndexTable<Index>& table, std::int64_t variables, std::int64_t slots) {
  const BatchView<const Index>& entries = table.entries;
  if (table.block < 1 || entries.components * table.block != slots) {
    refuse_slots(slots, entries.components * std::max<std::int64_t>(table.block, 0));
  }
  const std::int64_t most = variables / table.block;
  std::int64_t first_wrong = entries.count;
#pragma omp parallel for num_threads(std::max(1, executor.threads())) reduction(min : first_wrong)
  for (std::int64_t e = 0; e < entries.count; ++e) {
    for (std::int64_t k = 0; k < entries.components; ++k) {
      const auto entry = static_cast<std::int64_t>(entries(e, k));
      if (entry < 0 || entry >= most) first_wrong = std::min(first_wrong, e);
    }
  }
  for (std::int64_t k = 0; k < entries.components && first_wrong < entries.count; ++k) {
    const auto entry = static_cast<std::int64_t>(entries(first_wrong, k));
    if (entry >= 0 && entry < most) continue;
    throw ShapeError("element sum: entry " + std::to_string(k) + " of element " + std::to_string(first_wrong) + " is " +
                     std::to_string(entry) + ", expected 0 to " + std::to_string(most - 1));
  }
  Table made{entries.data,        sizeof(Index) == 8,       entries.count, entries.components,
             entries.item_stride, entries.component_stride, table.block,   nullptr};
  made.schedule =
      std::make_shared<const TableSchedule>(make_schedule(made, variables, std::max(1, executor.threads())));
  return made;
}

namespace {

/// Calls use(variables of an element) for all elements of an affine sum that touch a range.
template <class Use>
void for_each_element(const Affine& affine, const Interval& range, Use use) {
  std::int64_t variables[most_slots];
  for_each_line(affine, range, [&](const Line& line) {
    for (std::int64_t e = line.all.first; e < line.all.last; ++e) {
      for (std::size_t j = 0; j < affine.offsets.size(); ++j) {
        variables[j] = line.variable[j] + e * affine.stride[0];
      }
      use(std::span<const std::int64_t>(variables, affine.offsets.size()));
    }
  });
}
/// The same for a table, and one of its ranges.
template <class Use>
void for_each_element(const Table& table, const RangeLists& lists, std::int64_t range, Use use) {
  std::int64_t variables[most_slots];
  const auto at = static_cast<std::size_t>(range);
  for (std::int64_t place = lists.starts[at]; place < lists.starts[at + 1]; ++place) {
    for (std::int64_t j = 0; j < table.slots(); ++j) {
      variables[j] = block_of(table, lists.element(place), j / table.block) + j % table.block;
    }
    use(std::span<const std::int64_t>(variables, static_cast<std::size_t>(table.slots())));
  }
}

/// The rows of a range of variables, after those before.
template <class ForEachElement>
void add_rows(SparsePattern& pattern, const Interval& range, ForEachElement for_each) {
  std::vector<std::pair<std::int64_t, std::int64_t>> entries;  // row, column
  for_each([&](std::span<const std::int64_t> touched) {
    for (const std::int64_t row : touched) {
      if (!range.has(row)) continue;
      for (const std::int64_t column : touched) entries.emplace_back(row, column);
    }
  });
  std::ranges::sort(entries);
  entries.erase(std::unique(entries.begin(), entries.end()), entries.end());
  auto entry = entries.begin();
  for (std::int64_t row = range.first; row < range.last; ++row) {
    for (; entry != entries.end() && entry->first == row; ++entry) pattern.columns.push_back(entry->second);
    pattern.starts.push_back(static_cast<std::int64_t>(pattern.columns.size()));
  }
}

}  // namespace

SparsePattern merge(const SparsePattern& a, const SparsePattern& b) {
  SparsePattern all;
  all.starts.reserve(a.starts.size());
  all.starts.push_back(0);
  for (std::size_t row = 0; row + 1 < a.starts.size(); ++row) {
    const auto part = [row](const SparsePattern& pattern) {
      return std::ranges::subrange(pattern.columns.begin() + pattern.starts[row],
                                   pattern.columns.begin() + pattern.starts[row + 1]);
    };
    std::ranges::set_union(part(a), part(b), std::back_inserter(all.columns));
    all.starts.push_back(static_cast<std::int64_t>(all.columns.size()));
  }
  return all;
}

SparsePattern hessian_pattern(const Connectivity& connectivity, std::int64_t variables) {
  SparsePattern found;
  found.starts.reserve(static_cast<std::size_t>(variables + 1));
  found.starts.push_back(0);
  if (const auto* const table = std::get_if<Table>(&connectivity)) {
    const RangeLists lists = make_lists(*table, variables);
    for (std::int64_t k = 0; k < lists.ranges(); ++k) {
      add_rows(found, {k * lists.range, std::min(variables, (k + 1) * lists.range)},
               [&](auto use) { for_each_element(*table, lists, k, use); });
    }
    return found;
  }
  const Affine& given = std::get<Affine>(connectivity);
  const bool one_is_enough = is_shared(given) && elements_of(connectivity) > 1;  // all are like the first
  const Affine affine = one_is_enough ? Affine{{1, 1, 1}, {0, 0, 0}, given.offsets} : given;
  constexpr std::int64_t size = 1 << 15;
  for (std::int64_t first = 0; first < variables; first += size) {
    const Interval range{first, std::min(variables, first + size)};
    add_rows(found, range, [&](auto use) { for_each_element(affine, range, use); });
  }
  return found;
}

template Table make_table(const Executor&, const IndexTable<std::int32_t>&, std::int64_t, std::int64_t);
template Table make_table(const Executor&, const IndexTable<std::int64_t>&, std::int64_t, std::int64_t);

}  // namespace nabla::detail
