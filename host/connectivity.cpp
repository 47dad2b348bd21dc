#include "element_ranges.hpp"

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

template <class Index>
Table make_table(const IndexTable<Index>& table, std::int64_t variables, std::int64_t slots) {
  const BatchView<const Index>& entries = table.entries;
  if (table.block < 1 || entries.components * table.block != slots) {
    refuse_slots(slots, entries.components * std::max<std::int64_t>(table.block, 0));
  }
  const std::int64_t most = variables / table.block, ranges = (variables + range_variables - 1) / range_variables;
  auto lists = std::make_shared<RangeLists>();
  lists->starts.assign(static_cast<std::size_t>(ranges + 1), 0);
  for (std::int64_t e = 0; e < entries.count; ++e) {
    for (std::int64_t k = 0; k < entries.components; ++k) {
      const auto entry = static_cast<std::int64_t>(entries(e, k));
      if (entry >= 0 && entry < most) continue;
      throw ShapeError("element sum: entry " + std::to_string(k) + " of element " + std::to_string(e) + " is " +
                       std::to_string(entry) + ", expected 0 to " + std::to_string(most - 1));
    }
    for_each_range(table, e, [&](std::int64_t range) { ++lists->starts[static_cast<std::size_t>(range + 1)]; });
  }
  for (std::size_t k = 1; k < lists->starts.size(); ++k) lists->starts[k] += lists->starts[k - 1];
  const auto total = static_cast<std::size_t>(lists->starts.back());
  const bool many = entries.count > std::numeric_limits<std::uint32_t>::max();
  many ? lists->many_elements.resize(total) : lists->elements.resize(total);
  std::vector<std::int64_t> next(lists->starts.begin(), lists->starts.end() - 1);
  for (std::int64_t e = 0; e < entries.count; ++e) {
    for_each_range(table, e, [&](std::int64_t range) {
      const auto place = static_cast<std::size_t>(next[static_cast<std::size_t>(range)]++);
      if (many) {
        lists->many_elements[place] = e;
      } else {
        lists->elements[place] = static_cast<std::uint32_t>(e);
      }
    });
  }
  return {entries.data,        sizeof(Index) == 8,       entries.count, entries.components,
          entries.item_stride, entries.component_stride, table.block,   std::move(lists)};
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

template Table make_table(const IndexTable<std::int32_t>&, std::int64_t, std::int64_t);
template Table make_table(const IndexTable<std::int64_t>&, std::int64_t, std::int64_t);

}  // namespace nabla::detail
