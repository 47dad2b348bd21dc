#pragma once

#include "matrix.hpp"

#include <nabla/detail/sparse_product.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace nabla::detail {

/// A matrix in the host's memory, row by row, columns increasing.
template <class T>
struct HostRows {
  SparseView<T> view;
  // Of what came in another order, or twice:
  std::vector<std::int64_t> own_starts, own_columns;
  std::vector<T> own_values;

  std::int64_t size() const { return view.rows; }
  std::int64_t begin(std::int64_t row) const { return view.start(row); }
  std::int64_t end(std::int64_t row) const { return view.start(row + 1); }
  std::int64_t column(std::int64_t entry) const { return view.column(entry); }
  T value(std::int64_t entry) const { return view.values[entry]; }
};

/// Throws ShapeError that names the first row or entry which can't be.
template <class T>
HostRows<T> tidied(const SparseView<T>& from);
/// Throws ShapeError that names an entry which differs from its mirror image by more than 8 units in the last place.
template <class T>
void require_symmetric(const HostRows<T>& a);

/// Whether an entry and its mirror image may be taken for the same number: both NaN, or 8 units in the last place
/// apart.
template <class T>
bool is_mirrored(T here, T there);
/// What is wrong where they may not.
template <class T>
std::string asymmetry(std::int64_t row, std::int64_t column, T here, T there);

/// Rows that are alike, if they come in runs that are long enough to be worth it, or if that was asked for.
template <class T>
std::optional<Patterns<T>> find_patterns(const HostRows<T>& a, bool asked_for);

/// The diagonals from the main one on that are not all 0, if they are few and, unless that was asked for, well filled.
template <class T>
struct Diagonals {
  std::vector<std::int64_t> offsets;
  std::vector<T> numbers;
};
template <class T>
std::optional<Diagonals<T>> find_diagonals(const HostRows<T>& a, bool asked_for);

/// The numbers as floats, if those lose none; else none.
template <class T>
std::vector<float> narrowed(const std::vector<T>& numbers);

/// Slices of rows of similar length; null where they would have to be padded much, or where some have much more work
/// than others, unless that was asked for. Throws Error if it was, and can't be.
template <class T>
std::shared_ptr<StoredMatrix<T>> make_slice_matrix(const Executor& executor, const HostRows<T>& a, bool asked_for);

}  // namespace nabla::detail
