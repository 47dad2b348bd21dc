#include <nabla/matrix_market.hpp>

#include "../new_file.hpp"

#include <charconv>
#include <concepts>
#include <cstring>

namespace nabla {

namespace {

/// Text on its way to a file.
class Text {
 public:
  explicit Text(detail::NewFile& file) : file_(file), memory_(std::size_t{1} << 20) {}

  Text& operator<<(std::string_view text) {
    require(text.size());
    std::memcpy(memory_.data() + used_, text.data(), text.size());
    used_ += text.size();
    return *this;
  }
  /// Integers, and numbers with the fewest digits that read as the same number.
  template <class Number>
  requires std::integral<Number> || std::floating_point<Number> Text& operator<<(Number number) {
    constexpr std::size_t longest = 32;
    require(longest);
    char* const to = memory_.data() + used_;
    used_ += static_cast<std::size_t>(std::to_chars(to, to + longest, number).ptr - to);
    return *this;
  }
  void finish() {
    flush();
    file_.finish();
  }

 private:
  void require(std::size_t bytes) {
    if (memory_.size() - used_ < bytes) flush();
  }
  void flush() {
    file_.write(memory_.data(), used_);
    used_ = 0;
  }

  detail::NewFile& file_;
  std::vector<char> memory_;
  std::size_t used_ = 0;
};

template <class T, class Index>
std::int64_t entries_below(const SparseMatrix<T, Index>& matrix, std::int64_t row) {
  const auto begin = matrix.column_indices.begin() + matrix.starts[static_cast<std::size_t>(row)];
  const auto end = matrix.column_indices.begin() + matrix.starts[static_cast<std::size_t>(row) + 1];
  return std::upper_bound(begin, end, static_cast<Index>(row)) - begin;
}

}  // namespace

MatrixMarketWriter::MatrixMarketWriter(const std::filesystem::path& target)
    : file_(std::make_unique<detail::NewFile>(target)) {}
MatrixMarketWriter::MatrixMarketWriter(MatrixMarketWriter&&) noexcept = default;
MatrixMarketWriter::~MatrixMarketWriter() = default;

template <class T>
void MatrixMarketWriter::write(std::span<const T> vector) {
  Text text(*file_);
  text << "%%MatrixMarket matrix array real general\n" << vector.size() << " 1\n";
  for (const T number : vector) text << number << "\n";
  text.finish();
}

template <class T, class Index>
void MatrixMarketWriter::write(const SparseMatrix<T, Index>& matrix, Triangle triangle) {
  const bool lower = triangle == Triangle::lower;
  if (lower && matrix.rows != matrix.columns) {
    throw ShapeError("write: expected a square matrix, as it is to be symmetric, found " + std::to_string(matrix.rows) +
                     " x " + std::to_string(matrix.columns));
  }
  const auto row_entries = [&](std::int64_t row) {
    return lower ? entries_below(matrix, row)
                 : matrix.starts[static_cast<std::size_t>(row) + 1] - matrix.starts[static_cast<std::size_t>(row)];
  };
  std::int64_t entries = 0;
  for (std::int64_t row = 0; row < matrix.rows; ++row) entries += row_entries(row);
  Text text(*file_);
  text << "%%MatrixMarket matrix coordinate real " << (lower ? "symmetric" : "general") << "\n";
  text << matrix.rows << " " << matrix.columns << " " << entries << "\n";
  for (std::int64_t row = 0; row < matrix.rows; ++row) {
    const std::int64_t begin = matrix.starts[static_cast<std::size_t>(row)];
    for (std::int64_t e = begin; e < begin + row_entries(row); ++e) {
      const auto at = static_cast<std::size_t>(e);
      text << row + 1 << " " << std::int64_t{matrix.column_indices[at]} + 1 << " " << matrix.values[at] << "\n";
    }
  }
  text.finish();
}

void MatrixMarketWriter::publish() { file_->publish(); }

template void MatrixMarketWriter::write(std::span<const float>);
template void MatrixMarketWriter::write(std::span<const double>);
template void MatrixMarketWriter::write(const SparseMatrix<float, std::int32_t>&, Triangle);
template void MatrixMarketWriter::write(const SparseMatrix<float, std::int64_t>&, Triangle);
template void MatrixMarketWriter::write(const SparseMatrix<double, std::int32_t>&, Triangle);
template void MatrixMarketWriter::write(const SparseMatrix<double, std::int64_t>&, Triangle);

}  // namespace nabla
