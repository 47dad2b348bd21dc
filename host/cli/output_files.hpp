#pragma once

#include "common.hpp"

#include <nabla/batch.hpp>
#include <nabla/npy.hpp>

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace nabla::cli {

/// The files that a command writes, .npy ones by itself: all of them appear, complete, or none.
class OutputFiles {
 public:
  /// A file that must not be written over. Throws UsageError if an output names it, now or later.
  void protect(const std::string& argument, const std::filesystem::path& input) { taken_.push_back({argument, input}); }

  /// Takes note of a file that is written by other means. Throws UsageError if another argument names the same file.
  void claim(const std::string& argument, const std::filesystem::path& output);

  /// Opens the file that an argument names, if it is given. Throws UsageError if another argument names the same file,
  /// and FileError if it can't be written.
  void open(const std::string& argument, const std::optional<std::string>& path);

  /// Writes a batch to the argument's file, if there is one, with its layout as the array's order. `axes` are those of
  /// one item; the items come first. Returns the seconds that it took to bring the numbers to the host.
  template <class T>
  double write(const std::string& argument, const Batch<T>& batch, const std::vector<std::int64_t>& axes);

  /// Writes a vector that is on the host.
  template <class T>
  void write(const std::string& argument, std::span<const T> vector) {
    if (File* const file = find(argument)) {
      file->writer.write(vector.data(), {static_cast<std::int64_t>(vector.size())}, false);
    }
  }

  /// Gives all files their names. To be called when nothing else can fail.
  void publish();

 private:
  struct Taken {
    std::string argument;
    std::filesystem::path path;
  };
  struct File {
    std::string argument;
    NpyWriter writer;
  };
  File* find(const std::string& argument);  // null where the argument was not given

  std::vector<Taken> taken_;
  std::vector<File> files_;
};

template <class T>
double OutputFiles::write(const std::string& argument, const Batch<T>& batch, const std::vector<std::int64_t>& axes) {
  File* const file = find(argument);
  if (file == nullptr) return 0;
  std::vector<std::int64_t> shape{batch.count()};
  shape.insert(shape.end(), axes.begin(), axes.end());
  // Of a symmetric matrix for each item, component-major rows are Fortran's order too.
  const bool fortran_order = !axes.empty() && batch.layout() == Layout::component_major;
  if (!batch.executor().is_cuda()) {
    file->writer.write(batch.data(), shape, fortran_order);
    return 0;
  }
  const Stopwatch watch;
  const std::vector<T> host = batch.to_host();
  const double seconds = watch.seconds();
  file->writer.write(host.data(), shape, fortran_order);
  return seconds;
}

}  // namespace nabla::cli
