#include "checks.hpp"
#include "element_ranges.hpp"
#include "owner_lists.hpp"
#include "table_schedule.hpp"

#include <nabla/element_sum.hpp>
#include <nabla/error.hpp>

#include <algorithm>
#include <cstdlib>
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

namespace {

/// Throws for the first entry that is none of 0 … most - 1.
template <class Index>
void require_entries(const BatchView<const Index>& entries, std::int64_t most, int threads) {
  const auto is_wrong = [&](std::int64_t e, std::int64_t k) {
    return static_cast<std::int64_t>(entries(e, k)) < 0 || static_cast<std::int64_t>(entries(e, k)) >= most;
  };
  std::int64_t wrong = entries.count;
#pragma omp parallel for num_threads(threads) reduction(min : wrong)
  for (std::int64_t e = 0; e < entries.count; ++e) {
    for (std::int64_t k = 0; k < entries.components; ++k) wrong = is_wrong(e, k) ? std::min(wrong, e) : wrong;
  }
  for (std::int64_t k = 0; k < entries.components && wrong < entries.count; ++k) {
    if (!is_wrong(wrong, k)) continue;
    throw ShapeError("element sum: entry " + std::to_string(k) + " of element " + std::to_string(wrong) + " is " +
                     std::to_string(entries(wrong, k)) + ", expected 0 to " + std::to_string(most - 1));
  }
}

template <class X>
Array<X> upload(const Executor& executor, const std::vector<X>& numbers) {
  Array<X> array(executor, static_cast<std::int64_t>(numbers.size()));
  array.upload(numbers);
  return array;
}

template <class Index>
OwnerLists make_owner_lists(const Executor& executor, const BatchView<const Index>& entries, std::int64_t block,
                            std::int64_t variables) {
  const ElementLists lists =
      list_elements((variables + block - 1) / block, entries.count, [&](std::int64_t e, auto use) {
        for (std::int64_t k = 0; k < entries.components; ++k) {
          bool seen = false;
          for (std::int64_t before = 0; before < k; ++before) seen = seen || entries(e, before) == entries(e, k);
          if (!seen) use(static_cast<std::int64_t>(entries(e, k)));
        }
      });
  return {upload(executor, lists.starts), upload(executor, lists.elements), upload(executor, lists.many_elements)};
}

/// A copy of entries that are in an executor's memory, with what lies between them.
template <class Index>
class HostEntries {
 public:
  HostEntries(const Executor& executor, const BatchView<const Index>& entries) : view_(entries) {
    if (entries.count == 0) return;
    const std::int64_t items = (entries.count - 1) * entries.item_stride,
                       components = (entries.components - 1) * entries.component_stride;
    const std::int64_t low = std::min<std::int64_t>(items, 0) + std::min<std::int64_t>(components, 0);
    numbers_.resize(static_cast<std::size_t>(std::abs(items) + std::abs(components) + 1));
    copy_bytes(executor, numbers_.data(), entries.data + low, numbers_.size() * sizeof(Index));
    view_.data = numbers_.data() - low;
  }
  const BatchView<const Index>& view() const { return view_; }

 private:
  std::vector<Index> numbers_;
  BatchView<const Index> view_;
};

}  // namespace

template <class Index>
Table make_table(const Executor& executor, const IndexTable<Index>& table, std::int64_t variables, std::int64_t slots) {
  const BatchView<const Index>& entries = table.entries;
  if (table.block < 1 || entries.components * table.block != slots) {
    refuse_slots(slots, entries.components * std::max<std::int64_t>(table.block, 0));
  }
  const Argument argument{
      "the table",   entries.data, entries.count, entries.components, entries.item_stride, entries.component_stride,
      sizeof(Index), false};
  check_memory(executor, "element sum", std::span(&argument, 1));
  Table made{entries.data,
             sizeof(Index) == 8,
             entries.count,
             entries.components,
             entries.item_stride,
             entries.component_stride,
             table.block,
             nullptr,
             nullptr,
             table.additions};
  const int threads = std::max(1, executor.threads());
  if (executor.is_cuda()) {
    const HostEntries<Index> copy(executor, entries);
    require_entries(copy.view(), variables / table.block, threads);
    made.owners = std::make_shared<OwnerLists>(made.additions == Additions::ordered
                                                   ? make_owner_lists(executor, copy.view(), table.block, variables)
                                                   : OwnerLists{Array<std::int64_t>(executor, 0),
                                                                Array<std::uint32_t>(executor, 0),
                                                                Array<std::int64_t>(executor, 0)});
  } else {
    require_entries(entries, variables / table.block, threads);
    made.schedule = std::make_shared<const TableSchedule>(make_schedule(made, variables, threads));
  }
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
    const auto begin = [row](const SparsePattern& pattern) { return pattern.columns.begin() + pattern.starts[row]; };
    const auto end = [row](const SparsePattern& pattern) { return pattern.columns.begin() + pattern.starts[row + 1]; };
    std::set_union(begin(a), end(a), begin(b), end(b), std::back_inserter(all.columns));
    all.starts.push_back(static_cast<std::int64_t>(all.columns.size()));
  }
  return all;
}

namespace {

template <class Index>
HostEntries<Index> entries_from_device(const Table& table) {
  const BatchView<const Index> entries(static_cast<const Index*>(table.entries), table.count, table.width,
                                       table.item_stride, table.component_stride);
  return {table.owners->starts.executor(), entries};
}

/// The pattern of a table whose entries are in a device's memory.
template <class Index>
SparsePattern pattern_from_device(const Table& table, std::int64_t variables) {
  const auto copy = entries_from_device<Index>(table);
  Table on_host = table;
  on_host.entries = copy.view().data;
  on_host.owners = nullptr;
  return hessian_pattern(on_host, variables);
}

}  // namespace

void list_owners(const Table& table, std::int64_t variables) {
  OwnerLists& owners = *table.owners;
  if (owners.starts.size() > 0) return;
  const auto make = [&](const auto& copy) {
    const Executor where = owners.starts.executor();
    owners = make_owner_lists(where, copy.view(), table.block, variables);
  };
  table.wide ? make(entries_from_device<std::int64_t>(table)) : make(entries_from_device<std::int32_t>(table));
}

SparsePattern hessian_pattern(const Connectivity& connectivity, std::int64_t variables) {
  if (const auto* const table = std::get_if<Table>(&connectivity); table != nullptr && table->owners != nullptr) {
    return table->wide ? pattern_from_device<std::int64_t>(*table, variables)
                       : pattern_from_device<std::int32_t>(*table, variables);
  }
  SparsePattern found;
  found.starts.reserve(static_cast<std::size_t>(variables + 1));
  found.starts.push_back(0);
  if (const auto* const table = std::get_if<Table>(&connectivity)) {
    const RangeLists lists = make_range_lists(*table, variables);
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
