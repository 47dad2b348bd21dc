#include "../../host/matrix_market/header.hpp"
#include "../../host/matrix_market/reader.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <optional>
#include <string>

// Any bytes at all are either a matrix, the same one however the file is cut, or refused with a FileError that names
// the file, and the same one however it is cut.

namespace {

using namespace nabla;
using matrix_market::Bytes;

void require(bool condition) {
  if (!condition) std::abort();
}

/// What comes of reading: a result or a message.
template <class Result>
struct Outcome {
  std::optional<Result> result;
  std::string message;
};

template <class Read>
auto outcome_of(const Read& read) {
  Outcome<decltype(read())> outcome;
  try {
    outcome.result = read();
  } catch (const FileError& error) {
    outcome.message = error.what();
    require(outcome.message.starts_with("x.mtx: ") && outcome.message.size() < 400);
    require(outcome.message.find('\n') == outcome.message.npos);
  }
  return outcome;
}

template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
}

void require_sound(const SparseMatrix<double>& matrix) {
  require(matrix.rows > 0 && matrix.columns > 0);
  require(matrix.starts.size() == static_cast<std::size_t>(matrix.rows) + 1 && matrix.starts.front() == 0);
  require(matrix.starts.back() == static_cast<std::int64_t>(matrix.values.size()));
  require(matrix.column_indices.size() == matrix.values.size());
  for (std::int64_t row = 0; row < matrix.rows; ++row) {
    std::int64_t last = -1;
    for (std::int64_t e = matrix.starts[static_cast<std::size_t>(row)];
         e < matrix.starts[static_cast<std::size_t>(row) + 1]; ++e) {
      const std::int64_t column = matrix.column_indices[static_cast<std::size_t>(e)];
      const double value = matrix.values[static_cast<std::size_t>(e)];
      require(last < column && column < matrix.columns);
      require(value >= -std::numeric_limits<double>::max() && value <= std::numeric_limits<double>::max());
      last = column;
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(data, data + size);
  const Bytes bytes("x.mtx", text);
  const auto header = outcome_of([&] { return matrix_market::read_header(bytes); });
  if (header.result && std::max(header.result->rows, header.result->columns) > 10'000) return 0;  // mere memory
  std::optional<Outcome<SparseMatrix<double>>> whole_matrix;
  std::optional<Outcome<std::vector<float>>> whole_vector;
  for (const std::int64_t piece_bytes : {std::int64_t{1} << 20, std::int64_t{1}, std::int64_t{7}, std::int64_t{40}}) {
    const matrix_market::Cut cut{.threads = 1, .piece_bytes = piece_bytes};
    const auto matrix = outcome_of([&] { return matrix_market::read_matrix<double, std::int32_t>(bytes, cut); });
    const auto vector = outcome_of([&] { return matrix_market::read_vector<float>(bytes, cut); });
    if (!whole_matrix) {
      whole_matrix = matrix;
      whole_vector = vector;
      if (matrix.result) require_sound(*matrix.result);
      continue;
    }
    require(matrix.message == whole_matrix->message && vector.message == whole_vector->message);
    if (matrix.result) {
      require(matrix.result->starts == whole_matrix->result->starts);
      require(same_bits(matrix.result->column_indices, whole_matrix->result->column_indices));
      require(same_bits(matrix.result->values, whole_matrix->result->values));
    }
    if (vector.result) require(same_bits(*vector.result, *whole_vector->result));
  }
  return 0;
}
