#pragma once

#include <cstdint>
#include <string>
#include <string_view>

// The text of a formula as UTF-8, and how messages quote it.

namespace nabla::formula {

/// Some editors begin files with it; it says nothing.
inline constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";

struct CodePoint {
  char32_t value;      // U+FFFD for a byte that is not UTF-8
  std::int32_t bytes;  // 1 for such a byte
  bool valid;
};

/// The one that begins there, of a text that does not end before.
CodePoint code_point_at(std::string_view text, std::size_t at);

/// Letters, digits and the underscore.
bool is_name_character(char32_t c);

/// How many bytes of name characters the text has from there on.
std::size_t name_length(std::string_view text, std::size_t at);

/// Throws FormulaError at the first byte that is NUL or not UTF-8.
void require_text(std::string_view text);

/// A part of somebody's text for a message of one line: shortened, with everything unprintable as U+FFFD.
std::string shortened(std::string_view part);
/// The same in quotes.
std::string quoted(std::string_view part);

}  // namespace nabla::formula
