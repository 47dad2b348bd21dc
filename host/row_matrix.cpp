#include "row_matrix.hpp"

#include "checks.hpp"

#include <nabla/error.hpp>

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

// A caller's sparse matrix is looked through and transposed, on the host.

namespace nabla::detail {

namespace {

[[noreturn]] void refuse(const std::string& what) { throw ShapeError("row sum: " + what); }

std::string counted(std::int64_t count, const char* one, const char* many) {
  return std::to_string(count) + (count == 1 ? one : many);
}

template <class Start>
void require_starts(const Start* starts, std::int64_t rows, std::int64_t entries) {
  if (starts[0] != 0) refuse("row 0 begins at " + std::to_string(starts[0]) + ", expected 0");
  for (std::int64_t r = 0; r < rows; ++r) {
    if (starts[r + 1] >= starts[r]) continue;
    refuse("row " + std::to_string(r) + " ends at " + std::to_string(starts[r + 1]) + " before it begins at " +
           std::to_string(starts[r]));
  }
  if (starts[rows] != entries) {
    refuse("the last row ends at " + std::to_string(starts[rows]) + ", but there are " +
           counted(entries, " entry", " entries"));
  }
}

template <class Start, class Column>
void require_columns(const Start* starts, const Column* columns, std::int64_t rows, std::int64_t variables) {
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t e = starts[r]; e < starts[r + 1]; ++e) {
      if (columns[e] >= 0 && columns[e] < variables) continue;
      refuse("row " + std::to_string(r) + ", entry " + std::to_string(e - starts[r]) + ": column " +
             std::to_string(columns[e]) + " of " + counted(variables, " variable", " variables"));
    }
  }
}

/// Numbers in an executor's memory, which the matrix keeps.
template <class T, class X>
const X* keep(RowMatrix<T>& matrix, Array<X> numbers) {
  auto kept = std::make_shared<const Array<X>>(std::move(numbers));
  matrix.memory.push_back(kept);
  return kept->data();
}
/// Numbers in the host's memory, kept in the executor's.
template <class T, class X>
const X* put(RowMatrix<T>& matrix, const std::vector<X>& numbers) {
  Array<X> there(matrix.executor, static_cast<std::int64_t>(numbers.size()));
  there.upload(numbers);
  return keep(matrix, std::move(there));
}
template <class T, class X>
const X* put(RowMatrix<T>& matrix, Array<X> numbers) {
  if (!matrix.executor.is_cuda()) return keep(matrix, std::move(numbers));
  Array<X> there(matrix.executor, numbers.size());
  there.upload({numbers.data(), static_cast<std::size_t>(numbers.size())});
  return keep(matrix, std::move(there));
}

/// Columns become rows. What a row has of the same column is one entry there, since the squares of entries are wanted.
template <class Index, class T, class Start, class Column>
void transpose(RowMatrix<T>& matrix, const Executor& host, const SparseView<T>& from, const Start* from_starts,
               const Column* from_columns) {
  const auto for_each_entry = [&](auto use) {
    for (std::int64_t r = 0; r < from.rows; ++r) {
      for (std::int64_t e = from_starts[r]; e < from_starts[r + 1]; ++e) {
        use(r, static_cast<std::size_t>(from_columns[e]), e);
      }
    }
  };
  const auto variables = static_cast<std::size_t>(matrix.variables);
  std::vector<std::int64_t> last_row(variables, -1), next(variables + 1);  // of each column; next: place of an entry
  for_each_entry([&](std::int64_t r, std::size_t c, std::int64_t) {
    next[c + 1] += last_row[c] != r;
    last_row[c] = r;
  });
  for (std::size_t c = 0; c < variables; ++c) next[c + 1] += next[c];
  const std::int64_t entries = next[variables];
  Array<Index> starts(host, matrix.variables + 1), rows(host, entries);
  Array<T> values(host, entries);
  for (std::size_t c = 0; c <= variables; ++c) starts.data()[c] = static_cast<Index>(next[c]);
  std::ranges::fill(last_row, -1);
  for_each_entry([&](std::int64_t r, std::size_t c, std::int64_t e) {
    if (last_row[c] == r) {
      values.data()[next[c] - 1] += from.values[e];
      return;
    }
    last_row[c] = r;
    rows.data()[next[c]] = static_cast<Index>(r);
    values.data()[next[c]++] = from.values[e];
  });
  constexpr bool wide = sizeof(Index) == 8;
  matrix.columns = {matrix.variables, entries, nullptr, nullptr, wide, wide, nullptr, nullptr};
  matrix.columns.starts = starts.data();
  matrix.columns.part_rows = put(matrix, rows_of_parts(matrix.columns));
  matrix.columns.starts = put(matrix, std::move(starts));
  matrix.columns.columns = put(matrix, std::move(rows));
  matrix.columns.values = put(matrix, std::move(values));
}

}  // namespace

