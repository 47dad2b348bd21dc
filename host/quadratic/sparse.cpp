#include "../checks.hpp"
#include "../row_matrix.hpp"
#include "host_rows.hpp"
#include "narrowed.hpp"
#include "passes.hpp"

#include <nabla/error.hpp>

#include <string>
#include <utility>

// Symmetric sparse matrices, stored as a product reads the least of.

namespace nabla {
namespace detail {

namespace {

template <class T>
class SparseEntries final : public EntryReader {
 public:
  SparseEntries(const Executor& executor, const SparseView<T>& rows)
      : starts_(executor, rows.starts, (rows.rows + 1) * (rows.wide_starts ? 8 : 4)),
        columns_(executor, rows.columns, rows.entries * (rows.wide_columns ? 8 : 4)),
        values_(executor, rows.values, rows.entries * static_cast<std::int64_t>(sizeof(T))),
        rows_(rows) {
    rows_.starts = starts_.data();
    rows_.columns = columns_.data();
    rows_.values = static_cast<const T*>(values_.data());
  }
  void read(std::int64_t row, double factor, std::vector<Entry>& to) override {
    for (std::int64_t e = rows_.start(row); e < rows_.start(row + 1); ++e) {
      to.push_back({rows_.column(e), factor * static_cast<double>(rows_.values[e])});
    }
  }

 private:
  OnHost starts_, columns_, values_;
  SparseView<T> rows_;
};

/// The caller's rows as they are.
template <class T>
struct CallersRows final : SymmetricMatrix<T> {
  CallersRows(const Executor& where, const SparseView<T>& rows, const SparseView<T>& on_host)
      : SymmetricMatrix<T>(where, rows.rows),
        view_(rows),
        part_rows_(upload(where, rows_of_parts(on_host))),
        main_(upload(where, diagonal_of(on_host))),
        values_(where, 0) {
    view_.part_rows = part_rows_.data();
    describe();
  }
  /// The same over float, with numbers of its own.
  explicit CallersRows(const CallersRows<double>& wide)
      : SymmetricMatrix<T>(wide.executor, wide.size),
        view_{wide.view_.rows,        wide.view_.entries,      wide.view_.starts, wide.view_.columns,
              wide.view_.wide_starts, wide.view_.wide_columns, nullptr,           wide.view_.part_rows},
        part_rows_(wide.executor, 0),
        main_(narrowed_numbers(wide.executor, wide.main_.data(), wide.size)),
        values_(narrowed_numbers(wide.executor, wide.view_.values, wide.view_.entries)),
        wide_(wide.shared_from_this()) {
    view_.values = values_.data();
    describe();
  }

  void multiply(const Executor& where, const T* x, T* y, bool add) const override {
    detail::multiply(where, SparseProduct<T>{view_, {x, nullptr}, {y, nullptr}, 1, false, add});
  }
  void diagonal(const Executor& where, T* numbers, bool add) const override {
    detail::multiply(where, MatrixRows<T>(GivenRows<T>{this->size, main_.data()}),
                     Multiply<T>{main_.data(), numbers, add});
  }
  std::shared_ptr<const SymmetricMatrix<float>> narrowed() const override {
    if constexpr (std::is_same_v<T, double>) return std::make_shared<CallersRows<float>>(*this);
    return nullptr;
  }
  bool has_entries() const override { return true; }
  std::unique_ptr<EntryReader> entries() const override {
    return std::make_unique<SparseEntries<T>>(this->executor, view_);
  }

 private:
  template <class>
  friend struct CallersRows;

