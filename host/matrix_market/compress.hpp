#pragma once

#include <nabla/matrix_market.hpp>

#include "entries.hpp"
#include "memory.hpp"

#include <algorithm>
#include <exception>
#include <numeric>
#include <tuple>
#include <utility>

// From entries in the file's order to rows: a counting sort in two steps. Rows that follow each other form a bucket.
// Each piece of the file is sorted by buckets as soon as it is read, while it is in the caches; later each bucket
// collects its entries from the pieces, in their order, and sorts them by rows. No step depends on the number of
// threads.

namespace nabla::matrix_market {

/// How rows are divided into buckets.
struct Buckets {
  int shift = 0;  // bucket of a row: row >> shift
  std::int64_t rows = 0, count = 0;

  explicit Buckets(std::int64_t row_count) : rows(row_count) {
    constexpr std::int64_t enough = 1024;
    while ((rows - 1) >> shift >= enough && shift < 32) ++shift;
    count = ((rows - 1) >> shift) + 1;
  }
  std::size_t of(std::int64_t row) const { return static_cast<std::size_t>(row >> shift); }
  std::int64_t first_row(std::int64_t bucket) const { return std::min(bucket << shift, rows); }
};

/// An entry within its bucket.
template <class T, class Index>
struct BucketEntry {
  std::uint32_t row;  // within the bucket
  Index column;
  T value;
};

/// The entries of a piece, sorted by buckets, each bucket in the file's order.
template <class T, class Index>
struct SortedPiece {
  std::size_t first_bucket = 0;
  std::vector<std::size_t> starts{0};        // of first_bucket and those after it; then the number of entries
  BucketEntry<T, Index>* entries = nullptr;  // in an arena