template <class T>
std::shared_ptr<const RowMatrix<T>> make_row_matrix(const Executor& executor, const Indices& starts,
                                                    const Indices& columns, std::span<const T> values,
                                                    std::int64_t variables) {
  const auto entries = static_cast<std::int64_t>(values.size());
  if (variables < 0) refuse("the number of variables must be 0 or more, found " + std::to_string(variables));
  if (starts.count < 1) refuse("starts must have one number more than there are rows, found 0");
  if (columns.count != entries) {
    refuse("there are " + counted(columns.count, " column", " columns") + " and " +
           counted(entries, " value", " values"));
  }
  const Argument arguments[] = {index_argument("starts", starts), index_argument("columns", columns),
                                vector_argument("values", values)};
  check_memory(executor, "row sum", arguments);

  const std::int64_t rows = starts.count - 1;
  auto matrix = std::make_shared<RowMatrix<T>>(RowMatrix<T>{executor, variables, {}, {}, {}, {}});
  matrix->index_bytes[0] = starts.wide ? 8 : 4;
  matrix->index_bytes[1] = columns.wide ? 8 : 4;
  matrix->rows = {rows, entries, starts.data, columns.data, starts.wide, columns.wide, values.data(), nullptr};

  const OnHost host_starts(executor, starts.data, starts.count * matrix->index_bytes[0]),
      host_columns(executor, columns.data, columns.count * matrix->index_bytes[1]),
      host_values(executor, values.data(), static_cast<std::int64_t>(values.size_bytes()));
  SparseView<T> from = matrix->rows;
  from.starts = host_starts.data();
  from.columns = host_columns.data();
  from.values = static_cast<const T*>(host_values.data());
  const Executor host = executor.is_cuda() ? Executor::cpu(1) : executor;
  with_indices(from, [&](const auto* start_of, const auto* column_of) {
    require_starts(start_of, rows, entries);
    require_columns(start_of, column_of, rows, variables);
    matrix->rows.part_rows = put(*matrix, rows_of_parts(from));
    constexpr std::int64_t most = std::numeric_limits<std::int32_t>::max();
    if (rows <= most && entries <= most) {
      transpose<std::int32_t>(*matrix, host, from, start_of, column_of);
    } else {
      transpose<std::int64_t>(*matrix, host, from, start_of, column_of);
    }
  });
  return matrix;
}

template std::shared_ptr<const RowMatrix<float>> make_row_matrix(const Executor&, const Indices&, const Indices&,
                                                                 std::span<const float>, std::int64_t);
template std::shared_ptr<const RowMatrix<double>> make_row_matrix(const Executor&, const Indices&, const Indices&,
                                                                  std::span<const double>, std::int64_t);

template <class T>
std::shared_ptr<const RowMatrix<T>> make_row_matrix(const Executor& executor, const DenseRows<T>& rows) {
  require_dense(executor, "row sum", rows);
  const SparseView<T> view{rows.rows, rows.rows * rows.columns, nullptr, nullptr, false,
                           false,     rows.values.data(),       nullptr};
  return std::make_shared<RowMatrix<T>>(RowMatrix<T>{executor, rows.columns, {}, view, {}, {}, true});
}
template std::shared_ptr<const RowMatrix<float>> make_row_matrix(const Executor&, const DenseRows<float>&);
template std::shared_ptr<const RowMatrix<double>> make_row_matrix(const Executor&, const DenseRows<double>&);

template <class T>
void require_dense(const Executor& executor, const char* call, const DenseRows<T>& rows) {
  const auto shape = std::to_string(rows.rows) + " x " + std::to_string(rows.columns);
  if (rows.rows < 0 || rows.columns < 0) {
    throw ShapeError(std::string(call) + ": a dense matrix can't be " + shape);
  }
  if (rows.values.size() * sizeof(T) != checked_bytes(rows.rows, rows.columns, sizeof(T))) {
    throw ShapeError(std::string(call) + ": a dense matrix of " + shape + " can't have " +
                     counted(static_cast<std::int64_t>(rows.values.size()), " number", " numbers"));
  }
  const Argument arguments[] = {vector_argument("the matrix", rows.values)};
  check_memory(executor, call, arguments);
}
template void require_dense(const Executor&, const char*, const DenseRows<float>&);
template void require_dense(const Executor&, const char*, const DenseRows<double>&);

}  // namespace nabla::detail
