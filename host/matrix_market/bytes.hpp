#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace nabla::matrix_market {

/// Where text comes from: a regular file or, for tests, memory. Several threads may read at a time. Files are read, not
/// mapped: one that becomes shorter meanwhile is a message and not a signal.
class Bytes {
 public:
  /// Throws FileError, also if it is not a regular file (a pipe has no length to check).
  explicit Bytes(const std::filesystem::path& path);
  /// Text that stays where it is.
  Bytes(std::string name, std::string_view text);
  Bytes(const Bytes&) = delete;
  Bytes& operator=(const Bytes&) = delete;
  ~Bytes();

  const std::string& name() const { return name_; }
  std::int64_t size() const { return size_; }

  /// Reads all bytes from offset to offset + count, which lie within the size. Throws FileError.
  void read(std::int64_t offset, std::int64_t count, char* to) const;

  /// Throws FileError: the name, the line (from 1) and what is wrong there.
  [[noreturn]] void refuse(std::int64_t line, const std::string& what) const;

 private:
  std::string name_;
  std::string_view text_;
  std::int64_t size_ = 0;
  int descriptor_ = -1;  // none: text_ is read
};

}  // namespace nabla::matrix_market
