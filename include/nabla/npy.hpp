#pragma once

#include <nabla/error.hpp>
#include <nabla/view.hpp>

#include <cstdint>
#include <filesystem>
#include <iosfwd>
#include <memory>
#include <string>
#include <vector>

// NumPy's .npy files: arrays of little-endian f4 and f8, versions 1 to 3 of the format, C and Fortran order.
// Source: NumPy Enhancement Proposal 1, "A Simple File Format for NumPy Arrays".

namespace nabla {

/// What a .npy file says about its array.
struct NpyHeader {
  bool is_double = true;            ///< f8; otherwise f4
  bool fortran_order = false;       ///< the first index varies fastest
  std::vector<std::int64_t> shape;  ///< one entry per axis; none for a single number
  std::int64_t data_offset = 0;     ///< bytes before the numbers
  std::int64_t trailing_bytes = 0;  ///< bytes after the numbers; ignored, as NumPy does

  std::int64_t numbers() const;  ///< the product of the shape
  /// Shape (count,) is count points of one variable, (count, n) is count points of n.
  std::int64_t count() const;
  std::int64_t components() const;
  /// C order is point-major, Fortran order component-major.
  Layout layout() const { return fortran_order ? Layout::component_major : Layout::point_major; }
};

/// Reads the header from a stream at its beginning, whose total length is `file_bytes`.
/// Throws FileError, beginning with `name`, if it is not a .npy file, is of another type or byte order, has more than
/// two axes, a shape that overflows, or fewer bytes than the shape needs.
NpyHeader read_npy_header(std::istream& in, std::int64_t file_bytes, const std::string& name);

/// Reads the header of a file. Throws FileError, also if it is not a regular file (a pipe has no length to check).
NpyHeader read_npy_header(const std::filesystem::path& path);

/// Reads the numbers of a stream that stands at header.data_offset, in the file's own order, into header.numbers()
/// places; f4 becomes double exactly, f8 becomes float rounded. Throws FileError, beginning with `name`.
template <class T>
void read_npy_numbers(std::istream& in, const NpyHeader& header, const std::string& name, T* to);
extern template void read_npy_numbers(std::istream&, const NpyHeader&, const std::string&, float*);
extern template void read_npy_numbers(std::istream&, const NpyHeader&, const std::string&, double*);

/// Reads the numbers of a file whose header is known, into memory that is there already. Throws FileError.
template <class T>
void read_npy_numbers(const std::filesystem::path& path, const NpyHeader& header, T* to);
extern template void read_npy_numbers(const std::filesystem::path&, const NpyHeader&, float*);
extern template void read_npy_numbers(const std::filesystem::path&, const NpyHeader&, double*);

/// An array in host memory, in the file's own order.
template <class T>
struct NpyArray {
  NpyHeader header;
  std::vector<T> numbers;
};

/// Reads a whole file. Throws FileError.
template <class T>
NpyArray<T> read_npy(const std::filesystem::path& path) {
  NpyArray<T> array{read_npy_header(path), {}};
  array.numbers.resize(static_cast<std::size_t>(array.header.numbers()));
  read_npy_numbers(path, array.header, array.numbers.data());
  return array;
}

namespace detail {
class NewFile;
}

/// A .npy file in the making, under a temporary name beside its target; removed if it is never published.
class NpyWriter {
 public:
  /// Creates the temporary file, so that a target that can't be written is known before anything is computed.
  /// Throws FileError, here and below.
  explicit NpyWriter(const std::filesystem::path& target);
  NpyWriter(NpyWriter&&) noexcept;
  ~NpyWriter();

  /// Writes an array whose numbers are in the order named, and flushes it to disk; to be called once.
  template <class T>
  void write(const T* numbers, const std::vector<std::int64_t>& shape, bool fortran_order);

  /// Gives the file its name, in place of whatever had it.
  void publish();

 private:
  std::unique_ptr<detail::NewFile> file_;
};
extern template void NpyWriter::write(const float*, const std::vector<std::int64_t>&, bool);
extern template void NpyWriter::write(const double*, const std::vector<std::int64_t>&, bool);

/// Writes an array of the given shape whose numbers are already in the order named. The file appears complete or not at
/// all: it is written under a temporary name beside the target, flushed to disk and renamed. Throws FileError.
template <class T>
void write_npy(const std::filesystem::path& path, const T* numbers, const std::vector<std::int64_t>& shape,
               bool fortran_order) {
  NpyWriter writer(path);
  writer.write(numbers, shape, fortran_order);
  writer.publish();
}

}  // namespace nabla
