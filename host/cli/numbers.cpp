#include "numbers.hpp"

#include "status.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <optional>

namespace nabla::cli {

namespace {

[[noreturn]] void fail(std::string_view argument, std::string_view expected, std::string_view found) {
  throw UsageError(fmt::format("{}: expected {}, found '{}'", argument, expected, found));
}

/// The number that the whole text is, if it is one and its type can hold it.
template <class Number>
std::optional<Number> whole_text(std::string_view text) {
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return {};
  return number;
}

/// Takes the underscores out from between digits; others stay, and spoil the number.
std::string without_separators(std::string_view text) {
  const auto digit = [&](std::size_t i) { return i < text.size() && text[i] >= '0' && text[i] <= '9'; };
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '_' && i > 0 && digit(i - 1) && digit(i + 1)) continue;
    result += text[i];
  }
  return result;
}

std::optional<std::int64_t> whole_number(std::string_view text) {
  const std::string digits = without_separators(text);
  std::optional<std::int64_t> count = whole_text<std::int64_t>(digits);
  if (!count) {
    const auto number = whole_text<double>(digits);
    if (number && std::trunc(*number) == *number && std::abs(*number) < 0x1p63) {
      count = static_cast<std::int64_t>(*number);
    }
  }
  return count;
}

}  // namespace

std::int64_t parse_count(std::string_view argument, std::string_view text, std::int64_t least) {
  const auto count = whole_number(text);
  if (!count || *count < least) {
    fail(argument, fmt::format("a whole number of at least {}, such as 1000 or 1e7", least), text);
  }
  return *count;
}

std::int64_t parse_count_within(std::string_view argument, std::string_view text, std::int64_t least,
                                std::int64_t most) {
  const auto count = whole_number(text);
  if (!count || *count < least || *count > most) {
    fail(argument, fmt::format("a whole number from {} to {}", least, most), text);
  }
  return *count;
}

double parse_part(std::string_view argument, std::string_view text) {
  const auto number = whole_text<double>(text);
  if (!number || !(*number > 0 && *number < 1)) fail(argument, "a number between 0 and 1, such as 1e-6", text);
  return *number;
}

double parse_not_negative(std::string_view argument, std::string_view text) {
  const auto number = whole_text<double>(text);
  if (!number || !(*number >= 0) || std::isinf(*number)) fail(argument, "a number of 0 or more, such as 1e-6", text);
  return *number;
}

double parse_positive(std::string_view argument, std::string_view text) {
  const auto number = whole_text<double>(text);
  if (!number || !(*number > 0) || std::isinf(*number)) fail(argument, "a number above 0, such as 1e-3", text);
  return *number;
}

double parse_below_one(std::string_view argument, std::string_view text) {
  const auto number = whole_text<double>(text);
  if (!number || !(*number >= 0 && *number < 1)) fail(argument, "a number of 0 or more and below 1", text);
  return *number;
}

double parse_number(std::string_view argument, std::string_view text) {
  const auto number = whole_text<double>(text);
  if (!number || std::isnan(*number)) fail(argument, "a number", text);
  return *number;
}

std::uint64_t parse_seed(std::string_view argument, std::string_view text) {
  const auto seed = whole_text<std::uint64_t>(without_separators(text));
  if (!seed) fail(argument, "a whole number from 0 to 2^64 - 1", text);
  return *seed;
}

std::vector<double> parse_numbers(std::string_view argument, std::string_view text) {
  std::vector<double> numbers;
  std::string_view rest = text;
  while (true) {
    const auto comma = rest.find(',');
    const auto number = whole_text<double>(rest.substr(0, comma));
    if (!number) {
      throw UsageError(fmt::format("{}: expected numbers with commas between them, such as 2,1; found '{}' in '{}'",
                                   argument, rest.substr(0, comma), text));
    }
    numbers.push_back(*number);
    if (comma == rest.npos) return numbers;
    rest.remove_prefix(comma + 1);
  }
}

double for_people(double number) { return std::isnan(number) ? std::fabs(number) : number; }

std::pair<double, double> parse_box(std::string_view argument, std::string_view text) {
  const auto colon = text.find(':');
  const auto low = whole_text<double>(text.substr(0, colon));
  const auto high = colon == text.npos ? low : whole_text<double>(text.substr(colon + 1));
  if (colon == text.npos || !low || !high || !std::isfinite(*high - *low)) {
    fail(argument, "LO:HI with two finite numbers, such as -2:2", text);
  }
  if (*low > *high) fail(argument, "LO:HI with LO <= HI", text);
  return {*low, *high};
}

std::pair<double, double> parse_bounds(std::string_view argument, std::string_view text) {
  const auto colon = text.find(':');
  const auto low = whole_text<double>(text.substr(0, colon));
  const auto high = colon == text.npos ? low : whole_text<double>(text.substr(colon + 1));
  if (colon == text.npos || !low || !high || !(*low <= *high)) {
    fail(argument, "LO:HI with LO <= HI, such as 0:1 or 0:inf", text);
  }
  return {*low, *high};
}

}  // namespace nabla::cli
