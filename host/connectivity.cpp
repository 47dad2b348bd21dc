#include "checks.hpp"
#include "element_ranges.hpp"
#include "owner_lists.hpp"

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

/// Calls use(range) once for each range of variables that an element touches.
template <class Index, class Use>
void for_each_range(const IndexTable<Index>& table, std::int64_t element, Use use) {
  std::int64_t seen[32];
  int count = 0;
  for (std::int64_t k = 0; k < table.entries.components; ++k) {
    const auto first = static_cast<std::int64_t>(table.entries(element, k)) * table.block;
    for (std::int64_t range = first / range_variables; range <= (first + table.block - 1) / range_variables; ++range) {
      if (std::find(seen, seen + count, range) != seen + count) continue;
      seen[count++] = range;
      use(range);
    }
  }
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
void require_entries(const BatchView<const Index>& entries, std::int64_t most) {
  for (std::int64_t e = 0; e < entries.count; ++e) {
    for (std::int64_t k = 0; k < entries.components; ++k) {
      const auto entry = static_cast<std::int64_t>(entries(e, k));
      if (entry >= 0 && entry < most) continue;
      throw ShapeError("element sum: entry " + std::to_string(k) + " of element " + std::to_string(e) + " is " +
                       std::to_string(entry) + ", expected 0 to " + std::to_string(most - 1));
    }
  }
}

/// Elements by what they touch, each list in order. for_each(e, use) calls use(list) once for each of an element's.
template <class ForEach>
ElementLists make_lists(std::int64_t count, std::int64_t elements, ForEach for_each) {
  ElementLists lists;
  lists.starts.assign(static_cast<std::size_t>(count + 1), 0);
  for (std::int64_t e = 0; e < elements; ++e) {
    for_each(e, [&](std::int64_t list) { ++lists.starts[static_cast<std::size_t>(list + 1)]; });
  }
  for (std::size_t k = 1; k < lists.starts.size(); ++k) lists.starts[k] += lists.starts[k - 1];
  const auto total = static_cast<std::size_t>(lists.starts.back());
  const bool many = elements > std::numeric_limits<std::uint32_t>::max();
  many ? lists.many_elements.resize(total) : lists.elements.resize(total);
  std::vector<std::int64_t> next(lists.starts.begin(), lists.starts.end() - 1);
  for (std::int64_t e = 0; e < elements; ++e) {
    for_each(e, [&](std::int64_t list) {
      const auto place = static_cast<std::size_t>(next[static_cast<std::size_t>(list)]++);
      if (many) {
        lists.many_elements[place] = e;
      } else {
        lists.elements[place] = static_cast<std::uint32_t>(e);
      }
    });
  }
  return lists;
}

template <class Index>
std::shared_ptr<const ElementLists> make_range_lists(const IndexTable<Index>& table, std::int64_t variables) {
  return std::make_shared<const ElementLists>(
      make_lists((variables + range_variables - 1) / range_variables, table.entries.count,
                 [&](std::int64_t e, auto use) { for_each_range(table, e, use); }));
}

template <class X>
Array<X> upload(const Executor& executor, const std::vector<X>& numbers) {
  Array<X> array(executor, static_cast<std::int64_t>(numbers.size()));
  array.upload(numbers);
  return array;
}

template <class Index>
std::shared_ptr<const OwnerLists> make_owner_lists(const Executor& executor, const IndexTable<Index>& table,
                                                   std::int64_t variables) {
  const BatchView<const Index>& entries = table.entries;
  const ElementLists lists =
      make_lists((variables + table.block - 1) / table.block, entries.count, [&](std::int64_t e, auto use) {
        for (std::int64_t k = 0; k < entries.components; ++k) {
          bool seen = false;
          for (std::int64_t before = 0; before < k; ++before) seen = seen || entries(e, before) == entries(e, k);
          if (!seen) use(static_cast<std::int64_t>(entries(e, k)));
        }
      });
  return std::make_shared<const OwnerLists>(OwnerLists{upload(executor, lists.starts), upload(executor, lists.elements),
                                                       upload(executor, lists.many_elements)});
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
             nullptr};
  if (executor.is_cuda()) {
    const HostEntries<Index> copy(executor, entries);
    require_entries(copy.view(), variables / table.block);
    made.owners = make_owner_lists(executor, IndexTable<Index>{copy.view(), table.block}, variables);
  } else {
    require_entries(entries, variables / table.block);
    made.lists = make_range_lists(table, variables);
  }
  return made;
}

