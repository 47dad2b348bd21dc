#include "chosen_function.hpp"
#include "commands.hpp"
#include "common.hpp"
#include "numbers.hpp"

#include <fmt/format.h>

#include <algorithm>

// nabla codegen: a formula as a functor that people embed in their own programs.

namespace nabla::cli {

namespace {

constexpr char example[] =
    "  nabla codegen --formula \"x^2*y + sin(x*y)\" --name Saddle > saddle.hpp\n"
    "      a functor for nabla::value_and_gradient(where, Saddle{}, points) and all other operations\n";

bool is_identifier(std::string_view name) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  return !name.empty() && letter(name[0]) &&
         std::ranges::all_of(name, [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

}  // namespace

int codegen(std::span<const char* const> arguments) {
  FunctionOptions options;
  std::optional<std::string> language, name;
  Arguments parser("codegen", "Prints a formula and its gradient as C++ source for nabla's templates.", example);
  options.declare(parser);
  parser.section("what to print");
  parser.value("--lang", "c++|cuda", "the language; the functor is the same, the instructions differ (default c++)",
               language);
  parser.value("--name", "NAME", "of the struct (default Function)", name);
  if (parser.wants_help(arguments)) return print(parser.help()), good;
  parser.parse(arguments);
  if (language && *language != "c++" && *language != "cuda") {
    throw UsageError(fmt::format("--lang: expected c++ or cuda, found '{}'", *language));
  }
  if (name && !is_identifier(*name)) {
    throw UsageError(fmt::format("--name: expected a name of letters, digits and _, found '{}'", *name));
  }
  const ChosenFunction function(options);
  if (!function.formula()) throw UsageError("--function: built-in functions are C++ already; use --formula TEXT");
  std::int64_t n = function.formula()->dimension();
  if (options.dimension) {
    n = parse_count("--dimension", *options.dimension, 1);
    function.require_dimension(n, "--dimension");
  }
  if (n == 0) throw UsageError("--dimension N is needed: the formula takes any number of variables");

  const bool cuda = language && *language == "cuda";
  std::string text =
      "// Made by nabla codegen. Use it as any functor: nabla::value_and_gradient(where, {}{{}}, points).\n";
  text = fmt::format(fmt::runtime(text), name.value_or("Function"));
  if (cuda) {
    text +=
        "// Compile the file that includes this with nvcc -std=c++20 --expt-relaxed-constexpr; the nabla::nabla target "
        "does.\n";
  }
  text += "\n#pragma once\n\n#include <nabla/nabla.hpp>\n\n#include <limits>\n\n";
  return print(text + function.formula()->source(name.value_or("Function"), n)), good;
}

}  // namespace nabla::cli
