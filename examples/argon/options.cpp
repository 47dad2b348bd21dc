#include "options.hpp"

#include <charconv>
#include <string_view>

namespace argon {

namespace {

int whole_number(std::string_view name, std::string_view text, int least) {
  int number = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || stop != text.data() + text.size() || number < least) {
    throw UsageError(std::string(name) + " takes a whole number of at least " + std::to_string(least) + ", found '" +
                     std::string(text) + "'");
  }
  return number;
}

}  // namespace

Options parse_options(int argc, const char* const* argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    const auto value = [&]() -> std::string_view {
      if (i + 1 == argc) throw UsageError(std::string(name) + " takes a value");
      return argv[++i];
    };
    if (name == "--cells") {
      options.cells = whole_number(name, value(), 4);
    } else if (name == "--steps") {
      options.steps = whole_number(name, value(), 1);
    } else if (name == "--threads") {
      options.threads = whole_number(name, value(), 0);
    } else if (name == "--executor") {
      options.executor = value();
    } else if (name == "--selftest") {
      options.selftest = true;
    } else if (name == "--help") {
      options.help = true;
    } else {
      throw UsageError("unknown argument '" + std::string(name) + "'");
    }
  }
  return options;
}

}  // namespace argon
