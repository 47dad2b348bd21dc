#pragma once

#include "npy_bytes.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

// Running a program as a user's shell does, and what came of it.

namespace nabla::test {

struct Outcome {
  int status = -1;  // -1: it was ended by a signal
  std::string out, err;
  std::int64_t most_memory = 0;  // resident bytes
};

/// A program that runs with exactly these arguments and environment. Standard output and error go to `out_path` and
/// `err_path` where they are named.
class Running {
 public:
  Running(const std::string& program, const std::vector<std::string>& arguments,
          const std::vector<std::string>& environment = {}, const std::string& out_path = "",
          const std::string& err_path = "")
      : out_(out_path.empty() ? folder_ / "out" : out_path),
        err_(err_path.empty() ? folder_ / "err" : err_path),
        keeps_out_(out_path.empty()),
        keeps_err_(err_path.empty()) {
    std::vector<std::string> words{program};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> argv, envp;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    std::vector<std::string> variables = environment;
    for (std::string& variable : variables) envp.push_back(variable.data());
    for (char** inherited = environ; *inherited != nullptr; ++inherited) {
      if (std::strncmp(*inherited, "NABLA_EXECUTOR=", 15) != 0) envp.push_back(*inherited);
    }
    envp.push_back(nullptr);

    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, out_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_addopen(&actions, 2, err_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOCTTY, 0600);
    const int error = posix_spawn(&child_, program.c_str(), &actions, nullptr, argv.data(), envp.data());
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0) throw std::runtime_error("can't run " + program);
  }

  void send(int signal) const { kill(child_, signal); }

  Outcome wait() const {
    int status = 0;
    rusage used{};
    wait4(child_, &status, 0, &used);
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, keeps_out_ ? read_file(out_) : "",
            keeps_err_ ? read_file(err_) : "", std::int64_t{used.ru_maxrss} << 10};
  }

 private:
  Folder folder_;
  std::string out_, err_;
  bool keeps_out_, keeps_err_;
  pid_t child_ = 0;
};

inline Outcome run_program(const std::string& program, const std::vector<std::string>& arguments,
                           const std::vector<std::string>& environment = {}, const std::string& out_path = "") {
  return Running(program, arguments, environment, out_path).wait();
}

}  // namespace nabla::test
