#pragma once

#include "status.hpp"

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nabla::cli {

/// The options of one command: declared one by one, then parsed.
///
/// Option names are given in full. A value follows as `--option value` or `--option=value` and may begin with a minus
/// sign, which is why this is not left to a general argument parser.
class Arguments {
 public:
  /// `example` is a worked example for the end of the help: a command and what it prints.
  Arguments(std::string command, std::string summary, std::string example);

  /// An option with a value. Throws UsageError when parsed twice.
  void value(const std::string& name, const std::string& value_name, const std::string& help,
             std::optional<std::string>& into);
  /// An option with a value that may be repeated.
  void values(const std::string& name, const std::string& value_name, const std::string& help,
              std::vector<std::string>& into);
  /// An option without a value.
  void flag(const std::string& name, const std::string& help, bool& into);
  /// A word without a name.
  void word(const std::string& value_name, const std::string& help, std::optional<std::string>& into);
  /// Another line of help for the option declared before it.
  void note(const std::string& help);
  /// A heading in the help for the options declared after it.
  void section(const std::string& title);

  /// Sets what was declared. Throws UsageError that names the argument.
  void parse(std::span<const char* const> arguments) const;
  /// Whether --help is among the arguments, where an option is expected.
  bool wants_help(std::span<const char* const> arguments) const;
  std::string help() const;

 private:
  struct Option {
    std::string name;        // "--box"; empty for a heading
    std::string value_name;  // "LO:HI"; empty for a flag
    std::string help;
    std::function<void(const std::string&)> set;
  };

  const Option* find(std::string_view name) const;
  const Option& known(std::string_view name) const;
  static std::string_view name_of(std::string_view argument) { return argument.substr(0, argument.find('=')); }

  std::string command_, summary_, example_;
  std::vector<Option> options_;
  std::optional<Option> word_;
};

}  // namespace nabla::cli
