#pragma once

#include "cut.hpp"
#include "entries.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <limits>
#include <mutex>

// The lines after the header, in pieces that several threads read at a time.

namespace nabla::matrix_market {

/// Piece k has the lines whose first byte is one of the bytes k * piece_bytes, … after the header.
class Pieces {
 public:
  Pieces(const Bytes& bytes, const MatrixMarketHeader& header, const Cut& cut)
      : bytes_(bytes),
        begin_(header.data_offset),
        piece_bytes_(std::clamp<std::int64_t>(cut.piece_bytes, 1, longest_line)) {}

  std::int64_t count() const { return (bytes_.size() - begin_ + piece_bytes_ - 1) / piece_bytes_; }

  /// The lines of a piece in `memory`, the last one with a '\n' in any case. Where one is too long, the lines before
  /// it, and too_long is set.
  std::string_view read(std::int64_t piece, std::vector<char>& memory, bool& too_long) const;

 private:
  const Bytes& bytes_;
  std::int64_t begin_, piece_bytes_;
};

inline std::string_view Pieces::read(std::int64_t piece, std::vector<char>& memory, bool& too_long) const {
  too_long = false;
  // One byte more before it tells whether a line begins with its first byte; the header ends a line.
  const std::int64_t first = begin_ + piece * piece_bytes_ - (piece > 0 ? 1 : 0);
  const std::int64_t last = std::min(begin_ + (piece + 1) * piece_bytes_, bytes_.size());
  std::int64_t have = last - first;
  const auto at = [&](std::int64_t offset) { return memory.data() + offset; };
  const auto grow_to = [&](std::int64_t size) {
    if (static_cast<std::int64_t>(memory.size()) < size) memory.resize(static_cast<std::size_t>(size));
  };
  grow_to(have + 1);
  bytes_.read(first, have, at(0));
  std::int64_t begin = 0;
  if (piece > 0) {
    const void* const newline = std::memchr(at(0), '\n', static_cast<std::size_t>(have));
    begin = newline == nullptr ? have : static_cast<const char*>(newline) - at(0) + 1;
  }
  if (begin == have) return {};

  // The line that the piece ends in is read to its end.
  std::int64_t line = have;
  while (line > begin && *at(line - 1) != '\n') --line;
  if (line == have) return {at(begin), static_cast<std::size_t>(have - begin)};
  for (std::int64_t block = 1 << 12;; block *= 2) {
    const std::int64_t more = std::min({block, bytes_.size() - first - have, line + longest_line + 1 - have});
    if (more <= 0) break;
    grow_to(have + more + 1);
    bytes_.read(first + have, more, at(have));
    const void* const newline = std::memchr(at(have), '\n', static_cast<std::size_t>(more));
    if (newline != nullptr) {
      return {at(begin), static_cast<std::size_t>(static_cast<const char*>(newline) - at(begin) + 1)};
    }
    have += more;
  }
  if (have - line > longest_line) {
    too_long = true;
    return {at(begin), static_cast<std::size_t>(line - begin)};
  }
  *at(have) = '\n';
  return {at(begin), static_cast<std::size_t>(have + 1 - begin)};
}

/// What was found in each piece of a file that is as it should be.
struct Tallies {
  std::vector<std::int64_t> entries;  // before each piece
  std::int64_t lines = 0;             // in the file
};

/// Reads the entries after the header and hands them over piece by piece, in any order: keep(piece, entries, worker),
/// from several threads, each a worker of its own. Throws FileError for the first line that is wrong.
template <class T>
class EntryReader {
 public:
  EntryReader(const Bytes& bytes, const MatrixMarketHeader& header, const Cut& cut)
      : bytes_(bytes),
        header_(header),
        pieces_(bytes, header, cut),
        threads_(
            static_cast<int>(std::clamp<std::int64_t>(cut.threads, 1, std::max<std::int64_t>(pieces_.count(), 1)))) {}

  std::int64_t pieces() const { return pieces_.count(); }
  std::size_t workers() const { return static_cast<std::size_t>(threads_); }

  template <class Keep>
  Tallies read(const Keep& keep);

  /// The line of the entry so many after the first in its piece, counted within the file.
  std::int64_t line_of(std::int64_t piece, std::int64_t entry);

