#include "text.hpp"

#include "syntax.hpp"

#include <algorithm>
#include <vector>

namespace nabla::formula {

namespace {

constexpr char32_t replacement = 0xfffd;
constexpr std::string_view ellipsis = "…";
/// Lines of text in messages have so many code points at most.
constexpr std::size_t widest = 100;
/// Parts of the text within a message, too.
constexpr std::size_t longest_quote = 40;

struct Line {
  std::string_view text;
  std::int32_t number;
};

/// How long a sequence is that begins with this byte; 0 if none does.
int sequence_length(unsigned char first) {
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first < 0xe0) return 2;
  if (first >= 0xe0 && first < 0xf0) return 3;
  if (first >= 0xf0 && first < 0xf5) return 4;
  return 0;
}

/// Whether a code point in so many bytes is one: not a surrogate, not too large, not longer than it has to be.
bool is_proper(char32_t value, int length) {
  constexpr char32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  return value >= least[length] && value <= 0x10ffff && (value < 0xd800 || value > 0xdfff);
}

bool is_control(char32_t c) { return c < 0x20 || (c >= 0x7f && c < 0xa0); }

/// A character of the text for a message. Tabs stay as they are, so that the carets below can stand under the part.
void append_shown(std::string& shown, std::string_view text, std::size_t at, const CodePoint& c) {
  if (c.value == '\t') {
    shown += '\t';
  } else if (c.value == '\r' || c.value == '\n' || c.value == '\v' || c.value == '\f') {
    shown += ' ';
  } else if (!c.valid || is_control(c.value)) {
    shown += "\ufffd";
  } else {
    shown += text.substr(at, static_cast<std::size_t>(c.bytes));
  }
}

Line line_of(std::string_view text, std::size_t at) {
  const std::size_t before = at == 0 ? text.npos : text.rfind('\n', at - 1);
  std::size_t begin = before == text.npos ? 0 : before + 1;
  if (begin == 0 && text.starts_with(byte_order_mark)) begin = byte_order_mark.size();
  const std::size_t end = std::min(text.find('\n', at), text.size());
  std::string_view line = text.substr(begin, end - begin);
  if (line.ends_with('\r')) line.remove_suffix(1);
  const std::string_view above = text.substr(0, begin);
  return {line, 1 + static_cast<std::int32_t>(std::ranges::count(above, '\n'))};
}

/// Where the code points of a line begin, and where the last of them ends.
std::vector<std::size_t> beginnings(std::string_view line) {
  std::vector<std::size_t> at{0};
  while (at.back() < line.size()) {
    at.push_back(at.back() + static_cast<std::size_t>(code_point_at(line, at.back()).bytes));
  }
  return at;
}

/// The line, and below it carets under its code points [begin, end), of which there is at least one. Of a long line
/// only what is around them.
std::string with_carets(std::string_view line, const std::vector<std::size_t>& at, std::size_t begin, std::size_t end) {
  const std::size_t length = at.size() - 1;
  const std::size_t spare = widest - std::min(widest, end - begin);
  const std::size_t most_left_out = length - std::min(length, widest);
  const std::size_t first = std::min(begin - std::min(begin, spare / 2), most_left_out);
  const std::size_t last = std::min(length, first + widest);
  std::string shown;
  std::string below;
  if (first > 0) {
    shown += ellipsis;
    below += ' ';
  }
  for (std::size_t k = first; k < last; ++k) {
    append_shown(shown, line, at[k], code_point_at(line, at[k]));
    if (k < begin) below += line[at[k]] == '\t' ? '\t' : ' ';
  }
  if (last < length) shown += ellipsis;
  below.append(std::max<std::size_t>(1, std::min(end, last) - std::min(begin, last)), '^');
  return shown + "\n" + below;
}

}  // namespace

CodePoint code_point_at(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t k) { return static_cast<unsigned char>(text[at + k]); };
  const int length = sequence_length(byte(0));
  if (length == 1) return {byte(0), 1, true};
  const CodePoint invalid{replacement, 1, false};
  if (length == 0 || text.size() - at < static_cast<std::size_t>(length)) return invalid;
  char32_t value = byte(0) & (0x7fU >> length);
  for (std::size_t k = 1; k < static_cast<std::size_t>(length); ++k) {
    if ((byte(k) & 0xc0U) != 0x80) return invalid;
    value = value << 6 | (byte(k) & 0x3fU);
  }
  if (!is_proper(value, length)) return invalid;
  return {value, length, true};
}

std::size_t name_length(std::string_view text, std::size_t at) {
  std::size_t end = at;
  while (end < text.size()) {
    const CodePoint c = code_point_at(text, end);
    if (!is_name_character(c.value)) break;
    end += static_cast<std::size_t>(c.bytes);
  }
  return end - at;
}

void require_text(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint c = code_point_at(text, at);
    const auto begin = static_cast<std::int32_t>(at);
    if (c.value == 0) fail(text, begin, begin + 1, "found a NUL byte; expected text");
    if (!c.valid) {
      constexpr char digits[] = "0123456789abcdef";
      const auto byte = static_cast<unsigned char>(text[at]);
      fail(text, begin, begin + 1,
           std::string("found the byte 0x") + digits[byte >> 4] + digits[byte & 15] +
               ", which is not UTF-8 here; expected text in UTF-8");
    }
    at += static_cast<std::size_t>(c.bytes);
  }
}

std::string shortened(std::string_view part) {
  std::string shown;
  std::size_t at = 0;
  for (std::size_t k = 0; at < part.size() && k < longest_quote; ++k) {
    const CodePoint c = code_point_at(part, at);
    append_shown(shown, part, at, c);
    at += static_cast<std::size_t>(c.bytes);
  }
  std::ranges::replace(shown, '\t', ' ');
  return at < part.size() ? shown + std::string(ellipsis) : shown;
}

std::string quoted(std::string_view part) { return "'" + shortened(part) + "'"; }

void fail(std::string_view text, std::int32_t begin, std::int32_t end, const std::string& what) {
  const Line line = line_of(text, static_cast<std::size_t>(begin));
  const std::vector<std::size_t> at = beginnings(line.text);
  const auto in_line = [&](std::int32_t byte) {
    const std::ptrdiff_t offset = byte - (line.text.data() - text.data());
    return std::min(static_cast<std::size_t>(std::max<std::ptrdiff_t>(offset, 0)), line.text.size());
  };
  const auto first = static_cast<std::size_t>(std::ranges::upper_bound(at, in_line(begin)) - at.begin()) - 1;
  const auto last = static_cast<std::size_t>(std::ranges::lower_bound(at, in_line(end)) - at.begin());
  const Place place{line.number, static_cast<std::int32_t>(first) + 1};
  throw FormulaError("line " + std::to_string(place.line) + ", column " + std::to_string(place.column) + ": " + what +
                     "\n" + with_carets(line.text, at, first, std::max(first + 1, last)));
}

}  // namespace nabla::formula
