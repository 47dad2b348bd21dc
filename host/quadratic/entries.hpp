#pragma once

#include <cstdint>
#include <vector>

namespace nabla::detail {

struct Entry {
  std::int64_t column;
  double number;
};

/// The rows of a matrix that tells its entries, on the host.
class EntryReader {
 public:
  EntryReader() = default;
  EntryReader(const EntryReader&) = delete;
  EntryReader& operator=(const EntryReader&) = delete;
  virtual ~EntryReader() = default;

  /// Appends a row's entries times factor, in any order, those of one column perhaps in several parts. Rows that are
  /// asked for in order are found the fastest.
  virtual void read(std::int64_t row, double factor, std::vector<Entry>& to) = 0;

  /// All that is not 0, by columns. What is not finite counts as 0: products will tell of it.
  void read_tidy(std::int64_t row, std::vector<Entry>& into);
};

}  // namespace nabla::detail