 private:
  static constexpr std::int64_t all = std::numeric_limits<std::int64_t>::max();
  struct Scratch {
    std::vector<char> text;
    std::vector<Entry<T>> entries;
  };

  Tally read_piece(std::int64_t piece, std::int64_t most, Scratch& scratch) const;
  template <class Keep>
  void work(const Keep& keep);
  Tallies add_up() const;

  const Bytes& bytes_;
  const MatrixMarketHeader& header_;
  Pieces pieces_;
  int threads_;
  std::vector<Tally> tallies_;
  // Pieces are taken in order, so that all before one that is wrong are read, and few behind it.
  std::atomic<std::int64_t> next_{0}, entries_{0}, first_wrong_{all};
  std::atomic<std::size_t> next_worker_{0};
  std::mutex mutex_;
  std::exception_ptr exception_;     // what else went wrong,
  std::int64_t exception_in_ = all;  // and in which piece
};

template <class T>
Tally EntryReader<T>::read_piece(std::int64_t piece, std::int64_t most, Scratch& scratch) const {
  bool line_too_long = false;
  const std::string_view text = pieces_.read(piece, scratch.text, line_too_long);
  scratch.entries.clear();
  Tally tally = read_entries<T>(text, header_, most, scratch.entries);
  if (line_too_long && tally.refusal.empty()) {
    ++tally.lines;
    tally.refusal = too_long();
  }
  return tally;
}

template <class T>
template <class Keep>
void EntryReader<T>::work(const Keep& keep) {
  const auto set_wrong = [&](std::int64_t piece) {
    std::int64_t first = first_wrong_;
    while (piece < first && !first_wrong_.compare_exchange_weak(first, piece)) {
    }
  };
  Scratch scratch;
  const std::size_t worker = next_worker_++;
  // More entries than declared: one of them, or what is wrong before it, is among those that were taken.
  while (entries_ <= header_.entries) {
    const std::int64_t piece = next_++;
    if (piece >= pieces() || piece > first_wrong_) return;
    try {
      Tally& tally = tallies_[static_cast<std::size_t>(piece)];
      tally = read_piece(piece, all, scratch);
      entries_ += tally.entries;
      if (tally.refusal.empty()) {
        keep(piece, scratch.entries, worker);
      } else {
        set_wrong(piece);
      }
    } catch (...) {
      set_wrong(piece);
      const std::lock_guard lock(mutex_);
      if (piece < exception_in_) {
        exception_ = std::current_exception();
        exception_in_ = piece;
      }
    }
  }
}

template <class T>
template <class Keep>
Tallies EntryReader<T>::read(const Keep& keep) {
  tallies_.assign(static_cast<std::size_t>(pieces()), {});
#pragma omp parallel num_threads(threads_)
  work(keep);
  return add_up();
}

template <class T>
Tallies EntryReader<T>::add_up() const {
  Tallies sums;
  sums.lines = header_.size_line;
  std::int64_t entries = 0;
  for (std::int64_t piece = 0; piece < pieces(); ++piece) {
    if (piece == exception_in_) std::rethrow_exception(exception_);
    sums.entries.push_back(entries);
    const Tally& tally = tallies_[static_cast<std::size_t>(piece)];
    const std::int64_t left = header_.entries - entries;
    if (tally.entries > left || (tally.entries == left && !tally.refusal.empty())) {
      Scratch scratch;
      const Tally until = read_piece(piece, left, scratch);
      bytes_.refuse(sums.lines + until.lines, until.refusal);
    }
    if (!tally.refusal.empty()) bytes_.refuse(sums.lines + tally.lines, tally.refusal);
    entries += tally.entries;
    sums.lines += tally.lines;
  }
  if (entries < header_.entries) {
    bytes_.refuse(sums.lines, "expected " + std::to_string(header_.entries) +
                                  (header_.entries == 1 ? " entry" : " entries") + ", as line " +
                                  std::to_string(header_.size_line) + " says, found the end of the file after " +
                                  std::to_string(entries));
  }
  return sums;
}

template <class T>
std::int64_t EntryReader<T>::line_of(std::int64_t piece, std::int64_t entry) {
  std::int64_t line = header_.size_line;
  for (std::int64_t before = 0; before < piece; ++before) line += tallies_[static_cast<std::size_t>(before)].lines;
  Scratch scratch;
  return line + read_piece(piece, entry, scratch).lines;
}

}  // namespace nabla::matrix_market
