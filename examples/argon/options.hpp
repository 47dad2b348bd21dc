#pragma once

#include <stdexcept>
#include <string>

namespace argon {

struct Options {
  int cells = 10;
  int steps = 1000;
  std::string executor = "auto";
  int threads = 0;
  bool selftest = false;
  bool help = false;
};

/// What was typed is not understood; the message names the argument.
struct UsageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

inline constexpr char usage[] =
    "usage: argon [--cells N] [--steps N] [--executor auto|cpu|cuda|cuda:K] [--threads N] [--selftest]\n"
    "\n"
    "Molecular dynamics of an argon crystal of 4 N^3 atoms, with forces differentiated by nabla.\n"
    "  --cells N     face-centred cubic cells along each edge of the box, at least 4 (default 10: 4,000 atoms)\n"
    "  --steps N     time steps (default 1000)\n"
    "  --executor E  where pair energies and gradients are evaluated (default auto)\n"
    "  --threads N   CPU threads (default: all)\n"
    "  --selftest    check energies, forces and momentum against independent sums, instead of the table\n"
    "\n"
    "Exit status: 0 all conserved; 1 energy, momentum or a check is off; 2 bad usage; 3 executor not available.\n";

Options parse_options(int argc, const char* const* argv);

}  // namespace argon
