#include "commands.hpp"
#include "common.hpp"
#include "status.hpp"

#include "../nearest.hpp"
#include "../new_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <nabla/version.hpp>

#include <csignal>
#include <new>

// The command line: finds the command, and turns what it throws into one line on standard error and an exit status.

namespace nabla::cli {

namespace {

struct Command {
  const char* name;
  const char* summary;
  int (*run)(std::span<const char* const> arguments);
};

constexpr Command commands[] = {
    {"eval", "values and exact gradients of a function at many points", eval},
    {"check", "whether a gradient is right, by differences of values", check},
    {"minimize", "descent to a minimum, from one start or many", minimize},
    {"quadratic", "descent on 1/2 x.Ax - b.x: large systems Ax = b", quadratic},
    {"codegen", "a formula and its gradient as C++ or CUDA source", codegen},
    {"functions", "the built-in functions", functions_command},
    {"info", "this machine and this build", info},
    {"bench", "what this machine can do at most, and every operation against that", bench_command},
};

std::string help() {
  std::string text =
      "usage: nabla COMMAND [options]\n\nEvaluates functions and their exact gradients in bulk, checks "
      "gradients, and descends along them.\n\n";
  for (const Command& command : commands) text += fmt::format("  {:<12}{}\n", command.name, command.summary);
  return text + "\n'nabla COMMAND --help' tells its options, with an example; 'nabla --version' the version.\n";
}

const Command& find_command(std::string_view name) {
  std::vector<std::string> names;
  for (const Command& command : commands) {
    if (command.name == name) return command;
    names.emplace_back(command.name);
  }
  if (name.starts_with("-")) {
    const std::vector<std::string> options{"--help", "--version"};
    throw UsageError(fmt::format("unknown option {}; did you mean {}?", name, detail::nearest(name, options)));
  }
  throw UsageError(fmt::format("unknown command '{}'; did you mean '{}'?", name, detail::nearest(name, names)));
}

int run(std::span<const char* const> arguments) {
  if (arguments.empty()) throw UsageError("a command is needed; 'nabla --help' lists them");
  const std::string_view first = arguments[0];
  if (first == "--help") return print(help()), good;
  if (first == "--version") return print(fmt::format("nabla {}\n", version)), good;
  return find_command(first).run(arguments.subspan(1));
}

/// Messages may quote a file or an argument with anything in it, and still are one line.
int report(const std::string& who, const std::string& message, Status status) {
  std::string line;
  for (const char c : message) {
    const auto byte = static_cast<unsigned char>(c);
    line += byte < 0x20 || byte == 0x7f ? fmt::format("\\x{:02x}", byte) : std::string(1, c);
  }
  fmt::print(stderr, "{}: {}\n", who, line);
  return status;
}

/// After the one line, the formula's text and carets under what is meant.
int report_formula(const std::string& who, const std::string& message) {
  const auto first_line = message.find('\n');
  report(who, message.substr(0, first_line), bad_input);
  if (first_line != std::string::npos) fmt::print(stderr, "{}\n", message.substr(first_line + 1));
  return bad_input;
}

extern "C" void end_by_signal(int signal) {
  detail::remove_unfinished_files();
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

int report_no_memory(const std::string& who) {
  const char* const items = who == "nabla quadratic" ? "unknowns" : "points";
  return report(who, fmt::format("there is not enough memory for this many {}", items), bad_input);
}

void prepare_process() {
  // A closed standard stream would let the next file that is opened take its place.
  while (true) {
    const int descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (descriptor > STDERR_FILENO || descriptor < 0) {
      if (descriptor >= 0) close(descriptor);
      break;
    }
  }
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    if (std::signal(signal, SIG_IGN) != SIG_IGN) std::signal(signal, end_by_signal);
  }
  // A closed pipe and a file that may not grow become errors with a message.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
}

}  // namespace
}  // namespace nabla::cli

int main(int argc, char** argv) {
  using namespace nabla::cli;
  const std::span<const char* const> arguments(argv + 1, argv + std::max(argc, 1));
  const bool has_command = !arguments.empty() && arguments[0][0] != '-';
  const std::string who = has_command ? std::string("nabla ") + arguments[0] : "nabla";
  prepare_process();
  try {
    return run(arguments);
  } catch (const nabla::ExecutorUnavailable& error) {
    return report(who, error.what(), unavailable);
  } catch (const nabla::FormulaError& error) {
    return report_formula(who, error.what());
  } catch (const std::bad_alloc&) {
    return report_no_memory(who);
  } catch (const std::length_error&) {
    return report_no_memory(who);
  } catch (const std::exception& error) {
    return report(who, error.what(), bad_input);
  }
}