namespace {

/// Calls use(variables of an element) for all elements that touch a range.
template <class Use>
void for_each_element(const Connectivity& connectivity, const Interval& range, Use use) {
  std::int64_t variables[most_slots];
  if (const auto* const affine = std::get_if<Affine>(&connectivity)) {
    for_each_line(*affine, range, [&](const Line& line) {
      for (std::int64_t e = line.all.first; e < line.all.last; ++e) {
        for (std::size_t j = 0; j < affine->offsets.size(); ++j) {
          variables[j] = line.variable[j] + e * affine->stride[0];
        }
        use(std::span<const std::int64_t>(variables, affine->offsets.size()));
      }
    });
    return;
  }
  const Table& table = std::get<Table>(connectivity);
  const TableRange list(table, range);
  for (std::int64_t place = list.first; place < list.last; ++place) {
    for (std::int64_t j = 0; j < table.slots(); ++j) {
      variables[j] = table.wide ? variable_of<std::int64_t>(table, list.element(place), j)
                                : variable_of<std::int32_t>(table, list.element(place), j);
    }
    use(std::span<const std::int64_t>(variables, static_cast<std::size_t>(table.slots())));
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

/// The pattern of a table whose entries are in a device's memory.
template <class Index>
SparsePattern pattern_from_device(const Table& table, std::int64_t variables) {
  const BatchView<const Index> entries(static_cast<const Index*>(table.entries), table.count, table.width,
                                       table.item_stride, table.component_stride);
  const HostEntries<Index> copy(table.owners->starts.executor(), entries);
  Table on_host = table;
  on_host.entries = copy.view().data;
  on_host.owners = nullptr;
  on_host.lists = make_range_lists(IndexTable<Index>{copy.view(), table.block}, variables);
  return hessian_pattern(on_host, variables);
}

}  // namespace

SparsePattern hessian_pattern(const Connectivity& connectivity, std::int64_t variables) {
  if (const auto* const table = std::get_if<Table>(&connectivity); table != nullptr && table->owners != nullptr) {
    return table->wide ? pattern_from_device<std::int64_t>(*table, variables)
                       : pattern_from_device<std::int32_t>(*table, variables);
  }
  if (const auto* const affine = std::get_if<Affine>(&connectivity);
      affine != nullptr && is_shared(*affine) && elements_of(connectivity) > 1) {
    return hessian_pattern(Affine{{1, 1, 1}, {0, 0, 0}, affine->offsets}, variables);  // all are like the first
  }
  SparsePattern found;
  found.starts.reserve(static_cast<std::size_t>(variables + 1));
  found.starts.push_back(0);
  for (std::int64_t first = 0; first < variables; first += range_variables) {
    const Interval range{first, std::min(variables, first + range_variables)};
    std::vector<std::pair<std::int64_t, std::int64_t>> entries;  // row, column
    for_each_element(connectivity, range, [&](std::span<const std::int64_t> touched) {
      for (const std::int64_t row : touched) {
        if (!range.has(row)) continue;
        for (const std::int64_t column : touched) entries.emplace_back(row, column);
      }
    });
    std::ranges::sort(entries);
    entries.erase(std::unique(entries.begin(), entries.end()), entries.end());
    auto entry = entries.begin();
    for (std::int64_t row = range.first; row < range.last; ++row) {
      for (; entry != entries.end() && entry->first == row; ++entry) found.columns.push_back(entry->second);
      found.starts.push_back(static_cast<std::int64_t>(found.columns.size()));
    }
  }
  return found;
}

template Table make_table(const Executor&, const IndexTable<std::int32_t>&, std::int64_t, std::int64_t);
template Table make_table(const Executor&, const IndexTable<std::int64_t>&, std::int64_t, std::int64_t);

}  // namespace nabla::detail
