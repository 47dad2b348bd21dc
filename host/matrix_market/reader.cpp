#include "reader.hpp"

#include "compress.hpp"
#include "pieces.hpp"

namespace nabla::matrix_market {

namespace {

/// Refuses sums that overflow. There is no line to name: they have several.
template <class T>
void require_finite(const Bytes& bytes, const T* begin, const T* end, const auto& place) {
  const T* const bad = std::find_if(begin, end, [](T value) { return !std::isfinite(value); });
  if (bad == end) return;
  throw FileError(bytes.name() + ": expected finite numbers, but the entries at " + place(bad - begin) +
                  " add up to more than " + (std::is_same_v<T, double> ? "f64" : "f32") + " can hold");
}

std::string at(std::int64_t row, std::int64_t column) {
  return "row " + std::to_string(row + 1) + ", column " + std::to_string(column + 1);
}

template <class T, class Index>
SparseMatrix<T, Index> read_coordinate_matrix(const Bytes& bytes, const MatrixMarketHeader& header, const Cut& cut) {
  EntryReader<T> reader(bytes, header, cut);
  const Buckets buckets(header.rows);
  std::vector<SortedPiece<T, Index>> pieces(static_cast<std::size_t>(reader.pieces()));
  std::vector<Arena> arenas(reader.workers());
  std::atomic<bool> below = false, above = false;
  reader.read([&](std::int64_t piece, const std::vector<Entry<T>>& entries, std::size_t worker) {
    pieces[static_cast<std::size_t>(piece)] = sort_piece<T, Index>(entries, buckets, header.symmetric, arenas[worker]);
    if (!header.symmetric) return;
    bool some_below = false, some_above = false;
    for (const Entry<T>& entry : entries) {
      some_below |= entry.row > entry.column;
      some_above |= entry.row < entry.column;
    }
    if (some_below) below = true;
    if (some_above) above = true;
  });
  auto matrix = Compression<T, Index>(header, buckets, std::move(pieces)).run(cut.threads);
  matrix.both_triangles = below && above;
  require_finite(bytes, matrix.values.data(), matrix.values.data() + matrix.values.size(), [&](std::int64_t entry) {
    const auto after = std::upper_bound(matrix.starts.begin(), matrix.starts.end(), entry);
    return at(after - matrix.starts.begin() - 1, matrix.column_indices[static_cast<std::size_t>(entry)]);
  });
  return matrix;
}

/// The values of an array, in the file's order.
template <class T>
std::vector<T> read_array(const Bytes& bytes, const MatrixMarketHeader& header, const Cut& cut) {
  EntryReader<T> reader(bytes, header, cut);
  std::vector<std::vector<T>> pieces(static_cast<std::size_t>(reader.pieces()));
  const Tallies tallies = reader.read([&](std::int64_t piece, const std::vector<Entry<T>>& entries, std::size_t) {
    auto& values = pieces[static_cast<std::size_t>(piece)];
    values.reserve(entries.size());
    for (const Entry<T>& entry : entries) values.push_back(entry.value);
  });
  std::vector<T> all;
  allocate(all, static_cast<std::size_t>(header.entries));
  for (std::size_t piece = 0; piece < pieces.size(); ++piece) {
    std::copy(pieces[piece].begin(), pieces[piece].end(), all.begin() + tallies.entries[piece]);
    std::vector<T>().swap(pieces[piece]);
  }
  return all;
}

/// Where an array has entry (row, column): column by column; if it is symmetric, each from the diagonal down.
std::int64_t place_in_array(const MatrixMarketHeader& header, std::int64_t row, std::int64_t column) {
  if (!header.symmetric) return column * header.rows + row;
  if (row < column) std::swap(row, column);
  // The columns before it have rows, rows - 1, … entries; one of the two factors is even, the product is below 2^64.
  const auto twice = static_cast<std::uint64_t>(column) * static_cast<std::uint64_t>(2 * header.rows - column + 1);
  return static_cast<std::int64_t>(twice / 2) + row - column;
}

template <class T, class Index>
SparseMatrix<T, Index> read_array_matrix(const Bytes& bytes, const MatrixMarketHeader& header, const Cut& cut) {
  const std::vector<T> numbers = read_array<T>(bytes, header, cut);
  SparseMatrix<T, Index> matrix;
  matrix.rows = header.rows;
  matrix.columns = header.columns;
  matrix.symmetric = header.symmetric;
  const std::int64_t width = header.columns;
  allocate(matrix.starts, static_cast<std::size_t>(header.rows) + 1);
  allocate(matrix.column_indices, static_cast<std::size_t>(header.rows * width));
  allocate(matrix.values, matrix.column_indices.size());
  matrix.starts.back() = header.rows * width;
#pragma omp parallel for schedule(static) num_threads(cut.threads)
  for (std::int64_t row = 0; row < header.rows; ++row) {
    matrix.starts[static_cast<std::size_t>(row)] = row * width;
    for (std::int64_t column = 0; column < width; ++column) {
      const auto to = static_cast<std::size_t>(row * width + column);
      matrix.column_indices[to] = static_cast<Index>(column);
      matrix.values[to] = numbers[static_cast<std::size_t>(place_in_array(header, row, column))];
    }
  }
  return matrix;
}

}  // namespace

template <class T, class Index>
SparseMatrix<T, Index> read_matrix(const Bytes& bytes, const Cut& cut) {
  const MatrixMarketHeader header = read_header(bytes);
  constexpr std::int64_t most = std::numeric_limits<Index>::max();
  if (header.columns > most) {
    bytes.refuse(header.size_line, "expected at most " + std::to_string(most) + " columns, which " +
                                       std::to_string(8 * sizeof(Index)) + " bits can count, found " +
                                       std::to_string(header.columns));
  }
  return header.coordinate ? read_coordinate_matrix<T, Index>(bytes, header, cut)
                           : read_array_matrix<T, Index>(bytes, header, cut);
}
template SparseMatrix<float, std::int32_t> read_matrix(const Bytes&, const Cut&);
template SparseMatrix<float, std::int64_t> read_matrix(const Bytes&, const Cut&);
template SparseMatrix<double, std::int32_t> read_matrix(const Bytes&, const Cut&);
template SparseMatrix<double, std::int64_t> read_matrix(const Bytes&, const Cut&);

template <class T>
std::vector<T> read_vector(const Bytes& bytes, const Cut& cut) {
  const MatrixMarketHeader header = read_header(bytes);
  if (header.columns != 1 && header.rows != 1) {
    bytes.refuse(header.size_line, "expected a vector, which has one column or one row, found " +
                                       std::to_string(header.rows) + " x " + std::to_string(header.columns));
  }
  if (!header.coordinate) return read_array<T>(bytes, header, cut);
  EntryReader<T> reader(bytes, header, cut);
  std::vector<std::vector<Entry<T>>> pieces(static_cast<std::size_t>(reader.pieces()));
  reader.read([&](std::int64_t piece, const std::vector<Entry<T>>& entries, std::size_t) {
    pieces[static_cast<std::size_t>(piece)] = entries;
  });
  std::vector<T> all(static_cast<std::size_t>(std::max(header.rows, header.columns)));
  for (const auto& entries : pieces) {
    for (const Entry<T>& entry : entries)
      all[static_cast<std::size_t>(std::max(entry.row, entry.column))] += entry.value;
  }
  require_finite(bytes, all.data(), all.data() + all.size(),
                 [&](std::int64_t k) { return header.columns == 1 ? at(k, 0) : at(0, k); });
  return all;
}
template std::vector<float> read_vector(const Bytes&, const Cut&);
template std::vector<double> read_vector(const Bytes&, const Cut&);

std::int64_t find_line(const Bytes& bytes, std::int64_t row, std::int64_t column, const Cut& cut) {
  const MatrixMarketHeader header = read_header(bytes);
  EntryReader<double> reader(bytes, header, cut);
  constexpr std::int64_t none = -1;
  std::vector<std::int64_t> found(static_cast<std::size_t>(reader.pieces()),
                                  none);  // in each piece, the entry's number
  const auto is_it = [&](const Entry<double>& entry) {
    return (entry.row == row && entry.column == column) ||
           (header.symmetric && entry.row == column && entry.column == row);
  };
  const Tallies tallies = reader.read([&](std::int64_t piece, const std::vector<Entry<double>>& entries, std::size_t) {
    const auto at = std::find_if(entries.begin(), entries.end(), is_it);
    if (at != entries.end()) found[static_cast<std::size_t>(piece)] = at - entries.begin();
  });
  const std::int64_t in_array = header.coordinate ? none : place_in_array(header, row, column);
  for (std::int64_t piece = reader.pieces() - 1; piece >= 0; --piece) {
    const std::int64_t before = tallies.entries[static_cast<std::size_t>(piece)];
    if (!header.coordinate && before <= in_array) return reader.line_of(piece, in_array - before);
  }
  for (std::int64_t piece = 0; piece < reader.pieces(); ++piece) {
    const std::int64_t entry = found[static_cast<std::size_t>(piece)];
    if (header.coordinate && entry != none) return reader.line_of(piece, entry);
  }
  return 0;
}

}  // namespace nabla::matrix_market
