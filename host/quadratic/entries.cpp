#include "entries.hpp"

#include "../row_matrix.hpp"
#include "matrix.hpp"

#include <algorithm>
#include <cmath>

// Entries of matrices that are stored as rows.

namespace nabla::detail {

void EntryReader::read_tidy(std::int64_t row, std::vector<Entry>& into) {
  into.clear();
  read(row, 1, into);
  std::ranges::stable_sort(into, {}, &Entry::column);
  std::size_t kept = 0;
  for (std::size_t k = 0; k < into.size();) {
    Entry sum{into[k].column, 0};
    for (; k < into.size() && into[k].column == sum.column; ++k) sum.number += into[k].number;
    if (sum.number != 0 && std::isfinite(sum.number)) into[kept++] = sum;
  }
  into.resize(kept);
}

namespace {

template <class T>
class PatternEntries final : public EntryReader {
 public:
  PatternEntries(const StoredMatrix<T>& a, const PatternRows<T>& rows)
      : starts_(a.on_host(rows.starts)),
        offsets_(a.on_host(rows.offsets)),
        coefficients_(a.on_host(rows.coefficients)),
        groups_(a.on_host(rows.sequences != nullptr ? static_cast<const void*>(rows.sequences) : rows.run_rows)),
        patterns_(a.on_host(rows.sequences != nullptr ? rows.patterns : rows.run_patterns)),
        rows_(rows) {
    rows_.starts = static_cast<const std::int32_t*>(starts_.data());
    rows_.offsets = static_cast<const std::int64_t*>(offsets_.data());
    rows_.coefficients = static_cast<const T*>(coefficients_.data());
    if (rows.sequences != nullptr) {
      rows_.sequences = static_cast<const std::int32_t*>(groups_.data());
      rows_.patterns = static_cast<const std::uint16_t*>(patterns_.data());
    } else {
      rows_.run_rows = static_cast<const std::int64_t*>(groups_.data());
      rows_.run_patterns = static_cast<const std::uint16_t*>(patterns_.data());
    }
  }
  void read(std::int64_t row, double factor, std::vector<Entry>& to) override {
    const std::int32_t pattern = pattern_of(row);
    for (std::int32_t k = rows_.starts[pattern]; k < rows_.starts[pattern + 1]; ++k) {
      to.push_back({row + rows_.offsets[k], factor * static_cast<double>(rows_.coefficients[k])});
    }
  }

 private:
  std::int32_t pattern_of(std::int64_t row) {
    if (rows_.sequences != nullptr) return rows_.pattern_of(row);
    if (row < rows_.run_rows[run_] || row >= rows_.run_rows[run_ + 1]) {
      run_ = std::upper_bound(rows_.run_rows, rows_.run_rows + rows_.runs + 1, row) - rows_.run_rows - 1;
    }
    return rows_.run_patterns[run_];
  }

  OnHost starts_, offsets_, coefficients_, groups_, patterns_;
  PatternRows<T> rows_;
  std::int64_t run_ = 0;
};

template <class T, class Kept>
class DiagonalEntries final : public EntryReader {
 public:
  DiagonalEntries(const StoredMatrix<T>& a, const DiagonalRows<T, Kept>& rows)
      : diagonals_(a.on_host(rows.diagonals)), rows_(rows) {
    rows_.diagonals = static_cast<const Kept*>(diagonals_.data());
  }
  void read(std::int64_t row, double factor, std::vector<Entry>& to) override {
    for (int k = 0; k < rows_.count; ++k) {
      const std::int64_t offset = rows_.offsets[k];
      const Kept* const diagonal = rows_.diagonals + k * rows_.rows;
      const auto add = [&](std::int64_t column, Kept number) {
        to.push_back({column, factor * static_cast<double>(number)});
      };
      if (row + offset < rows_.rows) add(row + offset, diagonal[row]);
      if (offset > 0 && row >= offset) add(row - offset, diagonal[row - offset]);
    }
  }

