#include "../row_matrix.hpp"
#include "host_rows.hpp"
#include "passes.hpp"

#include <nabla/error.hpp>

#include <algorithm>
#include <string>
#include <vector>

// Symmetric dense matrices.

namespace nabla {
namespace detail {

namespace {

/// The caller's numbers as they are.
template <class T>
struct DenseMatrix final : SymmetricMatrix<T> {
  DenseMatrix(const Executor& where, const DenseView<T>& given, const DenseView<T>& on_host)
      : SymmetricMatrix<T>(where, given.rows), view_(given), main_(where, given.rows) {
    std::vector<T> numbers;
    for (std::int64_t r = 0; r < on_host.rows; ++r) numbers.push_back(on_host.row(r)[r]);
    main_.upload(numbers);
    const auto n = static_cast<double>(given.rows);
    this->nonzeros = given.rows * given.rows;
    this->format = "dense, " + std::to_string(8 * sizeof(T)) + "-bit numbers";
    if (!where.is_cuda()) this->format += ", of one triangle";
    this->bytes = (where.is_cuda() ? n * n : n * (n + 1) / 2) * sizeof(T);
  }
  void multiply(const Executor& where, const T* x, T* y, bool add) const override {
    detail::multiply(where, DenseSymmetric<T>{view_, x, y, add});
  }
  void diagonal(const Executor& where, T* numbers, bool add) const override {
    detail::multiply(where, MatrixRows<T>(GivenRows<T>{this->size, main_.data()}),
                     Multiply<T>{main_.data(), numbers, add});
  }

 private:
  DenseView<T> view_;
  Array<T> main_;
};

/// Tile by tile, so that mirror images come from the caches.
template <class T>
void require_mirrored(const DenseView<T>& a) {
  constexpr std::int64_t tile = 64;
  const std::int64_t n = a.rows;
  for (std::int64_t rows = 0; rows < n; rows += tile) {
    const std::int64_t rows_end = std::min(n, rows + tile);
    std::int64_t bad_row = n, bad_column = n;  // the first of these rows
    for (std::int64_t columns = rows; columns < n; columns += tile) {
      for (std::int64_t r = rows; r < std::min(rows_end, bad_row + 1); ++r) {
        for (std::int64_t c = std::max(columns, r + 1); c < std::min(n, columns + tile); ++c) {
          if (is_mirrored(a.row(r)[c], a.row(c)[r])) continue;
          if (r < bad_row) bad_column = c;
          bad_row = r;
          break;
        }
      }
    }
    if (bad_row == n) continue;
    throw ShapeError("dense operator: " +
                     asymmetry(bad_row, bad_column, a.row(bad_row)[bad_column], a.row(bad_column)[bad_row]));
  }
}

}  // namespace
}  // namespace detail

template <class T>
SymmetricOperator<T> dense_operator(const Executor& executor, const DenseRows<T>& rows) {
  constexpr char call[] = "dense operator";
  if (rows.rows != rows.columns || rows.rows < 1) {
    throw ShapeError(std::string(call) + ": it must have as many rows as columns, and one or more; found " +
                     std::to_string(rows.rows) + " x " + std::to_string(rows.columns));
  }
  detail::require_dense(executor, call, rows);
  const detail::DenseView<T> view{rows.rows, rows.columns, rows.values.data()};
  const detail::OnHost numbers(executor, view.values, static_cast<std::int64_t>(rows.values.size_bytes()));
  const detail::DenseView<T> on_host{rows.rows, rows.columns, static_cast<const T*>(numbers.data())};
  detail::require_mirrored(on_host);
  return SymmetricOperator<T>(std::make_shared<detail::DenseMatrix<T>>(executor, view, on_host));
}
template SymmetricOperator<float> dense_operator(const Executor&, const DenseRows<float>&);
template SymmetricOperator<double> dense_operator(const Executor&, const DenseRows<double>&);

}  // namespace nabla
