#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// How commands write for people.

namespace nabla::cli {

/// "1 point", "2 points".
std::string counted(std::int64_t count, const std::string& what);

/// A line of a table: what it is about, and what is said about that.
std::string line(std::string_view about, const std::string& text);

using Cells = std::vector<std::string>;
/// Columns as wide as what is in them, each with '<' or '>', the side to which it keeps.
std::string aligned(const std::vector<Cells>& rows, const std::vector<char>& alignments);

/// "(1, 2)", with few numbers and digits; empty for none.
std::string place_of(std::span<const double> x);

/// A formula's text in one line, without the comments of a file.
std::string in_one_line(std::string_view text);

}  // namespace nabla::cli
