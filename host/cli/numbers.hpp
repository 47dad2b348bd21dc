#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// From text to numbers. Each throws UsageError that begins with the argument's name and has expected and found.

namespace nabla::cli {

/// A whole number >= least: 10000000, 10_000_000 or 1e7.
std::int64_t parse_count(std::string_view argument, std::string_view text, std::int64_t least);

/// A whole number from `least` to `most`.
std::int64_t parse_count_within(std::string_view argument, std::string_view text, std::int64_t least,
                                std::int64_t most);

/// A number between 0 and 1, neither of them.
double parse_part(std::string_view argument, std::string_view text);

/// A finite number >= 0.
double parse_not_negative(std::string_view argument, std::string_view text);

/// A finite number > 0.
double parse_positive(std::string_view argument, std::string_view text);

/// A number >= 0 and < 1.
double parse_below_one(std::string_view argument, std::string_view text);

/// A number, which may be infinite.
double parse_number(std::string_view argument, std::string_view text);

/// A whole number from 0 to 2^64 - 1.
std::uint64_t parse_seed(std::string_view argument, std::string_view text);

/// Numbers with commas between them: 2,1. NaN and infinities are numbers: nan, inf, -inf.
std::vector<double> parse_numbers(std::string_view argument, std::string_view text);

/// NaN without the sign that it may have, which means nothing: how a number is printed for people.
double for_people(double number);

/// LO:HI with finite LO <= HI.
std::pair<double, double> parse_box(std::string_view argument, std::string_view text);
/// The same, where both may be infinite.
std::pair<double, double> parse_bounds(std::string_view argument, std::string_view text);

}  // namespace nabla::cli
