#pragma once

#include "command.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

// What the command line refuses: the exit status, and one line.

namespace nabla::test {

inline constexpr char program[] = NABLA_PROGRAM;

/// Expects status `status`, nothing on standard output and exactly this line on standard error.
inline void expect_refusal(const std::vector<std::string>& arguments, const std::string& line, int status = 2) {
  const Outcome outcome = run_program(program, arguments);
  std::string command;
  for (const std::string& argument : arguments) command += " " + argument;
  EXPECT_EQ(outcome.status, status) << command;
  EXPECT_EQ(outcome.out, "") << command;
  EXPECT_EQ(outcome.err, line + "\n") << command;
}

}  // namespace nabla::test
