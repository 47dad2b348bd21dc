#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nabla::detail {

/// The least number of letters to insert, delete or replace to get from one word to the other; case does not count.
int edit_distance(std::string_view a, std::string_view b);

/// The word that was most likely meant: one that begins like it, else the one at the least edit distance.
std::string nearest(std::string_view word, std::span<const std::string> words);

}  // namespace nabla::detail
