#include "host_rows.hpp"

#include <nabla/error.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <type_traits>
#include <unordered_map>

// A sparse matrix in slices of rows (rows.hpp).

namespace nabla::detail {

namespace {

using AnySlices = SliceRows<double, NumberedEntries<double>>;  // for its constants
constexpr std::int64_t most_rows = std::int64_t{1} << 32;

/// Where the entries go.
template <class T>
class Layout {
 public:
  Layout(const HostRows<T>& a, bool is_for_warps)
      : for_warps(is_for_warps),
        slice(is_for_warps ? AnySlices::warp : AnySlices::slice),
        places(static_cast<std::size_t>(a.size())),
        a_(a),
        order_(places.size()) {
    const std::int64_t window = for_warps ? AnySlices::warp : AnySlices::window;
    for (std::int64_t first = 0; first < a.size(); first += window)
      add_window(first, std::min(a.size(), first + window));
    starts.push_back(all);
  }

  double bytes(std::size_t of_entry) const {
    return static_cast<double>(all) * static_cast<double>(of_entry) +
           static_cast<double>(places.size() * sizeof(places[0]) + counts.size() +
                               (starts.size() + first_counts.size()) * sizeof(starts[0]));
  }
  /// Calls use(column, number) for the entries in the order in which they are stored.
  template <class Use>
  void each(Use use) const {
    for (std::int64_t first = 0; first < a_.size(); first += slice) {
      for (std::int64_t k = 0; k < length(row_at(first)); ++k) {
        for (std::int64_t place = first; place < first + slice; ++place) {
          const std::int64_t r = place < a_.size() ? row_at(place) : -1;
          if (r >= 0 && k < length(r)) {
            use(a_.column(a_.begin(r) + k), a_.value(a_.begin(r) + k));
          } else if (!for_warps) {
            use(padding_of(r), T(0));
          }
        }
      }
    }
  }

  const bool for_warps;
  const std::int64_t slice;
  std::vector<std::int64_t> starts, first_counts;
  std::vector<std::uint16_t> places;
  std::vector<std::uint8_t> counts;
  std::int64_t all = 0;  // entries with what pads them

 private:
  std::int64_t row_at(std::int64_t place) const { return order_[static_cast<std::size_t>(place)]; }
  std::int64_t length(std::int64_t r) const { return a_.end(r) - a_.begin(r); }

  /// A column that a short row has already, so that no component meets a row which it is not of; an empty row's own.
  std::int64_t padding_of(std::int64_t r) const {
    if (r < 0) return 0;
    return length(r) > 0 ? a_.column(a_.end(r) - 1) : r;
  }

  void add_window(std::int64_t first, std::int64_t last) {
    const auto begin = order_.begin() + first, end = order_.begin() + last;
    std::iota(begin, end, first);
    std::stable_sort(begin, end, [this](std::int64_t r, std::int64_t s) { return length(r) > length(s); });
    for (std::int64_t place = first; place < last; ++place) {
      const std::int64_t r = row_at(place), its_length = for_warps ? AnySlices::warp * length(r) : 0;
      places[static_cast<std::size_t>(r)] = static_cast<std::uint16_t>(place - first + its_length);
    }
    for (std::int64_t of_slice = first; of_slice < last; of_slice += slice) {
      starts.push_back(all);
      if (for_warps) {
        add_counts(of_slice, std::min(last, of_slice + slice));
      } else {
        all += length(row_at(of_slice)) * slice;
      }
    }
  }
  void add_counts(std::int64_t first, std::int64_t last) {
    first_counts.push_back(static_cast<std::int64_t>(counts.size()));
    for (std::int64_t k = 0; k < length(row_at(first)); ++k) {
      while (length(row_at(last - 1)) <= k) --last;
      counts.push_back(static_cast<std::uint8_t>(last - first));
      all += last - first;
    }
  }

  const HostRows<T>& a_;
  std::vector<std::int64_t> order_;  // rows, by windows and their lengths
};

/// The different numbers of a matrix, told apart by their bits, while they are few.
template <class T>
class DifferentNumbers {
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;

 public:
  DifferentNumbers(const HostRows<T>& a, bool is_padded, std::size_t most) {
    for (std::int64_t e = 0; e < a.view.entries && numbers.size() <= most; ++e) number_of(a.value(e));
    of_matrix = numbers.size();
    if (is_padded) number_of(T(0));
    are_few = numbers.size() <= most;
  }
  std::uint32_t number_of(T number) {
    const Bits bits = std::bit_cast<Bits>(number);
    if (!numbers.empty() && bits == last_) return last_number_;
    const auto [place, is_new] = known_.emplace(bits, static_cast<std::uint32_t>(numbers.size()));
    if (is_new) numbers.push_back(number);
    last_ = bits;
    last_number_ = place->second;
    return last_number_;
  }

  std::vector<T> numbers;
  std::size_t of_matrix;  // the others pad
  bool are_few;

