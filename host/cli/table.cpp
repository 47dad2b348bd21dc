#include "table.hpp"

#include "../formula/text.hpp"
#include "numbers.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace nabla::cli {

std::string counted(std::int64_t count, const std::string& what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

std::string line(std::string_view about, const std::string& text) { return fmt::format("{:<12}{}\n", about, text); }

std::string aligned(const std::vector<Cells>& rows, const std::vector<char>& alignments) {
  std::vector<std::size_t> width(alignments.size(), 0);
  for (const Cells& row : rows) {
    for (std::size_t k = 0; k < row.size(); ++k) width[k] = std::max(width[k], row[k].size());
  }
  std::string text;
  for (const Cells& row : rows) {
    std::string written;
    for (std::size_t k = 0; k < row.size(); ++k) {
      const std::string format = fmt::format("  {{:{}{}}}", alignments[k], width[k]);
      written += fmt::format(fmt::runtime(format), row[k]);
    }
    text += written.substr(0, written.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

std::string place_of(std::span<const double> x) {
  constexpr std::size_t most = 4;
  if (x.empty()) return "";
  std::string text;
  for (std::size_t i = 0; i < std::min(x.size(), most); ++i) {
    text += fmt::format("{}{:.6g}", i == 0 ? "(" : ", ", for_people(x[i]));
  }
  return text + (x.size() > most ? fmt::format(", ... {} in all)", x.size()) : ")");
}

std::string in_one_line(std::string_view text) {
  std::string line;
  bool comment = false;
  for (const char c : text) {
    const bool ends = c == '\n' || c == '\r';
    comment = (comment && !ends) || c == '#';
    if (!comment && !(ends && line.empty())) line += ends ? ' ' : c;
  }
  return formula::shortened(line);
}

}  // namespace nabla::cli