  std::span<const BucketEntry<T, Index>> of(std::size_t bucket) const {
    if (bucket < first_bucket || bucket - first_bucket + 1 >= starts.size()) return {};
    const std::size_t k = bucket - first_bucket;
    return {entries + starts[k], starts[k + 1] - starts[k]};
  }
};

/// Sorts a piece; with `mirror`, entries beside the diagonal are there twice.
template <class T, class Index>
SortedPiece<T, Index> sort_piece(const std::vector<Entry<T>>& entries, const Buckets& buckets, bool mirror,
                                 Arena& arena) {
  SortedPiece<T, Index> sorted;
  if (entries.empty()) return sorted;
  std::int64_t first = buckets.rows, last = 0;
  for (const Entry<T>& entry : entries) {
    first = std::min({first, entry.row, mirror ? entry.column : first});
    last = std::max({last, entry.row, mirror ? entry.column : last});
  }
  sorted.first_bucket = buckets.of(first);
  // Where bucket k begins is counted in place k + 1, and moves on to where it ends as entries are put there: which is
  // where the next one begins.
  std::vector<std::size_t>& starts = sorted.starts;
  starts.assign(buckets.of(last) - sorted.first_bucket + 3, 0);
  const auto bucket = [&](std::int64_t row) { return buckets.of(row) - sorted.first_bucket; };
  for (const Entry<T>& entry : entries) {
    ++starts[bucket(entry.row) + 2];
    if (mirror && entry.row != entry.column) ++starts[bucket(entry.column) + 2];
  }
  std::partial_sum(starts.begin(), starts.end(), starts.begin());
  sorted.entries = arena.allocate<BucketEntry<T, Index>>(starts.back());
  const std::int64_t in_bucket = (std::int64_t{1} << buckets.shift) - 1;
  const auto put = [&](std::int64_t row, std::int64_t column, T value) {
    sorted.entries[starts[bucket(row) + 1]++] = {static_cast<std::uint32_t>(row & in_bucket),
                                                 static_cast<Index>(column), value};
  };
  for (const Entry<T>& entry : entries) {
    put(entry.row, entry.column, entry.value);
    if (mirror && entry.row != entry.column) put(entry.column, entry.row, entry.value);
  }
  starts.pop_back();
  return sorted;
}

/// Sorts a row by columns; entries in the same column stay in their order.
template <class T, class Index>
void sort_row(Index* columns, T* values, std::int64_t count, std::vector<std::pair<Index, T>>& memory) {
  constexpr std::int64_t few = 24;
  if (std::is_sorted(columns, columns + count)) return;
  if (count <= few) {
    for (std::int64_t i = 1; i < count; ++i) {
      const Index column = columns[i];
      const T value = values[i];
      std::int64_t j = i;
      for (; j > 0 && columns[j - 1] > column; --j) {
        columns[j] = columns[j - 1];
        values[j] = values[j - 1];
      }
      columns[j] = column;
      values[j] = value;
    }
    return;
  }
  memory.clear();
  for (std::int64_t i = 0; i < count; ++i) memory.emplace_back(columns[i], values[i]);
  std::stable_sort(memory.begin(), memory.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  for (std::int64_t i = 0; i < count; ++i) std::tie(columns[i], values[i]) = memory[static_cast<std::size_t>(i)];
}

template <class T, class Index>
class Compression {
 public:
  Compression(const MatrixMarketHeader& header, const Buckets& buckets, std::vector<SortedPiece<T, Index>> pieces)
      : buckets_(buckets), pieces_(std::move(pieces)), sizes_(static_cast<std::size_t>(buckets.count)) {
    matrix_.rows = header.rows;
    matrix_.columns = header.columns;
    matrix_.symmetric = header.symmetric;
  }

  SparseMatrix<T, Index> run(int most_threads) {
    const int threads = static_cast<int>(std::min<std::int64_t>(most_threads, buckets_.count));
    std::vector<std::int64_t> begins = count_buckets();
    const auto entries = static_cast<std::size_t>(begins.back());
    allocate(matrix_.starts, static_cast<std::size_t>(matrix_.rows) + 1);
    allocate(matrix_.column_indices, entries);
    allocate(matrix_.values, entries);
    matrix_.starts.back() = begins.back();
    std::exception_ptr no_memory;  // for rows that are out of order
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
    for (std::int64_t bucket = 0; bucket < buckets_.count; ++bucket) {
      const std::int64_t begin = begins[static_cast<std::size_t>(bucket)];
      try {
        place(bucket, begin);
        sizes_[static_cast<std::size_t>(bucket)] = merge(bucket, begin);
      } catch (...) {
#pragma omp critical(nabla_matrix_market)
        no_memory = std::current_exception();
      }
    }
    if (no_memory) std::rethrow_exception(no_memory);
    close_gaps(begins);
    return std::move(matrix_);
  }

 private:
  /// Where each bucket's entries begin; then their number.
  std::vector<std::int64_t> count_buckets() const {
    std::vector<std::int64_t> begins(static_cast<std::size_t>(buckets_.count) + 1);
    for (const SortedPiece<T, Index>& piece : pieces_) {
      for (std::size_t k = 0; k + 1 < piece.starts.size(); ++k) {
        begins[piece.first_bucket + k + 1] += static_cast<std::int64_t>(piece.starts[k + 1] - piece.starts[k]);
      }
    }
    std::partial_sum(begins.begin(), begins.end(), begins.begin());
    return begins;
  }

  template <class Use>
  void for_entries(std::int64_t bucket, const Use& use) const {
    for (const SortedPiece<T, Index>& piece : pieces_) {
      for (const BucketEntry<T, Index>& entry : piece.of(static_cast<std::size_t>(bucket))) use(entry);
    }
  }

  std::int64_t* starts_of(std::int64_t bucket) { return matrix_.starts.data() + buckets_.first_row(bucket); }

  /// Puts a bucket's entries into their rows; after it starts[r] is where row r ends.
  void place(std::int64_t bucket, std::int64_t begin) {
    std::int64_t* const starts = starts_of(bucket);
    const std::int64_t rows = buckets_.first_row(bucket + 1) - buckets_.first_row(bucket);
    for_entries(bucket, [&](const auto& entry) { ++starts[entry.row]; });
    std::exclusive_scan(starts, starts + rows, starts, begin);
    for_entries(bucket, [&](const auto& entry) {
      const auto at = static_cast<std::size_t>(starts[entry.row]++);
      matrix_.column_indices[at] = entry.column;
      matrix_.values[at] = entry.value;
    });
  }

  /// Sorts the rows of a bucket and adds up entries in the same column; after it starts[r] is where row r begins.
  /// Returns how many entries there are then.
  std::int64_t merge(std::int64_t bucket, std::int64_t begin) {
    std::int64_t* const starts = starts_of(bucket);
    const std::int64_t rows = buckets_.first_row(bucket + 1) - buckets_.first_row(bucket);
    Index* const columns = matrix_.column_indices.data();
    T* const values = matrix_.values.data();
    std::vector<std::pair<Index, T>> memory;
    std::int64_t from = begin, to = begin;
    for (std::int64_t row = 0; row < rows; ++row) {
      const std::int64_t end = starts[row], row_begin = to;
      sort_row(columns + from, values + from, end - from, memory);
      for (; from < end; ++from) {
        if (to > row_begin && columns[to - 1] == columns[from]) {
          values[to - 1] += values[from];
        } else {
          columns[to] = columns[from];
          values[to++] = values[from];
        }
      }
      starts[row] = row_begin;
    }
    return to - begin;
  }

  /// Moves the buckets together where entries were added up.
  void close_gaps(const std::vector<std::int64_t>& begins) {
    std::int64_t to = 0;
    for (std::int64_t bucket = 0; bucket < buckets_.count; ++bucket) {
      const std::int64_t from = begins[static_cast<std::size_t>(bucket)],
                         size = sizes_[static_cast<std::size_t>(bucket)];
      if (to != from) {
        const auto move = [&](auto& numbers) {
          std::copy(numbers.begin() + from, numbers.begin() + from + size, numbers.begin() + to);
        };
        move(matrix_.column_indices);
        move(matrix_.values);
        for (std::int64_t row = buckets_.first_row(bucket); row < buckets_.first_row(bucket + 1); ++row) {
          matrix_.starts[static_cast<std::size_t>(row)] -= from - to;
        }
      }
      to += size;
    }
    matrix_.starts.back() = to;
    matrix_.column_indices.resize(static_cast<std::size_t>(to));
    matrix_.values.resize(static_cast<std::size_t>(to));
  }

  Buckets buckets_;
  std::vector<SortedPiece<T, Index>> pieces_;
  std::vector<std::int64_t> sizes_;  // of the buckets, after entries were added up
  SparseMatrix<T, Index> matrix_;
};

}  // namespace nabla::matrix_market
