#include <nabla/npy.hpp>

#include "new_file.hpp"
#include "npy_literal.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <fstream>
#include <istream>

// Layout of a file: the magic bytes, the version (2 bytes), the header's length (2 bytes in version 1, else 4), the
// header (a dictionary, see npy_literal.hpp, filled up with blanks), the numbers.

namespace nabla {

namespace {

static_assert(std::endian::native == std::endian::little, "numbers are read and written as they lie in memory");

constexpr std::string_view magic = "\x93NUMPY";
/// The dictionary of two axes has some 80 characters; a file that claims more than this is not worth believing.
constexpr std::int64_t longest_header = 1 << 20;

std::string plural(std::int64_t count, const char* unit) {
  return std::to_string(count) + " " + unit + (count == 1 ? "" : "s");
}

std::string hex(std::string_view bytes) {
  constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (!text.empty()) text += ' ';
    text += {digits[byte >> 4], digits[byte & 15]};
  }
  return text;
}

/// A shape as Python writes it.
std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string text = "(";
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    text += (axis == 0 ? "" : ", ") + std::to_string(shape[axis]);
  }
  return text + (shape.size() == 1 ? ",)" : ")");
}

/// Reads so many bytes, fewer at the stream's end.
std::string read_bytes(std::istream& in, std::int64_t wanted) {
  std::string bytes(static_cast<std::size_t>(wanted), '\0');
  in.read(bytes.data(), static_cast<std::streamsize>(wanted));
  bytes.resize(static_cast<std::size_t>(in.gcount()));
  return bytes;
}

std::int64_t item_bytes(const NpyHeader& header) { return header.is_double ? 8 : 4; }

bool is_double(const std::string& descr, const std::string& name) {
  if (descr == "<f8" || descr == "<f4") return descr == "<f8";
  const std::string wanted = "expected the type '<f8' or '<f4' (little-endian floating point), found ";
  throw FileError(name + ": " + wanted + detail::quote_bytes(descr) +
                  (descr == ">f8" || descr == ">f4" ? ", which is big-endian" : ""));
}

/// At most two axes, whose numbers can be addressed.
void check_shape(const NpyHeader& header, const std::string& name) {
  if (header.shape.size() > 2) {
    throw FileError(name + ": expected one axis (count,) or two (count, n), found " +
                    (header.shape.size() <= 4 ? "the shape " + shape_text(header.shape)
                                              : std::to_string(header.shape.size()) + " axes"));
  }
  std::int64_t bytes = item_bytes(header);
  for (const std::int64_t size : header.shape) {
    // NumPy also lets no empty axis excuse the others.
    if (__builtin_mul_overflow(bytes, std::max<std::int64_t>(size, 1), &bytes)) {
      throw FileError(name + ": the shape " + shape_text(header.shape) + " needs 2^63 bytes or more");
    }
  }
}

std::ifstream open(const std::filesystem::path& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) {
    throw FileError(path.string() + ": " +
                    (error ? error : std::error_code(ENOENT, std::generic_category())).message());
  }
  if (!std::filesystem::is_regular_file(status)) {
    throw FileError(path.string() + ": is not a regular file; expected one, whose length can be checked");
  }
  std::ifstream in(path, std::ios::binary);
  if (!in) throw FileError(path.string() + ": " + std::generic_category().message(errno));
  return in;
}

template <class T, class Stored>
std::int64_t read_as(std::istream& in, std::int64_t numbers, T* to) {
  if constexpr (std::is_same_v<T, Stored>) {
    in.read(reinterpret_cast<char*>(to), static_cast<std::streamsize>(numbers * static_cast<std::int64_t>(sizeof(T))));
    return in.gcount();
  } else {
    constexpr std::int64_t buffered = 1 << 14;
    std::vector<Stored> buffer(static_cast<std::size_t>(std::min(numbers, buffered)));
    std::int64_t bytes = 0;
    for (std::int64_t done = 0; done < numbers; done += buffered) {
      const std::int64_t here = std::min(buffered, numbers - done);
      const std::int64_t read = read_as<Stored, Stored>(in, here, buffer.data());
      bytes += read;
      if (read < here * static_cast<std::int64_t>(sizeof(Stored))) break;
      std::transform(buffer.begin(), buffer.begin() + here, to + done, [](Stored x) { return static_cast<T>(x); });
    }
    return bytes;
  }
}

/// Magic, version, length and dictionary, filled up such that the numbers begin at a multiple of 64 bytes.
std::string header_bytes(bool is_double, const std::vector<std::int64_t>& shape, bool fortran_order) {
  constexpr std::size_t alignment = 64;
  std::string dictionary = std::string("{'descr': '") + (is_double ? "<f8" : "<f4") +
                           "', 'fortran_order': " + (fortran_order ? "True" : "False") +
                           ", 'shape': " + shape_text(shape) + ", }";
  const bool short_length = dictionary.size() + alignment < 65536;
  const std::size_t prefix = magic.size() + 2 + (short_length ? 2 : 4);
  const std::size_t total = (prefix + dictionary.size() + 1 + alignment - 1) / alignment * alignment;
  dictionary.resize(total - prefix - 1, ' ');
  dictionary += '\n';
  std::string bytes(magic);
  bytes += {static_cast<char>(short_length ? 1 : 2), '\0'};
  for (std::size_t byte = 0; byte < prefix - magic.size() - 2; ++byte) {
    bytes += static_cast<char>(dictionary.size() >> (8 * byte) & 255);
  }
  return bytes + dictionary;
}

}  // namespace