 private:
  std::unordered_map<Bits, std::uint32_t> known_;
  Bits last_ = 0;
  std::uint32_t last_number_ = 0;
};

template <class T>
std::int64_t longest_row(const HostRows<T>& a) {
  std::int64_t all = 0;
  for (std::int64_t r = 0; r < a.size(); ++r) all = std::max(all, a.end(r) - a.begin(r));
  return all;
}

/// Threads and blocks take as many rows, and a GPU's thread one after another. A row is too long, or some rows too many
/// for one of those, where others would wait for it several times as long as all take on average.
template <class T>
bool is_balanced(const HostRows<T>& a) {
  constexpr std::int64_t together = 4096, often = 4, short_row = 256;
  const double mean = static_cast<double>(a.view.entries) / static_cast<double>(a.size());
  if (static_cast<double>(longest_row(a)) > std::max<double>(short_row, 2 * often * mean)) return false;
  for (std::int64_t first = 0; first + together <= a.size(); first += together) {
    if (static_cast<double>(a.begin(first + together) - a.begin(first)) > often * mean * together) return false;
  }
  return true;
}

template <class T>
void require_slices(const HostRows<T>& a) {
  if (const std::int64_t longest = longest_row(a); longest > AnySlices::longest) {
    throw Error("sparse operator: it has a row of " + std::to_string(longest) + " entries, too long for slices, of " +
                std::to_string(AnySlices::longest) + " at most");
  }
  if (a.size() > most_rows) {
    throw Error("sparse operator: it has more than 2^32 rows, too many for slices");
  }
}

template <class T>
bool fits_slices(const HostRows<T>& a) {
  return a.size() <= most_rows && longest_row(a) <= AnySlices::longest;
}

template <class T, class Entries>
void put_rows(StoredMatrix<T>& matrix, const Layout<T>& layout, const Entries& entries, std::size_t of_entry) {
  matrix.stored = SliceRows<T, Entries>{matrix.size,
                                        entries,
                                        matrix.put(layout.starts),
                                        matrix.put(layout.places),
                                        layout.for_warps ? matrix.put(layout.counts) : nullptr,
                                        layout.for_warps ? matrix.put(layout.first_counts) : nullptr};
  matrix.bytes = layout.bytes(of_entry);
}

/// Columns and numbers of few in one word each, if they fit in.
template <class T>
bool put_numbered(StoredMatrix<T>& matrix, const HostRows<T>& a, const Layout<T>& layout) {
  constexpr std::size_t few = 2048;  // which stay in a core's first cache
  const auto column_bits = static_cast<int>(std::bit_width(static_cast<std::uint64_t>(a.size()) - 1));
  if (column_bits > 31) return false;
  const bool is_padded = layout.all > a.view.entries;
  DifferentNumbers<T> different(a, is_padded, std::min(few, std::size_t{1} << (32 - column_bits)));
  if (!different.are_few) return false;
  std::vector<std::uint32_t> words;
  words.reserve(static_cast<std::size_t>(layout.all));
  layout.each([&](std::int64_t column, T number) {
    words.push_back(static_cast<std::uint32_t>(column) | different.number_of(number) << column_bits);
  });
  matrix.coefficients = std::ssize(different.numbers);
  put_rows(matrix, layout, NumberedEntries<T>{matrix.put(words), matrix.put(different.numbers), column_bits},
           sizeof(words[0]));
  matrix.format += std::to_string(different.of_matrix) + (different.of_matrix == 1 ? " number" : " different numbers");
  return true;
}

template <class T>
void put_listed(StoredMatrix<T>& matrix, const Layout<T>& layout) {
  std::vector<std::uint32_t> columns;
  std::vector<T> numbers;
  columns.reserve(static_cast<std::size_t>(layout.all));
  numbers.reserve(columns.capacity());
  layout.each([&](std::int64_t column, T number) {
    columns.push_back(static_cast<std::uint32_t>(column));
    numbers.push_back(number);
  });
  const auto put = [&]<class Kept>(const std::vector<Kept>& kept) {
    matrix.coefficients = std::ssize(kept);
    put_rows(matrix, layout, ListedEntries<T, Kept>{matrix.put(columns), matrix.put(kept)},
             sizeof(columns[0]) + sizeof(Kept));
    matrix.format += std::to_string(8 * sizeof(Kept)) + "-bit numbers";
  };
  if constexpr (!std::is_same_v<T, float>) {
    if (const auto narrow = narrowed(numbers); !narrow.empty()) return put(narrow);
  }
  put(numbers);
}

}  // namespace

template <class T>
std::vector<float> narrowed(const std::vector<T>& numbers) {
  const auto fits = [](T number) {
    return !(std::fabs(static_cast<double>(number)) > std::numeric_limits<float>::max()) &&
           static_cast<T>(static_cast<float>(number)) == number;
  };
  if (!std::ranges::all_of(numbers, fits)) return {};
  return {numbers.begin(), numbers.end()};
}

template <class T>
std::shared_ptr<StoredMatrix<T>> make_slice_matrix(const Executor& executor, const HostRows<T>& a, bool asked_for) {
  if (asked_for) require_slices(a);
  if (!asked_for && !(fits_slices(a) && is_balanced(a))) return nullptr;
  const Layout<T> layout(a, executor.is_cuda());
  if (!asked_for && layout.all > a.view.entries + a.view.entries / 4) return nullptr;
  auto matrix = std::make_shared<StoredMatrix<T>>(executor, a.size());
  matrix->nonzeros = a.view.entries;
  matrix->format = "slices of " + std::to_string(layout.slice) + " rows, ";
  if (!put_numbered(*matrix, a, layout)) put_listed(*matrix, layout);
  return matrix;
}

template std::vector<float> narrowed(const std::vector<float>&);
template std::vector<float> narrowed(const std::vector<double>&);
template std::shared_ptr<StoredMatrix<float>> make_slice_matrix(const Executor&, const HostRows<float>&, bool);
template std::shared_ptr<StoredMatrix<double>> make_slice_matrix(const Executor&, const HostRows<double>&, bool);

}  // namespace nabla::detail
