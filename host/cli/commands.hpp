#pragma once

#include <span>

// The commands. Each takes what follows its name, prints its result and returns the exit status; it throws UsageError,
// Error or std::bad_alloc, which main() turns into one line and a status.

namespace nabla::cli {

int bench_command(std::span<const char* const> arguments);
int check(std::span<const char* const> arguments);
int codegen(std::span<const char* const> arguments);
int eval(std::span<const char* const> arguments);
int functions_command(std::span<const char* const> arguments);
int info(std::span<const char* const> arguments);
int minimize(std::span<const char* const> arguments);
int quadratic(std::span<const char* const> arguments);

}  // namespace nabla::cli