std::int64_t NpyHeader::numbers() const { return count() * components(); }
std::int64_t NpyHeader::count() const { return shape.empty() ? 1 : shape[0]; }
std::int64_t NpyHeader::components() const { return shape.size() < 2 ? 1 : shape[1]; }

NpyHeader read_npy_header(std::istream& in, std::int64_t file_bytes, const std::string& name) {
  const std::string found = read_bytes(in, static_cast<std::int64_t>(magic.size()));
  if (found != magic) {
    throw FileError(name + ": is not a .npy file; expected the bytes " + hex(magic) + " at its beginning, found " +
                    (found.empty() ? "none" : hex(found)));
  }
  const std::string version = read_bytes(in, 2);
  const int major = version.empty() ? 0 : static_cast<unsigned char>(version[0]);
  const std::int64_t length_bytes = major == 1 ? 2 : 4;
  const std::int64_t prefix = static_cast<std::int64_t>(magic.size()) + 2 + length_bytes;
  if (version.size() == 2 && (major < 1 || major > 3 || version[1] != 0)) {
    throw FileError(name + ": byte 6: expected version 1.0, 2.0 or 3.0 of the format, found " + std::to_string(major) +
                    "." + std::to_string(static_cast<unsigned char>(version[1])));
  }
  const std::string length = read_bytes(in, length_bytes);
  if (static_cast<std::int64_t>(length.size()) < length_bytes) {
    throw FileError(name + ": is truncated; expected " + plural(prefix, "byte") + " before the header, found " +
                    std::to_string(file_bytes));
  }
  std::int64_t header_length = 0;
  for (std::size_t byte = 0; byte < length.size(); ++byte) {
    header_length |= std::int64_t{static_cast<unsigned char>(length[byte])} << (8 * byte);
  }
  if (header_length > longest_header) {
    throw FileError(name + ": byte 8: expected a header of at most " + std::to_string(longest_header) +
                    " bytes, found the length " + std::to_string(header_length));
  }
  const std::string text = read_bytes(in, std::clamp<std::int64_t>(file_bytes - prefix, 0, header_length));
  if (static_cast<std::int64_t>(text.size()) < header_length) {
    throw FileError(name + ": is truncated; expected a header of " + plural(header_length, "byte") + " after byte " +
                    std::to_string(prefix) + ", found " + std::to_string(text.size()));
  }

  const detail::NpyDictionary dictionary = detail::NpyDictionaryParser(text, prefix, name).parse();
  NpyHeader header;
  header.is_double = is_double(dictionary.descr, name);
  header.fortran_order = dictionary.fortran_order;
  header.shape = dictionary.shape;
  header.data_offset = prefix + header_length;
  check_shape(header, name);
  header.trailing_bytes = file_bytes - header.data_offset - header.numbers() * item_bytes(header);
  if (header.trailing_bytes < 0) {
    throw FileError(name + ": is truncated; the shape " + shape_text(header.shape) + " needs " +
                    plural(header.numbers() * item_bytes(header), "byte") + " after byte " +
                    std::to_string(header.data_offset) + ", found " + std::to_string(file_bytes - header.data_offset));
  }
  return header;
}

NpyHeader read_npy_header(const std::filesystem::path& path) {
  std::ifstream in = open(path);
  return read_npy_header(in, static_cast<std::int64_t>(std::filesystem::file_size(path)), path.string());
}

template <class T>
void read_npy_numbers(std::istream& in, const NpyHeader& header, const std::string& name, T* to) {
  const std::int64_t numbers = header.numbers();
  const std::int64_t read = header.is_double ? read_as<T, double>(in, numbers, to) : read_as<T, float>(in, numbers, to);
  if (read == numbers * item_bytes(header)) return;
  throw FileError(name + ": is truncated; expected " + plural(numbers * item_bytes(header), "byte") +
                  " of numbers, found " + std::to_string(read));
}
template void read_npy_numbers(std::istream&, const NpyHeader&, const std::string&, float*);
template void read_npy_numbers(std::istream&, const NpyHeader&, const std::string&, double*);

template <class T>
void read_npy_numbers(const std::filesystem::path& path, const NpyHeader& header, T* to) {
  std::ifstream in = open(path);
  in.seekg(header.data_offset);
  read_npy_numbers(in, header, path.string(), to);
}
template void read_npy_numbers(const std::filesystem::path&, const NpyHeader&, float*);
template void read_npy_numbers(const std::filesystem::path&, const NpyHeader&, double*);

NpyWriter::NpyWriter(const std::filesystem::path& target) : file_(std::make_unique<detail::NewFile>(target)) {}
NpyWriter::NpyWriter(NpyWriter&&) noexcept = default;
NpyWriter::~NpyWriter() = default;

template <class T>
void NpyWriter::write(const T* numbers, const std::vector<std::int64_t>& shape, bool fortran_order) {
  const std::string header = header_bytes(sizeof(T) == 8, shape, fortran_order);
  std::size_t bytes = sizeof(T);
  for (const std::int64_t size : shape) bytes *= static_cast<std::size_t>(size);
  file_->write(header.data(), header.size());
  file_->write(numbers, bytes);
  file_->finish();
}
template void NpyWriter::write(const float*, const std::vector<std::int64_t>&, bool);
template void NpyWriter::write(const double*, const std::vector<std::int64_t>&, bool);

void NpyWriter::publish() { file_->publish(); }

}  // namespace nabla
