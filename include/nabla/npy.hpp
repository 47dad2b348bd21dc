#pragma once

#include <nabla/error.hpp>
#include <nabla/view.hpp>

#include <cstdint>
#include <filesystem>
#include <iosfwd>
#include <string>
#include <vector>

// NumPy's .npy files: arrays of little-endian f4 and f8, versions 1 to 3 of the format, C and Fortran order.
// Source: NumPy Enhancement Proposal 1, "A Simple File Format for NumPy Arrays".

namespace nabla {

/// What a .npy file says about its array.
struct NpyHeader {
  bool is_double = true;               ///< f8; otherwise f4
  bool fortran_order = false;          ///< the first index varies fastest
  std::vector<std::int64_t> shape;     ///< one entry per axis; none for a single number
  std::int64_t data_offset = 0;        ///< bytes before the numbers

  std::int64_t numbers() const;        ///< the product of the shape
  /// Shape (count,) is count points of one variable, (count, n) is count points of n.
  std::int64_t count() const;
  std::int64_t components() const;
  /// C order is point-major, Fortran order component-major.
  Layout layout() const { return fortran_order ? Layout::component_major : Layout::point_major; }
};

/// Reads the header from a stream at its beginning, whose total length is `file_bytes`.
/// Throws FileError, beginning with `name`, if it is not a .npy file, is of another type or byte order, has more than two
/// axes, a shape that overflows, or fewer bytes than the shape needs.
NpyHeader read_npy_header(std::istream& in, std::int64_t file_bytes, const std::string& name);

/// An array in host memory, in the file's own order.
template <class T>
struct NpyArray {
  NpyHeader header;
  std::vector<T> numbers;
  std::int64_t trailing_bytes = 0;  ///< after the array; ignored, as NumPy does
};

/// Reads the header of a file. Throws FileError.
NpyHeader read_npy_header(const std::filesystem::path& path);

/// Reads a file; f4 becomes double exactly, f8 becomes float rounded. Throws FileError.
template <class T>
NpyArray<T> read_npy(const std::filesystem::path& path);
extern template NpyArray<float> read_npy(const std::filesystem::path&);
extern template NpyArray<double> read_npy(const std::filesystem::path&);

/// Writes an array of the given shape whose numbers are already in the order named. The file appears complete or not at
/// all: it is written under a temporary name beside the target, flushed to disk and renamed. Throws FileError.
template <class T>
void write_npy(const std::filesystem::path& path, const T* numbers, const std::vector<std::int64_t>& shape,
               bool fortran_order);
extern template void write_npy(const std::filesystem::path&, const float*, const std::vector<std::int64_t>&, bool);
extern template void write_npy(const std::filesystem::path&, const double*, const std::vector<std::int64_t>&, bool);

}  // namespace nabla
