#include <nabla/npy.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <sstream>
#include <string>

// Any bytes at all are either an array that lies within the file, or refused with a FileError that names it.

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

template <class T>
void read(std::istringstream& in, const nabla::NpyHeader& header) {
  std::vector<T> numbers(static_cast<std::size_t>(header.numbers()));
  in.clear();
  in.seekg(header.data_offset);
  nabla::read_npy_numbers(in, header, "x.npy", numbers.data());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes(data, data + size);
  std::istringstream in(bytes);
  try {
    const auto header = nabla::read_npy_header(in, static_cast<std::int64_t>(size), "x.npy");
    require(header.shape.size() <= 2 && header.count() >= 0 && header.components() >= 0);
    const std::int64_t end = header.data_offset + header.numbers() * (header.is_double ? 8 : 4);
    require(end + header.trailing_bytes == static_cast<std::int64_t>(size) && header.trailing_bytes >= 0);
    read<double>(in, header);
    read<float>(in, header);
  } catch (const nabla::FileError& error) {
    const std::string message = error.what();
    require(message.starts_with("x.npy: ") && message.size() < 300);
    require(message.find('\n') == message.npos);
  }
  return 0;
}
