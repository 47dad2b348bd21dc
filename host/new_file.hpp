#pragma once

#include <nabla/error.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <string>
#include <system_error>

// Files that appear complete or not at all: written under a temporary name beside the target, flushed, renamed.

namespace nabla::detail {

/// Temporary files that exist just now, for a signal handler. Beyond the array's size they are not listed.
inline std::array<std::atomic<const char*>, 16> unfinished_files{};

/// Removes the temporary files of this process; may be called from a signal handler that ends it.
inline void remove_unfinished_files() noexcept {
  for (auto& slot : unfinished_files) {
    if (const char* const name = slot.exchange(nullptr)) unlink(name);
  }
}

class NewFile {
 public:
  /// Creates the temporary file, so that a target that can't be written is known before anything is computed.
  /// A target that is a symbolic link stays one. Throws FileError, here and below.
  explicit NewFile(const std::filesystem::path& target) : shown_(target.string()), target_(target) {
    std::error_code error;
    const auto status = std::filesystem::status(target, error);
    if (std::filesystem::is_directory(status)) fail("is a directory; expected the name of a file");
    if (std::filesystem::exists(status)) {
      // Renaming would replace a device or a pipe by a file.
      if (!std::filesystem::is_regular_file(status)) fail("is not a regular file; expected one, or a new name");
      target_ = std::filesystem::canonical(target, error);
      if (error) fail(error.message());
    }
    create();
  }
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;
  ~NewFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
    if (temporary_.empty()) return;
    unlist();
    unlink(temporary_.c_str());
  }

  void write(const void* data, std::size_t bytes) {
    constexpr std::size_t most_at_once = std::size_t{1} << 30;
    for (const auto* from = static_cast<const char*>(data); bytes > 0;) {
      const ssize_t written = ::write(descriptor_, from, std::min(bytes, most_at_once));
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) fail_errno();
      from += written;
      bytes -= static_cast<std::size_t>(written);
    }
  }

  /// Flushes everything to disk; nothing can be written after it.
  void finish() {
    // File systems without fsync say EINVAL.
    if (fsync(descriptor_) != 0 && errno != EINVAL) fail_errno();
    const int closed = ::close(descriptor_);
    descriptor_ = -1;
    if (closed != 0) fail_errno();
  }

  /// Gives the finished file its name, in place of whatever had it.
  void publish() {
    if (std::rename(temporary_.c_str(), target_.c_str()) != 0) fail_errno();
    unlist();
    temporary_.clear();
  }

 private:
  [[noreturn]] void fail(const std::string& what) const { throw FileError(shown_ + ": " + what); }
  [[noreturn]] void fail_errno() const { fail(std::generic_category().message(errno)); }

  void create() {
    const std::string stem = (target_.parent_path() / (".nabla-" + std::to_string(getpid()) + "-")).string();
    constexpr int most_tries = 1000;
    for (int k = 0; descriptor_ < 0 && k < most_tries; ++k) {
      const std::string name = stem + std::to_string(k) + ".part";
      descriptor_ = open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
      if (descriptor_ >= 0) temporary_ = name;
      if (descriptor_ < 0 && errno != EEXIST) fail_errno();
    }
    if (descriptor_ < 0) fail_errno();
    for (auto& slot : unfinished_files) {
      const char* none = nullptr;
      if (slot.compare_exchange_strong(none, temporary_.c_str())) break;
    }
  }

  void unlist() noexcept {
    for (auto& slot : unfinished_files) {
      const char* name = temporary_.c_str();
      if (slot.compare_exchange_strong(name, nullptr)) break;
    }
  }

  std::string shown_;  // the target as the caller named it
  std::filesystem::path target_;
  std::string temporary_;
  int descriptor_ = -1;
};

}  // namespace nabla::detail
