#include "nearest.hpp"

#include <algorithm>
#include <numeric>

namespace nabla::detail {

namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

int edit_distance(std::string_view a, std::string_view b) {
  std::vector<int> row(b.size() + 1);  // distances from a's beginning to each beginning of b
  std::iota(row.begin(), row.end(), 0);
  for (std::size_t i = 0; i < a.size(); ++i) {
    int diagonal = row[0]++;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const int replaced = diagonal + (lower(a[i]) == lower(b[j]) ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

std::string nearest(std::string_view word, std::span<const std::string> words) {
  word = word.substr(0, 256);  // longer ones are near to nothing, and not worth the time
  const auto begins_alike = [&](const std::string& known) { return word.size() > 3 && known.starts_with(word); };
  const auto rank = [&](const std::string& known) { return begins_alike(known) ? 0 : 1 + edit_distance(word, known); };
  const auto found =
      std::min_element(words.begin(), words.end(), [&](const auto& a, const auto& b) { return rank(a) < rank(b); });
  return found == words.end() ? "" : *found;
}

}  // namespace nabla::detail
