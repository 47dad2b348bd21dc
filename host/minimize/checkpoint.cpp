#include "checkpoint.hpp"

#include "../displace.hpp"
#include "../new_file.hpp"
#include "options.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>
#include <utility>

namespace nabla::descent {

namespace {

constexpr std::size_t word = sizeof(std::uint64_t);
constexpr std::array<char, 16> magic{'n', 'a', 'b', 'l', 'a', ' ', 'd', 'e', 's', 'c', 'e', 'n', 't', ' ', '1', '\n'};

/// What a checkpoint is of.
struct Header {
  std::array<char, 16> magic;
  std::int64_t method, bytes_per_number, variables, fixed_steps, pairs;
};
static_assert(sizeof(Header) % word == 0);

constexpr std::int64_t kinds = 256;  // more than there are preconditioners

/// L-BFGS's pairs; of others the preconditioner, and behind it the number that it goes by.
std::int64_t with_what(const MinimizeOptions& options) {
  if (options.method == Method::lbfgs) return options.memory;
  const std::int64_t number = options.preconditioner == Preconditioner::block_jacobi ? options.preconditioner_block
                              : options.preconditioner == Preconditioner::chebyshev  ? options.preconditioner_degree
                                                                                     : 0;
  return static_cast<std::int64_t>(options.preconditioner) + kinds * number;
}

template <class T>
Header header_of(const MinimizeOptions& options, std::int64_t n) {
  return {magic,
          static_cast<std::int64_t>(options.method),
          static_cast<std::int64_t>(sizeof(T)),
          n,
          (has_fixed_steps(options) ? 1 : 0) + (options.mixed_precision ? 2 : 0),
          with_what(options)};
}

/// Of whole words; any word that is changed changes it.
class Checksum {
 public:
  void add(const void* data, std::size_t bytes) {
    const auto* const from = static_cast<const std::byte*>(data);
    for (std::size_t at = 0; at < bytes; at += word) {
      std::uint64_t bits = 0;
      std::memcpy(&bits, from + at, word);
      constexpr std::uint64_t odd = 0x9e3779b97f4a7c15u;
      sum_ = detail::Direction::mixed((sum_ ^ bits) + odd);
    }
  }
  std::uint64_t sum() const { return sum_; }

 private:
  std::uint64_t sum_ = 0;
};

std::size_t padded(std::size_t bytes) { return (bytes + word - 1) / word * word; }

/// Cuts a vector into pieces that a buffer takes: use(piece, bytes).
template <class T, class Use>
void in_pieces(T* vector, std::int64_t n, std::size_t at_once, Use use) {
  const std::size_t bytes = static_cast<std::size_t>(n) * sizeof(T);
  for (std::size_t first = 0; first < bytes; first += at_once) {
    const std::size_t count = std::min(at_once, bytes - first);
    use(reinterpret_cast<std::byte*>(vector) + first, count);
  }
}

template <class T>
class Writer final : public State<T> {
 public:
  Writer(const Executor& executor, std::int64_t n, std::vector<std::byte>& buffer, detail::NewFile& file)
      : executor_(executor), n_(n), buffer_(buffer), file_(file) {}

  void bytes(void* memory, std::size_t size) override {
    for (std::size_t first = 0; first < size; first += buffer_.size()) {
      const std::size_t count = std::min(buffer_.size(), size - first);
      std::memcpy(buffer_.data(), static_cast<const std::byte*>(memory) + first, count);
      write(count);
    }
  }
  void vector(T* memory) override {
    in_pieces(memory, n_, buffer_.size(), [&](const std::byte* piece, std::size_t count) {
      detail::copy_bytes(executor_, buffer_.data(), piece, count);
      write(count);
    });
  }
  void finish() {
    const std::uint64_t sum = checksum_.sum();
    file_.write(&sum, word);
  }

 private:
  void write(std::size_t count) {
    std::fill(buffer_.begin() + static_cast<std::ptrdiff_t>(count),
              buffer_.begin() + static_cast<std::ptrdiff_t>(padded(count)), std::byte{0});
    checksum_.add(buffer_.data(), padded(count));
    file_.write(buffer_.data(), padded(count));
  }

  const Executor& executor_;
  std::int64_t n_;
  std::vector<std::byte>& buffer_;
  detail::NewFile& file_;
  Checksum checksum_;
};

/// Of a file whose checksum is right.
template <class T>
class Reader final : public State<T> {
 public:
  Reader(const Executor& executor, std::int64_t n, std::vector<std::byte>& buffer, std::ifstream& file)
      : executor_(executor), n_(n), buffer_(buffer), file_(file) {}

