#include "arguments.hpp"

#include "../nearest.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace nabla::cli {

namespace {

std::function<void(const std::string&)> set_once(const std::string& name, std::optional<std::string>& into) {
  return [name, &into](const std::string& text) {
    if (into) throw UsageError(name + " is given twice: '" + *into + "' and '" + text + "'");
    into = text;
  };
}

}  // namespace

Arguments::Arguments(std::string command, std::string summary, std::string example)
    : command_(std::move(command)), summary_(std::move(summary)), example_(std::move(example)) {}

void Arguments::value(const std::string& name, const std::string& value_name, const std::string& help,
                      std::optional<std::string>& into) {
  options_.push_back({name, value_name, help, set_once(name, into)});
}

void Arguments::values(const std::string& name, const std::string& value_name, const std::string& help,
                       std::vector<std::string>& into) {
  options_.push_back({name, value_name, help, [&into](const std::string& text) { into.push_back(text); }});
}

void Arguments::flag(const std::string& name, const std::string& help, bool& into) {
  options_.push_back({name, "", help, [&into](const std::string&) { into = true; }});
}

void Arguments::word(const std::string& value_name, const std::string& help, std::optional<std::string>& into) {
  word_ = Option{"", value_name, help, set_once(value_name, into)};
}

void Arguments::note(const std::string& help) { options_.back().help += "\n" + std::string(38, ' ') + help; }

void Arguments::section(const std::string& title) { options_.push_back({"", "", title, {}}); }

const Arguments::Option* Arguments::find(std::string_view name) const {
  const auto found = std::find_if(options_.begin(), options_.end(),
                                  [&](const Option& option) { return !option.name.empty() && option.name == name; });
  return found == options_.end() ? nullptr : &*found;
}

const Arguments::Option& Arguments::known(std::string_view name) const {
  if (const Option* const option = find(name)) return *option;
  std::vector<std::string> names{"--help"};
  for (const Option& option : options_) {
    if (!option.name.empty()) names.push_back(option.name);
  }
  throw UsageError(fmt::format("unknown option {}; did you mean {}?", name, detail::nearest(name, names)));
}

void Arguments::parse(std::span<const char* const> arguments) const {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    if (!argument.starts_with("-")) {
      if (!word_) throw UsageError(fmt::format("'{}' is not expected; options begin with --", argument));
      word_->set(std::string(argument));
      continue;
    }
    const Option& option = known(name_of(argument));
    const auto equals = argument.find('=');
    if (option.value_name.empty()) {
      if (equals != argument.npos)
        throw UsageError(fmt::format("{} takes no value, found '{}'", option.name, argument));
      option.set("");
      continue;
    }
    const std::string wanted = fmt::format("{} needs a value, {}", option.name, option.value_name);
    std::string_view text;
    if (equals != argument.npos) {
      text = argument.substr(equals + 1);
    } else {
      if (++i == arguments.size()) throw UsageError(wanted);
      text = arguments[i];
      // Values may begin with a minus sign, so only a known option is not one.
      if (find(name_of(text)) != nullptr) throw UsageError(wanted + ", found the option " + std::string(name_of(text)));
    }
    if (text.empty()) throw UsageError(wanted + ", found an empty one");
    option.set(std::string(text));
  }
}

bool Arguments::wants_help(std::span<const char* const> arguments) const {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    if (argument == "--help") return true;
    const Option* const option = find(argument);
    if (option != nullptr && !option->value_name.empty()) ++i;  // its value
  }
  return false;
}

std::string Arguments::help() const {
  std::string text = fmt::format("usage: nabla {}{} [options]\n\n{}\n", command_,
                                 word_ ? " [" + word_->value_name + "]" : "", summary_);
  if (word_) text += fmt::format("\n  {:<34}  {}\n", word_->value_name, word_->help);
  for (const Option& option : options_) {
    if (option.name.empty()) {
      text += fmt::format("\n{}:\n", option.help);
      continue;
    }
    text += fmt::format("  {:<34}  {}\n", option.name + (option.value_name.empty() ? "" : " " + option.value_name),
                        option.help);
  }
  text += fmt::format("  {:<34}  {}\n", "--help", "print this");
  return text + "\nexample:\n" + example_;
}

}  // namespace nabla::cli