  void describe() {
    this->nonzeros = view_.entries;
    this->format = "rows (CSR) of " + std::to_string(8 * sizeof(T)) + "-bit numbers";
    const double column_bytes = view_.wide_columns ? 8 : 4, start_bytes = view_.wide_starts ? 8 : 4;
    this->bytes =
        static_cast<double>(view_.entries) * (sizeof(T) + column_bytes) + static_cast<double>(view_.rows) * start_bytes;
  }
  template <class X>
  static Array<X> upload(const Executor& where, const std::vector<X>& numbers) {
    Array<X> there(where, static_cast<std::int64_t>(numbers.size()));
    there.upload(numbers);
    return there;
  }
  static std::vector<T> diagonal_of(const SparseView<T>& on_host) {
    std::vector<T> numbers(static_cast<std::size_t>(on_host.rows), T(0));
    for (std::int64_t r = 0; r < on_host.rows; ++r) {
      for (std::int64_t e = on_host.start(r); e < on_host.start(r + 1); ++e) {
        if (on_host.column(e) == r) numbers[static_cast<std::size_t>(r)] += on_host.values[e];
      }
    }
    return numbers;
  }

  SparseView<T> view_;
  Array<std::int64_t> part_rows_;
  Array<T> main_;
  Array<T> values_;                   // where they are not the caller's
  std::shared_ptr<const void> wide_;  // whose indices these are
};

template <class T>
std::shared_ptr<const SymmetricMatrix<T>> store(const Executor& executor, const SparseView<T>& rows,
                                                const SparseView<T>& on_host, Storage storage, bool is_symmetric) {
  const HostRows<T> host_rows = tidied(on_host);
  if (!is_symmetric) require_symmetric(host_rows);
  const bool automatic = storage == Storage::automatic;
  if (automatic || storage == Storage::patterns) {
    if (const auto found = find_patterns(host_rows, !automatic)) {
      return make_pattern_matrix(executor, rows.rows, *found);
    }
    if (!automatic) throw Error("sparse operator: it has more than 65536 different rows, too many for patterns");
  }
  if (automatic || storage == Storage::diagonals) {
    if (const auto found = find_diagonals(host_rows, !automatic)) {
      return make_diagonal_matrix(executor, rows.rows, found->offsets, found->numbers);
    }
    if (!automatic) {
      throw Error("sparse operator: it has more than " + std::to_string(DiagonalRows<T, T>::most) +
                  " diagonals from the main one on, too many for storage as diagonals");
    }
  }
  if (automatic || storage == Storage::slices) {
    if (auto slices = make_slice_matrix(executor, host_rows, !automatic)) return slices;
  }
  return std::make_shared<CallersRows<T>>(executor, rows, on_host);
}

}  // namespace

template <class T>
SymmetricOperator<T> make_sparse_operator(const Executor& executor, const Indices& starts, const Indices& columns,
                                          std::span<const T> values, Storage storage, bool is_symmetric) {
  const auto entries = static_cast<std::int64_t>(values.size());
  if (starts.count < 2) {
    throw ShapeError(
        "sparse operator: starts must have one number more than there are rows, of which there is one or "
        "more; found " +
        std::to_string(starts.count));
  }
  if (columns.count != entries) {
    throw ShapeError("sparse operator: there are " + std::to_string(columns.count) + " columns and " +
                     std::to_string(entries) + " values");
  }
  const Argument arguments[] = {index_argument("starts", starts), index_argument("columns", columns),
                                vector_argument("values", values)};
  check_memory(executor, "sparse operator", arguments);
  const SparseView<T> rows{starts.count - 1, entries,      starts.data,   columns.data,
                           starts.wide,      columns.wide, values.data(), nullptr};
  const OnHost host_starts(executor, starts.data, starts.count * (starts.wide ? 8 : 4)),
      host_columns(executor, columns.data, columns.count * (columns.wide ? 8 : 4)),
      host_values(executor, values.data(), static_cast<std::int64_t>(values.size_bytes()));
  SparseView<T> on_host = rows;
  on_host.starts = host_starts.data();
  on_host.columns = host_columns.data();
  on_host.values = static_cast<const T*>(host_values.data());
  return SymmetricOperator<T>(store(executor, rows, on_host, storage, is_symmetric));
}
template SymmetricOperator<float> make_sparse_operator(const Executor&, const Indices&, const Indices&,
                                                       std::span<const float>, Storage, bool);
template SymmetricOperator<double> make_sparse_operator(const Executor&, const Indices&, const Indices&,
                                                        std::span<const double>, Storage, bool);

}  // namespace detail
}  // namespace nabla
