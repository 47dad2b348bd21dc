#pragma once

#include "entries.hpp"
#include "rows.hpp"

#include <nabla/symmetric_operator.hpp>

#include <limits>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace nabla::detail {

class OnHost;

/// What a SymmetricOperator refers to.
template <class T>
struct SymmetricMatrix : std::enable_shared_from_this<SymmetricMatrix<T>> {
  explicit SymmetricMatrix(const Executor& where, std::int64_t rows) : executor(where), size(rows) {}
  SymmetricMatrix(const SymmetricMatrix&) = delete;
  SymmetricMatrix& operator=(const SymmetricMatrix&) = delete;
  virtual ~SymmetricMatrix() = default;

  /// Its rows, if passes can have them one by one; otherwise null, and multiply() does it.
  virtual const MatrixRows<T>* rows() const { return nullptr; }
  /// Whether a product costs less than to write it down and read it again.
  virtual bool is_cheap() const { return false; }
  /// y = A x, or is increased by it; enqueued.
  virtual void multiply(const Executor& where, const T* x, T* y, bool add) const = 0;
  virtual bool has_diagonal() const { return true; }
  virtual void diagonal(const Executor& where, T* numbers, bool add) const = 0;
  /// The same over float (narrowed.hpp); null: nobody knows it. Throws Error for numbers that float can't hold.
  virtual std::shared_ptr<const SymmetricMatrix<float>> narrowed() const { return nullptr; }
  /// Whether entries() are known.
  virtual bool has_entries() const { return false; }
  virtual std::unique_ptr<EntryReader> entries() const { return nullptr; }

  const Executor executor;  // that it was made for
  const std::int64_t size;
  std::int64_t nonzeros = -1;
  std::string format;
  double bytes = std::numeric_limits<double>::quiet_NaN();
};

/// One that is stored as rows, in memory of its own.
template <class T>
struct StoredMatrix final : SymmetricMatrix<T> {
  using SymmetricMatrix<T>::SymmetricMatrix;

  const MatrixRows<T>* rows() const override { return &stored; }
  bool is_cheap() const override { return cheap; }
  void multiply(const Executor& where, const T* x, T* y, bool add) const override;
  void diagonal(const Executor& where, T* numbers, bool add) const override;
  std::shared_ptr<const SymmetricMatrix<float>> narrowed() const override;
  bool has_entries() const override { return true; }
  std::unique_ptr<EntryReader> entries() const override;

  /// Numbers in the host's memory, kept in the executor's.
  template <class X>
  const X* put(const std::vector<X>& numbers) {
    Array<X> there(this->executor, static_cast<std::int64_t>(numbers.size()));
    there.upload(numbers);
    auto kept = std::make_shared<const Array<X>>(std::move(there));
    memory.push_back(kept);
    bytes_of[kept->data()] = static_cast<std::int64_t>(numbers.size() * sizeof(X));
    return kept->data();
  }
  /// What was put there.
  OnHost on_host(const void* there) const;

  MatrixRows<T> stored;
  bool cheap = false;
  std::int64_t patterns = 0;
  std::int64_t coefficients = 0;  // that are kept, of patterns or in slices
  std::vector<std::shared_ptr<const void>> memory;
  std::map<const void*, std::int64_t> bytes_of;
};

/// Patterns in the host's memory, in the making.
template <class T>
struct Patterns {
  std::vector<std::int32_t> starts{0};
  std::vector<std::int64_t> offsets;
  std::vector<T> coefficients;
  std::vector<std::int64_t> run_rows;  // where runs begin
  std::vector<std::uint16_t> run_patterns;

  /// Rows of a pattern begin.
  void add_run(std::int64_t begin, std::uint16_t pattern) {
    if (!run_patterns.empty() && run_patterns.back() == pattern) return;
    run_rows.push_back(begin);
    run_patterns.push_back(pattern);
  }
};

template <class T>
std::shared_ptr<StoredMatrix<T>> make_pattern_matrix(const Executor& executor, std::int64_t rows,
                                                     const Patterns<T>& patterns);
/// Of the main diagonal and those above it, at increasing offsets, each of `rows` numbers.
template <class T>
std::shared_ptr<StoredMatrix<T>> make_diagonal_matrix(const Executor& executor, std::int64_t rows,
                                                      const std::vector<std::int64_t>& offsets,
                                                      const std::vector<T>& diagonals);

/// Throws ShapeError.
void require_size(const char* call, const char* name, std::size_t found, std::int64_t expected);
/// Throws MemorySpaceError unless the executor is of the kind, and on the device, that A was made for.
template <class T>
void require_executor(const Executor& executor, const char* call, const SymmetricMatrix<T>& a);

}  // namespace nabla::detail
