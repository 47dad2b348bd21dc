#include "host_rows.hpp"
#include "narrowed.hpp"
#include "passes.hpp"

#include <nabla/error.hpp>

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <utility>

// Matrices that are stored as rows.

namespace nabla::detail {

namespace {

std::string counted(std::size_t count, const char* one, const char* many) {
  return std::to_string(count) + (count == 1 ? one : many);
}

/// Of each 32 rows the number of their sequence of patterns, and the sequences that there are. Grids have few: a warp
/// then reads four bytes for its 32 rows, and the sequence from a cache.
class Sequences {
 public:
  template <class T>
  Sequences(std::int64_t rows, const std::vector<std::int64_t>& run_rows, const Patterns<T>& patterns) {
    std::size_t run = 0;
    for (std::int64_t first = 0; first < rows; first += length) {
      while (run_rows[run + 1] <= first) ++run;
      Sequence sequence{};  // past the last row nobody asks
      std::size_t at = run;
      for (std::int64_t k = 0; k < std::min(length, rows - first); ++k) {
        while (run_rows[at + 1] <= first + k) ++at;
        sequence[static_cast<std::size_t>(k)] = patterns.run_patterns[at];
      }
      if (numbers.empty() || sequence != last_) add(sequence);
      numbers.push_back(last_number_);
    }
  }
  double bytes() const {
    return static_cast<double>(numbers.size() * sizeof(numbers[0]) + all.size() * sizeof(all[0]));
  }

  std::vector<std::int32_t> numbers;
  std::vector<std::uint16_t> all;

 private:
  static constexpr std::int64_t length = PatternRows<double>::rows_of_sequence;
  using Sequence = std::array<std::uint16_t, length>;

  void add(const Sequence& sequence) {
    const auto [place, is_new] = known_.emplace(sequence, static_cast<std::int32_t>(known_.size()));
    if (is_new) all.insert(all.end(), sequence.begin(), sequence.end());
    last_ = sequence;
    last_number_ = place->second;
  }

