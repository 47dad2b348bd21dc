#pragma once

#include "../formula/tokens.hpp"

#include <nabla/error.hpp>

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

namespace nabla::cli {

/// The names in a formula's text, whatever they mean there, each with a place where it stands.
class NamesIn {
 public:
  /// Of a text that outlives this. Throws FormulaError for a number that is too large.
  explicit NamesIn(std::string_view text, bool comments = false) {
    for (const formula::Token& token : formula::tokens_of(text, comments)) {
      if (token.kind != formula::TokenKind::name) continue;
      const auto begin = static_cast<std::size_t>(token.begin);
      places_.emplace_back(text.substr(begin, static_cast<std::size_t>(token.end) - begin), token);
    }
  }
  /// None of a text that can't be read, which is refused elsewhere.
  static NamesIn quietly(std::string_view text) {
    try {
      return NamesIn(text);
    } catch (const FormulaError&) {
      return NamesIn("");
    }
  }

  const formula::Token* find(std::string_view name) const {
    const auto found = std::ranges::find(places_, name, [](const auto& place) { return place.first; });
    return found == places_.end() ? nullptr : &found->second;
  }

 private:
  std::vector<std::pair<std::string_view, formula::Token>> places_;
};

}  // namespace nabla::cli
