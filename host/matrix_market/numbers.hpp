#pragma once

#include "../quote_bytes.hpp"

#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>

// The numbers in a line. A line ends with '\n' always, where every loop below stops: none looks for an end of its own.

namespace nabla::matrix_market {

/// What is wrong with a line.
struct Refusal {
  std::string what;
};

inline bool is_digit(char c) { return static_cast<unsigned char>(c - '0') < 10; }
/// CR too: it belongs to the end of the line.
inline bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }
inline bool ends_word(char c) { return is_blank(c) || c == '\n'; }

inline const char* skip_blanks(const char* p) {
  while (is_blank(*p)) ++p;
  return p;
}

inline std::string_view word_at(const char* p) {
  const char* end = p;
  while (!ends_word(*end)) ++end;
  return {p, static_cast<std::size_t>(end - p)};
}

inline std::string found_at(const char* p) {
  const std::string_view word = word_at(p);
  return ", found " + (word.empty() ? "the end of the line" : detail::quote_bytes(word));
}

inline std::uint64_t read_digits(const char*& p, std::uint64_t number) {
  for (; is_digit(*p); ++p) number = number * 10 + static_cast<std::uint64_t>(*p - '0');
  return number;
}

/// Reads a place from 1 to `limit` and returns it counted from 0; `what` is its name. Throws Refusal, here and below.
inline std::int64_t read_place(const char*& p, std::int64_t limit, const char* what) {
  constexpr std::ptrdiff_t most_digits = 18;  // which can't overflow
  const char* const word = p;
  if (*p == '+') ++p;
  const char* const digits = p;
  const std::uint64_t number = read_digits(p, 0);
  // From 0, one less is a very large number.
  if (p - digits > most_digits || !ends_word(*p) || number - 1 >= static_cast<std::uint64_t>(limit)) {
    throw Refusal{std::string("expected a ") + what + " from 1 to " + std::to_string(limit) + found_at(word)};
  }
  return static_cast<std::int64_t>(number - 1);
}

/// A number as written: mantissa [.fraction] [e|d exponent].
struct Decimal {
  std::string_view text;  // without a sign
  bool negative = false;
  bool whole = true;         // neither fraction nor exponent is written
  bool fortran = false;      // the exponent is a D
  std::uint64_t digits = 0;  // mantissa and fraction; overflown where there are more than 19
  std::int64_t digit_count = 0;
  std::int64_t exponent = 0;  // the number is digits * 10^exponent
};

/// Reads a number up to the end of its word; digit_count is 0 where there is none.
inline Decimal read_decimal(const char*& p) {
  Decimal d;
  d.negative = *p == '-';
  if (*p == '-' || *p == '+') ++p;
  const char* const begin = p;
  d.digits = read_digits(p, 0);
  d.digit_count = p - begin;
  if (*p == '.') {
    const char* const fraction = ++p;
    d.digits = read_digits(p, d.digits);
    d.exponent = -(p - fraction);
    d.digit_count -= d.exponent;
    d.whole = false;
  }
  const char letter = static_cast<char>(*p | 0x20);
  if (d.digit_count > 0 && (letter == 'e' || letter == 'd')) {
    d.fortran = letter == 'd';
    d.whole = false;
    ++p;
    const bool negative = *p == '-';
    if (*p == '-' || *p == '+') ++p;
    if (!is_digit(*p)) d.digit_count = 0;
    constexpr std::int64_t enough = 1'000'000'000;  // no line has so many digits to make up for it
    std::int64_t exponent = 0;
    for (; is_digit(*p); ++p) exponent = exponent < enough ? exponent * 10 + (*p - '0') : exponent;
    d.exponent += negative ? -exponent : exponent;
  }
  if (!ends_word(*p)) d.digit_count = 0;
  d.text = {begin, static_cast<std::size_t>(p - begin)};
  return d;
}

/// The exact way: the number nearest to the decimal; infinity where it is too large.
template <class T>
T nearest(const Decimal& d) {
  std::string with_e;
  std::string_view text = d.text;
  if (d.fortran) {
    with_e = d.text;
    with_e[with_e.find_first_of("dD")] = 'e';
    text = with_e;
  }
  T number = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), number);
  if (result.ec != std::errc::result_out_of_range) return number;
  // Too large or too small: the first digit that is not 0 tells, by its power of ten.
  const std::size_t first = text.find_first_of("123456789");
  const std::int64_t places = d.text.substr(0, first).find('.') == d.text.npos
                                  ? d.digit_count - static_cast<std::int64_t>(first)
                                  : d.digit_count - static_cast<std::int64_t>(first) + 1;
  return places + d.exponent > 0 ? std::numeric_limits<T>::infinity() : T{0};
}

constexpr double powers_of_ten[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/// The number nearest to the decimal, without its sign. Both digits and power of ten are exact where they are small, so
/// that one rounded product or quotient is right. Source: Clinger, How to Read Floating Point Numbers Accurately
/// (1990).
template <class T>
T magnitude(const Decimal& d) {
  constexpr std::uint64_t exact_digits = std::uint64_t{1} << 53;
  constexpr std::int64_t most_digits = 19, exact_power = 22;
  if (d.digit_count > most_digits || d.digits > exact_digits || d.exponent < -exact_power || d.exponent > exact_power) {
    return nearest<T>(d);
  }
  const auto digits = static_cast<double>(d.digits);
  const double number = d.exponent < 0 ? digits / powers_of_ten[-d.exponent] : digits * powers_of_ten[d.exponent];
  if constexpr (std::is_same_v<T, float>) {
    // Rounded once more, a number halfway between two floats may go the wrong way. (None here is as small as a
    // denormal.)
    constexpr std::uint64_t dropped = (std::uint64_t{1} << 29) - 1, halfway = std::uint64_t{1} << 28;
    if ((std::bit_cast<std::uint64_t>(number) & dropped) == halfway) return nearest<float>(d);
  }
  return static_cast<T>(number);
}

[[noreturn]] inline void refuse_value(const char* word, bool integer, const Decimal& d, bool is_double) {
  if (d.digit_count > 0 && integer && !d.whole) throw Refusal{"expected an integer" + found_at(word)};
  if (d.digit_count > 0) {
    throw Refusal{"expected a finite number" + found_at(word) + ", which is too large for " +
                  (is_double ? "f64" : "f32")};
  }
  std::string letters;
  for (const char c : word_at(word)) {
    if (c != '+' && c != '-') letters += static_cast<char>(c | 0x20);
  }
  const bool not_finite = letters.starts_with("nan") || letters == "inf" || letters == "infinity";
  throw Refusal{(not_finite ? "expected a finite number"
                 : integer  ? "expected an integer"
                            : "expected a number") +
                found_at(word)};
}

/// Reads a finite number.
template <class T>
T read_value(const char*& p, bool integer) {
  const char* const word = p;
  const Decimal d = read_decimal(p);
  const T number = d.digit_count > 0 ? magnitude<T>(d) : T{0};
  if (d.digit_count == 0 || (integer && !d.whole) || std::isinf(number)) {
    refuse_value(word, integer, d, std::is_same_v<T, double>);
  }
  return d.negative ? -number : number;
}

}  // namespace nabla::matrix_market
