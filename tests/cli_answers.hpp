#pragma once

#include "command.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

// The command line's answers, read.

namespace nabla::test {

using nlohmann::json;

inline constexpr char program[] = NABLA_PROGRAM;

inline Outcome nabla(const std::vector<std::string>& arguments, const std::vector<std::string>& environment = {}) {
  return run_program(program, arguments, environment);
}

/// Runs a command that must end with this status, silently, and parses its only line of output.
inline json answer(std::vector<std::string> arguments, int status = 0) {
  arguments.push_back("--json");
  const Outcome outcome = nabla(arguments);
  EXPECT_EQ(outcome.status, status) << outcome.out << outcome.err;
  EXPECT_EQ(outcome.err, "");
  EXPECT_EQ(std::count(outcome.out.begin(), outcome.out.end(), '\n'), 1);
  return json::parse(outcome.out);
}

/// Empty where there is CUDA; that there is none may be a failure.
inline std::string why_no_cuda() {
  const json cuda = answer({"info"})["cuda"];
  const char* const required = std::getenv("NABLA_REQUIRE_CUDA");
  const bool is_required = required != nullptr && std::string(required) == "1";
  EXPECT_TRUE(cuda["available"] || !is_required) << "CUDA is required: " << cuda["reason"];
  return cuda["reason"];
}

}  // namespace nabla::test
