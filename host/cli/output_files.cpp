#include "output_files.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace nabla::cli {

namespace {

/// Whether two names lead to one file, also through links, and also where it does not exist yet.
bool same_file(const std::filesystem::path& a, const std::filesystem::path& b) {
  std::error_code error;
  if (std::filesystem::equivalent(a, b, error)) return true;
  return std::filesystem::weakly_canonical(a, error) == std::filesystem::weakly_canonical(b, error);
}

}  // namespace

void OutputFiles::claim(const std::string& argument, const std::filesystem::path& output) {
  for (const Taken& taken : taken_) {
    if (!same_file(taken.path, output)) continue;
    throw UsageError(fmt::format("{}: '{}' is the same file as that of {}", argument, output.string(), taken.argument));
  }
  taken_.push_back({argument, output});
}

void OutputFiles::open(const std::string& argument, const std::optional<std::string>& path) {
  if (!path) return;
  claim(argument, *path);
  files_.push_back({argument, NpyWriter(*path)});
}

void OutputFiles::publish() {
  for (File& file : files_) file.writer.publish();
}

OutputFiles::File* OutputFiles::find(const std::string& argument) {
  const auto found =
      std::find_if(files_.begin(), files_.end(), [&](const File& file) { return file.argument == argument; });
  return found == files_.end() ? nullptr : &*found;
}

}  // namespace nabla::cli
