#pragma once

#include <nabla/connectivity.hpp>

#include <cstdint>
#include <limits>
#include <variant>
#include <vector>

// How threads share the elements of a table so that the same numbers are added up in the same order however many they
// are, and no two threads write to one variable at a time.

namespace nabla::detail {

/// Where neighbouring elements touch neighbouring variables, as lists of pairs and meshes do: chunks of consecutive
/// elements in colours. Chunks of one colour touch no variable in common and run at the same time; each element is
/// computed once and adds to the outputs themselves.
struct Colouring {
  std::int64_t chunk = 0;  // elements
  std::vector<std::vector<std::int64_t>> colours;
};

/// Elements by what they touch, each list in order.
struct ElementLists {
  std::vector<std::int64_t> starts;  // of each list in `elements`, and the end
  std::vector<std::uint32_t> elements;
  std::vector<std::int64_t> many_elements;  // instead, where 32 bits are too few

  std::int64_t element(std::int64_t place) const {
    const auto at = static_cast<std::size_t>(place);
    return many_elements.empty() ? elements[at] : many_elements[at];
  }
};

/// for_each(e, use) calls use(list) once for each list that element e belongs into.
template <class ForEach>
ElementLists list_elements(std::int64_t count, std::int64_t elements, ForEach for_each) {
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

/// Otherwise: the elements that touch each range of variables. An element is computed once for each range that it
/// touches.
struct RangeLists : ElementLists {
  std::int64_t range = 0;  // variables

  std::int64_t ranges() const { return static_cast<std::int64_t>(starts.size()) - 1; }
};

/// Where the elements are many times as many as the variables: parts of consecutive elements, each of which adds to
/// numbers of its own for the variables it may touch. Those are added up afterwards, one part after another.
struct Copies {
  struct Part {
    std::int64_t elements, variables;  // where they begin
    std::int64_t end_of_elements, end_of_variables;
    std::int64_t copy;  // where its numbers lie among all parts'
  };
  std::vector<Part> parts;
  std::int64_t numbers = 0;  // of all parts
  RangeLists lists;          // for Hessians, whose entries have no copies
};

struct TableSchedule : std::variant<Colouring, RangeLists, Copies> {
  using variant::variant;
};

/// Of a table whose entries were looked through; `threads` of the host do it.
TableSchedule make_schedule(const Table& table, std::int64_t variables, int threads);
RangeLists make_range_lists(const Table& table, std::int64_t variables);

/// The variable where the block of an element's entry begins.
inline std::int64_t block_of(const Table& table, std::int64_t element, std::int64_t entry) {
  const std::int64_t at = element * table.item_stride + entry * table.component_stride;
  return (table.wide ? static_cast<const std::int64_t*>(table.entries)[at]
                     : std::int64_t{static_cast<const std::int32_t*>(table.entries)[at]}) *
         table.block;
}

}  // namespace nabla::detail
