#pragma once

#include "quote_bytes.hpp"

#include <nabla/error.hpp>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// The dictionary at the beginning of a .npy file: a Python literal such as
//     {'descr': '<f8', 'fortran_order': False, 'shape': (3, 2), }
// Only what such a dictionary can hold is read: strings, True, False and tuples of sizes.

namespace nabla::detail {

struct NpyDictionary {
  std::string descr;
  bool fortran_order = false;
  std::vector<std::int64_t> shape;
};

class NpyDictionaryParser {
 public:
  /// `offset` is the text's place in the file, for messages, which begin with `name`.
  NpyDictionaryParser(std::string_view text, std::int64_t offset, const std::string& name)
      : text_(text), offset_(offset), name_(name) {}

  /// Throws FileError if the text is anything but a dictionary with the three keys that the format names.
  NpyDictionary parse() {
    std::optional<std::string> descr;
    std::optional<bool> fortran_order;
    std::optional<std::vector<std::int64_t>> shape;
    expect('{', "at the beginning of the header");
    while (!accept('}')) {
      const std::size_t key_position = skip_blanks();
      const std::string key = string("a key");
      expect(':', "after the key " + quote_bytes(key));
      if (key == "descr") {
        require_first(descr.has_value(), key, key_position);
        descr = string("the type, a string such as '<f8',");
      } else if (key == "fortran_order") {
        require_first(fortran_order.has_value(), key, key_position);
        fortran_order = boolean();
      } else if (key == "shape") {
        require_first(shape.has_value(), key, key_position);
        shape = tuple();
      } else {
        fail(key_position, "expected one of the keys 'descr', 'fortran_order', 'shape', found " + quote_bytes(key));
      }
      if (!accept(',')) {
        expect('}', "or ',' after the value of " + quote_bytes(key));
        break;
      }
    }
    if (skip_blanks() != text_.size()) fail(position_, "expected nothing after the header's '}', found " + rest());
    if (!descr) missing("descr");
    if (!fortran_order) missing("fortran_order");
    if (!shape) missing("shape");
    return {*descr, *fortran_order, *shape};
  }

 private:
  [[noreturn]] void fail(std::size_t position, const std::string& what) const {
    throw FileError(name_ + ": byte " + std::to_string(offset_ + static_cast<std::int64_t>(position)) + ": " + what);
  }
  [[noreturn]] void missing(const std::string& key) const {
    throw FileError(name_ + ": the header has no '" + key + "'");
  }
  void require_first(bool seen, const std::string& key, std::size_t position) const {
    if (seen) fail(position, "the key " + quote_bytes(key) + " is given twice");
  }

  std::string rest() const {
    return position_ < text_.size() ? quote_bytes(text_.substr(position_, 12)) : "the end of the header";
  }

  std::size_t skip_blanks() {
    position_ = std::min(text_.find_first_not_of(" \t\n\r\f", position_), text_.size());
    return position_;
  }

  bool accept(char wanted) {
    if (skip_blanks() == text_.size() || text_[position_] != wanted) return false;
    ++position_;
    return true;
  }
  void expect(char wanted, const std::string& where) {
    if (!accept(wanted)) fail(position_, std::string("expected '") + wanted + "' " + where + ", found " + rest());
  }

  std::string string(const std::string& what) {
    const std::size_t start = skip_blanks();
    if (start == text_.size() || (text_[start] != '\'' && text_[start] != '"')) {
      fail(start, "expected " + what + " in quotes, found " + rest());
    }
    const std::size_t end = text_.find(text_[start], start + 1);
    if (end == std::string_view::npos) fail(start, "the string that begins here has no end");
    const std::string_view content = text_.substr(start + 1, end - start - 1);
    if (content.find('\\') != std::string_view::npos)
      fail(start, "expected " + what + " without '\\', found " + rest());
    position_ = end + 1;
    return std::string(content);
  }

  bool boolean() {
    skip_blanks();
    for (const std::string_view word : {std::string_view("True"), std::string_view("False")}) {
      if (!text_.substr(position_).starts_with(word)) continue;
      position_ += word.size();
      return word == "True";
    }
    fail(position_, "expected True or False, found " + rest());
  }

  /// (), (3,), (3, 2), (3, 2,): as in Python, (3) is not a tuple.
  std::vector<std::int64_t> tuple() {
    std::vector<std::int64_t> sizes;
    expect('(', "of a shape such as (3, 2)");
    while (!accept(')')) {
      sizes.push_back(size());
      if (accept(',')) continue;
      if (sizes.size() == 1) expect(',', "after the only size of a shape");
      expect(')', "or ',' after a size");
      break;
    }
    return sizes;
  }

  /// A size; Python 2 wrote large ones with an L behind.
  std::int64_t size() {
    const std::size_t start = skip_blanks();
    if (start == text_.size() || text_[start] < '0' || text_[start] > '9') {
      fail(start, "expected a size, a number >= 0, found " + rest());
    }
    std::int64_t value = 0;
    const char* const begin = text_.data() + start;
    const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), value);
    if (error != std::errc()) fail(start, "expected a size below 2^63, found " + rest());
    if (*begin == '0' && end - begin > 1) fail(start, "expected a size without leading zeros, found " + rest());
    position_ = static_cast<std::size_t>(end - text_.data());
    if (position_ < text_.size() && text_[position_] == 'L') ++position_;
    return value;
  }

  std::string_view text_;
  std::int64_t offset_;
  const std::string& name_;
  std::size_t position_ = 0;
};

}  // namespace nabla::detail
