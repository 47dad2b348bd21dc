#pragma once

#include "common.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace nabla::cli {

/// Whether a name is that of a Matrix Market file: it ends in .mtx.
bool is_matrix_market(const std::filesystem::path& file);

/// f32 where the file is of floats.
Precision precision_of(const std::filesystem::path& file);

/// Of bytes after the array of a .npy file.
void warn_of_trailing_bytes(const std::string& command, const std::filesystem::path& file);

/// A vector of so many finite numbers, of shape (n,) or (n, 1) in a .npy file; without a `size` any. Throws UsageError
/// that begins with the argument, or FileError.
template <class T>
std::vector<T> read_vector(const std::string& argument, const std::filesystem::path& file,
                           std::optional<std::int64_t> size, int threads);
extern template std::vector<float> read_vector(const std::string&, const std::filesystem::path&,
                                               std::optional<std::int64_t>, int);
extern template std::vector<double> read_vector(const std::string&, const std::filesystem::path&,
                                                std::optional<std::int64_t>, int);

}  // namespace nabla::cli
