#pragma once

#include "names.hpp"
#include "progress.hpp"

#include <string>
#include <string_view>

// What a parser says where it cannot go on: each throws FormulaError with what was found and what would be accepted.
// Unless it says otherwise, it is about the token that comes next.

namespace nabla::formula {

[[noreturn]] void refuse(const Progress& progress, const Token& token, const std::string& what);

/// No operand begins here.
[[noreturn]] void refuse_operand(const Progress& progress);
/// No operator is here, and nothing that could end an operand.
[[noreturn]] void refuse_operator(const Progress& progress);
/// A second comparison.
[[noreturn]] void refuse_chain(const Progress& progress);
/// An end, but not of what the last frame waits for; or of nothing, if there are no frames.
[[noreturn]] void refuse_end(const Progress& progress);
/// So many arguments in the call or repetition that begins with the token `first` and ends here.
[[noreturn]] void refuse_count(const Progress& progress, std::size_t first, std::size_t count);

/// "expected WHAT, found …", and what the repetition, or let, looks like.
[[noreturn]] void refuse_beginning(const Progress& progress, const Token& token, const std::string& what, Op op);
[[noreturn]] void refuse_bare_function(const Progress& progress);
[[noreturn]] void refuse_unknown_function(const Progress& progress);
[[noreturn]] void refuse_unknown_variable(const Progress& progress, const Names& names);
/// The name here cannot be called.
[[noreturn]] void refuse_call(const Progress& progress, const Meaning& meaning);
/// The name here cannot have an index.
[[noreturn]] void refuse_index(const Progress& progress, const Names& names, const Meaning& meaning);
/// A plain name beside an indexed one.
[[noreturn]] void refuse_beside_indexed(const Progress& progress, const Names& names);
/// The name here cannot be part of an index or a bound.
[[noreturn]] void refuse_in_integer(const Progress& progress, const Meaning& meaning);

}  // namespace nabla::formula
