#pragma once

#include <string>
#include <string_view>

namespace nabla::detail {

/// Somebody else's bytes for a message of one line: in quotes, shortened, with everything unprintable as \xNN.
inline std::string quote_bytes(std::string_view text) {
  constexpr std::size_t longest = 40;
  constexpr char digits[] = "0123456789abcdef";
  std::string result = "'";
  for (const char c : text.substr(0, longest)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f) {
      result += c;
    } else {
      result += {'\\', 'x', digits[byte >> 4], digits[byte & 15]};
    }
  }
  return result + (text.size() > longest ? "…'" : "'");
}

}  // namespace nabla::detail
