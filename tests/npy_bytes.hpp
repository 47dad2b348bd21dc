#pragma once

#include <unistd.h>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

// .npy files byte by byte, sharing no code with the library; and a folder to put them in.

namespace nabla::test {

template <class T>
std::string bytes_of(const std::vector<T>& numbers) {
  std::string bytes(numbers.size() * sizeof(T), '\0');
  if (!numbers.empty()) std::memcpy(bytes.data(), numbers.data(), bytes.size());
  return bytes;
}

/// A file with the dictionary as it is, followed by the data.
inline std::string npy_bytes(std::string_view dictionary, std::string_view data, int version = 1) {
  std::string bytes = "\x93NUMPY";
  bytes += {static_cast<char>(version), '\0'};
  for (int byte = 0; byte < (version == 1 ? 2 : 4); ++byte) {
    bytes += static_cast<char>(dictionary.size() >> (8 * byte) & 255);
  }
  return bytes.append(dictionary).append(data);
}

inline std::string dictionary(std::string_view descr, std::string_view shape, bool fortran_order = false) {
  std::string text = "{'descr': '";
  text.append(descr).append("', 'fortran_order': ").append(fortran_order ? "True" : "False");
  return text.append(", 'shape': ").append(shape).append(", }\n");
}

template <class T>
std::string npy_file(std::string_view shape, const std::vector<T>& numbers, bool fortran_order = false) {
  return npy_bytes(dictionary(sizeof(T) == 8 ? "<f8" : "<f4", shape, fortran_order), bytes_of(numbers));
}

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// The numbers of a version 1 file.
template <class T>
std::vector<T> numbers_of(const std::string& file) {
  const std::size_t begin = 10 + static_cast<unsigned char>(file[8]) + 256u * static_cast<unsigned char>(file[9]);
  std::vector<T> numbers((file.size() - begin) / sizeof(T));
  if (!numbers.empty()) std::memcpy(numbers.data(), file.data() + begin, numbers.size() * sizeof(T));
  return numbers;
}

/// The dictionary of a version 1 file, without the blanks at its end.
inline std::string dictionary_of(const std::string& file) {
  const std::string text =
      file.substr(10, static_cast<unsigned char>(file[8]) + 256u * static_cast<unsigned char>(file[9]));
  return text.substr(0, text.find_last_not_of(" \n") + 1);
}

/// A folder of its own, removed at the end.
class Folder {
 public:
  Folder() {
    static std::atomic<int> number = 0;
    path_ = std::filesystem::temp_directory_path() /
            ("nabla-test-" + std::to_string(getpid()) + "-" + std::to_string(number++));
    std::filesystem::create_directories(path_);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  std::string operator/(const std::string& name) const { return (path_ / name).string(); }
  std::string path() const { return path_.string(); }
  std::string put(const std::string& name, std::string_view bytes) const {
    std::ofstream(path_ / name, std::ios::binary) << bytes;
    return *this / name;
  }
  /// The names of all files in it, hidden ones too.
  std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(path_))
      names.push_back(entry.path().filename().string());
    return names;
  }

 private:
  std::filesystem::path path_;
};

}  // namespace nabla::test
