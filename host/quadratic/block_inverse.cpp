#include "matrix.hpp"
#include "preconditioner.hpp"
#include "sweeps.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

// Inverses of a matrix's diagonal blocks, which are small: they are kept whole, so that each of a block's rows can be
// multiplied by itself.

namespace nabla::detail {

namespace {

/// A dense symmetric matrix, row by row.
class Block {
 public:
  explicit Block(std::size_t size) : size_(size), numbers_(size * size, 0) {}

  double& at(std::size_t i, std::size_t j) { return numbers_[i * size_ + j]; }

  /// Becomes its inverse. False where it is not positive definite, or a pivot is less than `least` of the diagonal:
  /// then it is anything.
  bool invert(double least) {
    for (std::size_t j = 0; j < size_; ++j) {  // L, in the lower triangle. Source: Golub and Van Loan 2013, section 4.2
      const double diagonal = at(j, j);
      for (std::size_t k = 0; k < j; ++k) at(j, j) -= at(j, k) * at(j, k);
      if (!(at(j, j) > least * diagonal) || !std::isfinite(at(j, j))) return false;
      at(j, j) = std::sqrt(at(j, j));
      for (std::size_t i = j + 1; i < size_; ++i) {
        for (std::size_t k = 0; k < j; ++k) at(i, j) -= at(i, k) * at(j, k);
        at(i, j) /= at(j, j);
      }
    }
    for (std::size_t j = 0; j < size_; ++j) {  // its inverse, in the same place
      at(j, j) = 1 / at(j, j);
      for (std::size_t i = j + 1; i < size_; ++i) {
        double sum = 0;
        for (std::size_t k = j; k < i; ++k) sum -= at(i, k) * at(k, j);
        at(i, j) = sum / at(i, i);
      }
    }
    for (std::size_t i = 0; i < size_; ++i) {  // L^-T L^-1: an entry needs those below it and to its right
      for (std::size_t j = 0; j <= i; ++j) {
        double sum = 0;
        for (std::size_t k = i; k < size_; ++k) sum += at(k, i) * at(k, j);
        at(i, j) = at(j, i) = sum;
      }
    }
    return std::ranges::all_of(numbers_, [](double number) { return std::isfinite(number); });
  }
  void invert_diagonal(const std::vector<double>& diagonal) {
    std::ranges::fill(numbers_, 0.0);
    for (std::size_t i = 0; i < size_; ++i) at(i, i) = 1 / std::fabs(diagonal[i]);
  }

 private:
  std::size_t size_;
  std::vector<double> numbers_;
};

template <class T>
bool holds(double number) {
  return std::fabs(number) <= static_cast<double>(std::numeric_limits<T>::max());
}

template <class T>
class BlockInverse final : public VectorPreconditioner<T> {
 public:
  BlockInverse(const Executor& executor, const SymmetricMatrix<T>& a, int size)
      : rows_(a.size),
        size_(std::min<std::int64_t>(size, a.size)),
        inverse_(executor, (rows_ + size_ - 1) / size_ * size_ * size_) {
    const auto entries = a.entries();
    std::vector<T> numbers(static_cast<std::size_t>(inverse_.size()), T(0));
    for (std::int64_t begin = 0; begin < rows_; begin += size_) invert(*entries, begin, numbers);
    inverse_.upload(numbers);
    this->description = "the inverses of diagonal blocks of " + std::to_string(size_);
    this->bytes = static_cast<double>(sizeof(T)) * static_cast<double>(rows_) * static_cast<double>(size_ + 2);
  }

  void apply(const Executor& executor, const T* g, T* z, const KrylovScalars* scalars) const override {
    sweep(executor, RowSweep<T>(BlockSweep<T>{0, rows_, rows_, size_, inverse_.data(), g, z}), scalars);
  }

 private:
  void invert(EntryReader& entries, std::int64_t begin, std::vector<T>& numbers) {
    const std::int64_t here = std::min(size_, rows_ - begin);
    const auto count = static_cast<std::size_t>(here);
    Block block(count);
    std::vector<double> diagonal(count, 0);
    std::vector<Entry> row;
    for (std::int64_t i = 0; i < here; ++i) {
      entries.read_tidy(begin + i, row);
      for (const auto& [column, number] : row) {
        // Mirror images may differ in their last digits: those below the diagonal count.
        if (column < begin || column > begin + i) continue;
        const auto r = static_cast<std::size_t>(i), c = static_cast<std::size_t>(column - begin);
        block.at(r, c) = block.at(c, r) = number;
        if (r == c) diagonal[r] = number;
      }
    }
    // Less is lost when the inverse is rounded.
    constexpr double least = 64 * static_cast<double>(std::numeric_limits<T>::epsilon());
    if (!block.invert(least)) block.invert_diagonal(diagonal);
    for (std::size_t i = 0; i < count; ++i) {
      for (std::size_t j = 0; j < count; ++j) {
        const std::size_t at = static_cast<std::size_t>(begin * size_) + j * static_cast<std::size_t>(size_) + i;
        numbers[at] = static_cast<T>(holds<T>(block.at(i, j)) ? block.at(i, j) : i == j ? 1.0 : 0.0);
      }
    }
  }

  std::int64_t rows_, size_;
  Array<T> inverse_;
};

}  // namespace

template <class T>
MadePreconditioner<T> make_block_inverse(const Executor& executor, const SymmetricMatrix<T>& a, int size) {
  return std::make_unique<BlockInverse<T>>(executor, a, size);
}
template MadePreconditioner<float> make_block_inverse(const Executor&, const SymmetricMatrix<float>&, int);
template MadePreconditioner<double> make_block_inverse(const Executor&, const SymmetricMatrix<double>&, int);

}  // namespace nabla::detail
