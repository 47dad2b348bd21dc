#pragma once

#include "header.hpp"
#include "numbers.hpp"

#include <cstring>
#include <vector>

// The lines with entries.

namespace nabla::matrix_market {

/// An entry as the file has it, counted from 0. In arrays, where the place is not written, the row is the entry's
/// number within its piece.
template <class T>
struct Entry {
  std::int64_t row, column;
  T value;
};

/// What was found in some text: lines begun, entries complete, and what is wrong in the last line, if anything is.
struct Tally {
  std::int64_t lines = 0, entries = 0;
  std::string refusal;
};

inline std::string end_wanted(std::int64_t declared, std::int64_t size_line) {
  return "expected the end of the file after " + std::to_string(declared) + (declared == 1 ? " entry" : " entries") +
         ", as line " + std::to_string(size_line) + " says";
}

inline void require_end_of_line(const char*& p, const char* after) {
  p = skip_blanks(p);
  if (*p != '\n') throw Refusal{std::string("expected the end of the line after ") + after + found_at(p)};
}

template <class T>
Entry<T> read_coordinates(const char*& p, const MatrixMarketHeader& header) {
  Entry<T> entry;
  entry.row = read_place(p, header.rows, "row");
  p = skip_blanks(p);
  entry.column = read_place(p, header.columns, "column");
  if (header.field == MatrixMarketHeader::Field::pattern) {
    entry.value = 1;
    require_end_of_line(p, "row and column");
  } else {
    p = skip_blanks(p);
    entry.value = read_value<T>(p, header.field == MatrixMarketHeader::Field::integer);
    require_end_of_line(p, "row, column and value");
  }
  return entry;
}

/// Appends the entries of text, which ends with '\n', to `entries`; refuses those beyond the first `most`.
template <class T>
Tally read_entries(std::string_view text, const MatrixMarketHeader& header, std::int64_t most,
                   std::vector<Entry<T>>& entries) {
  Tally tally;
  const char* p = text.data();
  const char* const end = p + text.size();
  try {
    while (p != end) {
      ++tally.lines;
      p = skip_blanks(p);
      if (*p == '%') p = static_cast<const char*>(std::memchr(p, '\n', static_cast<std::size_t>(end - p)));
      if (*p != '\n') {
        if (tally.entries == most) throw Refusal{end_wanted(header.entries, header.size_line) + found_at(p)};
        if (header.coordinate) {
          entries.push_back(read_coordinates<T>(p, header));
        } else {
          entries.push_back({tally.entries, 0, read_value<T>(p, header.field == MatrixMarketHeader::Field::integer)});
          require_end_of_line(p, "the value");
        }
        ++tally.entries;
      }
      ++p;
    }
  } catch (const Refusal& refusal) {
    tally.refusal = refusal.what;
  }
  return tally;
}

}  // namespace nabla::matrix_market