  std::map<Sequence, std::int32_t> known_;
  Sequence last_{};
  std::int32_t last_number_ = 0;
};

}  // namespace

template <class T>
void StoredMatrix<T>::multiply(const Executor& where, const T* x, T* y, bool add) const {
  detail::multiply(where, stored, Multiply<T>{x, y, add});
}

template <class T>
void StoredMatrix<T>::diagonal(const Executor& where, T* numbers, bool add) const {
  take_diagonal(where, stored, this->size, numbers, add);
}

template <class T>
std::shared_ptr<const SymmetricMatrix<float>> StoredMatrix<T>::narrowed() const {
  if constexpr (std::is_same_v<T, float>) return this->shared_from_this();
  if constexpr (std::is_same_v<T, double>) return detail::narrowed(*this);
}

template <class T>
std::shared_ptr<StoredMatrix<T>> make_pattern_matrix(const Executor& executor, std::int64_t rows,
                                                     const Patterns<T>& patterns) {
  auto matrix = std::make_shared<StoredMatrix<T>>(executor, rows);
  const std::size_t kinds = patterns.starts.size() - 1, runs = patterns.run_patterns.size();
  std::vector<T> main(kinds, T(0));
  std::int64_t reach = 0;
  for (std::size_t p = 0; p < kinds; ++p) {
    for (auto k = static_cast<std::size_t>(patterns.starts[p]); k < static_cast<std::size_t>(patterns.starts[p + 1]);
         ++k) {
      const std::int64_t offset = patterns.offsets[k];
      reach = std::max(reach, offset < 0 ? -offset : offset);
      if (offset == 0) main[p] += patterns.coefficients[k];
    }
  }
  std::vector<std::int64_t> run_rows = patterns.run_rows;
  run_rows.push_back(rows);
  PatternRows<T> view{rows,
                      reach,
                      matrix->put(patterns.starts),
                      matrix->put(patterns.offsets),
                      matrix->put(patterns.coefficients),
                      matrix->put(main),
                      static_cast<std::int64_t>(runs),
                      nullptr,
                      nullptr,
                      nullptr,
                      nullptr};
  std::int64_t nonzeros = 0;
  for (std::size_t run = 0; run < runs; ++run) {
    const std::size_t p = patterns.run_patterns[run];
    nonzeros += (run_rows[run + 1] - run_rows[run]) * (patterns.starts[p + 1] - patterns.starts[p]);
  }
  if (executor.is_cuda()) {
    const Sequences sequences(rows, run_rows, patterns);
    view.sequences = matrix->put(sequences.numbers);
    view.patterns = matrix->put(sequences.all);
    matrix->bytes = sequences.bytes();
  } else {
    view.run_rows = matrix->put(run_rows);
    view.run_patterns = matrix->put(patterns.run_patterns);
    matrix->bytes = 10.0 * static_cast<double>(runs);
  }
  matrix->stored = view;
  matrix->patterns = static_cast<std::int64_t>(kinds);
  matrix->coefficients = static_cast<std::int64_t>(patterns.coefficients.size());
  matrix->cheap = true;
  matrix->nonzeros = nonzeros;
  matrix->format = counted(kinds, " pattern of rows", " patterns of rows") + " in " + counted(runs, " run", " runs");
  return matrix;
}

template <class T>
std::shared_ptr<StoredMatrix<T>> make_diagonal_matrix(const Executor& executor, std::int64_t rows,
                                                      const std::vector<std::int64_t>& offsets,
                                                      const std::vector<T>& diagonals) {
  auto matrix = std::make_shared<StoredMatrix<T>>(executor, rows);
  const auto fill = [&](auto& view, const auto* numbers) {
    view.rows = rows;
    view.reach = offsets.back();
    view.count = static_cast<int>(offsets.size());
    std::ranges::copy(offsets, view.offsets);
    view.diagonals = numbers;
    matrix->stored = view;
    matrix->bytes = static_cast<double>(diagonals.size() * sizeof(*numbers));
    matrix->format = counted(offsets.size(), " diagonal", " diagonals") + " of " +
                     std::to_string(8 * sizeof(*numbers)) + "-bit numbers";
  };
  const std::vector<float> narrow = sizeof(T) > sizeof(float) ? narrowed(diagonals) : std::vector<float>();
  if (narrow.empty()) {
    DiagonalRows<T, T> view{};
    fill(view, matrix->put(diagonals));
  } else {
    DiagonalRows<T, float> view{};
    fill(view, matrix->put(narrow));
  }
  matrix->cheap = offsets.size() == 1;
  matrix->nonzeros = 0;
  for (std::size_t k = 0; k < offsets.size(); ++k) {
    const auto first = diagonals.begin() + static_cast<std::int64_t>(k) * rows;
    const auto here = rows - std::count(first, first + rows, T(0));
    matrix->nonzeros += offsets[k] == 0 ? here : 2 * here;
  }
  return matrix;
}

template struct StoredMatrix<float>;
template struct StoredMatrix<double>;
template std::shared_ptr<StoredMatrix<float>> make_pattern_matrix(const Executor&, std::int64_t,
                                                                  const Patterns<float>&);
template std::shared_ptr<StoredMatrix<double>> make_pattern_matrix(const Executor&, std::int64_t,
                                                                   const Patterns<double>&);
template std::shared_ptr<StoredMatrix<float>> make_diagonal_matrix(const Executor&, std::int64_t,
                                                                   const std::vector<std::int64_t>&,
                                                                   const std::vector<float>&);
template std::shared_ptr<StoredMatrix<double>> make_diagonal_matrix(const Executor&, std::int64_t,
                                                                    const std::vector<std::int64_t>&,
                                                                    const std::vector<double>&);

}  // namespace nabla::detail