 private:
  OnHost diagonals_;
  DiagonalRows<T, Kept> rows_;
};

/// A slice's arrays on the host, what its entries are made of among them.
template <class T>
class HostEntries;
template <class T>
class HostEntries<NumberedEntries<T>> {
 public:
  HostEntries(const StoredMatrix<T>& a, const NumberedEntries<T>& entries)
      : words_(a.on_host(entries.words)), numbers_(a.on_host(entries.numbers)), view{entries} {
    view.words = static_cast<const std::uint32_t*>(words_.data());
    view.numbers = static_cast<const T*>(numbers_.data());
  }

 private:
  OnHost words_, numbers_;

 public:
  NumberedEntries<T> view;
};
template <class T, class Kept>
class HostEntries<ListedEntries<T, Kept>> {
 public:
  HostEntries(const StoredMatrix<T>& a, const ListedEntries<T, Kept>& entries)
      : columns_(a.on_host(entries.columns)), kept_(a.on_host(entries.kept)), view{entries} {
    view.columns = static_cast<const std::uint32_t*>(columns_.data());
    view.kept = static_cast<const Kept*>(kept_.data());
  }

 private:
  OnHost columns_, kept_;

 public:
  ListedEntries<T, Kept> view;
};

template <class T, class Entries>
class SliceEntries final : public EntryReader {
 public:
  SliceEntries(const StoredMatrix<T>& a, const SliceRows<T, Entries>& rows)
      : entries_(a, rows.entries),
        starts_(a.on_host(rows.starts)),
        places_(a.on_host(rows.places)),
        counts_(a.on_host(rows.counts)),
        first_counts_(a.on_host(rows.first_counts)),
        rows_(rows) {
    rows_.entries = entries_.view;
    rows_.starts = static_cast<const std::int64_t*>(starts_.data());
    rows_.places = static_cast<const std::uint16_t*>(places_.data());
    if (rows.counts == nullptr) return;
    rows_.counts = static_cast<const std::uint8_t*>(counts_.data());
    rows_.first_counts = static_cast<const std::int64_t*>(first_counts_.data());
  }
  void read(std::int64_t row, double factor, std::vector<Entry>& to) override {
    rows_.each(row, [&](std::int64_t at) {
      to.push_back({rows_.entries.column(at), factor * static_cast<double>(rows_.entries.number(at))});
    });
  }

 private:
  HostEntries<Entries> entries_;
  OnHost starts_, places_, counts_, first_counts_;
  SliceRows<T, Entries> rows_;
};

template <class T>
std::unique_ptr<EntryReader> reader_of(const StoredMatrix<T>& a, const PatternRows<T>& rows) {
  return std::make_unique<PatternEntries<T>>(a, rows);
}
template <class T, class Kept>
std::unique_ptr<EntryReader> reader_of(const StoredMatrix<T>& a, const DiagonalRows<T, Kept>& rows) {
  return std::make_unique<DiagonalEntries<T, Kept>>(a, rows);
}
template <class T, class Entries>
std::unique_ptr<EntryReader> reader_of(const StoredMatrix<T>& a, const SliceRows<T, Entries>& rows) {
  return std::make_unique<SliceEntries<T, Entries>>(a, rows);
}
template <class T>
std::unique_ptr<EntryReader> reader_of(const StoredMatrix<T>&, const GivenRows<T>&) {
  return nullptr;  // which nobody stores
}

}  // namespace

template <class T>
std::unique_ptr<EntryReader> StoredMatrix<T>::entries() const {
  return std::visit([&](const auto& rows) { return reader_of(*this, rows); }, stored);
}
template <class T>
OnHost StoredMatrix<T>::on_host(const void* there) const {
  return {this->executor, there, there != nullptr ? bytes_of.at(there) : 0};
}
template std::unique_ptr<EntryReader> StoredMatrix<float>::entries() const;
template std::unique_ptr<EntryReader> StoredMatrix<double>::entries() const;
template OnHost StoredMatrix<float>::on_host(const void*) const;
template OnHost StoredMatrix<double>::on_host(const void*) const;

}  // namespace nabla::detail
