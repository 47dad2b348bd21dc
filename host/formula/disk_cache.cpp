#include "disk_cache.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <utility>
#include <vector>

namespace nabla::formula {

namespace {

constexpr std::size_t most_file_bytes = std::size_t{64} << 20;

/// A file's beginning; the key and the content follow.
struct Header {
  char magic[16];
  std::uint64_t checksum;  // of all that follows it
  std::uint64_t key_bytes;
  std::uint64_t content_bytes;
};
constexpr char magic[sizeof Header::magic] = "nabla kernel 1\n";

/// 64-bit FNV-1a. Each step is a bijection, so two texts that differ in a single byte differ in the hash.
/// Source: Fowler, Noll, Vo; draft-eastlake-fnv.
std::uint64_t hash(std::string_view text) {
  std::uint64_t h = 0xcbf29ce484222325;
  for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return h;
}

/// A file or directory that is open, or not.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { close(); }
  int number() const { return number_; }
  explicit operator bool() const { return number_ >= 0; }
  bool close() { return number_ >= 0 && ::close(std::exchange(number_, -1)) == 0; }

 private:
  int number_;
};

bool only_mine(const struct stat& status) {
  return status.st_uid == geteuid() && (status.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/// The same number if the file is the user's own; otherwise closes it and returns -1.
int if_mine(int file) {
  struct stat status {};
  if (file < 0 || (fstat(file, &status) == 0 && only_mine(status))) return file;
  close(file);
  return -1;
}

/// The directory's number if it and the one that it is in are the user's own, or -1. It is no link: what that leads to
/// was not made for this.
int open_directory(const std::string& path) {
  const std::size_t name = path.rfind('/') + 1;
  const Descriptor parent(if_mine(open(path.substr(0, name).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)));
  if (!parent) return -1;
  return if_mine(openat(parent.number(), path.c_str() + name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

/// Makes the directory and those above it that are missing, all of them private.
void make_directories(const std::string& path) {
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    mkdir(path.substr(0, end).c_str(), 0700);  // most exist; what matters is whether the last can be opened
    if (end == std::string::npos) return;
  }
}

constexpr std::string_view digits = "0123456789abcdef";

std::string digits_of(std::uint64_t number) {
  std::string text;
  for (int shift = 60; shift >= 0; shift -= 4) text += digits[number >> shift & 15];
  return text;
}

// What stands in the directory: HASH.kernel, and .NUMBER.part while it is being written.
std::string file_name(std::string_view key) { return digits_of(hash(key)) + ".kernel"; }
bool is_file_name(std::string_view name) {
  return name.ends_with(".kernel") && name.find_first_not_of(digits) == 16 && name.size() == 16 + 7;
}
bool is_temporary_name(std::string_view name) {
  return name.starts_with('.') && name.ends_with(".part") && name.find_first_not_of(digits, 1) == 17 &&
         name.size() == 17 + 5;
}

struct Temporary {
  std::string name;
  int file = -1;
};
/// A new file under a name by chance: numbers of processes are not unique where containers share a directory.
Temporary make_temporary(int directory) {
  for (;;) {
    std::uint64_t number = 0;
    if (getrandom(&number, sizeof number, 0) != sizeof number) return {};
    const std::string name = "." + digits_of(number) + ".part";
    const int file = openat(directory, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file >= 0 || errno != EEXIST) return {name, file};
  }
}

bool read_all(int file, char* to, std::size_t bytes) {
  while (bytes > 0) {
    const ssize_t found = read(file, to, bytes);
    if (found < 0 && errno == EINTR) continue;
    if (found <= 0) return false;
    to += found;
    bytes -= static_cast<std::size_t>(found);
  }
  return true;
}

bool write_all(int file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(file, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

/// The content of a file's text, if the text is whole and the key's.
std::optional<std::string> content_of(const std::string& text, std::string_view key) {
  Header header;
  std::memcpy(&header, text.data(), sizeof header);
  const std::size_t rest = text.size() - sizeof header;
  const std::size_t checked = offsetof(Header, key_bytes);
  if (std::memcmp(header.magic, magic, sizeof magic) != 0 || header.key_bytes != key.size() ||
      header.key_bytes > rest || header.content_bytes != rest - header.key_bytes ||
      header.checksum != hash(std::string_view(text).substr(checked)) ||
      std::string_view(text).substr(sizeof header, key.size()) != key) {
    return std::nullopt;
  }
  return text.substr(sizeof header + key.size());
}

std::string text_of(std::string_view key, std::string_view content) {
  Header header{};
  std::memcpy(header.magic, magic, sizeof magic);
  header.key_bytes = key.size();
  header.content_bytes = content.size();
  std::string text(reinterpret_cast<const char*>(&header), sizeof header);
  text += key;
  text += content;
  header.checksum = hash(std::string_view(text).substr(offsetof(Header, key_bytes)));
  std::memcpy(text.data() + offsetof(Header, checksum), &header.checksum, sizeof header.checksum);
  return text;
}

/// Removes what was not used for longest until a quarter of the room is free, if there is more than `most_bytes`, and
/// what a writer left behind that did not come to its end. Files that are not the cache's stay.
void make_room(int directory, std::int64_t most_bytes) {
  struct File {
    std::string name;
    timespec used;
    std::int64_t bytes;
  };
  std::vector<File> files;
  std::int64_t total = 0;
  const int again = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* const listing = again >= 0 ? fdopendir(again) : nullptr;
  if (listing == nullptr) {
    if (again >= 0) ::close(again);
    return;
  }
  constexpr std::time_t longest_write = 3600;  // seconds, and room for clocks that differ
  while (const dirent* const entry = readdir(listing)) {
    const bool kept = is_file_name(entry->d_name);
    if (!kept && !is_temporary_name(entry->d_name)) continue;
    struct stat status {};
    if (fstatat(directory, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(status.st_mode)) continue;
    if (kept) {
      files.push_back({entry->d_name, status.st_mtim, status.st_size});
      total += status.st_size;
    } else if (status.st_mtim.tv_sec + longest_write < std::time(nullptr)) {
      unlinkat(directory, entry->d_name, 0);
    }
  }
  closedir(listing);
  if (total <= most_bytes) return;
  std::ranges::sort(files, [](const File& a, const File& b) {
    return a.used.tv_sec != b.used.tv_sec ? a.used.tv_sec < b.used.tv_sec : a.used.tv_nsec < b.used.tv_nsec;
  });
  for (const File& file : files) {
    if (total <= most_bytes / 4 * 3) return;
    if (unlinkat(directory, file.name.c_str(), 0) == 0) total -= file.bytes;
  }
}

}  // namespace

std::string cache_directory() {
  const auto variable = [](const char* name) {
    const char* const text = secure_getenv(name);
    return std::string(text != nullptr ? text : "");
  };
  if (variable("NABLA_CACHE") == "off") return "";
  // The XDG Base Directory Specification says to ignore paths that are not absolute.
  if (const std::string base = variable("XDG_CACHE_HOME"); base.starts_with('/')) return base + "/nabla/kernels";
  if (const std::string home = variable("HOME"); home.starts_with('/')) return home + "/.cache/nabla/kernels";
  return "";
}

std::optional<std::string> load_cached(const std::string& directory, std::string_view key) {
  if (directory.empty()) return std::nullopt;
  const Descriptor folder(open_directory(directory));
  if (!folder) return std::nullopt;
  // O_NONBLOCK: opening a pipe must not wait for a writer.
  const Descriptor file(
      openat(folder.number(), file_name(key).c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  struct stat status {};
  if (!file || fstat(file.number(), &status) != 0 || !S_ISREG(status.st_mode) || !only_mine(status)) {
    return std::nullopt;
  }
  const auto bytes = static_cast<std::size_t>(status.st_size);
  if (bytes < sizeof(Header) || bytes > most_file_bytes) return std::nullopt;
  std::string text(bytes, '\0');
  if (!read_all(file.number(), text.data(), bytes)) return std::nullopt;
  auto content = content_of(text, key);
  if (content) futimens(file.number(), nullptr);  // it was used just now
  return content;
}

void store_cached(const std::string& directory, std::string_view key, std::string_view content,
                  std::int64_t most_bytes) {
  if (directory.empty()) return;
  const std::string text = text_of(key, content);
  if (text.size() > most_file_bytes) return;
  make_directories(directory);
  const Descriptor folder(open_directory(directory));
  if (!folder) return;
  const Temporary temporary = make_temporary(folder.number());
  Descriptor file(temporary.file);
  if (!file) return;
  const bool written = write_all(file.number(), text);
  const bool closed = file.close();
  if (!written || !closed ||
      renameat(folder.number(), temporary.name.c_str(), folder.number(), file_name(key).c_str()) != 0) {
    unlinkat(folder.number(), temporary.name.c_str(), 0);
    return;
  }
  make_room(folder.number(), most_bytes);
}

}  // namespace nabla::formula
