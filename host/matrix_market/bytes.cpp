#include "bytes.hpp"

#include <nabla/error.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace nabla::matrix_market {

namespace {

[[noreturn]] void fail(const std::string& name, const std::string& what) { throw FileError(name + ": " + what); }
[[noreturn]] void fail_errno(const std::string& name) { fail(name, std::generic_category().message(errno)); }

}  // namespace

Bytes::Bytes(const std::filesystem::path& path) : name_(path.string()) {
  struct stat status {};
  // Looked at before it is opened, too, which does something to a device; a pipe without a writer must not be waited
  // for.
  if (stat(path.c_str(), &status) != 0) fail_errno(name_);
  const auto require_regular = [&] {
    if (!S_ISREG(status.st_mode)) fail(name_, "is not a regular file; expected one, whose length can be checked");
  };
  require_regular();
  descriptor_ = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor_ < 0) fail_errno(name_);
  try {
    if (fstat(descriptor_, &status) != 0) fail_errno(name_);
    require_regular();
  } catch (...) {
    close(descriptor_);
    throw;
  }
  size_ = static_cast<std::int64_t>(status.st_size);
}

Bytes::Bytes(std::string name, std::string_view text)
    : name_(std::move(name)), text_(text), size_(static_cast<std::int64_t>(text.size())) {}

Bytes::~Bytes() {
  if (descriptor_ >= 0) close(descriptor_);
}

void Bytes::read(std::int64_t offset, std::int64_t count, char* to) const {
  if (descriptor_ < 0) {
    if (count > 0) std::memcpy(to, text_.data() + offset, static_cast<std::size_t>(count));
    return;
  }
  while (count > 0) {
    constexpr std::int64_t most_at_once = std::int64_t{1} << 30;
    const ssize_t got = pread(descriptor_, to, static_cast<std::size_t>(std::min(count, most_at_once)), offset);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail_errno(name_);
    if (got == 0) {
      fail(name_, "became shorter while it was read: it had " + std::to_string(size_) + " bytes and ends before byte " +
                      std::to_string(offset));
    }
    to += got;
    offset += got;
    count -= got;
  }
}

void Bytes::refuse(std::int64_t line, const std::string& what) const {
  fail(name_, "line " + std::to_string(line) + ": " + what);
}

}  // namespace nabla::matrix_market
