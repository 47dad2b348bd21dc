#include "element_data.hpp"

#include "point_source.hpp"

#include <fmt/format.h>

#include <numeric>
#include <utility>

namespace nabla::cli {

namespace {

std::vector<std::string> names_in(const std::string& list) {
  std::vector<std::string> names{""};
  for (const char c : list) {
    if (c == ',') {
      names.emplace_back();
    } else {
      names.back() += c;
    }
  }
  return names;
}

}  // namespace

ElementData::ElementData(const std::string& argument) {
  const auto colon = argument.rfind(':');
  if (colon == std::string::npos || colon == 0 || colon + 1 == argument.size()) {
    throw UsageError(fmt::format("--data: expected FILE.npy:NAME,NAME,..., found '{}'", argument));
  }
  file = argument.substr(0, colon);
  names = names_in(argument.substr(colon + 1));
  header = read_npy_header(file);
  const auto columns = static_cast<std::size_t>(header.components());
  if (columns != names.size()) {
    throw UsageError(fmt::format("--data: expected a name for each of {} columns, found {}", columns, names.size()));
  }
}

void ElementData::warn_of_trailing_bytes(const std::string& command) const {
  if (header.trailing_bytes == 0) return;
  warn(command, fmt::format("{}: {} bytes after the array are ignored", file.string(), header.trailing_bytes));
}

void require_sum_with_data(bool sum, bool data) {
  if (sum == data) return;
  throw UsageError(sum ? "--sum: needs --data FILE.npy:A,B,..." : "--data: is for --sum only");
}

template <class T>
DataSum<T> data_sum(const Executor& executor, const Formula& element, std::int64_t n, const ElementData& data) {
  const std::int64_t count = data.header.count(), columns = data.header.components();
  require_memory(executor, static_cast<double>(count) * static_cast<double>(columns) * sizeof(T));
  Batch<T> rows(executor, count, columns, data.header.layout());
  const double transfer_seconds = read_numbers(executor, data.file, data.header, rows.data());
  Affine all{{count, 1, 1}, {0, 0, 0}, std::vector<std::int64_t>(static_cast<std::size_t>(n))};
  std::iota(all.offsets.begin(), all.offsets.end(), 0);
  auto sum = element_sum<T>(executor, element, n, std::move(all), rows);
  return {std::move(rows), std::move(sum), transfer_seconds};
}
template DataSum<float> data_sum(const Executor&, const Formula&, std::int64_t, const ElementData&);
template DataSum<double> data_sum(const Executor&, const Formula&, std::int64_t, const ElementData&);

}  // namespace nabla::cli