  void bytes(void* memory, std::size_t size) override {
    for (std::size_t first = 0; first < size; first += buffer_.size()) {
      const std::size_t count = std::min(buffer_.size(), size - first);
      read(count);
      std::memcpy(static_cast<std::byte*>(memory) + first, buffer_.data(), count);
    }
  }
  void vector(T* memory) override {
    in_pieces(memory, n_, buffer_.size(), [&](std::byte* piece, std::size_t count) {
      read(count);
      detail::copy_bytes(executor_, piece, buffer_.data(), count);
    });
  }

 private:
  void read(std::size_t count) {
    file_.read(reinterpret_cast<char*>(buffer_.data()), static_cast<std::streamsize>(padded(count)));
  }

  const Executor& executor_;
  std::int64_t n_;
  std::vector<std::byte>& buffer_;
  std::ifstream& file_;
};

[[noreturn]] void refuse(const std::filesystem::path& path, const std::string& why) {
  throw FileError(path.string() + ": " + why);
}

/// The header of a file that is whole.
Header verified(const std::filesystem::path& path, std::ifstream& file, std::vector<std::byte>& buffer) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) refuse(path, error ? error.message() : "is not a regular file");
  std::size_t left = std::filesystem::file_size(path, error);
  if (error || !file) refuse(path, "can't be read");
  const auto take = [&](std::size_t bytes) {
    file.read(reinterpret_cast<char*>(buffer.data()), static_cast<std::streamsize>(bytes));
    if (!file) refuse(path, "can't be read");
    left -= bytes;
  };
  Header header{};
  if (left >= sizeof(Header) + word) {
    take(sizeof(Header));
    std::memcpy(&header, buffer.data(), sizeof(Header));
  }
  if (header.magic != magic) refuse(path, "is not a checkpoint of minimize()");
  Checksum checksum;
  checksum.add(&header, sizeof(Header));
  std::uint64_t expected = 0;
  if (left % word == 0) {
    while (left > word) {
      const std::size_t bytes = std::min(buffer.size(), left - word);
      take(bytes);
      checksum.add(buffer.data(), bytes);
    }
    take(word);
    std::memcpy(&expected, buffer.data(), word);
  }
  if (left != 0 || expected != checksum.sum()) refuse(path, "is damaged or incomplete: its checksum is wrong");
  return header;
}

/// L-BFGS's pairs, or the preconditioner.
std::string with_text(const Header& header) {
  if (header.pairs == 0) return "";
  if (static_cast<Method>(header.method) == Method::lbfgs) return " with " + std::to_string(header.pairs) + " pairs";
  const std::string number = std::to_string(header.pairs / kinds);
  const auto preconditioner = static_cast<Preconditioner>(header.pairs % kinds);
  const bool has_blocks = preconditioner == Preconditioner::block_jacobi;
  return std::string(" with ") + name_of(preconditioner) + (has_blocks ? " of " + number : "") +
         (preconditioner == Preconditioner::chebyshev ? " of degree " + number : "");
}

std::string text_of(const Header& header) {
  const char* const method = name_of(static_cast<Method>(header.method));
  return std::string(method) + (header.fixed_steps % 2 != 0 ? " with fixed steps" : "") + with_text(header) + ", " +
         std::to_string(header.variables) + " variables in f" + std::to_string(8 * header.bytes_per_number) +
         (header.fixed_steps >= 2 ? " with f32 inside" : "");
}

}  // namespace

template <class T>
Checkpoint<T>::Checkpoint(const Executor& executor, const MinimizeOptions& options, std::int64_t n, Keep keep)
    : executor_(executor), options_(options), n_(n), keep_(std::move(keep)) {
  constexpr std::size_t at_once = std::size_t{4} << 20;
  if (!options.checkpoint.empty() || !options.resume.empty()) buffer_.resize(at_once);
}

template <class T>
void Checkpoint<T>::require_writable() const {
  const detail::NewFile probe(options_.checkpoint);
}

template <class T>
void Checkpoint<T>::write() const {
  detail::NewFile file(options_.checkpoint);
  Writer<T> writer(executor_, n_, buffer_, file);
  Header header = header_of<T>(options_, n_);
  writer.bytes(&header, sizeof(header));
  keep_(writer);
  writer.finish();
  file.finish();
  file.publish();
}

template <class T>
void Checkpoint<T>::read() const {
  std::ifstream file(options_.resume, std::ios::binary);
  const std::string found = text_of(verified(options_.resume, file, buffer_));
  const std::string expected = text_of(header_of<T>(options_, n_));
  if (found != expected) refuse(options_.resume, "is a checkpoint of " + found + "; expected " + expected);
  file.seekg(sizeof(Header));
  Reader<T> reader(executor_, n_, buffer_, file);
  keep_(reader);
  if (!file) refuse(options_.resume, "can't be read");
}

template class Checkpoint<float>;
template class Checkpoint<double>;

}  // namespace nabla::descent
