#pragma once

#include <nabla/executor.hpp>
#include <nabla/view.hpp>

#include <array>
#include <cstdint>
#include <memory>
#include <variant>
#include <vector>

// Which variables each element of a sum touches (element_sum.hpp).

namespace nabla {

/// Elements in a line, a plane or a block, which all touch variables in the same pattern: slot j of element
/// (e0, e1, e2) is variable offsets[j] + e0 stride[0] + e1 stride[1] + e2 stride[2]. Elements are numbered with e0
/// fastest. Boundaries are further sums, over other blocks.
struct Affine {
  std::array<std::int64_t, 3> extent{1, 1, 1};
  std::array<std::int64_t, 3> stride{1, 0, 0};
  std::vector<std::int64_t> offsets;

  /// Element e touches x[e * stride + offsets[0]], x[e * stride + offsets[1]], …
  static Affine chain(std::int64_t elements, std::vector<std::int64_t> offsets, std::int64_t stride = 1) {
    return {{elements, 1, 1}, {stride, 0, 0}, std::move(offsets)};
  }
};

/// In which order a CUDA device adds up what elements contribute to a variable; see element_sum().
enum class Additions { ordered, unordered };

/// A table of (elements, entries of each) in the executor's memory, where it stays for as long as the sum is used.
/// Entry i stands for the `block` variables from i * block on, so that atoms in space need one index each: slots are
/// entries times block. The same variable may come up twice.
template <class Index>
struct IndexTable {
  BatchView<const Index> entries;
  std::int64_t block = 1;
  Additions additions = Additions::ordered;
};

/// Where a sparse matrix has entries, row by row (compressed sparse rows): those of row i are in the columns
/// columns[starts[i]] … columns[starts[i + 1] - 1], in order.
struct SparsePattern {
  std::vector<std::int64_t> starts;
  std::vector<std::int64_t> columns;
};

namespace detail {

struct TableSchedule;  // host/table_schedule.hpp
struct OwnerLists;     // host/owner_lists.hpp
struct DevicePattern;  // host/owner_lists.hpp

/// An index table that was looked through: for CPUs, or for the CUDA device of an executor.
struct Table {
  const void* entries;
  bool wide;  // 64 bits
  std::int64_t count, width, item_stride, component_stride, block;
  std::shared_ptr<const TableSchedule> schedule;  // of CPUs
  std::shared_ptr<OwnerLists> owners;             // of a device, in its memory
  Additions additions;

  std::int64_t slots() const { return width * block; }
};

using Connectivity = std::variant<Affine, Table>;

std::int64_t elements_of(const Connectivity& connectivity);
/// Whether all elements touch the same variables, as where parameters are fitted to data.
bool is_shared(const Affine& affine);

/// Throw ShapeError for what touches other variables than 0 … variables - 1, naming the first of those, or has not as
/// many slots.
void require_affine(const Affine& affine, std::int64_t variables, std::int64_t slots);
template <class Index>
Table make_table(const Executor& executor, const IndexTable<Index>& table, std::int64_t variables, std::int64_t slots);
extern template Table make_table(const Executor&, const IndexTable<std::int32_t>&, std::int64_t, std::int64_t);
extern template Table make_table(const Executor&, const IndexTable<std::int64_t>&, std::int64_t, std::int64_t);
/// Makes the lists of a table's owners on its device, unless they are there.
void list_owners(const Table& table, std::int64_t variables);

}  // namespace detail
}  // namespace nabla
