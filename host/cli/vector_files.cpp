#include "vector_files.hpp"

#include "numbers.hpp"

#include <fmt/format.h>

#include <nabla/matrix_market.hpp>
#include <nabla/npy.hpp>

#include <algorithm>
#include <cmath>

// Vectors of nabla quadratic, from files.

namespace nabla::cli {

bool is_matrix_market(const std::filesystem::path& file) { return file.extension() == ".mtx"; }

Precision precision_of(const std::filesystem::path& file) {
  if (is_matrix_market(file)) return Precision::f64;
  return read_npy_header(file).is_double ? Precision::f64 : Precision::f32;
}

void warn_of_trailing_bytes(const std::string& command, const std::filesystem::path& file) {
  if (is_matrix_market(file)) return;
  const std::int64_t bytes = read_npy_header(file).trailing_bytes;
  if (bytes > 0) warn(command, fmt::format("{}: {} bytes after the array are ignored", file.string(), bytes));
}

template <class T>
std::vector<T> read_vector(const std::string& argument, const std::filesystem::path& file,
                           std::optional<std::int64_t> size, int threads) {
  std::vector<T> numbers;
  if (is_matrix_market(file)) {
    numbers = read_matrix_market_vector<T>(file, threads);
  } else {
    const NpyHeader header = read_npy_header(file);
    if (header.components() != 1) {
      throw UsageError(fmt::format("{}: {}: expected a vector, of shape (n,), found ({}, {})", argument, file.string(),
                                   header.count(), header.components()));
    }
    numbers.resize(static_cast<std::size_t>(header.numbers()));
    read_npy_numbers(file, header, numbers.data());
  }
  const auto found = static_cast<std::int64_t>(numbers.size());
  if (size && found != *size) {
    throw UsageError(fmt::format("{}: {}: expected {} number{}, as the matrix has rows, found {}", argument,
                                 file.string(), *size, *size == 1 ? "" : "s", found));
  }
  if (found == 0) {
    throw UsageError(fmt::format("{}: {}: expected one number or more, found 0", argument, file.string()));
  }
  const auto odd = std::find_if(numbers.begin(), numbers.end(), [](T number) { return !std::isfinite(number); });
  if (odd != numbers.end()) {
    throw UsageError(fmt::format("{}: {}: number {} (counted from 1) is {} in f{}; expected finite numbers", argument,
                                 file.string(), odd - numbers.begin() + 1, for_people(*odd), 8 * sizeof(T)));
  }
  return numbers;
}
template std::vector<float> read_vector(const std::string&, const std::filesystem::path&, std::optional<std::int64_t>,
                                        int);
template std::vector<double> read_vector(const std::string&, const std::filesystem::path&, std::optional<std::int64_t>,
                                         int);

}  // namespace nabla::cli
